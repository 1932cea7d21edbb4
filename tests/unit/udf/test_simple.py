"""The simple form: what it declares, that arrays and rows give the same bits, quality, errors."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
import pytest
from pydantic import Field

from schemas.errors import ConfigError
from schemas.functions import Input, Output
from schemas.kinds import Kind
from schemas.quality import Quality
from udf import Context, function
from udf.execution import spec_of
from udf.faults import FunctionFault
from udf.testing import batch_of, check, run


@function(name="tank_volume", version="1.2.0", unit="m3", output="volume")
def volume(
    level: Annotated[float, "m", Field(description="Above the floor")],
    rate: float,
    *,
    area: Annotated[float, Field(title="Area", gt=0)] = 2.0,
    shape: Literal["round", "square"] = "round",
) -> float:
    """Volume of a tank."""
    return level * area + rate


class Split(NamedTuple):
    whole: int
    rest: Annotated[float | None, "m"]


@function(unit={"whole": "1"})
def split(level: float) -> Split:
    return Split(int(level), None if level < 0 else level - int(level))


@dataclass
class Both:
    high: bool
    word: str


@function()
def both(level: float, name: str) -> Both | None:
    return Both(level > 1, name.upper()) if name else None


class TestDeclaration:
    def test_inputs_parameters_output(self) -> None:
        spec = spec_of(volume)
        assert (spec.name, spec.version, spec.description) == (
            "tank_volume",
            "1.2.0",
            "Volume of a tank.",
        )
        assert spec.inputs == (
            Input("level", unit="m", description="Above the floor"),
            Input("rate"),
        )
        assert spec.outputs == (Output("volume", unit="m3"),)
        area, shape = spec.parameters["properties"]["area"], spec.parameters["properties"]["shape"]
        assert (area["title"], area["default"], area["exclusiveMinimum"]) == ("Area", 2.0, 0)
        assert shape["enum"] == ["round", "square"]

    def test_several_outputs(self) -> None:
        assert split.outputs == (Output("whole", Kind.INT, unit="1"), Output("rest", unit="m"))
        assert both.outputs == (Output("high", Kind.BOOL), Output("word", Kind.TEXT))

    def test_the_plain_function_stays(self) -> None:
        assert volume.plain(1.0, 2.0, area=3.0) == 5.0  # type: ignore[attr-defined]

    def test_parameters_have_their_limits(self) -> None:
        with pytest.raises(FunctionFault, match="area"):
            run(volume, {"level": [1.0], "rate": [1.0]}, parameters={"area": 0})


class TestRows:
    def test_bad_in_bad_out_and_uncertain_stays(self) -> None:
        outcome = run(
            volume,
            {"level": [1.0, None, 3.0, 4.0], "rate": [0.0] * 4},
            quality={"level": [192, Quality.BAD_TIMEOUT, 68, 192], "rate": [192, 192, 64, 192]},
        )
        assert outcome.values("volume") == [2.0, None, 6.0, 8.0]
        assert outcome.quality("volume") == [192, Quality.BAD_TIMEOUT, 64, 192]

    def test_no_value_is_bad(self) -> None:
        outcome = run(split, {"level": [1.5, -2.0]})
        assert outcome.values("whole") == [1, -2]
        assert outcome.values("rest") == [0.5, None]
        assert outcome["whole"].quality is None

    def test_none_for_all(self) -> None:
        outcome = run(both, {"level": [2.0, 2.0], "name": ["a", ""]})
        assert outcome.values("word") == ["A", None]
        assert outcome.values("high") == [True, None]

    def test_what_is_not_finite_is_bad(self) -> None:
        @function()
        def root(level: float) -> float:
            return float(np.sqrt(level))

        assert run(root, {"level": [4.0, -1.0]}).values("value") == [2.0, None]

    def test_ctx_stands_at_each_row(self) -> None:
        @function()
        def told(ctx: Context, level: float) -> float:
            ctx.log(ctx.last("level"))
            return float(ctx.now_ns)

        outcome = run(told, {"level": [1.0, None, 3.0]}, times=[5, 6, 7])
        assert outcome.values("value") == [5.0, None, 7.0]
        assert [line.message.partition(",")[0] for line in outcome.log] == ["(1.0", "(3.0"]
        assert check(told, batch_of(told, {"level": [1.0, None] * 20})).rows == 40

    @pytest.mark.parametrize(
        ("returned", "said"),
        [("'x'", "str, not a float"), ("[1.0]", "list, not a float"), ("1j", "complex")],
    )
    def test_another_type_than_declared_is_a_fault(self, returned: str, said: str) -> None:
        namespace: dict[str, Any] = {}
        exec(f"def wrong(level: float) -> float:\n    return {returned}", namespace)
        with pytest.raises(FunctionFault, match=said):
            run(function()(namespace["wrong"]), {"level": [1.0]})

    def test_a_float_is_no_int(self) -> None:
        @function()
        def count(level: float) -> int:
            return level * 2  # type: ignore[return-value]

        with pytest.raises(FunctionFault, match=r"2\.0, a float, not a int"):
            run(count, {"level": [1.0]})

    def test_a_fault_tells_the_line(self) -> None:
        @function()
        def divided(level: float, by: float) -> float:
            return level / by

        line = divided.plain.__code__.co_firstlineno + 2  # type: ignore[attr-defined]
        with pytest.raises(FunctionFault, match="ZeroDivisionError") as caught:
            run(divided, {"level": [1.0] * 100, "by": [1.0] * 99 + [0.0]})
        assert caught.value.fault.line == line


# --- refused while it is loaded -------------------------------------------------------------------
class TestRefused:
    @pytest.mark.parametrize(
        ("signature", "said", "hint"),
        [
            ("level)-> float", "does not say what its input 'level' is", "level: float"),
            ("level: float)", "does not say what it returns", "-> float"),
            ("level: float) -> None", "does not say what it returns", "-> float"),
            ("level: float, area: float = 1.0) -> float", "has the default 1.0", "after a `*`"),
            ("level: float, *, area: float) -> float", "no default at the parameter 'area'", "1.0"),
            ("level: float, *, area=1.0) -> float", "what its parameter 'area' is", "area: float"),
            ("level: list[float]) -> float", "'level' of type list[float]", "float, int"),
            ("level: float | None) -> float", "'level' of type float | None", "bad input"),
            ("level: complex) -> float", "'level' of type complex", "float, int"),
            ("level: float) -> list", "returns list", "NamedTuple"),
            ("level: float) -> int | str", "returns int | str", "NamedTuple"),
            ("*levels: float) -> float", "any number of arguments", "many=True"),
            ("level: Missing) -> float", "annotation that cannot be read", "top level"),
            (") -> float", "has no input", "level: float"),
            ("*, area: float = 1.0) -> float", "has no input", "level: float"),
            ("level: float, *, area: float = 'x') -> float", "wrong default at the par", "default"),
            ("level: float, *, copy: float = 1.0) -> float", "parameter 'copy'", "another name"),
            ("level: float, *, area: range = range(3)) -> float", "no form can show", "Literal"),
        ],
    )
    def test_a_signature(self, signature: str, said: str, hint: str) -> None:
        namespace: dict[str, Any] = {}
        exec(f"from __future__ import annotations\ndef wrong({signature}: return 1", namespace)
        with pytest.raises(ConfigError) as caught:
            function()(namespace["wrong"])
        assert "'wrong'" in caught.value.message
        assert said in caught.value.message
        assert hint in caught.value.hint

    @pytest.mark.parametrize(
        ("options", "said"),
        [
            ({"name": "Tank"}, "not a name"),
            ({"version": "1.0"}, "version '1.0'"),
            ({"output": "Volume m3"}, "not a name"),
        ],
    )
    def test_an_option(self, options: dict[str, str], said: str) -> None:
        with pytest.raises(ConfigError, match=said):
            function(**options)(volume.plain)  # type: ignore[arg-type]

    def test_one_unit_for_several_outputs(self) -> None:
        with pytest.raises(ConfigError, match="several outputs and one unit"):
            function(unit="m")(split.plain)

    def test_what_is_no_function(self) -> None:
        async def waits(level: float) -> float:
            return level

        for wrong in (waits, math.sin, 5):
            with pytest.raises(ConfigError):
                function(name="wrong")(wrong)  # type: ignore[arg-type]
