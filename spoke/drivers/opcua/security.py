"""The security policies that Spindle speaks, and the endpoint of a server that fits the settings.

Policies: OPC 10000-7. Basic128Rsa15 and Basic256 are deprecated there and not spoken.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from asyncua import ua
from asyncua.crypto.security_policies import (
    SecurityPolicy,
    SecurityPolicyAes128Sha256RsaOaep,
    SecurityPolicyAes256Sha256RsaPss,
    SecurityPolicyBasic256Sha256,
)
from cryptography import x509

from schemas.config.opcua import OpcUaConfig, OpcUaMessages, OpcUaSecurity
from schemas.errors import RefusedError
from spoke.drivers.opcua.certificates import Identity

POLICIES: dict[OpcUaSecurity, type[SecurityPolicy]] = {
    OpcUaSecurity.BASIC256SHA256: SecurityPolicyBasic256Sha256,
    OpcUaSecurity.AES128_SHA256_RSAOAEP: SecurityPolicyAes128Sha256RsaOaep,
    OpcUaSecurity.AES256_SHA256_RSAPSS: SecurityPolicyAes256Sha256RsaPss,
}
MODES = {
    OpcUaMessages.SIGN: ua.MessageSecurityMode.Sign,
    OpcUaMessages.SIGN_AND_ENCRYPT: ua.MessageSecurityMode.SignAndEncrypt,
}


def short(policy_uri: str | None) -> str:
    """`Basic256Sha256` of `http://opcfoundation.org/UA/SecurityPolicy#Basic256Sha256`."""
    return str(policy_uri or "").rpartition("#")[2]


def endpoint_for(offered: Sequence[Any], settings: OpcUaConfig, endpoint: str) -> Any:
    """The EndpointDescription with the policy and mode of the settings. Raises RefusedError.

    Its address is not used: servers often name one that cannot be reached from the gateway, so
    Spindle connects by the address that the person wrote.
    """
    wanted = POLICIES[settings.security].URI, MODES[settings.messages]
    for found in offered:
        if (found.SecurityPolicyUri, found.SecurityMode) == wanted:
            return found
    raise RefusedError(
        f"{endpoint} does not offer {settings.security} with {settings.messages}.",
        hint=f"It offers: {_offers(offered)}. Change the device's security policy and messages, or "
        "switch this one on in the server.",
    )


def secure(client: Any, settings: OpcUaConfig, own: Identity, server: x509.Certificate) -> None:
    """Let asyncua's client use the policy of the settings from its next channel on."""
    client.application_uri = own.application_uri
    client.security_policy = POLICIES[settings.security](
        server, own.certificate, own.key, MODES[settings.messages]
    )
    client.uaclient.set_security(client.security_policy)


def _offers(endpoints: Sequence[Any]) -> str:
    found = {f"{short(e.SecurityPolicyUri)} {e.SecurityMode.name.rstrip('_')}" for e in endpoints}
    return ", ".join(sorted(found)) or "nothing"
