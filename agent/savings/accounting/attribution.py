"""Sources of a saving: speed control, motor, drive; from three counterfactuals for each interval.

control = adjusted baseline − (shaft energy + losses of the old motor at the present speed and torque).
motor = these losses − losses of the new motor.
drive = −(losses of the drive and its cooling).
Their sum is the saving: control is the remainder.
"""

from __future__ import annotations

import math

from msgspec import Struct

from agent.savings.baseline.models import ReplacedMotor, extrapolation_factor, old_losses_wh
from agent.savings.reasons import SPEED_ADVICE
from agent.savings.records.model import Interval, SavingPart
from drivers.reasons import Reason

OLD_U = 0.25  # relative U (k = 2) of the losses of the old motor on a drive: nameplate tolerance, split of losses
MISSING_U = 0.3  # relative U of a part for energy without shaft energy
ENOUGH = 0.5  # share of the energy with known shaft energy from which the saving is split
OPEN_LOOP = 0.005  # relative standard deviation of the speed of a drive without control
CREEP_LEAST = 0.003  # relative difference of speed from which advice is given


class PartSums(Struct):
    """Running sums. old: None: nothing is split."""

    old: ReplacedMotor | None
    covered_wh: float = 0.0
    old_loss_wh: float = 0.0
    new_loss_wh: float = 0.0
    u_new_wh: float = 0.0
    drive_wh: float = 0.0
    u_drive_wh: float = 0.0
    creep: float = 0.0
    hours: float = 0.0
    speed: float = 0.0
    speed2: float = 0.0
    old_speed: float = 0.0

    def add(self, item: Interval) -> None:
        if self.old is None or item.motor_loss_wh is None or item.energy_wh is None:
            return
        if (old_loss_wh := old_losses_wh(self.old, item)) is None:
            return
        scale = extrapolation_factor(item)
        self.covered_wh += item.energy_wh + item.auxiliary_wh
        self.old_loss_wh += scale * old_loss_wh
        self.new_loss_wh += scale * item.motor_loss_wh
        self.u_new_wh += scale * item.u_motor_loss_wh
        self.drive_wh += scale * (item.drive_loss_wh or 0.0) + item.auxiliary_wh
        self.u_drive_wh += scale * item.u_drive_loss_wh
        self._add_speed(item)

    def split(self, saved_wh: float, u95_wh: float, measured_wh: float) -> dict[str, SavingPart]:
        """control, motor and drive; empty when the shaft energy is known for too small a part of the energy."""
        if measured_wh <= 0 or self.covered_wh < ENOUGH * measured_wh:
            return {}
        scale = measured_wh / self.covered_wh
        missing = max(scale - 1, 0.0) * MISSING_U
        motor = scale * (self.old_loss_wh - self.new_loss_wh)
        drive = -scale * self.drive_wh
        u_motor = math.hypot(scale * OLD_U * self.old_loss_wh, scale * self.u_new_wh, missing * abs(motor))
        u_drive = math.hypot(scale * self.u_drive_wh, missing * abs(drive))
        return {
            "control": SavingPart(saved_wh - motor - drive, math.hypot(u95_wh, u_motor, u_drive)),
            "motor": SavingPart(motor, u_motor),
            "drive": SavingPart(drive, u_drive),
        }

    @property
    def creep_wh(self) -> float | None:
        """Energy lost because the new motor has no slip: shaft energy times 1 − (n_old/n)³, for pumps and fans with
        constant speed. None when the speed is controlled or unknown.
        """
        return self.creep if self._open_loop else None

    @property
    def advice(self) -> Reason | None:
        if not self._open_loop:
            return None
        now, before = self.speed / self.hours, self.old_speed / self.hours
        if now - before < CREEP_LEAST * now:
            return None
        return SPEED_ADVICE(before_rpm=before, now_rpm=now)

    @property
    def _open_loop(self) -> bool:
        if self.old is None or self.hours <= 0:
            return False
        mean = self.speed / self.hours
        spread = math.sqrt(max(self.speed2 / self.hours - mean * mean, 0.0))
        return spread <= OPEN_LOOP * mean and mean >= 0.97 * self.old.rpm

    def _add_speed(self, item: Interval) -> None:
        assert self.old is not None
        hours = (item.running_s if item.running_s is not None else item.length_s) / 3600
        if item.speed_rpm is None or hours <= 0 or not item.shaft_wh or item.speed_rpm <= 0:
            return
        load = item.shaft_wh / hours / self.old.rated_w
        before = self.old.sync_rpm - (self.old.sync_rpm - self.old.rpm) * min(load, 1.5)
        self.hours += hours
        self.speed += hours * item.speed_rpm
        self.speed2 += hours * item.speed_rpm**2
        self.old_speed += hours * before
        self.creep += item.shaft_wh * (1 - slip_penalty(item.speed_rpm, before))


def slip_penalty(n_old: float, n_new: float, exponent: float = 3.0) -> float:
    """Ratio of the power at n_new to that at n_old by the affinity laws: 1500 instead of 1475 r/min cost 5.2 %."""
    return float((n_new / n_old) ** exponent)
