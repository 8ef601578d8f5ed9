"""A retrofit from commissioning to the report by the product's commands: short scenarios and their true values."""

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
from simulators.scenarios import _DATA

QUARTER_MS = 900_000
SHORT = {  # two days of baseline, one day of commissioning, two days of reporting
    "start = 2026-09-15": "start = 2026-09-28",
    "end = 2026-11-01 02:00:00": "end = 2026-10-03 02:00:00",
    "step_s = 60": "step_s = 150",
    "every_s = 60": "every_s = 150",
}


def shortened(scenario: str, folder: Path, **more: str) -> Path:
    """Write a copy of the scenario, shortened to five days. more: key → value for keys at the start of a line."""
    text = (_DATA / f"{scenario}.toml").read_text(encoding="utf-8")
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
    """Result of a complete run.

    config: configuration in the folder of the runs.
    `told`: output of the commands, in order.
    motor: the motor's entry in the report.
    """

    config: Path
    told: list[str]
    motor: dict[str, Any]
    claimed_ms: list[int]  # start of each quarter hour for which a saving is counted
    truth: dict[int, dict[str, Any]]  # by UTC ms

    def true_kwh(self, name: str, begins_ms: list[int]) -> float:
        """Increase of a cumulative true value over these quarter hours, kWh."""
        return sum(
            float(self.truth[at + QUARTER_MS][name]) - float(self.truth[at][name])
            for at in begins_ms
            if at + QUARTER_MS in self.truth
        )


def live(scenario: str | Path, asset: str, folder: Path, month: str) -> Lived:
    """From the first meter to the report, as a user works: docs/retrofit.md."""
    state, truth, out = folder / "life", folder / "truth.ndjson", folder / "report.html"
    config = state / "plant.toml"
    simulate = ("simulate", scenario, "--time-factor", "10000", "--state-dir", state, "--truth", truth)
    told = [magwatt(*simulate)]
    told.append(magwatt("baseline", "learn", asset, "--config", config))
    told.append(magwatt("baseline", "freeze", asset, "--by", "Li Wei", "--config", config))
    told.append(magwatt(*simulate))
    told.append(magwatt("report", "--month", month, "--config", config, "--output", out, code=(0, 1)))
    told.append(magwatt("ledger", "verify", "--config", config))
    (motor,) = json.loads(out.with_suffix(".json").read_text(encoding="utf-8"))["motors"]
    with out.with_suffix(".csv").open(encoding="utf-8-sig", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["saved_kwh"] and not row["nothing_claimed_because"]]
    lines = [json.loads(line) for line in truth.read_text(encoding="utf-8").splitlines()]
    return Lived(
        config, told, motor, [_utc_ms(row["begin_utc"]) for row in rows], {line["t"]: line[asset] for line in lines}
    )  # fmt: skip


def _utc_ms(text: str) -> int:
    return round(datetime.fromisoformat(f"{text}+00:00").timestamp() * 1000)
