"""Plant and agent in one process on virtual time: counted energies, and the same bytes for the same seed."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from agent.config.loader import ConfigError
from agent.simulation.accelerated import run_accelerated
from drivers.file_reasons import DID_YOU_MEAN, KEY_UNKNOWN
from simulators.scenarios import load

DAY_S = 86_400


def every_10s(text: str) -> str:
    return re.sub(r'poll_interval = "\d+s"', 'poll_interval = "10s"', text)


@pytest.mark.parametrize("seconds", [DAY_S // 8, pytest.param(DAY_S, marks=pytest.mark.soak)])
def test_counted_energy_is_the_energy_drawn(seconds: int) -> None:
    """Two motors at 10 s polls, far within class 0.5: 0.2 % with these meters and transformers. How long a month takes:
    benchmarks/month.py."""
    rows: list[tuple[str, bytes]] = []
    true: list[dict[str, Any]] = []
    run_accelerated(
        load("pump-station"), seconds + 1, lambda topic, payload, _: rows.append((topic, payload)), step_s=10,
        truth_every=seconds // 10, on_truth=lambda _, now: true.append(now), edit=every_10s,
    )  # fmt: skip
    for name in ("pump-1", "pump-2"):
        counted = [json.loads(payload)["v"]["energy_import_kwh"] for topic, payload in rows
                   if topic.endswith(f"{name}/telemetry")]  # fmt: skip
        assert len(counted) > seconds / 10 - 10
        drawn_kwh = true[-1][name]["energy_import_kwh"] - true[0][name]["energy_import_kwh"]
        assert drawn_kwh > 300 * seconds / DAY_S
        assert counted[-1] - counted[0] == pytest.approx(drawn_kwh, rel=4e-3)


def digest(seed: int) -> str:
    """Digest of all messages and true values of two minutes."""
    found = hashlib.sha256()
    run_accelerated(
        load("pump-station"), 120, lambda topic, payload, _: found.update(topic.encode() + payload), seed=seed,
        step_s=1, on_truth=lambda at_ms, rows: found.update(f"{at_ms}{rows}".encode()),
    )  # fmt: skip
    return found.hexdigest()


def test_same_seed_same_bytes_in_another_process_too() -> None:
    here = digest(7)
    code = "import sys; sys.path[:0] = sys.argv[1:]; from test_scenario_accelerated import digest; print(digest(7))"
    done = subprocess.run(
        [sys.executable, "-c", code, str(Path(__file__).parent), *sys.path],
        capture_output=True, text=True, check=True, timeout=180, env={**os.environ, "PYTHONHASHSEED": "12345"},
    )  # fmt: skip
    assert done.stdout.strip() == here
    assert digest(8) != here


def test_a_rejected_configuration_names_the_key() -> None:
    with pytest.raises(ConfigError) as rejected:
        run_accelerated(load("pump-station"), 1, lambda *_: None, edit=lambda text: text.replace("gateway", "gatewya"))
    assert ("site.gatewya", DID_YOU_MEAN(problem=KEY_UNKNOWN(), near="gateway")) in [
        (item.key, item.reason) for item in rejected.value.problems
    ]
