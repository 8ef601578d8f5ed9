"""The commands as typed: exit codes, one clear line, never a traceback."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from agent.cli import main

NAN = float("nan")


def invoke(*arguments: str) -> Result:
    result = CliRunner().invoke(main, list(arguments))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


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
        ("empty.csv", b"", "the file is empty"),
        ("empty.npz", b"", "the file is empty"),
        ("two.csv", b"0.0,1\n0.1,2\n0.2,1\n0.3,2\n", "cannot tell voltages from currents"),
        ("binary.csv", bytes(range(256)) * 20, "no columns of numbers"),
        ("cut.npz", b"PK\x03\x04junk", "not a readable npz"),
        ("none.cfg", b"x,y,1999\n", "is missing"),
    ],
)
def test_a_bad_recording_is_one_line_and_exit_2(tmp_path: Path, name: str, content: bytes, expected: str) -> None:
    (tmp_path / name).write_bytes(content)
    done = invoke("replay", str(tmp_path / name))
    assert done.exit_code == 2
    assert expected in done.output
    assert len(done.output.strip().splitlines()) == 1


def test_a_recording_too_short_for_a_window_says_so(tmp_path: Path) -> None:
    done = invoke("replay", str(sine(tmp_path / "a.npz", seconds=0.03)))
    assert done.exit_code == 1
    assert "no window of whole cycles in 0.03 s" in done.output


def test_unknown_words_get_the_nearest_one(tmp_path: Path) -> None:
    assert "there are pump-station" in invoke("simulate", "pumpstation").output
    assert invoke("simulate").output == "pump-station\n"
    assert invoke("replay", "nothing.npz").exit_code == 2
    assert invoke("watch", "http://x").exit_code == 2
    assert invoke("check", str(tmp_path)).exit_code == 2


def test_profiles_lists_what_ships() -> None:
    rows = [json.loads(line) for line in invoke("profiles", "--json").output.splitlines()]
    assert {"eastron/sdm630", "yaskawa/ga800", "schneider/pm5000"} <= {row["profile"] for row in rows}


def test_recordings_give_what_is_known_of_them(data: Path) -> None:
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
