"""Channels of a recording before they are assigned to phases; helpers for the file formats."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from msgspec import Struct, field
from numpy.typing import NDArray

from drivers import error_reasons as codes
from drivers.errors import FileError
from drivers.reasons import Reason

UNIT_SCALE = {"": 1.0, "V": 1.0, "A": 1.0, "kV": 1e3, "kA": 1e3, "KV": 1e3, "KA": 1e3, "mV": 1e-3, "mA": 1e-3}
RECORDING_BYTES_MAX = 1_200_000_000  # as float64: 40 min of six channels at 10.24 kS/s
_PHASES = {"A": "1", "B": "2", "C": "3", "1": "1", "2": "2", "3": "3", "L1": "1", "L2": "2", "L3": "3", "R": "1",
           "S": "2", "T": "3"}  # fmt: skip


class RawChannel(Struct, frozen=True):
    """Content of a file.

    rate_hz: sampling rate.
    channels: name → samples in V or A; NaN where a sample is missing.
    roles: name → role (u1 … i3), as far as the file states it.
    ignored: name → number of samples of arrays that are no channels, because their lengths differ.
    notes: messages for the user.
    dc: sampling rate in Hz and voltage of the DC link of a drive in V, shape (m,); None: not recorded.
    """

    rate_hz: float
    channels: Mapping[str, NDArray[np.float64]]
    roles: Mapping[str, str]
    ignored: Mapping[str, int] = field(default_factory=dict)
    notes: Sequence[Reason] = ()
    dc: tuple[float, NDArray[np.float64]] | None = None


def check_size(path: Path, size_bytes: int, max_bytes: int = RECORDING_BYTES_MAX) -> None:
    """Raises FileError if this is more than a recording may have, before memory is allocated for it."""
    if size_bytes > max_bytes:
        raise FileError(
            codes.RECORDING_TOO_LARGE, path=str(path), size_mb=size_bytes / 1e6, size_max_mb=max_bytes / 1e6
        )


def role_of(name: str, unit: str, phase: str) -> str | None:
    """Role (u1 … i3) of a channel from phase and unit, or from a name such as VA, UL2, i3; None: unknown."""
    kind = {"V": "u", "A": "i"}.get(unit.upper()[-1:])
    if kind and phase.upper() in _PHASES:
        return kind + _PHASES[phase.upper()]
    found = re.fullmatch(r"([UVI])_?(L?[123]|[ABCRST])", name.upper())
    return ("i" if found[1] == "I" else "u") + _PHASES[found[2]] if found else None


def rate_of(path: Path, time_s: NDArray[np.float64]) -> float:
    """Sampling rate in Hz from the times of the samples. Raises FileError if they are not evenly spaced."""
    if not np.isfinite(time_s).all():
        line = int(np.argmin(np.isfinite(time_s))) + 1
        raise FileError(codes.SAMPLE_TIME_MISSING, path=str(path), line=line)
    step_s = float(time_s[-1] - time_s[0]) / (len(time_s) - 1) if len(time_s) > 1 else 0.0
    if step_s <= 0:
        raise FileError(codes.SAMPLE_TIME_CONSTANT, path=str(path))
    worst = np.abs(time_s - time_s[0] - step_s * np.arange(len(time_s))).max()
    if worst > 0.6 * step_s:
        raise FileError(codes.SAMPLES_UNEVEN, path=str(path), intervals=float(worst / step_s))
    return float(1 / step_s)


def excerpt(text: str, characters: int) -> str:
    """The first characters of a text of a file, with control characters escaped."""
    return repr(text[:characters])[1:-1]


def one_line(error: Exception) -> str:
    """Type and text of an exception in one line of at most 200 characters."""
    return " ".join(f"{type(error).__name__}: {error}".split())[:200]
