"""A slow and obvious oracle for windows: value by value, window by window."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from schemas.quality import Quality
from udf.windows import Session, Shape, Sliding

S = 1_000_000_000
WIDTH = 2
"""Tags of each row."""


@dataclass
class Row:
    time: int
    values: list[float]
    quality: list[int]

    def usable(self, tag: int) -> bool:
        return self.quality[tag] >= Quality.UNCERTAIN and math.isfinite(self.values[tag])

    def good(self, tag: int) -> bool:
        return self.usable(tag) and self.quality[tag] >= Quality.GOOD


@dataclass
class Piece:
    """A moment from `begin` to `end` that row `a` holds, and row `b` is the next one."""

    begin: int
    end: int
    a: Row
    b: Row

    def on_line(self, at: int, tag: int) -> float:
        if not self.b.usable(tag):
            return self.a.values[tag]
        part = (at - self.a.time) / (self.b.time - self.a.time)
        return self.a.values[tag] + part * (self.b.values[tag] - self.a.values[tag])


class Oracle:
    def __init__(self, shape: Shape, gap_ns: int, lateness_ns: int, percent: int) -> None:
        self.shape, self.gap, self.lateness, self.percent = shape, gap_ns, lateness_ns, percent

    def windows(self, arrived: list[Row]) -> list[tuple[int, int, dict[str, list[Any]]]]:
        rows = self.settled(arrived)
        if not rows:
            return []
        spans = self.sessions(rows) if isinstance(self.shape, Session) else self.grid(rows)
        return [(start, end, self.results(start, end, *data)) for start, end, data in spans]

    def settled(self, arrived: list[Row]) -> list[Row]:
        newest, kept = -(2**62), []
        for row in arrived:
            if row.time > newest - self.lateness:
                kept.append(row)
            newest = max(newest, row.time)
        return sorted(
            (row for row in kept if row.time <= newest - self.lateness), key=lambda row: row.time
        )

    def grid(self, rows: list[Row]) -> list[Any]:
        assert not isinstance(self.shape, Session)
        size = round(self.shape.size_s * S)
        step = round(self.shape.step_s * S) if isinstance(self.shape, Sliding) else size
        offset = round(self.shape.offset_s * S)
        start = (rows[0].time // step - size // step - 3) * step + offset
        found, before = [], False
        while start + size <= rows[-1].time:
            end = start + size
            if end > rows[0].time:
                inside = [row for row in rows if start <= row.time < end]
                pieces = [
                    Piece(max(a.time, start), min(b.time, end), a, b)
                    for a, b in pairwise(rows)
                    if b.time - a.time <= self.gap and a.time < end and b.time > start
                ]
                full = bool(inside or pieces)
                if full or before:
                    found.append((start, end, (inside, pieces)))
                before = full
            start += step
        return found

    def sessions(self, rows: list[Row]) -> list[Any]:
        assert isinstance(self.shape, Session)
        pause, longest = round(self.shape.pause_s * S), round(self.shape.longest_s * S)
        active = [any(row.usable(tag) for tag in range(WIDTH)) for row in rows]
        groups: list[tuple[list[Row], list[Piece], list[int]]] = []
        previous: int | None = None
        for at, row in enumerate(rows):
            if not active[at]:
                continue
            last = None if previous is None else rows[previous]
            if last is not None and row.time - last.time < pause:
                group = groups[-1]
                if at - (previous or 0) == 1 and row.time - last.time <= self.gap:
                    group[1].append(Piece(last.time, row.time, last, row))
                group[2][1] = row.time
                if row.time >= group[2][0] + longest:
                    groups.append(([row], [], [row.time, row.time]))
                else:
                    group[0].append(row)
            else:
                groups.append(([row], [], [row.time, row.time]))
            previous = at
        if groups and previous is not None and rows[-1].time - rows[previous].time < pause:
            groups.pop()
        return [(span[0], span[1], (inside, pieces)) for inside, pieces, span in groups]

    def results(
        self, start: int, end: int, rows: list[Row], pieces: list[Piece]
    ) -> dict[str, list[Any]]:
        tags = [self.of_tag(tag, start, end, rows, pieces) for tag in range(WIDTH)]
        return {name: [tag[name] for tag in tags] for name in tags[0]}

    def of_tag(
        self, tag: int, start: int, end: int, rows: list[Row], pieces: list[Piece]
    ) -> dict[str, tuple[float, int]]:
        values = [row.values[tag] for row in rows if row.usable(tag)]
        held = [piece for piece in pieces if piece.a.usable(tag)]
        good_ns = sum(piece.end - piece.begin for piece in held if piece.a.good(tag))
        found = self.of_rows(values) | self.of_time(tag, held)
        known = bool(values or held)
        if not known:
            found = dict.fromkeys(found, math.nan)
        if start == end:
            found["held"] = found["line"] = found["plain"]
            good = all(row.good(tag) for row in rows if row.usable(tag))
            found["good"] = 100.0 if good and values else 0.0
        else:
            good = good_ns * 100 >= self.percent * (end - start)
            found["good"] = 100.0 * good_ns / (end - start)
        quality = Quality.GOOD if good and known else Quality.UNCERTAIN
        return {
            name: (value, Quality.BAD if math.isnan(value) else quality)
            for name, value in found.items()
        }

    @staticmethod
    def of_rows(values: list[float]) -> dict[str, float]:
        nan = math.nan
        place = (len(values) - 1) * 0.3
        ordered = sorted(values)
        low, high = ordered[math.floor(place) :][:1], ordered[math.ceil(place) :][:1]
        return {
            "count": float(len(values)),
            "sum": math.fsum(values),
            "min": min(values, default=nan),
            "max": max(values, default=nan),
            "first": values[0] if values else nan,
            "last": values[-1] if values else nan,
            "plain": math.fsum(values) / len(values) if values else nan,
            "deviation": statistics.stdev(values) if len(values) > 1 else nan,
            "p30": low[0] + (high[0] - low[0]) * (place - math.floor(place)) if values else nan,
        }

    @staticmethod
    def of_time(tag: int, held: list[Piece]) -> dict[str, float]:
        seconds = [(piece.end - piece.begin) / S for piece in held]
        both = list(zip(held, seconds, strict=True))
        step = math.fsum(piece.a.values[tag] * length for piece, length in both)
        trapezoid = math.fsum(
            (piece.on_line(piece.begin, tag) + piece.on_line(piece.end, tag)) / 2 * length
            for piece, length in both
        )
        found = dict.fromkeys(("held", "line", "step", "trapezoid", "rate"), math.nan)
        found["in_one"] = math.fsum(length for piece, length in both if piece.a.values[tag] == 1)
        if held:
            rise = held[-1].on_line(held[-1].end, tag) - held[0].on_line(held[0].begin, tag)
            found["step"], found["trapezoid"] = step, trapezoid
            found["held"], found["line"] = step / sum(seconds), trapezoid / sum(seconds)
            found["rate"] = rise / ((held[-1].end - held[0].begin) / S)
        return found
