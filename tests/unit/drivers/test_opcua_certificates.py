"""The gateway's own certificate, and the judgement of a server's."""

from __future__ import annotations

import hashlib
import os
import stat
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from schemas.config.opcua import OpcUaConfig
from schemas.errors import CertificateError, ConfigError
from spoke.drivers.opcua.certificates import describe, first_of, grouped, identity, names
from spoke.drivers.opcua.trust import check_server

NOW = datetime(2026, 11, 21, tzinfo=UTC)
NOW_NS = int(NOW.timestamp()) * 10**9
ENDPOINT = "opc.tcp://192.168.0.10:4840"


def make(key: CertificateIssuerPrivateKeyTypes) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "PLC")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.DER)


def fingerprint_of(folder: str) -> str:
    return identity(Path(folder)).about.fingerprint


def test_it_is_made_once_and_meets_opc_10000_6(tmp_path: Path) -> None:
    found = identity(tmp_path)
    assert identity(tmp_path).about == found.about
    certificate = found.certificate
    key = certificate.public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    assert key.key_size >= 2048
    assert certificate.signature_hash_algorithm is not None
    assert certificate.signature_hash_algorithm.name == "sha256"
    assert names(certificate)[1] == [found.application_uri]
    assert found.application_uri.startswith("urn:")
    assert os.uname().nodename in names(certificate)[0]
    usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    assert usage.digital_signature
    assert usage.content_commitment
    assert usage.key_encipherment
    assert usage.data_encipherment
    extended = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(extended) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    years = (found.about.not_after_ns - found.about.not_before_ns) / 1e9 / 86400 / 365
    assert years == 10
    assert found.about.fingerprint == hashlib.sha256(found.about.der).hexdigest()


def test_only_this_user_can_read_the_key(tmp_path: Path) -> None:
    identity(tmp_path)
    place = tmp_path / "opcua" / "own"
    assert stat.S_IMODE(place.stat().st_mode) == 0o700
    assert stat.S_IMODE((place / "key.pem").stat().st_mode) == 0o600
    assert sorted(path.name for path in (tmp_path / "opcua").iterdir()) == ["own"]


def test_two_spokes_on_one_host_are_two(tmp_path: Path) -> None:
    one, two = identity(tmp_path / "one"), identity(tmp_path / "two")
    assert one.application_uri != two.application_uri


def test_processes_that_make_it_at_once_have_the_same(tmp_path: Path) -> None:
    with ProcessPoolExecutor(3, mp_context=get_context("spawn")) as workers:
        found = set(workers.map(fingerprint_of, [str(tmp_path)] * 6))
    assert len(found) == 1
    assert [path.name for path in (tmp_path / "opcua").iterdir()] == ["own"]


@pytest.mark.parametrize("broken", ["key.pem", "certificate.der"])
def test_a_broken_one_is_an_error_and_not_replaced(tmp_path: Path, broken: str) -> None:
    """A new one would not be trusted by any server; a person has to know."""
    identity(tmp_path)
    file = tmp_path / "opcua" / "own" / broken
    file.write_bytes(b"broken")
    with pytest.raises(ConfigError, match="cannot use its OPC UA certificate") as caught:
        identity(tmp_path)
    assert "delete the folder" in caught.value.hint
    assert file.read_bytes() == b"broken"


def test_a_key_of_another_certificate_is_an_error(tmp_path: Path) -> None:
    identity(tmp_path / "one")
    identity(tmp_path / "two")
    key = Path("opcua", "own", "key.pem")
    (tmp_path / "one" / key).write_bytes((tmp_path / "two" / key).read_bytes())
    with pytest.raises(ConfigError, match="does not belong"):
        identity(tmp_path / "one")


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot use its OPC UA certificate"):
        identity(tmp_path / "file")


def test_a_certificate_for_people() -> None:
    der = make(rsa.generate_private_key(public_exponent=65537, key_size=2048))
    found = describe(der)
    assert found.subject == found.issuer == "CN=PLC"
    assert found.not_after_ns == NOW_NS + 86400 * 10**9
    assert found.application_uri == ""
    assert describe(b"none").subject.startswith("not readable")
    assert describe(b"none").fingerprint == hashlib.sha256(b"none").hexdigest()


def test_the_first_of_a_chain_and_a_fingerprint_to_compare() -> None:
    der = make(rsa.generate_private_key(public_exponent=65537, key_size=2048))
    assert first_of(der + der) == der
    assert first_of(b"") == b""
    text = grouped("0123456789abcdef" * 4)
    assert text.split() == ["0123", "4567", "89ab", "cdef"] * 4


def check(der: bytes, *trusted: str) -> None:
    settings = OpcUaConfig(endpoint=ENDPOINT, trusted=trusted)
    check_server(der, "urn:plc", settings, ENDPOINT, NOW_NS)


def test_a_server_without_a_certificate_or_with_something_else() -> None:
    with pytest.raises(CertificateError, match="has no certificate"):
        check(b"")
    with pytest.raises(CertificateError, match="no certificate"):
        check(b"\x30\x82\x00\x01x", hashlib.sha256(b"\x30\x82\x00\x01x").hexdigest())


def test_a_weak_key_is_refused_though_trusted() -> None:
    weak = (
        make(rsa.generate_private_key(public_exponent=65537, key_size=1024)),
        make(ec.generate_private_key(ec.SECP256R1())),
    )
    for der in weak:
        with pytest.raises(CertificateError, match="too weak"):
            check(der, describe(der).fingerprint)


def test_the_trusted_one_is_taken_from_a_chain() -> None:
    der = make(rsa.generate_private_key(public_exponent=65537, key_size=2048))
    other = make(rsa.generate_private_key(public_exponent=65537, key_size=2048))
    check(der + other, describe(der).fingerprint)
    with pytest.raises(CertificateError, match="new certificate"):
        check(other + der, describe(der).fingerprint)
