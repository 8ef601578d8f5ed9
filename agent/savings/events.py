"""What is no routine: opened by itself, shown, and decided by a person. Nothing is dropped without a word.

bypass, hold, wiring, ratio, clock, gap, range, meter, shift. Until somebody decides the proposal holds; with decision
adjust the energy that a person works out is added to what the old plant would have used.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from agent.savings.meters import alike
from agent.savings.types import Event, Interval

PROPOSALS = {
    "bypass": "keep", "hold": "exclude", "wiring": "exclude", "ratio": "exclude", "clock": "exclude", "gap": "exclude",
    "range": "exclude", "meter": "keep", "shift": "keep",
}  # fmt: skip
TEXTS = {
    "bypass": "the motor ran past its drive: what that cost is in the sum",
    "hold": "somebody worked at it",
    "wiring": "the meter's transformers were connected wrong",
    "clock": "the clock was wrong: these energies may stand at another hour",
    "gap": "nothing was measured",
    "meter": "the meter or its ratio was exchanged: both count with their classes from here on",
}
DECISIONS = ("exclude", "keep", "adjust")
RANGE_SHARE = 0.10  # of a day's energy beyond the baseline's range, before somebody must look
DAY = 96  # intervals


def excluding(events: Sequence[Event], item: Interval) -> Event | None:
    """The event because of which nothing is claimed for this interval."""
    for event in events:
        if event.asset == item.asset and event.from_ms < item.end_ms and item.start_ms < (event.to_ms or math.inf):
            treatment = event.decision or event.proposal
            if treatment == "exclude" or (event.decision is None and treatment == "adjust"):
                return event
    return None


def adjustments(events: Iterable[Event], asset: str, span: tuple[int, int]) -> float:
    """Wh that persons decided to add, of events that began in this time."""
    return sum(
        event.adjust_wh
        for event in events
        if event.asset == asset and event.decision == "adjust" and span[0] <= event.from_ms < span[1]
    )


def decided(event: Event, decision: str, by: str, reason: str, now_ms: int, adjust_wh: float = 0.0) -> Event:
    """The event with a person's word. Raises ValueError for what is no decision, has no name or no reason."""
    if decision not in DECISIONS:
        raise ValueError(f"decision: must be one of {', '.join(DECISIONS)}, got {decision}")
    if not by.strip() or not reason.strip():
        raise ValueError("a decision needs a name and a reason")
    if (decision == "adjust") != (adjust_wh != 0):
        raise ValueError("adjust needs the energy to add, and nothing else does")
    return replace(event, decision=decision, by=by, reason=reason, decided_ms=now_ms, adjust_wh=adjust_wh)


@dataclass(slots=True)
class Watch:
    """Looks at each interval as it ends, and at flags as they rise; changed events are returned, new ones with number 0
    for the book to give one."""

    asset: str
    open: dict[str, Event] = field(default_factory=dict)
    _beyond: deque[tuple[float, float]] = field(default_factory=lambda: deque(maxlen=DAY))  # (energy, of it beyond)
    _meter: str = ""
    _like: Likeness = field(default_factory=lambda: Likeness())

    def raised(self, kind: str, at_ms: int, text: str = "") -> list[Event]:
        """Something was seen this moment; nothing when it is open already."""
        if kind in self.open:
            return []
        self.open[kind] = Event(0, self.asset, kind, at_ms, None, text or TEXTS.get(kind, kind), 0.0, PROPOSALS[kind])
        return [self.open[kind]]

    def take(self, item: Interval, why: str = "") -> list[Event]:
        """why: for what reason the interval cannot be compared with the baseline, empty when it can."""
        found: list[Event] = []
        flags = {flag for flag in item.flags if flag in TEXTS}
        if item.coverage < 0.1:
            flags.add("gap")
        if not alike(item.meter, self._meter):
            found += self.raised("meter", item.start_ms, f"{TEXTS['meter']} ({self._meter} → {item.meter})")
            self._like = Likeness()
        self._meter = item.meter or self._meter
        found += self._range(item, why)
        ratio, shift = self._like.take(item, comparable=not flags)
        if ratio:
            found += self.raised("ratio", item.start_ms - item.length_s * 1000, ratio)
        if shift:
            found += self.raised("shift", item.start_ms, shift)
        for flag in sorted(flags):
            found += self.raised(flag, item.start_ms)
        for kind in list(self.open):
            event = replace(self.open[kind], energy_wh=self.open[kind].energy_wh + (item.energy_wh or 0.0))
            self.open[kind] = event
            if self._over(kind, flags):
                del self.open[kind]
                ended = item.end_ms if kind in ("meter", "shift") else item.start_ms
                found = [old for old in found if old.kind != kind]
                found.append(replace(event, to_ms=max(ended, event.from_ms + 1000 * item.length_s)))
            else:
                found = [event if old.kind == kind else old for old in found]
        return found

    def _range(self, item: Interval, why: str) -> list[Event]:
        wh = item.energy_wh or 0.0
        self._beyond.append((wh, wh if " is beyond " in why else 0.0))
        whole, beyond = (sum(column) for column in zip(*self._beyond, strict=True))
        if whole > 0 and beyond > RANGE_SHARE * whole and len(self._beyond) >= 4:
            return self.raised("range", item.start_ms, f"the baseline does not know this: {why}" if why else "range")
        return []

    def _over(self, kind: str, flags: set[str]) -> bool:
        if kind in ("meter", "shift"):
            return True
        if kind == "ratio":
            return not self._like.off
        if kind == "range":
            return all(beyond == 0 for _, beyond in list(self._beyond)[-4:])
        return kind not in flags


class Likeness:
    """Energies beside those of the same load before: a factor tells a forgotten ratio, a drift another plant.

    The load is the first driver in ten classes of its own range; without a driver there is one class, and a spread of
    its own that keeps it from crying.
    """

    CLASSES, LEAST, SLOW = 10, 4, 0.05
    FACTOR, SIGMAS = 0.25, 6.0  # of ln(energy/before), for a ratio: two intervals in a row
    SLACK, FAR = 0.75, 12.0  # of a CUSUM in spreads, both sides

    def __init__(self) -> None:
        self._mean: dict[int, tuple[int, float]] = {}
        self._spread2, self._seen = 0.0, 0
        self._range: tuple[float, float] | None = None
        self._up = self._down = 0.0
        self._strange = 0
        self.off = False

    def take(self, item: Interval, comparable: bool = True) -> tuple[str, str]:
        """(what a wrong ratio looks like, what a shift looks like), each empty where it does not."""
        if not comparable or item.energy_wh is None or item.coverage < 0.5 or item.energy_wh <= 0:
            return "", ""
        if item.running_s is not None and item.running_s < 0.9 * item.length_s * item.coverage:
            return "", ""
        place = self._class(item)
        power = item.energy_wh / min(item.coverage, 1.0) if item.filled_wh == 0 else item.energy_wh
        count, mean = self._mean.get(place, (0, power))
        told = math.log(power / mean) if mean > 0 else 0.0
        sigma = math.sqrt(self._spread2) if self._seen > 20 else math.inf
        strange = count >= self.LEAST and abs(told) > max(self.FACTOR, self.SIGMAS * sigma)
        self._strange = self._strange + 1 if strange else 0
        self.off = self._strange >= 2
        if strange:  # not learnt from
            said = f"{math.exp(told):.2f} times what the same load used before: a transformer ratio?"
            return (said if self.off else ""), ""
        shift = ""
        if count >= self.LEAST:
            if self._seen > DAY and sigma > 0:
                z = max(min(told / sigma, 4.0), -4.0)
                self._up = max(0.0, self._up + z - self.SLACK)
                self._down = max(0.0, self._down - z - self.SLACK)
                if max(self._up, self._down) > self.FAR:
                    way = "more" if self._up > self._down else "less"
                    shift = f"for hours {way} than the same load used before"
                    self._up = self._down = 0.0
            self._spread2 += (told**2 - self._spread2) / min(self._seen + 1, 4 * DAY)
            self._seen += 1
        share = max(self.SLOW, 1 / (count + 1))
        self._mean[place] = count + 1, mean + share * (power - mean)
        return "", shift

    def _class(self, item: Interval) -> int:
        if not item.drivers:
            return 0
        value = item.drivers[min(item.drivers)].mean
        low, high = self._range or (value, value)
        if not low <= value <= high or self._range is None:
            wider = min(low, value), max(high, value)
            if wider[1] - wider[0] > 1.2 * (high - low):
                self._mean.clear()  # classes have moved
                self._range = wider
            low, high = self._range or (value, value)
        return int(self.CLASSES * (min(max(value, low), high) - low) / (high - low)) if high > low else 0
