"""The record of the run in a folder of `magwatt simulate --state-dir`, from which the same command resumes it."""

from __future__ import annotations

from pathlib import Path

import msgspec
from msgspec import Struct

from agent import VERSION
from agent.simulation import reasons as codes
from drivers.reasons import InvalidValue
from simulators.scenarios import PlannedFault, Scenario

FILE = "simulated.json"


class RunState(Struct, frozen=True):
    """A run, or several runs that continue each other.

    scenario, seed, fault: what is simulated.
    digest: digest of the scenario file.
    seconds: simulated time of all runs. None: a run is in progress.
    software: version of magwatt; another version can give another plant for the same seed.
    """

    scenario: str
    seed: int
    fault: PlannedFault | None
    digest: str
    seconds: float | None
    software: str = ""

    def save(self, folder: Path) -> None:
        """Writes the record, atomically."""
        unfinished = folder / f"{FILE}.part"
        unfinished.write_bytes(msgspec.json.encode(self) + b"\n")
        unfinished.replace(folder / FILE)


def load_run(folder: Path | None, scenario: Scenario, seed: int, fault: PlannedFault | None) -> RunState:
    """The earlier run in a folder, or a new one if there is no folder or it is empty.

    Raises InvalidValue if the run cannot be resumed.
    """
    requested = RunState(scenario.name, seed, fault, scenario.digest, 0.0, VERSION)
    if folder is None or not folder.exists() or not any(folder.iterdir()):
        return requested
    file, place = folder / FILE, str(folder)
    if not file.is_file():
        raise InvalidValue(codes.RUN_FOLDER_NOT_EMPTY, folder=place)
    try:
        saved = msgspec.json.decode(file.read_bytes(), type=RunState)
    except (OSError, msgspec.DecodeError) as error:
        raise InvalidValue(codes.RUN_RECORD_CORRUPT, folder=place, file=FILE, error=str(error)) from None
    for code, earlier, now in (
        (codes.OTHER_SCENARIO, saved.scenario, requested.scenario),
        (codes.OTHER_SEED, saved.seed, requested.seed),
        (codes.OTHER_FAULT, _fault_text(saved.fault), _fault_text(requested.fault)),
        (codes.OTHER_VERSION, saved.software, requested.software),
    ):
        if earlier != now:
            raise InvalidValue(code, folder=place, earlier=earlier, now=now)
    if saved.digest != requested.digest:
        raise InvalidValue(codes.SCENARIO_CHANGED, folder=place, scenario=scenario.name)
    if saved.seconds is None:
        raise InvalidValue(codes.RUN_NOT_FINISHED, folder=place)
    return saved


def _fault_text(fault: PlannedFault | None) -> str:
    if fault is None:
        return "–"
    until = "" if fault.to_s is None else f"-{fault.to_s:g}"
    return f"{fault.name}@{fault.at_s:g}{until}" + (f":{fault.motor}" if fault.motor else "")
