"""What a drive decides: ready, run, coast, fault, and why. Both tiers ask it; it knows no wire and no register."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple


class State(Enum):
    READY = "ready"  # gates off, shaft at rest
    RUN = "run"
    COAST = "coast"  # gates off, shaft still turning
    FAULT = "fault"


class Trip(Enum):
    NONE = "none"
    UNDERVOLTAGE = "undervoltage"
    OVERVOLTAGE = "overvoltage"
    OVERCURRENT = "overcurrent"
    OVERHEATED = "overheated"
    COMMUNICATION = "communication"


@dataclass(frozen=True, slots=True)
class Limits:
    """watchdog_s: how long its master may be silent; inf: the watchdog is not used.

    restart_s: after a trip it starts by itself that long after the cause has gone; inf: never.
    """

    over_a: float  # peak of the space vector
    under_v: float = 380.0
    ready_v: float = 450.0  # what the bus must have to start, so that an emptied motor's last energy does not
    over_v: float = 780.0
    over_degc: float = 155.0
    watchdog_s: float = math.inf
    restart_s: float = math.inf
    still_rad_s: float = 0.5


class Seen(NamedTuple):
    """silent_s: since its master's last frame; None before the first one, which arms the watchdog."""

    run: bool  # what its master or terminal asks for
    dc_v: float
    current_a: float = 0.0
    speed_rad_s: float = 0.0
    winding_degc: float = 20.0
    silent_s: float | None = None


class DriveLogic:
    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.state, self.trip = State.READY, Trip.NONE
        self._clear_s: float | None = None  # since when the cause of a trip has been gone

    def step(self, now_s: float, seen: Seen) -> State:
        """The state from now on. A trip stops only what runs, and stays until `reset` or the automatic restart."""
        cause = self._cause(seen)
        still = abs(seen.speed_rad_s) < self.limits.still_rad_s
        if self.state is State.RUN and cause is not Trip.NONE:
            self.state, self.trip, self._clear_s = State.FAULT, cause, None
        elif self.state is State.FAULT:
            if cause is not Trip.NONE:
                self._clear_s = None
            elif self._clear_s is None:
                self._clear_s = now_s
            if self._clear_s is not None and now_s - self._clear_s >= self.limits.restart_s:
                self.reset(seen)
        if self.state is State.RUN and not seen.run:
            self.state = State.COAST
        if self.state is State.COAST and still:
            self.state = State.READY
        if self.state in (State.READY, State.COAST) and seen.run and cause is Trip.NONE:
            self.state = State.RUN
        return self.state

    def reset(self, seen: Seen) -> None:
        """Acknowledges a trip; without effect while its cause lasts."""
        if self.state is State.FAULT and self._cause(seen) is Trip.NONE:
            still = abs(seen.speed_rad_s) < self.limits.still_rad_s
            self.state, self.trip = State.READY if still else State.COAST, Trip.NONE

    def _cause(self, seen: Seen) -> Trip:
        limits = self.limits
        if seen.dc_v < (limits.under_v if self.state is State.RUN else limits.ready_v):
            return Trip.UNDERVOLTAGE
        if seen.dc_v > limits.over_v:
            return Trip.OVERVOLTAGE
        if seen.current_a > limits.over_a:
            return Trip.OVERCURRENT
        if seen.winding_degc > limits.over_degc:
            return Trip.OVERHEATED
        if seen.silent_s is not None and seen.silent_s > limits.watchdog_s:
            return Trip.COMMUNICATION
        return Trip.NONE
