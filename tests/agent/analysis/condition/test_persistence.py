"""A finding of a slow fault needs several records over hours; one record is a note. Truth:
docs/explanation/condition.md.
"""

from __future__ import annotations

import pytest

from agent.analysis.condition.answers import Answer, Clear, ConditionFinding, Confidence, NotObservable, Severity
from agent.analysis.condition.persistence import RecordHistory
from drivers.reasons import Code

WHY = Code("test_condition_why", "a line at {line_hz:.1f} Hz")
LOAD = Code("test_condition_load", "too little load")
HOUR_S, DAY_H = 3600.0, 24


def finding(code: str, severity: Severity = Severity.WARNING) -> ConditionFinding:
    return ConditionFinding(code, severity, Confidence.LIKELY, 1.0, WHY(line_hz=1.5), -40.0, "dB", -45.0)


def severities(code: str, hours: list[float], answers: list[Answer]) -> list[str]:
    """The verdict of the history after each record: the severity of a finding, else the kind of verdict."""
    history, found = RecordHistory(), []
    for hour, answer in zip(hours, answers, strict=True):
        history.add(HOUR_S * hour, [answer])
        (now,) = history.answers()
        found.append(now.severity.value if isinstance(now, ConditionFinding) else type(now).__name__)
        assert now.code == code
    return found


BAR, LIVE, TURNS, MAGNETS = "broken_rotor_bar", "live_terminals", "turn_fault", "demagnetization"


@pytest.mark.parametrize(("code", "hours", "expected"), [
    (BAR, [0, 0.1, 0.2, 0.3, 0.4], ["note"] * 5),  # five records, not spread over six hours
    (BAR, [0, 3, 6, 9, 12], ["note", "note", "warning", "warning", "warning"]),
    (BAR, [0, 6, 12, 40, 41], ["note", "note", "warning", "alarm", "alarm"]),  # 24 h after the warning
    (BAR, [0, 1, 2, 3, 4, 5, 6], ["note"] * 6 + ["warning"]),  # more often than five times in six hours
    (TURNS, [0, 0.04, 0.08], ["note", "note", "alarm"]),  # within ten minutes
    (LIVE, [0], ["alarm"]),
])  # fmt: skip
def test_a_finding_needs_three_records_spread_over_its_time(
    code: str, hours: list[float], expected: list[str]
) -> None:  # fmt: skip
    assert severities(code, hours, [finding(code, Severity.ALARM) for _ in hours]) == expected


@pytest.mark.parametrize("every_s", [120.0, 300.0, 3600.0])
def test_a_slow_fault_lasts_after_six_hours_and_returns_after_as_many_however_often_records_are_made(
    every_s: float,
) -> None:
    """3 of the last 5 over at least 6 h; an interval of records that count, and one of the records, may be added."""
    history = RecordHistory()

    def hours_until(answer: Answer, raised: bool, start_h: float) -> float:
        for number in range(int(2 * DAY_H * HOUR_S / every_s)):
            hour = start_h + number * every_s / HOUR_S
            history.add(HOUR_S * hour, [answer])
            since_ms, observed_ms = history.times_ms()[BAR]
            assert observed_ms == round(1000 * HOUR_S * hour)
            if (since_ms is not None) == raised:
                return hour
        raise AssertionError("it never did")

    begin_h = hours_until(finding(BAR), True, 0.0)
    assert 6.0 <= begin_h <= 6.0 + 1.5 + every_s / HOUR_S
    end_h = hours_until(Clear(BAR), False, begin_h + 1.5)
    assert 6.0 <= end_h - begin_h <= 6.0 + 3.0 + every_s / HOUR_S


def test_one_record_is_a_note_and_a_clear_one_ends_it() -> None:
    answers: list[Answer] = [finding(BAR), Clear(BAR)]
    assert severities(BAR, [0, 1], answers) == ["note", "Clear"]


def test_a_finding_returns_only_after_five_clear_records() -> None:
    answers: list[Answer] = [*[finding(MAGNETS)] * 3, *[Clear(MAGNETS)] * 5]
    hours = [4.0 * number for number in range(8)]
    assert severities(MAGNETS, hours, answers) == ["note", "note", *["warning"] * 5, "Clear"]


def test_a_broken_bar_that_is_no_longer_visible_is_not_clear() -> None:
    """Bars do not heal: a second one half a pole pitch away cancels the sidebands of the first."""
    history = RecordHistory()
    for number in range(12):
        history.add(6 * HOUR_S * number, [finding(BAR) if number < 3 else Clear(BAR)])
    for one in (history, RecordHistory(history.state())):
        (answer,) = one.answers()
        assert isinstance(answer, NotObservable)
        assert answer.reason.code == "condition_history_found_before"
        assert one.times_ms()[BAR][0] is None


def test_records_in_which_nothing_can_be_seen_change_nothing() -> None:
    unseen = NotObservable(BAR, LOAD())
    answers: list[Answer] = [*[finding(BAR)] * 3, *[unseen] * 20]
    assert severities(BAR, [4.0 * number for number in range(23)], answers)[2:] == ["warning"] * 21


def test_notes_never_add_up_to_a_warning() -> None:
    answers: list[Answer] = [finding(BAR, Severity.NOTE)] * 5
    assert severities(BAR, [0, 6, 12, 18, 24], answers) == ["note"] * 5


@pytest.mark.parametrize("count", range(1, 8))
def test_a_restart_between_records_changes_nothing(count: int) -> None:
    """The state file keeps what counts; times are UTC, so that they survive the restart."""
    history = RecordHistory()
    for number in range(count):
        history.add(7 * HOUR_S * number, [finding(BAR, Severity.ALARM)])
    restored = RecordHistory(history.state())
    assert restored.answers() == history.answers()
    assert restored.times_ms() == history.times_ms()
    for one in (history, restored):
        one.add(7 * HOUR_S * count, [finding(BAR, Severity.ALARM)])
    assert restored.answers() == history.answers()


def test_an_unreadable_part_of_the_state_is_left_out() -> None:
    history = RecordHistory()
    history.add(0, [finding(LIVE), finding(BAR)])
    stored = history.state()
    stored[BAR]["seen"][0][1]["severity"] = "terrible"
    assert [one.code for one in RecordHistory({**stored, "phase_loss": None}).answers()] == [LIVE]


def test_the_trend_is_the_slope_of_the_daily_means() -> None:
    """Closed form: 0.1 dB a day is 3 dB in 30 days, whatever the number of records a day."""
    history = RecordHistory()
    for day in range(20):
        for hour in range(1 + day % 3):
            history.add(86400.0 * (20_000 + day) + 3600 * hour, [Clear(BAR, -60.0 + 0.1 * day, "dB")])
    assert history.trends() == {BAR: pytest.approx(3.0)}
    assert RecordHistory(history.state()).trends() == history.trends()


def test_there_is_no_trend_of_a_few_days() -> None:
    history = RecordHistory()
    for day in range(6):
        history.add(86400.0 * day, [Clear(BAR, -60.0 + day, "dB")])
    assert history.trends() == {}
