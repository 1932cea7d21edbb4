"""The spool: frames survive the death of the process that read them.

Each frame is written to a file when it is read, and the file is removed when the stream has
acknowledged the batch. The page cache outlives a killed process, so a worker that dies loses at
most the scan that was on the wire; what an OS crash can lose is bounded by the window, and nothing
of it was ever acknowledged. One segment file per batch: records of length, CRC-32 and frame. Its
name says where in the stream the batch can be: `<producer>-<number>@<sequence before it>.seg`.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import struct
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from schemas.errors import FrameError
from schemas.frames import Frame, decode_frame, encode_frame

_RECORD = struct.Struct("<II")
_NAME = re.compile(r"(?P<producer>.+)-(?P<number>\d+)@(?P<after>\d+)\.seg")


@dataclass(frozen=True, slots=True)
class Leftover:
    """A batch of an earlier run that was not acknowledged as far as we know."""

    producer: str
    number: int
    frames: tuple[Frame, ...]
    after: int = 0
    """If the stream has it, then after this sequence number; 0 when nothing was known of it."""


@dataclass(frozen=True, slots=True)
class _Segment:
    path: Path
    producer: str
    number: int
    after: int


class Spool:
    def __init__(self, folder: Path, producer: str) -> None:
        """`producer` is unique per run of a worker, so that numbers are never used again."""
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._producer = producer
        self._file: int | None = None
        self._segments: dict[tuple[str, int], Path] = {}
        self._sequence = 0
        self._lock = os.open(folder / "lock", os.O_CREAT | os.O_RDWR, 0o600)

    def lock(self) -> bool:
        """True when this process now owns the folder; a dying predecessor may still hold it."""
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def append(self, number: int, frame: Frame) -> None:
        """Keep a frame of batch `number`, whole or not at all. Raises OSError (disk full)."""
        data = encode_frame(frame)
        if self._file is None:
            path = self._folder / f"{self._producer}-{number}@{self._sequence}.seg"
            self._file = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
            self._segments[self._producer, number] = path
        record = _RECORD.pack(len(data), zlib.crc32(data)) + data
        end = os.fstat(self._file).st_size
        if os.write(self._file, record) < len(record):  # the disk is full now
            os.ftruncate(self._file, end)  # a torn record would hide what comes after it
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._folder))

    def seal(self) -> None:
        """The batch is closed: the next frame starts a new segment."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def release(self, producer: str, number: int, sequence: int = 0) -> None:
        """The batch is in the stream, at `sequence` as far as that is known."""
        self._sequence = sequence or self._sequence  # no maximum: a wiped stream counts from 1
        path = self._segments.pop((producer, number), None)
        if path is not None:
            path.unlink(missing_ok=True)

    def adopt(self, folder: Path) -> bool:
        """Take over the segments of a worker that is no more; False while its process lives."""
        other = Spool(folder, self._producer)
        try:
            if not other.lock():
                return False
            for path in folder.glob("*.seg"):
                path.rename(self._folder / path.name)
            (folder / "lock").unlink(missing_ok=True)
            with suppress(OSError):  # somebody keeps something else in it
                folder.rmdir()
        finally:
            other.close()
        return True

    def waiting_bytes(self) -> int:
        """Size of the batches of earlier runs."""
        return sum(segment.path.stat().st_size for segment in self._earlier())

    def leftovers(self) -> list[Leftover]:
        """Batches of earlier runs, in their order; a torn last record is left out."""
        found = []
        for segment in self._earlier():
            self._segments[segment.producer, segment.number] = segment.path
            frames = _frames(segment.path)
            found.append(Leftover(segment.producer, segment.number, frames, segment.after))
        return found

    def _earlier(self) -> list[_Segment]:
        """Segments of earlier runs: oldest run first, and in a run by number."""
        named = [(path, _NAME.fullmatch(path.name)) for path in self._folder.glob("*.seg")]
        earlier = [
            _Segment(path, name["producer"], int(name["number"]), int(name["after"]))
            for path, name in named
            if name is not None and name["producer"] != self._producer
        ]
        born: dict[str, int] = {}
        for segment in earlier:
            written = segment.path.stat().st_mtime_ns
            born[segment.producer] = min(written, born.get(segment.producer, written))
        return sorted(earlier, key=lambda item: (born[item.producer], item.producer, item.number))

    def close(self) -> None:
        self.seal()
        os.close(self._lock)


def _frames(path: Path) -> tuple[Frame, ...]:
    return tuple(_records(path.read_bytes()))


def _records(data: bytes) -> Iterator[Frame]:
    position = 0
    while position + _RECORD.size <= len(data):
        length, checksum = _RECORD.unpack_from(data, position)
        record = data[position + _RECORD.size : position + _RECORD.size + length]
        if len(record) != length or zlib.crc32(record) != checksum:
            return
        try:
            yield decode_frame(record)
        except FrameError:
            return
        position += _RECORD.size + length
