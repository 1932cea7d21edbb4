"""Every error of python-snap7 and every code of a CPU becomes one of ours, with advice."""

from __future__ import annotations

import importlib
import pkgutil

import pytest
import snap7
from snap7.error import S7_PROTOCOL_ERROR_CODES, S7ConnectionError, S7ProtocolError
from snap7.s7protocol import S7_RETURN_CODES

from schemas.config.s7 import S7Family
from schemas.errors import (
    DeviceError,
    DeviceTimeoutError,
    ProtocolError,
    RefusedError,
    TagReadError,
    UnreachableError,
    WriteRefusedError,
)
from spoke.drivers.s7.errors import (
    FOREIGN,
    ItemRefusedError,
    read_refusal,
    translate,
    write_refusal,
)
from spoke.drivers.s7.messages import OK


def errors_of_the_library() -> set[type[Exception]]:
    found: set[type[Exception]] = set()
    for module in pkgutil.walk_packages(snap7.__path__, "snap7."):
        if module.name.endswith("__main__"):
            continue
        try:
            names = vars(importlib.import_module(module.name))
        except ImportError:  # an optional extra of the library, such as its command line
            continue
        found |= {
            value
            for value in names.values()
            if isinstance(value, type)
            and issubclass(value, Exception)
            and value.__module__.startswith("snap7")
        }
    return found


def test_the_table_names_every_error_of_the_library() -> None:
    library = errors_of_the_library()
    assert S7ConnectionError in library
    assert library <= FOREIGN.keys()


@pytest.mark.parametrize("kind", FOREIGN, ids=lambda kind: kind.__name__)
def test_every_error_is_translated(kind: type[Exception]) -> None:
    error = translate(kind("what the library says"), "10.0.0.1:102", S7Family.S7_1500)
    assert type(error) is FOREIGN[kind]
    assert "10.0.0.1:102" in error.message


def test_the_nearest_base_counts() -> None:
    assert type(translate(ConnectionRefusedError(), "cpu", S7Family.S7_1500)) is UnreachableError
    assert type(translate(TimeoutError(), "cpu", S7Family.S7_1500)) is DeviceTimeoutError
    assert type(translate(KeyError("x"), "cpu", S7Family.S7_1500)) is ProtocolError


@pytest.mark.parametrize("code", sorted(set(S7_PROTOCOL_ERROR_CODES) - {0}))
def test_every_header_code_is_a_device_error_with_advice(code: int) -> None:
    error = translate(S7ProtocolError("text", error_code=code), "cpu", S7Family.S7_1500)
    assert isinstance(error, DeviceError)
    assert error.message
    assert error.hint


@pytest.mark.parametrize("code", [0x8104, 0xD241, 0xD602, 0x0119])
def test_refused_access_says_what_to_do_in_tia_portal(code: int) -> None:
    error = translate(S7ProtocolError("text", error_code=code), "cpu", S7Family.S7_1500)
    assert type(error) is RefusedError
    assert "PUT/GET" in error.hint


@pytest.mark.parametrize("code", [0x8701, 0x8703])
def test_an_object_error_concerns_only_its_block(code: int) -> None:
    assert isinstance(read_refusal(code, S7Family.S7_1500), ItemRefusedError)


@pytest.mark.parametrize("code", sorted(set(S7_RETURN_CODES) - {OK}))
def test_every_item_code_names_the_place_and_advice(code: int) -> None:
    problem = ItemRefusedError(code).for_place("DB5 bytes 0 to 3", S7Family.S7_1500)
    assert type(problem) is TagReadError
    assert "DB5 bytes 0 to 3" in problem.message
    assert problem.hint


def test_a_missing_block_may_be_an_optimised_one() -> None:
    assert (
        "Optimized block access" in ItemRefusedError(0x0A).for_place("DB5", S7Family.S7_1200).hint
    )


@pytest.mark.parametrize(
    ("family", "block", "access"),
    [
        (S7Family.S7_1500, "Optimized block access", "Connection mechanisms"),
        (S7Family.S7_1200, "Optimized block access", "Connection mechanisms"),
        (S7Family.S7_300, "SIMATIC Manager", "Access level"),
        (S7Family.S7_400, "SIMATIC Manager", "Access level"),
        (S7Family.LOGO, "Parameter VM Mapping", "Ethernet Connections"),
        (S7Family.S7_200_SMART, "V memory", "Micro/WIN SMART"),
    ],
)
def test_the_advice_is_for_the_family(family: S7Family, block: str, access: str) -> None:
    for code in (0x05, 0x0A):
        assert block in ItemRefusedError(code).for_place("DB5", family).hint
    assert access in read_refusal(0x8104, family).hint
    assert access in write_refusal(0x03, "DB5", family).hint


@pytest.mark.parametrize("code", sorted(set(S7_PROTOCOL_ERROR_CODES) | set(S7_RETURN_CODES)))
def test_every_refused_write_names_the_place(code: int) -> None:
    error = write_refusal(code, "DB5 bytes 0 to 3", S7Family.S7_1500)
    assert type(error) is WriteRefusedError
    assert "DB5 bytes 0 to 3" in error.message
    assert error.hint
