"""A retrofit with the commands of the product: short versions of its scenarios, and their true values."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from agent.cli import main
from simulators.scenarios.machines import DATA

QUARTER_MS = 900_000
SHORT = {  # two days of baseline, one day of commissioning, two days of reporting
    "start = 2026-09-15": "start = 2026-09-28",
    "end = 2026-11-01 02:00:00": "end = 2026-10-03 02:00:00",
    "step_s = 60": "step_s = 150",
    "every_s = 60": "every_s = 150",
}


def shortened(scenario: str, folder: Path, **more: str) -> Path:
    """Writes a scenario file with a retrofit of five days. more: keys at the start of a line with their values."""
    text = (DATA / f"{scenario}.toml").read_text(encoding="utf-8")
    for old, new in SHORT.items():
        assert text.count(old) == 1
        text = text.replace(old, new)
    for key, value in more.items():
        text, count = re.subn(rf"(?m)^{key} = .*$", f"{key} = {value}", text)
        assert count == 1
    path = folder / f"{scenario}.toml"
    path.write_text(text, encoding="utf-8")
    return path


def magwatt(*arguments: str | Path, code: int | tuple[int, ...] = 0) -> str:
    found = CliRunner().invoke(main, [str(item) for item in arguments])
    assert found.exit_code in ((code,) if isinstance(code, int) else code), found.output
    return str(found.output)


@dataclass(frozen=True)
class Lived:
    """The results of all commands.

    config: configuration in the folder of the runs.
    outputs: what the commands printed, in order.
    motor: the motor in the report.
    claimed_ms: start of each interval for which savings are computed, UTC milliseconds.
    truth: UTC milliseconds → true values.
    """

    config: Path
    outputs: list[str]
    motor: dict[str, Any]
    claimed_ms: list[int]
    truth: dict[int, dict[str, Any]]

    def true_kwh(self, name: str, begins_ms: list[int]) -> float:
        """Increase of a counter of the true values in these intervals of 15 minutes."""
        return sum(
            float(self.truth[at + QUARTER_MS][name]) - float(self.truth[at][name])
            for at in begins_ms
            if at + QUARTER_MS in self.truth
        )


def live(scenario: str | Path, asset: str, folder: Path, month: str) -> Lived:
    """Runs the commands of docs/tutorials/retrofit.md, from the first measurement to the report."""
    state, truth, out = folder / "life", folder / "truth.ndjson", folder / "report.html"
    config = state / "plant.toml"
    simulate = ("simulate", scenario, "--time-factor", "10000", "--state-dir", state, "--truth", truth)
    outputs = [magwatt(*simulate)]
    outputs.append(magwatt("baseline", "learn", asset, "--config", config))
    outputs.append(magwatt("baseline", "freeze", asset, "--by", "Li Wei", "--config", config))
    outputs.append(magwatt(*simulate))
    outputs.append(magwatt("report", "--month", month, "--config", config, "--output", out, code=(0, 1)))
    outputs.append(magwatt("ledger", "verify", "--config", config))
    (motor,) = json.loads(out.with_suffix(".json").read_text(encoding="utf-8"))["motors"]
    with out.with_suffix(".csv").open(encoding="utf-8-sig", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["saved_kwh"] and not row["excluded_reason"]]
    lines = [json.loads(line) for line in truth.read_text(encoding="utf-8").splitlines()]
    return Lived(
        config, outputs, motor, [_utc_ms(row["start_utc"]) for row in rows], {line["t"]: line[asset] for line in lines}
    )  # fmt: skip


def _utc_ms(text: str) -> int:
    return round(datetime.fromisoformat(f"{text}+00:00").timestamp() * 1000)
