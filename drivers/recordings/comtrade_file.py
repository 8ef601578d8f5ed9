"""COMTRADE recordings: cfg with dat, and cff.

The comtrade package reads the cfg part. The samples are decoded here, because the package fills the missing samples of
a truncated file with zeros.
"""

from __future__ import annotations

import math
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drivers import error_reasons as codes
from drivers.errors import FileError
from drivers.file_reasons import FILE_UNREADABLE
from drivers.reasons import Reason, cause_of
from drivers.recordings.channels import UNIT_SCALE, RawChannel, check_size, excerpt, one_line, rate_of, role_of

RATIOS_SHOWN = 6  # transformer ratios that the note lists
SKEW_US = 1.0  # skew between channels above which a note is given; 0.02 degrees at 50 Hz


def read_comtrade(path: Path) -> RawChannel:
    """Reads a COMTRADE recording; missing samples are NaN. Raises FileError."""
    import comtrade

    cfg_text, dat, data_file = _comtrade_parts(path)
    cfg = comtrade.Cfg(ignore_warnings=True)
    try:
        cfg.read(cfg_text)
        rates = [(float(rate), int(end)) for rate, end in cfg.sample_rates]
        stated = rates[-1][1]
    except Exception as error:  # the library raises exceptions of many types
        raise FileError(codes.COMTRADE_UNREADABLE, path=str(path), error=one_line(error)) from None
    if len({rate for rate, _ in rates}) > 1:
        raise FileError(codes.COMTRADE_SEVERAL_RATES, path=str(path))
    if not dat.strip(b"\x1a\r\n"):
        raise FileError(codes.COMTRADE_DATA_EMPTY, path=str(path), data_file=data_file)
    if cfg.ft.strip().upper() == "ASCII":
        numbers, stamps, raw = _ascii_rows(path, cfg, dat, stated)
    else:
        numbers, stamps, raw = _binary_rows(path, cfg, dat)
    found = len(numbers)
    numbers, stamps, raw = numbers[:stated], stamps[:stated], raw[:stated]
    if not len(numbers):
        raise FileError(codes.RECORDING_WITHOUT_SAMPLES, path=str(path))
    notes: list[Reason] = []
    if rates[0][0]:
        rate_hz = rates[0][0]
        raw = _at_their_numbers(path, numbers, raw, notes)
    else:
        rate_hz = rate_of(path, stamps * cfg.time_base * cfg.timemult)
    counts = {"file": path.name, "data_file": data_file, "n": found, "n_stated": stated}
    if found < stated:
        notes.insert(0, codes.COMTRADE_TRUNCATED(**counts, length_s=len(raw) / rate_hz))
    elif found > stated:
        notes.insert(0, codes.COMTRADE_EXTRA_SAMPLES(**counts))
    channels: dict[str, NDArray[np.float64]] = {}
    roles: dict[str, str] = {}
    for number, info in enumerate(cfg.analog_channels):
        name = (info.name or str(number + 1)).strip()
        name = name if name not in channels else f"{name}#{number + 1}"
        if not (math.isfinite(info.a) and math.isfinite(info.b)):
            raise FileError(codes.COMTRADE_SCALE, path=str(path), channel=excerpt(name, 40))
        unit = (info.uu or "").strip()
        channels[name] = (raw[:, number] * info.a + info.b) * UNIT_SCALE.get(unit, 1.0)
        if role := role_of(name, unit, (info.ph or "").strip()):
            roles[name] = role
    return RawChannel(
        rate_hz, channels, roles, notes=[*notes, *_as_recorded(path, list(channels), cfg.analog_channels)]
    )


def _as_recorded(path: Path, names: list[str], about: list[Any]) -> list[Reason]:
    """Notes on settings of the cfg that are not applied: transformer ratios and skew between channels."""
    notes = []
    secondary: list[str | Reason] = [
        codes.CHANNEL_RATIO(channel=name, primary=info.primary, secondary=info.secondary)
        for name, info in zip(names, about, strict=True)
        if info.pors.strip().upper() == "S" and info.primary != info.secondary
    ]
    if secondary:
        notes.append(codes.COMTRADE_SECONDARY(file=path.name, channels=codes.shortened(secondary, RATIOS_SHOWN)))
    skews_us = [info.skew for info in about]
    if skews_us and max(skews_us) - min(skews_us) > SKEW_US:
        notes.append(codes.COMTRADE_SKEW(file=path.name, skew_us=max(skews_us) - min(skews_us)))
    return notes


_SECTION = re.compile(rb"^[ \t]*--- file type: (cfg|inf|hdr|dat)\b[^\r\n]*---[ \t]*\r?\n", re.IGNORECASE | re.MULTILINE)


def _comtrade_parts(path: Path) -> tuple[str, bytes, str]:
    """Text of the cfg, bytes of the samples, and the name of the file with the samples."""
    try:
        if path.suffix.lower() != ".cff":
            config = path if path.suffix.lower() == ".cfg" else _sibling(path, ".cfg")
            dat = _sibling(config, ".dat")
            check_size(path, config.stat().st_size + dat.stat().st_size)
            return config.read_bytes().decode("utf-8-sig", "replace"), dat.read_bytes(), dat.name
        data = path.read_bytes()
    except OSError as error:
        raise FileError(FILE_UNREADABLE, path=str(path), error=cause_of(error)) from None
    parts: dict[str, bytes] = {}
    at = 0
    while (head := _SECTION.search(data, at)) and "dat" not in parts:
        kind = head[1].lower().decode()
        following = None if kind == "dat" else _SECTION.search(data, head.end())  # samples may contain the same bytes
        at = following.start() if following else len(data)
        parts[kind] = data[head.end() : at]
    if missing := [part for part in ("cfg", "dat") if part not in parts]:
        raise FileError(codes.COMTRADE_PART_MISSING, path=str(path), part=missing[0])
    return parts["cfg"].decode("utf-8", "replace"), parts["dat"], path.name


_Rows = tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]  # per sample: number, time stamp, counts


def _ascii_rows(path: Path, cfg: Any, dat: bytes, stated: int) -> _Rows:
    text = dat.replace(b"\x1a", b"").decode("ascii", "replace")
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) < stated and not text.endswith(("\n", "\r")):
        del lines[-1:]  # the last line is truncated: its last number may lack digits
    missing = "" if cfg.rev_year == "1991" else "99999"
    check_size(path, 8 * len(lines) * (cfg.analog_count + 2))
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
                codes.COMTRADE_SAMPLE_LINE, path=str(path), line=row + 1, n_channels=cfg.analog_count,
                text=excerpt(line, 60),
            ) from None  # fmt: skip
    return numbers, stamps, raw


def _binary_rows(path: Path, cfg: Any, dat: bytes) -> _Rows:
    """Decodes binary samples: number and time stamp (32 bits each), values, status channels (16 per word).

    All little-endian. Source: IEEE C37.111.
    """
    lacking = -1 if cfg.rev_year == "1991" else -32768
    types = {"BINARY": ("<i2", lacking), "BINARY32": ("<i4", -(2**31)), "FLOAT32": ("<f4", None)}
    form = cfg.ft.strip().upper()
    if form not in types:
        raise FileError(codes.COMTRADE_FORMAT_UNKNOWN, path=str(path), format=excerpt(cfg.ft, 40))
    kind, missing = types[form]
    words = (cfg.status_count + 15) // 16
    row = np.dtype([("n", "<u4"), ("t", "<u4"), ("a", kind, (cfg.analog_count,)), ("d", "<u2", (words,))])
    check_size(path, len(dat) // row.itemsize * (cfg.analog_count + 2) * 8)
    table = np.frombuffer(dat, dtype=row, count=len(dat) // row.itemsize)
    raw = table["a"].astype(np.float64)
    if missing is not None:
        raw[table["a"] == missing] = math.nan
    stamps = table["t"].astype(np.float64)
    stamps[table["t"] == 0xFFFFFFFF] = math.nan
    return table["n"].astype(np.int64), stamps, raw


def _at_their_numbers(
    path: Path, numbers: NDArray[np.int64], raw: NDArray[np.float64], notes: list[Reason]
) -> NDArray[np.float64]:
    """The samples, with NaN for missing sample numbers. Numbers that decrease or have a constant step are not used."""
    steps = np.diff(numbers)
    if not len(steps) or not (steps >= 1).all() or (steps == steps[0]).all():
        return raw
    size = int(numbers[-1] - numbers[0]) + 1
    if size > 2 * len(numbers):
        raise FileError(codes.COMTRADE_MOSTLY_MISSING, path=str(path))
    whole = np.full((size, raw.shape[1]), math.nan)
    whole[numbers - numbers[0]] = raw
    notes.append(codes.COMTRADE_SAMPLES_MISSING(file=path.name, n=size - len(numbers)))
    return whole


def _sibling(path: Path, suffix: str) -> Path:
    for candidate in (path.with_suffix(suffix), path.with_suffix(suffix.upper())):
        if os.path.isfile(candidate):
            return candidate
    raise FileError(codes.COMTRADE_FILE_MISSING, path=str(path), suffix=suffix)
