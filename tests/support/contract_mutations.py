"""Bundles with one mutation each, which no verifier may accept as settled.

Two families: `tampered` changes a signed bundle without a key; `resigned` changes what is signed and signs it again with
the right keys, so that only a comparison with plan, lines or arithmetic finds it.
"""

from __future__ import annotations

import copy
import json
import random
import unicodedata
from collections.abc import Callable, Iterator
from typing import Any

from msgspec import Struct
from support.contract import OTHER
from support.contract_bundles import HOUR_MS, QUARTER_MS, Recipe, built, bundle_text, recipe, settle

Chance = random.Random
LISTS = ("before", "lines", "after")


class Mutation(Struct, frozen=True):
    """family, kind: what was changed. seed: of the valid bundle. text: of the mutated one."""

    family: str
    kind: str
    seed: int
    text: str


def mutations(count: int, first_seed: int = 0, hours: int = 2) -> Iterator[Mutation]:
    """Mutations in turn of each kind, each of another valid bundle; those without effect on a bundle are left out."""
    kinds = [("tampered", kind, change) for kind, change in TAMPERED.items()]
    kinds += [("text", kind, change) for kind, change in TEXTUAL.items()]
    kinds += [("resigned", kind, change) for kind, change in RESIGNED.items()]
    made, seed = 0, first_seed
    while made < count:
        family, kind, change = kinds[seed % len(kinds)]
        text = _mutated(family, change, seed, hours)
        if text is not None:
            made += 1
            yield Mutation(family, kind, seed, text)
        seed += 1


def _mutated(family: str, change: Callable[[Any, Chance], Any], seed: int, hours: int) -> str | None:
    """The mutated bundle; None: the change has no meaning here."""
    chance = random.Random(f"mutation {seed}")
    valid = recipe(seed, hours)
    valid.corrected = seed % 3 == 0
    bundle = built(copy.deepcopy(valid))
    if family == "resigned":
        changed = change(valid, chance)
        other = None if changed is None else built(changed)
        return bundle_text(other) if other is not None and other != bundle else None
    if family == "text":
        text = change(bundle_text(bundle), chance)
        return text if text is not None and text != bundle_text(bundle) else None
    other = copy.deepcopy(bundle)
    return bundle_text(other) if change(other, chance) is not False and other != bundle else None


# Without a key. Each changes the bundle; False: it has no effect here


def _digit(text: str, chance: Chance) -> str:
    """A text with one digit changed, the first one of a number not to 0."""
    places = [at for at, sign in enumerate(text) if sign.isascii() and sign.isdigit()]
    at = chance.choice(places)
    other = chance.choice([sign for sign in "123456789" if sign != text[at]])
    return text[:at] + other + text[at + 1 :]


def _line_digit(bundle: Any, chance: Chance) -> None:
    _edit_line(bundle, chance, lambda line: _digit(line, chance))


def _edit_line(bundle: Any, chance: Chance, edit: Callable[[str], str]) -> None:
    lines = bundle[chance.choice([name for name in LISTS if bundle[name]])]
    at = chance.randrange(len(lines))
    lines[at] = edit(lines[at])


def _line_energy(bundle: Any, chance: Chance) -> bool | None:
    at = chance.randrange(len(bundle["lines"]))
    body = json.loads(bundle["lines"][at])
    if body["kind"] != "interval" or not body["energy_wh"]:
        return False
    old = f'"energy_wh":{body["energy_wh"]}'
    bundle["lines"][at] = bundle["lines"][at].replace(old, f'"energy_wh":{body["energy_wh"] - 1}')
    return None


def _swap_lines(bundle: Any, chance: Chance) -> None:
    lines = bundle["lines"]
    one, two = chance.sample(range(len(lines)), 2)
    lines[one], lines[two] = lines[two], lines[one]


def _remove_line(bundle: Any, chance: Chance) -> None:
    del bundle["lines"][chance.randrange(1, len(bundle["lines"]) - 1)]


def _remove_last_lines(bundle: Any, chance: Chance) -> None:
    """The end, with the last line that the parties signed."""
    bundle["lines"] = bundle["lines"][: -chance.randrange(2, 6)]


def _remove_first_lines(bundle: Any, chance: Chance) -> None:
    bundle["lines"] = bundle["lines"][chance.randrange(1, 6) :]


def _repeat_line(bundle: Any, chance: Chance) -> None:
    at = chance.randrange(len(bundle["lines"]))
    bundle["lines"].insert(chance.randrange(len(bundle["lines"])), bundle["lines"][at])


def _line_of_other(bundle: Any, chance: Chance) -> None:
    """A line of another ledger of the same gateway, at the same place."""
    lines = built(recipe(chance.randrange(10_000, 20_000), 4))["lines"]
    at = chance.randrange(min(len(lines), len(bundle["lines"])))
    bundle["lines"][at] = lines[at]


def _swap_sigs(bundle: Any, chance: Chance) -> None:
    one, two = chance.sample(range(len(bundle["lines"])), 2)
    sigs = [json.loads(bundle["lines"][at])["sig"] for at in (one, two)]
    bundle["lines"][one] = bundle["lines"][one].replace(*sigs)
    bundle["lines"][two] = bundle["lines"][two].replace(*sigs[::-1])


def _upper_sig(bundle: Any, chance: Chance) -> None:
    def upper(line: str) -> str:
        sig = json.loads(line)["sig"]
        return line.replace(sig, sig.upper())

    _edit_line(bundle, chance, upper)


def _space_in_line(bundle: Any, chance: Chance) -> None:
    _edit_line(bundle, chance, lambda line: line.replace('"seq":', '"seq": ', 1))


def _number_form_in_line(bundle: Any, chance: Chance) -> None:
    def other(line: str) -> str:
        seq = json.loads(line)["seq"]
        return line.replace(f'"seq":{seq},', f'"seq":{seq}.0,', 1)

    _edit_line(bundle, chance, other)


def _twice_in_line(bundle: Any, chance: Chance) -> None:
    _edit_line(bundle, chance, lambda line: line.replace('"s":"magwatt', '"kind":"interval","s":"magwatt', 1))


def _bundle_key(bundle: Any, chance: Chance) -> None:
    bundle["key"] = OTHER.public


def _bundle_edges(bundle: Any, chance: Chance) -> None:
    bundle[chance.choice(("from_ms", "to_ms"))] += chance.choice((-1, 1)) * chance.choice((1, QUARTER_MS, HOUR_MS))


def _bundle_month(bundle: Any, chance: Chance) -> None:
    bundle["month"] = chance.choice(("2026-10", "2026-12", "2025-11"))


def _bundle_format(bundle: Any, chance: Chance) -> None:
    bundle["s"] = chance.choice(("magwatt.bundle/1", "magwatt.bundle/3", "bundle/2"))


def _bundle_member(bundle: Any, chance: Chance) -> None:
    if chance.random() < 0.5:
        bundle["note"] = "paid"
    else:
        del bundle[chance.choice(("motors", "before", "lines", "after", "plans"))]


def _bundle_motors(bundle: Any, chance: Chance) -> None:
    bundle["motors"] = bundle["motors"][1:]


def _without_month_line(bundle: Any, chance: Chance) -> None:
    bundle["after"] = []


def _without_decision(bundle: Any, chance: Chance) -> bool | None:
    """A decision that the month names is in no line. It stands in `lines` here, which are consecutive."""
    if not any(motor["decisions"] for motor in bundle["months"][0]["document"]["motor"].values()):
        return False
    bundle["lines"] = [line for line in bundle["lines"] if json.loads(line)["kind"] != "decision"]
    return None


def _document_digit(name: str) -> Callable[[Any, Chance], None]:
    """A digit of a signed document, anywhere: a value, a key, a name."""

    def change(bundle: Any, chance: Chance) -> None:
        file = bundle[name][0]
        file["document"] = json.loads(_json_digit(json.dumps(file["document"], ensure_ascii=False), chance))

    return change


def _json_digit(text: str, chance: Chance) -> str:
    for _ in range(100):
        changed = _digit(text, chance)
        try:
            json.loads(changed)
        except ValueError:
            continue
        return changed
    raise AssertionError(text)


def _plan_term(bundle: Any, chance: Chance) -> None:
    plan = bundle["plans"][0]["document"]
    chance.choice((
        lambda: plan["settlement"].update(rounding="half_even" if plan["settlement"]["rounding"] != "half_even" else "down"),
        lambda: plan["price"].update(vat_rate="0.13"),
        lambda: plan["price"].update(includes_vat=not plan["price"]["includes_vat"]),
        lambda: plan["sharing"].update(energy_service_company=["0.95"]),
        lambda: plan["project"].update(gateway_key=OTHER.public),
        lambda: plan["party"]["customer"].update(public_key=OTHER.public),
        lambda: plan.update(version=2, replaces="ab" * 32),
        lambda: plan["applies"].update(last="2026-11-15"),
    ))()  # fmt: skip


def _statement(bundle: Any, chance: Chance) -> None:
    file = bundle[chance.choice(("plans", "months"))][0]
    signature = chance.choice(file["signatures"])
    key = chance.choice(list(signature))
    if key == "signed_ms":
        signature[key] += chance.choice((-1, 1, 86_400_000))
    else:
        signature[key] = {"role": "gateway" if signature["role"] != "gateway" else "customer"}.get(
            key, _digit(signature[key] + "1", chance))  # fmt: skip


def _statement_member(bundle: Any, chance: Chance) -> None:
    file = bundle[chance.choice(("plans", "months"))][0]
    signature = chance.choice(file["signatures"])
    if chance.random() < 0.5:
        signature["note"] = ""
    else:
        del signature[chance.choice(list(signature))]


def _sig_digit(bundle: Any, chance: Chance) -> None:
    signature = chance.choice(bundle[chance.choice(("plans", "months"))][0]["signatures"])
    at = chance.randrange(128)
    other = chance.choice([sign for sign in "0123456789abcdef" if sign != signature["sig"][at]])
    signature["sig"] = signature["sig"][:at] + other + signature["sig"][at + 1 :]


def _sig_exchanged(bundle: Any, chance: Chance) -> None:
    signatures = bundle[chance.choice(("plans", "months"))][0]["signatures"]
    one, two = chance.sample(range(len(signatures)), 2)
    signatures[one]["sig"], signatures[two]["sig"] = signatures[two]["sig"], signatures[one]["sig"]


def _sig_removed(bundle: Any, chance: Chance) -> None:
    signatures = bundle[chance.choice(("plans", "months"))][0]["signatures"]
    del signatures[chance.randrange(len(signatures))]


def _sig_repeated(bundle: Any, chance: Chance) -> None:
    signatures = bundle[chance.choice(("plans", "months"))][0]["signatures"]
    signatures.append(chance.choice(signatures))


def _revision_removed(bundle: Any, chance: Chance) -> bool | None:
    """The first of two revisions, or both documents have one number."""
    if len(bundle["months"]) == 1:
        return False
    if chance.random() < 0.5:
        del bundle["months"][0]
    else:
        bundle["months"][1]["document"]["revision"] = 1
    return None


def _sig_of_plan(bundle: Any, chance: Chance) -> None:
    """The signature of a party under the plan stands under the month."""
    bundle["months"][0]["signatures"][1] = bundle["plans"][0]["signatures"][0]


def _unicode(bundle: Any, chance: Chance) -> None:
    """A title that looks the same."""
    document = bundle["plans"][0]["document"]
    document["project"]["title"] = chance.choice((
        unicodedata.normalize("NFKC", document["project"]["title"] + "\ufeff"),
        document["project"]["title"].replace("2", "２"), document["project"]["title"] + "\u200b",
    ))  # fmt: skip


TAMPERED: dict[str, Callable[[Any, Chance], Any]] = {
    "digit of a line": _line_digit, "energy of a line": _line_energy, "lines exchanged": _swap_lines,
    "line removed": _remove_line, "last lines removed": _remove_last_lines, "first lines removed": _remove_first_lines,
    "line repeated": _repeat_line, "line of another ledger": _line_of_other, "signatures of lines exchanged": _swap_sigs,
    "signature in upper case": _upper_sig, "white space in a line": _space_in_line,
    "number form in a line": _number_form_in_line, "key twice in a line": _twice_in_line, "key of the bundle": _bundle_key,
    "edges of the bundle": _bundle_edges, "month of the bundle": _bundle_month, "format of the bundle": _bundle_format,
    "member of the bundle": _bundle_member, "motors of the bundle": _bundle_motors,
    "line of the month removed": _without_month_line, "decision removed": _without_decision,
    "digit of the plan": _document_digit("plans"), "digit of the month": _document_digit("months"),
    "term of the plan": _plan_term, "statement": _statement, "member of a statement": _statement_member,
    "digit of a signature": _sig_digit, "signatures exchanged": _sig_exchanged, "signature removed": _sig_removed,
    "signature repeated": _sig_repeated, "signature of another document": _sig_of_plan,
    "revision": _revision_removed, "text that looks the same": _unicode,
}  # fmt: skip


# The text of the file


def _twice(key: str) -> Callable[[str, Chance], str]:
    """A key of the file twice: the first one with another value, which a reader that keeps the first one reads."""

    def change(text: str, chance: Chance) -> str:
        return text.replace(f'"{key}":', f'"{key}": "0",\n"{key}":', 1)

    return change


def _fraction(text: str, chance: Chance) -> str:
    key = chance.choice(("revision", "unmeasured_s", "u95_wh", "year"))
    at = text.index(f'"{key}": ')
    end = min(text.index(sign, at) for sign in ",\n" if sign in text[at:])
    return text[:end] + chance.choice((".0", "e0", ".00")) + text[end:]


def _half_character(text: str, chance: Chance) -> str:
    return text.replace('"title": "', '"title": "\\ud83d', 1)


def _cut(text: str, chance: Chance) -> str:
    return text[: chance.randrange(len(text) - 2)]


def _more(text: str, chance: Chance) -> str:
    return text + chance.choice(("{}", "]", "0", text))


TEXTUAL: dict[str, Callable[[str, Chance], Any]] = {
    **{f"{key} twice": _twice(key) for key in ("month", "key", "gross", "energies", "vat_rate", "signed_ms", "document")},
    "number with a fraction": _fraction, "half of a character": _half_character, "cut off": _cut, "more text": _more,
}  # fmt: skip


# Signed again with the right keys


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
    """An adjustment that nobody decided, in the sums and in the amount."""
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
    from agent.contract.canonical import document_id

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
    """A figure that is written otherwise than the rules say; texts are compared."""
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
    from agent.contract.canonical import document_id

    made.plans[-1]["project"]["timezone"] = "America/New_York"
    made.month["plan"] = document_id(made.plans[-1])
    return made


def _plan_key(made: Recipe, chance: Chance) -> Recipe:
    """The plan names another key of the ledger."""
    from agent.contract.canonical import document_id

    made.plans[-1]["project"]["gateway_key"] = OTHER.public
    made.month["plan"] = document_id(made.plans[-1])
    return made


def _not_issued(made: Recipe, chance: Chance) -> Recipe:
    made.month = None
    return made


RESIGNED: dict[str, Callable[[Recipe, Chance], Recipe | None]] = {
    **{f"amount: {key}": _amount(key) for key in ("value", "net", "vat", "gross")},
    "contract kWh": _kwh, "adjusted kWh": _adjusted_kwh, "one Wh": _energy, "rounding": _rounding,
    "decimals": _decimals, "share": _share, "prices exchanged": _prices_exchanged, "edge of the month": _edges,
    "record over the edge": _record_over_edge, "energy of a record": _record_energy, "records reversed": _records_reversed,
    "baseline of a record": _baseline, "excluded time": _excluded, "excluded energy": _excluded_wh,
    "recalculated": _recalculated, "decision": _decision, "energy of a decision": _decision_energy,
    "adjustment left out": _adjustment_left_out, "signed early": _signed_early, "second revision": _second_revision,
    "form of a figure": _figure_form, "first line later": _range_later, "kind of an energy": _record_kind,
    "time zone of the plan": _zone, "key of the plan": _plan_key, "decision not listed": _later_decision, "plan of the month": _other_plan, "second plan": _second_plan,
    "next version of the plan": _next_version, "issued early": _issued_early, "key of the gateway": _other_key,
    "one party only": _one_signer, "unknown member": _unknown_member, "motor added": _motor_added, "not issued": _not_issued,
    **{f"month: {key}": _month_member(key, value) for key, value in (
        ("contract", "EMC-2026-018"), ("site", "mill-3"), ("gateway", "gw-08"), ("month", "2026-12"), ("revision", 2),
        ("gateway_key", "ab" * 32))},
}  # fmt: skip
