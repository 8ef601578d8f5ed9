"""A verifier of bundles, from the lines of the ledger to the amount, written only from docs/reference:
ledger-format.md and contract-format.md.

It imports nothing of the product. A contradiction is an `Unfit`; the text is for the one who reads a failed test.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any, NamedTuple

from support.independent_contract import canonical, contract_kwh, digest, parsed, problem_of_bundle, to, verifies
from support.independent_plans import Plan, bounds_ms, local, plan_for, plans_in_force, price_at

QUARTER_MS = 900_000
CLOCK_MS = 600_000
MONTH_KEYS = {"s", "contract", "plan", "month", "from_ms", "to_ms", "revision", "drafted_ms", "site", "gateway",
              "gateway_key", "ledger", "motor", "amount"}  # fmt: skip
MOTOR_KEYS = {"energies", "running_s", "quantity", "excluded", "excluded_wh", "recalculated", "decisions",
              "unmeasured_s", "u80_wh", "u90_wh", "u95_wh", "evidence", "assumptions", "contract_kwh",
              "adjusted_kwh"}  # fmt: skip
DECIMAL = r"[0-9]{1,9}(\.[0-9]{1,9})?"
EVIDENCE = ("proven", "provisional", "not_proven", "negative", "none")


class Unfit(Exception):
    """What contradicts."""


class Verified(NamedTuple):
    """The result.

    state: none | issued | accepted | settled: of the newest revision.
    signed_by: parties that have signed it.
    amount: name → text, of the newest revision; empty without one.
    later: what was recorded of the month after it was issued.
    """

    state: str
    signed_by: tuple[str, ...] = ()
    amount: Mapping[str, Any] = {}
    later: tuple[str, ...] = ()


def need(condition: object, what: str) -> None:
    if not condition:
        raise Unfit(what)


def verified(bundle: Mapping[str, Any], key: str | None = None) -> Verified:
    """Verifies a bundle. key: public key of the gateway, if known; else that of the plan. Raises Unfit."""
    need(
        bundle.keys()
        == {"s", "month", "from_ms", "to_ms", "motors", "key", "before", "lines", "after", "plans", "months"},
        "form of the bundle",
    )
    if (problem := problem_of_bundle(bundle, key or bundle["key"])) is not None:
        raise Unfit(problem)
    keys = [body["seq"] for body in bodies_of(bundle) if body["kind"] == "key"]
    need(keys == [1], "one line of the kind key, the first")
    own = {digest(canonical(file["document"]).encode()) for file in bundle["plans"]}
    need(own == plans_in_force(bundle["plans"]).keys(), "a plan is not in force")
    recorded = [body["plan"] for body in bodies_of(bundle) if body["kind"] == "plan"]
    plans = plans_in_force([*bundle["plans"], *recorded])
    documents = {}
    for file in bundle["months"]:
        document, signed_by = month_of(file, plans)
        need(document["month"] == bundle["month"], "another month")
        documents[digest(canonical(document).encode())] = (document, signed_by)
    in_lines = [body["month"]["document"] for body in bodies_of(bundle) if body["kind"] == "month"]
    contracts = {document["contract"] for document, _ in documents.values()} or {
        plan.document["contract"] for plan in plans.values() if plan.document["motor"].keys() & set(bundle["motors"])
    }
    for each in in_lines:
        known = digest(canonical(each).encode()) in documents
        need(known or each["month"] != bundle["month"] or each["contract"] not in contracts, "a revision is left out")
    for id_, (document, _) in documents.items():
        check_revision(id_, document, {known: each for known, (each, _) in documents.items()})
    if not documents:
        return Verified("none")
    need(len(contracts) == 1, "several contracts")
    newest, signed_by = max(documents.values(), key=lambda item: int(item[0]["revision"]))
    for document, _ in documents.values():
        check_plan(document, plans, bundle)
        need(recorded_seq(document, bundle) is not None, "the month is not in the ledger")
        applies = plan_applies(document, plans)
        need(applies or document is not newest, "plan of the day")
        if applies:
            need(
                document["from_ms"] == bundle["from_ms"] and document["to_ms"] == bundle["to_ms"],
                "bounds of the bundle",
            )
            need(document["motor"].keys() <= set(bundle["motors"]), "motors of the bundle")
            check_amount(document, plans[document["plan"]].document)
            check_lines(document, plans[document["plan"]].document, bundle)
    state = ("issued", "accepted", "settled")[len(signed_by)]
    return Verified(state, tuple(sorted(signed_by)), newest["amount"], tuple(later_changes(newest, bundle)))


def bodies_of(bundle: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [parsed(line) for line in (*bundle["before"], *bundle["lines"], *bundle["after"])]


def month_of(file: Mapping[str, Any], plans: Mapping[str, Plan]) -> tuple[dict[str, Any], set[str]]:
    """The document of a month, and the parties that have signed it."""
    need(file.keys() == {"s", "document", "signatures"} and file["s"] == "magwatt.signed/1", "form of a month")
    document = file["document"]
    need(document["s"] == "magwatt.month/1", "format of a month")
    need(document.keys() - {"replaces", "reason", "simulated"} == MONTH_KEYS, "members of a month")
    need(document.get("simulated", True) is True, "simulated")
    need(document["plan"] in plans, "the plan of the month is not in force")
    parties = plans[document["plan"]].document["party"]
    keys = {role: party["public_key"] for role, party in parties.items()} | {"gateway": document["gateway_key"]}
    known_ms = plans[document["plan"]].known_ms
    id_, roles = digest(canonical(document).encode()), []
    for each in file["signatures"]:
        need(each.keys() == {"s", "document", "type", "role", "by", "key", "signed_ms", "sig"}, "form of a signature")
        need(
            (each["s"], each["document"], each["type"]) == ("magwatt.signature/1", id_, document["s"]), "other document"
        )
        need(isinstance(each["by"], str) and type(each["signed_ms"]) is int, "form of a signature")
        need(each["role"] in keys, "role")
        public = keys[each["role"]]
        need(each["key"] == digest(bytes.fromhex(public))[:16], "key of a signature")
        statement = {name: value for name, value in each.items() if name != "sig"}
        need(verifies(public, canonical(statement).encode(), each["sig"]), "signature of a month")
        need(each["signed_ms"] >= document["drafted_ms"] - CLOCK_MS, "signed before it was issued")
        need(each["role"] == "gateway" or each["signed_ms"] >= known_ms - CLOCK_MS, "signed before its plan")
        roles.append(each["role"])
    need(len(set(roles)) == len(roles), "signed twice")
    need("gateway" in roles, "not issued by the gateway")
    return document, set(roles) - {"gateway"}


def check_revision(id_: str, document: Mapping[str, Any], known: Mapping[str, Mapping[str, Any]]) -> None:
    number = document["revision"]
    need(type(number) is int and 1 <= number <= 999, "revision")
    need(sum(each["revision"] == number for each in known.values()) == 1, "two documents of one revision")
    if number == 1:
        need("replaces" not in document and "reason" not in document, "revision 1 replaces nothing")
        return
    need(document.get("reason", "").strip() and document.get("replaces") in known, "the revision before is missing")
    before = known[document["replaces"]]
    need(before["revision"] == number - 1 and before["contract"] == document["contract"], "the revision before")
    need(document["drafted_ms"] >= before["drafted_ms"] - CLOCK_MS, "issued before the one that it replaces")


def check_plan(document: Mapping[str, Any], plans: Mapping[str, Plan], bundle: Mapping[str, Any]) -> None:
    plan = plans[document["plan"]].document
    project = plan["project"]
    need(document["contract"] == plan["contract"], "contract")
    for name in ("site", "gateway", "gateway_key"):
        need(document[name] == project.get(name), name)
    need(document["gateway_key"] == bundle["key"], "key of the bundle")
    need(document["motor"].keys() == plan["motor"].keys(), "motors")
    need((document["from_ms"], document["to_ms"]) == bounds_ms(plan, document["month"]), "bounds of the month")
    need(document["drafted_ms"] >= document["to_ms"], "issued before the month ended")


def plan_applies(document: Mapping[str, Any], plans: Mapping[str, Plan]) -> bool:
    """Whether the plan of a month is the one of each motor on the first and the last day."""
    plan = plans[document["plan"]].document
    days = [local(plan, at_ms).date() for at_ms in (document["from_ms"], document["to_ms"] - 1)]
    return all(plan_for(plans, motor, day) == document["plan"] for motor in plan["motor"] for day in days)


def check_amount(document: Mapping[str, Any], plan: Mapping[str, Any]) -> None:
    """Figures from the energies of the document, as texts."""
    rules, price = plan["settlement"], plan["price"]
    prices, cents, rule = price["per_kwh"], rules["money_decimals"], rules["rounding"]
    value = Fraction(0)
    for name, motor in document["motor"].items():
        need(motor.keys() - {"counted"} == MOTOR_KEYS and motor["evidence"] in EVIDENCE, f"members of {name}")
        rows = motor["energies"]
        need(rows.keys() == prices.keys(), f"prices of {name}")
        need(all(type(wh) is int for row in rows.values() for wh in row), "whole Wh")
        total = [sum(column) for column in zip(*rows.values(), strict=True)]
        by_price = len(prices) > 1
        missing = {"specific_energy": "quantity", "direct_comparison": "running_s"}.get(plan["motor"][name]["formula"])
        need(missing is None or motor[missing] is not None, f"{missing} of {name}")
        if "counted" in motor:
            need(missing is not None and motor["counted"].keys() == {"compared", "measured"}, f"counted of {name}")
            need(all(re.fullmatch(DECIMAL, each) for each in motor["counted"].values()), f"counted of {name}")
            parts = [Fraction(motor["counted"][each]) for each in ("compared", "measured")]
            need(0 <= parts[0] <= parts[1] <= Fraction(motor[missing]), f"counted of {name}")
        exact = {each: contract_kwh(plan["motor"][name], row, motor["quantity"], motor["running_s"])
                 for each, row in (rows if by_price else {"": total}).items()}  # fmt: skip
        kwh = {each: to(figure, rules["energy_decimals"], rule) for each, figure in exact.items()}
        adjusted = to(Fraction(total[2] - total[1], 1000), rules["energy_decimals"], rule)
        texts = {each: text_of(figure, rules["energy_decimals"]) for each, figure in kwh.items()}
        need(motor["contract_kwh"] == texts, f"kWh of {name}")
        need(motor["adjusted_kwh"] == text_of(adjusted, rules["energy_decimals"]), f"adjusted kWh of {name}")
        value += sum(figure * Fraction(prices[each] if by_price else next(iter(prices.values())))
                     for each, figure in kwh.items())  # fmt: skip
    if rules["negative_month"] == "zero":
        value = max(value, Fraction(0))
    first_day, day = plan["sharing"]["first"], f"{local(plan, document['from_ms']):%Y-%m-%d}"
    year = int(day[:4]) - int(first_day[:4]) + (day[5:] >= first_day[5:])
    shares = plan["sharing"]["energy_service_company"]
    need(day >= first_day and 1 <= year <= len(shares), "year of the sharing period")
    share, vat_rate = shares[year - 1], Fraction(price["vat_rate"])
    fee = to(value * Fraction(share), cents, rule)
    vat = to(fee * vat_rate / (1 + vat_rate) if price["includes_vat"] else fee * vat_rate, cents, rule)
    net, gross = (fee - vat, fee) if price["includes_vat"] else (fee, fee + vat)
    figures = {"value": to(value, cents, rule), "net": net, "vat": vat, "gross": gross}
    expected = {name: text_of(figure, cents) for name, figure in figures.items()} | {"year": year, "share": share}
    need(document["amount"] == expected, "amount")


def text_of(value: Fraction, decimals: int) -> str:
    """A rounded figure with its decimals."""
    whole = abs(value.numerator) * 10**decimals // value.denominator
    digits = f"{whole:0{decimals + 1}d}"
    text = f"{digits[:-decimals]}.{digits[-decimals:]}" if decimals else digits
    return f"-{text}" if value < 0 else text


def check_lines(document: Mapping[str, Any], plan: Mapping[str, Any], bundle: Mapping[str, Any]) -> None:
    """The energies follow from the lines that the document names."""
    lines = {parsed(line)["seq"]: line for line in bundle["lines"]}
    first, last = document["ledger"]["first"], document["ledger"]["last"]
    need(all(seq in lines for seq in range(first, last + 1)), "lines of the month")
    need(digest(lines[last].encode()) == document["ledger"]["hash"], "hash of the last line")
    issued_seq = recorded_seq(document, bundle)
    need(issued_seq is not None and issued_seq > last, "the month is not in the ledger")
    bodies = [parsed(lines[seq]) for seq in range(first, last + 1)]
    for name, motor in document["motor"].items():
        newest = {
            body["from_ms"]: body for body in bodies
            if body["kind"] == "interval" and body["asset"] == name
            and document["from_ms"] <= body["from_ms"] < document["to_ms"]
        }  # fmt: skip
        counting = {start: body for start, body in sorted(newest.items()) if body["length_s"] > 0}
        check_energies(motor, counting, plan, plan["motor"][name].get("baseline", ""), document)
        inside = any(not any(begin <= start < end for begin, end, _ in motor["excluded"]) for start in counting)
        check_decisions(name, motor, document, bundle, issued_seq or 0, plan if inside else None)
        if hash_ := plan["motor"][name].get("baseline"):
            check_baseline(name, hash_, bundle, issued_seq or 0)


def recorded_seq(document: Mapping[str, Any], bundle: Mapping[str, Any]) -> int | None:
    """Number of the first line that contains the document."""
    for body in map(parsed, (*bundle["lines"], *bundle["after"])):
        if body["kind"] == "month" and canonical(body["month"]["document"]) == canonical(document):
            return int(body["seq"])
    return None


def check_energies(
    motor: Mapping[str, Any], counting: Mapping[int, Mapping[str, Any]], plan: Mapping[str, Any], baseline: str,
    document: Mapping[str, Any],
) -> None:  # fmt: skip
    sums = {price: [0, 0, 0] for price in plan["price"]["per_kwh"]}
    spans, outside = motor["excluded"], dict.fromkeys(motor["excluded_wh"], 0)
    edges = [document["from_ms"], *(edge for begin, end, _ in spans for edge in (begin, end)), document["to_ms"]]
    need(edges == sorted(edges) and all(begin < end for begin, end, _ in spans), "excluded times")
    recalculated = dict(motor["recalculated"])
    starts = [start for start, _ in motor["recalculated"]]
    need(starts == sorted(set(starts)), "order of recalculated")
    for start, body in counting.items():
        measured = (body["energy_wh"] or 0) + body.get("auxiliary_wh", 0)
        cause = next((code for begin, end, code in spans if begin <= start < end), None)
        add(sums, 0, measured, start, body["length_s"], plan)
        if cause is not None:
            need(cause in outside, "cause of an excluded time")
            outside[cause] += measured
            continue
        add(sums, 1, measured, start, body["length_s"], plan)
        if start in recalculated:
            adjusted = recalculated.pop(start)
        else:
            adjusted = body.get("adjusted_wh")
            need(adjusted is not None and body["baseline"] == baseline[:16], f"adjusted baseline of {start}")
        add(sums, 2, adjusted, start, body["length_s"], plan)
    need(not recalculated, "recalculated without a record")
    need(outside == motor["excluded_wh"] and {code for _, _, code in spans} == outside.keys(), "excluded energy")
    for decision in motor["decisions"]:
        for price, wh in decision["energy_wh"].items():
            need(price in sums and decision["decision"] == "adjust", "price of a decision")
            sums[price][2] += wh
    need(sums == {price: list(row) for price, row in motor["energies"].items()}, "energies")


def add(
    sums: dict[str, list[int]], column: int, wh: int, start_ms: int, length_s: int, plan: Mapping[str, Any]
) -> None:  # fmt: skip
    """An energy at its price; divided at the quarter hours, if the interval has several."""
    given = 0
    for begin_ms, end_ms in quarters(start_ms, start_ms + 1000 * length_s):
        due = half_even(Fraction(wh * (end_ms - start_ms), 1000 * length_s))
        sums[price_at(plan, begin_ms)][column] += due - given
        given = due


def quarters(begin_ms: int, end_ms: int) -> Iterator[tuple[int, int]]:
    while begin_ms < end_ms:
        next_ms = min((begin_ms // QUARTER_MS + 1) * QUARTER_MS, end_ms)
        yield begin_ms, next_ms
        begin_ms = next_ms


def half_even(value: Fraction) -> int:
    return round(value)  # a Fraction is rounded exactly, ties to even


def check_baseline(name: str, hash_: str, bundle: Mapping[str, Any], issued_seq: int) -> None:
    """The frozen baseline that the plan names is in a line, and its hash is that of its text."""
    for line in (*bundle["before"], *bundle["lines"], *bundle["after"]):
        body = parsed(line)
        if body["kind"] == "baseline" and body["baseline"]["hash"] == hash_ and body["seq"] < issued_seq:
            begin = line.index('"baseline":') + len('"baseline":')
            _, end = json.JSONDecoder().raw_decode(line, begin)
            text = line[begin:end].replace(f'"hash":"{hash_}",', "", 1)
            escaped = "".join(each if ord(each) < 128 else units(each) for each in text)
            need(digest(escaped.encode()) == hash_, "hash of the baseline")
            need(body["baseline"]["asset"] == name, "motor of the baseline")
            return
    raise Unfit("no line of the baseline")


def units(character: str) -> str:
    data = character.encode("utf-16-be").hex()
    return "".join(f"\\u{data[place : place + 4]}" for place in range(0, len(data), 4))


def check_decisions(
    name: str, motor: Mapping[str, Any], document: Mapping[str, Any], bundle: Mapping[str, Any], issued_seq: int,
    plan: Mapping[str, Any] | None,
) -> None:  # fmt: skip
    """plan: None if no record of the motor is in the saving."""
    newest = newest_decisions(name, bundle, issued_seq)
    named = [each["event"] for each in motor["decisions"]]
    need(named == sorted(set(named)), "order of the decisions")
    for each in motor["decisions"]:
        need(each.keys() == {"line", "event", "decision", "energy_wh"} and each["event"] in newest, "decision")
        line, event = newest[each["event"]]
        need(each["line"] == digest(line.encode()) and each["decision"] == event["decision"], "line of a decision")
        begins = document["from_ms"] <= event["from_ms"] < document["to_ms"]
        if event["decision"] == "adjust" and begins and plan is not None and reported(plan, name, event["from_ms"]):
            need(sum(each["energy_wh"].values()) == half_even(Fraction(event["adjust_wh"])), "adjustment")
        else:
            need(not each["energy_wh"], "adjustment outside the saving")
    for number, (_, event) in newest.items():
        need(number in named or not overlaps(event, document), f"decision on event {number} is missing")


def reported(plan: Mapping[str, Any], name: str, at_ms: int) -> bool:
    """Whether a time is in the reporting period of a motor."""
    period, day = plan["motor"][name]["reporting_period"], f"{local(plan, at_ms):%Y-%m-%d}"
    return bool(period["first"] <= day <= period.get("last", day))


def newest_decisions(name: str, bundle: Mapping[str, Any], before_seq: int) -> dict[int, tuple[str, dict[str, Any]]]:
    """Number of the event → line and content of its last decision before a line."""
    found = {}
    for line in (*bundle["before"], *bundle["lines"], *bundle["after"]):
        body = parsed(line)
        if body["kind"] == "decision" and body["event"]["asset"] == name and body["seq"] < before_seq:
            found[body["event"]["number"]] = (line, body["event"])
    return found


def overlaps(event: Mapping[str, Any], document: Mapping[str, Any]) -> bool:
    end_ms = event["to_ms"]
    return bool(event["from_ms"] < document["to_ms"] and (end_ms is None or end_ms > document["from_ms"]))


def later_changes(document: Mapping[str, Any], bundle: Mapping[str, Any]) -> Iterator[str]:
    """What was recorded of the month after it was issued."""
    for body in map(parsed, (*bundle["lines"], *bundle["after"])):
        of_motor = body["kind"] == "interval" and body["asset"] in document["motor"]
        late = body["seq"] > document["ledger"]["last"]
        if of_motor and late and document["from_ms"] <= body["from_ms"] < document["to_ms"]:
            yield f"interval {body['from_ms']}"
    for name, motor in document["motor"].items():
        named = {each["event"]: each["line"] for each in motor["decisions"]}
        for number, (line, event) in newest_decisions(name, bundle, 2**53).items():
            if named.get(number) != digest(line.encode()) and (number in named or overlaps(event, document)):
                yield f"decision {number}"
