"""Baselines: the published regression case, model selection, immutability once frozen, rejection with a reason."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace
from support.accounting import evaluate
from support.retrofit import FLOW, START_MS

from agent.savings import reasons
from agent.savings.baseline import regression
from agent.savings.baseline.baseline import freeze, from_nameplate, learn
from agent.savings.baseline.coverage_factors import student_t
from agent.savings.baseline.models import ReplacedMotor, old_losses_wh
from agent.savings.baseline.samples import LearnError
from agent.savings.records.baseline_json import digest, from_json, intact, to_json
from agent.savings.records.model import QUARTER_MS, Baseline, Driver, Interval
from drivers.reasons import Reason


def quarters(law: Callable[[float], float], n: int = 400) -> list[Interval]:
    rng = Random(5)
    return [
        Interval("pump", START_MS + k * QUARTER_MS, law(d) * (1 + rng.gauss(0, 0.01)), drivers={FLOW: Driver(d)})
        for k in range(n)
        for d in [rng.uniform(200.0, 900.0)]
    ]


def test_the_regression_case_to_every_digit(data: Path) -> None:
    """Expected values: statsmodels' OLS with n' of the guideline; the saving of the case is calculated in Wh."""
    cases = json.loads((data / "efficiency" / "cases.json").read_text())["cases"]
    case = next(case for case in cases if case["kind"] == "mv_regression")
    given, expected = case["inputs"], case["expected"]
    x, y = np.array(given["x_base"]), np.array(given["y_base_kwh"])
    found = regression.least_squares(regression.design("polynomial", {"degree": given["degree"]}, x[:, None]), y)
    fitted = regression.quality(found, y)
    assert found.coefficients == pytest.approx(expected["params"], rel=1e-6)
    assert fitted.cv_rmse == pytest.approx(expected["cvrmse"], rel=1e-6)
    assert fitted.nmbe == pytest.approx(0, abs=1e-12)
    assert fitted.r2 == pytest.approx(expected["r2"], rel=1e-6)
    assert found.autocorrelation == pytest.approx(expected["rho1"], rel=1e-6)
    assert found.n_effective == pytest.approx(expected["n_eff"], rel=1e-6)
    assert student_t(found.n_effective - 3) == pytest.approx(expected["t_975"], rel=1e-6)
    frozen = learned_from(y, found)
    after = [
        Interval("pump", k * QUARTER_MS, 1000 * energy, drivers={FLOW: Driver(value)})
        for k, (value, energy) in enumerate(zip(given["x_post"], given["y_post_kwh"], strict=True))
    ]
    saving, _ = evaluate(frozen, after, classes=("0.5S", "0.5"))
    assert saving.adjusted_wh / 1000 == pytest.approx(expected["baseline_adj_kwh"], rel=1e-6)
    assert saving.saved_wh / 1000 == pytest.approx(expected["savings_kwh"], rel=1e-6)
    assert saving.causes["model"] / 1000 == pytest.approx(expected["u_model_kwh"], rel=1e-6)


def learned_from(y: regression.Array, found: regression.Fit) -> Baseline:
    """A frozen baseline with the fit of the case instead of a model that `learn` selects."""
    base = learn("pump", quarters(lambda d: 10 + d))
    return freeze(
        replace(
            base, kind="polynomial", drivers=(FLOW,), shape={"degree": 2}, ranges={FLOW: (40.0, 120.0)},
            coefficients=tuple(float(1000 * value) for value in found.coefficients), n=len(y),
            covariance=tuple(tuple(float(1e6 * value) for value in row) for row in found.covariance),
            n_effective=found.n_effective,
        ), 0, "test",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("law", "kinds", "smooth"),
    [
        (lambda d: 20_000.0, {"constant", "polynomial", "affinity"}, True),
        (lambda d: 5_000 + 20 * d, {"polynomial", "affinity"}, True),
        (lambda d: 9_000 + 10 * d + 3e-5 * d**3, {"affinity", "polynomial"}, True),
        (lambda d: 9_000 + 10 * d + (8_000 if d > 500 else 0), {"polynomial"}, False),
    ],
)
def test_the_model_that_predicts_best_is_close_to_the_law(
    law: Callable[[float], float], kinds: set[str], smooth: bool
) -> None:
    found = learn("pump", quarters(law, 1200))
    assert found.kind in kinds
    for value in (300.0, 450.0, 800.0) if smooth else (300.0, 800.0):
        item = Interval("pump", START_MS, 0.8 * law(value), drivers={FLOW: Driver(value)})
        saving, _ = evaluate(found, [item])
        assert saving.adjusted_wh == pytest.approx(law(value), rel=0.005 if smooth else 0.1)


def test_two_levels_of_a_driver_are_states() -> None:
    rng = Random(3)
    found = learn("pump", [
        Interval("pump", START_MS + k * QUARTER_MS, 1000.0 + 9000.0 * on + rng.gauss(0, 20), drivers={"on": Driver(on)})
        for k in range(400)
        for on in [float(k % 7 > 2)]
    ])  # fmt: skip
    assert (found.kind, found.drivers, found.shape["by_state"]) == ("constant", ("on",), "levels")
    assert found.coefficients == pytest.approx([1000, 9000], rel=0.01), "the level of the first, and an offset"


def test_a_frozen_baseline_has_a_unique_hash() -> None:
    frozen = freeze(learn("pump", quarters(lambda d: 10 + d)), 1_790_000_000_000, "Li Wei")
    assert intact(frozen)
    again = from_json(to_json(frozen))
    assert again == frozen
    assert digest(again) == frozen.hash
    for changed in (
        replace(frozen, coefficients=(frozen.coefficients[0] * (1 + 1e-15) + 1e-12, *frozen.coefficients[1:])),
        replace(frozen, by="somebody else"), replace(frozen, residual_wh=0.0), replace(frozen, ranges={}),
    ):  # fmt: skip
        assert not intact(changed)


def test_unsuitable_data_for_a_baseline_has_a_reason() -> None:
    measured = quarters(lambda d: 10 + d)

    def refused(intervals: list[Interval], **options: Any) -> Reason:
        with pytest.raises(LearnError) as error:
            learn("pump", intervals, **options)
        return error.value.reason

    assert refused(measured[:3]) == reasons.BASELINE_TOO_SHORT(asset="pump", days=3 / 96, least=3.0)
    flagged = [replace(item, flags=("maintenance",)) for item in measured[3:]]
    assert refused([*measured[:3], *flagged]) == reasons.TOO_FEW_INTERVALS(asset="pump", usable=3, n=400, least=288)
    unavailable = refused(measured, drivers=["signal_tonnes"])
    assert unavailable.code == reasons.DRIVER_UNAVAILABLE
    assert (unavailable.data["driver"], unavailable.data["found"], unavailable.data["n"]) == ("signal_tonnes", 0, 400)
    day = [replace(item, drivers={FLOW: Driver(500.0)}) for item in measured[:96]]
    assert refused(day) == reasons.BASELINE_TOO_SHORT(asset="pump", days=1.0, least=3.0)
    held = [replace(item, drivers={FLOW: Driver(500.0)}) for item in measured]
    assert refused(held, drivers=[FLOW]) == reasons.REQUIRED_DRIVER_CONSTANT(asset="pump", driver=FLOW, value=500.0)
    mixed = [*measured, replace(measured[0], start_ms=1, length_s=3600)]
    assert refused(mixed) == reasons.MIXED_INTERVAL_LENGTHS(asset="pump", shortest_s=900, longest_s=3600)
    assert refused([replace(item, energy_wh=0.0) for item in measured]) == reasons.NO_ENERGY_IN_PERIOD(asset="pump")
    assert refused(measured, bypass=True).code == reasons.TOO_FEW_BYPASS_INTERVALS


def test_suspect_intervals_are_not_used_for_fitting() -> None:
    measured = quarters(lambda d: 10 + d)
    words = ("maintenance", "ct_wiring", "bypass", "clock_step")
    spoilt = [replace(item, energy_wh=1e6, flags=(word,)) for item, word in zip(measured[:4], words, strict=True)]
    assert learn("pump", [*spoilt, *measured[4:]]) == learn("pump", measured[4:])


def test_baselines_by_bypass_test_and_nameplate_state_their_kind() -> None:
    measured = [replace(item, flags=("bypass",)) for item in quarters(lambda d: 10 + d, 20)]
    assert learn("pump", measured, bypass=True).fallback == reasons.FROM_BYPASS_TEST()
    plate = {"rated_w": 55_000.0, "efficiency": 0.921, "rpm": 1475.0, "sync_rpm": 1500.0}
    found = freeze(from_nameplate("pump", plate, 0), 0, "test")
    item = Interval("pump", 0, 10_500.0, shaft_wh=10_000.0, motor_loss_wh=400.0, drive_loss_wh=100.0, speed_rpm=1500.0)
    saving, _ = evaluate(found, [item])
    lost = old_losses_wh(ReplacedMotor(**plate), item)
    assert lost is not None
    assert saving.adjusted_wh == pytest.approx(10_000 + lost)
    assert reasons.BASELINE_SUBSTITUTE(cause=reasons.FROM_NAMEPLATE()) in saving.caveats
    assert from_json(to_json(found)) == found


def test_identical_energies_have_a_baseline_without_drivers() -> None:
    """All models predict equal energies exactly."""
    measured = [
        Interval("pump", START_MS + k * QUARTER_MS, 1000.0, drivers={"signal_shift": Driver(float(k // 32 % 3))})
        for k in range(400)
    ]
    found = learn("pump", measured)
    assert (found.kind, found.drivers) == ("constant", ())
    assert found.coefficients == pytest.approx([1000.0])


def test_drivers_without_common_intervals_are_reported() -> None:
    """Each of ten drivers is missing in a tenth of the intervals, so that no interval contains all of them.

    Five of them have common intervals in half of the time; without the other five a model is fitted.
    """
    names = [f"signal_{i}" for i in range(10)]
    measured = [
        Interval("pump", START_MS + k * QUARTER_MS, 1000.0 + k % 7,
                 drivers={name: Driver(float(k * (i + 1) % 17)) for i, name in enumerate(names) if k % 10 != i})
        for k in range(400)
    ]  # fmt: skip
    with pytest.raises(LearnError) as error:
        learn("pump", measured, drivers=names)
    assert error.value.reason == reasons.TOO_FEW_COMPLETE_INTERVALS(asset="pump", usable=0, least=48)
    missing = [item for item in learn("pump", measured).dropped if item.code == reasons.DRIVER_MOSTLY_MISSING]
    assert [(item.data["found"], item.data["n"]) for item in missing] == [(360, 400)] * 5
