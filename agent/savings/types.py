"""The records that savings are made of: intervals in, a frozen baseline, savings and open questions out.

Times are UTC milliseconds, energies watt-hours over the interval or the sum named; U95 is a half-width that covers the
truth in 95 of 100 cases, `u` in fields of a driver the same as everywhere (k = 2).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from drivers.reasons import Reason

QUARTER_MS = 900_000


class Driver(NamedTuple):
    """Mean of a signal (flow, damper, tonnes) over an interval, in the signal's own unit, and its U (k = 2)."""

    mean: float
    u: float = 0.0


@dataclass(frozen=True, slots=True)
class Interval:
    """A quarter hour of one asset, on the clock's quarter hours.

    energy_wh: net at the meter of the boundary, filled from the meter's register over gaps; None when nobody knows.
    auxiliary_wh: of cooling fans and the like that the meter does not see. shaft_wh and losses: as the estimator
    counted them while it could. drivers: what production asked for. coverage: share of the time that was polled.
    filled_wh: the part of energy_wh that a register or a straight line tells. meter: which meter and which ratio told
    it. register_wh: the meter's own counter at the first and last reading. flags: kinds of
    non-routine events such as bypass, maintenance, ct_wiring.
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

    @property
    def end_ms(self) -> int:
        return self.start_ms + 1000 * self.length_s


class Phase(NamedTuple):
    """baseline | commissioning | reporting; to_ms None: it goes on."""

    name: str
    from_ms: int
    to_ms: int | None = None

    def holds(self, t_ms: int) -> bool:
        return self.from_ms <= t_ms and (self.to_ms is None or t_ms < self.to_ms)


@dataclass(frozen=True, slots=True)
class Baseline:
    """A model of the old plant's energy per interval, never changed once `hash` is there.

    drivers: the names the model takes, in order. ranges: what was seen of each. shape: what belongs to the kind (bin
    centres, degree, nameplate). coefficients and covariance: of the linear form, in Wh of an interval of length_s;
    the covariance is of the coefficients as they are, autocorrelation allowed for. residual_wh, autocorrelation: of
    one interval. rivals: other models that foretell almost as well; how far they lie apart is a doubt of its own.
    tan_phi: reactive over active energy. meter, accuracy_class, ct_class: of the meter that told it. fallback: why
    there is no measured baseline; None when there is one. candidates: every model tried and its cross-validated
    CV(RMSE).
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
    rivals: tuple[Mapping[str, Any], ...] = ()
    frozen_ms: int | None = None
    by: str = ""
    hash: str = ""


class TriedModel(NamedTuple):
    """A model that was compared when the baseline was learned.

    model: its description, one of the codes MODEL_….
    cv_rmse: cross-validated CV(RMSE), share of 1.
    """

    model: Reason
    cv_rmse: float


class Part(NamedTuple):
    """control, motor or drive: what of the saving it brought (negative: lost), and its U95. Wh."""

    wh: float
    u95_wh: float


@dataclass(frozen=True, slots=True)
class Saving:
    """Over one interval or a sum of them. adjusted_wh: what the old plant would have used; measured_wh: what was used,
    auxiliaries included; saved_wh their difference.

    parts: control, motor, drive; they sum to saved_wh; empty where the shaft is not known. causes: standard
    uncertainty by cause in Wh. verdict: proven | not yet proven | negative; caveats: what limits it. speed_creep_wh: of
    control, lost because the new motor has no slip; advice: what to do about it. coverage: of the time; excluded_wh:
    measured energy that no saving is claimed for. open_events: that wait for a person.
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
    parts: Mapping[str, Part] = field(default_factory=dict)
    causes: Mapping[str, float] = field(default_factory=dict)
    speed_creep_wh: float | None = None
    advice: Reason | None = None
    coverage: float = 1.0
    excluded_wh: float = 0.0
    open_events: int = 0
    baseline_hash: str = ""

    @property
    def share(self) -> float:
        """Saved over adjusted; 节电率."""
        return self.saved_wh / self.adjusted_wh if self.adjusted_wh else 0.0


@dataclass(frozen=True, slots=True)
class Event:
    """A non-routine event: it affects the savings of its intervals; a person decides how they are treated.

    kind: bypass, maintenance, out_of_range, load_shift, data_gap, meter_replaced, ct_wiring, ct_ratio or clock_step.
    to_ms None: it has not ended. energy_wh: measured during the event. proposal: exclude | adjust | keep.
    decision None: not decided; the proposal applies. adjust_wh: signed, added to the adjusted baseline, with decision
    adjust.
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
