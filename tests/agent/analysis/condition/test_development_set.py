"""Every recording and table of the development set through the command, against its truth (simulated machines)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.command_line import invoke
from support.condition import truth

WAVEFORMS, REGISTERS = truth.cases("waveforms"), truth.cases("registers")
EXIT = {"finding": 1, "healthy": 0, "unknown": 0}


def check(case: dict[str, object], file: Path, baseline: Path | None, nameplate: Path) -> None:
    nameplate.write_text(truth.nameplate(case), encoding="utf-8")
    options = ["--nameplate", str(nameplate), *(["--baseline", str(baseline)] if baseline else [])]
    done = invoke("replay", str(file), "--condition", "--json", *options)
    assert done.exit_code in (0, 1), done.output
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert truth.mistakes(case, lines) == []
    assert ["condition" in line for line in lines] == [False] * (len(lines) - 1) + [True]
    assert done.exit_code == EXIT[lines[-1]["condition"]]
    codes = [next(iter(line.values()))["code"] for line in lines[:-1]]
    assert len(set(codes)) == len(codes), "a code appears once"
    assert "safe" not in done.output.lower()


@pytest.mark.skipif(not WAVEFORMS, reason="the development set is not there")
@pytest.mark.parametrize("name", WAVEFORMS)
def test_a_recording_is_judged_as_its_truth_demands(name: str, tmp_path: Path) -> None:
    place = truth.folder()
    assert place
    case = WAVEFORMS[name]
    sound = place / "waveforms" / f"{case['baseline']}.npz" if case.get("baseline") else None
    check(case, place / "waveforms" / f"{name}.npz", sound, tmp_path / "motor.toml")


@pytest.mark.skipif(not REGISTERS, reason="the development set is not there")
@pytest.mark.parametrize("name", REGISTERS)
def test_rows_are_judged_as_their_truth_demands(name: str, tmp_path: Path) -> None:
    place = truth.folder()
    assert place
    check(REGISTERS[name], place / "registers" / f"{name}.csv", None, tmp_path / "motor.toml")
