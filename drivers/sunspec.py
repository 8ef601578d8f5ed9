"""Finds the start address of a SunSpec model by following the chain of models with read requests."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from drivers import error_reasons as codes
from drivers.errors import DriverError, LinkClosed, LinkTimeout, ModbusExceptionResponse, ResponseQuarantined
from drivers.framing import Request
from drivers.profiles import Profile
from drivers.reading import RegisterLink

MARKER = b"SunS"
END = 0xFFFF
MODELS_MAX = 64  # per device; a longer chain is invalid


class SunSpecLink:
    """A link that adds the start address of the SunSpec model to the addresses of each request.

    The model is searched before the first read, and again after an exception response or a time-out: new firmware may
    have moved it.
    """

    def __init__(self, link: RegisterLink, profile: Profile) -> None:
        row = next(row for row in profile.identify if row.method == "sunspec")
        self._link, self._bases, self._model_id = link, row.bases, row.model_id
        self._start: int | None = None

    @property
    def response_s(self) -> float:
        """Response time of the last request in seconds."""
        return self._link.response_s

    async def read_block(
        self, request: Request, timeout_s: float, inter_request_delay_s: float = 0.0, *,
        edges: Sequence[int] = (), tries: int = 1, silence_tries: int | None = None,
        retry_after_s: float | None = None,
    ) -> bytes:  # fmt: skip
        """Same as ModbusLink.read_block; also raises DriverError if the device does not have the model."""
        if self._start is None:
            self._start = await find_model(
                self._link,
                request.unit,
                request.function,
                self._bases,
                self._model_id,
                timeout_s,
                inter_request_delay_s,
            )
        address = self._start + request.address
        if address + request.registers > 65536:
            raise DriverError(codes.SUNSPEC_ADDRESS_RANGE, unit_id=request.unit, address=address, model=self._model_id)
        try:
            return await self._link.read_block(
                request._replace(address=address), timeout_s, inter_request_delay_s,
                edges=[edge for edge in edges if address + edge <= 65536], tries=tries, silence_tries=silence_tries,
                retry_after_s=retry_after_s,
            )  # fmt: skip
        except ResponseQuarantined:
            raise  # no request was sent
        except (ModbusExceptionResponse, LinkTimeout, LinkClosed):
            self._start = None
            raise

    async def close(self) -> None:
        """Closes the link."""
        await self._link.close()


async def find_model(
    link: RegisterLink,
    unit: int,
    function: int,
    bases: tuple[int, ...],
    model_id: int | None,
    timeout_s: float,
    inter_request_delay_s: float,
) -> int:
    """Address of the identifier register of the model. Raises DriverError without a marker or without the model.

    bases: addresses at which the marker may be. model_id: the model.
    A rejected address counts as "no marker" or "end of chain"; a temporary exception response raises
    ModbusExceptionResponse.
    """

    async def words(address: int) -> bytes:
        try:
            return await link.read_block(Request(unit, function, address, 2), timeout_s, inter_request_delay_s, tries=2)
        except ModbusExceptionResponse as error:
            if error.retry:
                raise
            return b""

    return await find_in_chain(words, unit, bases, model_id)


async def find_in_chain(
    words: Callable[[int], Awaitable[bytes]], unit: int, bases: Sequence[int], model_id: int | None
) -> int:
    """Same as `find_model`. words: address → two registers; empty if the device rejects them."""
    for base in bases:
        if await words(base) != MARKER:
            continue
        address = base + 2
        seen: list[int] = []
        while len(seen) < MODELS_MAX and address <= 65534 and (head := await words(address)):
            found, length = int.from_bytes(head[:2], "big"), int.from_bytes(head[2:], "big")
            if found == model_id:
                return address
            if found == END:
                break
            seen.append(found)
            address += 2 + length
        if not seen:
            raise DriverError(codes.SUNSPEC_CHAIN_EMPTY, unit_id=unit, model=model_id)
        raise DriverError(codes.SUNSPEC_NO_MODEL, unit_id=unit, model=model_id, models=tuple(seen))
    raise DriverError(codes.SUNSPEC_NO_MARKER, unit_id=unit, addresses=bases)
