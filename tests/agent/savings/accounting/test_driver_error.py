"""Errors of drivers: what counts of the configuration, and U95 of a saving whose driver can have drifted."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace
from support.accounting import evaluate
from support.retrofit import START_MS
from support.retrofit_plant import config_toml

from agent.config.loader import load_config
from agent.config.reporting_periods import ReportingPhase
from agent.config.topology import Asset, assets
from agent.savings.accounting.driver_error import DriverError, default_error, driver_errors
from agent.savings.baseline.baseline import freeze, learn
from agent.savings.records.model import QUARTER_MS, Baseline, Driver, Interval

FLOW, AIR, VALVE, COUNT = "signal_steam_t_h", "signal_air_degc", "signal_valve_pct", "signal_made_pcs"
SIGNALS = {"steam": "t/h", "air": "degC", "valve": "%", "made": "pcs"}


def ms(day: str) -> int:
    return round(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp() * 1000)


def plant(folder: Path, more: str = "") -> Asset:
    """A motor with four signals. more: keys of each of them."""
    tables = "".join(
        f'[signal.{name}]\nbus = "line"\nunit_id = 9\naddress = {2 * k + 10}\ntype = "f32"\n'
        f'unit_of_measure = "{unit}"\nmotor = "pump"\n{more}\n'
        for k, (name, unit) in enumerate(SIGNALS.items())
    )
    path = folder / "plant.toml"
    path.write_text(config_toml(True, "127.0.0.1:502", folder / "state", 1.0, tables), encoding="utf-8")
    return assets(load_config(path)[0])[0]


def measured(numbers: range, seed: int = 1, share: float = 1.0, drift: float = 1.0) -> list[Interval]:
    """20 Wh for each unit of the first signal. drift: factor of what it displays."""
    rng = np.random.default_rng(seed)
    return [
        Interval("pump", START_MS + k * QUARTER_MS, share * (5000 + 20 * flow) + 20 * (-1) ** k, meter="m 1",
                 drivers={FLOW: Driver(drift * flow)}, reactive_varh=3000.0)
        for k in numbers for flow in [rng.uniform(300, 900)]
    ]  # fmt: skip


@pytest.fixture(scope="module")
def baseline() -> Baseline:
    found = learn("pump", measured(range(960)), drivers=[FLOW], kind="polynomial", classes=("0.2S", "0.2S"))
    return freeze(found, 0, "test")


def errors_of(asset: Asset, frozen: Baseline) -> dict[str, DriverError]:
    dated = replace(frozen, drivers=(FLOW, AIR, VALVE, COUNT), from_ms=ms("2026-03-01"), to_ms=ms("2026-03-15"))
    return driver_errors(asset, dated, ReportingPhase("reporting", ms("2026-05-01")), "UTC")


def test_without_a_statement_the_unit_gives_the_drift(baseline: Baseline, tmp_path: Path) -> None:
    asset = plant(tmp_path)
    assert {signal.metric.name for signal in asset.signals} >= {FLOW, AIR, VALVE, COUNT}
    assert errors_of(asset, baseline) == {
        FLOW: DriverError(relative=0.015), AIR: DriverError(absolute=0.5), VALVE: DriverError(absolute=1.0),
        COUNT: DriverError(),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("metric", "error"),
    [
        ("signal_flow_m3_h", DriverError(relative=0.015)), ("signal_flow_l_s", DriverError(relative=0.015)),
        ("signal_line_m_min", DriverError(relative=0.015)), ("signal_line_m_s", DriverError(relative=0.015)),
        ("signal_roll_rpm", DriverError(relative=0.002)), ("signal_header_bar", DriverError(relative=0.01)),
        ("signal_run_h", DriverError()), ("signal_shift", DriverError(relative=0.015)),
        ("signal_inlet_c", DriverError(absolute=0.5)),
    ],
)  # fmt: skip
def test_the_unit_is_the_end_of_the_name(metric: str, error: DriverError) -> None:
    assert default_error(metric) == error


def test_a_stated_accuracy_replaces_the_default_and_is_no_calibration(baseline: Baseline, tmp_path: Path) -> None:
    found = errors_of(plant(tmp_path, 'accuracy = "0.4 %"'), baseline)
    assert found == {name: DriverError(relative=pytest.approx(0.004)) for name in found}
    assert not any(error.calibrated for error in found.values())


@pytest.mark.parametrize(
    ("before", "after", "counts"),
    [
        ("2026-02-20", "2026-05-02", True), ("2026-03-10", "2026-05-01", True),  # within the periods
        ("2026-02-20", "2026-04-20", False),  # the second one before the reporting period
        ("2026-03-20", "2026-06-01", False),  # the first one after the baseline period
    ],
)  # fmt: skip
def test_a_calibration_counts_if_it_contains_both_periods(
    before: str, after: str, counts: bool, baseline: Baseline, tmp_path: Path
) -> None:
    stated = f"accuracy = '2 %'\ncalibration = {{ before = {before}, after = {after}, change = 0.3 }}"
    found = errors_of(plant(tmp_path, stated), baseline)
    if counts:
        assert found[FLOW] == DriverError(relative=pytest.approx(0.003), calibrated=True)
        assert found[AIR] == DriverError(absolute=0.3, calibrated=True)
        assert found[VALVE] == DriverError(absolute=0.3, calibrated=True)
        assert all(error.calibrated for error in found.values())
    else:
        assert found[FLOW] == DriverError(relative=0.02)
        assert not any(error.calibrated for error in found.values())


def test_a_drift_shifts_the_saving_by_no_more_than_its_limit(baseline: Baseline) -> None:
    """Nothing is saved, and the signal shows 1.5 % too much: 20 Wh · 1.5 % of all flows look like a saving."""
    items = measured(range(2000, 3000), 2, drift=1.015)
    flows = sum(item.drivers[FLOW].mean for item in items) / 1.015
    saving, lines = evaluate(baseline, items, classes=("0.2S", "0.2S"))
    assert sum(line.excluded is None for line in lines) > 950
    assert saving.saved_wh == pytest.approx(20 * 0.015 * flows, rel=0.05)
    assert saving.saved_wh > saving.u95_wh, "without the error of the signal it would be proven"
    covered, _ = evaluate(baseline, items, classes=("0.2S", "0.2S"), driver_errors={FLOW: DriverError(relative=0.016)})
    assert covered.verdict == "not_proven"


@pytest.mark.parametrize("error", [DriverError(relative=0.015), DriverError(absolute=6.0)])
def test_u95_contains_the_drift_as_a_rectangular_error(error: DriverError, baseline: Baseline) -> None:
    """u = limit/√3, limit = slope · Σ error. U95: 95 % of 400,000 sums of a normal and a rectangular error."""
    items = measured(range(2000, 2400), 2, 0.8)
    plain, _ = evaluate(baseline, items, classes=("0.2S", "0.2S"))
    found, _ = evaluate(baseline, items, classes=("0.2S", "0.2S"), driver_errors={FLOW: error})
    limit = 20 * sum(error.relative * item.drivers[FLOW].mean + error.absolute for item in items)
    assert found.saved_wh == plain.saved_wh
    assert plain.causes["driver"] == 0
    assert found.causes["driver"] == pytest.approx(limit / math.sqrt(3), rel=0.002), "the slope is fitted"
    others = math.sqrt(sum(u * u for u in plain.causes.values()))
    rng = np.random.default_rng(1)
    errors = np.abs(rng.normal(0, others, 400_000) + rng.uniform(-limit, limit, 400_000))
    assert found.u95_wh == pytest.approx(float(np.quantile(errors, 0.95)), rel=0.01)


def test_errors_of_a_signal_are_the_same_in_all_intervals(baseline: Baseline) -> None:
    """Not independent: four times the intervals have four times the uncertainty."""
    errors = {FLOW: DriverError(relative=0.015)}
    one = measured(range(2000, 2100), 2)
    four = [replace(item, start_ms=item.start_ms + n * 100 * QUARTER_MS) for n in range(4) for item in one]
    few, many = (evaluate(baseline, items, driver_errors=errors)[0] for items in (one, four))
    assert many.causes["driver"] == pytest.approx(4 * few.causes["driver"], rel=1e-9)
