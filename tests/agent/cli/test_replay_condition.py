"""`magwatt replay FILE --condition`: what it takes, what it prints, its exit codes; each input that is wrong."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.command_line import invoke
from support.condition.bridge import Bridge
from support.condition.bridge_recording import Instrument, steady_record

from agent.core.text import use

NAMEPLATE = '[drive]\nat = "drive_input"\nkw = 7.5\nvolts = 400\ndc_link_uf = 620\n'
SINE_S = 2.0


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """open.npz: a bridge with an open diode; sine.npz: 50 Hz; rows.csv: a drive that runs; drive.toml: a nameplate."""
    place = tmp_path_factory.mktemp("condition")
    bridge = Bridge(p_w=4600, open_diodes=((1, -1),))
    record = steady_record(bridge, Instrument(seconds=1.5), np.random.default_rng(1))
    np.savez(
        place / "open.npz", fs=record.fs_hz, u_abc=record.u_v.astype(np.float32), i_abc=record.i_a.astype(np.float32),
        u_dc=record.u_dc_v, u_dc_fs=record.u_dc_hz,
    )  # fmt: skip
    np.savez(place / "sine.npz", **sine())
    (place / "drive.toml").write_text(NAMEPLATE, encoding="utf-8")
    lines = [f"{t},400,401,399,20,20.1,19.9,12,1,100,2000,12" for t in range(30)]
    header = "t_s,u12_v,u23_v,u31_v,i1_a,i2_a,i3_a,p_in_kw,drive_state,f_out_hz,speed_rpm,p_out_kw"
    (place / "rows.csv").write_text("\n".join([header, *lines]), encoding="utf-8")
    return place


def sine(fs: float = 4000.0) -> dict[str, Any]:
    t = np.arange(round(SINE_S * fs)) / fs
    u = np.array([325 * np.cos(2 * np.pi * 50 * t - k * 2 * np.pi / 3) for k in range(3)])
    return {"fs": fs, "u_abc": u, "i_abc": u / 20}


def printed(*arguments: object) -> tuple[int, list[dict[str, Any]]]:
    done = invoke("replay", *map(str, arguments), "--condition", "--json")
    return done.exit_code, [json.loads(line) for line in done.stdout.splitlines()]


def test_json_has_each_code_once_and_the_condition_last(folder: Path) -> None:
    code, lines = printed(folder / "open.npz", "--nameplate", folder / "drive.toml")
    assert code == 1
    kinds = [next(iter(line)) for line in lines]
    assert kinds == sorted(kinds, key=["finding", "clear", "not_observable", "condition"].index)
    assert kinds.count("condition") == 1
    assert lines[-1] == {"condition": "finding", "at_s": pytest.approx(1.5)}
    [found] = [line["finding"] for line in lines if "finding" in line]
    assert (found["code"], found["severity"], found["confidence"]) == ("diode_open", "alarm", "certain")
    assert {"at_s", "value", "unit", "limit", "u95", "why", "advice"} <= set(found)
    assert all({"code", "reason"} <= set(line["not_observable"]) for line in lines if "not_observable" in line)
    answers = [next(iter(line.values()))["code"] for line in lines[:-1]]
    assert len(set(answers)) == len(answers)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_terminal_shows_findings_first_with_steps_and_reasons(folder: Path, language: str) -> None:
    options = ["replay", str(folder / "open.npz"), "--condition", "--nameplate", str(folder / "drive.toml")]
    try:
        done = invoke("--lang", language, *options)
    finally:
        use("en")
    assert done.exit_code == 1
    blocks = done.stdout.strip().split("\n\n")
    assert len(blocks) == 4, "verdict, finding, clear, not observable"
    assert "\n    1. " in blocks[1]
    assert done.stdout.isascii() is False or language == "en"


def test_without_a_nameplate_the_condition_is_unknown_and_the_reasons_are_listed(folder: Path) -> None:
    code, lines = printed(folder / "sine.npz")
    assert code == 0
    assert lines[-1]["condition"] == "unknown"
    clear = {line["clear"]["code"] for line in lines if "clear" in line}
    assert clear == {"supply_unbalance", "supply_dip"}
    unseen = {line["not_observable"]["code"] for line in lines if "not_observable" in line}
    assert {"broken_rotor_bar", "demagnetization", "diode_open", "live_terminals"} <= unseen


def test_a_lost_phase_needs_no_nameplate(folder: Path, tmp_path: Path) -> None:
    record = sine()
    record["i_abc"][0, 4000:] = 0
    record["i_abc"][2, 4000:] = -record["i_abc"][1, 4000:]
    np.savez(tmp_path / "a.npz", **record)
    code, lines = printed(tmp_path / "a.npz")
    assert code == 1
    assert [line["finding"]["code"] for line in lines if "finding" in line] == ["phase_loss"]


def test_rows_are_read_without_numpy(folder: Path) -> None:
    """An agent on a small computer judges rows with the same code."""
    script = (
        "import sys\n"
        "from agent.cli.replay_condition import print_condition\nfrom pathlib import Path\n"
        "print_condition(Path(sys.argv[1]), '', None, None, True)\nassert 'numpy' not in sys.modules\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(folder / "rows.csv")],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["at_s"] == 29.0


def wrong(folder: Path, kind: str) -> list[str]:
    """Arguments of a call that cannot work."""
    rows, npz, toml = (str(folder / name) for name in ("rows.csv", "open.npz", "drive.toml"))
    bad = folder / f"{kind}.toml"
    bad.write_text({"key": "[drive]\nkw = 7.5\nkva = 9\n", "value": "[motor]\npoles = 3\n"}.get(kind, "[motor\n"))
    text = folder / "text.csv"
    text.write_text("t_s,u12_v\n0,400\n1,text\n", encoding="utf-8")
    return {
        "key": [npz, "--nameplate", str(bad)],
        "value": [npz, "--nameplate", str(bad)],
        "toml": [npz, "--nameplate", str(bad)],
        "no nameplate": [npz, "--nameplate", str(folder / "none.toml")],
        "no recording": [str(folder / "none.npz")],
        "baseline of rows": [npz, "--nameplate", toml, "--baseline", rows],
        "rows with a baseline": [rows, "--baseline", npz],
        "no baseline": [npz, "--nameplate", toml, "--baseline", str(folder / "none.npz")],
        "text in rows": [str(text)],
        "summary": [npz, "--summary"],
        "part": [npz, "--from", "1"],
    }[kind]


@pytest.mark.parametrize(
    "kind",
    ["key", "value", "toml", "no nameplate", "no recording", "baseline of rows", "rows with a baseline", "no baseline",
     "text in rows", "summary", "part"],
)  # fmt: skip
def test_wrong_use_is_an_error_in_words_and_nothing_else(folder: Path, kind: str) -> None:
    done = invoke("replay", *wrong(folder, kind), "--condition", "--json")
    assert done.exit_code == 2
    assert done.stdout == ""
    assert done.stderr.strip()


def test_nameplate_and_baseline_belong_to_the_condition(folder: Path) -> None:
    assert invoke("replay", str(folder / "sine.npz"), "--nameplate", str(folder / "drive.toml")).exit_code == 2


AT = {"line": "induction", "drive_output": "magnet", "drive_input": "magnet"}
DAMAGED = ("NaN", "missing block", "one phase", "zero", "constant", "short", "clipped", "no current", "no voltage")


def damaged(kind: str) -> dict[str, Any]:
    record = sine()
    u, i = record["u_abc"], record["i_abc"] + 0.1 * np.random.default_rng(2).standard_normal(record["u_abc"].shape)
    if kind == "NaN":
        u[:], i[:] = np.nan, np.nan
    elif kind == "missing block":
        i[:, 1500:6500] = np.nan
    elif kind == "one phase":
        u[1:], i[1:] = np.nan, np.nan
    elif kind == "zero":
        u[:], i[:] = 0, 0
    elif kind == "constant":
        u[:], i[:] = 3, 3
    elif kind == "short":
        u, i = u[:, :40], i[:, :40]
    elif kind == "clipped":
        i = np.clip(i, -10, 10)
    return {
        "fs": record["fs"],
        **({} if kind == "no voltage" else {"u_abc": u}),
        **({} if kind == "no current" else {"i_abc": i}),
    }


@pytest.mark.parametrize("at", AT)
@pytest.mark.parametrize("kind", DAMAGED)
def test_a_damaged_recording_is_no_finding_and_never_healthy(tmp_path: Path, at: str, kind: str) -> None:
    np.savez(tmp_path / "a.npz", **damaged(kind))
    plate = (
        f'[motor]\nkind = "{AT[at]}"\nat = "{at}"\nkw = 7.5\nrpm = 1450\nhz = 50\npoles = 4\nvolts = 400\namps = 11.5\n'
        "rotor_bars = 28\nslots = 36\nr1_ohm = 0.6\nls_h = 0.01\nflux_wb = 0.9\nmagnet_degc = 20\nwinding_degc = 20\n"
    )
    (tmp_path / "motor.toml").write_text(plate, encoding="utf-8")
    code, lines = printed(tmp_path / "a.npz", "--nameplate", tmp_path / "motor.toml")
    assert lines[-1]["condition"] != "healthy"
    found = {line["finding"]["code"] for line in lines if "finding" in line}
    # without voltage and current a magnet motor is live or unknown
    assert found <= ({"live_terminals"} if AT[at] == "magnet" else set()), (code, lines)
