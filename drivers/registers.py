"""Decodes register contents to values of the vocabulary."""

from __future__ import annotations

import math
import struct
from array import array
from collections.abc import Collection, MutableMapping, Sequence

from drivers import bcd
from drivers.profiles import Register
from drivers.profiles.model import BCD_WORDS, ScaleFrom
from drivers.reading import Quality, Value
from drivers.register_blocks import Block
from drivers.vocabulary import vocabulary

_FORMAT = {"u16": "H", "i16": "h", "u32": "I", "i32": "i", "f32": "f", "u64": "Q", "i64": "q", "f64": "d"}
_NOT_IMPLEMENTED = -0x8000  # SunSpec scale factor that is not implemented
_EXPONENT_MAX = 12
_MISSING = None, Quality.OUT_OF_RANGE

# (function, address) → register content in the previous poll (None: not read) and in this poll
Scales = MutableMapping[tuple[int, int], tuple[int | None, int]]


def decode(
    row: Register,
    words: Sequence[int],
    rating_kw: float | None = None,
    *,
    scale_word: int | None = None,
    verified: bool = False,
) -> tuple[Value, Quality]:
    """Value and flags of a register in the unit of the vocabulary. Never raises because of register content.

    words: contents of the registers row.address … row.address + row.words - 1.
    rating_kw: rated power of the drive, for scales that depend on it; None: unknown.
    scale_word: content of the register with the power of ten, if it is not among `words`; None: not read.
    verified: whether a self-check has confirmed the scale.

    (None, OUT_OF_RANGE): the device reports "not available" (NaN or a listed pattern).
    (value, OUT_OF_RANGE): outside the plausibility limits, or at full scale.
    (None, UNVERIFIED): the scale depends on a rating or a register that is not known.
    (value, UNVERIFIED): the profile marks the scale as uncertain and it is not verified.
    """
    if row.type == "bcd12":
        return bcd.digits(words), Quality.GOOD
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
    elif row.encoding == "magnitude":
        raw = abs(raw)
    value = _scaled(raw, scale)
    if row.offset:
        value += row.offset
    return value, flag | _range_flag(value, window(row))


def window(row: Register) -> tuple[float, float]:
    """Plausibility limits of a register in its unit; infinite if unknown."""
    return row.window or _limits(row.name)


def _limits(name: str) -> tuple[float, float]:
    quantity = vocabulary()[name]
    low, high = quantity.low, quantity.high
    return (-math.inf if low is None else low), (math.inf if high is None else high)


def _range_flag(value: float, limits: tuple[float, float]) -> Quality:
    return Quality.GOOD if limits[0] <= value <= limits[1] else Quality.OUT_OF_RANGE


class BlockDecoder:
    """Decodes the responses to one block. Prepared once, used in every poll.

    Plain numbers are unpacked with one struct call and compared with their limits in a loop; all others, and values
    outside their limits, go through `decode`.

    rating_kw: rated power of the drive, for scales that depend on it; None: unknown.
    verified: quantities whose scale a self-check has confirmed.
    scales: register contents that values in other blocks need as scale; shared by all blocks of a device.
    scale_addresses: addresses of these registers.
    brings_scales: whether the block contains such registers.
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
        self._scale_addresses = [address for address in scale_addresses if 0 <= address - block.address < block.count]
        self.brings_scales = bool(self._scale_addresses)
        limits = {row.name: _plain_limits(row, rating_kw, self._verified) for row in block.registers}
        long = [row for row in block.registers if limits[row.name] and row.words > 1]
        self._little = sum(-1 if row.big_words_first else 1 for row in long) > 0
        self._plain = [
            (row, *_factor(row.scale_for(rating_kw) or 1.0), *found)
            for row in sorted(block.registers, key=lambda row: row.address)
            if (found := limits[row.name]) and (row.words == 1 or row.big_words_first is not self._little)
        ]
        plain = [row for row, *_ in self._plain]
        self._others = [row for row in block.registers if row not in plain]
        self._unpack = self._struct(plain).unpack_from

    def decode(self, data: bytes) -> tuple[dict[str, Value], dict[str, Quality]]:
        """Values of one response (register bytes, big endian), and the flags of those that are not good."""
        if len(data) != self._size:
            data = data[: self._size]
        if self._scale_addresses:
            self._store_scales(data)
        raws = self._unpack(_swapped(data) if self._little else data)
        values: dict[str, Value] = {}
        flags: dict[str, Quality] = {}
        for (row, factor, divisor, low, high), raw in zip(self._plain, raws, strict=True):
            value = raw / divisor if divisor else raw * factor
            if low < value < high:
                values[row.name] = value
            else:  # includes NaN
                self._decode_one(row, data, values, flags)
        for row in self._others:
            self._decode_one(row, data, values, flags)
        return values, flags

    def _store_scales(self, data: bytes) -> None:
        for address in self._scale_addresses:
            (word,) = struct.unpack_from(">H", data, 2 * (address - self._start))
            before = self._scales.get((self._function, address))
            self._scales[self._function, address] = (before[1] if before else None), word

    def _decode_one(self, row: Register, data: bytes, values: dict[str, Value], flags: dict[str, Quality]) -> None:
        words = struct.unpack_from(f">{row.words}H", data, 2 * (row.address - self._start))
        scale_word = None
        if row.scale_from and row.scale_from.offset is None:
            before, scale_word = self._scales.get((row.function, row.scale_from.address), (None, None))
            if before is not None and before != scale_word:
                scale_word = None  # it changed while the value was read: the valid scale is unknown
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


def _plain_limits(row: Register, rating_kw: float | None, verified: Collection[str]) -> tuple[float, float] | None:
    """The values between which a plain number has no flags; None if it is not plain: it needs `decode`."""
    scale = row.scale_for(rating_kw)
    if (
        row.type not in _FORMAT
        or row.mask is not None
        or (row.encoding != "plain" and window(row) != (-1, 1))  # within ±1 the encoding is linear
        or row.offset
        or row.parts
        or row.scale_from
        or (row.scale_doubt and row.name not in verified)
        or scale is None
        or scale < 0
        or row.invalid_high_word not in (None, 0x7FFF)
    ):
        return None
    low, high = (bound / scale for bound in window(row))
    if limits := row.raw_limits():
        low, high = max(low, limits[0]), min(high, limits[1])
    if row.invalid_high_word is not None:
        high = min(high, (row.invalid_high_word << 16 * (row.own_words - 1)) - 1)
    top = (1 << 16 * row.own_words - (row.type[0] == "i")) - 1
    if top in row.invalid:
        high = min(high, top - 1)
    for pattern in row.invalid:
        (number,) = struct.unpack(">" + _FORMAT[row.type], pattern.to_bytes(2 * row.own_words, "big"))
        if low <= number <= high:
            return None
    return low * scale, high * scale


def _raw(row: Register, words: Sequence[int]) -> float | None:
    """The number in the register contents; None: not available."""
    raw_bytes = struct.pack(f">{len(words)}H", *(words if row.big_words_first else words[::-1]))
    bits = int.from_bytes(raw_bytes, "big")
    if bits in row.invalid or bits >> 16 * (len(words) - 1) == row.invalid_high_word:
        return None
    if row.type in BCD_WORDS:
        return bcd.number(bits, int(row.type.lstrip("sbcd")), row.type[0] == "s")
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
    return total, _range_flag(total, window(row))


def _exponent(source: ScaleFrom, word: int) -> int | None:
    """The power of ten in the content of a scale register; None: not implemented or implausible."""
    if source.mask is not None:
        word = (word & source.mask) >> _lowest_bit(source.mask)
    if source.kind == "decimals":
        return -word if word <= _EXPONENT_MAX else None
    exponent = word - 0x10000 if word & 0x8000 else word
    return exponent if exponent != _NOT_IMPLEMENTED and abs(exponent) <= _EXPONENT_MAX else None


def _scaled(raw: float, scale: float) -> float:
    """raw · scale. With a scale of 0.1 divides by 10, so that 3 gives 0.3 and not 0.30000000000000004."""
    factor, divisor = _factor(scale)
    return raw / divisor if divisor else raw * factor


def _factor(scale: float) -> tuple[float, int]:
    """Factor and divisor of a scale; divisor 0: use the factor. Factor 1 is an int, so that integers stay integers."""
    if 0 < scale < 1 and math.isclose(1 / scale, round(1 / scale), rel_tol=1e-12):
        return 1, round(1 / scale)
    return (1 if scale == 1 else scale), 0


def _swapped(data: bytes) -> bytes:
    """Swaps the bytes of each register: values with the low word first become little-endian numbers."""
    words = array("H", data)
    words.byteswap()
    return words.tobytes()


def _four_quadrant_pf(raw: float) -> float:
    """Schneider encoding: beyond ±1 the load is leading (capacitive), and the power factor is 2 − x or −2 − x."""
    return 2 - raw if raw > 1 else -2 - raw if raw < -1 else raw


def _lowest_bit(mask: int) -> int:
    return (mask & -mask).bit_length() - 1
