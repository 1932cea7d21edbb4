"""What a worker answers when people ask: test, diagnose, select, operate, discover, browse."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from schemas.config.base import explain
from schemas.config.devices import ManifestDevice
from schemas.config.drivers import CONNECTION
from schemas.errors import (
    ConfigError,
    ConfigErrors,
    DeviceError,
    DeviceTimeoutError,
    NotFoundError,
    SpindleError,
)
from schemas.messages.browsing import BrowseReply, BrowseRequest, DiscoverReply, DiscoverRequest
from schemas.messages.codec import pack, read
from schemas.messages.commands import TestReply, TestRequest
from schemas.messages.diagnosis import DiagnoseReply, DiagnoseRequest
from schemas.messages.writes import OperateReply, OperateRequest, SelectReply, SelectRequest
from spoke.clock import Clock
from spoke.drivers.base import Browses, DriverContext, close_driver
from spoke.drivers.links import Links
from spoke.drivers.registry import driver as find_driver
from spoke.drivers.runner import DeviceRunner
from spoke.drivers.trace import Trace
from spoke.drivers.trial import try_device

T = TypeVar("T")

_log = logging.getLogger(__name__)

VERBS = ("test", "diagnose", "select", "operate", "discover", "browse")
_LOOK_S = 20.0
_DEEP_S = 55.0


class Calls:
    """Answers for the devices of one worker. `runners` by device id is its own, living map."""

    def __init__(self, runners: Mapping[int, DeviceRunner], clock: Clock, folder: Path) -> None:
        self._runners, self._clock, self._folder = runners, clock, folder
        self._links = Links()
        self._answers: dict[str, Callable[[bytes], Awaitable[Any]]] = {
            "test": self._test,
            "diagnose": self._diagnose,
            "select": self._select,
            "operate": self._operate,
            "discover": self._discover,
            "browse": self._browse,
        }

    def context(self) -> DriverContext:
        """For one device: the links are everybody's, the trace is its own."""
        return DriverContext(self._clock, self._links, Trace(self._clock), self._folder)

    async def answer(self, verb: str, body: bytes) -> bytes:
        """The packed reply. Never raises: what is wrong is in its `error`, in words."""
        try:
            return pack(await self._answers[verb](body))
        except ValidationError as error:
            return failed(ConfigErrors(explain(error)))
        except SpindleError as error:
            return failed(error)
        except TimeoutError:
            return failed(DeviceTimeoutError("The device took too long."))
        except Exception as error:  # noqa: BLE001 - a driver's defect is an answer, too
            _log.exception("Driver defect", extra={"action": "driver.defect"})
            return failed(DeviceError(f"The driver failed: {type(error).__name__}: {error}"))

    async def _test(self, body: bytes) -> TestReply:
        device = ManifestDevice.model_validate(read(TestRequest, body).device)
        return await try_device(device, self.context())

    async def _diagnose(self, body: bytes) -> DiagnoseReply:
        request = read(DiagnoseRequest, body)
        return self._runner(request.device_id).diagnose(request)

    async def _select(self, body: bytes) -> SelectReply:
        request = read(SelectRequest, body)
        return self._runner(request.device_id).writer.select(request)

    async def _operate(self, body: bytes) -> OperateReply:
        request = read(OperateRequest, body)
        return await self._runner(request.device_id).writer.operate(request)

    async def _discover(self, body: bytes) -> DiscoverReply:
        request = read(DiscoverRequest, body)
        return await self._look(request.connection, _LOOK_S, lambda driver: driver.discover())

    async def _browse(self, body: bytes) -> BrowseReply:
        request = read(BrowseRequest, body)
        return await self._look(
            request.connection,
            _DEEP_S if request.deep else _LOOK_S,
            lambda driver: driver.browse(request.node, deep=request.deep),
        )

    async def _look(
        self,
        connection: dict[str, Any],
        limit_s: float,
        look: Callable[[Browses], Awaitable[T]],
    ) -> T:
        settings = CONNECTION.validate_python(connection)
        driver = find_driver(settings.driver).create(settings, self.context())
        try:
            if not isinstance(driver, Browses):
                raise ConfigError(
                    "This protocol has nothing to browse.", hint="Write the addresses, or import."
                )
            async with asyncio.timeout(limit_s):
                return await look(driver)
        finally:
            await close_driver(driver)

    def _runner(self, device_id: int) -> DeviceRunner:
        found = self._runners.get(device_id)
        if found is None:
            raise NotFoundError(
                "The gateway does not run this device (yet).",
                hint="It may not have the newest configuration; the Gateways page shows it.",
            )
        return found


def failed(error: SpindleError) -> bytes:
    """A reply of any kind that has nothing but its error."""
    return pack({"error": error.as_dict()})
