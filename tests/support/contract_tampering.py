"""Changes of a signed bundle by someone without a key. Each changes the bundle; False: it has no effect there."""

from __future__ import annotations

import json
import random
import unicodedata
from collections.abc import Callable
from typing import Any

from support.contract import OTHER
from support.contract_bundles import HOUR_MS, QUARTER_MS, built
from support.contract_recipes import recipe

Chance = random.Random
_OTHER_RULE = {"half_up": "half_even", "half_even": "down", "down": "half_up"}
LISTS = ("before", "lines", "after")


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
    """A decision that the month names is in no line. Here it is one of `lines`, which are consecutive."""
    if not any(motor["decisions"] for motor in bundle["months"][-1]["document"]["motor"].values()):
        return False
    bundle["lines"] = [line for line in bundle["lines"] if json.loads(line)["kind"] != "decision"]
    return None


def _without_baseline(bundle: Any, chance: Chance) -> None:
    bundle["before"] = [line for line in bundle["before"] if json.loads(line)["kind"] != "baseline"]


def _document_digit(name: str) -> Callable[[Any, Chance], None]:
    """A digit of a signed document, anywhere: a value, a key, a name."""

    def change(bundle: Any, chance: Chance) -> None:
        file = bundle[name][-1]
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
        lambda: plan["settlement"].update(rounding=_OTHER_RULE[plan["settlement"]["rounding"]]),
        lambda: plan["price"].update(vat_rate="0.13"),
        lambda: plan["price"].update(includes_vat=not plan["price"]["includes_vat"]),
        lambda: plan["sharing"].update(energy_service_company=["0.95"]),
        lambda: plan["project"].update(gateway_key=OTHER.public),
        lambda: plan["party"]["customer"].update(public_key=OTHER.public),
        lambda: plan.update(version=2, replaces="ab" * 32),
        lambda: plan["applies"].update(last="2026-11-15"),
    ))()  # fmt: skip


def _statement(bundle: Any, chance: Chance) -> None:
    file = bundle[chance.choice(("plans", "months"))][-1]
    signature = chance.choice(file["signatures"])
    key = chance.choice(list(signature))
    if key == "signed_ms":
        signature[key] += chance.choice((-1, 1, 86_400_000))
    else:
        signature[key] = {"role": "gateway" if signature["role"] != "gateway" else "customer"}.get(
            key, _digit(signature[key] + "1", chance))  # fmt: skip


def _statement_member(bundle: Any, chance: Chance) -> None:
    file = bundle[chance.choice(("plans", "months"))][-1]
    signature = chance.choice(file["signatures"])
    if chance.random() < 0.5:
        signature["note"] = ""
    else:
        del signature[chance.choice(list(signature))]


def _sig_digit(bundle: Any, chance: Chance) -> None:
    signature = chance.choice(bundle[chance.choice(("plans", "months"))][-1]["signatures"])
    at = chance.randrange(128)
    other = chance.choice([sign for sign in "0123456789abcdef" if sign != signature["sig"][at]])
    signature["sig"] = signature["sig"][:at] + other + signature["sig"][at + 1 :]


def _sig_exchanged(bundle: Any, chance: Chance) -> None:
    signatures = bundle[chance.choice(("plans", "months"))][-1]["signatures"]
    one, two = chance.sample(range(len(signatures)), 2)
    signatures[one]["sig"], signatures[two]["sig"] = signatures[two]["sig"], signatures[one]["sig"]


def _sig_removed(bundle: Any, chance: Chance) -> None:
    signatures = bundle[chance.choice(("plans", "months"))][-1]["signatures"]
    del signatures[chance.randrange(len(signatures))]


def _sig_repeated(bundle: Any, chance: Chance) -> None:
    signatures = bundle[chance.choice(("plans", "months"))][-1]["signatures"]
    signatures.append(chance.choice(signatures))


def _revision_removed(bundle: Any, chance: Chance) -> bool | None:
    """One of two revisions is missing, or both documents have one number."""
    if len(bundle["months"]) == 1:
        return False
    if chance.random() < 0.7:
        del bundle["months"][chance.randrange(2)]
    else:
        bundle["months"][1]["document"]["revision"] = 1
    return None


def _sig_of_plan(bundle: Any, chance: Chance) -> None:
    """The signature of a party for the plan is one of the month."""
    bundle["months"][-1]["signatures"][1] = bundle["plans"][0]["signatures"][0]


def _unicode(bundle: Any, chance: Chance) -> None:
    """A title that looks the same."""
    document = bundle["plans"][0]["document"]
    document["project"]["title"] = chance.choice((
        unicodedata.normalize("NFKC", document["project"]["title"] + "\ufeff"),
        document["project"]["title"].replace("2", "２"), document["project"]["title"] + "\u200b",
    ))  # fmt: skip


def _months_removed(bundle: Any, chance: Chance) -> None:
    """Their lines are left: the month looks as if it had not been issued."""
    bundle["months"] = []


REJECTED = frozenset({"months removed"})  # kinds after which a bundle is not even consistent
TAMPERED: dict[str, Callable[[Any, Chance], Any]] = {
    "digit of a line": _line_digit, "energy of a line": _line_energy, "lines exchanged": _swap_lines,
    "line removed": _remove_line, "last lines removed": _remove_last_lines, "first lines removed": _remove_first_lines,
    "line repeated": _repeat_line, "line of another ledger": _line_of_other,
    "signatures of lines exchanged": _swap_sigs, "signature in upper case": _upper_sig,
    "white space in a line": _space_in_line, "number form in a line": _number_form_in_line,
    "key twice in a line": _twice_in_line, "key of the bundle": _bundle_key, "edges of the bundle": _bundle_edges,
    "month of the bundle": _bundle_month, "format of the bundle": _bundle_format,
    "member of the bundle": _bundle_member, "motors of the bundle": _bundle_motors,
    "line of the month removed": _without_month_line, "decision removed": _without_decision,
    "baseline removed": _without_baseline,
    "digit of the plan": _document_digit("plans"), "digit of the month": _document_digit("months"),
    "term of the plan": _plan_term, "statement": _statement, "member of a statement": _statement_member,
    "digit of a signature": _sig_digit, "signatures exchanged": _sig_exchanged, "signature removed": _sig_removed,
    "signature repeated": _sig_repeated, "signature of another document": _sig_of_plan, "revision": _revision_removed,
    "months removed": _months_removed, "text that looks the same": _unicode,
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


TWICE = ("month", "key", "gross", "energies", "vat_rate", "signed_ms", "document")
TEXTUAL: dict[str, Callable[[str, Chance], Any]] = {
    **{f"{key} twice": _twice(key) for key in TWICE},
    "number with a fraction": _fraction, "half of a character": _half_character, "cut off": _cut, "more text": _more,
}  # fmt: skip
