"""Sessions: made at log-in, checked at every request, ended by time or by revocation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID, uuid4

from hub.access import tokens
from hub.records import Role, User
from hub.storage.config import ConfigStore
from hub.storage.database import Connection
from hub.storage.records import UserRow
from schemas.errors import LoginError, NotFoundError

LIFETIME_NS = 12 * 3600 * 10**9
KEPT_NS = 24 * 3600 * 10**9
"""How long the row of an ended session stays."""
TRUSTED_NS = 5 * 10**9
"""A session that was good is taken as good for this long: after a revocation in another process it
lives five seconds more, and the database answers one question instead of one per request."""
MAX_CACHED = 10_000
KEY_NAME = "session_key"


@dataclass(frozen=True, slots=True)
class _Known:
    user: User
    checked_ns: int


class Sessions:
    """Issues and checks tokens. `clock` gives ns UTC."""

    def __init__(self, store: ConfigStore, clock: Callable[[], int]) -> None:
        self._store = store
        self._clock = clock
        self._secret = b""
        self._known: dict[UUID, _Known] = {}

    async def start(self, user_id: int, conn: Connection) -> str:
        """A token for a new session of this user; rows of old sessions go at the same time."""
        now_ns = self._clock()
        secret, session_id = await self._key(), uuid4()
        await self._store.insert_session(session_id, user_id, now_ns + LIFETIME_NS, conn)
        await self._store.drop_sessions(now_ns - KEPT_NS, conn)
        return tokens.issue(secret, session_id, user_id, now_ns, now_ns + LIFETIME_NS)

    async def check(self, token: str) -> User:
        """Whose token this is. Raises LoginError: made up, expired, revoked, or the user is off."""
        now_ns = self._clock()
        session_id = tokens.session_of(await self._key(), token, now_ns)
        known = self._known.get(session_id)
        if known and 0 <= now_ns - known.checked_ns < TRUSTED_NS:
            return known.user
        self._known.pop(session_id, None)
        user = await self._look_up(session_id, now_ns)
        if len(self._known) >= MAX_CACHED:
            self._known.clear()
        self._known[session_id] = _Known(user, now_ns)
        return user

    async def end(self, token: str) -> User | None:
        """Revokes this session; None when it had ended already."""
        try:
            session_id = tokens.session_of(await self._key(), token, self._clock())
            user = await self._look_up(session_id, self._clock())
        except LoginError:
            return None
        await self._store.revoke_session(session_id)
        self._known.pop(session_id, None)
        return user

    async def end_all_of(self, user_id: int, conn: Connection) -> None:
        """Revokes every session of a user; call `forget` after the commit."""
        await self._store.revoke_sessions_of(user_id, conn)

    def forget(self, user_id: int) -> None:
        """Something about this user has changed: ask the database again."""
        self._known = {key: it for key, it in self._known.items() if it.user.id != user_id}

    async def _look_up(self, session_id: UUID, now_ns: int) -> User:
        row = await self._store.session(session_id)
        if row is None or row.revoked_ns or row.expires_ns <= now_ns:
            raise tokens.ended()
        try:
            user = await self._store.user(row.user_id)
        except NotFoundError as error:
            raise tokens.ended() from error
        if user.disabled:
            raise tokens.ended()
        return user_of(user)

    async def _key(self) -> bytes:
        if not self._secret:
            self._secret = await self._store.get_or_create_secret(KEY_NAME, tokens.SECRET_BYTES)
        return self._secret


def user_of(row: UserRow) -> User:
    """What the rest of the hub may know of a user: no hash."""
    return User(row.user_id, row.name, Role(row.role), row.disabled)
