"""A finding with what to do about it: title, evidence, danger, numbered steps, and the picture of the wiring."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agent.commissioning.selfcheck.model import SelfcheckFinding, SelfcheckOutcome
from agent.core.text import text_of
from agent.web.commissioning import commissioning_reasons as codes
from agent.web.commissioning.commissioning import picture
from agent.web.commissioning.wiring_advice import advice
from agent.web.commissioning.wiring_picture import Angles, WiringMistake, mistake_of
from agent.web.setup.phases import phase_angles
from drivers.reasons import Reason


def of_selfcheck(finding: SelfcheckFinding, result: SelfcheckOutcome) -> dict[str, Any]:
    """A finding of the self-check; one that is not about wiring has its text only."""
    values = {name: verdict.value for name, verdict in result.devices[finding.device].verdicts.items()}
    mistake = mistake_of(finding.reason)
    if mistake is None:
        return {"title": "", "text": text_of(finding.summary), "danger": "", "steps": [], "picture": None, "others": ""}
    return _drawn(finding.device, mistake, phase_angles(values), finding.summary)


def of_live(faults: Sequence[Reason], meter: str, angles: Angles | None) -> dict[str, Any]:
    """The first fault of the live check that can be drawn; the others fit the readings equally well."""
    mistakes = [(fault, mistake_of(fault, angles)) for fault in faults]
    fault, mistake = next((pair for pair in mistakes if pair[1] is not None), (faults[0], None))
    if mistake is None:
        steps = [text_of(codes.DO_COMPARE_RATIO(meter=meter))]
        return {"title": text_of(fault), "text": "", "danger": "", "steps": steps, "picture": None, "others": ""}
    others = tuple(other for other in faults if other is not fault)
    text = text_of(codes.SEVERAL_MISTAKES_FIT(others=others)) if others else ""
    return {**_drawn(meter, mistake, angles, fault), "others": text}


def _drawn(meter: str, mistake: WiringMistake, angles: Angles | None, cause: Reason) -> dict[str, Any]:
    said = advice(mistake, angles)
    return {
        "title": text_of(said.title), "text": text_of(said.evidence or cause), "danger": text_of(said.danger),
        "steps": [text_of(step) for step in said.steps], "picture": picture(meter, mistake), "others": "",
    }  # fmt: skip
