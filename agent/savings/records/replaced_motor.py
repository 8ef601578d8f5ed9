"""The replaced motor in the form that models use."""

from __future__ import annotations

from agent.config.model import Motor
from dsp.tables import ie_efficiency

POLES = (2, 4, 6, 8)
DEFAULT_CLASS = "IE1"  # of replaced induction motors whose class is not stated


def old_motor_of(motor: Motor) -> dict[str, float] | None:
    """Fields of `ReplacedMotor`, from `replaced_motor` or an induction motor's nameplate; None: unknown."""
    old = motor.replaced_motor
    if old is None:
        if motor.kind != "induction":
            return None
        return _plate(motor.kw, motor.rpm, motor.efficiency_class, motor.efficiency_pct)
    return _plate(old.kw, old.rpm or 0.0, old.efficiency_class, None)


def _plate(
    kw: float, rpm: float, efficiency_class: str | None, efficiency_pct: float | None
) -> dict[str, float] | None:
    sync_rpm, poles = _synchronous(rpm)
    try:
        efficiency = (
            efficiency_pct / 100 if efficiency_pct else ie_efficiency(efficiency_class or DEFAULT_CLASS, kw, poles)
        )
    except ValueError:
        return None
    return {"rated_w": 1000 * kw, "efficiency": efficiency, "rpm": rpm or 0.985 * sync_rpm, "sync_rpm": sync_rpm}


def _synchronous(rpm: float) -> tuple[float, int]:
    """The next higher synchronous speed at 50 Hz, else at 60 Hz, and its poles; four poles without a speed."""
    if rpm <= 0:
        return 1500.0, 4
    for hz in (50, 60):
        for poles in POLES[::-1]:
            sync_rpm = 120 * hz / poles
            if rpm <= sync_rpm <= 1.08 * rpm:
                return sync_rpm, poles
    return rpm, 4
