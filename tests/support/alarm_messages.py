"""Messages of alarms and of the condition, as the agent publishes them (docs/reference/mqtt.md)."""

from __future__ import annotations

from typing import Any

T_MS = 1_790_000_000_000
SHORT = {"code": "of_a_later_version", "data": {}, "text": "current of phase 2 is 0.3 A, the others 41 A"}


def alarm(code: str, state: str = "UNACK", priority: str = "high", **more: Any) -> dict[str, Any]:
    """The record of an alarm. more: replaces keys."""
    found: dict[str, Any] = {
        "s": "magwatt.alarm/1", "t": T_MS, "code": code, "part": "", "state": state, "priority": priority,
        "active": state in ("UNACK", "ACKED"), "title": "a phase is lost", "since_ms": T_MS - 60_000,
        "raised_ms": T_MS - 59_000, "acked_by": None, "acked_ms": None, "shelved_until_ms": None, "shelved_by": None,
        "shelved_why": None, "suppressed_by": "", "caused_by": "", "value": 0.3, "unit": "A", "limit": 2.1,
        "u95": 0.1, "confidence": "certain", "why": SHORT,
        "advice": ["Stop the motor, lock out, and check fuses, contactor and terminals."],
        "consequence": "The motor overheats within minutes.", "time_to_respond_min": 5, "count_24h": 1,
        "consequences": 0, "quality": "good", "seq": 7,
    }  # fmt: skip
    return found | more


def fault(verdict: str, index: float | None = None, unit: str = "", **more: Any) -> dict[str, Any]:
    """One fault of the message `condition`."""
    reason = {"code": "of_a_later_version", "data": {}, "text": "no record is long enough"}
    found: dict[str, Any] = {
        "verdict": verdict, "severity": None, "confidence": None, "index": index, "unit": unit, "limit": None,
        "u95": None, "since_ms": T_MS - 3_600_000, "seen_ms": T_MS - 1000, "title": "a title of the agent",
        "advice": [], "trend": None,
    }  # fmt: skip
    found |= {"finding": {"severity": "warning", "confidence": "likely", "why": SHORT},
              "not_observable": {"reason": reason}}.get(verdict, {})  # fmt: skip
    return found | more


def condition(word: str, **faults: dict[str, Any]) -> dict[str, Any]:
    """The message `condition`. word: finding | healthy | unknown."""
    return {"s": "magwatt.condition/1", "t": T_MS, "condition": word, "faults": faults, "baselines": []}


DEMAGNETIZED = condition(
    "finding",
    phase_loss=fault("clear", 0.98, "", limit=0.05),
    demagnetization=fault("finding", -9.2, "%", limit=-5.0, u95=2.4, trend={"per_30d": -1.1, "unit": "%"},
                          advice=["Compare the EMF while coasting with the value when new."]),
    eccentricity=fault("not_observable"),
)  # fmt: skip
