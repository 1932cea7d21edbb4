"""The OPC UA driver against a foreign stack: node-opcua, from npm.

It is installed once into `.cache/node-opcua` of the repository (72 MB, 15 s) and used again.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from schemas.config.drivers import OpcUaMode, OpcUaSecurity
from schemas.errors import RefusedError
from schemas.kinds import DataType
from schemas.quality import Quality
from spoke.drivers.opcua import session
from spoke.drivers.opcua.certificates import identity
from spoke.drivers.opcua.planner import Limits

from .opcua_client import connected, device

pytestmark = [pytest.mark.foreign, pytest.mark.asyncio(loop_scope="module")]

HERE = Path(__file__).parent / "opcua_foreign"
CACHE = Path(__file__).parents[2] / ".cache" / "node-opcua"
INSTALL_S, START_S = 180, 60

TYPES: list[tuple[str, DataType, object]] = [
    ("Bool", DataType.BOOL, True),
    ("Int8", DataType.INT8, -100),
    ("UInt8", DataType.UINT8, 200),
    ("Int16", DataType.INT16, -30000),
    ("UInt16", DataType.UINT16, 60000),
    ("Int32", DataType.INT32, -2000000000),
    ("UInt32", DataType.UINT32, 4000000000),
    ("Int64", DataType.INT64, -2),
    ("UInt64", DataType.UINT64, 2**63 - 1),
    ("Float", DataType.FLOAT32, 1.5),
    ("Double", DataType.FLOAT64, 1e300),
    ("String", DataType.STRING, "Grüße"),
    ("Localized", DataType.STRING, "läuft"),
]
MANY = [(f"ns=1;s=Many{i}", DataType.INT32) for i in range(40)]


class Foreign:
    """The running server; `tell` sends it a command and waits until it is done."""

    def __init__(self, process: asyncio.subprocess.Process, endpoint: str) -> None:
        self.endpoint = endpoint
        self._process = process

    async def tell(self, command: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{command}\n".encode())
        await line(self._process, f"done {command}")


def installed() -> None:
    """Install node-opcua once; skip the test when that cannot be."""
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("node-opcua needs node and npm, which are not installed")
    wanted = (HERE / "package.json").read_text()
    version = json.loads(wanted)["dependencies"]["node-opcua-server"]
    found = CACHE / "node_modules" / "node-opcua-server" / "package.json"
    if found.exists() and json.loads(found.read_text())["version"] == version:
        return
    CACHE.mkdir(parents=True, exist_ok=True)
    (CACHE / "package.json").write_text(wanted)
    command = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts"]
    try:
        done = subprocess.run(
            command, cwd=CACHE, capture_output=True, text=True, timeout=INSTALL_S, check=False
        )
    except subprocess.TimeoutExpired:
        pytest.skip(f"node-opcua could not be installed from npm in {INSTALL_S} s")
    if done.returncode:
        pytest.skip(f"node-opcua could not be installed from npm: {done.stderr.strip()[-200:]}")


async def line(process: asyncio.subprocess.Process, start: str) -> str:
    """The next line of the server's output that starts like this."""
    assert process.stdout is not None
    async with asyncio.timeout(START_S):
        while text := (await process.stdout.readline()).decode():
            if text.startswith(start):
                return text.strip()
    raise AssertionError(f"node-opcua ended without {start!r}")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def foreign(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Foreign]:
    await asyncio.to_thread(installed)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    data = tmp_path_factory.mktemp("node-opcua")
    process = await asyncio.create_subprocess_exec(
        "node",
        str(HERE / "server.js"),
        str(CACHE),
        str(data),
        str(port),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={**os.environ, "HOME": str(data)},
    )
    try:
        yield Foreign(process, (await line(process, "ready ")).split()[1])
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.communicate()


def type_tags() -> list[tuple[str, DataType]]:
    return [(f"ns=1;s={name}", kind) for name, kind, _ in TYPES]


async def test_types_by_subscription(foreign: Foreign) -> None:
    async with connected(device(foreign.endpoint, type_tags())) as found:
        assert await found.subscribe() == {"normal"}
        await found.watch_until(lambda: len(found.values) == len(TYPES))
    assert [found.values[i][0] for i in range(1, len(TYPES) + 1)] == [value for *_, value in TYPES]
    assert {code for codes in found.quality.values() for code in codes} == {Quality.GOOD}


async def test_types_by_polling(foreign: Foreign) -> None:
    wanted = device(foreign.endpoint, type_tags(), mode=OpcUaMode.POLL)
    async with connected(wanted) as found:
        assert await found.subscribe() == frozenset()
        answers = await found.read()
    assert answers == {i: (value, Quality.GOOD) for i, (*_, value) in enumerate(TYPES, 1)}


async def test_requests_keep_to_its_limits(foreign: Foreign) -> None:
    """It takes 7 nodes in a read and 5 items in a call, and refuses more."""
    async with connected(device(foreign.endpoint, MANY)) as found:
        assert found.driver._session.limits == Limits(7, 5)
        assert await found.read() == {i + 1: (i, Quality.GOOD) for i in range(40)}
        await found.subscribe()
        await found.watch_until(lambda: len(found.values) == 40)
    assert found.values == {i + 1: [i] for i in range(40)}


async def test_what_does_not_fit_is_bad_and_the_others_are_good(foreign: Foreign) -> None:
    tags = [
        ("ns=1;s=Float", DataType.FLOAT64),
        ("ns=1;s=Nowhere", DataType.FLOAT32),
        ("ns=1;s=String", DataType.FLOAT32),
        ("ns=1;s=Array", DataType.FLOAT32),
        ("ns=1;s=UInt64Large", DataType.UINT64),
    ]
    bad = Quality.BAD_CONFIG_ERROR
    expected = {1: Quality.GOOD, 2: bad, 3: bad, 4: bad, 5: Quality.BAD_OUT_OF_RANGE}
    async with connected(device(foreign.endpoint, tags)) as found:
        await found.subscribe()
        await found.watch_until(lambda: len(found.values) == len(tags))
        assert {tag: codes[0] for tag, codes in found.quality.items()} == expected
        assert set(found.driver.problems) == {2, 3, 4}
        assert "array of Float" in found.driver.problems[4].message
        assert {tag: code for tag, (_, code) in (await found.read()).items()} == expected


async def test_every_change_arrives_exactly_once(foreign: Foreign) -> None:
    """Four values in each report: it samples every 50 ms and reports every 400 ms."""
    tags = [("ns=1;s=Counter", DataType.UINT32)]
    async with connected(device(foreign.endpoint, tags, publishing_ms=400)) as found:
        await found.subscribe()
        await found.watch_until(lambda: bool(found.values))
        await foreign.tell("count 16")
        await found.watch_until(lambda: found.values[1][-1] == 16)
        assert found.values[1] == list(range(17))
        assert len(found.frames) < 10
        assert found.driver.problems == {}


async def test_a_deleted_node_is_bad_and_the_others_go_on(foreign: Foreign) -> None:
    async with connected(device(foreign.endpoint, MANY[:3])) as found:
        await found.subscribe()
        await found.watch_until(lambda: len(found.values) == 3)
        await foreign.tell("delete Many0")
        await found.watch_until(lambda: found.quality[1][-1] != Quality.GOOD)
        assert found.quality[1][-1] == Quality.BAD_CONFIG_ERROR
        assert set(found.driver.problems) == {1}
        answers = await found.read()
    assert [code for _, code in answers.values()] == [Quality.BAD_CONFIG_ERROR, 192, 192]


@pytest.mark.parametrize("security", list(OpcUaSecurity))
async def test_login(
    foreign: Foreign,
    security: OpcUaSecurity,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(session, "identity", lambda: identity(tmp_path))
    tags = [("ns=1;s=Float", DataType.FLOAT32)]
    good = {"username": "spindle", "password": "right", "security": security}
    async with connected(device(foreign.endpoint, tags, **good)) as found:
        assert await found.read() == {1: (1.5, Quality.GOOD)}
    with pytest.raises(RefusedError, match="login") as caught:
        async with connected(device(foreign.endpoint, tags, **{**good, "password": "guess"})):
            pass
    assert "guess" not in str(caught.value.as_dict())
