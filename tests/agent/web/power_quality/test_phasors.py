"""Phasors of the page: closed forms, and the meter against the waveform of the same recorded motor."""

from __future__ import annotations

import cmath
import json
import math
from pathlib import Path
from typing import Any

import pytest

from agent.web.power_quality.phasors import phasors_of_meter, phasors_of_waveform

TURN = cmath.exp(2j * math.pi / 3)
RECORDED = json.loads((Path(__file__).parent / "recorded_supply.json").read_text(encoding="utf-8"))


def polar(size: float, degrees: float) -> complex:
    return cmath.rect(size, math.radians(degrees))


def meter(u: list[complex], i: list[complex], line: float = 1.0) -> dict[str, Any]:
    """Telemetry of a meter with these phasors. line: factor on its line voltages."""
    found: dict[str, Any] = {"frequency_hz": 50.01}
    for k in range(3):
        found[f"voltage_l{k + 1}n_v"], found[f"current_l{k + 1}_a"] = abs(u[k]), abs(i[k])
        found[f"voltage_l{('12', '23', '31')[k]}_v"] = line * abs(u[k] - u[(k + 1) % 3])
        power = u[k] * i[k].conjugate()
        found[f"active_power_l{k + 1}_w"], found[f"reactive_power_l{k + 1}_var"] = power.real, power.imag
    return found


def test_the_angles_of_a_message_are_those_of_the_diagram() -> None:
    pq3s = {"angle_u_l2_deg": -121.0, "angle_u_l3_deg": 118.0, "angle_i_l1_deg": -18.0, "angle_i_l2_deg": 170.0,
            "angle_i_l3_deg": 100.0, "frequency_hz": 50.01, "voltage_unbalance_pct": 0.3}  # fmt: skip
    harmonics = {f"harmonic_u_l{n}_v": [0.0, 230.0 + n, 1.0] for n in (1, 2, 3)}
    harmonics |= {f"harmonic_i_l{n}_a": [0.0, 40.0 * n, 1.0] for n in (1, 2, 3)}
    found = phasors_of_waveform(pq3s, harmonics)
    assert found.u_v == [231.0, 232.0, 233.0]
    assert found.u_deg == [0.0, -121.0, 118.0]
    assert found.phi_deg == [18.0, 69.0, 18.0]  # -121 - 170 = -291 is the same as 69
    assert found.p_w[0] == pytest.approx(231.0 * 40.0 * math.cos(math.radians(18.0)), abs=0.1)
    assert (found.sequence, found.voltage_unbalance_pct, found.source) == (1, 0.3, "waveform")
    assert phasors_of_waveform(pq3s | {"angle_u_l2_deg": 121.0}, harmonics).sequence == -1


def test_without_an_angle_there_is_neither_phi_nor_power() -> None:
    found = phasors_of_waveform({"voltage_l1n_v": 230.0, "current_l1_a": 5.0, "angle_i_l1_deg": None}, {})
    assert (found.u_v[0], found.i_a[0]) == (230.0, 5.0)
    assert found.phi_deg == found.p_w == [*found.u_deg[1:], None] == [None] * 3
    assert found.sequence is None


def test_a_meter_gives_the_phasors_from_which_its_values_were_computed() -> None:
    """A positive sequence of 230 V with a negative one of 5 V: the angles differ, and U2/U1 is 5/230."""
    one, two = polar(230.0, 0.0), polar(5.0, 40.0)
    u = [one + two, one * TURN**2 + two * TURN, one * TURN + two * TURN**2]
    i = [polar(40.0, -20.0), polar(42.0, -140.0), polar(41.0, 100.0)]
    found = phasors_of_meter(meter(u, i))
    assert found is not None
    want = [math.degrees(cmath.phase(z / u[0])) for z in (*u, *i)]
    assert [*found.u_deg, *found.i_deg] == pytest.approx(want, abs=0.01)
    assert found.voltage_unbalance_pct == pytest.approx(100 * 5 / 230, abs=0.01)
    minus = abs(i[0] + TURN**2 * i[1] + TURN * i[2]) / abs(i[0] + TURN * i[1] + TURN**2 * i[2])
    assert found.current_unbalance_pct == pytest.approx(100 * minus, abs=0.01)
    assert (found.sequence, found.assumed) == (None, False)


@pytest.mark.parametrize("line", [1.03, 0.5])
def test_line_voltages_that_contradict_give_nominal_angles(line: float) -> None:
    """3 % more than the triangle allows: the angles add up to 369 degrees."""
    u = [polar(230.0, 0.0), polar(230.0, -120.0), polar(230.0, 120.0)]
    found = phasors_of_meter(meter(u, [z / 5 for z in u], line))
    assert found is not None
    assert (found.u_deg, found.assumed, found.voltage_unbalance_pct) == ([0.0, -120.0, 120.0], True, None)


def test_a_dead_phase_and_a_missing_one() -> None:
    u = [polar(230.0, 0.0), 0j, polar(230.0, 120.0)]
    found = phasors_of_meter(meter(u, u))
    assert found is not None
    assert found.assumed
    values = meter(u, u)
    del values["voltage_l2n_v"]
    assert phasors_of_meter(values) is None
    assert phasors_of_meter({}) is None


def test_the_meter_and_the_waveform_of_a_recorded_motor_agree() -> None:
    """The meter has class 0.5 with CTs of class 0.5, and its Q contains harmonics: 1.5 degrees."""
    messages = RECORDED["pump-2"]
    measured = phasors_of_waveform(messages["pq3s"]["v"], messages["harmonics"]["v"])
    metered = phasors_of_meter(messages["telemetry"]["v"])
    assert metered is not None
    assert metered.u_deg == pytest.approx(measured.u_deg, abs=0.2)
    assert metered.i_deg == pytest.approx(measured.i_deg, abs=1.5)
    assert metered.u_v == pytest.approx(measured.u_v, rel=0.005)
    # with harmonics of 44 % the current of the meter is larger than the fundamental
    assert metered.i_a == pytest.approx([i * math.sqrt(1 + 0.44**2) for i in measured.i_a if i], rel=0.01)
