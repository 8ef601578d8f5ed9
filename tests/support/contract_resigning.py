"""Changes of what is signed, by someone with all keys: only plan, lines or arithmetic contradict.

None: a change has no effect on this bundle.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from typing import Any

from support.contract import OTHER
from support.contract_bundles import HOUR_MS, QUARTER_MS, Recipe, settle

from agent.contract.canonical import document_id

Chance = random.Random


def _amount(key: str) -> Callable[[Recipe, Chance], Recipe]:
    def change(made: Recipe, chance: Chance) -> Recipe:
        made.month["amount"][key] = _last_digit(made.month["amount"][key], chance)
        return made

    return change


def _last_digit(text: str, chance: Chance) -> str:
    """A decimal number whose last digit differs by one."""
    last = int(text[-1])
    return text[:-1] + str(last + 1 if last < 9 else last - 1)


def _motor(made: Recipe, chance: Chance) -> dict[str, Any]:
    found: dict[str, Any] = made.month["motor"][chance.choice(list(made.month["motor"]))]
    return found


def _kwh(made: Recipe, chance: Chance) -> Recipe:
    kwh = _motor(made, chance)["contract_kwh"]
    price = chance.choice(list(kwh))
    kwh[price] = _last_digit(kwh[price], chance)
    return made


def _adjusted_kwh(made: Recipe, chance: Chance) -> Recipe:
    motor = _motor(made, chance)
    motor["adjusted_kwh"] = _last_digit(motor["adjusted_kwh"], chance)
    return made


def _energy(made: Recipe, chance: Chance) -> Recipe:
    """One Wh in one sum, and the amount that follows from it."""
    rows = _motor(made, chance)["energies"]
    rows[chance.choice(list(rows))][chance.randrange(3)] += chance.choice((-1, 1))
    settle(made.plans[-1], made.month)
    return made


def _rounding(made: Recipe, chance: Chance) -> Recipe | None:
    """The amount by another rule than that of the plan."""
    before = copy.deepcopy(made.month)
    for rule in ("half_up", "half_even", "down"):
        other = copy.deepcopy(made.plans[-1])
        other["settlement"]["rounding"] = rule
        settle(other, made.month)
        if made.month != before:
            return made
    return None


def _decimals(made: Recipe, chance: Chance) -> Recipe | None:
    before = copy.deepcopy(made.month)
    other = copy.deepcopy(made.plans[-1])
    other["settlement"]["energy_decimals"] = (other["settlement"]["energy_decimals"] + 1) % 4
    settle(other, made.month)
    return made if made.month != before else None


def _share(made: Recipe, chance: Chance) -> Recipe:
    """The share of another year."""
    made.month["amount"] |= {"year": 3, "share": "0.70"}
    return made


def _prices_exchanged(made: Recipe, chance: Chance) -> Recipe | None:
    """Energy of one price at another one."""
    rows = _motor(made, chance)["energies"]
    if len(rows) == 1:
        return None
    one, two = chance.sample(list(rows), 2)
    if rows[one] == rows[two]:
        return None
    rows[one], rows[two] = rows[two], rows[one]
    settle(made.plans[-1], made.month)
    return made


def _edges(made: Recipe, chance: Chance) -> Recipe:
    """Another begin or end of the month, in month and bundle."""
    shift, edge = chance.choice((-1, 1)) * chance.choice((QUARTER_MS, HOUR_MS, 24 * HOUR_MS)), chance.randrange(2)
    made.bounds = made.bounds[0] + shift * (edge == 0), made.bounds[1] + shift * (edge == 1)
    made.month |= {"from_ms": made.bounds[0], "to_ms": made.bounds[1]}
    return made


def _record_over_edge(made: Recipe, chance: Chance) -> Recipe | None:
    """The first quarter hour of the month is recorded as the last one before it."""
    first = [body for _, kind, body in made.entries if kind == "interval" and body["from_ms"] == made.bounds[0]]
    for body in first:
        if _energy_of(body) and sum(other["asset"] == body["asset"] for other in first) == 1:
            body["from_ms"] -= QUARTER_MS
            return made
    return None


def _record_energy(made: Recipe, chance: Chance) -> Recipe | None:
    """A record that counts has another energy than when the month was issued."""
    records = _counting(made)
    if not records:
        return None
    body = chance.choice(records)
    body["energy_wh"] += 1
    return made


def _counting(made: Recipe) -> list[dict[str, Any]]:
    newest = {(body["asset"], body["from_ms"]): body for _, kind, body in made.entries if kind == "interval"}
    return [body for body in newest.values() if body["length_s"] and body["energy_wh"] and
            made.bounds[0] <= body["from_ms"] < made.bounds[1]]  # fmt: skip


def _records_reversed(made: Recipe, chance: Chance) -> Recipe | None:
    """Of two records of one start the earlier one stands last."""
    seen = dict[tuple[str, int], int]()
    for at, (_, kind, body) in enumerate(made.entries):
        if kind != "interval" or not made.bounds[0] <= body["from_ms"] < made.bounds[1]:
            continue
        start = body["asset"], body["from_ms"]
        if start in seen and _energy_of(made.entries[seen[start]][2]) != _energy_of(body):
            one, two = made.entries[seen[start]][2], body
            made.entries[seen[start]] = (*made.entries[seen[start]][:2], two)
            made.entries[at] = (*made.entries[at][:2], one)
            return made
        seen[start] = at
    return None


def _energy_of(body: dict[str, Any]) -> int:
    return ((body["energy_wh"] or 0) + body.get("auxiliary_wh", 0)) * (body["length_s"] > 0)


def _baseline(made: Recipe, chance: Chance) -> Recipe | None:
    """A record in the saving comes from another baseline."""
    taken = {(name, start) for name, motor in made.month["motor"].items() for start, _ in motor["recalculated"]}
    for body in _counting(made):
        spans = made.month["motor"][body["asset"]]["excluded"]
        inside = not any(first <= body["from_ms"] < end for first, end, _ in spans)
        if inside and (body["asset"], body["from_ms"]) not in taken:
            body["baseline"] = "cd" * 8
            return made
    return None


def _second_key(made: Recipe, chance: Chance) -> Recipe:
    """A later line declares another key, signed with the first one."""
    made.entries.insert(len(made.entries) - 1, (made.bounds[1], "key", {"key": OTHER.declaration()}))
    return made


def _fractional_start(made: Recipe, chance: Chance) -> Recipe | None:
    """The start of a record that counts has a fraction."""
    records = _counting(made)
    if not records:
        return None
    chance.choice(records)["from_ms"] += 0.5
    return made


def _frozen(made: Recipe, chance: Chance) -> Recipe:
    """The recorded baseline is another one, with the hash that the plan names."""
    baselines = [body["baseline"] for _, kind, body in made.entries if kind == "baseline"]
    baseline = chance.choice(baselines)
    key, value = chance.choice((("coefficients", [1.0, 2e-05, -1515.22]), ("note", "风量"), ("asset", "fan-2")))
    baseline[key] = value
    return made


def _excluded(made: Recipe, chance: Chance) -> Recipe | None:
    """An hour more is excluded than was summed up."""
    motor = _motor(made, chance)
    if not motor["excluded"] or not any(made.bounds[0] + 2 * HOUR_MS <= body["from_ms"] < made.bounds[1] and
                                        body["asset"] in made.month["motor"] for body in _counting(made)):  # fmt: skip
        return None
    motor["excluded"][-1][1] = made.bounds[1]
    return made


def _excluded_wh(made: Recipe, chance: Chance) -> Recipe | None:
    motor = _motor(made, chance)
    if not motor["excluded_wh"]:
        return None
    motor["excluded_wh"]["below_range"] += 1
    return made


def _recalculated(made: Recipe, chance: Chance) -> Recipe | None:
    """A recalculated baseline energy that no sum contains."""
    motor = _motor(made, chance)
    motor["recalculated"] = [[made.bounds[0] + 1, 99]]
    return made


def _decision(made: Recipe, chance: Chance) -> Recipe | None:
    motor = _motor(made, chance)
    if not motor["decisions"]:
        return None
    decision = chance.choice(motor["decisions"])
    if chance.random() < 0.3:
        motor["decisions"].remove(decision)
    elif chance.random() < 0.5:
        decision["line"] = "ab" * 32
    else:
        decision["decision"] = "keep" if decision["decision"] != "keep" else "exclude"
    return made


def _decision_energy(made: Recipe, chance: Chance) -> Recipe | None:
    """An adjustment without a decision, in the sums and in the amount."""
    motor = _motor(made, chance)
    if not motor["decisions"]:
        return None
    price = next(iter(motor["energies"]))
    energy = chance.choice(motor["decisions"])["energy_wh"]
    energy[price] = energy.get(price, 0) + 1000
    motor["energies"][price][2] += 1000
    settle(made.plans[-1], made.month)
    return made


def _adjustment_left_out(made: Recipe, chance: Chance) -> Recipe | None:
    """A decided adjustment is in no sum."""
    for motor in made.month["motor"].values():
        for decision in motor["decisions"]:
            if any(decision["energy_wh"].values()):
                for price, energy in decision["energy_wh"].items():
                    motor["energies"][price][2] -= energy
                decision["energy_wh"] = {}
                settle(made.plans[-1], made.month)
                return made
    return None


def _later_decision(made: Recipe, chance: Chance) -> Recipe | None:
    """A decision on an event of the month that the month does not list."""
    event = {"number": 9, "asset": "fan", "kind": "bypass", "from_ms": made.bounds[0], "to_ms": None,
             "decision": "exclude", "adjust_wh": 0.0, "proposal": "keep", "energy_wh": 1.5,
             "cause": {"code": "bypass", "data": {}}}  # fmt: skip
    made.entries.insert(len(made.entries) - 1, (made.bounds[1] + HOUR_MS, "decision", {"event": event}))
    return made


def _other_plan(made: Recipe, chance: Chance) -> Recipe:
    made.month["plan"] = "ab" * 32
    return made


def _second_plan(made: Recipe, chance: Chance) -> Recipe:
    """A second plan of another contract for the same time."""
    made.plans.insert(0, made.plans[-1] | {"contract": "EMC-2026-018"})
    return made


def _next_version(made: Recipe, chance: Chance) -> Recipe:
    """A version in force from the middle of the month, which the month does not name."""
    before = made.plans[-1]
    after = copy.deepcopy(before) | {"version": 2, "replaces": document_id(before)}
    after["applies"] = {"first": chance.choice(("2026-10-25", "2026-11-01", "2026-11-10")), "last": "2031-09-30"}
    after["price"]["vat_rate"] = "0.09"
    made.plans.append(after)
    return made


def _month_member(key: str, value: object) -> Callable[[Recipe, Chance], Recipe]:
    def change(made: Recipe, chance: Chance) -> Recipe:
        made.month[key] = value
        return made

    return change


def _issued_early(made: Recipe, chance: Chance) -> Recipe:
    made.month["drafted_ms"] = made.bounds[1] - chance.choice((1, HOUR_MS))
    return made


def _other_key(made: Recipe, chance: Chance) -> Recipe:
    """Another gateway, whose ledger is consistent."""
    made.key = OTHER
    made.month["gateway_key"] = OTHER.public
    return made


def _one_signer(made: Recipe, chance: Chance) -> Recipe:
    made.signers = chance.choice((("customer",), ("energy_service_company",), ()))
    return made


def _unknown_member(made: Recipe, chance: Chance) -> Recipe:
    chance.choice((made.month, made.month["amount"], _motor(made, chance)))["note"] = "agreed by telephone"
    return made


def _motor_added(made: Recipe, chance: Chance) -> Recipe:
    made.month["motor"]["fan-2"] = copy.deepcopy(made.month["motor"]["fan"])
    return made


def _signed_early(made: Recipe, chance: Chance) -> Recipe:
    """The clock of a signatory was in the past."""
    made.signed_ms = -chance.choice((600_001, HOUR_MS))
    return made


def _second_revision(made: Recipe, chance: Chance) -> Recipe:
    """A correction that only one party has signed."""
    made.corrected = True
    made.signers = ("customer",)
    return made


def _figure_form(made: Recipe, chance: Chance) -> Recipe:
    """A figure that is written otherwise than by the rules; texts are compared."""
    key = chance.choice(("net", "vat", "gross", "share"))
    figure = made.month["amount"][key]
    made.month["amount"][key] = figure + "0" if "." in figure else figure + ".0"
    return made


def _range_later(made: Recipe, chance: Chance) -> Recipe | None:
    """The lines of the month begin after records that count."""
    counting = [at for at, (_, kind, body) in enumerate(made.entries) if kind == "interval" and body in _counting(made)]
    made.month["ledger"] = {"first": 2 + len(made.plans) + counting[0] + 1} if counting else {}
    return made if counting else None


def _record_kind(made: Recipe, chance: Chance) -> Recipe | None:
    """The energy of a record is a text or a fraction."""
    records = _counting(made)
    if not records:
        return None
    body = chance.choice(records)
    body["energy_wh"] = chance.choice((str(body["energy_wh"]), body["energy_wh"] + 0.25))
    return made


def _zone(made: Recipe, chance: Chance) -> Recipe:
    """Both sign a plan in another time zone, and a month with the edges of the old one."""
    made.plans[-1]["project"]["timezone"] = "America/New_York"
    made.month["plan"] = document_id(made.plans[-1])
    return made


def _plan_key(made: Recipe, chance: Chance) -> Recipe:
    """The plan names another key of the ledger."""
    made.plans[-1]["project"]["gateway_key"] = OTHER.public
    made.month["plan"] = document_id(made.plans[-1])
    return made


def _not_issued(made: Recipe, chance: Chance) -> Recipe:
    made.month = None
    return made


OTHER_MEMBERS: dict[str, object] = {
    "contract": "EMC-2026-018", "site": "mill-3", "gateway": "gw-08", "month": "2026-12", "revision": 2,
    "gateway_key": "ab" * 32,
}  # fmt: skip
RESIGNED: dict[str, Callable[[Recipe, Chance], Recipe | None]] = {
    **{f"amount: {key}": _amount(key) for key in ("value", "net", "vat", "gross")}, "contract kWh": _kwh,
    "adjusted kWh": _adjusted_kwh, "one Wh": _energy, "rounding": _rounding, "decimals": _decimals, "share": _share,
    "prices exchanged": _prices_exchanged, "edge of the month": _edges, "record over the edge": _record_over_edge,
    "energy of a record": _record_energy, "records reversed": _records_reversed, "baseline of a record": _baseline,
    "frozen baseline": _frozen,
    "second key": _second_key, "fractional start": _fractional_start, "excluded time": _excluded, "excluded energy": _excluded_wh,
    "recalculated": _recalculated, "decision": _decision, "energy of a decision": _decision_energy,
    "adjustment left out": _adjustment_left_out, "signed early": _signed_early, "second revision": _second_revision,
    "form of a figure": _figure_form, "first line later": _range_later, "kind of an energy": _record_kind,
    "time zone of the plan": _zone, "key of the plan": _plan_key, "decision not listed": _later_decision,
    "plan of the month": _other_plan, "second plan": _second_plan, "next version of the plan": _next_version,
    "issued early": _issued_early, "key of the gateway": _other_key, "one party only": _one_signer,
    "unknown member": _unknown_member, "motor added": _motor_added, "not issued": _not_issued,
    **{f"month: {key}": _month_member(key, value) for key, value in OTHER_MEMBERS.items()},
}  # fmt: skip
