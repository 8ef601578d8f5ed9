"""Fault injection of a proxy: converts a response into bytes and delays. Probabilities are 0…1 for each response."""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Iterable
from dataclasses import dataclass, fields
from random import Random

from drivers.file_reasons import with_suggestion
from drivers.reasons import InvalidValue
from simulators.bus.faults import STRAY_MAX, FaultStep
from simulators.bus.frames import crc_valid, rtu, superposed
from simulators.reasons import FAULT_NAME_UNKNOWN, FAULT_VALUE

_SPLIT_S = 0.008
_UNIT_BESIDE, _ID_BESIDE = 5, 0x1000


@dataclass(slots=True)
class FaultInjection:
    """Faults to inject; with the defaults the proxy is a plain relay.

    latency_s: delay of each response, seconds.
    jitter_s: additional delay, uniform between 0 and this value, seconds; the order of the responses is kept.
    drop: probability that the response is lost.
    duplicate: probability that it is sent twice.
    late: probability of the additional delay late_s.
    late_s: additional delay of a late response, seconds.
    flip: probability of one inverted bit; in a Modbus TCP frame in the header, because no checksum protects the rest.
    truncate: probability that the end is lost.
    garbage_before, garbage_after: probability of stray bytes before or after the response.
    wrong_unit: probability of the response of another unit.
    wrong_id: probability of another transaction identifier; Modbus TCP only.
    split: probability that it is sent in two parts.
    collision: probability that the response of another station is superposed (bitwise OR).
    echo: probability that the request is sent back first, as by a two-wire adapter.
    half_open: TCP only: connections stay open, but no data passes in either direction.
    only_one: TCP only: a second connection is closed directly after it is accepted.
    `refuse`: TCP only: every new connection is closed directly after it is accepted.
    """

    latency_s: float = 0.0
    jitter_s: float = 0.0
    drop: float = 0.0
    duplicate: float = 0.0
    late: float = 0.0
    late_s: float = 1.5
    flip: float = 0.0
    truncate: float = 0.0
    garbage_before: float = 0.0
    garbage_after: float = 0.0
    wrong_unit: float = 0.0
    wrong_id: float = 0.0
    split: float = 0.0
    collision: float = 0.0
    echo: float = 0.0
    half_open: bool = False
    only_one: bool = False
    refuse: bool = False


SECONDS = ("latency_s", "jitter_s", "late_s")
SWITCHES = ("half_open", "only_one", "refuse")


def faults_of(texts: Iterable[str]) -> FaultInjection:
    """Parse texts such as "flip=0.02", "latency_s=0.1" or "only_one". Raises InvalidValue."""
    found, known = FaultInjection(), [item.name for item in fields(FaultInjection)]
    for text in texts:
        name, _, value = text.partition("=")
        name = name.replace("-", "_")
        if name not in known:
            raise InvalidValue(with_suggestion(FAULT_NAME_UNKNOWN(fault=name, known=tuple(known)), name, known))
        if name in SWITCHES:
            setattr(found, name, True)
            continue
        number = -1.0
        with contextlib.suppress(ValueError):
            number = float(value)
        top = 3600.0 if name in SECONDS else 1.0
        if not 0 <= number <= top:
            raise InvalidValue(FAULT_VALUE, text=text, fault=name, high=top)
        setattr(found, name, number)
    return found


def injected(answer: bytes, asked: bytes, faults: FaultInjection, chance: Random) -> list[FaultStep]:
    """Return the steps to send, each with its delay; an empty list if the response is lost.

    asked: the request that the response belongs to.
    """

    def happens(name: str) -> bool:
        share: float = getattr(faults, name)
        return share > 0 and chance.random() < share

    if happens("drop"):
        return []
    serial = crc_valid(answer)
    if happens("wrong_unit"):
        answer = _of_unit(answer, serial)
    if happens("wrong_id") and not serial and len(answer) > 2:
        answer = struct.pack(">H", struct.unpack(">H", answer[:2])[0] + _ID_BESIDE & 0xFFFF) + answer[2:]
    if happens("collision"):
        answer = superposed(answer, _of_unit(answer, serial))
    if happens("flip") and answer:
        at = chance.randrange(len(answer)) if serial else min(2, len(answer) - 1)
        answer = answer[:at] + bytes((answer[at] ^ 1 << chance.randrange(8),)) + answer[at + 1 :]
    if happens("truncate"):
        answer = answer[: chance.randrange(1, max(len(answer), 2))]
    if happens("garbage_before"):
        answer = chance.randbytes(chance.randint(1, STRAY_MAX)) + answer
    if happens("garbage_after"):
        answer += chance.randbytes(chance.randint(1, STRAY_MAX))
    if happens("duplicate"):
        answer *= 2
    wait_s = faults.latency_s + (faults.jitter_s * chance.random() if faults.jitter_s else 0.0)
    if happens("late"):
        wait_s += faults.late_s
    steps = [FaultStep(answer, wait_s)]
    if happens("split") and len(answer) > 1:
        at = chance.randrange(1, len(answer))
        steps = [FaultStep(answer[:at], wait_s), FaultStep(answer[at:], _SPLIT_S)]
    if happens("echo"):
        steps = [FaultStep(asked), *steps]
    return steps


def _of_unit(answer: bytes, serial: bool) -> bytes:
    """Return the same response from another unit."""
    if serial:
        return rtu(answer[0] ^ _UNIT_BESIDE, answer[1:-2])
    return answer[:6] + bytes((answer[6] ^ _UNIT_BESIDE,)) + answer[7:] if len(answer) > 6 else answer
