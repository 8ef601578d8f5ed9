"""`magwatt replay` with invalid input: one line and exit code 2, or null and a flag for the affected values."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from agent.analysis.recordings import reasons as codes
from agent.analysis.recordings.reader import RecordingSettings, RecordingSource
from agent.analysis.recordings.reasons import ReplayError
from agent.cli import main
from agent.cli.replay_runner import ReplayOptions, replay_file
from agent.core.text import text_of
from drivers.reasons import Reason
from drivers.recordings.recording import load, parse_map

SHIFT = 2 * np.pi / 3 * np.arange(3)[:, None]


def replay(path: Path, *words: str, **arrays: Any) -> Result:
    np.savez(path / "a.npz", **arrays)
    return run(path / "a.npz", *words)


def run(path: Path, *words: str) -> Result:
    result = CliRunner().invoke(main, ["replay", str(path), *words])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def notes_of(path: Path, settings: RecordingSettings = RecordingSettings(), mapping: str = "") -> list[Reason]:  # noqa: B008
    """What the analysis of a.npz notes as missing."""
    source = RecordingSource(load(path / "a.npz", parse_map(mapping)), settings, "a.npz")
    assert list(source.windows())
    return source.notes


def waves(rate_hz: float, seconds: float = 2.0) -> Any:
    """230 V with 10 % of order 5."""
    t = 2 * np.pi * 50 * np.arange(round(rate_hz * seconds)) / rate_hz
    return 230 * 2**0.5 * (np.sin(t - SHIFT) + 0.1 * np.sin(5 * (t - SHIFT)))


def rows(done: Result) -> list[dict[str, Any]]:
    assert done.exit_code == 0, done.output
    return [json.loads(line, parse_constant=lambda text: pytest.fail(text)) for line in done.stdout.splitlines()]


@pytest.mark.parametrize(("rate_hz", "thd"), [(150.0, None), (400.0, 10.0), (1000.0, 10.0)])
def test_orders_above_the_sampling_rate_are_null_and_noted(tmp_path: Path, rate_hz: float, thd: float | None) -> None:
    u = waves(rate_hz) if thd else 325 * np.sin(2 * np.pi * 50 * np.arange(300) / rate_hz - SHIFT)
    done = replay(tmp_path, "--json", "--supply", "230", fs=rate_hz, u_abc=u, i_abc=u)
    top = int(0.45 * rate_hz / 50)
    notes = {note.code: note.data for note in notes_of(tmp_path, RecordingSettings(supply_v=230.0))}
    assert notes[codes.ORDERS_LIMITED]["order_max"] == top
    assert notes[codes.ORDERS_LIMITED]["frequency_hz"] == pytest.approx(50.0, abs=0.01)
    assert (codes.SAMPLE_RATE_LOW_FOR_FLICKER in notes) == (rate_hz < 500)
    assert len(done.stderr.splitlines()) == len(notes)
    for row in rows(done)[1:-1]:
        assert row["h_u_v"][0][top + 1 :] == [None] * (50 - top)
        assert row["u_rms_v"][1] == pytest.approx(230 * (1.01**0.5 if thd else 1), rel=2e-3)
        assert row["thd_u_pct"] == (pytest.approx([thd] * 3, abs=0.01) if thd else [None] * 3)
        assert (row["k_factor"][0] is None) == (thd is None)


@pytest.mark.parametrize(("rate_hz", "nominal"), [(120.0, "50"), (140.0, "60")])
def test_a_rate_below_the_fundamental_is_an_error(tmp_path: Path, rate_hz: float, nominal: str) -> None:
    done = replay(tmp_path, "--nominal", nominal, fs=rate_hz, u_abc=waves(rate_hz))
    assert done.exit_code == 2
    assert len(done.output.splitlines()) == 1
    with pytest.raises(ReplayError) as error:
        replay_file(tmp_path / "a.npz", ReplayOptions(RecordingSettings(nominal=nominal)))
    assert error.value.reason == codes.SAMPLE_RATE_LOW_FOR_NOMINAL(
        file=str(tmp_path / "a.npz"), rate_hz=rate_hz, nominal_hz=float(nominal), min_hz=2.5 * float(nominal)
    )


@pytest.mark.parametrize("count", [1, 50, 149])
def test_less_than_a_window(tmp_path: Path, count: int) -> None:
    for words in ((), ("--json",), ("--summary",), ("--summary", "--json"), ("--plot", str(tmp_path / "x.png"))):
        done = replay(tmp_path, *words, fs=5e3, u_abc=waves(5e3)[:, :count])
        assert done.exit_code == 1
        expected = codes.NO_COMPLETE_WINDOW(file=str(tmp_path / "a.npz"), length_s=count / 5e3)
        assert done.stderr.splitlines()[-1] == text_of(expected)
        assert done.stdout == ""
    assert not (tmp_path / "x.png").exists()


@pytest.mark.text
def test_channels_that_differ_in_length(tmp_path: Path) -> None:
    u = waves(5e3)
    done = replay(tmp_path, fs=5e3, u_abc=u, i_abc=u[:, :-10])
    assert done.exit_code == 2
    assert "have different lengths" in done.output
    done = replay(tmp_path, "--map", "u1=a,i1=b", fs=5e3, a=u[0], b=u[1][:-10])
    assert done.exit_code == 2
    assert "the array 'b' has 9990 samples and the recording 10000" in done.output
    assert len(done.output.splitlines()) == 1


@pytest.mark.text
@pytest.mark.parametrize("how", ["drifts", "jumps"])
def test_a_sampling_rate_that_is_not_constant(tmp_path: Path, how: str) -> None:
    t = np.arange(5000) / 5000
    t = t + (0.01 * t**2 if how == "drifts" else np.where(t > 0.5, 0.02, 0.0))
    lines = [f"{at:.6f},{325 * np.sin(2 * np.pi * 50 * at):.3f}" for at in t]
    (tmp_path / "a.csv").write_text("t,u1 [V]\n" + "\n".join(lines), encoding="utf-8")
    done = run(tmp_path / "a.csv")
    assert done.exit_code == 2
    assert "not evenly spaced" in done.output
    assert len(done.output.splitlines()) == 1


def test_a_current_without_its_voltage(tmp_path: Path) -> None:
    u = waves(5e3)
    done = replay(tmp_path, "--map", "u1=a,i1=b,i2=c", "--json", fs=5e3, a=u[0], b=u[0] / 10, c=u[1] / 10)
    assert len(done.stderr.splitlines()) == 1
    assert notes_of(tmp_path, mapping="u1=a,i1=b,i2=c") == [
        codes.CURRENT_WITHOUT_VOLTAGE(file="a.npz", channels=("i2",))
    ]
    for row in rows(done):
        assert row["i_rms_a"][1] == pytest.approx(23.115, rel=1e-3)
        assert row["p_phase_w"] == [pytest.approx(230**2 * 1.01 / 10, rel=1e-4), None, None]
        assert row["p_w"] == pytest.approx(row["p_phase_w"][0])
    alone = replay(tmp_path, "--map", "i1=b,i2=c", "--json", fs=5e3, b=u[0] / 10, c=u[1] / 10)
    assert alone.stderr == "", "currents alone are valid"
    assert all(row["p_w"] is None for row in rows(alone))


def test_missing_samples_affect_only_their_windows(tmp_path: Path) -> None:
    """3.2 s of 10 s without a sample: null and GAP in their windows, exact values in all others."""
    u = waves(5e3, 10)
    u[:, 10_000:26_000] = np.nan
    got = rows(replay(tmp_path, "--json", "--supply", "230", fs=5e3, u_abc=u, i_abc=u / 10))
    assert len(got) == 50
    for row in got:
        inside = row["t_s"] + 0.1001 > 2.0 and row["t_s"] - 0.1001 < 5.2
        if "GAP" in row["flags"]:
            assert inside
            assert row["u_rms_v"] == [None] * 3
            assert row["p_w"] is None
            assert row["ieee1459"] is None
        else:
            assert row["u_rms_v"] == pytest.approx([230 * 1.01**0.5] * 3, rel=1e-4)
            assert row["p_w"] == pytest.approx(3 * 230**2 * 1.01 / 10, rel=1e-4)
        assert not row["events"], "missing samples are no dip"
    assert sum("GAP" in row["flags"] for row in got) in (16, 17)
    done = replay(tmp_path, "--json", "--summary", fs=5e3, u_abc=u, i_abc=u / 10)
    found = json.loads(done.stdout)
    assert [value["flagged"] for value in found["values_3s"]] == [True, True, False, False]
    assert found["energy_whole"] is False
    assert found["values_3s"][0]["u_rms_v"] == pytest.approx([230 * 1.01**0.5] * 3, rel=1e-4)


def test_a_channel_of_nan_leaves_the_others(tmp_path: Path) -> None:
    u = waves(5e3)
    u[1] = np.nan
    for row in rows(replay(tmp_path, "--json", fs=5e3, u_abc=u, i_abc=waves(5e3) / 10)):
        assert row["channel_flags"] == {"u2": ["GAP"]}
        assert row["u_rms_v"][1] is None
        assert row["thd_u_pct"] == [pytest.approx(10, abs=0.01), None, pytest.approx(10, abs=0.01)]
        assert row["i_rms_a"] == pytest.approx([23.115] * 3, rel=1e-3)


@pytest.mark.parametrize("value", [np.nan, 0.0, 1e300, 540.0])
def test_a_constant_signal_has_a_summary_and_a_picture(tmp_path: Path, value: float) -> None:
    words = ("--summary", "--supply", "230", "--limits", "en50160", "--plot", str(tmp_path / "a.png"))
    arrays = {"fs": 5e3, "u_abc": np.full((3, 10_000), value), "i_abc": np.full((3, 10_000), value)}
    assert replay(tmp_path, *words, **arrays).exit_code == 0
    done = replay(tmp_path, *words, "--json", **arrays)
    found = json.loads(done.stdout, parse_constant=lambda text: pytest.fail(text))
    assert found["limits"][0]["applies"] is False
    reason = found["limits"][0]["reason"]
    assert (reason["code"], reason["data"]) == (codes.FREQUENCY_NOT_FOUND, {})
    assert reason["text"]


@pytest.mark.parametrize("name", ["", ".", "/", "x" * 300 + ".npz"])
def test_invalid_file_names(name: str) -> None:
    done = CliRunner().invoke(main, ["replay", name])
    assert done.exit_code == 2
    assert len(done.output.strip().splitlines()) == 1
