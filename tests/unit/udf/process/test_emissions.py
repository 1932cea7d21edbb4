"""What comes out of a function's process is checked as if an enemy had written it."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest

from schemas.functions import Bindings, FunctionSpec, Output, TagInfo
from schemas.kinds import Kind
from udf.base import Column
from udf.effects import Alarm, LogLine, Note, Write
from udf.engine import Emission
from udf.process.arena import Reader, Writer, make
from udf.process.channel import pack, unpack
from udf.process.emissions import put_emission, take_emission

TAGS = (TagInfo(1, "a"), TagInfo(2, "b"))
SPEC = FunctionSpec(
    "f", "1.0.0", outputs=(Output("y"), Output("n", Kind.INT), Output("many", per="x"))
)
BOUND = Bindings({"x": TAGS}, {"many": TAGS})
TIMES = np.arange(3)


def through(emission: Emission, spec: FunctionSpec = SPEC) -> Emission:
    arena, writer = make("test"), Writer()
    try:
        message = unpack(pack(put_emission(emission, writer)))
        writer.write(arena)
        return take_emission(message, Reader(arena, writer.size), spec, BOUND)
    finally:
        os.close(arena)


def test_effects_and_log_come_back() -> None:
    effects = (
        Alarm("high", True, "too high", "warning", 5),
        Write("valve", 2.5),
        Note("info", "a note", 7, {"a": [1, 2]}),
    )
    log = (LogLine("info", "hello", 9),)
    found = through(Emission({}, effects, log))
    assert (found.columns, found.effects, found.log) == ({}, effects, log)


def test_numpy_scalars_in_effects_become_plain() -> None:
    (found,) = through(Emission({}, (Write("valve", np.int64(5)),))).effects  # type: ignore[arg-type]
    assert isinstance(found, Write)
    assert type(found.value) is int


@pytest.mark.parametrize(
    "columns",
    [
        {"other": Column(np.zeros(3), times=TIMES)},
        {"y": Column(np.zeros(3, dtype=np.int64), times=TIMES)},
        {"n": Column(np.zeros(3), times=TIMES)},
        {"y": Column(np.zeros(2), times=TIMES)},
        {"y": Column(np.zeros((3, 2)), times=TIMES)},
        {"many": Column(np.zeros((3, 3)), times=TIMES)},
        {"many": Column(np.zeros(3), times=TIMES)},
        {"y": Column(np.zeros(3), np.zeros(2, dtype=np.uint8), TIMES)},
        {"y": Column(np.zeros(3), np.zeros(3), TIMES)},  # type: ignore[arg-type]
        {"y": Column(np.zeros(3), times=TIMES.astype(float))},  # type: ignore[arg-type]
        {"y": Column(np.array(["a", "b", "c"], dtype=object), times=TIMES)},
    ],
)
def test_columns_that_do_not_fit_the_declaration(columns: dict[str, Column]) -> None:
    with pytest.raises(ValueError):
        through(Emission(columns))


@pytest.mark.parametrize(
    "message",
    [
        {"columns": []},
        {"columns": {"y": 5}},
        {"columns": {"y": [[0, "<f8", [0]], False, False]}},
        {"columns": {}, "effects": 5, "log": []},
        {"columns": {}, "effects": [5], "log": []},
        {"columns": {}, "effects": [[]], "log": []},
        {"columns": {}, "effects": [["alarm"]], "log": []},
        {"columns": {}, "effects": [["alarm", "a", 1, "", "", 0]], "log": []},
        {"columns": {}, "effects": [["alarm", "a", True, "", "", 2.5]], "log": []},
        {"columns": {}, "effects": [["write", "a", None]], "log": []},
        {"columns": {}, "effects": [["write", "a", [1]]], "log": []},
        {"columns": {}, "effects": [["note", "a", "b", 0, 5]], "log": []},
        {"columns": {}, "effects": [["note", "a", "b", 0, {5: 1}]], "log": []},
        {"columns": {}, "effects": [], "log": [["info", 5, 0]]},
        {"columns": {}, "effects": [], "log": [["info", "a", 2**63]]},
        {"columns": {}, "effects": [], "log": [[]]},
        {"columns": {}, "effects": [], "log": [["info", "a", 0]] * 3000},
        {},
    ],
)
def test_messages_that_are_none(message: dict[str, Any]) -> None:
    arena = make("test")
    try:
        with pytest.raises(ValueError):
            take_emission(message, Reader(arena, 0), SPEC, BOUND)
    finally:
        os.close(arena)


@pytest.mark.parametrize(
    "effect",
    [Alarm(5, True), Alarm("a", True, time_ns=2**70), Write("a", None), Write("a", 2**64)],  # type: ignore[arg-type]
)
def test_an_effect_that_is_none_is_told_to_its_author(effect: Alarm | Write) -> None:
    with pytest.raises(ValueError):
        put_emission(Emission({}, (effect,)), Writer())
