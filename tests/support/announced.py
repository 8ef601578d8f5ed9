"""Progress of a scan that is not printed: when the scan would end according to each announcement."""

from __future__ import annotations

from agent.commissioning.discovery.scan_result import FoundDevice
from drivers.reading import Clock


class Announced:
    """The end of the scan according to each announcement, in seconds after its start."""

    def __init__(self, clock: Clock) -> None:
        self._clock, self._began_ns = clock, clock.monotonic_ns()
        self.ends_s: list[float] = []
        self.parts: list[int] = []  # number of announcements before each part
        self.texts: list[tuple[int, str]] = []  # with the number of parts before each

    @property
    def now_s(self) -> float:
        return (self._clock.monotonic_ns() - self._began_ns) / 1e9

    def on_text(self, text: str) -> None:
        self.texts.append((len(self.parts), text))

    def on_part(self, name: str, total: int) -> None:
        self.parts.append(len(self.ends_s))

    def on_unit(self, unit: int) -> None: ...

    def on_found(self, found: FoundDevice) -> None: ...

    def on_duration(self, left_s: float) -> None:
        self.ends_s.append(self.now_s + left_s)
