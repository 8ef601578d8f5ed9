"""Codes of the analysis of recordings: why a file or an option is rejected, what is missing, why no limit applies."""

from __future__ import annotations

from drivers.errors import FileError
from drivers.reasons import Code, CodedError


class ReplayError(FileError, CodedError):
    """The options, or the recording with these options, cannot be used."""


# The recording does not fit the options

RANGE_WITHOUT_SAMPLES = Code("range_without_samples", "{file}: no samples between {from_s:g} s and {to_s:g} s")
SAMPLE_RATE_LOW = Code(
    "sample_rate_low", "{file}: {rate_hz:g} samples per second are too few; at least {min_hz:g} are required"
)
SAMPLE_RATE_LOW_FOR_NOMINAL = Code(
    "sample_rate_low_for_nominal",
    "{file}: {rate_hz:g} samples per second are too few for `--nominal {nominal_hz:g}`; at least {min_hz:g} are "
    "required",
)
TWO_WATTMETER_CHANNELS_MISSING = Code(
    "two_wattmeter_channels_missing",
    "{file}: `--wiring 3P3W-2` requires u1 (= u12), u3 (= u32), i1 and i3; missing: {channels}. Assign the channels "
    "with `--map u1=…,u3=…,i1=…,i3=…`",
)
NO_COMPLETE_WINDOW = Code("no_complete_window", "{file}: no window of complete cycles in {length_s:.3g} s of samples")

# What the result does not contain

ORDERS_LIMITED = Code(
    "orders_limited",
    "{file}: {rate_hz:g} samples per second contain orders up to {order_max:d} of {frequency_hz:.4g} Hz; THD, TDD and "
    "K factor are computed up to this order",
)
BLANK_EDGE = Code(
    "blank_edge",
    "{file}: samples without a value at the start or end are not analysed: {count:d}",
)
SHORT_RECORDING = Code(
    "short_recording",
    "{file}: {cycles:d} complete cycles; frequencies are resolved to {resolution_hz:.3g} Hz, and a regular window has "
    "{regular:d} cycles",
)
NO_VOLTAGE_CHANNEL = Code(
    "no_voltage_channel", "{file}: no voltage channel; `--supply` detects no events and no flicker"
)
SAMPLE_RATE_LOW_FOR_FLICKER = Code(
    "sample_rate_low_for_flicker",
    "{file}: {rate_hz:g} samples per second are too few for flicker; at least {min_hz:g} are required",
)
CURRENT_WITHOUT_VOLTAGE = Code(
    "current_without_voltage",
    "{file}: no voltage channel for {channels}; p_w, q1_var and pf cover only the other phases",
)

# Options that exclude or require each other

LIMITS_WITHOUT_RESULT = Code("limits_without_result", "`--limits` is only valid with `--summary` or `--plot`")
AT_WITHOUT_PLOT = Code("at_without_plot", "`--at` is only valid with `--plot`")
LAMP_WITHOUT_SUPPLY = Code(
    "lamp_without_supply", "`--lamp` is only valid with `--supply`; flicker requires the declared voltage"
)
LIMIT_OPTIONS_WITHOUT_LIMITS = Code(
    "limit_options_without_limits", "`--isc-il`, `--short-circuit-mva` and `--nominal-v` are only valid with `--limits`"
)
NAMEPLATE_WITHOUT_CONDITION = Code(
    "nameplate_without_condition", "`--nameplate` and `--baseline` are only valid with `--condition`"
)
CONDITION_IS_ALL = Code(
    "condition_is_all",
    "`--condition` judges the complete file; omit `--summary`, `--limits`, `--plot`, `--from` and `--to`",
)
LIMITS_AT_DRIVE_OUTPUT = Code(
    "limits_at_drive_output",
    "no limits apply at a drive's output; omit `--limits` or `--nominal drive`",
)
SUPPLY_AT_DRIVE_OUTPUT = Code(
    "supply_at_drive_output",
    "dips, swells and flicker are not defined at a drive's output; omit `--supply` and `--demand-a`, or "
    "`--nominal drive`",
)
DEMAND_CURRENT_MISSING = Code(
    "demand_current_missing",
    "`--isc-il` requires `--demand-a`: the current limits of IEEE 519 are in percent of the demand current",
)
LIMIT_VOLTAGE_MISSING = Code(
    "limit_voltage_missing", "`--limits` requires the line voltage `--nominal-v`, or the declared voltage `--supply`"
)
PLOT_NAME_INVALID = Code("plot_name_invalid", "--plot {path}: the file name must end in .png or .svg")
PLOT_LIBRARY_MISSING = Code(
    "plot_library_missing", "`--plot` requires matplotlib; install it with `pip install 'magwatt[plot]'`"
)

# Why no limit of a standard applies

FREQUENCY_NOT_FOUND = Code("frequency_not_found", "no frequency was found")
FREQUENCY_NOT_MAINS = Code(
    "frequency_not_mains",
    "{frequency_hz:.4g} Hz is not a mains frequency; limits do not apply at a drive's output",
)
VOLTAGE_NOT_MAINS = Code(
    "voltage_not_mains",
    "the voltage contains {rest_pct:.0f} % of other components than the fundamental, as at a drive's output",
)
LINE_VOLTAGE_NOT_COVERED = Code(
    "line_voltage_not_covered", "the standard does not cover a line voltage of {nominal_v:g} V"
)
