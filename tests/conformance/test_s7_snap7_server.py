"""The S7 driver against the server that comes with python-snap7, an implementation not ours."""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from snap7.server import Server
from snap7.type import SrvArea
from snap7.util import setters

from schemas.addresses.s7 import data_type_of
from schemas.config.devices import ManifestDevice, ManifestTag
from schemas.config.drivers import S7Config
from schemas.kinds import DataType
from schemas.quality import Quality
from spoke.drivers.base import GroupLayout, layouts
from spoke.drivers.s7.driver import S7Driver
from tests.fixtures.context import driver_context

DB_BYTES = 20_000


class Plc:
    """The bundled server on a free port of this machine."""

    def __init__(self) -> None:
        rng = random.Random(7)
        self.db1 = bytearray(rng.randbytes(DB_BYTES))
        self.marks = bytearray(rng.randbytes(256))
        self.inputs = bytearray(rng.randbytes(64))
        self.outputs = bytearray(rng.randbytes(64))
        self.server = Server(log=False)
        self.server.host = "127.0.0.1"
        self.server.register_area(SrvArea.DB, 1, self.db1)
        self.server.register_area(SrvArea.MK, 0, self.marks)
        self.server.register_area(SrvArea.PE, 0, self.inputs)
        self.server.register_area(SrvArea.PA, 0, self.outputs)
        self.timers = bytearray(struct.pack(">8H", *(0x2120 + i for i in range(8))))
        self.counters = bytearray(struct.pack(">8H", *(0x0120 + i for i in range(8))))
        self.server.register_area(SrvArea.TM, 0, self.timers)
        self.server.register_area(SrvArea.CT, 0, self.counters)
        self.server.start(0)
        assert self.server.server_socket is not None
        self.port = self.server.server_socket.getsockname()[1]


@pytest.fixture(scope="module")
def plc() -> Iterator[Plc]:
    plc = Plc()
    yield plc
    plc.server.stop()


def device_of(plc: Plc, tags: list[tuple[str, DataType]]) -> tuple[S7Driver, GroupLayout]:
    settings = S7Config(host="127.0.0.1", port=plc.port, timeout_s=5)
    device = ManifestDevice(
        id=1,
        name="cpu",
        connection=settings,
        tags=tuple(
            ManifestTag(id=i + 1, name=f"t{i}", address=address, data_type=data_type)
            for i, (address, data_type) in enumerate(tags)
        ),
    )
    return S7Driver(settings, driver_context()), layouts(device)[0]


async def scan(driver: S7Driver, group: GroupLayout) -> dict[str, tuple[object, int]]:
    found: dict[str, tuple[object, int]] = {}
    for column, frame in zip(group.columns, await driver.read(group), strict=True):
        values = frame.values[0].tolist()
        for row, tag in enumerate(column.tags):
            code = Quality.GOOD if frame.quality is None else int(frame.quality[0, row])
            found[tag.address] = (values[row], code)
    return found


async def test_values_of_all_areas(plc: Plc) -> None:
    plc.db1[100:112] = bytes((10, 5)) + b"Abf\xfcll" + bytes(4)
    places = [
        ("DB1.DBD10", DataType.INT32),
        ("DB1.DBW14", DataType.UINT16),
        ("DB1.20", DataType.INT64),
        ("DB1.DBX3.6", DataType.BOOL),
        ("DB1.100:10", DataType.STRING),
        ("MW20", DataType.INT16),
        ("M7.2", DataType.BOOL),
        ("ID0", DataType.UINT32),
        ("QB5", DataType.UINT8),
    ]
    driver, group = device_of(plc, places)
    try:
        await driver.connect([group])
        found = {address: value for address, (value, _) in (await scan(driver, group)).items()}
    finally:
        await driver.close()
    assert found == {
        "DB1.DBD10": struct.unpack_from(">i", plc.db1, 10)[0],
        "DB1.DBW14": struct.unpack_from(">H", plc.db1, 14)[0],
        "DB1.20": struct.unpack_from(">q", plc.db1, 20)[0],
        "DB1.DBX3.6": bool(plc.db1[3] >> 6 & 1),
        "DB1.100:10": "Abfül",
        "MW20": struct.unpack_from(">h", plc.marks, 20)[0],
        "M7.2": bool(plc.marks[7] >> 2 & 1),
        "ID0": struct.unpack_from(">I", plc.inputs, 0)[0],
        "QB5": plc.outputs[5],
    }


async def test_a_large_area_in_the_negotiated_pdu(plc: Plc) -> None:
    driver, group = device_of(
        plc, [(f"DB1.DBW{at}", DataType.INT16) for at in range(0, DB_BYTES, 2)]
    )
    try:
        await driver.connect([group])
        assert driver.pdu_bytes == 480
        found = await scan(driver, group)
    finally:
        await driver.close()
    expected = struct.unpack(f">{DB_BYTES // 2}h", plc.db1)
    assert [value for value, _ in found.values()] == list(expected)


async def test_a_missing_block_and_a_short_one_concern_only_their_tags(plc: Plc) -> None:
    places = [
        ("DB1.DBD10", DataType.UINT32),
        (f"DB1.DBW{DB_BYTES - 2}", DataType.INT16),
        (f"DB1.DBW{DB_BYTES - 1}", DataType.UINT16),
        (f"DB1.DBD{DB_BYTES}", DataType.FLOAT32),
        ("DB42.DBW0", DataType.INT16),
        ("DB42.DBW2", DataType.INT16),
        ("MB255", DataType.UINT8),
        ("MB256", DataType.UINT8),
    ]
    driver, group = device_of(plc, places)
    try:
        await driver.connect([group])
        for _ in range(2):
            found = await scan(driver, group)
            assert found["DB1.DBD10"] == (struct.unpack_from(">I", plc.db1, 10)[0], Quality.GOOD)
            assert found["MB255"] == (plc.marks[255], Quality.GOOD)
            assert found[f"DB1.DBW{DB_BYTES - 2}"][1] == Quality.GOOD
            bad = {address for address, (_, code) in found.items() if code < 64}
            assert bad == {places[i][0] for i in (2, 3, 4, 5, 7)}
            assert sorted(driver.problems) == [3, 4, 5, 6, 8]
        assert "does not exist" in driver.problems[5].message
        assert "beyond the end" in driver.problems[8].message
    finally:
        await driver.close()


async def test_types_with_a_form_of_their_own(plc: Plc) -> None:
    """Written with the library's setters, served by its server, read by our driver."""
    db = plc.db1
    moment = datetime(2024, 2, 29, 23, 59, 58, 123456)  # noqa: DTZ001 - as in the PLC
    setters.set_dtl(db, 300, moment)
    setters.set_dt(db, 312, moment.replace(microsecond=123000))
    setters.set_date(db, 320, moment.date())
    setters.set_tod(db, 322, timedelta(hours=23, milliseconds=5))
    setters.set_time(db, 326, "-1:2:3:4.5")
    setters.set_wstring(db, 330, "Ω ≈ 5", 10)
    setters.set_ltime(db, 360, timedelta(days=-1, microseconds=7))
    setters.set_ltod(db, 368, timedelta(hours=1))
    setters.set_char(db, 376, "ä")
    setters.set_wchar(db, 378, "Ω")
    setters.set_ldt(db, 380, moment)
    db[388:390] = b"\x21\x27"
    places = {
        "DB1.300:DTL": "2024-02-29T23:59:58.123456000",
        "DB1.312:DT": "2024-02-29T23:59:58.123",
        "DB1.320:DATE": "2024-02-29",
        "DB1.322:TOD": 23 * 3_600_000 + 5,
        "DB1.326:TIME": struct.unpack_from(">i", db, 326)[0],
        "DB1.330:WSTRING[10]": "Ω ≈ 5",
        "DB1.360:LTIME": -86_400_000_000_000 + 7_000,
        "DB1.368:LTOD": 3_600_000_000_000,
        "DB1.376:CHAR": "ä",
        "DB1.378:WCHAR": "Ω",
        "DB1.380:LDT": "2024-02-29T23:59:58.123456000",
        "DB1.388:S5TIME": 127_000,
        "T3": 123_000,
        "T0": 120_000,
        "C7": 127,
    }
    tags = []
    for address in places:
        data_type = data_type_of(address)
        assert data_type is not None
        tags.append((address, data_type))
    driver, group = device_of(plc, tags)
    try:
        await driver.connect([group])
        found = await scan(driver, group)
        assert found == {address: (value, Quality.GOOD) for address, value in places.items()}
        assert [request.words for request in driver.planned(group)] == [
            "counter 7",
            "DB1 bytes 300 to 389",
            "timers 0 to 3",
        ]
    finally:
        await driver.close()
