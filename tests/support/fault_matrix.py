"""Faults of Modbus responses: one row for each fault of the line; `make bench-bus` shows which masters tolerate it.

DELIVER: a master that makes up to three attempts can complete every poll.
NEVER: no correct response is on the line, so the master must not return a value.
EITHER: the master may return a value or none, but no wrong value.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from simulators.bus.faults import (
    STRAY_MAX,
    FaultStep,
    Script,
    clean,
    damaged,
    glitch,
    late,
    stray,
    stray_bytes,
    truncated,
)
from simulators.bus.frames import Ask, superposed

__all__ = [
    "EVERYWHERE",
    "MATRIX",
    "MEANWHILE_S",
    "ON_TCP",
    "OVERDUE_S",
    "STRAY_MAX",
    "TOO_LATE_S",
    "Expect",
    "Fault",
    "FaultStep",
    "Line",
    "Script",
    "byte_by_byte",
    "clean",
    "cut_off",
    "damaged",
    "echo",
    "every",
    "faults",
    "foreign",
    "glitch",
    "late",
    "late_to_the_next_connection",
    "merged",
    "once",
    "refused_behind_noise",
    "short",
    "silent",
    "split",
    "stray",
    "truncated",
    "two_at_once",
    "wrong_function",
    "wrong_transaction",
    "wrong_unit",
]

OVERDUE_S = 0.15  # slightly later than the time-out of 0.1 s, after which a response counts as late
TOO_LATE_S = 0.36  # later than 0.3 s, the longest wait of one attempt
MEANWHILE_S = 0.06  # the response time of the other responses of a slow device


class Expect(Enum):
    DELIVER = "deliver"
    NEVER = "never"
    EITHER = "either"


class Line(Enum):
    """Transport of the frames. TCP0: a gateway that sends every response with transaction identifier 0."""

    RTU = "rtu"
    RTU_TCP = "rtu-over-tcp"
    TCP = "tcp"
    TCP0 = "tcp-id-0"

    @property
    def is_rtu(self) -> bool:
        return self in (Line.RTU, Line.RTU_TCP)


EVERYWHERE = tuple(Line)
ON_TCP = (Line.TCP, Line.TCP0)


@dataclass(frozen=True, slots=True)
class Fault:
    """One row of the fault matrix.

    name: unique name, as `make bench-bus` prints it.
    expect: result that a correct master may have.
    script: converts a request into steps.
    on: transports on which the fault can occur.
    """

    name: str
    expect: Expect
    script: Script
    on: tuple[Line, ...] = EVERYWHERE


def faults(line: Line) -> list[Fault]:
    """Return the faults that can occur on this transport."""
    return [fault for fault in MATRIX if line in fault.on]


def silent(_ask: Ask) -> list[FaultStep]:
    return []


def every(number: int, bad: Script, good: Script = clean) -> Script:
    return lambda ask: bad(ask) if ask.number % number == 0 else good(ask)


def once(bad: Script, good: Script = clean, number: int = 1) -> Script:
    return lambda ask: bad(ask) if ask.number == number else good(ask)


def split(ask: Ask) -> list[FaultStep]:
    frame = ask.frame()
    return [FaultStep(frame[:3]), FaultStep(frame[3:], 0.008)]


def foreign(ask: Ask) -> list[FaultStep]:
    """Send a complete, valid response of the same length from another station before the response."""
    other = replace(ask, unit=ask.unit + 9, transaction=_other(ask))
    return [FaultStep(other.frame()), FaultStep(ask.frame(), 0.003)]


def echo(ask: Ask) -> list[FaultStep]:
    """A two-wire adapter that receives its own transmission."""
    return [FaultStep(ask.raw), FaultStep(ask.frame(), 0.003)]


def short(ask: Ask) -> list[FaultStep]:
    return [FaultStep(ask.frame(ask.words[:2]))]


def wrong_function(ask: Ask) -> list[FaultStep]:
    return [FaultStep(replace(ask, function=7 - ask.function).frame())]


def wrong_unit(ask: Ask) -> list[FaultStep]:
    return [FaultStep(replace(ask, unit=ask.unit + 1).frame())]


def refused_behind_noise(ask: Ask) -> list[FaultStep]:
    return [FaultStep(stray_bytes(ask, 2) + ask.exception_frame(2))]


def two_at_once(ask: Ask) -> list[FaultStep]:
    """Two devices respond at the same time; the master receives the superposition of both frames."""
    other = replace(ask, unit=ask.unit ^ 0x5, transaction=_other(ask))
    return [FaultStep(superposed(ask.frame(), other.frame()))]


def cut_off(ask: Ask) -> list[FaultStep]:
    """Send half of the response, then close the connection."""
    frame = ask.frame()
    return [FaultStep(frame[: len(frame) // 2]), FaultStep(close=True, after_s=0.005)]


def late_to_the_next_connection(ask: Ask) -> list[FaultStep]:
    """A converter closes the connection and sends the late response on the next connection."""
    return [FaultStep(close=True), FaultStep(ask.frame(), 0.8)]


def wrong_transaction(ask: Ask) -> list[FaultStep]:
    """Send the response to a request of another client of the gateway."""
    return [FaultStep(replace(ask, address=ask.address ^ 0x400, transaction=_other(ask)).frame())]


def byte_by_byte(ask: Ask) -> list[FaultStep]:
    return [FaultStep(bytes((byte,)), 0.0005) for byte in ask.frame()]


def merged(ask: Ask) -> list[FaultStep]:
    """Send two responses in one TCP segment: a repeated old one, then the expected one.

    With transaction identifier 0 a repeated response looks new, so a response of another unit takes its place.
    """
    if not ask.transaction:
        return [FaultStep(replace(ask, unit=ask.unit + 9).frame() + ask.frame())]
    if ask.number == 1:
        return clean(ask)
    old = replace(ask, number=ask.number - 1, transaction=ask.transaction - 1)
    return [FaultStep(old.frame() + ask.frame())]


def _other(ask: Ask) -> int | None:
    return None if ask.transaction is None else (ask.transaction + 0x1000) & 0xFFFF if ask.transaction else 0


_SLOW = late(MEANWHILE_S)
MATRIX: tuple[Fault, ...] = (
    Fault("clean", Expect.DELIVER, clean),
    Fault("split frame", Expect.DELIVER, split),
    *(Fault(f"{n} stray byte{'s' * (n > 1)} before", Expect.DELIVER, stray(n)) for n in range(1, STRAY_MAX + 1)),
    Fault("foreign frame before", Expect.DELIVER, foreign),
    Fault("glitch 1 ms after", Expect.DELIVER, glitch),
    Fault("overdue once", Expect.DELIVER, once(late(OVERDUE_S), _SLOW)),
    Fault("overdue every 4th", Expect.DELIVER, every(4, late(OVERDUE_S), _SLOW)),
    Fault("always just overdue", Expect.DELIVER, late(OVERDUE_S)),
    Fault("too late once", Expect.DELIVER, once(late(TOO_LATE_S), _SLOW)),
    Fault("too late every 4th", Expect.DELIVER, every(4, late(TOO_LATE_S), _SLOW)),
    Fault("always too late", Expect.EITHER, late(TOO_LATE_S)),
    Fault("damaged every 5th", Expect.DELIVER, every(5, damaged)),
    Fault("silent every 4th", Expect.DELIVER, every(4, silent)),
    Fault("truncated every 4th", Expect.DELIVER, every(4, truncated)),
    Fault("echo", Expect.DELIVER, echo),
    Fault("byte by byte", Expect.DELIVER, byte_by_byte, ON_TCP),
    Fault("merged segments", Expect.DELIVER, merged, ON_TCP),
    Fault("wrong transaction every 4th", Expect.DELIVER, every(4, wrong_transaction), (Line.TCP,)),
    Fault("wrong transaction", Expect.NEVER, wrong_transaction, (Line.TCP,)),
    Fault("2 registers for 4", Expect.NEVER, short),
    Fault("wrong function", Expect.NEVER, wrong_function),
    Fault("wrong unit", Expect.NEVER, wrong_unit),
    Fault("exception after noise", Expect.NEVER, refused_behind_noise),
    Fault("two responses overlap", Expect.NEVER, two_at_once),
    Fault("connection lost in mid-frame", Expect.NEVER, cut_off),
    Fault("connection lost once", Expect.EITHER, once(cut_off, number=3)),
    Fault("late to the next connection", Expect.EITHER, once(late_to_the_next_connection, number=3), (Line.RTU_TCP,)),
)
