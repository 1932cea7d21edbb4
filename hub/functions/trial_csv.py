"""Stored values as a CSV that `spindle-udf run --replay` reads (udf/recorded.py)."""

from __future__ import annotations

import io
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from schemas.frames import Frame
from schemas.functions import Bindings, Input, TagInfo
from schemas.kinds import Kind
from udf.base import Column
from udf.recorder import Recorder
from udf.updates import typed


class RecordedValues:
    """RecordedValues(inputs, bindings): a column for each tag at an input, with its quality."""

    def __init__(self, inputs: Sequence[Input], bindings: Bindings) -> None:
        self.rows = 0
        self._text = io.StringIO()
        self._columns: dict[int, list[tuple[str, Kind]]] = defaultdict(list)
        names: list[str] = []
        for item in inputs:
            tags = bindings.inputs.get(item.name, ())
            for tag, name in zip(tags, _names(item, tags), strict=True):
                self._columns[tag.id].append((name, item.kind))
                names.append(name)
        self._recorder = Recorder(self._text, names)

    def add(self, frames: Sequence[Frame]) -> None:
        """The next stretch of time: later than all before."""
        self.rows += self._recorder.write(
            pair for frame in frames for pair in self._columns_of(frame)
        )

    def content(self) -> bytes:
        """The whole file, UTF-8."""
        return self._text.getvalue().encode("utf-8")

    def _columns_of(self, frame: Frame) -> Iterator[tuple[str, Column]]:
        for at, tag_id in enumerate(frame.tag_ids.tolist()):
            quality = None if frame.quality is None else frame.quality[:, at]
            for name, kind in self._columns[tag_id]:
                yield name, Column(*typed(kind, frame.values[:, at], quality), frame.times)


def _names(item: Input, tags: Sequence[TagInfo]) -> list[str]:
    """`level`, or `<input>.<tag>` where there may be many; tags of one name with their device."""
    if not item.many:
        return [item.name for _ in tags]
    counts = Counter(tag.name for tag in tags)
    return [
        f"{item.name}.{tag.name}"
        if counts[tag.name] == 1
        else f"{item.name}.{tag.device}.{tag.name}"
        for tag in tags
    ]
