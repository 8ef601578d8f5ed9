"""Events in words. Light: whoever only shows them needs no kernels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def spoken(values: Mapping[str, Any]) -> str:
    """One line of an event message's values: "dip to 71 % for 0.12 s on L1 L2"."""
    kind = str(values.get("event_kind", "event")).replace("_", " ")
    phases = " ".join(f"L{phase}" for phase in values.get("event_phases", ()))
    extreme, duration_s = values.get("event_extreme_pct"), values.get("event_duration_s")
    way = "of" if kind == "rapid change" else "to"
    size = f" {way} {extreme:.0f} %" if isinstance(extreme, int | float) else ""
    length = f" for {duration_s:.2f} s" if isinstance(duration_s, int | float) else ""
    said = f"{kind}{size}{length}{f' on {phases}' if phases else ''}"
    return f"{said}: {values['event_text']}" if values.get("event_text") else said
