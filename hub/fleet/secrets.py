"""Passwords in connection settings leave the hub as a mask, except in the manifest.

A field is secret when its schema says `format: password`, so a new driver needs nothing here.
"""

from __future__ import annotations

from schemas.config.base import Config
from schemas.config.devices import DeviceConfig
from schemas.errors import ConfigError

MASK = "********"
_TARGET = ("driver", "host", "port", "endpoint", "security")
"""Fields of a connection that decide who gets to see its secrets."""


def secret_fields(config: DeviceConfig) -> list[str]:
    """Names of the connection's fields that hold a secret."""
    return secret_fields_of(type(config.connection))


def secret_fields_of(settings: type[Config]) -> list[str]:
    """The same by the class of a driver's settings."""
    found = []
    for name, field in settings.model_fields.items():
        extra = field.json_schema_extra
        if isinstance(extra, dict) and extra.get("format") == "password":
            found.append(name)
    return found


def masked(config: DeviceConfig) -> DeviceConfig:
    """For people: every secret that is set becomes the mask."""
    hidden = {name: MASK for name in secret_fields(config) if getattr(config.connection, name)}
    return _with(config, hidden) if hidden else config


def unmasked(config: DeviceConfig, old: DeviceConfig | None) -> DeviceConfig:
    """What a person sent back: the mask means the secret of `old`.

    Raises ConfigError when there is none, because the mask itself is no password, and when the
    connection goes elsewhere or less protected: who may edit a device must not learn its password.
    """
    moved = old is None or any(
        getattr(config.connection, name, None) != getattr(old.connection, name, None)
        for name in _TARGET
    )
    kept: dict[str, str] = {}
    for name in secret_fields(config):
        if getattr(config.connection, name) != MASK:
            continue
        before = "" if old is None or moved else getattr(old.connection, name, "")
        if not before:
            raise ConfigError(
                f"{name}: there is no earlier value that the mask could stand for"
                + (", because the connection goes elsewhere now." if old and moved else "."),
                hint="Type it in.",
                path=f"connection.{name}",
            )
        kept[name] = before
    return _with(config, kept) if kept else config


def _with(config: DeviceConfig, changes: dict[str, str]) -> DeviceConfig:
    connection = config.connection.model_copy(update=changes)
    return config.model_copy(update={"connection": connection})
