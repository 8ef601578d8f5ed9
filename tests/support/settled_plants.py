"""Twelve simulated plants under contract: each month is issued, signed by both parties, and exported as a bundle.

The plants are those of independent_plants.py; the contracts differ in formula, tariff, reading day, VAT and rounding.
Each plant has gaps: intervals that are missing, whose energy is unknown, that were polled for a part of the time or
filled from the register, and non-routine events, of which some are decided.
"""

from __future__ import annotations

import contextlib
import random
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from msgspec.structs import replace
from support import metered_retrofit
from support.basics import HandClock
from support.contract import COMPANY, CUSTOMER, DAY_MS, document, signed
from support.independent_plant_cases import CLASSES, COVERED_CASES, START_MS, WORLDS, intervals, meter_errors
from support.independent_plants import live_in
from support.savings import save_event, save_frozen

from agent.config.loader import load_config
from agent.config.model import Config
from agent.contract.bundle import bundle_of
from agent.contract.documents import file_body
from agent.contract.month_issue import issued, month_document
from agent.contract.month_notes import obstacles
from agent.contract.month_states import MonthHistory, MonthRevision, revision_of, sign_month
from agent.contract.plan_versions import PlanHistory, PlanVersion
from agent.contract.recorded_months import KIND, body_of_issued, body_of_signed, recorded_months
from agent.delivery.store import Store
from agent.delivery.store.read_only import open_read_only
from agent.savings.baseline.baseline import freeze, learn
from agent.savings.ledger import chain
from agent.savings.ledger.interval_records import IntervalRecorder
from agent.savings.ledger.signing_key import LedgerKey, load_or_make
from agent.savings.reasons import MAINTENANCE
from agent.savings.records.baseline_json import to_json
from agent.savings.records.model import QUARTER_MS, Interval, NonRoutineEvent
from agent.savings.records.non_routine_events import decided
from agent.savings.records.repository import event_json, insert_event
from agent.savings.report.model.ledger_check import LedgerVerifier
from agent.savings.report.writer import months_of

REPORTING_MS = metered_retrofit.utc_ms("2024-10-01 00:00")
ONE_PRICE = {"price__per_kwh": {"flat": "0.6125"}}
WEEKEND = [
    {"price": "valley", "from": "22:15", "to": "06:30"}, {"price": "valley", "from": "06:30", "to": "22:15",
                                                          "days": ["weekend", "holiday"]},
    {"price": "flat", "from": "06:30", "to": "22:15", "days": ["workday"], "months": [1, 2, 3, 4, 5, 6, 9, 10, 11, 12]},
    {"price": "peak", "from": "06:30", "to": "22:15", "days": ["workday"], "months": [7, 8]},
]  # fmt: skip
TERMS: Sequence[Mapping[str, Any]] = (
    {},
    {**ONE_PRICE, "motor__fan__formula": "saving_rate", "motor__fan__saving_rate": "0.0790", "price__vat_rate": "0.13",
     "price__includes_vat": False, "settlement__energy_decimals": 2, "settlement__rounding": "half_even"},
    {"price__reading_day": 25, "settlement__rounding": "down"},
    {**ONE_PRICE, "motor__fan__formula": "specific_energy", "motor__fan__quantity": "m3",
     "motor__fan__specific_energy_kwh": "0.2210"},
    {"settlement__negative_month": "settle", "settlement__money_decimals": 0},
    {**ONE_PRICE, "motor__fan__formula": "direct_comparison", "motor__fan__reference_kw": "171.5"},
    {"settlement__energy_decimals": 3, "settlement__rounding": "half_even"},
    {"price__period": WEEKEND, "price__holidays": ["2024-10-01", "2024-10-02", "2025-05-01"]},
    {"motor__fan__formula": "saving_rate", "motor__fan__saving_rate": "0.0813"},
    {"price__includes_vat": False, "price__vat_rate": "0.09", "settlement__energy_decimals": 1},
    {**ONE_PRICE, "motor__fan__formula": "specific_energy", "motor__fan__quantity": "m3",
     "motor__fan__specific_energy_kwh": "0.2450", "settlement__rounding": "down"},
    {"price__reading_day": 10, "settlement__money_decimals": 1},
)  # fmt: skip
PLANTS = dict(zip(COVERED_CASES, TERMS, strict=True))


class SettledMonth(NamedTuple):
    """One month of one plant.

    state: of the newest revision in the ledger. evidence: verdict of its report. obstacles: why it was not issued.
    gross: amount of the document. bundle: as exported.
    """

    plant: str
    month: str
    state: str
    evidence: str
    obstacles: Sequence[str]
    gross: str
    bundle: Mapping[str, Any] | None


def settled_months(folder: Path, plant: str, months: int, days: int = 31) -> Iterator[SettledMonth]:
    """The months of a plant, one after the other. days: of each month that have data, at most."""
    world, terms = WORLDS[plant], PLANTS[plant]
    place = _Place(folder, random.Random(plant))
    rng = np.random.default_rng([len(plant), 11])
    before, after = live_in(world.lasting(world.before_days, 31 * months + 31), rng)
    meter = meter_errors(rng)
    first = (REPORTING_MS - START_MS) // QUARTER_MS
    learned = place.named(intervals(world, before, *meter, new=False, first=first - (7 + world.before_days) * 96))
    frozen = freeze(learn("fan", learned, drivers=world.insisted or None, classes=CLASSES), REPORTING_MS, "李伟")
    place.write(learned, REPORTING_MS)
    save_frozen(place.store, frozen)
    place.append("baseline", {"baseline": to_json(frozen)}, REPORTING_MS)
    plan = place.plan(frozen.hash, terms)
    lived = place.named(intervals(world, after, *meter, new=True, first=first))
    for number in range(months):
        year, month = divmod(9 + number + (plan.plan.rules.tariff.reading_day > 1), 12)
        name = f"{2024 + year}-{month + 1:02d}"
        span = plan.plan.rules.tariff.bounds_ms(name)
        due = [item for item in lived if item.start_ms < min(span[1], span[0] + days * DAY_MS)]
        lived = lived[len(due) :]
        place.write(place.disturbed(due), span[1])
        place.events(span)
        yield place.settle(plant, plan, name, span[1] + 2 * 3_600_000)
    place.store.close()


class _Place:
    """The state directory of a gateway."""

    def __init__(self, folder: Path, chance: random.Random) -> None:
        (folder / "plant.toml").write_text(metered_retrofit.PLANT, encoding="utf-8")
        self.config: Config = load_config(folder / "plant.toml")[0]
        self.state, self.chance = folder / "state", chance
        self.store = Store(self.state, HandClock(REPORTING_MS / 1000))
        self.key: LedgerKey = load_or_make(self.state)
        self._recorder = IntervalRecorder(self.key, {"config": "c0ffee", "software": "0.1.0"})
        self._number = 0

    def named(self, found: Sequence[Interval]) -> list[Interval]:
        return [replace(item, asset="fan", meter="mcc-12 22091734 400/5") for item in found]

    def disturbed(self, found: Sequence[Interval]) -> Iterator[Interval]:
        """With gaps of all kinds, each in about one of 250 intervals."""
        for item in found:
            match self.chance.randrange(250):
                case 0:
                    continue
                case 1:
                    yield replace(item, energy_wh=None)
                case 2:
                    yield replace(item, coverage=0.4)
                case 3:
                    yield replace(item, coverage=0.2, filled_wh=0.8 * (item.energy_wh or 0.0))
                case 4:
                    yield replace(item, auxiliary_wh=300.4)
                case _:
                    yield item

    def write(self, found: Sequence[Interval] | Iterator[Interval], until_ms: int) -> None:
        """Writes intervals day by day, as the agent did: each day in one transaction."""
        items = list(found)
        for first in range(0, len(items), 96):
            part = items[first : first + 96]
            metered_retrofit.record(self.store, self._recorder, part[-1].end_ms, part, metered_retrofit.ZONE)

    def append(self, kind: str, body: Mapping[str, Any], t_ms: int) -> list[chain.LedgerRecord]:
        return metered_retrofit.appended(self.store, t_ms, [(kind, body)], self.key)

    def plan(self, baseline: str, terms: Mapping[str, Any]) -> PlanVersion:
        drafted_ms = REPORTING_MS - 2 * DAY_MS
        body = document(**{
            "drafted_ms": drafted_ms, "applies": {"first": "2024-09-20"}, "sharing__first": "2024-10-01",
            "motor__fan__baseline": baseline, "project__gateway_key": self.key.public,
            "motor__fan__baseline_period": {"first": "2024-07-01", "last": "2024-09-24"},
            "motor__fan__reporting_period": {"first": "2024-10-01"}, **terms,
        })  # fmt: skip
        plan = signed(body, at_ms=drafted_ms + DAY_MS)
        self.append("plan", {"plan": file_body(plan.signed)}, REPORTING_MS)
        return plan

    def events(self, span: tuple[int, int]) -> None:
        """A maintenance of four hours in each month; of three, one is not decided, one is kept, one is adjusted."""
        self._number += 1
        begin_ms = span[0] + self.chance.randrange(1, 4) * DAY_MS + 36_000_000
        times_ms = begin_ms, begin_ms + 4 * 3_600_000
        found = NonRoutineEvent(self._number, "fan", "maintenance", *times_ms, MAINTENANCE(), 5000.0, "exclude")
        save_event(self.store, found)
        if choice := self._number % 3:
            adjust_wh = 0.0 if choice == 1 else round(self.chance.uniform(-40_000, 40_000), 1)
            made = decided(found, "keep" if choice == 1 else "adjust", "Li Wei", "filter changed", span[1], adjust_wh)
            self.store.do(lambda db: insert_event(db, made, span[1]))
            self.append("decision", {"event": event_json(made)}, span[1] + 60_000)

    def settle(self, plant: str, plan: PlanVersion, month: str, now_ms: int) -> SettledMonth:
        """Issues the month, signs it as both parties, records it and exports the bundle."""
        with contextlib.closing(open_read_only(self.state / "magwatt.sqlite")) as db:
            config = replace(self.config, tariff=plan.plan.rules.tariff)
            reports = months_of(db, config, ("fan",), month, now_ms, LedgerVerifier(self.key))
            if found := [note.code for each in reports for note in obstacles(each, plan.plan)]:
                return SettledMonth(plant, month, "draft", "", found, "", None)
            made = revision_of(issued(month_document(db, reports, plan, now_ms), self.key), month, [plan])
            plans, recorded = PlanHistory([plan]), recorded_months(db, [plan])
        self.append(KIND, body_of_issued(recorded, made, plans), now_ms)
        both = made
        for key in (CUSTOMER, COMPANY):
            both = sign_month(both, key, "", now_ms + DAY_MS)
        body = body_of_signed([*recorded, made], both, plans, self.config.site)
        assert body is not None
        self.append(KIND, body, now_ms + DAY_MS)
        with contextlib.closing(open_read_only(self.state / "magwatt.sqlite")) as db:
            return self._exported(db, plant, plan, both)

    def _exported(self, db: sqlite3.Connection, plant: str, plan: PlanVersion, both: MonthRevision) -> SettledMonth:
        month = both.month
        history = MonthHistory(recorded_months(db, [plan]), PlanHistory([plan]))
        revisions = history.of_month(month.contract, month.month)
        bundle = bundle_of(db, month.month, (month.from_ms, month.to_ms), ("fan",), [plan], revisions)
        state = history.state(revisions[-1]).state
        return SettledMonth(plant, month.month, state, month.motors["fan"].evidence, (), month.amount.gross, bundle)
