"""Codes that recordings of all machines and the rows share: why a fault cannot be seen, and that a phase is lost."""

from __future__ import annotations

from drivers.reasons import Code

# What was recorded

RECORD_SHORT = Code(
    "condition_record_short",
    "the longest part without a gap lasts {length_s:.1f} s; {needed_s:.1f} s are needed",
)
CURRENTS_MISSING = Code("condition_currents_missing", "not all three currents were measured")
VOLTAGES_MISSING = Code("condition_voltages_missing", "not all three voltages were measured")
NO_FUNDAMENTAL = Code("condition_no_fundamental", "no fundamental of a voltage or current was found")
NO_CURRENT = Code("condition_no_current", "the motor carries no current")
CURRENT_CLIPPED = Code("condition_current_clipped", "a current exceeds the range of its converter")
CURRENT_SUM = Code(
    "condition_current_sum",
    "the three currents do not sum to zero ({share:pct} %): a channel is missing, reversed or has another ratio",
)
PHASE_ORDER = Code("condition_phase_order", "the phase sequence of the currents differs from that of the voltages")
PHASE_LOST = Code("condition_phase_lost", "a phase is lost")

# Load and nameplate

LOAD_LOW = Code("condition_load_low", "load {load:pct} %; {needed:pct} % are needed")
CURRENT_LOW = Code(
    "condition_current_low", "the current is {share:pct} % of the rated current; {needed:pct} % are needed"
)
LOAD_UNKNOWN = Code(
    "condition_load_unknown", "the load is not known: state kw, and volts where no voltage was recorded"
)
NAMEPLATE_MISSING = Code("condition_nameplate_missing", "not known from the nameplate: {keys}")
MACHINE_UNKNOWN = Code(
    "condition_machine_unknown", "the nameplate does not state what machine this is and where it was measured"
)
BEARING_GEOMETRY = Code(
    "condition_bearing_geometry", "the current shows bearing damage weakly or not at all; measure the vibration"
)

# Baseline and other findings

NO_BASELINE = Code("condition_no_baseline", "no baseline of the sound machine")
BASELINE_UNUSABLE = Code("condition_baseline_unusable", "the baseline is unusable: {reason}")
EXPLAINED_BY = Code("condition_explained_by", "explained by another finding: {fault:word}")

# Evidence

PHASE_WITHOUT_CURRENT = Code(
    "condition_phase_without_current", "phase {phase:d} carries no current while the others do"
)
