"""`magwatt baseline` and `magwatt adjustment`: learn, freeze, show and decide, each recorded; errors in one line."""

from __future__ import annotations

import json
import re
import shlex
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from msgspec.structs import replace
from support.retrofit import FLOW, START_MS
from support.savings import save_event, save_intervals

from agent.analysis.efficiency.reasons import METER_RATIO, WIRING_RATIO
from agent.cli import main
from agent.core.clock import SystemClock
from agent.core.local_time import zone_of
from agent.core.text import english
from agent.delivery.store import Store
from agent.savings import service
from agent.savings.reasons import (
    ADJUSTMENT_ENERGY,
    BASELINE_CHANGED,
    DECISION_WITHOUT_REASON,
    EVENT_UNDECIDED,
    FROM_NAMEPLATE,
    LOAD_HAS_DRIVER,
    LOAD_NOT_CONSTANT,
    MAINTENANCE,
    NO_DRIVER,
    SECOND_DRIVER_NEEDED,
    STATIC_FACTOR_TWICE,
    TOO_FEW_BYPASS_INTERVALS,
)
from agent.savings.records import repository
from agent.savings.records.model import QUARTER_MS, Driver, Interval, NonRoutineEvent
from drivers.reasons import Reason

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
ZONE = zone_of("Asia/Shanghai")


def at(day: str) -> int:
    return round(datetime.fromisoformat(day).replace(tzinfo=ZONE).timestamp() * 1000)


@pytest.fixture
def plant(tmp_path: Path) -> Path:
    path = tmp_path / "plant.toml"
    path.write_text(PLANT, encoding="utf-8")
    store = Store(tmp_path / "state", SystemClock())
    save_intervals(store, [quarter(k) for k in range(400)])
    save_intervals(store, [replace(quarter(500 + k), energy_wh=0.9 * law(500 + k)[1]) for k in range(200)])
    from_ms, to_ms = START_MS + 510 * QUARTER_MS, START_MS + 514 * QUARTER_MS
    save_event(store, NonRoutineEvent(0, "pump", "maintenance", from_ms, to_ms, MAINTENANCE(), 1e5, "exclude"))
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


STATED = '[motor.pump.static_factors]\nload = "constant"\nproduct_mix = "water only"\n'


def state_file_without_drivers(plant: Path, spread: float = 0.02) -> None:
    """The same intervals without a signal; the energy alternates by this share."""
    store = Store(plant.parent / "state", SystemClock())
    rows = [replace(quarter(k), drivers={}, energy_wh=25_000 * (1 + spread * (-1) ** k)) for k in range(400)]
    save_intervals(store, rows)
    save_intervals(store, [replace(quarter(500 + k), drivers={}, energy_wh=20_000.0) for k in range(200)])
    store.close()


@pytest.mark.text
def test_stated_factors_are_frozen_with_who_and_when_and_recorded(plant: Path) -> None:
    state_file_without_drivers(plant)
    learn(plant)
    plant.write_text(PLANT + STATED, encoding="utf-8")
    frozen = magwatt(plant, "baseline", "freeze", "pump", "--by", "Li Wei", "--static-factor", "ambient = hall, heated")
    assert frozen.exit_code == 0, frozen.output
    assert "ambient: hall, heated (Li Wei, " in frozen.stdout
    parsed = body(magwatt(plant, "baseline", "show", "pump", "--json"))
    factors = {item["kind"]: item for item in parsed["baseline"]["static_factors"]}
    assert {kind: item["statement"] for kind, item in factors.items()} == {
        "load": "constant", "product_mix": "water only", "ambient": "hall, heated",
    }  # fmt: skip
    assert {(item["by"], item["stated_ms"]) for item in factors.values()} == {
        ("Li Wei", parsed["baseline"]["frozen_ms"])
    }
    assert parsed["saving"]["verdict"] == "proven"
    assert [item["status"] for item in parsed["saving"]["assumptions"]] == ["stated", "stated", "checked"]
    store = Store(plant.parent / "state", SystemClock())
    [(recorded,)] = store.rows("select body from ledger where kind = 'baseline'")
    store.close()
    assert json.loads(recorded)["baseline"]["static_factors"] == parsed["baseline"]["static_factors"]
    assert body(magwatt(plant, "ledger", "verify", "--json"))["ok"]


@pytest.mark.text
def test_without_a_stated_load_the_saving_is_provisional_and_says_why(plant: Path) -> None:
    state_file_without_drivers(plant)
    learn(plant)
    magwatt(plant, "baseline", "freeze", "pump", "--by", "Li Wei")
    saving = body(magwatt(plant, "baseline", "show", "pump", "--json"))["saving"]
    assert saving["verdict"] == "provisional"
    assert saving["assumptions"][0]["reason"]["code"] == NO_DRIVER
    assert saving["u80_wh"] < saving["u90_wh"] < saving["u95_wh"]
    words = magwatt(plant, "baseline", "show", "pump").stdout
    assert f"± {saving['u90_wh'] / 1000:.1f} (90 %), ± {saving['u80_wh'] / 1000:.1f} (80 %)" in words
    assert words.count("no signal of the model measures") == 1
    assert "  open: the load is the same" in words


def test_a_factor_that_is_stated_after_freezing_has_no_effect(plant: Path) -> None:
    state_file_without_drivers(plant)
    learn(plant)
    magwatt(plant, "baseline", "freeze", "pump", "--by", "Li Wei")
    plant.write_text(PLANT + STATED, encoding="utf-8")
    shown = body(magwatt(plant, "baseline", "show", "pump", "--json"))
    assert shown["saving"]["verdict"] == "provisional"
    assert [item["data"]["kind"] for item in shown["static_factors_not_frozen"]] == ["load", "product_mix"]
    assert "`magwatt baseline freeze pump --by NAME --replace`" in magwatt(plant, "baseline", "show", "pump").stdout
    magwatt(plant, "baseline", "freeze", "pump", "--by", "Li Wei", "--replace")
    shown = body(magwatt(plant, "baseline", "show", "pump", "--json"))
    assert (shown["saving"]["verdict"], shown["static_factors_not_frozen"]) == ("proven", [])


@pytest.mark.text
@pytest.mark.parametrize(
    ("spread", "config", "options", "expected"),
    [
        (0.3, STATED, (), LOAD_NOT_CONSTANT(cv=0.3, most=0.1)),
        (None, "", ("load=constant",), LOAD_HAS_DRIVER(drivers=(FLOW,))),
        (0.02, STATED, ("product_mix=sea water",),
         STATIC_FACTOR_TWICE(kind="product_mix", first="water only", second="sea water")),
        (0.02, "", ("ambient=hot", "ambient=cold"), STATIC_FACTOR_TWICE(kind="ambient", first="hot", second="cold")),
        (0.02, "", ("weather=fine",), "weather=fine"), (0.02, "", ("ambient",), "KEY=TEXT"),
        (0.02, "", ("load=two shifts",), "constant"),
    ],
)  # fmt: skip
def test_contradictory_factors_freeze_nothing(
    plant: Path, spread: float | None, config: str, options: tuple[str, ...], expected: Reason | str
) -> None:
    if spread is not None:
        state_file_without_drivers(plant, spread)
    learn(plant)
    plant.write_text(PLANT + config, encoding="utf-8")
    words = [word for option in options for word in ("--static-factor", option)]
    done = magwatt(plant, "baseline", "freeze", "pump", "--by", "Li Wei", *words)
    assert done.exit_code == 2
    assert (expected if isinstance(expected, str) else english(expected, ZONE)) in done.output
    assert len(done.output.splitlines()) == 1
    assert "(draft)" in magwatt(plant, "baseline", "show", "pump").stdout


@pytest.mark.text
def test_a_baseline_is_learned_frozen_and_shown_with_the_saving(plant: Path) -> None:
    learned = learn(plant)
    assert learned.exit_code == 0, learned.output
    assert re.search(r"2026-09-21 22:15 \+0800 .* 400 ", learned.stdout)
    assert re.search(rf"{FLOW}: 300 ", learned.stdout)
    frozen = magwatt(plant, "baseline", "freeze", "pump", "--by", "Li Wei")
    assert frozen.exit_code == 0, frozen.output
    show_result = magwatt(plant, "baseline", "show", "pump", "--json")
    parsed = body(show_result)
    assert parsed["baseline"]["by"] == "Li Wei"
    assert parsed["baseline"]["hash"] in frozen.stdout
    assert parsed["saving"]["verdict"] == "provisional"
    assert parsed["saving"]["saved_wh"] == pytest.approx(0.1 * parsed["saving"]["adjusted_wh"], rel=0.02)
    assert parsed["saving"]["open_events"] == 1
    words = magwatt(plant, "baseline", "show", "pump").stdout
    assert "n′ = n" in words, "the formula that was used"
    assert str(EVENT_UNDECIDED(number=1, kind="maintenance", cause=MAINTENANCE())) in words
    assert f"{parsed['saving']['saved_wh'] / 1000:.1f} ± {parsed['saving']['u95_wh'] / 1000:.1f} kWh" in words


def test_no_figure_has_a_minus_before_zero(plant: Path) -> None:
    assert learn(plant).exit_code == 0
    store = Store(plant.parent / "state", SystemClock())
    draft = repository.load_draft(store, "pump")
    assert draft is not None
    repository.save_draft(store, replace(draft, nmbe=-1e-9, autocorrelation=-1e-4))
    store.close()
    show_result = magwatt(plant, "baseline", "show", "pump").stdout
    assert "NMBE 0.00 %" in show_result
    assert "-0.0" not in show_result


def test_each_step_names_the_next_command_as_it_must_be_typed(plant: Path) -> None:
    def typed(text: str) -> list[str]:
        command = re.search(r"magwatt (.+plant\.toml)", text)
        assert command, text
        return shlex.split(command[1])

    nothing = magwatt(plant, "baseline", "show", "pump")
    assert nothing.exit_code == 1
    learned = CliRunner().invoke(main, typed(nothing.output))
    assert learned.exit_code == 0, learned.output
    frozen = CliRunner().invoke(main, typed(learned.output.splitlines()[-1]))
    assert frozen.exit_code == 0, frozen.output


def test_a_model_of_several_signals_needs_more_than_one(plant: Path) -> None:
    found = magwatt(plant, "baseline", "learn", "pump", "--model", "linear", "--driver", FLOW)
    assert found.exit_code == 2
    assert str(SECOND_DRIVER_NEEDED(asset="pump", kind="linear")) in found.output


def test_a_frozen_baseline_is_only_replaced_with_the_option(plant: Path) -> None:
    learn(plant)
    magwatt(plant, "baseline", "freeze", "pump", "--by", "Li Wei")
    again = magwatt(plant, "baseline", "freeze", "pump", "--by", "Wang")
    assert again.exit_code == 2
    assert "--replace" in again.output
    assert "Li Wei" in again.output
    assert magwatt(plant, "baseline", "freeze", "pump", "--by", "Wang", "--replace").exit_code == 0


def test_a_decision_takes_effect_and_is_recorded(plant: Path) -> None:
    learn(plant)
    magwatt(plant, "baseline", "freeze", "pump", "--by", "Li Wei")
    before = body(magwatt(plant, "baseline", "show", "pump", "--json"))["saving"]
    listed = magwatt(plant, "adjustment", "list", "pump")
    assert listed.exit_code == 1
    assert str(MAINTENANCE()) in listed.stdout
    [line] = magwatt(plant, "adjustment", "list", "pump", "--json").stdout.splitlines()
    listed_event = json.loads(line)
    assert (listed_event["decision"], listed_event["proposal"]) == (None, "exclude")
    done = magwatt(plant, "adjustment", "decide", "pump", "1", "--keep", "--by", "Li Wei", "--reason", "it ran as ever")
    assert done.exit_code == 0, done.output
    assert "(Li Wei: it ran as ever)" in done.stdout
    assert magwatt(plant, "adjustment", "list", "pump").exit_code == 0
    after = body(magwatt(plant, "baseline", "show", "pump", "--json"))["saving"]
    assert after["intervals"] == before["intervals"] + 4
    verified = magwatt(plant, "ledger", "verify", "--json")
    assert body(verified)["ok"], verified.output
    store = Store(plant.parent / "state", SystemClock())
    kinds = [kind for (kind,) in store.rows("select kind from ledger order by seq")]
    store.close()
    assert [kind for kind in kinds if kind not in ("interval", "checkpoint")] == ["key", "baseline", "decision"]


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


@pytest.mark.text
@pytest.mark.parametrize(
    ("first", "ended", "why"),
    [
        (510, False, "event 2 (CT ratio) has not ended"),
        (390, True, "event 2 (CT ratio) began before the reporting period, which starts at 2026-09-26 02:15"),
    ],
)
def test_an_adjustment_that_would_not_cover_its_event_is_rejected(
    plant: Path, first: int, ended: bool, why: str
) -> None:
    learn(plant)
    magwatt(plant, "baseline", "freeze", "pump", "--by", "Li Wei")
    store = Store(plant.parent / "state", SystemClock())
    span_ms = START_MS + first * QUARTER_MS, START_MS + 514 * QUARTER_MS if ended else None
    cause = METER_RATIO(fault=WIRING_RATIO(ratio=0.8))
    save_event(store, NonRoutineEvent(0, "pump", "ct_ratio", *span_ms, cause, 0.0, "exclude"))
    store.close()
    words = ("adjustment", "decide", "pump", "2", "--by", "Li Wei", "--reason", "wrong ratio")
    done = magwatt(plant, *words, "--adjust", "-500")
    assert done.exit_code == 2
    assert why in done.output
    assert magwatt(plant, *words, "--exclude").exit_code == 0


def test_a_nameplate_serves_where_nothing_was_measured(plant: Path) -> None:
    done = magwatt(plant, "baseline", "learn", "pump", "--nameplate")
    assert done.exit_code == 0
    assert str(FROM_NAMEPLATE()) in done.stdout


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("baseline", "learn", "pum"), "'pump'"),
        (("baseline", "learn", "pump", "--driver", "tonnes"),
         service.DRIVER_UNKNOWN(asset="pump", driver="tonnes", known=(FLOW,))),
        (("baseline", "learn", "pump", "--from", "yesterday"), service.DATE_INVALID(text="yesterday")),
        (("baseline", "learn", "pump", "--to", "2020-01-01"),
         service.NOT_MEASURED_BEFORE(asset="pump", to_ms=at("2020-01-01"), first_ms=START_MS,
                                  last_ms=START_MS + 700 * QUARTER_MS)),
        (("baseline", "learn", "pump", "--from", "2020-01-01", "--to", "2020-01-02"),
         service.NOT_MEASURED_BETWEEN(asset="pump", from_ms=at("2020-01-01"), to_ms=at("2020-01-02"), first_ms=START_MS,
                                   last_ms=START_MS + 700 * QUARTER_MS)),
        (("baseline", "learn", "pump", "--from", "2026-09-20", "--to", "2026-09-01"),
         service.PERIOD_EMPTY(from_ms=at("2026-09-20"), to_ms=at("2026-09-01"))),
        (("baseline", "learn", "pump", "--from-bypass-test"),
         TOO_FEW_BYPASS_INTERVALS(asset="pump", usable=0, n=600, least=12)),
        (("baseline", "freeze", "pump", "--by", "Li"), service.DRAFT_MISSING(asset="pump")),
        (("baseline", "freeze", "pump", "--by", " "), "--by"),
        (("adjustment", "decide", "pump", "7", "--keep", "--by", "Li", "--reason", "x"),
         service.EVENT_MISSING(asset="pump", number=7, known=("1",))),
        (("adjustment", "decide", "pump", "1", "--by", "Li", "--reason", "x"), "--exclude"),
        (("adjustment", "decide", "pump", "1", "--keep", "--by", "Li", "--reason", " "),
         DECISION_WITHOUT_REASON()),
        (("adjustment", "decide", "pump", "1", "--adjust", "0", "--by", "Li", "--reason", "x"),
         ADJUSTMENT_ENERGY()),
        (("adjustment", "decide", "pump", "1", "--adjust", "nan", "--by", "Li", "--reason", "x"),
         ADJUSTMENT_ENERGY()),
        (("adjustment", "decide", "pump", "1", "--adjust", "-inf", "--by", "Li", "--reason", "x"),
         ADJUSTMENT_ENERGY()),
    ],
)  # fmt: skip
def test_each_error_is_one_line(plant: Path, words: tuple[str, ...], expected: Reason | str) -> None:
    done = magwatt(plant, *words)
    assert done.exit_code == 2
    assert (expected if isinstance(expected, str) else english(expected, ZONE)) in done.output
    assert len(done.output.splitlines()) == 1


def test_without_periods_it_is_learned_until_the_old_motor_was_replaced(plant: Path) -> None:
    """400 intervals of the old motor from 2026-09-22; those of the new one since 2026-09-27 are not used."""
    replaced = "rpm = 1485, since = 2026-09-27 }"
    plant.write_text(PLANT.replace("rpm = 1485 }", replaced), encoding="utf-8")
    parsed = body(magwatt(plant, "baseline", "learn", "pump", "--json"))
    assert parsed["baseline"]["n"] == 400
    assert parsed["suspect"] == []
    parsed = body(magwatt(plant, "baseline", "learn", "pump", "--to", "2026-09-26", "--json"))
    assert 0 < parsed["baseline"]["n"] < 400


def test_without_a_baseline_show_prints_the_next_command(plant: Path) -> None:
    done = magwatt(plant, "baseline", "show", "pump")
    assert done.exit_code == 1
    assert "magwatt baseline learn pump" in done.output


def test_a_changed_baseline_is_rejected(plant: Path) -> None:
    learn(plant)
    magwatt(plant, "baseline", "freeze", "pump", "--by", "Li Wei")
    store = Store(plant.parent / "state", SystemClock())
    parsed = store.entries(repository.FROZEN)["pump"]
    store.save_entry(
        repository.FROZEN, "pump", "", {**parsed, "coefficients": [1.1 * value for value in parsed["coefficients"]]}
    )
    store.close()
    done = magwatt(plant, "baseline", "show", "pump")
    assert done.exit_code == 2
    assert done.output.strip() == str(BASELINE_CHANGED())
