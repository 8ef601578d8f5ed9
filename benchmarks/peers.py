"""The compared masters, each with the same two calls, the same time-out and three attempts.

A master that is not installed is left out; `missing` returns it and how to install it. Nothing here writes to a
device.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import ctypes.util
import importlib.util
import logging
import struct
from collections.abc import Sequence
from typing import Any, Protocol

from support.fault_matrix import Line
from support.scripted_line import FaultyLine

from agent.core.clock import SystemClock
from drivers.errors import DriverError
from drivers.framing import Request
from drivers.modbus_link import BusSettings, ModbusLink
from simulators.bus.frames import ReadBlock

TRIES = 3
PATIENCE_S = 0.3  # the longest wait of one attempt: the time-out of every other master
SPARE = 8

logging.getLogger("pymodbus").setLevel(logging.CRITICAL + 1)
logging.getLogger("pymodbus_logging").setLevel(logging.CRITICAL + 1)
logging.getLogger("asyncio").setLevel(logging.CRITICAL + 1)  # pymodbus raises inside callbacks


class Lost(Exception):
    """No value, and the master reported an error."""


class Master(Protocol):
    def read(self, block: ReadBlock) -> Sequence[int]:
        """Poll once with up to three attempts. Raises Lost."""
        ...

    def sweep(self, blocks: Sequence[ReadBlock]) -> None:
        """Poll each block once in one call, without starting and stopping a loop in between. Raises Lost."""
        ...

    def close(self) -> None: ...


class Blocking:
    """A master with blocking calls."""

    def read(self, block: ReadBlock) -> Sequence[int]:
        raise NotImplementedError

    def sweep(self, blocks: Sequence[ReadBlock]) -> None:
        for block in blocks:
            self.read(block)


class Looping:
    """A master on asyncio, with its own loop."""

    def __init__(self) -> None:
        self._runner = asyncio.Runner()

    async def fetch(self, block: ReadBlock) -> Sequence[int]:
        raise NotImplementedError

    def read(self, block: ReadBlock) -> Sequence[int]:
        return self._runner.run(self.fetch(block))

    def sweep(self, blocks: Sequence[ReadBlock]) -> None:
        async def all_of_them() -> None:
            for block in blocks:
                await self.fetch(block)

        self._runner.run(all_of_them())


def wire_of(line: FaultyLine, baud: int = 19200) -> BusSettings:
    return BusSettings(
        line.kind.value, host=line.host, port_number=line.port_number, serial_port=line.serial_port, baud=baud,
        rtu_framing=line.kind.is_rtu,
    )  # fmt: skip


class Ours(Looping):
    """drivers/modbus_link.py."""

    def __init__(self, wire: BusSettings, _kind: Line, patience_s: float = PATIENCE_S) -> None:
        super().__init__()
        self._link = ModbusLink(wire, SystemClock())
        self._patience_s = patience_s

    async def fetch(self, block: ReadBlock) -> Sequence[int]:
        try:
            request = Request(block.unit, block.function, block.address, block.words)
            edges = range(block.words, block.words + SPARE + 1)
            data = await self._link.read_block(request, self._patience_s, edges=edges, tries=TRIES)
            return struct.unpack(f">{block.words}H", data)
        except DriverError as error:
            raise Lost(f"{type(error).__name__}: {error}") from None

    def close(self) -> None:
        self._runner.run(self._link.close())
        self._runner.close()


class OursAtOnce(Ours):
    """The same; the blocks of a sweep are one call of the thread of the line, as those of one device are."""

    def sweep(self, blocks: Sequence[ReadBlock]) -> None:
        async def poll() -> None:
            for block in blocks:
                await self.fetch(block)

        async def run_once() -> None:
            await self._link.run(poll())

        self._runner.run(run_once())


class PymodbusAsync(Looping):
    def __init__(self, wire: BusSettings, kind: Line, patience_s: float = PATIENCE_S) -> None:
        from pymodbus import FramerType
        from pymodbus.client import AsyncModbusSerialClient, AsyncModbusTcpClient

        super().__init__()
        self._client: Any

        async def connect() -> None:
            common: dict[str, Any] = {"timeout": patience_s, "retries": TRIES - 1}
            if kind is Line.RTU:
                self._client = AsyncModbusSerialClient(wire.serial_port, baudrate=wire.baud, **common)
            else:
                framer = FramerType.RTU if kind.is_rtu else FramerType.SOCKET
                self._client = AsyncModbusTcpClient(wire.host, port=wire.port_number, framer=framer, **common)
            await self._client.connect()

        self._runner.run(connect())

    async def fetch(self, block: ReadBlock) -> Sequence[int]:
        from pymodbus.exceptions import ModbusException

        call = self._client.read_holding_registers if block.function == 3 else self._client.read_input_registers
        try:
            answer = await call(block.address, count=block.words, device_id=block.unit)
        except (ModbusException, OSError) as error:
            raise Lost(str(error)) from None
        if answer.isError():
            raise Lost(str(answer))
        return list(answer.registers)

    def close(self) -> None:
        async def end() -> None:
            self._client.close()
            await asyncio.sleep(0.01)

        self._runner.run(end())
        self._runner.close()


class PymodbusSync(Blocking):
    def __init__(self, wire: BusSettings, kind: Line, patience_s: float = PATIENCE_S) -> None:
        from pymodbus import FramerType
        from pymodbus.client import ModbusSerialClient, ModbusTcpClient

        common: dict[str, Any] = {"timeout": patience_s, "retries": TRIES - 1}
        self._client: Any
        if kind is Line.RTU:
            self._client = ModbusSerialClient(wire.serial_port, baudrate=wire.baud, **common)
        else:
            framer = FramerType.RTU if kind.is_rtu else FramerType.SOCKET
            self._client = ModbusTcpClient(wire.host, port=wire.port_number, framer=framer, **common)
        self._client.connect()

    def read(self, block: ReadBlock) -> Sequence[int]:
        from pymodbus.exceptions import ModbusException

        call = self._client.read_holding_registers if block.function == 3 else self._client.read_input_registers
        try:
            answer = call(block.address, count=block.words, device_id=block.unit)
        except (ModbusException, OSError) as error:
            raise Lost(str(error)) from None
        if answer.isError():
            raise Lost(str(answer))
        return list(answer.registers)

    def close(self) -> None:
        self._client.close()


class MinimalModbus(Blocking):
    """RTU on a serial port only."""

    def __init__(self, wire: BusSettings, _kind: Line, patience_s: float = PATIENCE_S) -> None:
        self._wire, self._patience_s = wire, patience_s
        self._instrument: Any = None
        self._open()

    def _open(self) -> None:
        import minimalmodbus
        import serial

        port = serial.Serial(self._wire.serial_port, self._wire.baud, timeout=self._patience_s)
        self._instrument = minimalmodbus.Instrument(port, 1)

    def read(self, block: ReadBlock) -> Sequence[int]:
        import minimalmodbus

        failure: Exception = Lost("not tried")
        for _ in range(TRIES):
            try:
                if self._instrument is None:
                    self._open()
                self._instrument.address = block.unit
                return list(self._instrument.read_registers(block.address, block.words, block.function))
            except minimalmodbus.ModbusException as error:
                failure = error
            except (OSError, ValueError) as error:  # serial.SerialException is an OSError
                failure = error
                self.close()
        raise Lost(str(failure))

    def close(self) -> None:
        if self._instrument is not None:
            with contextlib.suppress(OSError):
                self._instrument.serial.close()
            self._instrument = None


class LibModbus(Blocking):
    """The C library through ctypes. recovery: True switches on its recovery of link and protocol."""

    recovery = False

    def __init__(self, wire: BusSettings, kind: Line, patience_s: float = PATIENCE_S) -> None:
        self._lib = _libmodbus()
        if kind is Line.RTU:
            port = wire.serial_port.encode()
            self._context = self._lib.modbus_new_rtu(port, wire.baud, b"N", wire.data_bits, wire.stop_bits)
        else:
            self._context = self._lib.modbus_new_tcp(wire.host.encode(), wire.port_number)
        self._lib.modbus_set_response_timeout(self._context, int(patience_s), int(patience_s % 1 * 1e6))
        if self.recovery:
            self._lib.modbus_set_error_recovery(self._context, 2 | 4)
        self._connected = self._lib.modbus_connect(self._context) == 0
        self._words = (ctypes.c_uint16 * 125)()
        self._unit = -1

    def read(self, block: ReadBlock) -> Sequence[int]:
        lib = self._lib
        if block.unit != self._unit:
            lib.modbus_set_slave(self._context, block.unit)
            self._unit = block.unit
        call = lib.modbus_read_registers if block.function == 3 else lib.modbus_read_input_registers
        number = 0
        for _ in range(TRIES):
            if not self._connected:
                self._connected = lib.modbus_connect(self._context) == 0
            got = call(self._context, block.address, block.words, self._words)
            if got >= 0:
                return self._words[:got]
            number = ctypes.get_errno()
            if number in (5, 9, 32, 104) and not self.recovery:  # the port or connection no longer exists
                lib.modbus_close(self._context)
                self._connected = False
        raise Lost(lib.modbus_strerror(number).decode())

    def close(self) -> None:
        self._lib.modbus_close(self._context)
        self._lib.modbus_free(self._context)


class LibModbusRecovering(LibModbus):
    recovery = True


class Make(Protocol):
    def __call__(self, wire: BusSettings, kind: Line, patience_s: float = PATIENCE_S) -> Master: ...


MASTERS: dict[str, tuple[Make, tuple[Line, ...]]] = {
    "ours": (Ours, tuple(Line)),
    "pymodbus async": (PymodbusAsync, tuple(Line)),
    "pymodbus sync": (PymodbusSync, tuple(Line)),
    "minimalmodbus": (MinimalModbus, (Line.RTU,)),
    "libmodbus": (LibModbus, (Line.RTU, Line.TCP, Line.TCP0)),
    "libmodbus + recovery": (LibModbusRecovering, (Line.RTU, Line.TCP, Line.TCP0)),
}


def missing() -> dict[str, str]:
    """Return the masters that are not installed, and how to install them."""
    found = {}
    if importlib.util.find_spec("minimalmodbus") is None:
        found["minimalmodbus"] = "pip install minimalmodbus"
    if _library() is None:
        found["libmodbus"] = found["libmodbus + recovery"] = "apt-get install libmodbus5"
    return found


def masters(kind: Line) -> dict[str, Make]:
    """Return the installed masters that support this kind of line."""
    absent = missing()
    return {name: make for name, (make, kinds) in MASTERS.items() if kind in kinds and name not in absent}


def version(name: str) -> str:
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as of

    if name.startswith("libmodbus"):
        parts = (f"libmodbus_version_{part}" for part in ("major", "minor", "micro"))
        return ".".join(str(ctypes.c_uint.in_dll(_libmodbus(), part).value) for part in parts)
    package = {"ours": "magwatt", "minimalmodbus": "minimalmodbus"}.get(name, "pymodbus")
    try:
        return of(package)
    except PackageNotFoundError:
        return "?"


def _library() -> str | None:
    return ctypes.util.find_library("modbus")


def _libmodbus() -> ctypes.CDLL:
    lib = ctypes.CDLL(_library(), use_errno=True)
    pointer, number = ctypes.c_void_p, ctypes.c_int
    lib.modbus_new_rtu.argtypes = [ctypes.c_char_p, number, ctypes.c_char, number, number]
    lib.modbus_new_tcp.argtypes = [ctypes.c_char_p, number]
    lib.modbus_new_rtu.restype = lib.modbus_new_tcp.restype = pointer
    lib.modbus_set_response_timeout.argtypes = [pointer, ctypes.c_uint32, ctypes.c_uint32]
    lib.modbus_strerror.argtypes, lib.modbus_strerror.restype = [number], ctypes.c_char_p
    for name, more in (
        ("connect", []), ("close", []), ("free", []), ("set_slave", [number]), ("set_error_recovery", [number]),
        ("read_registers", [number, number, ctypes.POINTER(ctypes.c_uint16)]),
        ("read_input_registers", [number, number, ctypes.POINTER(ctypes.c_uint16)]),
    ):  # fmt: skip
        getattr(lib, f"modbus_{name}").argtypes = [pointer, *more]
    return lib
