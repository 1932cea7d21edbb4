"""The table from asyncua's errors to ours is complete."""

from __future__ import annotations

import importlib
import inspect
import pkgutil

import asyncua
import pytest
from asyncua.common.utils import ServiceError
from asyncua.ua import uaerrors
from asyncua.ua.status_codes import StatusCodes as Codes
from asyncua.ua.uaerrors import UaError, UaStatusCodeError

from schemas.errors import (
    DeviceError,
    DeviceLoginError,
    DeviceTimeoutError,
    ProtocolError,
    RefusedError,
    UnreachableError,
)
from spoke.drivers.opcua.errors import (
    LIBRARY_ERRORS,
    SERVICE_FAULTS,
    code_of,
    distrusted,
    translate,
)

ENDPOINT = "opc.tcp://127.0.0.1:4840"
NOT_IN_THE_CLIENT = {
    "SqlInjectionError",  # history database of the server
    "ClientNotFound",  # high availability client
    "ThreadLoopNotRunning",  # synchronous client
}


def library_errors() -> list[type[Exception]]:
    """Every exception class that asyncua defines or imports, in all of its modules."""
    found: set[type[Exception]] = set()
    for info in pkgutil.walk_packages(asyncua.__path__, "asyncua."):
        if "standard_address_space" in info.name or "tools" in info.name:
            continue
        module = importlib.import_module(info.name)
        for _, item in inspect.getmembers(module, inspect.isclass):
            if issubclass(item, Exception) and item.__module__.partition(".")[0] in (
                "asyncua",
                "cryptography",
            ):
                found.add(item)
    return sorted(found, key=lambda item: item.__name__)


def test_every_error_of_the_library_is_caught() -> None:
    found = library_errors()
    assert len(found) > 200
    missed = [
        item.__name__
        for item in found
        if not issubclass(item, LIBRARY_ERRORS) and item.__name__ not in NOT_IN_THE_CLIENT
    ]
    assert missed == []


def test_every_status_code_reads_as_a_device_error_with_its_name() -> None:
    codes = [item for item in vars(uaerrors).values() if inspect.isclass(item)]
    checked = 0
    for item in codes:
        if not issubclass(item, UaStatusCodeError) or not isinstance(
            getattr(item, "code", None), int
        ):
            continue
        ours = translate(item(), ENDPOINT)
        assert isinstance(ours, DeviceError)
        assert item.__name__ in ours.message
        assert ENDPOINT in ours.message
        assert ours.hint
        checked += 1
    assert checked > 200


@pytest.mark.parametrize(
    ("error", "kind", "text"),
    [
        (ConnectionRefusedError(111, "refused"), UnreachableError, "Nothing listens"),
        (ConnectionResetError(), UnreachableError, "was lost"),
        (OSError(-2, "Name or service not known"), UnreachableError, "not known"),
        (TimeoutError(), DeviceTimeoutError, "in time"),
        (UaStatusCodeError(Codes.BadUserAccessDenied), DeviceLoginError, "login"),
        (UaStatusCodeError(Codes.BadCertificateUntrusted), RefusedError, "certificate"),
        (UaStatusCodeError(Codes.BadSecurityPolicyRejected), RefusedError, "security"),
        (UaStatusCodeError(Codes.BadSecurityChecksFailed), RefusedError, "certificate"),
        (UaError("No matching endpoints: 1, x"), RefusedError, "security policy"),
        (ServiceError(Codes.BadTooManySessions), RefusedError, "session"),
        (UaError("odd"), ProtocolError, "odd"),
        (ValueError("odd"), ProtocolError, "odd"),
    ],
)
def test_errors_say_what_happened(error: Exception, kind: type[DeviceError], text: str) -> None:
    ours = translate(error, ENDPOINT)
    assert type(ours) is kind
    assert text in ours.message
    assert ours.hint


@pytest.mark.parametrize("code", [Codes.BadCertificateUntrusted, Codes.BadSecurityChecksFailed])
def test_a_server_that_refuses_our_certificate_says_which_and_what_to_do(code: int) -> None:
    ours = translate(UaStatusCodeError(code), ENDPOINT, "0123456789abcdef" * 4)
    assert "0123 4567 89ab cdef 0123" in ours.hint
    assert "rejected" in ours.hint
    assert "0123 4567" in distrusted(ENDPOINT, "0123456789abcdef" * 4).hint


def test_the_table_names_only_bad_codes() -> None:
    assert all(code >> 30 == 2 for code in SERVICE_FAULTS)


def test_the_code_behind_an_error_is_kept() -> None:
    cause = UaStatusCodeError(Codes.BadTooManyOperations)
    ours = translate(cause, ENDPOINT)
    assert code_of(ours) == 0
    ours.__cause__ = cause
    assert code_of(ours) == Codes.BadTooManyOperations
