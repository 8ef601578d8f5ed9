"""Register maps: one TOML file per model. Adding a device is a file here and nothing else.

The schema stands in docs/profiles.md. Addresses are the 0-based ones of the PDU; scales lead to the
vocabulary's unit.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

from drivers.errors import ProfileError
from drivers.vocabulary import vocabulary

GROUPS = ("fast", "normal", "slow", "once")
WORDS = {"u16": 1, "i16": 1, "u32": 2, "i32": 2, "f32": 2, "u64": 4, "i64": 4, "f64": 4}
ENCODINGS = ("plain", "four_quadrant_pf")
CONFIDENCE = ("two_sources", "one_source", "from_memory")


@dataclass(frozen=True, slots=True)
class Register:
    """One quantity on the wire. value = raw · scale + offset, in `unit`."""

    name: str
    address: int
    function: int
    type: str
    words: int
    big_words_first: bool
    scale: float
    offset: float
    unit: str
    group: str
    confidence: str
    mask: int | None = None
    invalid: tuple[int, ...] = ()
    encoding: str = "plain"
    scale_by_rating: tuple[tuple[float, float], ...] = ()  # (up to kW, scale), rising; the last is inf
    note: str = ""

    def scale_for(self, rating_kw: float | None) -> float | None:
        """The scale for a drive of that rating; None when the rating decides and is not known."""
        if not self.scale_by_rating:
            return self.scale
        if rating_kw is None:
            return None
        return next(scale for limit, scale in self.scale_by_rating if rating_kw <= limit)


@dataclass(frozen=True, slots=True)
class Profile:
    """What is known about one model, with how far to trust it."""

    id: str
    vendor: str
    model: str
    kind: str  # vfd | meter | motor_relay
    phases: int
    confidence: str
    transports: tuple[str, ...]
    function: int
    max_registers: int
    min_gap_s: float
    timeout_s: float
    refresh_s: float
    gaps_allowed: bool
    registers: tuple[Register, ...]
    notes: tuple[str, ...] = ()
    rtu: Mapping[str, Any] = field(default_factory=dict)
    tcp: Mapping[str, Any] = field(default_factory=dict)
    comm_loss: Mapping[str, str] = field(default_factory=dict)
    bits: Mapping[str, Mapping[int, str]] = field(default_factory=dict)
    faults: Mapping[str, str] = field(default_factory=dict)
    sources: tuple[Mapping[str, str], ...] = ()

    def register(self, name: str) -> Register | None:
        return next((row for row in self.registers if row.name == name), None)


@cache
def profile_ids() -> tuple[str, ...]:
    """Every model that ships with the product, as vendor/model."""
    return tuple(sorted(_walk()))


@cache
def load_profile(profile_id: str) -> Profile:
    """The register map of `vendor/model`. Raises ProfileError, naming the nearest known model."""
    if profile_id not in profile_ids():
        near = difflib.get_close_matches(profile_id, profile_ids(), 1, 0.5)
        hint = f"; did you mean '{near[0]}'?" if near else f"; known: {', '.join(profile_ids())}"
        raise ProfileError(f"{profile_id}: no such profile{hint}")
    vendor, model = profile_id.split("/")
    text = (files("drivers.profiles") / vendor / f"{model}.toml").read_text(encoding="utf-8")
    return parse_profile(tomllib.loads(text), profile_id)


def parse_profile(raw: Mapping[str, Any], source: str) -> Profile:
    """A checked profile from its TOML tables. Raises ProfileError with all problems, one per line."""
    problems: list[str] = []
    device, protocol = raw.get("device", {}), raw.get("protocol", {})
    missing = [f"device.{key}" for key in ("id", "vendor", "model", "kind", "confidence") if key not in device]
    missing += [f"protocol.{key}" for key in ("function_code", "max_registers", "word_order") if key not in protocol]
    if missing:
        raise ProfileError("\n".join(f"{source}: {key}: missing" for key in missing))
    registers = tuple(
        row for number, entry in enumerate(raw.get("register", [])) if (row := _register(entry, number, raw, problems))
    )
    problems += _overlaps(registers)
    if not registers:
        problems.append("no usable [[register]]")
    if not 1 <= protocol["max_registers"] <= 125:
        problems.append(f"protocol.max_registers: {protocol['max_registers']} is not in 1…125")
    if problems:
        raise ProfileError("\n".join(f"{source}: {problem}" for problem in problems))
    return Profile(
        id=device["id"],
        vendor=device["vendor"],
        model=device["model"],
        kind=device["kind"],
        phases=device.get("phases", 3),
        confidence=device["confidence"],
        transports=tuple(protocol.get("transports", ())),
        function=protocol["function_code"],
        max_registers=protocol["max_registers"],
        min_gap_s=protocol.get("min_gap_ms", 5) / 1000,
        timeout_s=protocol.get("timeout_ms", 1000) / 1000,
        refresh_s=protocol.get("refresh_ms", 0) / 1000,
        gaps_allowed=protocol.get("reads_across_gaps") == "allowed",
        registers=registers,
        notes=tuple(device.get("notes", ())),
        rtu=protocol.get("rtu", {}),
        tcp=protocol.get("tcp", {}),
        comm_loss=raw.get("comm_loss", {}),
        bits={name: {int(bit): text for bit, text in table.items()} for name, table in raw.get("bits", {}).items()},
        faults=raw.get("faults", {}).get("codes", {}),
        sources=tuple(raw.get("source", ())),
    )


def _walk() -> Iterator[str]:
    for vendor in files("drivers.profiles").iterdir():
        if vendor.is_dir():
            for file in vendor.iterdir():
                if file.name.endswith(".toml"):
                    yield f"{vendor.name}/{file.name[:-5]}"


def _register(entry: Mapping[str, Any], number: int, raw: Mapping[str, Any], problems: list[str]) -> Register | None:
    protocol, name, kind = raw["protocol"], entry.get("name", ""), entry.get("type", "")
    tag = f"register {number} ({name or 'no name'})"
    quantity = vocabulary().get(name)
    if quantity is None:
        near = difflib.get_close_matches(name, vocabulary(), 1)
        problems.append(f"{tag}: not in the vocabulary" + (f"; did you mean '{near[0]}'?" if near else ""))
        return None
    if entry.get("unit") != quantity.unit:
        problems.append(f"{tag}: unit {entry.get('unit')!r}, the vocabulary has {quantity.unit!r}")
        return None
    words = entry.get("count", 0) if kind == "string" else WORDS.get(kind, 0)
    address = entry.get("address", -1)
    if not words:
        problems.append(f"{tag}: type {kind!r} is not one of {', '.join([*WORDS, 'string'])}")
        return None
    if not (address >= 0 and address + words - 1 <= 65535):
        problems.append(f"{tag}: address {address} with {words} words leaves 0…65535")
        return None
    for key, allowed, value in (
        ("poll", GROUPS, entry.get("poll")),
        ("encoding", ENCODINGS, entry.get("encoding", "plain")),
        ("fc", (3, 4), entry.get("fc", protocol["function_code"])),
        ("confidence", CONFIDENCE, entry.get("confidence", raw["device"]["confidence"])),
    ):
        if value not in allowed:
            problems.append(f"{tag}: {key} {value!r} is not one of {', '.join(map(str, allowed))}")
            return None
    scales = [(row.get("up_to_kw", float("inf")), float(row["scale"])) for row in entry.get("scale_by_rating", ())]
    if scales and scales[-1][0] != float("inf"):
        problems.append(f"{tag}: the last scale_by_rating must have no up_to_kw")
        return None
    return Register(
        name=name,
        address=address,
        function=entry.get("fc", protocol["function_code"]),
        type=kind,
        words=words,
        big_words_first=entry.get("word_order", protocol["word_order"]) == "big",
        scale=float(entry.get("scale", 1)),
        offset=float(entry.get("offset", 0)),
        unit=quantity.unit,
        group=entry["poll"],
        confidence=entry.get("confidence", raw["device"]["confidence"]),
        mask=entry.get("mask"),
        invalid=tuple(entry.get("invalid", ())),
        encoding=entry.get("encoding", "plain"),
        scale_by_rating=tuple(scales),
        note=entry.get("note", ""),
    )


def _overlaps(registers: tuple[Register, ...]) -> Iterator[str]:
    taken: dict[tuple[int, int], str] = {}
    for row in registers:
        for address in range(row.address, row.address + row.words):
            other = taken.setdefault((row.function, address), row.name)
            if other != row.name:
                yield f"{row.name} and {other} overlap at address {address}"
                break
