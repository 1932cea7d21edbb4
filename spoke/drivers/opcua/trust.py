"""Is this the right server? Its certificate, judged before anything secret is sent.

Trust is by fingerprint: a person compared it and put it into the device's `trusted`. Of the steps
of certificate validation in OPC 10000-4, table 100:

| step | here |
|---|---|
| structure | must be X.509 |
| chain, signature, revocation | not needed: this very certificate is trusted, no issuer is |
| security policy | an RSA key of 2048 bits or more, which all our policies demand |
| trust list | its SHA-256 fingerprint is in `trusted` |
| validity period | must hold now, by the gateway's clock |
| host name, uri | named in the message of an unknown certificate; a person may accept them |
| certificate usage | not checked |

That the server has the private key is proved by the secure channel, which asyncua encrypts for this
certificate, and by its signature in CreateSession.
"""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import urlparse

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from schemas.config.opcua import OpcUaConfig
from schemas.errors import CertificateError
from schemas.messages.browsing import Certificate
from spoke.drivers.opcua.certificates import describe, first_of, grouped, names

_MIN_KEY_BITS = 2048
_RENEW = "Renew it on the server, then trust the new one on the device's page."
_COMPARE = (
    "Compare the fingerprint with the one that the server's own settings show, then trust the "
    "certificate on the device's page."
)


def check_server(
    chain: bytes, application_uri: str | None, settings: OpcUaConfig, endpoint: str, now_ns: int
) -> x509.Certificate:
    """The server's certificate, when it is trusted and valid. Raises CertificateError.

    `chain` is what the server sent, DER; `application_uri` is what it says of itself, if it did.
    """
    if not chain:
        raise CertificateError(
            f"{endpoint} has no certificate.", hint="Give the server one, or another policy."
        )
    about = describe(first_of(chain))
    try:
        certificate = x509.load_der_x509_certificate(about.der)
        key = certificate.public_key()
    except ValueError as error:
        raise CertificateError(
            f"{endpoint} shows something that is no certificate.", hint=_RENEW
        ) from error
    if not isinstance(key, rsa.RSAPublicKey) or key.key_size < _MIN_KEY_BITS:
        raise CertificateError(
            f"{endpoint}: the key of the server's certificate {about.subject} is too weak; it must "
            f"be RSA with at least {_MIN_KEY_BITS} bits.",
            hint=_RENEW,
        )
    if about.fingerprint not in settings.trusted:
        raise _unknown(about, certificate, application_uri, settings, endpoint, now_ns)
    _check_period(about, endpoint, now_ns)
    return certificate


def _unknown(
    about: Certificate,
    certificate: x509.Certificate,
    application_uri: str | None,
    settings: OpcUaConfig,
    endpoint: str,
    now_ns: int,
) -> CertificateError:
    notes = _notes(about, certificate, application_uri, settings, now_ns)
    what = (
        f"{about.subject}, SHA-256 fingerprint {grouped(about.fingerprint)}, valid until "
        f"{_day(about.not_after_ns)}.{''.join(f' {note}' for note in notes)}"
    )
    if not settings.trusted:
        return CertificateError(
            f"{endpoint}: the server's certificate is not trusted yet: {what}", hint=_COMPARE
        )
    return CertificateError(
        f"{endpoint}: the server has a new certificate, which is not trusted yet: {what}",
        hint=f"Was it renewed? {_COMPARE} If nobody renewed it, something else may answer at this "
        "address.",
    )


def _notes(
    about: Certificate,
    certificate: x509.Certificate,
    application_uri: str | None,
    settings: OpcUaConfig,
    now_ns: int,
) -> list[str]:
    """What else a person should know before trusting it."""
    notes = []
    hosts, uris = names(certificate)
    host = urlparse(settings.endpoint).hostname or ""
    if host.lower() not in (name.lower() for name in hosts):
        notes.append(f"Note: it is made out for {', '.join(hosts) or 'no host'}, not for {host}.")
    if application_uri is not None and application_uri not in uris:
        found = ", ".join(uris) or "no application"
        notes.append(f"Note: it is made out for {found}, but the server is {application_uri}.")
    if now_ns > about.not_after_ns:
        notes.append("Note: it has expired.")
    if now_ns < about.not_before_ns:
        notes.append(f"Note: it is valid only from {_day(about.not_before_ns)} on.")
    return notes


def _check_period(about: Certificate, endpoint: str, now_ns: int) -> None:
    clock = f"Or is the gateway's clock wrong? It says {_day(now_ns)}."
    if now_ns > about.not_after_ns:
        raise CertificateError(
            f"{endpoint}: the server's certificate {about.subject} expired on "
            f"{_day(about.not_after_ns)}.",
            hint=f"{_RENEW} {clock}",
        )
    if now_ns < about.not_before_ns:
        raise CertificateError(
            f"{endpoint}: the server's certificate {about.subject} is valid only from "
            f"{_day(about.not_before_ns)} on.",
            hint=f"Set the server's clock and renew its certificate. {clock}",
        )


def _day(time_ns: int) -> str:
    return datetime.fromtimestamp(time_ns / 1e9, UTC).strftime("%Y-%m-%d %H:%M UTC")
