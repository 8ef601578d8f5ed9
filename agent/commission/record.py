"""The record of a commissioning: for machines as JSON, for people as Markdown."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from agent.selfcheck import Result
from agent.words import counted
from drivers.vocabulary import vocabulary


@dataclass(slots=True)
class Step:
    """One question to the person, and the answer: yes, no, not asked."""

    what: str
    answer: str
    remark: str = ""


@dataclass(slots=True)
class Record:
    asset: str
    title: str
    site: str
    gateway: str
    config_hash: str
    by: str
    at_ms: int  # UTC
    when: str  # the same in the site's zone
    nameplate: dict[str, Any] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    result: Result | None = None

    @property
    def open_points(self) -> list[str]:
        """What somebody still has to do."""
        said_no = [f"{step.what}: {step.remark or 'no'}" for step in self.steps if step.answer == "no"]
        found = [item.text for item in self.result.findings] if self.result else ["the self-check did not run"]
        notes = list(self.result.notes) if self.result else []
        return [*said_no, *found, *notes]


def write(record: Record, directory: Path) -> Path:
    """Both files, named after motor and time; returns the Markdown one. Raises OSError."""
    directory.mkdir(parents=True, exist_ok=True)
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime(record.at_ms / 1000))
    base = directory / f"{record.asset}-{stamp}"
    body = asdict(record) | {"open_points": record.open_points}
    for suffix, text in ((".json", json.dumps(body, ensure_ascii=False, indent=1)), (".md", as_markdown(record))):
        unfinished = base.with_suffix(suffix + ".part")
        unfinished.write_text(text, encoding="utf-8")
        unfinished.replace(base.with_suffix(suffix))
    return base.with_suffix(".md")


def as_markdown(record: Record) -> str:
    lines = [
        f"# Commissioning of {record.title}",
        "",
        f"{record.asset} at {record.site}/{record.gateway}, {record.when}, by {record.by}. "
        f"Configuration {record.config_hash}.",
        "",
        "| nameplate | |",
        "|---|---|",
        *(f"| {key} | {value} |" for key, value in record.nameplate.items()),
        "",
        "| looked at | answer | remark |",
        "|---|---|---|",
        *(f"| {_cell(step.what)} | {step.answer} | {_cell(step.remark)} |" for step in record.steps),
    ]
    if record.result is not None:
        result = record.result
        lines += ["", f"## Self-check: {counted(result.readings, 'reading')} in {result.lasted_s:.0f} s"]
        for name, device in result.devices.items():
            lines += [
                "",
                f"### {name} ({device.profile})",
                "",
                "| quantity | value | verdict | by |",
                "|---|---|---|---|",
            ]
            for quantity, verdict in device.verdicts.items():
                value = f"{verdict.value:.6g}" if isinstance(verdict.value, float | int) else verdict.value or "–"
                value = f"{value} {vocabulary()[quantity].unit}".strip()
                lines.append(f"| {quantity} | {value} | {verdict.outcome} | {verdict.reason} |")
    lines += ["", "## Open points", "", *([f"- {point}" for point in record.open_points] or ["none"])]
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    """As it may stand in a table."""
    return " ".join(text.split()).replace("|", "\\|")
