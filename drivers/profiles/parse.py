"""Converts TOML tables to a validated Profile. Reports all problems together, one line each, each with its place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from drivers.errors import ProfileError
from drivers.profiles.checks import (
    LIST,
    NUMBER,
    TABLE,
    TEXT,
    TEXTS,
    WHOLE,
    WHOLES,
    YES,
    Table,
    check_keys,
    is_a,
    near,
    table_of,
    tables_of,
)
from drivers.profiles.rows import Row, cross_checks
from drivers.profiles.shape import (
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
_SOURCE = {"kind": TEXT, "ref": TEXT, "covers": TEXT}


def parse_profile(raw: Table, source: str) -> Profile:
    """The validated profile. source: file or identifier for messages. Raises ProfileError with one problem per line."""
    problems: list[str] = []
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
        problems += [f"{place}.{key}: missing" for key in keys if key not in table]
    problems += _protocol_problems(device, protocol)
    if problems:  # the registers depend on these tables
        raise _error(source, problems)
    rows = [Row(entry, n, device, protocol, problems) for n, entry in tables_of(raw, "register", problems)]
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
        problems.append("no [[register]]")
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


def _protocol_problems(device: Table, protocol: Table) -> Iterator[str]:
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
            yield f"{place}.{key}: expected one of {', '.join(map(str, allowed))}, found {table[key]!r}"
    limit = protocol.get("max_registers", 1)
    if not (is_a(limit, WHOLE) and 1 <= limit <= 125):
        yield f"protocol.max_registers: expected 1…125, found {limit}"
    for key, least in (("timeout_ms", 1), ("min_gap_ms", 0), ("refresh_ms", 0)):
        if is_a(value := protocol.get(key, least), NUMBER) and value < least:
            yield f"protocol.{key}: expected at least {least}, found {value}"
    transports = protocol.get("transports", [])
    if isinstance(transports, list):
        yield from (
            f"protocol.transports: expected rtu or tcp, found {item!r}"
            for item in transports
            if item not in ("rtu", "tcp")
        )
    for name, last in (("rtu", 247), ("tcp", 255)):
        unit = table_of(protocol, name).get("unit_id", 1)
        if not (is_a(unit, WHOLE) and 0 <= unit <= 255 and (name == "tcp" or unit)):
            yield f"protocol.{name}.unit_id: expected 1…{last}, found {unit}"
    if table_of(protocol, "rtu").get("parity", "N") not in ("N", "E", "O"):
        yield f"protocol.rtu.parity: expected N, E or O, found {protocol['rtu']['parity']!r}"


def _identify(entry: Table, number: int, protocol: Table, problems: list[str]) -> Identify:
    place, found = f"identify {number}: ", len(problems)
    check_keys(entry, _IDENTIFY, place, problems)
    method, kind = entry.get("method", ""), entry.get("type", "")
    if len(problems) > found:
        return Identify("none")
    if method not in IDENTIFY_METHODS:
        problems.append(f"{place}method: expected one of {', '.join(IDENTIFY_METHODS)}, found {method!r}")
    if method == "register":
        words = entry.get("count", 0) if kind == "string" else WORDS.get(kind, 0)
        address = entry.get("address", -1)
        if not words or not is_a(address, WHOLE) or not 0 <= address <= 65536 - words:
            problems.append(f"{place}address {address} with type {kind!r} is not a valid register")
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


def _block(entry: Table, number: int, device: Table, protocol: Table, problems: list[str]) -> HarmonicBlock | None:
    name, found = entry.get("name", ""), len(problems)
    place = f"block {number} ({name or 'no name'}): "
    check_keys(entry, _BLOCK, place, problems)
    missing = [key for key in ("name", "address", "type", "count", "first_order", "scale", "unit") if key not in entry]
    if missing:
        problems.append(f"{place}{', '.join(missing)}: missing")
    if len(problems) > found:
        return None
    quantity = vocabulary().get(name)
    if quantity is None or not name.startswith("harmonics_"):
        problems.append(f"{place}not a harmonics quantity of the vocabulary{near(name, vocabulary())}")
    elif entry["unit"] != quantity.unit:
        problems.append(f"{place}unit: expected {quantity.unit!r} as in the vocabulary, found {entry['unit']!r}")
    words = WORDS.get(entry["type"], 0) * entry["count"]
    if words < 1 or not 0 <= entry["address"] <= 65536 - words:
        problems.append(
            f"{place}{entry['count']} values of type {entry['type']} from address {entry['address']} are not a valid "
            "block"
        )
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


def _bits(tables: Table, known: Iterable[str], problems: list[str]) -> Iterator[tuple[str, dict[int, str]]]:
    for name, table in tables.items():
        if name not in known:
            problems.append(f"bits.{name}: unknown register{near(name, known)}")
        elif not isinstance(table, dict) or not all(key.isdecimal() and int(key) < 64 for key in table):
            problems.append(f"bits.{name}: expected a table with bit numbers 0…63 as keys")
        else:
            yield name, {int(key): str(text) for key, text in table.items()}


def _faults(table: Table, known: Iterable[str], problems: list[str]) -> dict[int, str]:
    check_keys(table, _FAULTS, "faults.", problems)
    if "of" in table and (name := str(table["of"])) not in known:
        problems.append(f"faults.of: unknown register {name!r}{near(name, known)}")
    found = {}
    for key, text in table_of(table, "codes").items():
        try:
            found[int(key, 0)] = str(text)
        except ValueError:
            problems.append(f"faults.codes: expected an integer as key, found {key!r}")
    return found


def _error(source: str, problems: Iterable[str]) -> ProfileError:
    return ProfileError("\n".join(f"{source}: {problem}" for problem in problems))
