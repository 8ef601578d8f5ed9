"""Energy counters with constructed cases: rollover, reset, replacement, gaps, and a kill between any two rows."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.config_text import bus, load, meter, motor, site

from agent.analysis.efficiency import reasons
from agent.analysis.efficiency.energy_counters import EnergyCounters, MeterEvent
from agent.analysis.efficiency.energy_window import EnergyCell
from agent.config.topology import Asset, assets
from drivers.profiles import load_profile
from drivers.reading import Quality, Reading

CONFIG = "".join((
    site(), bus(), meter("m", profile="eastron/sdm630", ct="150/5", ct_class="0.5", serial_number="A1"),
    motor("p", "m", class_="IE3"),
))  # fmt: skip
START_NS = 1_790_000_000_000_000_000
LARGEST_W = 60_000.0


def asset(tmp_path: Path, text: str = CONFIG) -> Asset:
    return next(item for item in assets(load(tmp_path, text)) if item.motor)


def reading(at_s: float, flags: dict[str, Quality] | None = None, **values: Any) -> Reading:
    now = START_NS + int(at_s * 1e9)
    return Reading("m", now, now, values, flags=flags or {}, monotonic_ns=int(at_s * 1e9))


def wh(counters: EnergyCounters) -> int:
    return counters.values()["energy_counted_import_wh"]


def test_the_constructed_cases(data: Path, tmp_path: Path) -> None:
    """A profile with the register of the cases: 32 bits of 0.01 kWh."""
    cases = json.loads((data / "efficiency" / "cases.json").read_text())["cases"]
    tried = [case for case in cases if case["kind"] == "energy_counter"]
    assert len(tried) == 2
    for case in tried:
        x = case["inputs"]
        row = load_profile("acrel/adw300").register("energy_import")
        assert row is not None
        assert row.wraps_at() == x["modulus"] * x["unit_kwh"]
        counters = EnergyCounters(asset(tmp_path, CONFIG.replace("eastron/sdm630", "acrel/adw300")), LARGEST_W, {})
        for at_s, raw in x["readings"]:
            counters.on_meter_reading(reading(at_s, energy_import=raw * x["unit_kwh"]))
        assert wh(counters) == round(1000 * case["expected"]["total_kwh"])
        assert not counters.new_events(), "going round is how counters are"


@pytest.mark.parametrize("end_kwh", [1e4, 1e5, 1e6])
def test_a_register_rolls_over_at_its_last_digit(tmp_path: Path, end_kwh: float) -> None:
    counters = EnergyCounters(asset(tmp_path), LARGEST_W, {})
    for k in range(20):
        counters.on_meter_reading(reading(60 * k, energy_import=(end_kwh - 5 + k * 0.5) % end_kwh))
    assert wh(counters) == 9_500
    assert not counters.new_events()


def test_counting_continues_after_a_reset_which_is_an_event(tmp_path: Path) -> None:
    counters = EnergyCounters(asset(tmp_path), LARGEST_W, {})
    for k, kwh in enumerate((4321.0, 4321.5, 4322.0, 0.2, 0.7)):
        counters.on_meter_reading(reading(60 * k, energy_import=kwh))
    assert wh(counters) == 1_000 + 200 + 500
    assert [event.kind for event in counters.new_events()] == ["meter_register_reset"]


def test_energy_lost_by_a_reset_or_replacement_is_estimated_from_the_power(tmp_path: Path) -> None:
    """0.5 kWh in the minute of the reset, of which the register counted a fifth after it; then another meter."""
    counters = EnergyCounters(asset(tmp_path), LARGEST_W, {})
    for k, kwh in enumerate((4321.0, 4321.5, 0.1, 0.6)):
        counters.on_meter_reading(reading(60 * k, energy_import=kwh, serial_number="1"))
        assert wh(counters) == 500 * k
        counters.add_cells([EnergyCell(60 * (k + 1), 60.0, in_plus=0.5 * 3.6e6)], 60 * (k + 1))
    counters.on_meter_reading(reading(240, energy_import=77.0, serial_number="2"))
    counters.on_meter_reading(reading(300, energy_import=77.5, serial_number="2"))
    assert wh(counters) == 2_500
    assert [event.kind for event in counters.new_events()] == ["meter_register_reset", "meter_replaced"]


def test_an_implausibly_fast_increase_is_a_set_register(tmp_path: Path) -> None:
    counters = EnergyCounters(asset(tmp_path), LARGEST_W, {})
    before = counters.uncertainties
    for k, kwh in enumerate((100.0, 100.5, 9100.5, 9101.0)):
        counters.on_meter_reading(reading(60 * k, energy_import=kwh))
    assert wh(counters) == 1_000
    assert [event.kind for event in counters.new_events()] == ["meter_register_jump"]
    assert before()["energy_counted_import_wh"] > 0


def test_a_replaced_meter_continues_the_count_and_increases_u(tmp_path: Path) -> None:
    """The serial number in the configuration, or one that the meter reports."""
    plain, reporting = EnergyCounters(asset(tmp_path), LARGEST_W, {}), EnergyCounters(asset(tmp_path), LARGEST_W, {})
    for k in range(4):
        plain.on_meter_reading(reading(60 * k, energy_import=100 + k * 0.5))
    for k in range(4):
        reporting.on_meter_reading(reading(60 * k, energy_import=100 + k * 0.5, serial_number="77" if k < 2 else "78"))
    swapped = asset(tmp_path, CONFIG.replace('"A1"', '"B2"'))
    later = EnergyCounters(swapped, LARGEST_W, plain.changed())
    for k in range(4):
        later.on_meter_reading(reading(240 + 60 * k, energy_import=7.0 + k * 0.5))
    assert wh(plain) == 1_500
    assert wh(later) == 3_000, "nothing of the new register's past is counted"
    assert [event.kind for event in later.new_events()] == ["meter_replaced"]
    share = [c.uncertainties()["energy_counted_import_wh"] / wh(c) for c in (plain, later)]
    assert share[1] == pytest.approx(share[0] * 2**0.5)
    assert wh(reporting) == 1_000
    assert [event.kind for event in reporting.new_events()] == ["meter_replaced"]


@pytest.mark.parametrize("stated", ["A1", "0077"])
def test_a_serial_number_read_from_the_meter_takes_precedence_over_the_configuration(
    tmp_path: Path, stated: str
) -> None:
    """A meter reports its number after each start and each loss of communication; in between it is not replaced."""
    kept: dict[str, int] = {}
    for start in range(4):
        counters = EnergyCounters(asset(tmp_path, CONFIG.replace('"A1"', f'"{stated}"')), LARGEST_W, kept)
        for k in range(10):
            number = {"serial_number": 77} if k == 0 else {}
            counters.on_meter_reading(reading(600 * start + 60 * k, energy_import=100 + 5 * start + k * 0.5, **number))
        assert not counters.new_events()
        kept |= counters.changed()
    assert wh(counters) == 19_500
    counters.on_meter_reading(reading(2400, energy_import=7.0, serial_number=78))
    assert [event.kind for event in counters.new_events()] == ["meter_replaced"]


def test_a_changed_ratio_is_an_event_and_increases_u(tmp_path: Path) -> None:
    one = EnergyCounters(asset(tmp_path), LARGEST_W, {})
    one.on_meter_reading(reading(0, energy_import=10.0))
    one.on_meter_reading(reading(60, energy_import=10.5))
    other = EnergyCounters(asset(tmp_path, CONFIG.replace("150/5", "200/5")), LARGEST_W, one.changed())
    other.on_meter_reading(reading(120, energy_import=10.9))
    other.on_meter_reading(reading(180, energy_import=11.4))
    assert [event.kind for event in other.new_events()] == ["ct_ratio_changed"]
    assert wh(other) == 1_000
    share = [c.uncertainties()["energy_counted_import_wh"] / wh(c) for c in (one, other)]
    assert share[1] > 1.3 * share[0]


def test_a_suspect_reading_is_skipped_and_its_energy_counted_later(tmp_path: Path) -> None:
    counters = EnergyCounters(asset(tmp_path), LARGEST_W, {})
    counters.on_meter_reading(reading(0, energy_import=10.0))
    counters.on_meter_reading(reading(60, {"energy_import": Quality.OUT_OF_RANGE}, energy_import=0.0))
    counters.on_meter_reading(reading(120, energy_import=float("nan")))
    counters.on_meter_reading(reading(180, energy_import=None))
    counters.on_meter_reading(reading(240, energy_import=10.8))
    assert wh(counters) == 800
    assert not counters.new_events()


@given(st.integers(0, 2**32), st.lists(st.floats(0, 0.9), min_size=2, max_size=60))
def test_a_kill_between_any_two_rows_loses_and_doubles_nothing(seed: int, steps: list[float]) -> None:
    """Only what `changed` returned survives: a row and its counters are one transaction."""
    rng = random.Random(seed)
    motor = _MOTOR[0]
    store: dict[str, int] = {}
    counters = EnergyCounters(motor, LARGEST_W, store)
    kwh, seen, first = 500.0, -1, None
    for k, grown in enumerate(steps):
        kwh += round(grown, 3)
        counters.on_meter_reading(reading(60 * k, energy_import=round(kwh, 3)))
        if first is None:
            first = kwh
        if rng.random() < 0.7:
            store |= counters.changed()  # the row was committed
        if rng.random() < 0.3:
            counters = EnergyCounters(motor, LARGEST_W, store)  # kill -9
        if "p/import" in store:
            assert store["p/import"] >= seen
            seen = store["p/import"]
    counters.on_meter_reading(reading(60 * len(steps), energy_import=round(kwh, 3)))
    begun = store.get("p/import_register")
    if begun is not None:
        store |= counters.changed()
        assert store["p/import"] == store["p/import_register"] - _first_register(motor, steps, seed)


def _first_register(motor: Asset, steps: list[float], seed: int) -> int:
    """The first register value that survived: the same sequence, identified by what was committed."""
    rng, store, fresh = random.Random(seed), False, 0
    kwh, alive = 500.0, None
    for grown in steps:
        kwh += round(grown, 3)
        if alive is None:
            alive = round(round(kwh, 3) * 1_000_000)
        if rng.random() < 0.7:
            store, fresh = True, alive
        if rng.random() < 0.3 and not store:
            alive = None
    return fresh


_MOTOR: list[Asset] = []


@pytest.fixture(autouse=True)
def _motor(tmp_path: Path) -> None:
    _MOTOR[:] = [asset(tmp_path)]


def test_losses_and_shaft_energy_are_integer_watt_hours_that_never_decrease(tmp_path: Path) -> None:
    """A motor that drives for an hour and brakes for half an hour, in uneven cells."""
    counters = EnergyCounters(asset(tmp_path), LARGEST_W, {})
    rng, now_s, before = random.Random(7), 0.0, dict[str, int]()
    while now_s < 5400:
        seconds = rng.uniform(0.5, 4.0)
        now_s += seconds
        braking = now_s > 3600
        shaft = 10_000.0 * seconds
        cell = EnergyCell(
            now_s, seconds, shaft_plus=0.0 if braking else shaft, shaft_minus=shaft if braking else 0.0,
            copper=300 * seconds, core=200 * seconds, drive=150 * seconds, u_motor=100 * seconds,
            in_plus=0.0 if braking else shaft + 650 * seconds, in_minus=shaft - 650 * seconds if braking else 0.0,
        )  # fmt: skip
        counters.add_cells([cell], now_s)
        values = counters.values()
        assert all(isinstance(value, int) for value in values.values())
        assert all(values[name] >= value for name, value in before.items())
        before = values
    assert values["energy_shaft_wh"] == pytest.approx(10_000, abs=12)
    assert values["energy_shaft_returned_wh"] == pytest.approx(10_000 * (now_s - 3600) / 3600, abs=12)
    assert values["energy_loss_motor_wh"] == pytest.approx(500 * now_s / 3600, abs=2)
    assert values["energy_loss_drive_wh"] == pytest.approx(150 * now_s / 3600, abs=2)
    assert values["energy_counted_import_wh"] == pytest.approx(10_650, abs=12), "without a register: by the power"
    assert values["energy_uncounted_s"] == 0
    counters.add_cells([], now_s + 100)
    assert 85 <= counters.values()["energy_uncounted_s"] <= 100
    u = counters.uncertainties()
    assert u["energy_loss_motor_wh"] == pytest.approx(0.2 * values["energy_loss_motor_wh"], rel=0.02)


@pytest.mark.parametrize(("percent", "ratio", "minutes"), [(100, 0.005, 30), (60, 0.00625, 37.5), (20, 0.0075, 45)])
def test_u_of_the_counted_energy_has_the_limits_at_its_current(
    tmp_path: Path, percent: float, ratio: float, minutes: float
) -> None:
    """Transformers of class 0.5, IEC 61869-2, at power factor 0.8; as before after a restart without a reading."""
    counters = EnergyCounters(asset(tmp_path), LARGEST_W, {})
    for k in range(3):
        power_kw = 150 * percent / 100 * 1.732 * 0.4 * 0.8
        counters.on_meter_reading(
            reading(k, energy_import=10.0 + k, active_power=power_kw, current_avg=1.5 * percent, power_factor=0.8)
        )
        counters.add_cells([EnergyCell(k, 1.0, in_plus=3.6e6)], k)
    share = counters.uncertainties()["energy_counted_import_wh"] / wh(counters)
    limits = 0.005, ratio, math.radians(minutes / 60) * 0.75
    assert share == pytest.approx(2 / math.sqrt(3) * math.hypot(*limits), rel=1e-4)
    later = EnergyCounters(asset(tmp_path), LARGEST_W, counters.changed())
    assert later.uncertainties()["energy_counted_import_wh"] == pytest.approx(share * wh(later))


def test_a_register_event_states_both_values(tmp_path: Path) -> None:
    counters = EnergyCounters(asset(tmp_path), LARGEST_W, {})
    for k, kwh in enumerate((4321.0, 4321.5, 0.2)):
        counters.on_meter_reading(reading(60 * k, energy_import=kwh))
    reset = reasons.REGISTER_RESET(register="energy_import", before_wh=4_321_500.0, after_wh=200.0)
    assert counters.new_events() == [MeterEvent("meter_register_reset", [reset])]


def test_the_events_of_another_meter_state_its_number_and_its_ratio(tmp_path: Path) -> None:
    counters = EnergyCounters(asset(tmp_path), LARGEST_W, {})
    for number, ratio in ((77, 30.0), (78, 30.0), (78, 40.0)):
        counters.on_meter_reading(reading(60, energy_import=1.0, serial_number=number, ct_ratio=ratio))
    other = EnergyCounters(asset(tmp_path, CONFIG.replace("150/5", "200/5")), LARGEST_W, counters.changed())
    other.on_meter_reading(reading(120, energy_import=1.0))
    assert [event.reasons for event in (*counters.new_events(), *other.new_events())] == [
        [reasons.SERIAL_NUMBER_CHANGED(serial_number="78")],
        [reasons.METER_OWN_RATIO_CHANGED(ratio=40.0)],
        [reasons.CONFIGURED_RATIO_CHANGED(ct="200/5", vt="–", applied_by="meter")],
    ]


@pytest.mark.parametrize("kwh_step", [0.01, 1.0])
@pytest.mark.parametrize("slow_s", [1, 20])
def test_input_and_shaft_energy_belong_to_the_same_instant(tmp_path: Path, slow_s: int, kwh_step: float) -> None:
    """20 kW at the input, 18 kW at the shaft, cells computed 3 s late, the register read every 20 s and truncated to
    its digit: from the first second on the input is at least the shaft energy less U of the pair. It never decreases.
    """
    counters = EnergyCounters(asset(tmp_path, CONFIG.replace("eastron/sdm630", "acrel/adw300")), LARGEST_W, {})
    before, start_kwh = 0, 4321.9
    for second in range(1, 600):
        if second % slow_s == 7 % slow_s:
            kwh = start_kwh + 20 * second / 3600
            counters.on_meter_reading(reading(second, energy_import=kwh // kwh_step * kwh_step))
        if second > 3:
            counters.add_cells([EnergyCell(second - 3.0, 1.0, in_plus=20e3, shaft_plus=18e3)], second)
        values, u = counters.values(), counters.uncertainties()
        if "energy_shaft_wh" not in values:
            continue
        assert values["energy_counted_import_wh"] >= before
        before = values["energy_counted_import_wh"]
        true_wh = 20e3 * max(second - 3, 0) / 3600
        assert abs(before - true_wh) <= 1000 * kwh_step + 20e3 * 3 / 3600 + 2
        if kwh_step == 0.01:  # the digit of this profile
            allowed = u["energy_counted_import_wh"] + u["energy_shaft_wh"] + 1
            assert before >= values["energy_shaft_wh"] - allowed


def test_a_coarse_register_counts_its_steps_and_states_their_uncertainty(tmp_path: Path) -> None:
    """DL/T 645 at 200/5 and 10000/100: a step is 40 kWh, no jump; U (k = 2) of two truncated readings is 32.7 kWh."""
    text = "".join((
        site(), bus(tcp=None, serial="/dev/ttyUSB9", line="2400 8E1", framing="dlt645"),
        meter("m", profile="generic/dlt645-three-phase", unit_id="000000000161", ct="200/5", vt="10000/100",
              ct_class="0.5", vt_class="0.5", ratio_applied_by="agent"),
        motor("p", "m", class_="IE3"),
    ))  # fmt: skip
    counters = EnergyCounters(asset(tmp_path, text), LARGEST_W, {})
    for at_s, kwh in ((0, 4000.0), (60, 4040.0), (3600, 4080.0)):
        counters.on_meter_reading(reading(at_s, energy_import=kwh))
    assert (wh(counters), counters.new_events()) == (80_000, [])
    u_wh = counters.uncertainties()["energy_counted_import_wh"]
    assert u_wh == pytest.approx(2 * math.sqrt(2 / 12) * 40_000, rel=0.01)
