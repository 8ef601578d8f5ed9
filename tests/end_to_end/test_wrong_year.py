"""A system clock that was a year ahead, unnoticed, is put right: everything the agent stored works on without waiting.

Without a time server the remedy is the one that the log names: `assume_clock_synchronized = true`.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.metered_motor import START_S, Gateway, W
from support.metered_retrofit import PLANT
from support.store import kill

from agent.config.loader import load_config
from agent.config.model import Config
from agent.core.clock import CLOCK_BEFORE_LAST_RUN, ClockStep, ClockWatch, SystemClock
from agent.core.messages import Message, encode
from agent.delivery.site_clock import reached_ns
from agent.delivery.store.history import History
from agent.delivery.store.read_only import open_read_only
from agent.runtime.maintenance import MaintenanceLog
from agent.savings.ledger.chain import records
from agent.savings.ledger.verify import verify
from agent.savings.records import repository
from agent.savings.records.model import QUARTER_MS

AHEAD_MS, MINUTE_MS, HOUR_MS = 360 * 86_400_000, 60_000, 3_600_000
RIGHT = 55  # minutes after the remedy


class Computer:
    """A computer with a metered motor and no broker; its system clock can be a year ahead."""

    def __init__(self, folder: Path) -> None:
        (folder / "plant.toml").write_text(PLANT.replace("simulated = true", ""), encoding="utf-8")
        self.folder, self.config = folder, load_config(folder / "plant.toml")[0]
        self.wall_ns, self.mono_ns, self.synchronised, self.wh = START_S * 10**9, 10**9, False, 5e6

    def start(self, config: Config | None = None) -> None:
        trusted = (config or self.config).site.assume_clock_synchronized
        self.system = SystemClock(lambda: self.wall_ns, lambda: self.mono_ns)
        self.watch = ClockWatch(self.system, lambda: self.synchronised, reached_ns(self.folder / "state"), trusted)
        self.steps: list[ClockStep] = []
        self.utc_ns, self.monotonic_ns = self.system.utc_ns, self.system.monotonic_ns
        self.gateway = Gateway(self.folder, self.config, self)  # type: ignore[arg-type]  # it moves this clock
        self.gateway.wh = self.wh
        self.gateway.store.sink_cursors(["mqtt"])
        self.history = History(self.gateway.store, (3600.0, 86_400.0, 86_400.0))

    def move(self, seconds: float) -> None:
        self.wall_ns += round(seconds * 1e9)
        self.mono_ns += round(seconds * 1e9)
        self.steps += filter(None, [self.watch.update()])

    def run(self, minutes: int) -> None:
        """A row, a minute of history, and six readings of the meter in each minute."""
        for _ in range(minutes):
            self.gateway.run(1 / 60)
            message = Message("fan", "telemetry", self.now_ms, {"active_power_w": W})
            self.history.on_published(message)
            self.gateway.store.append("fan", "telemetry", self.now_ms, lambda row_id, it=message: encode(it, row_id))
        self.wh = self.gateway.wh

    def stop(self, killed: bool = False) -> None:
        if killed:
            self.gateway.store.flush()
            kill(self.gateway.store)
        else:
            self.history.stop()
            self.gateway.lane.close()
            self.gateway.store.close()
        self.wall_ns += 60 * 10**9

    @property
    def now_ms(self) -> int:
        return self.system.utc_ns() // 1_000_000


@pytest.mark.parametrize("remedy", ["time server at the start", "time server later", "configuration"])
@pytest.mark.parametrize("killed", [False, True])
def test_a_clock_that_was_a_year_ahead_is_put_right(tmp_path: Path, remedy: str, killed: bool) -> None:
    here, book = Computer(tmp_path), MaintenanceLog(tmp_path / "state")
    here.start()
    here.run(31)
    here.stop()

    here.wall_ns += AHEAD_MS * 1_000_000  # within a year: it could have been off for so long
    here.start()
    here.run(25)
    book.begin("fan", "bearing", here.now_ms, None, "li")
    here.stop(killed)

    here.wall_ns -= AHEAD_MS * 1_000_000
    here.start()
    here.run(2)
    reason = here.watch.implausibility
    assert reason is not None
    assert reason.code == CLOCK_BEFORE_LAST_RUN
    assert "assume_clock_synchronized = true" in str(reason)
    assert here.now_ms > here.wall_ns // 1_000_000 + 300 * 86_400_000, "until then time continues, flagged"
    if remedy == "time server later":
        here.synchronised = True
    else:
        here.stop(killed)
        here.synchronised = remedy == "time server at the start"
        text = (tmp_path / "plant.toml").read_text(encoding="utf-8")
        if remedy == "configuration":
            text = text.replace("[site]\n", "[site]\nassume_clock_synchronized = true\n", 1)
        (tmp_path / "fixed.toml").write_text(text, encoding="utf-8")
        here.start(load_config(tmp_path / "fixed.toml")[0])
    right_ms = here.wall_ns // 1_000_000
    here.run(RIGHT)
    assert here.watch.reliable
    assert [step.correct for step in here.steps] == [True] * (remedy == "time server later")
    assert here.now_ms == here.wall_ns // 1_000_000 == right_ms + RIGHT * MINUTE_MS
    store = here.gateway.store
    store.flush()

    ids = store.rows("select boot, max(seq), count(*) from spool group by boot")
    assert all(last == count for _, last, count in ids), "no row is missing"
    rows = store.rows("select n, t_ms, payload from spool order by n")
    assert len(rows) == 31 + 25 + 2 + RIGHT
    assert [t_ms for _, t_ms, _ in rows[-RIGHT:]] == [right_ms + k * MINUTE_MS for k in range(1, RIGHT + 1)]
    assert all(json.loads(payload)["t"] == t_ms for _, t_ms, payload in rows)

    points = here.history.points("fan", "active_power_w", 60, right_ms, here.now_ms)
    assert len(points) == pytest.approx(RIGHT - 1, abs=1), "the running minute is not over"
    assert len(here.history.points("fan", "active_power_w", 60, 1000 * START_S, 1000 * START_S + HOUR_MS)) >= 30

    last = repository.last_interval(store, "fan")
    assert last is not None
    assert last.start_ms <= here.now_ms < last.end_ms
    found = repository.load_intervals(store, "fan", right_ms + QUARTER_MS)  # after the one of the clock step
    ended = [(item.energy_wh, item.flags) for item in found if item.end_ms <= here.now_ms]
    assert ended == [(pytest.approx(W / 4), ())] * max(1, len(ended))
    events = repository.load_events(store, "fan")
    assert all(event.to_ms is None or event.to_ms - event.from_ms <= HOUR_MS for event in events)
    assert list(book.active(here.now_ms)) == ["fan"], "until it is released"
    assert book.release("fan", here.now_ms)
    assert not book.active(here.now_ms)

    here.gateway.pass_by(10)  # past midnight
    here.gateway.books.update()
    here.stop()
    db = open_read_only(tmp_path / "state" / "magwatt.sqlite")
    assert verify(db).problems == []
    days = [record.body["day"] for record in records(db, "checkpoint")]
    db.close()
    assert days[-1] == "2026-09-21"

    here.synchronised = False
    here.start()
    here.run(1)
    assert here.watch.implausibility is None, "the next start needs neither"
    assert (here.now_ms, here.steps) == (here.wall_ns // 1_000_000, [])
    here.stop()
