"""Changes of energies, figures and records that are signed by someone with all keys; see support.contract_resigning."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from typing import Any

from support.contract_bundles import HOUR_MS, QUARTER_MS, Recipe
from support.contract_recipes import settle

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


def any_motor(made: Recipe, chance: Chance) -> dict[str, Any]:
    found: dict[str, Any] = made.month["motor"][chance.choice(list(made.month["motor"]))]
    return found


def _kwh(made: Recipe, chance: Chance) -> Recipe:
    kwh = any_motor(made, chance)["contract_kwh"]
    price = chance.choice(list(kwh))
    kwh[price] = _last_digit(kwh[price], chance)
    return made


def _adjusted_kwh(made: Recipe, chance: Chance) -> Recipe:
    motor = any_motor(made, chance)
    motor["adjusted_kwh"] = _last_digit(motor["adjusted_kwh"], chance)
    return made


def _energy(made: Recipe, chance: Chance) -> Recipe:
    """One Wh in one sum, and the amount that follows from it."""
    rows = any_motor(made, chance)["energies"]
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
    rows = any_motor(made, chance)["energies"]
    if len(rows) == 1:
        return None
    one, two = chance.sample(list(rows), 2)
    if rows[one] == rows[two]:
        return None
    rows[one], rows[two] = rows[two], rows[one]
    settle(made.plans[-1], made.month)
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
    records = counting_records(made)
    if not records:
        return None
    body = chance.choice(records)
    body["energy_wh"] += 1
    return made


def counting_records(made: Recipe) -> list[dict[str, Any]]:
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
    for body in counting_records(made):
        spans = made.month["motor"][body["asset"]]["excluded"]
        inside = not any(first <= body["from_ms"] < end for first, end, _ in spans)
        if inside and (body["asset"], body["from_ms"]) not in taken:
            body["baseline"] = "cd" * 8
            return made
    return None


def _fractional_start(made: Recipe, chance: Chance) -> Recipe | None:
    """The start of a record that counts has a fraction."""
    records = counting_records(made)
    if not records:
        return None
    chance.choice(records)["from_ms"] += 0.5
    return made


def _excluded(made: Recipe, chance: Chance) -> Recipe | None:
    """An hour more is excluded than was summed up."""
    name = chance.choice(list(made.month["motor"]))
    motor, begin_ms = made.month["motor"][name], made.bounds[0] + 2 * HOUR_MS
    more = [body for body in counting_records(made) if body["asset"] == name and body["from_ms"] >= begin_ms]
    if not motor["excluded"] or not more:
        return None
    motor["excluded"][-1][1] = made.bounds[1]
    return made


def _excluded_wh(made: Recipe, chance: Chance) -> Recipe | None:
    motor = any_motor(made, chance)
    if not motor["excluded_wh"]:
        return None
    motor["excluded_wh"]["below_range"] += 1
    return made


def _excluded_outside(made: Recipe, chance: Chance) -> Recipe:
    """A time before the month, or one that is listed twice."""
    motor, begin_ms = any_motor(made, chance), made.bounds[0]
    if motor["excluded"]:
        motor["excluded"].append(motor["excluded"][0])
    else:
        motor["excluded"], motor["excluded_wh"] = [[begin_ms - HOUR_MS, begin_ms, "below_range"]], {"below_range": 0}
    return made


def _price_added(made: Recipe, chance: Chance) -> Recipe:
    """A price without energy that the plan does not have."""
    any_motor(made, chance)["energies"]["sharp"] = [0, 0, 0]
    return made


def _recalculated(made: Recipe, chance: Chance) -> Recipe | None:
    """A recalculated baseline energy that no sum contains."""
    motor = any_motor(made, chance)
    motor["recalculated"] = [[made.bounds[0] + 1, 99]]
    return made


def _decision(made: Recipe, chance: Chance) -> Recipe | None:
    motor = any_motor(made, chance)
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
    motor = any_motor(made, chance)
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


def _figure_form(made: Recipe, chance: Chance) -> Recipe:
    """A figure that is written otherwise than by the rules; texts are compared."""
    key = chance.choice(("net", "vat", "gross", "share"))
    figure = made.month["amount"][key]
    made.month["amount"][key] = figure + "0" if "." in figure else figure + ".0"
    return made


def _record_kind(made: Recipe, chance: Chance) -> Recipe | None:
    """The energy of a record is a text or a fraction."""
    records = counting_records(made)
    if not records:
        return None
    body = chance.choice(records)
    body["energy_wh"] = chance.choice((str(body["energy_wh"]), body["energy_wh"] + 0.25))
    return made


FIGURES: dict[str, Callable[[Recipe, Chance], Recipe | None]] = {
    "excluded outside": _excluded_outside, "price added": _price_added,
    **{f"amount: {key}": _amount(key) for key in ("value", "net", "vat", "gross")}, "contract kWh": _kwh,
    "adjusted kWh": _adjusted_kwh, "one Wh": _energy, "rounding": _rounding, "decimals": _decimals, "share": _share,
    "prices exchanged": _prices_exchanged, "record over the edge": _record_over_edge,
    "energy of a record": _record_energy, "records reversed": _records_reversed, "baseline of a record": _baseline,
    "fractional start": _fractional_start, "excluded time": _excluded, "excluded energy": _excluded_wh,
    "recalculated": _recalculated, "decision": _decision, "energy of a decision": _decision_energy,
    "adjustment left out": _adjustment_left_out, "form of a figure": _figure_form, "kind of an energy": _record_kind,
}  # fmt: skip
