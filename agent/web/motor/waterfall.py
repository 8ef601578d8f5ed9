"""Where the power of a motor goes: from the input through each loss to the shaft, with the axis of the picture."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from msgspec import Struct, field

from agent.core.text import N_, Catalogue
from agent.web.base.values import PageValue
from drivers.reasons import UNKNOWN, reason_of

NAMES = {
    "input": N_("Input"), "drive": N_("Drive"), "copper": N_("Copper"), "core": N_("Core"),
    "mechanical": N_("Friction"), "additional": N_("Stray load"), "shaft": N_("Shaft"),
    "returned": N_("Returned to the supply"),
}  # fmt: skip
LOSSES = ("drive", "copper", "core", "mechanical", "additional")
_UNCUT = 0.35  # of the longest bar: if what arrives is less, the axis starts at zero
_TICKS = 5


class Step(Struct):
    """One line.

    key: input | drive | copper | core | mechanical | additional | shaft | returned. source: where the value comes from.
    value: W; a loss is positive. share_pct: of the power that flows in.
    from_w, to_w: ends of the bar, the second is the level after the step; None: unknown.
    low_w, high_w: the band of 95 % at its end; without a value the range in which the end lies.
    """

    key: str
    name: str
    source: str
    value: PageValue
    share_pct: float | None
    from_w: float | None
    to_w: float | None
    low_w: float | None
    high_w: float | None


class Axis(Struct):
    """Watts. cut: it does not start at zero."""

    from_w: float
    to_w: float
    ticks_w: list[float]
    cut: bool


class Waterfall(Struct):
    """steps: from the power that flows in to the power that arrives. braking: from the shaft to the supply.
    axis: None: nothing can be drawn.
    """

    steps: list[Step] = field(default_factory=list)
    axis: Axis | None = None
    braking: bool = False


class Inputs(NamedTuple):
    """value: metric → value in its unit. power: at the input, where the balance does not give it.
    input_u: relative U of the input; None: not known. has_drive. share: of this motor in the losses of its drive.
    sources: loss or input → text.
    """

    value: Callable[[str], PageValue]
    power: PageValue
    input_u: float | None
    has_drive: bool
    share: float
    sources: Mapping[str, str]


def waterfall_of(inputs: Inputs, catalogue: Catalogue) -> Waterfall:
    losses = _losses(inputs)
    shaft = inputs.value("shaft_power_w")
    source = _input(inputs, losses, shaft)
    braking = (source.v or 0.0) < 0 and (shaft.v or 0.0) < 0
    if source.v is not None and source.v < 0 and not braking:  # the direction of the rest is not known
        return Waterfall()
    first, last = ("shaft", "returned") if braking else ("input", "shaft")
    flows = (_turned(shaft), _turned(source)) if braking else (source, shaft)
    order = list(reversed(losses.items())) if braking else list(losses.items())
    names = {key: catalogue(NAMES[key]) for key in NAMES}
    if braking:
        names["shaft"] = catalogue(N_("Shaft, driven by the load"))

    def step(key: str, value: PageValue, ends: tuple[float | None, ...]) -> Step:
        share = 100 * abs(value.v) / gross if value.v is not None and gross else None
        return Step(key, names[key], inputs.sources.get(key, ""), value, share, *ends)

    gross = flows[0].v
    level = below = flows[0].v  # below: the last level that is known
    steps = [step(first, flows[0], _bar(flows[0]))]
    for key, loss in order:
        after = None if level is None or loss.v is None else level - loss.v
        steps.append(
            step(key, loss, (None, None, flows[1].v or 0.0, below) if after is None else _fall(level, after, loss))
        )
        level = after
        below = after if after is not None else below
    steps.append(step(last, flows[1], _bar(flows[1]) if flows[1].v is not None else (None, None, 0.0, below)))
    return Waterfall(steps, _axis(steps), braking)


def share_of_drive(explain: Mapping[str, Any]) -> float:
    """This motor's share of its drive, from the message that explains its efficiency."""
    reason = reason_of(explain.get("inputs", {}).get("current_and_frequency", {}))
    share = reason.data.get("share", 1.0) if reason.code != UNKNOWN else 1.0
    return float(share) if isinstance(share, int | float) else 1.0


def _losses(inputs: Inputs) -> dict[str, PageValue]:
    found = {}
    if inputs.has_drive:
        drive = inputs.value("drive_losses_w")
        found["drive"] = _scaled(drive, inputs.share)
    return found | {part: inputs.value(f"motor_losses_{part}_w") for part in LOSSES[1:]}


def _input(inputs: Inputs, losses: Mapping[str, PageValue], shaft: PageValue) -> PageValue:
    """The mean over the interval of the losses, with which they and the shaft add up; else the present power."""
    terminals = inputs.value("motor_input_power_w") if inputs.has_drive else shaft
    missing = [losses["drive"]] if inputs.has_drive else list(losses.values())
    if terminals.v is None or any(item.v is None for item in missing):
        return inputs.power
    watts = terminals.v + math.fsum(item.v or 0.0 for item in missing)
    u = None if inputs.input_u is None else abs(watts) * inputs.input_u
    return PageValue(watts, u, max(item.q for item in (terminals, *missing)))


def _scaled(value: PageValue, factor: float) -> PageValue:
    if value.v is None or factor == 1.0:
        return value
    return PageValue(value.v * factor, None if value.u is None else value.u * factor, value.q, value.m)


def _turned(value: PageValue) -> PageValue:
    return PageValue(None if value.v is None else -value.v, value.u, value.q, value.m, value.why)


def _bar(value: PageValue) -> tuple[float | None, ...]:
    if value.v is None:
        return None, None, None, None
    u = value.u or 0.0
    return 0.0, value.v, value.v - u, value.v + u


def _fall(level: float | None, after: float, loss: PageValue) -> tuple[float | None, ...]:
    u = loss.u or 0.0
    return level, after, after - u, after + u


def _axis(steps: Sequence[Step]) -> Axis | None:
    first, last = steps[0], steps[-1]
    high = max((step.high_w for step in steps if step.high_w is not None), default=None)
    if high is None or first.to_w is None or high <= 0:
        return None
    low = min(step.low_w for step in steps if step.low_w is not None)
    if last.to_w is None or low < _UNCUT * high:
        low = 0.0
    step = _nice((high - low) / _TICKS)
    start = max(0.0, math.floor((low - 0.04 * (high - low)) / step) * step) if low > 0 else 0.0
    end = high + 0.01 * (high - start)
    ticks = [start + number * step for number in range(int((end - start) / step + 1e-9) + 1)]
    return Axis(start, end, [round(tick, 6) for tick in ticks], start > 0)


def _nice(width: float) -> float:
    """The largest of 1, 2, 5 · 10ⁿ that is not wider than 1.25 times `width`."""
    tens = 10.0 ** math.floor(math.log10(width))
    return max(tens * factor for factor in (0.5, 1.0, 2.0, 5.0, 10.0) if tens * factor <= 1.25 * width)
