"""The session with a CPU: python-snap7's AsyncClient on our transport.

AsyncClient and not Client: it needs no thread per PLC and can be cancelled. Of the library we use
the client's exchange (lock, PDU references, late answers), the negotiation, and the coding of S7
messages; the transport is ours (see `iso.py`), and answers are kept as bytes with the item's return
code, where the library makes a list of ints and an error text of them.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from snap7.async_client import AsyncClient
from snap7.datatypes import S7Area, S7WordLen
from snap7.s7protocol import S7Protocol

from schemas.config.drivers import S7Config
from schemas.errors import ProtocolError
from spoke.drivers.s7.addresses import AREA_CODE
from spoke.drivers.s7.errors import ITEM_OK, ItemRefusedError
from spoke.drivers.s7.iso import IsoTransport
from spoke.drivers.s7.planner import Block

REQUESTED_PDU_BYTES = 960
"""The most that an S7-1500 grants; other CPUs answer with their own, smaller length."""
_PG_CONNECTION = 1

# The library reports each attempt at INFO; during an outage that would fill the log. Spindle's
# runner logs the outage once, and every failure reaches it as an error.
logging.getLogger("snap7").setLevel(logging.ERROR)


class _Messages(S7Protocol):  # type: ignore[misc]  # the library comes without usable types
    """S7 messages; a refused item may have a length without data, as some CPUs send it."""

    def _parse_data_section(
        self, data_section: bytes, *, validate_length: bool = True
    ) -> dict[str, Any]:
        good = validate_length and data_section[:1] == bytes((ITEM_OK,))
        parsed: dict[str, Any] = super()._parse_data_section(data_section, validate_length=good)
        return parsed


class Session(AsyncClient):  # type: ignore[misc]  # the library comes without usable types
    """One session. Errors come as the library raises them; `errors.translate` makes them ours."""

    def __init__(self, settings: S7Config) -> None:
        super().__init__()
        self.protocol = _Messages()
        self.pdu_length = REQUESTED_PDU_BYTES
        self._settings = settings
        self._iso = IsoTransport()

    async def open(self) -> int:
        """Connect and negotiate; returns the PDU length in bytes."""
        settings = self._settings
        self.remote_tsap = _PG_CONNECTION << 8 | settings.rack << 5 | settings.slot
        self.connection = self._iso
        loop = asyncio.get_running_loop()
        await loop.create_connection(lambda: self._iso, settings.host, settings.port)
        await self._iso.handshake(self.local_tsap, self.remote_tsap)
        await self._setup_communication()
        self.connected = True
        return min(int(self.pdu_length), REQUESTED_PDU_BYTES)

    async def read_block(self, block: Block) -> bytes:
        """The bytes of a block that fits in one answer. Raises ItemRefusedError."""
        request = self.protocol.build_read_request(
            S7Area(AREA_CODE[block.area]), block.db, block.start, S7WordLen.BYTE, block.size
        )
        answer = await self._send_receive(request)
        item = answer["data"] or {}
        code = item.get("return_code")
        if code is None:
            raise ProtocolError("The CPU answered a read request without data.")
        if code != ITEM_OK:
            raise ItemRefusedError(code)
        data: bytes = item["data"]
        if len(data) != block.size:
            raise ProtocolError(f"Asked for {block.size} bytes, the CPU sent {len(data)}.")
        return data

    def abort(self) -> None:
        """Close at once; never raises."""
        self._iso.abort()
