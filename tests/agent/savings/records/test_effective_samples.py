"""The printed formula of n′ is the one that was used: its figures, put in, give the n′ of the baseline."""

from __future__ import annotations

import numpy as np
import pytest
from msgspec.structs import replace
from support import metered_retrofit
from support.independent_plants import decaying

from agent.core.text import Catalogue
from agent.savings.baseline.baseline import learn
from agent.savings.records.effective_samples import (
    N_EFFECTIVE_ALL,
    N_EFFECTIVE_LAG_1,
    N_EFFECTIVE_LEAST,
    N_EFFECTIVE_SLOW,
    effective_samples_formula,
)
from agent.savings.records.model import Baseline


def learnt(hours: float, share: float, days: int = 14) -> Baseline:
    """A damper fan whose energy scatters by 2 %: a share of the variance decays in these hours, the rest is white."""
    begin = metered_retrofit.utc_ms("2024-09-01 00:00")
    found = metered_retrofit.old(begin, begin + days * 86_400_000)
    rng = np.random.default_rng(5)
    noise = np.sqrt(share) * decaying(rng, len(found), hours) + np.sqrt(1 - share) * rng.normal(0, 1, len(found))
    return learn("fan", [
        replace(item, energy_wh=(item.energy_wh or 0.0) * (1 + 0.02 * float(each)))
        for item, each in zip(found, noise, strict=True)
    ], drivers=[metered_retrofit.FLOW], kind="polynomial")  # fmt: skip


def test_a_slow_component_is_named_when_it_gave_n() -> None:
    baseline = learnt(hours=24.0, share=0.4)
    formula = effective_samples_formula(baseline)
    assert formula is not None
    assert formula.code == N_EFFECTIVE_SLOW
    assert baseline.n / formula.data["tau"] == pytest.approx(baseline.n_effective)
    lag_1 = (1 + baseline.autocorrelation) / (1 - baseline.autocorrelation)
    assert formula.data["tau_lag_1"] == pytest.approx(lag_1)
    assert baseline.n_effective < 0.5 * baseline.n / lag_1, "the formula of lag 1 would be wrong by more than twice"


def test_lag_1_is_named_when_it_gave_n() -> None:
    """White scatter: ρ within ±3/√n, too small for a slow component."""
    baseline = learnt(hours=1.0, share=0.0)
    formula = effective_samples_formula(baseline)
    assert formula is not None
    assert formula.code in (N_EFFECTIVE_LAG_1, N_EFFECTIVE_ALL)
    rho = formula.data.get("rho", 0.0)
    assert baseline.n * (1 - rho) / (1 + rho) == pytest.approx(baseline.n_effective)


@pytest.mark.parametrize(
    ("rho", "tau", "code"),
    [
        (0.5, 3.0, N_EFFECTIVE_LAG_1),
        (-0.1, 1.0, N_EFFECTIVE_ALL),
        (0.5, 7.0, N_EFFECTIVE_SLOW),
        (0.95, 12.0, N_EFFECTIVE_LEAST),
    ],
)
@pytest.mark.text
def test_the_formula_follows_from_the_record(rho: float, tau: float, code: str) -> None:
    """(1+ρ)/(1−ρ) of 0.5 is 3, of 0.95 it is 39."""
    some = learnt(hours=1.0, share=0.0)
    baseline = replace(some, autocorrelation=rho, shape={**some.shape, "tau": tau})
    formula = effective_samples_formula(baseline)
    assert formula is not None
    assert formula.code == code
    assert "n′ = n" in Catalogue("en").reason(formula)
    assert "n′ = n" in Catalogue("zh_CN").reason(formula)
    assert Catalogue("zh_CN").reason(formula) != Catalogue("en").reason(formula)


def test_a_baseline_of_an_earlier_version_prints_no_formula() -> None:
    some = learnt(hours=1.0, share=0.0)
    earlier = replace(some, shape={key: value for key, value in some.shape.items() if key != "tau"})
    assert effective_samples_formula(earlier) is None
    assert effective_samples_formula(replace(some, n=0)) is None
