"""What a folder of `magwatt simulate --state-dir` knows of its runs: the same command goes on where the last ended."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path

from simulators.scenarios import Scenario

FILE = "simulated.json"


@dataclass(frozen=True, slots=True)
class KeptRun:
    """seconds: of the plant's time, of all runs together; None while one runs. digest: of the scenario's file.
    software: the version; another may make another plant of the same seed."""

    scenario: str
    seed: int
    fault: list[str | float] | None
    digest: str
    seconds: float | None
    software: str = ""

    def save(self, folder: Path) -> None:
        unfinished = folder / f"{FILE}.part"
        unfinished.write_text(json.dumps(asdict(self)) + "\n", encoding="utf-8")
        unfinished.replace(folder / FILE)


def take_up(folder: Path | None, scenario: Scenario, seed: int, fault: tuple[str, float] | None) -> KeptRun:
    """The folder's earlier run, or a new one in a new folder or none. Raises ValueError: one line that says why it
    cannot be gone on with."""
    wanted = KeptRun(
        scenario.name, seed, list(fault) if fault else None, scenario.digest, 0.0, metadata.version("magwatt")
    )
    if folder is None or not folder.exists() or not any(folder.iterdir()):
        return wanted
    file, new = folder / FILE, "name a new folder"
    if not file.is_file():
        raise ValueError(f"--state-dir {folder}: is not empty, and no run of magwatt simulate left it; {new}")
    try:
        kept = KeptRun(**json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise ValueError(f"--state-dir {folder}: {FILE} cannot be read ({error}); {new}") from None
    for what, was, now in (
        ("scenario", kept.scenario, wanted.scenario), ("seed", kept.seed, wanted.seed),
        ("fault", kept.fault, wanted.fault), ("version", kept.software, wanted.software),
    ):  # fmt: skip
        if was != now:
            raise ValueError(
                f"--state-dir {folder}: holds a run with {what} {was or 'none'}, not {now or 'none'}; {new}"
            )
    if kept.digest != wanted.digest:
        raise ValueError(f"--state-dir {folder}: the file of {scenario.name} was changed since its last run; {new}")
    if kept.seconds is None:
        raise ValueError(
            f"--state-dir {folder}: its last run was killed or runs still: how far it came is not known; {new}"
        )
    return kept
