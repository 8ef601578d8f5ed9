"""A meter of DL/T 645-2007 on a segment, and the faults of its line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from random import Random

from simulators.bus.segment import Segment
from simulators.devices.allowed_functions import log_forbidden
from simulators.devices.energy_meter import EnergyMeter
from simulators.devices.meter_frames import NEXT, READ, WHO, MeterAsk, first_ask, meter_frame

Steps = list[tuple[float, bytes]]  # seconds after the request or the step before → bytes on the line
TURNAROUND_S = (0.02, 0.5)  # range of the standard [M]
HOLE_S = 0.4  # pause within a frame; up to 0.5 s is permitted
OTHER = "000000000099"  # a meter that was not asked


@dataclass(frozen=True, slots=True)
class MeterNoise:
    """Probability of each fault, as a share (0…1) of all responses.

    late: the response comes after LATE_S. truncated: its end is missing. foreign: the response of another meter comes
    before it. echoed: the request comes back before it. damaged: one byte is wrong. noise: bytes before it. hole: a
    pause of HOLE_S within it. lost: no response. bare: no preamble.
    """

    late: float = 0.0
    truncated: float = 0.0
    foreign: float = 0.0
    echoed: float = 0.0
    damaged: float = 0.0
    noise: float = 0.0
    hole: float = 0.0
    lost: float = 0.0
    bare: float = 0.0
    late_s: float = 1.1

    def draw(self, chance: Random) -> str:
        """Name of a fault, or "clean"."""
        at = chance.random()
        for name in ("late", "truncated", "foreign", "echoed", "damaged", "noise", "hole", "lost", "bare"):
            if (at := at - getattr(self, name)) < 0:
                return name
        return "clean"


class MeterLine:
    """The responses of a meter on a line with faults. fault_counts: number of responses by fault."""

    def __init__(
        self, meter: EnergyMeter, chance: Random, noise: MeterNoise | None = None,
        turnaround_s: tuple[float, float] = TURNAROUND_S,
    ) -> None:  # fmt: skip
        self.meter, self.fault_counts = meter, Counter[str]()
        self._chance, self._noise, self._turnaround_s = chance, noise or MeterNoise(), turnaround_s

    def steps(self, ask: MeterAsk, request: bytes) -> Steps:
        """What is sent after a request, and when. A meter may send no preamble or up to four bytes."""
        answer, chance = self.meter.answer(ask), self._chance
        if answer is None:
            return []
        after_s = chance.uniform(*self._turnaround_s)
        preamble = chance.randint(0, 4)
        fault = self._noise.draw(chance)
        frame = meter_frame(self.meter.address, *answer, preamble=0 if fault == "bare" else preamble)
        self.fault_counts[fault] += 1
        at = chance.randrange(len(frame) - 12, len(frame))
        match fault:
            case "late":
                return [(self._noise.late_s, frame)]
            case "lost":
                return []
            case "truncated":
                return [(after_s, frame[:at])]
            case "damaged":
                wrong = frame[at] ^ chance.randrange(1, 256)
                return [(after_s, frame[:at] + bytes((wrong,)) + frame[at + 1 :])]
            case "hole":
                return [(after_s, frame[:at]), (HOLE_S, frame[at:])]
            case "echoed":
                return [(0.001, request), (after_s, frame)]
            case "noise":
                return [
                    (after_s, bytes(chance.choices((0x68, 0xFE, 0x00, 0x16, 0x91), k=chance.randint(1, 12))) + frame)
                ]
            case "foreign":
                control, data = answer
                return [(after_s / 2, meter_frame(OTHER, control, data)), (after_s / 2, frame)]
        return [(after_s, frame)]


class MeterStation:
    """A meter on a segment; it ignores requests while it responds.

    controls: control codes that were received for it.
    """

    def __init__(self, segment: Segment, line: MeterLine, name: str = "") -> None:
        self.line, self.controls = line, Counter[int]()
        self._segment, self._received = segment, bytearray()
        self._busy_until_s = 0.0
        self._name = name or f"meter-{line.meter.address}"
        self._send: Callable[[bytes], float] = segment.attach(self._name, self._on_bytes)

    def _on_bytes(self, data: bytes) -> None:
        self._received += data
        before = bytes(self._received)
        ask = first_ask(self._received)
        del self._received[:-64]
        if ask is None or self._segment.now() < self._busy_until_s:
            return
        self.controls[ask.control] += 1
        if ask.control not in (READ, NEXT, WHO):
            log_forbidden(ask.control, self._name)
            return
        when_s = self._segment.now()
        for after_s, part in self.line.steps(ask, before):
            when_s += after_s
            self._segment.at(when_s, partial(self._send, part))
            when_s += len(part) * self._segment.character_s
        self._busy_until_s = when_s
