"""Every error of python-snap7 and every code of a CPU becomes one of ours, with advice."""

from __future__ import annotations

import importlib
import pkgutil

import pytest
import snap7
from snap7.error import S7_PROTOCOL_ERROR_CODES, S7ConnectionError, S7ProtocolError
from snap7.s7protocol import S7_RETURN_CODES

from schemas.errors import (
    DeviceError,
    DeviceTimeoutError,
    ProtocolError,
    RefusedError,
    TagReadError,
    UnreachableError,
)
from spoke.drivers.s7.errors import FOREIGN, ITEM_OK, ItemRefusedError, translate


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
    error = translate(kind("what the library says"), "10.0.0.1:102")
    assert type(error) is FOREIGN[kind]
    assert "10.0.0.1:102" in error.message


def test_the_nearest_base_counts() -> None:
    assert type(translate(ConnectionRefusedError(), "cpu")) is UnreachableError
    assert type(translate(TimeoutError(), "cpu")) is DeviceTimeoutError
    assert type(translate(KeyError("x"), "cpu")) is ProtocolError


@pytest.mark.parametrize("code", sorted(set(S7_PROTOCOL_ERROR_CODES) - {0}))
def test_every_header_code_is_a_device_error_with_advice(code: int) -> None:
    error = translate(S7ProtocolError("text", error_code=code), "cpu")
    assert isinstance(error, DeviceError)
    assert error.message
    assert error.hint


@pytest.mark.parametrize("code", [0x8104, 0xD241, 0xD602, 0x0119])
def test_refused_access_says_what_to_do_in_tia_portal(code: int) -> None:
    error = translate(S7ProtocolError("text", error_code=code), "cpu")
    assert type(error) is RefusedError
    assert "PUT/GET" in error.hint


@pytest.mark.parametrize("code", [0x8701, 0x8703])
def test_an_object_error_concerns_only_its_block(code: int) -> None:
    assert isinstance(translate(S7ProtocolError("text", error_code=code), "cpu"), ItemRefusedError)


@pytest.mark.parametrize("code", sorted(set(S7_RETURN_CODES) - {ITEM_OK}))
def test_every_item_code_names_the_place_and_advice(code: int) -> None:
    problem = ItemRefusedError(code).for_place("DB5 bytes 0 to 3")
    assert type(problem) is TagReadError
    assert "DB5 bytes 0 to 3" in problem.message
    assert problem.hint


def test_a_missing_block_may_be_an_optimised_one() -> None:
    assert "Optimized block access" in ItemRefusedError(0x0A).for_place("DB5").hint
