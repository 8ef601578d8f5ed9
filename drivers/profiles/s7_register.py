"""Converts the keys of a value in a data block of a PLC (S7) to those of a register map.

Two bytes are one register: the offsets are those that STEP 7 shows for a block without optimized access. All numbers
have their highest byte first (STEP 7: big endian).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drivers import profile_reasons as codes
from drivers.profiles.model import Register
from drivers.profiles.toml_checks import TEXT, WHOLE, Key, Table

READ_VARIABLE = 4  # function code of the S7 protocol
MAX_REGISTERS = 111  # the response of a CPU with PDUs of 240 bytes has room for 222
PROTOCOL_DEFAULTS: Mapping[str, Any] = {
    "function_code": READ_VARIABLE, "max_registers": MAX_REGISTERS, "word_order": "big", "min_gap_ms": 0,
    "timeout_ms": 1000, "reads_across_gaps": "inside", "transports": ["tcp"],
}  # fmt: skip
TYPES = {
    "INT": "i16", "UINT": "u16", "WORD": "u16", "DINT": "i32", "UDINT": "u32", "DWORD": "u32", "TIME": "i32",
    "REAL": "f32", "LINT": "i64", "ULINT": "u64", "LWORD": "u64", "LREAL": "f64",
}  # fmt: skip
IN_A_REGISTER = ("BOOL", "BYTE", "USINT")  # half a register or one bit of it
_KEYS = {
    "byte": Key(WHOLE, low=0, high=65533, required=True), "type": Key(TEXT, required=True),
    "bit": Key(WHOLE, low=0, high=7),
}  # fmt: skip
_NOT_ALLOWED = ("address", "fc", "count", "word_order", "parts", "scale_from")


def with_register(table: Table) -> Table:
    """The table with address, type of a register and mask instead of byte, type of STEP 7 and bit."""
    entry = table.data
    for key in _NOT_ALLOWED:
        if key in entry:
            table.reject(key, codes.PLC_KEY_NOT_ALLOWED())
    table.check_only(_KEYS)
    table.reject_if_wrong()
    kind, byte, bit = entry["type"], entry["byte"], entry.get("bit")
    if kind not in TYPES and kind not in IN_A_REGISTER:
        table.reject("type", codes.PLC_TYPE_EXPECTED(types=(*IN_A_REGISTER, *TYPES), value=repr(kind)))
    if (bit is None) == (kind == "BOOL"):
        table.reject("bit", codes.PLC_BIT_EXPECTED())
    kept = {key: value for key, value in entry.items() if key not in _KEYS} | {"address": byte // 2}
    if kind in TYPES:
        if byte % 2:
            table.reject("byte", codes.PLC_BYTE_ODD(type=kind))
        return table.replaced(kept | {"type": TYPES[kind]})
    if "mask" in entry:
        table.reject("mask", codes.PLC_KEY_NOT_ALLOWED())
    mask = 0xFF if bit is None else 1 << bit
    return table.replaced(kept | {"type": "u16", "mask": mask if byte % 2 else mask << 8})


def byte_text(row: Register) -> str:
    """The offset of a value as STEP 7 shows it, for example "12.0"."""
    byte, bit = 2 * row.address, 0
    if row.mask is not None and row.mask != 0xFF00:
        lowest = (row.mask & -row.mask).bit_length() - 1
        if row.mask == 0xFF or not row.mask & (row.mask - 1):
            byte, bit = byte + (lowest < 8), lowest % 8
    return f"{byte}.{bit}"
