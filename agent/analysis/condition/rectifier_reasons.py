"""Codes of the condition: the evidence of a finding (`why`), and why a fault cannot be seen (`reason`)."""

from __future__ import annotations

from drivers.reasons import Code

# A machine of which too little is known

CONDITION_VOLTAGE_CLIPPED = Code(
    "condition_voltage_clipped", "a voltage reached the limit of the converter, or does not change at all"
)

# The supply and the supply side of a drive

CONDITION_OPERATION_CHANGES = Code(
    "condition_operation_changes", "operation changes: only {steady_pct:.0f} % of the recording can be judged"
)
CONDITION_PHASE_CURRENT_GONE = Code(
    "condition_phase_current_gone",
    "phase L{phase:d} carries {share_pct:.1f} % of the mean of the others, at {load_pct:.0f} % load",
)
CONDITION_UNBALANCE_EXPLAINS = Code(
    "condition_unbalance_explains",
    "at {load_pct:.0f} % load the unbalance of the supply, {u2_pct:.1f} %, alone may keep a phase of a rectifier "
    "without current",
)
CONDITION_EVEN_ORDERS = Code(
    "condition_even_orders",
    "of the fundamental current: direct current {dc_pct:.0f} %, 2nd order {second_pct:.0f} %, 4th order "
    "{fourth_pct:.0f} %; a sound rectifier has none of them",
)
CONDITION_EVEN_ORDERS_OF_SUPPLY = Code(
    "condition_even_orders_of_supply",
    "2nd and 4th order in the voltage, {u_pct:.1f} %, may cause those of the current, {i_pct:.0f} %",
)
CONDITION_EVEN_ORDERS_SMALL = Code(
    "condition_even_orders_small",
    "2nd order of the current {i_pct:.0f} %: more than a sound rectifier has, less than an open diode causes",
)
CONDITION_RECTIFIER_FAULT_HIDES = Code("condition_rectifier_fault_hides", "another fault of the rectifier hides it")
CONDITION_VOLTAGE_UNBALANCE = Code(
    "condition_voltage_unbalance",
    "U2/U1 {u2_pct:.2f} % (IEC 60034-26); largest deviation of a line voltage from the mean {nema_pct:.2f} % "
    "(NEMA MG 1)",
)
CONDITION_VOLTAGE_CHANNEL_DEAD = Code(
    "condition_voltage_channel_dead",
    "the voltage of phase L{phase:d} is missing while its current flows: check this channel",
)
CONDITION_VOLTAGE_DIP = Code(
    "condition_voltage_dip", "lowest voltage {depth_pct:.0f} % of the usual one, for {duration_s:.2f} s"
)
CONDITION_RECTIFIER_UNBALANCES = Code(
    "condition_rectifier_unbalances",
    "a rectifier turns a small unbalance of the voltage into a large one of the currents, which proves nothing",
)
CONDITION_LINK_VOLTAGE_MISSING = Code(
    "condition_link_voltage_missing",
    "the voltage of the DC link was not recorded; from the supply alone only a loss of half can be seen, and only "
    "against a baseline",
)
CONDITION_LINK_FROM_LINE = Code(
    "condition_link_from_line",
    "seen from the supply alone the capacitance is {share_pct:.0f} ± {u_pct:.0f} % of that in the baseline; confirm it "
    "with the voltage of the DC link",
)
CONDITION_LINK_RATE_LOW = Code(
    "condition_link_rate_low",
    "the voltage of the DC link has {rate_hz:.0f} samples per second, at least {rate_min_hz:.0f} are needed",
)
CONDITION_LINK_RIPPLE_SMALL = Code(
    "condition_link_ripple_small", "the ripple of the DC link, {ripple_v:.2g} V, is too small to measure"
)
CONDITION_LINK_REFERENCE_MISSING = Code(
    "condition_link_reference_missing",
    "there is nothing to compare with: give a recording of the sound drive, or dc_link_uf",
)
CONDITION_LINK_IMPLAUSIBLE = Code(
    "condition_link_implausible",
    "measured {c_uf:.0f} µF contradict dc_link_uf = {new_uf:.0f}: check the value, ratios and scaling",
)
CONDITION_LINK_OTHER_MACHINE = Code(
    "condition_link_other_machine",
    "the baseline is of another drive: {own:.3g} mH before the link here, {other:.3g} mH there",
)
CONDITION_LINK_OTHER_SUPPLY = Code(
    "condition_link_other_supply",
    "the baseline is of another drive: supply of {own_v:.0f} V and {own_hz:.0f} Hz here, {other_v:.0f} V and "
    "{other_hz:.0f} Hz there",
)
CONDITION_LINK_OTHER_CAPACITANCE = Code(
    "condition_link_other_capacitance",
    "the baseline is of another drive: {c_uf:.0f} µF here, {other_uf:.0f} µF there",
)
CONDITION_LINK_CAPACITANCE = Code(
    "condition_link_capacitance",
    "capacitance {c_uf:.0f} µF from ripple of current and voltage, {share_pct:.0f} % of {reference_uf:.0f} µF in the "
    "baseline",
)
CONDITION_LINK_CAPACITANCE_NAMEPLATE = Code(
    "condition_link_capacitance_nameplate",
    "capacitance {c_uf:.0f} µF from ripple of current and voltage, {share_pct:.0f} % of {reference_uf:.0f} µF on the "
    "nameplate, which may be 20 % off; a wrong ratio of the current transformers looks the same",
)
CONDITION_DRIVE_TAKES_NOTHING = Code(
    "condition_drive_takes_nothing", "the drive takes {load_pct:.1f} % of its power; the motor may turn"
)
CONDITION_SUPPLY_SIDE_ONLY = Code("condition_supply_side_only", "only the supply side of the drive was recorded")
