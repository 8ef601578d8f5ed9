"""The panels of the picture of a window; axes are those of matplotlib."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from agent.analysis.recordings.limits import PULSES_PCT, MeasurementPoint, limits_of, not_mains
from agent.analysis.recordings.reader import RecordingSource
from agent.analysis.recordings.summary import rest_pct
from agent.core.text import N_, _

# blue, vermilion, green of Okabe and Ito: distinguishable with colour vision deficiency
COLOURS = ("#0072B2", "#D55E00", "#009E73")
_LIMIT_COLOURS = ("#000000", "#CC79A7", "#7A5C00", "#56B4E9")
_LIMIT_STYLES = ("-", (0, (4, 1)), (0, (1, 1)), "-.")
MONOSPACED = ["DejaVu Sans Mono", "Noto Sans Mono CJK SC", "WenQuanYi Micro Hei Mono", "SimHei"]
_CYCLES = 3
_TABLE_LINES = 20  # that fit into the panel of the table
_SMALL = 1e-2  # of the fundamental: minimum upper end of an axis, so that noise does not look like harmonics


def waves(axes: Any, source: RecordingSource, window: Any, kind: str, last: bool) -> None:
    """The measured samples of the first cycles of a window, or of the complete window if it contains an event.

    kind: "u" or "i". last: the lowest panel has the label of the time axis.
    """
    from dsp.stream import Flag

    begin = source.first + math.ceil(window.start_index)
    count = math.floor(window.end_index) - math.ceil(window.start_index)
    pulses = _pulses(window)
    cycles = 1 if pulses else _CYCLES
    if window.n_cycles > cycles and not window.flags & Flag.EVENT:
        count = count * cycles // window.n_cycles
    count = min(count, source.last - begin)
    t_ms = 1e3 * (begin - source.first - window.start_index + np.arange(count)) / source.rate_hz
    factor, prefix = scaled(window.u_rms_v if kind == "u" else window.i_rms_a)
    two_wattmeter = source.settings.wiring == "3P3W-2" and kind == "u"
    for phase, label in enumerate(("u12", "", "u32") if two_wattmeter else (f"{kind}1", f"{kind}2", f"{kind}3")):
        row = phase if kind == "u" else 3 + phase
        if label and source.recording.present[row]:
            samples = source.recording.samples[row, begin : begin + count]
            axes.plot(t_ms, samples / factor, color=COLOURS[phase], linewidth=0.7 if pulses and kind == "u" else 1.3,
                      label=label)  # fmt: skip
    axes.axhline(0, color="#888888", linewidth=0.8)
    axes.margins(x=0)
    axes.set(title=_("Voltages") if kind == "u" else _("Currents"), ylabel=f"{prefix}{'V' if kind == 'u' else 'A'}")
    axes.legend(loc="lower right", bbox_to_anchor=(1.0, 0.98), ncols=3, fontsize=9, columnspacing=1.2)
    if last:
        axes.set_xlabel(_("ms from {start_s:.4f} s", start_s=source.time_s(window.start_index)))
    else:
        axes.tick_params(labelbottom=False)


def scaled(values: Any) -> tuple[float, str]:
    """Divisor of a value or of an array, and the prefix of its unit."""
    largest = float(np.nanmax(values)) if np.isfinite(values).any() else 0.0
    return (1e3, "k") if largest >= 2000.0 else (1e-3, "m") if 0.0 < largest < 0.1 else (1.0, "")


def _table(window: Any, kind: str) -> tuple[Any, str]:
    """Subgroups, or components if a window is too short for subgroups; with the name to be translated."""
    tail = "u_v" if kind == "u" else "i_a"
    groups = getattr(window, f"sg_{tail}")
    if np.isfinite(groups[:, 1:]).any():
        return groups, N_("subgroups")
    return getattr(window, f"h_{tail}"), N_("components")


def spectrum(axes: Any, window: Any, kind: str, place: MeasurementPoint | None) -> None:
    """Orders from 2; voltages in percent of the reference of the limits or of the fundamental, currents in amperes."""
    values, what = _table(window, kind)
    axes.set_title(_("Voltage harmonics") if kind == "u" else _("Current harmonics"))
    axes.grid(visible=False, axis="x")
    if not np.isfinite(values[:, 2:]).any():
        axes.set(xticks=[], yticks=[])
        missing = _("no harmonics: samples are missing") if window.n_cycles else _("no harmonics: no fundamental")
        axes.text(0.5, 0.5, missing, transform=axes.transAxes, ha="center", color="#666666")
        return
    least = _SMALL * float(np.nanmax(values[:, 1])) or 1.0
    if kind == "u":
        factor, least = 1.0, 100.0 * _SMALL
        values, unit = _percent(values, place)
    else:
        factor, prefix = scaled(np.append(values[:, 2:].ravel(), least))
        least, unit = least / factor, f"{prefix}A"
    finite = np.isfinite(values[:, 2:])
    orders = np.arange(2, values.shape[1])
    top = int(orders[finite.any(axis=0)].max())
    phases = np.flatnonzero(finite.any(axis=1))
    width = 0.81 / max(len(phases), 2)
    for k, phase in enumerate(phases):
        at = orders + width * (k - (len(phases) - 1) / 2)
        axes.bar(at, np.nan_to_num(values[phase, 2:]) / factor, width, color=COLOURS[phase])
    highest = np.nanmax(np.nan_to_num(values), axis=0) / factor
    most = float(highest[2:].max())
    exceeded: set[int] = set()
    reason = not_mains(window.frequency_hz, _pulses(window))
    for number, label, limits in _limits(window, kind, place) if place and not reason else ():
        for k, (order, high) in enumerate(sorted(limits.items())):
            axes.hlines(
                high / factor, order - 0.48, order + 0.48, color=_LIMIT_COLOURS[number % 4], linewidth=1.6,
                linestyles=_LIMIT_STYLES[number % 4], label=None if k else label,
            )  # fmt: skip
            most = max(most, high / factor) if order <= top else most
            if highest[order] > high / factor:
                exceeded.add(order)
    if exceeded:
        at = np.array(sorted(exceeded))
        axes.plot(at, highest[at] + 0.05 * most, "v", color="black", markersize=6, label=_("above a limit"))
    axes.tick_params(axis="x", labelsize=9)
    axes.set(
        xlim=(1.3, max(top, 10) + 0.7), ylim=(0, 1.12 * max(most, least)), xticks=range(3, max(top, 10) + 1, 2),
        xlabel=_("order (of {frequency_hz:.4g} Hz)", frequency_hz=window.frequency_hz), ylabel=f"{unit}, {_(what)}",
    )  # fmt: skip
    if place and reason:
        axes.text(1.0, 1.03, _("no limits: {reason}", reason=reason), transform=axes.transAxes, ha="right", fontsize=9,
                  color="#666666")  # fmt: skip
    if axes.get_legend_handles_labels()[0]:  # of limits; the legend of the phases is in the panel of the waveforms
        axes.legend(loc="lower right", bbox_to_anchor=(1.0, 0.98), ncols=5, fontsize=9, columnspacing=1.2)


def _percent(values: Any, place: MeasurementPoint | None) -> tuple[Any, str]:
    if place:
        return 100.0 * values / place.reference_v, _("% of {reference_v:.5g} V", reference_v=place.reference_v)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(values[:, 1:2] > 0.0, 100.0 * values / values[:, 1:2], np.nan), _("% of fundamental")


def _pulses(window: Any) -> float:
    """Other components than the fundamental, in percent of it, if they are above the maximum of mains; else 0."""
    rest = rest_pct(window)
    worst = float(np.nanmax(rest)) if np.isfinite(rest).any() else 0.0
    return worst if worst > PULSES_PCT else 0.0


def _limits(window: Any, kind: str, place: MeasurementPoint) -> Iterator[tuple[int, str, dict[int, float]]]:
    """The strictest limit of each order, by standard: V in %, currents in A; nothing at a drive's output."""
    for number, standard in enumerate(place.standards):
        strict: dict[int, float] = {}
        label = ""
        for limit in limits_of(standard, place, window.frequency_hz):
            if limit.quantity == f"h_{kind}":
                share = (place.demand_a or math.nan) / 100.0 if limit.unit == "% of IL" else 1.0
                strict[limit.order] = min(share * limit.high, strict.get(limit.order, math.inf))
                label = f"{limit.standard} [{limit.mark}]"
        if strict:
            yield number, label, strict


def figures(axes: Any, window: Any) -> None:
    """The table of values. Each cell is a separate text, since Chinese letters are not two cells wide in every font."""
    axes.axis("off")
    axes.set(xlim=(0, 1), ylim=(0, 1))
    angles = _angles(window)
    rows: list[tuple[str, Any, str]] = [
        ("U V", window.u_rms_v, ".5g"),
        ("I A", window.i_rms_a, ".5g"),
        ("∠U1 °", angles[0], ".2f"),
        ("∠I1 °", angles[1], ".2f"),
        ("THD-U %", window.thd_u_pct, ".2f"),
        ("THD-I %", window.thd_i_pct, ".2f"),
        ("TDD %", window.tdd_pct, ".2f"),
        (_("crest U"), window.u_crest, ".3f"),
        (_("crest I"), window.i_crest, ".3f"),
        (_("K factor"), window.k_factor, ".3f"),
        ("", [], ""),
        *((label, [value], form) for label, value, form in _totals(window)),
    ]
    lines = [("", ["1", "2", "3"])]
    for label, values, form in rows:
        if not label or np.isfinite(values).any():
            lines.append((label, [format(float(x), form) if np.isfinite(x) else "–" for x in values]))
    for line, (label, cells) in enumerate(lines):
        y = 1.0 - line / max(len(lines), _TABLE_LINES)
        axes.text(0.0, y, label, fontsize=10, va="top")
        for column, cell in enumerate(cells):
            axes.text(0.46 + 0.26 * column, y, cell, family=MONOSPACED, fontsize=10, va="top", ha="right")


def _totals(window: Any) -> Iterator[tuple[str, float, str]]:
    yield from _powers(window)
    yield "PF", window.pf, ".4f"
    yield "u2 %", window.u2_pct, ".2f"
    yield "u0 %", window.u0_pct, ".2f"
    yield "i2 %", window.i2_pct, ".2f"


def _powers(window: Any) -> Iterator[tuple[str, float, str]]:
    factor, prefix = (1e6, "M") if window.s_va >= 10e6 else (1e3, "k") if window.s_va >= 10e3 else (1.0, "")
    for label, unit, value in (("P", "W", window.p_w), ("Q1", "var", window.q1_var), ("S", "VA", window.s_va)):
        yield f"{label} {prefix}{unit}", value / factor, ".5g"


def _angles(window: Any) -> tuple[Any, Any]:
    """Phase angles of the voltages and currents relative to the first fundamental, degrees; NaN without one."""
    both = np.concatenate((window.phasor_u_v, window.phasor_i_a))
    finite = both[np.isfinite(both) & (np.abs(both) > 0.0)]
    angles = np.round(np.degrees(np.angle(both / finite[0])), 2) + 0.0 if len(finite) else np.full(6, np.nan)
    return angles[:3], angles[3:]
