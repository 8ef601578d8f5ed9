"""Recordings: each sample is returned at its position, in V and A; an unreadable file is reported in one line."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from drivers.errors import FileError
from drivers.files import Recording, load, parse_map


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


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


def test_csv_with_settings_beside_the_data(tmp_path: Path) -> None:
    rows = [f",,,{n * 1e-4:.7f},{n}," for n in range(60)]
    rows[0] = "Record Length,2500,,0.0000000,0,"
    rows[1] = "Units,V,,0.0001000,1,"
    found = load(write(tmp_path / "a.csv", "\n".join(rows)), parse_map("u1=1"))
    assert found.samples[0, 59] == 59


def test_csv_with_decimal_commas_kilovolts_and_a_hole(tmp_path: Path) -> None:
    rows = [f"{n * 1e-3:.4f}".replace(".", ",") + f";{n},5;" for n in range(40)]
    rows[5] = "0,0050;;"
    found = load(write(tmp_path / "a.csv", "t;UL1 [kV];\n" + "\n".join(rows)))
    assert found.samples[0, 4] == 4500
    assert np.isnan(found.samples[0, 5])


def test_infinite_samples_are_holes(tmp_path: Path) -> None:
    u = np.ones((3, 10))
    u[0, 3] = np.inf
    np.savez(tmp_path / "a.npz", fs=1000, u_abc=u)
    assert np.isnan(load(tmp_path / "a.npz").samples[0, 3])


BAD = {
    "empty.csv": ("", "the file is empty"),
    "empty.npz": ("", "the file is empty"),
    "words.csv": ("a,b\nc,d\n", "no columns with numbers"),
    "one.csv": ("0.0,1\n", "fewer than two lines"),
    "two.csv": (table(50, "{n}"), "voltages and currents cannot be identified"),
    "notime.csv": ("\n".join(f"{(-1) ** n},{n % 3}" for n in range(50)), "the first column must be the time"),
    "uneven.csv": ("\n".join(f"{n * n * 1e-3},1" for n in range(50)), "uneven"),
    "text.npz": ("this is no archive", "not a readable npz"),
    "x.wav": ("RIFF", "unknown file type '.wav'"),
    "alone.cfg": ("a,b,1999\n", "the corresponding .dat file is missing"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_read_is_said(tmp_path: Path, name: str) -> None:
    text, expected = BAD[name]
    with pytest.raises(FileError, match=expected) as caught:
        load(write(tmp_path / name, text))
    assert name in str(caught.value)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="no such file"):
        load(tmp_path / "nothing.npz")


def test_shapes_and_rates_are_named(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", fs=1000, u_abc=np.ones((2, 10)))
    with pytest.raises(FileError, match=r"shape \(3, N\); its shape is \(2, 10\)"):
        load(tmp_path / "a.npz")
    np.savez(tmp_path / "b.npz", u_abc=np.ones((3, 10)))
    with pytest.raises(FileError, match=r"fs .* is missing"):
        load(tmp_path / "b.npz")
    np.savez(tmp_path / "c.npz", fs=-5, u_abc=np.ones((3, 10)))
    with pytest.raises(FileError, match="fs must be a sampling rate"):
        load(tmp_path / "c.npz")


@pytest.mark.parametrize("text", ["u1", "u4=1", "u1=", "u1=1,u1=2", "=3"])
def test_a_wrong_map_is_said(text: str) -> None:
    with pytest.raises(FileError, match="--map"):
        parse_map(text)


def test_an_unknown_channel_lists_what_there_is(tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", table(50, "{n}", header="time,u1\n"))
    with pytest.raises(FileError, match="no channel 'VB'; channels: u1"):
        load(file, parse_map("u1=VB"))


def test_a_folder_is_called_one(tmp_path: Path) -> None:
    (tmp_path / "a.npz").mkdir()
    with pytest.raises(FileError, match="is a directory"):
        load(tmp_path / "a.npz")


U = np.ones((3, 10))
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "fs is text": ({"fs": "fast", "u_abc": U}, "it is text"),
    "fs is complex": ({"fs": 1000 + 1j, "u_abc": U}, "it is complex"),
    "fs is an array": ({"fs": [1000, 1000], "u_abc": U}, "missing or not a single number"),
    "fs is a date": ({"fs": np.datetime64("2026-01-01"), "u_abc": U}, "it is dates"),
    "fs is nan": ({"fs": np.nan, "u_abc": U}, "fs must be a sampling rate in Hz; it is nan"),
    "fs is 1e9": ({"fs": 1e9, "u_abc": U}, "implausible sampling rate of 1e\\+09 Hz"),
    "u_abc is text": ({"fs": 1000, "u_abc": np.full((3, 10), "x")}, "u_abc must contain real numbers; it is text"),
    "u_abc is complex": ({"fs": 1000, "u_abc": U * 1j}, "u_abc must contain real numbers; it is complex"),
    "u_abc is dates": ({"fs": 1000, "u_abc": np.zeros((3, 10), "datetime64[s]")}, "it is dates"),
    "i_abc is time spans": ({"fs": 1000, "u_abc": U, "i_abc": np.zeros((3, 10), "timedelta64[s]")}, "it is time"),
    "u_abc is empty": ({"fs": 1000, "u_abc": np.ones((3, 0))}, "no samples"),
    "u_abc is objects": ({"fs": 1000, "u_abc": np.array([[{}] * 4] * 3)}, "not a readable npz"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_arrays_that_are_no_waveforms_are_refused(tmp_path: Path, case: str) -> None:
    arrays, expected = REFUSED[case]
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(FileError, match=expected) as caught:
        load(tmp_path / "a.npz")
    assert "\n" not in str(caught.value)


def test_one_array_under_the_name_of_an_npz(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", U)
    (tmp_path / "a.npy").rename(tmp_path / "a.npz")
    with pytest.raises(FileError, match=r"single array \(npy\)"):
        load(tmp_path / "a.npz")


@pytest.mark.parametrize("text", ["u1=1,i1=1", "u1=u1,i1=1", "u1=2,u2=i1"])
def test_one_channel_has_one_role(tmp_path: Path, text: str) -> None:
    file = write(tmp_path / "a.csv", table(50, "{n}", "2", header="time,u1,i1\n"))
    with pytest.raises(FileError, match="assigns the channel"):
        load(file, parse_map(text))


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


def test_short_lines_are_named_as_the_reason(tmp_path: Path) -> None:
    lines = table(100, "{n}", "2").splitlines()
    for n in range(3, 100, 7):
        lines[n] = lines[n].split(",")[0]  # 14 of 100
    with pytest.raises(FileError, match=r"14 of 100 lines have too few columns.*with 1 of 3 columns"):
        load(write(tmp_path / "a.csv", "\n".join(lines)))


def test_one_short_line_is_a_hole(tmp_path: Path) -> None:
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
    with pytest.raises(FileError, match=r"line 52: not a CSV line \(field larger"):
        load(file)


def test_a_line_of_commas_does_not_size_the_table(tmp_path: Path) -> None:
    lines = "#" + "," * 2_000_000 + "\n" + table(3000, "{n}", header="time,u1\n")  # would need 48 GB
    assert load(write(tmp_path / "a.csv", lines)).samples.shape == (6, 3000)


def counts(n: int) -> tuple[int, int]:
    """Raw values of the two channels of `comtrade` at sample n, counted from 0."""
    return n % 1000 + 1, -(n % 700) - 1


def comtrade(folder: Path, form: str, said: int, held: range, rate: float = 5000, cut: int = 0) -> Path:
    """Write a recording of IEEE C37.111-1999 with `held` of the `said` samples stated in the cfg.

    cut: number of bytes removed from the end of the dat.
    """
    lines = [
        "here,there,1999", "3,2A,1D",
        "1,UL1,A,,V,0.5,0,0,-32767,32767,1,1,P", "2,IL1,A,,A,0.25,1,0,-32767,32767,1,1,P", "1,trip,,,0",
        "50", "1", f"{rate:g},{said}", *2 * ["01/01/2026,00:00:00.000000"], form, "1",
    ]  # fmt: skip
    write(folder / "r.cfg", "\r\n".join(lines) + "\r\n")
    if form == "ASCII":
        dat = "".join(f"{n + 1},{n * 200},{counts(n)[0]},{counts(n)[1]},0\r\n" for n in held).encode()
    else:
        dat = b"".join(struct.pack("<IIhhH", n + 1, n * 200, *counts(n), 0) for n in held)
    (folder / "r.dat").write_bytes(dat[: len(dat) - cut])
    return folder / "r.cfg"


def shows(found: Recording, held: range) -> None:
    raw = np.array([counts(n) for n in held], dtype=float)
    assert np.array_equal(found.samples[0], raw[:, 0] * 0.5)
    assert np.array_equal(found.samples[3], raw[:, 1] * 0.25 + 1)


@pytest.mark.parametrize("form", ["ASCII", "BINARY"])
def test_a_whole_comtrade_recording(tmp_path: Path, form: str) -> None:
    found = load(comtrade(tmp_path, form, 2000, range(2000)))
    assert (found.rate_hz, found.notes) == (5000, ())
    shows(found, range(2000))


@pytest.mark.parametrize("cut", [0, 3])
@pytest.mark.parametrize("form", ["ASCII", "BINARY"])
def test_a_cut_off_comtrade_recording_ends_where_it_was_cut(tmp_path: Path, form: str, cut: int) -> None:
    found = load(comtrade(tmp_path, form, 10_000, range(4300), cut=cut))
    held = 4300 if not cut else 4299  # an incomplete sample does not count
    shows(found, range(held))
    assert found.notes == (
        f"r.cfg: r.dat contains {held} of the 10000 samples stated in the cfg; "
        f"the recording is truncated after {held / 5000:.4g} s",
    )


def test_ratios_and_skews_that_are_not_applied_are_told(tmp_path: Path) -> None:
    """C37.111: PS states on which side of the transformer the values are, skew the sampling delay of a channel."""
    file = comtrade(tmp_path, "ASCII", 50, range(50))
    text = file.read_text().replace("UL1,A,,V,0.5,0,0,-32767,32767,1,1,P", "UL1,A,,V,0.5,0,0,-32767,32767,10000,100,S")
    write(file, text.replace("IL1,A,,A,0.25,1,0,", "IL1,A,,A,0.25,1,12.5,"))
    found = load(file)
    shows(found, range(50))
    assert found.notes == (
        "r.cfg: secondary values, not converted to primary values: UL1 (10000:100)",
        "r.cfg: sampling times of the channels differ by up to 12.5 us; not corrected",
    )


def test_what_a_cfg_says_sizes_nothing(tmp_path: Path) -> None:
    assert load(comtrade(tmp_path, "BINARY", 10**12, range(50))).samples.shape == (6, 50)


def test_more_samples_than_the_cfg_says(tmp_path: Path) -> None:
    found = load(comtrade(tmp_path, "ASCII", 100, range(130)))
    shows(found, range(100))
    assert "the extra samples are ignored" in found.notes[0]


@pytest.mark.parametrize("form", ["ASCII", "BINARY"])
def test_samples_left_out_of_a_comtrade_recording_are_holes(tmp_path: Path, form: str) -> None:
    file = comtrade(tmp_path, form, 200, range(200))
    whole = load(file).samples
    dat = (tmp_path / "r.dat").read_bytes()
    rows = dat.splitlines(keepends=True) if form == "ASCII" else [dat[n : n + 14] for n in range(0, len(dat), 14)]
    (tmp_path / "r.dat").write_bytes(b"".join(rows[:90] + rows[95:]))
    found = load(file)
    assert np.isnan(found.samples[0, 90:95]).all()
    assert np.array_equal(np.delete(found.samples[0], range(90, 95)), np.delete(whole[0], range(90, 95)))


@pytest.mark.parametrize("content", [b"", b"\x1a", b"\r\n\r\n"])
def test_an_empty_dat(tmp_path: Path, content: bytes) -> None:
    file = comtrade(tmp_path, "ASCII", 100, range(100))
    (tmp_path / "r.dat").write_bytes(content)
    with pytest.raises(FileError, match=r"r\.dat is empty"):
        load(file)


@pytest.mark.parametrize("rate", [1e9, -5])
def test_an_unlikely_rate_in_a_cfg(tmp_path: Path, rate: float) -> None:
    with pytest.raises(FileError, match="implausible sampling rate"):
        load(comtrade(tmp_path, "BINARY", 100, range(100), rate=rate))


def test_a_sample_line_that_is_none_is_shown(tmp_path: Path) -> None:
    file = comtrade(tmp_path, "ASCII", 3, range(3))
    (tmp_path / "r.dat").write_text("1,0,1,1,0\n2,200,one,1,0\n3,400,1,1,0\n")
    with pytest.raises(FileError, match="sample line 2: expected"):
        load(file)


@pytest.mark.parametrize("name", ["sample_ascii.cfg", "sample_ascii.cff", "sample_bin.cfg", "sample_float32.cff"])
def test_samples_are_those_of_the_comtrade_package(data: Path, name: str) -> None:
    """Complete files of the comtrade package, read by the package and by this driver."""
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
    with pytest.raises(FileError, match=r"both match u1; select one with --map"):
        load(folder / "test2.cfg")


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
