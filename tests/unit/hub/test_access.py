"""Passwords, throttle and tokens, without a server."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import jwt
import pytest
from argon2 import PasswordHasher

from hub.access import tokens
from hub.access.passwords import AT_ONCE, Passwords, check_new
from hub.access.throttle import MAX_NAMES, Throttle
from schemas.errors import ConfigError, LoginError

SECRET = b"k" * 32
NOW_NS = 1_790_000_000 * 10**9


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("eva", "nine char"),
        ("eva", "x" * 201),
        ("eva", "abcabcabcabc"),
        ("Administrator", "administrator"),
        ("administrator", "Administrator1!"),
        ("production", "productionproduction"),
    ],
)
def test_weak_passwords(name, password):
    with pytest.raises(ConfigError) as refused:
        check_new(name, password, "new")
    assert refused.value.path == "new"


@pytest.mark.parametrize(
    ("name", "password"), [("eva", "Levantine!"), ("e", "ten eeeees"), ("admin", "xK3-vR7_pQ9z")]
)
def test_good_passwords(name, password):
    check_new(name, password)


async def test_hashes():
    passwords = Passwords(PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
    hashed = await passwords.hash("correct horse")
    assert hashed.startswith("$argon2id$")
    assert hashed != await passwords.hash("correct horse")
    assert await passwords.matches(hashed, "correct horse")
    assert not await passwords.matches(hashed, "wrong horse")
    assert not await passwords.matches(None, "correct horse")
    assert not await passwords.matches("not a hash", "correct horse")
    assert Passwords().outdated(hashed)
    assert not passwords.outdated(hashed)


async def test_few_hashes_at_once():
    """64 MiB each: a flood of log-ins must not take the memory."""

    class Counting(PasswordHasher):
        running = most = 0

        def verify(self, *args, **kwargs):
            Counting.running += 1
            Counting.most = max(Counting.most, Counting.running)
            try:
                return super().verify(*args, **kwargs)
            finally:
                Counting.running -= 1

    passwords = Passwords(Counting(time_cost=2, memory_cost=1024, parallelism=1))
    hashed = await passwords.hash("correct horse")
    found = await asyncio.gather(*(passwords.matches(hashed, "correct horse") for _ in range(20)))
    assert all(found)
    assert 1 <= Counting.most <= AT_ONCE


def test_throttle_pauses_after_five_and_forgives_after_a_minute():
    now = [0.0]
    throttle = Throttle(lambda: now[0])
    assert [throttle.admit("eva") for _ in range(7)] == [True] * 5 + [False] * 2
    assert throttle.admit("bob")
    now[0] = 59.0
    assert not throttle.admit("eva")  # and this try does not prolong it
    now[0] = 60.0
    assert throttle.admit("eva")


def test_throttle_forgets_after_success():
    throttle = Throttle(lambda: 0.0)
    for _ in range(20):
        assert throttle.admit("eva")
        throttle.succeeded("eva")


def test_throttle_does_not_fill_the_memory_with_names():
    throttle = Throttle(lambda: 0.0)
    for index in range(MAX_NAMES + 50):
        throttle.admit(f"n{index}")
    assert len(throttle._tries) == MAX_NAMES


def test_tokens():
    session_id = uuid4()
    token = tokens.issue(SECRET, session_id, 7, NOW_NS, NOW_NS + 10**9)
    assert tokens.session_of(SECRET, token, NOW_NS) == session_id
    for secret, now_ns in ((b"x" * 32, NOW_NS), (SECRET, NOW_NS + 10**9)):
        with pytest.raises(LoginError):
            tokens.session_of(secret, token, now_ns)
    assert jwt.get_unverified_header(token)["alg"] == "HS256"


def test_a_token_without_an_end_is_refused():
    token = jwt.encode({"iss": tokens.ISSUER, "sub": "1", "jti": str(uuid4())}, SECRET)
    with pytest.raises(LoginError):
        tokens.session_of(SECRET, token, NOW_NS)
