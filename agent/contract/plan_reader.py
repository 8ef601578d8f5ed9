"""Reads a plan from its JSON document, with all problems together, and what is open in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Any

from msgspec.structs import replace

from agent.config.certificates import CERTIFICATE_KEYS
from agent.config.reasons import TEXT_EXPECTED
from agent.config.schema import ConfigReport, Diagnostic, read_table
from agent.config.tariff import Tariff
from agent.contract import reasons as codes
from agent.contract.plan import (
    BY_PRICE,
    FORMULA_KEYS,
    CalibrationCertificate,
    ContractMeter,
    ContractMotor,
    ContractParty,
    ContractPeriod,
    ContractPlan,
    SettlementRules,
)
from agent.contract.plan_keys import MOTOR, OPTIONAL, PARTY, keys_of, motor_name, role_problem
from agent.contract.plan_tariff import plan_tariff
from agent.contract.signatures import ROLES
from drivers.file_reasons import TABLE_EXPECTED
from drivers.reasons import Reason
from drivers.toml_lines import line_of


class PlanError(Exception):
    """A plan that cannot be used. problems: everything that is wrong."""

    def __init__(self, problems: list[Diagnostic]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


def plan_of(document: Mapping[str, Any], file: str, lines: Mapping[str, int] | None = None) -> ContractPlan:
    """The plan of a document. file, lines: for problems: its name, and line numbers by key. Raises PlanError."""
    report = ConfigReport(file, lines or {})
    tables = {name: document[name] for name in document if name not in ("party", "motor")}
    price = document.get("price")
    keys = keys_of(price.get("per_kwh") if isinstance(price, dict) else None)
    read = read_table(tables | {name: {} for name in ("party", "motor")}, keys, "plan", report)
    parties = _parties(document.get("party"), report)
    motors = _motors(document.get("motor"), report)
    if read is not None:
        _check_versions(read, report)
    tariff = _tariff(read, report) if read is not None else None
    if report.problems or read is None or tariff is None:
        found = [_of_value(_without_head(each, report.lines)) for each in report.problems]
        raise PlanError(sorted(found, key=lambda each: each.line or 0))
    plan = _plan(read, parties, motors, tariff)
    _check(plan, report)
    if report.problems:
        raise PlanError(sorted(report.problems, key=lambda each: each.line or 0))
    return plan


def _without_head(problem: Diagnostic, lines: Mapping[str, int]) -> Diagnostic:
    """The keys of the document itself have no table name."""
    key = problem.key.removeprefix("plan.")
    return replace(problem, key=key, line=line_of(key, lines))


def _of_value(problem: Diagnostic) -> Diagnostic:
    """The problem; of a value that a draft left empty: that it is empty, and what else can be done."""
    if problem.value != '""':
        return problem
    table, _, key = problem.key.rpartition(".")
    if table.rpartition(".")[2] in CERTIFICATE_KEYS.values():
        return replace(problem, value=None, reason=codes.CERTIFICATE_EMPTY(table=table))
    if key in OPTIONAL:
        return replace(problem, value=None, reason=codes.OPTIONAL_EMPTY())
    if problem.reason.code == TEXT_EXPECTED:
        return replace(problem, value=None, reason=codes.VALUE_EMPTY())
    return replace(problem, value=None, reason=codes.VALUE_EMPTY_EXPECTED(expected=problem.reason))


def _parties(raw: Any, report: ConfigReport) -> dict[str, ContractParty]:
    tables = raw if isinstance(raw, dict) else {}
    if tables.keys() != set(ROLES):
        for name in tables.keys() - set(ROLES):
            report.problem(f"party.{name}", role_problem(name, ROLES))
        if tables.keys() < set(ROLES):
            report.problem("party", codes.PARTIES_EXPECTED(roles=ROLES))
    found = {}
    for role in ROLES:
        if role in tables and (values := read_table(tables[role], PARTY, f"party.{role}", report)) is not None:
            found[role] = ContractParty(**values)
    return found


def _motors(raw: Any, report: ConfigReport) -> dict[str, ContractMotor]:
    if not isinstance(raw, dict) or not raw:
        report.problem("motor", codes.NO_PLAN_MOTOR())
        return {}
    found = {}
    for name, table in raw.items():
        if not motor_name(name):
            report.problem(f"motor.{name}", TABLE_EXPECTED())
            continue
        before = len(report.problems)
        values = read_table(table, MOTOR, f"motor.{name}", report)
        if values is not None and len(report.problems) == before:
            found[name] = _motor(name, values)
    return found


def _motor(name: str, values: dict[str, Any]) -> ContractMotor:
    periods: dict[str, Any] = {
        key: ContractPeriod(**values.pop(key)) for key in ("baseline_period", "reporting_period")
    }
    meter, baseline = values.pop("meter"), values.pop("baseline")
    return ContractMotor(name=name, baseline_hash=baseline, meter=_meter(meter) if meter else None, **periods, **values)


def _meter(values: dict[str, Any]) -> ContractMeter:
    tables = {device: values.pop(key) for device, key in CERTIFICATE_KEYS.items()}
    certificates = {device: CalibrationCertificate(**table) for device, table in tables.items() if table}
    return ContractMeter(accuracy_class=values.pop("class"), certificates=certificates, **values)


def _tariff(values: Mapping[str, Any], report: ConfigReport) -> Tariff | None:
    price, project = values["price"], values["project"]
    if price is None or project is None or price["per_kwh"] is None:
        return None  # their problems are reported
    return plan_tariff(price, price["per_kwh"], project["timezone"], report)


def _plan(
    values: Mapping[str, Any], parties: Mapping[str, ContractParty], motors: Mapping[str, ContractMotor],
    tariff: Tariff,
) -> ContractPlan:  # fmt: skip
    project, price, sharing = values["project"], values["price"], values["sharing"]
    rules = SettlementRules(
        currency=price["currency"], prices=price["per_kwh"], tariff=tariff, vat_rate=price["vat_rate"],
        prices_include_vat=price["includes_vat"], sharing_first=sharing["first"],
        shares=sharing["energy_service_company"], **values["settlement"],
    )  # fmt: skip
    names = ("contract", "version", "replaces", "drafted_ms")
    applies = ContractPeriod(**values["applies"])
    return ContractPlan(
        **{name: values[name] for name in names}, applies=applies, **project, parties=parties, motors=motors,
        rules=rules,
    )  # fmt: skip


def _check_versions(values: Mapping[str, Any], report: ConfigReport) -> None:
    if values["version"] == 1 and values["replaces"]:
        report.problem("replaces", codes.FIRST_VERSION_REPLACES())
    elif values["version"] > 1 and not values["replaces"]:
        report.problem("replaces", codes.VERSION_WITHOUT_PREDECESSOR(version=values["version"]))


def _check(plan: ContractPlan, report: ConfigReport) -> None:
    """What no single value shows."""
    keys = [key for party in plan.parties.values() for key in party.keys]
    if len(set(keys)) < len(keys):
        report.problem("party", codes.PARTIES_SHARE_KEY())
    for role, party in plan.parties.items():
        if plan.gateway_key in party.keys:
            report.problem(f"party.{role}.public_key", codes.PARTY_HAS_GATEWAY_KEY())
    _check_span("applies", plan.applies, report)
    for motor in plan.motors.values():
        where = f"motor.{motor.name}"
        _check_span(f"{where}.baseline_period", motor.baseline_period, report)
        _check_span(f"{where}.reporting_period", motor.reporting_period, report)
        if motor.baseline_period.last is None or motor.baseline_period.last >= motor.reporting_period.first:
            report.problem(f"{where}.reporting_period.first", codes.PERIODS_OVERLAP())
        for key, reason in _formula_problems(motor, len(plan.rules.prices)):
            report.problem(f"{where}.{key}", reason)
        for device, certificate in motor.meter.certificates.items() if motor.meter else ():
            _check_days(
                f"{where}.meter.{CERTIFICATE_KEYS[device]}.valid_until",
                certificate.issued,
                certificate.valid_until,
                report,
            )


def _check_span(where: str, period: ContractPeriod, report: ConfigReport) -> None:
    if period.last is not None and period.last < period.first:
        report.problem(f"{where}.last", codes.SPAN_REVERSED(first=str(period.first), second=str(period.last)))


def _check_days(where: str, first: date, last: date, report: ConfigReport) -> None:
    if last < first:
        report.problem(where, codes.SPAN_REVERSED(first=str(first), second=str(last)))


def _formula_problems(motor: ContractMotor, prices: int) -> Iterator[tuple[str, Reason]]:
    """Key and problem: each formula has its own term, and a term without effect is not accepted."""
    formula = motor.formula
    terms = {key: getattr(motor, key) for key in FORMULA_KEYS.values() if key} | {"quantity": motor.quantity or None}
    needed = {FORMULA_KEYS[formula], "quantity" if formula == "specific_energy" else None}
    for key, value in terms.items():
        if key in needed and value is None:
            yield key, codes.FORMULA_NEEDS(formula=formula)
        elif key not in needed and value is not None:
            yield key, codes.FORMULA_WITHOUT(formula=formula)
    if motor.method == "baseline_model" and not motor.baseline_hash:
        yield "baseline", codes.METHOD_NEEDS_BASELINE(method=motor.method)
    if formula == "adjusted_baseline" and motor.method != "baseline_model":
        yield "formula", codes.FORMULA_NEEDS_MODEL()
    if formula not in BY_PRICE and prices > 1:
        yield "formula", codes.FORMULA_ONE_PRICE(formula=formula, n=prices)


def open_points(plan: ContractPlan, today: date) -> Iterable[Reason]:
    """Findings that do not prevent a signature: certificates that are missing or have expired by today."""
    for motor in plan.motors.values():
        meter = motor.meter
        devices = ["meter", *(["ct"] if meter and meter.ct else []), *(["vt"] if meter and meter.vt else [])]
        for device in devices:
            certificate = meter.certificates.get(device) if meter else None
            if certificate is None:
                yield codes.CALIBRATION_MISSING(motor=motor.name, device=device)
            elif certificate.valid_until < today:
                yield codes.CALIBRATION_EXPIRED(
                    motor=motor.name, number=certificate.number, device=device, until=str(certificate.valid_until)
                )
