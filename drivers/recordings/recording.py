"""Loads recordings from npz, CSV and COMTRADE files."""

from __future__ import annotations

import math
import stat
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.lib.format import MAGIC_PREFIX, read_array, read_array_header_1_0, read_magic
from numpy.typing import NDArray

from drivers import error_reasons as codes
from drivers.errors import FileError
from drivers.file_reasons import FILE_EMPTY, FILE_MISSING, FILE_UNREADABLE, PATH_IS_FOLDER
from drivers.reasons import Reason, cause_of
from drivers.recordings.channels import RawChannel, check_size, one_line
from drivers.recordings.comtrade_file import read_comtrade
from drivers.recordings.csv_file import read_csv

ROLES = ("u1", "u2", "u3", "i1", "i2", "i3")
DC_LINK = ("u_dc", "u_dc_fs")  # arrays of an npz file: volts, and their sampling rate
RATE_MAX_HZ = 10e6  # above the rate of all known recorders; later buffers are sized by the rate


class Recording(Struct, frozen=True):
    """A recording with assigned channels.

    rate_hz: sampling rate.
    samples: float64, shape (6, n), C order, rows u1 u2 u3 i1 i2 i3 in V and A; NaN where a sample or a row is missing.
    present: which of the six rows exist.
    notes: messages for the user, for example about a truncated file.
    dc: sampling rate in Hz and voltage of the DC link of a drive in V, shape (m,), NaN where a sample is missing;
        None: not recorded.
    """

    rate_hz: float
    samples: NDArray[np.float64]
    present: tuple[bool, ...]
    notes: tuple[Reason, ...] = ()
    dc: tuple[float, NDArray[np.float64]] | None = None


@np.errstate(over="ignore", invalid="ignore")  # a value beyond float64 becomes inf, and so a missing sample
def load(path: Path, mapping: Mapping[str, str] | None = None) -> Recording:
    """Loads a recording and assigns its channels.

    mapping: role (u1 … i3) → name of the channel, or its number (from 1, without the time column); None or empty: by
        the names, phases and units in the file.
    Raises FileError with the content of the file and the correction.
    """
    _check_file(path)
    suffix = path.suffix.lower()
    if suffix == ".npz":
        raw = _npz(path)
    elif suffix in (".cfg", ".dat", ".cff"):
        raw = read_comtrade(path)
    elif suffix in (".csv", ".txt", ".tsv"):
        raw = read_csv(path)
    else:
        raise FileError(codes.RECORDING_TYPE_UNKNOWN, path=str(path), suffix=suffix)
    return _assign(path, raw, mapping or {})


def _check_file(path: Path) -> None:
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        raise FileError(FILE_MISSING, path=str(path)) from None
    except (OSError, ValueError) as error:
        raise FileError(FILE_UNREADABLE, path=str(path), error=cause_of(error)) from None
    if stat.S_ISDIR(found.st_mode):
        raise FileError(PATH_IS_FOLDER, path=str(path))
    if not stat.S_ISREG(found.st_mode):
        raise FileError(codes.RECORDING_NOT_REGULAR, path=str(path))
    if found.st_size == 0:
        raise FileError(FILE_EMPTY, path=str(path))
    check_size(path, found.st_size)


def parse_map(text: str) -> dict[str, str]:
    """`u1=VA,u2=VB,i1=4` → {"u1": "VA", …}. Raises FileError."""
    found: dict[str, str] = {}
    for part in filter(None, (item.strip() for item in text.split(","))):
        role, equals, name = (item.strip() for item in part.partition("="))
        if not equals or not name or role not in ROLES:
            raise FileError(codes.MAP_ITEM_INVALID, item=part, roles=ROLES)
        if role in found:
            raise FileError(codes.MAP_ROLE_TWICE, item=part, role=role)
        found[role] = name
    return found


def _assign(path: Path, raw: RawChannel, mapping: Mapping[str, str]) -> Recording:
    names = list(raw.channels)
    channels = codes.shortened(names)
    if not names or not all(array.size for array in raw.channels.values()):
        raise FileError(codes.RECORDING_WITHOUT_SAMPLES, path=str(path))
    if not 0 < raw.rate_hz <= RATE_MAX_HZ:
        raise FileError(codes.SAMPLING_RATE_IMPLAUSIBLE, path=str(path), rate_hz=raw.rate_hz, rate_max_hz=RATE_MAX_HZ)
    chosen: dict[str, str] = {}
    for role, wanted in mapping.items():
        if wanted in raw.channels:
            name = wanted
        elif wanted.isdecimal() and len(wanted) < 9 and 1 <= int(wanted) <= len(names):
            name = names[int(wanted) - 1]
        elif wanted in raw.ignored:
            length = len(raw.channels[names[0]])
            raise FileError(
                codes.CHANNEL_LENGTH, path=str(path), channel=wanted, n_samples=raw.ignored[wanted], n=length,
                channels=channels,
            )  # fmt: skip
        else:
            raise FileError(codes.CHANNEL_UNKNOWN, path=str(path), channel=wanted, channels=channels)
        other = next((role for role, used in chosen.items() if used == name), None)
        if other:
            raise FileError(codes.MAP_CHANNEL_TWICE, path=str(path), channel=name, other=other, role=role)
        chosen[role] = name
    if not mapping:
        for name, role in raw.roles.items():
            if role in chosen:
                raise FileError(
                    codes.CHANNELS_AMBIGUOUS, path=str(path), one=chosen[role], other=name, role=role, channels=channels
                )
            chosen[role] = name
    if not chosen:
        raise FileError(codes.CHANNELS_UNIDENTIFIED, path=str(path), example=names[0], channels=channels)
    length = len(next(iter(raw.channels.values())))
    samples = np.full((6, length), math.nan)
    for role, name in chosen.items():
        samples[ROLES.index(role)] = raw.channels[name]
    samples[np.isinf(samples)] = math.nan
    return Recording(raw.rate_hz, samples, tuple(role in chosen for role in ROLES), tuple(raw.notes), raw.dc)


def _arrays(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays of an npz file. Their declared sizes are checked first: 4 MB of zeros unpack to gigabytes."""
    try:
        with path.open("rb") as file:
            if file.read(len(MAGIC_PREFIX)) == MAGIC_PREFIX:
                raise FileError(codes.NPZ_SINGLE_ARRAY, path=str(path))
            with zipfile.ZipFile(file) as archive:
                members = [member for member in archive.infolist() if member.filename.endswith(".npy")]
                check_size(path, sum(_float64_bytes(archive, member) for member in members))
                return {member.filename.removesuffix(".npy"): _array(archive, member) for member in members}
    except FileError:
        raise
    except Exception as error:  # zip, zlib and numpy raise many types for a corrupt archive
        raise FileError(codes.NPZ_UNREADABLE, path=str(path), error=one_line(error)) from None


def _float64_bytes(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> int:
    """Size that the header of an array declares, as float64 if its items are smaller."""
    with archive.open(member) as file:
        if read_magic(file) != (1, 0):  # later versions are for headers of more than 64 KiB
            raise ValueError(f"{member.filename}: only version 1.0 of npy is read")
        shape, _, dtype = read_array_header_1_0(file)
    return math.prod(map(abs, shape)) * max(dtype.itemsize, 8)


def _array(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> NDArray[Any]:
    with archive.open(member) as file:
        found: NDArray[Any] = read_array(file, allow_pickle=False)
        return found


def _npz(path: Path) -> RawChannel:
    data = _arrays(path)
    if not data:
        raise FileError(codes.NPZ_WITHOUT_ARRAYS, path=str(path))
    if "fs" not in data or data["fs"].size != 1 or data["fs"].dtype.kind not in "fiu":
        raise FileError(codes.NPZ_RATE_MISSING, path=str(path), arrays=codes.shortened(list(data)))
    rate_hz = float(data["fs"].reshape(()))
    channels, roles = {}, {}
    for key, letter in (("u_abc", "u"), ("i_abc", "i")):
        if key in data:
            if data[key].ndim != 2 or data[key].shape[0] != 3:
                raise FileError(codes.NPZ_SHAPE, path=str(path), array=key, shape=str(data[key].shape))
            if data[key].dtype.kind not in "fiu":
                raise FileError(codes.NPZ_TYPE, path=str(path), array=key, type=data[key].dtype.name)
            for phase in range(3):
                channels[f"{letter}{phase + 1}"] = data[key][phase].astype(np.float64, copy=False)
                roles[f"{letter}{phase + 1}"] = f"{letter}{phase + 1}"
    dc = _dc_link(data)
    for key, value in data.items():  # other arrays can be mapped by name, two-dimensional ones as name_1, name_2 …
        if key not in ("u_abc", "i_abc", "fs", *DC_LINK) and value.ndim in (1, 2) and value.dtype.kind in "fiu":
            rows = value.reshape(1, -1) if value.ndim == 1 else value
            for number, row in enumerate(rows[:8], 1):
                channels[key if value.ndim == 1 else f"{key}_{number}"] = row.astype(np.float64, copy=False)
    sizes = {len(channels[name]) for name in roles} or {max((len(row) for row in channels.values()), default=0)}
    if len(sizes) != 1:
        raise FileError(codes.NPZ_LENGTHS_DIFFER, path=str(path))
    size = sizes.pop()
    ignored = {name: len(row) for name, row in channels.items() if len(row) != size}
    lengths = [codes.ARRAY_LENGTH(array=name, n=length) for name, length in ignored.items()]
    notes = [codes.NPZ_ARRAYS_IGNORED(file=path.name, n=size, arrays=codes.shortened(lengths))] if lengths else []
    if dc is None and DC_LINK[0] in data:
        notes.append(codes.NPZ_DC_IGNORED(file=path.name))
    kept = {name: row for name, row in channels.items() if len(row) == size}
    return RawChannel(rate_hz, kept, roles, ignored, notes, dc)


def _dc_link(data: Mapping[str, NDArray[Any]]) -> tuple[float, NDArray[np.float64]] | None:
    """The voltage of the DC link: the array u_dc with its own sampling rate u_dc_fs; None if it cannot be used."""
    found, rate = (data.get(name) for name in DC_LINK)
    if found is None or rate is None or found.ndim != 1 or not found.size or rate.size != 1:
        return None
    if found.dtype.kind not in "fiu" or rate.dtype.kind not in "fiu" or not 0 < float(rate.reshape(())) <= RATE_MAX_HZ:
        return None
    u_dc_v = found.astype(np.float64)
    u_dc_v[np.isinf(u_dc_v)] = math.nan
    return float(rate.reshape(())), u_dc_v
