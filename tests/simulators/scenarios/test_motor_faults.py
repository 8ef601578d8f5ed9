"""Faults of motors appear in the registers that an agent polls, as physics requires, and end."""

from __future__ import annotations

import math
from typing import Any

import pytest
from support.faulty_plant import faulty_plant, registers, run_to

from simulators.scenarios.motor_faults import KINDS
from simulators.scenarios.plant import ScenarioPlant

AT_S, TO_S = 5, 35
H = 1 / 3600


def fault(motor: str, kind: str, **more: Any) -> dict[str, Any]:
    return {"motor": motor, "kind": kind, "from_h": AT_S * H, "to_h": TO_S * H, **more}


def before_and_in(train: str, *devices: str, **how: Any) -> tuple[ScenarioPlant, dict[str, float], dict[str, float]]:
    """Registers of the devices one second before a fault, and ten seconds into it."""
    plant = faulty_plant(train, fault(train, **how))
    run_to(plant, AT_S - 1)
    before = {name: value for device in devices for name, value in registers(plant, device).items()}
    run_to(plant, AT_S + 10)
    return plant, before, {name: value for device in devices for name, value in registers(plant, device).items()}


def unbalance_pct(values: dict[str, float]) -> float:
    amps = [values[f"current_l{k}"] for k in (1, 2, 3)]
    return 100 * max(abs(a * 3 / sum(amps) - 1) for a in amps)


def test_a_dry_pump_keeps_its_speed_and_loses_its_power_and_flow() -> None:
    """Power without water: 0.28 of the rated one by the cube of the speed, and below 0.85 of that at a closed valve."""
    plant, before, dry = before_and_in("pump", "vfd-pump", "flow-pump", kind="dry-run")
    assert dry["output_frequency"] == pytest.approx(before["output_frequency"], rel=0.01)
    assert dry["flow-pump"] == 0 < before["flow-pump"]
    n = plant.units["pump"].train.speed_rpm / 1480
    assert plant.units["pump"].train.shaft_w == pytest.approx(50e3 * 0.28 * n**3, rel=1e-9)
    assert 0.2 < dry["motor_power"] / before["motor_power"] < 0.45
    run_to(plant, TO_S + 1)
    after = registers(plant, "vfd-pump")
    assert after["motor_power"] == pytest.approx(before["motor_power"], rel=0.01)


def test_a_closed_valve_takes_the_power_of_a_tenth_of_the_flow() -> None:
    plant, before, closed = before_and_in("pump", "vfd-pump", "flow-pump", kind="low-flow")
    assert closed["flow-pump"] == pytest.approx(0.1 * before["flow-pump"], rel=0.02)
    unit = plant.units["pump"]
    n, q = unit.train.speed_rpm / 1480, 0.1 * unit.share
    assert unit.train.shaft_w == pytest.approx(50e3 * n**3 * (0.45 + 0.65 * q / n - 0.1 * (q / n) ** 2), rel=1e-9)


def test_cavitation_scatters_the_torque_around_less_power() -> None:
    """8 % less, and 4 % of scatter: 300 values determine the mean within 0.7 % and the scatter within 12 % (3σ)."""
    plant = faulty_plant("pump", {"motor": "pump", "kind": "cavitation", "from_h": 0, "to_h": 1})
    ratios = []
    unit = plant.units["pump"]
    for _ in range(300):
        plant.step(1.0)
        speed = unit.train.speed_rad_s
        steady_w = unit.load.throttled_w(unit.share, speed)  # type: ignore[union-attr]
        ratios.append(unit.train.shaft_w / steady_w)
    mean = sum(ratios) / len(ratios)
    scatter = math.sqrt(sum((ratio - mean) ** 2 for ratio in ratios) / len(ratios)) / mean
    assert mean == pytest.approx(0.92, abs=0.007)
    assert scatter == pytest.approx(0.04, rel=0.12)


def test_a_clogged_filter_takes_power_little_by_little() -> None:
    """P = 50 kW·n³·(0.3 + 0.7·φ/n): at the middle of its time the flow is 0.175 lower."""
    plant = faulty_plant("fan", {"motor": "fan", "kind": "clogged-filter", "from_h": 0, "to_h": 200 * H})
    run_to(plant, 100)
    unit = plant.units["fan"]
    n = unit.train.speed_rpm / 1478
    assert unit.train.shaft_w == pytest.approx(50e3 * n**3 * (0.3 + 0.7 * 0.9 * (1 - 0.175) / n), rel=1e-9)
    run_to(plant, 201)
    assert unit.train.shaft_w == pytest.approx(50e3 * n**3 * (0.3 + 0.7 * 0.9 / n), rel=1e-9)


def test_a_drive_on_two_phases_takes_their_power_from_one_line_voltage() -> None:
    plant, before, lost = before_and_in("pump", "mcc-pump", "vfd-pump", kind="phase-loss")
    assert lost["current_l1"] == 0
    assert lost["current_l2"] == pytest.approx(lost["current_l3"], rel=0.01)  # the meter's errors
    assert lost["voltage_l1n"] == pytest.approx(before["voltage_l1n"], rel=0.005)
    assert lost["motor_power"] < 0.5 * 55 * 1.05  # the drive limits its power
    per_w = [sum(now[f"current_l{k}"] for k in (2, 3)) / 2 / now["active_power"] for now in (before, lost)]
    assert 1.7 < per_w[1] / per_w[0] < 2.4  # √3, and more harmonics
    assert lost["dc_bus_voltage"] < before["dc_bus_voltage"]
    run_to(plant, TO_S + 1)
    assert registers(plant, "mcc-pump")["current_l1"] == pytest.approx(before["current_l1"], rel=0.03)


def test_a_motor_on_the_line_without_a_phase_keeps_turning_on_more_current() -> None:
    plant, before, lost = before_and_in("old-pump", "mcc-old-pump", kind="phase-loss")
    assert lost["current_l1"] < 1e-9
    assert lost["current_l2"] > 1.7 * before["current_l2"]
    assert plant.units["old-pump"].train.speed_rpm > 1450
    run_to(plant, TO_S + 1)
    assert registers(plant, "mcc-old-pump")["current_l1"] == pytest.approx(before["current_l1"], rel=0.03)


@pytest.mark.parametrize("train", ["pump", "old-pump"])
def test_a_bad_contact_unbalances_the_currents_and_not_the_voltages(train: str) -> None:
    """Its heat is R·I² of L2; the meter upstream sees the voltages of the supply."""
    plant, before, bad = before_and_in(train, f"mcc-{train}", kind="contact-resistance")
    unit = plant.units[train]
    for k in (1, 2, 3):
        assert bad[f"voltage_l{k}n"] == pytest.approx(before[f"voltage_l{k}n"], rel=0.006)  # the supply varies
    assert unbalance_pct(bad) > unbalance_pct(before) + 3
    rated_a = 55e3 / (math.sqrt(3) * 402) if train == "pump" else unit.plate.current_a
    ohm = 0.1 * 402 / math.sqrt(3) / rated_a
    square_a2 = float((abs(unit.train.i_a[1]) ** 2).sum())
    assert unit.train.feeder_w == pytest.approx(ohm * square_a2, rel=1e-9)


def test_a_bad_contact_lowers_the_current_of_a_bridge_in_its_phase() -> None:
    _, before, bad = before_and_in("pump", "mcc-pump", kind="contact-resistance")
    changes = [bad[f"current_l{k}"] / before[f"current_l{k}"] for k in (1, 2, 3)]
    assert changes[1] < 0.97 < 1.005 < min(changes[0], changes[2])


def test_lost_cooling_raises_the_temperature_of_the_winding_which_returns() -> None:
    """The frame warms up by at most 0.85 of its rise in its 45 min; the load varies by 3 K. See test_thermal."""
    plant = faulty_plant("mixer", {"motor": "mixer", "kind": "cooling-lost", "from_h": 0, "to_h": 0.5})
    before = registers(plant, "vfd-mixer")["motor_temperature"]
    unit = plant.units["mixer"]
    assert unit.thermal is not None
    frame_k = unit.thermal.degc.frame - 30
    for _ in range(30):
        plant.step(60.0)
    rise_k = registers(plant, "vfd-mixer")["motor_temperature"] - before
    assert 5 < rise_k < 0.85 * frame_k * 30 / 45 + 3
    for _ in range(180):
        plant.step(60.0)
    assert registers(plant, "vfd-mixer")["motor_temperature"] == pytest.approx(before, abs=3)


def test_a_hot_bearing_is_hotter_than_frame_and_speed_explain() -> None:
    """40 K in steps of 63 % in ten minutes; the transmitter has an error of up to 0.5 K."""
    plant = faulty_plant("pump", {"motor": "pump", "kind": "bearing-temperature", "from_h": 0, "to_h": 1})
    before = registers(plant, "bearing-pump")["bearing-pump"]
    for _ in range(60):
        plant.step(10.0)
    now = registers(plant, "bearing-pump")["bearing-pump"]
    assert now - before == pytest.approx(40 * (1 - math.exp(-1)), abs=2)  # the frame changes by up to 2 K


@pytest.mark.parametrize("train", ["pump", "mixer"])
def test_a_jammed_machine_stands_at_the_torque_limit_of_its_drive(train: str) -> None:
    plant, _, jammed = before_and_in(train, f"vfd-{train}", kind="stall")
    assert jammed["output_frequency"] == 0
    assert jammed["motor_torque"] == pytest.approx(150, rel=0.035)
    assert jammed["motor_current"] > 1.4 * plant.units[train].plate.current_a
    run_to(plant, TO_S + 40)
    assert registers(plant, f"vfd-{train}")["output_frequency"] > 50


def test_a_drive_gives_up_after_a_minute_of_overload() -> None:
    plant = faulty_plant("mixer", {"motor": "mixer", "kind": "stall", "from_h": 0, "to_h": 0.05})
    run_to(plant, 58)
    assert registers(plant, "vfd-mixer")["motor_current"] > 100
    run_to(plant, 64)
    assert registers(plant, "vfd-mixer")["motor_current"] == 0


def test_a_jammed_motor_on_the_line_takes_its_starting_current_until_its_relay_trips() -> None:
    plant = faulty_plant("old-pump", fault("old-pump", "stall"))
    run_to(plant, AT_S + 3)
    assert registers(plant, "mcc-old-pump")["current_l2"] > 4 * 100
    run_to(plant, AT_S + 12)
    assert registers(plant, "mcc-old-pump")["current_l2"] == 0
    run_to(plant, TO_S + 1)
    assert 60 < registers(plant, "mcc-old-pump")["current_l2"] < 100


def test_a_blocked_drive_lets_its_fan_coast_and_shows_the_speed() -> None:
    """At the end the drive accelerates it again."""
    plant, before, blocked = before_and_in("fan", "vfd-fan", kind="run-out")
    assert blocked["output_frequency"] == blocked["motor_current"] == 0
    assert 0 < blocked["motor_speed"] < before["motor_speed"]
    assert int(blocked["status_word"]) == 1 << 2  # ready, not running, no fault
    run_to(plant, TO_S + 40)
    assert registers(plant, "vfd-fan")["motor_speed"] == pytest.approx(before["motor_speed"], rel=0.01)


def test_a_tripped_drive_shows_its_fault_and_restarts() -> None:
    plant, before, tripped = before_and_in("pump", "vfd-pump", kind="drive-trip")
    assert int(tripped["status_word"]) == 1 << 3
    assert int(tripped["status_word_2"]) == 1 << 14
    assert tripped["motor_current"] == 0
    run_to(plant, TO_S + 40)
    assert registers(plant, "vfd-pump")["motor_power"] == pytest.approx(before["motor_power"], rel=0.02)


def test_demagnetized_magnets_take_more_current_for_the_same_torque() -> None:
    """12 % less flux: 1/0.88 of the torque-producing current; the core branch takes another share."""
    _, before, weak = before_and_in("pump", "vfd-pump", kind="demagnetization")
    assert weak["motor_torque"] == pytest.approx(before["motor_torque"], rel=0.01)
    assert weak["motor_current"] / before["motor_current"] == pytest.approx(1 / 0.88, rel=0.01)


def test_a_wrong_rotor_position_takes_more_current_for_the_same_torque() -> None:
    """0.7 rad: 1/cos of it, less the reluctance torque that the d current adds."""
    plant, before, wrong = before_and_in("pump", "vfd-pump", kind="loss-of-synchronism")
    assert wrong["motor_torque"] == pytest.approx(before["motor_torque"], rel=0.01)
    assert 1.1 < wrong["motor_current"] / before["motor_current"] < 1 / math.cos(0.7)
    run_to(plant, TO_S + 1)
    assert registers(plant, "vfd-pump")["motor_current"] == pytest.approx(before["motor_current"], rel=0.01)


def test_an_unbalanced_supply_unbalances_voltages_and_currents() -> None:
    """2.5 % of negative sequence: the largest deviation of the phase voltages is between half of it and all of it."""
    plant = faulty_plant("pump", {"kind": "supply-unbalance", "from_h": AT_S * H, "to_h": TO_S * H})
    run_to(plant, AT_S + 1)
    now = registers(plant, "mcc-pump")
    volts = [now[f"voltage_l{k}n"] for k in (1, 2, 3)]
    assert 0.0125 < max(abs(v * 3 / sum(volts) - 1) for v in volts) < 0.03
    assert unbalance_pct(now) > 4
    run_to(plant, TO_S + 1)
    assert unbalance_pct(registers(plant, "mcc-pump")) < 2


def test_a_provoked_fault_begins_and_ends() -> None:
    """Default: the first motor that can have it, and the usual duration of the kind."""
    plant = faulty_plant("pump")
    plant.provoke("dry-run", AT_S)
    plant.provoke("drive-silent", 20.0, 30.0)
    seen = []
    for _ in range(110):
        plant.step(1.0)
        row = plant.truth()
        seen.append((row["pump"]["fault_dry_run"], row["vfd-pump"]["silent"]))
    dry, silent = zip(*seen, strict=True)
    assert [k + 1 for k, value in enumerate(dry) if value] == list(range(AT_S, AT_S + int(KINDS["dry-run"].lasts_s)))
    assert [k + 1 for k, value in enumerate(silent) if value] == list(range(20, 30))
