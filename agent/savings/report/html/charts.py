"""The charts of the report: baseline data and model, cumulative saving, load, efficiency over load."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

from markupsafe import Markup
from msgspec.structs import replace

from agent.core.text import Catalogue
from agent.savings.accounting.interval_comparison import expected_wh
from agent.savings.baseline.models import others_at_mean, values_of
from agent.savings.records.interpolation import with_lagged_drivers
from agent.savings.records.model import Baseline, Interval
from agent.savings.report.html.svg import Chart, Point, thinned
from agent.savings.report.model.month import ReportMonth
from drivers.reasons import signal_name
from dsp.efficiency_class import limits

LOAD_STEP = 0.1
BAND_STEP = 0.05  # of rated shaft power
LOADED = 0.1  # of rated shaft power: below it the efficiency is too uncertain


class Figure(NamedTuple):
    """A chart with its title; the title is the caption, too."""

    title: str
    svg: Markup


def _figure(chart: Chart, title: str) -> Figure:
    return Figure(title, chart.svg(title))


def figures(month: ReportMonth, _: Catalogue) -> list[Figure]:
    """The charts for which there are data."""
    makers = power_over_driver, cumulated, load_histogram, efficiency_over_load
    return [found for make in makers if (found := make(month, _)) is not None]


def power_over_driver(month: ReportMonth, _: Catalogue) -> Figure | None:
    """Mean power over the driver of the model: baseline period, model, this month."""
    baseline = month.baseline
    if baseline is None:
        return None
    name = baseline.drivers[0] if baseline.drivers else ""

    def place(item: Interval) -> Point | None:
        if item.energy_wh is None or not item.energy_s:
            return None
        kw = (item.energy_wh + item.auxiliary_wh) * 3.6 / item.energy_s
        if name:
            return (item.drivers[name].mean, kw) if name in item.drivers else None
        if baseline.kind == "shaft-power":
            return (item.shaft_wh * 3.6 / item.energy_s, kw) if item.shaft_wh is not None else None
        return (item.start_ms % 86_400_000 / 3.6e6, kw)

    old = [point for item in _as_modelled(baseline, month.baseline_intervals) if (point := place(item))]
    new = [point for item in _as_modelled(baseline, month.reported) if (point := place(item))]
    if not old and not new:
        return None
    curves = _curves(month, place)
    model = [point for _, points in curves for point in points]
    xs = [x for x, _ in old + new]
    highest = max(y for _, y in old + new + model)
    label = (signal_name(name) if name else
             _("shaft power, kW") if baseline.kind == "shaft-power" else _("hour of the day, UTC"))  # fmt: skip
    chart = Chart((min(xs), max(xs)), (0.0, 1.08 * highest), (label, _("mean power, kW")))
    chart.points(thinned(old), "old")
    chart.points(thinned(new), "new")
    for label_text, points in curves:
        chart.line(points, "model", label_text)
    legend = (old, "old", _("baseline period")), (model, "model", _("baseline model")), (new, "new", _("this month"))
    for points, kind, text in legend:
        if points:
            chart.legend(kind, text)
    return _figure(chart, _("Mean power over the driver"))


def _as_modelled(baseline: Baseline, found: Sequence[Interval]) -> list[Interval]:
    """The intervals with lagged and averaged drivers, as the model takes them."""
    return with_lagged_drivers(found, baseline.shape.get("lags_s", {}), baseline.shape.get("windows_s", {}))


Place = Callable[[Interval], Point | None]


def _curves(month: ReportMonth, place: Place) -> list[tuple[str, list[Point]]]:
    """The model as mean power: (name, points) of a curve that is interrupted at coverage gaps, or of one curve for each
    state over the range of its data."""
    baseline = month.baseline
    assert baseline is not None
    intervals = [*_as_modelled(baseline, month.baseline_intervals), *_as_modelled(baseline, month.intervals)]
    if "states" not in baseline.shape or len(baseline.drivers) < 2:
        return [("", part) for part in _parted(_model(baseline, intervals, place), baseline)]
    name, shape, found = baseline.drivers[-1], baseline.shape, []
    for state in shape["states"]:
        own = replace(baseline, shape={**shape, "means": {**shape["means"], name: state}})
        in_state = [item for item in intervals if name in item.drivers
                 and abs(item.drivers[name].mean - state) <= shape["within"]]  # fmt: skip
        found.append((f"{signal_name(name)} = {state:g}", _model(own, in_state, place)))
    return found


def _parted(points: Sequence[Point], baseline: Baseline) -> list[list[Point]]:
    """The curve in parts, without the coverage gaps of the first driver, whose intervals are excluded."""
    found: list[list[Point]] = [list(points)]
    for begin, end in baseline.shape.get("holes", {}).get("".join(baseline.drivers[:1]), ()):
        last = found.pop()
        found += [[point for point in last if point[0] <= begin], [point for point in last if point[0] >= end]]
    return found


def _model(baseline: Baseline, intervals: Sequence[Interval], place: Place) -> list[Point]:
    """The model over the range of its first driver; the other drivers are at their mean."""
    found = []
    for item in intervals:
        point = place(item)
        item = others_at_mean(baseline, item)
        if point is None or values_of(baseline, item) is None:
            continue
        expected = expected_wh(baseline, item)
        if expected is not None:
            found.append((point[0], expected * 3.6 / item.energy_s))
    return thinned(sorted(set(found)), 200)


def load_histogram(month: ReportMonth, _: Catalogue) -> Figure | None:
    """Share of the month's time by load: shaft power over rated power, or input power where that is unknown."""
    motor = month.plant.motor if month.plant else None
    if motor is None or not month.intervals:
        return None
    by_shaft = any(item.shaft_wh is not None for item in month.reported)
    loads = [
        (wh * 3.6 / item.length_s / motor.kw, item.length_s)
        for item in month.reported
        if (wh := item.shaft_wh if by_shaft else item.energy_wh) is not None
    ]
    if not loads:
        return None
    seconds = Counter[int]()
    for load, length_s in loads:
        seconds[-1 if load < 0.02 else int(load / LOAD_STEP + 1e-9)] += length_s
    top, all_s = max(10, max(seconds) + 1), seconds.total()
    bars = [(100 * LOAD_STEP * k, 100 * LOAD_STEP * (k + 1), 100 * s / all_s) for k, s in seconds.items() if k >= 0]
    still = 100 * seconds[-1] / all_s
    highest = max([value for _, _, value in bars] + [1.0])
    label = _("load: shaft power over rated power, %") if by_shaft else _("load: input power over rated power, %")
    chart = Chart((0, 100 * LOAD_STEP * top), (0, 1.15 * highest), (label, _("share of time, %")))
    chart.bars(bars, "new")
    chart.legend("idle", _("standstill: {share:.0f} %", share=still))
    return _figure(chart, _("Load of the motor"))


def cumulated(month: ReportMonth, _: Catalogue) -> Figure | None:
    """The saving from the start of the month to the end of each day, with its U95."""
    days = month.days
    if month.saving is None or len(days) < 2:
        return None
    middle = [(k + 1.0, day.total_wh / 1000) for k, day in enumerate(days)]
    low = [(x, y - day.u95_wh / 1000) for (x, y), day in zip(middle, days, strict=True)]
    high = [(x, y + day.u95_wh / 1000) for (x, y), day in zip(middle, days, strict=True)]
    bottom, top = min(0.0, *(y for _, y in low)), max(0.0, *(y for _, y in high))
    room = 0.06 * (top - bottom or 1.0)
    stride = max(1, math.ceil(len(days) / 8))
    span = (
        bottom - room * (bottom < 0),
        top + (room if top > 0 else 2 * room),
    )  # otherwise the legend is on the zero line
    chart = Chart((1.0, float(len(days))), span, ("", _("cumulative saving, kWh")),
                  x_ticks=[float(k + 1) for k in range(0, len(days), stride)],
                  tick=lambda x: days[round(x) - 1].date[5:])  # fmt: skip
    chart.band(low, high, "new")
    chart.line(middle, "new")
    chart.legend("new", _("saving"))
    chart.legend("u95", "U95")
    return _figure(chart, _("Cumulative saving"))


def efficiency_over_load(month: ReportMonth, _: Catalogue) -> Figure | None:
    """Efficiency of the motor in each interval over its load, with the U band of its losses (means over steps of load)
    and the class limits at rated load."""
    motor = month.plant.motor if month.plant else None
    if motor is None:
        return None
    points: list[Point] = []
    steps: dict[int, list[tuple[float, float, float]]] = {}
    for item in month.reported:
        shaft, loss_wh = item.shaft_wh, item.motor_loss_wh
        load = (shaft or 0.0) * 3.6 / item.length_s / motor.kw
        if shaft is not None and loss_wh is not None and load > LOADED:
            points.append((100 * load, 100 * shaft / (shaft + loss_wh)))
            u = 100 * item.u_motor_loss_wh / (shaft + loss_wh)
            steps.setdefault(int(load / BAND_STEP), []).append((*points[-1], u))
    if not points:
        return None
    on_drive = month.plant is not None and month.plant.drive is not None
    classes = {
        name: 100 * limit
        for name, limit in limits("IEC", motor.kw, motor.poles, motor.rpm, motor.volts, motor.kind, on_drive).items()
        if name >= "IE2"
    }
    values = sorted(y for _, y in points)
    band = [tuple(sum(column) / len(rows) for column in zip(*rows, strict=True)) for _, rows in sorted(steps.items())]
    visible = [*classes.values(), values[len(values) // 50], values[-1], *(y + u for _, y, u in band)]
    low, high = math.floor(min(visible)) - 1.0, min(100.0, math.ceil(max(visible)) + 1.0)
    chart = Chart((0, max(110.0, *(x for x, _ in points))), (low, high),
                  (_("load: shaft power over rated power, %"), _("motor efficiency, %")))  # fmt: skip
    for name, limit in classes.items():
        chart.level(limit, name, "class")
    chart.band([(x, max(y - u, low)) for x, y, u in band], [(x, min(max(y + u, low), high)) for x, y, u in band], "new")
    chart.points(thinned([point for point in points if point[1] >= low]), "new")
    chart.legend("new", _("this month"))
    chart.legend("u95", "U (k = 2)")
    chart.legend("model", _("class limits at rated load"))
    return _figure(chart, _("Efficiency over load"))
