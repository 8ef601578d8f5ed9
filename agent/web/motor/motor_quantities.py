"""The quantities of a motor apart from its losses: speed, torque, load, current, winding, magnets, terminals."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from agent.core.text import N_, Catalogue, text_of_object
from agent.web.base import values
from agent.web.base.motors import Entry
from agent.web.base.values import PageValue, Why
from agent.web.plant.motor_rows import Shown
from agent.web.plant.motor_state import MAGNET

_CURRENTS = ("motor_current_a", "current_avg_a", "current_l1_a")
_WINDINGS = ("motor_temperature_degc", "winding_temperature_degc")
TURNING_RPM = 1.0  # of a magnet motor: above it there is voltage


class Quantity(Struct):
    """One line. decimals: shown where no U is stated. text: instead of a value. note: what the value refers to.
    danger: marked with the sign of electrical danger.
    """

    key: str
    label: str
    value: PageValue | None
    unit: str
    decimals: int
    text: str = ""
    note: str = ""
    danger: bool = False


def quantities_of(entry: Entry, shown: Shown, catalogue: Catalogue) -> list[Quantity]:
    return list(_quantities(entry, shown, catalogue))


def _quantities(entry: Entry, shown: Shown, catalogue: Catalogue) -> Iterator[Quantity]:
    if entry.kind == "meter":
        yield Quantity("current", catalogue(N_("Current")), _first(shown, _CURRENTS[1:]), "A", 1)
        return
    magnet = entry.kind in MAGNET
    yield Quantity("speed", catalogue(N_("Speed")), _speed(entry, shown), "r/min", 0)
    yield Quantity("torque", catalogue(N_("Torque")), shown.value("shaft_torque_nm"), "N·m", 0)
    yield Quantity("load", catalogue(N_("Load")), shown.value("motor_load_pct"), "%", 0)
    yield Quantity("current", catalogue(N_("Current")), _first(shown, _CURRENTS), "A", 1)
    yield Quantity("winding", catalogue(N_("Winding")), _winding(entry, shown, catalogue), "°C", 0)
    if magnet:
        flux = shown.value("flux_index_pct")
        yield Quantity("flux", catalogue(N_("Magnet flux")), flux, catalogue(N_("% of nameplate")), 1)
        yield _terminals(shown, catalogue)


def _first(shown: Shown, names: tuple[str, ...]) -> PageValue:
    found = [shown.value(name) for name in names]
    return next((value for value in found if value.v is not None), found[0])


def _speed(entry: Entry, shown: Shown) -> PageValue:
    found = shown.value("motor_speed_rpm")
    if found.v is not None:
        return found
    return _explained(entry, shown, "shaft_speed_rpm") or found


def _winding(entry: Entry, shown: Shown, catalogue: Catalogue) -> PageValue:
    found = _first(shown, _WINDINGS)
    if found.v is not None or shown.withheld is not None:
        return found
    if (measured := _explained(entry, shown, "winding_temperature_degc")) is not None:
        return measured
    source = entry.messages.get("explain", {}).get("inputs", {}).get("winding_temperature")
    if source is None:
        return found
    why = Why(str(source["code"]), catalogue(N_("not measured")), text_of_object(source, catalogue))
    return PageValue(None, q="bad", why=why)


def _explained(entry: Entry, shown: Shown, signal: str) -> PageValue | None:
    """A signal of the message that explains the efficiency, which is sent twice a minute."""
    number = entry.messages.get("explain", {}).get("signals", {}).get(signal)
    if shown.withheld is not None or not isinstance(number, int | float):
        return None
    return PageValue(float(number))


def _terminals(shown: Shown, catalogue: Catalogue) -> Quantity:
    """Absence of voltage is never reported: a magnet motor makes voltage whenever it turns, also without a supply."""
    speed_rpm = shown.value("motor_speed_rpm").v
    turns = speed_rpm is not None and abs(speed_rpm) > TURNING_RPM
    live = shown.withheld is None and (turns or shown.telemetry.get("v", {}).get("back_emf") == "live")
    text = N_("LIVE") if live and "STALE" not in values.flags_of(shown.telemetry, "back_emf") else N_("live or unknown")
    note = N_("motor turns") if live and turns else N_("lock out before work")
    return Quantity("terminals", catalogue(N_("Terminals")), None, "", 0, catalogue(text), catalogue(note), True)
