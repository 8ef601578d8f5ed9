"""The truth of the development set: nameplates, and whether what the command printed agrees with it.

The words of truth.json are those of its README; the names of codes and their aliases those of the contract.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ALIASES = {
    "broken_bar": "broken_rotor_bar", "rotor_bar": "broken_rotor_bar", "inter_turn_short": "turn_fault",
    "stator_turn_fault": "turn_fault", "stator_asymmetry": "winding_asymmetry", "demagnetisation": "demagnetization",
    "flux_low": "demagnetization", "dynamic_eccentricity": "eccentricity",
    "demag_or_eccentricity": "rotor_asymmetry", "eccentricity_or_unbalance": "once_per_turn",
    "imbalance": "once_per_turn", "torque_oscillation": "load_oscillation",
    "rotor_or_load_ambiguous": "rotor_or_load", "input_phase_loss": "phase_loss", "single_phasing": "phase_loss",
    "voltage_unbalance": "supply_unbalance", "loose_contact": "contact_resistance", "voltage_dip": "supply_dip",
    "interharmonics": "supply_interharmonic", "rectifier_diode_open": "diode_open",
    "dc_capacitor_aged": "dc_link_capacitor", "dc_capacitor": "dc_link_capacitor", "dry_running": "dry_run",
    "load_changed": "underload", "winding_temperature": "over_temperature", "cooling_lost": "cooling_reduced",
    "temperature_trend": "cooling_reduced", "filter_clogging": "clogged_filter",
    "load_falling_at_speed": "clogged_filter", "live_or_unknown": "live_terminals", "over_load": "overload",
}  # fmt: skip
NO_VERDICT = ("unknown", "not_observable", "not_evaluated")
SUFFIXES = {"certain": "confidence", "possible": "confidence", "warning": "severity", "alarm": "severity"}


def folder() -> Path | None:
    """The development set, if MAGWATT_DATA has it."""
    root = os.environ.get("MAGWATT_DATA")
    found = Path(root) / "condition" if root else None
    return found if found and (found / "truth.json").is_file() else None


def cases(kind: str) -> Mapping[str, Any]:
    """The cases of `waveforms` or `registers` by name; empty without the data."""
    place = folder()
    return json.loads((place / "truth.json").read_text())[kind] if place else {}


def nameplate(case: Mapping[str, Any]) -> str:
    """What may be known about the machine of a case, as motor.toml."""
    given = case.get("given") or case["plate"]
    kind = {"im": ("induction", "line"), "pm": ("magnet", "drive_output"), "rectifier": (None, "drive_input")}.get(
        case.get("kind", ""), ("magnet", None)
    )
    values = {
        "kind": kind[0], "at": kind[1], "kw": given.get("rated_kw") or given.get("rated_w", 0) / 1000 or None,
        "rpm": given.get("rated_rpm"), "hz": given.get("rated_hz"),
        "poles": 2 * given["pole_pairs"] if "pole_pairs" in given else None, "volts": given.get("rated_v"),
        "amps": given.get("rated_a"), "nm": given.get("rated_torque_nm"), "rotor_bars": given.get("rotor_bars"),
        "slots": given.get("slots"), "r1_ohm": given.get("r1_ohm") or given.get("r1_20c_ohm"),
        "ls_h": given.get("ls_h"), "xq_ohm": given.get("xq_ohm"), "flux_wb": given.get("psi_pm_20c_wb"),
        "emf_v": given.get("emf_20c_v"), "winding_degc": given.get("winding_degc"),
        "magnet_degc": given.get("magnet_degc"), "carrier_hz": given.get("carrier_hz"),
        "winding_class": given["winding_class"][:1] if "winding_class" in given else None,
        "application": case.get("context", {}).get("application"), "dc_link_uf": given.get("c_new_uf"),
    }  # fmt: skip
    table = "[drive]" if kind[0] is None else "[motor]"
    lines = [f"{key} = {json.dumps(value)}" for key, value in values.items() if value is not None]
    return "\n".join([table, *lines, ""])


def mistakes(case: Mapping[str, Any], lines: Sequence[Mapping[str, Any]]) -> list[str]:
    """What the printed objects get wrong; empty: nothing."""
    findings = [line["finding"] for line in lines if "finding" in line]
    condition = lines[-1]["condition"]
    unseen = {line["not_observable"]["code"] for line in lines if "not_observable" in line}
    wrong = []
    if not any(_says(word, case, findings, condition, unseen) for word in case["must_say"]):
        wrong.append(f"says none of {case['must_say']}")
    wrong += [f"says {word}" for word in case["must_not_say"] if _says(word, case, findings, condition, set())]
    if "must_alarm_by_s" in case and not wrong:
        due = [one["at_s"] for one in findings if any(_matches(word, one) for word in case["must_say"])]
        if not any(case["from_s"] <= at_s <= case["must_alarm_by_s"] for at_s in due):
            wrong.append(f"raised at {due}, not from {case['from_s']} to {case['must_alarm_by_s']}")
    return wrong


def _says(
    word: str, case: Mapping[str, Any], findings: Sequence[Mapping[str, Any]], condition: str, unseen: set[str]
) -> bool:  # fmt: skip
    if word == "healthy":
        return condition == "healthy"
    if word == "healthy_after":
        return condition == "healthy" and case.get("from_s") is not None
    if word in NO_VERDICT:
        return condition == "unknown" or _code(case["fault"]) in unseen
    if word.endswith("_only"):
        return [one["code"] for one in findings] == [_code(word.removesuffix("_only"))]
    return any(_matches(word, one) for one in findings)


def _code(word: str) -> str:
    return ALIASES.get(word, word)


def _matches(word: str, finding: Mapping[str, Any]) -> bool:
    stem, _, last = word.rpartition("_")
    if last in SUFFIXES and word not in ALIASES:
        return bool(finding["code"] == _code(stem) and finding[SUFFIXES[last]] == last)
    return bool(finding["code"] == _code(word))
