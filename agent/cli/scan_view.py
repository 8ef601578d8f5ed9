"""Output of a scan: lines of progress; at the end a table, findings and a configuration."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import click

from agent.commissioning.discovery.config_snippet import to_toml
from agent.commissioning.discovery.match import Identified
from agent.commissioning.discovery.scan_result import FoundDevice, ScanResult, advice_without_device
from agent.core.columns import padded
from agent.core.text import N_, _, as_object, text_of
from drivers.dlt645_frames import address_text

PROGRESS_S = 3.0  # minimum interval between lines of progress
LEVEL_WIDTH, UNIT_WIDTH, METER_WIDTH, RESPONSE_WIDTH = 8, 7, 13, 15  # columns of the table
FINDING, NOTE = N_("finding"), N_("note")


class ProgressLines:
    """Progress as lines on standard error, so that standard output contains the result only.

    now_s: monotonic time in seconds.
    """

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        self._now_s = now_s
        self._printed_s = self._end_s = 0.0
        self._part, self._queried, self._total = "", 0, 0

    def on_text(self, text: str) -> None:
        click.echo(text, err=True)

    def on_part(self, name: str, total: int) -> None:
        self._part, self._queried, self._total = name, 0, total
        self._progress()

    def on_unit(self, unit: int) -> None:
        self._queried += 1
        self._progress()

    def on_found(self, found: FoundDevice) -> None:
        click.echo(format_found(found), err=True)

    def on_duration(self, left_s: float) -> None:
        self._end_s = self._now_s() + left_s

    def _progress(self) -> None:
        if self._now_s() - self._printed_s >= PROGRESS_S:
            self._printed_s = self._now_s()
            self.on_text(_(
                "{part}: {n:d} of {total:d} {total:unit|units}; about {left_s:.0f} s left",
                part=self._part, n=self._queried, total=self._total,
                left_s=max(0.0, self._end_s - self._printed_s),
            ))  # fmt: skip


def format_found(found: FoundDevice) -> str:
    """One line on a unit that responded."""
    response, took_ms = format_response(found), 1000 * found.response_s
    if not found.response_s:
        name = address_text(found.unit) if found.is_meter else str(found.unit)
        return _("unit {unit_id} at {line}: another master reads it", unit_id=name, line=str(found.setting))
    if found.is_meter:
        return _(
            "meter {address} at {line}: {took_ms:.0f} ms",
            address=address_text(found.unit), line=str(found.setting), took_ms=took_ms,
        )  # fmt: skip
    if found.setting:
        return _(
            "unit {unit_id:d} at {line}: {response}, {took_ms:.0f} ms",
            unit_id=found.unit, line=str(found.setting), response=response, took_ms=took_ms,
        )  # fmt: skip
    return _("unit {unit_id:d}: {response}, {took_ms:.0f} ms", unit_id=found.unit, response=response, took_ms=took_ms)


def format_response(found: FoundDevice) -> str:
    if found.is_meter:
        return "DL/T 645"
    return _("exception 0x{code:02X}", code=found.exception) if found.exception else _("registers")


def format_result(result: ScanResult) -> str:
    """The table of devices, notes and findings, the next step, and a configuration."""
    lines = [format_devices(result), "", next_step(result)]
    if toml := toml_of(result):
        lines += ["", "# " + _("Configuration:"), toml]
    return "\n".join(lines)


def format_devices(result: ScanResult, evidence: bool = True) -> str:
    """The table of devices, notes and findings. evidence: with that for and against each model."""
    bus = str(result.target)
    if result.setting:
        bus = _("{target} at {line}", target=bus, line=str(result.setting))
    lines = [
        _(
            "{bus}: {n:d} {n:device|devices}, {requests:d} {requests:request|requests}, {seconds:.0f} s",
            bus=bus, n=len(result.found), requests=result.requests, seconds=result.duration_s,
        )
    ]  # fmt: skip
    if result.found:
        width = METER_WIDTH if any(found.is_meter for found in result.found) else UNIT_WIDTH
        heading = padded(_("unit ID"), width), padded(_("response"), RESPONSE_WIDTH), _("device model")
        lines += ["", " ".join(heading)]
        for found in result.found:
            model = text_of(found.identified.summary) if found.identified else _("not identified")
            unit = address_text(found.unit) if found.is_meter else str(found.unit)
            lines.append(f"{unit:>{width - 1}}  {padded(format_response(found), RESPONSE_WIDTH)} {model}")
            indent = " " * (width + RESPONSE_WIDTH + 2)
            shown = format_evidence(found.identified) if found.identified and evidence else []
            lines += [f"{indent}{text}" for text in shown]
    lines += [f"{padded(_(NOTE), LEVEL_WIDTH)} {text_of(note)}" for note in result.notes]
    lines += [f"{padded(_(FINDING), LEVEL_WIDTH)} {text_of(finding)}" for finding in result.findings]
    return "\n".join(lines)


def toml_of(result: ScanResult) -> str | None:
    """The configuration of the identified devices; None without any."""
    identified = [found.identified for found in result.found if found.identified]
    return to_toml(result.target, result.setting, identified) if identified else None


def format_evidence(identified: Identified) -> list[str]:
    """The main evidence for and against each possible model, and the notes; one line each."""
    lines = []
    for match in identified.matches:
        evidence = _("; ").join(map(text_of, (*match.pro[:4], *match.contra[:2])))
        lines.append(evidence if identified.conclusive else _(": ").join((match.profile.id, evidence)))
    return [*lines, *map(text_of, identified.notes)]


def next_step(result: ScanResult) -> str:
    """What the operator does next."""
    if result.stopped:
        return _("The scan was interrupted; the results until then are shown above.")
    if result.found:
        if any(found.identified and not found.identified.matches for found in result.found) and not result.fc03:
            return _("Next: scan or identify again with --allow-fc03; docs/how-to/scan.md describes the risk.")
        return _("Next: copy the tables below to a configuration, then run `magwatt check` and `magwatt read`.")
    return text_of(advice_without_device(result))


def result_object(result: ScanResult) -> dict[str, Any]:
    """The result for --json; docs/how-to/scan.md describes the keys."""
    return {
        "target": str(result.target),
        "line": str(result.setting) if result.setting else None,
        "found": [
            {
                "unit_id": address_text(found.unit) if found.is_meter else found.unit,
                "function": found.function,
                "exception": found.exception or None,
                "response_ms": round(1000 * found.response_s, 1),
                **(identified_object(found.identified) if found.identified else {}),
            }
            for found in result.found
        ],
        "notes": list(map(as_object, result.notes)),
        "findings": list(map(as_object, result.findings)),
        "requests": result.requests,
        "seconds": round(result.duration_s, 2),
        "stopped": result.stopped,
        "toml": toml_of(result),
    }


def identified_object(identified: Identified) -> dict[str, Any]:
    """The result of an identification for --json; docs/how-to/scan.md describes the keys."""
    return {
        "conclusive": identified.conclusive,
        "identification": identified.reported or None,
        "in_library": not identified.only_similar if identified.matches else None,
        "models": [
            {
                "profile": match.profile.id,
                "nats": round(match.score, 1),
                "named": match.named,
                "for": list(map(as_object, match.pro)),
                "against": list(map(as_object, match.contra)),
            }
            for match in identified.matches
        ],
        "remarks": list(map(as_object, identified.notes)),
    }
