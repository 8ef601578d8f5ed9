"""Why the estimator publishes no efficiency."""

from __future__ import annotations

from drivers.reasons import Code

NAMEPLATE_POWER_FACTOR = Code(
    "nameplate_power_factor",
    "the nameplate contradicts itself: {kw:g} kW at {volts:g} V and {amps:g} A give a power factor of {pf:.2f}",
)
NAMEPLATE_SPEED = Code(
    "nameplate_speed", "the nameplate contradicts itself: {rpm:g} r/min does not match {poles:d} poles"
)
NAMEPLATE_LOSSES = Code(
    "nameplate_losses", "the nameplate contradicts itself: the seven loss points do not increase with torque"
)
METER_WIRING = Code("meter_wiring", "the wiring of the meter is wrong: {findings}")
METER_RATIO = Code("meter_ratio", "the transformer ratio of the meter is wrong: {findings}")
METER_WIRING_PENDING = Code("meter_wiring_pending", "the wiring of the meter is being checked")
DRIVE_BYPASSED = Code(
    "drive_bypassed", "the motor runs with its drive bypassed: the drive is stopped while the meter measures power"
)
BRAKING_RESISTOR = Code(
    "braking_resistor", "the motor brakes into a resistor: the meter does not measure the regenerated power"
)
POLES_MISMATCH = Code("poles_mismatch", "speed and frequency do not match the number of poles")
METER_SHARED = Code("meter_shared", "the meter measures several motors")
DRIVE_MISSING = Code("drive_missing", "magnet motor without a drive")
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
LOSSES_EXCEED_POWER = Code("losses_exceed_power", "the calculated losses reach the measured power")
