"""The alarms of a month in the report: how often announced, and what was open at its end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.basics import HandClock
from support.store import without_fsync

from agent.alarms.messages import event_of
from agent.alarms.model import AlarmRecord, AlarmState, AlarmTransition, Change
from agent.config.alarm_table import DEFINITIONS
from agent.config.model import StoreSettings
from agent.core.text import Catalogue
from agent.delivery.store import Store
from agent.delivery.store.event_history import EventHistory
from agent.savings.report.html.page import Cover, motor_texts
from agent.savings.report.model.alarms_of_month import alarms_of_month
from agent.savings.report.model.month import ReportMonth
from agent.savings.report.rendered import rendered

FROM_MS, TO_MS = 1_790_000_000_000, 1_792_592_000_000
DAY_MS = 86_400_000
N, U, A = AlarmState.NORM, AlarmState.UNACK, AlarmState.ACKED


class Past:
    """A state file with the changes of alarms that a test adds."""

    def __init__(self, folder: Path) -> None:
        with without_fsync():
            self.store = Store(folder, HandClock(TO_MS / 1000), StoreSettings(commit_interval_s=0.01))
        self._events, self._seq = EventHistory(self.store), 0

    def add(self, code: str, day: float, before: AlarmState, after: AlarmState, asset: str = "pump-1") -> None:
        """A change, days after the start of the month."""
        self._seq += 1
        at_ms = FROM_MS + round(day * DAY_MS)
        change = Change.RAISED if after is U else Change.ACKNOWLEDGED if after is A else Change.RETURNED
        record = AlarmRecord(asset=asset, code=code, state=after, priority=DEFINITIONS[code].priority)
        transition = AlarmTransition(
            seq=self._seq, at_ms=at_ms, before=before, after=after, change=change, announced=after is U, record=record,
            by="Li Wei" if after is A else "",
        )  # fmt: skip
        self._events.on_published(event_of(transition, DEFINITIONS[code]))

    def month(self) -> list[tuple[str, int, str, bool]]:
        self.store.flush()
        found = alarms_of_month(self.store.rows, "pump-1", FROM_MS, TO_MS)
        return [(item.name, item.announced, item.state, item.open) for item in found]


@pytest.fixture
def past(tmp_path: Path) -> Iterator[Past]:
    past = Past(tmp_path)
    yield past
    past.store.close()


def test_announcements_are_counted_by_alarm_the_worst_first(past: Past) -> None:
    for day in (1, 2, 3):
        past.add("cavitation", day, N, U)
        past.add("cavitation", day + 0.1, U, A)
        past.add("cavitation", day + 0.2, A, N)
    past.add("stall", 5, N, U)
    past.add("stall", 5.1, U, A)
    past.add("stall", 6, N, U, asset="fan-2")
    assert past.month() == [("stall", 1, "ACKED", True), ("cavitation", 3, "NORM", False)]


def test_an_alarm_of_an_earlier_month_counts_only_while_it_is_open(past: Past) -> None:
    past.add("stall", -2, N, U)
    past.add("dry_run", -2, N, U)
    past.add("dry_run", -1, U, N)
    past.add("phase_loss", 31, N, U)
    assert past.month() == [("stall", 0, "UNACK", True)], "phase_loss belongs to the next month"


def test_a_month_without_alarms_has_none(past: Past) -> None:
    assert past.month() == []


def test_the_report_names_them_in_both_languages(past: Past) -> None:
    past.add("stall", 5, N, U)
    past.store.flush()
    found = alarms_of_month(past.store.rows, "pump-1", FROM_MS, TO_MS)
    month = ReportMonth("pump-1", "Pump", "2026-09", FROM_MS, TO_MS, "UTC", [], 0.0, 0.0, None, alarms=found)
    cover = Cover("mill-2", "gw-07", "UTC", 0, "0", "c0ffee", "magwatt ledger verify")
    for language in ("en", "zh_CN"):
        catalogue = Catalogue(language)
        (row,) = motor_texts(month, catalogue)["alarms"]
        on_page = rendered([month], cover)["texts"][language.partition("_")[0]]["motors"][0]
        assert on_page["alarms"] == [row], "the page shows the same"
        assert (row["title"], row["announced"]) == (catalogue(DEFINITIONS["stall"].title), "1")
        assert row["priority"] == catalogue("high")
