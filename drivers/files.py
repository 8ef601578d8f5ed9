"""Loads recordings from npz, CSV and COMTRADE files."""

from __future__ import annotations

import math
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drivers.channels import Raw, one_line
from drivers.comtrade_file import read_comtrade
from drivers.csv_file import read_csv
from drivers.errors import FileError

ROLES = ("u1", "u2", "u3", "i1", "i2", "i3")
RATE_MAX_HZ = 10e6  # above the rate of all known recorders; later buffers are sized by the rate


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording with assigned channels.

    rate_hz: sampling rate.
    samples: float64, shape (6, n), C order, rows u1 u2 u3 i1 i2 i3 in V and A; NaN where a sample or a row is missing.
    present: which of the six rows exist.
    notes: messages for the user, one line each, for example about a truncated file.
    """

    rate_hz: float
    samples: NDArray[np.float64]
    present: tuple[bool, ...]
    notes: tuple[str, ...] = ()


def load(path: Path, mapping: Mapping[str, str] | None = None) -> Recording:
    """Loads a recording and assigns its channels.

    mapping: role (u1 … i3) → name of the channel, or its number (from 1, without the time column); None or empty: by
        the names, phases and units in the file.
    Raises FileError with the content of the file and the correction.
    """
    _must_be_a_file(path)
    suffix = path.suffix.lower()
    if suffix == ".npz":
        raw = _npz(path)
    elif suffix in (".cfg", ".dat", ".cff"):
        raw = read_comtrade(path)
    elif suffix in (".csv", ".txt", ".tsv"):
        raw = read_csv(path)
    else:
        raise FileError(f"{path}: unknown file type {suffix!r}; use .npz, .csv or COMTRADE (.cfg with .dat, or .cff)")
    return _assign(path, raw, mapping or {})


def _must_be_a_file(path: Path) -> None:
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        raise FileError(f"{path}: no such file") from None
    except (OSError, ValueError) as error:
        raise FileError(f"{path}: {getattr(error, 'strerror', None) or error}") from None
    if stat.S_ISDIR(found.st_mode):
        raise FileError(f"{path}: is a directory; name a file")
    if not stat.S_ISREG(found.st_mode):
        raise FileError(f"{path}: is not a regular file")
    if found.st_size == 0:
        raise FileError(f"{path}: the file is empty")


def parse_map(text: str) -> dict[str, str]:
    """`u1=VA,u2=VB,i1=4` → {"u1": "VA", …}. Raises FileError."""
    found: dict[str, str] = {}
    for part in filter(None, (item.strip() for item in text.split(","))):
        role, equals, name = (item.strip() for item in part.partition("="))
        if not equals or not name or role not in ROLES:
            raise FileError(f"--map {part}: expected role=channel with one of the roles {', '.join(ROLES)}")
        if role in found:
            raise FileError(f"--map {part}: {role} occurs twice")
        found[role] = name
    return found


def _assign(path: Path, raw: Raw, mapping: Mapping[str, str]) -> Recording:
    names = list(raw.channels)
    if not names or not all(array.size for array in raw.channels.values()):
        raise FileError(f"{path}: no samples")
    if not 0 < raw.rate_hz <= RATE_MAX_HZ:
        raise FileError(f"{path}: implausible sampling rate of {raw.rate_hz:g} Hz; the maximum is {RATE_MAX_HZ:g} Hz")
    chosen: dict[str, str] = {}
    for role, wanted in mapping.items():
        if wanted in raw.channels:
            name = wanted
        elif wanted.isdecimal() and len(wanted) < 9 and 1 <= int(wanted) <= len(names):
            name = names[int(wanted) - 1]
        else:
            why = "".join(f"; {note}" for note in raw.notes if wanted in note)
            raise FileError(f"{path}: no channel {wanted!r}; channels: {_some(names)}{why}")
        other = next((role for role, taken in chosen.items() if taken == name), None)
        if other:
            raise FileError(f"{path}: --map assigns the channel {name!r} to both {other} and {role}")
        chosen[role] = name
    if not mapping:
        for name, role in raw.roles.items():
            if role in chosen:
                raise FileError(
                    f"{path}: {chosen[role]!r} and {name!r} both match {role}; select one with --map {role}={name},…; "
                    f"channels: {_some(names)}"
                )
            chosen[role] = name
    if not chosen:
        raise FileError(
            f"{path}: voltages and currents cannot be identified; assign them with --map, for example "
            f"--map u1={names[0]}; channels: {_some(names)}"
        )
    length = len(next(iter(raw.channels.values())))
    samples = np.full((6, length), math.nan)
    for role, name in chosen.items():
        samples[ROLES.index(role)] = raw.channels[name]
    samples[np.isinf(samples)] = math.nan
    return Recording(raw.rate_hz, samples, tuple(role in chosen for role in ROLES), tuple(raw.notes))


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(name if len(name) <= 40 else f"{name[:39]}…" for name in names[:12])
    return shown + (f" and {len(names) - 12} more" if len(names) > 12 else "")


def _npz(path: Path) -> Raw:
    try:
        with path.open("rb") as file:
            archive = np.load(file, allow_pickle=False)
            single = isinstance(archive, np.ndarray)
            members = {} if single else {name: archive[name] for name in archive.files}
    except Exception as error:  # zip, zlib and numpy raise many types for a corrupt archive
        raise FileError(f"{path}: not a readable npz file ({one_line(error)})") from None
    if single:
        raise FileError(
            f"{path}: contains a single array (npy), not an npz archive; write it with numpy.savez(file, fs=…, u_abc=…)"
        )
    data: dict[str, NDArray[Any]] = {key: value for key, value in members.items() if isinstance(value, np.ndarray)}
    if "fs" not in data or data["fs"].size != 1:
        raise FileError(
            f"{path}: fs (the sampling rate in Hz) is missing or not a single number; arrays: {_some(list(data))}"
        )
    if data["fs"].dtype.kind not in "fiu":
        raise FileError(f"{path}: fs must be a sampling rate in Hz; it is {_kind(data['fs'])}")
    rate_hz = float(data["fs"].reshape(()))
    if not (math.isfinite(rate_hz) and rate_hz > 0):
        raise FileError(f"{path}: fs must be a sampling rate in Hz; it is {rate_hz}")
    channels, roles = {}, {}
    for key, letter in (("u_abc", "u"), ("i_abc", "i")):
        if key in data:
            if data[key].ndim != 2 or data[key].shape[0] != 3:
                raise FileError(f"{path}: {key} must have the shape (3, N); its shape is {data[key].shape}")
            if data[key].dtype.kind not in "fiu":
                raise FileError(f"{path}: {key} must contain real numbers; it is {_kind(data[key])}")
            for phase in range(3):
                channels[f"{letter}{phase + 1}"] = data[key][phase].astype(np.float64)
                roles[f"{letter}{phase + 1}"] = f"{letter}{phase + 1}"
    for key, value in data.items():  # other arrays can be mapped by name, two-dimensional ones as name_1, name_2 …
        if key not in ("u_abc", "i_abc", "fs") and value.ndim in (1, 2) and value.dtype.kind in "fiu":
            rows = value.reshape(1, -1) if value.ndim == 1 else value
            for number, row in enumerate(rows[:8], 1):
                channels[key if value.ndim == 1 else f"{key}_{number}"] = row.astype(np.float64)
    length = {len(channels[name]) for name in roles} or {max((len(row) for row in channels.values()), default=0)}
    if len(length) != 1:
        raise FileError(f"{path}: u_abc and i_abc have different lengths")
    size = length.pop()
    other = [f"{name} ({len(row)})" for name, row in channels.items() if len(row) != size]
    notes = [f"{path.name}: ignored arrays whose length is not {size} samples: {_some(other)}"] if other else []
    return Raw(rate_hz, {name: row for name, row in channels.items() if len(row) == size}, roles, notes)


def _kind(array: NDArray[Any]) -> str:
    words = {"U": "text", "S": "text", "c": "complex", "M": "dates", "m": "time spans", "b": "true/false"}
    return words.get(array.dtype.kind, f"of type {array.dtype}")
