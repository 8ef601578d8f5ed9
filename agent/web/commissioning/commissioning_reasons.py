"""Codes of the commissioning view: mistakes in the wiring of a meter, what to do, and evidence of each step."""

from __future__ import annotations

from drivers.reasons import Code

# Mistakes, as a technician at the meter sees them

TERMINALS_EXCHANGED = Code("wiring_terminals_exchanged", "{one} and {other} are exchanged")
TERMINALS_ROTATED = Code("wiring_terminals_rotated", "{one}, {two} and {three} are rotated")
TERMINALS_REVERSED = Code("wiring_terminals_reversed", "S1 and S2 are exchanged at {terminals}")
NO_CURRENT = Code("wiring_no_current", "no current at {terminals}")
NO_VOLTAGE = Code("wiring_no_voltage", "no voltage at {terminals}")
SUPPLY_PHASE_LOST = Code("wiring_supply_phase_lost", "the supply has lost {phases}")
BOTH_MISTAKES = Code("wiring_both_mistakes", "{first}; {second}")

ANGLES_WITH_CORRECTION = Code(
    "wiring_angles_with_correction",
    "As wired the phase angles are {one}°, {two}° and {three}°; corrected they are {first}°, {second}° and {third}°.",
)
ANGLES_ALL_ALIKE = Code(
    "wiring_angles_all_alike",
    "As wired the phase angles are {one}°, {two}° and {three}°; corrected all three are {corrected}°.",
)
ANGLES_AS_WIRED = Code("wiring_angles_as_wired", "As wired the phase angles are {one}°, {two}° and {three}°.")
SEVERAL_MISTAKES_FIT = Code(
    "wiring_several_mistakes_fit",
    "The readings also fit: {others}. Look at the connections before anything is changed.",
)

# Danger and instructions

DANGER_CURRENT = Code("wiring_danger_current", "Never open a current transformer under load: short S1–S2 first.")
DANGER_VOLTAGE = Code(
    "wiring_danger_voltage", "The voltage terminals of the meter are at mains voltage: lock out and measure first."
)
DO_SHORT = Code("wiring_do_short", "Lock out, measure, short S1–S2 of {phases}.")
DO_LOCK_OUT = Code("wiring_do_lock_out", "Lock out and measure at the terminals of the meter.")
DO_EXCHANGE_PAIRS = Code("wiring_do_exchange_pairs", "Exchange the pairs of {one} and {other} at the meter.")
DO_EXCHANGE_LEADS = Code("wiring_do_exchange_leads", "Exchange the leads of {one} and {other} at the meter.")
DO_REORDER = Code("wiring_do_reorder", "Connect L1 to {one}, L2 to {two} and L3 to {three}.")
DO_TURN = Code("wiring_do_turn", "Exchange S1 and S2 of {terminals} at the meter.")
DO_FIND_CURRENT = Code(
    "wiring_do_find_current",
    "Look for a short that was left closed, a broken wire, or a transformer that is not on its conductor: {phases}.",
)
DO_FIND_VOLTAGE = Code("wiring_do_find_voltage", "Check fuse and lead of {terminals}.")
DO_FIND_PHASE = Code(
    "wiring_do_find_phase", "Stop the motor: it overheats on two phases. Check fuses and contactor of {phases}."
)
DO_REMOVE_SHORTS = Code("wiring_do_remove_shorts", "Remove the shorts, start the motor, look here again.")
DO_START = Code("wiring_do_start", "Switch on, start the motor, look here again.")
DO_COMPARE_RATIO = Code(
    "wiring_do_compare_ratio",
    "Compare `ct` and `ratio_applied_by` of meter {meter} with the label of the transformers and the setting of the "
    "meter.",
)

# Evidence of the steps

WIRING_FITS = Code("evidence_wiring_fits", "live: the angles between voltages and currents fit")
WIRING_LIVE_FAULT = Code("evidence_wiring_fault", "live: {fault}")
WIRING_NOT_TOLD = Code(
    "evidence_wiring_not_told",
    "live: not enough current; the angles are checked from a tenth of the rated current",
)
WIRING_UNCLEAR = Code("evidence_wiring_unclear", "live: no wiring explains the readings")
WIRING_NOT_LIVE = Code("evidence_wiring_not_live", "live: no message of this motor yet")
STATEMENT_CHANGED = Code(
    "evidence_statement_changed", "the configuration has changed since it was confirmed; now: {statement}"
)
STATEMENT_DENIED = Code("evidence_statement_denied", "not confirmed: {statement}. Actual state: {actual}")
SELF_CHECK_PASSED = Code(
    "evidence_self_check_passed", "self-check of {device}: no value contradicts another; {n:d} confirmed"
)
SELF_CHECK_FAILED = Code("evidence_self_check_failed", "self-check of {device}: {quantities} failed")
SELF_CHECK_MISSING = Code("evidence_self_check_missing", "no self-check of {device} with its present configuration")
RECORD_UNREADABLE = Code("evidence_record_unreadable", "the record {file} cannot be read")
STEP_WITHOUT_DEVICE = Code("evidence_step_without_device", "no meter or drive is configured for this motor")
