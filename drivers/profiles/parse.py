"""TOML tables to a checked Profile. All problems at once, one line each, each naming the place."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from drivers.errors import ProfileError
from drivers.profiles.shape import (
    CONFIDENCE,
    DIALECTS,
    ENCODINGS,
    GAP_RULES,
    GROUPS,
    IDENTIFY_METHODS,
    KINDS,
    SCALE_KINDS,
    WORDS,
    HarmonicBlock,
    Identify,
    Part,
    Profile,
    Register,
    ScaleFrom,
)
from drivers.vocabulary import vocabulary

Table = Mapping[str, Any]
_TEXT, _WHOLE, _NUMBER, _YES, _LIST, _TABLE = str, int, (int, float), bool, list, dict

_TOP = {
    "schema": _WHOLE, "device": _TABLE, "protocol": _TABLE, "comm_loss": _TABLE, "identify": _LIST, "register": _LIST,
    "block": _LIST, "bits": _TABLE, "faults": _TABLE, "waveform": _LIST, "source": _LIST,
}  # fmt: skip
_DEVICE = {
    "id": _TEXT, "vendor": _TEXT, "model": _TEXT, "kind": _TEXT, "aliases": _LIST, "phases": _WHOLE,
    "confidence": _TEXT, "hardware_verified": _YES, "notes": _LIST,
}  # fmt: skip
_PROTOCOL = {
    "addressing": _TEXT, "transports": _LIST, "function_code": _WHOLE, "dialect": _TEXT, "max_registers": _WHOLE,
    "max_registers_basis": _TEXT, "min_gap_ms": _NUMBER, "timeout_ms": _NUMBER, "refresh_ms": _NUMBER,
    "byte_order": _TEXT, "word_order": _TEXT, "reads_across_gaps": _TEXT, "rtu": _TABLE, "tcp": _TABLE,
}  # fmt: skip
_RTU = {
    "baud": _WHOLE, "bauds": _LIST, "parity": _TEXT, "data_bits": _WHOLE, "stop_bits": _WHOLE, "unit_id": _WHOLE,
}  # fmt: skip
_TCP = {"port": _WHOLE, "unit_id": _WHOLE}
_COMM_LOSS = {"parameter": _TEXT, "default": _TEXT, "reset_by": _TEXT}
_REGISTER = {
    "name": _TEXT, "address": _WHOLE, "fc": _WHOLE, "type": _TEXT, "count": _WHOLE, "word_order": _TEXT,
    "scale": _NUMBER, "offset": _NUMBER, "unit": _TEXT, "mask": _WHOLE, "invalid": _LIST, "invalid_high_word": _WHOLE,
    "poll": _TEXT, "needs": _TEXT, "manual_ref": _TEXT, "confidence": _TEXT, "note": _TEXT, "encoding": _TEXT,
    "scale_by_rating": _LIST, "scale_from": _TABLE, "scale_doubt": _TEXT, "parts": _LIST, "full_scale": _WHOLE,
    "plausible": _LIST, "latched": _YES, "alone": _YES, "feeds_watchdog": _YES,
}  # fmt: skip
_IDENTIFY = {
    "method": _TEXT, "address": _WHOLE, "fc": _WHOLE, "type": _TEXT, "count": _WHOLE, "mask": _WHOLE,
    "equals": _WHOLE, "equals_any": _LIST, "contains": _TEXT, "vendor_contains": _TEXT, "product_contains": _TEXT,
    "register": _TEXT, "min": _NUMBER, "max": _NUMBER, "model_id": _WHOLE, "bases": _LIST, "marker": _WHOLE,
    "note": _TEXT, "confidence": _TEXT,
}  # fmt: skip
_BLOCK = {
    "name": _TEXT, "address": _WHOLE, "fc": _WHOLE, "type": _TEXT, "count": _WHOLE, "first_order": _WHOLE,
    "order_step": _WHOLE, "scale": _NUMBER, "word_order": _TEXT, "unit": _TEXT, "reference": _TEXT,
    "confidence": _TEXT, "note": _TEXT,
}  # fmt: skip
_FAULTS = {"of": _TEXT, "confidence": _TEXT, "codes": _TABLE}
_SOURCE = {"kind": _TEXT, "ref": _TEXT, "covers": _TEXT}
_NAMES = {_TEXT: "a text", _WHOLE: "a whole number", _NUMBER: "a number", _YES: "true or false",
          _LIST: "a list", _TABLE: "a table"}  # fmt: skip


def parse_profile(raw: Table, source: str) -> Profile:
    """A checked profile from its TOML tables. Raises ProfileError with all problems, one per line."""
    problems: list[str] = []
    _check_keys(raw, _TOP, "", problems)
    device, protocol = _table(raw, "device"), _table(raw, "protocol")
    _check_keys(device, _DEVICE, "device.", problems)
    _check_keys(protocol, _PROTOCOL, "protocol.", problems)
    _check_keys(_table(protocol, "rtu"), _RTU, "protocol.rtu.", problems)
    _check_keys(_table(protocol, "tcp"), _TCP, "protocol.tcp.", problems)
    _check_keys(_table(raw, "comm_loss"), _COMM_LOSS, "comm_loss.", problems)
    for place, table, keys in (
        ("device", device, ("id", "vendor", "model", "kind", "confidence")),
        ("protocol", protocol, ("function_code", "max_registers", "word_order")),
    ):
        problems += [f"{place}.{key}: missing" for key in keys if key not in table]
    problems += _protocol_problems(device, protocol)
    if problems:  # the rows lean on these
        raise _error(source, problems)
    rows = [_Row(entry, n, device, protocol, problems) for n, entry in _tables(raw, "register", problems)]
    registers = tuple(built for row in rows if (built := row.register()))
    problems += _cross_checks(registers, protocol)
    identify = tuple(_identify(entry, n, protocol, problems) for n, entry in _tables(raw, "identify", problems))
    blocks = tuple(
        block for n, entry in _tables(raw, "block", problems) if (block := _block(entry, n, device, protocol, problems))
    )
    known = {row.name for row in registers} | {row.name for row in rows}
    bits = dict(_bits(_table(raw, "bits"), known, problems))
    faults = _faults(_table(raw, "faults"), known, problems)
    for n, entry in _tables(raw, "source", problems):
        _check_keys(entry, _SOURCE, f"source {n}: ", problems)
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
        faults_of=_table(raw, "faults").get("of", ""),
        sources=tuple(raw.get("source", ())),
        dialect=protocol.get("dialect", "modbus"),
        identify=identify,
        blocks=blocks,
        aliases=tuple(device.get("aliases", ())),
        addressing=protocol.get("addressing", ""),
        waveforms=tuple(raw.get("waveform", ())),
    )


class _Row:
    """One [[register]] being read; what is wrong with it goes to `problems`."""

    def __init__(self, entry: Table, number: int, device: Table, protocol: Table, problems: list[str]) -> None:
        self.entry, self.device, self.protocol, self._all = entry, device, protocol, problems
        self.name = entry.get("name", "")
        self._place = f"register {number} ({self.name or 'no name'}): "
        self._found = 0

    def register(self) -> Register | None:
        entry, protocol, self._found = self.entry, self.protocol, len(self._all)
        _check_keys(entry, _REGISTER, self._place, self._all)
        if len(self._all) > self._found:
            return None
        quantity = vocabulary().get(self.name)
        if quantity is None:
            self._wrong(f"not in the vocabulary{_near(self.name, vocabulary())}")
            return None
        if entry.get("unit") != quantity.unit:
            self._wrong(f"unit {entry.get('unit')!r}, the vocabulary has {quantity.unit!r}")
        kind, function = entry.get("type", ""), entry.get("fc", protocol["function_code"])
        for key, allowed, value in (
            ("type", (*WORDS, "string"), kind),
            ("poll", GROUPS, entry.get("poll")),
            ("encoding", ENCODINGS, entry.get("encoding", "plain")),
            ("fc", (3, 4), function),
            ("word_order", ("big", "little"), entry.get("word_order", protocol["word_order"])),
            ("confidence", CONFIDENCE, entry.get("confidence", self.device["confidence"])),
        ):
            if value not in allowed:
                self._wrong(f"{key} {value!r} is not one of {', '.join(map(str, allowed))}")
        if len(self._all) > self._found:
            return None
        own = entry.get("count", 0) if kind == "string" else WORDS[kind]
        if own < 1 or ("count" in entry and kind != "string"):
            self._wrong("count is for strings, and at least 1")
            return None
        starts = self._starts()
        if starts is None or any(not 0 <= start <= 65536 - own for start in starts):
            if starts is not None:
                self._wrong(f"address {max(starts)} with {own} words leaves 0…65535")
            return None
        scale_from = self._scale_from(function)
        first, end = min(starts), max(starts) + own
        if scale_from and scale_from.offset is not None:
            first, end = min(first, scale_from.address), max(end, scale_from.address + 1)
            scale_from = ScaleFrom(scale_from.address, scale_from.kind, scale_from.mask, scale_from.address - first)
        if end - first > protocol["max_registers"]:
            self._wrong(f"{end - first} registers in one value; the device gives {protocol['max_registers']}")
        self._check_numbers(kind, own)
        if len(self._all) > self._found:
            return None
        window = entry.get("plausible")
        return Register(
            name=self.name,
            address=first,
            function=function,
            type=kind,
            words=end - first,
            big_words_first=entry.get("word_order", protocol["word_order"]) == "big",
            scale=float(entry.get("scale", 1)),
            offset=float(entry.get("offset", 0)),
            unit=quantity.unit,
            group=entry["poll"],
            confidence=entry.get("confidence", self.device["confidence"]),
            mask=entry.get("mask"),
            invalid=tuple(entry.get("invalid", ())),
            encoding=entry.get("encoding", "plain"),
            scale_by_rating=self._by_rating(),
            note=entry.get("note", ""),
            at=0 if "parts" in entry else starts[0] - first,
            parts=tuple(Part(part["address"] - first, float(part["scale"])) for part in entry.get("parts", ())),
            scale_from=scale_from,
            invalid_high_word=entry.get("invalid_high_word"),
            full_scale=entry.get("full_scale", _natural_limit(kind) if self._is_gauge() else None),
            window=(float(window[0]), float(window[1])) if window else None,
            scale_doubt=entry.get("scale_doubt", ""),
            latched=entry.get("latched", False),
            alone=entry.get("alone", False),
            feeds_watchdog=entry.get("feeds_watchdog", False),
            needs=entry.get("needs", ""),
            manual_ref=entry.get("manual_ref", ""),
        )

    def _wrong(self, text: str) -> None:
        self._all.append(self._place + text)

    def _is_gauge(self) -> bool:
        return vocabulary()[self.name].kind == "gauge" and "mask" not in self.entry

    def _starts(self) -> list[int] | None:
        """Where the value or its parts begin."""
        if "parts" not in self.entry:
            if "address" not in self.entry:
                self._wrong("address: missing")
                return None
            return [self.entry["address"]]
        if {"address", "scale", "mask", "scale_from", "scale_by_rating"} & self.entry.keys():
            self._wrong("parts go without address, scale, mask, scale_from and scale_by_rating")
            return None
        starts = []
        for part in self.entry["parts"]:
            if not isinstance(part, dict) or part.keys() != {"address", "scale"} or not _is(part["address"], _WHOLE):
                self._wrong("parts: each has an address and a scale")
                return None
            starts.append(part["address"])
        if len(starts) < 2:
            self._wrong("parts: at least two")
            return None
        return starts

    def _scale_from(self, function: int) -> ScaleFrom | None:
        raw = self.entry.get("scale_from")
        if raw is None:
            return None
        found = len(self._all)
        _check_keys(raw, {"address": _WHOLE, "kind": _TEXT, "mask": _WHOLE}, self._place + "scale_from.", self._all)
        if len(self._all) > found:
            return None
        if raw.get("kind") not in SCALE_KINDS:
            self._wrong(f"scale_from.kind {raw.get('kind')!r} is not one of {', '.join(SCALE_KINDS)}")
        if not (_is(raw.get("address"), _WHOLE) and 0 <= raw["address"] <= 65535):
            self._wrong(f"scale_from.address {raw.get('address')!r} is not in 0…65535")
        if len(self._all) > found:
            return None
        # Both come with one request where the device allows that; else the scale is read beside it.
        start, own = self.entry["address"], WORDS.get(self.entry["type"], 1)
        span = max(start + own, raw["address"] + 1) - min(start, raw["address"])
        gaps = self.protocol.get("reads_across_gaps") in ("allowed", "inside")
        together = span <= self.protocol["max_registers"] and (gaps or span == own + 1)
        return ScaleFrom(raw["address"], raw["kind"], raw.get("mask"), 0 if together else None)

    def _by_rating(self) -> tuple[tuple[float, float], ...]:
        return tuple(
            (float(row.get("up_to_kw", math.inf)), float(row["scale"])) for row in self.entry.get("scale_by_rating", ())
        )

    def _check_numbers(self, kind: str, own: int) -> None:
        entry, top = self.entry, 1 << 16 * own
        for key in ("scale", "offset"):
            value = entry.get(key, 1)
            if not math.isfinite(value) or (key == "scale" and value == 0):
                self._wrong(f"{key} {value} is not a usable number")
        if kind[0] not in "iu" and {"mask", "full_scale", "scale_from"} & entry.keys():
            self._wrong(f"mask, full_scale and scale_from are for whole numbers, not for {kind}")
            return
        patterns = [*entry.get("invalid", ()), entry.get("mask", 1), entry.get("full_scale", 1)]
        if not all(_is(item, _WHOLE) and 0 <= item < top for item in patterns) or not entry.get("mask", 1):
            self._wrong(f"mask, invalid and full_scale must fit into {own} words")
        if not 0 <= entry.get("invalid_high_word", 0) <= 0xFFFF:
            self._wrong("invalid_high_word is not in 0…65535")
        window = entry.get("plausible", [0, 1])
        if len(window) != 2 or not all(_is(item, _NUMBER) for item in window) or not window[0] < window[1]:
            self._wrong("plausible: [low, high], low below high")
        scales = entry.get("scale_by_rating", [{"scale": 1}])
        for row in scales:
            if not isinstance(row, dict) or not _is(row.get("scale"), _NUMBER) or row.keys() - {"up_to_kw", "scale"}:
                self._wrong("scale_by_rating: each has a scale and, but for the last, up_to_kw")
                return
        limits = [row.get("up_to_kw", math.inf) for row in scales]
        if not scales or limits[-1] != math.inf:
            self._wrong("the last scale_by_rating must have no up_to_kw")
        elif limits != sorted(set(limits)):
            self._wrong("scale_by_rating: up_to_kw must rise")


def _natural_limit(kind: str) -> int | None:
    """16 bits full up is a meter at its limit, not a measurement."""
    return {"u16": 0xFFFF, "i16": 0x7FFF}.get(kind)


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
            yield f"{place}.{key}: {table[key]!r} is not one of {', '.join(map(str, allowed))}"
    limit = protocol.get("max_registers", 1)
    if not (_is(limit, _WHOLE) and 1 <= limit <= 125):
        yield f"protocol.max_registers: {limit} is not in 1…125"
    transports = protocol.get("transports", [])
    if isinstance(transports, list):
        yield from (
            f"protocol.transports: {item!r} is not rtu or tcp" for item in transports if item not in ("rtu", "tcp")
        )
    for name, last in (("rtu", 247), ("tcp", 255)):
        unit = _table(protocol, name).get("unit_id", 1)
        if not (_is(unit, _WHOLE) and 0 <= unit <= 255 and (name == "tcp" or unit)):
            yield f"protocol.{name}.unit_id: {unit} is not in 1…{last}"
    if _table(protocol, "rtu").get("parity", "N") not in ("N", "E", "O"):
        yield f"protocol.rtu.parity: {protocol['rtu']['parity']!r} is not N, E or O"


def _cross_checks(registers: tuple[Register, ...], protocol: Table) -> Iterator[str]:
    seen: set[str] = set()
    for row in registers:
        if row.name in seen:
            yield f"{row.name}: stands twice"
        seen.add(row.name)
        if row.scale_from and row.scale_from.offset is None:
            at = (row.function, row.scale_from.address)
            if not any((other.function, other.address) == at and other.words == 1 for other in registers):
                yield f"{row.name}: scale_from address {at[1]} is too far for one request and is no register itself"
        gaps = protocol.get("reads_across_gaps") in ("allowed", "inside")
        if row.parts and not gaps and len({part.offset for part in row.parts}) * row.own_words != row.words:
            yield f"{row.name}: the parts leave a hole that the device may refuse to read"
    yield from _overlaps(registers)


def _overlaps(registers: tuple[Register, ...]) -> Iterator[str]:
    taken: dict[tuple[int, int], Register] = {}
    for row in registers:
        if row.alone:
            continue
        starts = [row.address + part.offset for part in row.parts] or [row.address + row.at]
        for address in sorted(start + k for start in starts for k in range(row.own_words)):
            other = taken.setdefault((row.function, address), row)
            if other is not row and not _share(row, other):
                yield f"{row.name} and {other.name} overlap at address {address}"
                break


def _share(one: Register, other: Register) -> bool:
    """Two bit fields of one register."""
    same = (one.address, one.words) == (other.address, other.words)
    return same and one.mask is not None and other.mask is not None and not one.mask & other.mask


def _identify(entry: Table, number: int, protocol: Table, problems: list[str]) -> Identify:
    place, found = f"identify {number}: ", len(problems)
    _check_keys(entry, _IDENTIFY, place, problems)
    method, kind = entry.get("method", ""), entry.get("type", "")
    if method not in IDENTIFY_METHODS:
        problems.append(f"{place}method {method!r} is not one of {', '.join(IDENTIFY_METHODS)}")
    if method == "register":
        words = entry.get("count", 0) if kind == "string" else WORDS.get(kind, 0)
        address = entry.get("address", -1)
        if not words or not _is(address, _WHOLE) or not 0 <= address <= 65536 - words:
            problems.append(f"{place}address {address} of type {kind!r} is no register")
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
    _check_keys(entry, _BLOCK, place, problems)
    missing = [key for key in ("name", "address", "type", "count", "first_order", "scale", "unit") if key not in entry]
    if missing:
        problems.append(f"{place}{', '.join(missing)}: missing")
    if len(problems) > found:
        return None
    quantity = vocabulary().get(name)
    if quantity is None or not name.startswith("harmonics_"):
        problems.append(f"{place}no harmonics of the vocabulary{_near(name, vocabulary())}")
    elif entry["unit"] != quantity.unit:
        problems.append(f"{place}unit {entry['unit']!r}, the vocabulary has {quantity.unit!r}")
    words = WORDS.get(entry["type"], 0) * entry["count"]
    if words < 1 or not 0 <= entry["address"] <= 65536 - words:
        problems.append(f"{place}{entry['count']} of {entry['type']} from address {entry['address']} is no block")
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
            problems.append(f"bits.{name}: no such register{_near(name, known)}")
        elif not isinstance(table, dict) or not all(key.isdecimal() and int(key) < 64 for key in table):
            problems.append(f"bits.{name}: bit numbers are 0…63")
        else:
            yield name, {int(key): str(text) for key, text in table.items()}


def _faults(table: Table, known: Iterable[str], problems: list[str]) -> dict[int, str]:
    _check_keys(table, _FAULTS, "faults.", problems)
    if (name := table.get("of")) is not None and name not in known:
        problems.append(f"faults.of: no register {name!r}{_near(str(name), known)}")
    found = {}
    for key, text in _table(table, "codes").items():
        try:
            found[int(key, 0)] = str(text)
        except ValueError:
            problems.append(f"faults.codes: {key!r} is not a number")
    return found


def _check_keys(table: Table, allowed: Mapping[str, Any], place: str, problems: list[str]) -> None:
    for key, value in table.items():
        if key not in allowed:
            problems.append(f"{place}{key}: unknown key{_near(key, allowed)}")
        elif not _is(value, allowed[key]):
            problems.append(f"{place}{key}: {value!r} is not {_NAMES[allowed[key]]}")


def _is(value: object, kind: Any) -> bool:
    return isinstance(value, kind) and (kind is _YES or not isinstance(value, bool))


def _near(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), 1)
    return f"; did you mean '{near[0]}'?" if near else ""


def _table(raw: Table, key: str) -> Table:
    value = raw.get(key, {})
    return value if isinstance(value, dict) else {}


def _tables(raw: Table, key: str, problems: list[str]) -> Iterator[tuple[int, Table]]:
    value = raw.get(key, [])
    for number, entry in enumerate(value if isinstance(value, list) else []):
        if isinstance(entry, dict):
            yield number, entry
        else:
            problems.append(f"{key} {number}: is not a table")


def _error(source: str, problems: Iterable[str]) -> ProfileError:
    return ProfileError("\n".join(f"{source}: {problem}" for problem in problems))
