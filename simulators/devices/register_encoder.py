"""Encoder from values to registers, written independently of the drivers' decoder so that a decoder error is
detected.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Mapping
from fractions import Fraction

from drivers.profiles import Profile, Register
from drivers.reading import Value

_WORDS = {"u16": 1, "i16": 1, "u32": 2, "i32": 2, "u64": 4, "i64": 4}
_NOT_AVAILABLE = {"f32": 0xFFC00000, "f64": 0xFFF8000000000000}  # quiet NaN, the pattern that meters send
_CODES = {"u16": "H", "i16": "h", "u32": "I", "i32": "i", "u64": "Q", "i64": "q", "f32": "f", "f64": "d"}
_FLOAT_LIMITS = {"f32": (-3.4028234663852886e38, 3.4028234663852886e38), "f64": (-math.inf, math.inf)}
_FINEST = {"exponent": -3, "decimals": -2}  # the power of ten that a device uses while its values fit

Exponents = Mapping[tuple[int, int], int]  # (function, address) of a scale register → power of ten


def words(
    row: Register, values: Mapping[str, Value], rating_kw: float | None = None, exponent: int | None = None
) -> list[int]:
    """Return the register words of one value, most significant word first unless the row states otherwise.

    A missing value is NaN in floats, the "not available" pattern in integers, else 0. Integers saturate as in devices.
    A value in parts returns all parts, in the order of the list.

    row: the register.
    values: the current values by name.
    rating_kw: rating that selects a size-dependent scale. None: unknown.
    exponent: power of ten of the scale register. None: unknown.
    Raises ValueError if the scale needs a rating or an exponent that is None.
    """
    value = values.get(row.name)
    if row.type == "string":
        raw = str(value or "").encode()[: row.words * 2].ljust(row.words * 2, b"\0")
        return [int.from_bytes(raw[k : k + 2], "big") for k in range(0, len(raw), 2)]
    number = float(value) if isinstance(value, (int, float)) and math.isfinite(value) else None
    if row.parts:
        return [word for bits in _part_bits(row, number) for word in _in_order(row, bits)]
    if number is not None and row.encoding == "four_quadrant_pf":
        number = _four_quadrant(number, values.get(row.name.replace("power_factor", "reactive_power")))
    if number is not None:
        scale = row.scale_for(rating_kw)
        if scale is None:
            raise ValueError(f"{row.name}: the scale depends on a rating that was not given")
        if row.scale_from is not None:
            if exponent is None:
                raise ValueError(f"{row.name}: the scale depends on a scale register that was not given")
            scale *= 10**exponent
        number = (number - row.offset) / scale
    bits = _float_bits(row.type, number) if row.type in _NOT_AVAILABLE else _integer_bits(row, number)
    return _in_order(row, bits)


class RegisterWriter:
    """Precomputed `words` of a row that is one number in separate big-endian words, for speed in month-long runs.

    at: index of its first word in the response.
    """

    def __init__(self, row: Register, rating_kw: float | None, at: int) -> None:
        scale = row.scale_for(rating_kw)
        assert scale is not None
        self.name, self._scale, self._offset, self._at = row.name, scale, row.offset, 2 * at
        self._is_float = row.type in _NOT_AVAILABLE
        self._low, self._high = _limits(row)
        self._pack_into = struct.Struct(f">{_CODES[row.type]}").pack_into
        missing = _float_bits(row.type, None) if self._is_float else _integer_bits(row, None)
        self._missing = missing.to_bytes(2 * row.own_words, "big")

    def write(self, answer: bytearray, value: Value) -> None:
        if not isinstance(value, (int, float)) or not math.isfinite(value):
            answer[self._at : self._at + len(self._missing)] = self._missing
            return
        number = (value - self._offset) / self._scale
        if not self._is_float:
            number = round(number)
        if number < self._low:
            number = self._low
        elif number > self._high:
            number = self._high
        self._pack_into(answer, self._at, number)


def is_plain(row: Register, rating_kw: float | None) -> bool:
    """Return True if a Pen can encode the row."""
    return (
        row.type in _CODES and not row.parts and row.mask is None and row.scale_from is None
        and row.encoding == "plain" and row.big_words_first and row.scale_for(rating_kw) is not None
    )  # fmt: skip


def places(row: Register) -> list[tuple[int, int]]:
    """Return for each word of `words` its address, and the mask of the bits that belong to the row."""
    own = (row.mask or 0xFFFF) if row.type in ("u16", "i16") else 0xFFFF
    each = row.words if row.type == "string" else row.own_words
    starts = [row.address + part.offset for part in row.parts] or [row.address + row.at]
    return [(start + k, own) for start in starts for k in range(each)]


def scale_cells(rows: Iterable[Register], exponents: Exponents) -> dict[tuple[int, int], tuple[int, int]]:
    """Return (function, address) of each scale register → its word, and the mask of the bits that hold the scale."""
    found = {}
    for row in rows:
        if row.scale_from is None:
            continue
        key = row.function, row.scale_from.address
        mask = row.scale_from.mask or 0xFFFF
        shown = exponents[key] if row.scale_from.kind == "exponent" else -exponents[key]
        found[key] = shown * (mask & -mask) & mask, mask
    return found


def choose_exponents(
    profile: Profile, values: Mapping[str, Value], rating_kw: float | None = None
) -> dict[tuple[int, int], int]:
    """Return for each scale register the finest power of ten at which all dependent values fit."""
    found: dict[tuple[int, int], int] = {}
    for row in profile.registers:
        if row.scale_from is None:
            continue
        key = row.function, row.scale_from.address
        exponent = found.get(key, _FINEST[row.scale_from.kind])
        value, scale = values.get(row.name), row.scale_for(rating_kw)
        top = (1 << 16 * row.own_words - (row.type[0] == "i")) - 2
        if isinstance(value, (int, float)) and math.isfinite(value) and scale:
            while abs(value / scale) / 10**exponent > top:
                exponent += 1
        found[key] = exponent
    return found


def _in_order(row: Register, bits: int) -> list[int]:
    out = [bits >> 16 * k & 0xFFFF for k in range(row.own_words)]
    return out[::-1] if row.big_words_first else out


def _part_bits(row: Register, number: float | None) -> list[int]:
    """Split a value into parts such as Wh, kWh, MWh: the finest part overflows into the next, as on a meter's
    display.
    """
    if number is None:
        return [row.invalid[0] if row.invalid else 0] * len(row.parts)
    exact = [Fraction(str(part.scale)) for part in row.parts]
    finest = min(exact)
    left = round(Fraction(str(number)) / finest)
    shares = {}
    for scale in sorted(exact, reverse=True):
        shares[scale], left = divmod(left, int(scale / finest))
    return [shares[scale] & (1 << 16 * row.own_words) - 1 for scale in exact]


def _float_bits(kind: str, number: float | None) -> int:
    if number is None:
        return _NOT_AVAILABLE[kind]
    if kind == "f32":
        low, high = _FLOAT_LIMITS[kind]
        return int.from_bytes(struct.pack(">f", min(max(number, low), high)), "big")
    return int.from_bytes(struct.pack(">d", number), "big")


def _integer_bits(row: Register, number: float | None) -> int:
    size = 16 * _WORDS[row.type]
    if number is None:
        if row.invalid_high_word is not None:
            return row.invalid_high_word << size - 16
        return row.invalid[0] if row.invalid else 0
    if row.mask is not None:
        shift = (row.mask & -row.mask).bit_length() - 1
        return min(max(round(number), 0), row.mask >> shift) << shift
    low, high = _limits(row)
    return int(min(max(round(number), low), high)) & (1 << size) - 1


def _limits(row: Register) -> tuple[float, float]:
    """Return the raw values at which the register saturates; integers for integer types."""
    if row.type in _FLOAT_LIMITS:
        return _FLOAT_LIMITS[row.type]
    size, signed = 16 * _WORDS[row.type], row.type.startswith("i")
    low, high = (-(1 << size - 1), (1 << size - 1) - 1) if signed else (0, (1 << size) - 1)
    return (low, high) if row.full_scale is None else (max(low, -row.full_scale), min(high, row.full_scale))


def _four_quadrant(pf: float, reactive: Value) -> float:
    """Schneider's encoding: 2 − pf for a leading load (negative reactive power), −2 − pf if it also feeds back."""
    if not isinstance(reactive, (int, float)) or reactive >= 0:
        return pf
    return 2 - pf if pf > 0 else -2 - pf
