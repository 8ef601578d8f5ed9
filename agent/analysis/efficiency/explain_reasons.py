"""Codes of `magwatt explain`: where inputs and losses come from, and what would reduce the uncertainty."""

from __future__ import annotations

from drivers.reasons import Code

# Inputs

INPUT_FROM_METER = Code("input_from_meter", "meter {meter}, class {accuracy_class}")
INPUT_FROM_METER_CT = Code(
    "input_from_meter_ct",
    "meter {meter}, class {accuracy_class}; CT {primary_a:g}/{secondary_a:g} A, class {ct_class}",
)
INPUT_FROM_METER_CT_ASSUMED = Code(
    "input_from_meter_ct_assumed",
    "meter {meter}, class {accuracy_class}; CT {primary_a:g}/{secondary_a:g} A, class {ct_class} (assumed)",
)
INPUT_FROM_DRIVE = Code("input_from_drive", "output power of drive {drive} (±{u:pct} %) plus the losses of the drive")
CURRENT_FROM_DRIVE = Code("current_from_drive", "drive {drive}")
CURRENT_FROM_SHARED_DRIVE = Code(
    "current_from_shared_drive", "drive {drive}, of which {share:pct} % are allocated to this motor"
)
TEMPERATURE_ESTIMATED = Code("temperature_estimated", "not measured; estimated from the load, ±{u_k:g} K")

# Sources of the losses

LOSSES_BY_CLASS = Code("losses_by_class", "class {efficiency_class}")
LOSSES_BY_UNKNOWN_CLASS = Code("losses_by_unknown_class", "class not stated")
LOSSES_BY_NAMEPLATE = Code("losses_by_nameplate", "rated efficiency")
LOSSES_BY_POINTS = Code("losses_by_points", "manufacturer, {n:d} points")
LOSSES_BY_RESISTANCE = Code("losses_by_resistance", "R1 and current")
LOSSES_BY_RESISTANCE_AND_SLIP = Code("losses_by_resistance_and_slip", "R1, current and slip")
LOSSES_BY_NO_LOAD_TEST = Code("losses_by_no_load_test", "no-load test")
LOSSES_BY_AIR_GAP_TORQUE = Code("losses_by_air_gap_torque", "air-gap torque, split assumed")
LOSSES_BY_TORQUE_SENSOR = Code("losses_by_torque_sensor", "torque sensor, split assumed")

# What would reduce the uncertainty

ADD_EFFICIENCY = Code(
    "add_efficiency",
    "add the efficiency or the efficiency class of the nameplate: `motor.{motor}.efficiency` or `motor.{motor}.class`",
)
CHECK_NAMEPLATE = Code("check_nameplate", "compare the configured nameplate data with the nameplate")
CORRECT_WIRING = Code("correct_wiring", "correct the wiring of the meter; until then no efficiency is published")
ADD_SEVEN_POINTS = Code(
    "add_seven_points",
    "add the manufacturer's losses at seven points (`motor.{motor}.losses`): method M6, about half the uncertainty",
)
ADD_NO_LOAD_LOSSES = Code(
    "add_no_load_losses",
    "add `r1_ohm` and the no-load losses (`motor.{motor}.no_load_w`): method M4, an uncertainty of about one "
    "percentage point",
)
ADD_RESISTANCE = Code(
    "add_resistance",
    "add the phase resistance at 20 °C (`motor.{motor}.r1_ohm`): it determines the copper losses",
)
MEASURE_TEMPERATURE = Code(
    "measure_temperature",
    "measure the winding temperature: the uncertainty of the copper losses becomes 2 % instead of 6 %",
)
ADD_EIGHT_POINTS = Code(
    "add_eight_points",
    "add the manufacturer's losses at eight points (`drive.{drive}.losses`): U of the drive at rated load "
    "{by_points:pct1} points, not {by_class:pct1}",
)
INSTALL_METER = Code(
    "install_meter",
    "install a meter for this motor alone at the drive input; the output power of the drive has an uncertainty of "
    "{u:pct} %",
)
ADD_CT_CLASS = Code(
    "add_ct_class",
    "add the accuracy class of the current transformers (`meter.{meter}.ct_class`); class {assumed} is assumed",
)
POLL_MORE_OFTEN = Code(
    "poll_more_often",
    "poll more often (`bus.{bus}.poll_interval`): the power changes between two polls, and what is not polled is the "
    "largest part of the uncertainty",
)
ADD_VT_CLASS = Code(
    "add_vt_class",
    "add the accuracy class of the voltage transformers (`meter.{meter}.vt_class`); class {assumed} is assumed",
)
USE_BETTER_CTS = Code(
    "use_better_cts",
    "use current transformers of a better accuracy class: at this power factor their phase displacement is the largest "
    "part of the uncertainty",
)
