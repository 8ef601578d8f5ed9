"""Whether a drive turns its motor, and how fast the shaft is while it does not: it coasts, or is brought up again."""

from __future__ import annotations

from collections.abc import Callable

from simulators.plant.drive_logic import DriveLogic, Limits, Seen, State


class Running:
    """A drive that shall run always. free_rad_s: the speed where it is not the demand's."""

    def __init__(self, limits: Limits) -> None:
        self._logic = DriveLogic(limits)
        self.free_rad_s: float | None = None

    @property
    def tripped(self) -> bool:
        return self._logic.state is State.FAULT

    def step(
        self, now_s: float, dt_s: float, seen: Seen, wanted_rad_s: float, rate_rad_s2: float,
        slower: Callable[[float, float], float],
    ) -> None:  # fmt: skip
        """A trip lets the shaft coast; `slower` says where its load takes a speed in a time. After the restart the
        drive catches it and brings it up at its ramp's rate."""
        turning = seen.speed_rad_s if self.free_rad_s is None else self.free_rad_s
        self._logic.step(now_s, seen._replace(speed_rad_s=turning))
        if self.tripped:
            self.free_rad_s = slower(turning, dt_s)
        elif self.free_rad_s is not None:
            self.free_rad_s += rate_rad_s2 * dt_s
            if self.free_rad_s >= wanted_rad_s:
                self.free_rad_s = None
