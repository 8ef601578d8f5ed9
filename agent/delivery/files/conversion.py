"""What happens with closed files of the sink: conversion to Parquet in a separate process, which keeps the agent small.

A file that cannot be converted stays NDJSON and is tried again with the next one.
"""

from __future__ import annotations

import hashlib
import logging
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import msgspec
from msgspec import Struct

from agent import VERSION
from agent.config.model import Config
from agent.config.sinks import Files
from agent.delivery.files import snapshots
from agent.delivery.store.database_file import NAME
from drivers.reading import Clock

log = logging.getLogger(__name__)

CONVERT_S = 600.0
DAY_MS = 86_400_000
LOOK_MS, RETRY_MS = 60_000, 3_600_000  # between two searches for snapshots of waveforms; after a failure
SETTLED_MS = 15 * 60_000  # after midnight the last minute and the last quarter hour of the day are in the state file


class Conversion(Protocol):
    """by_day: whether a file is also closed when a new UTC day begins."""

    by_day: bool

    def start(self) -> None:
        """Called by the thread of the sink before the first row."""

    def convert(self, closed: Sequence[Path]) -> None:
        """Converts closed files, oldest first."""

    def after(self, t_ms: int) -> None:
        """Called when rows up to this time are written."""

    def finished(self) -> list[Path]:
        """Its files that may be deleted when space is short, oldest first, without those next to the open file."""
        ...

    def reconfigure(self, config: Config) -> None: ...


class LongConversion:
    """One file for each closed file, with a row for each value."""

    by_day = False

    def __init__(self, root: str) -> None:
        self._root = root

    def start(self) -> None:
        """Nothing to do."""

    def convert(self, closed: Sequence[Path]) -> None:
        for path in closed:
            run("agent.delivery.files.parquet", [str(path), self._root], path.name)

    def after(self, t_ms: int) -> None:
        """Nothing to do."""

    def finished(self) -> list[Path]:
        return []

    def reconfigure(self, config: Config) -> None:
        """Nothing depends on it."""


class ConfigurationFile(Struct, frozen=True):
    """A configuration. from_ms: UTC since when it has been in force. hash, text: of the file. timezone: of the site."""

    from_ms: int
    hash: str
    text: str
    timezone: str


class LakeExport(Struct, frozen=True):
    """What `python -m agent.delivery.files.lake` is to do: a JSON object on its standard input.

    lake: directory of the lake. root: topic of the gateway. site, gateway: its names. agent: version of magwatt.
    config: hash of the configuration.
    state_file: None: there is none.
    closed: NDJSON files to convert. snapshots: waveforms to convert.
    to_ms: end of the UTC day up to which the state file is exported; 0: not now.
    configurations: those that have been in force.
    """

    lake: Path
    root: str
    site: str
    gateway: str
    agent: str
    config: str
    state_file: Path | None
    closed: tuple[Path, ...] = ()
    snapshots: tuple[Path, ...] = ()
    to_ms: int = 0
    configurations: tuple[ConfigurationFile, ...] = ()


class LakeConversion:
    """Files with a column for each metric in hive partitions, and daily what the state file has."""

    by_day = True

    def __init__(self, settings: Files, config: Config, state_dir: Path | None, clock: Clock) -> None:
        self._directory, self._clock = settings.directory, clock
        self._state_file = state_dir / NAME if state_dir else None
        self._config = config
        self._configurations: list[ConfigurationFile] = []
        self._due_ms = self._looked_ms = self._wait_ms = 0
        self.reconfigure(config)

    def start(self) -> None:
        self._export_state(self._clock.utc_ns() // 1_000_000)

    def convert(self, closed: Sequence[Path]) -> None:
        for path in closed:
            self._run(path.name, closed=(path,))

    def after(self, t_ms: int) -> None:
        if t_ms >= self._due_ms:
            self._export_state(t_ms)
        if abs(t_ms - self._looked_ms) >= self._wait_ms:
            self._looked_ms = t_ms
            found = snapshots.waiting(self._directory)
            done = not found or self._run("waveforms", snapshots=tuple(found))
            self._wait_ms = LOOK_MS if done else RETRY_MS

    def finished(self) -> list[Path]:
        site = self._config.site
        partitions = self._directory.glob(f"*/v=*/site={site.id}/gateway={site.gateway}/day=*/*.parquet")
        converted = sorted(partitions, key=lambda path: (path.parent.name, path.name))
        return [*converted, *snapshots.waiting(self._directory)]

    def reconfigure(self, config: Config) -> None:
        """The file is read now: its next version may replace it before it is exported."""
        self._config = config
        try:
            text = config.path.read_bytes()
        except OSError as error:
            log.warning("file: the configuration is not exported: %s", error)
            return
        if hashlib.sha256(text).hexdigest()[:16] == config.hash:  # otherwise the next version is about to be loaded
            now_ms = self._clock.utc_ns() // 1_000_000
            self._configurations.append(ConfigurationFile(now_ms, config.hash, text.decode(), config.site.timezone))
            self._due_ms = 0

    def _export_state(self, now_ms: int) -> None:
        self._due_ms = (now_ms - SETTLED_MS) // DAY_MS * DAY_MS + DAY_MS + SETTLED_MS
        known = tuple(self._configurations)
        to_ms = self._due_ms - DAY_MS - SETTLED_MS
        if self._run("state", to_ms=to_ms, configurations=known):
            del self._configurations[: len(known)]

    def _run(self, what: str, **tasks: Any) -> bool:
        site = self._config.site
        export = LakeExport(
            self._directory, site.root, site.id, site.gateway, VERSION, self._config.hash, self._state_file, **tasks
        )
        return run("agent.delivery.files.lake", [], what, msgspec.json.encode(export, enc_hook=str))


def run(module: str, arguments: Sequence[str], what: str, text: bytes = b"") -> bool:
    """Runs a module of this program with `text` as its input; returns whether it succeeded. A failure is logged."""
    command = [sys.executable, "-P", "-m", module, *arguments]
    try:
        done = subprocess.run(command, input=text, capture_output=True, timeout=CONVERT_S, check=False)
    except subprocess.TimeoutExpired:
        log.warning("file: %s was not converted to Parquet within %.0f s; next attempt later", what, CONVERT_S)
        return False
    if done.returncode:
        error = (done.stderr.decode(errors="replace").strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        log.warning("file: %s was not converted to Parquet: %s", what, error)
    return done.returncode == 0
