"""Certificates of OPC UA: the gateway's own one, made once and kept, and what people read of any.

Requirements of an application instance certificate: OPC 10000-6, section 6.2.2. RSA with 2048 bits
is what all three policies take (2048 to 4096) and what old servers can still verify. OPC UA sets no
lifetime; ten years, because a certificate that ends stops the plant's data, and nothing renews it
silently: each server would have to trust the new one by hand.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import shutil
import socket
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from schemas.errors import ConfigError
from schemas.messages.browsing import Certificate

_LIFETIME = timedelta(days=3650)
_KEY_BITS = 2048
_CERTIFICATE, _KEY = "certificate.der", "key.pem"


@dataclass(frozen=True, slots=True)
class Identity:
    """Who this gateway is to servers. `key` never leaves the device."""

    application_uri: str
    certificate: x509.Certificate
    key: rsa.RSAPrivateKey
    about: Certificate


def identity(folder: Path) -> Identity:
    """This spoke's certificate and key, kept in `folder`/opcua/own; made when there is none.

    Takes up to a second, so call it in a thread. Several processes may do so at once: the folder
    appears whole by one rename, and who comes second takes what is there. An expired certificate is
    still returned, a broken one is an error: a new one needs a person, who also tells the servers.
    Raises ConfigError.
    """
    place = folder / "opcua" / "own"
    try:
        if not place.is_dir():
            _make(place)
        return _load(place)
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"The gateway cannot use its OPC UA certificate in {place}: {error}.",
            hint=f"Make the folder readable and writable for the gateway. Where {_CERTIFICATE} or "
            f"{_KEY} is damaged, delete the folder: Spindle then makes a new certificate, which "
            "every server has to trust again.",
        ) from error


def describe(der: bytes) -> Certificate:
    """What people compare, of a DER certificate. A broken one has its fingerprint only."""
    fingerprint = hashlib.sha256(der).hexdigest()
    try:
        found = x509.load_der_x509_certificate(der)
        return Certificate(
            fingerprint,
            found.subject.rfc4514_string(),
            found.issuer.rfc4514_string(),
            _ns(found.not_valid_before_utc),
            _ns(found.not_valid_after_utc),
            next(iter(names(found)[1]), ""),
            der,
        )
    except ValueError as error:
        return Certificate(fingerprint, f"not readable: {error}", "", 0, 0, "", der)


def names(certificate: x509.Certificate) -> tuple[list[str], list[str]]:
    """(host names and IP addresses, uris) for which a certificate is made out."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return [], []
    hosts = [*found.get_values_for_type(x509.DNSName)]
    hosts += [str(ip) for ip in found.get_values_for_type(x509.IPAddress)]
    return hosts, list(found.get_values_for_type(x509.UniformResourceIdentifier))


def first_of(chain: bytes) -> bytes:
    """The server's own certificate of a chain: the first DER sequence, length in bytes 2 and 3."""
    return chain[: int.from_bytes(chain[2:4], "big") + 4]


def grouped(fingerprint: str) -> str:
    """`8f3a 01bc ...`: sixteen groups of four, to be read aloud and compared."""
    return " ".join(fingerprint[i : i + 4] for i in range(0, len(fingerprint), 4))


def self_signed(
    common_name: str, uri: str, hosts: Sequence[str], usage: x509.ObjectIdentifier, start: datetime
) -> tuple[bytes, bytes]:
    """(certificate as DER, key as PEM), valid for ten years from `start`."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=_KEY_BITS)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name[:64])])
    alternatives = [x509.UniformResourceIdentifier(uri), *(x509.DNSName(host) for host in hosts)]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + _LIFETIME)
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(), critical=True)
        .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return certificate.public_bytes(serialization.Encoding.DER), pem


def _ns(time: datetime) -> int:
    return int(time.timestamp()) * 10**9


def _load(place: Path) -> Identity:
    der = (place / _CERTIFICATE).read_bytes()
    certificate = x509.load_der_x509_certificate(der)
    key = serialization.load_pem_private_key((place / _KEY).read_bytes(), None)
    if not isinstance(key, rsa.RSAPrivateKey) or key.public_key() != certificate.public_key():
        raise ValueError("the key does not belong to the certificate")
    _, uris = names(certificate)
    if not uris:
        raise ValueError("the certificate has no application uri")
    return Identity(uris[0], certificate, key, describe(der))


def _make(place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=".own-", dir=place.parent))  # mode 0700
    try:
        host = socket.gethostname()
        certificate, key = self_signed(
            f"Spindle {host}",
            f"urn:{host}:spindle:spoke:{secrets.token_hex(4)}",  # two spokes on a host differ
            [host],
            ExtendedKeyUsageOID.CLIENT_AUTH,
            datetime.now(UTC) - timedelta(days=1),
        )
        _write(made / _KEY, key)
        _write(made / _CERTIFICATE, certificate)
        with contextlib.suppress(OSError):  # another process was faster: its folder is not empty
            made.rename(place)
        if not place.is_dir():
            raise OSError(f"{place} could not be made")
        _sync(place.parent)
    finally:
        shutil.rmtree(made, ignore_errors=True)


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


def _write(path: Path, content: bytes) -> None:
    """On disk, readable by this user only."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    """The rename itself, where the system can sync a folder."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
