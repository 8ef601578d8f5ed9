"""Changes of what is signed, by someone with all keys: only plan, lines or arithmetic contradict.

None: a change has no effect on this bundle.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Callable

from support.contract import OTHER
from support.contract_bundles import HOUR_MS, QUARTER_MS, Recipe
from support.contract_resigned_figures import FIGURES, any_motor, counting_records

from agent.contract.canonical import document_id

Chance = random.Random


def _edges(made: Recipe, chance: Chance) -> Recipe:
    """Another begin or end of the month, in month and bundle."""
    shift, edge = chance.choice((-1, 1)) * chance.choice((QUARTER_MS, HOUR_MS, 24 * HOUR_MS)), chance.randrange(2)
    made.bounds = made.bounds[0] + shift * (edge == 0), made.bounds[1] + shift * (edge == 1)
    made.month |= {"from_ms": made.bounds[0], "to_ms": made.bounds[1]}
    return made


def _second_key(made: Recipe, chance: Chance) -> Recipe:
    """A later line declares another key, signed with the first one."""
    made.entries.insert(len(made.entries) - 1, (made.bounds[1], "key", {"key": OTHER.declaration()}))
    return made


def _frozen(made: Recipe, chance: Chance) -> Recipe:
    """The recorded baseline is another one, with the hash that the plan names."""
    baselines = [body["baseline"] for _, kind, body in made.entries if kind == "baseline"]
    baseline = chance.choice(baselines)
    key, value = chance.choice((("coefficients", [1.0, 2e-05, -1515.22]), ("note", "风量"), ("asset", "fan-2")))
    baseline[key] = value
    return made


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
    chance.choice((made.month, made.month["amount"], any_motor(made, chance)))["note"] = "agreed by telephone"
    return made


def _motor_added(made: Recipe, chance: Chance) -> Recipe:
    made.month["motor"]["fan-2"] = copy.deepcopy(made.month["motor"]["fan"])
    return made


def _signed_early(made: Recipe, chance: Chance) -> Recipe:
    """The clock of a signatory was in the past."""
    made.signed_ms = -chance.choice((600_001, HOUR_MS))
    return made


def _signed_before_plan(made: Recipe, chance: Chance) -> Recipe | None:
    """The parties signed the plan after the month, by their clocks."""
    if made.month is None:
        return None
    month_ms = made.month["drafted_ms"] + made.signed_ms
    made.plan_signed_ms = month_ms - made.plans[-1]["drafted_ms"] + chance.choice((600_001, HOUR_MS))
    return made


def _second_revision(made: Recipe, chance: Chance) -> Recipe:
    """A correction that only one party has signed."""
    made.corrected = True
    made.signers = ("customer",)
    return made


def _second_member(key: str, value: object) -> Callable[[Recipe, Chance], Recipe]:
    """A second revision, settled, that does not follow the first one."""

    def change(made: Recipe, chance: Chance) -> Recipe:
        made.corrected, made.second = True, {key: value}
        return made

    return change


def _last_hash(made: Recipe, chance: Chance) -> Recipe:
    """Another hash of the last line."""
    made.month["ledger"] = {"hash": "ab" * 32}
    return made


def _range_later(made: Recipe, chance: Chance) -> Recipe | None:
    """The lines of the month begin after records that count."""
    counting = [
        at for at, (_, kind, body) in enumerate(made.entries) if kind == "interval" and body in counting_records(made)
    ]
    made.month["ledger"] = {"first": 2 + len(made.plans) + counting[0] + 1} if counting else {}
    return made if counting else None


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
SECOND: dict[str, object] = {"revision": 3, "replaces": "ab" * 32, "drafted_ms": 0, "reason": " ", "contract": "EMC-1"}
RESIGNED: dict[str, Callable[[Recipe, Chance], Recipe | None]] = {
    **FIGURES,
    **{f"second revision: {key}": _second_member(key, value) for key, value in SECOND.items()},
    "hash of the last line": _last_hash,
    "edge of the month": _edges, "frozen baseline": _frozen, "second key": _second_key, "signed early": _signed_early,
    "signed before the plan": _signed_before_plan,
    "second revision": _second_revision, "first line later": _range_later, "time zone of the plan": _zone,
    "key of the plan": _plan_key, "decision not listed": _later_decision, "plan of the month": _other_plan,
    "second plan": _second_plan, "next version of the plan": _next_version, "issued early": _issued_early,
    "key of the gateway": _other_key, "one party only": _one_signer, "unknown member": _unknown_member,
    "motor added": _motor_added, "not issued": _not_issued,
    **{f"month: {key}": _month_member(key, value) for key, value in OTHER_MEMBERS.items()},
}  # fmt: skip
