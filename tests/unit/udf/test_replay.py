"""Recorded values: read, refused whole, replayed in portions, written again."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import ConfigError, ConfigErrors
from schemas.functions import Input, Output
from schemas.kinds import Kind
from udf import Batch, Column, Context, Function
from udf.cells import read_time, read_value, time_text, value_text
from udf.recorded import Recording
from udf.recorder import Recorder, flat
from udf.replay import OutputWriter, batches, replay

HEADER = "time,level,pumps.P1,pumps.P1.quality,pumps.P2,name,name.quality,count"
ROWS = """
2026-03-01T06:00:00Z,1.25,true,,false,on,,
2026-03-01T07:00:01.5+01:00,,true,64,,,,7
1772344802000000001,-2e3,,24,1,,192,-9
""".lstrip()


class Pumps(Function[Any]):
    """Gives back what it got."""

    name, version = "pumps", "1.0.0"
    inputs = (
        Input("level", required=False),
        Input("pumps", Kind.BOOL, many=True, required=False),
        Input("name", Kind.TEXT, required=False),
        Input("count", Kind.INT, required=False),
    )
    outputs = (
        Output("same", Kind.BOOL, per="pumps"),
        Output("level"),
        Output("name", Kind.TEXT),
        Output("count", Kind.INT),
    )

    def process(self, batch: Batch, ctx: Context) -> Any:
        copies = {
            name: Column(batch[name].values, batch[name].quality)
            for name in ("level", "name", "count")
        }
        return {"same": Column(batch["pumps"].values, batch["pumps"].quality), **copies}


class Adds(Function[Any]):
    name, version = "adds", "1.0.0"
    inputs = (Input("x"),)
    outputs = (Output("sum"),)

    def setup(self, ctx: Context) -> None:
        self.state = {"sum": 0.0}

    def process(self, batch: Batch, ctx: Context) -> Any:
        if (batch["x"].values == 13).any():
            raise ValueError("unlucky")
        found = self.state["sum"] + np.cumsum(batch["x"].values)
        self.state["sum"] = float(found[-1])
        return {"sum": found}


def recording(folder: Path, text: str, kind: type[Function[Any]] = Pumps) -> Recording:
    path = folder / "recorded.csv"
    path.write_text(text, encoding="utf-8")
    return Recording(path, kind.inputs)


class TestReading:
    @pytest.mark.parametrize("rows", [1, 2, 100])
    def test_each_cell(self, tmp_path: Path, rows: int) -> None:
        found = recording(tmp_path, f"{HEADER}\n{ROWS}")
        assert found.check() == 3
        parts = list(batches(Pumps, found, rows))
        times = [time for batch in parts for time in batch.times.tolist()]
        assert [time_text(time) for time in times] == [
            "2026-03-01T06:00:00Z",
            "2026-03-01T06:00:01.5Z",
            "2026-03-01T06:00:02.000000001Z",
        ]
        columns = {
            name: [
                item if usable else None
                for batch in parts
                for item, usable in zip(
                    batch[name].values.tolist(), batch[name].usable.tolist(), strict=True
                )
            ]
            for name in ("level", "name", "count")
        }
        assert columns == {
            "level": [1.25, 1.25, -2000.0],
            "name": ["on", "on", ""],
            "count": [None, 7, -9],
        }
        pumps = [row for batch in parts for row in batch["pumps"].values.tolist()]
        quality = [row for batch in parts for row in batch["pumps"].qualities().tolist()]
        assert pumps == [[True, False], [True, False], [False, True]]
        assert quality == [[192, 192], [64, 192], [24, 192]]

    def test_tags_are_the_columns(self, tmp_path: Path) -> None:
        bindings = recording(tmp_path, f"{HEADER}\n{ROWS}").bindings(Pumps.outputs)
        assert [tag.name for tag in bindings.inputs["pumps"]] == ["P1", "P2"]
        assert [tag.name for tag in bindings.outputs["same"]] == ["same.P1", "same.P2"]
        ids = [
            tag.id
            for tags in (*bindings.inputs.values(), *bindings.outputs.values())
            for tag in tags
        ]
        assert ids == list(range(1, len(ids) + 1))

    def test_a_byte_order_mark_and_empty_lines(self, tmp_path: Path) -> None:
        found = recording(tmp_path, "\ufefftime,x\n\n5,1\n\n6,2\n", Adds)
        assert found.check() == 2


class TestRefused:
    @pytest.mark.parametrize(
        ("row", "said"),
        [
            ("yesterday,1", "Line 3, column 'time': 'yesterday' is not a time"),
            ("2026-03-01T06:00:00,1", "a zone is missing"),
            ("2026-13-01T06:00:00Z,1", "Line 3, column 'time'"),
            ("5,1", "not later than the row before"),
            ("99999999999999999999,1", "not a time"),
            ('9,"1,5"', "Line 3, column 'x': '1,5' is not a finite number, it has a comma"),
            ("9,nan", "not a finite number"),
            ("9,1e999", "not a finite number"),
            ("9,1_000", "not a finite number"),
            ("9,1,2", "Line 3: It has 3 cells, and the header has 2"),
            ("9", "Line 3: It has 1 cells"),
        ],
    )
    def test_a_row_by_line_and_reason(self, tmp_path: Path, row: str, said: str) -> None:
        with pytest.raises(ConfigErrors) as caught:
            recording(tmp_path, f"time,x\n5,1\n{row}\n", Adds).check()
        assert said in caught.value.problems[0].message
        assert caught.value.problems[0].hint

    @pytest.mark.parametrize(
        ("kind", "cells", "said"),
        [
            (Kind.FLOAT, ",192", "a quality, and no value"),
            (Kind.FLOAT, "1,256", "not a quality"),
            (Kind.FLOAT, "1,good", "not a quality"),
            (Kind.INT, "1.5,", "not a whole number"),
            (Kind.INT, "9223372036854775808,", "too large"),
            (Kind.BOOL, "yes,", "neither true nor false"),
        ],
    )
    def test_a_cell(self, tmp_path: Path, kind: Kind, cells: str, said: str) -> None:
        path = tmp_path / "recorded.csv"
        path.write_text(f"time,x,x.quality\n5,{cells}\n")
        with pytest.raises(ConfigErrors, match=said):
            Recording(path, (Input("x", kind),)).check()

    @pytest.mark.parametrize(
        ("header", "said"),
        [
            ("x,time", "first column is not `time`"),
            ("", "first column is not `time`"),
            ("time", "no column for this input"),
            ("time,x,y", "none of the inputs"),
            ("time,x,x", "there twice"),
            ("time,x,x.other", "takes one tag"),
        ],
    )
    def test_a_header(self, tmp_path: Path, header: str, said: str) -> None:
        with pytest.raises(ConfigErrors) as caught:
            recording(tmp_path, f"{header}\n", Adds)
        assert any(said in problem.message for problem in caught.value.problems)

    def test_all_lines_at_once_and_nothing_runs(self, tmp_path: Path) -> None:
        lines = [f"{at},{'x' if at % 2 else at}" for at in range(1, 101)]
        found = recording(tmp_path, "time,x\n" + "\n".join(lines) + "\n", Adds)
        with pytest.raises(ConfigErrors) as caught:
            next(replay(Adds, found, {}, rows=1))
        assert [problem.path for problem in caught.value.problems[:2]] == ["line 2.x", "line 4.x"]
        assert len(caught.value.problems) == 20

    def test_no_rows_no_file_and_other_bytes(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match="no rows"):
            recording(tmp_path, "time,x\n", Adds).check()
        with pytest.raises(ConfigError, match="cannot be read"):
            Recording(tmp_path / "missing.csv", Adds.inputs)
        (tmp_path / "recorded.csv").write_bytes(b"time,x\n5,1\n6,\xff\n")
        with pytest.raises(ConfigErrors, match="cannot be read"):
            Recording(tmp_path / "recorded.csv", Adds.inputs).check()


class TestReplay:
    TEXT = "time,x\n" + "".join(f"{at},{at}\n" for at in range(1, 41))

    @pytest.mark.parametrize("rows", [1, 7, 1000])
    def test_portions_mean_nothing(self, tmp_path: Path, rows: int) -> None:
        steps = list(
            replay(Adds, recording(tmp_path, self.TEXT.replace("13,13\n", ""), Adds), {}, rows=rows)
        )
        sums = [
            value
            for step in steps
            if step.emission is not None
            for value in step.emission.columns["sum"].values.tolist()
        ]
        assert sums == np.cumsum([at for at in range(1, 41) if at != 13]).tolist()
        assert max(len(step.batch) for step in steps) <= rows

    def test_a_fault_takes_out_its_batch(self, tmp_path: Path) -> None:
        steps = list(replay(Adds, recording(tmp_path, self.TEXT, Adds), {}, rows=10))
        assert [step.fault is not None for step in steps] == [False, True, False, False]
        assert steps[1].fault is not None
        assert "unlucky" in steps[1].fault.message

    def test_five_faults_stop_it(self, tmp_path: Path) -> None:
        text = "time,x\n" + "".join(f"{at},13\n" for at in range(1, 41))
        assert len(list(replay(Adds, recording(tmp_path, text, Adds), {}, rows=1))) == 5

    def test_the_exception_itself_for_a_debugger(self, tmp_path: Path) -> None:
        steps = replay(Adds, recording(tmp_path, self.TEXT, Adds), {}, stop_on_fault=True)
        with pytest.raises(ValueError, match="unlucky") as caught:
            list(steps)
        assert caught.traceback[-1].name == "process"


class TestWriting:
    def test_outputs_can_be_read_again(self, tmp_path: Path) -> None:
        found = recording(tmp_path, f"{HEADER}\n{ROWS}")
        file = io.StringIO()
        writer = OutputWriter(file, Pumps, found.bindings(Pumps.outputs))
        wanted = []
        for step in replay(Pumps, found, {}, rows=2):
            assert step.emission is not None
            writer.write(step.emission)
            wanted.append(step.emission)
        inputs = (
            Input("same", Kind.BOOL, many=True),
            Input("level"),
            Input("name", Kind.TEXT),
            Input("count", Kind.INT),
        )
        path = tmp_path / "out.csv"
        path.write_text(file.getvalue())
        again = Recording(path, inputs)
        assert again.check() == 3
        kind = type("Again", (Pumps,), {"inputs": inputs})
        (batch,) = batches(kind, again, 100)
        for name in ("same", "level", "name", "count"):
            before = [row for part in wanted for row in part.columns[name].qualities().tolist()]
            assert batch[name].qualities().tolist() == before
            values = [row for part in wanted for row in part.columns[name].values.tolist()]
            assert repr(batch[name].values.tolist()) == repr(values)

    def test_as_the_hub_records(self) -> None:
        file = io.StringIO()
        recorder = Recorder(file, ["level", "pumps.P1", "pumps.P2"])
        times = np.array([1_000_000_000, 2_000_000_000])
        many = Column(np.array([[True, False], [False, True]]), None, times)
        level = Column(
            np.array([1.5, np.nan]), np.array([192, 24], np.uint8), times + 1_000_000_000
        )
        recorder.write([("level", level), *flat("pumps", many, ["P1", "P2"])])
        assert file.getvalue().splitlines() == [
            "time,level,level.quality,pumps.P1,pumps.P1.quality,pumps.P2,pumps.P2.quality",
            "1970-01-01T00:00:01Z,,,true,192,false,192",
            "1970-01-01T00:00:02Z,1.5,192,false,192,true,192",
            "1970-01-01T00:00:03Z,,24,,,,",
        ]


@given(st.integers(0, 2**62))
def test_times_come_back(time_ns: int) -> None:
    assert read_time(time_text(time_ns)) == time_ns
    assert read_time(str(time_ns)) == time_ns


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_floats_come_back_exactly(value: float) -> None:
    assert read_value(Kind.FLOAT, value_text(value)) == value


@given(st.integers(-(2**63), 2**63 - 1))
def test_integers_come_back_exactly(value: int) -> None:
    assert read_value(Kind.INT, value_text(value)) == value
