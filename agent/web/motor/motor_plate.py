"""Nameplate, meter and drive of a motor in words, from the messages that describe it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct

from agent.core.text import N_, Catalogue, text_of_object
from agent.web.base.motors import Entry
from agent.web.plant.motor_rows import KINDS

_POINTS = {
    "motor": N_("at the motor"), "drive-input": N_("at the drive input"), "drive-output": N_("at the drive output"),
    "feeder": N_("in the feeder"),
}  # fmt: skip


class Fact(Struct):
    """One line of a list."""

    label: str
    value: str


def has_drive(entry: Entry) -> bool:
    if entry.asset is not None:
        return entry.asset.drive is not None
    return "drive" in entry.messages.get("meta", {})


def texts(stored: Mapping[str, Mapping[str, Any]], catalogue: Catalogue) -> dict[str, str]:
    """Key → text of its reason."""
    return {key: text_of_object(reason, catalogue) for key, reason in stored.items()}


def listed(stored: Iterable[Mapping[str, Any]], catalogue: Catalogue) -> list[str]:
    return [text_of_object(reason, catalogue) for reason in stored]


def sources_of(entry: Entry, catalogue: Catalogue) -> dict[str, str]:
    """Where values come from, in few words: of each loss, of the input, and the class of the meter."""
    explain, meter = entry.messages.get("explain", {}), entry.messages.get("meta", {}).get("meter") or {}
    found = texts(explain.get("loss_sources", {}), catalogue)
    if explain.get("inputs", {}).get("input_power", {}).get("code") == "input_from_drive":
        return found | {"input": catalogue(N_("drive, without meter"))}
    if not meter.get("class"):
        return found
    name = {"name": meter["class"]}
    return found | {
        "input": catalogue(N_("meter, class {name}"), **name),
        "meter": catalogue(N_("class {name}"), **name),
    }


def subtitle(entry: Entry, rating: str, sources: Mapping[str, str], catalogue: Catalogue) -> str:
    """ "132 kW · magnet motor · drive class IE2 · 1 500 r/min" """
    rpm = entry.messages.get("meta", {}).get("motor", {}).get("rated_speed_rpm")
    drive = catalogue(N_("drive {source}"), source=sources["drive"]) if "drive" in sources else ""
    speed = f"{_grouped(rpm)} r/min" if isinstance(rpm, int | float) else ""
    return " · ".join(filter(None, (rating, drive, speed)))


def nameplate_of(entry: Entry, catalogue: Catalogue) -> list[Fact]:
    motor, plate = (
        entry.messages.get("meta", {}).get("motor", {}),
        entry.messages.get("explain", {}).get("nameplate", {}),
    )
    drive = entry.messages.get("meta", {}).get("drive", {})
    efficiency, from_class = plate.get("rated_efficiency_pct"), plate.get("efficiency_source") == "class"
    estimated = catalogue(N_("{efficiency:.1f} %, typical of the class"), efficiency=efficiency) if efficiency else ""
    return _facts(catalogue, (
        (N_("Kind"), catalogue.translate(KINDS.get(str(motor.get("kind")), ""))),
        (N_("Rated power"), _number(motor.get("rated_power_kw"), "kW")),
        (N_("Rated speed"), _number(motor.get("rated_speed_rpm"), "r/min")),
        (N_("Poles"), _number(motor.get("poles"), "")),
        (N_("Rated voltage"), _number(motor.get("rated_voltage_v"), "V")),
        (N_("Rated current"), _number(plate.get("rated_current_a"), "A")),
        (N_("Efficiency class"), motor.get("efficiency_class")),
        (N_("Rated efficiency"), estimated if from_class else _number(efficiency, "%")),
        (N_("Drive"), " · ".join(filter(None, (drive.get("name"), drive.get("profile"))))),
    ))  # fmt: skip


def meter_of(entry: Entry, catalogue: Catalogue) -> list[Fact]:
    meter = entry.messages.get("meta", {}).get("meter") or {}
    return _facts(catalogue, (
        (N_("Meter"), " · ".join(filter(None, (meter.get("name"), meter.get("profile"))))),
        (N_("Measuring point"), catalogue.translate(_POINTS.get(str(meter.get("measuring_point")), ""))),
        (N_("Accuracy class"), meter.get("class")),
        (N_("Class of the current transformers"), meter.get("ct_class")),
        (N_("Class of the voltage transformers"), meter.get("vt_class")),
        (N_("Serial number"), meter.get("serial_number")),
        *(
            (N_("Temperature of the winding") if name == "winding_temperature" else N_("Input power")
             if name == "input_power" else N_("Current and frequency"), text)
            for name, text in texts(entry.messages.get("explain", {}).get("inputs", {}), catalogue).items()
        ),
    ))  # fmt: skip


def _facts(catalogue: Catalogue, pairs: Iterable[tuple[str, Any]]) -> list[Fact]:
    """Those that are known."""
    return [Fact(catalogue(label), str(value)) for label, value in pairs if value]


def _number(value: Any, unit: str) -> str:
    return f"{_grouped(value)} {unit}".strip() if isinstance(value, int | float) else ""


def _grouped(value: float) -> str:
    """1500.0 → "1 500" with a thin space."""
    return f"{value:,.6g}".replace(",", "\u2009")
