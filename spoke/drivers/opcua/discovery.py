"""What a server offers, asked for without logging in: endpoints, logins, certificate."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlparse

from asyncua import ua

from schemas.config.opcua import OpcUaConfig, OpcUaSecurity
from schemas.messages.browsing import DiscoverReply, Endpoint
from spoke.drivers.base import DriverContext
from spoke.drivers.opcua.certificates import describe, first_of, identity
from spoke.drivers.opcua.login import logins
from spoke.drivers.opcua.security import short
from spoke.drivers.opcua.session import Session

_SUPPORTED = frozenset(str(item) for item in OpcUaSecurity)


@dataclass(frozen=True, slots=True)
class _Channel:
    """As `login.logins` wants it."""

    URI: str
    Mode: ua.MessageSecurityMode


async def discover(settings: OpcUaConfig, context: DriverContext) -> DiscoverReply:
    """The server's endpoints, the safest first, and the gateway's own certificate.

    Only the endpoint of `settings` is used; no trust is needed, and nothing secret is sent.
    Raises DeviceError, ConfigError.
    """
    offered = await Session(settings, context).offered()
    own = await asyncio.to_thread(identity, context.folder)
    described = [found for found in offered if str(found.EndpointUrl).startswith("opc.tcp:")]
    described.sort(key=lambda found: int(found.SecurityLevel or 0), reverse=True)
    return DiscoverReply(tuple(_endpoint(found, settings) for found in described), own.about)


def _endpoint(found: Any, settings: OpcUaConfig) -> Endpoint:
    policy = short(found.SecurityPolicyUri)
    channel = _Channel(str(found.SecurityPolicyUri), found.SecurityMode)
    chain = found.ServerCertificate
    return Endpoint(
        url=_reachable(str(found.EndpointUrl), settings.endpoint),
        security=policy,
        messages=found.SecurityMode.name.rstrip("_"),
        logins=logins(found.UserIdentityTokens or (), channel),
        certificate=describe(first_of(chain)) if chain else None,
        supported=policy in _SUPPORTED,
    )


def _reachable(advertised: str, written: str) -> str:
    """The path that the server names at the address that the person wrote.

    Servers name themselves by a host name that often only they know, or by the address behind a
    router; the written one was just connected to.
    """
    return urlparse(advertised)._replace(netloc=urlparse(written).netloc).geturl()
