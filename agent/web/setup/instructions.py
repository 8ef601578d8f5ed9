"""What an operator does about a finding of the self-check: heading, danger, numbered steps, and the wiring as data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agent.commissioning.selfcheck.model import SelfcheckFinding, SelfcheckOutcome
from agent.commissioning.selfcheck.reasons import METER_CT_REVERSED, METER_CTS_SWAPPED
from agent.core.text import text_of
from agent.web.setup.phases import phase_angles
from agent.web.wiring_picture import Angles, WiringMistake, mistake_of
from drivers.reasons import Code, Reason

ALIKE_DEG = 28.0  # largest difference between the angles of a load; wirings differ by at least 60°

CTS_EXCHANGED = Code("cts_exchanged_heading", "{first} and {second} are exchanged")
CTS_REVERSED = Code("cts_reversed_heading", "{inputs}: reversed")
ANGLES_WITH_EXCHANGE = Code(
    "angles_with_exchange",
    "As wired the phase angles are {a:.0f}°, {b:.0f}° and {c:.0f}°. With {first} and {second} exchanged they are "
    "{d:.0f}°, {e:.0f}° and {f:.0f}°.",
)
ANGLES_WITH_TURN = Code(
    "angles_with_turn",
    "As wired the phase angles are {a:.0f}°, {b:.0f}° and {c:.0f}°. With {inputs} turned they are {d:.0f}°, {e:.0f}° "
    "and {f:.0f}°.",
)
NEVER_OPEN_CT = Code("never_open_ct", "Never open a current transformer under load: short S1–S2 first.")
LOCK_OUT = Code(
    "lock_out_and_short", "Stop the motor, lock out, test that there is no voltage, and short S1–S2 of {phases}."
)
EXCHANGE_PAIRS = Code(
    "exchange_pairs",
    "Follow the leads of {phase} and {other_phase}. Exchange the pairs at the inputs {first} and {second} of {device}, "
    "or the voltage leads if these are exchanged.",
)
TURN_PAIRS = Code(
    "turn_pairs", "Exchange S1 and S2 at the inputs {inputs} of {device}, or turn the current transformers round."
)
REMOVE_SHORTS = Code("remove_shorts", "Remove the shorts, start the motor, and check again.")


def view(finding: SelfcheckFinding, result: SelfcheckOutcome) -> dict[str, Any]:
    """A finding with what to do. Findings that no wiring explains have their text only."""
    device, mistake = finding.device, mistake_of(finding.reason)
    if finding.cause not in (METER_CTS_SWAPPED, METER_CT_REVERSED) or mistake is None:
        return {"title": "", "text": text_of(finding.summary), "danger": "", "steps": [], "wiring": None}
    values = {name: verdict.value for name, verdict in result.devices[device].verdicts.items()}
    heading, steps = _texts(finding.reason, mistake)
    explained = _angles(mistake, phase_angles(values))
    return {
        "title": text_of(heading), "text": text_of(explained or finding.summary), "danger": text_of(NEVER_OPEN_CT()),
        "steps": [text_of(step) for step in steps],
        "wiring": {
            "device": device,
            "wires": [
                {"terminal": wire.terminal, "phase": wire.phase, "state": wire.state, "reversed": wire.reversed}
                for wire in mistake.wires
            ],
        },
    }  # fmt: skip


def _texts(reason: Reason, mistake: WiringMistake) -> tuple[Reason, list[Reason]]:
    """Heading and instructions."""
    device = reason.data["device"]
    if mistake.moved:
        first, second = (f"I{k + 1}" for k in mistake.moved)
        phase, other = (f"L{k + 1}" for k in mistake.moved)
        act = EXCHANGE_PAIRS(phase=phase, other_phase=other, first=first, second=second, device=device)
        return CTS_EXCHANGED(first=first, second=second), [LOCK_OUT(phases=(phase, other)), act, REMOVE_SHORTS()]
    inputs = tuple(f"I{k + 1}" for k in sorted(mistake.reversed))
    phases = tuple(f"L{k + 1}" for k in sorted(mistake.reversed))
    act = TURN_PAIRS(inputs=inputs, device=device)
    return CTS_REVERSED(inputs=inputs), [LOCK_OUT(phases=phases), act, REMOVE_SHORTS()]


def _angles(mistake: WiringMistake, angles: Angles | None) -> Reason | None:
    """The angles as wired and as they would be; None where the readings do not show that they then agree."""
    corrected = mistake.corrected(angles) if angles else None
    if angles is None or corrected is None or max(corrected) - min(corrected) > ALIKE_DEG:
        return None
    data: Mapping[str, Any] = dict(zip("abcdef", (*angles, *corrected), strict=True))
    if mistake.moved:
        first, second = (f"I{k + 1}" for k in mistake.moved)
        return ANGLES_WITH_EXCHANGE(**data, first=first, second=second)
    return ANGLES_WITH_TURN(**data, inputs=tuple(f"I{k + 1}" for k in sorted(mistake.reversed)))
