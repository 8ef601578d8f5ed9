"""Records of the savings: intervals, frozen baseline, savings and non-routine events.

Times are UTC milliseconds, energies watt-hours over the interval or sum. U95 is the half-width that contains the true
value in 95 of 100 cases; `u` of a driver is expanded (k = 2).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from msgspec import Struct, field

from drivers.reasons import Reason

QUARTER_MS = 900_000
MODEL_KINDS = ("constant", "polynomial", "affinity", "linear", "shaft-power")  # agent/savings/baseline/models.py


class Driver(NamedTuple):
    """Mean of a signal (flow, damper position, tonnes) over an interval, in the unit of the signal, and its U (k =
    2).
    """

    mean: float
    u: float = 0.0


class Interval(Struct, frozen=True):
    """An interval of one asset, aligned to the clock: of 15 min if measured, of 10, 15, 30 or 60 min if imported.

    asset: name of the motor.
    start_ms: UTC.
    energy_wh: net energy at the meter, filled from its register over gaps; None when unknown.
    length_s: length; 0: withdrawn, because an import of intervals of another length replaced it.
    auxiliary_wh: energy of cooling fans and other auxiliaries that the meter does not measure.
    shaft_wh: shaft energy; None when unknown.
    drive_loss_wh, motor_loss_wh: losses; None when unknown.
    u_drive_loss_wh, u_motor_loss_wh: their U (k = 2).
    reactive_varh: reactive energy; None when unknown.
    speed_rpm: mean speed while running; None when unknown.
    drivers: by name of the signal.
    coverage: polled share of the time.
    filled_wh: part of energy_wh from a register or from interpolation.
    running_s: running time; None when unknown.
    meter: identity of the meter and its transformer ratio; "": unknown.
    register_wh: register of the meter at the first and at the last reading; None without a register.
    flags: kinds of non-routine events, such as bypass, maintenance, ct_wiring.
    source: measured | imported.
    drive_output_wh: energy at the output of the drive as the drive itself measures it, while the meter was polled; None
        when unknown.
    """

    asset: str
    start_ms: int
    energy_wh: float | None
    length_s: int = 900
    auxiliary_wh: float = 0.0
    shaft_wh: float | None = None
    drive_loss_wh: float | None = None
    motor_loss_wh: float | None = None
    u_drive_loss_wh: float = 0.0
    u_motor_loss_wh: float = 0.0
    reactive_varh: float | None = None
    speed_rpm: float | None = None
    drivers: Mapping[str, Driver] = field(default_factory=dict)
    coverage: float = 1.0
    filled_wh: float = 0.0
    running_s: float | None = None
    meter: str = ""
    register_wh: tuple[int, int] | None = None
    flags: tuple[str, ...] = ()
    source: str = "measured"  # measured | imported
    drive_output_wh: float | None = None

    @property
    def end_ms(self) -> int:
        return self.start_ms + 1000 * self.length_s

    @property
    def energy_s(self) -> float:
        """Time to which energy_wh belongs: all of it if a register filled the gaps, otherwise the polled part."""
        return self.length_s * (1.0 if self.filled_wh else min(self.coverage, 1.0))


class StaticFactor(Struct, frozen=True):
    """A static factor: a condition that the model takes as unchanged, and that the plant states (IPMVP core concepts).

    kind: load | product_mix | ambient | maintenance.
    statement: what holds, in the words of its author.
    by, stated_ms: who stated it, and when (UTC).
    """

    kind: str
    statement: str
    by: str
    stated_ms: int


class Assumption(Struct, frozen=True):
    """An assumption on which a saving rests.

    kind: driver | season | calibration | product_mix | certificate.
    status: open (nothing supports it) | checked (by the data) | stated (by the plant) | accepted (by the parties of a
        contract).
    reason: what is assumed, and what supports it or is missing.
    by, at_ms: who stated or accepted it, and when (UTC); "" and None otherwise.
    """

    kind: str
    status: str
    reason: Reason
    by: str = ""
    at_ms: int | None = None


class Baseline(Struct, frozen=True):
    """A frozen model of the energy per interval before the retrofit. It never changes once it has a hash.

    kind, shape: see agent/savings/baseline/models.py.
    drivers: names of the drivers of the model, in order.
    coefficients: of the linear form, Wh per interval of length_s.
    covariance: of the coefficients, with autocorrelation.
    ranges: lowest and highest value of each driver.
    n: number of intervals; 0: no measured baseline.
    n_effective: equivalent number of independent intervals.
    residual_wh, autocorrelation: standard deviation and lag-1 autocorrelation of the residuals of one interval.
    cv_rmse, nmbe, r2: quality of the fit.
    energy_wh: energy of the baseline period.
    tan_phi: ratio of reactive to active energy; None when unknown.
    from_ms, to_ms: the baseline period.
    meter, accuracy_class, ct_class: the meter of the baseline period and its classes.
    fallback: why there is no measured baseline; None when there is one.
    candidates: all models that were compared.
    dropped: why each other signal is not a driver of the model.
    static_factors: what was stated when it was frozen.
    frozen_ms, by, hash: None and "" for a draft.
    earlier: what an earlier version froze with it and this one does not use or know, as JSON.
    """

    asset: str
    kind: str
    drivers: tuple[str, ...]
    coefficients: tuple[float, ...]
    covariance: tuple[tuple[float, ...], ...]
    shape: Mapping[str, Any]
    ranges: Mapping[str, tuple[float, float]]
    n: int
    n_effective: float
    residual_wh: float
    autocorrelation: float
    cv_rmse: float
    nmbe: float
    r2: float
    energy_wh: float
    tan_phi: float | None
    from_ms: int
    to_ms: int
    length_s: int = 900
    meter: str = ""
    accuracy_class: str = ""
    ct_class: str = ""
    fallback: Reason | None = None
    candidates: tuple[TriedModel, ...] = ()
    dropped: tuple[Reason, ...] = ()
    static_factors: tuple[StaticFactor, ...] = ()
    frozen_ms: int | None = None
    by: str = ""
    hash: str = ""
    earlier: Mapping[str, Any] = field(default_factory=dict)


class TriedModel(Struct, frozen=True):
    """A model that was compared when the baseline was learned.

    model: its description, one of the codes MODEL_….
    cv_rmse: cross-validated CV(RMSE), share of 1.
    """

    model: Reason
    cv_rmse: float


class SavingPart(NamedTuple):
    """Contribution of control, motor or drive to the saving (negative: loss), and its U95, Wh."""

    wh: float
    u95_wh: float


class Saving(Struct, frozen=True):
    """Saving over one interval or a sum of intervals.

    from_ms, to_ms: the period.
    intervals: number of intervals in the sum.
    adjusted_wh: adjusted baseline energy.
    measured_wh: measured energy, auxiliaries included.
    saved_wh: their difference.
    u95_wh: U95 of saved_wh.
    verdict: proven | provisional | not_proven | negative | undecided.
    caveats: what limits the saving.
    parts: control, motor, drive; their sum is saved_wh; empty when the shaft energy is unknown.
    causes: standard uncertainty by component.
    speed_creep_wh: energy lost because the new motor has no slip, included in control; None when it does not apply.
    advice: what to do about it; None: nothing.
    coverage: polled share of the period.
    excluded_wh: measured energy of excluded intervals.
    open_events: number of events that await a decision.
    baseline_hash: of the baseline in force.
    assumptions: on which it rests.
    u80_wh, u90_wh: half-widths that contain the true saving in 80 and 90 of 100 cases.
    """

    asset: str
    from_ms: int
    to_ms: int
    intervals: int
    adjusted_wh: float
    measured_wh: float
    saved_wh: float
    u95_wh: float
    verdict: str
    caveats: tuple[Reason, ...] = ()
    parts: Mapping[str, SavingPart] = field(default_factory=dict)
    causes: Mapping[str, float] = field(default_factory=dict)
    speed_creep_wh: float | None = None
    advice: Reason | None = None
    coverage: float = 1.0
    excluded_wh: float = 0.0
    open_events: int = 0
    baseline_hash: str = ""
    assumptions: tuple[Assumption, ...] = ()
    u80_wh: float = 0.0
    u90_wh: float = 0.0

    @property
    def share(self) -> float:
        """saved_wh over adjusted_wh; 节电率."""
        return self.saved_wh / self.adjusted_wh if self.adjusted_wh else 0.0


class NonRoutineEvent(Struct, frozen=True):
    """A non-routine event: it affects the savings of its intervals; an engineer decides how they are treated.

    number: counted by asset; 0: not stored yet.
    kind: bypass, maintenance, out_of_range, load_shift, data_gap, meter_replaced, ct_wiring, ct_ratio or clock_step.
    to_ms: None: it has not ended.
    cause: what opened it.
    energy_wh: measured during the event.
    proposal: exclude | adjust | keep.
    decision: None: not decided; the proposal applies.
    adjust_wh: signed; the decision adjust adds it to the adjusted baseline.
    by, reason, decided_ms: who decided, why and when.
    """

    number: int
    asset: str
    kind: str
    from_ms: int
    to_ms: int | None
    cause: Reason
    energy_wh: float
    proposal: str
    decision: str | None = None
    adjust_wh: float = 0.0
    by: str = ""
    reason: str = ""
    decided_ms: int | None = None
