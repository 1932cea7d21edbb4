"""An OPC UA server as it looks from outside: endpoints, certificates, and a tree of nodes."""

from __future__ import annotations

import datetime
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from schemas.config.opcua import OpcUaConfig
from schemas.errors import CertificateError
from schemas.messages.browsing import BrowseReply, Certificate, DiscoverReply, Endpoint, Node

MOST = 10_000
_LINES = ("Washer", "Dryer", "Conveyor")
_VALUES = (
    ("Speed", "float64", "Double", "m/min", True),
    ("Temperature", "float32", "Float", "°C", False),
    ("Setpoint", "float32", "Float", "°C", True),
    ("Running", "bool", "Boolean", "", False),
    ("Counter", "uint32", "UInt32", "", False),
    ("State", "string", "String", "", False),
)


@cache
def certificate(subject: str, days: int) -> Certificate:
    """A self-signed certificate with `days` left, made once for each process."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, subject),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Bottling plant"),
        ]
    )
    now = datetime.datetime.now(datetime.UTC)
    start, end = now - datetime.timedelta(days=400), now + datetime.timedelta(days=days, hours=1)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
        .sign(key, hashes.SHA256())
    )
    return Certificate(
        fingerprint=made.fingerprint(hashes.SHA256()).hex(),
        subject=f"CN={subject}, O=Bottling plant",
        issuer=f"CN={subject}, O=Bottling plant",
        not_before_ns=int(start.timestamp()) * 10**9,
        not_after_ns=int(end.timestamp()) * 10**9,
        application_uri=f"urn:{subject.lower().replace(' ', '-')}",
        der=made.public_bytes(serialization.Encoding.DER),
    )


def server_certificate(connection: OpcUaConfig) -> Certificate:
    """The host ends in .40: it expires soon."""
    return certificate("CIP server" if ".40" in connection.endpoint else "Washer server", 41)


def offers(connection: OpcUaConfig, spoke: str) -> DiscoverReply:
    """Three endpoints, one of them of a policy that Spindle does not speak."""
    shown = server_certificate(connection)
    rows = (
        ("None", "None", True),
        ("Basic256Sha256", "SignAndEncrypt", True),
        ("Basic256Sha256", "Sign", True),
        ("Basic128Rsa15", "SignAndEncrypt", False),
    )
    logins = ("anonymous", "password")
    endpoints = tuple(
        Endpoint(
            connection.endpoint,
            security,
            messages,
            ("anonymous",) if security == "None" else logins,
            shown,
            supported,
        )
        for security, messages, supported in rows
    )
    return DiscoverReply(endpoints, certificate(f"Spindle gateway {spoke}", 1800))


def below(node: str, *, deep: bool) -> BrowseReply:
    """Three machines with six values each; `Recipes` has more than one answer may carry."""
    if not node:
        level = [
            Node("ns=2;s=Line", "Line 1", True, path="Line 1"),
            Node("ns=2;s=Recipes", "Recipes", True, path="Recipes"),
            Node("i=2253", "Server", True, path="Server"),
        ]
    elif node == "ns=2;s=Line":
        level = [Node(f"ns=2;s=Line.{name}", name, True, path=name) for name in _LINES]
    elif node == "ns=2;s=Recipes":
        level = [
            Node(f"ns=2;s=Recipe.{n}", f"Recipe {n}", False, "float32", "Float", path=f"Recipe {n}")
            for n in range(1, 301 if not deep else MOST + 1)
        ]
        return BrowseReply(tuple(level), complete=not deep)
    elif node.startswith("ns=2;s=Line."):
        level = [
            Node(f"{node}.{name}", name, False, kind, native, write, f"{name} of it", unit, name)
            for name, kind, native, unit, write in _VALUES
        ]
    else:
        level = [Node("i=2258", "CurrentTime", False, "", "DateTime", path="CurrentTime")]
    if not deep:
        return BrowseReply(tuple(level))
    return BrowseReply(tuple(_deep(level)))


def _deep(level: list[Node], before: str = "") -> list[Node]:
    """All values below, with their whole path."""
    found = []
    for node in level:
        path = f"{before}{node.name}"
        if node.has_children:
            found += _deep(list(below(node.address, deep=False).nodes), f"{path}/")
        elif node.data_type:
            found.append(
                Node(
                    node.address,
                    node.name,
                    False,
                    node.data_type,
                    node.native_type,
                    node.writable,
                    node.description,
                    node.unit,
                    path,
                )
            )
    return found


def untrusted(config: OpcUaConfig) -> dict[str, Any] | None:
    """The error of a server whose certificate is not trusted, else None."""
    shown = server_certificate(config)
    if config.security.value == "None" or shown.fingerprint in config.trusted:
        return None
    text = f"The certificate of {config.endpoint} is not trusted: {shown.subject}."
    return CertificateError(text).as_dict()
