"""The spoke's first process: configuration, workers, stream and health. Acquisition is elsewhere,
so that nothing here can delay it."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js.errors import APIError
from nats.js.errors import Error as JetStreamError

from schemas import subjects
from schemas.config.devices import Manifest
from schemas.connection import options
from schemas.errors import ConfigError, ConfigErrors, FrameError, StartError
from schemas.messages.codec import pack, read, unsqueeze
from schemas.messages.commands import EpochRequest, ManifestReply, ManifestRequest
from schemas.messages.health import StreamHealth
from spoke import manifest as manifests
from spoke.clock import Clock
from spoke.functions.keeper import FunctionKeeper
from spoke.health import VERSION, ClockWatch, HealthReport
from spoke.publish.stream import Stream
from spoke.relay import Relay
from spoke.settings import SpokeSettings
from spoke.workers import Workers

_log = logging.getLogger(__name__)

_HEALTH_S, _HANDSHAKE_S, _ASK_AGAIN_S, _REQUEST_S, _STREAM_S = 5.0, 60.0, 3.0, 3.0, 1.0
_STREAM_TRIES = 5  # a start takes a few; then somebody must look
_AWAY = (NatsError, JetStreamError, OSError, TimeoutError)


class Supervisor:
    def __init__(self, settings: SpokeSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._client = Client()
        self._stream = Stream(self._client.jetstream(), settings)
        self._workers = Workers(settings.worker_count, clock)
        self._functions = FunctionKeeper(self._workers, clock)
        self._report = HealthReport(
            settings.name, settings.data_dir, self._workers, self._functions, clock
        )
        self._watch = ClockWatch(clock)
        self._manifest = Manifest(spoke=settings.name, revision=0)
        self._errors: tuple[dict[str, Any], ...] = ()
        self._refused_revision = 0
        self._ask = asyncio.Event()
        self._health_now = asyncio.Event()

    async def run(self) -> None:
        """Run until cancelled. Works without hub and without nats-server."""
        cached = manifests.load(self._settings.manifest_file, self._settings.name)
        if cached is not None:
            self._apply(cached)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._workers.run())
            tasks.create_task(self._functions.run())
            tasks.create_task(self._connect(tasks))
            tasks.create_task(self._keep_stream())
            tasks.create_task(self._keep_manifest())
            tasks.create_task(self._send_health())
            tasks.create_task(self._watch_clock())

    async def _connect(self, tasks: asyncio.TaskGroup) -> None:
        settings = self._settings
        await self._client.connect(
            settings.nats_url,
            user=settings.nats_user,
            password=settings.nats_password,
            reconnected_cb=self._ask_now,
            **options(f"{settings.name} supervisor", subjects.spoke_inbox(settings.name)),
        )
        await self._client.subscribe(
            subjects.command(settings.name, "manifest"), cb=self._on_notice
        )
        await self._client.subscribe(subjects.command(settings.name, "epoch"), cb=self._on_epoch)
        relay = Relay(settings.name, self._client, self._workers, self._functions)
        await relay.start(tasks)
        await self._ask_now()

    async def _ask_now(self) -> None:
        self._ask.set()

    async def _on_notice(self, _message: Msg) -> None:
        self._ask.set()

    # --- the manifest ---------------------------------------------------------------------------
    async def _keep_manifest(self) -> None:
        """Handshake on connect, on a notice, every minute, and every 3 s until the hub answers."""
        answered = False
        while True:
            wait = _HANDSHAKE_S if answered else _ASK_AGAIN_S
            try:
                async with asyncio.timeout(wait):
                    await self._ask.wait()
            except TimeoutError:
                pass
            self._ask.clear()
            if self._client.is_connected:
                answered = await self._handshake()

    async def _handshake(self) -> bool:
        """Ask the hub for a newer manifest and apply it; False when the hub is away."""
        name = self._settings.name
        request = ManifestRequest(name, self._manifest.revision, VERSION)
        try:
            answer = await self._client.request(
                subjects.hub_rpc(name, "manifest"), pack(request), timeout=_REQUEST_S
            )
            packed = read(ManifestReply, answer.data).packed
            offered = None if packed is None else unsqueeze(packed)
        except _AWAY:
            return False
        except FrameError as error:
            self._refuse(0, (error.as_dict(),))
            return True
        if offered is not None:
            self._take(offered)
        else:
            self._errors = ()  # what runs is the newest
        return True

    def _take(self, offered: dict[str, Any]) -> None:
        """Apply an offered manifest whole, or refuse it whole and keep the running one."""
        revision = offered.get("revision", 0)
        try:
            wanted = manifests.parse(offered, self._settings.name)
            manifests.save(self._settings.manifest_file, wanted)
        except ConfigErrors as error:
            self._refuse(revision, tuple(item.as_dict() for item in error.problems))
        except OSError as error:
            problem = ConfigError(
                f"The manifest cannot be kept on the gateway's disk: {error}.",
                hint="Free space on the gateway, or check its data folder.",
            )
            self._refuse(revision, (problem.as_dict(),))
        else:
            self._errors = ()
            self._apply(wanted)
            _log.info(
                "Applied manifest revision %d", wanted.revision, extra={"action": "manifest.apply"}
            )
        self._health_now.set()

    def _apply(self, wanted: Manifest) -> None:
        self._manifest = wanted
        self._workers.apply(
            [device for device in wanted.devices if device.connection.driver != "function"]
        )
        self._functions.apply(wanted.devices)

    def _refuse(self, revision: int, errors: tuple[dict[str, Any], ...]) -> None:
        if revision != self._refused_revision or not self._errors:
            _log.warning(
                "Refused manifest revision %s: %s",
                revision,
                errors[0]["message"],
                extra={"action": "manifest.refuse"},
            )
        self._refused_revision = revision
        self._errors = errors

    async def _on_epoch(self, message: Msg) -> None:
        """The hub found that our stream's history was forked; see EpochRequest."""
        try:
            request = read(EpochRequest, message.data)
            await self._stream.new_epoch(request.epoch, request.first_seq)
        except (*_AWAY, FrameError) as error:
            _log.warning("No new epoch: %s", error, extra={"action": "stream.epoch"})
        self._health_now.set()

    # --- stream and health ----------------------------------------------------------------------
    async def _keep_stream(self) -> None:
        """Make the stream and its consumer as soon as JetStream is there, and whenever it is
        gone again (a wiped disk)."""
        tries = 0
        while True:
            problem = await self._try_stream()
            if problem and tries == _STREAM_TRIES:
                _log.error("No local stream: %s", problem, extra={"action": "stream.away"})
            elif not problem and tries > _STREAM_TRIES:
                _log.info("The local stream is there", extra={"action": "stream.back"})
            tries = tries + 1 if problem else 0
            await self._clock.sleep(_STREAM_S if problem else _HEALTH_S)

    async def _try_stream(self) -> str:
        """Why there is no stream, in words; empty when there is one."""
        if self._client.is_closed:  # after a protocol error the client gives up for good
            raise StartError("The connection to the local nats-server ended for good.")
        if not self._client.is_connected:
            reason = self._client.last_error or "no answer"
            return f"no connection to the local nats-server ({reason}); check URL and password."
        try:
            await self._stream.ensure()
        except APIError as error:
            return (
                f"the local nats-server refuses it ({error.description}); check its max_file "
                "against the gateway's stream_max_bytes."
            )
        except _AWAY as error:
            return f"JetStream does not answer ({error or type(error).__name__})."
        return ""

    async def _send_health(self) -> None:
        while True:
            try:
                async with asyncio.timeout(_HEALTH_S):
                    await self._health_now.wait()
            except TimeoutError:
                pass
            self._health_now.clear()
            if not self._client.is_connected:
                continue
            try:
                stream = await self._stream.health()
            except _AWAY:
                stream = StreamHealth()
            try:
                health = self._report.make(
                    self._manifest.revision, self._errors, stream, self._watch.jump_s
                )
                await self._client.publish(subjects.health(self._settings.name), pack(health))
            except _AWAY:
                continue  # the hub shows the age of the last message

    async def _watch_clock(self) -> None:
        while True:
            await self._clock.sleep(1.0)
            jumped = self._watch.check()
            if jumped:
                _log.warning(
                    "The clock of this gateway jumped by %.0f s; periods go on, but the times of "
                    "values jump with it. Check its time synchronisation.",
                    jumped,
                    extra={"action": "clock.jump", "jump_s": round(jumped, 1)},
                )
                self._health_now.set()
