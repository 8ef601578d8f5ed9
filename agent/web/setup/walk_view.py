"""The walk of `commission` as the browser shows it."""

from __future__ import annotations

from typing import Any

from agent.commissioning.selfcheck.model import SelfcheckOutcome
from agent.commissioning.wizard import reasons as codes
from agent.commissioning.wizard.answers import Question
from agent.commissioning.wizard.dialogue import Review
from agent.commissioning.wizard.record import CommissioningRecord
from agent.commissioning.wizard.wizard import format_summary
from agent.core.text import _, text_of
from agent.web.commissioning.commissioning import STEP_NAMES
from agent.web.commissioning.commissioning_evidence import STEPS
from agent.web.setup import finding_view, phases
from agent.web.setup.walk import Page, Walk


def view(walk: Walk) -> dict[str, Any]:
    page = walk.page
    index = next((n for n, asset in enumerate(walk.assets) if asset.name == page.asset), 0)
    asset = walk.assets[index]
    outcome, faulty = walk.outcomes[asset.name], bool(page.review and walk.live_faults(page.review))
    return {
        "motors": [{"name": each.name, "title": each.title, "points": walk.outcomes[each.name].points}
                   for each in walk.assets],
        "motor": {"name": asset.name, "title": asset.title, "number": index + 1},
        "steps": [
            {"name": _(STEP_NAMES[name]), "state": "bad" if faulty and name == page.step else outcome.state(name)}
            for name in STEPS
        ],
        "step": STEPS.index(page.step) if page.step in STEPS else None, "page": _page(walk, page),
        "live": _live(walk, asset.devices),
    }  # fmt: skip


def _page(walk: Walk, page: Page) -> dict[str, Any]:
    if walk.progress:
        left_s = max(0.0, walk.progress.end_s - walk.now_s)
        return {"kind": "check", "number": page.number, "done": walk.progress.done, "total": walk.progress.total,
                "left_s": round(left_s)}  # fmt: skip
    found: dict[str, Any] = {"kind": "check", "done": 0, "total": 0, "left_s": 0}
    if page.question:
        found = {"kind": "statement", "code": str(page.question.statement.code), **_statement(page.question)}
    elif page.review:
        found = {"kind": "review", **_review(walk, page.review)}
    elif page.record:
        found = {"kind": "record", **_record(page.record), "path": str(page.path)}
    return {"number": page.number, **found}


def _statement(question: Question) -> dict[str, Any]:
    """A statement; the entries of a nameplate and the values of registers one below the other."""
    reason = question.statement
    if reason.code == codes.NAMEPLATE_MATCHES:
        return {"title": _("Compare the nameplate of the motor"), "text": "",
                "entries": [text_of(entry) for entry in reason.data["entries"]]}  # fmt: skip
    if reason.code == codes.REGISTERS_MATCH_DISPLAY:
        return {"title": _("Compare with the display of {device}", device=reason.data["device"]), "text": "",
                "entries": list(reason.data["values"])}  # fmt: skip
    if reason.code == codes.DISPLAY_MATCHES:
        return {"title": _("Compare the values with the displays"), "text": text_of(reason), "entries": []}
    return {"title": "", "text": text_of(reason), "entries": []}


def _review(walk: Walk, review: Review) -> dict[str, Any]:
    """Findings with a picture of the wiring first: their correction changes all other values."""
    findings = [finding_view.of_selfcheck(item, review.result) for item in review.result.findings]
    live, meter = walk.wiring[review.asset.name], review.asset.meter
    if meter and (faults := walk.live_faults(review)):
        angles = phases.phase_angles(walk.live.get(meter.name, {}))
        findings.append(finding_view.of_live(faults, meter.name, angles))
    return {
        "findings": sorted(findings, key=lambda item: item["picture"] is None),
        "live": live.verdict,
        "problems": [text_of(reason) for reason in (*review.problems, *review.result.notes)],
        "summary": _counts(review.result),
    }  # fmt: skip


def _counts(result: SelfcheckOutcome) -> list[str]:
    """How many values of each device were confirmed."""
    only = SelfcheckOutcome(result.started_ns, result.lasted_s, result.readings, result.devices)
    return [line.strip() for line in format_summary(only)]


def _record(record: CommissioningRecord) -> dict[str, Any]:
    return {"points": [text_of(point) for point in record.open_points]}


def _live(walk: Walk, devices: tuple[str, ...]) -> dict[str, Any] | None:
    """The newest values of the devices of a motor; None: none were read yet."""
    if walk.read_s is None:
        return None
    return {
        "age_s": round(walk.now_s - walk.read_s, 1),
        "devices": [phases.view(name, walk.live[name]) for name in devices if name in walk.live],
    }  # fmt: skip
