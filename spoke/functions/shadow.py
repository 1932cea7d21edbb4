"""Another version beside the one at work: the same rows, its output compared and never stored."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

import numpy as np

from schemas.config.functions import FunctionConfig
from schemas.errors import SpindleError
from schemas.functions import Bindings
from schemas.messages.health import ShadowHealth
from schemas.quality import Quality
from spoke.clock import Clock
from spoke.functions.slots import Slot, Slots
from udf.base import Batch, Column
from udf.engine import Emission
from udf.faults import FunctionFault

_log = logging.getLogger(__name__)
_ROWS = 300
_NEAR = 1e-9


class Shadow:
    """Starts without a state when it is first asked to compare. After `limits.faults` faults it
    rests until it is configured anew."""

    def __init__(
        self, use_id: int, config: FunctionConfig, bindings: Bindings, slots: Slots, clock: Clock
    ) -> None:
        assert config.shadow is not None
        self._config, self._shadow, self._clock = config, config.shadow, clock
        self._bindings, self._slots = bindings, slots
        self._key = -use_id
        self._slot: Slot | None = None
        self._life = 0
        self._values = self._equal = self._faults = 0
        self._largest = self._cpu_s = 0.0
        self._fault: dict[str, Any] | None = None
        self._rows: dict[int, deque[tuple[int, Any, Any]]] = {}

    @property
    def health(self) -> ShadowHealth:
        return ShadowHealth(
            version=self._shadow.version,
            values=self._values,
            equal=self._equal,
            largest=self._largest,
            faults=self._faults,
            cpu_s=self._cpu_s,
            fault=self._fault,
        )

    def compared(self) -> Iterable[dict[str, Any]]:
        """The last rows of each output tag, for a plot."""
        for tag_id, rows in self._rows.items():
            times, live, shadow = zip(*rows, strict=True) if rows else ((), (), ())
            yield {
                "tag_id": tag_id,
                "times_ns": list(times),
                "live": list(live),
                "shadow": list(shadow),
            }

    async def compare(self, batch: Batch, live: Emission) -> None:
        """Never raises: what goes wrong is counted."""
        if self._faults >= self._config.limits.faults:
            return
        try:
            if self._slot is None:
                self._slot = self._slots.acquire(
                    self._config.function, self._shadow.package, self._config.limits
                )
            if self._life != self._slot.life or not self._life:
                self._life = await self._slot.open(
                    self._key, self._shadow.parameters, self._bindings, None
                )
            found, cpu_s = await self._slot.process(self._key, self._life, batch)
            self._cpu_s += cpu_s
        except FunctionFault as error:
            self._faults += 1
            self._fault = asdict(error.fault)
            return
        except SpindleError as error:  # its package is not here yet, or its process was lost
            _log.debug("Shadow waits: %s", error, extra={"action": "function.shadow"})
            return
        for name, column in live.columns.items():
            other = found.columns.get(name)
            if other is None:
                self._values += column.values.size
            else:
                self._count(column, other)
                self._note(name, column, other)

    async def close(self) -> None:
        if self._slot is not None:
            await self._slot.drop(self._key)
            await self._slots.release(
                self._config.function, self._shadow.package, self._config.limits
            )

    def _count(self, live: Column, other: Column) -> None:
        self._values += live.values.size
        assert live.times is not None
        assert other.times is not None
        if live.values.shape != other.values.shape or not np.array_equal(live.times, other.times):
            return
        same = live.qualities() == other.qualities()
        if live.values.dtype == object or live.values.dtype == np.bool_:
            equal = live.values == other.values
        else:
            left, right = live.values.astype(np.float64), other.values.astype(np.float64)
            distance = np.abs(left - right)
            equal = (distance <= _NEAR * np.maximum(np.abs(left), 1.0)) | (
                np.isnan(left) & np.isnan(right)
            )
            good = live.good & other.good & np.isfinite(distance)
            if good.any():
                self._largest = max(self._largest, float(distance[good].max()))
        self._equal += int((equal & same).sum())

    def _note(self, name: str, live: Column, other: Column) -> None:
        """Keep the last rows of numbers, by output tag."""
        if live.values.dtype == object or live.values.shape != other.values.shape:
            return
        assert live.times is not None
        times = live.times[-_ROWS:].tolist()
        for place, tag in enumerate(self._bindings.outputs.get(name, ())[:20]):
            rows = self._rows.setdefault(tag.id, deque(maxlen=_ROWS))
            rows.extend(zip(times, _numbers(live, place), _numbers(other, place), strict=True))


def _numbers(column: Column, place: int) -> list[Any]:
    """The last values of one tag; None where bad."""
    values, quality = column.values[-_ROWS:], column.qualities()[-_ROWS:]
    if values.ndim == 2:
        values, quality = values[:, place], quality[:, place]
    usable = (quality >= Quality.UNCERTAIN) & np.isfinite(values.astype(np.float64))
    pairs = zip(values.tolist(), usable.tolist(), strict=True)
    return [value if good else None for value, good in pairs]
