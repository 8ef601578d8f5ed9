"""What a scenario consists of: a plant on its buses, and the configuration of the agent."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, NamedTuple, Protocol

from simulators.clock import START_UTC_NS
from simulators.devices.device import SimulatedDevice
from simulators.devices.energy_meter import EnergyMeter
from simulators.devices.waves import Sampler
from simulators.endpoints import Endpoints, Outlet
from simulators.plant.train import Train
from simulators.scenarios.retrofit_timeline import RetrofitTimeline
from simulators.truth import Row


@dataclass(frozen=True, slots=True)
class ScenarioLine:
    """The devices on one bus, for plants that run without real buses.

    devices: one for each unit identifier.
    serial: True: RS-485; False: Modbus TCP.
    silent: unit identifiers that do not respond now; may change during the run.
    """

    devices: Sequence[SimulatedDevice | EnergyMeter]
    serial: bool = False
    silent: Container[int] = ()


class PlannedFault(NamedTuple):
    """A fault to cause.

    name: one of Scenario.faults.
    at_s, to_s: begin and end, seconds after the start. to_s None: the usual duration.
    motor: name of the motor; empty: the first that can have the fault.
    """

    name: str
    at_s: float
    to_s: float | None = None
    motor: str = ""

    def later(self, age_s: float) -> PlannedFault:
        """The same fault in a plant that is older by age_s at its start."""
        return self._replace(at_s=self.at_s + age_s, to_s=None if self.to_s is None else self.to_s + age_s)


class Plant(Protocol):
    """A plant with its instruments, advanced step by step."""

    @property
    def lines(self) -> Mapping[str, ScenarioLine]:
        """The devices on each bus, by the name of the bus in Endpoints."""
        ...

    @property
    def outlets(self) -> Mapping[str, Outlet]:
        """The buses, by their name in Endpoints."""
        ...

    def step(self, dt_s: float) -> None: ...

    def truth(self) -> Mapping[str, Row]:
        """Return asset → true values now."""
        ...

    def sampled(self) -> Train | Sampler | None:
        """Return the sampled train's phasors or a source of samples; None if the plant has no waveform stream."""
        ...


@dataclass(frozen=True, slots=True)
class Scenario:
    """A plant with its configuration.

    name: name of the scenario.
    about: description in one line.
    step_s: step of the plant, seconds.
    build: builds a new plant from a random source.
    config_toml: returns the agent's configuration for endpoints, MQTT URL and state directory.
    drift_ppm: deviation of the waveform sampler's clock, ppm.
    with_plc: the same plant with a PLC that polls the line. None: no line for a PLC.
    hours: duration after which the scenario has shown its subject, hours.
    devices: unit identifier and model of each virtual device; empty for a plant.
    faults: fault that `provoke` can cause → the motors that can have it; a fault of the supply has none.
    provoke: causes a fault; arguments are the plant and the fields of PlannedFault. None: no faults.
    start_utc_ns: time of the first second on a virtual clock.
    life: retrofit during the run; config_toml is then the configuration before it. None: no retrofit.
    digest: digest of the scenario file; empty for a module.
    """

    name: str
    about: str
    step_s: float
    build: Callable[[Random], Plant]
    config_toml: Callable[[Endpoints, str, str], str]
    drift_ppm: float = 0.0
    with_plc: Scenario | None = None
    hours: float = 1.0
    devices: tuple[tuple[int, str], ...] = ()
    faults: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    provoke: Callable[[Any, str, float, float | None, str], None] | None = None
    start_utc_ns: int = START_UTC_NS
    life: RetrofitTimeline | None = None
    digest: str = ""
