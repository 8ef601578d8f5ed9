"""Values to registers: the writer's side of a profile, written on its own so that a slip of the reader shows."""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping

from drivers.profiles import Register
from drivers.reading import Value

_WORDS = {"u16": 1, "i16": 1, "u32": 2, "i32": 2, "u64": 4, "i64": 4}
_NOT_AVAILABLE = {"f32": 0xFFC00000, "f64": 0xFFF8000000000000}  # quiet NaN, the pattern meters send
_F32_MAX = 3.4028234663852886e38


def words(row: Register, values: Mapping[str, Value], rating_kw: float | None = None) -> list[int]:
    """The register words of one row, most significant word first unless the row says otherwise.

    A missing value is NaN in floats, the first listed "not available" pattern in integers, else 0. Integers saturate
    as devices do. rating_kw picks the scale where it depends on the drive's size; raises ValueError when it is missing.
    """
    value = values.get(row.name)
    if row.type == "string":
        raw = str(value or "").encode()[: row.words * 2].ljust(row.words * 2, b"\0")
        return [int.from_bytes(raw[k : k + 2], "big") for k in range(0, len(raw), 2)]
    number = float(value) if isinstance(value, (int, float)) and math.isfinite(value) else None
    if number is not None and row.encoding == "four_quadrant_pf":
        number = _four_quadrant(number, values.get(row.name.replace("power_factor", "reactive_power")))
    if number is not None:
        scale = row.scale_for(rating_kw)
        if scale is None:
            raise ValueError(f"{row.name}: the scale depends on a rating that was not given")
        number = (number - row.offset) / scale
    bits = _float_bits(row.type, number) if row.type in _NOT_AVAILABLE else _integer_bits(row, number)
    out = [bits >> 16 * k & 0xFFFF for k in range(row.words)]
    return out[::-1] if row.big_words_first else out


def _float_bits(kind: str, number: float | None) -> int:
    if number is None:
        return _NOT_AVAILABLE[kind]
    if kind == "f32":
        return int.from_bytes(struct.pack(">f", min(max(number, -_F32_MAX), _F32_MAX)), "big")
    return int.from_bytes(struct.pack(">d", number), "big")


def _integer_bits(row: Register, number: float | None) -> int:
    size, signed = 16 * _WORDS[row.type], row.type.startswith("i")
    if number is None:
        return row.invalid[0] if row.invalid else 0
    if row.mask is not None:
        shift = (row.mask & -row.mask).bit_length() - 1
        return min(max(round(number), 0), row.mask >> shift) << shift
    low, high = (-(1 << size - 1), (1 << size - 1) - 1) if signed else (0, (1 << size) - 1)
    return min(max(round(number), low), high) & (1 << size) - 1


def _four_quadrant(pf: float, reactive: Value) -> float:
    """Schneider: a leading load (reactive power below zero) is shown as 2 − pf, or −2 − pf when it feeds back."""
    if not isinstance(reactive, (int, float)) or reactive >= 0:
        return pf
    return 2 - pf if pf > 0 else -2 - pf
