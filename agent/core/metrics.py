"""The table of metrics: name, unit, meaning, decimals, kind. `make docs` generates docs/reference/metrics.md from it.

Measured metrics are the quantities of the vocabulary under their `metric_name`. Derived metrics are rows of DERIVED: a
new one needs a row here and the function of its stage or tracker that computes it. Topics, `meta` and the
documentation follow from the row.
"""

from __future__ import annotations

import math
from functools import cache

from msgspec import Struct

from agent.core.kept import MEAN, NOTHING, RANGE, kept_of
from agent.core.meter_clock import published_name
from drivers.vocabulary import metric_name, vocabulary


class Metric(Struct, frozen=True):
    """One published number or text.

    name: with its unit as suffix.
    kind: measured | estimate (has an uncertainty and a method) | text | code (codes of reasons, separated by commas;
        the reasons are in the key `r` of the message) | window (from the waveform) | counter | event | savings.
    decimals: of the published value; None: six significant digits.
    kept: what the history of 1 min and 15 min keeps of it: RANGE, MEAN or NOTHING.
    """

    name: str
    unit: str
    about: str
    kind: str
    topic: str = "telemetry"
    decimals: int | None = None
    kept: str = NOTHING


def _row(
    name: str, unit: str, about: str, kind: str, topic: str = "telemetry", decimals: int | None = None,
    kept: str | None = None,
) -> Metric:  # fmt: skip
    default = MEAN if kind == "estimate" and topic == "telemetry" else NOTHING
    return Metric(metric_name(name, unit), unit, about, kind, topic, decimals, default if kept is None else kept)


def _count(name: str, about: str) -> Metric:
    """A counter of the agent. It is 0 when the agent starts, unless `about` states otherwise."""
    return _row(name, "", about, "counter", "health", 0)


def _level(name: str, unit: str, about: str, decimals: int = 0) -> Metric:
    """A gauge of the agent."""
    return _row(name, unit, about, "measured", "health", decimals)


def _power_quality(topic: str) -> tuple[Metric, ...]:
    """The metrics that pq3s and pq10m have in common."""
    return (
        *(_row(f"voltage_l{n}n", "V", f"rms voltage, phase {n} to neutral", "window", topic) for n in (1, 2, 3)),
        *(_row(f"current_l{n}", "A", f"rms current, phase {n}", "window", topic) for n in (1, 2, 3)),
        _row("active_power", "W", "active power of the three phases, harmonics included", "window", topic),
        _row("reactive_power_fund", "var", "fundamental reactive power Q1, positive when inductive", "window", topic),
        _row("apparent_power", "VA", "effective apparent power Se (IEEE 1459)", "window", topic),
        _row("power_factor", "", "active power divided by effective apparent power", "window", topic, 4),
        _row("frequency", "Hz", "fundamental frequency", "window", topic, 4),
        *(
            _row(f"thd_u_l{n}", "%", f"voltage THD, harmonic subgroups 2 to 40, phase {n}", "window", topic, 3)
            for n in (1, 2, 3)
        ),
        *(
            _row(f"thd_i_l{n}", "%", f"current THD, harmonic subgroups 2 to 40, phase {n}", "window", topic, 3)
            for n in (1, 2, 3)
        ),
        *(
            _row(f"tdd_l{n}", "%", f"total demand distortion of the current, relative to the rated current, phase {n}",
                 "window", topic, 3)
            for n in (1, 2, 3)
        ),
        *(_row(f"k_factor_l{n}", "", f"K factor of the current, phase {n}", "window", topic, 3) for n in (1, 2, 3)),
        _row("voltage_positive_sequence", "V", "positive-sequence component of the fundamental voltage", "window",
             topic),
        _row("voltage_unbalance", "%", "negative- divided by positive-sequence voltage, u2", "window", topic, 3),
        _row("voltage_zero_sequence", "%", "zero- divided by positive-sequence voltage, u0", "window", topic, 3),
        _row("current_unbalance", "%", "negative- divided by positive-sequence current, i2", "window", topic, 3),
        _row("current_zero_sequence", "%", "zero- divided by positive-sequence current, i0", "window", topic, 3),
        _row("windows", "", "measurement windows of about 200 ms in this interval", "window", topic, 0),
        _row("windows_left_out", "", "windows excluded from the means because of a gap or lost synchronization",
             "window", topic, 0),
    )  # fmt: skip


_ANGLE, _LEADS = "angle of the fundamental", "relative to the voltage of phase 1, positive when it leads"
_BANDS = "rms of 35 bands of 200 Hz from 2 to 9 kHz, at sampling rates of 4.9 kS/s and above"


def _harmonics(topic: str) -> tuple[Metric, ...]:
    return (
        *(_row(f"harmonic_u_l{n}", "V", f"rms voltage by harmonic order 0 to 50, phase {n}", "window", topic, 3)
          for n in (1, 2, 3)),
        *(_row(f"harmonic_i_l{n}", "A", f"rms current by harmonic order 0 to 50, phase {n}", "window", topic, 3)
          for n in (1, 2, 3)),
        *(_row(f"band_u_l{n}", "V", f"voltage, {_BANDS}, phase {n}", "window", topic, 3) for n in (1, 2, 3)),
        *(_row(f"band_i_l{n}", "A", f"current, {_BANDS}, phase {n}", "window", topic, 3) for n in (1, 2, 3)),
    )  # fmt: skip


DERIVED: tuple[Metric, ...] = (
    _row("drive_efficiency", "%", "output energy divided by input energy of the drive over the averaging window",
         "estimate", decimals=2),
    _row("motor_efficiency", "%", "shaft energy divided by motor input energy over the averaging window", "estimate",
         decimals=2),
    _row("system_efficiency", "%", "shaft energy divided by electrical input energy of drive and motor over the "
         "averaging window", "estimate", decimals=2),
    _row("drive_losses", "W", "losses of the drive, mean over the averaging window", "estimate", decimals=0),
    _row("motor_losses", "W", "losses of the motor, mean over the averaging window", "estimate", decimals=0),
    _row("motor_input_power", "W", "active power at the motor terminals, mean over the averaging window", "estimate",
         decimals=0, kept=RANGE),
    _row("shaft_power", "W", "mechanical power at the shaft, mean over the averaging window", "estimate", decimals=0),
    _row("shaft_torque", "Nm", "shaft power divided by angular speed", "estimate", decimals=1),
    _row("motor_load", "%", "shaft power divided by rated power", "estimate", decimals=1),
    *(
        _row(f"motor_losses_{part}", "W", f"{words}, mean over the averaging window", "estimate", decimals=0)
        for part, words in (
            ("copper", "losses in the stator winding and rotor cage"), ("core", "core losses"),
            ("mechanical", "friction and windage losses"), ("additional", "additional load losses"),
        )
    ),
    _row("power_direction", "", "1: power flows to the shaft; −1: the motor brakes and returns power", "text"),
    _row("efficiency_basis", "", "source of the losses: measured (methods M7, M9), tested (factory test) or modelled "
         "(nameplate, efficiency class)", "text"),
    _row("efficiency_unavailable_reason", "", "code of the reason why no efficiency is available; empty when one is "
         "available", "code"),
    _row("efficiency_class_observed", "", "efficiency classes that the measured losses and their uncertainty allow, "
         "such as IE4, IE3…IE4 or <IE1; a semicolon separates schemes", "text"),
    _row("meter_wiring", "", "result of the check of the meter's CT and VT connections: ok, unknown, or the fault; | "
         "separates faults that the measurements cannot distinguish", "code"),
    _row("back_emf", "", "voltage at the terminals of a permanent-magnet motor: live or unknown; absence of voltage is "
         "never reported", "text"),
    _row("flux_index", "%", "magnet flux divided by its nameplate value at the same temperature, median over minutes",
         "estimate", decimals=1),
    _row("energy_counted_import", "Wh", "imported energy from the meter register, continued across meter replacements",
         "counter"),
    _row("energy_counted_export", "Wh", "exported energy from the meter register, continued across meter replacements",
         "counter"),
    _row("energy_shaft", "Wh", "energy delivered by the motor to the shaft", "counter"),
    _row("energy_shaft_returned", "Wh", "energy taken from the shaft while the motor brakes", "counter"),
    _row("energy_loss_motor", "Wh", "energy lost in the motor", "counter"),
    _row("energy_loss_drive", "Wh", "energy lost in the drive", "counter"),
    _row("energy_uncounted_s", "", "seconds without shaft energy and losses because the inputs were missing",
         "counter"),
    _row("energy_allocated", "kWh", "share of this motor in the energy of a shared meter, counted while the agent runs",
         "counter", decimals=3),
    *_power_quality("pq3s"),
    *(_row(f"angle_u_l{n}", "deg", f"{_ANGLE} voltage of phase {n}; {_LEADS}", "window", "pq3s", 2) for n in (2, 3)),
    *(_row(f"angle_i_l{n}", "deg", f"{_ANGLE} current of phase {n}; {_LEADS}", "window", "pq3s", 2) for n in (1, 2, 3)),
    *_power_quality("pq10m"),
    *(_row(f"voltage_l{n}n_min", "V", f"lowest 200 ms rms value of the voltage, phase {n}", "window", "pq10m")
      for n in (1, 2, 3)),
    *(_row(f"voltage_l{n}n_max", "V", f"highest 200 ms rms value of the voltage, phase {n}", "window", "pq10m")
      for n in (1, 2, 3)),
    *(_row(f"current_l{n}_max", "A", f"highest 200 ms rms value of the current, phase {n}", "window", "pq10m")
      for n in (1, 2, 3)),
    _row("active_power_max", "W", "highest 200 ms value of the active power", "window", "pq10m"),
    *(_row(f"flicker_plt_l{n}", "", f"long-term flicker severity Plt over the last 2 h, phase {n}", "window", "pq10m",
           3) for n in (1, 2, 3)),
    *(_row(f"flicker_pst_l{n}", "", f"short-term flicker severity Pst over 10 min, phase {n}", "window", "pq10m", 3)
      for n in (1, 2, 3)),
    _row("fundamental", "Hz", "fundamental frequency to which the harmonic orders refer", "window", "harmonics", 4),
    *_harmonics("harmonics"),
    *_harmonics("pq10m"),
    _row("interval_energy", "Wh", "measured energy of the 15 min interval that ends at the message time, auxiliaries "
         "included", "savings", "savings", 1),
    _row("interval_adjusted_baseline", "Wh", "adjusted baseline energy of the same interval; null when it is unknown "
         "or the interval is excluded", "savings", "savings", 1),
    _row("interval_saved", "Wh", "adjusted baseline energy minus measured energy of the same interval; uncertainty at "
         "95 % confidence", "estimate", "savings", 1),
    _row("interval_coverage", "%", "part of the interval with meter data", "savings", "savings", 1),
    _row("savings_period", "", "baseline, commissioning or reporting period", "text", "savings"),
    _row("adjusted_baseline_energy", "Wh", "adjusted baseline energy since the start of the reporting period, excluded "
         "intervals omitted: energy of the old motor system under the present conditions", "savings", "savings", 0),
    _row("measured_energy", "Wh", "measured energy of the same intervals", "savings", "savings", 0),
    _row("saved_energy", "Wh", "adjusted baseline energy minus measured energy since the start of the reporting "
         "period; uncertainty at 95 % confidence", "estimate", "savings", 0),
    _row("saved_share", "%", "saved energy divided by adjusted baseline energy (节电率)", "estimate", "savings", 3),
    _row("savings_control", "Wh", "part of the saved energy due to speed control", "estimate", "savings", 0),
    _row("savings_motor", "Wh", "part of the saved energy due to the motor: losses of the old motor on the same drive "
         "minus losses of the new motor", "estimate", "savings", 0),
    _row("savings_drive", "Wh", "part of the saved energy due to the drive: its losses and auxiliaries, negative",
         "estimate", "savings", 0),
    _row("speed_creep", "Wh", "energy lost because the new motor runs without slip at a higher speed than the old one; "
         "included in savings_control_wh; null when the speed is controlled", "savings", "savings", 0),
    _row("saved_energy_u90", "Wh", "half-width that contains the saved energy with a probability of 90 %", "savings",
         "savings", 0),
    _row("saved_energy_u80", "Wh", "half-width that contains the saved energy with a probability of 80 %", "savings",
         "savings", 0),
    _row("savings_verdict", "", "proven; provisional: above U95, but an assumption is open; not_proven; negative; "
         "undecided: no verdict before a decision", "text", "savings"),
    _row("savings_assumptions", "", "codes of the assumptions of the saving, open ones first; open ones are among the "
         "caveats, too", "code", "savings"),
    _row("savings_caveats", "", "codes of the limitations of the saving, separated by commas", "code", "savings"),
    _row("savings_advice", "", "code of a recommendation that would increase the saving", "code", "savings"),
    _row("savings_coverage", "%", "part of the time since the start of the reporting period with meter data",
         "savings", "savings", 1),
    _row("excluded_energy", "Wh", "measured energy of the intervals that are excluded from the savings: data gaps, "
         "operation outside the baseline range, non-routine events", "savings", "savings", 0),
    _row("nre_open", "", "non-routine events that wait for a decision", "savings", "savings", 0),
    _row("baseline_hash", "", "hash of the frozen baseline", "text", "savings"),
    _row("event_kind", "", "power quality: dip, swell, interruption, rapid_change, inrush; motor: maintenance; meter: "
         "meter_register_reset, meter_register_jump, meter_replaced, ct_ratio_changed, meter_wiring, meter_wiring_ok; "
         "non-routine events: nre_…; gateway: clock_step, config_changed, config_rejected, data_gap, "
         "state_file_corrupt, state_file_missing, state_file_unwritable, client_id_conflict, "
         "certificate_expiring, bus_stopped; alarm", "text", "event"),
    _row("event_state", "", "begin or end; for events that send a message at begin and at end", "text", "event"),
    _row("event_text", "", "English text of the event's reasons, which are in `r`, or the text of an operator", "text",
         "event"),
    _row("event_clock_step", "s", "size of the UTC step, negative for a step back", "event", "event", 3),
    _row("event_rows", "", "clock_step: unsent rows whose time was corrected; data_gap: missing rows, null when their "
         "number is unknown", "event", "event", 0),
    _row("gap_message_type", "", "data_gap: message type of the missing rows; * for all types", "text", "event"),
    _row("event_number", "", "number of a data_gap or of a non-routine event; messages with the same number "
         "describe the same gap or event; of an alarm: seq of its record", "event", "event", 0),
    _row("alarm", "", "alarm: its code, with the bus or device after a hyphen; last level of its topic", "text",
         "event"),
    _row("alarm_state", "", "alarm: state after the change: NORM, UNACK, ACKED, RTNUN, SHLVD, DSUPR or OOSRV", "text",
         "event"),
    _row("alarm_state_before", "", "alarm: state before the change", "text", "event"),
    _row("alarm_change", "", "alarm: raised, raised_higher, returned, acknowledged, shelved, unshelved, "
         "shelving_ended, suppressed, suppression_ended, out_of_service or in_service", "text", "event"),
    _row("alarm_priority", "", "alarm: safety, high, medium or low", "text", "event"),
    _row("alarm_announced", "", "alarm: 1 when the operator is to be notified, else 0", "event", "event", 0),
    _row("alarm_by", "", "alarm: who acknowledged, shelved or unshelved it", "text", "event"),
    _row("event_start_ms", "", "UTC milliseconds of the start of the event; the message time is its end", "event",
         "event"),
    _row("event_duration_s", "", "duration in seconds", "event", "event"),
    _row("event_phases", "", "phases beyond the threshold", "event", "event"),
    _row("event_extreme", "V", "half-cycle rms: lowest of a dip, highest of a swell, largest change of a rapid change",
         "event", "event"),
    _row("event_extreme", "A", "half-cycle rms: highest current of an inrush", "event", "event"),
    _row("event_extreme", "%", "extreme value as a percentage of the reference", "event", "event"),
    _row("event_reference", "V", "declared voltage, or mean voltage of the last minute", "event", "event"),
    _row("event_reference", "A", "rated current", "event", "event"),
    _row("event_steady_change", "%", "rapid_change: difference between the steady voltages before and after", "event",
         "event"),
    _row("event_interruption_s", "", "seconds during which all phases were interrupted", "event", "event"),
    _row("snapshot_start_ms", "", "UTC milliseconds of the first waveform sample", "event", "event"),
    _row("snapshot_rate", "Hz", "sampling rate of the waveform", "event", "event"),
    *(_row(f"snapshot_u_l{n}", "V", f"voltage waveform around the event, phase {n}", "event", "event")
      for n in (1, 2, 3)),
    *(_row(f"snapshot_i_l{n}", "A", f"current waveform around the event, phase {n}", "event", "event")
      for n in (1, 2, 3)),
)  # fmt: skip

HEALTH: tuple[Metric, ...] = (
    _count("uptime_s", "seconds since the start of the agent"),
    _count("polls", "device polls that returned values"),
    _count("polls_failed", "device polls that failed"),
    _count("bus_*_polls", "polls of one bus that returned values (* is the bus name)"),
    _count("bus_*_polls_failed", "polls of one bus that failed"),
    _count("bus_*_late_responses", "responses on one bus discarded because they arrived after the timeout"),
    _count("bus_*_corrupt_responses", "responses on one bus discarded because they were corrupt"),
    _level("bus_*_offline", "", "devices on one bus that do not respond now"),
    _level("bus_*_utilization", "%", "part of the last minute in which one bus was busy with requests and responses",
           1),
    _level("event_loop_lag_p99", "ms", "wake-up delay of the polling event loop, 99th percentile of the last minute",
           1),
    _level("event_loop_lag_max", "ms", "wake-up delay of the polling event loop, maximum of the last minute", 1),
    _level("clock_synchronized", "", "1 while the UTC clock is synchronized, 0 while rows carry CLOCK_UNSYNCHRONIZED"),
    _count("clock_steps", "steps of the UTC clock, forward or back"),
    _level("ledger_signed", "", "1 while the ledger is signed with Ed25519; 0: with HMAC, which has no public key"),
    _level("motors_in_maintenance", "", "motors in maintenance"),
    _count("config_reloads", "configuration changes applied without a restart"),
    _count("config_reloads_rejected", "configuration changes rejected because of errors"),
    _level("cpu", "%", "processor time of the agent over the last minute, 100 % is one core", 1),
    _level("memory", "MB", "resident memory of the agent"),
    _level("disk_free", "MB", "free space on the file system of the state directory"),
    _count("rows_published", "rows whose delivery the broker confirmed"),
    _count("retained_dropped", "retained messages that the broker rejected or that exceed its maximum packet size"),
    _level("spool_rows", "", "rows without confirmation yet"),
    _level("rows_in_memory", "", "rows without confirmation that are in memory only because the state file cannot be "
           "written"),
    _level("spool", "MB", "used size of the state file", 1),
    _level("spool_used", "%", "used size of the state file as a percentage of its quota", 1),
    _level("spool_hours_left", "", "hours until the state file reaches its quota; 0 when it is full, absent while it "
           "does not grow", 1),
    _level("certificate_days", "", "days until the first of the broker and client certificates expires"),
    _count("rows_dropped", "rows dropped since the state file was created; each is announced by a data_gap event"),
    _count("readings_dropped", "readings dropped because the queue of the computing thread was full"),
    _count("sparkplug_connects", "connections of the Sparkplug edge node"),
    _count("sparkplug_rebirths", "births that a host application requested"),
    _count("sparkplug_commands_rejected", "commands rejected because they are invalid or would write"),
    _count("file_rows", "rows written to files"),
    _count("topic_messages", "messages received for signals from MQTT topics"),
    _count("topic_payloads_rejected", "received payloads without a valid value for a signal"),
    _level("topics_silent", "", "signals from MQTT topics without a value in the expected interval"),
    _count("mqtt_connects", "connections to the broker"),
    _level("registers_disabled", "", "registers that are not read until `magwatt commission` has confirmed them"),
    _count("processing_errors", "inputs or rows omitted because of an internal error (bug)"),
    _count("late_responses", "responses discarded because they arrived after the timeout, all buses"),
    _count("corrupt_responses", "responses discarded because they were corrupt, all buses"),
    _count("waveform_drift_ppm", "clock deviation of the waveform sender from this machine, largest of all streams"),
    _count("waveform_samples_lost", "samples missing in waveform streams"),
    _level("waveforms_waiting", "", "waveform streams that are not analysed because the kernels are not compiled yet"),
    _count("waveform_frames_corrupt", "waveform frames dropped because of a wrong checksum"),
)  # fmt: skip


@cache
def by_name(topic: str) -> dict[str, Metric]:
    """The metrics of one message type by name; telemetry includes those of the vocabulary."""
    found = {row.name: row for row in (*DERIVED, *HEALTH) if row.topic == topic}
    if topic == "telemetry":
        for quantity in vocabulary().values():
            if published_name(quantity.name) != quantity.name:
                continue
            name = metric_name(quantity.name, quantity.unit)
            kind = "counter" if quantity.kind == "counter" else "measured"
            about = quantity.about or _about(quantity.name)
            found.setdefault(name, Metric(name, quantity.unit, about, kind, kept=kept_of(quantity)))
    return found


def kept(name: str) -> str:
    """What the history keeps of a metric of the telemetry: RANGE, MEAN or NOTHING; RANGE of a signal."""
    metric = by_name("telemetry").get(name)
    return metric.kept if metric else RANGE


def _about(name: str) -> str:
    """Description from the parts of a name: `thd_i_l1` → "THD current phase 1"."""
    return " ".join(filter(None, (_WORDS.get(word, word) for word in name.split("_"))))


_WORDS = {
    "l1": "phase 1", "l2": "phase 2", "l3": "phase 3", "l1n": "phase 1 to neutral", "l2n": "phase 2 to neutral",
    "l3n": "phase 3 to neutral", "l12": "phases 1 to 2", "l23": "phases 2 to 3", "l31": "phases 3 to 1", "n": "neutral",
    "thd": "THD", "thdn": "THD+N", "u": "voltage", "i": "current", "avg": "mean", "ln": "line to neutral",
    "ll": "line to line", "fund": "fundamental", "max": "maximum", "dc": "DC", "ct": "CT", "vt": "VT", "nm": "",
    "t2": "tariff 2", "kwh": "", "mwh": "", "gwh": "", "percent": "in percent", "100pct": "at 100 %",
}  # fmt: skip


def rounded(metric: Metric, value: float) -> float | int | None:
    """The published value; None for NaN and infinities, which JSON cannot represent."""
    if isinstance(value, int):
        return value
    if not math.isfinite(value):
        return None
    if metric.decimals is not None:
        return round(value) if metric.decimals == 0 else round(value, metric.decimals)
    if metric.kind == "counter":
        return round(value, 3)
    return float(f"{value:.6g}")


def table_markdown() -> str:
    """The generated table of docs/reference/metrics.md."""
    rows = [*by_name("telemetry").values(), *(row for row in (*DERIVED, *HEALTH) if row.topic != "telemetry")]
    lines = (
        f"| `{row.name}` | {row.unit or '–'} | {row.topic} | {row.kind} | {row.kept or '–'} | {row.about or '–'} |\n"
        for row in sorted(rows, key=lambda row: (row.topic, row.kind, row.name))
    )
    return "".join(["| metric | unit | topic | kind | history | meaning |\n", "|---|---|---|---|---|---|\n", *lines])
