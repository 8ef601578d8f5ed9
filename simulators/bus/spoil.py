"""What a proxy does to answers on their way: bytes in, bytes and pauses out. Chances are 0…1 for each answer."""

from __future__ import annotations

import difflib
import struct
from collections.abc import Iterable
from dataclasses import dataclass, fields
from random import Random

from simulators.bus.faults import STRAY_MAX, Step
from simulators.bus.frames import crc_fits, or_ed, rtu

_SPLIT_S = 0.008
_UNIT_BESIDE, _ID_BESIDE = 5, 0x1000


@dataclass(slots=True)
class Faults:
    """Everything off is a plain relay.

    flip: one bit; of a Modbus TCP frame in its header, as no checksum of ours guards the rest. wrong_id: of Modbus TCP.
    collision: another station's answer on top of it, bit by bit. echo: the request comes back first, as from a two-wire
    adapter. half_open, cut_after, only_one, refuse: of TCP connections.
    """

    latency_s: float = 0.0
    jitter_s: float = 0.0  # added, evenly between nothing and this; the order is kept
    drop: float = 0.0
    duplicate: float = 0.0
    late: float = 0.0
    late_s: float = 1.5  # how late
    flip: float = 0.0
    truncate: float = 0.0
    garbage_before: float = 0.0
    garbage_after: float = 0.0
    wrong_unit: float = 0.0
    wrong_id: float = 0.0
    split: float = 0.0
    collision: float = 0.0
    echo: float = 0.0
    half_open: bool = False  # connections stay open, nothing passes either way any more
    cut_after: int | None = None  # that many bytes of the next answer still pass, then the connection is closed
    only_one: bool = False  # a second connection is closed as soon as it is accepted
    refuse: bool = False  # every new one is


CHANCES = (
    "drop", "duplicate", "late", "flip", "truncate", "garbage_before", "garbage_after", "wrong_unit", "wrong_id",
    "split", "collision", "echo",
)  # fmt: skip
SECONDS = ("latency_s", "jitter_s", "late_s")
SWITCHES = ("half_open", "only_one", "refuse")


def faults_of(texts: Iterable[str]) -> Faults:
    """From "flip=0.02", "latency_s=0.1", "only_one". Raises ValueError: one line."""
    found = Faults()
    for text in texts:
        name, _, value = text.partition("=")
        name = name.replace("-", "_")
        known = [item.name for item in fields(Faults) if item.name != "cut_after"]
        if name not in known:
            near = difflib.get_close_matches(name, known, 1, 0.5)
            raise ValueError(f"{name}: {f'did you mean {near[0]!r}?' if near else 'known: ' + ', '.join(known)}")
        if name in SWITCHES:
            setattr(found, name, True)
            continue
        try:
            number = float(value)
        except ValueError:
            number = -1.0
        top = 3600.0 if name in SECONDS else 1.0
        if not 0 <= number <= top:
            raise ValueError(f"{text}: {name} is a number from 0 to {top:g}")
        setattr(found, name, number)
    return found


def spoiled(answer: bytes, asked: bytes, faults: Faults, chance: Random) -> list[Step]:
    """Steps to send, the pause before each; none when it is lost. asked: the request it belongs to."""

    def happens(name: str) -> bool:
        share: float = getattr(faults, name)
        return share > 0 and chance.random() < share

    if happens("drop"):
        return []
    serial = crc_fits(answer)
    if happens("wrong_unit"):
        answer = _of_unit(answer, serial)
    if happens("wrong_id") and not serial and len(answer) > 2:
        answer = struct.pack(">H", struct.unpack(">H", answer[:2])[0] + _ID_BESIDE & 0xFFFF) + answer[2:]
    if happens("collision"):
        answer = or_ed(answer, _of_unit(answer, serial))
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
    steps = [Step(answer, wait_s)]
    if happens("split") and len(answer) > 1:
        at = chance.randrange(1, len(answer))
        steps = [Step(answer[:at], wait_s), Step(answer[at:], _SPLIT_S)]
    if happens("echo"):
        steps = [Step(asked), *steps]
    return steps


def _of_unit(answer: bytes, serial: bool) -> bytes:
    """The same answer as another unit would give it."""
    if serial:
        return rtu(answer[0] ^ _UNIT_BESIDE, answer[1:-2])
    return answer[:6] + bytes((answer[6] ^ _UNIT_BESIDE,)) + answer[7:] if len(answer) > 6 else answer
