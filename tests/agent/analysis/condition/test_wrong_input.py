"""Sound machines of the development set (simulated) with a wrong nameplate, ratio or baseline: reasons, no fault."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.command_line import invoke
from support.condition import truth

WAVEFORMS = truth.cases("waveforms")
pytestmark = pytest.mark.skipif(not WAVEFORMS, reason="the development set is not there")
CAGE, MAGNET, BRIDGE = "im30_h_090", "pmb_cold_070", "rb_h_085"


def place(name: str) -> Path:
    root = truth.folder()
    assert root
    return root / "waveforms" / f"{name}.npz"


def judged(
    tmp_path: Path, name: str, *, plate: dict[str, str] | None = None, baseline: Path | None = None, **scale: float
) -> list[dict[str, Any]]:
    """What the command prints. plate: lines of the nameplate to replace; scale: factor of an array of the recording."""
    lines = truth.nameplate(WAVEFORMS[name]).splitlines()
    for key, value in (plate or {}).items():
        lines = [f"{key} = {value}" if line.startswith(f"{key} =") else line for line in lines]
    (tmp_path / "motor.toml").write_text("\n".join(lines), encoding="utf-8")
    with np.load(place(name)) as arrays:
        kept = {key: arrays[key] * scale.get(key, 1) for key in arrays if not key.startswith(("speed", "tau", "slow"))}
    np.savez(tmp_path / "a.npz", **kept)
    options = ["--nameplate", str(tmp_path / "motor.toml"), *(["--baseline", str(baseline)] if baseline else [])]
    done = invoke("replay", str(tmp_path / "a.npz"), "--condition", "--json", *options)
    assert done.exit_code in (0, 1), done.output
    return [json.loads(line) for line in done.stdout.splitlines()]


def faults(lines: list[dict[str, Any]]) -> list[str]:
    findings = [line["finding"] for line in lines if "finding" in line]
    return [one["code"] for one in findings if one["severity"] != "note"]


def unseen(lines: list[dict[str, Any]]) -> set[str]:
    return {line["not_observable"]["code"] for line in lines if "not_observable" in line}


@pytest.mark.parametrize(
    ("name", "plate", "hidden"),
    [
        (CAGE, {"poles": "4"}, "broken_rotor_bar"),
        (CAGE, {"poles": "8"}, "broken_rotor_bar"),
        (CAGE, {"hz": "60"}, "broken_rotor_bar"),
        (CAGE, {"volts": "690"}, "broken_rotor_bar"),
        (MAGNET, {"poles": "8"}, "demagnetization"),
        (MAGNET, {"flux_wb": "0.54"}, "demagnetization"),
        (MAGNET, {"ls_h": "0.03"}, "demagnetization"),
    ],
)  # fmt: skip
def test_a_nameplate_that_contradicts_the_recording_is_no_fault(
    tmp_path: Path, name: str, plate: dict[str, str], hidden: str
) -> None:
    lines = judged(tmp_path, name, plate=plate)
    assert faults(lines) == []
    assert hidden in unseen(lines)


@pytest.mark.parametrize(
    ("name", "factor"), [(CAGE, 0.1), (CAGE, 4.0), (MAGNET, 0.1), (MAGNET, 4.0), (BRIDGE, 0.1), (BRIDGE, 4.0)]
)
def test_a_wrong_ratio_of_the_current_transformers_is_no_fault(tmp_path: Path, name: str, factor: float) -> None:
    assert faults(judged(tmp_path, name, i_abc=factor)) == []


@pytest.mark.parametrize(
    ("name", "other"),
    [(CAGE, "im5_h_065"), (CAGE, MAGNET), (MAGNET, CAGE), (BRIDGE, CAGE), ("im5_h_065", CAGE), (MAGNET, BRIDGE)],
)
def test_the_baseline_of_another_machine_is_no_fault(tmp_path: Path, name: str, other: str) -> None:
    assert faults(judged(tmp_path, name, baseline=place(other))) == []
