"""Analyses of a snapshot. Truth: the closed form of its waveform, and what the agent publishes for the same stream."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.snapshots import FIFTH, I_A, U_V, sines, snapshot

from agent.fleet.reanalysis.waveforms import condition, efficiency, power_quality, read_snapshot

RATE_HZ = 5000.0
SUPPLY = {"voltage_v": U_V, "current_a": I_A}


def content(folder: Path, samples: np.ndarray[Any, Any], rate_hz: float = RATE_HZ, **fields: Any) -> bytes:
    return snapshot(folder, samples.astype(np.float32), rate_hz, **fields).read_bytes()


def test_power_quality_of_a_closed_form(tmp_path: Path) -> None:
    [row] = power_quality([content(tmp_path, sines(2, RATE_HZ), supply=SUPPLY, quality=("SIMULATED",))])
    assert row["voltage_l1n_v"] == pytest.approx(U_V, rel=1e-5)  # single precision: 6e-8; published: 0.01 V
    assert row["current_l2_a"] == pytest.approx(I_A * math.hypot(1, FIFTH), rel=1e-5)
    assert row["active_power_w"] == pytest.approx(3 * U_V * I_A * math.cos(math.pi / 6), rel=1e-5)
    assert row["thd_i_l3_pct"] == pytest.approx(100 * FIFTH, abs=0.01)
    assert row["harmonic_i_l1_a"][5] == pytest.approx(FIFTH * I_A, abs=0.001)
    assert (row["asset"], row["reason"], row["flags"], row["windows_left_out"]) == ("p1", "daily", "SIMULATED", 0)
    assert (row["events"], row["event_count"]) == ("", 0)


def test_windows_with_missing_samples_are_left_out(tmp_path: Path) -> None:
    samples = sines(2, RATE_HZ)
    samples[:, 5000:5100] = np.nan
    [row] = power_quality([content(tmp_path, samples, supply=SUPPLY)])
    assert (row["missing"], "GAP" in row["flags"]) == (100, True)
    assert 1 <= row["windows_left_out"] <= 3
    assert row["active_power_w"] == pytest.approx(3 * U_V * I_A * math.cos(math.pi / 6), rel=1e-5)


def test_a_dip_in_the_snapshot_is_an_event(tmp_path: Path) -> None:
    samples = sines(3, RATE_HZ)
    samples[:3, 7000:8000] *= 0.6
    [row] = power_quality([content(tmp_path, samples, supply=SUPPLY)])
    assert "dip" in row["events"].split(",")
    [alone] = power_quality([content(tmp_path, samples)])
    assert alone["events"] == "", "at the output of a drive there are no dips"


def test_a_snapshot_without_a_current_has_no_total_power(tmp_path: Path) -> None:
    samples = sines(2, RATE_HZ)[:5]
    [row] = power_quality([content(tmp_path, samples, channels=("u1", "u2", "u3", "i1", "i2"), supply=SUPPLY)])
    assert row["active_power_w"] is None
    assert row["voltage_l3n_v"] == pytest.approx(U_V, rel=1e-5)


def test_efficiency_of_a_sine_at_the_terminals(tmp_path: Path) -> None:
    """The losses are those in the stator, in closed form, and at most as much again in rotor, core and bearings."""
    samples = sines(2.5, RATE_HZ, amps=80.0)
    plate = {"rated_w": 45_000.0, "efficiency": 0.939, "volts_v": 400.0, "rated_a": 80.0, "rated_rpm": 1475.0,
             "sync_rpm": 1500.0, "poles": 4, "r1_ohm": 0.05, "fixed_w": None, "from_class": False}  # fmt: skip
    [row] = efficiency([content(tmp_path, samples, plate=plate)])
    hot_ohm = 0.05 * (235 + 80) / 255
    stator_pct = 100 * 3 * 80.0**2 * (1 + FIFTH**2) * hot_ohm / (3 * U_V * 80.0 * math.cos(math.pi / 6))
    assert 100 - 3 * stator_pct < row["motor_efficiency_pct"] < 100 - stator_pct
    assert (row["method"], row["seconds"], row["motor_efficiency_pct_u"]) == ("M7", 2, 2.25)
    assert row["spread_pct"] < 0.01
    [without] = efficiency([content(tmp_path, samples)])
    assert (without["motor_efficiency_pct"], without["method"], without["seconds"]) == (None, None, 0)


def test_condition_of_a_motor_at_an_unbalanced_supply(tmp_path: Path) -> None:
    samples = sines(4, RATE_HZ)
    samples[0] *= 0.93
    machine = {"kind": "induction", "at": "line", "kw": 22.0, "rpm": 1475.0, "hz": 50.0, "poles": 4, "volts": 400.0}
    [row] = condition([content(tmp_path, samples, machine=machine)])
    assert "supply_unbalance" in row["findings"].split(",")
    assert row["condition"] == "finding"
    found = json.loads(row["faults"])["supply_unbalance"]
    assert (found["verdict"], found["index"]) == ("finding", pytest.approx(100 * 0.07 / (3 - 0.07), abs=0.01))
    assert json.loads(row["features"])["f_hz"] == pytest.approx(50)
    [unknown] = condition([content(tmp_path, samples)])
    assert (unknown["condition"], unknown["faults"]) == (None, None)


def test_a_later_header_and_another_file_are_rejected(tmp_path: Path) -> None:
    samples = sines(0.1, RATE_HZ)
    with pytest.raises(ValueError, match="version 2"):
        read_snapshot(content(tmp_path, samples, version=2))
    other = tmp_path / "other.parquet"
    pq.write_table(pa.table({"u1": [1.0]}), other)
    with pytest.raises(ValueError, match="no header"):
        read_snapshot(other.read_bytes())
