"""The phasor diagram in the picture of a window; axes are those of matplotlib."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from agent.analysis.recordings.plot_panels import COLOURS, scaled
from agent.core.text import _

CURRENT_LENGTH = 0.7  # at most, of the radius, where voltages are drawn, too
RINGS_MAX = 4
_ROUND = (1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)
_GREY = "#555555"


def phasors(axes: Any, window: Any, kinds: list[str]) -> None:
    """Fundamentals (rms), angles relative to the first; currents are dashed. The rings have round values of both."""
    both = [("u", window.phasor_u_v), ("i", window.phasor_i_a)]
    reference = next((z for _, some in both for z in some if np.isfinite(z) and abs(z) > 0.0), None)
    axes.set_title(_("Fundamental phasors"), pad=14)
    axes.set(yticklabels=[], ylim=(0, 1.12), xticks=np.radians(range(0, 360, 30)))
    axes.tick_params(axis="x", labelsize=9, colors=_GREY)
    if reference is None:
        return
    taken: list[float] = []  # angles of arrows and scales
    per_ring: list[tuple[str, float]] = []  # unit, value of a ring
    radius = 0.0  # of a ring
    for kind, some in both:
        largest = float(np.nanmax(np.abs(some), initial=0.0)) if kind in kinds else 0.0
        if largest == 0.0:
            continue
        step, length = _step(largest, radius)
        radius = radius or length / largest * step
        per_ring.append(("V" if kind == "u" else "A", step))
        for phase, z in enumerate(some):
            if np.isfinite(z) and abs(z) >= 0.005 * largest:
                taken.append(float(np.angle(z / reference)))
                _arrow(axes, kind, phase, taken[-1], length * abs(z) / largest)
    rings = range(1, int(1.0 / radius + 1e-9) + 1)
    axes.set(yticks=[radius * ring for ring in rings])
    for unit, step in per_ring:
        taken.append(_free_angle(taken))
        factor, prefix = scaled(step * len(rings))
        for ring in rings:
            _ring_label(axes, taken[-1], radius * ring, f"{step * ring / factor:g} {prefix}{unit}")


def round_up(value: float) -> float:
    """The smallest round number that is not below a value above 0."""
    power = 10.0 ** math.floor(math.log10(value))
    return next(power * factor for factor in _ROUND if power * factor >= value * (1 - 1e-9))


def _step(largest: float, radius: float) -> tuple[float, float]:
    """Value of a ring, and length of the longest arrow. radius: of a ring of the other quantity; 0: there is none."""
    if not radius:
        return round_up(largest / RINGS_MAX), 1.0
    step = round_up(largest * radius / CURRENT_LENGTH)
    return step, largest / step * radius


def _arrow(axes: Any, kind: str, phase: int, angle: float, length: float) -> None:
    style = {"arrowstyle": "-|>", "color": COLOURS[phase], "linewidth": 2.0 if kind == "u" else 1.6,
             "linestyle": "-" if kind == "u" else "--", "shrinkA": 0, "shrinkB": 0}  # fmt: skip
    axes.annotate("", xy=(angle, length), xytext=(0, 0), arrowprops=style)
    # Names on opposite sides: a current in phase would cover the name of its voltage.
    at = angle + 0.11 if kind == "u" else angle - 0.16
    axes.text(at, length * 0.88, f"{kind.upper()}{phase + 1}", color=COLOURS[phase], ha="center", va="center",
              fontweight="bold")  # fmt: skip


def _ring_label(axes: Any, angle: float, radius: float, text: str) -> None:
    box = {"facecolor": "white", "edgecolor": "none", "pad": 0.6, "alpha": 0.8}
    axes.text(angle, radius, text, ha="center", va="center", fontsize=8, color=_GREY, bbox=box)


def _free_angle(taken: Sequence[float]) -> float:
    """The angle, in steps of 15 degrees, that is farthest from the others."""
    candidates = np.radians(np.arange(0.0, 360.0, 15.0))
    apart = [min(abs(math.remainder(angle - other, math.tau)) for other in taken) for angle in candidates]
    return float(candidates[int(np.argmax(apart))])
