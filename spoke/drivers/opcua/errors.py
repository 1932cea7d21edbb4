"""From asyncua's errors and OPC UA's status codes to our errors; a test proves it complete.

Status codes: OPC 10000-4, section 7.39, and OPC 10000-6, annex A.2.
"""

from __future__ import annotations

import struct

from asyncua import ua
from asyncua.common.utils import ServiceError
from asyncua.crypto.uacrypto import InvalidSignature as UaInvalidSignature
from asyncua.ua.status_codes import StatusCodes as Codes
from asyncua.ua.status_codes import get_name_and_doc
from asyncua.ua.uaerrors import UaError, UaStatusCodeError
from cryptography.exceptions import InvalidSignature

from schemas.errors import (
    DeviceError,
    DeviceTimeoutError,
    ProtocolError,
    RefusedError,
    TagReadError,
    UnreachableError,
)

LIBRARY_ERRORS: tuple[type[Exception], ...] = (
    UaError,
    OSError,  # also ConnectionError, socket.gaierror and TimeoutError
    InvalidSignature,
    UaInvalidSignature,
    ValueError,  # decoding: unknown enumeration, not UTF-8, broken certificate
    struct.error,
)
"""What asyncua's client raises. To be caught around calls of the library only."""

_LOGIN = "Check user and password of the device; an empty user logs in as anonymous."
_SECURITY = (
    "Choose the security policy that the server offers, and let the server trust this gateway's "
    "certificate (see the OPC UA page of the documentation)."
)
_BUSY = "Close other clients or raise the server's limit of sessions."
_ENDPOINT = "Check host, port and path of the endpoint as the server's own settings show them."
_ENDED = "Spindle connects again by itself; if this repeats, look into the server's log."

_Rule = tuple[type[DeviceError], str, str]

SERVICE_FAULTS: dict[int, _Rule] = {
    Codes.BadUserAccessDenied: (RefusedError, "The server refused the login.", _LOGIN),
    Codes.BadIdentityTokenInvalid: (RefusedError, "The server refused the login.", _LOGIN),
    Codes.BadIdentityTokenRejected: (RefusedError, "The server refused the login.", _LOGIN),
    Codes.BadUserSignatureInvalid: (RefusedError, "The server refused the login.", _LOGIN),
    Codes.BadSecurityPolicyRejected: (RefusedError, "The server refused the security.", _SECURITY),
    Codes.BadSecurityModeRejected: (RefusedError, "The server refused the security.", _SECURITY),
    Codes.BadSecurityModeInsufficient: (
        RefusedError,
        "The server wants an encrypted connection.",
        _SECURITY,
    ),
    Codes.BadSecurityChecksFailed: (RefusedError, "The server refused the security.", _SECURITY),
    Codes.BadApplicationSignatureInvalid: (
        RefusedError,
        "The server refused the security.",
        _SECURITY,
    ),
    Codes.BadTooManySessions: (RefusedError, "The server has no free session.", _BUSY),
    Codes.BadMaxConnectionsReached: (RefusedError, "The server has no free connection.", _BUSY),
    Codes.BadTcpEndpointUrlInvalid: (UnreachableError, "The endpoint does not exist.", _ENDPOINT),
    Codes.BadTcpServerTooBusy: (UnreachableError, "The server is too busy.", _BUSY),
    Codes.BadServerHalted: (UnreachableError, "The server is halted.", "Start the server."),
    Codes.BadServerNotConnected: (UnreachableError, "The server is not connected.", _ENDED),
    Codes.BadShutdown: (UnreachableError, "The server is shutting down.", _ENDED),
    Codes.BadConnectionClosed: (UnreachableError, "The server closed the connection.", _ENDED),
    Codes.BadSecureChannelClosed: (UnreachableError, "The server closed the channel.", _ENDED),
    Codes.BadSecureChannelIdInvalid: (UnreachableError, "The server closed the channel.", _ENDED),
    Codes.BadSecureChannelTokenUnknown: (
        UnreachableError,
        "The server closed the channel.",
        _ENDED,
    ),
    Codes.BadSessionIdInvalid: (UnreachableError, "The server ended the session.", _ENDED),
    Codes.BadSessionClosed: (UnreachableError, "The server ended the session.", _ENDED),
    Codes.BadSessionNotActivated: (UnreachableError, "The server ended the session.", _ENDED),
    Codes.BadNoSubscription: (UnreachableError, "The server ended the subscription.", _ENDED),
    Codes.BadSubscriptionIdInvalid: (
        UnreachableError,
        "The server ended the subscription.",
        _ENDED,
    ),
    Codes.BadTimeout: (DeviceTimeoutError, "The server gave up in time.", DeviceTimeoutError.hint),
    Codes.BadRequestTimeout: (
        DeviceTimeoutError,
        "The server gave up in time.",
        DeviceTimeoutError.hint,
    ),
}
"""Codes that mean something to a person; every other one is a ProtocolError with its name."""

NO_SUBSCRIPTIONS = frozenset(
    {
        Codes.BadServiceUnsupported,
        Codes.BadNotSupported,
        Codes.BadNotImplemented,
        Codes.BadTooManySubscriptions,
        Codes.BadUserAccessDenied,
        Codes.BadResourceUnavailable,
        Codes.BadOutOfMemory,
    }
)
"""The server has no (more) subscriptions for us: poll instead."""

NO_ROOM = frozenset(
    {Codes.BadTooManyMonitoredItems, Codes.BadResourceUnavailable, Codes.BadOutOfMemory}
)
"""The server monitors no more items: poll the group instead."""

TOO_LARGE = frozenset(
    {
        Codes.BadTooManyOperations,
        Codes.BadEncodingLimitsExceeded,
        Codes.BadRequestTooLarge,
        Codes.BadResponseTooLarge,
        Codes.BadTcpMessageTooLarge,
    }
)
"""The same request can succeed with fewer nodes."""


def translate(error: Exception, endpoint: str) -> DeviceError:
    """Our error for an error of the library; raise it `from error`."""
    if isinstance(error, UaStatusCodeError | ServiceError):
        return _from_code(int(error.code), endpoint)
    if isinstance(error, TimeoutError):
        return DeviceTimeoutError(f"{endpoint} did not answer in time.")
    if isinstance(error, OSError):
        return _from_network(error, endpoint)
    if isinstance(error, InvalidSignature | UaInvalidSignature):
        return RefusedError(f"{endpoint} did not sign with its own certificate.", hint=_SECURITY)
    if "No matching endpoints" in str(error):
        return RefusedError(
            f"{endpoint} offers no endpoint with this security policy.", hint=_SECURITY
        )
    return ProtocolError(
        f"{endpoint} sent something that is not OPC UA: {error or type(error).__name__}."
    )


def code_of(error: DeviceError) -> int:
    """The status code from which an error was translated; 0 where there was none."""
    cause = error.__cause__
    return int(cause.code) if isinstance(cause, UaStatusCodeError | ServiceError) else 0


def tag_error(code: int, name: str, address: str) -> TagReadError:
    """What is wrong with one tag whose value has this bad status code."""
    status, text = get_name_and_doc(code & 0xFFFF0000)
    return TagReadError(
        f"{name}: the server says {status} for {address}. {text}",
        hint="Compare the address with the server's address space, for example in UaExpert; "
        "the other tags are read on.",
    )


def _from_code(code: int, endpoint: str) -> DeviceError:
    name = ua.StatusCode(code).name
    rule = SERVICE_FAULTS.get(code)
    if rule is None and name.startswith("BadCertificate"):
        rule = (RefusedError, "The server refused this gateway's certificate.", _SECURITY)
    if rule is None:
        rule = (ProtocolError, "The server refused a request.", ProtocolError.hint)
    kind, text, hint = rule
    return kind(f"{endpoint}: {text.removesuffix('.')} ({name}).", hint=hint)


def _from_network(error: OSError, endpoint: str) -> DeviceError:
    if isinstance(error, ConnectionRefusedError):
        return UnreachableError(f"Nothing listens at {endpoint}.")
    if isinstance(error, ConnectionError):
        return UnreachableError(f"The connection to {endpoint} was lost.")
    return UnreachableError(f"No way to {endpoint}: {error.strerror or error}.")
