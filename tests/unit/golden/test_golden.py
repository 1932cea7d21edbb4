"""Old bytes decode for ever: see make.py."""

from __future__ import annotations

import numpy as np
import pytest

from schemas.frames import Batch, Frame, decode_batch, decode_frame
from tests.unit.golden.make import FOLDER, batch, files


@pytest.mark.parametrize("name", ["batch_v1_plain.bin", "frame_v1_events.bin"])
def test_this_version_still_writes_the_same_bytes(name: str) -> None:
    assert files()[name] == (FOLDER / name).read_bytes()


@pytest.mark.parametrize("name", ["batch_v1_plain.bin", "batch_v1_zstd.bin"])
def test_format_1_decodes(name: str) -> None:
    same_batch(decode_batch((FOLDER / name).read_bytes()), batch())


def test_a_spooled_frame_of_format_1_decodes() -> None:
    same_frame(decode_frame((FOLDER / "frame_v1_events.bin").read_bytes()), batch().frames[5])


def test_every_golden_file_is_known_here() -> None:
    assert {path.name for path in FOLDER.glob("*.bin")} == set(files())


def same_batch(found: Batch, wanted: Batch) -> None:
    header = (wanted.producer, wanted.number, wanted.created_ns, len(wanted.frames))
    assert (found.producer, found.number, found.created_ns, len(found.frames)) == header
    for one, other in zip(found.frames, wanted.frames, strict=True):
        same_frame(one, other)


def same_frame(found: Frame, wanted: Frame) -> None:
    """Equal to the bit, NaN payloads and types included."""
    for name in ("tag_ids", "times", "values", "quality", "source_times"):
        one, other = getattr(found, name), getattr(wanted, name)
        assert (one is None) == (other is None), name
        if other is None:
            continue
        assert one.dtype == other.dtype, name
        assert one.shape == other.shape, name
        if other.dtype == object:
            shown = [text.encode("utf-8", "replace").decode() for text in other.flat]
            assert list(one.flat) == shown
        else:
            assert one.tobytes() == np.ascontiguousarray(other).tobytes(), name
