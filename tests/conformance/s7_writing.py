"""What tests of writing to S7 share: values of every type, and a driver that writes them."""

from __future__ import annotations

from collections.abc import Sequence

from schemas.config.devices import Access, ManifestDevice, ManifestTag
from schemas.config.s7 import S7Config
from schemas.errors import SpindleError
from schemas.kinds import DataType
from schemas.messages.writes import WriteState
from spoke.drivers.base import RawResult, RawWrite, layouts
from spoke.drivers.s7.driver import S7Driver
from spoke.drivers.sim.signals import Signal, Value
from tests.fixtures.context import driver_context

VALUES: list[tuple[str, DataType, Value]] = [
    ("DB1.DBD0", DataType.FLOAT32, 12.5),
    ("DB1.4", DataType.FLOAT64, -3.25),
    ("DB1.DBW12", DataType.INT16, -2),
    ("DB1.DBD16", DataType.UINT32, 2**32 - 1),
    ("DB1.24", DataType.INT64, -(2**63)),
    ("DB1.32", DataType.UINT64, 2**63 - 1),
    ("DB1.DBB40", DataType.UINT8, 200),
    ("DB1.44:STRING[20]", DataType.STRING, "Größe"),
    ("DB1.68:WSTRING[10]", DataType.STRING, "Ω ≈ 5"),
    ("DB1.92:DTL", DataType.STRING, "2024-05-06T07:08:09.123456789"),
    ("DB1.104:DT", DataType.STRING, "2024-05-06T07:08:09.123"),
    ("DB1.112:S5TIME", DataType.INT32, 1_230),
    ("DB1.114:DATE", DataType.STRING, "2024-02-29"),
    ("DB1.116:TOD", DataType.INT32, 86_399_999),
    ("DB1.120:BCD", DataType.BCD32, 12_345_678),
    ("DB1.124:CHAR", DataType.STRING, "ü"),
    ("MW20", DataType.UINT16, 513),
    ("QW2", DataType.INT16, 7),
]


def write_of(index: int, address: str, data_type: DataType, value: Value) -> RawWrite:
    tag = ManifestTag(
        id=index, name=f"t{index}", address=address, data_type=data_type, access=Access.READ_WRITE
    )
    return RawWrite(tag, value)


def writes_of(values: Sequence[tuple[str, DataType, Value]]) -> list[RawWrite]:
    return [write_of(i + 1, *entry) for i, entry in enumerate(values)]


def signals() -> list[Signal]:
    """The places of the values, empty; a timer and a counter."""
    places = [at_first(address, data_type) for address, data_type, _ in VALUES]
    places += [Signal("t", "T5", DataType.INT32, lambda _t: 0)]
    return [*places, Signal("c", "C7", DataType.UINT16, lambda _t: 0)]


def at_first(address: str, data_type: DataType) -> Signal:
    first: Value = "" if data_type is DataType.STRING else 0
    if data_type is DataType.STRING and not ("STRING" in address or "CHAR" in address):
        first = "2000-01-01"
    return Signal(address, address, data_type, lambda _t: first)


class Plant:
    """A driver that reads MW20 and is asked to write."""

    def __init__(self, port: int, timeout_s: float = 5.0) -> None:
        self.settings = S7Config(host="127.0.0.1", port=port, timeout_s=timeout_s)
        tag = ManifestTag(id=99, name="v", address="MW20", data_type=DataType.UINT16)
        device = ManifestDevice(id=1, name="cpu", connection=self.settings, tags=(tag,))
        self.group = layouts(device)[0]
        self.driver = S7Driver(self.settings, driver_context())

    async def __aenter__(self) -> Plant:
        await self.driver.connect([self.group])
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.driver.close()

    async def write(self, values: Sequence[tuple[str, DataType, Value]]) -> list[RawResult]:
        return await self.driver.write(writes_of(values))

    async def refusal(self, address: str, data_type: DataType, value: Value) -> SpindleError:
        (result,) = await self.write([(address, data_type, value)])
        assert result.state is WriteState.REFUSED
        assert result.error is not None
        return result.error
