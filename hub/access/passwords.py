"""Passwords: the rules for new ones, and argon2id hashes with the library's defaults.

A hash takes 64 MiB and some 50 ms, so it runs in a thread and at most two at once: a flood of
log-ins cannot take the hub's memory. Source of the parameters: RFC 9106, section 4, second
recommended option, which argon2-cffi ships as its default.
"""

from __future__ import annotations

import asyncio
import secrets

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from schemas.errors import ConfigError

MIN_LENGTH = 10
MAX_LENGTH = 200
MIN_WITHOUT_NAME = 6
"""Characters that must be left when the user name is taken out."""
AT_ONCE = 2


def check_new(user_name: str, password: str, path: str = "password") -> None:
    """Raises ConfigError unless this may be the password of `user_name`."""
    if len(password) < MIN_LENGTH:
        raise ConfigError(
            f"The password has {len(password)} characters; {MIN_LENGTH} are the least.",
            hint="A sentence of four words is easy to remember and hard to guess.",
            path=path,
        )
    if len(password) > MAX_LENGTH:
        raise ConfigError(f"The password is longer than {MAX_LENGTH} characters.", path=path)
    name = user_name.casefold()
    without_name = password.casefold().replace(name, "") if len(name) > 2 else password
    if len(without_name) < MIN_WITHOUT_NAME:
        raise ConfigError(
            "The password is the user name, or little more than that.",
            hint="Choose one that does not contain the user name.",
            path=path,
        )
    if len(set(password)) < 4:
        raise ConfigError("The password repeats the same few characters.", path=path)


def random_password() -> str:
    """20 characters that are safe in a URL and a shell, 120 bits."""
    return secrets.token_urlsafe(15)


class Passwords:
    """Makes and verifies hashes, off the event loop."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        """`hasher` is argon2id with the defaults of argon2-cffi unless a test wants a fast one."""
        self._hasher = hasher or PasswordHasher()
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._nobody = ""

    async def hash(self, password: str) -> str:
        """`$argon2id$...`, with a random salt."""
        async with self._slots:
            return await asyncio.to_thread(self._hasher.hash, password)

    async def matches(self, stored: str | None, password: str) -> bool:
        """Whether `password` belongs to the hash; with None, False after the same time."""
        if stored is None:
            self._nobody = self._nobody or await self.hash(random_password())
        async with self._slots:
            found = await asyncio.to_thread(self._verify, stored or self._nobody, password)
        return found and stored is not None

    def outdated(self, stored: str) -> bool:
        """Whether the parameters of this hash are not today's; then it is made anew."""
        return self._hasher.check_needs_rehash(stored)

    def _verify(self, stored: str, password: str) -> bool:
        try:
            return self._hasher.verify(stored, password)
        except (VerificationError, InvalidHashError):
            return False
