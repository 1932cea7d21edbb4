"""The base of every model that people write, and how its errors read."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    StringConstraints,
    ValidationError,
    model_validator,
)

from schemas.errors import ConfigError


class Config(BaseModel):
    """Unknown fields are errors, and a model never changes after it was made."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    @model_validator(mode="after")
    def _no_nul(self) -> Self:
        """PostgreSQL has no NUL in a text."""
        for name, value in self:
            if isinstance(value, str) and "\0" in value:
                raise ValueError(f"{name}: the character NUL is not allowed")
        return self


def _no_control_characters(text: str) -> str:
    if any(ord(char) < 32 for char in text):
        raise ValueError("control characters are not allowed")
    return text


Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=100),
    AfterValidator(_no_control_characters),
]
Host = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=253, pattern=r"^[^\s/]+$"),
]


def explain(error: ValidationError, prefix: str = "") -> list[ConfigError]:
    """One ConfigError per problem, each with its path such as `tags.3.address`."""
    found = []
    for item in error.errors(include_url=False):
        path = ".".join(str(part) for part in item["loc"])
        full = ".".join(part for part in (prefix, path) if part)
        message = item["msg"].removeprefix("Value error, ")
        if item["type"] == "enum":  # say what was written before what is possible
            choices = item["ctx"]["expected"].replace("'", "").replace(" or ", ", ")
            message = f"{str(item['input'])[:50]!r} is none of {choices}"
        found.append(ConfigError(f"{full or 'value'}: {message}", path=full))
    return found
