"""Register rows to values, and rows to read blocks. Pure functions; nothing waits here."""

from __future__ import annotations

import math
import operator
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from drivers.profiles import Profile, Register
from drivers.reading import Quality, Value
from drivers.vocabulary import vocabulary

_FORMAT = {"u16": ">H", "i16": ">h", "u32": ">I", "i32": ">i", "f32": ">f", "u64": ">Q", "i64": ">q", "f64": ">d"}


@dataclass(frozen=True, slots=True)
class Block:
    """One read request and what it brings."""

    function: int
    address: int
    count: int
    registers: tuple[Register, ...]


def decode(row: Register, words: Sequence[int], rating_kw: float | None = None) -> tuple[Value, Quality]:
    """The value of `row` from its own words, in the vocabulary's unit. Never raises on content.

    Returns (None, OUT_OF_RANGE) for a "not available" mark (NaN, a listed pattern), the value with OUT_OF_RANGE
    outside the plausible window, and UNVERIFIED where the scale depends on a rating nobody stated.
    """
    ordered = words if row.big_words_first else words[::-1]
    raw_bytes = struct.pack(f">{len(ordered)}H", *ordered)
    if row.type == "string":
        text = raw_bytes.split(b"\0")[0].decode("utf-8", "replace").strip()
        return text or None, Quality.GOOD
    bits = int.from_bytes(raw_bytes, "big")
    if bits in row.invalid:
        return None, Quality.OUT_OF_RANGE
    raw: float
    if row.mask is not None:
        raw = (bits & row.mask) >> _lowest_bit(row.mask)
    else:
        raw = struct.unpack(_FORMAT[row.type], raw_bytes)[0]
    if not math.isfinite(raw):
        return None, Quality.OUT_OF_RANGE
    scale = row.scale_for(rating_kw)
    if scale is None:
        return None, Quality.UNVERIFIED
    if row.encoding == "four_quadrant_pf":
        raw = _four_quadrant_pf(raw)
    if scale == 1 and row.offset == 0:
        value: float | int = raw
    else:
        # A scale of 0.1 means "tenths": dividing by the whole number keeps 234.5 as people write it.
        value = raw / round(1 / scale) if _is_fraction(scale) else raw * scale
        value += row.offset
    return value, plausibility(row.name, value)


def plausibility(name: str, value: float) -> Quality:
    """OUT_OF_RANGE outside the vocabulary's window, GOOD inside it or where no window is known."""
    quantity = vocabulary()[name]
    if quantity.low is not None and quantity.high is not None and not quantity.low <= value <= quantity.high:
        return Quality.OUT_OF_RANGE
    return Quality.GOOD


class BlockDecoder:
    """Decodes the answers to one block; compiled once, since every poll passes here.

    Plain numbers with the high word first are taken out by one struct call and checked against their windows in one
    go; everything else goes through `decode`.
    """

    def __init__(self, block: Block, rating_kw: float | None = None) -> None:
        self._rating_kw = rating_kw
        plain = [row for row in block.registers if _is_plain(row, rating_kw)]
        plain.sort(key=lambda row: row.address)
        self._odd = [row for row in block.registers if row not in plain]
        self._start = block.address
        parts, at = [">"], block.address
        for row in plain:
            parts.append("xx" * (row.address - at) + _FORMAT[row.type][1])
            at = row.address + row.words
        self._struct = struct.Struct("".join(parts))
        self._names = [row.name for row in plain]
        self._divisors = [_divisor(row.scale_for(rating_kw)) for row in plain]
        self._multiplied = any(divisor != 1 for divisor in self._divisors)
        limits = [vocabulary()[name] for name in self._names]
        self._low = [-math.inf if item.low is None else item.low for item in limits]
        self._high = [math.inf if item.high is None else item.high for item in limits]

    def decode(self, data: bytes) -> tuple[dict[str, Value], dict[str, Quality]]:
        """All values of one answer (register bytes, big endian), and the flags of those that are not good."""
        raw: Sequence[float] = self._struct.unpack_from(data)
        if self._multiplied:
            raw = [
                value / divisor if divisor != 1 else value for value, divisor in zip(raw, self._divisors, strict=True)
            ]
        values: dict[str, Value] = dict(zip(self._names, raw, strict=True))
        flags: dict[str, Quality] = {}
        # A NaN compares false with everything, so it lands here too.
        if not (all(map(operator.le, self._low, raw)) and all(map(operator.ge, self._high, raw))):
            for name, value in zip(self._names, raw, strict=True):
                if not math.isfinite(value):
                    values[name], flags[name] = None, Quality.OUT_OF_RANGE
                elif flag := plausibility(name, value):
                    flags[name] = flag
        for row in self._odd:
            start = row.address - self._start
            words = struct.unpack_from(f">{row.words}H", data, 2 * start)
            values[row.name], flag = decode(row, words, self._rating_kw)
            if flag:
                flags[row.name] = flag
        return values, flags


def _is_plain(row: Register, rating_kw: float | None) -> bool:
    scale = row.scale_for(rating_kw)
    return (
        row.type in _FORMAT
        and (row.big_words_first or row.words == 1)
        and row.mask is None
        and not row.invalid
        and row.encoding == "plain"
        and row.offset == 0
        and scale is not None
    )


def _divisor(scale: float | None) -> float:
    assert scale is not None
    return round(1 / scale) if _is_fraction(scale) else 1 / scale


def usable(profile: Profile) -> tuple[Register, ...]:
    """The registers that are read. Those known from memory only stay off until a self-check has passed."""
    return tuple(row for row in profile.registers if row.confidence != "from_memory")


def plan_blocks(profile: Profile, registers: Iterable[Register], hole_max: int = 125) -> tuple[Block, ...]:
    """Joins registers into as few requests as pay; a value is never split over two requests.

    hole_max: registers of a hole above which another request is cheaper (`break_even_hole`).
    """
    blocks: list[Block] = []
    hole_max = hole_max if profile.gaps_allowed else 0
    for function in (3, 4):
        rows = sorted((row for row in registers if row.function == function), key=lambda row: row.address)
        run: list[Register] = []
        for row in rows:
            if run and not _joins(profile, run, row, hole_max):
                blocks.append(_block(function, run))
                run = []
            run.append(row)
        if run:
            blocks.append(_block(function, run))
    return tuple(blocks)


def break_even_hole(character_s: float, silence_s: float, turnaround_s: float) -> int:
    """Registers of a hole that cost as much as one more request: 13 characters, two silences and a turnaround."""
    return int((13 * character_s + 2 * silence_s + turnaround_s) / (2 * character_s))


def _joins(profile: Profile, run: Sequence[Register], row: Register, hole_max: int) -> bool:
    end = max(item.address + item.words for item in run)
    fits = row.address + row.words - run[0].address <= profile.max_registers
    return fits and row.address - end <= hole_max


def _block(function: int, run: Sequence[Register]) -> Block:
    start = run[0].address
    return Block(function, start, max(row.address + row.words for row in run) - start, tuple(run))


def _four_quadrant_pf(raw: float) -> float:
    """Schneider's coding: beyond ±1 the load leads, and the value is 2 − x or −2 − x."""
    return 2 - raw if raw > 1 else -2 - raw if raw < -1 else raw


def _is_fraction(scale: float) -> bool:
    return 0 < scale < 1 and math.isclose(1 / scale, round(1 / scale), rel_tol=1e-12)


def _lowest_bit(mask: int) -> int:
    return (mask & -mask).bit_length() - 1
