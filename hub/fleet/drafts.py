"""Profiles as people write them: checked before they are saved, and drafted from a device. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import NoReturn

from pydantic import TypeAdapter, ValidationError

from hub.bulk import Parameter, Profile
from hub.fleet.secrets import secret_fields_of
from hub.fleet.templates import NAME, Template, check_template, plain
from hub.fleet.validation import check_no_function
from schemas.config.base import Name, explain
from schemas.config.devices import DeviceConfig, TagConfig
from schemas.config.drivers import DRIVERS
from schemas.errors import ConfigError, ConfigErrors, SpindleError

MAX_TAGS = 20_000
_NAME: TypeAdapter[str] = TypeAdapter(Name)
_ONE_HOLE = re.compile(r"\{[A-Za-z_][A-Za-z0-9_]*\}")

_OPEN = {"host": "Host", "endpoint": "Endpoint", "serial_port": "Serial port", "unit_id": "Unit id"}
"""Fields of a connection that differ from device to device of one kind."""


def template_of(profile: Profile) -> Template:
    return Template(profile.device, profile.tags, profile.parameters)


def checked(profile: Profile) -> Profile:
    """The profile as it is kept. Raises ConfigErrors with paths `name`, `parameters.<i>...`,
    `device...` and `tags.<i>...`."""
    device = {NAME: f"{{{NAME}}}", **profile.device}
    connection = device.get("connection")
    driver = connection.get("driver") if isinstance(connection, dict) else None
    if not isinstance(connection, dict) or driver not in DRIVERS:
        _refuse("device.connection.driver", f"The driver is one of {', '.join(DRIVERS)}.")
    if len(profile.tags) > MAX_TAGS:
        _refuse("tags", f"A profile has at most {MAX_TAGS:,} tags.")
    try:
        name = _NAME.validate_python(profile.name)
    except ValidationError as error:
        raise ConfigErrors(explain(error, "name")) from error
    template = Template(device, profile.tags, profile.parameters)
    try:
        problems = [*check_template(template), *_open_secrets(template, driver)]
    except RecursionError:
        _refuse("device", "It is nested too deeply.")
    if problems:
        raise ConfigErrors(problems)
    _must_be_storable(profile)
    return Profile(
        id=profile.id,
        name=name,
        version=profile.version,
        description=profile.description.strip()[:500],
        driver=driver,
        parameters=profile.parameters,
        device=device,
        tags=profile.tags,
        devices=profile.devices,
    )


def draft(name: str, config: DeviceConfig, tags: Sequence[TagConfig]) -> Profile:
    """A profile of this device: what differs between devices becomes a parameter, secrets go.

    Raises ConfigErrors for a function.
    """
    check_no_function(config)
    device = plain(config.model_dump(mode="json", exclude={"name", "enabled"}))
    connection = device["connection"]
    parameters = [Parameter(NAME, "Name")]
    for field, title in _OPEN.items():
        if connection.get(field) in (None, ""):
            continue
        default = str(connection[field]) if field == "unit_id" else ""
        parameters.append(Parameter(field, title, default))
        connection[field] = f"{{{field}}}"
    settings = DRIVERS[config.connection.driver]
    for field in secret_fields_of(settings):
        if connection[field]:
            parameters.append(Parameter(field, settings.model_fields[field].title or field))
            connection[field] = f"{{{field}}}"
    return Profile(
        id=0,
        name=name,
        version=0,
        description=config.description,
        driver=config.connection.driver,
        parameters=tuple(parameters),
        device={NAME: f"{{{NAME}}}", **device},
        tags=tuple(plain(tag.model_dump(mode="json", exclude_defaults=True)) for tag in tags),
    )


def secret_parameters(template: Template, driver: str) -> frozenset[str]:
    """Those that fill a secret field."""
    places = secret_places(driver)
    return frozenset(name for path, name in template.holes if path in places)


def secret_places(driver: str) -> frozenset[str]:
    """Paths of a template that hold a secret."""
    return frozenset(f"connection.{field}" for field in secret_fields_of(DRIVERS[driver]))


def shown_secrets(template: Template, driver: str, names: frozenset[str]) -> Iterator[SpindleError]:
    """Secret parameters that stand where everybody may read their values."""
    places = secret_places(driver)
    for path, name in template.holes:
        if name in names and path not in places:
            yield ConfigError(
                f"{{{name}}} is a secret and would be shown here.",
                hint="Use another parameter.",
                path=path if path.startswith("tags.") else f"device.{path}",
            )


def _open_secrets(template: Template, driver: str) -> Iterator[SpindleError]:
    """Everybody who may look at devices reads profiles, so they hold no password."""
    connection = template.device["connection"]
    parameters = enumerate(template.parameters)
    defaults = {f"{{{item.name}}}": index for index, item in parameters if item.default}
    for field in secret_fields_of(DRIVERS[driver]):
        text = str(connection.get(field) or "")
        if text and not _ONE_HOLE.fullmatch(text):
            yield ConfigError(
                f"{field}: a profile cannot hold a secret, because everybody reads it.",
                hint=f"Write a parameter instead, such as {{{field}}}.",
                path=f"device.connection.{field}",
            )
        if text in defaults:
            yield ConfigError(
                f"{field}: the default would show a secret to everybody.",
                hint="Leave the default empty.",
                path=f"parameters.{defaults[text]}.default",
            )
    yield from shown_secrets(template, driver, secret_parameters(template, driver))


def _must_be_storable(profile: Profile) -> None:
    """PostgreSQL has neither NUL nor half of a character."""
    texts = json.dumps([profile.device, profile.tags, profile.description], ensure_ascii=False)
    names = "".join(f"{item.name}{item.title}{item.default}" for item in profile.parameters)
    try:
        (texts + names).encode()
    except UnicodeEncodeError:
        _refuse("device", "There is half of a Unicode character in one of the texts.")
    if "\\u0000" in texts or "\0" in names:
        _refuse("device", "The character NUL is not allowed.")


def _refuse(path: str, message: str) -> NoReturn:
    raise ConfigErrors([ConfigError(message, path=path)])
