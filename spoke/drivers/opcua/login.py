"""Logging in: which of the server's user token policies, and never a password in clear.

User token policies: OPC 10000-4, section 7.41. Each names the policy by which the token is
encrypted; an empty one means the channel's, None means that the token is sent as it is.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

from asyncua import ua
from asyncua.crypto.security_policies import SecurityPolicyBasic256, SecurityPolicyNone
from asyncua.ua.uaerrors import UaStatusCodeError

from schemas.config.opcua import OpcUaConfig, OpcUaLogin
from schemas.errors import ConfigError, RefusedError
from spoke.drivers.opcua.certificates import Identity, grouped
from spoke.drivers.opcua.errors import LOGIN_REFUSED
from spoke.drivers.opcua.security import POLICIES

_TOKENS = {
    OpcUaLogin.ANONYMOUS: ua.UserTokenType.Anonymous,
    OpcUaLogin.PASSWORD: ua.UserTokenType.UserName,
    OpcUaLogin.CERTIFICATE: ua.UserTokenType.Certificate,
}
_STRONG = frozenset(policy.URI for policy in POLICIES.values())
_CLEAR = SecurityPolicyNone.URI


async def log_in(
    client: Any,
    settings: OpcUaConfig,
    own: Identity | None,
    endpoint: str,
    check: Callable[[bytes], object],
) -> None:
    """Activate the session that asyncua's client has created.

    `check` raises CertificateError when the server's certificate (DER) is not trusted; it is called
    before a password is encrypted for a server that the channel did not prove. Raises ConfigError,
    RefusedError, and what asyncua raises.
    """
    offered = list(client._policy_ids or ())  # noqa: SLF001 - asyncua has no accessor for them
    wanted = _TOKENS[settings.login]
    fits = [policy for policy in offered if policy.TokenType == wanted]
    if offered and not fits:
        raise RefusedError(
            f"{endpoint} takes no login by {settings.login}.",
            hint=f"It takes: {', '.join(logins(offered, client.security_policy))}. Choose one of "
            "them as the device's login, or switch this one on in the server.",
        )
    if settings.login is OpcUaLogin.PASSWORD:
        await _by_password(client, settings, fits, endpoint, check)
    elif settings.login is OpcUaLogin.CERTIFICATE and own is not None:
        await _by_certificate(client, own, fits, endpoint)
    else:
        await client.activate_session()


def logins(offered: Sequence[Any], channel: Any) -> tuple[str, ...]:
    """What Spindle can log in with: of anonymous, password, certificate.

    `channel` has the URI and Mode of the endpoint; a password that would go in clear is left out.
    """
    found = []
    for login, token in _TOKENS.items():
        policies = [policy for policy in offered if policy.TokenType == token]
        if login is OpcUaLogin.PASSWORD:
            policies = [policy for policy in policies if _strength(policy, channel)]
        if login is OpcUaLogin.CERTIFICATE and channel.URI == _CLEAR:
            policies = []
        if policies:
            found.append(str(login))
    return tuple(found)


async def _by_password(
    client: Any,
    settings: OpcUaConfig,
    fits: list[Any],
    endpoint: str,
    check: Callable[[bytes], object],
) -> None:
    channel = client.security_policy
    best = max(
        fits or [ua.UserTokenPolicy(TokenType=ua.UserTokenType.UserName)],
        key=lambda policy: _strength(policy, channel),
    )
    if not _strength(best, channel):
        raise ConfigError(
            f"{endpoint} would get the password in clear text; it was not sent.",
            hint="Choose a security policy with SignAndEncrypt, or the login anonymous.",
        )
    if channel.URI == _CLEAR:  # else the channel has proved the server already
        check(channel.peer_certificate or b"")
    client._policy_ids = [best]  # noqa: SLF001 - asyncua takes the first of a kind, strong or not
    await client.activate_session(username=settings.username, password=settings.password)


async def _by_certificate(client: Any, own: Identity, fits: list[Any], endpoint: str) -> None:
    signed = [
        dataclasses.replace(policy, SecurityPolicyUri=client.security_policy.URI)
        if policy.SecurityPolicyUri not in _STRONG
        else policy
        for policy in fits
    ]
    client._policy_ids = signed  # noqa: SLF001 - a signature with no algorithm proves nothing
    client.user_private_key = own.key
    try:
        await client.activate_session(certificate=own.certificate)
    except UaStatusCodeError as error:
        if int(error.code) not in LOGIN_REFUSED:
            raise
        name = ua.StatusCode(int(error.code)).name
        raise RefusedError(
            f"{endpoint}: the server does not take this gateway's certificate as a user ({name}).",
            hint="Trust it on the server a second time, as a user's certificate, and give that "
            f"user its rights. Its SHA-256 fingerprint is {grouped(own.about.fingerprint)}.",
        ) from error


def _strength(policy: Any, channel: Any) -> int:
    """0 when a password would be readable on the wire, or as good as readable.

    Basic128Rsa15 counts as readable: its padding can be broken by asking the server often enough.
    """
    uri = policy.SecurityPolicyUri or channel.URI
    if uri in _STRONG:
        return 3
    if uri == SecurityPolicyBasic256.URI:
        return 2
    return 1 if uri == _CLEAR and channel.Mode == ua.MessageSecurityMode.SignAndEncrypt else 0
