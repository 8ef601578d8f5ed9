"""Windows of a recording as objects for JSON and as lines of text."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from agent.analysis.power_quality.event_text import KINDS
from agent.core.text import _
from drivers.recordings.recording import ROLES


def window_object(window: Any, time_s: Any) -> dict[str, Any]:
    """A window with the keys of docs/how-to/replay.md; quantities that are not known are None.

    time_s: converts a sample position into seconds from the start of the file.
    """
    from dsp.stream import Flag

    return {
        "t_s": round(time_s((window.start_index + window.end_index) / 2), 6),
        "n_cycles": window.n_cycles,
        "frequency_hz": number(window.frequency_hz),
        "flags": flag_names(window.flags, Flag),
        "channel_flags": {
            role: flag_names(flag, Flag) for role, flag in zip(ROLES, window.channel_flags, strict=True) if flag
        },
        **{name: numbers(getattr(window, name)) for name in ("u_rms_v", "i_rms_a", "u_dc_v", "i_dc_a", "p_phase_w")},
        **{name: number(getattr(window, name)) for name in ("p_w", "q1_var", "s_va", "pf")},
        **{
            f"{kind}_{unit}": _table(getattr(window, f"{kind}_{unit}"))
            for kind in ("h", "sg", "isg", "g", "band")
            for unit in ("u_v", "i_a")
        },
        **{name: numbers(getattr(window, name)) for name in ("thd_u_pct", "thd_i_pct", "tdd_pct", "k_factor")},
        "crest_u": numbers(window.u_crest),
        "crest_i": numbers(window.i_crest),
        "hvf": numbers(window.hvf),
        "p_h_w": _table(window.p_h_w),
        **{name: number(getattr(window, name)) for name in ("u1_v", "u2_pct", "u0_pct", "i2_pct", "i0_pct")},
        "ieee1459": {name: number(value) for name, value in window.named_1459().items()} or None,
        "ieee1459_phase": [
            {name: number(value) for name, value in window.phase_1459(phase).items()} or None for phase in range(3)
        ],
        "pst": None if np.isnan(window.pst).all() else numbers(window.pst),
        "events": [event_object(event, time_s) for event in window.events],
    }


def event_object(event: Any, time_s: Any) -> dict[str, Any]:
    """An event without its waveform; values of an inrush are in amperes, those of other kinds in volts.

    time_s: converts a sample position into seconds from the start of the file.
    """
    unit = "a" if event.kind.name == "INRUSH" else "v"
    return {
        "kind": event.kind.name.lower(),
        "start_s": round(time_s(event.start_index), 6),
        "end_s": round(time_s(event.end_index), 6),
        "duration_s": round(event.duration_s, 6),
        "phases": list(event.phases),
        f"extreme_{unit}": number(event.extreme),
        "extreme_pct": number(event.extreme_pct),
        f"reference_{unit}": number(event.reference),
        "steady_change_pct": number(event.steady_change_pct),
        "interruption_s": round(event.interruption_s, 6),
        "gap": event.gap,
    }


def format_event(event: dict[str, Any]) -> str:
    """One line of text for an object of `event_object`."""
    unit = "A" if "extreme_a" in event else "V"
    parts = [
        _(
            "{kind:word} at {start_s:.3f} s for {duration_s:.3f} s, {n:phase|phases} {phases}: {extreme:.5g} {unit}, "
            "{extreme_pct:.1f} % of {reference:.5g} {unit}",
            kind=KINDS[event["kind"]],
            start_s=event["start_s"],
            duration_s=event["duration_s"],
            n=len(event["phases"]),
            phases=tuple(map(str, event["phases"])),
            extreme=event[f"extreme_{unit.lower()}"],
            extreme_pct=event["extreme_pct"],
            reference=event[f"reference_{unit.lower()}"],
            unit=unit,
        )
    ]
    if event["steady_change_pct"] is not None:
        parts.append(_("steady-state change {change_pct:.2f} %", change_pct=event["steady_change_pct"]))
    if event["interruption_s"]:
        parts.append(_("all phases interrupted for {interruption_s:.3f} s", interruption_s=event["interruption_s"]))
    if event["gap"]:
        parts.append(_("samples are missing in the event, or its end was not recorded"))
    return _("; ").join(parts)


def headings() -> str:
    """The headings of the columns of `format_row`."""
    head = (f"{'t s':>8} {'n':>3} {'f Hz':>9} {'U1 V':>9} {'U2 V':>9} {'U3 V':>9} {'I1 A':>9} {'I2 A':>9} {'I3 A':>9} "
            f"{'P W':>11} {'PF':>6} {'THD-U %':>8} {'THD-I %':>8} {'u2 %':>6}")  # fmt: skip
    return f"{head}  " + _("flags")


def format_row(row: dict[str, Any]) -> str:
    """A window as one line of text."""
    numbers = [
        format_number(row["frequency_hz"], 9, 4),
        *(format_number(value, 9, 5, "g") for value in (*row["u_rms_v"], *row["i_rms_a"])),
        format_number(row["p_w"], 11, 6, "g"),
        format_number(row["pf"], 6, 3),
        format_number(_first(row["thd_u_pct"]), 8, 2),
        format_number(_first(row["thd_i_pct"]), 8, 2),
        format_number(row["u2_pct"], 6, 2),
    ]
    return f"{row['t_s']:8.3f} {row['n_cycles']:3d} {' '.join(numbers)}  {' '.join(row['flags'])}".rstrip()


def format_number(value: float | None, width: int, digits: int, kind: str = "f") -> str:
    """A number, right-aligned, large numbers without an exponent; None as –."""
    if value is None:
        return f"{'–':>{width}}"
    if kind == "g" and abs(value) >= 10**digits:
        return f"{value:{width}.0f}"
    return f"{value:{width}.{digits}{kind}}"


def _first(values: list[float | None]) -> float | None:
    return next((value for value in values if value is not None), None)


def flag_names(flags: int, kind: Any) -> list[str]:
    """The names of the flags of an enumeration that are set."""
    return [flag.name for flag in kind if flag and flag & flags]


def number(value: float) -> float | None:
    """A number for JSON with nine digits; None for NaN and infinity."""
    value = float(value)
    return float(f"{value:.9g}") if math.isfinite(value) else None


def numbers(values: Iterable[float]) -> list[float | None]:
    return [number(value) for value in values]


def _table(values: np.ndarray) -> list[list[float | None]]:
    return [numbers(row) for row in values]
