"""Reasons of the condition from rows: why something was found, and why something cannot be observed."""

from __future__ import annotations

from drivers.reasons import Code

# Rows of one second: why something cannot be observed

ROWS_TOO_FEW = Code("condition_row_too_few", "fewer than {needed_s:.0f} s in which it would have been seen")
NEEDS_WAVEFORMS = Code("condition_row_needs_waveforms", "it needs waveforms; it cannot be seen in values of one second")
KIND_UNKNOWN = Code("condition_row_kind_unknown", "it is not known whether this is a magnet motor")
NOT_A_MAGNET_MOTOR = Code("condition_row_not_a_magnet_motor", "this is no magnet motor")
APPLICATION_UNKNOWN = Code("condition_row_application_unknown", "the application is not known")
APPLICATION_VARIES = Code(
    "condition_row_application_varies", "the load of this application changes in normal operation"
)
APPLICATION_HOLDS = Code(
    "condition_row_application_holds", "this application holds loads at standstill, which looks like a blocked rotor"
)
OTHER_APPLICATION = Code("condition_row_other_application", "it does not occur in this application")
VOLTAGE_EXPLAINS = Code("condition_row_voltage_explains", "the unequal line voltages alone may keep a phase empty")
CURRENT_CHANNEL_LOST = Code(
    "condition_row_current_channel_lost",
    "one current is zero, but the others do not carry its power: a current transformer or its channel",
)
ONE_CURRENT_ONLY = Code("condition_row_one_current_only", "only one of the three currents is measured")
CURRENT_RATIO = Code(
    "condition_row_current_ratio",
    "the currents were never equal: the transformer of {phase} may have another ratio, so that a contact is not seen",
)
TORQUE_MISSING = Code("condition_row_torque_missing", "neither torque nor rated current is known")
SPEED_MISSING = Code("condition_row_speed_missing", "the speed is missing")
POWER_COARSE = Code("condition_row_power_coarse", "the power is too coarse for this motor, in steps of 0.1 kW")
CURRENT_IMPLAUSIBLE = Code(
    "condition_row_current_implausible",
    "no motor carries this current for long: check rated current and transformer ratio",
)
POWER_MISSING = Code("condition_row_power_missing", "the power is missing")
WINDING_MISSING = Code("condition_row_winding_temperature_missing", "no winding temperature")
BEARING_MISSING = Code("condition_row_bearing_temperature_missing", "no bearing temperature")
AMBIENT_MISSING = Code("condition_row_ambient_temperature_missing", "no ambient temperature")
CLASS_UNKNOWN = Code("condition_row_class_unknown", "the thermal class of the winding is not known")
TEMPERATURE_NOT_STEADY = Code(
    "condition_row_temperature_not_steady", "load and temperature were not steady for long enough"
)
HOT_FROM_THE_START = Code(
    "condition_row_hot_from_the_start", "too hot from the beginning to be learned as normal operation"
)
LOAD_NOT_LEARNED = Code(
    "condition_row_load_not_learned", "no steady operation yet from which the usual load is learned"
)
DRY_OR_CLOSED = Code(
    "condition_row_dry_or_closed",
    "power {share:pct} % of what was learned: a dry pump and a closed valve cannot be distinguished",
)
CURRENT_COARSE = Code("condition_row_current_coarse", "{amps:.2f} A are too little for the resolution of a meter")
CURRENTS_NOT_LEARNED = Code(
    "condition_row_currents_not_learned", "no ten minutes of steady load from which the usual currents are learned"
)
RISE_TOO_SMALL = Code(
    "condition_row_rise_too_small",
    "a winding that is only {rise_k:.0f} K warmer than the air does not show its cooling",
)
LOAD_SMALL_FROM_THE_START = Code(
    "condition_row_load_small_from_the_start",
    "load {load:pct} % from the beginning: too small or too large to be learned as normal operation",
)
SPEED_NOT_LEARNED = Code("condition_row_speed_not_learned", "no usual load learned at {speed:pct} % of rated speed")
DRIVE_VALUES_MISSING = Code(
    "condition_row_drive_values_missing", "voltage, current, power and frequency at the output of a drive are needed"
)
FIELD_WEAKENED = Code("condition_row_field_weakened", "the drive weakens the field at this speed")
FLUX_NOT_LEARNED = Code(
    "condition_row_flux_not_learned", "no ten minutes of steady load from which the flux is learned"
)
FLUX_NOT_COMPARABLE = Code(
    "condition_row_flux_not_comparable", "no half hour at the learned load and at a steady temperature yet"
)
FLUX_RELATIVE_ONLY = Code(
    "condition_row_flux_relative_only", "without the EMF on the nameplate only a change from the beginning can be seen"
)
LIVE_NO_PROOF = Code(
    "condition_row_live_no_proof",
    "while the drive runs the terminals are live; a reported speed of 0 is no proof: lock out and measure",
)

FLUX_BELOW_NAMEPLATE = Code(
    "condition_row_flux_below_nameplate",
    "the flux was {loss:pct1} % below the nameplate when it was learned, within the uncertainty of the drive's values: "
    "an earlier loss cannot be excluded",
)

# Rows of one second: evidence

LIVE_TURNS_EMF = Code(
    "condition_row_live_turns_emf", "gates off, the motor turns at {rpm:.0f} r/min: EMF about {emf_v:.0f} V"
)
LIVE_TURNS = Code("condition_row_live_turns", "gates off, the motor turns at {rpm:.0f} r/min")
LIVE_VOLTAGE = Code("condition_row_live_voltage", "gates off, {volts:.0f} V at the terminals")
LIVE_DRIVE_SILENT = Code(
    "condition_row_live_drive_silent", "no value of the drive for {age_s:.0f} s: the motor may turn, live or unknown"
)
LIVE_SPEED_UNKNOWN = Code(
    "condition_row_live_speed_unknown", "the drive does not drive and no speed is reported: live or unknown"
)
LIVE_SPEED_IMPLAUSIBLE = Code(
    "condition_row_live_speed_implausible",
    "the reported speed fell to 0 within a second, faster than a motor coasts: live or unknown",
)
LIVE_CURRENT_GONE = Code(
    "condition_row_live_current_gone",
    "the drive reports operation, but its current is zero: the motor may turn on its own",
)
PHASE_LOST_INPUT = Code(
    "condition_row_phase_lost_input",
    "at the input of the drive {phase} carries {current_a:.2f} A, the others {others_a:.1f} A",
)
PHASE_LOST_MOTOR = Code(
    "condition_row_phase_lost_motor", "{phase} of the motor carries {current_a:.2f} A, the others {others_a:.1f} A"
)
ROTOR_BLOCKED = Code("condition_row_rotor_blocked", "no rotation at {effort:pct} % of rated torque for {seconds:.0f} s")
STARTS_HEAVILY = Code("condition_row_starts_heavily", "start at {effort:pct} % of rated torque")
LOAD_HELD = Code("condition_row_load_held", "a load is held at standstill at {effort:pct} % of rated torque")
WINDING_HOT = Code("condition_row_winding_hot", "winding {degc:.0f} °C; its class permits {limit_degc:.0f} °C")
ROOM_HOT = Code("condition_row_room_hot", "ambient temperature {degc:.0f} °C")
HOTTER_THAN_EXPLAINED = Code(
    "condition_row_hotter_than_explained",
    "winding {degc:.0f} °C: {residual_k:.0f} K more than losses and ambient temperature explain",
)
BEARING_HOT = Code("condition_row_bearing_hot", "bearing {degc:.0f} °C")
BEARING_HOTTER = Code(
    "condition_row_bearing_hotter",
    "bearing {degc:.0f} °C: {residual_k:.0f} K more than speed, winding and ambient temperature explain",
)
BEARING_RISES = Code(
    "condition_row_bearing_rises",
    "bearing rises by {rate_k_min:.1f} K per minute, {residual_k:.0f} K above what is explained",
)
THERMAL_CAPACITY = Code(
    "condition_row_thermal_capacity", "{used:pct} % of the thermal capacity used, current {current:pct} % of rated"
)
POWER_LOW = Code("condition_row_power_low", "power {share:pct} % of what was learned for {speed:pct} % of rated speed")
LOAD_SCATTERS = Code(
    "condition_row_load_scatters",
    "load scatters by {scatter:pct1} % from second to second, learned {usual:pct1} %; power {share:pct} % of learned",
)
POWER_FALLS = Code(
    "condition_row_power_falls", "power at equal speed has fallen slowly by {fall:pct1} %, corrected by air density"
)
VOLTAGE_UNBALANCE = Code(
    "condition_row_voltage_unbalance", "line voltages: largest deviation {part:pct1} % of the mean (NEMA MG 1)"
)
VOLTAGE_DIPS = Code("condition_row_voltage_dips", "a line voltage fell to {volts:.0f} V")
CURRENT_UNBALANCE = Code(
    "condition_row_current_unbalance",
    "{phase} carries less: currents deviate by {part:pct1} %, voltages by only {voltage_part:pct1} %",
)
FLUX_LOST = Code("condition_row_flux_lost", "flux {loss:pct1} ± {u95:pct1} % lower at the same magnet temperature")
CURRENT_ABOVE_TORQUE = Code(
    "condition_row_current_above_torque", "{excess:pct} % more current than this torque needs, at unchanged flux"
)
SENSOR_IMPOSSIBLE = Code("condition_row_sensor_impossible", "impossible values: {columns}")
SENSOR_FROZEN = Code("condition_row_sensor_frozen", "values that no longer change: {columns}")
