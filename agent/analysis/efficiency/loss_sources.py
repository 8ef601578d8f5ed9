"""Where each loss of the present estimate comes from: of the drive, and the four parts of the losses of the motor."""

from __future__ import annotations

from agent.analysis.efficiency import explain_reasons as codes
from agent.analysis.efficiency.nameplate import Nameplate
from agent.config.model import Drive, Motor
from drivers.reasons import Reason
from dsp import efficiency as eff
from dsp.efficiency_drive import EIGHT_POINTS
from dsp.efficiency_magnet import SEVEN

PARTS = ("copper", "core", "mechanical", "additional")


def drive_source(drive: Drive) -> Reason:
    if drive.loss_points_w:
        return codes.LOSSES_BY_POINTS(n=len(EIGHT_POINTS))
    if drive.efficiency_class is None:
        return codes.LOSSES_BY_UNKNOWN_CLASS()
    return codes.LOSSES_BY_CLASS(efficiency_class=drive.efficiency_class)


def motor_sources(motor: Motor, nameplate: Nameplate, method: str) -> dict[str, Reason]:
    """Part of the losses → its source with a method; a torque gives only the sum of the parts."""
    plate = codes.LOSSES_BY_NAMEPLATE()
    if nameplate.from_class and motor.efficiency_class:
        plate = codes.LOSSES_BY_CLASS(efficiency_class=motor.efficiency_class)
    whole = {
        eff.M6: codes.LOSSES_BY_POINTS(n=len(SEVEN)), eff.M7: codes.LOSSES_BY_AIR_GAP_TORQUE(),
        eff.M9: codes.LOSSES_BY_TORQUE_SENSOR(),
    }  # fmt: skip
    found = dict.fromkeys(PARTS, whole.get(method, plate))
    if method == eff.M5 and motor.r1_ohm is not None:
        found["copper"] = codes.LOSSES_BY_RESISTANCE()
    if method == eff.M4:
        found["copper"] = codes.LOSSES_BY_RESISTANCE_AND_SLIP()
        if motor.no_load_w is not None:
            found["core"] = found["mechanical"] = codes.LOSSES_BY_NO_LOAD_TEST()
    return found
