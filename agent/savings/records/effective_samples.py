"""By which formula the effective number of samples n′ of a baseline was calculated."""

from __future__ import annotations

from agent.savings.records.model import Baseline
from drivers.reasons import Code, Reason

N_EFFECTIVE_LAG_1 = Code("n_effective_lag_1", "n′ = n·(1−ρ)/(1+ρ), ρ = {rho:.2f} (autocorrelation of lag 1)")
N_EFFECTIVE_SLOW = Code(
    "n_effective_slow",
    "n′ = n/τ, τ = 1 + 2·Σ ρₖ = {tau:.3g} (slow component of the residuals; lag 1 alone: τ = {tau_lag_1:.3g})",
)
N_EFFECTIVE_LEAST = Code(
    "n_effective_least", "n′ = n/τ, τ = {tau:.3g}: the lowest n′ that can be estimated (lag 1: τ = {tau_lag_1:.3g})"
)
N_EFFECTIVE_ALL = Code("n_effective_all", "n′ = n: the residuals are not autocorrelated")
RHO_MOST = 0.99  # above it τ of lag 1 is not defined well
SAME = 1e-6  # relative difference of two values of τ


def effective_samples_formula(baseline: Baseline) -> Reason | None:
    """The formula that was used; None without residuals, or when a baseline of an earlier version does not state it.

    τ of lag 1 is (1+ρ)/(1−ρ) (ASHRAE Guideline 14, annex B [M]); a larger τ is that of the slow component, a smaller
    one the limit for short baselines. n is the number of intervals with the motor on.
    """
    tau = baseline.shape.get("tau")
    if not baseline.n or tau is None:
        return None
    rho = min(max(baseline.autocorrelation, 0.0), RHO_MOST)
    lag_1 = (1 + rho) / (1 - rho)
    if abs(tau - lag_1) <= SAME * lag_1:
        return N_EFFECTIVE_LAG_1(rho=rho) if rho > 0 else N_EFFECTIVE_ALL()
    return (N_EFFECTIVE_SLOW if tau > lag_1 else N_EFFECTIVE_LEAST)(tau=tau, tau_lag_1=lag_1)
