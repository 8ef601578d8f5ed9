"""A draft of a plan: filled from the configuration, the frozen baselines and the ledger; the rest is listed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from agent.config.certificates import CERTIFICATE_KEYS, Certificate, newest_of
from agent.config.model import Config, Meter
from agent.config.reporting_periods import phases_of
from agent.config.tariff import Tariff
from agent.config.topology import Asset
from agent.contract import reasons as codes
from agent.contract.plan import SCHEMA
from agent.contract.plan_tariff import tariff_tables
from agent.contract.plan_versions import PlanVersion
from agent.contract.signatures import ROLES
from agent.core.local_time import format_date
from agent.savings.baseline.models import covered_ranges
from agent.savings.records.model import Baseline
from drivers.reasons import Reason, signal_name

OF_BASELINE = ("title", "baseline", "baseline_period", "factors", "static_factors")  # taken from the frozen baseline
DECIDE = ""  # value of a key that a person decides: no key of a plan accepts an empty text


class PlanDraft(Struct, frozen=True):
    """A draft.

    document: as TOML or JSON; keys to decide have the value DECIDE.
    to_decide: dotted key → reason.
    """

    document: Mapping[str, Any]
    to_decide: Mapping[str, Reason]


def draft_of(
    config: Config, plants: Sequence[tuple[Asset, Baseline | None]], gateway_key: str, now_ms: int,
    replaced: PlanVersion | None = None,
) -> PlanDraft:  # fmt: skip
    """A draft of a plan for some motors.

    plants: each motor with its frozen baseline; None: it has none.
    gateway_key: public key of the ledger; "": there is none yet.
    replaced: the version that this one replaces: parties, prices, rules and terms of its motors are taken from it.
    """
    site = config.site
    document: dict[str, Any] = {
        "s": SCHEMA, "contract": DECIDE, "version": 1, "drafted_ms": now_ms,
        "applies": {"first": DECIDE, "last": DECIDE},
        "project": {
            "title": DECIDE, "boundary": DECIDE, "site": site.id, "gateway": site.gateway, "timezone": site.timezone,
            **({"gateway_key": gateway_key} if gateway_key else {}),
        },
        "party": {role: {"title": DECIDE, "signatory": DECIDE, "public_key": DECIDE} for role in ROLES},
        "price": {"currency": site.currency or DECIDE, "per_kwh": _prices(config.tariff), "vat_rate": DECIDE,
                  "includes_vat": True, **(tariff_tables(config.tariff) if config.tariff else {})},
        "sharing": {"first": DECIDE, "energy_service_company": DECIDE},
        "settlement": {"rounding": "half_up", "energy_decimals": 0, "money_decimals": 2, "negative_month": "zero"},
        "motor": {asset.name: _motor(config, asset, baseline) for asset, baseline in plants},
    }  # fmt: skip
    if replaced is not None:
        kept = {name: replaced.signed.document[name] for name in ("contract", "project", "party", "price", "sharing",
                                                                  "settlement")}  # fmt: skip
        parties = {role: {key: value for key, value in party.items() if key != "former_public_key"}
                   for role, party in kept["party"].items()}  # fmt: skip
        for name, terms in document["motor"].items():
            former = replaced.signed.document["motor"].get(name, {})
            terms.update((key, value) for key, value in former.items() if key not in OF_BASELINE)
        names = {"version": replaced.plan.version + 1, "replaces": replaced.signed.id}
        document = {**document, **kept, "party": parties, **names}
    document = dict(sorted(document.items(), key=lambda item: isinstance(item[1], dict)))
    return PlanDraft(document, dict(_undecided(document, "")))


def _undecided(table: Mapping[str, Any], head: str) -> Any:
    for key, value in table.items():
        place = f"{head}.{key}".lstrip(".")
        if isinstance(value, dict):
            yield from _undecided(value, place)
        elif value == DECIDE:
            yield place, codes.TO_DECIDE(key=place)


def _prices(tariff: Tariff | None) -> dict[str, str]:
    return {name: f"{price:.10g}" for name, price in tariff.prices.items()} if tariff else {"flat": DECIDE}


def _motor(config: Config, asset: Asset, baseline: Baseline | None) -> dict[str, Any]:
    assert asset.motor is not None
    measured = baseline is not None and baseline.n > 0
    found: dict[str, Any] = {
        "title": asset.title, "boundary": DECIDE, "method": "baseline_model", "formula": "adjusted_baseline",
        "baseline": baseline.hash if baseline else DECIDE,
        "baseline_period": _baseline_period(baseline, config.site.timezone) if measured else _unknown_period(),
        "reporting_period": _reporting_period(config, asset),
    }  # fmt: skip
    if baseline is not None:
        found["factors"] = [_factor(baseline, name) for name in baseline.drivers if name in baseline.ranges]
        if stated := {factor.kind: factor.statement for factor in baseline.static_factors}:
            found["static_factors"] = stated
    if asset.meter is not None:
        found["meter"] = _meter(asset.meter)
    return found


def _factor(baseline: Baseline, name: str) -> str:
    ranges = [f"{low:g} – {high:g}" for low, high in covered_ranges(baseline, name)]
    return f"{signal_name(name)}: {', '.join(ranges)}"


def _baseline_period(baseline: Baseline | None, zone: str) -> dict[str, str]:
    assert baseline is not None
    return {"first": format_date(baseline.from_ms, zone), "last": format_date(baseline.to_ms - 1, zone)}


def _unknown_period() -> dict[str, str]:
    return {"first": DECIDE, "last": DECIDE}


def _reporting_period(config: Config, asset: Asset) -> dict[str, str]:
    """First day and, if it is planned, last day."""
    assert asset.motor is not None
    zone = config.site.timezone
    for phase in phases_of(dict(asset.motor.periods), zone):
        if phase.name == "reporting":
            end = {} if phase.to_ms is None else {"last": format_date(phase.to_ms - 1, zone)}
            return {"first": format_date(phase.from_ms, zone), **end}
    return {"first": DECIDE}


def _meter(meter: Meter) -> dict[str, Any]:
    ratios = {"ct": meter.ct, "vt": meter.vt}
    found: dict[str, Any] = {"name": meter.name, "serial_number": meter.serial_number or DECIDE,
                             "class": meter.accuracy_class}  # fmt: skip
    for device, ratio in ratios.items():
        if ratio is not None:
            found[device] = f"{ratio[0]:g}/{ratio[1]:g}"
            found[f"{device}_class"] = (meter.ct_class_applied if device == "ct" else meter.vt_class_applied) or DECIDE
    for device, key in CERTIFICATE_KEYS.items():
        if device == "meter" or ratios[device] is not None:
            found[key] = _certificate(newest_of(meter.certificates, device))
    return found


def _certificate(stated: Certificate | None) -> dict[str, str]:
    """The certificate of the configuration; what it does not state is to be decided."""
    names = ("number", "laboratory", "issued", "valid_until")
    return {name: str(getattr(stated, name, None) or DECIDE) for name in names}
