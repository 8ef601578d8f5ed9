"""A noisy cable: devices whose responses suffer the faults of faults.py at random,"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from simulators.bus.faults import STRAY_MAX, FaultStep, Script, clean, damaged, glitch, late, stray, truncated
from simulators.bus.frames import Ask
from simulators.bus.line_settings_segment import DeviceStation
from simulators.bus.segment import Segment
from simulators.devices.device import SimulatedDevice

LATE_S = 0.35  # longer than the wait of a master that has estimated the usual response time of the device


@dataclass(frozen=True, slots=True)
class CableNoise:
    """Probability of each fault, as a share (0…1) of all responses."""

    stray_before: float = 0.04
    stray_after: float = 0.03
    damaged: float = 0.01
    truncated: float = 0.005
    late: float = 0.005

    def draw(self, chance: Random) -> tuple[str, Script]:
        at = chance.random()
        count = chance.randint(1, STRAY_MAX)
        for name, share, script in (
            ("stray_before", self.stray_before, stray(count)),
            ("stray_after", self.stray_after, glitch),
            ("damaged", self.damaged, damaged),
            ("truncated", self.truncated, truncated),
            ("late", self.late, late(LATE_S)),
        ):
            if at < share:
                return name, script
            at -= share
        return "clean", clean


class NoisyStation(DeviceStation):
    """A device at the end of a noisy cable; it ignores requests while it sends a response, as devices do.

    dead: True: the device receives nothing.
    fault_counts: number of responses by fault, "clean" included.
    """

    def __init__(
        self, segment: Segment, device: SimulatedDevice, chance: Random, cable: CableNoise, *,
        name: str = "", turnaround_s: float = 0.01,
    ) -> None:  # fmt: skip
        super().__init__(segment, device, name, turnaround_s)
        self.dead = False
        self.fault_counts: Counter[str] = Counter()
        self._chance, self._cable = chance, cable
        self._busy_until_s = 0.0
        self._number = 0

    def on_request(self, frame: bytes) -> None:
        now_s = self.segment.now()
        if self.dead or now_s < self._busy_until_s:
            return
        pdu = self._pdu(frame[1:-2])
        if pdu[0] not in (3, 4):
            self._send_steps(iter([FaultStep(Ask(0, now_s, self.unit, frame[1], 0, 0, None, frame).wrap(pdu))]), now_s)
            return
        self._number += 1
        address, count = struct.unpack(">HH", frame[2:6])
        words = struct.unpack(f">{count}H", pdu[2:])
        what, script = self._cable.draw(self._chance)
        self.fault_counts[what] += 1
        ask = Ask(self._number, now_s, self.unit, frame[1], address, count, None, frame, words)
        self._send_steps(iter(script(ask)), now_s + self._turnaround_s)

    def _send_steps(self, steps: Iterator[FaultStep], from_s: float) -> None:
        step = next(steps, None)
        if step is None:
            return
        when_s = self._busy_until_s = from_s + step.after_s

        def send() -> None:
            end_s = self._busy_until_s = self._send(step.data)
            self._send_steps(steps, end_s)

        self.segment.at(when_s, send)
