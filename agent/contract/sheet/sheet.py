"""The confirmation sheet of one revision of a month, before it is put into words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction

from msgspec import Struct

from agent.contract.amounts import MotorAmount
from agent.contract.documents import SignedDocument
from agent.contract.month import ContractMonth, MonthMotor
from agent.contract.month_reader import contradictions
from agent.contract.month_states import DRAFT, SETTLED, MonthHistory, MonthRevision, MonthState
from agent.contract.plan import ContractMotor, ContractPlan
from agent.contract.plan_versions import PlanVersion
from agent.contract.sheet.difference import CountParts, difference_by_cause
from agent.contract.signatures import ROLES
from drivers.reasons import InvalidValue, Reason

INVALID = "invalid"  # a signature or the plan is: the sheet shows no other state then


class Sheet(Struct, frozen=True):
    """A revision with its plan.

    state: of the revision; of a draft `DRAFT`.
    made_ms: UTC time when the sheet was made.
    signed: None: a draft, not issued.
    settled: number of an earlier revision that stays settled until this one is; 0: none.
    notes: of a draft: what prevents that it is issued.
    in_ledger: the state is that of all documents of the ledger; False: of this file and this plan only.
    """

    month: ContractMonth
    version: PlanVersion
    state: MonthState
    made_ms: int
    signed: SignedDocument | None = None
    settled: int = 0
    notes: Sequence[Reason] = ()
    in_ledger: bool = False

    @property
    def plan(self) -> ContractPlan:
        return self.version.plan

    @property
    def standing(self) -> str:
        """One of the states, or INVALID."""
        return INVALID if self.state.problem is not None else self.state.state

    @property
    def accepted(self) -> bool:
        """Both parties have signed, and nothing is wrong."""
        return self.signed is not None and self.state.problem is None and not self.state.missing

    def motors(self) -> list[tuple[ContractMotor, MonthMotor, MotorAmount]]:
        """Terms, figures and settled energy of each motor."""
        return [
            (self.plan.motors[name], motor, _amount(self.plan, name, motor))
            for name, motor in self.month.motors.items()
        ]

    def difference(self, terms: ContractMotor, motor: MonthMotor, amount: MotorAmount) -> Mapping[str, Decimal]:
        """Cause → kWh."""
        adjustments_wh = sum(sum(decision.energy_wh.values()) for decision in motor.decisions)
        count = CountParts(*map(Fraction, (motor.counted.compared, motor.counted.measured))) if motor.counted else None
        decimals = self.plan.rules.energy_decimals
        return difference_by_cause(terms, motor.figures, amount, adjustments_wh, decimals, count)


def sheet_of_file(revision: MonthRevision, made_ms: int) -> Sheet:
    """The sheet of a revision and its plan alone, without later revisions and versions.

    Raises InvalidValue when its figures are not those of the plan: then there is nothing to print.
    """
    if wrong := contradictions(revision.month, revision.plan):
        raise InvalidValue(wrong[0])
    return Sheet(revision.month, revision.plan, revision.state_by_itself(), made_ms, revision.signed)


def sheet_of_history(history: MonthHistory, revision: MonthRevision, made_ms: int) -> Sheet:
    """The sheet of one of the revisions of a history."""
    month = revision.month
    earlier = [each for each in history.of_month(month.contract, month.month) if each.month.revision < month.revision]
    settled = [each.month.revision for each in earlier if history.state(each).state == SETTLED]
    return Sheet(
        month, revision.plan, history.state(revision), made_ms, revision.signed, max(settled, default=0),
        in_ledger=True,
    )  # fmt: skip


def draft_sheet(month: ContractMonth, version: PlanVersion, notes: Sequence[Reason], made_ms: int) -> Sheet:
    return Sheet(month, version, MonthState(DRAFT, ROLES), made_ms, notes=notes, in_ledger=True)


def _amount(plan: ContractPlan, name: str, motor: MonthMotor) -> MotorAmount:
    """As the document states it."""
    kwh = {price: Decimal(text) for price, text in motor.contract_kwh.items()}
    prices = plan.rules.prices
    value = sum((each * _price(prices, price) for price, each in kwh.items()), Decimal(0))
    return MotorAmount(plan.motors[name].formula, kwh, Decimal(motor.adjusted_kwh), value)


def _price(prices: Mapping[str, Decimal], name: str) -> Decimal:
    """Of a plan with one price always that one."""
    return next(iter(prices.values())) if len(prices) == 1 else prices[name]
