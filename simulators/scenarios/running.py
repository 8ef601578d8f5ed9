"""State of a drive and speed of its shaft while it does not follow the demand: coasting and restart."""

from __future__ import annotations

from collections.abc import Callable

from simulators.plant.drive_logic import DriveInputs, DriveLogic, Limits, LogicState


class RunningDrive:
    """A drive with a permanent run command.

    free_rad_s: speed of the shaft while it differs from the demand. None: it follows the demand.
    """

    def __init__(self, limits: Limits) -> None:
        self._logic = DriveLogic(limits)
        self.free_rad_s: float | None = None

    @property
    def tripped(self) -> bool:
        return self._logic.state is LogicState.FAULT

    def step(
        self, now_s: float, dt_s: float, seen: DriveInputs, wanted_rad_s: float, rate_rad_s2: float,
        coast: Callable[[float, float], float],
    ) -> None:  # fmt: skip
        """Advance by dt_s. After a trip the shaft coasts; after the restart the drive accelerates it from the present
        speed.

        seen: measured values; the speed applies only while the shaft follows the demand.
        wanted_rad_s: speed of the demand.
        rate_rad_s2: rate of the acceleration ramp.
        coast: returns the speed of the coasting shaft from a speed and a time.
        """
        turning = seen.speed_rad_s if self.free_rad_s is None else self.free_rad_s
        self._logic.step(now_s, seen._replace(speed_rad_s=turning))
        if self.tripped:
            self.free_rad_s = coast(turning, dt_s)
        elif self.free_rad_s is not None:
            self.free_rad_s += rate_rad_s2 * dt_s
            if self.free_rad_s >= wanted_rad_s:
                self.free_rad_s = None
