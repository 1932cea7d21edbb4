"""From what a function returned to frames of its calculated tags."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from schemas.addresses.function import parse
from schemas.config.devices import ManifestDevice
from schemas.config.functions import FunctionConfig
from schemas.errors import AddressError, ConfigError
from schemas.frames import Frame
from schemas.functions import Bindings, FunctionSpec, TagInfo
from schemas.kinds import Array
from schemas.quality import Quality
from spoke.drivers.base import Column as TagColumn
from spoke.drivers.base import layouts
from spoke.pipeline import Pipeline
from udf.base import Column

Key = tuple[str, int]
"""An output and the place of a tag in it."""


def bind(device: ManifestDevice, spec: FunctionSpec, tags: Mapping[int, TagInfo]) -> Bindings:
    """Which tags stand where; `tags` has those of the gateway that uses name.

    Raises ConfigError for an input, an output or a tag that does not exist.
    """
    config = device.connection
    assert isinstance(config, FunctionConfig)
    known = {item.name: item for item in spec.inputs}
    inputs: dict[str, tuple[TagInfo, ...]] = {}
    for name, ids in config.inputs.items():
        if name not in known:
            raise ConfigError(f"{spec.name} has no input {name!r}.", path=f"inputs.{name}")
        inputs[name] = tuple(_tag(tags, tag_id, f"inputs.{name}") for tag_id in ids)
    for item in spec.inputs:
        if item.required and not inputs.get(item.name):
            raise ConfigError(f"The input {item.name!r} has no tag.", path=f"inputs.{item.name}")
    places = _places(device, spec, config)
    by_key = {key: tag_id for tag_id, key in places.items()}
    own = {tag.id: TagInfo(tag.id, tag.name, device.name, tag.unit) for tag in device.tags}
    outputs = {
        item.name: tuple(
            own[by_key[item.name, place]]
            for place in range(len(inputs.get(item.per, ())) if item.per else 1)
            if (item.name, place) in by_key
        )
        for item in spec.outputs
    }
    writes = {name: _tag(tags, tag_id, f"writes.{name}") for name, tag_id in config.writes.items()}
    return Bindings(inputs, outputs, writes)


class Outputs:
    """Outputs(device, spec): the calculated tags of a use, with their deadbands and the like."""

    def __init__(self, device: ManifestDevice, spec: FunctionSpec) -> None:
        config = device.connection
        assert isinstance(config, FunctionConfig)
        groups = layouts(device)
        self._columns = [column for group in groups for column in group.columns]
        self._pipeline = Pipeline(groups)
        self._places = _places(device, spec, config)
        self._one_by_one = {
            id(column): column.tags[0].deadband is not None for column in self._columns
        }
        self._ids: dict[tuple[int, tuple[str, ...]], tuple[NDArray[np.int32], list[Key]]] = {}

    def frames(self, columns: Mapping[str, Column]) -> list[tuple[Frame, Frame | None]]:
        """For each frame: as people see it, and the part of it that is stored."""
        found: list[tuple[Frame, Frame | None]] = []
        for times, ports in _by_times(columns):
            if len(times):
                for number, column in enumerate(self._columns):
                    found += self._of(number, column, times, ports)
        return found

    def _of(
        self,
        number: int,
        column: TagColumn,
        times: NDArray[np.int64],
        ports: Mapping[str, Column],
    ) -> list[tuple[Frame, Frame | None]]:
        ids, keys = self._tags(number, column, tuple(sorted(ports)))
        if not keys:
            return []
        values, quality = _gathered(keys, ports, column.wire)
        if not self._one_by_one[id(column)]:
            return [self._pipeline.apply(Frame(ids, times, values, quality))]
        rows = range(len(times))  # the reporter looks at one row at a time
        return [
            self._pipeline.apply(
                Frame(
                    ids,
                    times[row : row + 1],
                    values[row : row + 1],
                    None if quality is None else quality[row : row + 1],
                )
            )
            for row in rows
        ]

    def _tags(
        self, number: int, column: TagColumn, ports: tuple[str, ...]
    ) -> tuple[NDArray[np.int32], list[Key]]:
        """The tags of a column that these outputs have; the same array for the same outputs."""
        found = self._ids.get((number, ports))
        if found is None:
            keys = [(tag.id, self._places[tag.id]) for tag in column.tags if tag.id in self._places]
            mine = [(tag_id, key) for tag_id, key in keys if key[0] in ports]
            whole = len(mine) == len(column.tags)
            ids = np.array([tag_id for tag_id, _ in mine], dtype=np.int32)
            found = (column.tag_ids if whole else ids), [key for _, key in mine]
            self._ids[number, ports] = found
        return found


def _places(device: ManifestDevice, spec: FunctionSpec, config: FunctionConfig) -> dict[int, Key]:
    """Output and place by tag id. Raises ConfigError for a tag that is no output."""
    outputs = {item.name: item for item in spec.outputs}
    found: dict[int, Key] = {}
    for tag in device.tags:
        try:
            port, input_id = parse(tag.address)
        except AddressError as error:
            raise ConfigError(error.message, path=f"tags.{tag.name}") from error
        output = outputs.get(port)
        ids = config.inputs.get(output.per, ()) if output else ()
        fits = output is not None and (input_id in ids if output.per else input_id is None)
        if not fits:
            raise ConfigError(
                f"{tag.name}: {spec.name} {spec.version} has no output {tag.address!r}.",
                hint="Deploy the function again on the Functions page.",
                path=f"tags.{tag.name}",
            )
        found[tag.id] = port, ids.index(input_id) if input_id is not None else 0
    return found


def _tag(tags: Mapping[int, TagInfo], tag_id: int, path: str) -> TagInfo:
    if tag_id not in tags:
        raise ConfigError(
            f"The tag {tag_id} does not exist on this gateway (any more).",
            hint="Choose another tag for this input on the Functions page.",
            path=path,
        )
    return tags[tag_id]


def _by_times(
    columns: Mapping[str, Column],
) -> list[tuple[NDArray[np.int64], dict[str, Column]]]:
    """The outputs in groups of equal rows."""
    groups: list[tuple[NDArray[np.int64], dict[str, Column]]] = []
    for name, column in columns.items():
        assert column.times is not None
        for times, ports in groups:
            if times is column.times or np.array_equal(times, column.times):
                ports[name] = column
                break
        else:
            groups.append((column.times, {name: column}))
    return groups


def _gathered(
    keys: Sequence[Key], ports: Mapping[str, Column], wire: str
) -> tuple[Array, NDArray[np.uint8] | None]:
    """values [T, n] and qualities of these tags."""
    first = ports[keys[0][0]]
    if len(ports) == 1 and first.values.ndim == 2:
        where = [place for _, place in keys]
        values = first.values[:, where]
        quality = None if first.quality is None else first.quality[:, where]
        return _typed(values, wire), quality
    parts = [_one(ports[port], place) for port, place in keys]
    values = np.stack([part for part, _ in parts], axis=1)
    good = all(quality is None for _, quality in parts)
    full = np.uint8(Quality.GOOD)
    quality = (
        None
        if good
        else np.stack(
            [np.full(len(part), full) if codes is None else codes for part, codes in parts], axis=1
        )
    )
    return _typed(values, wire), quality


def _one(column: Column, place: int) -> tuple[Array, NDArray[np.uint8] | None]:
    if column.values.ndim == 1:
        return column.values, column.quality
    return column.values[:, place], None if column.quality is None else column.quality[:, place]


def _typed(values: Array, wire: str) -> Array:
    if wire == "O":
        return values if values.dtype == object else values.astype(str).astype(object)
    return values.astype(wire, copy=False)
