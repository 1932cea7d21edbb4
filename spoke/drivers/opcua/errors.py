"""From asyncua's errors and OPC UA's status codes to our errors; a test proves it complete.

Status codes: OPC 10000-4, section 7.39, and OPC 10000-6, annex A.2.
"""

from __future__ import annotations

import struct

from asyncua import ua
from asyncua.common.utils import ServiceError
from asyncua.crypto.uacrypto import InvalidSignature as UaInvalidSignature
from asyncua.ua.status_codes import StatusCodes as Codes
from asyncua.ua.uaerrors import UaError, UaStatusCodeError
from cryptography.exceptions import InvalidSignature

from schemas.errors import (
    DeviceError,
    DeviceLoginError,
    DeviceTimeoutError,
    ProtocolError,
    RefusedError,
    UnreachableError,
)
from spoke.drivers.opcua.certificates import grouped

LIBRARY_ERRORS: tuple[type[Exception], ...] = (
    UaError,
    OSError,  # also ConnectionError, socket.gaierror and TimeoutError
    InvalidSignature,
    UaInvalidSignature,
    ValueError,  # decoding: unknown enumeration, not UTF-8, broken certificate
    struct.error,
)
"""What asyncua's client raises. To be caught around calls of the library only."""

_SECURITY = "Choose a security policy and messages that the server offers."
_BUSY = "Close other clients or raise the server's limit of sessions."
_ENDPOINT = "Check host, port and path of the endpoint as the server's own settings show them."
_ENDED = "Spindle connects again by itself; if this repeats, look into the server's log."

_Rule = tuple[type[DeviceError], str, str]

_LOGIN: _Rule = (DeviceLoginError, "The server refused the login.", DeviceLoginError.hint)

SERVICE_FAULTS: dict[int, _Rule] = {
    Codes.BadUserAccessDenied: _LOGIN,
    Codes.BadIdentityTokenInvalid: _LOGIN,
    Codes.BadIdentityTokenRejected: _LOGIN,
    Codes.BadUserSignatureInvalid: _LOGIN,
    Codes.BadSecurityPolicyRejected: (RefusedError, "The server refused the security.", _SECURITY),
    Codes.BadSecurityModeRejected: (RefusedError, "The server refused the security.", _SECURITY),
    Codes.BadSecurityModeInsufficient: (
        RefusedError,
        "The server wants an encrypted connection.",
        _SECURITY,
    ),
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

LOGIN_REFUSED = frozenset(code for code, rule in SERVICE_FAULTS.items() if rule is _LOGIN)

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


def translate(error: Exception, endpoint: str, own: str = "") -> DeviceError:
    """Our error for an error of the library; raise it `from error`.

    `own` is the fingerprint of the gateway's certificate, where the server has seen it.
    """
    if isinstance(error, UaStatusCodeError | ServiceError):
        return _from_code(int(error.code), endpoint, own)
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


def distrusted(endpoint: str, own: str) -> UnreachableError:
    """The server closed the connection without a word when it saw our certificate.

    Unreachable, not refused: a server that is just starting does the same, and is soon back.
    """
    return UnreachableError(
        f"{endpoint} closed the connection when the gateway showed its certificate.",
        hint=_trust_us(own),
    )


def _trust_us(own: str) -> str:
    return (
        "Trust the gateway's certificate on the server: it is usually among the rejected ones "
        "there (a folder pki/rejected, or the certificates in the server's settings), from where "
        f"you move it to the trusted ones. Its SHA-256 fingerprint is {grouped(own) or 'unknown'}."
    )


def _from_code(code: int, endpoint: str, own: str) -> DeviceError:
    name = ua.StatusCode(code).name
    rule = SERVICE_FAULTS.get(code)
    if code == Codes.BadSecurityChecksFailed or name.startswith("BadCertificate"):
        rule = (RefusedError, "The server refused this gateway's certificate.", _trust_us(own))
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
