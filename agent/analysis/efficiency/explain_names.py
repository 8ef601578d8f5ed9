"""Names of the methods and of the parts of U, for people: of `magwatt explain` and of the page."""

from __future__ import annotations

from agent.core.text import N_

METHODS = {
    "M1": N_("input power and nameplate"),
    "M2": N_("current and nameplate"),
    "M3": N_("slip and nameplate"),
    "M4": N_("segregated losses of an induction motor"),
    "M5": N_("segregated losses of a permanent-magnet motor"),
    "M6": N_("manufacturer's losses at the seven points of IEC 60034-2-3 (GB/T 32877-2022)"),
    "M7": N_("air-gap torque from waveforms at the terminals"),
    "M9": N_("torque sensor at the shaft"),
    "CDM-class": N_("reference losses of the efficiency class"),
    "CDM-eight-point": N_("manufacturer's losses at the eight points of IEC 61800-9-2"),
}
SHORT_METHODS = {
    "M1": N_("rated efficiency"),
    "M2": N_("current and nameplate"),
    "M3": N_("slip and nameplate"),
    "M4": N_("segregated losses"),
    "M5": N_("segregated losses"),
    "M6": N_("factory test"),
    "M7": N_("air-gap torque"),
    "M9": N_("torque sensor"),
    "CDM-class": N_("drive class"),
    "CDM-eight-point": N_("factory test of the drive"),
}
U_PARTS = {
    "motor_losses": N_("motor losses"),
    "meter": N_("meter"),
    "ct_ratio_error": N_("CT ratio error"),
    "ct_phase_displacement": N_("CT phase displacement"),
    "vt_ratio_error": N_("VT ratio error"),
    "vt_phase_displacement": N_("VT phase displacement"),
    "feeder": N_("cable and other consumers of the feeder"),
    "drive_output_power": N_("output power that the drive reports"),
    "drive_losses": N_("drive losses"),
    "sampling": N_("changes of the power between two polls"),
}
