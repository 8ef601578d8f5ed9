"""Codes of recordings of cage motors: the evidence of a finding, and why a fault cannot be seen."""

from __future__ import annotations

from drivers.reasons import Code

# What makes a recording unusable

CHANNEL_MISSING = Code(
    "condition_cage_channel_missing", "{count:d} of 6 channels of voltage and current have no values"
)
SAMPLES_MISSING = Code(
    "condition_cage_samples_missing",
    "samples are missing: the longest part without gaps lasts {length_s:.1f} s, {needed_s:.1f} s are needed",
)
CURRENT_CLIPPED = Code("condition_cage_current_clipped", "a current exceeds the range of its converter")
AT_A_DRIVE = Code(
    "condition_cage_at_a_drive", "measured at a drive, whose control changes currents and voltages of a cage motor"
)
MOTOR_OFF = Code("condition_cage_motor_off", "no current flows")
VOLTAGE_MISSING = Code("condition_cage_voltage_missing", "no voltage of a mains frequency was recorded")
CURRENT_SUM = Code(
    "condition_cage_current_sum",
    "the three currents do not sum to zero ({share:pct} %): a channel is missing or reversed",
)
CURRENT_ORDER = Code(
    "condition_cage_current_order", "the phase sequence of the currents differs from that of the voltages"
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
NAMEPLATE_MISSING = Code("condition_cage_nameplate_missing", "the nameplate lacks {keys}")
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
PHASE_LOST = Code("condition_cage_phase_lost", "a phase is lost")
RECORD_SHORT = Code(
    "condition_cage_record_short",
    "a recording of {length_s:.1f} s does not resolve sidebands at {hz:.2f} Hz: {needed_s:.0f} s are needed",
)
LOAD_LOW = Code(
    "condition_cage_load_low", "at {load:pct} % load a broken bar can remain unseen: {needed:pct} % or more are needed"
)
LOAD_SMALL = Code("condition_cage_load_small", "load {load:pct} %; {needed:pct} % are needed")
CURRENT_LOW = Code(
    "condition_cage_current_low", "a current is {share:pct} % of the rated current, {needed:pct} % are needed"
)
LOAD_UNKNOWN = Code("condition_cage_load_unknown", "the load is not known")
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
NO_BASELINE = Code("condition_cage_no_baseline", "no baseline of the sound machine")
BASELINE_UNUSABLE = Code("condition_cage_baseline_unusable", "the baseline is unusable: {reason}")
BASELINE_OTHER = Code(
    "condition_cage_baseline_other", "the baseline belongs to another machine or wiring: its currents do not fit"
)
SLOTS_INVISIBLE = Code("condition_cage_slots_invisible", "no rotor slot harmonics are visible in the current")
BEARING_GEOMETRY = Code(
    "condition_cage_bearing_geometry", "the current shows bearing damage weakly or not at all; measure the vibration"
)
UNBALANCE_HIDES = Code(
    "condition_cage_unbalance_hides",
    "the voltage unbalance differs so far from that of the baseline that its share of the current is uncertain",
)
PAIR_OPEN = Code("condition_cage_pair_open", "shorted turns and contact resistance cannot be distinguished here")
CAUSE_FOUND = Code("condition_cage_cause_found", "explained by another finding: {fault:word}")
AMPS_MISSING = Code("condition_cage_amps_missing", "the nameplate states no rated current")

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
PHASE_LOSS_FOUND = Code(
    "condition_cage_phase_loss_found", "phase {phase:d} carries no current while the others carry {others_a:.1f} A"
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
