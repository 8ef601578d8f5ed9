"""The values of a meter of DL/T 645-2007 as registers: one request of the map is one request for data.

A block of DL/T 645 (DI1 = FFH) has all values that differ in DI1; it costs one request instead of three or four. A
meter that rejects it is polled for single values, as a Modbus device that rejects a block.
"""

from __future__ import annotations

from collections.abc import Sequence

from drivers import error_reasons as codes
from drivers.dlt645_frames import address_text
from drivers.errors import FrameError, MeterRejection
from drivers.framing import Request
from drivers.profiles import Profile
from drivers.profiles.dlt645_register import READ_DATA, identifier_at, value_bytes
from drivers.reading import RegisterLink

NO_DATA = 0x02  # error bit of a meter that does not have the data
FROM_FIRST_PHASE = (0x0201, 0x0202, 0x0207, 0x0208, 0x0209)  # DI3 DI2 of blocks without a total (table A.3)


class MeterRegisters:
    """A link that reads the registers of a profile of dialect dlt645."""

    def __init__(self, link: RegisterLink, profile: Profile) -> None:
        self._link = link
        self._values = {row.address: (row.words, value_bytes(row)) for row in profile.registers}

    @property
    def response_s(self) -> float:
        """Response time of the last request in seconds."""
        return self._link.response_s

    async def read_block(
        self, request: Request, timeout_s: float, inter_request_delay_s: float = 0.0, *,
        edges: Sequence[int] = (), tries: int = 1, silence_tries: int | None = None,
        retry_after_s: float | None = None,
    ) -> bytes:  # fmt: skip
        """Same as ModbusLink.read_block. A value that the block of the meter does not have is "not available".

        A request that does not begin with a value of the map, or divides one, is rejected here; nothing is sent.
        """
        words, n_bytes = self._values.get(request.address, (0, 0))
        if not words or request.registers % words:
            raise MeterRejection(NO_DATA, address_text(request.unit), f"{request.address:08X}")
        identifier = identifier_at(request.address, words)
        single = request.registers == words
        asked = Request(request.unit, READ_DATA, identifier if single else identifier | 0xFF00, n_bytes)
        data = await self._link.read_block(
            asked, timeout_s, inter_request_delay_s, tries=tries, silence_tries=silence_tries,
            retry_after_s=retry_after_s,
        )  # fmt: skip
        if len(data) != n_bytes if single else len(data) % n_bytes:
            raise FrameError(
                codes.METER_VALUE_LENGTH, meter=address_text(request.unit), identifier=f"{asked.address:08X}",
                n_bytes=len(data), expected=n_bytes,
            )  # fmt: skip
        return value_registers(data, words) if single else block_registers(data, identifier, request, words, n_bytes)

    async def close(self) -> None:
        """Closes the link."""
        await self._link.close()


def block_registers(data: bytes, identifier: int, request: Request, words: int, n_bytes: int) -> bytes:
    """The registers of `request` in the values of a block; a value that the block does not have is "not available".

    identifier: of the first value. words, n_bytes: registers and bytes of a value.
    """
    first = 1 if identifier >> 16 in FROM_FIRST_PHASE else 0
    begin = ((identifier >> 8 & 0xFF) - first) * n_bytes
    items = (data[at : at + n_bytes] for at in range(begin, begin + request.registers // words * n_bytes, n_bytes))
    return b"".join(value_registers(item, words) if len(item) == n_bytes else b"\xff" * 2 * words for item in items)


def value_registers(value: bytes, words: int) -> bytes:
    """A value, the lowest byte first, in registers, the highest byte first."""
    return value[::-1].rjust(2 * words, b"\0")
