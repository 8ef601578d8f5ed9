"""A ledger of one October day with a settled month, small enough to be calculated by hand, for tests and test vectors.

Intervals of the fan on 5 October in Shanghai (peak from 17:00, flat from 7:00, valley from 23:00):

    08:00  measured 22,145 + 75 Wh, adjusted 24,310
    08:15  recorded twice; the second counts: 21,990 + 75 Wh, adjusted 24,310
    08:30  15,000 Wh, below the range: not in the saving
    08:45  22,000 Wh without adjusted baseline in its line; recalculated 24,000
    12:00  withdrawn
    16:30  one hour, imported: 80,001 Wh, adjusted 90,003; of them flat 40,000 and 45,002, the rest peak
    23:00  10,000 Wh, adjusted 9,000

Event 1 (9:00 to 10:00) was decided twice; the second decision adds 1,234.5 Wh, 1,234 in whole Wh. Event 2 is kept.
"""

from __future__ import annotations

import copy
import json
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

from support.contract import COMPANY, CUSTOMER, DAY_MS, DRAFTED_MS, signed
from support.contract import document as plan_document
from support.contract_month import FROM_MS, GATEWAY, TO_MS, issued, month_document, revision

from agent.contract.bundle import bundle_of
from agent.contract.documents import file_body
from agent.contract.month_states import MonthRevision
from agent.savings.ledger.chain import append_to, digest

DAY = FROM_MS + 4 * DAY_MS  # 5 October
QUARTER_MS = 900_000
FROZEN = {"asset": "fan", "by": "李伟 \U0001f600", "coefficients": [1.0, 1e-05, -1515.22], "kind": "linear"}
BASELINE = digest(json.dumps(FROZEN, sort_keys=True, separators=(",", ":")))
PLAN = signed(plan_document(motor__fan__baseline=BASELINE))
MONTH = "2026-10"


def at_ms(hour: int, minute: int = 0) -> int:
    return DAY + hour * 3_600_000 + minute * 60_000


def interval(start_ms: int, energy_wh: int | None, adjusted_wh: int | None, **more: object) -> dict[str, Any]:
    return {
        "asset": "fan", "from_ms": start_ms, "length_s": 900, "energy_wh": energy_wh, "covered_s": 900,
        "meter": "mcc-12 22091734 400/5", "adjusted_wh": adjusted_wh, "baseline": BASELINE[:16],
        "interval": digest(f"{start_ms} {energy_wh}"), "config": "c0ffee", "software": "0.1.0", **more,
    }  # fmt: skip


def event(number: int, decision: str, adjust_wh: float, begin_ms: int) -> dict[str, Any]:
    return {"event": {"number": number, "asset": "fan", "kind": "load_shift", "from_ms": begin_ms,
                      "to_ms": begin_ms + 3_600_000, "decision": decision, "adjust_wh": adjust_wh, "by": "Li Wei",
                      "reason": "filter changed", "decided_ms": begin_ms + DAY_MS}}  # fmt: skip


INTERVALS = (
    interval(at_ms(8), 22_145, 24_310, auxiliary_wh=75, register_wh=[8_100_000, 8_122_150]),
    interval(at_ms(8, 15), None, 24_310, covered_s=120, auxiliary_wh=75),
    interval(at_ms(8, 15), 21_990, 24_310, filled_wh=19_000, auxiliary_wh=75,
             replaces=digest(f"{at_ms(8, 15)} None")),
    interval(at_ms(8, 30), 15_000, 20_000),
    interval(at_ms(8, 45), 22_000, None),
    interval(at_ms(12), 21_000, 22_000),
    interval(at_ms(12), None, None, length_s=0, replaces=digest(f"{at_ms(12)} 21000")),
    interval(at_ms(16, 30), 80_001, 90_003, length_s=3600, covered_s=3600, source="imported"),
    interval(at_ms(23), 10_000, 9_000),
)  # fmt: skip
FIGURES = {  # by hand from the lines above
    "motor__fan__energies": {"peak": [40_001, 40_001, 45_001], "flat": [121_285, 106_285, 118_856],
                             "valley": [10_000, 10_000, 9_000]},
    "motor__fan__excluded": [[at_ms(8, 30), at_ms(8, 45), "below_range"]],
    "motor__fan__excluded_wh": {"below_range": 15_000},
    "motor__fan__recalculated": [[at_ms(8, 45), 24_000]],
    "motor__fan__contract_kwh": {"peak": "5", "flat": "13", "valley": "-1"}, "motor__fan__adjusted_kwh": "17",
    "motor__fan__running_s": 8_100, "motor__fan__unmeasured_s": 2_670_300,
    "motor__fan__u80_wh": 900, "motor__fan__u90_wh": 1_200, "motor__fan__u95_wh": 1_400,
    # 5 × 1.05 + 13 × 0.68 − 0.34 = 13.75; × 0.80 = 11.00; VAT 11.00 × 6 / 106 = 0.6226
    "amount": {"value": "13.75", "year": 1, "share": "0.80", "net": "10.38", "vat": "0.62", "gross": "11.00"},
}  # fmt: skip


def ledger() -> sqlite3.Connection:
    """The ledger before the month is issued."""
    db = sqlite3.connect(":memory:")
    db.execute("create table ledger (seq integer primary key, t_ms integer, kind text, body text, hash text)")
    append(db, DRAFTED_MS, "baseline", {"baseline": {**FROZEN, "hash": BASELINE}, "replaces": ""})
    append(db, DRAFTED_MS + 2 * DAY_MS, "plan", {"plan": file_body(PLAN.signed)})
    append(db, at_ms(7), "decision", event(1, "keep", 0.0, at_ms(9)))
    for each in INTERVALS:
        append(db, each["from_ms"] + 900_000, "interval", each)
    append(db, at_ms(24), "checkpoint", {"site": "mill-2", "gateway": "gw-07", "day": "2026-10-05"})
    append(db, TO_MS + 3_600_000, "decision", event(1, "adjust", 1234.5, at_ms(9)))
    append(db, TO_MS + 3_700_000, "decision", event(2, "keep", 0.0, at_ms(12)))
    return db


def append(db: sqlite3.Connection, t_ms: int, kind: str, body: Mapping[str, Any]) -> None:
    append_to(db, GATEWAY, t_ms, [(kind, body)])


def document(db: sqlite3.Connection, **more: object) -> dict[str, Any]:
    """The document of the month. more: as for `month_document`."""
    rows = db.execute("select seq, hash from ledger where kind = 'interval' order by seq").fetchall()
    decided = db.execute("select hash from ledger where kind = 'decision' order by seq desc limit 2").fetchall()
    named = [
        {"line": hash_, "event": number, "decision": decision, "energy_wh": energy_wh}
        for (hash_,), number, decision, energy_wh in zip(reversed(decided), (1, 2), ("adjust", "keep"),
                                                          ({"flat": 1_234}, {}), strict=True)
    ]  # fmt: skip
    lines = {"first": rows[0][0], "last": rows[-1][0], "hash": rows[-1][1]}
    return month_document(PLAN, **{**copy.deepcopy(FIGURES), "ledger": lines, "motor__fan__decisions": named, **more})


def settled_bundle(*bodies: Mapping[str, Any], db: sqlite3.Connection | None = None) -> dict[str, Any]:
    """The bundle after both parties have signed each of these documents; that of `document` if none is given."""
    db = db or ledger()
    return bundle(db, [revision(body, CUSTOMER, COMPANY, plan=PLAN) for body in bodies or (document(db),)])


def bundle(db: sqlite3.Connection, months: Sequence[MonthRevision]) -> dict[str, Any]:
    """The bundle; each month is recorded when it was issued, and again with its signatures."""
    record(db, months)
    return exported(db, months)


def record(db: sqlite3.Connection, months: Sequence[MonthRevision]) -> None:
    for each in months:
        append(db, each.month.drafted_ms, "month", {"month": file_body(issued(each.signed.document))})
        if len(each.signed.signatures) > 1:
            append(db, each.month.drafted_ms + 2 * DAY_MS, "month", {"month": file_body(each.signed)})


def exported(db: sqlite3.Connection, months: Sequence[MonthRevision]) -> dict[str, Any]:
    return bundle_of(db, MONTH, (FROM_MS, TO_MS), ("fan",), [PLAN], months)
