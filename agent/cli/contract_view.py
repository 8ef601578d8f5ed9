"""What `magwatt contract` prints: plans, signatures, versions and amounts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

import click

from agent.cli.options import fail
from agent.core.text import N_, _, as_object, text_of

if TYPE_CHECKING:
    from agent.contract.amounts import MonthAmount, MonthFigures, MotorAmount
    from agent.contract.plan import ContractMotor, ContractPeriod, ContractPlan, SettlementRules
    from agent.contract.plan_reader import PlanError
    from agent.contract.plan_versions import PlanHistory, PlanVersion
    from drivers.reasons import Reason

WORDS = (
    N_("customer"), N_("energy_service_company"), N_("gateway"), N_("meter"), N_("ct"), N_("vt"), N_("baseline_model"),
    N_("direct_comparison"), N_("adjusted_baseline"), N_("saving_rate"), N_("specific_energy"), N_("production"),
    N_("running time"), N_("half_up"), N_("half_even"), N_("down"), N_("peak"), N_("flat"), N_("valley"), N_("all"),
    N_("workday"), N_("weekend"), N_("holiday"), N_("mon"), N_("tue"), N_("wed"), N_("thu"), N_("fri"), N_("sat"),
    N_("sun"), N_("net"), N_("vat"), N_("gross"), N_("share"),
)  # fmt: skip


def fail_with_problems(error: PlanError) -> NoReturn:
    """Prints all problems of a plan, one per line, and exits."""
    for problem in error.problems:
        click.echo(problem.text(text_of), err=True)
    fail(_("{n:d} {n:problem|problems} in the plan; nothing was signed or calculated", n=len(error.problems)))


def plan_lines(version: PlanVersion, wrong: Sequence[Reason], points: Sequence[Reason]) -> Iterator[str]:
    """wrong: problems of the signatures. points: open points of the plan."""
    plan = version.plan
    yield _("{contract}, version {version:d}: {title}", contract=plan.contract, version=plan.version, title=plan.title)
    yield "  " + _("Document {id}", id=version.signed.id)
    if plan.replaces:
        yield "  " + _("Replaces {id}", id=plan.replaces)
    yield "  " + _("Applies {period}", period=_period(plan.applies))
    yield "  " + _("Project boundary: {boundary}", boundary=plan.boundary)
    for role, party in plan.parties.items():
        yield "  " + _("{role:word}: {title}, signatory {signatory}, key {key}", role=role, title=party.title,
                       signatory=party.signatory, key=_fingerprint(party.public_key))  # fmt: skip
    if plan.gateway_key:
        yield "  " + _("Key of the ledger: {key}", key=_fingerprint(plan.gateway_key))
    for motor in plan.motors.values():
        yield from _motor_lines(motor)
    yield from _rule_lines(plan.rules)
    for each in version.signed.signatures:
        yield _("Signature of {by} as {role:word}, {signed_ms:local}, key {key}", by=each.by, role=each.role,
                signed_ms=each.signed_ms, key=each.key)  # fmt: skip
    yield from map(text_of, (*wrong, *points))
    missing = version.not_in_force()
    if missing not in wrong:
        yield in_force_line(missing)


def in_force_line(missing: Reason | None) -> str:
    """Whether the parties are bound, by the file of the plan alone. missing: why not; None: they are."""
    if missing is not None:
        return text_of(missing)
    return _(
        "All parties have signed; by this file the plan is in force. The ledger may contain a newer version, or "
        "another plan for the same motor."
    )


def _fingerprint(public: str) -> str:
    from agent.savings.ledger.signing_key import ED25519, LedgerKey

    return LedgerKey(ED25519, public).fingerprint


def _period(period: ContractPeriod) -> str:
    if period.last is None:
        return _("from {first}", first=str(period.first))
    return _("{first} to {last}", first=str(period.first), last=str(period.last))


def _motor_lines(motor: ContractMotor) -> Iterator[str]:
    yield "  " + _("{motor} ({title}): {boundary}", motor=motor.name, title=motor.title, boundary=motor.boundary)
    yield "    " + _("Method {method:word}, formula {formula:word}", method=motor.method, formula=motor.formula)
    if motor.baseline_hash:
        yield "    " + _("Baseline {hash}", hash=motor.baseline_hash[:16])
    yield "    " + _("Baseline period {period}", period=_period(motor.baseline_period))
    yield "    " + _("Reporting period {period}", period=_period(motor.reporting_period))
    for term in (
        _("Saving rate {value}", value=str(motor.saving_rate)) if motor.saving_rate is not None else "",
        _("Specific energy {value} kWh/{unit}", value=str(motor.specific_energy_kwh), unit=motor.quantity)
        if motor.specific_energy_kwh is not None else "",
        _("Reference power {value} kW", value=str(motor.reference_kw)) if motor.reference_kw is not None else "",
        *(_("Factor {factor}", factor=factor) for factor in motor.factors),
        *(_("Static factor {kind}: {statement}", kind=kind, statement=statement)
          for kind, statement in motor.static_factors.items()),
    ):  # fmt: skip
        if term:
            yield f"    {term}"
    if (meter := motor.meter) is not None:
        yield "    " + _("Meter {name}, serial number {serial}, class {class_}", name=meter.name,
                         serial=meter.serial_number or "–", class_=meter.accuracy_class)  # fmt: skip
        for device, certificate in meter.certificates.items():
            yield "    " + _(
                "Certificate of the {device:word}: {number}, {laboratory}, {issued}, valid until {until}",
                device=device, number=certificate.number, laboratory=certificate.laboratory,
                issued=str(certificate.issued), until=str(certificate.valid_until),
            )  # fmt: skip


def _rule_lines(rules: SettlementRules) -> Iterator[str]:
    prices = tuple(f"{_(name)} {price}" for name, price in rules.prices.items())
    vat = f"{(rules.vat_rate * 100).normalize():f} %"
    shares = tuple(str(share) for share in rules.shares)
    yield "  " + _("Prices per kWh in {currency}: {prices}", currency=rules.currency, prices=prices)
    yield from _tariff_lines(rules)
    yield "  " + (
        _("VAT {rate}, included in the prices", rate=vat) if rules.prices_include_vat
        else _("VAT {rate}, added to the fee", rate=vat)
    )  # fmt: skip
    yield "  " + _("Share of the energy-service company by year from {first}: {shares}",
                   first=str(rules.sharing_first), shares=shares)  # fmt: skip
    yield "  " + _(
        "Rounding {rule:word}: energy to {energy:d}, amounts to {money:d} {money:decimal|decimals}",
        rule=rules.rounding, energy=rules.energy_decimals, money=rules.money_decimals,
    )  # fmt: skip
    yield "  " + (
        _("A month with a negative saving: nothing is paid") if rules.negative_month == "zero"
        else _("A month with a negative saving: the amount is negative")
    )  # fmt: skip


def _tariff_lines(rules: SettlementRules) -> Iterator[str]:
    """When each of several prices applies."""
    tariff = rules.tariff
    for each in tariff.periods if len(rules.prices) > 1 else ():
        begin, end = (f"{quarter // 4:02d}:{quarter % 4 * 15:02d}" for quarter in each.quarters)
        months = tuple(map(str, each.months)) if len(each.months) < 12 else ("all",)
        yield "    " + _("{price:word}: {begin} to {end}; days: {days:word}; months: {months:word}", price=each.price,
                         begin=begin, end=end, days=each.days, months=months)  # fmt: skip
    if tariff.holidays:
        yield "    " + _("Holidays: {days}", days=tuple(sorted(map(str, tariff.holidays))))
    yield "    " + _("Meter-reading day {day:d}", day=tariff.reading_day)


def history_lines(history: PlanHistory, problems: Sequence[Reason]) -> Iterator[str]:
    for each in history.versions:
        period, open_ = history.applies(each), history.not_in_force(each)
        name = _("{contract}, version {version:d} ({id})", contract=each.plan.contract, version=each.plan.version,
                 id=each.signed.id[:16])  # fmt: skip
        if open_ is not None:
            state = text_of(open_)
            if {"contract", "version"} <= open_.data.keys():  # it names them itself
                name = each.signed.id[:16]
        else:
            state = (
                _("applies {period}", period=_period(period))
                if period
                else _("applies on no day: replaced from its first day on")
            )
        yield _(": ").join((name, state))
        for signature in each.signed.signatures:
            yield "  " + _("signed by {by} as {role:word}, {signed_ms:local}", by=signature.by, role=signature.role,
                           signed_ms=signature.signed_ms)  # fmt: skip
    yield from map(text_of, problems)


def amount_lines(
    plan: ContractPlan, month: str, amount: MonthAmount | None, figures: Mapping[str, MonthFigures],
    notes: Iterable[Reason],
) -> Iterator[str]:  # fmt: skip
    assert amount is not None
    currency = plan.rules.currency
    yield ""
    yield _("Amount of {month}:", month=month)
    for name, motor in amount.motors.items():
        yield from _motor_amount_lines(name, motor, figures[name])
    yield "  " + _("Value of the energy saved: {value} {currency}", value=str(amount.value), currency=currency)
    yield "  " + _("Share in year {year:d}: {share}", year=amount.year, share=str(amount.share))
    yield "  " + _("Service fee without VAT {net}, VAT {vat}, with VAT {gross} {currency}", net=str(amount.net),
                   vat=str(amount.vat), gross=str(amount.gross), currency=currency)  # fmt: skip
    yield from (f"  {text_of(note)}" for note in notes)


def _motor_amount_lines(name: str, motor: MotorAmount, figures: MonthFigures) -> Iterator[str]:
    yield "  " + _("{motor}: {kwh} kWh by {formula:word}", motor=name, kwh=str(motor.total_kwh), formula=motor.formula)
    if len(motor.contract_kwh) > 1:
        yield "    " + _("By price: {parts}", parts=tuple(f"{_(price)} {kwh} kWh" for price, kwh in
                                                          motor.contract_kwh.items()))  # fmt: skip
    yield "    " + _(
        "Adjusted saving of magwatt: {kwh} kWh ± {u95:kwh} (95 %), ± {u90:kwh} (90 %), ± {u80:kwh} (80 %)",
        kwh=str(motor.adjusted_kwh), u95=figures.u95_wh, u90=figures.u90_wh, u80=figures.u80_wh,
    )  # fmt: skip
    yield "    " + _(
        "Difference: {kwh} kWh; outside the comparison: {excluded:kwh} kWh; not measured: {hours:.1f} h",
        kwh=str(motor.difference_kwh), excluded=figures.excluded_wh, hours=figures.unmeasured_s / 3600,
    )  # fmt: skip
    if figures.quantity is not None:
        yield "    " + _("Production: {quantity}", quantity=str(figures.quantity))


def version_as_object(version: PlanVersion, wrong: Sequence[Reason], points: Sequence[Reason]) -> dict[str, Any]:
    open_ = version.not_in_force()
    return {
        "document": version.signed.document, "id": version.signed.id,
        "signatures": [each.as_object() for each in version.signed.signatures], "missing": list(version.missing),
        "in_force": open_ is None, "not_in_force": as_object(open_) if open_ else None,
        "problems": [as_object(each) for each in wrong], "open_points": [as_object(each) for each in points],
    }  # fmt: skip


def amount_as_object(amount: MonthAmount, figures: Mapping[str, MonthFigures]) -> dict[str, Any]:
    """Decimal numbers as text, energies of the figures in Wh."""
    import msgspec

    found: dict[str, Any] = msgspec.to_builtins(amount)
    for name, motor in amount.motors.items():
        found["motors"][name] |= {
            "total_kwh": str(motor.total_kwh), "difference_kwh": str(motor.difference_kwh),
            "figures": msgspec.to_builtins(figures[name]),
        }  # fmt: skip
    return found
