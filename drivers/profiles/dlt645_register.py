"""Converts the keys of a register of DL/T 645 to those of a register map, and back to its data identifier.

A meter has no registers. Each value gets an address in a map of registers instead, which drivers/dlt645_registers.py
reads: DI3 DI2 DI0 and, in the last byte, DI1 times the number of registers of the value. The values of one block, which
differ in DI1 only, are therefore contiguous, and the rules for blocks, rejected registers and checks of any other map
apply to them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from drivers import profile_reasons as codes
from drivers.profiles.model import BCD_WORDS, Register
from drivers.profiles.toml_checks import NUMBER, TEXT, YES, Key, Table

READ_DATA = 0x11  # control code
PROTOCOL_DEFAULTS: Mapping[str, Any] = {
    "function_code": READ_DATA, "max_registers": 125, "word_order": "big", "min_gap_ms": 20, "timeout_ms": 700,
    "reads_across_gaps": "inside",
}  # fmt: skip
METER_KEYS = {"di": Key(TEXT), "format": Key(TEXT), "signed": Key(YES)}
_KEYS = {"di": Key(TEXT, required=True), "format": Key(TEXT, required=True), "signed": Key(YES), "scale": Key(NUMBER)}
_NOT_ALLOWED = ("address", "type", "count", "fc", "parts", "scale_from", "mask", "invalid", "full_scale")
_DIGITS = re.compile(r"(X+)(?:\.(X+))?")
_TEXT = re.compile(r"text(\d+)")
_NUMBER_DIGITS = (4, 6, 8)
_SERIAL_DIGITS = 12


def with_address(table: Table) -> Table:
    """The table with address, type and scale instead of di, format and signed."""
    entry = table.data
    wrong = [key for key in _NOT_ALLOWED if key in entry]
    if wrong:
        table.reject(wrong[0], codes.METER_KEY_NOT_ALLOWED())
    table.check_only(_KEYS)
    table.reject_if_wrong()
    identifier = entry["di"]
    if not re.fullmatch(r"[0-9A-F]{8}", identifier) or identifier[4:6] == "FF":
        table.reject("di", codes.DATA_IDENTIFIER_EXPECTED(value=repr(identifier)))
    kept = {key: value for key, value in entry.items() if key not in METER_KEYS}
    if text := _TEXT.fullmatch(entry["format"]):
        n_bytes = int(text[1])
        if not n_bytes or n_bytes % 2:
            table.reject("format", codes.VALUE_FORMAT_EXPECTED(value=repr(entry["format"])))
        kept |= {"type": "string", "count": n_bytes // 2}
    else:
        kept |= _number(table, entry)
    words = kept.get("count") or BCD_WORDS[kept["type"]]
    kept["address"] = address_of(int(identifier, 16), words)
    return table.replaced(kept)


def _number(table: Table, entry: Mapping[str, Any]) -> dict[str, Any]:
    found = _DIGITS.fullmatch(entry["format"])
    digits = len(entry["format"].replace(".", "")) if found else 0
    if found and digits == _SERIAL_DIGITS and not found[2]:
        return {"type": f"bcd{_SERIAL_DIGITS}"}
    if not found or digits not in _NUMBER_DIGITS:
        table.reject("format", codes.VALUE_FORMAT_EXPECTED(value=repr(entry["format"])))
    decimals = len(found[2] or "")
    scale = float(f"{entry.get('scale', 1)}") / 10**decimals
    return {"type": f"{'s' if entry.get('signed') else ''}bcd{digits}", "scale": scale}


def address_of(identifier: int, words: int) -> int:
    """Address in the map of registers. words: registers of the value."""
    di3, di2, di1, di0 = identifier.to_bytes(4, "big")
    return di3 << 24 | di2 << 16 | di0 << 8 | di1 * words


def identifier_of(row: Register) -> int:
    """The data identifier of a register."""
    return identifier_at(row.address, row.words)


def identifier_at(address: int, words: int) -> int:
    return (address >> 16) << 16 | (address & 0xFF) // words << 8 | address >> 8 & 0xFF


def value_bytes(row: Register) -> int:
    """Number of bytes of the value in a response."""
    return 2 * row.words if row.type == "string" else int(row.type.lstrip("sbcd")) // 2
