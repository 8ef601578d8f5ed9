"""Converts TOML tables to a validated Profile. Reports all problems together, one line each, each with its place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from drivers import profile_reasons as codes
from drivers.errors import ProfileError
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
)
from drivers.profiles.register_parser import RegisterRow, cross_checks
from drivers.profiles.toml_checks import (
    LIST,
    NUMBER,
    TABLE,
    TEXT,
    TEXTS,
    WHOLE,
    WHOLES,
    YES,
    Problem,
    Table,
    check_keys,
    choice,
    is_a,
    table_of,
    tables_of,
)
from drivers.recordings.reasons import KEY_MISSING, with_suggestion
from drivers.vocabulary import vocabulary

_TOP = {
    "schema": WHOLE, "device": TABLE, "protocol": TABLE, "comm_loss": TABLE, "identify": LIST, "register": LIST,
    "block": LIST, "bits": TABLE, "faults": TABLE, "waveform": LIST, "source": LIST,
}  # fmt: skip
_DEVICE = {
    "id": TEXT, "vendor": TEXT, "model": TEXT, "kind": TEXT, "aliases": TEXTS, "phases": WHOLE,
    "confidence": TEXT, "hardware_verified": YES, "notes": TEXTS,
}  # fmt: skip
_PROTOCOL = {
    "addressing": TEXT, "transports": TEXTS, "function_code": WHOLE, "dialect": TEXT, "max_registers": WHOLE,
    "max_registers_basis": TEXT, "min_gap_ms": NUMBER, "timeout_ms": NUMBER, "refresh_ms": NUMBER,
    "byte_order": TEXT, "word_order": TEXT, "reads_across_gaps": TEXT, "rtu": TABLE, "tcp": TABLE,
}  # fmt: skip
_RTU = {
    "baud": WHOLE, "bauds": WHOLES, "parity": TEXT, "data_bits": WHOLE, "stop_bits": WHOLE, "unit_id": WHOLE,
}  # fmt: skip
_TCP = {"port": WHOLE, "unit_id": WHOLE}
_COMM_LOSS = {"parameter": TEXT, "default": TEXT, "reset_by": TEXT}
_IDENTIFY = {
    "method": TEXT, "address": WHOLE, "fc": WHOLE, "type": TEXT, "count": WHOLE, "mask": WHOLE,
    "equals": WHOLE, "equals_any": WHOLES, "contains": TEXT, "vendor_contains": TEXT, "product_contains": TEXT,
    "register": TEXT, "min": NUMBER, "max": NUMBER, "model_id": WHOLE, "bases": WHOLES, "marker": WHOLE,
    "note": TEXT, "confidence": TEXT,
}  # fmt: skip
_BLOCK = {
    "name": TEXT, "address": WHOLE, "fc": WHOLE, "type": TEXT, "count": WHOLE, "first_order": WHOLE,
    "order_step": WHOLE, "scale": NUMBER, "word_order": TEXT, "unit": TEXT, "reference": TEXT,
    "confidence": TEXT, "note": TEXT,
}  # fmt: skip
_FAULTS = {"of": TEXT, "confidence": TEXT, "codes": TABLE}
TRANSPORTS, PARITIES = ("rtu", "tcp"), ("N", "E", "O")
_SOURCE = {"kind": TEXT, "ref": TEXT, "covers": TEXT}


def parse_profile(raw: Table, source: str) -> Profile:
    """The validated profile. source: file or identifier for messages. Raises ProfileError with all problems."""
    problems: list[Problem] = []
    check_keys(raw, _TOP, "", problems)
    device, protocol = table_of(raw, "device"), table_of(raw, "protocol")
    check_keys(device, _DEVICE, "device.", problems)
    check_keys(protocol, _PROTOCOL, "protocol.", problems)
    check_keys(table_of(protocol, "rtu"), _RTU, "protocol.rtu.", problems)
    check_keys(table_of(protocol, "tcp"), _TCP, "protocol.tcp.", problems)
    check_keys(table_of(raw, "comm_loss"), _COMM_LOSS, "comm_loss.", problems)
    for place, table, keys in (
        ("device", device, ("id", "vendor", "model", "kind", "confidence")),
        ("protocol", protocol, ("function_code", "max_registers", "word_order")),
    ):
        problems += [Problem(f"{place}.{key}", KEY_MISSING()) for key in keys if key not in table]
    problems += _protocol_problems(device, protocol)
    if problems:  # the registers depend on these tables
        raise _error(source, problems)
    rows = [RegisterRow(entry, n, device, protocol, problems) for n, entry in tables_of(raw, "register", problems)]
    registers = tuple(built for row in rows if (built := row.register()))
    problems += cross_checks(registers, protocol)
    identify = tuple(_identify(entry, n, protocol, problems) for n, entry in tables_of(raw, "identify", problems))
    blocks = tuple(
        block
        for n, entry in tables_of(raw, "block", problems)
        if (block := _block(entry, n, device, protocol, problems))
    )
    known = {row.name for row in rows}
    bits = dict(_bits(table_of(raw, "bits"), known, problems))
    faults = _faults(table_of(raw, "faults"), known, problems)
    for n, entry in tables_of(raw, "source", problems):
        check_keys(entry, _SOURCE, f"source {n}: ", problems)
    if not rows:
        problems.append(Problem("register", codes.PROFILE_WITHOUT_REGISTERS()))
    if problems:
        raise _error(source, problems)
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
        spare_allowed=gaps == "allowed",
        registers=registers,
        notes=tuple(device.get("notes", ())),
        rtu=protocol.get("rtu", {}),
        tcp=protocol.get("tcp", {}),
        comm_loss=raw.get("comm_loss", {}),
        bits=bits,
        faults=faults,
        faults_of=table_of(raw, "faults").get("of", ""),
        sources=tuple(raw.get("source", ())),
        dialect=protocol.get("dialect", "modbus"),
        identify=identify,
        blocks=blocks,
        aliases=tuple(device.get("aliases", ())),
        addressing=protocol.get("addressing", ""),
        waveforms=tuple(raw.get("waveform", ())),
    )


def _protocol_problems(device: Table, protocol: Table) -> Iterator[Problem]:
    for place, table, key, allowed in (
        ("device", device, "kind", KINDS),
        ("device", device, "confidence", CONFIDENCE),
        ("protocol", protocol, "function_code", (3, 4)),
        ("protocol", protocol, "dialect", DIALECTS),
        ("protocol", protocol, "byte_order", ("big",)),
        ("protocol", protocol, "word_order", ("big", "little")),
        ("protocol", protocol, "reads_across_gaps", GAP_RULES),
    ):
        if key in table and table[key] not in allowed:
            yield Problem(f"{place}.{key}", choice(allowed, table[key]))
    limit = protocol.get("max_registers", 1)
    if not (is_a(limit, WHOLE) and 1 <= limit <= 125):
        yield Problem("protocol.max_registers", codes.PROFILE_LIMITS(low=1, high=125, value=repr(limit)))
    for key, least in (("timeout_ms", 1), ("min_gap_ms", 0), ("refresh_ms", 0)):
        if is_a(value := protocol.get(key, least), NUMBER) and value < least:
            yield Problem(f"protocol.{key}", codes.PROFILE_MINIMUM(low=least, value=repr(value)))
    transports = protocol.get("transports", [])
    if isinstance(transports, list):
        yield from (
            Problem("protocol.transports", choice(TRANSPORTS, item)) for item in transports if item not in TRANSPORTS
        )
    for name, first, last in (("rtu", 1, 255), ("tcp", 0, 255)):
        unit = table_of(protocol, name).get("unit_id", first)
        if not (is_a(unit, WHOLE) and first <= unit <= last):
            cause = codes.PROFILE_LIMITS(low=first, high=last, value=repr(unit))
            yield Problem(f"protocol.{name}.unit_id", cause)
    if (parity := table_of(protocol, "rtu").get("parity", "N")) not in PARITIES:
        yield Problem("protocol.rtu.parity", choice(PARITIES, parity))


def _identify(entry: Table, number: int, protocol: Table, problems: list[Problem]) -> Identify:
    place, found = f"identify {number}: ", len(problems)
    check_keys(entry, _IDENTIFY, place, problems)
    method, kind = entry.get("method", ""), entry.get("type", "")
    if len(problems) > found:
        return Identify("none")
    if method not in IDENTIFY_METHODS:
        problems.append(Problem(f"{place}method", choice(IDENTIFY_METHODS, method)))
    if method == "register":
        words = entry.get("count", 0) if kind == "string" else WORDS.get(kind, 0)
        address = entry.get("address", -1)
        if not words or not is_a(address, WHOLE) or not 0 <= address <= 65536 - words:
            cause = codes.IDENTIFY_ADDRESS(address=str(address), type=str(kind))
            problems.append(Problem(f"{place}address", cause))
    if len(problems) > found:
        return Identify("none")
    return Identify(
        method=method,
        address=entry.get("address"),
        function=entry.get("fc", protocol["function_code"]),
        type=kind,
        words=entry.get("count", 0) if kind == "string" else WORDS.get(kind, 0),
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
        marker=entry.get("marker"),
        note=entry.get("note", ""),
        confidence=entry.get("confidence", ""),
    )


def _block(entry: Table, number: int, device: Table, protocol: Table, problems: list[Problem]) -> HarmonicBlock | None:
    name, found = entry.get("name", ""), len(problems)
    place = f"block {number} ({name}): " if name else f"block {number}: "
    check_keys(entry, _BLOCK, place, problems)
    missing = [key for key in ("name", "address", "type", "count", "first_order", "scale", "unit") if key not in entry]
    problems += [Problem(f"{place}{key}", KEY_MISSING()) for key in missing]
    if len(problems) > found:
        return None
    quantity = vocabulary().get(name)
    if quantity is None or not name.startswith("harmonics_"):
        known = [other for other in vocabulary() if other.startswith("harmonics_")]
        cause = with_suggestion(codes.HARMONICS_UNKNOWN(), name, known)
        problems.append(Problem(f"{place}name", cause))
    elif entry["unit"] != quantity.unit:
        cause = codes.QUANTITY_UNIT(unit=quantity.unit, value=repr(entry["unit"]))
        problems.append(Problem(f"{place}unit", cause))
    words = WORDS.get(entry["type"], 0) * entry["count"]
    if words < 1 or not 0 <= entry["address"] <= 65536 - words:
        cause = codes.BLOCK_ADDRESS(n=entry["count"], type=entry["type"], address=entry["address"])
        problems.append(Problem(f"{place}address", cause))
    if len(problems) > found:
        return None
    return HarmonicBlock(
        name=name,
        address=entry["address"],
        function=entry.get("fc", protocol["function_code"]),
        type=entry["type"],
        count=entry["count"],
        first_order=entry["first_order"],
        order_step=entry.get("order_step", 1),
        scale=float(entry["scale"]),
        big_words_first=entry.get("word_order", protocol["word_order"]) == "big",
        unit=entry["unit"],
        reference=entry.get("reference", "fundamental"),
        confidence=entry.get("confidence", device["confidence"]),
        note=entry.get("note", ""),
    )


def _bits(tables: Table, known: Iterable[str], problems: list[Problem]) -> Iterator[tuple[str, dict[int, str]]]:
    for name, table in tables.items():
        if name not in known:
            cause = with_suggestion(codes.REGISTER_UNKNOWN(), name, known)
            problems.append(Problem(f"bits.{name}", cause))
        elif not isinstance(table, dict) or not all(key.isdecimal() and int(key) < 64 for key in table):
            problems.append(Problem(f"bits.{name}", codes.BIT_NUMBERS_EXPECTED()))
        else:
            yield name, {int(key): str(text) for key, text in table.items()}


def _faults(table: Table, known: Iterable[str], problems: list[Problem]) -> dict[int, str]:
    check_keys(table, _FAULTS, "faults.", problems)
    if "of" in table and (name := str(table["of"])) not in known:
        cause = with_suggestion(codes.REGISTER_UNKNOWN(), name, known)
        problems.append(Problem("faults.of", cause))
    found = {}
    for key, text in table_of(table, "codes").items():
        try:
            found[int(key, 0)] = str(text)
        except ValueError:
            problems.append(Problem("faults.codes", codes.FAULT_CODE_EXPECTED(value=repr(key))))
    return found


def _error(source: str, problems: Iterable[Problem]) -> ProfileError:
    found = (codes.PROFILE_PROBLEM(file=source, place=problem.place, cause=problem.cause) for problem in problems)
    return ProfileError(codes.PROFILE_INVALID, problems=tuple(found))
