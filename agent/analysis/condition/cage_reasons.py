"""Codes of recordings of cage motors: the evidence of a finding, and why a fault cannot be seen."""

from __future__ import annotations

from drivers.reasons import Code

# What makes a recording unusable

CHANNEL_MISSING = Code(
    "condition_cage_channel_missing", "{count:d} of 6 channels of voltage and current have no values"
)
AT_A_DRIVE = Code(
    "condition_cage_at_a_drive", "measured at a drive, whose control changes currents and voltages of a cage motor"
)
POWER_DIRECTION = Code(
    "condition_cage_power_direction",
    "the currents are at {degrees:.0f}° to the voltages: a current is reversed or belongs to another phase, "
    "or the motor generates",
)
FREQUENCY_MISMATCH = Code(
    "condition_cage_frequency_mismatch", "{f_hz:.2f} Hz were recorded, the nameplate states {hz:g} Hz"
)
VOLTAGE_MISMATCH = Code(
    "condition_cage_voltage_mismatch", "{measured_v:.0f} V were recorded, the nameplate states {volts:g} V"
)
LOAD_MISMATCH = Code(
    "condition_cage_load_mismatch",
    "the recorded power is {load:pct} % of the nameplate's at a power factor of {pf:.2f}: "
    "the nameplate or a transformer ratio is wrong",
)
NAMEPLATE_SPEED = Code(
    "condition_cage_nameplate_speed",
    "the nameplate contradicts itself: {rpm:g} r/min does not fit {poles:d} poles at {hz:g} Hz and {kw:g} kW",
)
NAMEPLATE_POWER = Code(
    "condition_cage_nameplate_power",
    "the nameplate contradicts itself: {kw:g} kW at {volts:g} V and {amps:g} A give {product:.2f} for efficiency × "
    "power factor",
)

# Why something cannot be seen

OPERATION_STARTING = Code("condition_cage_operation_starting", "the motor starts within the recording")
OPERATION_SUPPLY = Code(
    "condition_cage_operation_supply",
    "the voltage changes within the recording: {extreme:pct} % of its usual value at {at_s:.1f} s",
)
OPERATION_LOAD = Code(
    "condition_cage_operation_load",
    "the current changes by {span:pct1} % within the recording, {limit:pct} % are permitted",
)
OPERATION_FREQUENCY = Code(
    "condition_cage_operation_frequency", "the frequency changes by {span_hz:.2f} Hz within the recording"
)
BARS_UNKNOWN = Code(
    "condition_cage_bars_unknown",
    "sidebands of {level_db:.1f} dB: without the number of rotor bars they cannot be judged",
)
NOISE = Code("condition_cage_noise", "noise near the sidebands is as large as the trace of a broken bar")
SUPPLY_EXPLAINS = Code(
    "condition_cage_supply_explains",
    "the voltage has a line at the same {hz:.2f} Hz, which may explain that of the current",
)
SWING_HIDES = Code(
    "condition_cage_swing_hides", "the load oscillates at {hz:.2f} Hz, where a broken bar would show, and can hide it"
)
ROTOR_OR_LOAD_OPEN = Code(
    "condition_cage_rotor_or_load_open", "a line at {hz:.2f} Hz may come from the rotor or from the load"
)
BASELINE_OTHER = Code(
    "condition_cage_baseline_other", "the baseline belongs to another machine or wiring: its currents do not fit"
)
SLOTS_INVISIBLE = Code("condition_cage_slots_invisible", "no rotor slot harmonics are visible in the current")
UNBALANCE_HIDES = Code(
    "condition_cage_unbalance_hides",
    "the voltage unbalance differs so far from that of the baseline that its share of the current is uncertain",
)
PAIR_OPEN = Code("condition_cage_pair_open", "shorted turns and contact resistance cannot be distinguished here")

# Evidence

BARS_FOUND = Code(
    "condition_cage_bars_found",
    "sidebands at ±{hz:.2f} Hz, {level_db:.1f} dB; reactive over active part {ratio:.1f}, a load would give at most "
    "{slope:.2f}; about {bars:.1f} bars",
)
SIDEBANDS_FOUND = Code(
    "condition_cage_sidebands_found",
    "sidebands at ±{hz:.2f} Hz, {level_db:.1f} dB; reactive over active part {ratio:.1f}, a load would give at most "
    "{slope:.2f}",
)
SWING_FOUND = Code(
    "condition_cage_swing_found",
    "the torque oscillates by ±{share:pct1} % at {hz:.2f} Hz; reactive over active part {ratio:.2f}",
)
SWING_GROWN = Code(
    "condition_cage_swing_grown",
    "the torque oscillates by ±{share:pct1} % at {hz:.2f} Hz, by ±{before:pct1} % in the baseline",
)
TURN_FOUND = Code("condition_cage_turn_found", "sidebands at ±{hz:.2f} Hz, once per turn, {level_db:.1f} dB")
SLOTS_FOUND = Code(
    "condition_cage_slots_found",
    "slot harmonics of dynamic eccentricity {level_db:.1f} dB, {before_db:.1f} dB in the baseline",
)
UNBALANCE_FOUND = Code(
    "condition_cage_unbalance_found",
    "negative over positive sequence {iec:pct1} % (IEC), largest deviation from the mean {nema:pct1} % (NEMA); "
    "load at most {derating:pct} % (NEMA MG 1)",
)
UNBALANCE_STOP = Code(
    "condition_cage_unbalance_stop",
    "negative over positive sequence {iec:pct1} % (IEC), largest deviation from the mean {nema:pct1} % (NEMA): "
    "above 5 % a motor should not run (NEMA MG 1)",
)
DIP_FOUND = Code("condition_cage_dip_found", "the voltage falls to {low:pct} % at {at_s:.2f} s")
INTERHARMONIC_FOUND = Code(
    "condition_cage_interharmonic_found",
    "the voltage has a line {hz:.2f} Hz from the fundamental, {share:pct1} % of it",
)
START_FOUND = Code("condition_cage_start_found", "the current is {ratio:.1f} times that at the end of the recording")
CURRENTS_FOUND = Code(
    "condition_cage_currents_found",
    "negative sequence of the current {share:pct1} %, of which the voltage explains {explained:pct1} %",
)
RESIDUAL_FOUND = Code(
    "condition_cage_residual_found",
    "negative sequence of the current after the share of the voltage: {share:pct1} % above the baseline, at "
    "{degrees:.0f}° to a resistance in one phase",
)
OVERLOAD_FOUND = Code("condition_cage_overload_found", "the current is {ratio:pct} % of the rated current")
