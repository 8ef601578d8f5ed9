"""Snapshots of waveforms that wait for their conversion: one line of JSON, then the samples as 32-bit floats."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from agent.core.files import sync_directory
from agent.core.local_time import format_date

WAITING = ".snapshot"
DATASET = "snapshot"
VERSION = 1
DAILY = "daily"
_NAME = re.compile(r"(.+)-(\d+)\.(?:snapshot|parquet)")
_MS = 1_000_000


class SnapshotHeader(Struct, frozen=True, kw_only=True):
    """What is known about a snapshot. An unknown value is None.

    version: of this header.
    asset: the motor.
    start_ns: UTC of the first sample.
    rate_hz: nominal sampling rate.
    samples: number of samples of each channel. missing: of these, those that did not arrive; they are NaN.
    channels: names. scales: V or A for each count of the sender, with the ratios of its transformers.
    clipping: magnitude at which each channel clips, V or A.
    u_pct: expanded uncertainty (k = 2) of the voltages and currents in percent, as stated by the sender.
    wiring: as the analysis takes the voltages: 3P4W, to neutral or another common point; None: channels are missing.
    quality: names of the flags of any of the samples.
    reason: "daily", or the code of the event or alarm. omitted: events since the last snapshot that got none.
    config: hash of the configuration.
    machine: data of the motor and where it is measured. plate: nameplate for method M7. supply: declared values of the
        mains supply, None at the output of a drive. All three as the agent used them.
    """

    version: int = VERSION
    asset: str
    start_ns: int
    rate_hz: float
    samples: int
    missing: int
    channels: tuple[str, ...]
    scales: tuple[float | None, ...] = ()
    clipping: tuple[float | None, ...] = ()
    u_pct: float | None = None
    wiring: str | None = None
    quality: tuple[str, ...] = ()
    reason: str = DAILY
    omitted: int = 0
    config: str = ""
    machine: Mapping[str, Any] | None = None
    plate: Mapping[str, Any] | None = None
    supply: Mapping[str, Any] | None = None

    @property
    def name(self) -> str:
        """Of its file, without the extension."""
        return f"{self.asset}-{self.start_ns // _MS}"


def write_waiting(directory: Path, header: SnapshotHeader, samples: Any) -> Path:
    """Writes a snapshot to the disk; it appears complete or not at all. Raises OSError.

    samples: float32, shape (channels, samples), C order.
    """
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{header.name}{WAITING}"
    partial = path.with_suffix(".partial")
    with partial.open("wb") as file:
        file.write(msgspec.json.encode(header) + b"\n")
        file.write(samples)
        file.flush()
        os.fsync(file.fileno())
    partial.rename(path)
    sync_directory(directory)
    return path


def read_waiting(path: Path) -> tuple[SnapshotHeader, list[memoryview]]:
    """The header, and the samples of each channel as bytes. Raises OSError, ValueError."""
    line, _, body = path.read_bytes().partition(b"\n")
    header = msgspec.json.decode(line, type=SnapshotHeader)
    size = 4 * header.samples
    if len(body) != size * len(header.channels):
        raise ValueError(f"{path.name}: {len(body)} bytes of samples, {size * len(header.channels)} expected")
    view = memoryview(body)
    return header, [view[size * number : size * (number + 1)] for number in range(len(header.channels))]


def waiting(directory: Path) -> list[Path]:
    """Those that are not converted yet, oldest first."""
    return sorted(directory.glob(f"*{WAITING}"), key=lambda path: path.stem.rpartition("-")[2])


def count_of_day(directory: Path, site: str, gateway: str, asset: str, day: str) -> int:
    """Snapshots of an asset and UTC day (2026-10-01) that are on the disk, converted or not."""
    converted = directory.glob(f"{DATASET}/v=*/site={site}/gateway={gateway}/day={day}/*.parquet")
    found = (_NAME.fullmatch(path.name) for path in (*waiting(directory), *converted))
    return sum(match[1] == asset and format_date(int(match[2]), "UTC") == day for match in found if match)
