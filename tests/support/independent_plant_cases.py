"""Evaluation of the mills of independent_plants.py by the product's functions, compared with the true values."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from support.accounting import evaluate
from support.independent_plants import WORLDS, Rng, Span, World, live_in
from support.transformer_errors import TransformerErrors

from agent.savings.accounting.interval_comparison import IntervalResult
from agent.savings.baseline.baseline import freeze, learn
from agent.savings.records.meter_identity import MeterClasses
from agent.savings.records.model import QUARTER_MS, Baseline, Driver, Interval, Saving

# U95 must cover here because the data suffice; docs/explanation/savings.md lists the other cases and what their data
# lack.
COVERED_CASES = (
    "steady", "campaigns", "weeks", "two shifts", "weeks, running told", "wild", "scatter grows with load",
    "flow meter 1 % off", "driver missing", "steady, 7 + 30 days", "steady, 60 + 30 days",
    "memory of a day, 60 + 30 days",
)  # fmt: skip
CLASSES = ("0.2S", "0.2S")  # an accurate meter, so that its class contributes little to the uncertainty
VOLTS = 400.0
START_MS = 1_790_000_100_000 // QUARTER_MS * QUARTER_MS


class Outcome(NamedTuple):
    """One evaluation of one mill. true_wh, true_adjusted_wh: over the intervals for which a saving is counted."""

    saving: Saving
    lines: list[IntervalResult]
    baseline: Baseline
    true_wh: float
    true_adjusted_wh: float

    @property
    def covered(self) -> bool:
        return abs(self.saving.saved_wh - self.true_wh) <= self.saving.u95_wh


def both(name: str, seed: int) -> tuple[Outcome, Outcome]:
    """The same mill with the same baseline: first with a saving of 8 %, then unchanged."""
    frozen, after, meter = learned(name, seed)
    world = WORLDS[name]
    return _outcome(world, frozen, after, *meter, new=True), _outcome(world, frozen, after, *meter, new=False)


def learned(name: str, seed: int) -> tuple[Baseline, Span, tuple[float, TransformerErrors]]:
    """The frozen baseline, the reporting period, and the errors of meter and transformers."""
    world = WORLDS[name]
    rng = np.random.default_rng([seed, 8])
    before, after = live_in(world, rng)
    meter = meter_errors(rng)
    measured = intervals(world, before, *meter, new=False, first=0)
    return freeze(learn("mill", measured, drivers=world.insisted or None, classes=CLASSES), 0, "test"), after, meter


def _outcome(world: World, frozen: Baseline, after: Span, gain: float, ct: TransformerErrors, *, new: bool) -> Outcome:
    measured = intervals(world, after, gain, ct, new=new, first=(world.before_days + 7) * 96)
    present = MeterClasses(*CLASSES, va_per_a=math.sqrt(3) * VOLTS)  # the identity of the meter has the rated current
    saving, lines = evaluate(frozen, measured, classes=present)
    claimed = np.array([line.excluded is None for line in lines])
    saved = after.old_wh - after.new_wh if new else np.zeros_like(after.old_wh)
    return Outcome(saving, lines, frozen, float(saved[claimed].sum()), float(after.old_wh[claimed].sum()))


def intervals(world: World, span: Span, gain: float, ct: TransformerErrors, *, new: bool, first: int) -> list[Interval]:
    wh, varh = (span.new_wh, span.new_varh) if new else (span.old_wh, span.old_varh)
    shown_w, shown_var = ct.displayed(4 * wh, 4 * varh)
    displayed_wh, displayed_varh = (1 + gain) * shown_w / 4, (1 + gain) * shown_var / 4
    return [
        Interval(
            "mill", START_MS + (first + k) * QUARTER_MS, float(displayed_wh[k]), reactive_varh=float(displayed_varh[k]),
            drivers={
                name: Driver(float(x[k]), float(world.accuracy * abs(x[k])))
                for name, x in span.drivers.items() if not math.isnan(x[k])
            },
            meter="mcc-7 4711 400/5", running_s=float(900 * span.running[k]),
        )
        for k in range(len(wh))
    ]  # fmt: skip


def meter_errors(rng: Rng) -> tuple[float, TransformerErrors]:
    """Errors within class 0.2S: gain of the meter, and transformers of 400 A."""
    gain, ratio, phase = rng.uniform(-0.002, 0.002), rng.uniform(-1, 1), rng.uniform(-1, 1)
    return float(gain), TransformerErrors(float(ratio), float(phase), "0.2S", 400.0, VOLTS)
