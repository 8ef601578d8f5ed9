"""One wire, one owner: Modbus TCP, RTU and RTU over TCP on pymodbus.

Retries and reconnects are ours: pymodbus makes one attempt and never reconnects behind our back. After a time-out
the connection is thrown away, so that a late answer dies with it instead of being taken for the next one.
"""

from __future__ import annotations

import asyncio
import logging
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from drivers.errors import DeviceRefused, FrameError, LinkBusy, LinkClosed, LinkTimeout
from drivers.reading import Clock

if TYPE_CHECKING:
    from pymodbus.client import AsyncModbusSerialClient, AsyncModbusTcpClient

log = logging.getLogger(__name__)

CONNECT_S = 2.0
QUIET_S = 0.3  # a serial line stays untouched at least this long after a time-out


@dataclass(frozen=True, slots=True)
class Wire:
    """Where a bus is and how it speaks. Either host and port_number, or serial_port."""

    name: str
    host: str = ""
    port_number: int = 502
    serial_port: str = ""
    baud: int = 19200
    data_bits: int = 8
    parity: str = "N"
    stop_bits: int = 1
    rtu_framing: bool = False
    listen_s: float = 0.0

    @property
    def is_serial(self) -> bool:
        return bool(self.serial_port)

    @property
    def character_s(self) -> float:
        """Seconds for one character: start, data, parity and stop bits."""
        return (1 + self.data_bits + (self.parity != "N") + self.stop_bits) / self.baud


class ModbusLink:
    """The one connection of a wire. Use from one task only; fails fast and says why."""

    def __init__(self, wire: Wire, clock: Clock) -> None:
        self.wire = wire
        self._clock = clock
        self._client: AsyncModbusTcpClient | AsyncModbusSerialClient | None = None
        self._listened = False
        self._quiet_until_ns = 0
        self._last_ns = 0

    async def read_registers(
        self, unit: int, function: int, address: int, count: int, timeout_s: float, gap_s: float = 0.0
    ) -> list[int]:
        """`count` register words. gap_s: silence kept since the last traffic (at least 3.5 characters on serial lines).

        Raises LinkBusy, LinkClosed, LinkTimeout, FrameError, DeviceRefused.
        """
        from pymodbus.exceptions import ModbusException

        client = await self._connected()
        await self._silence(gap_s)
        read = client.read_holding_registers if function == 3 else client.read_input_registers
        about = f"unit {unit} address {address}"
        try:
            answer = await asyncio.wait_for(read(address, count=count, device_id=unit), timeout_s)
        except TimeoutError:
            self._forget(timeout_s)
            raise LinkTimeout(f"{about}: no answer in {timeout_s:.2g} s") from None
        except (ModbusException, OSError) as error:
            alive = client.connected
            self._forget(timeout_s)
            if alive:
                raise LinkTimeout(f"{about}: {error}") from None
            raise LinkClosed(f"{self.wire.name}: connection lost ({error})") from None
        finally:
            self._last_ns = self._clock.monotonic_ns()
        if answer.isError():
            raise DeviceRefused(getattr(answer, "exception_code", 0), about)
        if answer.dev_id != unit or answer.function_code != function or len(answer.registers) != count:
            self._forget(timeout_s)
            raise FrameError(f"{about}: an answer of another shape came and was thrown away")
        return list(answer.registers)

    async def close(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None

    async def _connected(self) -> AsyncModbusTcpClient | AsyncModbusSerialClient:
        if self._client is not None and self._client.connected:
            return self._client
        await self.close()
        wait_ns = self._quiet_until_ns - self._clock.monotonic_ns()
        if wait_ns > 0:
            await self._clock.sleep(wait_ns / 1e9)
        if self.wire.is_serial:
            await self._listen()
        client = self._new_client()
        try:
            opened = await asyncio.wait_for(client.connect(), CONNECT_S)
        except (TimeoutError, OSError) as error:
            client.close()
            raise LinkClosed(f"{self.wire.name}: cannot connect ({error or 'no answer'})") from None
        if not opened:
            client.close()
            raise LinkClosed(f"{self.wire.name}: cannot open {self.wire.serial_port or self.wire.host}")
        self._client = client
        return client

    def _new_client(self) -> AsyncModbusTcpClient | AsyncModbusSerialClient:
        from pymodbus import FramerType
        from pymodbus.client import AsyncModbusSerialClient, AsyncModbusTcpClient

        wire = self.wire
        if wire.is_serial:
            return AsyncModbusSerialClient(
                wire.serial_port,
                baudrate=wire.baud,
                bytesize=wire.data_bits,
                parity=port_parity(wire.serial_port, wire.parity),
                stopbits=wire.stop_bits,
                timeout=CONNECT_S,
                retries=0,
                reconnect_delay=0,
                name=wire.name,
            )
        return AsyncModbusTcpClient(
            wire.host,
            port=wire.port_number,
            framer=FramerType.RTU if wire.rtu_framing else FramerType.SOCKET,
            timeout=CONNECT_S,
            retries=0,
            reconnect_delay=0,
            name=wire.name,
        )

    async def _listen(self) -> None:
        """Hears whether another master talks before the first byte is sent, and empties what is left of old answers."""
        import serial

        wire = self.wire
        try:
            port = serial.Serial(
                wire.serial_port,
                wire.baud,
                wire.data_bits,
                port_parity(wire.serial_port, wire.parity),
                wire.stop_bits,
                timeout=0,
                exclusive=True,
            )
        except (OSError, ValueError) as error:
            raise LinkClosed(f"{wire.name}: cannot open {wire.serial_port} ({error})") from None
        with port:
            port.reset_input_buffer()
            if self._listened or wire.listen_s <= 0:
                return
            log.info(
                "%s: listening %g s on %s before the first byte is sent", wire.name, wire.listen_s, wire.serial_port
            )
            await self._clock.sleep(wire.listen_s)
            heard = port.in_waiting
        if heard:
            raise LinkBusy(
                f"{wire.name}: {heard} bytes heard in {wire.listen_s:g} s: another master talks; nothing is sent"
            )
        self._listened = True

    async def _silence(self, gap_s: float) -> None:
        wire = self.wire
        if wire.is_serial or wire.rtu_framing:
            gap_s = max(gap_s, 3.5 * wire.character_s, 0.00175)
        wait_s = gap_s - (self._clock.monotonic_ns() - self._last_ns) / 1e9
        if self._last_ns and wait_s > 0:
            await self._clock.sleep(wait_s)

    def _forget(self, timeout_s: float) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None
        if self.wire.is_serial:
            self._quiet_until_ns = self._clock.monotonic_ns() + int(max(QUIET_S, timeout_s) * 1e9)


def port_parity(port: str, parity: str) -> str:
    """`parity`, or N on a pseudo-terminal: Linux refuses parity there, and pyserial then fails to open the port."""
    return "N" if os.path.realpath(port).startswith("/dev/pts/") else parity
