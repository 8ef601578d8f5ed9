"""An auditor can recalculate every figure from the files of the report alone.

The calculations here follow the documentation; nothing of the code under test is imported for them.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from support import metered_retrofit
from support.transformer_errors import limits

from agent.cli import main

REST_KWH = 1e-4  # rounding of two numbers, half of the last digit each


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("retrofit")
    metered_retrofit.retrofit(folder, days=6)
    (folder / "plant.toml").write_text(metered_retrofit.PLANT.replace("simulated = true", ""), encoding="utf-8")
    CliRunner().invoke(main, ["report", "--month", "2024-10", "--config", str(folder / "plant.toml"), "--output",
                              str(folder / "r.html")])  # fmt: skip
    [motor] = json.loads((folder / "r.json").read_text(encoding="utf-8"))["motors"]
    assert motor["saving"]["verdict"] == "provisional"
    return folder


@pytest.fixture(scope="module")
def reported(made: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((made / "r.json").read_text(encoding="utf-8"))
    return found


@pytest.fixture(scope="module")
def rows(made: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO((made / "r.csv").read_text(encoding="utf-8-sig"))))


def test_the_frozen_baseline_is_there_and_its_hash_is_its_own(reported: dict[str, Any]) -> None:
    [motor] = reported["motors"]
    baseline = motor["baseline"]
    rest = {name: value for name, value in baseline.items() if name != "hash"}
    canonical = json.dumps(rest, sort_keys=True, separators=(",", ":"))
    assert hashlib.sha256(canonical.encode()).hexdigest() == baseline["hash"] == motor["saving"]["baseline_hash"]


def test_each_quarter_hour_follows_from_the_baseline(reported: dict[str, Any], rows: list[dict[str, str]]) -> None:
    [motor] = reported["motors"]
    baseline = motor["baseline"]
    assert baseline["kind"] == "polynomial"
    [driver] = baseline["drivers"]
    for row in rows:
        flow = float(row[driver])
        kwh = sum(c * flow**power for power, c in enumerate(baseline["coefficients"])) / 1000
        assert math.isclose(kwh, float(row["adjusted_baseline_kwh"]), rel_tol=1e-5, abs_tol=REST_KWH)
    saved = sum(float(row["saved_kwh"]) for row in rows if row["saved_kwh"])
    assert saved == pytest.approx(motor["saving"]["saved_wh"] / 1000, abs=REST_KWH * len(rows))


def test_a_partly_polled_quarter_hour_follows_from_the_baseline_and_its_coverage(made: Path, tmp_path: Path) -> None:
    """As without a register. The ledger then does not confirm the report, which does not matter here."""
    shutil.copytree(made, tmp_path / "plant")
    with closing(sqlite3.connect(tmp_path / "plant" / "state" / "magwatt.sqlite")) as db, db:
        start_ms, body = db.execute("select start_ms, body from interval order by start_ms desc limit 1").fetchone()
        body = json.dumps(json.loads(body) | {"coverage": 7 / 9, "filled_wh": 0.0})
        db.execute("update interval set body = ? where start_ms = ?", (body, start_ms))
    arguments = ["--month", "2024-10", "--config", str(tmp_path / "plant" / "plant.toml")]
    CliRunner().invoke(main, ["report", *arguments, "--output", str(tmp_path / "r.html")])
    [motor] = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))["motors"]
    row = list(csv.DictReader(io.StringIO((tmp_path / "r.csv").read_text(encoding="utf-8-sig"))))[-1]
    flow = float(row[motor["baseline"]["drivers"][0]])
    kwh = sum(c * flow**power for power, c in enumerate(motor["baseline"]["coefficients"])) / 1000
    part = float(row["coverage_pct"]) / 100
    assert float(row["filled_kwh"]) == 0
    assert part == pytest.approx(7 / 9, abs=1e-6)
    assert float(row["adjusted_baseline_kwh"]) == pytest.approx(part * kwh, rel=1e-5)


def test_no_text_of_the_plant_is_a_formula_in_a_spreadsheet(made: Path, tmp_path: Path) -> None:
    """OWASP, CSV injection: a cell that begins with = + - @, a tab or a carriage return is evaluated."""
    shutil.copytree(made, tmp_path / "plant")
    file = tmp_path / "plant" / "plant.toml"
    text = file.read_text(encoding="utf-8")
    names = {"peak": "=HYPERLINK(0)", "flat": "+1", "valley": "@SUM(A1)"}
    for old, new in names.items():
        text = text.replace(f'"{old}"', f'"{new}"').replace(f"{old} =", f'"{new}" =')
    file.write_text(text.replace("0.34", "-0.34"), encoding="utf-8")
    CliRunner().invoke(
        main, ["report", "--month", "2024-10", "--config", str(file), "--output", str(tmp_path / "r.html")]
    )
    table = list(csv.DictReader(io.StringIO((tmp_path / "r.csv").read_text(encoding="utf-8-sig"))))
    assert {row["period"] for row in table} == {f"'{name}" for name in names.values()}
    assert {row["price"] for row in table} == {"1.05", "0.68", "-0.34"}, "numbers keep their sign"


def test_the_money_follows_from_each_quarter_hours_price(reported: dict[str, Any], rows: list[dict[str, str]]) -> None:
    [motor] = reported["motors"]
    assert motor["tariff"]["prices"] == {"peak": 1.05, "flat": 0.68, "valley": 0.34}
    for row in rows:
        hour = int(row["start_local"][11:13])
        expected = "valley" if hour >= 23 or hour < 7 else "flat" if hour < 17 else "peak"
        assert (row["period"], float(row["price"])) == (expected, motor["tariff"]["prices"][expected])
    saved = sum(float(row["saved_kwh"]) * float(row["price"]) for row in rows if row["saved_kwh"])
    assert saved == pytest.approx(motor["money"]["saved"], rel=1e-6)


def test_coal_and_carbon_are_shown_with_their_factors(reported: dict[str, Any]) -> None:
    [motor] = reported["motors"]
    saved_kwh = motor["saving"]["saved_wh"] / 1000
    for kind, figure in motor["coal"].items():
        assert motor["coal_kgce"][kind] == pytest.approx(saved_kwh * figure["kgce_per_kwh"])
        assert figure["source"]
    assert motor["avoided_grid_emissions_kg"] == pytest.approx(saved_kwh * motor["grid_factor"]["kg_per_kwh"])


def test_the_public_key_is_there_and_signs_the_checkpoint(made: Path, reported: dict[str, Any], tmp_path: Path) -> None:
    """With a copy of the state directory that lacks the key file."""
    shutil.copytree(made / "state", tmp_path / "copy", ignore=shutil.ignore_patterns("ledger.key"))
    assert set(reported["ledger_key"]) == {"kind", "public", "fingerprint"}
    assert reported["ledger_key"]["fingerprint"] == reported["ledger"]["key"]
    key = tmp_path / "public.json"
    key.write_text(json.dumps(reported["ledger_key"]), encoding="utf-8")
    command = [
        "ledger",
        "verify",
        "--state",
        str(tmp_path / "copy"),
        "--key",
        str(key),
        "--checkpoint",
        str(made / "r.json"),
        "--json",
    ]
    assert json.loads(CliRunner().invoke(main, command).output)["ok"]


@pytest.mark.text
def test_the_configuration_of_the_recorded_intervals_is_stated(reported: dict[str, Any], made: Path) -> None:
    """The configuration changed after the intervals were recorded; prices and classes are those of today."""
    [motor] = reported["motors"]
    n = motor["ledger"]["intervals"]
    assert motor["ledger"]["recorded_under"] == {"config": {"c0ffee": n}, "software": {"0.1.0": n}}
    page = (made / "r.html").read_text(encoding="utf-8")
    assert f"c0ffee ({n} intervals)" in page
    assert reported["config"] in page


def test_the_meter_and_the_zone_are_there(reported: dict[str, Any], rows: list[dict[str, str]]) -> None:
    [motor] = reported["motors"]
    assert reported["zone"] == "Asia/Shanghai"
    assert motor["meter"] == {
        "name": "mcc-12", "profile": "eastron/sdm630", "measuring_point": "drive-input", "serial_number": "22091734",
        "class": "0.5S", "ct": [400, 5], "ct_class": "0.5S", "vt": None, "vt_class": None,
        "nominal_v": 380, "certificate": "4711",
        "certificates": [{
            "device": "meter", "number": "4711", "laboratory": "省计量院", "issued": "2024-01-12",
            "valid_until": "2032-01-11", "serial_number": None,
        }],
    }  # fmt: skip
    assert {row["meter"] for row in rows} == {"mcc-12/22091734"}
    assert all(float(row["reactive_kvarh"]) > 0 and float(row["shaft_kwh"]) > 0 for row in rows)


def numbers(rows: list[dict[str, str]], name: str) -> list[float]:
    return [float(row[name]) for row in rows]


def test_the_parts_follow_from_shaft_and_losses(reported: dict[str, Any], rows: list[dict[str, str]]) -> None:
    """motor: losses of the old motor less the new one's; drive: minus its losses and auxiliaries; control: the rest.

    U95: 25 % of the losses of the old motor; for the others the values of the estimator, summed over the month.
    """
    [motor] = reported["motors"]
    parts, saving = motor["saving"]["parts"], motor["saving"]
    claimed = [row for row in rows if row["saved_kwh"]]
    old, new = sum(numbers(claimed, "old_motor_loss_kwh")), sum(numbers(claimed, "motor_loss_kwh"))
    drive = sum(numbers(claimed, "drive_loss_kwh")) + sum(numbers(claimed, "auxiliary_kwh"))
    assert not any(numbers(claimed, "filled_kwh"))
    rest = REST_KWH * len(claimed)
    assert parts["motor"]["wh"] / 1000 == pytest.approx(old - new, abs=2 * rest)
    assert parts["drive"]["wh"] / 1000 == pytest.approx(-drive, abs=2 * rest)
    assert parts["control"]["wh"] / 1000 == pytest.approx(saving["saved_wh"] / 1000 - old + new + drive, abs=4 * rest)
    u_motor = math.hypot(0.25 * old, sum(numbers(claimed, "u_motor_loss_kwh")))
    assert parts["motor"]["u95_wh"] / 1000 == pytest.approx(u_motor, abs=2 * rest)
    u_drive = sum(numbers(claimed, "u_drive_loss_kwh"))
    assert parts["drive"]["u95_wh"] / 1000 == pytest.approx(u_drive, abs=2 * rest)
    u_control = math.hypot(saving["u95_wh"] / 1000, u_motor, u_drive)
    assert parts["control"]["u95_wh"] / 1000 == pytest.approx(u_control, abs=4 * rest)
    assert motor["old_motor"] == {
        "rated_w": 132000.0,
        "efficiency": pytest.approx(0.947),
        "rpm": 1480.0,
        "sync_rpm": 1500.0,
    }


def test_the_uncertainty_components_follow_from_the_rows(reported: dict[str, Any], rows: list[dict[str, str]]) -> None:
    """The formulas of docs/explanation/savings.md.

    model √(v·C·vᵀ); scatter s·√(m·τ); driver Σ dE/dd·1.5 % of the flow, divided by √3. The register filled no gap.
    """
    [motor] = reported["motors"]
    baseline, causes = motor["baseline"], motor["saving"]["causes"]
    [driver] = baseline["drivers"]
    claimed = [row for row in rows if row["saved_kwh"]]
    flows, degree = numbers(claimed, driver), range(len(baseline["coefficients"]))
    v = [sum(flow**power for flow in flows) for power in degree]
    model = math.sqrt(sum(a * b * c for a, row in zip(v, baseline["covariance"], strict=True)
                          for b, c in zip(v, row, strict=True)))  # fmt: skip
    assert causes["model"] == pytest.approx(model, rel=1e-4)
    tau = baseline["n"] / baseline["n_effective"]
    assert causes["scatter"] == pytest.approx(baseline["residual_wh"] * math.sqrt(tau * len(claimed)), rel=1e-9)
    slopes = [sum(k * baseline["coefficients"][k] * flow ** (k - 1) for k in degree if k) for flow in flows]
    moved = sum(slope * 0.015 * flow for slope, flow in zip(slopes, flows, strict=True))
    assert causes["driver"] == pytest.approx(moved / math.sqrt(3), rel=2e-3), "the slope is a difference quotient"
    assert causes["gaps"] == 0


def test_the_uncertainty_of_the_meter_follows_from_the_rows(
    reported: dict[str, Any], rows: list[dict[str, str]]
) -> None:  # fmt: skip
    """The limits of class 0.5S at the current of each row, weighted with the energy, divided by √3: at rated current
    0.5 % and 30′ of the difference, and the difference of what the limits are larger by at the currents. The meter, of
    class 0.5S too, has 1 % below 5 % of rated current.
    """
    [motor] = reported["motors"]
    baseline, causes, saving, meter = motor["baseline"], motor["saving"]["causes"], motor["saving"], motor["meter"]
    claimed = [row for row in rows if row["saved_kwh"]]
    rated_kva = math.sqrt(3) * meter["nominal_v"] * meter["ct"][0] / 1000
    tan_0, adjusted = baseline["tan_phi"], np.array(numbers(claimed, "adjusted_baseline_kwh"))
    measured = np.array(numbers(claimed, "measured_kwh")) - numbers(claimed, "auxiliary_kwh")
    reactive = np.array(numbers(claimed, "reactive_kvarh"))
    percent = 400 * math.hypot(1, tan_0) * adjusted / rated_kva, 400 * np.hypot(measured, reactive) / rated_kva
    before, after = ((np.where(x < 5, 0.01, 0.005), *limits(meter["ct_class"], x)) for x in percent)
    tan_1 = reactive.sum() / measured.sum()
    for name, k, rated, factors in (
        ("meter_gain", 0, 0.005, (1.0, 1.0)), ("transformer_ratio", 1, 0.005, (1.0, 1.0)),
        ("transformer_phase", 2, math.radians(0.5), (tan_0, tan_1)),
    ):  # fmt: skip
        energy = saving["adjusted_wh"] * factors[0], saving["measured_wh"] * factors[1]
        more = np.average(before[k], weights=adjusted) - rated, np.average(after[k], weights=measured) - rated
        limit = rated * (energy[0] - energy[1]) + abs(more[0] * energy[0] - more[1] * energy[1])
        assert causes[name] == pytest.approx(limit / math.sqrt(3), rel=1e-3)
        assert more[1] > 0, "the current was below 20 % of rated at times"


def test_the_page_names_an_earlier_report_as_the_key(made: Path) -> None:
    page = (made / "r.html").read_text(encoding="utf-8")
    assert page.count("--key") == 2, "once in each language"
    command = ["ledger", "verify", "--state", str(made / "state"), "--key", str(made / "r.json"),
               "--checkpoint", str(made / "r.json"), "--json"]  # fmt: skip
    assert json.loads(CliRunner().invoke(main, command).output)["ok"]
