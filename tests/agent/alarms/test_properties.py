"""Random lives of an alarm: equal to an independent model, and to themselves with restarts; shelving always ends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st
from support.alarm_reference import OFF_S, ON_S, ReferenceAlarm
from support.alarms import START_MS, AlarmBench, definition

SEVERITY = {0: (False, "warning"), 1: (True, "warning"), 2: (True, "alarm"), None: (None, "warning")}
NOT_STANDING = {"NORM", "RTNUN", "SHLVD", "DSUPR", "OOSRV"}


class Second(NamedTuple):
    """level: of the condition; None: no data. actions: of operators; digits: shelve for this number of seconds."""

    level: int | None
    actions: list[str]
    in_service: bool
    restart: bool


@st.composite
def lives(draw: st.DrawFn) -> list[Second]:
    """Conditions that last for a while, so that delays end; operators and maintenance now and then."""
    found: list[Second] = []
    for _ in range(draw(st.integers(1, 8))):
        level = draw(st.sampled_from((0, 1, 2, None)))
        in_service = draw(st.sampled_from((True, True, True, False)))
        for _ in range(draw(st.integers(1, 7))):
            actions = draw(st.sampled_from(([], [], [], ["ack"], ["unshelve"], ["6"], ["2"], ["ack", "3"])))
            found.append(Second(level, actions, in_service, draw(st.integers(0, 5)) == 0))
    return found


def play(life: Sequence[Second], latching: bool, restarts: bool = False) -> tuple[AlarmBench, list[str]]:
    """The state after each second."""
    bench, states = AlarmBench(definition(on_delay_s=ON_S, off_delay_s=OFF_S, latching=latching)), []
    for t, second in enumerate(life):
        bench.t = t
        bench.manager.set_out_of_service([] if second.in_service else ["m"])
        for action in second.actions:
            if action.isdigit():
                bench.act("shelve", seconds=int(action))
            else:
                bench.act(action)
        active, severity = SEVERITY[second.level]
        bench.at(t, bench.input(active, severity=severity))
        if restarts and second.restart:  # in no time: the sources repeat their inputs
            bench.restart()
            bench.at(t, bench.input(active, severity=severity))
        states.append(next((str(record.state) for record in bench.manager.records()), "NORM"))
    return bench, states


@given(lives(), st.booleans())
@settings(max_examples=60, deadline=None)
def test_a_life_is_that_of_the_independent_model(life: list[Second], latching: bool) -> None:
    reference, expected = ReferenceAlarm(latching), []
    for second in life:
        reference.second(second.level, second.actions, second.in_service)
        expected.append(reference.state)
    bench, states = play(life, latching)
    assert states == expected
    assert bench.announced().total() == reference.announced
    check_announcements(bench, life)


@given(lives(), st.booleans())
@settings(max_examples=25, deadline=None)
def test_a_life_with_restarts_is_that_without(life: list[Second], latching: bool) -> None:
    (bench, states), (restarted, states_restarted) = play(life, latching), play(life, latching, restarts=True)
    assert states_restarted == states
    assert [(one.seq, one.at_ms, one.after, one.announced) for one in restarted.transitions] == [
        (one.seq, one.at_ms, one.after, one.announced) for one in bench.transitions
    ]


def check_announcements(bench: AlarmBench, life: Sequence[Second]) -> None:
    """One occurrence is announced once, unless it was silent in between or rose; only known values return."""
    since_announced = {"NORM"}
    for number, one in enumerate(bench.transitions, 1):
        assert one.seq == number
        since_announced |= {str(one.before), "NORM" if one.change == "raised_higher" else str(one.before)}
        if one.announced:
            assert since_announced & NOT_STANDING
            since_announced = set()
        if one.change == "returned":
            assert life[(one.at_ms - START_MS) // 1000].level == 0


@given(lives(), st.booleans(), st.sampled_from((0, -86400, 86400)))
@settings(max_examples=25, deadline=None)
def test_shelving_always_ends(life: list[Second], restart: bool, step_s: int) -> None:
    """Also when the clock is set, or the agent restarts, or both."""
    bench, _ = play(life, latching=False)
    bench.act("shelve", seconds=12 * 3600)
    end = len(life)
    bench.at(end)
    bench.utc_ahead_s = step_s
    if restart:
        bench.restart()
    bench.manager.set_out_of_service([])
    bench.until(end + 1 + ON_S, bench.input(True))
    bench.at(end + 1 + 12 * 3600)
    assert str(bench.record().state) in ("UNACK", "ACKED")
