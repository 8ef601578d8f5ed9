"""Recipes of bundles: invented ledgers whose energies are added up here.

Energies and splitting are calculated with integers, amounts by the product, whose amounts
tests/agent/contract/test_amounts.py proves.
"""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from support.contract import document
from support.contract_bundles import HOUR_MS, MINUTE_MS, QUARTER_MS, Recipe
from support.contract_month import GATEWAY

from agent.contract.amounts import MonthFigures, PriceEnergies, amount_of
from agent.contract.canonical import document_id
from agent.contract.plan_reader import plan_of
from agent.savings.ledger.chain import digest

ZONES = ("Asia/Shanghai", "Europe/Berlin")


def recipe(seed: int, hours: int = 8, **plan: object) -> Recipe:
    """A month of which the first and the last hours were measured. plan: as in `support.contract.document`."""
    chance = random.Random(seed)
    body = _plan(chance, **plan)
    zone, reading_day = ZoneInfo(body["project"]["timezone"]), body["price"]["reading_day"]
    bounds = _bounds(zone, reading_day)
    intervals = _intervals(chance, bounds, hours, tuple(body["motor"]))
    entries = _before(body, bounds)
    first = len(entries)
    entries += intervals
    events = {name: _decisions(chance, name, number, bounds, entries) for number, name in enumerate(body["motor"])}
    month = _month(chance, body, bounds, entries[first:], events)
    entries.append((bounds[1] + HOUR_MS, "checkpoint", {}))
    return Recipe([body], entries, first, month, bounds, "2026-11")


def settle(body: dict[str, Any], month: dict[str, Any]) -> None:
    """Writes the figures that follow from the energies of a month."""
    plan = plan_of(copy.deepcopy(body), "plan")
    figures = {
        name: MonthFigures({price: PriceEnergies(*row) for price, row in motor["energies"].items()}, motor["running_s"],
                           None if motor["quantity"] is None else Decimal(motor["quantity"]))
        for name, motor in month["motor"].items()
    }  # fmt: skip
    first = datetime.fromtimestamp(month["from_ms"] / 1000, ZoneInfo(body["project"]["timezone"])).date()
    found = amount_of(plan, first, figures)
    for name, amount in found.motors.items():
        month["motor"][name] |= {
            "contract_kwh": {price: str(kwh) for price, kwh in amount.contract_kwh.items()},
            "adjusted_kwh": str(amount.adjusted_kwh),
        }
    month["amount"] = {"value": str(found.value), "year": found.year, "share": str(found.share),
                       "net": str(found.net), "vat": str(found.vat), "gross": str(found.gross)}  # fmt: skip


def _plan(chance: random.Random, **more: object) -> dict[str, Any]:
    reading_day = chance.choice((1, 25))
    edits: dict[str, object] = {
        "project__timezone": chance.choice(ZONES), "price__reading_day": reading_day, "drafted_ms": 1_787_000_000_000,
        "settlement__rounding": chance.choice(("half_up", "half_even", "down")),
        "settlement__energy_decimals": chance.randrange(4), "settlement__money_decimals": chance.choice((0, 2, 2)),
        "price__includes_vat": chance.random() < 0.5, "settlement__negative_month": chance.choice(("zero", "settle")),
        "applies": {"first": "2026-09-01", "last": "2031-09-30"}, "sharing__first": "2026-09-01",
        "motor__fan__reporting_period": {"first": "2026-09-15"},
    }  # fmt: skip
    if chance.random() < 0.4:
        edits["price__per_kwh"] = {"flat": f"0.{chance.randrange(100, 9999)}"}
    edits |= chance.choice(_FORMULAS)
    if edits.get("motor__fan__formula") in ("specific_energy", "direct_comparison"):
        edits["price__per_kwh"] = {"flat": "0.8012"}
    body = document(**(edits | more))
    if chance.random() < 0.4 and "motor__fan__formula" not in more:
        body["motor"]["pump"] = copy.deepcopy(body["motor"]["fan"]) | {"title": "2#水泵"}
    for name, motor in body["motor"].items():
        motor["baseline"] = baseline_of(name)["hash"]
    return body


_FORMULAS: tuple[dict[str, object], ...] = (
    {}, {}, {},
    {"motor__fan__formula": "saving_rate", "motor__fan__saving_rate": "0.2350"},
    {"motor__fan__formula": "specific_energy", "motor__fan__quantity": "t", "motor__fan__specific_energy_kwh": "5.821"},
    {"motor__fan__formula": "direct_comparison", "motor__fan__reference_kw": "96.4"},
)  # fmt: skip


def _bounds(zone: ZoneInfo, reading_day: int) -> tuple[int, int]:
    """November 2026, or the time between two reading days that ends in it. In Berlin summer time ends then."""
    first, end = ((11, 1), (12, 1)) if reading_day == 1 else ((10, reading_day), (11, reading_day))
    found = [datetime(2026, month, day, tzinfo=zone) for month, day in (first, end)]
    return int(found[0].timestamp()) * 1000, int(found[1].timestamp()) * 1000


def baseline_of(name: str) -> dict[str, Any]:
    """A frozen baseline with its hash; it contains fractions and characters beyond ASCII."""
    body = {"asset": name, "coefficients": [1.0, 1e-05, -1515.22], "note": "风量 m³/h 𝛼"}
    text = json.dumps(body, sort_keys=True, separators=(",", ":"))
    return body | {"hash": digest(text)}


def _before(body: Mapping[str, Any], bounds: tuple[int, int]) -> list[tuple[int, str, dict[str, Any]]]:
    t_ms = bounds[0] - 20 * 24 * HOUR_MS
    return [(t_ms, "baseline", {"baseline": baseline_of(name), "by": "Li Wei", "replaces": ""}) for name in
            body["motor"]]  # fmt: skip


def _intervals(
    chance: random.Random, bounds: tuple[int, int], hours: int, motors: tuple[str, ...]
) -> list[tuple[int, str, dict[str, Any]]]:  # fmt: skip
    """Quarter hours at both ends of the month and one beyond each end; some are corrected, withdrawn or unknown."""
    half = hours * 2
    starts = [bounds[0] + number * QUARTER_MS for number in range(-1, half)]
    starts += [bounds[1] + number * QUARTER_MS for number in range(-half, 1)]
    found = list[tuple[int, str, dict[str, Any]]]()
    for start in starts:
        for name in motors:
            body = _interval(chance, name, start)
            if start == starts[half // 2]:  # imported: two hours with several prices, beginning between quarters
                body |= {"from_ms": start + 7 * MINUTE_MS, "length_s": 7_200, "energy_wh": 80_001}
            found.append((start + QUARTER_MS, "interval", body))
            if chance.random() < 0.1:
                again = body | {"energy_wh": chance.randrange(20_000), "interval": digest(f"{start} again"),
                                "replaces": body["interval"]}  # fmt: skip
                found.append((start + 2 * QUARTER_MS, "interval", again))
            elif chance.random() < 0.05:
                found.append((start + 2 * QUARTER_MS, "interval", body | {"length_s": 0, "energy_wh": None}))
    return found


def _interval(chance: random.Random, name: str, start: int) -> dict[str, Any]:
    register_wh = 8_100_000 + start // 40_000
    energy = None if chance.random() < 0.04 else chance.randrange(30_000)
    more = {"auxiliary_wh": chance.randrange(1, 200)} if chance.random() < 0.2 else {}
    return {
        "asset": name, "from_ms": start, "length_s": 900, "energy_wh": energy, "covered_s": 900,
        "meter": "mcc-12 22091734 400/5", "register_wh": [register_wh, register_wh + 22],
        "adjusted_wh": chance.randrange(15_000, 40_000), "baseline": baseline_of(name)["hash"][:16],
        "interval": digest(f"{name} {start}"), "config": "c0ffee", "software": "0.1.0", **more,
    }  # fmt: skip


def _decisions(
    chance: random.Random, name: str, number: int, bounds: tuple[int, int],
    entries: list[tuple[int, str, dict[str, Any]]],
) -> list[tuple[int, dict[str, Any]]]:  # fmt: skip
    """Events with their decisions, whose records are appended: (position of the entry, event)."""
    found = []
    for event in range(1, 1 + chance.choice((0, 1, 2))):
        decision = chance.choice(("keep", "adjust", "exclude"))
        body = {"number": event, "asset": name, "kind": "bypass", "from_ms": bounds[0] + event * HOUR_MS,
                "to_ms": bounds[0] + (event + 1) * HOUR_MS, "cause": {"code": "bypass", "data": {}}, "energy_wh": 12.5,
                "proposal": "keep", "decision": decision, "adjust_wh": chance.choice((0.0, 1234.5, -2345.5, 77.25)),
                "by": "Wang Fang", "reason": "checked", "decided_ms": bounds[1]}  # fmt: skip
        entries.append((bounds[1] + HOUR_MS // 2, "decision", {"event": body}))
        found.append((len(entries) - 1, body))
    return found


def _month(
    chance: random.Random, body: dict[str, Any], bounds: tuple[int, int],
    entries: list[tuple[int, str, dict[str, Any]]], events: Mapping[str, list[tuple[int, dict[str, Any]]]],
) -> dict[str, Any]:  # fmt: skip
    found = {
        "s": "magwatt.month/1", "contract": body["contract"], "plan": document_id(body), "month": "2026-11",
        "from_ms": bounds[0], "to_ms": bounds[1], "revision": 1, "drafted_ms": bounds[1] + 2 * HOUR_MS,
        "site": body["project"]["site"], "gateway": body["project"]["gateway"], "gateway_key": GATEWAY.public,
        "ledger": {}, "motor": {name: _motor(chance, name, body, bounds, entries, events[name]) for name in
                                body["motor"]},
    }  # fmt: skip
    settle(body, found)
    return found


def _motor(
    chance: random.Random, name: str, plan: Mapping[str, Any], bounds: tuple[int, int],
    entries: list[tuple[int, str, dict[str, Any]]], events: list[tuple[int, dict[str, Any]]],
) -> dict[str, Any]:  # fmt: skip
    span = [bounds[0] + HOUR_MS, bounds[0] + 2 * HOUR_MS]
    excluded = [[*span, "below_range"]] if chance.random() < 0.7 else []
    records = counting(entries, name, bounds)
    inside = [each for each in records if not any(first <= each["from_ms"] < end for first, end, _ in excluded)]
    again = {each["from_ms"]: each["adjusted_wh"] + 17 for each in inside if chance.random() < 0.05}
    decisions = [
        {"event": event["number"], "decision": event["decision"], "line": number,
         "energy_wh": {next(iter(plan["price"]["per_kwh"])): round(event["adjust_wh"])}
         if event["decision"] == "adjust" else {}}
        for number, event in events
    ]  # fmt: skip
    return {
        "energies": energies(records, inside, again, decisions, plan), "running_s": 2_500_001, "quantity": "98.765",
        "excluded": excluded,
        "excluded_wh": {"below_range": measured(records) - measured(inside)} if excluded else {},
        "recalculated": [[start, wh] for start, wh in again.items()], "decisions": decisions,
        "unmeasured_s": 600, "u80_wh": 340_000, "u90_wh": 440_000, "u95_wh": 520_000, "evidence": "provisional",
        "assumptions": [{"code": "season_not_covered", "data": {"n": 12, "limit_d": 45, "most_d": 61}}],
    }  # fmt: skip


def counting(
    entries: list[tuple[int, str, dict[str, Any]]], name: str, bounds: tuple[int, int]
) -> list[dict[str, Any]]:  # fmt: skip
    """The records of the month that count, in order of time."""
    newest = {
        body["from_ms"]: body for _, kind, body in entries
        if kind == "interval" and body["asset"] == name and bounds[0] <= body["from_ms"] < bounds[1]
    }  # fmt: skip
    return [newest[start] for start in sorted(newest) if newest[start]["length_s"]]


def measured(records: list[dict[str, Any]]) -> int:
    return sum(_measured(each) for each in records)


def _measured(record: Mapping[str, Any]) -> int:
    return (record["energy_wh"] or 0) + record.get("auxiliary_wh", 0)


def energies(
    records: list[dict[str, Any]], inside: list[dict[str, Any]], again: Mapping[int, int],
    decisions: list[dict[str, Any]], plan: Mapping[str, Any],
) -> dict[str, list[int]]:  # fmt: skip
    found = {price: [0, 0, 0] for price in plan["price"]["per_kwh"]}
    for each in records:
        _spread(found, 0, each, _measured(each), plan)
    for each in inside:
        _spread(found, 1, each, _measured(each), plan)
        _spread(found, 2, each, again.get(each["from_ms"], each["adjusted_wh"]), plan)
    for decision in decisions:
        for price, wh in decision["energy_wh"].items():
            found[price][2] += wh
    return found


def _spread(
    found: dict[str, list[int]], column: int, record: Mapping[str, Any], wh: int, plan: Mapping[str, Any]
) -> None:
    """The energy of a record by minutes: each quarter hour of the clock has one price."""
    length, given = record["length_s"], 0
    for end_s in range(60, length + 60, 60):
        at_ms = record["from_ms"] + (end_s - 60) * 1000
        last = end_s >= length or (at_ms + MINUTE_MS) % QUARTER_MS == 0
        if last:
            due = round(Fraction(wh * end_s, length))
            found[price_at(at_ms, plan)][column] += due - given
            given = due


def price_at(at_ms: int, plan: Mapping[str, Any]) -> str:
    """The price of `support.contract.document`, or the only one."""
    prices = plan["price"]["per_kwh"]
    if len(prices) == 1:
        return str(next(iter(prices)))
    hour = datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(ZoneInfo(plan["project"]["timezone"])).hour
    return "valley" if hour >= 23 or hour < 7 else "flat" if hour < 17 else "peak"
