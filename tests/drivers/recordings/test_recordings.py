"""Recordings: samples in V and A at their channels; a code with data for each file that cannot be read."""

from __future__ import annotations

import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.lib.format import write_array_header_1_0

from drivers import error_reasons as codes
from drivers.errors import FileError
from drivers.file_reasons import FILE_EMPTY, FILE_MISSING, PATH_IS_FOLDER
from drivers.reasons import Code, Reason
from drivers.recordings.recording import ROLES, Recording, load, parse_map


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def failure(path: Path, mapping: str = "") -> Reason:
    """Why a recording cannot be loaded. The text is one line."""
    with pytest.raises(FileError) as caught:
        load(path, parse_map(mapping))
    assert "\n" not in str(caught.value)
    return caught.value.reason


def table(rows: int, *columns: str, header: str = "", start: float = 0.0) -> str:
    lines = [",".join([f"{start + n * 1e-4:.7f}", *(column.format(n=n) for column in columns)]) for n in range(rows)]
    return header + "\n".join(lines) + "\n"


def test_npz(tmp_path: Path) -> None:
    u, i = np.arange(30.0).reshape(3, 10), -np.arange(30.0).reshape(3, 10)
    np.savez(tmp_path / "a.npz", fs=1000, u_abc=u, i_abc=i.astype(np.float32))
    found = load(tmp_path / "a.npz")
    assert found.rate_hz == 1000
    assert found.present == (True,) * 6
    assert np.array_equal(found.samples, np.vstack([u, i]))


def test_csv_with_names(tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", table(50, "{n}", "2.5", header="time,u1,i1\n"))
    found = load(file)
    assert found.rate_hz == pytest.approx(10_000)
    assert found.present == (True, False, False, True, False, False)
    assert found.samples[0, 7] == 7
    assert np.isnan(found.samples[1]).all()


def test_csv_of_a_scope_two_header_lines_and_negative_times(tmp_path: Path) -> None:
    file = write(
        tmp_path / "a.csv",
        table(50, "1", "2", "3", "{n}", header="x-axis,1,2,3,4\nsecond,Volt,Volt,Volt,Ampere\n", start=-1),
    )
    found = load(file, parse_map("u2=2,i1=4"))
    assert found.present == (False, True, False, True, False, False)
    assert found.samples[3, 9] == 9
    assert load(file, parse_map("u1=3")).samples[0, 0] == 3


def test_csv_with_settings_next_to_the_data(tmp_path: Path) -> None:
    rows = [f",,,{n * 1e-4:.7f},{n}," for n in range(60)]
    rows[0] = "Record Length,2500,,0.0000000,0,"
    rows[1] = "Units,V,,0.0001000,1,"
    found = load(write(tmp_path / "a.csv", "\n".join(rows)), parse_map("u1=1"))
    assert found.samples[0, 59] == 59


def test_csv_with_decimal_commas_kilovolts_and_a_gap(tmp_path: Path) -> None:
    rows = [f"{n * 1e-3:.4f}".replace(".", ",") + f";{n},5;" for n in range(40)]
    rows[5] = "0,0050;;"
    found = load(write(tmp_path / "a.csv", "t;UL1 [kV];\n" + "\n".join(rows)))
    assert found.samples[0, 4] == 4500
    assert np.isnan(found.samples[0, 5])


def test_infinite_samples_are_gaps(tmp_path: Path) -> None:
    u = np.ones((3, 10))
    u[0, 3] = np.inf
    np.savez(tmp_path / "a.npz", fs=1000, u_abc=u)
    assert np.isnan(load(tmp_path / "a.npz").samples[0, 3])


BAD: dict[str, tuple[str, Code, dict[str, object]]] = {
    "empty.csv": ("", FILE_EMPTY, {}),
    "empty.npz": ("", FILE_EMPTY, {}),
    "words.csv": ("a,b\nc,d\n", codes.CSV_WITHOUT_NUMBERS, {}),
    "one.csv": ("0.0,1\n", codes.CSV_TOO_SHORT, {}),
    "time.csv": ("0.0\n0.1\n0.2\n", codes.CSV_SINGLE_COLUMN, {}),
    "two.csv": (table(50, "{n}"), codes.CHANNELS_UNIDENTIFIED, {"example": "1", "channels": ("1",)}),
    "notime.csv": ("\n".join(f"{(-1) ** n},{n % 3}" for n in range(50)), codes.CSV_TIME_MISSING, {}),
    "uneven.csv": ("\n".join(f"{n * n * 1e-3},1" for n in range(50)), codes.SAMPLES_UNEVEN, {}),
    "text.npz": ("this is no archive", codes.NPZ_UNREADABLE, {}),
    "x.wav": ("RIFF", codes.RECORDING_TYPE_UNKNOWN, {"suffix": ".wav"}),
    "alone.cfg": ("a,b,1999\n", codes.COMTRADE_FILE_MISSING, {"suffix": ".dat"}),
    "none.cff": ("a,b,1999\n", codes.COMTRADE_PART_MISSING, {"part": "cfg"}),
}


@pytest.mark.parametrize("name", BAD)
def test_a_file_that_cannot_be_read(tmp_path: Path, name: str) -> None:
    text, code, data = BAD[name]
    reason = failure(write(tmp_path / name, text))
    assert reason.code == code
    assert {"path": str(tmp_path / name), **data}.items() <= reason.data.items()


def test_a_missing_file(tmp_path: Path) -> None:
    assert failure(tmp_path / "nothing.npz") == FILE_MISSING(path=str(tmp_path / "nothing.npz"))


def test_shapes_and_rates_are_checked(tmp_path: Path) -> None:
    a, b, c = (tmp_path / f"{name}.npz" for name in "abc")
    np.savez(a, fs=1000, u_abc=np.ones((2, 10)))
    assert failure(a) == codes.NPZ_SHAPE(path=str(a), array="u_abc", shape="(2, 10)")
    np.savez(b, u_abc=np.ones((3, 10)))
    assert failure(b) == codes.NPZ_RATE_MISSING(path=str(b), arrays=("u_abc",))
    np.savez(c, fs=-5, u_abc=np.ones((3, 10)))
    assert failure(c) == codes.SAMPLING_RATE_IMPLAUSIBLE(path=str(c), rate_hz=-5.0, rate_max_hz=10e6)
    np.savez(a, fs=1000, u_abc=np.ones((3, 10)), i_abc=np.ones((3, 11)))
    assert failure(a) == codes.NPZ_LENGTHS_DIFFER(path=str(a))
    np.savez(b)
    assert failure(b) == codes.NPZ_WITHOUT_ARRAYS(path=str(b))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("u1", codes.MAP_ITEM_INVALID(item="u1", roles=ROLES)),
        ("u4=1", codes.MAP_ITEM_INVALID(item="u4=1", roles=ROLES)),
        ("u1=", codes.MAP_ITEM_INVALID(item="u1=", roles=ROLES)),
        ("u1=1,u1=2", codes.MAP_ROLE_TWICE(item="u1=2", role="u1")),
        ("=3", codes.MAP_ITEM_INVALID(item="=3", roles=ROLES)),
    ],
)
def test_an_invalid_assignment_of_channels(text: str, reason: Reason) -> None:
    with pytest.raises(FileError) as caught:
        parse_map(text)
    assert caught.value.reason == reason


def test_an_unknown_channel_is_reported_with_the_channels(tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", table(50, "{n}", header="time,u1\n"))
    assert failure(file, "u1=VB") == codes.CHANNEL_UNKNOWN(path=str(file), channel="VB", channels=("u1",))


def test_at_most_twelve_channels_are_listed(tmp_path: Path) -> None:
    names = [f"c{n}" for n in range(14)] + ["n" * 50]
    file = write(tmp_path / "a.csv", table(50, *["{n}"] * 15, header=f"time,{','.join(names)}\n"))
    listed = (*names[:12], codes.MORE_NAMES(n=3))
    assert failure(file, "u1=VB").data["channels"] == listed
    assert codes.shortened(["n" * 50]) == ("n" * 39 + "…",)


def test_arrays_of_another_length_are_ignored(tmp_path: Path) -> None:
    file = tmp_path / "a.npz"
    np.savez(file, fs=1000, u_abc=np.ones((3, 10)), torque=np.ones(7))
    ignored = codes.NPZ_ARRAYS_IGNORED(file="a.npz", n=10, arrays=(codes.ARRAY_LENGTH(array="torque", n=7),))
    assert load(file).notes == (ignored,)
    assert failure(file, "u1=torque") == codes.CHANNEL_LENGTH(
        path=str(file), channel="torque", n_samples=7, n=10, channels=("u1", "u2", "u3")
    )


def test_a_directory_is_not_a_recording(tmp_path: Path) -> None:
    (tmp_path / "a.npz").mkdir()
    assert failure(tmp_path / "a.npz") == PATH_IS_FOLDER(path=str(tmp_path / "a.npz"))


U = np.ones((3, 10))
DATES, SPANS = np.zeros((3, 10), "datetime64[s]"), np.zeros((3, 10), "timedelta64[s]")
REJECTED: dict[str, tuple[dict[str, Any], Code, dict[str, object]]] = {
    "fs is text": ({"fs": "fast", "u_abc": U}, codes.NPZ_RATE_MISSING, {}),
    "fs is complex": ({"fs": 1000 + 1j, "u_abc": U}, codes.NPZ_RATE_MISSING, {}),
    "fs is an array": ({"fs": [1000, 1000], "u_abc": U}, codes.NPZ_RATE_MISSING, {"arrays": ("fs", "u_abc")}),
    "fs is a date": ({"fs": np.datetime64("2026-01-01"), "u_abc": U}, codes.NPZ_RATE_MISSING, {}),
    "fs is nan": ({"fs": np.nan, "u_abc": U}, codes.SAMPLING_RATE_IMPLAUSIBLE, {}),
    "fs is 1e9": ({"fs": 1e9, "u_abc": U}, codes.SAMPLING_RATE_IMPLAUSIBLE, {"rate_hz": 1e9, "rate_max_hz": 10e6}),
    "u_abc is text": (
        {"fs": 1000, "u_abc": np.full((3, 10), "x")}, codes.NPZ_TYPE, {"array": "u_abc", "type": "str32"}
    ),
    "u_abc is complex": ({"fs": 1000, "u_abc": U * 1j}, codes.NPZ_TYPE, {"array": "u_abc", "type": "complex128"}),
    "u_abc is dates": ({"fs": 1000, "u_abc": DATES}, codes.NPZ_TYPE, {"array": "u_abc", "type": "datetime64[s]"}),
    "i_abc is time spans": (
        {"fs": 1000, "u_abc": U, "i_abc": SPANS}, codes.NPZ_TYPE, {"array": "i_abc", "type": "timedelta64[s]"}
    ),
    "u_abc is empty": ({"fs": 1000, "u_abc": np.ones((3, 0))}, codes.RECORDING_WITHOUT_SAMPLES, {}),
    "u_abc is objects": ({"fs": 1000, "u_abc": np.array([[{}] * 4] * 3)}, codes.NPZ_UNREADABLE, {}),
}  # fmt: skip


@pytest.mark.parametrize("case", REJECTED)
def test_arrays_that_are_not_waveforms_are_rejected(tmp_path: Path, case: str) -> None:
    arrays, code, data = REJECTED[case]
    np.savez(tmp_path / "a.npz", **arrays)
    reason = failure(tmp_path / "a.npz")
    assert reason.code == code
    assert data.items() <= reason.data.items()


def test_a_single_array_with_the_suffix_of_an_npz(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", U)
    (tmp_path / "a.npy").rename(tmp_path / "a.npz")
    assert failure(tmp_path / "a.npz") == codes.NPZ_SINGLE_ARRAY(path=str(tmp_path / "a.npz"))


@pytest.mark.parametrize(
    ("text", "channel", "other", "role"),
    [("u1=1,i1=1", "u1", "u1", "i1"), ("u1=u1,i1=1", "u1", "u1", "i1"), ("u1=2,u2=i1", "i1", "u1", "u2")],
)
def test_one_channel_has_one_role(tmp_path: Path, text: str, channel: str, other: str, role: str) -> None:
    file = write(tmp_path / "a.csv", table(50, "{n}", "2", header="time,u1,i1\n"))
    assert failure(file, text) == codes.MAP_CHANNEL_TWICE(path=str(file), channel=channel, other=other, role=role)


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_decimal_commas_do_not_outvote_the_delimiter(tmp_path: Path, delimiter: str) -> None:
    """The same numbers with decimal commas and with decimal points."""
    rows = [(n * 1e-4, 325.1 * np.sin(n / 30), 7.25 * np.cos(n / 30)) for n in range(400)]
    london = "\n".join(",".join(f"{value:.4f}" for value in row) for row in rows)
    berlin = "\n".join(delimiter.join(f"{value:.4f}".replace(".", ",") for value in row) for row in rows)
    ours = load(write(tmp_path / "b.csv", delimiter.join(["t", "u1", "i1"]) + "\n" + berlin + "\n"))
    theirs = load(write(tmp_path / "l.csv", "t,u1,i1\n" + london + "\n"))
    assert ours.rate_hz == theirs.rate_hz == pytest.approx(10_000)
    assert ours.present == theirs.present == (True, False, False, True, False, False)
    assert np.array_equal(ours.samples, theirs.samples, equal_nan=True)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_decimal_points_with_any_delimiter(tmp_path: Path, delimiter: str) -> None:
    text = table(60, "{n}.5", "3", header="t,u1,i1\n").replace(",", delimiter)
    found = load(write(tmp_path / "a.csv", text))
    assert (found.samples[0, 7], found.samples[3, 7]) == (7.5, 3)


def test_short_lines_are_counted(tmp_path: Path) -> None:
    lines = table(100, "{n}", "2").splitlines()
    for n in range(3, 100, 7):
        lines[n] = lines[n].split(",")[0]  # 14 of 100
    file = write(tmp_path / "a.csv", "\n".join(lines))
    assert failure(file) == codes.CSV_COLUMNS_MISSING(
        path=str(file), n_short=14, n=100, text=lines[3], n_columns=1, n_usual=3
    )


def test_one_short_line_is_a_gap(tmp_path: Path) -> None:
    lines = table(100, "{n}", "2").splitlines()
    lines[50] = lines[50].rsplit(",", 1)[0]
    found = load(write(tmp_path / "a.csv", "time,u1,i1\n" + "\n".join(lines)))
    assert found.samples[0, 50] == 50
    assert np.flatnonzero(np.isnan(found.samples[3])).tolist() == [50]


def test_a_header_may_be_longer_than_a_tenth_of_the_file(tmp_path: Path) -> None:
    head = "".join(f"# setting {n}\n" for n in range(30)) + "time,u1\n"
    assert load(write(tmp_path / "a.csv", table(50, "{n}", header=head))).samples[0, 49] == 49


def test_an_endless_cell(tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", table(50, "{n}", header="time,u1\n") + '0.1,"' + "9" * 140_000 + '"\n')
    reason = failure(file)
    assert (reason.code, reason.data["line"]) == (codes.CSV_LINE_INVALID, 52)


def test_a_line_of_commas_does_not_size_the_table(tmp_path: Path) -> None:
    lines = "#" + "," * 2_000_000 + "\n" + table(3000, "{n}", header="time,u1\n")  # would need 48 GB
    assert load(write(tmp_path / "a.csv", lines)).samples.shape == (6, 3000)


def too_large(reason: Reason) -> bool:
    return reason.code == codes.RECORDING_TOO_LARGE and reason.data["size_mb"] > reason.data["size_max_mb"]


@pytest.mark.parametrize("shape", [(3, 54_200_000), (3, 10**15), (10**9,), (-3, -(10**9)), (2**40, 2**40)])
@pytest.mark.parametrize("dtype", ["<f8", "|u1", "<U1"])
def test_an_npz_is_limited_by_the_size_that_its_arrays_declare(
    tmp_path: Path, shape: tuple[int, ...], dtype: str
) -> None:
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive, archive.open("u_abc.npy", "w") as file:
        write_array_header_1_0(file, {"descr": dtype, "fortran_order": False, "shape": shape})
    assert too_large(failure(tmp_path / "a.npz"))


@pytest.mark.parametrize("name", ["a.npz", "a.csv", "r.cff", "r.cfg"])
def test_a_file_is_limited_before_it_is_read(tmp_path: Path, name: str) -> None:
    """The file is sparse: its size is declared, it occupies nothing."""
    file = tmp_path / name
    if name == "r.cfg":
        file = comtrade(tmp_path, "BINARY", 10, range(10)).with_suffix(".dat")
    with file.open("ab") as made:
        made.truncate(2_000_000_000)
    assert too_large(failure(tmp_path / name))


def test_a_table_is_limited_by_its_lines_and_channels(tmp_path: Path) -> None:
    """A file of 4 MB would need 160 GB."""
    file = comtrade(tmp_path, "ASCII", 1_000_000, range(0))
    lines = file.read_text(encoding="utf-8").splitlines()
    analog = [lines[2].replace("1,UL1", f"{n},UL{n}", 1) for n in range(1, 20_001)]
    write(file, "\r\n".join([lines[0], "20001,20000A,1D", *analog, *lines[4:]]))
    write(file.with_suffix(".dat"), "1\n" * 1_000_000)
    assert too_large(failure(file))
    wide = table(3, *["1"] * 255) + "1\n" * 600_000
    assert too_large(failure(write(tmp_path / "a.csv", wide)))


def counts(n: int) -> tuple[int, int]:
    """Raw values of the two channels of `comtrade` at sample n, counted from 0."""
    return n % 1000 + 1, -(n % 700) - 1


def comtrade(folder: Path, form: str, stated: int, present: range, rate: float = 5000, cut: int = 0) -> Path:
    """A recording of IEEE C37.111-1999 with `present` of `stated` samples, 200 us apart.

    rate: sampling rate in the cfg; 0: not stated, the time stamps apply. cut: bytes missing at the end of the dat.
    """
    lines = [
        "here,there,1999", "3,2A,1D",
        "1,UL1,A,,V,0.5,0,0,-32767,32767,1,1,P", "2,IL1,A,,A,0.25,1,0,-32767,32767,1,1,P", "1,trip,,,0",
        "50", "1" if rate else "0", f"{rate:g},{stated}", *2 * ["01/01/2026,00:00:00.000000"], form, "1",
    ]  # fmt: skip
    write(folder / "r.cfg", "\r\n".join(lines) + "\r\n")
    if form == "ASCII":
        dat = "".join(f"{n + 1},{n * 200},{counts(n)[0]},{counts(n)[1]},0\r\n" for n in present).encode()
    else:
        dat = b"".join(struct.pack("<IIhhH", n + 1, n * 200, *counts(n), 0) for n in present)
    (folder / "r.dat").write_bytes(dat[: len(dat) - cut])
    return folder / "r.cfg"


def shows(found: Recording, present: range) -> None:
    raw = np.array([counts(n) for n in present], dtype=float)
    assert np.array_equal(found.samples[0], raw[:, 0] * 0.5)
    assert np.array_equal(found.samples[3], raw[:, 1] * 0.25 + 1)


@pytest.mark.parametrize("form", ["ASCII", "BINARY"])
def test_a_complete_comtrade_recording(tmp_path: Path, form: str) -> None:
    found = load(comtrade(tmp_path, form, 2000, range(2000)))
    assert (found.rate_hz, found.notes) == (5000, ())
    shows(found, range(2000))


@pytest.mark.parametrize("rate", [5000, 0])
@pytest.mark.parametrize("cut", [0, 3])
@pytest.mark.parametrize("form", ["ASCII", "BINARY"])
def test_a_truncated_comtrade_recording_ends_with_its_last_complete_sample(
    tmp_path: Path, form: str, cut: int, rate: float
) -> None:
    """The length follows from the rate, or without a stated rate from the time stamps: 200 us per sample."""
    found = load(comtrade(tmp_path, form, 10_000, range(4300), rate, cut))
    n = 4300 if not cut else 4299
    shows(found, range(n))
    assert found.rate_hz == pytest.approx(5000, rel=1e-12)
    (note,) = found.notes
    length_s = note.data["length_s"]
    assert note == codes.COMTRADE_TRUNCATED(file="r.cfg", data_file="r.dat", n=n, n_stated=10_000, length_s=length_s)
    assert length_s == pytest.approx(n * 200e-6, rel=1e-12)


def test_ratios_and_skews_that_are_not_applied_are_noted(tmp_path: Path) -> None:
    """C37.111: PS is the side of the transformer to which the values refer, skew the sampling delay of a channel."""
    file = comtrade(tmp_path, "ASCII", 50, range(50))
    text = file.read_text().replace("UL1,A,,V,0.5,0,0,-32767,32767,1,1,P", "UL1,A,,V,0.5,0,0,-32767,32767,10000,100,S")
    write(file, text.replace("IL1,A,,A,0.25,1,0,", "IL1,A,,A,0.25,1,12.5,"))
    found = load(file)
    shows(found, range(50))
    assert found.notes == (
        codes.COMTRADE_SECONDARY(
            file="r.cfg", channels=(codes.CHANNEL_RATIO(channel="UL1", primary=10_000, secondary=100),)
        ),
        codes.COMTRADE_SKEW(file="r.cfg", skew_us=12.5),
    )


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "1e400"])
@pytest.mark.parametrize("key", ["0.5", "0"])
def test_a_factor_that_is_not_finite_is_reported_with_its_channel(tmp_path: Path, key: str, value: str) -> None:
    file = comtrade(tmp_path, "BINARY", 50, range(50))
    write(file, file.read_text().replace(",V,0.5,0,", ",V,0.5,0,".replace(f",{key},", f",{value},")))
    assert failure(file) == codes.COMTRADE_SCALE(path=str(file), channel="UL1")


def test_samples_beyond_the_range_of_float64_are_missing(tmp_path: Path) -> None:
    file = comtrade(tmp_path, "FLOAT32", 3, range(0))
    write(file, file.read_text().replace(",V,0.5,0,", ",V,1e300,0,"))
    signalling = struct.pack("<I", 0x7F800001)  # a NaN that raises the flag "invalid" when it is converted
    values = [struct.pack("<f", 3.4e38), signalling, struct.pack("<f", 2.0)]
    rows = (struct.pack("<II", n + 1, n * 200) + value + b"\0\0\0\0" + b"\0\0" for n, value in enumerate(values))
    file.with_suffix(".dat").write_bytes(b"".join(rows))
    assert np.array_equal(load(file).samples[0], [np.nan, np.nan, 2e300], equal_nan=True)


def test_times_that_differ_by_less_than_float64_resolves_do_not_increase(tmp_path: Path) -> None:
    lines = "time,u1\n" + "0,1\n" * 50 + "5e-324,1\n"
    file = write(tmp_path / "a.csv", lines)
    assert failure(file) == codes.SAMPLE_TIME_CONSTANT(path=str(file))


def test_the_number_of_samples_in_a_cfg_allocates_no_memory(tmp_path: Path) -> None:
    assert load(comtrade(tmp_path, "BINARY", 10**12, range(50))).samples.shape == (6, 50)


def test_more_samples_than_the_cfg_states(tmp_path: Path) -> None:
    found = load(comtrade(tmp_path, "ASCII", 100, range(130)))
    shows(found, range(100))
    assert found.notes == (codes.COMTRADE_EXTRA_SAMPLES(file="r.cfg", data_file="r.dat", n=130, n_stated=100),)


@pytest.mark.parametrize("form", ["ASCII", "BINARY"])
def test_missing_samples_of_a_comtrade_recording_are_nan(tmp_path: Path, form: str) -> None:
    file = comtrade(tmp_path, form, 200, range(200))
    complete = load(file).samples
    dat = (tmp_path / "r.dat").read_bytes()
    rows = dat.splitlines(keepends=True) if form == "ASCII" else [dat[n : n + 14] for n in range(0, len(dat), 14)]
    (tmp_path / "r.dat").write_bytes(b"".join(rows[:90] + rows[95:]))
    found = load(file)
    assert np.isnan(found.samples[0, 90:95]).all()
    assert np.array_equal(np.delete(found.samples[0], range(90, 95)), np.delete(complete[0], range(90, 95)))
    assert codes.COMTRADE_SAMPLES_MISSING(file="r.cfg", n=5) in found.notes


@pytest.mark.parametrize("content", [b"", b"\x1a", b"\r\n\r\n"])
def test_an_empty_dat(tmp_path: Path, content: bytes) -> None:
    file = comtrade(tmp_path, "ASCII", 100, range(100))
    (tmp_path / "r.dat").write_bytes(content)
    assert failure(file) == codes.COMTRADE_DATA_EMPTY(path=str(file), data_file="r.dat")


@pytest.mark.parametrize("rate", [1e9, -5])
def test_an_implausible_rate_in_a_cfg(tmp_path: Path, rate: float) -> None:
    reason = failure(comtrade(tmp_path, "BINARY", 100, range(100), rate=rate))
    assert (reason.code, reason.data["rate_hz"]) == (codes.SAMPLING_RATE_IMPLAUSIBLE, rate)


def test_an_invalid_sample_line_is_quoted(tmp_path: Path) -> None:
    file = comtrade(tmp_path, "ASCII", 3, range(3))
    (tmp_path / "r.dat").write_text("1,0,1,1,0\n2,200,one,1,0\n3,400,1,1,0\n")
    assert failure(file) == codes.COMTRADE_SAMPLE_LINE(path=str(file), line=2, n_channels=2, text="2,200,one,1,0")


@pytest.mark.parametrize("name", ["sample_ascii.cfg", "sample_ascii.cff", "sample_bin.cfg", "sample_float32.cff"])
def test_samples_are_those_of_the_comtrade_package(data: Path, name: str) -> None:
    """The files of the authors of this package, read by both."""
    import comtrade as package

    file = data / "recordings" / "python_comtrade" / name
    theirs = package.Comtrade(ignore_warnings=True, use_numpy_arrays=True, use_double_precision=True)
    theirs.load(str(file))
    for number, channel in enumerate(theirs.cfg.analog_channels):
        ours = load(file, {"u1": str(number + 1)}).samples[0]
        scale = {"kV": 1e3, "kA": 1e3}.get(channel.uu, 1.0)
        assert ours == pytest.approx(np.asarray(theirs.analog[number]) * scale, rel=1e-9, nan_ok=True)


def test_comtrade_generator(data: Path) -> None:
    folder = data / "recordings" / "pycomtrade_gen" / "test_data2"
    found = load(folder / "test2.cfg", parse_map("u1=VA_GC1,i1=IA_GC1"))
    assert found.rate_hz == 5760
    steady = found.samples[:, int(1.3 * 5760) : int(2.2 * 5760)]
    rms = np.sqrt((steady**2).mean(axis=1))
    assert rms[0] == pytest.approx(7563.467, rel=1e-3)  # kV in the file, V here; value of the least-squares fit
    assert rms[3] == pytest.approx(525.6025, rel=1e-3)
    reason = failure(folder / "test2.cfg")
    assert (reason.code, reason.data["role"]) == (codes.CHANNELS_AMBIGUOUS, "u1")


def test_comtrade_in_all_its_forms(data: Path) -> None:
    folder = data / "recordings" / "python_comtrade"
    assert load(folder / "sample_ascii.cfg").present == (False, False, False, True, True, True)
    assert load(folder / "sample_bin.cfg").present == (True, True, True, False, False, False)
    assert load(folder / "sample_float32.cff", parse_map("u1=1")).present[0]
    assert load(folder / "sample_ascii.dat").rate_hz == load(folder / "sample_ascii.cfg").rate_hz


def test_scope_files(data: Path) -> None:
    folder = data / "recordings"
    assert load(folder / "vfd_scope" / "hv350" / "scope_071.csv", parse_map("u1=1")).rate_hz == pytest.approx(8000)
    rectifier = load(folder / "rectifier_scope" / "in_r_load" / "CH1.CSV", parse_map("u1=1"))
    assert rectifier.rate_hz == pytest.approx(50_000)
    assert np.sqrt((rectifier.samples[0] ** 2).mean()) == pytest.approx(109.73, rel=5e-3)  # 8-bit scope, 3 cycles
