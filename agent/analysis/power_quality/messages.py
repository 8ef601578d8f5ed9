"""Values of pq3s, harmonics and pq10m from measurement windows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from agent.core.metrics import by_name, rounded
from drivers.reading import Waveform
from drivers.recordings.recording import ROLES
from dsp.aggregate import AggregationInterval, columns
from dsp.phasor_angles import mean_angles_deg
from dsp.results import Flag
from dsp.window import Window


def pq3s_values(windows: Sequence[Window], all_phases: bool = True) -> dict[str, Any]:
    """3 s values: root mean squares (IEC 61000-4-30, 4.5 [M]); arithmetic means of powers and frequency; angles of the
    mean phasors.

    all_phases: whether all three phases are measured; otherwise totals are None.
    """
    values: dict[str, Any] = {name: _aggregate(windows, *source) for name, source in _PQ3S.items()}
    phasors = np.array([(*window.phasor_u_v, *window.phasor_i_a) for window in windows], dtype=np.complex128)
    values |= dict(zip(_ANGLES, mean_angles_deg(phasors)[1:].tolist(), strict=True))
    return values if all_phases else values | dict.fromkeys(_TOTALS)


def unknown_pq3s_values() -> dict[str, Any]:
    return dict.fromkeys((*_PQ3S, *_ANGLES))


def harmonics_values(windows: Sequence[Window]) -> dict[str, Any]:
    """Harmonics and bands of each phase.

    Subgroups of orders 0 to 50; components where a window has fewer than three cycles. Bands from 2 to 9 kHz as far as
    the sampling rate allows.
    """
    values: dict[str, Any] = {"fundamental_hz": round(float(np.mean([window.frequency_hz for window in windows])), 4)}
    few = any(Flag.FEW_CYCLES in window.flags for window in windows)
    for letter, unit in (("u", "v"), ("i", "a")):
        field = f"{'h' if few else 'sg'}_{letter}_{unit}"
        mean = np.sqrt(np.mean([getattr(window, field) ** 2 for window in windows], axis=0))
        values |= _by_phase("harmonics", f"harmonic_{letter}", unit, mean)
        bands = np.sqrt(np.mean([getattr(window, f"band_{letter}_{unit}") ** 2 for window in windows], axis=0))
        values |= _by_phase("harmonics", f"band_{letter}", unit, bands)
    return values


def pq10m_values(interval: AggregationInterval, all_phases: bool = True) -> dict[str, Any]:
    """10 min values with the minimum and maximum of their windows; None for values that were not measured."""
    at = columns()
    values: dict[str, Any] = {}
    for name, (field, phase, _) in _PQ3S.items():
        source = _COLUMN.get(field, (field, 0))
        if source is not None:
            values[name] = float(interval.values[at[source[0]]][phase or source[1]])
    values["power_factor"] = float(values["active_power_w"]) / float(values["apparent_power_va"] or np.nan)
    for n in range(3):
        for kind, row in (("min", interval.low), ("max", interval.high)):
            values[f"voltage_l{n + 1}n_{kind}_v"] = float(row[at["u_rms_v"]][n])
        values[f"current_l{n + 1}_max_a"] = float(interval.high[at["i_rms_a"]][n])
    values["active_power_max_w"] = float(interval.high[at["p_w"]][0])
    if not all_phases:
        values |= dict.fromkeys((*_TOTALS, "active_power_max_w"))
    for letter, unit in (("u", "v"), ("i", "a")):
        for kind, field in (("harmonic", "sg"), ("band", "band")):
            rows = interval.values[at[f"{field}_{letter}_{unit}"]].reshape(3, -1)
            values |= _by_phase("pq10m", f"{kind}_{letter}", unit, rows)
    return values


def distortion(values: dict[str, Any]) -> list[str]:
    """Names of the values that contain orders above the first."""
    return [name for name, value in values.items() if value is not None and name.startswith(_DISTORTION)]


def rows_of(block: Waveform) -> np.ndarray:
    """The samples of the six ROLES, shape (6, n); NaN for channels that the block does not have."""
    if block.channels == ROLES:
        return block.samples
    rows = np.full((len(ROLES), block.samples.shape[1]), np.nan)
    for name, samples in zip(block.channels, block.samples, strict=False):
        if name in ROLES:
            rows[ROLES.index(name)] = samples
    return rows


def rounded_values(topic: str, values: dict[str, Any]) -> dict[str, Any]:
    """Values rounded for publication; lists are rounded already."""
    table = by_name(topic)
    return {
        name: value if value is None or isinstance(value, list) else rounded(table[name], value)
        for name, value in values.items()
    }


def _by_phase(topic: str, what: str, unit: str, mean: np.ndarray) -> dict[str, Any]:
    table, found = by_name(topic), {}
    for phase in range(3):
        name = f"{what}_l{phase + 1}_{unit}"
        if not np.isnan(mean[phase]).all():
            found[name] = [rounded(table[name], value) for value in mean[phase].tolist()]
    return found


def _aggregate(windows: Sequence[Window], field: str, phase: int | None, quadratic: bool) -> float:
    rows = [getattr(window, field) for window in windows]
    picked = np.array([row if phase is None else row[phase] for row in rows], dtype=np.float64)
    return float(np.sqrt(np.mean(picked**2)) if quadratic else np.mean(picked))


_DISTORTION = ("thd_", "tdd_", "k_factor_", "harmonic_", "band_")
_ANGLES = ("angle_u_l2_deg", "angle_u_l3_deg", "angle_i_l1_deg", "angle_i_l2_deg", "angle_i_l3_deg")
_TOTALS = ("active_power_w", "reactive_power_fund_var", "apparent_power_va", "power_factor")
_PQ3S: dict[str, tuple[str, int | None, bool]] = {
    **{f"voltage_l{n + 1}n_v": ("u_rms_v", n, True) for n in range(3)},
    **{f"current_l{n + 1}_a": ("i_rms_a", n, True) for n in range(3)},
    "active_power_w": ("p_w", None, False),
    "reactive_power_fund_var": ("q1_var", None, False),
    "apparent_power_va": ("s_va", None, False),
    "power_factor": ("pf", None, False),
    "frequency_hz": ("frequency_hz", None, False),
    **{f"thd_u_l{n + 1}_pct": ("thd_u_pct", n, True) for n in range(3)},
    **{f"thd_i_l{n + 1}_pct": ("thd_i_pct", n, True) for n in range(3)},
    **{f"tdd_l{n + 1}_pct": ("tdd_pct", n, True) for n in range(3)},
    **{f"k_factor_l{n + 1}": ("k_factor", n, True) for n in range(3)},
    "voltage_positive_sequence_v": ("u1_v", None, True),
    "voltage_unbalance_pct": ("u2_pct", None, True),
    "voltage_zero_sequence_pct": ("u0_pct", None, True),
    "current_unbalance_pct": ("i2_pct", None, True),
    "current_zero_sequence_pct": ("i0_pct", None, True),
}
# column of the aggregator where its name differs; None: computed from others
_COLUMN: dict[str, tuple[str, int] | None] = {"u1_v": ("u_sequence_v", 1), "pf": None}
