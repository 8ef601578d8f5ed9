"""`magwatt replay` line by line: every field against the closed forms of the developer cases."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import pty
import re
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from agent.analysis.recordings.reader import RecordingSettings
from agent.analysis.recordings.reasons import TWO_WATTMETER_CHANNELS_MISSING, ReplayError
from agent.cli import main
from agent.cli.replay_runner import ReplayOptions, replay_file

ROOT = Path(__file__).parents[4]
SIGNALS = Path(__file__).parents[3] / "dsp" / "signals"
CASES = {case["id"]: case for case in json.loads((SIGNALS / "cases.json").read_text())["cases"]}
NAMES = ("u1", "u2", "u3", "i1", "i2", "i3")
SQRT2 = 2**0.5


def siggen() -> Any:
    spec = importlib.util.spec_from_file_location("siggen_of_replay", SIGNALS / "siggen.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


GENERATE = siggen().generate


def record(case: dict[str, Any], folder: Path) -> list[str]:
    """Writes the case as a file. Returns the arguments of the command."""
    _, channels = GENERATE(case["recipe"])
    there = {name: channels[name] for name in NAMES if name in channels}
    np.savez(folder / "case.npz", fs=float(case["recipe"]["fs"]), **there)
    return [str(folder / "case.npz"), "--map", ",".join(f"{name}={name}" for name in there)]


def replay(*words: str) -> Result:
    result = CliRunner().invoke(main, ["replay", *words])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def rows(*words: str) -> list[dict[str, Any]]:
    done = replay(*words, "--json")
    assert done.exit_code == 0, done.stderr
    bad = "NaN is not JSON"
    return [json.loads(line, parse_constant=lambda _: pytest.fail(bad)) for line in done.stdout.splitlines()]


def found(row: dict[str, Any], quantity: str) -> Any:
    """The value of a quantity of the cases in a row; None for quantities of other tests."""
    if m := re.fullmatch(r"(isg|g)\.([ui])([123*])\[(\d+)\]", quantity):
        table = row[f"{m[1]}_{m[2]}_{'v' if m[2] == 'u' else 'a'}"]
        return [phase[int(m[4])] for phase in table] if m[3] == "*" else table[int(m[3]) - 1][int(m[4])]
    if quantity == "k_factor.i*":
        return row["k_factor"]
    if quantity.startswith("1459."):
        return row["ieee1459"].get(quantity[5:])
    return None


WITH_MORE = [
    name
    for name, case in CASES.items()
    if any(re.match(r"(isg|g)\.|k_factor|1459", item["q"]) for item in case["expected"]) and name[2] in "HGPT"
]


@pytest.mark.parametrize("name", WITH_MORE)
def test_more_than_power_and_harmonics(name: str, tmp_path: Path) -> None:
    """Interharmonics, groups, K factor and IEEE 1459 of every window; mean over the windows of modulated cases."""
    case = CASES[name]
    wiring = "3P3W" if case.get("wires") == 3 else "3P4W"
    got = rows(*record(case, tmp_path), "--wiring", wiring)
    checked = 0
    for item in case["expected"]:
        if isinstance(item["value"], str) or found(got[0], item["q"]) is None:
            continue
        every = np.array([found(row, item["q"]) for row in got], dtype=float)
        if name.startswith("D-TS"):
            every = np.sqrt((every**2).mean(axis=0))
        allowed = item.get("abs", item.get("rel", 0.0) * abs(item["value"]))
        assert np.abs(every - item["value"]).max() <= allowed, (item, every)
        checked += 1
    assert checked


@pytest.mark.parametrize("name", ["D-E01", "D-E02", "D-E03"])
def test_an_event_is_in_the_window_in_which_it_ends(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    want = {item["q"]: item for item in case["expected"]}
    got = rows(*record(case, tmp_path), "--supply", "230")
    events = [(row, event) for row in got for event in row["events"]]
    assert len(events) == want["event count"]["value"]
    row, event = events[0]
    assert event["kind"] == ("swell" if name == "D-E03" else "dip")
    assert event["phases"] == [1]
    assert event["extreme_pct"] == pytest.approx(want["extreme Urms(1/2) in % Udin"]["value"], abs=0.2)
    assert event["extreme_v"] == pytest.approx(2.3 * event["extreme_pct"])
    for key in ("duration_s", "start_s"):
        assert event[key] == pytest.approx(want[key]["value"], abs=want[key]["abs"])
    assert abs(row["t_s"] - event["end_s"]) <= 0.2
    for row in got:
        shared_s = min(row["t_s"] + 0.1, event["end_s"]) - max(row["t_s"] - 0.1, event["start_s"])
        if abs(shared_s) > 0.0202:  # the times of an event are accurate to one cycle
            assert (shared_s > 0) == ("EVENT" in row["flags"]), row["t_s"]
    expected = (f"{event['start_s']:.3f}", f"{event['duration_s']:.3f}", "1", f"{event['extreme_v']:.5g}",
                f"{event['extreme_pct']:.1f}", "230")  # fmt: skip
    plain = replay(*record(case, tmp_path), "--supply", "230").stdout.splitlines()
    assert [line for line in plain if tuple(re.findall(r"\d+(?:\.\d+)?", line)) == expected]
    assert all(not row["events"] for row in rows(*record(case, tmp_path))), "no declared voltage, no events"


def test_an_event_at_the_end_of_the_recording_is_on_the_last_line(tmp_path: Path) -> None:
    t = np.arange(10_000) / 10_000
    u = 230 * SQRT2 * np.sin(2 * np.pi * 50 * t - 2 * np.pi / 3 * np.arange(3)[:, None])
    u[:, t > 0.9] *= 0.5
    np.savez(tmp_path / "a.npz", fs=10e3, u_abc=u)
    *_, last = rows(str(tmp_path / "a.npz"), "--supply", "230")
    (event,) = last["events"]
    assert event["gap"], "its end was not recorded"
    assert event["start_s"] == pytest.approx(0.9, abs=0.02)


def test_crest_and_demand_distortion(tmp_path: Path) -> None:
    """A square, a triangle and a sine (closed forms of the analytic constants), and TDD of a given demand."""
    t = np.arange(40_000) / 20_000
    phase = (50 * t + 1e-4) % 1
    u = np.array([np.where(phase < 0.5, 1.0, -1.0), 4 * np.abs(phase - 0.5) - 1, np.sin(2 * np.pi * phase)])
    i = (
        10
        * SQRT2
        * (np.sin(2 * np.pi * 50 * t) + 0.3 * np.sin(2 * np.pi * 250 * t) + 0.4 * np.sin(2 * np.pi * 350 * t))
    )
    np.savez(tmp_path / "a.npz", fs=20e3, u_abc=u, i_abc=np.array([i, i, 0 * i]))
    for row in rows(str(tmp_path / "a.npz"), "--demand-a", "20", "--supply", "1"):
        assert row["crest_u"] == pytest.approx([1.0, 3**0.5, SQRT2], rel=1e-3)
        assert row["tdd_pct"] == [
            pytest.approx(25.0, abs=0.01),
            pytest.approx(25.0, abs=0.01),
            pytest.approx(0, abs=1e-6),
        ]
        assert row["crest_i"][2] is None, "no current has no crest"
        assert row["k_factor"][:2] == pytest.approx([(1 + 25 * 0.09 + 49 * 0.16) / 1.25] * 2, rel=1e-4)
    assert rows(str(tmp_path / "a.npz"))[0]["tdd_pct"] == [None] * 3


def test_two_wattmeters_measure_three_phase_power(tmp_path: Path) -> None:
    """P of a balanced load from u12, u32, i1, i3: 3 U I cos 30°."""
    t = np.arange(20_000) / 10_000
    shift = 2 * np.pi / 3 * np.arange(3)[:, None]
    u, i = 230 * SQRT2 * np.sin(2 * np.pi * 50 * t - shift), 7 * SQRT2 * np.sin(2 * np.pi * 50 * t - shift - np.pi / 6)
    np.savez(tmp_path / "a.npz", fs=10e3, a=u[0] - u[1], b=u[2] - u[1], c=i[0], d=i[2])
    got = rows(str(tmp_path / "a.npz"), "--map", "u1=a,u3=b,i1=c,i3=d", "--wiring", "3P3W-2", "--supply", "400")
    assert len(got) == 10
    for row in got:
        assert row["p_w"] == pytest.approx(3 * 230 * 7 * np.cos(np.pi / 6), rel=1e-5)
        assert row["u_rms_v"] == pytest.approx([230] * 3, rel=1e-5)
        assert not row["events"]
    assert replay(str(tmp_path / "a.npz"), "--map", "u1=a,i1=c", "--wiring", "3P3W-2").exit_code == 2
    with pytest.raises(ReplayError) as error:
        replay_file(tmp_path / "a.npz", ReplayOptions(RecordingSettings(wiring="3P3W-2"), "u1=a,i1=c"))
    expected = TWO_WATTMETER_CHANNELS_MISSING(file=str(tmp_path / "a.npz"), channels=("u3", "i3"))
    assert error.value.reason == expected


def test_progress_is_shown_on_the_terminal_and_not_in_the_json(tmp_path: Path) -> None:
    """stderr is a terminal, stdout a pipe; the file is longer than the 5 MB from which a bar is shown."""
    t = np.arange(150_000) / 10_000
    u = 325 * np.sin(2 * np.pi * 50 * t - 2 * np.pi / 3 * np.arange(3)[:, None])
    np.savez(tmp_path / "a.npz", fs=10e3, u_abc=u, i_abc=u / 20)
    terminal, end = pty.openpty()
    code = "from agent.cli import main; main()"
    words = [sys.executable, "-c", code, "replay", str(tmp_path / "a.npz"), "--json"]
    with subprocess.Popen(
        words, cwd=ROOT, stdout=subprocess.PIPE, stderr=end, env={**os.environ, "TERM": "xterm"}
    ) as run:
        os.close(end)
        assert run.stdout is not None
        output = b""
        reader = threading.Thread(target=lambda: lines.extend(run.stdout or []))
        lines: list[bytes] = []
        reader.start()
        with contextlib.suppress(OSError):  # how a terminal ends
            while part := os.read(terminal, 4096):
                output += part
        reader.join(timeout=180)
    os.close(terminal)
    assert run.returncode == 0
    assert [json.loads(line)["n_cycles"] for line in lines] == [10] * 75
    assert b"a.npz" in output
    assert b"t_s" not in output


@pytest.mark.parametrize("blank", ["first", "last", "both"])
def test_a_blank_sample_at_an_edge_costs_no_window(tmp_path: Path, blank: str) -> None:
    """One sample without a value at the start or end of ten windows: all values of at least nine are there."""
    at = 2 * np.pi * 50 * np.arange(20_000) / 10_000
    u, i = 325 * np.sin(at), 14 * np.sin(at - 0.5)
    if blank != "last":
        u[0] = i[0] = np.nan
    if blank != "first":
        i[-1] = np.nan
    np.savez(tmp_path / "edge.npz", fs=10_000.0, u1=u, i1=i)
    done = replay(str(tmp_path / "edge.npz"), "--map", "u1=u1,i1=i1", "--json")
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(found) >= 9
    for row in found:
        assert not row["flags"]
        assert row["p_w"] == pytest.approx(325 * 14 / 2 * np.cos(0.5), rel=1e-5)
        assert row["ieee1459"] == pytest.approx(row["ieee1459_phase"][0])
        assert row["ieee1459_phase"][1:] == [None, None]
    assert found[0]["t_s"] == pytest.approx(0.1 if blank == "last" else 0.1001, abs=2e-5)
    assert f": {2 if blank == 'both' else 1}" in done.stderr


@pytest.mark.text
def test_three_cycles_are_analysed_and_the_resolution_is_stated(tmp_path: Path) -> None:
    at = 2 * np.pi * 60 * np.arange(2_499) / 50_000
    np.savez(tmp_path / "scope.npz", fs=50_000.0, u1=150 * np.sin(at), i1=2 * np.sin(at - 0.2))
    done = replay(str(tmp_path / "scope.npz"), "--map", "u1=u1,i1=i1", "--json")
    (row,) = [json.loads(line) for line in done.stdout.splitlines()]
    assert row["flags"] == ["FEW_CYCLES"]
    assert row["ieee1459"]["S"] == pytest.approx(150, rel=1e-4)
    assert f"{60 / row['n_cycles']:.3g} Hz" in done.stderr
