"""The analyses, what each one reads, and the version of its code."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

from msgspec import Struct

from agent import VERSION

ROOT = Path(__file__).parents[3]
CODE = {".py", ".csv", ".toml"}
Row = Mapping[str, Any]


class Analysis(Struct, frozen=True):
    """An analysis. It is a pure function of the files of one input.

    name: of the command line and of the folder of results.
    dataset: what it reads. by_ledger: an input is a complete ledger; otherwise each file is one.
    place: module:name of the function: contents of the files → rows.
    sources: folders with the code on which its results depend.
    batch: inputs of one task: half a second of work or more, so that passing it on costs little.
    """

    name: str
    dataset: str
    place: str
    sources: tuple[str, ...]
    batch: int = 20
    by_ledger: bool = False

    def function(self) -> Callable[[Sequence[bytes]], list[Row]]:
        """Raises ArrowException for damaged content."""
        module, _, name = self.place.partition(":")
        found: Callable[[Sequence[bytes]], list[Row]] = getattr(import_module(module), name)
        return found


_OWN, _WAVEFORMS = "agent/fleet/reanalysis", "agent.fleet.reanalysis.waveforms"
_OF_WAVEFORMS = (_OWN, "agent/analysis", "agent/core/metrics.py", "dsp", "drivers/recordings")
ANALYSES = {
    analysis.name: analysis
    for analysis in (
        Analysis("power-quality", "snapshot", f"{_WAVEFORMS}:power_quality", _OF_WAVEFORMS),
        Analysis("efficiency", "snapshot", f"{_WAVEFORMS}:efficiency", _OF_WAVEFORMS),
        Analysis("condition", "snapshot", f"{_WAVEFORMS}:condition", _OF_WAVEFORMS),
        Analysis(
            "baseline",
            "ledger",
            "agent.fleet.reanalysis.motor_months:baseline",
            (_OWN, "agent/savings", "agent/config", "drivers"),
            1,
            True,
        ),
    )
}


@cache
def code_version(name: str) -> str:
    """Version of magwatt, and a hash of the sources of an analysis and of the version of numpy."""
    digest = hashlib.sha256(metadata.version("numpy").encode())
    for source in ANALYSES[name].sources:
        place = ROOT / source
        files = (file for file in place.rglob("*") if file.suffix in CODE) if place.is_dir() else [place]
        for file in sorted(files):
            digest.update(file.relative_to(ROOT).as_posix().encode() + b"\0" + file.read_bytes())
    return f"{VERSION}-{digest.hexdigest()[:12]}"
