"""Converts a [[register]] table to a Register, and checks the registers of a profile against each other."""

from __future__ import annotations

import math
from collections.abc import Iterator

from drivers import profile_reasons as codes
from drivers.file_reasons import KEY_MISSING, with_suggestion
from drivers.profiles.dlt645_register import with_address
from drivers.profiles.model import (
    ALL_WORDS,
    BCD_WORDS,
    CONFIDENCE,
    ENCODINGS,
    GROUPS,
    SCALE_KINDS,
    WORDS,
    BitField,
    Register,
    ScaleFrom,
)
from drivers.profiles.s7_register import with_register
from drivers.profiles.toml_checks import (
    LIST,
    NUMBER,
    TABLE,
    TEXT,
    WHOLE,
    WHOLES,
    YES,
    Key,
    Problem,
    Table,
    TableData,
    is_a,
)
from drivers.vocabulary import vocabulary

ADDRESS, FUNCTION = Key(WHOLE, low=0, high=65535, required=True), Key(WHOLE, (3, 4))
WORD_ORDER, CERTAINTY, UNIT = Key(TEXT, ("big", "little")), Key(TEXT, CONFIDENCE), Key(TEXT, required=True)
REGISTER = {
    "name": Key(TEXT), "address": Key(WHOLE), "fc": FUNCTION, "type": Key(TEXT, (*WORDS, "string"), required=True),
    "count": Key(WHOLE), "word_order": WORD_ORDER, "scale": Key(NUMBER), "offset": Key(NUMBER), "unit": UNIT,
    "mask": Key(WHOLE), "invalid": Key(WHOLES), "invalid_high_word": Key(WHOLE, low=0, high=0xFFFF),
    "poll": Key(TEXT, GROUPS, required=True), "needs": Key(TEXT), "manual_ref": Key(TEXT), "confidence": CERTAINTY,
    "note": Key(TEXT), "encoding": Key(TEXT, ENCODINGS), "scale_by_rating": Key(LIST), "scale_from": Key(TABLE),
    "scale_doubt": Key(TEXT), "parts": Key(LIST), "full_scale": Key(WHOLE), "plausible": Key(LIST),
    "latched": Key(YES), "alone": Key(YES), "feeds_watchdog": Key(YES),
}  # fmt: skip
METER_REGISTER = {**REGISTER, "type": Key(TEXT, (*BCD_WORDS, "string"))}  # after dlt645_register.with_address
SCALE_FROM = {"address": ADDRESS, "kind": Key(TEXT, SCALE_KINDS, required=True), "mask": Key(WHOLE)}

INTEGER_KEYS = ("mask", "full_scale", "scale_from")
NOT_WITH_PARTS = ("address", "scale", "offset", "mask", "encoding", "full_scale", "scale_from", "scale_by_rating")
FULL_SCALE = {"u16": 0xFFFF, "i16": 0x7FFF}  # value of 16-bit registers which means that the meter is at its limit


def register_of(table: Table, device: TableData, protocol: TableData) -> Register:
    """Converts one [[register]] table."""
    is_meter = protocol.get("dialect") == "dlt645"
    if is_meter:
        table = with_address(table)
    elif protocol.get("dialect") == "s7":
        table = with_register(table)
    entry, name = table.data, str(table.data.get("name", ""))
    table.check_keys(METER_REGISTER if is_meter else REGISTER)
    quantity = vocabulary().get(name)
    if quantity is None:
        table.reject("name", with_suggestion(codes.QUANTITY_UNKNOWN(), name, vocabulary()))
    if is_a(unit := entry.get("unit"), TEXT) and unit != quantity.unit:
        table.wrong("unit", codes.QUANTITY_UNIT(unit=quantity.unit, value=repr(unit)))
    table.reject_if_wrong()
    kind, function, limit = entry["type"], entry.get("fc", protocol["function_code"]), protocol["max_registers"]
    own = entry.get("count", 0) if kind == "string" else ALL_WORDS[kind]
    if own < 1 or ("count" in entry and kind != "string"):
        table.reject("count", codes.REGISTER_COUNT())
    starts = _starts(table)
    first, end = min(starts), max(starts) + own
    if first < 0 or end > (1 << 32 if is_meter else 65536):
        table.reject("address", codes.REGISTER_ADDRESS(first=max(starts), last=end - 1))
    scale_from = _scale_from(table, protocol)
    if scale_from and scale_from.offset is not None:
        first, end = min(first, scale_from.address), max(end, scale_from.address + 1)
        scale_from = ScaleFrom(scale_from.address, scale_from.kind, scale_from.mask, scale_from.address - first)
    if end - first > limit:
        table.wrong("address", codes.REGISTER_TOO_LONG(n=end - first, n_max=limit))
    _check_numbers(table, kind, own)
    table.reject_if_wrong()
    window = entry.get("plausible")
    is_gauge = quantity.kind == "gauge" and "mask" not in entry
    return Register(
        name=name,
        address=first,
        function=function,
        type=kind,
        words=end - first,
        big_words_first=entry.get("word_order", protocol["word_order"]) == "big",
        scale=float(entry.get("scale", 1)),
        offset=float(entry.get("offset", 0)),
        unit=quantity.unit,
        group=entry["poll"],
        confidence=entry.get("confidence", device["confidence"]),
        mask=entry.get("mask"),
        invalid=tuple(entry.get("invalid", ())),
        encoding=entry.get("encoding", "plain"),
        scale_by_rating=tuple(
            (float(row.get("up_to_kw", math.inf)), float(row["scale"])) for row in entry.get("scale_by_rating", ())
        ),
        note=entry.get("note", ""),
        at=0 if "parts" in entry else starts[0] - first,
        parts=tuple(BitField(part["address"] - first, float(part["scale"])) for part in entry.get("parts", ())),
        scale_from=scale_from,
        invalid_high_word=entry.get("invalid_high_word"),
        full_scale=entry.get("full_scale", FULL_SCALE.get(kind) if is_gauge else None),
        window=(float(window[0]), float(window[1])) if window else None,
        scale_doubt=entry.get("scale_doubt", ""),
        latched=entry.get("latched", False),
        alone=entry.get("alone", False),
        feeds_watchdog=entry.get("feeds_watchdog", False),
        needs=entry.get("needs", ""),
        manual_ref=entry.get("manual_ref", ""),
    )


def _starts(table: Table) -> list[int]:
    """Start addresses of the value or of its parts."""
    entry = table.data
    if "parts" not in entry:
        if "address" not in entry:
            table.reject("address", KEY_MISSING())
        return [entry["address"]]
    if combined := [key for key in entry if key in NOT_WITH_PARTS]:
        table.reject("parts", codes.PARTS_COMBINED(keys=tuple(combined)))
    for part in entry["parts"]:
        if (
            not isinstance(part, dict)
            or part.keys() != {"address", "scale"}
            or not is_a(part["address"], WHOLE)
            or not is_a(part["scale"], NUMBER)
            or not part["scale"]
        ):
            table.reject("parts", codes.PARTS_INCOMPLETE())
    if len(entry["parts"]) < 2:
        table.reject("parts", codes.PARTS_TOO_FEW())
    return [part["address"] for part in entry["parts"]]


def _scale_from(table: Table, protocol: TableData) -> ScaleFrom | None:
    if "scale_from" not in table.data:
        return None
    part = table.part("scale_from")
    part.check_keys(SCALE_FROM)
    part.reject_if_wrong()
    # One request reads both if the device allows it; otherwise the scale is read separately.
    raw, start, own = part.data, table.data["address"], WORDS.get(table.data["type"], 1)
    span = max(start + own, raw["address"] + 1) - min(start, raw["address"])
    together = span <= protocol["max_registers"] and (_reads_gaps(protocol) or span == own + 1)
    return ScaleFrom(raw["address"], raw["kind"], raw.get("mask"), 0 if together else None)


def _reads_gaps(protocol: TableData) -> bool:
    return protocol.get("reads_across_gaps") in ("allowed", "inside")


def _check_numbers(table: Table, kind: str, own: int) -> None:
    entry, top = table.data, 1 << 16 * own
    if entry.get("scale", 1) == 0:
        table.wrong("scale", codes.SCALE_NUMBER(value=repr(entry["scale"])))
    if kind[0] not in "iu" and (keys := [key for key in INTEGER_KEYS if key in entry]):
        for key in keys:
            table.wrong(key, codes.INTEGER_TYPE_REQUIRED(type=kind))
        return
    for key in ("mask", "invalid", "full_scale"):
        patterns = entry.get("invalid", []) if key == "invalid" else [entry.get(key, 1)]
        if not all(0 <= item < top for item in patterns):
            table.wrong(key, codes.UNSIGNED_EXPECTED(bits=16 * own, value=repr(entry[key])))
    if not entry.get("mask", 1):
        table.wrong("mask", codes.MASK_ZERO())
    window = entry.get("plausible", [0, 1])
    if len(window) != 2 or not all(is_a(item, NUMBER) for item in window) or not window[0] < window[1]:
        table.wrong("plausible", codes.PLAUSIBLE_LIMITS())
    scales = entry.get("scale_by_rating", [{"scale": 1}])
    for row in scales:
        if not isinstance(row, dict) or not is_a(row.get("scale"), NUMBER) or row.keys() - {"up_to_kw", "scale"}:
            table.reject("scale_by_rating", codes.RATING_ENTRY())
    if not all(is_a(row.get("up_to_kw", 1), NUMBER) and row["scale"] for row in scales):
        table.reject("scale_by_rating", codes.RATING_NUMBERS())
    limits = [row.get("up_to_kw", math.inf) for row in scales]
    if not scales or limits[-1] != math.inf:
        table.wrong("scale_by_rating", codes.RATING_LAST())
    elif limits != sorted(set(limits)):
        table.wrong("scale_by_rating", codes.RATING_ORDER())


def cross_checks(registers: tuple[Register, ...], protocol: TableData) -> Iterator[Problem]:
    """Problems between registers: duplicate names, scales that are not read, gaps, overlaps."""
    seen: set[str] = set()
    for row in registers:
        if row.name in seen:
            yield Problem(row.name, codes.REGISTER_TWICE())
        seen.add(row.name)
        if row.scale_from and row.scale_from.offset is None:
            at = (row.function, row.scale_from.address)
            if not any((other.function, other.address) == at and other.words == 1 for other in registers):
                yield Problem(row.name, codes.SCALE_REGISTER_MISSING(address=at[1]))
        has_gap = row.parts and len({part.offset for part in row.parts}) * row.own_words != row.words
        if has_gap and not _reads_gaps(protocol):
            yield Problem(row.name, codes.PARTS_WITH_GAP())
    yield from _overlaps(registers)


def _overlaps(registers: tuple[Register, ...]) -> Iterator[Problem]:
    owners: dict[tuple[int, int], Register] = {}
    for row in registers:
        if row.alone:
            continue
        starts = [row.address + part.offset for part in row.parts] or [row.address + row.at]
        for address in sorted(start + k for start in starts for k in range(row.own_words)):
            other = owners.setdefault((row.function, address), row)
            if other is not row and not _share(row, other):
                yield Problem(row.name, codes.REGISTER_OVERLAP(other=other.name, address=address))
                break


def _share(one: Register, other: Register) -> bool:
    """Whether both are separate bit fields of the same register."""
    same = (one.address, one.words) == (other.address, other.words)
    return same and one.mask is not None and other.mask is not None and not one.mask & other.mask
