"""A line without another master on which everything else goes wrong: echoes, late and corrupt responses, garbage."""

from __future__ import annotations

import struct
import time
from collections import Counter
from dataclasses import replace
from random import Random

from support.bus_servers import opened, read_registers
from support.fault_matrix import FaultStep, Line
from support.scripted_slave import RtuPty, RtuTcp

from drivers.errors import DriverError, ForeignMasterActive
from drivers.modbus_link import BusSettings
from simulators.bus.frames import Ask, rtu

ECHOES = ("none", "whole", "partial", "late", "after the response")
TIMEOUT_S = 0.02
LATE_S, VERY_LATE_S = (0.03, 4.0), (5.0, 9.0)  # within and beyond the time for which late responses are expected
UNITS, COUNTS = range(1, 61), range(1, 21)  # many shapes, so that few requests wait for late responses
FAULTS = {
    "none": 50, "lost": 4, "late": 8, "very late": 2, "corrupt": 6, "truncated": 3, "other length": 3,
    "other function": 2, "other unit": 2, "exception": 3, "private protocol": 3, "garbage": 6, "noise": 4, "twice": 2,
    "idle noise": 2,
}  # fmt: skip


class DisturbedLine:
    """A serial port or transparent converter with slaves of all units. faults: how often each fault occurred."""

    def __init__(self, kind: Line, echo: str, seed: int) -> None:
        made = RtuPty if kind is Line.RTU else RtuTcp
        self.line = made(self._respond, baud=0, turnaround_s=0.0)
        self.faults: Counter[str] = Counter()
        self._echo, self._chance = echo, Random(seed)

    @property
    def wire(self) -> BusSettings:
        line = self.line
        return BusSettings(
            "s", host=line.host, port_number=line.port_number, serial_port=line.serial_port, baud=115200,
            rtu_framing=not line.serial_port,
        )  # fmt: skip

    def _respond(self, ask: Ask) -> list[FaultStep]:
        chance = self._chance
        fault = chance.choices(list(FAULTS), list(FAULTS.values()))[0]
        self.faults[fault] += 1
        if self._echo == "whole":
            self.line.write(ask.raw)
        elif self._echo == "partial":
            lost = chance.randint(1, 7)
            self.line.write(ask.raw[lost:] if chance.random() < 0.5 else ask.raw[:-lost])
        after_s = 0.0
        if self._echo == "late":
            after_s = chance.uniform(0.0, 0.01)
            self._send(ask.raw, after_s)
        parts, wait_s = self._parts(ask, fault)
        for part in parts:
            self._send(part, after_s + wait_s)
        if self._echo == "after the response":
            self._send(ask.raw, after_s + wait_s + chance.uniform(0.0, 0.01))
        return []

    def _parts(self, ask: Ask, fault: str) -> tuple[list[bytes], float]:
        """What is received instead of the response, and after what time in seconds."""
        chance, frame = self._chance, ask.frame()
        if fault == "lost":
            return [], 0.0
        if fault in ("late", "very late"):
            return [frame], chance.uniform(*(LATE_S if fault == "late" else VERY_LATE_S))
        if fault == "corrupt":
            data = bytearray(frame)
            for _ in range(chance.randint(1, 3)):
                data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
            return [bytes(data)], 0.0
        if fault == "truncated":
            return [frame[: chance.randrange(1, len(frame))]], 0.0
        if fault == "other length":
            return [ask.frame([*ask.words, 1, 2][: chance.randint(1, ask.count + 2)])], 0.0
        if fault == "other function":
            return [replace(ask, function=7 - ask.function).frame()], 0.0
        if fault == "other unit":
            return [replace(ask, unit=chance.randint(1, 255)).frame()], 0.0
        if fault == "exception":
            return [ask.exception_frame(chance.choice((1, 2, 4, 6, 11)))], 0.0
        if fault == "private protocol":  # as the Huanyang protocol: a byte count of 3, in the form of a request
            return [rtu(ask.unit, struct.pack(">BBBH", ask.function, 3, 0, chance.randint(1, 125)))], 0.0
        if fault == "garbage":
            return [chance.randbytes(chance.randint(1, 250))], 0.0
        if fault == "noise":
            return [chance.randbytes(chance.randint(1, 20)), frame, chance.randbytes(chance.randint(1, 20))], 0.0
        if fault == "idle noise":
            self._send(chance.randbytes(chance.randint(1, 60)), chance.uniform(0.005, 0.5))
        return [frame, frame] if fault == "twice" else [frame], 0.0

    def _send(self, data: bytes, after_s: float) -> None:
        self.line.at(self.line.now() + after_s, lambda: self.line.write(data))


async def polled(disturbed: DisturbedLine, exchanges: int, seed: int) -> tuple[int, list[ForeignMasterActive]]:
    """Reads random blocks until `exchanges` requests were received. Returns the number of responses, and the stops."""
    chance, good, stops = Random(seed), 0, list[ForeignMasterActive]()
    line = disturbed.line
    line.start()
    try:
        async with opened(disturbed.wire) as link:
            until_s = time.monotonic() + 30 + 0.3 * exchanges  # a loaded machine needs 0.1 s for each
            while len(line.asked) < exchanges and not stops and time.monotonic() < until_s:
                block = chance.choice(UNITS), chance.choice((3, 4)), chance.randrange(60000), chance.choice(COUNTS)
                try:
                    await read_registers(link, *block, TIMEOUT_S)
                    good += 1
                except ForeignMasterActive as error:
                    stops.append(error)
                except DriverError:
                    pass
    finally:
        line.stop()
    return good, stops
