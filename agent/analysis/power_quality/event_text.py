"""Events as one line of text. Imports no numeric packages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from agent.core.text import N_, Catalogue, current, text_of_object

ALARM = "alarm"  # a change of an alarm: its reasons say all
KINDS = {
    "dip": N_("voltage dip"),
    "swell": N_("voltage swell"),
    "interruption": N_("voltage interruption"),
    "rapid_change": N_("rapid voltage change"),
    "inrush": N_("inrush current"),
    "maintenance": N_("maintenance"),
    "meter_register_reset": N_("meter register reset"),
    "meter_register_jump": N_("meter register jump"),
    "meter_replaced": N_("meter replaced"),
    "ct_ratio_changed": N_("CT ratio changed"),
    "meter_wiring": N_("wiring of the meter"),
    "meter_wiring_ok": N_("wiring of the meter"),
    "nre_bypass": N_("non-routine event: bypass"),
    "nre_maintenance": N_("non-routine event: maintenance"),
    "nre_ct_wiring": N_("non-routine event: CT wiring"),
    "nre_ct_ratio": N_("non-routine event: CT ratio"),
    "nre_clock_step": N_("non-routine event: clock step"),
    "nre_data_gap": N_("non-routine event: data gap"),
    "nre_out_of_range": N_("non-routine event: out of the baseline range"),
    "nre_meter_replaced": N_("non-routine event: meter replaced"),
    "nre_load_shift": N_("non-routine event: load shift"),
    "clock_step": N_("clock step"),
    "config_changed": N_("configuration changed"),
    "config_rejected": N_("configuration rejected"),
    "data_gap": N_("data gap"),
    "state_file_corrupt": N_("state file corrupt"),
    "state_file_missing": N_("state file missing"),
    "state_file_unwritable": N_("state file cannot be written"),
    "client_id_conflict": N_("MQTT client ID conflict"),
    "certificate_expiring": N_("certificate expires"),
}


def format_event(
    values: Mapping[str, Any], reasons: Iterable[Mapping[str, Any]] = (), catalogue: Catalogue | None = None
) -> str:
    """One line for an event, such as "voltage dip: 71 %, 0.12 s, L1 L3".

    values: key `v` of the message. reasons: `r.event_text` of the message, in place of its English `event_text`.
    catalogue: None: in the language of this process.
    """
    _ = catalogue or current()
    text = _("; ").join(text_of_object(reason, _) for reason in reasons) or values.get("event_text", "")
    kind = str(values.get("event_kind", "event"))
    if kind == ALARM and text:
        return str(text)
    data = {"kind": KINDS.get(kind, kind), "text": text, "details": ", ".join(_details(values))}
    state = values.get("event_state")
    if state == "begin":
        return _("{kind:word} began: {text}", **data) if text else _("{kind:word} began", **data)
    if state == "end":
        return _("{kind:word} ended: {text}", **data) if text else _("{kind:word} ended", **data)
    if data["details"]:
        return _("{kind:word}: {details}", **data)
    return _("{kind:word}: {text}", **data) if text else _("{kind:word}", **data)


def _details(values: Mapping[str, Any]) -> Iterable[str]:
    """Extreme value relative to the reference, duration and phases: figures, units and identifiers only."""
    extreme, duration_s = values.get("event_extreme_pct"), values.get("event_duration_s")
    if isinstance(extreme, int | float):
        yield f"{extreme:.0f} %"
    if isinstance(duration_s, int | float):
        yield f"{duration_s:.2f} s"
    if phases := values.get("event_phases"):
        yield " ".join(f"L{phase}" for phase in phases)
