"""What the state file holds beside the ledger, and reports are made from: it must be what the records say."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from agent.savings.hours import digest_of_rows, rows_of_hour, summed
from agent.savings.ledger import canonical
from agent.savings.types import Interval
from agent.savings.unrecorded import Held, utc

if TYPE_CHECKING:
    from agent.savings.verify import Verdict

DECIDED = ("decision", "adjust_wh", "by", "reason", "decided_ms")


def check_hours(db: sqlite3.Connection, found: Verdict, hours: Mapping[tuple[str, int], Held]) -> None:
    """The quarter hours must be those that an hour was made from, and its sums theirs."""
    for (asset, from_ms), held in hours.items():
        body = json.loads(db.execute("select body from ledger where seq = ?", (held.seq,)).fetchone()[0])
        rows = rows_of_hour(db, asset, from_ms, int(body.get("to_ms", 0)), held.quarters)
        if digest_of_rows(rows) != body.get("intervals"):
            found.bad(held.seq, f"the intervals of {asset} in its hour, {utc(from_ms)}, are not those it was made from")
        elif wrong := _wrong_sums(rows, body):
            found.bad(held.seq, f"says {wrong} of {asset}, {utc(from_ms)}, which is not what its intervals sum to: "
                      "it was signed so")  # fmt: skip


def _wrong_sums(rows: list[tuple[int, str]], body: Mapping[str, Any]) -> str:
    try:
        sums = summed([msgspec.json.decode(text, type=Interval) for _, text in rows])
    except msgspec.MsgspecError:  # of another version: what it was made from is as it was
        return ""
    return ", ".join(f"{name} {body[name]}" for name, value in sums.items() if name in body and body[name] != value)


def check_baselines(db: sqlite3.Connection, found: Verdict, recorded: Mapping[str, tuple[int, dict[str, Any]]]) -> None:
    """A frozen baseline in the state file must stand in the ledger as it is, and the newest of a motor be the one in
    use."""
    in_use: dict[str, str] = {}
    for name, text in db.execute("select name, body from note where kind = 'baseline'").fetchall():
        try:
            body = json.loads(text)
        except ValueError:
            continue
        if not isinstance(body, dict) or not body.get("hash"):
            continue
        if name == body.get("asset"):
            in_use[name] = str(body["hash"])
        seq, was = recorded.get(str(body["hash"]), (0, {}))
        if not seq:
            found.problems.append(f"the baseline of {body.get('asset')} ({body['hash'][:16]}) stands in no record")
        elif canonical(was) != canonical(body):
            found.bad(seq, f"the baseline of {body.get('asset')} in use is not the one that was frozen")
    newest = {str(was.get("asset")): (seq, said) for said, (seq, was) in recorded.items()}
    for asset, (seq, said) in newest.items():
        if asset not in in_use:
            found.bad(seq, f"the frozen baseline of {asset} is no longer there")
        elif in_use[asset] != said and in_use[asset] in recorded:
            found.bad(seq, f"the baseline of {asset} in use ({in_use[asset][:16]}) is an older one")


def check_decisions(
    db: sqlite3.Connection, found: Verdict, recorded: Mapping[tuple[str, int], tuple[int, dict[str, Any]]]
) -> None:
    """What a person decided about an event must be what the ledger says, and nobody else may have decided."""
    there = set()
    for name, text in db.execute("select name, body from note where kind = 'savings-event'").fetchall():
        try:
            body = json.loads(text)
            place = str(body["asset"]), int(body["number"])
        except (ValueError, KeyError, TypeError):
            found.problems.append(f"the event {name} in the state file cannot be read")
            continue
        there.add(place)
        seq, was = recorded.get(place, (0, {}))
        if all(body.get(name) == was.get(name) for name in DECIDED) or (not seq and body.get("decision") is None):
            continue
        if seq:
            found.bad(seq, f"the decision about event {place[1]} of {place[0]} is not the recorded one")
        else:
            found.problems.append(f"the decision about event {place[1]} of {place[0]} stands in no record")
    for place, (seq, was) in recorded.items():
        if was.get("decision") is not None and place not in there:
            found.bad(seq, f"event {place[1]} of {place[0]}, which somebody decided, is no longer there")
