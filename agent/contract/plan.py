"""The M&V plan as records. Its keys and their meaning: docs/reference/contract-format.md.

A plan is signed as JSON (agent.contract.documents); these records are a view of it. Dates are days of the plant's
calendar; decimal numbers are exact.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

from msgspec import Struct

from agent.config.tariff import Tariff

SCHEMA = "magwatt.plan/1"
METHODS = ("baseline_model", "direct_comparison")  # GB/T 28750-2012 [M]
FORMULAS = ("adjusted_baseline", "direct_comparison", "saving_rate", "specific_energy")
FORMULA_KEYS = {  # formula → the key of [motor.NAME] that it needs
    "adjusted_baseline": None,
    "direct_comparison": "reference_kw",
    "saving_rate": "saving_rate",
    "specific_energy": "specific_energy_kwh",
}
BY_PRICE = ("adjusted_baseline", "saving_rate")  # formulas that give a figure for each price
ROUNDINGS = ("half_up", "half_even", "down")
NEGATIVE_MONTHS = ("zero", "settle")


class ContractParty(Struct, frozen=True):
    """A party.

    title: name of the company.
    signatory: who signs for it.
    public_key: 64 hexadecimal digits.
    former_public_key: key of this party in the version that is replaced, if it changes; "": it does not.
    """

    title: str
    signatory: str
    public_key: str
    former_public_key: str = ""

    @property
    def keys(self) -> tuple[str, ...]:
        """Public keys that must sign for this party."""
        return tuple(key for key in (self.public_key, self.former_public_key) if key)


class CalibrationCertificate(Struct, frozen=True):
    """A certificate of a meter or of transformers (检定证书).

    issued, valid_until: 检定日期, 检定有效期.
    """

    number: str
    laboratory: str
    issued: date
    valid_until: date


class ContractMeter(Struct, frozen=True):
    """The meter of a motor with its transformers; "": none, or not known.

    certificates: meter | ct | vt → its certificate.
    """

    name: str
    serial_number: str
    accuracy_class: str
    ct: str
    ct_class: str
    vt: str
    vt_class: str
    certificates: Mapping[str, CalibrationCertificate]


class ContractPeriod(Struct, frozen=True):
    """Days from first to last, both included; last None: it has no end yet."""

    first: date
    last: date | None = None

    def contains(self, day: date) -> bool:
        return self.first <= day and (self.last is None or day <= self.last)


class ContractMotor(Struct, frozen=True):
    """What is measured and settled at one motor.

    boundary: project boundary (项目边界).
    method: one of METHODS; formula: one of FORMULAS.
    baseline_hash: of the frozen baseline; "": none.
    baseline_period, reporting_period: 基期, 统计报告期.
    factors: influencing factors of the model, with their ranges.
    static_factors: kind → statement.
    saving_rate: agreed share of the energy of the old plant (节电率).
    specific_energy_kwh: agreed energy per unit of quantity before the retrofit (基期单耗).
    quantity: unit of the production, t or m3.
    reference_kw: mean power with the measure switched off, of the on/off test.
    meter: None: not known.
    """

    name: str
    title: str
    boundary: str
    method: str
    formula: str
    baseline_hash: str
    baseline_period: ContractPeriod
    reporting_period: ContractPeriod
    factors: tuple[str, ...]
    static_factors: Mapping[str, str]
    saving_rate: Decimal | None
    specific_energy_kwh: Decimal | None
    quantity: str
    reference_kw: Decimal | None
    meter: ContractMeter | None


class SettlementRules(Struct, frozen=True):
    """How an amount is calculated.

    currency: of prices and amounts.
    prices: name → price per kWh. tariff: when each applies; its own prices are rounded and not used.
    vat_rate: value-added tax, share of 1; prices_include_vat: the service fee includes it, otherwise it is added.
    sharing_first: first day of year 1.
    shares: share of the energy-service company, by year.
    rounding: one of ROUNDINGS.
    energy_decimals, money_decimals: decimals of kWh and of amounts.
    negative_month: zero (nothing is paid) or settle (the amount is negative).
    """

    currency: str
    prices: Mapping[str, Decimal]
    tariff: Tariff
    vat_rate: Decimal
    prices_include_vat: bool
    sharing_first: date
    shares: tuple[Decimal, ...]
    rounding: str
    energy_decimals: int
    money_decimals: int
    negative_month: str


class ContractPlan(Struct, frozen=True):
    """One version of a plan.

    contract: number of the contract.
    version: 1, 2, …; replaces: identifier of the version that it replaces, "" of version 1.
    drafted_ms: UTC time when it was drafted.
    applies: days on which it applies; a later version ends it earlier.
    boundary: of the project.
    site, gateway, timezone: where it is measured.
    gateway_key: public key of the ledger, which the parties confirm with their signatures; "": none.
    parties: role → party. motors: name → motor.
    """

    contract: str
    version: int
    replaces: str
    drafted_ms: int
    applies: ContractPeriod
    title: str
    boundary: str
    site: str
    gateway: str
    timezone: str
    gateway_key: str
    parties: Mapping[str, ContractParty]
    motors: Mapping[str, ContractMotor]
    rules: SettlementRules
