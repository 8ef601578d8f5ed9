"""The state of a motor in words, and its priority where the agent publishes no alarm: what needs an operator."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from msgspec import Struct

from agent.analysis.efficiency.reasons import CONTRADICTIONS, METER_WIRING
from agent.core.state_reasons import SILENT
from agent.core.text import N_, Catalogue
from agent.web.base.values import flags_of, reasons_in
from agent.web.http.times import rfc3339
from agent.web.plant.silence import no_reply
from drivers.reasons import UNKNOWN, Reason, reason_of

MAGNET = ("pm", "pm-line-start")
LIVE_TERMINALS, NO_REPLY = "live_terminals", "no_reply"  # codes of alarms
_ALARMS_OF_FAULTS = ("wiring", "contradiction")
_FAULTS = CONTRADICTIONS | {METER_WIRING}
_UNCERTAIN = {
    "UNVERIFIED": N_("register map not confirmed"), "ALLOCATED": N_("shared meter"),
    "SUBSTITUTED": N_("from another device"), "CLOCK_UNSYNCHRONIZED": N_("clock not synchronized"),
    "CLIPPED": N_("input overdriven"), "PQ_EVENT": N_("voltage event"), "WARMING_UP": N_("warming up"),
}  # fmt: skip


class RowState(Struct):
    """State of a row in words.

    word: running | off | on | no_reply | stale | maintenance | unknown. strong: the text is emphasized.
    since: RFC 3339; None: not known.
    """

    word: str
    text: str
    detail: str
    strong: bool
    since: str | None


class StateInputs(NamedTuple):
    """messages: of the motor, by kind. stale, usable, contact: of its newest values."""

    messages: Mapping[str, dict[str, Any]]
    kind: str
    stale: bool
    usable: bool
    contact: bool


class Found(NamedTuple):
    """word, text, detail: in the language of the reader. since_ms: UTC; None: not known.

    alarms: codes of the alarms for the same.
    """

    priority: str
    word: str
    text: str
    detail: str = ""
    since_ms: int | None = None
    alarms: tuple[str, ...] = ()

    def shown(self, since_ms: int | None) -> RowState:
        strong = self.priority in ("safety", "high", "medium")
        return RowState(self.word, self.text, self.detail, strong, rfc3339(since_ms) if since_ms else None)


def state_of(inputs: StateInputs, catalogue: Catalogue) -> Found:
    """The first that applies, worst first."""
    state = inputs.messages.get("state", {})
    since_ms = state.get("since") if isinstance(state.get("since"), int) else None
    reasons = [reason_of(item) for item in state.get("reason", ())]
    detail = catalogue.reasons(reason for reason in reasons if reason.code != UNKNOWN)
    if state.get("state") == "maintenance":
        return Found("maintenance", "maintenance", catalogue(N_("Maintenance")), detail, since_ms)
    if not inputs.contact:
        return Found("unknown", "stale", catalogue(N_("no contact with the agent")))
    silent = state.get("state") == "offline" or (not inputs.usable and "telemetry" in inputs.messages)
    if inputs.kind in MAGNET and (silent or _drive_silent(inputs.messages, reasons)):
        return Found(
            "safety", "no_reply", catalogue(N_("Terminals live or unknown")), detail, since_ms, (LIVE_TERMINALS,)
        )
    if silent:
        return Found("high", "no_reply", catalogue(N_("no reply")), detail, since_ms, (NO_REPLY,))
    if "telemetry" not in inputs.messages:
        return Found("unknown", "unknown", catalogue(N_("nothing received")), detail)
    return _of_values(inputs, reasons, detail, since_ms, catalogue)


def _of_values(
    inputs: StateInputs, reasons: list[Reason], detail: str, since_ms: int | None, catalogue: Catalogue
) -> Found:
    telemetry = inputs.messages.get("telemetry", {})
    running = _running(telemetry, inputs.kind, catalogue)
    if any(reason.code in SILENT for reason in reasons):
        silent = [item for item in inputs.messages["state"]["reason"] if item.get("code") in SILENT]
        return Found("medium", running.word, no_reply(silent, catalogue), detail, since_ms, (NO_REPLY,))
    if fault := next(_faults(telemetry), None):
        return Found("medium", running.word, catalogue.reason(fault), running.text, alarms=_ALARMS_OF_FAULTS)
    if telemetry.get("q") == "bad":
        return Found("medium", running.word, catalogue(N_("no usable value")), running.detail, alarms=("no_value",))
    disabled = [reason_of(item) for item in inputs.messages.get("explain", {}).get("disabled_registers", ())]
    if notes := [*disabled, *reasons]:
        return Found(
            "low",
            running.word,
            running.text,
            catalogue.reasons(notes[:1]),
            None if disabled else since_ms,
            ("registers_disabled",) if disabled else (),
        )
    if inputs.stale:
        return Found("normal", "stale", catalogue(N_("stale")), running.text)
    return running


def _faults(telemetry: Mapping[str, Any]) -> Iterator[Reason]:
    """Wiring faults and contradictions that the estimator found."""
    wiring = telemetry.get("v", {}).get("meter_wiring")
    if wiring not in (None, "", "ok", "unknown"):
        yield from reasons_in(telemetry, "meter_wiring")
    yield from (
        reason for reason in reasons_in(telemetry, "efficiency_unavailable_reason")
        if reason.code in _FAULTS
    )  # fmt: skip


def _drive_silent(messages: Mapping[str, dict[str, Any]], reasons: list[Reason]) -> bool:
    """Whether the drive, or without a drive the meter, does not respond: then nothing shows that a magnet motor
    is stopped."""
    meta = messages.get("meta", {})
    watched = (meta.get("drive") or meta.get("meter") or {}).get("name")
    return any(item.code in SILENT and item.data.get("device") == watched for item in reasons)


def _running(telemetry: Mapping[str, Any], kind: str, catalogue: Catalogue) -> Found:
    measured = telemetry.get("v", {})
    if kind == "meter":
        return Found("normal", "on", catalogue(N_("measures")), _uncertainty(telemetry, catalogue))
    if measured.get("efficiency_unavailable_reason") == "motor_off":
        return Found("normal", "off", catalogue(N_("motor off")))
    speed_rpm = measured.get("motor_speed_rpm")
    speed = f"{speed_rpm:,.0f} r/min".replace(",", "\u2009") if isinstance(speed_rpm, int | float) else ""
    return Found("normal", "running", catalogue(N_("running")), _uncertainty(telemetry, catalogue) or speed)


def _uncertainty(telemetry: Mapping[str, Any], catalogue: Catalogue) -> str:
    """Why the row is uncertain; empty when it is good."""
    if telemetry.get("q") != "uncertain":
        return ""
    flags = flags_of(telemetry, "system_efficiency_pct")
    short = next((text for flag, text in _UNCERTAIN.items() if flag in flags), None)
    return catalogue(N_("uncertain: {cause}"), cause=catalogue(short)) if short else catalogue(N_("uncertain"))
