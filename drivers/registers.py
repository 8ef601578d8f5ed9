"""Register rows to values, and rows to read blocks. Pure functions; nothing waits here."""

from __future__ import annotations

import math
import struct
from array import array
from collections.abc import Collection, Iterable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass

from drivers.profiles import HarmonicBlock, Profile, Register
from drivers.profiles.shape import ScaleFrom
from drivers.reading import Quality, Value
from drivers.vocabulary import vocabulary

_FORMAT = {"u16": "H", "i16": "h", "u32": "I", "i32": "i", "f32": "f", "u64": "Q", "i64": "q", "f64": "d"}
_NOT_IMPLEMENTED = -0x8000  # of a SunSpec scale factor
_EXPONENT_MAX = 12
_MISSING = None, Quality.OUT_OF_RANGE

# (function, address) → the word there in the poll before and in this one
Scales = MutableMapping[tuple[int, int], tuple[int | None, int]]


@dataclass(frozen=True, slots=True)
class Block:
    """One read request and what it brings."""

    function: int
    address: int
    count: int
    registers: tuple[Register, ...]


def decode(
    row: Register,
    words: Sequence[int],
    rating_kw: float | None = None,
    *,
    scale_word: int | None = None,
    verified: bool = False,
) -> tuple[Value, Quality]:
    """The value of `row` from its own words, in the vocabulary's unit. Never raises on content.

    Returns (None, OUT_OF_RANGE) for a "not available" mark (NaN, a listed pattern), the value with OUT_OF_RANGE
    outside the plausible window or at full scale, UNVERIFIED without a value where the scale depends on a rating
    nobody stated or on a register that was not read (`scale_word`), with one where the scale is in doubt and nobody
    has `verified` it.
    """
    if row.type == "string":
        text = struct.pack(f">{len(words)}H", *words).split(b"\0")[0].decode("utf-8", "replace").strip()
        return text or None, Quality.GOOD
    flag = Quality.UNVERIFIED if row.scale_doubt and not verified else Quality.GOOD
    if row.parts:
        value, window_flag = _decode_parts(row, words)
        return value, window_flag | (flag if value is not None else Quality.GOOD)
    raw = _raw(row, words[row.at : row.at + row.own_words])
    if raw is None:
        return _MISSING
    limits = row.raw_limits()
    if limits and not limits[0] <= raw <= limits[1]:
        flag |= Quality.OUT_OF_RANGE
    scale = row.scale_for(rating_kw)
    if row.scale_from and scale is not None:
        if row.scale_from.offset is not None:
            scale_word = words[row.scale_from.offset]
        exponent = None if scale_word is None else _exponent(row.scale_from, scale_word)
        if scale_word is not None and exponent is None:
            return _MISSING
        scale = None if exponent is None else scale * 10.0**exponent
    if scale is None:
        return None, Quality.UNVERIFIED
    if row.encoding == "four_quadrant_pf":
        raw = _four_quadrant_pf(raw)
    value = _scaled(raw, scale)
    if row.offset:
        value += row.offset
    return value, flag | _window_flag(row, value)


def plausibility(name: str, value: float) -> Quality:
    """OUT_OF_RANGE outside the vocabulary's window, GOOD inside it or where no window is known."""
    quantity = vocabulary()[name]
    if quantity.low is not None and quantity.high is not None and not quantity.low <= value <= quantity.high:
        return Quality.OUT_OF_RANGE
    return Quality.GOOD


def window(row: Register) -> tuple[float, float]:
    """The plausible values of a register; infinite where none are known."""
    if row.window:
        return row.window
    quantity = vocabulary()[row.name]
    low, high = quantity.low, quantity.high
    return (-math.inf if low is None else low), (math.inf if high is None else high)


class BlockDecoder:
    """Decodes the answers to one block; compiled once, since every poll passes here.

    Plain numbers are taken out by one struct call and checked against their windows in one go; everything else
    goes through `decode`. verified: names whose scale a self-check confirmed. scales: words that values in other
    blocks take their scale from; kept here when this block brings them, looked up when a value needs one.
    """

    def __init__(
        self,
        block: Block,
        rating_kw: float | None = None,
        verified: Collection[str] = (),
        scales: Scales | None = None,
        scale_addresses: Collection[int] = (),
    ) -> None:
        self._rating_kw, self._verified = rating_kw, frozenset(verified)
        self._scales = {} if scales is None else scales
        self._start, self._function, self._size = block.address, block.function, 2 * block.count
        self._kept = [address for address in scale_addresses if 0 <= address - block.address < block.count]
        self.brings_scales = bool(self._kept)
        candidates = [row for row in block.registers if _is_plain(row, rating_kw, self._verified)]
        self._little = sum(-1 if row.big_words_first else 1 for row in candidates if row.words > 1) > 0
        plain = [row for row in candidates if row.words == 1 or row.big_words_first is not self._little]
        plain.sort(key=lambda row: row.address)
        self._odd = [row for row in block.registers if row not in plain]
        self._plain = [(row, *_factor(row.scale_for(rating_kw) or 1.0), *_sure(row, rating_kw)) for row in plain]
        self._unpack = self._struct(plain).unpack_from

    def decode(self, data: bytes) -> tuple[dict[str, Value], dict[str, Quality]]:
        """All values of one answer (register bytes, big endian), and the flags of those that are not good."""
        if len(data) != self._size:
            data = data[: self._size]
        if self._kept:
            self._keep_scales(data)
        raws = self._unpack(_swapped(data) if self._little else data)
        values: dict[str, Value] = {}
        flags: dict[str, Quality] = {}
        for (row, factor, divisor, low, high), raw in zip(self._plain, raws, strict=True):
            value = raw / divisor if divisor else raw * factor
            if low < value < high:
                values[row.name] = value
            else:  # also NaN, which compares false
                self._one(row, data, values, flags)
        for row in self._odd:
            self._one(row, data, values, flags)
        return values, flags

    def _keep_scales(self, data: bytes) -> None:
        for address in self._kept:
            (word,) = struct.unpack_from(">H", data, 2 * (address - self._start))
            before = self._scales.get((self._function, address))
            self._scales[self._function, address] = (before[1] if before else None), word

    def _one(self, row: Register, data: bytes, values: dict[str, Value], flags: dict[str, Quality]) -> None:
        words = struct.unpack_from(f">{row.words}H", data, 2 * (row.address - self._start))
        scale_word = None
        if row.scale_from and row.scale_from.offset is None:
            before, scale_word = self._scales.get((row.function, row.scale_from.address), (None, None))
            if before is not None and before != scale_word:
                scale_word = None  # it changed around this value: which of the two holds is not known
        values[row.name], flag = decode(
            row, words, self._rating_kw, scale_word=scale_word, verified=row.name in self._verified
        )
        if flag:
            flags[row.name] = flag

    def _struct(self, rows: Sequence[Register]) -> struct.Struct:
        parts, at = ["<" if self._little else ">"], self._start
        for row in rows:
            parts.append("xx" * (row.address - at) + _FORMAT[row.type])
            at = row.address + row.words
        return struct.Struct("".join(parts))


def texts(profile: Profile, values: Mapping[str, Value]) -> dict[str, Value]:
    """The drive's fault as text: `fault_text`, or `last_fault_text` where the table explains the latched code.

    A code that the table does not know is told by its number; None where the code is missing.
    """
    if profile.faults_of not in values or (name := TEXT_OF.get(profile.faults_of)) is None:
        return {}
    return {name: explained(profile, profile.faults_of, values[profile.faults_of])}


def explained(profile: Profile, name: str, value: Value) -> str | None:
    """A code or a bit field in words, by the profile's tables; None where there is no table or no value."""
    if not isinstance(value, int | float):
        return None
    code = int(value)
    if name == profile.faults_of and profile.faults:
        return profile.faults.get(code) or ("no fault" if code == 0 else f"code {code} (0x{code:04X})")
    if name in profile.bits:
        return ", ".join(text for bit, text in profile.bits[name].items() if code >> bit & 1) or "none"
    return None


TEXT_OF = {"fault_code": "fault_text", "last_fault_code": "last_fault_text"}


def usable(profile: Profile, verified: Collection[str] = frozenset()) -> tuple[Register, ...]:
    """The registers that are read.

    Those known from memory only stay off until a self-check has passed (their name is in `verified`). Never read: a
    private dialect, whose read frames may be commands; pages that hold the values of the last trip; registers whose
    reading starts a watchdog in the drive.
    """
    if profile.dialect == "huanyang_private":
        return ()
    return tuple(
        row
        for row in profile.registers
        if (row.confidence != "from_memory" or row.name in verified) and not row.latched and not row.feeds_watchdog
    )


def plan_blocks(profile: Profile, registers: Iterable[Register], hole_max: int = 125) -> tuple[Block, ...]:
    """Joins registers into as few requests as pay; a value is never split over two requests.

    hole_max: registers of a hole above which another request is cheaper (`break_even_hole`).
    """
    blocks: list[Block] = []
    registers = tuple(registers)
    hole_max = hole_max if profile.gaps_allowed else 0
    for function in (3, 4):
        rows = sorted((row for row in registers if row.function == function), key=lambda row: row.address)
        run: list[Register] = []
        for row in rows:
            if row.alone:
                continue
            if run and not _joins(profile, run, row, hole_max):
                blocks.append(_block(function, run))
                run = []
            run.append(row)
        if run:
            blocks.append(_block(function, run))
        blocks += [_block(function, [row]) for row in rows if row.alone]
    return tuple(blocks)


def scale_addresses(registers: Iterable[Register]) -> frozenset[int]:
    """Addresses that values elsewhere take their scale from."""
    return frozenset(row.scale_from.address for row in registers if row.scale_from and row.scale_from.offset is None)


def plan_harmonics(profile: Profile, block: HarmonicBlock) -> tuple[Block, ...]:
    """The read requests that bring a run of harmonics; no value is split over two."""
    each = _words_of(block)
    most = profile.max_registers // each * each
    total = block.count * each
    return tuple(
        Block(block.function, block.address + start, min(most, total - start), ()) for start in range(0, total, most)
    )


def decode_harmonics(block: HarmonicBlock, data: bytes) -> tuple[float | None, ...]:
    """One value for each of `block.orders`, in the block's unit, from the joined answers; None where not available."""
    each = _words_of(block)
    out: list[float | None] = []
    for k in range(block.count):
        words = struct.unpack_from(f">{each}H", data, 2 * each * k)
        raw = struct.unpack(">" + _FORMAT[block.type], _joined(words, block.big_words_first))[0]
        out.append(_scaled(raw, block.scale) if math.isfinite(raw) else None)
    return tuple(out)


def break_even_hole(character_s: float, silence_s: float, turnaround_s: float) -> int:
    """Registers of a hole that cost as much as one more request: 13 characters, two silences and a turnaround."""
    return int((13 * character_s + 2 * silence_s + turnaround_s) / (2 * character_s))


def _joins(profile: Profile, run: Sequence[Register], row: Register, hole_max: int) -> bool:
    end = max(item.address + item.words for item in run)
    fits = row.address + row.words - run[0].address <= profile.max_registers
    return fits and row.address - end <= hole_max and not touches_watchdog(profile, row.function, end, row.address)


def touches_watchdog(profile: Profile, function: int, begin: int, end: int) -> bool:
    """Whether reading begin … end-1 would start a watchdog in the device."""
    return any(
        row.feeds_watchdog and row.function == function and row.address < end and begin < row.address + row.words
        for row in profile.registers
    )


def _block(function: int, run: Sequence[Register]) -> Block:
    start = run[0].address
    return Block(function, start, max(row.address + row.words for row in run) - start, tuple(run))


def _is_plain(row: Register, rating_kw: float | None, verified: Collection[str]) -> bool:
    scale = row.scale_for(rating_kw)
    low, high = _sure_raw(row, rating_kw)
    return (
        row.type in _FORMAT
        and row.mask is None
        and (row.encoding == "plain" or window(row) == (-1, 1))  # within ±1 the coding changes nothing
        and row.offset == 0
        and not row.parts
        and row.scale_from is None
        and (not row.scale_doubt or row.name in verified)
        and scale is not None
        and scale > 0
        and not any(low <= mark <= high for mark in _mark_values(row))
        and (row.invalid_high_word is None or row.invalid_high_word == 0x7FFF)
    )


def _sure_raw(row: Register, rating_kw: float | None) -> tuple[float, float]:
    """The raw values of a plain row that are inside its window and are no mark of any kind."""
    scale = row.scale_for(rating_kw) or 1.0
    low, high = (bound / scale for bound in window(row))
    if limits := row.raw_limits():
        low, high = max(low, limits[0]), min(high, limits[1])
    if row.invalid_high_word is not None:
        high = min(high, (row.invalid_high_word << 16 * (row.own_words - 1)) - 1)
    top = (1 << 16 * row.own_words - (row.type[0] == "i")) - 1
    if top in row.invalid:
        high = min(high, top - 1)
    return low, high


def _sure(row: Register, rating_kw: float | None) -> tuple[float, float]:
    """Between these values of a plain row nothing is to be said about it."""
    scale = row.scale_for(rating_kw) or 1.0
    low, high = _sure_raw(row, rating_kw)
    return low * scale, high * scale


def _mark_values(row: Register) -> list[float]:
    """The listed "not available" patterns as the numbers that they would be."""
    form = ">" + _FORMAT[row.type]
    return [struct.unpack(form, pattern.to_bytes(2 * row.own_words, "big"))[0] for pattern in row.invalid]


def _raw(row: Register, words: Sequence[int]) -> float | None:
    """The number that stands in the words; None for "not available"."""
    raw_bytes = _joined(words, row.big_words_first)
    bits = int.from_bytes(raw_bytes, "big")
    if bits in row.invalid or bits >> 16 * (len(words) - 1) == row.invalid_high_word:
        return None
    if row.mask is not None:
        return (bits & row.mask) >> _lowest_bit(row.mask)
    raw: float = struct.unpack(">" + _FORMAT[row.type], raw_bytes)[0]
    return raw if math.isfinite(raw) else None


def _decode_parts(row: Register, words: Sequence[int]) -> tuple[Value, Quality]:
    total: float = 0
    for part in row.parts:
        raw = _raw(row, words[part.offset : part.offset + row.own_words])
        if raw is None:
            return _MISSING
        total += _scaled(raw, part.scale)
    return total, _window_flag(row, total)


def _joined(words: Sequence[int], big_words_first: bool) -> bytes:
    return struct.pack(f">{len(words)}H", *(words if big_words_first else words[::-1]))


def _exponent(source: ScaleFrom, word: int) -> int | None:
    """The power of ten that a scale register states; None when it states none."""
    if source.mask is not None:
        word = (word & source.mask) >> _lowest_bit(source.mask)
    if source.kind == "decimals":
        return -word if word <= _EXPONENT_MAX else None
    exponent = word - 0x10000 if word & 0x8000 else word
    return exponent if exponent != _NOT_IMPLEMENTED and abs(exponent) <= _EXPONENT_MAX else None


def _scaled(raw: float, scale: float) -> float:
    """A scale of 0.1 means "tenths": dividing by the whole number keeps 234.5 as people write it."""
    factor, divisor = _factor(scale)
    return raw / divisor if divisor else raw * factor


def _factor(scale: float) -> tuple[float, int]:
    """Factor and divisor for a scale; divisor 0: use the factor. A factor of 1 is an int, so that integers stay so."""
    if _is_fraction(scale):
        return 1, round(1 / scale)
    return (1 if scale == 1 else scale), 0


def _window_flag(row: Register, value: float) -> Quality:
    low, high = window(row)
    return Quality.GOOD if low <= value <= high else Quality.OUT_OF_RANGE


def _swapped(data: bytes) -> bytes:
    """The bytes of each register exchanged: values with the low word first become plain little-endian ones."""
    words = array("H", data)
    words.byteswap()
    return words.tobytes()


def _words_of(block: HarmonicBlock) -> int:
    return struct.calcsize(">" + _FORMAT[block.type]) // 2


def _four_quadrant_pf(raw: float) -> float:
    """Schneider's coding: beyond ±1 the load leads, and the value is 2 − x or −2 − x."""
    return 2 - raw if raw > 1 else -2 - raw if raw < -1 else raw


def _is_fraction(scale: float) -> bool:
    return 0 < scale < 1 and math.isclose(1 / scale, round(1 / scale), rel_tol=1e-12)


def _lowest_bit(mask: int) -> int:
    return (mask & -mask).bit_length() - 1
