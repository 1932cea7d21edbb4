"""Bodies of requests and answers about profiles."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import ConfigDict, Field

from hub.api.models import Answer
from hub.bulk import Parameter, Profile
from schemas.config.base import Config, Name

Rows = Annotated[tuple[dict[str, str], ...], Field(min_length=1, max_length=1000)]
Json = dict[str, Any]


class ParameterBody(Config):
    name: Annotated[str, Field(max_length=50)]
    """Stands as `{name}` in texts; `{name}` itself, the device's name, needs no line here."""
    title: Annotated[str, Field(max_length=100)] = ""
    default: Annotated[str, Field(max_length=500)] = ""
    """Empty: every device needs a value."""


class ProfileCreate(Config):
    name: Name
    description: Annotated[str, Field(max_length=500)] = ""
    parameters: Annotated[tuple[ParameterBody, ...], Field(max_length=100)] = ()
    device: Json
    """As a new device, with parameters in texts; a number is given as a text: `"{port}"`."""
    tags: Annotated[tuple[Json, ...], Field(max_length=20_000)] = ()
    """As new tags, with parameters."""

    def profile(self, profile_id: int = 0, version: int = 0) -> Profile:
        parameters = tuple(Parameter(p.name, p.title, p.default) for p in self.parameters)
        return Profile(
            id=profile_id,
            name=self.name,
            version=version,
            description=self.description,
            driver="",
            parameters=parameters,
            device=self.device,
            tags=self.tags,
        )


class ProfileChange(ProfileCreate):
    version: Annotated[int, Field(ge=1)]
    """The version that was read; an older one is refused (409)."""


class ProfileDevices(Config):
    """A row per device: values of the parameters, and its `name`."""

    model_config = ConfigDict(coerce_numbers_to_str=True)

    spoke_id: int
    rows: Rows


class ProfileUpdate(Config):
    device_ids: Annotated[tuple[int, ...], Field(min_length=1, max_length=1000)]


class ParameterAnswer(Answer):
    name: str
    title: str
    default: str


class ProfileAnswer(Answer):
    id: int
    """0 for a draft that is not saved."""
    name: str
    version: int
    description: str
    driver: str
    parameters: list[ParameterAnswer]
    device: Json
    tags: list[Json]
    devices: int
    """Made from it, of any version."""
