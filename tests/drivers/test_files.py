"""Recordings: what a file holds arrives in its place, in V and A; what cannot be read is said in one line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from drivers.errors import FileError
from drivers.files import load, parse_map


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
    "words.csv": ("a,b\nc,d\n", "no columns of numbers"),
    "one.csv": ("0.0,1\n", "fewer than two lines"),
    "two.csv": (table(50, "{n}"), "cannot tell voltages from currents"),
    "notime.csv": ("\n".join(f"{(-1) ** n},{n % 3}" for n in range(50)), "not a time"),
    "uneven.csv": ("\n".join(f"{n * n * 1e-3},1" for n in range(50)), "uneven"),
    "text.npz": ("this is no archive", "not a readable npz"),
    "x.wav": ("RIFF", ".wav is not read"),
    "alone.cfg": ("a,b,1999\n", "the .dat file that belongs to it is missing"),
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
    with pytest.raises(FileError, match=r"shape \(3, N\), it has \(2, 10\)"):
        load(tmp_path / "a.npz")
    np.savez(tmp_path / "b.npz", u_abc=np.ones((3, 10)))
    with pytest.raises(FileError, match="needs fs"):
        load(tmp_path / "b.npz")
    np.savez(tmp_path / "c.npz", fs=-5, u_abc=np.ones((3, 10)))
    with pytest.raises(FileError, match="not a sampling rate"):
        load(tmp_path / "c.npz")


@pytest.mark.parametrize("text", ["u1", "u4=1", "u1=", "u1=1,u1=2", "=3"])
def test_a_wrong_map_is_said(text: str) -> None:
    with pytest.raises(FileError, match="--map"):
        parse_map(text)


def test_an_unknown_channel_lists_what_there_is(tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", table(50, "{n}", header="time,u1\n"))
    with pytest.raises(FileError, match="no channel 'VB'; it holds u1"):
        load(file, parse_map("u1=VB"))


def test_comtrade_generator(data: Path) -> None:
    folder = data / "recordings" / "pycomtrade_gen" / "test_data2"
    found = load(folder / "test2.cfg", parse_map("u1=VA_GC1,i1=IA_GC1"))
    assert found.rate_hz == 5760
    steady = found.samples[:, int(1.3 * 5760) : int(2.2 * 5760)]
    rms = np.sqrt((steady**2).mean(axis=1))
    assert rms[0] == pytest.approx(7563.467, rel=1e-3)  # kV in the file, V here; value of the least-squares fit
    assert rms[3] == pytest.approx(525.6025, rel=1e-3)
    with pytest.raises(FileError, match=r"could be u1; say which with --map"):
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
