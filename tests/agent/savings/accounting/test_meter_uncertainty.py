"""Uncertainty of a saving from meter and transformers, against the printed limits and against drawn errors.

The load is a straight line of the flow without scatter, so that the meters are the only cause.
"""

from __future__ import annotations

import math
from itertools import pairwise
from random import Random

import numpy as np
import pytest
from msgspec.structs import replace
from support.accounting import evaluate
from support.transformer_errors import TransformerErrors

from agent.savings import reasons
from agent.savings.baseline.baseline import freeze, learn
from agent.savings.records.meter_identity import MeterClasses, ct_primary_a
from agent.savings.records.model import QUARTER_MS, Baseline, Driver, Interval, Saving

FLOW, VOLTS, CT_A = "signal_flow_m3_h", 400.0, 400.0
VA_PER_A = math.sqrt(3) * VOLTS
START_MS = 1_790_000_100_000 // QUARTER_MS * QUARTER_MS
TAN_OLD, TAN_NEW = 0.6, 0.1
NONE = TransformerErrors(0.0, 0.0, "0.5", CT_A, VOLTS)


def rows(
    share: float, tan: float, first: int = 0, n: int = 400, mean_va: float = 0.6 * VA_PER_A * CT_A,
    spread: float = 0.0, ct: TransformerErrors = NONE, meter: str = "m 1 400/5",
) -> list[Interval]:  # fmt: skip
    """Intervals whose old apparent power is mean_va ± spread; share: of this energy that the plant uses."""
    found = []
    for k in range(n):
        flow = 1 + spread * math.sin(2 * math.pi * k / 57)
        w = mean_va / math.hypot(1, TAN_OLD) * flow * share
        shown_w, shown_var = (float(x[0]) for x in ct.displayed(np.array([w]), np.array([w * tan])))
        found.append(Interval("p", START_MS + (first + k) * QUARTER_MS, shown_w / 4, reactive_varh=shown_var / 4,
                              drivers={FLOW: Driver(flow)}, meter=meter))  # fmt: skip
    return found


def learned(found: list[Interval], ct_class: str = "0.5") -> Baseline:
    return freeze(learn("p", found, classes=("0.5S", ct_class), kind="polynomial"), 0, "test")


def saving(before: list[Interval], after: list[Interval], ct_class: str = "0.5", **more: object) -> Saving:
    present = MeterClasses("0.5S", ct_class, va_per_a=VA_PER_A)._replace(**more)  # type: ignore[arg-type]
    return evaluate(learned(before, ct_class), after, classes=present)[0]


def test_a_constant_current_has_the_limits_of_the_table_at_this_current() -> None:
    """60 % of rated before; after it 0.8 of the active and a tenth of reactive energy.

    Class 0.5 between 20 and 100 %: 0.625 % and 37.5′ before, and what the table states at the current after.
    """
    found = saving(rows(1.0, TAN_OLD, spread=0.001), rows(0.8, TAN_NEW, 500, spread=0.001))
    e0, e1 = found.adjusted_wh, found.measured_wh
    after_pct = 60 * 0.8 * math.hypot(1, TAN_NEW) / math.hypot(1, TAN_OLD)
    ratio = 0.75 - 0.25 * (after_pct - 20) / 80
    rated, growth = 0.005 * (e0 - e1), 0.00125 * e0 - (ratio - 0.5) / 100 * e1
    assert found.causes["transformer_ratio"] * math.sqrt(3) == pytest.approx(rated + abs(growth), rel=1e-3)
    minutes_0, minutes_1 = 37.5, 60 * ratio
    phase = math.radians(1 / 60) * (minutes_0 * TAN_OLD * e0 - minutes_1 * TAN_NEW * e1)
    assert found.causes["transformer_phase"] * math.sqrt(3) == pytest.approx(phase, rel=1e-3)
    assert found.causes["meter_gain"] * math.sqrt(3) == pytest.approx(0.005 * (e0 - e1), rel=1e-3)
    assert not [caveat for caveat in found.caveats if caveat.code == reasons.CURRENT_ASSUMED]


def test_an_s_class_keeps_its_limits_from_20_percent_up() -> None:
    found = saving(rows(1.0, TAN_OLD, spread=0.1), rows(0.8, TAN_NEW, 500, spread=0.1), "0.5S")
    e0, e1 = found.adjusted_wh, found.measured_wh
    assert found.causes["transformer_ratio"] * math.sqrt(3) == pytest.approx(0.005 * (e0 - e1), rel=1e-3)
    phase = math.radians(30 / 60) * (TAN_OLD * e0 - TAN_NEW * e1)
    assert found.causes["transformer_phase"] * math.sqrt(3) == pytest.approx(phase, rel=1e-3)


@pytest.mark.parametrize("ct_class", ["0.2", "0.5", "0.5S", "1"])
def test_u95_does_not_increase_with_the_current(ct_class: str) -> None:
    shares = []
    for percent in (3, 8, 15, 30, 60, 90, 110):
        va = percent / 100 * VA_PER_A * CT_A
        found = saving(rows(1.0, TAN_OLD, mean_va=va, spread=0.001), rows(0.9, TAN_NEW, 500, mean_va=va, spread=0.001),
                       ct_class)  # fmt: skip
        shares.append(found.u95_wh / found.adjusted_wh)
    assert all(two <= one * (1 + 1e-9) for one, two in pairwise(shares))
    assert shares[0] > 2 * shares[-1]


def test_an_unknown_rated_current_counts_as_20_percent_and_is_a_caveat() -> None:
    found = saving(rows(1.0, TAN_OLD, spread=0.001, meter="m"), rows(0.9, TAN_NEW, 500, spread=0.001, meter="m"))
    e0, e1 = found.adjusted_wh, found.measured_wh
    phase = math.radians(45 / 60) * (TAN_OLD * e0 - TAN_NEW * e1)
    assert found.causes["transformer_phase"] * math.sqrt(3) == pytest.approx(phase, rel=1e-3)
    assert reasons.CURRENT_ASSUMED() in found.caveats
    stated = saving(rows(1.0, TAN_OLD, spread=0.001, meter="m"), rows(0.9, TAN_NEW, 500, spread=0.001, meter="m"),
                    ct_a=CT_A)  # fmt: skip
    assert reasons.CURRENT_ASSUMED() not in stated.caveats
    assert stated.causes["transformer_phase"] < found.causes["transformer_phase"]


def test_a_motor_that_ran_half_of_each_interval_had_twice_the_mean_current() -> None:
    half = 0.3 * VA_PER_A * CT_A
    before = rows(1.0, TAN_OLD, mean_va=half, spread=0.001)
    after = rows(0.9, TAN_NEW, 500, mean_va=half, spread=0.001)
    whole = saving(rows(1.0, TAN_OLD, spread=0.001), rows(0.9, TAN_NEW, 500, spread=0.001))
    found = saving(before, [replace(item, running_s=450.0) for item in after])
    assert found.causes["transformer_phase"] == pytest.approx(whole.causes["transformer_phase"] / 2, rel=1e-3)


def test_the_current_before_counts_by_the_transformers_of_that_time() -> None:
    """The old transformers were rated 400 A and the motor took 60 % of it, the new ones of 200 A are at full load."""
    before = rows(1.0, TAN_OLD, spread=0.001)
    after = rows(0.9, TAN_NEW, 500, spread=0.001, meter="m 2 200/5")
    found = saving(before, after, ct_a=200.0)
    e0, e1 = found.adjusted_wh, found.measured_wh
    assert reasons.METER_CHANGED() in found.caveats
    after_pct = 120 * 0.9 * math.hypot(1, TAN_NEW) / math.hypot(1, TAN_OLD)
    ratio = 0.75 - 0.25 * (min(after_pct, 100) - 20) / 80
    expected = math.hypot(0.00625 * e0, ratio / 100 * e1)
    assert found.causes["transformer_ratio"] * math.sqrt(3) == pytest.approx(expected, rel=1e-3)


def test_voltage_transformers_count_with_their_ratio_and_phase_displacement() -> None:
    plain = saving(rows(1.0, TAN_OLD, spread=0.001), rows(0.9, TAN_NEW, 500, spread=0.001))
    assert "voltage_transformer_ratio" not in plain.causes
    found = saving(rows(1.0, TAN_OLD, spread=0.001), rows(0.9, TAN_NEW, 500, spread=0.001), vt="0.5")
    e0, e1 = found.adjusted_wh, found.measured_wh
    phase = math.radians(20 / 60) * (TAN_OLD * e0 - TAN_NEW * e1)
    assert found.causes["voltage_transformer_ratio"] * math.sqrt(3) == pytest.approx(0.005 * (e0 - e1), rel=1e-3)
    assert found.causes["voltage_transformer_phase"] * math.sqrt(3) == pytest.approx(phase, rel=1e-3)
    assert found.u95_wh > plain.u95_wh


def test_the_identity_of_a_meter_tells_its_rated_current() -> None:
    assert ct_primary_a("mcc-1 22091734 400/5 10000/100") == 400
    assert ct_primary_a("mcc-1 ? 150/5 | mcc-2 77 200/5") == 150
    assert ct_primary_a("mcc-1 22091734") is None
    assert ct_primary_a("") is None


@pytest.mark.parametrize(("ct_class", "percent"), [("0.5", 60), ("0.5", 15), ("0.2S", 12)])
def test_u95_covers_single_draws_of_the_errors(ct_class: str, percent: float) -> None:
    """80 transformers, each one draw of ratio and phase over the limits of the table. With a true rate of 95 % more
    than 10 misses have a probability of 0.3 %; U95 is not wider than 1.5 times the largest error."""
    chance, va = Random(7), percent / 100 * VA_PER_A * CT_A
    shares = []
    for _ in range(80):
        ct = TransformerErrors(chance.uniform(-1, 1), chance.uniform(-1, 1), ct_class, CT_A, VOLTS)
        before = rows(1.0, TAN_OLD, n=300, mean_va=va, spread=0.3, ct=ct)
        after = rows(0.92, TAN_NEW, 500, n=57, mean_va=va, spread=0.25, ct=ct)
        true_wh = sum(va / math.hypot(1, TAN_OLD) * item.drivers[FLOW].mean * 0.08 / 4 for item in after)
        found = saving(before, after, ct_class)
        shares.append(abs(found.saved_wh - true_wh) / found.u95_wh)
    assert sum(share > 1 for share in shares) <= 10
    assert max(shares) > 1 / 1.5


def test_the_reactive_energy_before_is_that_at_the_load_of_the_reporting_period() -> None:
    """An old motor whose reactive power is the same at every load: the error of a phase displacement of 2′ is its angle
    times the difference of the reactive energies, larger at low load than a constant power factor suggests.
    """
    active_w, reactive_w = 100_000.0, 60_000.0

    def half(flows: list[float], tan: float | None, first: int) -> list[Interval]:
        return [
            Interval("p", START_MS + (first + k) * QUARTER_MS, active_w * flow / 4, meter="m 1 400/5",
                     reactive_varh=(reactive_w if tan is None else active_w * flow * tan) / 4,
                     drivers={FLOW: Driver(flow)})
            for k, flow in enumerate(flows)
        ]  # fmt: skip

    before = half([1 + 0.4 * math.sin(2 * math.pi * k / 57) for k in range(400)], None, 0)
    after = half([0.7 + 0.05 * math.sin(2 * math.pi * k / 57) for k in range(400)], TAN_NEW, 500)
    found = saving(before, after, "0.05 % 2'")
    angle = math.radians(2 / 60)
    less_varh = 400 * reactive_w / 4 - TAN_NEW * found.measured_wh
    assert found.causes["transformer_phase"] * math.sqrt(3) == pytest.approx(angle * less_varh, rel=1e-6)
