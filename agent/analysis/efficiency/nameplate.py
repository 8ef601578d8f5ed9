"""Data of a motor that are known before any measurement, and contradictions in them."""

from __future__ import annotations

import math

from msgspec import Struct

from agent.analysis.efficiency.reasons import NAMEPLATE_LOSSES, NAMEPLATE_POWER_FACTOR, NAMEPLATE_SPEED
from agent.config.model import Drive, Motor
from agent.config.topology import Asset
from drivers.reasons import Reason
from dsp.efficiency import CAGE_PF, MAGNET_PF, USUAL_EFFICIENCY, rated_current_a
from dsp.efficiency_drive import (
    CLASS,
    EIGHT,
    EIGHT_U,
    EightPoint,
    class_loss_u_w,
    drive_class_factor,
    drive_loss_w,
    eight_point,
)
from dsp.efficiency_flux import FluxPlate
from dsp.efficiency_induction import Plate
from dsp.efficiency_magnet import PmRating, SevenPoint, seven_point
from dsp.tables import converter_fed, ie_efficiency, poles_of_speed, reference_drive_loss_w

PF_MAX, PF_MIN = 1.03, 0.45  # limits of a plausible power factor of the nameplate
SLIP_MAX = 0.12
MAINS_HZ = (50.0, 60.0)
CLASS_LOSSES = 0.92  # of the largest losses of a class: its motors are between its limit and that of the next one


class Nameplate(Struct, frozen=True):
    """Nameplate and efficiency class of motor and drive.

    efficiency: rated, a fraction; None when neither nameplate nor class gives it.
    from_class: whether the efficiency follows from the class.
    contradiction: why the nameplate cannot be used; None when it can.
    rated_a, rated_hz: rated current and frequency of the motor.
    sync_rpm: synchronous speed at rated frequency.
    drive_a, drive_w: rated current and power of the drive; those of the motor if there is no drive.
    drive_method: how the losses of the drive are determined.
    drive_u: relative U (k = 2) of these losses.
    magnet, surface, cage, flux, eight: parameters of the loss models; None where data are missing.
    reference_w: losses of the complete drive at the reference point of its class.
    rectifier: False for an inverter on a DC bus.
    """

    efficiency: float | None
    from_class: bool
    contradiction: Reason | None
    rated_a: float
    rated_hz: float
    sync_rpm: float
    drive_a: float
    drive_w: float
    drive_method: str
    drive_u: float
    magnet: PmRating | None
    surface: SevenPoint | None
    cage: Plate | None
    flux: FluxPlate | None
    eight: EightPoint | None
    reference_w: float
    rectifier: bool

    def drive_losses_w(self, current_a: float, frequency_hz: float) -> tuple[float, float]:
        """Losses of the drive and their U (k = 2), W."""
        current, frequency = current_a / self.drive_a, frequency_hz / self.rated_hz
        if self.eight is not None:
            loss_w = self.eight.loss_w(current, frequency)
            return loss_w, self.drive_u * loss_w
        loss_w = drive_loss_w(self.reference_w, current, frequency, self.rectifier)
        return loss_w, class_loss_u_w(loss_w, self.drive_u, self.reference_w)


def nameplate_of(asset: Asset, drive_kw: float | None) -> Nameplate:
    motor, drive = asset.motor, asset.drive
    assert motor is not None
    efficiency, from_class = _rated_efficiency(motor, drive)
    magnet_motor = motor.kind != "induction"
    rated_hz = motor.rpm * motor.poles / 120 if magnet_motor else induction_hz(motor.rpm, motor.poles)
    rated_a = motor.amps
    if rated_a is None:
        pf = MAGNET_PF if magnet_motor else CAGE_PF
        rated_a = rated_current_a(motor.kw * 1000, motor.volts, efficiency or USUAL_EFFICIENCY, pf)
    drive_w = 1000 * (drive_kw or motor.kw)
    factor, class_u = drive_class_factor(drive.efficiency_class if drive else None)
    eight = eight_point(drive.loss_points_w) if drive and drive.loss_points_w else None
    magnet = cage = flux = None
    rated_w, sync_rpm = motor.kw * 1000, 120 * rated_hz / motor.poles
    if efficiency is not None and magnet_motor:
        loss_w = rated_w * (1 / efficiency - 1)
        magnet = PmRating(rated_w, loss_w, rated_a, rated_hz, motor.r1_ohm, from_class, motor.amps is None)
    if efficiency is not None and not magnet_motor:
        cage = Plate(rated_w, efficiency, motor.volts, rated_a, motor.rpm, sync_rpm, motor.poles, motor.r1_ohm,
                     motor.no_load_w, from_class)  # fmt: skip
    if efficiency is not None and motor.kind == "pm" and motor.r1_ohm is not None:
        flux = FluxPlate(motor.volts, rated_a, rated_hz, rated_w, efficiency, motor.r1_ohm, motor.emf_v, motor.xq_ohm)
    return Nameplate(
        efficiency, from_class, _contradiction(motor, drive, efficiency), rated_a, rated_hz, sync_rpm,
        rated_a * drive_w / rated_w, drive_w, EIGHT if eight else CLASS, EIGHT_U if eight else class_u,
        magnet, seven_point(motor.loss_points_w) if motor.loss_points_w and magnet_motor else None, cage, flux, eight,
        reference_drive_loss_w(drive_w / 1000) * factor, drive is None or drive.rectifier,
    )  # fmt: skip


def induction_hz(rpm: float, poles: int) -> float:
    """Rated frequency from the rated speed.

    50 or 60 Hz where the slip is plausible; otherwise, for a motor made for a drive, a multiple of 5 Hz at 2 % slip.
    """
    turning_hz = rpm * poles / 120
    mains_hz = (hz for hz in MAINS_HZ if 0 < 1 - turning_hz / hz <= SLIP_MAX)
    return next(mains_hz, float(round(turning_hz * 1.02 / 5) * 5))


def _rated_efficiency(motor: Motor, drive: Drive | None) -> tuple[float | None, bool]:
    """Rated efficiency, a fraction, and whether it follows from the declared class; None when it is not known."""
    if motor.efficiency_pct is not None:
        return motor.efficiency_pct / 100, False
    if motor.efficiency_class is None:
        return None, False
    try:
        poles = poles_of_speed(motor.rpm) if motor.kind == "pm" else motor.poles
        limit = ie_efficiency(motor.efficiency_class, motor.kw, poles)
    except ValueError:
        return None, False
    limit = converter_fed(limit, motor.kw) if drive is not None else limit
    return 1 / (1 + CLASS_LOSSES * (1 / limit - 1)), True


def _contradiction(motor: Motor, drive: Drive | None, efficiency: float | None) -> Reason | None:
    if motor.amps is not None and efficiency is not None:
        pf = motor.kw * 1000 / (math.sqrt(3) * motor.volts * motor.amps * efficiency)
        if not PF_MIN <= pf <= PF_MAX:
            return NAMEPLATE_POWER_FACTOR(kw=motor.kw, volts=motor.volts, amps=motor.amps, pf=pf)
    slips = [1 - motor.rpm / (120 * hz / motor.poles) for hz in MAINS_HZ]
    if motor.kind == "induction" and drive is None and not any(0 < slip <= SLIP_MAX for slip in slips):
        return NAMEPLATE_SPEED(rpm=motor.rpm, poles=motor.poles)
    points = motor.loss_points_w
    if points and not (points[0] >= points[3] and points[3] > 0 and points[0] < 0.5 * motor.kw * 1000):
        return NAMEPLATE_LOSSES()
    return None
