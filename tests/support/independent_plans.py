"""Plans of a bundle: which versions are in force, and their prices and months. Written from the documentation only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from support.independent_contract import canonical, digest, verifies

CLOCK_MS = 600_000
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class Plan(NamedTuple):
    """A version in force: document, the first and last day on which it applies, and its newest date.

    last: "": it has no end. known_ms: when it was drafted or signed last.
    """

    document: Mapping[str, Any]
    first: str
    last: str
    known_ms: int


def plans_in_force(files: Sequence[Mapping[str, Any]]) -> dict[str, Plan]:
    """Identifier → version in force."""
    signed, dates = dict[str, Mapping[str, Any]](), dict[str, list[int]]()
    for file in filter(fully_signed, files):
        id_ = digest(canonical(file["document"]).encode())
        signed[id_] = file["document"]
        dates.setdefault(id_, []).extend(each["signed_ms"] for each in file["signatures"])
    bound = {id_: each for id_, each in signed.items() if follows(each, signed)}
    found = {}
    for id_, document in bound.items():
        first, last = document["applies"]["first"], document["applies"].get("last", "")
        begins = [each["applies"]["first"] for each in bound.values() if each.get("replaces") == id_]
        if begins:
            before = (date.fromisoformat(min(begins)) - timedelta(days=1)).isoformat()
            last = min(last, before) if last else before
        found[id_] = Plan(document, first, last, max(document["drafted_ms"], *dates[id_]))
    return found


def fully_signed(file: Mapping[str, Any]) -> bool:
    """Whether each key of both parties has signed once, and nothing is wrong with a signature."""
    if file.keys() != {"s", "document", "signatures"} or file["s"] != "magwatt.signed/1":
        return False
    document = file["document"]
    if document["s"] != "magwatt.plan/1" or (document["version"] > 1) != ("replaces" in document):
        return False
    keys = {(role, digest(bytes.fromhex(public))[:16]): public for role, party in document["party"].items()
            for name in ("public_key", "former_public_key") if (public := party.get(name))}  # fmt: skip
    seen = []
    for each in file["signatures"]:
        place = each["role"], each["key"]
        fits = (each["s"], each["document"], each["type"]) == (
            "magwatt.signature/1", digest(canonical(document).encode()), document["s"]
        )  # fmt: skip
        statement = {name: value for name, value in each.items() if name != "sig"}
        members = statement.keys() == {"s", "document", "type", "role", "by", "key", "signed_ms"}
        if not fits or not members or place not in keys or type(each["signed_ms"]) is not int:
            return False
        if not verifies(keys[place], canonical(statement).encode(), each["sig"]):
            return False
        if each["signed_ms"] < document["drafted_ms"] - CLOCK_MS:
            return False
        seen.append(place)
    return sorted(seen) == sorted(keys)


def follows(document: Mapping[str, Any], signed: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether a version may replace the one that it names."""
    if document["version"] == 1:
        return True
    before = signed.get(document["replaces"])
    return (
        before is not None
        and before["contract"] == document["contract"]
        and before["version"] == document["version"] - 1
        and document["applies"]["first"] >= before["applies"]["first"]
        and document["drafted_ms"] >= before["drafted_ms"] - CLOCK_MS
        and all(former["public_key"] in (party["public_key"], party.get("former_public_key"))
                for role, party in document["party"].items() for former in (before["party"][role],))
    )  # fmt: skip


def plan_for(plans: Mapping[str, Plan], motor: str, day: date) -> str | None:
    """Identifier of the plan that applies to a motor on a day; None: none, or more than one."""
    text = day.isoformat()
    found = [
        id_ for id_, each in plans.items()
        if motor in each.document["motor"] and each.first <= text and (not each.last or text <= each.last)
    ]  # fmt: skip
    return found[0] if len(found) == 1 else None


def local(plan: Mapping[str, Any], at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, ZoneInfo(plan["project"]["timezone"]))


def bounds_ms(plan: Mapping[str, Any], month: str) -> tuple[int, int]:
    """Start and end of a billing month."""
    year, number = map(int, month.split("-"))
    day = plan["price"].get("reading_day", 1)
    later = (year + number // 12, number % 12 + 1)
    earlier = (year - (number == 1), (number - 2) % 12 + 1)
    edges = ((year, number), later) if day == 1 else (earlier, (year, number))
    zone = ZoneInfo(plan["project"]["timezone"])
    first, end = (round(datetime(*edge, day, tzinfo=zone).timestamp() * 1000) for edge in edges)
    return first, end


def price_at(plan: Mapping[str, Any], at_ms: int) -> str:
    """Name of the price at a time."""
    price = plan["price"]
    if len(price["per_kwh"]) == 1:
        return str(next(iter(price["per_kwh"])))
    at = local(plan, at_ms)
    minute, kinds = at.hour * 60 + at.minute, day_kinds(price, at.date())
    found = [
        each["price"] for each in price["period"]
        if at.month in each.get("months", range(1, 13)) and kinds & set(each.get("days", ["all"]))
        and within(minute, minutes(each["from"]), minutes(each["to"]))
    ]  # fmt: skip
    if len(found) != 1:
        raise ValueError(f"{len(found)} prices at {at}")
    return str(found[0])


def day_kinds(price: Mapping[str, Any], day: date) -> set[str]:
    named = {kind for each in price["period"] for kind in each.get("days", ["all"])}
    if "holiday" in named and day.isoformat() in price.get("holidays", []):
        return {"all", "holiday"}
    weekday = WEEKDAYS[day.weekday()]
    return {"all", weekday, "weekend" if weekday in ("sat", "sun") else "workday"}


def minutes(text: str) -> int:
    hour, minute = text.split(":")
    return 60 * int(hour) + int(minute)


def within(minute: int, begin: int, end: int) -> bool:
    return begin <= minute < end if begin < end else minute >= begin or minute < end
