"""The security of the simulated server: certificate, policies, whom it lets in."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from asyncua import ua
from asyncua.common.utils import ServiceError
from asyncua.crypto.permission_rules import User, UserRole
from asyncua.ua.status_codes import StatusCodes as Codes
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID

from schemas.messages.browsing import Certificate
from spoke.drivers.opcua.certificates import describe, self_signed

MAX_WRONG = 3
"""Wrong passwords after which a user is locked."""
_POLICIES = [
    ua.SecurityPolicyType.Basic256Sha256_Sign,
    ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt,
    ua.SecurityPolicyType.Aes128Sha256RsaOaep_Sign,
    ua.SecurityPolicyType.Aes128Sha256RsaOaep_SignAndEncrypt,
    ua.SecurityPolicyType.Aes256Sha256RsaPss_Sign,
    ua.SecurityPolicyType.Aes256Sha256RsaPss_SignAndEncrypt,
]


class ServerSecurity:
    """All three policies, signed and encrypted, and None.

    The attributes may be changed while the server runs.
    """

    def __init__(self, users: Mapping[str, str] | None = None, *, anonymous: bool = True) -> None:
        """`users` are passwords by name. Without `anonymous` everybody has to log in."""
        self.users = dict(users or {})
        self.anonymous = anonymous
        self.trusted_clients: set[str] | None = None
        """Fingerprints of applications; None lets all in."""
        self.trusted_users: set[str] = set()
        """Fingerprints of certificates that are users."""
        self.locked: set[str] = set()
        self.logins: list[str] = []
        """Who logged in, `user:password` or a fingerprint; empty for anonymous."""
        self._wrong: dict[str, int] = {}
        self._uri = "urn:spindle:simulator:server"
        self._server: Any = None
        self.renew()

    @property
    def certificate(self) -> Certificate:
        return describe(self._der)

    def renew(self, age: timedelta = timedelta(days=1), host: str = "127.0.0.1") -> None:
        """A new certificate and key, `age` old; it lives for ten years, so an older one is over.

        A running server shows it to new connections, and the old ones go on.
        """
        self._der, self._key = self_signed(
            "Spindle simulator",
            self._uri,
            [host],
            ExtendedKeyUsageOID.SERVER_AUTH,
            datetime.now(UTC) - age,
        )
        if self._server is not None:
            self._show(self._server)

    def unlock(self, name: str) -> None:
        self.locked.discard(name)
        self._wrong.pop(name, None)

    async def install(self, server: Any) -> None:
        """To be called before asyncua's server starts."""
        server.set_security_policy([ua.SecurityPolicyType.NoSecurity, *_POLICIES])
        tokens = [ua.UserNameIdentityToken, ua.X509IdentityToken]
        server.set_identity_tokens([*tokens, *([ua.AnonymousIdentityToken] * self.anonymous)])
        server._application_uri = self._uri  # noqa: SLF001 - its setter moves namespace 1
        server.set_certificate_validator(self._check_client)
        server.iserver.user_manager = self
        self._server = server
        self._show(server)

    def get_user(
        self,
        _server: Any,
        username: str | None = None,
        password: str | None = None,
        certificate: bytes | None = None,
    ) -> User | None:
        """asyncua's user manager. For anonymous it gets the channel's certificate."""
        if username is not None:
            return self._by_password(username, password or "")
        if self.anonymous:
            self.logins.append("")
            return User(role=UserRole.User)
        fingerprint = describe(certificate or b"").fingerprint
        if fingerprint not in self.trusted_users:
            return None
        self.logins.append(fingerprint)
        return User(role=UserRole.User)

    def _show(self, server: Any) -> None:
        internal = server.iserver
        internal.certificate = x509.load_der_x509_certificate(self._der)
        internal.private_key = load_pem_private_key(self._key, None)
        for endpoint in internal.endpoints:
            endpoint.ServerCertificate = self._der
        for policy in server._policies:  # noqa: SLF001 - they hold what they were made with
            policy.certificate, policy.private_key = internal.certificate, internal.private_key

    def _by_password(self, name: str, password: str) -> User | None:
        if name in self.locked:
            return None
        if self.users.get(name) == password:
            self._wrong.pop(name, None)
            self.logins.append(f"{name}:{password}")
            return User(role=UserRole.User)
        self._wrong[name] = self._wrong.get(name, 0) + 1
        if self._wrong[name] >= MAX_WRONG:
            self.locked.add(name)
        return None

    async def _check_client(self, certificate: x509.Certificate, _description: Any) -> None:
        found = describe(certificate.public_bytes(Encoding.DER)).fingerprint
        if self.trusted_clients is not None and found not in self.trusted_clients:
            raise ServiceError(Codes.BadCertificateUntrusted)
