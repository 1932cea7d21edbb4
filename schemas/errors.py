"""The one hierarchy of errors that Spindle shows to people.

An error says what happened in a plain sentence, `hint` says what to do, and `retryable` tells the
owner of the retry whether the same call can succeed later without anybody acting.
The docstring of a class is its default message.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar


class SpindleError(Exception):
    """Spindle could not do what was asked."""

    hint: str = ""
    retryable: ClassVar[bool] = False

    def __init__(
        self, message: str | None = None, *, hint: str | None = None, path: str = ""
    ) -> None:
        """`path` names the place in a configuration, for example `devices.3.tags.17.address`."""
        self.message = message or (type(self).__doc__ or "").strip().splitlines()[0]
        if hint is not None:
            self.hint = hint
        self.path = path
        super().__init__(self.message)

    def as_dict(self) -> dict[str, Any]:
        """What crosses the wire: kind, message, hint, path, retryable."""
        return {
            "kind": type(self).__name__,
            "message": self.message,
            "hint": self.hint,
            "path": self.path,
            "retryable": self.retryable,
        }


# --- what people configured -------------------------------------------------------------------


class ConfigError(SpindleError):
    """The configuration is not valid."""

    hint = "Correct the named field and save again."


class AddressError(ConfigError):
    """The driver does not know this address."""

    hint = "Look up the address forms on the driver's page in the documentation."


class NotFoundError(SpindleError):
    """This does not exist (any more)."""

    hint = "Reload the page; somebody else may have deleted it."


class ConflictError(SpindleError):
    """Something else already has this name, or it was changed in the meantime."""

    hint = "Choose another name, or reload and apply the change again."


# --- people and rights ------------------------------------------------------------------------


class LoginError(SpindleError):
    """The user name or the password is wrong."""

    hint = "Check both; after five wrong tries the account pauses for a minute."


class TooManyTriesError(LoginError):
    """There were too many tries to log in from this address."""

    hint = "Wait a minute."
    retryable = True


class ForbiddenError(SpindleError):
    """Your role does not allow this."""

    hint = "Ask an administrator for a role that includes it."


# --- bytes from elsewhere ---------------------------------------------------------------------


class FrameError(SpindleError):
    """These bytes are not a frame or batch that this version can read."""

    hint = "The message is kept in the table dead_letters; compare the versions of hub and spoke."


# --- devices ----------------------------------------------------------------------------------


class DeviceError(SpindleError):
    """The device could not be read."""

    retryable = True


class UnreachableError(DeviceError):
    """No connection to the device."""

    hint = "Check host, port, cabling and firewall."


class DeviceTimeoutError(DeviceError):
    """The device did not answer in time."""

    hint = "Check the device's load and the network, or raise the timeout."


class ProtocolError(DeviceError):
    """The device answered with something that the protocol does not allow."""

    hint = "Check that this port really speaks the protocol; Spindle reconnects."


class RefusedError(DeviceError):
    """The device refused the session."""

    hint = "Check user, password, rack, slot or unit id."


class TagReadError(DeviceError):
    """The device has no value at this address."""

    hint = "Check the address against the PLC program; the other tags are read on."


class DeviceLoginError(RefusedError):
    """The device refused the user or the password."""

    hint = (
        "Check login, user and password of the device. Many servers lock an account after some "
        "wrong tries: then unlock it on the server. Spindle tries again only every few minutes; "
        "Try now does not wait."
    )


class CertificateError(RefusedError):
    """The other side's certificate is not trusted."""

    hint = "Compare its fingerprint with the one on the server, then trust it on the device's page."


class WriteRefusedError(SpindleError):
    """The value was not written."""

    hint = "Check access, write limits and data type of the tag."


# --- the platform's own servers ---------------------------------------------------------------


class StorageError(SpindleError):
    """The database cannot take data now."""

    hint = "Nothing is lost: the data waits in the stream. Check the database server."
    retryable = True


class StorageVersionError(SpindleError):
    """This database belongs to another version of Spindle or PostgreSQL."""

    hint = (
        "Use PostgreSQL 15 or newer, and the Spindle version that wrote the schema or a newer one."
    )


class SpokeOfflineError(SpindleError):
    """The gateway does not answer."""

    hint = "Check that the gateway runs and its link is up; the Gateways page shows since when."
    retryable = True


class StartError(SpindleError):
    """Spindle could not start."""


class ConfigErrors(ConfigError):  # noqa: N818 - several of them
    """The configuration has problems."""

    def __init__(self, problems: Sequence[SpindleError]) -> None:
        """`problems` are all of them, each with its path."""
        self.problems = tuple(problems)
        first = self.problems[0]
        more = f" (and {len(self.problems) - 1} more)" if len(self.problems) > 1 else ""
        super().__init__(f"{first.message}{more}", hint=first.hint, path=first.path)


# --- from the wire ----------------------------------------------------------------------------


def error_of(found: Mapping[str, Any] | None) -> SpindleError:
    """The error of an `as_dict` map that crossed the wire, by its kind; SpindleError for a kind
    that this version does not know, and for those about people, which only the hub can raise."""
    found = found or {}
    name = found.get("kind")
    kind = _KINDS.get(name, SpindleError) if isinstance(name, str) else SpindleError
    hint = _text(found["hint"]) if "hint" in found else None
    return kind(_text(found.get("message")) or None, hint=hint, path=_text(found.get("path")))


def _text(found: object) -> str:
    return "" if found is None else str(found)[:_MAX_TEXT].replace("\0", "")


def _below(kind: type[SpindleError]) -> list[type[SpindleError]]:
    return [kind, *(item for child in kind.__subclasses__() for item in _below(child))]


_MAX_TEXT = 2000
_KINDS: dict[str, type[SpindleError]] = {
    kind.__name__: kind
    for kind in _below(SpindleError)
    if not issubclass(kind, LoginError | ForbiddenError | ConfigErrors)
}
"""Those of this module. Several problems arrive as one."""
_KINDS["ConfigErrors"] = ConfigError
