"""Built-in plants by name: a module in `_MODULES` with a `SCENARIO`, or a file in data/.

docs/reference/scenarios.md describes each.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from drivers.file_reasons import with_suggestion
from drivers.reasons import InvalidValue
from simulators.reasons import SCENARIO_UNKNOWN
from simulators.scenarios.scenario import PlannedFault, Plant, Scenario, ScenarioLine

__all__ = ["PlannedFault", "Plant", "Scenario", "ScenarioLine", "load", "names"]

_MODULES = {
    "noisy-line": "simulators.scenarios.noisy_line",
    "pump-station": "simulators.scenarios.pump_station",
}
_DATA = Path(__file__).parent / "data"
_NO_SCENARIO = {"motors"}


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
