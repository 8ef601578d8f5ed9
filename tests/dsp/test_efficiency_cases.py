"""All cases of the independent test vectors on efficiency, classes, copper losses, drives, counters and wiring."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dsp import efficiency as eff
from dsp import wiring
from dsp.efficiency_induction import m1_shaft_power_w
from dsp.efficiency_magnet import seven_point
from dsp.tables import converter_fed, ie_efficiency
from dsp.tables.regulations import gb30253_converter, nema_premium

Case = dict[str, Any]
POLES = {"gt1800_6000": 2, "gt1200_1800": 4, "gt900_1200": 6, "gt600_900": 8}
RPM = {"gt1800_6000": 3000.0, "gt1200_1800": 1500.0, "gt900_1200": 1000.0, "gt600_900": 750.0}


def ie_limit(case: Case) -> Any:
    x = case["inputs"]
    return {"efficiency_pct": 100 * ie_efficiency(x["ie"], x["power_kw"], x["poles"])}


def converter_limit(case: Case) -> Any:
    x = case["inputs"]
    limit = ie_efficiency(x["ie"], x["power_kw"], POLES[x["speed_band"]])
    return {"efficiency_pct": 100 * converter_fed(limit, x["power_kw"])}


def gb30253(case: Case) -> Any:
    x = case["inputs"]
    rpm = RPM.get(x["speed_col"]) or float(x["speed_col"])
    return {"efficiency_pct": 100 * gb30253_converter(x["grade"], x["power_kw"], rpm)}


def nema(case: Case) -> Any:
    x = case["inputs"]
    return {"efficiency_pct": 100 * nema_premium(x["hp"], x["poles"], x["enclosure"])}


def part_load(case: Case) -> Any:
    """Calculate the efficiency from the input power of the load."""
    x = case["inputs"]
    rated_w, load = x["hp"] * 745.7, x["load"]
    p1_w = load * rated_w / case["expected"]["efficiency"]
    return {"efficiency": m1_shaft_power_w(p1_w, rated_w, x["full_load_eff"]) / p1_w}


def rated_amps(case: Case) -> Any:
    """200 hp of class EE; its rated efficiency is in amo-EE-200hp-1."""
    x = case["inputs"]
    return {"amps": eff.rated_current_a(x["hp"] * 745.7, x["v"], 0.956259245)}


def copper(case: Case) -> Any:
    x = case["inputs"]
    return {"r_ohm": eff.copper_ohm(x["r_ohm"], x["t_c"], x["t_ref_c"], x["k"])}


def pmsm(case: Case) -> Any:
    """Power balance: input, current, resistance and the two other losses are given, the remainder is shaft power."""
    x, y = case["inputs"], case["expected"]
    copper_w = 3 * y["i_rms"] ** 2 * x["rs_ohm"]
    losses = eff.Losses(copper_w, x["p_fe_w"], x["p_mech_w"], 0.0)
    found = eff.from_losses(y["p_in_w"], losses.total_w, 0, 0, eff.M5)
    assert found is not None
    return {"p_cu_w": copper_w, "efficiency": found.value}


def by_losses(case: Case) -> Any:
    x = case["inputs"]
    u_loss_kw, u_in_kw = x["u_loss_rel"] * x["p_loss_kw"], x["u_p1_rel"] * x["p1_kw"]
    found = eff.from_losses(x["p1_kw"], x["p_loss_kw"], u_loss_kw, u_in_kw, eff.M5)
    assert found is not None
    return {"efficiency": found.value, "u": found.u}


def surface(case: Case) -> Any:
    x = case["inputs"]
    found = seven_point(x["loss_w"], [(f, t) for f, t in x["points"]])
    return {"loss_w": [found.loss_w(f, t) for f, t in x["query"]]}


def transformers(case: Case) -> Any:
    x = case["inputs"]
    assert x["load"] == "motor_not_regenerating"
    phases = wiring.Phases(*(tuple(x[key]) for key in ("v_rms", "i_rms", "p_w", "q_var")))  # type: ignore[arg-type]
    return {"verdict": wiring.three_wattmeters(phases, 100.0, "motor").verdict}


KINDS: dict[str, Callable[[Case], Any]] = {
    "ie_limit_50hz": ie_limit, "ie_limit_converter_fed": converter_limit, "gb30253_vs": gb30253,
    "nema_premium_60hz": nema, "nameplate_part_load_eff": part_load, "estimate_fla": rated_amps,
    "copper_resistance": copper, "pmsm_steady_state": pmsm,
    "eff_uncertainty_loss": by_losses,
    "seven_point_interpolation": surface, "ct_diagnosis": transformers,
}  # fmt: skip
NOT_COMPUTED = {"vfd_generic_eff", "demag_index", "eff_uncertainty_direct"}  # quantities that the product does not need
ELSEWHERE = {"slip_speed_penalty", "mv_regression", "co2_cost", "energy_counter"}  # see savings, agent/test_counters


def test_every_case(data: Path) -> None:
    cases = json.loads((data / "efficiency" / "cases.json").read_text())["cases"]
    seen = set()
    for case in cases:
        if case["kind"] in ELSEWHERE | NOT_COMPUTED:
            continue
        seen.add(case["kind"])
        found = KINDS[case["kind"]](case)
        tolerance = case["tol"]
        for name, value in found.items():
            expected = case["expected"][name]
            if isinstance(tolerance, str):  # "rel 1e-9"
                assert value == pytest.approx(expected, rel=float(tolerance.split()[1])), case["id"]
            elif isinstance(value, str):
                assert value == expected, case["id"]
            else:
                assert value == pytest.approx(expected, abs=tolerance), case["id"]
    assert seen == set(KINDS)
