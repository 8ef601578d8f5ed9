"""The ranking of a fleet as a picture: a bar for each motor with its U95."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from markupsafe import Markup, escape

from agent.savings.report.html.svg import short, ticks

WIDTH, LEFT, RIGHT, TOP, BOTTOM, ROW = 520, 178, 26, 6, 40, 18
NAME_WIDTH = 28  # of letters; a Chinese one counts twice
CAP = 3.5  # half of the length of the end of an error bar


class Bar(NamedTuple):
    """name: of the motor. value, u: in the unit of the axis; None: the row stands for motors that are left out."""

    name: str
    value: float | None = None
    u: float = 0.0


def ranking_svg(bars: Sequence[Bar], axis: str, title: str) -> Markup:
    """The picture. axis: name of the axis with its unit."""
    known = [(bar.value, bar.u) for bar in bars if bar.value is not None]
    low, high = min([0.0, *(value - u for value, u in known)]), max([0.0, *(value + u for value, u in known)])
    high = high if high > low else low + 1.0
    bottom = TOP + ROW * len(bars)

    def px(value: float) -> float:
        return LEFT + (value - low) / (high - low) * (WIDTH - LEFT - RIGHT)

    parts = [*_scale(ticks(low, high), px, bottom)]
    for number, bar in enumerate(bars):
        parts += _row(bar, px, TOP + ROW * (number + 0.5))
    parts.append(_text((LEFT + WIDTH - RIGHT) / 2, bottom + 32, axis, "middle", "label"))
    return Markup(
        f'<svg class="ranking" viewBox="0 0 {WIDTH} {bottom + BOTTOM}" role="img" aria-label="{escape(title)}">'
        f"<title>{escape(title)}</title>{''.join(parts)}</svg>"
    )


def _scale(values: Sequence[float], px: Callable[[float], float], bottom: float) -> Iterator[str]:
    for value in values:
        kind = "zero" if value == 0 else "grid"
        yield f'<line class="{kind}" x1="{px(value):.1f}" x2="{px(value):.1f}" y1="{TOP}" y2="{bottom}"/>'
        yield _text(px(value), bottom + 14, short(value), "middle", "soft")


def _row(bar: Bar, px: Callable[[float], float], middle: float) -> Iterator[str]:
    yield _text(LEFT - 10, middle + 4, _shortened(bar.name), "end", "soft" if bar.value is None else "")
    if bar.value is None:
        return
    left, right = sorted((px(0.0), px(bar.value)))
    kind = "lost" if bar.value < 0 else "new"
    yield f'<rect class="bar {kind}" x="{left:.1f}" y="{middle - 6}" width="{right - left:.1f}" height="12"/>'
    low, high = px(bar.value - bar.u), px(bar.value + bar.u)
    yield f'<line class="error" x1="{low:.1f}" x2="{high:.1f}" y1="{middle}" y2="{middle}"/>'
    for end in (low, high):
        yield f'<line class="error" x1="{end:.1f}" x2="{end:.1f}" y1="{middle - CAP}" y2="{middle + CAP}"/>'


def _text(x: float, y: float, text: str, anchor: str, kind: str) -> str:
    named = f' class="{kind}"' if kind else ""
    return f'<text{named} x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _shortened(name: str) -> str:
    """A name that fits into the space before the bars."""
    width = 0
    for number, letter in enumerate(name):
        width += 2 if ord(letter) > 0x2E80 else 1
        if width > NAME_WIDTH:
            return name[: number - 1] + "…"
    return name
