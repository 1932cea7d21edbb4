"""What goes in as columns comes out of the view as the same values, for every wire type."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.storage.config import ConfigStore
from hub.storage.database import Database
from hub.storage.telemetry import Stored, TelemetryStore
from schemas.frames import Batch, Frame, decode_batch, encode_batch
from schemas.kinds import WIRE_TYPES
from schemas.quality import Quality

DAY_NS = 86_400 * 10**9
_tag_ids = itertools.count(1000, 1000)
_sequences = itertools.count(1)

qualities = st.sampled_from([Quality.GOOD, Quality.GOOD, Quality.BAD, Quality.BAD_TIMEOUT,
                             Quality.UNCERTAIN, 216])  # fmt: skip
times = st.integers(1_600_000_000_000_000, 1_900_000_000_000_000).map(lambda us: us * 1000)


def elements(wire: str) -> st.SearchStrategy[Any]:
    if wire == "O":
        return st.text(max_size=12)
    if wire == "|b1":
        return st.booleans()
    if wire[1] == "f":
        return st.floats(width=int(wire[2]) * 8)
    info = np.iinfo(wire)
    return st.one_of(
        st.integers(int(info.min), int(info.max)), st.sampled_from([int(info.min), int(info.max)])
    )


@st.composite
def frames(draw: st.DrawFn) -> Frame:
    wire = draw(st.sampled_from(sorted(WIRE_TYPES)))
    scans = draw(st.integers(0, 3))
    tags = draw(st.sampled_from([0, 1, 2, 7, 99, 100, 101, 200, 203]))
    few = draw(st.lists(elements(wire), min_size=1, max_size=20))
    picks = np.arange(scans * tags) % len(few)
    values = np.empty(scans * tags, dtype=object if wire == "O" else wire)
    values[:] = [few[pick] for pick in picks]
    codes = draw(st.one_of(st.none(), st.lists(qualities, min_size=1, max_size=15)))
    quality = None
    if codes is not None:
        quality = np.resize(np.array(codes, dtype=np.uint8), (scans, tags))
    start = draw(times)
    moments = start + np.arange(scans, dtype=np.int64) * draw(
        st.sampled_from([1000, 10**9, DAY_NS])
    )
    sources = None
    if draw(st.booleans()):
        sources = np.resize(np.array(draw(st.lists(times, min_size=1, max_size=4))), (scans, tags))
    base = next(_tag_ids)
    ids = np.arange(base, base + tags, dtype=np.int32)
    return Frame(ids, moments, values.reshape(scans, tags), quality, sources)


def expected(frame: Frame) -> list[tuple[Any, ...]]:
    """(tag, time, value, value_int, value_text, quality) as the view shows them."""
    rows = []
    for scan, tag in np.ndindex(*frame.values.shape):
        value = frame.values[scan, tag]
        code = Quality.GOOD if frame.quality is None else int(frame.quality[scan, tag])
        if frame.wire in ("<f4", "<f8") and not math.isfinite(value) and code >= Quality.UNCERTAIN:
            code = Quality.BAD_OUT_OF_RANGE
        cells: tuple[Any, ...] = (None, None, None)
        if code >= Quality.UNCERTAIN:
            if frame.wire == "O":
                cells = (None, None, value.replace("\0", "\u2400"))
            elif frame.wire == "|b1" or frame.wire[1] == "f":
                cells = (float(value), None, None)
            else:
                cells = (float(value), int(value), None)
        moments = frame.times if frame.source_times is None else frame.source_times[scan]
        time_ns = moments[scan] if frame.source_times is None else moments[tag]
        rows.append((int(frame.tag_ids[tag]), int(time_ns), *cells, int(code)))
    return rows


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(made=st.lists(frames(), max_size=4))
async def test_every_value_comes_back(
    database: Database, config: ConfigStore, store: TelemetryStore, adopt: Any, made: list[Frame]
) -> None:
    spoke = await config.spoke_by_name("a") or await config.insert_spoke("a")
    sequence = next(_sequences)
    position = await store.open_position(spoke.spoke_id, "e", 0, sequence)
    await adopt(int(tag) for frame in made for tag in frame.tag_ids)
    batch = decode_batch(encode_batch(Batch("w", sequence, 0, tuple(made))))
    await store.store(spoke.spoke_id, "e", position.last_seq, [Stored(sequence, 1, batch)])
    ids = sorted({int(tag) for frame in made for tag in frame.tag_ids})
    async with database.using() as conn:
        got = await conn.fetch(
            "SELECT tag_id, time, value, value_int, value_text, quality FROM samples "
            "WHERE tag_id = ANY ($1::int[])",
            ids,
        )
    wanted = [row for frame in made for row in expected(frame)]
    assert sorted((tuple(row) for row in got), key=repr) == sorted(wanted, key=repr)


async def test_absurd_times_are_kept_and_do_no_harm(
    database: Database, config: ConfigStore, store: TelemetryStore, adopt: Any
) -> None:
    spoke = await config.insert_spoke("a")
    await adopt(range(1, 7))
    await store.open_position(spoke.spoke_id, "e", 0, 1)
    moments = np.array([0, 1, 4_102_444_800_000_000_000, 2**63 - 1, -(2**63) + 1], dtype=np.int64)
    block = Frame(np.array([1], np.int32), moments, np.arange(5.0).reshape(5, 1))
    points = Frame(
        np.arange(2, 7, dtype=np.int32), np.array([0]), np.arange(5.0).reshape(1, 5), None,
        moments.reshape(1, 5),
    )  # fmt: skip
    await store.store(spoke.spoke_id, "e", 0, [Stored(1, 1, Batch("w", 1, 0, (block, points)))])
    async with database.using() as conn:
        rows = await conn.fetch("SELECT time, value FROM samples WHERE tag_id = 1 ORDER BY value")
        others = await conn.fetch("SELECT time, value FROM samples WHERE tag_id > 1 ORDER BY value")
        children = await conn.fetchval(
            "SELECT count(*) FROM pg_inherits WHERE inhparent = 'block_float8'::regclass"
        )
    wanted = [(time // 1000 * 1000, float(place)) for place, time in enumerate(moments.tolist())]
    assert [tuple(row) for row in rows] == wanted
    assert [tuple(row) for row in others] == wanted
    if not database.mode.hypertables:
        assert children == 1, "only the default partition; absurd days get none"
