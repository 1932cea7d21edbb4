"""Connection settings of an OPC UA server."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from schemas.config.base import Config


class OpcUaMode(StrEnum):
    SUBSCRIBE = "subscribe"
    POLL = "poll"


class OpcUaSecurity(StrEnum):
    NONE = "None"
    BASIC256SHA256 = "Basic256Sha256"
    AES128_SHA256_RSAOAEP = "Aes128_Sha256_RsaOaep"
    AES256_SHA256_RSAPSS = "Aes256_Sha256_RsaPss"


class OpcUaMessages(StrEnum):
    SIGN = "Sign"
    SIGN_AND_ENCRYPT = "SignAndEncrypt"


class OpcUaLogin(StrEnum):
    ANONYMOUS = "anonymous"
    PASSWORD = "password"  # noqa: S105 - the name of a choice
    CERTIFICATE = "certificate"


class OpcUaFilter(StrEnum):
    STATUS = "status"
    STATUS_VALUE = "status, value"
    STATUS_VALUE_TIME = "status, value, time"


_SECURE = {"when": {"security": [item.value for item in OpcUaSecurity if item.value != "None"]}}
_USER = {"when": {"login": ["password"]}}
_SUBSCRIBED = {"when": {"mode": ["subscribe"]}}


class OpcUaConfig(Config):
    """OPC UA."""

    driver: Literal["opcua"] = "opcua"
    endpoint: Annotated[
        str, Field(title="Endpoint", pattern=r"^opc\.tcp://[^\s/@]+(/\S*)?$", max_length=500)
    ]
    """For example opc.tcp://192.168.0.10:4840."""
    mode: Annotated[OpcUaMode, Field(title="Mode")] = OpcUaMode.SUBSCRIBE
    """Subscribe: the server reports changes. Poll: Spindle reads every scan. Where the server has
    no subscriptions, Spindle polls by itself."""
    security: Annotated[OpcUaSecurity, Field(title="Security policy")] = (
        OpcUaSecurity.BASIC256SHA256
    )
    """None sends everything but the password in clear text: only where the network is trusted."""
    messages: Annotated[OpcUaMessages, Field(title="Messages", json_schema_extra=_SECURE)] = (
        OpcUaMessages.SIGN_AND_ENCRYPT
    )
    """Signed, or signed and encrypted."""
    trusted: Annotated[
        tuple[Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")], ...],
        Field(title="Trusted server certificates", max_length=20),
    ] = ()
    """SHA-256 fingerprints. Spindle shows the certificate of a new server and asks. Without a
    security policy they count only for the login with a password, which is encrypted for it."""
    login: Annotated[OpcUaLogin, Field(title="Login")] = OpcUaLogin.ANONYMOUS
    """With certificate, the gateway proves itself by its own one."""
    username: Annotated[str, Field(title="User", max_length=100, json_schema_extra=_USER)] = ""
    """As it is set up on the server."""
    password: Annotated[
        str,
        Field(
            title="Password",
            max_length=200,
            json_schema_extra={"format": "password", "when": {"login": ["password"]}},
        ),
    ] = ""
    timeout_s: Annotated[float, Field(title="Timeout (s)", gt=0, le=60)] = 4.0
    """How long to wait for one answer."""
    publishing_ms: Annotated[
        int,
        Field(title="Publishing interval (ms)", ge=20, le=60000, json_schema_extra=_SUBSCRIBED),
    ] = 250
    """How often the server reports changes."""
    queue_size: Annotated[
        int, Field(title="Queue per tag", ge=1, le=10000, json_schema_extra=_SUBSCRIBED)
    ] = 10
    """Changes that the server keeps per tag between two reports."""
    filter: Annotated[OpcUaFilter, Field(title="Report on", json_schema_extra=_SUBSCRIBED)] = (
        OpcUaFilter.STATUS_VALUE
    )
    """What has to change for a report."""
    items_per_subscription: Annotated[
        int,
        Field(title="Items per subscription", ge=1, le=100_000, json_schema_extra=_SUBSCRIBED),
    ] = 5000
    """More tags are spread over several subscriptions of one session."""

    @property
    def link(self) -> None:
        """Each device has its own session."""
        return None

    @model_validator(mode="before")
    @classmethod
    def _user_means_password(cls, found: Any) -> Any:
        """Settings of version 0.1 had no `login`."""
        if isinstance(found, dict) and "login" not in found and found.get("username"):
            return {**found, "login": OpcUaLogin.PASSWORD}
        return found

    @model_validator(mode="after")
    def _login_is_possible(self) -> Self:
        if self.login is OpcUaLogin.PASSWORD and not self.username:
            raise ValueError("the login with a password needs a user")
        if self.login is OpcUaLogin.CERTIFICATE and self.security is OpcUaSecurity.NONE:
            raise ValueError("the login with a certificate needs a security policy")
        return self
