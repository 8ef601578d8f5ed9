"""Converts TOML tables to a validated Profile. Reports all problems together, one line each, each with its place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from drivers import profile_reasons as codes
from drivers.file_reasons import with_suggestion
from drivers.profiles import s7_register
from drivers.profiles.dlt645_register import PROTOCOL_DEFAULTS, READ_DATA
from drivers.profiles.model import (
    CONFIDENCE,
    DIALECTS,
    GAP_RULES,
    IDENTIFY_METHODS,
    KINDS,
    WORDS,
    HarmonicBlock,
    Identify,
    Profile,
    Trip,
)
from drivers.profiles.register_parser import UNIT, cross_checks, register_of
from drivers.profiles.toml_checks import (
    LIST,
    NUMBER,
    TABLE,
    TEXT,
    TEXTS,
    WHOLE,
    WHOLES,
    YES,
    Key,
    Problem,
    Table,
    TableData,
    converted,
    is_a,
    profile_error,
)
from drivers.vocabulary import vocabulary

_TOP = {
    "schema": Key(WHOLE), "device": Key(TABLE), "protocol": Key(TABLE), "comm_loss": Key(TABLE), "identify": Key(LIST),
    "register": Key(LIST), "block": Key(LIST), "bits": Key(TABLE), "faults": Key(TABLE), "trip": Key(TABLE),
    "waveform": Key(LIST), "source": Key(LIST),
}  # fmt: skip
DEVICE = {
    "id": Key(TEXT, required=True), "vendor": Key(TEXT, required=True), "model": Key(TEXT, required=True),
    "kind": Key(TEXT, KINDS, required=True), "aliases": Key(TEXTS), "phases": Key(WHOLE),
    "confidence": Key(TEXT, CONFIDENCE, required=True), "hardware_verified": Key(YES), "notes": Key(TEXTS),
}  # fmt: skip
PROTOCOL = {
    "addressing": Key(TEXT), "transports": Key(TEXTS, ("rtu", "tcp")),
    "function_code": Key(WHOLE, (3, 4), required=True), "dialect": Key(TEXT, DIALECTS),
    "max_registers": Key(WHOLE, low=1, high=125, required=True), "max_registers_basis": Key(TEXT),
    "min_gap_ms": Key(NUMBER, low=0, high=60_000), "timeout_ms": Key(NUMBER, low=1, high=60_000),
    "refresh_ms": Key(NUMBER, low=0, high=3_600_000),
    "byte_order": Key(TEXT, ("big",)), "word_order": Key(TEXT, ("big", "little"), required=True),
    "reads_across_gaps": Key(TEXT, GAP_RULES), "rtu": Key(TABLE), "tcp": Key(TABLE),
}  # fmt: skip
METER_PROTOCOL = {**PROTOCOL, "function_code": Key(WHOLE, (READ_DATA,))}
_DEFAULTS = {"dlt645": PROTOCOL_DEFAULTS, "s7": s7_register.PROTOCOL_DEFAULTS}
_RTU = {
    "baud": Key(WHOLE), "bauds": Key(WHOLES), "parity": Key(TEXT, ("N", "E", "O")), "data_bits": Key(WHOLE),
    "stop_bits": Key(WHOLE), "unit_id": Key(WHOLE, low=1, high=255),
}  # fmt: skip
_TCP = {"port": Key(WHOLE), "unit_id": Key(WHOLE, low=0, high=255)}
COMM_LOSS = {"parameter": Key(TEXT), "default": Key(TEXT), "reset_by": Key(TEXT)}
_IDENTIFY = {
    "method": Key(TEXT, IDENTIFY_METHODS, required=True), "address": Key(WHOLE), "fc": Key(WHOLE), "type": Key(TEXT),
    "count": Key(WHOLE), "mask": Key(WHOLE), "equals": Key(WHOLE), "equals_any": Key(WHOLES), "contains": Key(TEXT),
    "vendor_contains": Key(TEXT), "product_contains": Key(TEXT), "register": Key(TEXT), "min": Key(NUMBER),
    "max": Key(NUMBER), "model_id": Key(WHOLE), "bases": Key(WHOLES), "marker": Key(WHOLE), "note": Key(TEXT),
    "confidence": Key(TEXT),
}  # fmt: skip
BLOCK = {
    "name": Key(TEXT, required=True), "address": Key(WHOLE, required=True), "fc": Key(WHOLE),
    "type": Key(TEXT, required=True), "count": Key(WHOLE, required=True), "first_order": Key(WHOLE, required=True),
    "order_step": Key(WHOLE), "scale": Key(NUMBER, required=True), "word_order": Key(TEXT), "unit": UNIT,
    "reference": Key(TEXT), "confidence": Key(TEXT), "note": Key(TEXT),
}  # fmt: skip
_FAULTS = {"of": Key(TEXT), "confidence": Key(TEXT), "codes": Key(TABLE)}
_TRIP = {"of": Key(TEXT, required=True), "bits": Key(WHOLES), "values": Key(WHOLES)}
_SOURCE = {"kind": Key(TEXT), "ref": Key(TEXT), "covers": Key(TEXT)}


def parse_profile(raw: TableData, source: str) -> Profile:
    """The validated profile. source: file or identifier for messages. Raises ProfileError with all problems."""
    problems: list[Problem] = []
    dialect = raw["protocol"].get("dialect") if is_a(raw.get("protocol"), TABLE) else ""
    if defaults := _DEFAULTS.get(str(dialect)):
        raw = {**raw, "protocol": {**defaults, **raw["protocol"]}}
    top = Table(raw, "", problems)
    top.check_keys(_TOP)
    for key, keys in (
        ("device", DEVICE),
        ("protocol", METER_PROTOCOL if dialect == "dlt645" else PROTOCOL),
        ("comm_loss", COMM_LOSS),
    ):
        top.part(key).check_keys(keys)
    for key, keys in (("rtu", _RTU), ("tcp", _TCP)):
        top.part("protocol").part(key).check_keys(keys)
    if problems:  # the registers depend on these tables
        raise profile_error(source, problems)
    device, protocol = raw["device"], raw["protocol"]
    registers = tuple(converted(top.parts("register"), lambda table: register_of(table, device, protocol)))
    problems += cross_checks(registers, protocol)
    identify = tuple(converted(top.parts("identify"), lambda table: _identify(table, protocol)))
    blocks = tuple(converted(top.parts("block"), lambda table: _block(table, device, protocol)))
    known = {str(table.data.get("name")) for table in top.parts("register")}
    bits = dict(_bits(top.part("bits"), known))
    faults = _faults(top.part("faults"), known)
    trip = _trip(top.part("trip"), known)
    for table in top.parts("source"):
        table.check_keys(_SOURCE)
    if not raw.get("register"):
        problems.append(Problem("register", codes.PROFILE_WITHOUT_REGISTERS()))
    if problems:
        raise profile_error(source, problems)
    gaps = protocol.get("reads_across_gaps", "unknown")
    return Profile(
        id=device["id"],
        vendor=device["vendor"],
        model=device["model"],
        kind=device["kind"],
        phases=device.get("phases", 3),
        confidence=device["confidence"],
        transports=tuple(protocol.get("transports", ("rtu",))),
        function=protocol["function_code"],
        max_registers=protocol["max_registers"],
        min_gap_s=protocol.get("min_gap_ms", 5) / 1000,
        timeout_s=protocol.get("timeout_ms", 1000) / 1000,
        refresh_s=protocol.get("refresh_ms", 0) / 1000,
        gaps_allowed=gaps in ("allowed", "inside"),
        overread_allowed=gaps == "allowed",
        registers=registers,
        notes=tuple(device.get("notes", ())),
        rtu=protocol.get("rtu", {}),
        tcp=protocol.get("tcp", {}),
        comm_loss=raw.get("comm_loss", {}),
        bits=bits,
        faults=faults,
        faults_of=raw.get("faults", {}).get("of", ""),
        trip=trip,
        sources=tuple(raw.get("source", ())),
        dialect=protocol.get("dialect", "modbus"),
        identify=identify,
        blocks=blocks,
        aliases=tuple(device.get("aliases", ())),
        addressing=protocol.get("addressing", ""),
    )


def _identify(table: Table, protocol: TableData) -> Identify:
    table.check_keys(_IDENTIFY)
    table.reject_if_wrong()
    entry = table.data
    method, kind = entry["method"], entry.get("type", "")
    words = entry.get("count", 0) if kind == "string" else WORDS.get(kind, 0)
    address = entry.get("address", -1)
    if method == "register" and not (words and 0 <= address <= 65536 - words):
        table.reject("address", codes.IDENTIFY_ADDRESS(address=str(address), type=kind))
    return Identify(
        method=method,
        address=entry.get("address"),
        function=entry.get("fc", protocol["function_code"]),
        type=kind,
        words=words,
        mask=entry.get("mask"),
        equals=entry.get("equals"),
        equals_any=tuple(entry.get("equals_any", ())),
        contains=entry.get("contains", entry.get("product_contains", "")),
        vendor_contains=entry.get("vendor_contains", ""),
        register=entry.get("register", ""),
        low=entry.get("min"),
        high=entry.get("max"),
        model_id=entry.get("model_id"),
        bases=tuple(entry.get("bases", ())),
        note=entry.get("note", ""),
        confidence=entry.get("confidence", ""),
    )


def _block(table: Table, device: TableData, protocol: TableData) -> HarmonicBlock:
    table.check_keys(BLOCK)
    table.reject_if_wrong()
    entry, name = table.data, table.data["name"]
    quantity = vocabulary().get(name)
    if quantity is None or not name.startswith("harmonics_"):
        known = [other for other in vocabulary() if other.startswith("harmonics_")]
        table.wrong("name", with_suggestion(codes.HARMONICS_UNKNOWN(), name, known))
    elif entry["unit"] != quantity.unit:
        table.wrong("unit", codes.QUANTITY_UNIT(unit=quantity.unit, value=repr(entry["unit"])))
    kind, count, address = entry["type"], entry["count"], entry["address"]
    words = WORDS.get(kind, 0) * count
    if words < 1 or not 0 <= address <= 65536 - words:
        table.wrong("address", codes.BLOCK_ADDRESS(n=count, type=kind, address=address))
    table.reject_if_wrong()
    return HarmonicBlock(
        name=name,
        address=address,
        function=entry.get("fc", protocol["function_code"]),
        type=kind,
        count=count,
        first_order=entry["first_order"],
        order_step=entry.get("order_step", 1),
        scale=float(entry["scale"]),
        big_words_first=entry.get("word_order", protocol["word_order"]) == "big",
        unit=entry["unit"],
        reference=entry.get("reference", "fundamental"),
        confidence=entry.get("confidence", device["confidence"]),
        note=entry.get("note", ""),
    )


def _bits(tables: Table, known: Iterable[str]) -> Iterator[tuple[str, dict[int, str]]]:
    for name, table in tables.data.items():
        if name not in known:
            tables.wrong(name, with_suggestion(codes.REGISTER_UNKNOWN(), name, known))
        elif not isinstance(table, dict) or not all(key.isdecimal() and int(key) < 64 for key in table):
            tables.wrong(name, codes.BIT_NUMBERS_EXPECTED())
        else:
            yield name, {int(key): str(text) for key, text in table.items()}


def _faults(table: Table, known: Iterable[str]) -> dict[int, str]:
    table.check_keys(_FAULTS)
    if "of" in table.data and (name := str(table.data["of"])) not in known:
        table.wrong("of", with_suggestion(codes.REGISTER_UNKNOWN(), name, known))
    found = {}
    for key, text in table.part("codes").data.items():
        try:
            found[int(key, 0)] = str(text)
        except ValueError:
            table.wrong("codes", codes.FAULT_CODE_EXPECTED(value=repr(key)))
    return found


def _trip(table: Table, known: Iterable[str]) -> Trip | None:
    if not table.data:
        return None
    table.check_keys(_TRIP)
    bits, values = (found if isinstance(found := table.data.get(key), list) else [] for key in ("bits", "values"))
    if (name := str(table.data.get("of"))) not in known:
        table.wrong("of", with_suggestion(codes.REGISTER_UNKNOWN(), name, known))
    whole = all(isinstance(number, int) for number in (*bits, *values))
    if bool(bits) == bool(values) or not whole or not all(0 <= bit < 32 for bit in bits):
        table.wrong("bits", codes.TRIP_EXPECTED())
        return None
    return Trip(name, sum(1 << bit for bit in bits), tuple(values))
