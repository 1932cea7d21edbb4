"""Recorded values are what `spindle-udf run --replay` reads."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hub.functions.trial_csv import RecordedValues
from schemas.frames import Frame
from schemas.functions import Bindings, Input, TagInfo
from schemas.kinds import Kind
from schemas.quality import Quality
from udf.align import Aligner
from udf.recorded import Recording

INPUTS = (
    Input("level"),
    Input("count", Kind.INT),
    Input("label", Kind.TEXT),
    Input("pumps", Kind.BOOL, many=True),
)
TAGS = {
    "level": (TagInfo(1, "tank, left", "plc"),),
    "count": (TagInfo(2, "n", "plc"),),
    "label": (TagInfo(3, "word", "plc"),),
    "pumps": (TagInfo(4, "run", "a"), TagInfo(5, "run", "b"), TagInfo(6, "P1", "a")),
}
SECOND = 10**9


def _frame(tags: list[int], times: list[int], values: object, quality: object = None) -> Frame:
    codes = None if quality is None else np.array(quality, dtype=np.uint8)
    return Frame(
        np.array(tags, dtype=np.int32), np.array(times) * SECOND, np.asarray(values), codes
    )


def _text(values: list[str]) -> np.ndarray:
    found = np.empty((len(values), 1), dtype=object)
    found[:, 0] = values
    return found


def _frames() -> list[list[Frame]]:
    g, bad = Quality.GOOD, Quality.BAD_TIMEOUT
    return [
        [
            _frame([1], [10, 11, 12], [[0.1], [0.0], [1e300]], [[g], [bad], [64]]),
            _frame([2], [11], [[2**62 + 1]]),
            _frame([3], [10, 12], _text(['a "b", c\nd', ""])),
        ],
        [_frame([4, 5, 6], [20, 21], [[True, False, True], [False, True, True]])],
    ]


def test_header_and_cells() -> None:
    recorded = RecordedValues(INPUTS, Bindings(TAGS))
    for frames in _frames():
        recorded.add(frames)
    lines = recorded.content().decode().splitlines()
    assert lines[0].split(",")[::2] == ["time", "level.quality", "count.quality", "label.quality",
        "pumps.a.run.quality", "pumps.b.run.quality", "pumps.P1.quality"]  # fmt: skip
    assert lines[0].startswith("time,level,level.quality,count,")
    assert lines[1].startswith('1970-01-01T00:00:10Z,0.1,192,,,"a ""b"", c')
    assert lines[3].startswith("1970-01-01T00:00:11Z,,36,4611686018427387905,192,")
    assert recorded.rows == 5


def test_a_replay_sees_the_same_rows_as_the_trial(tmp_path: Path) -> None:
    recorded = RecordedValues(INPUTS, Bindings(TAGS))
    trial = Aligner(INPUTS, {name: [tag.id for tag in tags] for name, tags in TAGS.items()})
    expected = []
    for frames in _frames():
        recorded.add(frames)
        batch = trial.take(frames)
        assert batch is not None
        expected.append(batch)
    path = tmp_path / "recorded.csv"
    path.write_bytes(recorded.content())
    recording = Recording(path, INPUTS)
    assert recording.check() == 5
    again = Aligner(INPUTS, recording.tag_ids)
    rows = 0
    for batch, frames in zip(expected, recording.frames(3), strict=True):
        found = again.take(frames)
        assert found is not None
        assert found.times.tolist() == batch.times.tolist()
        for name, column in batch.columns.items():
            np.testing.assert_array_equal(found[name].qualities(), column.qualities())
            usable = column.usable
            np.testing.assert_array_equal(found[name].values[usable], column.values[usable])
        rows += len(found)
    assert rows == 5


def test_values_are_written_in_the_kind_of_the_input() -> None:
    inputs = (Input("x", Kind.FLOAT), Input("n", Kind.INT), Input("s", Kind.TEXT))
    tags = {"x": (TagInfo(1, "a"),), "n": (TagInfo(1, "a"),), "s": (TagInfo(1, "a"),)}
    recorded = RecordedValues(inputs, Bindings(tags))
    recorded.add([_frame([1], [1], [[True]])])
    assert (
        recorded.content().decode().splitlines()[1] == "1970-01-01T00:00:01Z,1.0,192,1,192,True,192"
    )
