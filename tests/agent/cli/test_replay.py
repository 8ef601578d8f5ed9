"""`magwatt replay`: objects for each window, parts of a file, damaged recordings, and the recording of the README."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from support.command_line import invoke

from agent.analysis.recordings.reasons import NO_COMPLETE_WINDOW
from agent.core.text import text_of
from drivers.error_reasons import (
    CHANNELS_UNIDENTIFIED,
    COMTRADE_FILE_MISSING,
    COMTRADE_TRUNCATED,
    CSV_WITHOUT_NUMBERS,
    NPZ_UNREADABLE,
)
from drivers.file_reasons import FILE_EMPTY
from drivers.reasons import Reason

ROOT = Path(__file__).parents[3]
NAN = float("nan")


def sine(path: Path, seconds: float = 1.0, rate_hz: float = 5000.0, spoil: int | None = None) -> Path:
    t = np.arange(int(seconds * rate_hz)) / rate_hz
    u = np.array([325 * np.sin(2 * np.pi * 50 * t - k * 2 * np.pi / 3) for k in range(3)])
    if spoil is not None:
        u[0, spoil] = NAN
    np.savez(path, fs=rate_hz, u_abc=u, i_abc=u / 20)
    return path


KEYS = {
    "t_s", "n_cycles", "frequency_hz", "flags", "u_rms_v", "i_rms_a", "p_w", "q1_var", "s_va", "pf", "h_u_v", "h_i_a",
    "sg_u_v", "sg_i_a", "thd_u_pct", "thd_i_pct", "u1_v", "u2_pct", "u0_pct", "i2_pct", "i0_pct",
}  # fmt: skip


def test_replay_prints_one_object_for_each_window(tmp_path: Path) -> None:
    done = invoke("replay", str(sine(tmp_path / "a.npz")), "--json")
    assert done.exit_code == 0
    rows = [json.loads(line) for line in done.output.splitlines()]
    assert len(rows) == 5
    for number, row in enumerate(rows):
        assert set(row) >= KEYS
        assert row["t_s"] == pytest.approx(0.1 + 0.2 * number, abs=2e-3)
        assert row["n_cycles"] == 10
        assert row["flags"] == []
        assert row["p_w"] == pytest.approx(3 * 325 * 325 / 20 / 2, rel=1e-5)
        assert [len(item) for item in row["h_u_v"]] == [51, 51, 51]
        assert row["sg_u_v"][0][1] == pytest.approx(325 / 2**0.5, rel=1e-4)
        assert row["h_u_v"][0][46] is None, "2300 Hz is above 0.45 of 5000 S/s"
        assert row["h_u_v"][0][45] is not None


def test_replay_takes_a_part_of_the_file(tmp_path: Path) -> None:
    done = invoke("replay", str(sine(tmp_path / "a.npz", 2)), "--from", "0.5", "--to", "1.1", "--json")
    assert [json.loads(line)["t_s"] for line in done.output.splitlines()] == pytest.approx([0.6, 0.8, 1.0], abs=2e-3)


def test_a_nan_flags_its_window_only(tmp_path: Path) -> None:
    done = invoke("replay", str(sine(tmp_path / "a.npz", spoil=2500)), "--json")
    rows = [json.loads(line) for line in done.output.splitlines()]
    assert [row["flags"] for row in rows] == [[], [], ["GAP"], [], []]
    assert rows[2]["u_rms_v"][0] is None
    assert rows[2]["u_rms_v"][1] == pytest.approx(325 / 2**0.5, rel=1e-4)
    assert rows[2]["p_w"] is None
    assert rows[3]["p_w"] == pytest.approx(rows[0]["p_w"], rel=1e-6)


def test_nothing_is_nan_in_the_json(tmp_path: Path) -> None:
    np.savez(tmp_path / "z.npz", fs=5000, u_abc=np.zeros((3, 5000)), i_abc=np.full((3, 5000), NAN))
    done = invoke("replay", str(tmp_path / "z.npz"), "--json")
    for line in done.output.splitlines():
        row = json.loads(line, parse_constant=lambda text: pytest.fail(f"{text} is not JSON"))
        assert row["thd_u_pct"] == [None, None, None]
        assert row["frequency_hz"] is None


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("empty.csv", b"", FILE_EMPTY(path="")),
        ("empty.npz", b"", FILE_EMPTY(path="")),
        ("two.csv", b"0.0,1\n0.1,2\n0.2,1\n0.3,2\n", CHANNELS_UNIDENTIFIED(path="", example="1", channels=("1",))),
        ("binary.csv", bytes(range(256)) * 20, CSV_WITHOUT_NUMBERS(path="")),
        ("cut.npz", b"PK\x03\x04junk", NPZ_UNREADABLE(path="", error="BadZipFile: File is not a zip file")),
        ("none.cfg", b"x,y,1999\n", COMTRADE_FILE_MISSING(path="", suffix=".dat")),
    ],
)
def test_a_bad_recording_is_one_line_and_exit_2(tmp_path: Path, name: str, content: bytes, expected: Reason) -> None:
    (tmp_path / name).write_bytes(content)
    done = invoke("replay", str(tmp_path / name))
    assert done.exit_code == 2
    assert done.output.strip() == text_of(expected.code(**{**expected.data, "path": str(tmp_path / name)}))
    assert len(done.output.strip().splitlines()) == 1


def test_a_recording_that_is_shorter_than_a_window_is_an_error(tmp_path: Path) -> None:
    file = str(sine(tmp_path / "a.npz", seconds=0.03))
    done = invoke("replay", file)
    assert done.exit_code == 1
    assert done.output.strip() == text_of(NO_COMPLETE_WINDOW(file=file, length_s=0.03))


def test_recordings_prints_the_metadata_of_a_file(data: Path) -> None:
    """Figures of the recordings' own page: a generator of 10.98 MW at 59.996 Hz, and a drive's output."""
    folder = data / "recordings"
    generator = str(folder / "pycomtrade_gen" / "test_data2" / "test2.cfg")
    mapping = "u1=VA_GC1,u2=VB_GC1,u3=VC_GC1,i1=IA_GC1,i2=IB_GC1,i3=IC_GC1"
    done = invoke("replay", generator, "--json", "--from", "1.3", "--to", "2.2", "--map", mapping)
    rows = [json.loads(line) for line in done.output.splitlines()]

    def mean(name: str) -> float:
        return sum(row[name] for row in rows) / len(rows)

    assert mean("p_w") == pytest.approx(10.98e6, rel=0.01)
    assert mean("frequency_hz") == pytest.approx(59.996, abs=0.005)
    assert mean("u2_pct") == pytest.approx(1.133, abs=0.1)
    assert rows[0]["u_rms_v"] == pytest.approx([7563, 7584, 7468], rel=1e-3)
    done = invoke("replay", str(folder / "vfd_scope" / "hv350" / "scope_3.csv"), "--json", "--map", "i1=4")
    rows = [json.loads(line) for line in done.output.splitlines()]
    assert len(rows) >= 24
    assert sum(row["i_rms_a"][0] for row in rows) / len(rows) == pytest.approx(2.084, rel=1e-3)
    assert mean("frequency_hz") == pytest.approx(10.001, abs=0.005)
    assert all(row["n_cycles"] == 2 and row["sg_i_a"][0][5] is None for row in rows)
    assert sum(row["thd_i_pct"][0] for row in rows) / len(rows) == pytest.approx(1.0, abs=0.2)


@pytest.mark.parametrize("end", ["1e-300", "1e8", "0"])
def test_times_beyond_the_file_end_at_its_end(tmp_path: Path, end: str) -> None:
    done = invoke("replay", str(sine(tmp_path / "a.npz")), "--to", end)
    assert done.exit_code == (0 if end == "1e8" else 2)


def test_a_truncated_recording_is_noted_with_its_windows(tmp_path: Path) -> None:
    (tmp_path / "r.cfg").write_text(
        "a,b,1999\n1,1A,0D\n1,UL1,A,,V,1,0,0,-32767,32767,1,1,P\n50\n1\n5000,10000\n"
        "01/01/2026,00:00:00.0\n01/01/2026,00:00:00.0\nASCII\n1\n"
    )
    values = np.round(1000 * np.sin(2 * np.pi * 50 * np.arange(4300) / 5000)).astype(int)
    (tmp_path / "r.dat").write_text("".join(f"{n + 1},{n * 200},{value}\n" for n, value in enumerate(values)))
    done = invoke("replay", str(tmp_path / "r.cfg"), "--json")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.exit_code == 0
    assert len(rows) == 4
    assert all(row["u_rms_v"][0] == pytest.approx(1000 / 2**0.5, rel=1e-3) for row in rows), "no zeros came in"
    truncated = COMTRADE_TRUNCATED(file="r.cfg", data_file="r.dat", n=4300, n_stated=10000, length_s=4300 / 5000)
    assert done.stderr.strip() == text_of(truncated)


def readme_lines() -> list[str]:
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    lines = [line.strip() for line in page.splitlines() if line.startswith("    magwatt replay ")]
    return [line for line in lines if "--plot" not in line]  # which writes into the current directory


def test_the_readme_shows_how_to_replay() -> None:
    assert readme_lines()


@pytest.mark.parametrize("line", readme_lines())
def test_the_recording_of_the_readme_is_there(line: str) -> None:
    """Run as typed in a fresh clone. Truth: P = 3 U I cos 15°, and the THD of the shares in its script."""
    code = "from agent.cli import main; main()"
    words = [sys.executable, "-c", code, *shlex.split(line)[1:], *([] if "--json" in line else ["--json"])]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=180, check=True, env=os.environ)
    rows = [json.loads(row) for row in done.stdout.splitlines()]
    assert rows
    thd = 100 * float(np.linalg.norm([0.35, 0.12, 0.07, 0.04]))
    for row in rows:
        assert row["flags"] in ([], ["MISSING_PHASE"])
        assert row["thd_i_pct"][0] == pytest.approx(thd, abs=0.05)
        if row["p_w"] is not None and "--map" not in line:
            assert row["p_w"] == pytest.approx(3 * 230 * 100 * np.cos(np.radians(15)), rel=1e-3)


def test_the_recording_of_the_readme_is_what_its_script_writes(tmp_path: Path) -> None:
    script = (ROOT / "examples" / "make_recording.py").read_text(encoding="utf-8")
    (tmp_path / "make_recording.py").write_text(script, encoding="utf-8")
    subprocess.run([sys.executable, str(tmp_path / "make_recording.py")], check=True, timeout=180)
    made, kept = (folder / "drive_input.csv" for folder in (tmp_path, ROOT / "examples"))
    assert kept.stat().st_size < 300_000
    first, second = (np.loadtxt(file, delimiter=",", skiprows=1) for file in (made, kept))
    assert np.abs(first - second).max() <= 0.0011  # another libm may round the last digit the other way
