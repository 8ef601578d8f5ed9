"""Recordings from files: npz, CSV and COMTRADE into samples by channel."""

from __future__ import annotations

import csv
import math
import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from drivers.errors import FileError

ROLES = ("u1", "u2", "u3", "i1", "i2", "i3")
_UNIT_SCALE = {"": 1.0, "V": 1.0, "A": 1.0, "kV": 1e3, "kA": 1e3, "KV": 1e3, "KA": 1e3, "mV": 1e-3, "mA": 1e-3}
_TIME_NAMES = re.compile(r"^(x-axis|time|t|second|seconds|s|sec|zeit|时间)\b", re.IGNORECASE)
_PHASES = {"A": "1", "B": "2", "C": "3", "1": "1", "2": "2", "3": "3", "L1": "1", "L2": "2", "L3": "3", "R": "1",
           "S": "2", "T": "3"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Recording:
    """samples: float64, shape (6, n), C order, rows u1 u2 u3 i1 i2 i3 in V and A; rows not present are NaN."""

    rate_hz: float
    samples: NDArray[np.float64]
    present: tuple[bool, ...]


@dataclass(frozen=True, slots=True)
class _Raw:
    """What a file holds before roles are given. roles: what the file itself says about a channel (name → role)."""

    rate_hz: float
    channels: Mapping[str, NDArray[np.float64]]
    roles: Mapping[str, str]


def load(path: Path, mapping: Mapping[str, str] | None = None) -> Recording:
    """A recording with its channels in place.

    mapping: role (u1 … i3) → channel name, or its number counted from 1 (the time column is not counted); without
    it the file's own names, phases and units decide. Raises FileError, saying what the file holds and what to do.
    """
    if not path.is_file():
        raise FileError(f"{path}: no such file")
    if path.stat().st_size == 0:
        raise FileError(f"{path}: the file is empty")
    suffix = path.suffix.lower()
    if suffix == ".npz":
        raw = _npz(path)
    elif suffix in (".cfg", ".dat", ".cff"):
        raw = _comtrade(path)
    elif suffix in (".csv", ".txt", ".tsv"):
        raw = _csv(path)
    else:
        raise FileError(f"{path}: {suffix or 'no suffix'} is not read; use npz, csv, or COMTRADE (cfg with dat, cff)")
    return _assign(path, raw, mapping or {})


def parse_map(text: str) -> dict[str, str]:
    """`u1=VA,u2=VB,i1=4` → {"u1": "VA", …}. Raises FileError on anything else."""
    found: dict[str, str] = {}
    for part in filter(None, (item.strip() for item in text.split(","))):
        role, equals, name = (item.strip() for item in part.partition("="))
        if not equals or not name or role not in ROLES:
            raise FileError(f"--map {part}: write role=channel with a role of {', '.join(ROLES)}")
        if role in found:
            raise FileError(f"--map {part}: {role} is given twice")
        found[role] = name
    return found


def _assign(path: Path, raw: _Raw, mapping: Mapping[str, str]) -> Recording:
    names = list(raw.channels)
    if not names or not all(array.size for array in raw.channels.values()):
        raise FileError(f"{path}: no samples")
    chosen: dict[str, str] = {}
    for role, wanted in mapping.items():
        if wanted in raw.channels:
            chosen[role] = wanted
        elif wanted.isdecimal() and 1 <= int(wanted) <= len(names):
            chosen[role] = names[int(wanted) - 1]
        else:
            raise FileError(f"{path}: no channel {wanted!r}; it holds {_some(names)}")
    if not mapping:
        for name, role in raw.roles.items():
            if role in chosen:
                raise FileError(
                    f"{path}: both {chosen[role]!r} and {name!r} could be {role}; "
                    f"say which with --map {role}={name},…; it holds {_some(names)}"
                )
            chosen[role] = name
    if not chosen:
        raise FileError(
            f"{path}: cannot tell voltages from currents; say so with --map, for example --map u1={names[0]}; "
            f"it holds {_some(names)}"
        )
    length = len(next(iter(raw.channels.values())))
    samples = np.full((6, length), math.nan)
    for role, name in chosen.items():
        samples[ROLES.index(role)] = raw.channels[name]
    samples[np.isinf(samples)] = math.nan
    return Recording(raw.rate_hz, samples, tuple(role in chosen for role in ROLES))


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(names[:12])
    return shown + (f" and {len(names) - 12} more" if len(names) > 12 else "")


def _npz(path: Path) -> _Raw:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            data = {name: archive[name] for name in archive.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise FileError(f"{path}: not a readable npz file ({error})") from None
    if "fs" not in data or data["fs"].size != 1:
        raise FileError(f"{path}: needs fs, the sampling rate in Hz; it holds {_some(list(data))}")
    rate_hz = float(data["fs"].reshape(()))
    if not (math.isfinite(rate_hz) and rate_hz > 0):
        raise FileError(f"{path}: fs is {rate_hz}, not a sampling rate")
    channels, roles = {}, {}
    for key, letter in (("u_abc", "u"), ("i_abc", "i")):
        if key in data:
            if data[key].ndim != 2 or data[key].shape[0] != 3:
                raise FileError(f"{path}: {key} must have the shape (3, N), it has {data[key].shape}")
            for phase in range(3):
                channels[f"{letter}{phase + 1}"] = data[key][phase].astype(np.float64)
                roles[f"{letter}{phase + 1}"] = f"{letter}{phase + 1}"
    for key, value in data.items():  # others can be mapped by name, three-phase ones as name_1 … name_3
        if key not in ("u_abc", "i_abc", "fs") and value.ndim in (1, 2) and value.dtype.kind in "fiu":
            rows = value.reshape(1, -1) if value.ndim == 1 else value
            for number, row in enumerate(rows[:8], 1):
                channels[key if value.ndim == 1 else f"{key}_{number}"] = row.astype(np.float64)
    length = {len(channels[name]) for name in roles} or {max((len(row) for row in channels.values()), default=0)}
    if len(length) != 1:
        raise FileError(f"{path}: u_abc and i_abc differ in length")
    size = length.pop()
    return _Raw(rate_hz, {name: row for name, row in channels.items() if len(row) == size}, roles)


def _comtrade(path: Path) -> _Raw:
    import comtrade

    config = path if path.suffix.lower() in (".cff", ".cfg") else _sibling(path, ".cfg")
    record = comtrade.Comtrade(ignore_warnings=True, use_numpy_arrays=True)
    try:
        if config.suffix.lower() == ".cff":
            record.load(str(config))
        else:
            record.load(str(config), str(_sibling(config, ".dat")))
    except FileError:
        raise
    except Exception as error:  # the library raises whatever its parsing trips over
        raise FileError(f"{path}: not a readable COMTRADE recording ({type(error).__name__}: {error})") from None
    rates = record.cfg.sample_rates
    if len(rates) > 1 and len({rate for rate, _ in rates}) > 1:
        raise FileError(f"{path}: several sampling rates in one file are not read")
    rate_hz = float(rates[0][0]) if rates and rates[0][0] else _rate_of(path, np.asarray(record.time, dtype=np.float64))
    channels, roles = {}, {}
    for number, info in enumerate(record.cfg.analog_channels):
        name = (info.name or str(number + 1)).strip()
        unit = (info.uu or "").strip()
        scale = _UNIT_SCALE.get(unit, 1.0)
        channels[name] = np.asarray(record.analog[number], dtype=np.float64) * scale
        if role := _role(name, unit, (info.ph or "").strip()):
            roles[name] = role
    return _Raw(rate_hz, channels, roles)


def _sibling(path: Path, suffix: str) -> Path:
    for candidate in (path.with_suffix(suffix), path.with_suffix(suffix.upper())):
        if candidate.is_file():
            return candidate
    raise FileError(f"{path}: the {suffix} file that belongs to it is missing")


def _csv(path: Path) -> _Raw:
    try:
        text = path.read_text(encoding="utf-8-sig", errors="replace")
    except OSError as error:
        raise FileError(f"{path}: {error}") from None
    lines = [line for line in text.splitlines() if line.strip(" ,;\t")]
    delimiter = max(",;\t", key=lambda sign: text[:20000].count(sign))
    comma = delimiter == ";" and "," in text[:20000]
    rows = [[cell.strip() for cell in row] for row in csv.reader(lines, delimiter=delimiter)]
    width = max((len(row) for row in rows), default=0)
    table = np.full((len(rows), width), math.nan)
    seen = np.zeros((len(rows), width), dtype=bool)
    for number, row in enumerate(rows):
        for column, cell in enumerate(row):
            value, numeric = _number(cell, comma)
            table[number, column], seen[number, column] = value, numeric
    # A column of data is one that is a number (or a hole) in nearly every line; scopes write settings beside it.
    finite = np.isfinite(table)
    columns = [column for column in range(width) if seen[:, column].mean() > 0.9 and finite[:, column].mean() > 0.5]
    if not columns:
        raise FileError(f"{path}: no columns of numbers found")
    full = seen[:, columns].all(axis=1)
    start = int(np.argmax(full))
    if not full.any() or len(rows) - start < 2:
        raise FileError(f"{path}: fewer than two lines of numbers")
    header = rows[:start]
    time_column = columns[0]
    names = {column: _header(header, column) for column in columns}
    data = table[start:, :]
    if len(columns) == 1 or not (_TIME_NAMES.match(names[time_column][0]) or _rises(data[:, time_column])):
        raise FileError(f"{path}: the first column is not a time in seconds; put one there")
    rate_hz = _rate_of(path, data[:, time_column])
    channels: dict[str, NDArray[np.float64]] = {}
    units: dict[str, str] = {}
    for number, column in enumerate(columns[1:], 1):
        name, units_text = names[column]
        name = name if name and name not in channels else f"{name}#{number}" if name else str(number)
        units[name] = units_text
        channels[name] = np.ascontiguousarray(data[:, column]) * _UNIT_SCALE.get(units_text, 1.0)
    roles = {name: role for name, unit in units.items() if (role := _role(name, unit, ""))}
    for letter, unit in (("u", "V"), ("i", "A")):  # a file with one voltage or one current needs no phase
        alone = [name for name in channels if units[name].upper().endswith(unit)]
        if len(alone) == 1 and not roles.get(alone[0]):
            roles[alone[0]] = f"{letter}1"
    return _Raw(rate_hz, channels, roles)


def _role(name: str, unit: str, phase: str) -> str | None:
    """u1 … i3 from what a file says: phase and unit, or a name such as VA, UL2, i3."""
    kind = {"V": "u", "A": "i"}.get(unit.upper()[-1:])
    if kind and phase.upper() in _PHASES:
        return kind + _PHASES[phase.upper()]
    found = re.fullmatch(r"([UVI])_?(L?[123]|[ABCRST])", name.upper())
    return ("i" if found[1] == "I" else "u") + _PHASES[found[2]] if found else None


def _number(cell: str, comma: bool) -> tuple[float, bool]:
    """The value, and whether the cell is data: an empty cell or "nan" is a hole in the data, a word is not data."""
    if not cell or cell.lower() in ("nan", "null", "-", "inf", "-inf"):
        return math.nan, True
    try:
        return float(cell.replace(",", ".") if comma else cell), True
    except ValueError:
        return math.nan, False


def _header(header: Sequence[Sequence[str]], column: int) -> tuple[str, str]:
    """Name and unit of a column from the lines above the data: `u1`, `U1 [kV]`, or a line of units below the names."""
    cells = [row[column] for row in header if column < len(row) and row[column]]
    if not cells:
        return "", ""
    found = re.match(r"^(.*?)\s*[\[(]\s*(\w+)\s*[\])]$", cells[0])
    if found:
        return found.group(1), found.group(2)
    unit = {"volt": "V", "volts": "V", "ampere": "A", "amperes": "A", "amp": "A"}.get(cells[-1].lower(), cells[-1])
    return cells[0], unit if len(cells) > 1 and unit in _UNIT_SCALE else ""


def _rises(time_s: NDArray[np.float64]) -> bool:
    steps = np.diff(time_s)
    return bool(len(steps) and np.isfinite(steps).all() and (steps > 0).all())


def _rate_of(path: Path, time_s: NDArray[np.float64]) -> float:
    if len(time_s) < 2 or not np.isfinite(time_s).all() or time_s[-1] <= time_s[0]:
        raise FileError(f"{path}: the time column does not rise from line to line")
    step_s = (time_s[-1] - time_s[0]) / (len(time_s) - 1)
    worst = np.abs(time_s - time_s[0] - step_s * np.arange(len(time_s))).max()
    if worst > 0.6 * step_s:
        raise FileError(f"{path}: the time steps are uneven (up to {worst / step_s:.1f} steps off); resample it first")
    return float(1 / step_s)
