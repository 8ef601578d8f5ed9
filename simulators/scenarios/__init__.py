"""Ready plants by name: a module in `_MODULES` with a `SCENARIO`, or a file in data/. docs/scenarios.md shows each."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, Protocol

from simulators.clock import START_UTC_NS
from simulators.devices.device import SimulatedDevice
from simulators.devices.waves import Sampler
from simulators.endpoints import Endpoints, Outlet
from simulators.plant.units import Train
from simulators.truth import Row

if TYPE_CHECKING:
    from simulators.scenarios.life import Life

_MODULES = {
    "noisy-line": "simulators.scenarios.noisy_line",
    "pump-station": "simulators.scenarios.pump_station",
}
_DATA = Path(__file__).parent / "data"
_NO_SCENARIO = {"motors"}


@dataclass(frozen=True, slots=True)
class Line:
    """The devices on one wire, for plants that run without wires. silent: units that say nothing now; it may change."""

    devices: Sequence[SimulatedDevice]
    serial: bool = False
    silent: Container[int] = ()


class Plant(Protocol):
    """A plant with its instruments, one instant at a time."""

    @property
    def lines(self) -> Mapping[str, Line]:
        """What is on its wires, by the name that they have in Endpoints."""
        ...

    @property
    def outlets(self) -> Mapping[str, Outlet]:
        """Its wires, by the name that they have in Endpoints."""
        ...

    def step(self, dt_s: float) -> None: ...

    def truth(self) -> Mapping[str, Row]:
        """Asset → what is true now."""
        ...

    def sampled(self) -> Train | Sampler | None:
        """Whose waveforms are sampled, always or never: a train's phasors, or what makes its own samples."""
        ...


@dataclass(frozen=True, slots=True)
class Scenario:
    """build: a new plant from a source of chance.

    config_toml: the agent's configuration from endpoints, MQTT URL and state directory.
    drift_ppm: of the waveform sampler's clock. with_plc: the same with a PLC that polls the line.
    hours: after which it has shown what it shows.
    devices: what is where, a line each. faults: what can be provoked, by
    plant, name and seconds after the start.
    start_utc_ns: when its first second is, where time is its own. life: of a retrofit; config_toml is that of before.
    digest: of the file that it comes from.
    """

    name: str
    about: str
    step_s: float
    build: Callable[[Random], Plant]
    config_toml: Callable[[Endpoints, str, str], str]
    drift_ppm: float = 0.0
    with_plc: Scenario | None = None
    hours: float = 1.0
    devices: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
    provoke: Callable[[Any, str, float], None] | None = None
    start_utc_ns: int = START_UTC_NS
    life: Life | None = None
    digest: str = ""


def names() -> tuple[str, ...]:
    return tuple(sorted([*_MODULES, *_files()]))


def _files() -> dict[str, Path]:
    return {path.stem: path for path in _DATA.glob("*.toml") if path.stem not in _NO_SCENARIO}


def load(name: str) -> Scenario:
    """By name, or a scenario's own file (a path that ends in .toml). Raises ValueError: one line."""
    files = _files()
    if name in files or name.endswith(".toml"):
        from simulators.scenarios.from_file import scenario_from

        return scenario_from(files.get(name) or Path(name))
    if name not in _MODULES:
        near = difflib.get_close_matches(name, names(), 1, 0.5)
        hint = f"did you mean '{near[0]}'?" if near else f"known: {', '.join(names())}"
        raise ValueError(f"{name}: no such scenario; {hint}")
    scenario = import_module(_MODULES[name]).SCENARIO
    assert isinstance(scenario, Scenario)
    return scenario
