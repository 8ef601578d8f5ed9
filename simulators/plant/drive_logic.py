"""State machine of a drive: ready, run, coast, fault, and the cause of a trip.

Used by the steady-state and the waveform model, without bus or registers. While the shaft does not follow the demand,
RunningDrive holds its speed: coasting and restart.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple


class LogicState(Enum):
    READY = "ready"  # gates off, shaft at standstill
    RUN = "run"
    COAST = "coast"  # gates off, shaft still turning
    FAULT = "fault"


class Trip(Enum):
    NONE = "none"
    UNDERVOLTAGE = "undervoltage"
    OVERVOLTAGE = "overvoltage"
    OVERCURRENT = "overcurrent"
    OVERHEATED = "overheated"
    OVERLOADED = "overloaded"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of a drive.

    over_a: trip limit of the current, peak of the space vector, A.
    under_v: trip limit of the DC bus voltage while running, V.
    ready_v: DC bus voltage required for a start, V; above under_v, so that the last energy of a coasting motor does not
        start the drive.
    over_v: trip limit of the DC bus voltage, V.
    over_degc: trip limit of the winding temperature, °C.
    restart_s: time from the end of the cause of a trip to the automatic restart, seconds; inf: no restart.
    still_rad_s: speed below which the shaft counts as stopped, rad/s.
    """

    over_a: float
    under_v: float = 380.0
    ready_v: float = 450.0
    over_v: float = 780.0
    over_degc: float = 155.0
    restart_s: float = math.inf
    still_rad_s: float = 0.5


class DriveInputs(NamedTuple):
    """Measured values and commands of a drive at one instant.

    run: True: the master or the terminal requests run.
    dc_v: DC bus voltage, V.
    current_a: peak of the current's space vector, A.
    speed_rad_s: speed of the shaft, rad/s.
    winding_degc: winding temperature, °C.
    cause: a cause of a trip that is none of these values.
    """

    run: bool
    dc_v: float
    current_a: float = 0.0
    speed_rad_s: float = 0.0
    winding_degc: float = 20.0
    cause: Trip = Trip.NONE


class DriveLogic:
    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.state, self.trip = LogicState.READY, Trip.NONE
        self._clear_s: float | None = None  # time since which the cause of a trip is gone

    def step(self, now_s: float, inputs: DriveInputs) -> LogicState:
        """Update and return the state.

        A trip stops only a running drive; it stays until `reset` or the automatic restart.
        """
        cause = self._cause(inputs)
        still = abs(inputs.speed_rad_s) < self.limits.still_rad_s
        if self.state is LogicState.RUN and cause is not Trip.NONE:
            self.state, self.trip, self._clear_s = LogicState.FAULT, cause, None
        elif self.state is LogicState.FAULT:
            if cause is not Trip.NONE:
                self._clear_s = None
            elif self._clear_s is None:
                self._clear_s = now_s
            if self._clear_s is not None and now_s - self._clear_s >= self.limits.restart_s:
                self.reset(inputs)
        if self.state is LogicState.RUN and not inputs.run:
            self.state = LogicState.COAST
        if self.state is LogicState.COAST and still:
            self.state = LogicState.READY
        if self.state in (LogicState.READY, LogicState.COAST) and inputs.run and cause is Trip.NONE:
            self.state = LogicState.RUN
        return self.state

    def reset(self, inputs: DriveInputs) -> None:
        """Acknowledge a trip; no effect while its cause persists."""
        if self.state is LogicState.FAULT and self._cause(inputs) is Trip.NONE:
            still = abs(inputs.speed_rad_s) < self.limits.still_rad_s
            self.state, self.trip = LogicState.READY if still else LogicState.COAST, Trip.NONE

    def _cause(self, inputs: DriveInputs) -> Trip:
        limits = self.limits
        if inputs.cause is not Trip.NONE:
            return inputs.cause
        if inputs.dc_v < (limits.under_v if self.state is LogicState.RUN else limits.ready_v):
            return Trip.UNDERVOLTAGE
        if inputs.dc_v > limits.over_v:
            return Trip.OVERVOLTAGE
        if inputs.current_a > limits.over_a:
            return Trip.OVERCURRENT
        if inputs.winding_degc > limits.over_degc:
            return Trip.OVERHEATED
        return Trip.NONE


class RunningDrive:
    """A drive that runs at the beginning.

    free_rad_s: speed of the shaft while it differs from the demand. None: it follows the demand.
    """

    def __init__(self, limits: Limits) -> None:
        self._logic = DriveLogic(limits)
        self._logic.state = LogicState.RUN
        self.free_rad_s: float | None = None

    @property
    def tripped(self) -> bool:
        return self._logic.state is LogicState.FAULT

    @property
    def trip(self) -> Trip:
        return self._logic.trip

    @property
    def coasts(self) -> bool:
        """The gates are off."""
        return self._logic.state is not LogicState.RUN

    def step(
        self, now_s: float, dt_s: float, inputs: DriveInputs, wanted_rad_s: float, rate_rad_s2: float,
        coast: Callable[[float, float], float], jammed: bool = False,
    ) -> None:  # fmt: skip
        """Advance by dt_s. Without the gates the shaft coasts; after the restart the drive accelerates it from the
        present speed.

        inputs: measured values; the speed applies only while the shaft follows the demand.
        wanted_rad_s: speed of the demand.
        rate_rad_s2: rate of the acceleration ramp.
        coast: returns the speed of the coasting shaft from a speed and a time.
        jammed: the shaft does not turn.
        """
        speed = inputs.speed_rad_s if self.free_rad_s is None else self.free_rad_s
        self._logic.step(now_s, inputs._replace(speed_rad_s=speed))
        if jammed:
            self.free_rad_s = 0.0
        elif self.coasts:
            self.free_rad_s = coast(speed, dt_s)
        elif self.free_rad_s is not None:
            self.free_rad_s += rate_rad_s2 * dt_s
            if self.free_rad_s >= wanted_rad_s:
                self.free_rad_s = None
