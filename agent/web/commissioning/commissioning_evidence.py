"""StepEvidence for and against each step of a commissioning: replies of operators, self-checks, registers.

The replies are in the records that `magwatt commission` writes, the self-checks in the state file.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from msgspec import Struct, field

from agent.acquisition.selfcheck_results import check_records, disabled_registers
from agent.commissioning.wizard import reasons as wizard
from agent.commissioning.wizard.answers import Question
from agent.commissioning.wizard.questions import statements
from agent.config.model import Config
from agent.config.topology import assets, polled_devices
from agent.web.commissioning import commissioning_reasons as codes
from drivers.reasons import Reason, reason_of

STEPS = ("nameplate", "devices", "wiring", "registers", "displays")
FOLDER = "commissioning"  # next to the configuration, as `magwatt commission` writes it
RECORD_BYTES_MAX = 4_000_000
_STEP_OF = {
    "nameplate_matches": "nameplate", "meter_matches": "devices", "cts_match": "devices", "drive_matches": "devices",
    "watchdog_checked": "devices", "cts_on_their_phase": "wiring", "display_matches": "displays",
    "registers_match_display": "displays",
}  # fmt: skip
_WIRING = frozenset(("meter_cts_swapped", "meter_ct_reversed"))

EvidenceState = Literal["done", "failed", "open", "note"]


class StepEvidence(Struct, frozen=True):
    """One fact about a step.

    state: done | failed | open (not confirmed yet) | note.
    by, at_ms: who confirmed or denied it, and when; empty and None without an operator.
    """

    state: EvidenceState
    reason: Reason
    by: str = ""
    at_ms: int | None = None


class StoredEvidence(Struct):
    """What is known without a running agent.

    steps: asset → step → evidence.
    wiring: asset → wiring mistakes that its last self-check found.
    records: asset → name of the newest record; missing without one.
    """

    steps: dict[str, dict[str, list[StepEvidence]]] = field(default_factory=dict)
    wiring: dict[str, list[Reason]] = field(default_factory=dict)
    records: dict[str, str] = field(default_factory=dict)


def stored_evidence(config: Config) -> StoredEvidence:
    """Reads files; call it in a thread."""
    found = StoredEvidence()
    checks, disabled = check_records(config), disabled_registers(config)
    polled = {item.name for item in polled_devices(config)}
    for asset in assets(config):
        path, record = _newest_record(config.path.parent / FOLDER, asset.name)
        steps: dict[str, list[StepEvidence]] = {name: [] for name in STEPS}
        if path is not None:
            found.records[asset.name] = path.name
            if record is None:
                steps["nameplate"].append(StepEvidence("note", codes.RECORD_UNREADABLE(file=path.name)))
        replies = _replies(record or {})
        for question in (*statements(asset), Question(asset.name, "", wizard.DISPLAY_MATCHES())):
            steps[_STEP_OF[str.__str__(question.statement.code)]].append(_answered(question.statement, replies))
        found.wiring[asset.name] = []
        for device in asset.devices:
            if device not in polled:
                steps["devices"].append(StepEvidence("open", wizard.POLLING_DISABLED(device=device)))
            elif check := checks.get(device):
                steps["registers"].append(_of_check(device, check))
                causes = [reason_of(item) for item in check.get("findings", ())]
                found.wiring[asset.name] += [cause for cause in causes if cause.code in _WIRING]
                at_ms = check.get("at_ms")
                for cause in causes:
                    step = "wiring" if cause.code in _WIRING else "registers"
                    steps[step].append(StepEvidence("failed", cause, at_ms=at_ms))
            else:
                steps["registers"].append(StepEvidence("open", codes.SELF_CHECK_MISSING(device=device)))
            if device in disabled:
                steps["registers"].append(StepEvidence("open", disabled[device]))
        if not asset.devices:
            steps["devices"].append(StepEvidence("note", codes.STEP_WITHOUT_DEVICE()))
        found.steps[asset.name] = steps
    return found


def _newest_record(folder: Path, asset: str) -> tuple[Path | None, dict[str, Any] | None]:
    """The file with the newest time in its name, and its content; None for what there is not, or cannot be read."""
    name = re.compile(re.escape(asset) + r"-\d{8}-\d{6}\.json")
    try:
        files = [path for path in folder.iterdir() if name.fullmatch(path.name)]
    except OSError:
        return None, None
    if not files:
        return None, None
    newest = max(files, key=lambda path: path.name)
    try:
        with newest.open("rb") as file:
            body = json.loads(file.read(RECORD_BYTES_MAX))
    except (OSError, ValueError):
        return newest, None
    return newest, body if isinstance(body, dict) else None


def _replies(record: Mapping[str, Any]) -> dict[str, list[tuple[Reason, Mapping[str, Any]]]]:
    """Code of a statement → statements with the replies to them."""
    found: dict[str, list[tuple[Reason, Mapping[str, Any]]]] = {}
    for step in _mappings(record.get("steps")):
        if isinstance(statement := step.get("statement"), dict):
            reason = reason_of(statement)
            found.setdefault(str.__str__(reason.code), []).append((reason, step))
    return found


def _answered(statement: Reason, replies: Mapping[str, list[tuple[Reason, Mapping[str, Any]]]]) -> StepEvidence:
    """The reply to a statement that holds for the present configuration."""
    before = replies.get(str.__str__(statement.code), [])
    for asked, step in before:
        if asked.as_object() != statement.as_object():
            continue
        by, at_ms = str(step.get("by") or ""), step.get("at_ms")
        at_ms = at_ms if isinstance(at_ms, int) else None
        if step.get("reply") == "yes":
            return StepEvidence("done", statement, by, at_ms)
        if step.get("reply") == "no":
            actual = str(step.get("remark") or "–")
            return StepEvidence("failed", codes.STATEMENT_DENIED(statement=statement, actual=actual), by, at_ms)
    changed = any(step.get("reply") == "yes" and _subject(asked) == _subject(statement) for asked, step in before)
    return StepEvidence("open", codes.STATEMENT_CHANGED(statement=statement) if changed else statement)


def _subject(statement: Reason) -> Any:
    """The device that a statement is about; None: the motor."""
    return statement.data.get("meter") or statement.data.get("drive")


def _of_check(device: str, check: Mapping[str, Any]) -> StepEvidence:
    at_ms = check.get("at_ms")
    if failed := tuple(map(str, check.get("failed", ()))):
        return StepEvidence("failed", codes.SELF_CHECK_FAILED(device=device, quantities=failed), at_ms=at_ms)
    confirmed = {*check.get("verified", ()), *check.get("by_operator", ())}
    return StepEvidence("done", codes.SELF_CHECK_PASSED(device=device, n=len(confirmed)), at_ms=at_ms)


def _mappings(value: Any) -> Iterator[Mapping[str, Any]]:
    items: Iterable[Any] = value if isinstance(value, list) else ()
    return (item for item in items if isinstance(item, dict))


def state_of(evidence: Iterable[StepEvidence]) -> EvidenceState:
    """Of a step: failed, otherwise open, otherwise done; note: there is no evidence for or against it."""
    states = {item.state for item in evidence}
    for state in ("failed", "open", "done"):
        if state in states:
            return state
    return "note"
