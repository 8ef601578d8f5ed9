"""Charts as inline SVG: axes with round ticks, points, lines, bands, bars. The style sheet of the page sets the colours
by class, so that print and screen can differ."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from markupsafe import Markup, escape

WIDTH, HEIGHT = 520, 300
LEFT, RIGHT, TOP, BOTTOM = 66, 22, 14, 44
NAME_WIDE, NAME_HIGH = 90, 12  # approximate size of the name of a line, px
DOT = 3.2  # width of a point, px
Point = tuple[float, float]


class Chart:
    """One chart.

    x, y: (lowest, highest) value of each axis.
    labels: of both axes, in the language of the page.
    tick: text of an x value; None: the number.
    x_ticks: values with a tick; None: round values.
    """

    def __init__(
        self, x: tuple[float, float], y: tuple[float, float], labels: tuple[str, str], *,
        tick: Callable[[float], str] | None = None, x_ticks: Sequence[float] | None = None,
    ) -> None:  # fmt: skip
        self._x, self._y = _wide(x), _wide(y)
        self._parts: list[str] = []
        self._legend: list[tuple[str, str]] = []
        self._names: list[tuple[float, float, str]] = []
        self._axes(labels, tick or short, x_ticks)

    def points(self, points: Sequence[Point], kind: str) -> None:
        """All points as one path, which keeps the page small."""
        if points:
            path = "".join(f"M{self._px(x):.1f} {self._py(y):.1f}h0" for x, y in points)
            self._parts.append(f'<path class="dots {kind}" d="{path}" style="stroke-width:{DOT}"/>')

    def line(self, points: Sequence[Point], kind: str, name: str = "") -> None:
        """A line. name: text at the right end of the line, above the names that are there already."""
        if len(points) > 1:
            path = " ".join(f"{self._px(x):.1f},{self._py(y):.1f}" for x, y in points)
            self._parts.append(f'<polyline class="line {kind}" points="{path}"/>')
        if points and name:
            right, height = self._px(points[-1][0]), self._py(points[-1][1]) - 4
            for _, other, _ in sorted((n for n in self._names if abs(n[0] - right) < NAME_WIDE), reverse=True,
                                      key=lambda n: n[1]):  # fmt: skip
                if abs(other - height) < NAME_HIGH:
                    height = other - NAME_HIGH
            self._names.append((right, height, name))

    def band(self, low: Sequence[Point], high: Sequence[Point], kind: str) -> None:
        if len(low) > 1:
            path = " ".join(f"{self._px(x):.1f},{self._py(y):.1f}" for x, y in [*low, *reversed(high)])
            self._parts.append(f'<polygon class="band {kind}" points="{path}"/>')

    def bars(self, bars: Sequence[tuple[float, float, float]], kind: str) -> None:
        """Bars from 0. bars: (from, to, value)."""
        for begin, end, value in bars:
            left, right = self._px(begin) + 1, self._px(end) - 1
            top, bottom = sorted((self._py(value), self._py(0.0)))
            self._parts.append(
                f'<rect class="bar {kind}" x="{left:.1f}" y="{top:.1f}" width="{max(right - left, 0.5):.1f}" '
                f'height="{bottom - top:.1f}"/>'
            )

    def level(self, y: float, text: str, kind: str) -> None:
        """A horizontal line with its name at the right end."""
        if self._y[0] <= y <= self._y[1]:
            self.line([(self._x[0], y), (self._x[1], y)], kind)
            self._text(WIDTH - RIGHT - 3, self._py(y) - 3, text, "end", kind)

    def legend(self, kind: str, text: str) -> None:
        self._legend.append((kind, text))

    def svg(self, title: str) -> Markup:
        legend = []
        x = LEFT + 6
        for kind, text in self._legend:
            legend.append(f'<rect class="key {kind}" x="{x}" y="{TOP + 2}" width="10" height="8"/>'
                          f'<text x="{x + 14}" y="{TOP + 10}">{escape(text)}</text>')  # fmt: skip
            x += 24 + round(sum(11 if ord(letter) > 0x2E80 else 6 for letter in text))
        for right, height, name in self._names:
            self._text(right, height, name, "end", "named")
        return Markup(
            f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">'
            f"<title>{escape(title)}</title>{''.join(self._parts)}{''.join(legend)}</svg>"
        )

    def _px(self, x: float) -> float:
        return LEFT + (x - self._x[0]) / (self._x[1] - self._x[0]) * (WIDTH - LEFT - RIGHT)

    def _py(self, y: float) -> float:
        share = (y - self._y[0]) / (self._y[1] - self._y[0])
        return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)

    def _axes(self, labels: tuple[str, str], tick: Callable[[float], str], x_ticks: Sequence[float] | None) -> None:
        bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT
        for y in ticks(*self._y):
            py = self._py(y)
            self._parts.append(f'<line class="{"zero" if y == 0 else "grid"}" x1="{LEFT}" x2="{right}" y1="{py:.1f}" '
                               f'y2="{py:.1f}"/>')  # fmt: skip
            self._text(LEFT - 6, py + 4, short(y), "end")
        for x in ticks(*self._x) if x_ticks is None else x_ticks:
            self._parts.append(f'<line class="tick" x1="{self._px(x):.1f}" x2="{self._px(x):.1f}" y1="{bottom}" '
                               f'y2="{bottom + 4}"/>')  # fmt: skip
            self._text(self._px(x), bottom + 17, tick(x), "middle")
        self._parts.append(f'<line class="axis" x1="{LEFT}" x2="{right}" y1="{bottom}" y2="{bottom}"/>')
        self._text((LEFT + right) / 2, HEIGHT - 8, labels[0], "middle", "label")
        middle = (TOP + bottom) / 2
        self._parts.append(f'<text class="label" transform="translate(13 {middle:.0f}) rotate(-90)" '
                           f'text-anchor="middle">{escape(labels[1])}</text>')  # fmt: skip

    def _text(self, x: float, y: float, text: str, anchor: str, kind: str = "") -> None:
        named = f' class="{kind}"' if kind else ""
        self._parts.append(f'<text{named} x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>')


def ticks(low: float, high: float) -> list[float]:
    """Round values in the range, 1, 2, 2.5 or 5 times a power of ten apart."""
    raw = (high - low) / 5
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [round(k * step, 12) for k in range(first, math.floor(high / step + 1e-9) + 1)]


def short(value: float) -> str:
    """Text of a tick: 12 000, 0.25, −50."""
    text = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.6g}"
    return text.replace(",", "\u202f").replace("-", "−")


def thinned(points: Sequence[Point], most: int = 1500) -> list[Point]:
    """Every n-th point, so that at most `most` are left."""
    stride = max(1, math.ceil(len(points) / most))
    return list(points[::stride])


def _wide(span: tuple[float, float]) -> tuple[float, float]:
    low, high = span
    return (low, high) if high > low else (low - 0.5, high + 0.5)
