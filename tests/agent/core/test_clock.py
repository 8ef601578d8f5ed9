"""Time with simulated clocks: steps, a start without a reference, a computer without a battery clock."""

from __future__ import annotations

import pytest

from agent.core.clock import (
    PLAUSIBLE,
    PLAUSIBLE_NS,
    SYNCHRONIZED,
    UNSYNCHRONIZED,
    ClockStep,
    ClockWatch,
    SystemClock,
    kernel_synchronized,
    rest_s,
)

NOW_NS = 1_800_000_000_000_000_000
HOUR_NS = 3_600_000_000_000


class System:
    """A computer: wall clock, monotonic clock, and the state that its kernel reports."""

    def __init__(self, wall_ns: int = NOW_NS, synchronised: bool | None = True) -> None:
        self.wall, self.mono, self.synchronised = wall_ns, 5_000_000_000, synchronised
        self.clock = SystemClock(lambda: self.wall, lambda: self.mono)

    def watch(self, reached_ns: int = 0, trusted: bool = False) -> ClockWatch:
        return ClockWatch(self.clock, lambda: self.synchronised, reached_ns, trusted)

    def wait(self, seconds: float) -> None:
        self.wall += round(seconds * 1e9)
        self.mono += round(seconds * 1e9)

    def step(self, by_ns: int) -> None:
        self.wall += by_ns


@pytest.mark.parametrize("hours", [1, -1, -8])
def test_a_clock_step_takes_effect_at_the_next_check(hours: int) -> None:
    system = System()
    watch = system.watch()
    system.step(hours * HOUR_NS)
    assert system.clock.utc_ns() == NOW_NS, "what is measured until then belongs to the old time"
    system.wait(1)
    assert watch.update() == ClockStep(hours * 3_600_000, correct=False)
    assert system.clock.utc_ns() == system.wall
    assert watch.update() is None, "reported once"


@pytest.mark.parametrize("hours", [1, -1, -8])
def test_rows_of_an_unsynchronised_clock_are_corrected_when_it_becomes_right(hours: int) -> None:
    system = System(synchronised=False)
    watch = system.watch()
    assert not watch.reliable
    system.wait(100)
    system.step(hours * HOUR_NS)
    system.synchronised = True
    assert watch.update() == ClockStep(hours * 3_600_000, correct=True)
    assert watch.reliable


def test_rows_of_a_correct_clock_keep_their_time_when_the_clock_is_set_wrong() -> None:
    """Set manually: the kernel clears its synchronized state at that moment. Then the time server corrects it."""
    system = System()
    watch = system.watch()
    system.step(HOUR_NS)
    system.synchronised = False
    assert watch.update() == ClockStep(3_600_000, correct=False)
    assert not watch.reliable
    system.wait(60)
    assert watch.update() is None
    system.step(-HOUR_NS)
    system.synchronised = True
    assert watch.update() == ClockStep(-3_600_000, correct=True)


def test_a_clock_that_becomes_synchronised_without_a_step_was_right() -> None:
    system = System(synchronised=False)
    watch = system.watch()
    system.synchronised = True
    assert watch.update() is None
    assert watch.state == SYNCHRONIZED


def test_small_differences_are_followed_without_a_report() -> None:
    system = System()
    watch = system.watch()
    for _ in range(20):
        system.wait(1)
        system.step(100_000_000)
        assert watch.update() is None
        assert system.clock.utc_ns() == system.wall


@pytest.mark.parametrize("wall_ns", [0, NOW_NS - 8 * HOUR_NS])
@pytest.mark.parametrize("synchronised", [False, None])
def test_without_a_reference_time_is_never_before_the_previous_run(wall_ns: int, synchronised: bool | None) -> None:
    """0: no battery clock. None: a kernel that does not report its state."""
    system = System(wall_ns, synchronised)
    watch = system.watch(reached_ns=NOW_NS)
    assert system.clock.utc_ns() == NOW_NS
    assert watch.state == UNSYNCHRONIZED
    system.wait(30)
    assert watch.update() is None
    assert system.clock.utc_ns() == NOW_NS + 30_000_000_000, "it runs on from there"
    system.wall = NOW_NS + HOUR_NS
    system.synchronised = True
    step = watch.update()
    assert step == ClockStep(3_570_000, correct=True)
    assert system.clock.utc_ns() == NOW_NS + HOUR_NS


@pytest.mark.parametrize("wall_ns", [NOW_NS + 367 * 24 * HOUR_NS, 2_082_758_400 * 10**9, 4_070_908_800 * 10**9])
@pytest.mark.parametrize("synchronised", [False, None])
def test_without_a_reference_time_is_never_in_a_future_year(wall_ns: int, synchronised: bool | None) -> None:
    """A faulty battery clock: a year and a day ahead, 2036, 2099. Then the time server responds."""
    system = System(wall_ns, synchronised)
    watch = system.watch(reached_ns=NOW_NS)
    assert watch.state == UNSYNCHRONIZED
    assert watch.implausibility is not None
    assert system.clock.utc_ns() == NOW_NS
    system.wait(3600)
    assert watch.update() is None
    assert system.clock.utc_ns() == NOW_NS + HOUR_NS, "it runs on from where the last run ended"
    system.wall = NOW_NS + 3 * HOUR_NS
    system.synchronised = True
    assert watch.update() == ClockStep(2 * 3_600_000, correct=True)


def test_an_unsynchronised_clock_that_runs_away_is_not_followed() -> None:
    system = System(synchronised=False)
    watch = system.watch(reached_ns=NOW_NS - HOUR_NS)
    system.step(73 * 365 * 24 * HOUR_NS)
    system.wait(1)
    assert watch.update() is None
    assert system.clock.utc_ns() == NOW_NS + 10**9
    system.step(-73 * 365 * 24 * HOUR_NS)
    assert watch.update() is None
    assert watch.implausibility is None


@pytest.mark.parametrize("synchronised", [False, None])
def test_the_clock_is_accepted_after_months_off_and_after_years_of_running(
    synchronised: bool | None,
) -> None:
    system = System(synchronised=synchronised)
    watch = system.watch(reached_ns=NOW_NS - 300 * 24 * HOUR_NS)
    assert watch.update() is None
    system.wait(3 * 366 * 86_400)
    assert watch.update() is None
    assert watch.implausibility is None
    assert system.clock.utc_ns() == system.wall


def test_a_first_run_accepts_no_clock_after_2035() -> None:
    system = System(4_070_908_800 * 10**9, synchronised=None)
    watch = system.watch()
    assert not watch.reliable
    assert system.clock.utc_ns() == PLAUSIBLE_NS


@pytest.mark.parametrize("behind_s", [1, 10])
@pytest.mark.parametrize("synchronised", [False, None])
def test_a_clock_a_few_seconds_behind_the_last_run_is_used(behind_s: int, synchronised: bool | None) -> None:
    """A time stored in whole seconds at the stop, or the drift of the battery clock."""
    system = System(NOW_NS - behind_s * 10**9, synchronised)
    watch = system.watch(reached_ns=NOW_NS)
    assert watch.implausibility is None
    assert system.clock.utc_ns() == NOW_NS - behind_s * 10**9
    assert watch.update() is None


@pytest.mark.parametrize("wall_ns", [0, 1_000_000_000 * 10**9, 4_070_908_800 * 10**9])
@pytest.mark.parametrize("trusted", [False, True])
def test_an_implausible_time_is_not_used_with_any_reference(wall_ns: int, trusted: bool) -> None:
    """A time server reports 1970, 2001 (the week number of its GPS receiver has overflowed) or 2099."""
    system = System(wall_ns)
    watch = system.watch(reached_ns=NOW_NS, trusted=trusted)
    assert (watch.state, system.clock.utc_ns()) == (UNSYNCHRONIZED, NOW_NS)
    system.wait(60)
    assert watch.update() is None
    system.wall = NOW_NS + HOUR_NS
    assert watch.update() == ClockStep(3_540_000, correct=True)
    assert watch.state == SYNCHRONIZED


@pytest.mark.parametrize("year_ns", [2_082_758_400 * 10**9, 2_147_483_648 * 10**9])
@pytest.mark.parametrize("synchronised", [True, False, None])
def test_the_years_2036_and_2038_are_used_when_the_last_run_was_then(year_ns: int, synchronised: bool | None) -> None:
    """Counters of NTP and of 32 bits end in these years; a first run without a reference does not accept them."""
    system = System(year_ns, synchronised)
    assert system.watch(reached_ns=year_ns - HOUR_NS).implausibility is None
    assert (system.watch().implausibility is None) == bool(synchronised)


@pytest.mark.parametrize("synchronised", [False, None])
def test_a_manual_step_is_followed_while_the_agent_runs(synchronised: bool | None) -> None:
    """A mistake of daylight saving time, an hour back, and its correction: back to the end of the last run at most."""
    system = System(synchronised=synchronised)
    watch = system.watch(reached_ns=NOW_NS - 2 * HOUR_NS)
    for hours in (-1, 1):
        system.step(hours * HOUR_NS)
        assert watch.update() == ClockStep(hours * 3_600_000, correct=True)
        assert system.clock.utc_ns() == system.wall
    system.step(-3 * HOUR_NS)
    assert watch.update() is None
    assert system.clock.utc_ns() == NOW_NS


def test_rows_are_corrected_when_the_reference_was_lost_for_a_day_and_the_clock_drifted() -> None:
    system = System()
    watch = system.watch(reached_ns=NOW_NS - HOUR_NS)
    system.synchronised = False
    for _ in range(24):
        system.wait(3600)
        system.step(-100_000_000)  # 28 ppm slow
        assert watch.update() is None, "the clock of the agent drifts along"
        assert not watch.reliable
    system.step(2_400_000_000)
    system.synchronised = True
    assert watch.update() == ClockStep(2400, correct=True)


def test_a_time_reached_with_a_wrong_reference_does_not_limit_later_runs() -> None:
    """A time server reported 2099, and the power failed before it was corrected."""
    system = System(synchronised=None)
    watch = system.watch(reached_ns=4_070_908_800 * 10**9)
    assert watch.state == PLAUSIBLE
    assert system.clock.utc_ns() == NOW_NS


def test_a_clock_set_to_before_the_previous_run_is_followed_when_it_is_synchronised() -> None:
    system = System(synchronised=False)
    watch = system.watch(reached_ns=NOW_NS - 1)
    system.wait(10)
    system.step(-8 * HOUR_NS)
    assert watch.update() is None
    assert system.clock.utc_ns() == NOW_NS + 10_000_000_000
    system.synchronised = True
    assert watch.update() == ClockStep(-8 * 3_600_000, correct=True), "a reference knows better than an earlier run"


def test_a_synchronised_clock_is_accepted_even_before_the_previous_run() -> None:
    """An earlier run had a wrong date."""
    system = System()
    watch = system.watch(reached_ns=NOW_NS + 1000 * HOUR_NS)
    assert watch.reliable
    assert system.clock.utc_ns() == NOW_NS


def test_a_clock_configured_as_synchronised_is_accepted_in_any_state() -> None:
    system = System(synchronised=False)
    watch = system.watch(reached_ns=NOW_NS + 1000 * HOUR_NS, trusted=True)
    assert (watch.state, watch.reliable) == (PLAUSIBLE, True)
    assert system.clock.utc_ns() == NOW_NS


def test_a_clock_in_1970_is_never_accepted() -> None:
    system = System(0, synchronised=None)
    watch = system.watch(trusted=True)
    assert not watch.reliable
    assert system.clock.utc_ns() == PLAUSIBLE_NS


def test_intervals_are_unaffected_by_a_clock_step() -> None:
    system = System()
    watch = system.watch()
    before = system.clock.monotonic_ns()
    system.step(-8 * HOUR_NS)
    system.wait(2)
    watch.update()
    assert system.clock.monotonic_ns() - before == 2_000_000_000


def test_reading_the_state_of_the_kernel_clock_changes_nothing() -> None:
    """Twice the same result, one of the three states; which one depends on this computer."""
    assert kernel_synchronized() is kernel_synchronized()
    assert kernel_synchronized() in (True, False, None)


@pytest.mark.parametrize("period_s", [0.5, 1.0, 2.0])
def test_periodic_tasks_meet_at_multiples_of_their_period(period_s: float) -> None:
    for begun_ns in (0, 123_456_789, 999_999_999, 1_000_000_000, 7_949_999_000_000):
        wait_s = rest_s(begun_ns, period_s)
        assert 0.1 * period_s <= wait_s <= 1.1 * period_s + 1e-9
        periods = (begun_ns / 1e9 + wait_s) / period_s
        assert periods == pytest.approx(round(periods), abs=1e-6)
        early_ns = begun_ns + int(wait_s * 1e9) - 1000  # a timer may be rounded down
        assert rest_s(early_ns, period_s) == pytest.approx(period_s, abs=1e-5), "no second wake-up"
