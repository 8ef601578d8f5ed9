"""Built-in plants by name: a module in `_MODULES` with a `SCENARIO`, or a file in data/.

docs/scenarios.md describes each.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, Protocol

from drivers.reasons import InvalidValue
from drivers.recordings.reasons import with_suggestion
from simulators.clock import START_UTC_NS
from simulators.devices.device import SimulatedDevice
from simulators.devices.waves import Sampler
from simulators.endpoints import Endpoints, Outlet
from simulators.plant.station_trains import Train
from simulators.reasons import SCENARIO_UNKNOWN
from simulators.truth import Row

if TYPE_CHECKING:
    from simulators.scenarios.retrofit_timeline import RetrofitTimeline

_MODULES = {
    "noisy-line": "simulators.scenarios.noisy_line",
    "pump-station": "simulators.scenarios.pump_station",
}
_DATA = Path(__file__).parent / "data"
_NO_SCENARIO = {"motors"}


@dataclass(frozen=True, slots=True)
class ScenarioLine:
    """The devices on one bus, for plants that run without real buses.

    devices: one for each unit identifier.
    serial: True: RS-485; False: Modbus TCP.
    silent: unit identifiers that do not respond now; may change during the run.
    """

    devices: Sequence[SimulatedDevice]
    serial: bool = False
    silent: Container[int] = ()


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
    faults: names of the faults that `provoke` can cause.
    provoke: causes a fault; arguments are plant, name and seconds after the start. None: no faults.
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
    faults: tuple[str, ...] = ()
    provoke: Callable[[Any, str, float], None] | None = None
    start_utc_ns: int = START_UTC_NS
    life: RetrofitTimeline | None = None
    digest: str = ""


def names() -> tuple[str, ...]:
    return tuple(sorted([*_MODULES, *_files()]))


def _files() -> dict[str, Path]:
    return {path.stem: path for path in _DATA.glob("*.toml") if path.stem not in _NO_SCENARIO}


def load(name: str) -> Scenario:
    """Return a scenario by name or by path (ends in .toml). Raises InvalidValue."""
    files = _files()
    if name in files or name.endswith(".toml"):
        from simulators.scenarios.from_file import scenario_from

        return scenario_from(files.get(name) or Path(name))
    if name not in _MODULES:
        raise InvalidValue(with_suggestion(SCENARIO_UNKNOWN(scenario=name, known=names()), name, names()))
    scenario = import_module(_MODULES[name]).SCENARIO
    assert isinstance(scenario, Scenario)
    return scenario
