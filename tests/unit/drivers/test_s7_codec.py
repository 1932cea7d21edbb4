"""Decoding of S7 memory, with python-snap7's getters as the oracle."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from snap7.util import getters, setters

from schemas.config.devices import ManifestDevice, ManifestTag
from schemas.config.drivers import S7Config
from schemas.kinds import DataType
from spoke.drivers.base import layouts
from spoke.drivers.s7.codec import decode
from spoke.drivers.s7.planner import plan

ORACLE = {
    DataType.INT8: getters.get_sint,
    DataType.UINT8: getters.get_usint,
    DataType.INT16: getters.get_int,
    DataType.UINT16: getters.get_uint,
    DataType.INT32: getters.get_dint,
    DataType.UINT32: getters.get_udint,
    DataType.INT64: getters.get_lint,
    DataType.UINT64: getters.get_ulint,
    DataType.FLOAT32: getters.get_real,
    DataType.FLOAT64: getters.get_lreal,
}


def decoded(memory: bytes, tags: list[tuple[str, DataType]]) -> dict[str, tuple[object, bool]]:
    """(value, out of range) by address, of values in DB1 whose bytes are `memory`."""
    device = ManifestDevice(
        id=1,
        name="cpu",
        connection=S7Config(host="cpu"),
        tags=tuple(
            ManifestTag(id=i + 1, name=f"t{i}", address=address, data_type=data_type)
            for i, (address, data_type) in enumerate(tags)
        ),
    )
    made = plan(layouts(device)[0], 960, 200)
    image = np.zeros(made.image_bytes, dtype=np.uint8)
    for block in made.blocks:
        piece = memory[block.start : block.start + block.size]
        image[block.offset : block.offset + block.size] = np.frombuffer(piece, dtype=np.uint8)
    found: dict[str, tuple[object, bool]] = {}
    for column in made.columns:
        values, wrong = decode(column, image)
        assert values.shape == (len(column.column.tags),)
        assert (np.dtype(object) if column.column.wire == "O" else column.column.wire) in (
            values.dtype,
            values.dtype.str,
        )
        flags = np.zeros(len(values), dtype=bool) if wrong is None else wrong
        for tag, value, flag in zip(column.column.tags, values.tolist(), flags, strict=True):
            found[f"{tag.address} {tag.data_type}"] = (value, bool(flag))
    return found


@settings(deadline=None)
@given(st.binary(min_size=64, max_size=64), st.integers(0, 56))
def test_numbers_agree_with_snap7(memory: bytes, at: int) -> None:
    found = decoded(memory, [(f"DB1.{at}", kind) for kind in ORACLE])
    for kind, oracle in ORACLE.items():
        value, wrong = found[f"DB1.{at} {kind}"]
        expected = oracle(bytearray(memory), at)
        if kind is DataType.UINT64 and expected > 2**63 - 1:
            assert (value, wrong) == (0, True)
        else:
            np.testing.assert_equal(value, expected)
            assert not wrong


@settings(deadline=None)
@given(st.binary(min_size=4, max_size=4), st.integers(0, 3), st.integers(0, 7))
def test_bits_agree_with_snap7(memory: bytes, byte: int, bit: int) -> None:
    address = f"DB1.DBX{byte}.{bit}"
    expected = getters.get_bool(bytearray(memory), byte, bit)
    assert decoded(memory, [(address, DataType.BOOL)])[f"{address} bool"] == (expected, False)


@settings(deadline=None)
@given(st.text(st.characters(max_codepoint=255, exclude_characters="\x00"), max_size=20))
def test_texts_agree_with_snap7(text: str) -> None:
    memory = bytearray(40)
    setters.set_string(memory, 5, text, 20)
    assert getters.get_string(memory, 5) == text
    found = decoded(bytes(memory), [("DB1.5:20", DataType.STRING)])
    assert found["DB1.5:20 string"] == (text, False)


@pytest.mark.parametrize(
    ("memory", "expected"),
    [
        (b"\x0a\x03abcdefghij", ("abc", False)),
        (b"\x0a\x0aabcdefghij", ("abcdefghij", False)),
        (b"\x0a\x0babcdefghij", ("", True)),  # more characters than the maximum
        (b"\xfe\x14abcdefghij", ("", True)),  # longer than the address declares
        (b"\x05\x06abcdefghij", ("", True)),
        (b"\x00\x00abcdefghij", ("", False)),
        (b"\x0a\x03a\x00cdefghij", ("ac", False)),
    ],
)
def test_text_headers(memory: bytes, expected: tuple[str, bool]) -> None:
    found = decoded(memory, [("DB1.0:10", DataType.STRING)])
    assert found["DB1.0:10 string"] == expected


def test_uint64_at_the_border() -> None:
    memory = (2**63 - 1).to_bytes(8, "big") + (2**63).to_bytes(8, "big") + b"\xff" * 8
    found = decoded(
        memory,
        [
            ("DB1.0", DataType.UINT64),
            ("DB1.8", DataType.UINT64),
            ("DB1.16", DataType.UINT64),
            ("DB1.16", DataType.INT64),
        ],
    )
    assert found == {
        "DB1.0 uint64": (2**63 - 1, False),
        "DB1.8 uint64": (0, True),
        "DB1.16 uint64": (0, True),
        "DB1.16 int64": (-1, False),
    }
