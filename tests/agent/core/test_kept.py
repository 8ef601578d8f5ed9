"""What the history of a year keeps: what charts and analyses use, and nothing that fills the disk without a use."""

from __future__ import annotations

import pytest

from agent.core.kept import MEAN, NOTHING, RANGE
from agent.core.metrics import by_name, kept
from agent.web.plant.motor_rows import POWER_METRICS

TELEMETRY = by_name("telemetry").values()


@pytest.mark.parametrize("name", [name for name, _ in POWER_METRICS])
def test_a_power_that_the_page_draws_has_its_extremes(name: str) -> None:
    assert kept(name) == RANGE


@pytest.mark.parametrize("pattern", ["voltage_l{}n_v", "current_l{}_a", "thd_u_l{}_pct", "thd_i_l{}_pct"])
def test_each_phase_has_voltage_current_and_distortion(pattern: str) -> None:
    assert all(kept(pattern.format(phase)) for phase in (1, 2, 3))


@pytest.mark.parametrize(
    "name", ["motor_speed_rpm", "motor_temperature_degc", "frequency_hz", "power_factor", "flux_index_pct"]
)
def test_quantities_of_motor_and_supply_are_kept(name: str) -> None:
    assert kept(name) in (MEAN, RANGE)


def test_every_estimate_is_kept() -> None:
    assert all(metric.kept for metric in TELEMETRY if metric.kind == "estimate")


def test_counters_codes_and_texts_are_not() -> None:
    assert not any(metric.kept for metric in TELEMETRY if metric.kind in ("counter", "code", "text"))


OMITTED = (
    "status_word", "fault_code", "model_code", "demand_active_power_w", "reference_speed_rpm", "motor_rated_current_a",
    "ct_ratio", "active_power_l1_w", "current_sum_a",
)  # fmt: skip


@pytest.mark.parametrize("name", OMITTED)
def test_states_settings_demand_and_what_follows_from_others_are_not(name: str) -> None:
    assert kept(name) == NOTHING


def test_a_signal_of_the_configuration_is_kept_with_its_extremes() -> None:
    assert kept("signal_flow_pump_1_m3_h") == RANGE
