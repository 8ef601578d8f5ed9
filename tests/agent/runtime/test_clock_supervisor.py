"""Effect of a clock step on unsent rows, in a real store."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from support.store import kill

from agent.config.loader import load_config
from agent.config.topology import assets
from agent.core.clock import CLOCK_AFTER_LAST_RUN, ClockWatch, SystemClock
from agent.core.messages import Message, encode
from agent.core.text import english
from agent.delivery.publisher import Publisher
from agent.delivery.site_clock import reached_ns
from agent.delivery.store import Store
from agent.delivery.store.reasons import NO_SPACE_LEFT
from agent.runtime.clock_supervisor import ClockSupervisor
from drivers.reasons import Reason

NOW_NS = 1_800_000_000_000_000_000
HOUR_MS = 3_600_000


class Computer:
    """A computer with one sink that is not connected, so that rows stay."""

    def __init__(self, folder: Path, wall_ns: int, synchronised: bool | None, trusted: bool = False) -> None:
        self.wall, self.mono, self.synchronised = wall_ns, 1_000_000_000, synchronised
        self.clock = SystemClock(lambda: self.wall, lambda: self.mono)
        watch = ClockWatch(self.clock, lambda: self.synchronised, reached_ns(folder), trusted)
        self.store = Store(folder, self.clock)
        self.drain = self.store.sink_cursors(["mqtt"])["mqtt"]
        self.events: list[Message] = []
        self.submit: Callable[[Callable[[], None]], None] = lambda job: job()
        self.keeper = ClockSupervisor(watch, self.clock, self.store, self.events.append, lambda job: self.submit(job))

    def wait(self, seconds: float) -> None:
        self.wall += round(seconds * 1e9)
        self.mono += round(seconds * 1e9)
        self.keeper.check()

    def measure(self, kind: str = "telemetry", **values: int) -> None:
        t_ms = self.clock.utc_ns() // 1_000_000
        message = Message("fan-1", kind, t_ms, {"active_power_w": 1, **values})
        self.store.append("fan-1", kind, t_ms, lambda row_id: encode(message, row_id))

    def rows(self) -> list[dict[str, int]]:
        self.store.flush()
        return [json.loads(row.payload) for row in self.store.read(self.drain.bit, 0, 1 << 60, 1000)[0]]


def test_rows_of_an_unsynchronised_start_get_the_right_time_and_keep_ids_and_order(tmp_path: Path) -> None:
    """The clock is 8 h ahead until the time server responds."""
    here = Computer(tmp_path, NOW_NS + 8 * HOUR_MS * 1_000_000, synchronised=False)
    for _ in range(5):
        here.measure()
        here.wait(1)
    here.measure("event", event_start_ms=here.clock.utc_ns() // 1_000_000 - 500)
    ids = [row["id"] for row in here.rows()]
    here.wall -= 8 * HOUR_MS * 1_000_000
    here.synchronised = True
    here.keeper.check()
    here.wait(1)
    here.measure()
    rows = here.rows()
    assert [row["t"] for row in rows] == [NOW_NS // 1_000_000 + 1000 * n for n in range(7)]
    assert [row["id"] for row in rows][:6] == ids
    assert rows[5]["v"]["event_start_ms"] == rows[5]["t"] - 500  # type: ignore[index]
    event = here.events[-1].values
    assert (event["event_kind"], event["event_clock_step_s"], event["event_rows"]) == ("clock_step", -28800.0, 6)
    here.store.close()


def test_rows_of_a_correct_clock_keep_their_time(tmp_path: Path) -> None:
    """Measured while synchronized; then the clock is set an hour ahead manually; then the time server corrects it."""
    here = Computer(tmp_path, NOW_NS, synchronised=True)
    here.wait(1)
    here.measure()
    here.wall += HOUR_MS * 1_000_000
    here.synchronised = False
    here.wait(1)
    here.measure()
    here.wait(1)
    here.wall -= HOUR_MS * 1_000_000
    here.synchronised = True
    here.wait(1)
    here.measure()
    assert [row["t"] - NOW_NS // 1_000_000 for row in here.rows()] == [1000, 2000, 4000]
    assert [event.values["event_clock_step_s"] for event in here.events] == [3600.0, -3600.0]
    assert here.keeper.steps == 2
    here.store.close()


@pytest.mark.parametrize("hours", [8, -8])
def test_a_row_made_between_the_step_and_its_correction_is_not_moved(tmp_path: Path, hours: int) -> None:
    """One thread detects the step, another corrects rows. Queued readings have the old time, later rows the new one."""
    here = Computer(tmp_path, NOW_NS - hours * HOUR_MS * 1_000_000, synchronised=False)
    waiting: list[Callable[[], None]] = []
    here.submit = waiting.append
    here.measure()
    old_ns = here.clock.utc_ns()
    here.wall += hours * HOUR_MS * 1_000_000
    here.synchronised = True
    here.wait(1)
    here.measure("health")
    late_ms = old_ns // 1_000_000 + 500
    message = Message("fan-1", "telemetry", late_ms, {"active_power_w": 1})
    here.store.append("fan-1", "telemetry", late_ms, lambda row_id: encode(message, row_id))
    for job in waiting:
        job()
    assert [row["t"] - NOW_NS // 1_000_000 for row in here.rows()] == [0, 1000, 500]
    assert here.events[-1].values["event_rows"] == 2
    here.store.close()


def test_a_battery_clock_in_2099_is_reported_and_not_followed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    first = Computer(tmp_path, NOW_NS, synchronised=True)
    first.store.close()
    second = Computer(tmp_path, 4_070_908_800 * 10**9, synchronised=False)
    second.measure()
    second.wait(5)
    (row,) = second.rows()
    assert row["t"] == NOW_NS // 1_000_000
    assert caplog.text.count(" 2099-01-01 00:00 +0000") == 1
    second.store.close()


def test_a_gateway_stored_for_14_months_reports_how_to_accept_its_clock(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """No time server: time continues after the last run, which is logged, until the configuration trusts the clock."""
    first = Computer(tmp_path, NOW_NS, synchronised=True)
    first.store.close()
    right_ns = NOW_NS + 425 * 86_400 * 10**9
    second = Computer(tmp_path, right_ns, synchronised=False)
    second.wait(5)
    shown_ms, ended_ms = 1_836_720_000_000, 1_800_000_000_000
    (reason,) = {arg for record in caplog.records for arg in record.args or () if isinstance(arg, Reason)}
    assert reason == CLOCK_AFTER_LAST_RUN(shown_ms=shown_ms, reached_ms=ended_ms)
    assert "assume_clock_synchronized = true" in english(reason)
    (line,) = [record.getMessage() for record in caplog.records if reason in (record.args or ())]
    assert "assumes 2027-01-15 08:00 +0000" in line
    second.store.close()
    third = Computer(tmp_path, right_ns + 60 * 10**9, synchronised=False, trusted=True)
    third.measure()
    assert third.rows()[-1]["t"] == right_ns // 1_000_000 + 60_000
    third.store.close()


def test_a_machine_without_a_battery_clock_continues_from_its_newest_row(tmp_path: Path) -> None:
    """Power failure: nothing is closed. At the next start the clock shows 1970."""
    first = Computer(tmp_path, NOW_NS, synchronised=True)
    first.wait(100)
    first.measure()
    [newest_ms] = [row["t"] for row in first.rows()]
    kill(first.store)
    second = Computer(tmp_path, 0, synchronised=False)
    second.wait(1)
    second.measure()
    second.wait(4)
    assert [row["t"] for row in second.rows()] == [newest_ms, newest_ms + 1000]
    right_ns = NOW_NS + 86_400_000_000_000
    second.wall, second.synchronised = right_ns, True
    second.keeper.check()
    rows = second.rows()
    assert rows[-1]["t"] == right_ns // 1_000_000 - 4000, "measured 4 s before the time was known"
    assert rows[0]["t"] == newest_ms, "rows of an earlier run are not ours to correct"
    second.store.close()


@pytest.mark.parametrize("synchronised", [False, None])
@pytest.mark.parametrize("ending", ["stops", "killed"])
@pytest.mark.parametrize("correct", [True, False])
def test_short_runs_without_a_time_server_do_not_run_ahead(
    tmp_path: Path, synchronised: bool | None, ending: str, correct: bool
) -> None:
    """Runs of 3 s, a row each second, 2 s between them; the system clock is correct, or shows 1970 at each start."""
    wall_ns, runs, times = NOW_NS, 10, list[int]()
    for number in range(runs):
        here = Computer(tmp_path, wall_ns if correct or not number else 0, synchronised)
        for _ in range(3):
            here.wait(1)
            here.measure()
        times = [row["t"] for row in here.rows()]
        assert here.keeper.steps == 0
        (here.store.close if ending == "stops" else lambda store=here.store: kill(store))()
        wall_ns += 5 * 10**9
    ahead_ms = times[-1] - (wall_ns // 1_000_000 - 2000)
    assert ahead_ms == (0 if correct else -2000 * (runs - 1)), "without a clock, the time between the runs is unknown"
    assert times == sorted(times)
    assert len(set(times)) == 3 * runs, "no time is dated twice"


def test_the_hours_before_the_time_was_known_are_in_the_gap_of_a_kill(tmp_path: Path) -> None:
    """Killed, off for eight hours, no battery-backed clock; the time server responds after 30 s."""
    first = Computer(tmp_path, NOW_NS, synchronised=True)
    first.measure()
    [killed_ms] = [row["t"] for row in first.rows()]
    kill(first.store)
    second = Computer(tmp_path, 0, synchronised=False)
    second.wait(1)
    started_ms = NOW_NS // 1_000_000 + 8 * HOUR_MS
    (tmp_path / "plant.toml").write_text('[site]\nid = "s"\ngateway = "g"\n')
    config = load_config(tmp_path / "plant.toml")[0]
    publisher = Publisher(config, assets(config), second.store, second.clock)
    publisher.announce_gaps()
    second.store.record_gap("telemetry", NO_SPACE_LEFT(), 3, *2 * [second.clock.utc_ns() // 1_000_000])
    second.wait(29)
    second.wall, second.synchronised = started_ms * 1_000_000 + 30 * 10**9, True
    second.keeper.check()
    publisher.announce_gaps()
    gaps = [row for row in second.rows() if row["v"].get("event_kind") == "data_gap"]  # type: ignore[attr-defined]
    found = [(gap["v"]["event_start_ms"], gap["t"]) for gap in gaps]  # type: ignore[index]
    assert found == [(killed_ms, started_ms), (started_ms + 1000, started_ms + 1000)]
    second.store.close()
