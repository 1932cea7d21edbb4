"""This gateway's application certificate for OPC UA, made once and kept.

Requirements of an application instance certificate: OPC 10000-6, section 6.2.2.
"""

from __future__ import annotations

import os
import socket
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_LIFETIME = timedelta(days=3650)
_KEY_BITS = 2048  # Basic256Sha256 takes 2048 to 4096


@dataclass(frozen=True, slots=True)
class Identity:
    """Who this gateway is to servers. The files are DER (certificate) and PEM (key)."""

    application_uri: str
    certificate: Path
    key: Path


def identity(folder: Path | None = None) -> Identity:
    """The gateway's certificate; a missing or expired one is made new. Takes up to a second.

    `folder` is by default ~/.cache/spindle/opcua, so that a server has to trust the certificate
    only once; where that cannot be written, a new temporary folder.
    """
    host = socket.gethostname()
    uri = f"urn:{host}:spindle:spoke"
    place = _writable(folder or Path.home() / ".cache" / "spindle" / "opcua")
    found = Identity(uri, place / f"{host}.der", place / f"{host}.pem")
    if not _usable(found):
        _make(found, host)
    return found


def _writable(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError:
        return Path(tempfile.mkdtemp(prefix="spindle-opcua-"))
    if not os.access(folder, os.W_OK):
        return Path(tempfile.mkdtemp(prefix="spindle-opcua-"))
    return folder


def _usable(found: Identity) -> bool:
    try:
        certificate = x509.load_der_x509_certificate(found.certificate.read_bytes())
        key = serialization.load_pem_private_key(found.key.read_bytes(), None)
    except (OSError, ValueError):
        return False
    fits = _public(certificate.public_key()) == _public(key.public_key())
    return fits and certificate.not_valid_after_utc > datetime.now(UTC) + timedelta(days=1)


def _public(key: object) -> bytes:
    encoded: bytes = key.public_bytes(  # type: ignore[attr-defined]
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return encoded


def _make(wanted: Identity, host: str) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=_KEY_BITS)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Spindle {host}"[:64])])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + _LIFETIME)
        .add_extension(
            x509.SubjectAlternativeName(
                [x509.UniformResourceIdentifier(wanted.application_uri), x509.DNSName(host)]
            ),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    _replace(wanted.key, pem)
    _replace(wanted.certificate, certificate.public_bytes(serialization.Encoding.DER))


def _key_usage() -> x509.KeyUsage:
    """What OPC 10000-6 asks for; keyCertSign because the certificate signs itself."""
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=True,
        key_encipherment=True,
        data_encipherment=True,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


def _replace(path: Path, content: bytes) -> None:
    """Readable by this user only, whole or not at all."""
    handle, name = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    Path(name).replace(path)
