"""magwatt baseline and magwatt adjustment: learnt, frozen, shown, decided, each in the ledger; mistakes in one line."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from retrofitkit import FLOW, START_MS

from agent.cli import main
from agent.clock import SystemClock
from agent.savings import keep
from agent.savings.types import QUARTER_MS, Driver, Event, Interval
from agent.store import Store

PLANT = """
[site]
id = "mill"
gateway = "gw"
timezone = "Asia/Shanghai"
[store]
state_dir = "state"
[bus.b]
tcp = "127.0.0.1:502"
[meter.mcc-1]
bus = "b"
unit_id = 1
profile = "eastron/sdm630"
measuring_point = "drive-input"
class = "0.5S"
ct = "400/5"
ct_class = "0.5"
[drive.vfd]
bus = "b"
unit_id = 2
profile = "yaskawa/ga800"
fed_by = "mcc-1"
comm_loss = "not used"
[motor.pump]
kind = "pm"
kw = 160
rpm = 1500
poles = 8
volts = 380
fed_by = "vfd"
replaced_motor = { kind = "induction", class = "IE1", kw = 160, rpm = 1485 }
"""
METER = "mcc-1 22091734 400/5"


@pytest.fixture
def plant(tmp_path: Path) -> Path:
    path = tmp_path / "plant.toml"
    path.write_text(PLANT, encoding="utf-8")
    store = Store(tmp_path / "state", SystemClock())
    keep.save_intervals(store, [quarter(k) for k in range(400)])
    keep.save_intervals(store, [replace(quarter(500 + k), energy_wh=0.9 * law(500 + k)[1]) for k in range(200)])
    keep.save_event(store, Event(0, "pump", "maintenance", START_MS + 510 * QUARTER_MS, START_MS + 514 * QUARTER_MS,
                                 "work", 1e5, "exclude"))  # fmt: skip
    store.close()
    return path


def law(k: int) -> tuple[float, float]:
    flow = 300.0 + 37 * k % 601
    return flow, 15_000 + 20 * flow + 100 * (-1) ** k


def quarter(k: int) -> Interval:
    flow, wh = law(k)
    return Interval(
        "pump", START_MS + k * QUARTER_MS, wh, drivers={FLOW: Driver(flow)}, meter=METER, reactive_varh=wh / 2
    )


def magwatt(plant: Path, *words: str) -> Result:
    return CliRunner().invoke(main, [*words, "--config", str(plant)])


def body(result: Result) -> Any:
    return json.loads(result.stdout)


def learn(plant: Path) -> Result:
    return magwatt(plant, "baseline", "learn", "pump", "--to", "2026-09-26T02:15")


def test_learnt_frozen_and_shown_with_what_was_saved(plant: Path) -> None:
    learnt = learn(plant)
    assert learnt.exit_code == 0, learnt.output
    assert "400 intervals" in learnt.stdout
    assert f"Range of {FLOW}: 300 to" in learnt.stdout
    frozen = magwatt(plant, "baseline", "freeze", "pump", "--by", "Li Wei")
    assert frozen.exit_code == 0, frozen.output
    shown = magwatt(plant, "baseline", "show", "pump", "--json")
    told = body(shown)
    assert told["baseline"]["by"] == "Li Wei"
    assert told["baseline"]["hash"] in frozen.stdout
    assert told["saving"]["verdict"] == "proven"
    assert told["saving"]["saved_wh"] == pytest.approx(0.1 * told["saving"]["adjusted_wh"], rel=0.02)
    assert told["saving"]["open_events"] == 1
    words = magwatt(plant, "baseline", "show", "pump").stdout
    assert "event 1 waits for a decision: maintenance, work" in words
    assert ": proven" in words


def test_no_figure_has_a_minus_before_zero(plant: Path) -> None:
    assert learn(plant).exit_code == 0
    store = Store(plant.parent / "state", SystemClock())
    draft = keep.load_draft(store, "pump")
    assert draft is not None
    keep.save_draft(store, replace(draft, nmbe=-1e-9, autocorrelation=-1e-4))
    store.close()
    shown = magwatt(plant, "baseline", "show", "pump").stdout
    assert "NMBE 0.00 %" in shown
    assert "autocorrelation 0.00" in shown


def test_each_step_names_the_next_command_as_it_must_be_typed(plant: Path) -> None:
    def typed(text: str) -> list[str]:
        return shlex.split(text.partition("magwatt ")[2].strip())

    nothing = magwatt(plant, "baseline", "show", "pump")
    assert nothing.exit_code == 1
    learnt = CliRunner().invoke(main, typed(nothing.output.partition("run: ")[2]))
    assert learnt.exit_code == 0, learnt.output
    frozen = CliRunner().invoke(main, typed(learnt.output.partition("in force: ")[2]))
    assert frozen.exit_code == 0, frozen.output


def test_a_model_of_several_signals_asks_for_more_than_one(plant: Path) -> None:
    found = magwatt(plant, "baseline", "learn", "pump", "--model", "linear", "--driver", FLOW)
    assert found.exit_code == 2
    assert "give --driver again" in found.output


def test_a_frozen_baseline_is_replaced_only_on_purpose(plant: Path) -> None:
    learn(plant)
    magwatt(plant, "baseline", "freeze", "pump", "--by", "Li Wei")
    again = magwatt(plant, "baseline", "freeze", "pump", "--by", "Wang")
    assert again.exit_code == 2
    assert "frozen already" in again.output
    assert magwatt(plant, "baseline", "freeze", "pump", "--by", "Wang", "--replace").exit_code == 0


def test_a_decision_counts_and_is_in_the_ledger(plant: Path) -> None:
    learn(plant)
    magwatt(plant, "baseline", "freeze", "pump", "--by", "Li Wei")
    before = body(magwatt(plant, "baseline", "show", "pump", "--json"))["saving"]
    listed = magwatt(plant, "adjustment", "list", "pump")
    assert listed.exit_code == 1
    assert "open, proposed: exclude" in listed.stdout
    done = magwatt(plant, "adjustment", "decide", "pump", "1", "--keep", "--by", "Li Wei", "--reason", "it ran as ever")
    assert done.exit_code == 0, done.output
    assert "keep (Li Wei: it ran as ever)" in done.stdout
    assert magwatt(plant, "adjustment", "list", "pump").exit_code == 0
    after = body(magwatt(plant, "baseline", "show", "pump", "--json"))["saving"]
    assert after["intervals"] == before["intervals"] + 4
    verified = magwatt(plant, "ledger", "verify", "--json")
    assert body(verified)["content"], verified.output
    store = Store(plant.parent / "state", SystemClock())
    kinds = [kind for (kind,) in store.rows("select kind from ledger order by seq")]
    store.close()
    assert [kind for kind in kinds if kind not in ("hour", "checkpoint")] == ["key", "baseline", "decision"]
    assert kinds[1] == "hour", "no agent ran here: what is over is recorded before what a person does"


def test_an_adjustment_is_in_kilowatt_hours_and_signed(plant: Path) -> None:
    learn(plant)
    magwatt(plant, "baseline", "freeze", "pump", "--by", "Li Wei")
    words = ("adjustment", "decide", "pump", "1", "--by", "Li Wei", "--reason", "valve 3 stood open")
    magwatt(plant, *words, "--keep")
    before = body(magwatt(plant, "baseline", "show", "pump", "--json"))["saving"]["saved_wh"]
    done = magwatt(plant, *words, "--adjust", "-12.5")
    assert done.exit_code == 0, done.output
    after = body(magwatt(plant, "baseline", "show", "pump", "--json"))["saving"]["saved_wh"]
    assert after - before == pytest.approx(-12_500)


def test_a_nameplate_serves_where_nothing_was_measured(plant: Path) -> None:
    done = magwatt(plant, "baseline", "learn", "pump", "--nameplate")
    assert done.exit_code == 0
    assert "nothing was measured before the retrofit" in done.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("baseline", "learn", "pum"), "did you mean 'pump'"),
        (("baseline", "learn", "pump", "--driver", "tonnes"), f"no driver tonnes; there are: {FLOW}"),
        (("baseline", "learn", "pump", "--from", "yesterday"),
         "--from, --to: 'yesterday' is no date; write for example 2026-09-15 or 2026-09-15T06:00"),
        (("baseline", "learn", "pump", "--to", "2020-01-01"),
         "nothing was measured or imported before 2020-01-01 00:00; there is some from 2026-09-2"),
        (("baseline", "learn", "pump", "--from", "2026-09-20", "--to", "2026-09-01"),
         "--from 2026-09-20 00:00 lies behind --to 2026-09-01 00:00"),
        (("baseline", "learn", "pump", "--from-bypass-test"), "intervals on bypass"),
        (("baseline", "freeze", "pump", "--by", "Li"), "nothing is learnt yet"),
        (("baseline", "freeze", "pump", "--by", " "), "must be a name"),
        (("adjustment", "decide", "pump", "7", "--keep", "--by", "Li", "--reason", "x"), "no event 7; there are: 1"),
        (("adjustment", "decide", "pump", "1", "--by", "Li", "--reason", "x"), "give one of --exclude"),
        (("adjustment", "decide", "pump", "1", "--keep", "--by", "Li", "--reason", " "), "needs a name and a reason"),
        (("adjustment", "decide", "pump", "1", "--adjust", "0", "--by", "Li", "--reason", "x"), "needs the energy"),
        (("adjustment", "decide", "pump", "1", "--adjust", "nan", "--by", "Li", "--reason", "x"), "needs the energy"),
        (("adjustment", "decide", "pump", "1", "--adjust", "-inf", "--by", "Li", "--reason", "x"), "needs the energy"),
    ],
)  # fmt: skip
def test_mistakes_are_told_in_a_line(plant: Path, words: tuple[str, ...], said: str) -> None:
    done = magwatt(plant, *words)
    assert done.exit_code == 2
    assert said in done.output
    assert "Traceback" not in done.output


def test_without_phases_it_is_learnt_until_the_old_motor_was_taken_out(plant: Path) -> None:
    """400 quarter hours of it, from 2026-09-22; what the new one used since 2026-09-27 is no baseline."""
    taken_out = "rpm = 1485, since = 2026-09-27 }"
    plant.write_text(PLANT.replace("rpm = 1485 }", taken_out), encoding="utf-8")
    told = body(magwatt(plant, "baseline", "learn", "pump", "--json"))
    assert told["baseline"]["n"] == 400
    assert not any("ct_ratio" in line or "load_shift" in line for line in told["odd"])
    told = body(magwatt(plant, "baseline", "learn", "pump", "--to", "2026-09-24", "--json"))
    assert 0 < told["baseline"]["n"] < 400


def test_without_a_baseline_show_says_how_to_get_one(plant: Path) -> None:
    done = magwatt(plant, "baseline", "show", "pump")
    assert done.exit_code == 1
    assert "magwatt baseline learn pump" in done.output


def test_a_tampered_baseline_is_refused(plant: Path) -> None:
    learn(plant)
    magwatt(plant, "baseline", "freeze", "pump", "--by", "Li Wei")
    store = Store(plant.parent / "state", SystemClock())
    told = store.notes(keep.FROZEN)["pump"]
    store.save_note(keep.FROZEN, "pump", "", {**told, "coefficients": [1.1 * value for value in told["coefficients"]]})
    store.close()
    done = magwatt(plant, "baseline", "show", "pump")
    assert done.exit_code == 2
    assert "is not the one that was frozen" in done.output
