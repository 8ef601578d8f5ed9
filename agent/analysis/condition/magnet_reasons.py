"""Codes of recordings of magnet motors: the evidence of a finding, and why a fault cannot be seen."""

from __future__ import annotations

from drivers.reasons import Code

# Why a fault cannot be seen

REC_UNSTEADY = Code(
    "condition_rec_unsteady",
    "the operation changes: frequency by {frequency:pct1} %, current by {current:pct1} % within the recording",
)
REC_VOLTAGE_SUM = Code(
    "condition_rec_voltage_sum",
    "the three voltages are unequal by {share:pct} %: a channel is missing, reversed or has another ratio",
)
REC_BASELINE_OTHER = Code(
    "condition_rec_baseline_other",
    "the baseline does not fit: its flux is {base_wb:.3g} Wb, that of this recording {now_wb:.3g} Wb",
)
MAGNET_PLATE_POLES = Code(
    "condition_magnet_plate_poles",
    "the nameplate contradicts itself: {rpm:g} r/min and {hz:g} Hz do not fit {poles:d} poles",
)
MAGNET_PLATE_FLUX = Code(
    "condition_magnet_plate_flux",
    "the nameplate contradicts itself: the EMF at rated speed is {share:pct} % of the rated voltage",
)
MAGNET_FLUX_UNKNOWN = Code("condition_magnet_flux_unknown", "neither flux_wb nor emf_v is known")
MAGNET_DATA_MISSING = Code("condition_magnet_data_missing", "resistance or inductance and the rated values are missing")
MAGNET_SPEED_LOW = Code(
    "condition_magnet_speed_low", "the frequency is {share:pct} % of the rated one; 20 % are needed"
)
MAGNET_FLUX_UNCERTAIN = Code(
    "condition_magnet_flux_uncertain",
    "the flux is {index:pct1} % ± {u95:pct1} %: too uncertain to exclude a loss; a magnet temperature is missing",
)
MAGNET_FLUX_DATA_UNCERTAIN = Code(
    "condition_magnet_flux_data_uncertain",
    "the flux is {index:pct1} % ± {u95:pct1} %: too uncertain to exclude a loss, with these data of the winding",
)
MAGNET_FLUX_ABOVE = Code(
    "condition_magnet_flux_above",
    "the flux is {index:pct1} % ± {u95:pct1} % of the nameplate's: nameplate, ratios or temperature are wrong",
)
MAGNET_SYNCHRONISM = Code(
    "condition_magnet_synchronism", "current and torque do not fit: the flux cannot be judged until that is explained"
)
MAGNET_ANGLE_UNKNOWN = Code(
    "condition_magnet_angle_unknown",
    "the current leads the quadrature axis by {angle_deg:.0f}°, which field weakening or interior magnets explain, too",
)
MAGNET_LINES_TOO_CLOSE = Code(
    "condition_magnet_lines_too_close", "the recording is too short or too slow to part the lines of the rotor"
)
MAGNET_LINES_CANCEL = Code(
    "condition_magnet_lines_cancel",
    "no line is seen, but a winding with {slots:d} slots and {poles:d} poles can hide the lines of one magnet",
)
MAGNET_SLOTS_UNKNOWN = Code(
    "condition_magnet_slots_unknown",
    "no line is seen, but windings exist that hide the lines of one magnet, and the number of slots is not known",
)
MAGNET_LINE_ORDINARY = Code(
    "condition_magnet_line_ordinary", "a line at {level_db:.0f} dB is usual, and there is no baseline"
)
MAGNET_LINE_ALONE = Code(
    "condition_magnet_line_alone",
    "one line at {order:d}/{pairs:d} of the fundamental, {level_db:.0f} dB, and none next to the fundamental: "
    "no rotor makes it alone, a carrier or the load may",
)
MAGNET_PAIR_OPEN = Code("condition_magnet_pair_open", "eccentricity and a weak magnet show the same lines")
MAGNET_ASYMMETRY_THERE = Code(
    "condition_magnet_asymmetry_there",
    "an asymmetry of the winding is there already; a second one would not be seen",
)
MAGNET_VOLTAGE_SUM_OPEN = Code(
    "condition_magnet_voltage_sum_open",
    "the gains of the voltage channels are not known well enough: {share_pct:.2f} % of the voltage may be theirs",
)

# Evidence

MAGNET_FLUX_LOSS = Code(
    "condition_magnet_flux_loss",
    "the flux is {index:pct1} % ± {u95:pct1} % of the nameplate's at the same temperature; "
    "current for the same torque rises by {current:pct1} %",
)
MAGNET_FLUX_COASTING = Code(
    "condition_magnet_flux_coasting",
    "the EMF while coasting is {index:pct1} % ± {u95:pct1} % of the nameplate's at the same temperature",
)
MAGNET_LIVE = Code(
    "condition_magnet_live",
    "no current since {from_s:.2f} s, and {volts:.0f} V between the terminals: the drive does not drive",
)
MAGNET_LIVE_UNKNOWN = Code(
    "condition_magnet_live_unknown",
    "no current since {from_s:.2f} s: the drive does not drive, and a magnet motor that turns has voltage",
)
MAGNET_NO_EMF = Code(
    "condition_magnet_no_emf",
    "{current:pct} % of the rated current, but only {index:pct} % of the EMF that this speed has: "
    "rotor and field do not turn together",
)
MAGNET_CURRENT_ANGLE = Code(
    "condition_magnet_current_angle",
    "the current lies {angle_deg:.0f}° from where it was in the baseline: {excess:pct1} % more than this torque needs",
)
MAGNET_CURRENT_LAGS = Code(
    "condition_magnet_current_lags",
    "the current magnetises the magnets at {angle_deg:.0f}°, which no control does: {excess:pct1} % more than needed",
)
MAGNET_SOURCE = Code(
    "condition_magnet_source",
    "phase {phase:d}: {size_pct:.2f} % of the voltage at {angle_deg:.0f}° to the current; "
    "growth with the current {slope:.1f} ± {slope_u:.1f}",
)
MAGNET_SOURCE_ANGLE = Code(
    "condition_magnet_source_angle",
    "phase {phase:d}: {size_pct:.2f} % of the voltage at {angle_deg:.0f}° to the current",
)
MAGNET_SOURCE_OPEN = Code(
    "condition_magnet_source_open",
    "{size_pct:.2f} % of the voltage at {angle_deg:.0f}° to the current is explained neither by supply nor by channels",
)
MAGNET_LINES = Code(
    "condition_magnet_lines",
    "{count:d} lines; the strongest at {order:d}/{pairs:d} of the fundamental, {level_db:.0f} dB",
)
MAGNET_TORQUE_LINES = Code(
    "condition_magnet_torque_lines",
    "the current swings once per turn, in all phases: {order:d}/{pairs:d} of the fundamental, {level_db:.0f} dB",
)
MAGNET_UNBALANCE = Code(
    "condition_magnet_unbalance", "one current is {share:pct1} % from the mean, and no fault of the winding explains it"
)
MAGNET_UNBALANCE_CAUSED = Code(
    "condition_magnet_unbalance_caused", "one current is {share:pct1} % from the mean: a consequence of the winding"
)
LOAD_SWING = Code("condition_load_swing", "the power swings at {hz:.2f} Hz by {depth:pct1} %")
LOAD_UNSTEADY = Code("condition_load_unsteady", "the power varies by {depth:pct1} % rms between 0.4 and 25 Hz")
CURRENT_ABOVE_RATED = Code(
    "condition_current_above_rated",
    "{share:pct} % of the rated current; how long that is permitted, a recording does not show",
)
