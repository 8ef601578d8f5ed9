"""Values as the page shows them: number, U, quality, method, and why an unknown one is unknown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from msgspec import Struct

from agent.core.messages import EVERYTHING
from agent.core.text import N_, Catalogue
from agent.web.base import reasons as codes
from drivers.reading import BAD
from drivers.reasons import UNKNOWN, Reason, reason_of


class Why(Struct):
    """Why a value is unknown.

    code: stable name. text: at most three words. long: a sentence.
    """

    code: str
    text: str
    long: str


class PageValue(Struct):
    """A value in the unit that the key names.

    v: None: unknown. u: expanded uncertainty (k = 2); None: none is stated. q: good | uncertain | bad.
    m: method of an estimate. why: present whenever v is None.
    """

    v: float | None
    u: float | None = None
    q: str = "good"
    m: str | None = None
    why: Why | None = None


class Absence(NamedTuple):
    """A reason for which a value is unknown. short: source text of at most three words."""

    short: str
    reason: Reason

    def why(self, catalogue: Catalogue) -> Why:
        return Why(str.__str__(self.reason.code), catalogue(self.short), catalogue.reason(self.reason))


_SHORT = {  # of the codes of other layers
    "motor_off": N_("motor off"),
    "warming_up": N_("warming up"),
    "load_too_low": N_("load too low"),
    "meter_shared": N_("shared meter"),
    "drive_silent": N_("drive: no reply"),
    "meter_silent": N_("no input power"),
    "current_missing": N_("no current"),
    "meter_wiring": N_("wiring fault"),
    "meter_wiring_pending": N_("wiring unchecked"),
    "meter_ratio": N_("wrong ratio"),
    "drive_bypassed": N_("drive bypassed"),
    "drive_missing": N_("no loss model"),
    "losses_not_modelled": N_("no loss model"),
    "efficiency_unknown": N_("nameplate incomplete"),
    "losses_exceed_power": N_("losses too large"),
    "braking_resistor": N_("braking resistor"),
    "poles_mismatch": N_("poles do not fit"),
}
_OF_FLAG = {
    "NO_REPLY": Absence(N_("no reply"), codes.VALUE_NO_REPLY()),
    "STALE": Absence(N_("stale"), codes.VALUE_STALE()),
    "OUT_OF_RANGE": Absence(N_("out of range"), codes.VALUE_IMPLAUSIBLE()),
    "GAP": Absence(N_("gap in data"), codes.VALUE_GAP()),
    "WARMING_UP": Absence(N_("warming up"), codes.VALUE_WARMING_UP()),
}
_BAD = frozenset(BAD.names())
NOT_MEASURED = Absence(N_("not measured"), codes.VALUE_NOT_MEASURED())
NOT_KNOWN = Absence(N_("unknown"), codes.VALUE_NOT_KNOWN())
NOTHING_RECEIVED = Absence(N_("nothing received"), codes.VALUE_NOTHING_RECEIVED())
STALE = _OF_FLAG["STALE"]
NO_REPLY = _OF_FLAG["NO_REPLY"]
MAINTENANCE = Absence(N_("maintenance"), codes.VALUE_IN_MAINTENANCE())
NOT_CLAIMED = Absence(N_("not counted"), codes.VALUE_NOT_CLAIMED())
NO_CONTACT = Absence(N_("no contact"), codes.VALUE_NO_CONTACT())
NO_BASELINE = Absence(N_("no baseline"), codes.VALUE_NO_BASELINE())
SAVING_NOT_YET = Absence(N_("not yet"), codes.VALUE_SAVING_NOT_YET())
SAVING_NOT_KNOWN_YET = Absence(N_("not known yet"), codes.VALUE_SAVING_NOT_KNOWN_YET())
NOT_COMPARED = Absence(N_("not compared"), codes.VALUE_NOT_COMPARED())
SAVING_OLD = Absence(N_("outdated"), codes.VALUE_SAVING_OLD())
NO_SUPPLY = Absence(N_("no incoming meter"), codes.FLOW_NO_SUPPLY())


def absence_of(reason: Reason) -> Absence:
    """A reason of another layer with its short text."""
    return Absence(_SHORT.get(str.__str__(reason.code), N_("unknown")), reason)


def unknown(absence: Absence, catalogue: Catalogue) -> PageValue:
    return PageValue(None, q="bad", why=absence.why(catalogue))


def reasons_in(message: Mapping[str, Any], metric: str) -> list[Reason]:
    """The reasons that a message gives for a metric; codes of another version are left out."""
    found = map(reason_of, message.get("r", {}).get(metric, ()))
    return [reason for reason in found if reason.code != UNKNOWN]


def value_of(message: Mapping[str, Any], metric: str, catalogue: Catalogue, scale: float = 1.0) -> PageValue:
    """A metric of a message. scale: factor from its unit to that of the page."""
    number = message.get("v", {}).get(metric)
    flags, bad = flags_of(message, metric), bad_flags(message, metric)
    if isinstance(number, bool) or not isinstance(number, int | float) or bad:
        return unknown(_OF_FLAG[bad[0]] if bad else _why_absent(message, metric, flags), catalogue)
    u = message["v"].get(f"{metric}_u")
    quality = "uncertain" if flags - {"SIMULATED", "MAINTENANCE", "LISTENED"} else "good"
    return PageValue(
        scale * number, scale * u if isinstance(u, int | float) else None, quality, message.get("m", {}).get(metric)
    )


def bad_flags(message: Mapping[str, Any], metric: str) -> list[str]:
    """The flags that make a value unusable."""
    return [name for name in flags_of(message, metric) if name in _BAD]


def flags_of(message: Mapping[str, Any], metric: str) -> set[str]:
    flags = message.get("f", {})
    return {*flags.get(metric, ()), *flags.get(EVERYTHING, ())}


def _why_absent(message: Mapping[str, Any], metric: str, flags: set[str]) -> Absence:
    if metric not in message.get("v", {}):
        return NOT_MEASURED
    if is_estimate(metric) and (found := reasons_in(message, "efficiency_unavailable_reason")):
        return absence_of(found[0])
    return _OF_FLAG["WARMING_UP"] if "WARMING_UP" in flags else NOT_KNOWN


def is_estimate(metric: str) -> bool:
    """Whether a metric comes from the estimator, whose reason explains that it is absent."""
    return "efficiency" in metric or "losses" in metric or metric.startswith(("shaft_", "motor_load", "motor_input"))
