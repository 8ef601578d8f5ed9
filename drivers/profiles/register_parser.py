"""Converts a [[register]] table to a Register, and checks the registers of a profile against each other."""

from __future__ import annotations

import math
from collections.abc import Iterator

from drivers import profile_reasons as codes
from drivers.profiles.model import CONFIDENCE, ENCODINGS, GROUPS, SCALE_KINDS, WORDS, BitField, Register, ScaleFrom
from drivers.profiles.toml_checks import (
    LIST,
    NUMBER,
    TABLE,
    TEXT,
    WHOLE,
    WHOLES,
    YES,
    Problem,
    Table,
    check_keys,
    choice,
    is_a,
)
from drivers.reasons import Reason
from drivers.recordings.reasons import KEY_MISSING, with_suggestion
from drivers.vocabulary import vocabulary

REGISTER = {
    "name": TEXT, "address": WHOLE, "fc": WHOLE, "type": TEXT, "count": WHOLE, "word_order": TEXT,
    "scale": NUMBER, "offset": NUMBER, "unit": TEXT, "mask": WHOLE, "invalid": WHOLES, "invalid_high_word": WHOLE,
    "poll": TEXT, "needs": TEXT, "manual_ref": TEXT, "confidence": TEXT, "note": TEXT, "encoding": TEXT,
    "scale_by_rating": LIST, "scale_from": TABLE, "scale_doubt": TEXT, "parts": LIST, "full_scale": WHOLE,
    "plausible": LIST, "latched": YES, "alone": YES, "feeds_watchdog": YES,
}  # fmt: skip

INTEGER_KEYS = ("mask", "full_scale", "scale_from")
NOT_WITH_PARTS = ("address", "scale", "offset", "mask", "encoding", "full_scale", "scale_from", "scale_by_rating")


class RegisterRow:
    """Converts one [[register]] table; appends its problems to `problems`."""

    def __init__(self, entry: Table, number: int, device: Table, protocol: Table, problems: list[Problem]) -> None:
        self.entry, self.device, self.protocol, self._all = entry, device, protocol, problems
        self.name = str(entry.get("name", ""))
        self._place = f"register {number} ({self.name}): " if self.name else f"register {number}: "
        self._found = 0

    def register(self) -> Register | None:
        """The register; None if the table has problems."""
        entry, protocol, self._found = self.entry, self.protocol, len(self._all)
        check_keys(entry, REGISTER, self._place, self._all)
        if len(self._all) > self._found:
            return None
        quantity = vocabulary().get(self.name)
        if quantity is None:
            self._wrong("name", with_suggestion(codes.QUANTITY_UNKNOWN(), self.name, vocabulary()))
            return None
        if entry.get("unit") != quantity.unit:
            self._wrong("unit", codes.QUANTITY_UNIT(unit=quantity.unit, value=repr(entry.get("unit"))))
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
                self._wrong(key, choice(allowed, value))
        if len(self._all) > self._found:
            return None
        own = entry.get("count", 0) if kind == "string" else WORDS[kind]
        if own < 1 or ("count" in entry and kind != "string"):
            self._wrong("count", codes.REGISTER_COUNT())
            return None
        starts = self._starts()
        if starts is None or any(not 0 <= start <= 65536 - own for start in starts):
            if starts is not None:
                self._wrong("address", codes.REGISTER_ADDRESS(first=max(starts), last=max(starts) + own - 1))
            return None
        scale_from = self._scale_from(function)
        first, end = min(starts), max(starts) + own
        if scale_from and scale_from.offset is not None:
            first, end = min(first, scale_from.address), max(end, scale_from.address + 1)
            scale_from = ScaleFrom(scale_from.address, scale_from.kind, scale_from.mask, scale_from.address - first)
        if end - first > protocol["max_registers"]:
            self._wrong("address", codes.REGISTER_TOO_LONG(n=end - first, n_max=protocol["max_registers"]))
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
            parts=tuple(BitField(part["address"] - first, float(part["scale"])) for part in entry.get("parts", ())),
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

    def _wrong(self, key: str, cause: Reason) -> None:
        self._all.append(Problem(self._place + key, cause))

    def _is_gauge(self) -> bool:
        return vocabulary()[self.name].kind == "gauge" and "mask" not in self.entry

    def _starts(self) -> list[int] | None:
        """Start addresses of the value or of its parts; None if there are problems."""
        if "parts" not in self.entry:
            if "address" not in self.entry:
                self._wrong("address", KEY_MISSING())
                return None
            return [self.entry["address"]]
        if alien := [key for key in self.entry if key in NOT_WITH_PARTS]:
            self._wrong("parts", codes.PARTS_COMBINED(keys=tuple(alien)))
            return None
        starts = []
        for part in self.entry["parts"]:
            if (
                not isinstance(part, dict)
                or part.keys() != {"address", "scale"}
                or not is_a(part["address"], WHOLE)
                or not is_a(part["scale"], NUMBER)
                or not part["scale"]
            ):
                self._wrong("parts", codes.PARTS_INCOMPLETE())
                return None
            starts.append(part["address"])
        if len(starts) < 2:
            self._wrong("parts", codes.PARTS_TOO_FEW())
            return None
        return starts

    def _scale_from(self, function: int) -> ScaleFrom | None:
        raw = self.entry.get("scale_from")
        if raw is None:
            return None
        found = len(self._all)
        check_keys(raw, {"address": WHOLE, "kind": TEXT, "mask": WHOLE}, self._place + "scale_from.", self._all)
        if len(self._all) > found:
            return None
        if raw.get("kind") not in SCALE_KINDS:
            self._wrong("scale_from.kind", choice(SCALE_KINDS, raw.get("kind")))
        if not (is_a(raw.get("address"), WHOLE) and 0 <= raw["address"] <= 65535):
            cause = codes.PROFILE_LIMITS(low=0, high=65535, value=repr(raw.get("address")))
            self._wrong("scale_from.address", cause)
        if len(self._all) > found:
            return None
        # One request reads both if the device allows it; otherwise the scale is read separately.
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
        if not math.isfinite(scale := entry.get("scale", 1)) or scale == 0:
            self._wrong("scale", codes.SCALE_NUMBER(value=repr(scale)))
        if not math.isfinite(offset := entry.get("offset", 0)):
            self._wrong("offset", codes.OFFSET_NUMBER(value=repr(offset)))
        if kind[0] not in "iu" and (keys := [key for key in INTEGER_KEYS if key in entry]):
            for key in keys:
                self._wrong(key, codes.INTEGER_TYPE_REQUIRED(type=kind))
            return
        for key in ("mask", "invalid", "full_scale"):
            patterns = entry.get("invalid", []) if key == "invalid" else [entry.get(key, 1)]
            if not all(is_a(item, WHOLE) and 0 <= item < top for item in patterns):
                self._wrong(key, codes.UNSIGNED_EXPECTED(bits=16 * own, value=repr(entry[key])))
        if not entry.get("mask", 1):
            self._wrong("mask", codes.MASK_ZERO())
        if not 0 <= (word := entry.get("invalid_high_word", 0)) <= 0xFFFF:
            self._wrong("invalid_high_word", codes.PROFILE_LIMITS(low=0, high=0xFFFF, value=repr(word)))
        window = entry.get("plausible", [0, 1])
        if len(window) != 2 or not all(is_a(item, NUMBER) for item in window) or not window[0] < window[1]:
            self._wrong("plausible", codes.PLAUSIBLE_LIMITS())
        scales = entry.get("scale_by_rating", [{"scale": 1}])
        for row in scales:
            if not isinstance(row, dict) or not is_a(row.get("scale"), NUMBER) or row.keys() - {"up_to_kw", "scale"}:
                self._wrong("scale_by_rating", codes.RATING_ENTRY())
                return
        if not all(is_a(row.get("up_to_kw", 1), NUMBER) and row["scale"] for row in scales):
            self._wrong("scale_by_rating", codes.RATING_NUMBERS())
            return
        limits = [row.get("up_to_kw", math.inf) for row in scales]
        if not scales or limits[-1] != math.inf:
            self._wrong("scale_by_rating", codes.RATING_LAST())
        elif limits != sorted(set(limits)):
            self._wrong("scale_by_rating", codes.RATING_ORDER())


def _natural_limit(kind: str) -> int | None:
    """Full-scale value of 16-bit registers, which means that the meter is at its limit; None for other types."""
    return {"u16": 0xFFFF, "i16": 0x7FFF}.get(kind)


def cross_checks(registers: tuple[Register, ...], protocol: Table) -> Iterator[Problem]:
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
        gaps = protocol.get("reads_across_gaps") in ("allowed", "inside")
        if row.parts and not gaps and len({part.offset for part in row.parts}) * row.own_words != row.words:
            yield Problem(row.name, codes.PARTS_WITH_GAP())
    yield from _overlaps(registers)


def _overlaps(registers: tuple[Register, ...]) -> Iterator[Problem]:
    taken: dict[tuple[int, int], Register] = {}
    for row in registers:
        if row.alone:
            continue
        starts = [row.address + part.offset for part in row.parts] or [row.address + row.at]
        for address in sorted(start + k for start in starts for k in range(row.own_words)):
            other = taken.setdefault((row.function, address), row)
            if other is not row and not _share(row, other):
                yield Problem(row.name, codes.REGISTER_OVERLAP(other=other.name, address=address))
                break


def _share(one: Register, other: Register) -> bool:
    """Whether both are separate bit fields of the same register."""
    same = (one.address, one.words) == (other.address, other.words)
    return same and one.mask is not None and other.mask is not None and not one.mask & other.mask
