"""Session tokens: a JWT (RFC 7519) with HS256 whose `jti` is the row of the session.

The signature spares the database every made-up token; the row makes a token revocable.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

import jwt

from schemas.errors import LoginError

ALGORITHM = "HS256"
ISSUER = "spindle-hub"
SECRET_BYTES = 32


def ended() -> LoginError:
    """One answer for every token that is not good."""
    return LoginError("The session has ended.", hint="Log in again.")


def issue(secret: bytes, session_id: UUID, user_id: int, now_ns: int, expires_ns: int) -> str:
    """A signed token; times are ns UTC, in the token whole seconds."""
    claims = {
        "iss": ISSUER,
        "sub": str(user_id),
        "jti": str(session_id),
        "iat": now_ns // 10**9,
        "exp": expires_ns // 10**9,
    }
    return jwt.encode(claims, secret, algorithm=ALGORITHM)


def session_of(secret: bytes, token: str, now_ns: int) -> UUID:
    """The session that a token names. Raises LoginError unless it is ours and not expired."""
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            secret,
            algorithms=[ALGORITHM],
            issuer=ISSUER,
            options={
                "require": ["iss", "sub", "jti", "exp"],
                "verify_exp": False,  # done below, with the injected clock
                "verify_iat": False,
            },
        )
        session_id, expires_s = UUID(str(claims["jti"])), int(claims["exp"])
    except (jwt.InvalidTokenError, ValueError, TypeError) as error:
        raise ended() from error
    if expires_s <= now_ns // 10**9:
        raise ended()
    return session_id
