"""Codes of the self-check: likely causes, reasons of verdicts, and devices that were not checked."""

from __future__ import annotations

from agent.core.text import N_
from drivers.reasons import Code

# Likely causes: mistakes in the map

REGISTER_ADDRESS_WRONG = Code(
    "register_address_wrong",
    "{device}: the address of {quantity} is probably off by one: read at {correct_address:d} instead of {address:d}, "
    "it agrees with the other values",
)
MAP_ADDRESS_OFFSET = Code(
    "map_address_offset",
    "{device}: all addresses of the map are probably off by one: change every address by {correction:+d}",
)
REGISTER_WORDS_SWAPPED = Code(
    "register_words_swapped",
    '{device}: the words of {quantity} are probably swapped: with `word_order = "{word_order}"` it agrees with the '
    "other values",
)
MAP_WORDS_SWAPPED = Code(
    "map_words_swapped",
    '{device}: the words of all values are probably swapped: set `word_order = "{word_order}"` for the complete map',
)
REGISTER_SCALE_WRONG = Code(
    "register_scale_wrong",
    "{device}: {quantity} is {factor:.3g} times the expected value: change its scale from {scale:g} to "
    "{correct_scale:g}",
)
RATED_SCALE_WRONG = Code(
    "rated_scale_wrong",
    "{device}: {quantity} is {factor:.3g} times the expected value: multiply its scale by {correction:g}",
)
GROUP_SCALE_WRONG = Code(
    "group_scale_wrong",
    "{device}: all {group:word} are {factor:.3g} times the expected values: multiply their scales by {correction:g}",
)
GROUPS = (N_("currents"), N_("voltages"), N_("powers"), N_("active powers"))
MAP_PHASES_SWAPPED = Code(
    "map_phases_swapped",
    "{device}: {quantity} and {other_quantity} are probably swapped in the map: swap their addresses",
)
MAP_MISMATCH = Code(
    "map_mismatch", "{device}: most values do not fit {profile}: unit {unit_id:d} is probably a different model"
)
MAP_REGISTERS_REJECTED = Code(
    "map_registers_rejected",
    "{device}: unit {unit_id:d} rejects {n:d} of {total:d} {total:register|registers} of {profile}, for example "
    "{examples}: it is another model, an option is missing, or the addresses are wrong",
)
VALUES_INCONSISTENT = Code(
    "values_inconsistent",
    "{device}: {quantities} do not agree ({relations}), and no single mistake explains the differences",
)

# Likely causes: transformers and units

CT_SETTING_WRONG = Code(
    "ct_setting_wrong",
    "{device}: currents and powers are {factor:.3g} times the expected values: `ct` ({primary_a:g}/{secondary_a:g} A) "
    "does not match the current transformers. Possible corrections: {corrections}",
)
METER_CT_SETTING_WRONG = Code(
    "meter_ct_setting_wrong",
    "{device}: currents and powers are {factor:.3g} times the expected values: the ratio set in the meter does not "
    "match the current transformers ({primary_a:g}/{secondary_a:g} A configured). Possible corrections: {corrections}",
)
CT_RATIO_OPTION = Code("ct_ratio_option", "{primary_a:g}/{secondary_a:g} A")
CT_APPLIED_BY_METER_OPTION = Code(
    "ct_applied_by_meter_option", '`ratio_applied_by = "meter"` (the meter applies the ratio already)'
)
CT_APPLIED_BY_AGENT_OPTION = Code(
    "ct_applied_by_agent_option", '`ratio_applied_by = "agent"` (the meter does not apply the ratio)'
)
CT_APPLIED_TWICE_OPTION = Code("ct_applied_twice_option", "the ratio is applied twice")
CT_NOT_APPLIED_OPTION = Code("ct_not_applied_option", "the ratio is not applied")
METER_CTS_SWAPPED = Code(
    "meter_cts_swapped",
    "{device}: the current transformers (or the voltage leads) of {phase} and {other_phase} are probably swapped at "
    "the meter: the power of each fits the voltage of the other phase",
)
METER_CT_REVERSED = Code(
    "meter_ct_reversed",
    "{device}: the current transformer of {phases} is probably reversed: turn it round or swap its two secondary wires",
)
UNIT_IDS_SWAPPED = Code(
    "unit_ids_swapped",
    "{device} and {other_device} are probably swapped: unit {other_unit_id:d} is {device}, unit {unit_id:d} is "
    "{other_device}",
)
SERIAL_NUMBER_MISMATCH = Code(
    "serial_number_mismatch",
    "{device}: unit {unit_id:d} has serial number {serial_number}, not {configured}: check the unit identifier",
)
SERIAL_NUMBER_ELSEWHERE = Code(
    "serial_number_elsewhere",
    "{device}: unit {unit_id:d} has serial number {serial_number}, not {configured}, which is the one of {found_at}: "
    "check the unit identifiers",
)

# Models that identification found at the unit of a finding

MODELS_MATCHING = Code("models_matching", "models whose registers match: {models}")
MODELS_SIMILAR = Code("models_similar", "no model of the library matches; the most similar ones are: {models}")
CAUSE_AND_MODELS = Code("cause_and_models", "{cause}; {models}")

UNITS = frozenset((UNIT_IDS_SWAPPED, SERIAL_NUMBER_MISMATCH, SERIAL_NUMBER_ELSEWHERE))
OTHER_MODEL = frozenset((MAP_MISMATCH, MAP_REGISTERS_REJECTED))

# Why a value is unverified; a passed one names its relation, a failed one its likely cause

VALUE_ABSENT = Code("value_absent", "the device returned no value")
LOAD_INSUFFICIENT = Code("load_insufficient", "the check needs a load of at least {least:pct} %")
NOTHING_COMPARABLE = Code("nothing_comparable", "no other value to compare with")

# Devices that were not checked

DEVICE_NOT_CHECKED = Code(
    "device_not_checked", "{device}: no response to any permitted request; the device was not checked"
)

# Relations that are used outside of the tables, too

PLAUSIBLE_RANGE = Code("plausible_range", "plausible range")
SUM_OF_P = Code("sum_of_p", "P = P1 + P2 + P3")
POWER_FACTOR_FROM_S = Code("power_factor_from_s", "power factor = P / S")
POWERS_EQUAL = Code("powers_equal", "P² + Q² = S²")
MEAN_PHASE_VOLTAGE = Code("mean_phase_voltage", "mean of the phase voltages")
LINE_TO_PHASE_VOLTAGE = Code("line_to_phase_voltage", "line voltage = √3 · phase voltage")
MEAN_CURRENT = Code("mean_current", "mean of the currents")
