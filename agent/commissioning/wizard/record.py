"""The record of a commissioning: as JSON for programs, as Markdown for people."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from msgspec import Struct, field, to_builtins

from agent.commissioning.selfcheck.model import DeviceResult, SelfcheckOutcome
from agent.commissioning.wizard.answers import Reply
from agent.commissioning.wizard.reasons import (
    NOT_CHECKED,
    NOT_CONFIRMED,
    NOT_CONFIRMED_ACTUAL,
    SELF_CHECK_NOT_RUN,
    plate_entries,
)
from agent.core.codec import encode_reason_with_text
from agent.core.local_time import zone_of
from agent.core.text import N_, _, text_of
from drivers.reasons import Reason, local_time
from drivers.vocabulary import vocabulary

REPLIES = {"yes": N_("yes"), "no": N_("no"), "not_checked": N_("not checked")}
OUTCOMES = {"passed": N_("passed"), "failed": N_("failed"), "unverified": N_("unverified")}


class CommissioningStep(Struct):
    """A statement that the operator was to confirm.

    reply: of the operator; not_checked without one.
    remark: with the reply "no" the actual state; may be empty.
    by: name of the operator; empty without a reply.
    at_ms: time of the reply, UTC; None without one.
    """

    statement: Reason
    reply: Reply = "not_checked"
    remark: str = ""
    by: str = ""
    at_ms: int | None = None

    @property
    def open_point(self) -> Reason | None:
        """The open point of this statement; None only if the operator confirmed it."""
        if self.reply == "yes":
            return None
        if self.reply == "not_checked":
            return NOT_CHECKED(statement=self.statement)
        if self.remark:
            return NOT_CONFIRMED_ACTUAL(statement=self.statement, actual=self.remark)
        return NOT_CONFIRMED(statement=self.statement)


class CommissioningRecord(Struct):
    """The commissioning of one motor or shared meter.

    by: name of the operator; empty without one (--batch).
    at_ms: UTC.
    when: the same on the plant's clock.
    timezone: of the plant, IANA name.
    nameplate: keys of `agent.commissioning.wizard.reasons.PLATE` → value from the configuration.
    steps: statements and replies.
    problems: devices that are not polled.
    result: of the self-check; None when it did not run.
    """

    asset: str
    title: str
    site: str
    gateway: str
    config_hash: str
    by: str
    at_ms: int
    when: str
    timezone: str = "UTC"
    nameplate: dict[str, Any] = field(default_factory=dict)
    steps: list[CommissioningStep] = field(default_factory=list)
    problems: list[Reason] = field(default_factory=list)
    result: SelfcheckOutcome | None = None

    @property
    def open_points(self) -> list[Reason]:
        """What remains to be done."""
        return [*(point for step in self.steps if (point := step.open_point)), *self.findings]

    @property
    def findings(self) -> list[Reason]:
        """The open points without those of the statements."""
        if self.result is None:
            return [*self.problems, SELF_CHECK_NOT_RUN()]
        return [*self.problems, *(item.summary for item in self.result.findings), *self.result.notes]


def write(record: CommissioningRecord, directory: Path) -> Path:
    """Write both files, named after motor and time; returns the Markdown one. Raises OSError."""
    directory.mkdir(parents=True, exist_ok=True)
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime(record.at_ms / 1000))
    base = directory / f"{record.asset}-{stamp}"
    for suffix, text in ((".json", as_json(record)), (".md", as_markdown(record))):
        unfinished = base.with_suffix(suffix + ".part")
        unfinished.write_text(text, encoding="utf-8")
        unfinished.replace(base.with_suffix(suffix))
    return base.with_suffix(".md")


def as_json(record: CommissioningRecord) -> str:
    """The record for JSON; each reason is an object with code, data and English text."""
    body = to_builtins(record, enc_hook=encode_reason_with_text) | {"open_points": record.open_points}
    return json.dumps(body, ensure_ascii=False, indent=1, default=encode_reason_with_text)


def as_markdown(record: CommissioningRecord) -> str:
    """The record as Markdown, in the language of this process."""
    by = _operator(record)
    place = f"{record.asset}, {record.site}/{record.gateway}, {record.when}."
    configuration = _("Configuration {config_hash}.", config_hash=record.config_hash)
    nameplate = [f"- {text_of(entry)}" for entry in plate_entries(record.nameplate)]
    lines = [
        "# " + _("Commissioning of {title}", title=record.title),
        "",
        f"{place} {by} {configuration}",
        "",
        *(["## " + _("Nameplate"), "", *nameplate, ""] if nameplate else []),
        _row(_("statement"), _("reply"), _("actual state"), _("operator"), _("time")),
        _row(*["---"] * 5),
        *(_step(step, record.timezone) for step in record.steps),
    ]
    if result := record.result:
        title = _(
            "Self-check: {n:d} {n:reading|readings} in {lasted_s:.0f} s", n=result.readings, lasted_s=result.lasted_s
        )
        lines += ["", f"## {title}"]
        for name, device in result.devices.items():
            lines += ["", f"### {name} ({device.profile})", "", *_verdicts(device)]
    points = [f"- {text_of(point)}" for point in record.open_points] or [_("none")]
    return "\n".join([*lines, "", "## " + _("Open points"), "", *points]) + "\n"


def _operator(record: CommissioningRecord) -> str:
    if not record.by:
        return _("Self-check only, without an operator.")
    confirmed = sum(step.reply == "yes" for step in record.steps)
    return _("Operator: {name}. Confirmed: {n:d} of {total:d} {total:statement|statements}.", name=record.by,
             n=confirmed, total=len(record.steps))  # fmt: skip


def _step(step: CommissioningStep, timezone: str) -> str:
    time_text = "" if step.at_ms is None else local_time(step.at_ms, zone_of(timezone))
    return _row(text_of(step.statement), _(REPLIES[step.reply]), step.remark, step.by, time_text)


def _verdicts(device: DeviceResult) -> Iterator[str]:
    yield _row(_("quantity"), _("value"), _("verdict"), _("reason"))
    yield _row(*["---"] * 4)
    for quantity, verdict in device.verdicts.items():
        value = f"{verdict.value:.6g}" if isinstance(verdict.value, float | int) else verdict.value or "–"
        value = f"{value} {vocabulary()[quantity].unit}".strip()
        yield _row(quantity, value, _(OUTCOMES[verdict.outcome]), text_of(verdict.reason))


def _row(*cells: str) -> str:
    """A row of a Markdown table."""
    return "| " + " | ".join(" ".join(cell.split()).replace("|", "\\|") for cell in cells) + " |"
