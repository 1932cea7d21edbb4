"""Identities of the NATS servers and their users: operator mode, JWTs made in Python.

One operator, a system account, and one account for the plant. The plant's account has a scoped
signing key: every spoke's user JWT is signed with it and gets its permissions from the template in
the account, so that one account JWT changes them for all. Source: NATS ADR-14 and the JWT v2
claims of nats-server; the recipe was measured in the design's nats.md, section 3.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt
import nkeys

from schemas import subjects
from schemas.errors import StartError

_ALGORITHM = "ed25519-nkey"
_UNLIMITED = {
    "subs": -1,
    "data": -1,
    "payload": -1,
    "imports": -1,
    "exports": -1,
    "wildcards": True,
    "conn": -1,
    "leaf": -1,
    "mem_storage": -1,
    "disk_storage": -1,
    "streams": -1,
    "consumer": -1,
    "max_ack_pending": -1,
    "mem_max_stream_bytes": -1,
    "disk_max_stream_bytes": -1,
}

SPOKE_PERMISSIONS = {
    "pub": [
        subjects.health("{{name()}}"),
        subjects.live("{{name()}}", ">"),
        subjects.hub_rpc("{{name()}}", ">"),
        subjects.hub_inbox("{{name()}}") + ".>",
        subjects.mirror_delivery("{{name()}}", ">"),
        "$JSC.R.>",
    ],
    "sub": [
        subjects.command("{{name()}}", ">"),
        subjects.js_api("{{name()}}") + ".>",
        "$JS.ACK.{{name()}}.>",
        "$JS.FC.{{name()}}.>",
        subjects.spoke_inbox("{{name()}}") + ".>",
    ],
}
"""What may cross a leaf: `pub` is from the spoke to the hub, `sub` from the hub to the spoke."""

HUB_PERMISSIONS = {
    "pub": ["cmd.>", "$JS.>", "_INBOX_spoke.>", "hub.>"],
    "sub": ["hb.>", "live.>", "rpc.hub.>", "_INBOX_hub.>", "hub.>"],
}
"""The hub's own processes: they command, answer, and read mirrors; they cannot forge telemetry."""


class _NkeyAlgorithm(jwt.algorithms.Algorithm):
    """Ed25519 under the name that NATS gives it."""

    def prepare_key(self, key: Any) -> Any:
        return key

    def sign(self, msg: bytes, key: Any) -> bytes:
        return bytes(key.sign(msg))

    def verify(self, msg: bytes, key: Any, sig: bytes) -> bool:
        try:
            return bool(key.verify(msg, sig))
        except nkeys.ErrInvalidSignature:
            return False

    @staticmethod
    def to_jwk(key_obj: Any, as_dict: bool = False) -> Any:
        raise NotImplementedError("NATS keys have no JWK form")

    @staticmethod
    def from_jwk(jwk: Any) -> Any:
        raise NotImplementedError("NATS keys have no JWK form")


if _ALGORITHM not in jwt.algorithms.get_default_algorithms():
    jwt.register_algorithm(_ALGORITHM, _NkeyAlgorithm())


@dataclass(frozen=True, slots=True)
class Identity:
    """The seeds of the operator, the accounts and the signing keys. Whoever has it owns the plant's
    NATS; it stays at the hub in a file with mode 0600."""

    operator: str
    system: str
    plant: str
    spokes: str
    """Scoped signing key of the spokes."""
    staff: str
    """Signing key of the hub's own users, which carry their permissions themselves."""

    @staticmethod
    def load_or_make(path: Path) -> Identity:
        """The identity in this file; made there at the first start. Raises StartError."""
        if path.exists():
            try:
                return Identity(**json.loads(path.read_text()))
            except (ValueError, TypeError):  # without its cause, which may quote a seed
                raise StartError(
                    f"The identity file {path} is damaged.",
                    hint="Restore it from a backup. A new one locks out every gateway until each "
                    "has new credentials.",
                ) from None
        made = Identity(*(_seed(prefix) for prefix in _PREFIXES))
        path.parent.mkdir(parents=True, exist_ok=True)
        write_secret(path, json.dumps({name: getattr(made, name) for name in made.__slots__}))
        return made

    def operator_jwt(self) -> str:
        nats = {"type": "operator", "version": 2, "system_account": public(self.system)}
        claims = {"sub": public(self.operator), "name": "spindle", "nats": nats}
        return _encode(claims, self.operator)

    def system_jwt(self) -> str:
        return self._account_jwt(self.system, "SYS", [])

    def plant_jwt(self) -> str:
        template = {
            **_permissions(SPOKE_PERMISSIONS),
            "subs": -1,
            "data": -1,
            "payload": -1,
            "allowed_connection_types": ["LEAFNODE"],
        }
        scope = {
            "kind": "user_scope",
            "key": public(self.spokes),
            "role": "spoke",
            "template": template,
        }
        return self._account_jwt(self.plant, "PLANT", [scope, public(self.staff)])

    def _account_jwt(self, seed: str, name: str, signing_keys: list[Any]) -> str:
        limits = dict(_UNLIMITED)
        if name == "SYS":
            limits |= {"mem_storage": 0, "disk_storage": 0, "streams": 0, "consumer": 0}
        nats = {
            "type": "account",
            "version": 2,
            "limits": limits,
            "default_permissions": {"pub": {}, "sub": {}},
            "signing_keys": signing_keys,
        }
        return _encode({"sub": public(seed), "name": name, "nats": nats}, self.operator)

    def spoke_credentials(self, name: str) -> str:
        """A credentials file for a spoke's leaf connection."""
        user = _seed(nkeys.PREFIX_BYTE_USER)
        nats = {"type": "user", "version": 2, "issuer_account": public(self.plant)}
        token = _encode({"sub": public(user), "name": name, "nats": nats}, self.spokes)
        return _credentials(token, user)

    def hub_credentials(self, name: str) -> str:
        """A credentials file for one of the hub's own processes."""
        user = _seed(nkeys.PREFIX_BYTE_USER)
        nats = {
            "type": "user",
            "version": 2,
            "issuer_account": public(self.plant),
            "subs": -1,
            "data": -1,
            "payload": -1,
            "allowed_connection_types": ["STANDARD"],
            **_permissions(HUB_PERMISSIONS),
        }
        token = _encode({"sub": public(user), "name": name, "nats": nats}, self.staff)
        return _credentials(token, user)

    @property
    def system_account(self) -> str:
        return public(self.system)

    @property
    def plant_account(self) -> str:
        return public(self.plant)


_PREFIXES = (
    nkeys.PREFIX_BYTE_OPERATOR,
    nkeys.PREFIX_BYTE_ACCOUNT,
    nkeys.PREFIX_BYTE_ACCOUNT,
    nkeys.PREFIX_BYTE_ACCOUNT,
    nkeys.PREFIX_BYTE_ACCOUNT,
)


def public(seed: str) -> str:
    """The public key of a seed."""
    return bytes(_pair(seed).public_key).decode()


def write_secret(path: Path, text: str) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    temporary = path.with_suffix(path.suffix + ".new")
    temporary.unlink(missing_ok=True)
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def _permissions(allowed: dict[str, list[str]]) -> dict[str, Any]:
    return {way: {"allow": list(names)} for way, names in allowed.items()}


def _seed(prefix: int) -> str:
    return bytes(nkeys.encode_seed(os.urandom(32), prefix)).decode()


def _pair(seed: str) -> nkeys.KeyPair:
    return nkeys.from_seed(bytearray(seed.encode()))


def _encode(claims: dict[str, Any], signer_seed: str) -> str:
    signer = _pair(signer_seed)
    full = dict(claims, iat=int(time.time()), iss=bytes(signer.public_key).decode(), jti="")
    digest = hashlib.new("sha512_256", json.dumps(full, separators=(",", ":")).encode()).digest()
    full["jti"] = base64.b32encode(digest).decode().rstrip("=")
    return jwt.encode(full, signer, algorithm=_ALGORITHM, headers={"typ": "JWT"})


def _credentials(token: str, seed: str) -> str:
    return (
        f"-----BEGIN NATS USER JWT-----\n{token}\n------END NATS USER JWT------\n\n"
        f"-----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n"
    )
