"""`AccessService` is hub.services.Access over app_user, session, audit and hub_secret."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from pydantic import TypeAdapter, ValidationError

from hub.access.passwords import Passwords, check_new, random_password
from hub.access.sessions import Sessions, user_of
from hub.access.throttle import Throttle
from hub.records import Role, User
from hub.storage.config import ConfigStore
from hub.storage.records import UserRow
from schemas.config.base import Name, explain
from schemas.errors import (
    ConfigErrors,
    ConflictError,
    ForbiddenError,
    LoginError,
)

FIRST_ADMIN = "admin"
HUB = "hub"
"""Who does what the hub does by itself, in the audit log."""

_NAME: TypeAdapter[str] = TypeAdapter(Name)


class AccessService:
    """Users, passwords and sessions; every log-in, refusal and change leaves an audit line."""

    def __init__(
        self,
        store: ConfigStore,
        *,
        passwords: Passwords | None = None,
        clock: Callable[[], int] = time.time_ns,
        steady_clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`clock` gives ns UTC, `steady_clock` seconds that never jump."""
        self._store = store
        self._passwords = passwords or Passwords()
        self._sessions = Sessions(store, clock)
        self._throttle = Throttle(steady_clock)
        self._one_change = asyncio.Lock()

    async def ensure_admin(self) -> str | None:
        """Where there is no user, an admin with a random password: the password, else None.

        It is not kept anywhere; whoever calls this prints it once.
        """
        if await self._store.users():
            return None
        password = random_password()
        hashed = await self._passwords.hash(password)
        try:
            async with self._store.database.transaction() as conn:
                await self._store.insert_user(FIRST_ADMIN, hashed, Role.ADMIN, conn)
                await self._store.insert_audit(HUB, "user.create", FIRST_ADMIN, {}, conn)
        except ConflictError:  # another process of this hub was first
            return None
        return password

    # --- sessions -----------------------------------------------------------------------------

    async def login(self, name: str, password: str) -> str:
        """A session token. Raises LoginError: one answer for all that can be wrong."""
        name = name.strip()[:100].replace("\0", "")
        row = await self._store.user_by_name(name)
        if not await self._password_is_right(name, row, password):
            raise LoginError
        assert row is not None
        fresh = None
        if self._passwords.outdated(row.password_hash):
            fresh = await self._passwords.hash(password)
        async with self._store.database.transaction() as conn:
            if fresh:
                await self._store.update_user(row.user_id, password_hash=fresh, conn=conn)
            token = await self._sessions.start(row.user_id, conn)
            await self._store.insert_audit(row.name, "login", row.name, {}, conn)
        return token

    async def logout(self, token: str) -> None:
        """Ends the session; a token that is not good any more is no error."""
        user = await self._sessions.end(token)
        if user is not None:
            await self._store.insert_audit(user.name, "logout", user.name)

    async def user(self, token: str) -> User:
        """Raises LoginError; a revocation elsewhere counts within five seconds."""
        return await self._sessions.check(token)

    def require(self, user: User, role: Role) -> None:
        if user.disabled or not user.role.includes(role):
            raise ForbiddenError(f"This needs the role {role}; you are {user.role}.")

    # --- users --------------------------------------------------------------------------------

    async def users(self) -> list[User]:
        return [user_of(row) for row in await self._store.users()]

    async def create_user(self, who: User, name: str, password: str, role: Role) -> User:
        """Raises ConfigError for name or password, ConflictError when the name exists."""
        try:
            name = _NAME.validate_python(name)
        except ValidationError as error:
            raise ConfigErrors(explain(error, "name")) from error
        check_new(name, password)
        hashed = await self._passwords.hash(password)
        if await self._store.user_by_name(name) is not None:
            raise ConflictError(f"There is a user {name!r} already.", path="name")
        async with self._store.database.transaction() as conn:
            row = await self._store.insert_user(name, hashed, role, conn)
            await self._store.insert_audit(who.name, "user.create", name, {"role": role}, conn)
        return user_of(row)

    async def update_user(
        self, who: User, user_id: int, *, role: Role | None = None, disabled: bool | None = None
    ) -> User:
        """Changes what is not None, also for open sessions; locking ends them.

        Raises NotFoundError, and ConflictError when no admin would be left.
        """
        async with self._one_change:
            await self._keep_an_admin(user_id, role, disabled)
            async with self._store.database.transaction() as conn:
                row = await self._store.update_user(
                    user_id, role=role, disabled=disabled, conn=conn
                )
                if disabled:
                    await self._sessions.end_all_of(user_id, conn)
                detail = {"role": role, "disabled": disabled}
                await self._store.insert_audit(who.name, "user.change", row.name, detail, conn)
        self._sessions.forget(user_id)
        return user_of(row)

    async def change_password(self, who: User, old: str, new: str) -> None:
        """One's own; ends all sessions of the user. Raises LoginError, ConfigError (path new)."""
        row = await self._store.user(who.id)
        if not await self._password_is_right(row.name, row, old):
            raise LoginError("The old password is wrong.")
        await self._set_password(who, row, new)

    async def reset_password(self, who: User, user_id: int, new: str) -> None:
        """Somebody else's, by an admin; ends all sessions of that user."""
        await self._set_password(who, await self._store.user(user_id), new)

    # --- helpers ------------------------------------------------------------------------------

    async def _password_is_right(self, name: str, row: UserRow | None, password: str) -> bool:
        """Counts the try, and writes a refusal to the audit log (none while the account pauses)."""
        account = f"#{row.user_id}" if row else name.casefold()
        if not self._throttle.admit(account):
            return False
        stored = row.password_hash if row else None
        if await self._passwords.matches(stored, password) and row and not row.disabled:
            self._throttle.succeeded(account)
            return True
        await self._store.insert_audit(name, "login.refused", name)
        return False

    async def _set_password(self, who: User, row: UserRow, new: str) -> None:
        check_new(row.name, new, "new")
        hashed = await self._passwords.hash(new)
        async with self._store.database.transaction() as conn:
            await self._store.update_user(row.user_id, password_hash=hashed, conn=conn)
            await self._sessions.end_all_of(row.user_id, conn)
            await self._store.insert_audit(who.name, "user.password", row.name, {}, conn)
        self._sessions.forget(row.user_id)

    async def _keep_an_admin(self, user_id: int, role: Role | None, disabled: bool | None) -> None:
        users = await self._store.users()
        others = any(
            row.role == Role.ADMIN and not row.disabled and row.user_id != user_id for row in users
        )
        is_admin = any(row.user_id == user_id and row.role == Role.ADMIN for row in users)
        if is_admin and not others and (disabled or role not in (None, Role.ADMIN)):
            raise ConflictError(
                "This is the last admin; nobody could manage users any more.",
                hint="Make somebody else an admin first.",
            )
