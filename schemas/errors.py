"""The one hierarchy of errors that Spindle shows to people.

An error says what happened in a plain sentence, `hint` says what to do, and `retryable` tells the
owner of the retry whether the same call can succeed later without anybody acting.
The docstring of a class is its default message.
"""

from __future__ import annotations

from collections.abc import Sequence
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
