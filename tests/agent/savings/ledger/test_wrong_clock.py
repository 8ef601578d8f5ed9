"""A clock that was wrong by years for a night and was then corrected: the ledger stays valid and reports it."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner
from support.basics import HandClock
from support.metered_motor import START_S, Gateway, W
from support.metered_retrofit import PLANT
from support.savings import save_frozen
from support.store import kill

from agent.cli import main
from agent.config.loader import load_config
from agent.config.model import Config
from agent.delivery.store.read_only import open_read_only
from agent.savings.baseline.baseline import freeze, learn
from agent.savings.ledger import checkpoints
from agent.savings.ledger.chain import records
from agent.savings.ledger.interval_records import HOUR_MS
from agent.savings.ledger.verification import VerificationResult
from agent.savings.ledger.verify import verify
from agent.savings.reasons import EVENT_UNDECIDED
from agent.savings.records import repository
from agent.savings.records.model import QUARTER_MS, Interval

YEAR_S = 365 * 86_400
JUMPS_S = (10 * YEAR_S, -YEAR_S)  # a time after 2040 is never used


@pytest.fixture
def config(tmp_path: Path) -> Config:
    (tmp_path / "plant.toml").write_text(PLANT, encoding="utf-8")
    return load_config(tmp_path / "plant.toml")[0]


def night(folder: Path, config: Config, jump_s: int, killed: bool) -> tuple[Gateway, float]:
    """Runs 1.4 h with the correct clock, 1.4 h with the wrong one, 1.3 h with the correct one.

    Returns the gateway and the energy of the three periods in Wh.
    """
    gateway = Gateway(folder, config, HandClock(START_S))
    begin_wh = gateway.wh
    gateway.run(1.4)
    gateway.clock.step(jump_s)
    gateway.run(1.4)
    if killed:  # without an orderly stop
        gateway.store.flush()
        kill(gateway.store)
    gateway.clock.step(-jump_s)
    if killed:
        again = Gateway(folder, config, gateway.clock)
        again.wh, gateway = gateway.wh, again
    gateway.run(1.3)
    return gateway, gateway.wh - begin_wh


@pytest.mark.parametrize("jump_s", JUMPS_S)
def test_the_published_saving_excludes_the_wrong_dates(tmp_path: Path, config: Config, jump_s: int) -> None:
    """After the night, the published saving covers the time from the first interval to now, without the night."""
    gateway = Gateway(tmp_path, config, HandClock(START_S))
    published = gateway.published
    start_ms = 1000 * START_S
    old = [Interval("fan", start_ms - (300 - k) * QUARTER_MS, 30e3 + k % 2) for k in range(300)]
    save_frozen(gateway.store, freeze(learn("fan", old, kind="constant", classes=("0.5S", "0.5")), start_ms, "t"))
    gateway.run(2)
    gateway.clock.step(jump_s)
    gateway.run(1)
    gateway.clock.step(-jump_s)
    gateway.run(2)
    gateway.store.close()
    values = published[-1].values
    assert published[-1].t_ms <= gateway.clock.utc_ns() // 1_000_000
    assert 75 < values["savings_coverage_pct"] <= 101  # type: ignore[operator]
    undecided = [caveat for caveat in published[-1].reasons["savings_caveats"] if caveat.code == EVENT_UNDECIDED]
    assert "clock_step" in [caveat.data["kind"] for caveat in undecided], "this energy awaits a decision"


@pytest.mark.parametrize("jump_s", JUMPS_S)
@pytest.mark.parametrize("killed", [False, True])
def test_no_event_of_such_a_night_lasts_longer_than_it(
    tmp_path: Path, config: Config, jump_s: int, killed: bool
) -> None:
    """An event from 2026 to 2036 would exclude all energy in between."""
    gateway, _ = night(tmp_path, config, jump_s, killed)
    gateway.lane.close()
    found = repository.load_events(gateway.store, "fan")
    gateway.store.close()
    assert any(event.kind == "clock_step" for event in found)
    assert [event for event in found if event.to_ms is not None and event.to_ms - event.from_ms > 3 * HOUR_MS] == []


def verified(folder: Path) -> VerificationResult:
    db = open_read_only(folder / "state" / "magwatt.sqlite")
    try:
        return verify(db)
    finally:
        db.close()


@pytest.mark.parametrize("jump_s", JUMPS_S)
@pytest.mark.parametrize("killed", [False, True])
def test_every_watt_hour_is_stored_once_and_the_ledger_is_valid(
    tmp_path: Path, config: Config, jump_s: int, killed: bool
) -> None:
    gateway, wh = night(tmp_path, config, jump_s, killed)
    gateway.lane.close()
    now_ms = gateway.clock.utc_ns() // 1_000_000
    last = repository.last_interval(gateway.store, "fan")
    assert last is not None
    assert now_ms - 900_000 <= last.start_ms <= now_ms
    assert all(item.start_ms <= now_ms for item in repository.load_intervals(gateway.store, "fan"))
    rows = gateway.store.rows("select body from interval order by start_ms")
    gateway.store.close()
    found = verified(tmp_path)
    assert found.problems == []
    kept = [msgspec.json.decode(body, type=Interval) for (body,) in rows]
    assert sum(item.energy_wh or 0.0 for item in kept) == pytest.approx(wh, abs=W / 300)
    ahead = [item for item in kept if item.start_ms > now_ms]
    assert found.ahead == len(ahead)
    assert (jump_s > 0) == bool(ahead)
    assert len(found.clock_set_back) == 1


@pytest.mark.parametrize("jump_s", JUMPS_S)
def test_checkpoints_continue_day_by_day(tmp_path: Path, config: Config, jump_s: int) -> None:
    gateway, _ = night(tmp_path, config, jump_s, killed=False)
    for _ in range(3):
        gateway.run(0.1)
        for _ in range(24):
            gateway.pass_by(1.0)
            gateway.lane.on_row([], None, None, gateway.clock.utc_ns() // 1_000_000)
            gateway.books.update()
    gateway.store.close()
    found = verified(tmp_path)
    assert found.problems == []
    db = open_read_only(tmp_path / "state" / "magwatt.sqlite")
    found_checkpoints = [checkpoints.checkpoint_message(record) for record in records(db, "checkpoint")]
    assert verify(db, checkpoints=found_checkpoints).problems == []
    db.close()
    days = [checkpoint["day"] for checkpoint in found_checkpoints]
    assert days[-3:] == ["2026-09-22", "2026-09-23", "2026-09-24"]


def test_the_command_reports_the_wrong_clock(tmp_path: Path, config: Config) -> None:
    gateway, _ = night(tmp_path, config, JUMPS_S[0], killed=False)
    gateway.store.close()
    done = CliRunner().invoke(main, ["ledger", "verify", "--config", str(tmp_path / "plant.toml")])
    assert done.exit_code == 0, done.output
    assert "2026-09-22 01:0" in done.output, "the newest record"
    found = json.loads(
        CliRunner().invoke(main, ["ledger", "verify", "--config", str(tmp_path / "plant.toml"), "--json"]).output
    )
    assert found["ahead"] == 7, "from 22:15 to 24:00"
    assert len(found["clock_set_back"]) == 1
