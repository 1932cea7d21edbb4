"""Writes the golden bytes of the wire format that this version speaks.

Run `python -m tests.unit.golden.make` once per released format version and commit the files; a file
that exists is never written again, because golden bytes decode for ever. The plain body is compared
byte by byte; zstd may pack differently in another version of its library, so only its decoding is.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from schemas.frames import FORMAT_VERSION, Batch, Frame, encode_batch, encode_frame
from schemas.quality import Quality

FOLDER = Path(__file__).parent
START_NS = 1_700_000_000_123_456_789


def batch() -> Batch:
    """One frame of each kind, with and without quality and source times, ends of the ranges."""
    good, bad = int(Quality.GOOD), int(Quality.BAD_TIMEOUT)
    floats = np.array([[1.5, np.nan], [np.inf, -0.0]], dtype="<f8")
    counters = np.array([[2**63 - 1, -(2**63)]], dtype="<i8")
    words = np.array([[0, 65535, 7]], dtype="<u2")
    texts = np.array([["Füller läuft", "", "日本"]], dtype=object)
    return Batch(
        "w0-00c0ffee",
        42,
        START_NS,
        (
            Frame(_ids(1, 2), _times(2), floats, np.array([[good, bad], [16, good]], np.uint8)),
            Frame(_ids(2**31 - 1, 3), _times(1), counters),
            Frame(_ids(4, 5, 6), _times(1), words),
            Frame(_ids(7, 8), _times(1), np.array([[True, False]])),
            Frame(_ids(9, 10, 11), _times(1), texts),
            Frame(
                _ids(12, 12),
                _times(1),
                np.array([[1.25, 2.5]], dtype="<f4"),
                np.array([[good, 72]], np.uint8),
                np.array([[START_NS - 5, START_NS - 3]], dtype="<i8"),
            ),
            Frame(_ids(13), _times(0), np.empty((0, 1), dtype="<i4")),
        ),
    )


def files() -> dict[str, bytes]:
    """The golden files of this version's format, by name."""
    made = batch()
    return {
        f"batch_v{FORMAT_VERSION}_plain.bin": encode_batch(made, compress=False),
        f"batch_v{FORMAT_VERSION}_zstd.bin": encode_batch(made),
        f"frame_v{FORMAT_VERSION}_events.bin": encode_frame(made.frames[5]),
    }


def _ids(*numbers: int) -> np.ndarray[tuple[int], np.dtype[np.int32]]:
    return np.array(numbers, dtype=np.int32)


def _times(scans: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return START_NS + 50_000_000 * np.arange(scans, dtype=np.int64)


if __name__ == "__main__":
    for name, data in files().items():
        if not (FOLDER / name).exists():
            (FOLDER / name).write_bytes(data)
