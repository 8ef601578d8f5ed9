"""Recordings from files: npz, CSV and COMTRADE into samples by channel."""

from __future__ import annotations

import csv
import math
import re
import stat
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drivers.errors import FileError

ROLES = ("u1", "u2", "u3", "i1", "i2", "i3")
RATE_MAX_HZ = 10e6  # no recorder of voltages and currents is faster; buffers downstream are sized by the rate
COLUMNS_MAX = 256  # of a CSV file; one stray line of commas must not size the table
_UNIT_SCALE = {"": 1.0, "V": 1.0, "A": 1.0, "kV": 1e3, "kA": 1e3, "KV": 1e3, "KA": 1e3, "mV": 1e-3, "mA": 1e-3}
_TIME_NAMES = re.compile(r"^(x-axis|time|t|second|seconds|s|sec|zeit|时间)\b", re.IGNORECASE)
_PHASES = {"A": "1", "B": "2", "C": "3", "1": "1", "2": "2", "3": "3", "L1": "1", "L2": "2", "L3": "3", "R": "1",
           "S": "2", "T": "3"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Recording:
    """samples: float64, shape (6, n), C order, rows u1 u2 u3 i1 i2 i3 in V and A; rows not present are NaN.

    notes: what a person should know, one line each, such as a file that was cut off.
    """

    rate_hz: float
    samples: NDArray[np.float64]
    present: tuple[bool, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Raw:
    """What a file holds before roles are given. roles: what the file itself says about a channel (name → role)."""

    rate_hz: float
    channels: Mapping[str, NDArray[np.float64]]
    roles: Mapping[str, str]
    notes: Sequence[str] = field(default_factory=list)


def load(path: Path, mapping: Mapping[str, str] | None = None) -> Recording:
    """A recording with its channels in place.

    mapping: role (u1 … i3) → channel name, or its number counted from 1 (the time column is not counted); without
    it the file's own names, phases and units decide. Raises FileError, saying what the file holds and what to do.
    """
    _must_be_a_file(path)
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


def _must_be_a_file(path: Path) -> None:
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        raise FileError(f"{path}: no such file") from None
    except (OSError, ValueError) as error:
        raise FileError(f"{path}: {getattr(error, 'strerror', None) or error}") from None
    if stat.S_ISDIR(found.st_mode):
        raise FileError(f"{path}: is a folder; name the file in it")
    if not stat.S_ISREG(found.st_mode):
        raise FileError(f"{path}: is not an ordinary file")
    if found.st_size == 0:
        raise FileError(f"{path}: the file is empty")


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
    if not 0 < raw.rate_hz <= RATE_MAX_HZ:
        raise FileError(
            f"{path}: {raw.rate_hz:g} samples per second is not a sampling rate of a recording; "
            f"up to {RATE_MAX_HZ:g} are read"
        )
    chosen: dict[str, str] = {}
    for role, wanted in mapping.items():
        if wanted in raw.channels:
            name = wanted
        elif wanted.isdecimal() and len(wanted) < 9 and 1 <= int(wanted) <= len(names):
            name = names[int(wanted) - 1]
        else:
            raise FileError(f"{path}: no channel {wanted!r}; it holds {_some(names)}")
        other = next((role for role, taken in chosen.items() if taken == name), None)
        if other:
            raise FileError(f"{path}: --map gives the channel {name!r} to {other} and to {role}; it can be one of them")
        chosen[role] = name
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
    return Recording(raw.rate_hz, samples, tuple(role in chosen for role in ROLES), tuple(raw.notes))


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(name if len(name) <= 40 else f"{name[:39]}…" for name in names[:12])
    return shown + (f" and {len(names) - 12} more" if len(names) > 12 else "")


def _npz(path: Path) -> _Raw:
    try:
        with path.open("rb") as file:
            archive = np.load(file, allow_pickle=False)
            single = isinstance(archive, np.ndarray)
            members = {} if single else {name: archive[name] for name in archive.files}
    except Exception as error:  # zip, zlib and numpy raise whatever a damaged archive makes them trip over
        raise FileError(f"{path}: not a readable npz file ({_one_line(error)})") from None
    if single:
        raise FileError(
            f"{path}: is one array (npy) under the name of an npz; write it with numpy.savez(file, fs=…, u_abc=…)"
        )
    data: dict[str, NDArray[Any]] = {key: value for key, value in members.items() if isinstance(value, np.ndarray)}
    if "fs" not in data or data["fs"].size != 1:
        raise FileError(f"{path}: needs fs, the sampling rate in Hz, one number; it holds {_some(list(data))}")
    if data["fs"].dtype.kind not in "fiu":
        raise FileError(f"{path}: fs is {_kind(data['fs'])}, not a sampling rate in Hz")
    rate_hz = float(data["fs"].reshape(()))
    if not (math.isfinite(rate_hz) and rate_hz > 0):
        raise FileError(f"{path}: fs is {rate_hz}, not a sampling rate")
    channels, roles = {}, {}
    for key, letter in (("u_abc", "u"), ("i_abc", "i")):
        if key in data:
            if data[key].ndim != 2 or data[key].shape[0] != 3:
                raise FileError(f"{path}: {key} must have the shape (3, N), it has {data[key].shape}")
            if data[key].dtype.kind not in "fiu":
                raise FileError(f"{path}: {key} is {_kind(data[key])}, it must be real numbers")
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


def _kind(array: NDArray[Any]) -> str:
    words = {"U": "text", "S": "text", "c": "complex", "M": "dates", "m": "time spans", "b": "true/false"}
    return words.get(array.dtype.kind, f"of type {array.dtype}")


def _one_line(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:200]


def _comtrade(path: Path) -> _Raw:
    """The comtrade package reads the cfg. The samples are read here: the package fills what is missing with zeros."""
    import comtrade

    cfg_text, dat, dat_name = _comtrade_parts(path)
    cfg = comtrade.Cfg(ignore_warnings=True)
    try:
        cfg.read(cfg_text)
        rates = [(float(rate), int(end)) for rate, end in cfg.sample_rates]
        said = rates[-1][1]
    except Exception as error:  # the library raises whatever its parsing trips over
        raise FileError(f"{path}: not a readable COMTRADE recording ({_one_line(error)})") from None
    if len({rate for rate, _ in rates}) > 1:
        raise FileError(f"{path}: several sampling rates in one file are not read")
    if not dat.strip(b"\x1a\r\n"):
        raise FileError(f"{path}: {dat_name} is empty: no samples")
    if cfg.ft.strip().upper() == "ASCII":
        numbers, stamps, raw = _ascii_rows(path, cfg, dat, said)
    else:
        numbers, stamps, raw = _binary_rows(path, cfg, dat)
    notes = []
    if len(numbers) != said:
        short = f"only those are read: the file was cut off after {len(numbers) / (rates[0][0] or math.inf):.4g} s"
        notes.append(
            f"{path.name}: {dat_name} holds {len(numbers)} samples, the cfg says {said}; "
            + (short if len(numbers) < said else "what is beyond is left out")
        )
    numbers, stamps, raw = numbers[:said], stamps[:said], raw[:said]
    if not len(numbers):
        raise FileError(f"{path}: no samples")
    if rates[0][0]:
        rate_hz = rates[0][0]
        raw = _at_their_numbers(path, numbers, raw, notes)
    else:
        rate_hz = _rate_of(path, stamps * cfg.time_base * cfg.timemult)
    channels: dict[str, NDArray[np.float64]] = {}
    roles: dict[str, str] = {}
    for number, info in enumerate(cfg.analog_channels):
        name = (info.name or str(number + 1)).strip()
        name = name if name not in channels else f"{name}#{number + 1}"
        unit = (info.uu or "").strip()
        channels[name] = (raw[:, number] * info.a + info.b) * _UNIT_SCALE.get(unit, 1.0)
        if role := _role(name, unit, (info.ph or "").strip()):
            roles[name] = role
    return _Raw(rate_hz, channels, roles, notes)


_SECTION = re.compile(rb"^[ \t]*--- file type: (cfg|inf|hdr|dat)\b[^\r\n]*---[ \t]*\r?\n", re.IGNORECASE | re.MULTILINE)


def _comtrade_parts(path: Path) -> tuple[str, bytes, str]:
    """Text of the cfg, bytes of the samples, and how to call these in a message."""
    try:
        if path.suffix.lower() != ".cff":
            config = path if path.suffix.lower() == ".cfg" else _sibling(path, ".cfg")
            dat = _sibling(config, ".dat")
            return config.read_bytes().decode("utf-8-sig", "replace"), dat.read_bytes(), dat.name
        data = path.read_bytes()
    except OSError as error:
        raise FileError(f"{path}: {error.strerror or error}") from None
    parts: dict[str, bytes] = {}
    at = 0
    while (head := _SECTION.search(data, at)) and "dat" not in parts:
        kind = head[1].lower().decode()
        following = None if kind == "dat" else _SECTION.search(data, head.end())  # samples may look like anything
        at = following.start() if following else len(data)
        parts[kind] = data[head.end() : at]
    if not {"cfg", "dat"} <= parts.keys():
        raise FileError(f"{path}: not a readable COMTRADE recording (no {'cfg' if 'cfg' not in parts else 'dat'} part)")
    return parts["cfg"].decode("utf-8", "replace"), parts["dat"], "its dat part"


_Rows = tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]  # number and stamp of each sample; counts


def _ascii_rows(path: Path, cfg: Any, dat: bytes, said: int) -> _Rows:
    text = dat.replace(b"\x1a", b"").decode("ascii", "replace")
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) < said and not text.endswith(("\n", "\r")):
        del lines[-1:]  # the file was cut off in this line: its last number may have lost digits
    missing = "" if cfg.rev_year == "1991" else "99999"
    numbers = np.empty(len(lines), dtype=np.int64)
    stamps, raw = np.empty(len(lines)), np.empty((len(lines), cfg.analog_count))
    for row, line in enumerate(lines):
        cells = [cell.strip() for cell in line.split(",")]
        try:
            numbers[row] = int(cells[0])
            stamps[row] = float(cells[1] or math.nan)
            values = cells[2 : 2 + cfg.analog_count]
            raw[row] = [math.nan if cell in ("", missing) else float(cell) for cell in values]
        except (ValueError, IndexError, OverflowError):
            raise FileError(
                f"{path}: sample line {row + 1} is not a number, a time and {cfg.analog_count} values: {line[:60]!r}"
            ) from None
    return numbers, stamps, raw


def _binary_rows(path: Path, cfg: Any, dat: bytes) -> _Rows:
    """C37.111: number and stamp as 32 bits each, the values, 16 status channels to a word; little-endian."""
    lacking = -1 if cfg.rev_year == "1991" else -32768
    types = {"BINARY": ("<i2", lacking), "BINARY32": ("<i4", -(2**31)), "FLOAT32": ("<f4", None)}
    form = cfg.ft.strip().upper()
    if form not in types:
        raise FileError(f"{path}: samples in the form {cfg.ft[:40]!r} are not read")
    kind, missing = types[form]
    words = (cfg.status_count + 15) // 16
    row = np.dtype([("n", "<u4"), ("t", "<u4"), ("a", kind, (cfg.analog_count,)), ("d", "<u2", (words,))])
    table = np.frombuffer(dat, dtype=row, count=len(dat) // row.itemsize)
    raw = table["a"].astype(np.float64)
    if missing is not None:
        raw[table["a"] == missing] = math.nan
    stamps = table["t"].astype(np.float64)
    stamps[table["t"] == 0xFFFFFFFF] = math.nan
    return table["n"].astype(np.int64), stamps, raw


def _at_their_numbers(
    path: Path, numbers: NDArray[np.int64], raw: NDArray[np.float64], notes: list[str]
) -> NDArray[np.float64]:
    """Where samples are left out the numbers jump: those become NaN. Numbers that do not count are not believed."""
    steps = np.diff(numbers)
    if not len(steps) or not (steps >= 1).all() or (steps == steps[0]).all():
        return raw
    size = int(numbers[-1] - numbers[0]) + 1
    if size > 2 * len(numbers):
        raise FileError(f"{path}: more than half of the samples between the first and the last are missing")
    whole = np.full((size, raw.shape[1]), math.nan)
    whole[numbers - numbers[0]] = raw
    notes.append(f"{path.name}: {size - len(numbers)} samples are missing in between")
    return whole


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
    delimiter, comma = _dialect(lines)
    reader = csv.reader(lines, delimiter=delimiter)
    try:
        rows = [[cell.strip() for cell in row[:COLUMNS_MAX]] for row in reader]
    except csv.Error as error:
        raise FileError(f"{path}: line {reader.line_num} cannot be read: {error}") from None
    width = max((len(row) for row in rows), default=0)
    table = np.full((len(rows), width), math.nan)
    seen = np.zeros((len(rows), width), dtype=bool)
    for number, row in enumerate(rows):
        for column, cell in enumerate(row):
            value, numeric = _number(cell, comma)
            table[number, column], seen[number, column] = value, numeric
    # A column of data is one that is a number (or a hole) in nearly every line; scopes write settings beside it.
    finite = np.isfinite(table)
    lengths = np.array([len(row) for row in rows])
    usual = Counter(lengths.tolist()).most_common(1)[0][0] if rows else 0
    begins = (lengths >= usual) & (finite.sum(axis=1) >= 2)  # lines above the data hold names and settings
    begin = int(np.argmax(begins)) if begins.any() else 0
    there, numbers = seen[begin:].mean(axis=0), finite[begin:].mean(axis=0)
    columns = [column for column in range(width) if there[column] > 0.9 and numbers[column] > 0.5]
    for column in range(usual):
        short = lengths[begin:] <= column
        if column not in columns and short.mean() >= 0.1 and (there[column] + short.mean()) > 0.9 and columns:
            worst = begin + int(np.argmax(short))
            raise FileError(
                f"{path}: {int(short.sum())} of {len(short)} lines are short, for example {lines[worst][:40]!r}: "
                f"it holds {lengths[worst]} of {usual} columns"
            )
    if not columns:
        raise FileError(f"{path}: no columns of numbers found")
    full = seen[:, columns].all(axis=1) & finite[:, columns].any(axis=1)
    start = int(np.argmax(full))
    if not full.any() or len(rows) - start < 2:
        raise FileError(f"{path}: fewer than two lines of numbers")
    if len(columns) == 1:
        raise FileError(f"{path}: one column of numbers only; a time in seconds and a channel are needed")
    header = rows[:start]
    time_column = columns[0]
    names = {column: _header(header, column) for column in columns}
    data = table[start:, :]
    if not (_TIME_NAMES.match(names[time_column][0]) or _rises(data[:, time_column])):
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


def _dialect(lines: Sequence[str]) -> tuple[str, bool]:
    """The delimiter, and whether decimals have a comma: the pair that makes most numbers of the lines.

    Counting signs would not do: in `0,0001;325,1` the decimal commas outvote the delimiter.
    """
    probe = lines[:: max(1, len(lines) // 500)]
    best, found = -1, (",", False)
    for delimiter, comma in ((",", False), (";", False), (";", True), ("\t", False), ("\t", True)):
        cells = (cell.strip().strip('"') for line in probe for cell in line.split(delimiter)[:COLUMNS_MAX])
        count = sum(1 for cell in cells if cell and _number(cell, comma)[1])
        if count > best:
            best, found = count, (delimiter, comma)
    return found


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
    if not np.isfinite(time_s).all():
        raise FileError(f"{path}: no time in line {int(np.argmin(np.isfinite(time_s))) + 1} of the samples")
    if len(time_s) < 2 or time_s[-1] <= time_s[0]:
        raise FileError(f"{path}: the time column does not rise from line to line")
    step_s = (time_s[-1] - time_s[0]) / (len(time_s) - 1)
    worst = np.abs(time_s - time_s[0] - step_s * np.arange(len(time_s))).max()
    if worst > 0.6 * step_s:
        raise FileError(f"{path}: the time steps are uneven (up to {worst / step_s:.1f} steps off); resample it first")
    return float(1 / step_s)
