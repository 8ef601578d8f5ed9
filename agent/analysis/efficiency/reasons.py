"""Codes of the estimator: why it publishes no efficiency, faults of the meter's wiring, and events of the meter."""

from __future__ import annotations

from agent.core.text import N_
from drivers.reasons import Code

NAMEPLATE_POWER_FACTOR = Code(
    "nameplate_power_factor",
    "the nameplate contradicts itself: {kw:g} kW at {volts:g} V and {amps:g} A give a power factor of {pf:.2f}",
)
NAMEPLATE_SPEED = Code(
    "nameplate_speed", "the nameplate contradicts itself: {rpm:g} r/min does not fit {poles:d} poles"
)
NAMEPLATE_LOSSES = Code(
    "nameplate_losses", "the nameplate contradicts itself: the seven loss points do not increase with torque"
)
METER_WIRING = Code("meter_wiring", "the wiring of the meter is wrong: {fault}")
METER_RATIO = Code("meter_ratio", "the transformer ratio of the meter is wrong: {fault}")
METER_WIRING_PENDING = Code("meter_wiring_pending", "the wiring of the meter is being checked")
DRIVE_BYPASSED = Code("drive_bypassed", "the drive is bypassed: it is stopped while the meter measures power")
BRAKING_RESISTOR = Code(
    "braking_resistor", "the motor brakes into a resistor: the meter does not measure the power that it returns"
)
POLES_MISMATCH = Code("poles_mismatch", "speed and frequency do not fit the number of poles")
METER_SHARED = Code("meter_shared", "the meter serves several motors")
DRIVE_MISSING = Code("drive_missing", "a permanent-magnet motor without a drive has no loss model")
DRIVE_SILENT = Code("drive_silent", "no current or frequency from the drive")
METER_SILENT = Code("meter_silent", "no power from the meter")
EFFICIENCY_UNKNOWN = Code("efficiency_unknown", "the nameplate has neither efficiency nor efficiency class")
CURRENT_MISSING = Code("current_missing", "no current")
MOTOR_OFF = Code("motor_off", "the motor is off")
WARMING_UP = Code("warming_up", "not enough readings yet")
LOSSES_NOT_MODELLED = Code("losses_not_modelled", "no loss model fits the available signals")
LOAD_TOO_LOW = Code(
    "load_too_low", "the load is below {least:pct} %: the losses are too uncertain to state an efficiency"
)
LOSSES_EXCEED_POWER = Code("losses_exceed_power", "the losses are as large as the power")

CONTRADICTIONS = frozenset((  # measured values, nameplate and configuration do not fit each other
    LOSSES_EXCEED_POWER, POLES_MISMATCH, METER_RATIO, DRIVE_BYPASSED, NAMEPLATE_POWER_FACTOR, NAMEPLATE_SPEED,
    NAMEPLATE_LOSSES,
))  # fmt: skip

# Why a national efficiency class is not stated

CLASS_UNKNOWN = Code(
    "efficiency_class_unknown",
    "the efficiency class at {volts:g} V is unknown: {standard} applies, and this program does not contain its tables",
)

# Faults of the meter's wiring, and loads that the measurements do not distinguish from one

WIRING_FAULTS = {
    "ct_reversed": Code("wiring_ct_reversed", "CTs reversed ({phases})"),
    "ct_swapped": Code("wiring_ct_swapped", "CTs of two phases swapped ({phases})"),
    "ct_rotated": Code("wiring_ct_rotated", "CTs of all phases rotated"),
    "ct_missing": Code("wiring_ct_missing", "no CT signal ({phases})"),
    "vt_swapped": Code("wiring_vt_swapped", "voltage connections of two phases swapped ({phases})"),
    "vt_rotated": Code("wiring_vt_rotated", "voltage connections of all phases rotated"),
    "vt_missing": Code("wiring_vt_missing", "no voltage ({phases})"),
    "phase_lost": Code("wiring_phase_lost", "a phase of the supply is interrupted ({phases})"),
    "leading_load": Code("wiring_leading_load", "no fault: the load is capacitive"),
    "regenerating": Code("wiring_regenerating", "no fault: the load returns energy"),
    "compensated_load": Code("wiring_compensated_load", "no fault: power-factor compensation after the meter"),
}
WIRING_RATIO = Code("wiring_ratio", "the meter measures {ratio:.2f} times the expected power")
WIRING_FAULTS_TOGETHER = Code("wiring_faults_together", "{first} and {second}")
WIRING_ALTERNATIVES = Code("wiring_alternatives", "the measurements fit several faults ({faults})")
METER_WIRING_CORRECT = Code("meter_wiring_correct", "the wiring of the meter is correct again")

# What happened to the meter

REGISTER_RESET = Code("register_reset", "{register} was reset: {before_wh:kwh} kWh, then {after_wh:kwh} kWh")
REGISTER_JUMP = Code(
    "register_jump",
    "{register} jumped by more than the motor can consume: {before_wh:kwh} kWh, then {after_wh:kwh} kWh",
)
SERIAL_NUMBER_CHANGED = Code("serial_number_changed", "the serial number of the meter is now {serial_number}")
CONFIGURED_RATIO_CHANGED = Code(
    "configured_ratio_changed", "the configured ratio is now CT {ct}, VT {vt}, applied by the {applied_by:word}"
)
METER_OWN_RATIO_CHANGED = Code("meter_own_ratio_changed", "the ratio that is set in the meter is now {ratio:g}")
APPLIED_BY = (N_("meter"), N_("agent"))
