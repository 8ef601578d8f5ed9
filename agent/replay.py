"""`magwatt replay`: a recording through the same signal processing that runs live."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import msgspec
import numpy as np

from agent import kernels
from drivers.errors import FileError
from drivers.files import ROLES, Recording, load, parse_map

BLOCK = 4096  # samples pushed at once


def replay_file(file: Path, nominal: str, mapping: str, from_s: float, to_s: float | None, as_json: bool) -> int:
    """Prints one line for each window; 1 when the recording holds no window. Raises FileError."""
    recording = load(file, parse_map(mapping))
    for note in recording.notes:
        click.echo(note, err=True)
    kernels.use_cache()
    count = 0
    for row in windows(recording, nominal, from_s, to_s, str(file)):
        count += 1
        click.echo(msgspec.json.encode(row).decode() if as_json else text(row, heading=count == 1))
    if not count:
        seconds = recording.samples.shape[1] / recording.rate_hz
        click.echo(f"{file}: no window of whole cycles in {seconds:.3g} s of samples", err=True)
    return 0 if count else 1


def windows(
    recording: Recording, nominal: str, from_s: float, to_s: float | None, name: str
) -> Iterator[dict[str, Any]]:
    """One JSON-ready object for each window; absent quantities are None. Times count from the start of the file."""
    from dsp.stream import Stream

    rate_hz, total = recording.rate_hz, recording.samples.shape[1]
    first, last = (round(min(at_s * rate_hz, total)) for at_s in (from_s, math.inf if to_s is None else to_s))
    if last <= first:
        raise FileError(f"{name}: nothing between {from_s:g} s and {to_s or total / rate_hz:g} s")
    if rate_hz < 100:
        raise FileError(f"{name}: {rate_hz:g} samples per second are too few for waveforms; at least 100 are needed")
    stream = Stream(rate_hz, nominal=nominal, present=recording.present)
    for start in range(first, last, BLOCK):
        block = np.ascontiguousarray(recording.samples[:, start : min(start + BLOCK, last)])
        for window in stream.push(block):
            yield as_object(window, first, rate_hz)
    for window in stream.finish():
        yield as_object(window, first, rate_hz)


def as_object(window: Any, first: int, rate_hz: float) -> dict[str, Any]:
    """The window under the names of docs/replay.md."""
    from dsp.stream import Flag

    return {
        "t_s": round((first + (window.start_index + window.end_index) / 2) / rate_hz, 6),
        "n_cycles": window.n_cycles,
        "frequency_hz": _number(window.frequency_hz),
        "flags": _names(window.flags, Flag),
        "channel_flags": {
            role: _names(flag, Flag) for role, flag in zip(ROLES, window.channel_flags, strict=True) if flag
        },
        **{name: _list(getattr(window, name)) for name in ("u_rms_v", "i_rms_a", "u_dc_v", "i_dc_a")},
        **{name: _number(getattr(window, name)) for name in ("p_w", "q1_var", "s_va", "pf")},
        **{name: _lists(getattr(window, name)) for name in ("h_u_v", "h_i_a", "sg_u_v", "sg_i_a")},
        **{name: _list(getattr(window, name)) for name in ("thd_u_pct", "thd_i_pct")},
        **{name: _number(getattr(window, name)) for name in ("u1_v", "u2_pct", "u0_pct", "i2_pct", "i0_pct")},
    }


def text(row: dict[str, Any], heading: bool) -> str:
    """One line for a person, under a heading for the first."""
    head = (f"{'t s':>8} {'n':>3} {'f Hz':>9} {'U1 V':>9} {'U2 V':>9} {'U3 V':>9} {'I1 A':>9} {'I2 A':>9} {'I3 A':>9} "
            f"{'P W':>11} {'PF':>6} {'THD-U %':>8} {'THD-I %':>8} {'u2 %':>6}  flags\n") if heading else ""  # fmt: skip
    numbers = [
        _cell(row["frequency_hz"], 9, 4),
        *(_cell(value, 9, 5, "g") for value in (*row["u_rms_v"], *row["i_rms_a"])),
        _cell(row["p_w"], 11, 6, "g"),
        _cell(row["pf"], 6, 3),
        _cell(_first(row["thd_u_pct"]), 8, 2),
        _cell(_first(row["thd_i_pct"]), 8, 2),
        _cell(row["u2_pct"], 6, 2),
    ]
    marks = " ".join(row["flags"])
    return f"{head}{row['t_s']:8.3f} {row['n_cycles']:3d} {' '.join(numbers)}  {marks}".rstrip()


def _cell(value: float | None, width: int, digits: int, kind: str = "f") -> str:
    return f"{'–':>{width}}" if value is None else f"{value:{width}.{digits}{kind}}"


def _first(values: list[float | None]) -> float | None:
    return next((value for value in values if value is not None), None)


def _names(flags: int, kind: Any) -> list[str]:
    return [flag.name for flag in kind if flag and flag & flags]


def _number(value: float) -> float | None:
    value = float(value)
    return float(f"{value:.9g}") if math.isfinite(value) else None


def _list(values: np.ndarray) -> list[float | None]:
    return [_number(value) for value in values]


def _lists(values: np.ndarray) -> list[list[float | None]]:
    return [_list(row) for row in values]
