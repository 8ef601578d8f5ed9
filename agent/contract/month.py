"""The month of a contract as records: what both parties settle. Format: docs/reference/contract-format.md.

A month is signed as JSON (agent.contract.documents), whose keys are the fields of these records.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from agent.contract.amounts import MonthFigures, PriceEnergies

SCHEMA = "magwatt.month/1"
REVISION_MAX = 999
EVIDENCE = ("proven", "provisional", "not_proven", "negative", "none")  # verdicts of a saving; none: there is no saving

Hash = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
DecimalText = Annotated[str, Meta(pattern=r"^-?[0-9]{1,9}(\.[0-9]{1,9})?\Z")]
Text = Annotated[str, Meta(min_length=1, max_length=1000)]
Count = Annotated[int, Meta(ge=0)]


class LedgerRange(Struct, frozen=True, forbid_unknown_fields=True):
    """The lines of the ledger from which the energies follow.

    first, last: their numbers. hash: of the last one.
    """

    first: Annotated[int, Meta(ge=1)]
    last: Annotated[int, Meta(ge=1)]
    hash: Hash


class MonthDecision(Struct, frozen=True, forbid_unknown_fields=True):
    """The decision on a non-routine event.

    line: hash of its line in the ledger.
    event: number of the event.
    energy_wh: decision adjust on an event that began in the month: price → energy added to the adjusted baseline, Wh;
        others: empty.
    """

    line: Hash
    event: Annotated[int, Meta(ge=1)]
    decision: Literal["exclude", "keep", "adjust"]
    energy_wh: Mapping[str, int]


class CountedParts(Struct, frozen=True, forbid_unknown_fields=True):
    """Parts of the running time (s) or quantity that a formula uses; they enter no amount.

    compared: of the intervals in the saving. measured: of all time to which measured energy belongs.
    """

    compared: DecimalText
    measured: DecimalText


class MonthMotor(Struct, frozen=True, forbid_unknown_fields=True):
    """One motor.

    energies: price → measured, compared and adjusted energy, as `PriceEnergies`, Wh.
    running_s, quantity: as in `MonthFigures`; the quantity to the thousandth.
    excluded: UTC ms from, to, code: intervals that start in this time are not in the saving; in order of time.
    excluded_wh: code → measured energy of these intervals.
    recalculated: UTC ms, Wh: intervals whose adjusted baseline is not that of their line in the ledger.
    decisions: on events that overlap the month, by number of the event.
    unmeasured_s, u80_wh, u90_wh, u95_wh: as in `MonthFigures`.
    evidence: one of EVIDENCE.
    assumptions: open ones, as `{"code", "data"}` (agent.contract.month_reasons); the parties accept them by signature.
    contract_kwh, adjusted_kwh: as in `MotorAmount`.
    counted: of a formula with running time or quantity; None: not stated.
    """

    energies: Mapping[str, tuple[int, int, int]]
    running_s: Count | None
    quantity: DecimalText | None
    excluded: tuple[tuple[int, int, Text], ...]
    excluded_wh: Mapping[str, int]
    recalculated: tuple[tuple[int, int], ...]
    decisions: tuple[MonthDecision, ...]
    unmeasured_s: Count
    u80_wh: Count
    u90_wh: Count
    u95_wh: Count
    evidence: Literal["proven", "provisional", "not_proven", "negative", "none"]
    assumptions: tuple[Mapping[str, Any], ...]
    contract_kwh: Mapping[str, DecimalText]
    adjusted_kwh: DecimalText
    counted: CountedParts | None = None

    @property
    def figures(self) -> MonthFigures:
        return MonthFigures(
            {price: PriceEnergies(*row) for price, row in self.energies.items()}, self.running_s,
            None if self.quantity is None else Decimal(self.quantity), sum(self.excluded_wh.values()),
            self.unmeasured_s, self.u80_wh, self.u90_wh, self.u95_wh,
        )  # fmt: skip


class SettledAmount(Struct, frozen=True, forbid_unknown_fields=True):
    """As `MonthAmount`, decimal numbers as text."""

    value: DecimalText
    year: Annotated[int, Meta(ge=1)]
    share: DecimalText
    net: DecimalText
    vat: DecimalText
    gross: DecimalText


class ContractMonth(Struct, frozen=True, forbid_unknown_fields=True, rename={"schema": "s", "motors": "motor"}):
    """One revision of a month.

    contract: number of the contract. plan: identifier of the version of the plan that applies.
    month: 2026-10; from_ms, to_ms: the billing month by the tariff of the plan, UTC.
    revision: 1, 2, …; replaces, reason: identifier of the revision before, and why; "" in revision 1.
    drafted_ms: UTC time when the gateway issued it.
    site, gateway, gateway_key: as in the plan.
    motors: by name, those of the plan.
    simulated: the data are from a simulation.
    """

    schema: Literal["magwatt.month/1"]
    contract: Text
    plan: Hash
    month: Annotated[str, Meta(pattern=r"^[0-9]{4}-[0-9]{2}\Z")]
    from_ms: Count
    to_ms: Count
    revision: Annotated[int, Meta(ge=1, le=REVISION_MAX)]
    drafted_ms: Annotated[int, Meta(ge=0, le=1 << 52)]
    site: Text
    gateway: Text
    gateway_key: Hash
    ledger: LedgerRange
    motors: Mapping[str, MonthMotor]
    amount: SettledAmount
    replaces: Annotated[str, Meta(pattern=r"^([0-9a-f]{64})?\Z")] = ""
    reason: Annotated[str, Meta(max_length=1000)] = ""
    simulated: bool = False

    @property
    def figures(self) -> dict[str, MonthFigures]:
        return {name: motor.figures for name, motor in self.motors.items()}
