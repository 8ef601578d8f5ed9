"""THE table of metrics: name, unit, meaning, decimals, kind. docs/metrics.md is made from it.

Measured metrics are the vocabulary's quantities under `metric_name`. Derived ones are rows of DERIVED: adding one is a
row here and a function that fills it in agent/estimate or agent/waves. Topics, `meta` and the docs follow.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from drivers.vocabulary import metric_name, vocabulary


@dataclass(frozen=True, slots=True)
class Metric:
    """One published number or word.

    kind: measured | estimate (has U and a method) | text | window (from the waveform) | counter | event | savings.
    """

    name: str  # with its unit as suffix
    unit: str
    about: str
    kind: str
    topic: str = "telemetry"
    decimals: int | None = None  # None: six significant digits


def _row(name: str, unit: str, about: str, kind: str, topic: str = "telemetry", decimals: int | None = None) -> Metric:
    return Metric(metric_name(name, unit), unit, about, kind, topic, decimals)


def _count(name: str, about: str) -> Metric:
    """Of the agent itself, counted since it started if nothing else is said."""
    return _row(name, "", about, "counter", "health", 0)


def _level(name: str, unit: str, about: str, decimals: int = 0) -> Metric:
    """Of the agent itself: how it stands now."""
    return _row(name, unit, about, "measured", "health", decimals)


def _power_quality(topic: str) -> tuple[Metric, ...]:
    """What pq3s and pq10m have in common."""
    return (
        *(_row(f"voltage_l{n}n", "V", f"rms of phase {n} from the waveform", "window", topic) for n in (1, 2, 3)),
        *(_row(f"current_l{n}", "A", f"rms of phase {n} from the waveform", "window", topic) for n in (1, 2, 3)),
        _row("active_power", "W", "active power from the waveform, all harmonics", "window", topic),
        _row("reactive_power_fund", "var", "fundamental reactive power Q1, positive inductive", "window", topic),
        _row("apparent_power", "VA", "effective apparent power (IEEE 1459)", "window", topic),
        _row("power_factor", "", "active over apparent power", "window", topic, 4),
        _row("frequency", "Hz", "fundamental frequency", "window", topic, 4),
        *(_row(f"thd_u_l{n}", "%", f"voltage THD, subgroups to 40, phase {n}", "window", topic, 3) for n in (1, 2, 3)),
        *(_row(f"thd_i_l{n}", "%", f"current THD, subgroups to 40, phase {n}", "window", topic, 3) for n in (1, 2, 3)),
        *(
            _row(f"tdd_l{n}", "%", f"current TDD of the rated current, phase {n}", "window", topic, 3)
            for n in (1, 2, 3)
        ),
        *(_row(f"k_factor_l{n}", "", f"K factor of the current, phase {n}", "window", topic, 3) for n in (1, 2, 3)),
        _row("voltage_positive_sequence", "V", "positive-sequence fundamental voltage", "window", topic),
        _row("voltage_unbalance", "%", "negative- over positive-sequence voltage, u2", "window", topic, 3),
        _row("voltage_zero_sequence", "%", "zero- over positive-sequence voltage, u0", "window", topic, 3),
        _row("current_unbalance", "%", "negative- over positive-sequence current, i2", "window", topic, 3),
        _row("current_zero_sequence", "%", "zero- over positive-sequence current, i0", "window", topic, 3),
        _row("windows", "", "windows of about 200 ms in this interval", "window", topic, 0),
        _row("windows_left_out", "", "of these, left out of the means (gap, no synchronisation)", "window", topic, 0),
    )


_BANDS = "rms of 35 bands of 200 Hz, 2 to 9 kHz, from 4.9 kS/s up"


def _harmonics(topic: str) -> tuple[Metric, ...]:
    return (
        *(_row(f"harmonic_u_l{n}", "V", f"rms by order 0…50, phase {n}", "window", topic, 3) for n in (1, 2, 3)),
        *(_row(f"harmonic_i_l{n}", "A", f"rms by order 0…50, phase {n}", "window", topic, 3) for n in (1, 2, 3)),
        *(_row(f"band_u_l{n}", "V", f"{_BANDS}, phase {n}", "window", topic, 3) for n in (1, 2, 3)),
        *(_row(f"band_i_l{n}", "A", f"{_BANDS}, phase {n}", "window", topic, 3) for n in (1, 2, 3)),
    )


DERIVED: tuple[Metric, ...] = (
    _row("drive_efficiency", "%", "drive output over drive input, energies over the window", "estimate", decimals=2),
    _row("motor_efficiency", "%", "shaft over motor terminals, energies over the window", "estimate", decimals=2),
    _row("system_efficiency", "%", "shaft over electrical input of drive and motor", "estimate", decimals=2),
    _row("drive_losses", "W", "losses of the drive, mean over the window", "estimate", decimals=0),
    _row("motor_losses", "W", "losses of the motor, mean over the window", "estimate", decimals=0),
    _row("motor_input_power", "W", "power at the motor's terminals, mean over the window", "estimate", decimals=0),
    _row("shaft_power", "W", "mechanical power at the shaft, mean over the window", "estimate", decimals=0),
    _row("shaft_torque", "Nm", "shaft power over speed", "estimate", decimals=1),
    _row("motor_load", "%", "shaft power over rated power", "estimate", decimals=1),
    *(
        _row(f"motor_losses_{part}", "W", f"{words}, mean over the window", "estimate", decimals=0)
        for part, words in (
            ("copper", "losses in the windings (and the cage)"), ("core", "core losses"),
            ("mechanical", "friction and fan losses"), ("additional", "stray load losses"),
        )
    ),
    _row("power_direction", "", "1: towards the shaft, −1: the motor brakes and gives back", "text"),
    _row("efficiency_basis", "", "measured (M7, M9), tested (factory losses) or modelled (nameplate, class)", "text"),
    _row("efficiency_unavailable_reason", "", "code of the reason why there is no efficiency; empty when there is one",
         "text"),
    _row("observed_class", "", "efficiency classes that measured losses are consistent with", "text"),
    _row("meter_wiring", "", "ok, unknown, or what is wrong with the meter's transformers; | between what looks alike",
         "text"),
    _row("back_emf", "", "of a magnet motor's terminals: live or unknown, never that there is none", "text"),
    _row("flux_index", "%", "magnet flux over the nameplate's at the same temperature, median of minutes", "estimate",
         decimals=1),
    _row("energy_counted_import", "Wh", "energy taken, by the meter's own register, across its exchanges", "counter"),
    _row("energy_counted_export", "Wh", "energy given back, by the meter's own register", "counter"),
    _row("energy_shaft", "Wh", "energy delivered at the shaft", "counter"),
    _row("energy_shaft_returned", "Wh", "energy taken from the shaft while braking", "counter"),
    _row("energy_loss_motor", "Wh", "energy lost in the motor", "counter"),
    _row("energy_loss_drive", "Wh", "energy lost in the drive", "counter"),
    _row("energy_gap_s", "", "seconds that no shaft energy or losses could be counted for", "counter"),
    _row("energy_allocated", "kWh", "this motor's part of a shared meter while the agent ran", "counter", decimals=3),
    *_power_quality("pq3s"),
    *_power_quality("pq10m"),
    *(_row(f"voltage_l{n}n_min", "V", f"least 200 ms value, phase {n}", "window", "pq10m") for n in (1, 2, 3)),
    *(_row(f"voltage_l{n}n_max", "V", f"largest 200 ms value, phase {n}", "window", "pq10m") for n in (1, 2, 3)),
    *(_row(f"current_l{n}_max", "A", f"largest 200 ms value, phase {n}", "window", "pq10m") for n in (1, 2, 3)),
    _row("active_power_max", "W", "largest 200 ms value", "window", "pq10m"),
    *(_row(f"flicker_plt_l{n}", "", f"long-term flicker of the last 2 h, phase {n}", "window", "pq10m", 3)
      for n in (1, 2, 3)),
    *(_row(f"flicker_pst_l{n}", "", f"short-term flicker, phase {n}", "window", "pq10m", 3) for n in (1, 2, 3)),
    _row("fundamental", "Hz", "fundamental frequency that the orders refer to", "window", "harmonics", 4),
    *_harmonics("harmonics"),
    *_harmonics("pq10m"),
    _row("interval_energy", "Wh", "used in the quarter hour that ends here, with auxiliaries", "savings", "savings", 1),
    _row("interval_baseline", "Wh", "what the old plant would have used in it; null where not known or not "
         "claimed", "savings", "savings", 1),
    _row("interval_saved", "Wh", "the difference of both", "savings", "savings", 1),
    _row("interval_coverage", "%", "of the quarter hour in which the meter was heard", "savings", "savings", 1),
    _row("savings_phase", "", "baseline, commissioning or reporting", "text", "savings"),
    _row("baseline_energy", "Wh", "what the old plant would have used since reporting began, where it is claimed",
         "savings", "savings", 0),
    _row("used_energy", "Wh", "what was used in the same time", "savings", "savings", 0),
    _row("saved_energy", "Wh", "the difference since reporting began; U covers 95 %", "estimate", "savings", 0),
    _row("saved_share", "%", "saved over the old plant's energy (节电率)", "estimate", "savings", 3),
    _row("saved_by_control", "Wh", "of it by speed control", "estimate", "savings", 0),
    _row("saved_by_motor", "Wh", "of it by the motor: the old one on the same drive against the new one", "estimate",
         "savings", 0),
    _row("saved_by_drive", "Wh", "of it by the drive, which costs", "estimate", "savings", 0),
    _row("speed_creep", "Wh", "lost inside control for want of slip; null where the speed is controlled",
         "savings", "savings", 0),
    _row("savings_verdict", "", "proven, not yet proven, negative", "text", "savings"),
    _row("savings_reason", "", "what speaks against it", "text", "savings"),
    _row("savings_advice", "", "what would save more", "text", "savings"),
    _row("savings_coverage", "%", "of the time since reporting began, with the meter heard", "savings", "savings",
         1),
    _row("unclaimed_energy", "Wh", "used while nothing is claimed: gaps, beyond the baseline, events", "savings",
         "savings", 0),
    _row("savings_events_open", "", "events that wait for a person's decision", "savings", "savings", 0),
    _row("baseline_hash", "", "of the frozen baseline", "text", "savings"),
    _row("event_kind", "", "dip, swell, interruption, rapid_change, inrush; hold; meter_reset, meter_jump, "
         "meter_exchanged, ct_ratio_changed, meter_wiring, meter_wiring_ok; savings_… of what was no routine; "
         "clock_step, config_changed, config_refused, data_gap, state_damaged, state_in_memory, client_id_taken, "
         "certificate_ends of the gateway itself", "event", "event"),
    _row("event_state", "", "begin or end, where a message tells each", "event", "event"),
    _row("event_text", "", "what happened, or an operator's reason, in words", "event", "event"),
    _row("event_clock_step", "s", "by how much UTC was put forward, or back (negative)", "event", "event", 3),
    _row("event_rows", "", "clock_step: rows that were not sent yet and got the new time; data_gap: rows that are "
         "missing, null when nobody can know", "event", "event", 0),
    _row("event_of", "", "kind of the rows that a data_gap lacks; * for all", "event", "event"),
    _row("event_number", "", "of a data_gap: the same number is the same gap", "event", "event", 0),
    _row("event_start_ms", "", "UTC of its begin; the message's time is its end", "event", "event"),
    _row("event_duration_s", "", "seconds", "event", "event"),
    _row("event_phases", "", "phases that were beyond the threshold", "event", "event"),
    _row("event_extreme", "V", "half-cycle rms: least of a dip, largest of a swell, largest change", "event", "event"),
    _row("event_extreme", "A", "half-cycle rms: largest of an inrush", "event", "event"),
    _row("event_extreme", "%", "the same in percent of the reference", "event", "event"),
    _row("event_reference", "V", "declared voltage, or that of the last minute", "event", "event"),
    _row("event_reference", "A", "rated current", "event", "event"),
    _row("event_steady_change", "%", "of a rapid change, from before to after", "event", "event"),
    _row("event_interruption_s", "", "how long all phases were interrupted", "event", "event"),
    _row("snapshot_start_ms", "", "UTC of the snapshot's first point", "event", "event"),
    _row("snapshot_rate", "Hz", "points per second", "event", "event"),
    *(_row(f"snapshot_u_l{n}", "V", f"waveform around the event, phase {n}", "event", "event") for n in (1, 2, 3)),
    *(_row(f"snapshot_i_l{n}", "A", f"waveform around the event, phase {n}", "event", "event") for n in (1, 2, 3)),
)  # fmt: skip

HEALTH: tuple[Metric, ...] = (
    _count("uptime_s", "seconds since the agent started"),
    _count("polls", "device polls that brought values"),
    _count("polls_failed", "device polls that did not"),
    _count("bus_*_polls", "the same for each bus (* is its name)"),
    _count("bus_*_polls_failed", "the same for each bus"),
    _count("bus_*_late_answers", "the same for each bus"),
    _count("bus_*_damaged_answers", "the same for each bus"),
    _level("bus_*_offline", "", "devices on this bus that do not answer now"),
    _level("bus_*_busy", "%", "part of the last minute in which this bus was asking", 1),
    _level("loop_late_p99", "ms", "how late the polling loop woke, 99th percentile of the last minute", 1),
    _level("loop_late_max", "ms", "the same, the worst of the last minute", 1),
    _level("clock_sure", "", "1 while UTC can be relied on, 0 while rows carry CLOCK_UNSURE"),
    _count("clock_steps", "times the clock was put forward or back"),
    _level("on_hold", "", "motors under maintenance"),
    _count("reloads", "changes of the configuration taken over while running"),
    _count("reloads_refused", "changes of the configuration that could not be used"),
    _level("cpu", "%", "processor time of the agent over the last minute, of one core", 1),
    _level("memory", "MB", "memory that the agent holds (resident set)", 1),
    _level("disk_free", "MB", "free where the state is kept"),
    _count("published", "rows that the broker confirmed"),
    _level("spool_rows", "", "rows that are not confirmed yet"),
    _level("unsaved_rows", "", "of these, in memory only: the state file cannot be written"),
    _level("spool", "MB", "used of the state file", 1),
    _level("spool_full", "%", "used of its quota", 1),
    _level("hours_until_full", "", "hours until the quota is reached, while the spool grows", 1),
    _level("certificate_days", "", "days until the broker's or our certificate ends"),
    _count("dropped", "rows given up since the state file was made; each was announced as a data_gap"),
    _count("queue_dropped", "readings lost because the computing thread was behind"),
    _count("sparkplug_connects", "connections of the Sparkplug node since the start"),
    _count("sparkplug_rebirths", "births that a host asked for"),
    _count("sparkplug_commands_refused", "commands that could not be understood, or would write"),
    _count("file_rows", "rows written into files since the start"),
    _count("topic_messages", "messages that came for signals from topics"),
    _count("topic_payloads_refused", "of these, payloads that held no value for a signal"),
    _level("topics_silent", "", "signals from topics that are missing now: nothing came in time"),
    _count("mqtt_connects", "connections to the broker since the start"),
    _count("computing_failures", "inputs or rows left out because of a mistake of ours"),
    _count("late_answers", "answers thrown away because they came after their time"),
    _count("damaged_answers", "answers thrown away because they came broken"),
    _count("waveform_drift_ppm", "the sender's clock against ours, the worst stream"),
    _count("waveform_samples_lost", "samples missing in waveform streams"),
    _count("waveform_frames_damaged", "waveform frames dropped for a wrong checksum"),
)  # fmt: skip


@cache
def by_name(topic: str) -> dict[str, Metric]:
    """The metrics of one topic kind, the vocabulary's included in telemetry."""
    found = {row.name: row for row in (*DERIVED, *HEALTH) if row.topic == topic}
    if topic == "telemetry":
        for quantity in vocabulary().values():
            name = metric_name(quantity.name, quantity.unit)
            kind = "counter" if quantity.kind == "counter" else "measured"
            found.setdefault(name, Metric(name, quantity.unit, quantity.about or _about(quantity.name), kind))
    return found


def _about(name: str) -> str:
    """`thd_i_l1` → "THD of the current, phase 1", from the words that a name is made of."""
    words = [_WORDS.get(word, word) for word in name.split("_")]
    return " ".join(word for word in words if word)


_WORDS = {
    "l1": "phase 1", "l2": "phase 2", "l3": "phase 3", "l1n": "phase 1 to neutral", "l2n": "phase 2 to neutral",
    "l3n": "phase 3 to neutral", "l12": "phases 1 to 2", "l23": "phases 2 to 3", "l31": "phases 3 to 1", "n": "neutral",
    "thd": "THD", "thdn": "THD+N", "u": "voltage", "i": "current", "avg": "mean", "ln": "line to neutral",
    "ll": "line to line", "fund": "fundamental", "max": "maximum", "dc": "DC", "ct": "CT", "vt": "VT", "nm": "",
    "t2": "tariff 2", "kwh": "", "mwh": "", "gwh": "", "percent": "in percent", "100pct": "at 100 %",
}  # fmt: skip


def rounded(metric: Metric, value: float) -> float | int | None:
    """The value as it is published; None for NaN and infinities, which JSON does not have."""
    if isinstance(value, int):
        return value
    if not math.isfinite(value):
        return None
    if metric.decimals is not None:
        return round(value) if metric.decimals == 0 else round(value, metric.decimals)
    if metric.kind == "counter":
        return round(value, 3)
    return float(f"{value:.6g}")


def rounded_all(metric: Metric, values: Iterable[float]) -> list[float | int | None]:
    return [rounded(metric, value) for value in values]


def table_markdown() -> str:
    """The table of docs/metrics.md."""
    lines = ["| metric | unit | topic | kind | meaning |", "|---|---|---|---|---|"]
    rows = [*by_name("telemetry").values(), *(row for row in (*DERIVED, *HEALTH) if row.topic != "telemetry")]
    for row in sorted(rows, key=lambda row: (row.topic, row.kind, row.name)):
        lines.append(f"| `{row.name}` | {row.unit or '–'} | {row.topic} | {row.kind} | {row.about or '–'} |")
    return "\n".join(lines) + "\n"
