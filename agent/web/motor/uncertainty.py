"""Why an efficiency is uncertain: the parts of its U, and the methods in words."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from agent.analysis.efficiency.explain_names import METHODS, SHORT_METHODS, U_PARTS
from agent.core.text import N_, Catalogue, text_of_object
from agent.web.base import values
from agent.web.base.values import Why

_KEYS = {"system": ("system_efficiency_pct", "system_u_pct", "system_u_parts_pct"),
         "motor": ("efficiency_pct", "u_pct", "u_parts_pct")}  # fmt: skip
_NAMES = {"system": N_("Drive and motor"), "motor": N_("Motor alone")}


class Method(Struct):
    """id: M1 to M9, CDM-class or CDM-eight-point. short: a few words. long: in full."""

    id: str
    short: str
    long: str


class UPart(Struct):
    """u_pct: percentage points, k = 2. source: why it is not smaller; empty: not stated."""

    key: str
    name: str
    u_pct: float
    source: str


class Budget(Struct):
    """Of one efficiency. of: system | motor. parts: largest first. root_pct: root of the sum of their squares.
    why: there is no efficiency, and so no budget.
    """

    of: str
    name: str
    root_pct: float | None
    parts: list[UPart]
    why: Why | None = None


def methods_of(methods: Mapping[str, str], catalogue: Catalogue) -> dict[str, Method]:
    """Metric of an efficiency → its method."""
    return {name: _method(found, catalogue) for name, found in methods.items() if name.endswith("_efficiency_pct")}


def budgets_of(
    explain: Mapping[str, Any], sources: Mapping[str, str], has_drive: bool, catalogue: Catalogue
) -> list[Budget]:
    """Of drive and motor together where the agent states it, then of the motor alone."""
    found = [
        _budget(of, explain[parts], sources, catalogue)
        for of, (_, _, parts) in _KEYS.items()
        if explain.get(parts) and (has_drive or of == "motor")
    ]
    if found:
        return found
    reason = explain.get("reason")
    why = (
        Why(str(reason["code"]), catalogue(N_("no efficiency")), text_of_object(reason, catalogue)) if reason else None
    )
    return [Budget("motor", catalogue(_NAMES["motor"]), None, [], why or values.NOTHING_RECEIVED.why(catalogue))]


def _budget(of: str, parts: Mapping[str, float], sources: Mapping[str, str], catalogue: Catalogue) -> Budget:
    why_larger = {
        "drive_losses": sources.get("drive", ""), "motor_losses": _of_motor(sources, catalogue),
        "meter": sources.get("meter", ""),
    }  # fmt: skip
    named = [
        UPart(key, catalogue(U_PARTS[key]) if key in U_PARTS else key, u_pct, why_larger.get(key, ""))
        for key, u_pct in parts.items()
    ]
    return Budget(of, catalogue(_NAMES[of]), math.hypot(*parts.values()), sorted(named, key=lambda part: -part.u_pct))


def _of_motor(sources: Mapping[str, str], catalogue: Catalogue) -> str:
    """The sources of the four losses of the motor, each once."""
    parts = [sources[name] for name in ("copper", "core", "mechanical", "additional") if name in sources]
    return catalogue.translate(", ").join(dict.fromkeys(parts))


def _method(name: str, catalogue: Catalogue) -> Method:
    """A method of another version has only its name."""
    return Method(name, catalogue.translate(SHORT_METHODS.get(name, "")), catalogue.translate(METHODS.get(name, "")))
