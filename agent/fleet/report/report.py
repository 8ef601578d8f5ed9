"""The report of a fleet as data: savings of all motors, their sum with its uncertainty, and what needs attention."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from agent.config.tariff import month_bounds_ms
from agent.fleet.lake import Lake
from agent.fleet.lake_files import LakeFile, newest_of_ledgers
from agent.fleet.report.attention import Attention, attention
from agent.fleet.report.error_sum import SumUncertainty, uncertainty_of_sum
from agent.fleet.report.motors import GatewayFiles, GatewaySavings, MotorSaving, savings_of
from agent.fleet.shared_names import shared_ledgers
from agent.fleet.verify import VerifiedLedger, verify_ledgers
from agent.savings.accounting.verdict import NEGATIVE, NOT_PROVEN, PROVEN, PROVISIONAL, UNDECIDED
from agent.savings.records.model import Saving
from agent.savings.report.reasons import LEDGER_UNCONFIRMED
from drivers.reasons import Reason

Progress = Callable[[int, int], None]  # number of gateways that are done, and of all


class FleetTotal(Struct, frozen=True):
    """The sum over the motors with a verdict, Wh.

    motors: their number; undecided, without: number of motors whose saving is undecided, or that have none.
    """

    motors: int = 0
    undecided: int = 0
    without: int = 0
    measured_wh: float = 0.0
    adjusted_wh: float = 0.0
    saved_wh: float = 0.0
    verdict: str = NOT_PROVEN
    uncertainty: SumUncertainty = SumUncertainty()

    @property
    def share(self) -> float:
        """Saved energy over adjusted baseline energy."""
        return self.saved_wh / self.adjusted_wh if self.adjusted_wh else 0.0


class FleetReport(Struct, frozen=True):
    """The report.

    months: first and last billing month. made_ms: UTC.
    motors: the largest saving first, then the undecided ones and those without a saving.
    gateways: number of gateways with a ledger.
    verified: whether the signatures of the ledgers were checked.
    """

    months: tuple[str, str]
    made_ms: int
    motors: Sequence[MotorSaving]
    gateways: int
    total: FleetTotal
    attention: Sequence[Attention]
    verified: bool = False

    @property
    def simulated(self) -> bool:
        return any(motor.simulated for motor in self.motors)


def collect(
    path: Path, months: tuple[str, str], now_ms: int, *, processes: int = 1, verify: bool = False,
    progress: Progress = lambda done, of: None, findings: list[Reason] | None = None,
) -> FleetReport:  # fmt: skip
    """The report from the first to the last billing month.

    processes: how many calculate. verify: check the signatures of all ledgers. findings: receives what is wrong with
    the lake. Raises LakeError, InvalidValue.
    """
    span = month_bounds_ms(months[0], "UTC")[0], month_bounds_ms(months[1], "UTC")[1]
    lake = Lake(path)
    gateways = list(_gateways(lake))
    found = list[GatewaySavings]()
    for done, savings in enumerate(_calculated(path, gateways, months, now_ms, processes), 1):
        found.append(savings)
        progress(done, len(gateways))
    found.sort(key=lambda item: (item.site, item.gateway))
    checks = list(verify_ledgers(lake)) if verify else []
    motors = ranked(_with_verification([motor for item in found for motor in item.motors], checks))
    for item in found:
        lake.findings += item.findings
    if findings is not None:
        findings += dict.fromkeys(lake.findings)
    items = attention(lake, motors, {(item.site, item.gateway): item.newest_ms for item in found}, checks, span, now_ms)
    return FleetReport(months, now_ms, motors, len(found), total_of(motors), items, verify)


def total_of(motors: Sequence[MotorSaving]) -> FleetTotal:
    """The sum over motors with a verdict. It is proven only if no saving in it rests on an open assumption."""
    decided = [(motor.saving, motor.errors) for motor in motors if motor.saving and is_decided(motor)]
    uncertainty = uncertainty_of_sum([errors for _, errors in decided if errors])
    saved_wh = sum(saving.saved_wh for saving, _ in decided)
    return FleetTotal(
        len(decided), sum(motor.saving is not None for motor in motors) - len(decided),
        sum(motor.saving is None for motor in motors), sum(saving.measured_wh for saving, _ in decided),
        sum(saving.adjusted_wh for saving, _ in decided), saved_wh,
        _verdict(saved_wh, uncertainty.u95_wh, [saving for saving, _ in decided]), uncertainty,
    )  # fmt: skip


def is_decided(motor: MotorSaving) -> bool:
    return motor.saving is not None and motor.saving.verdict != UNDECIDED


def _verdict(saved_wh: float, u95_wh: float, savings: Sequence[Saving]) -> str:
    if saved_wh + u95_wh < 0:
        return NEGATIVE
    if not savings or saved_wh - u95_wh <= 0:
        return NOT_PROVEN
    is_open = any(item.status == "open" for saving in savings for item in saving.assumptions)
    return PROVISIONAL if is_open else PROVEN


def _gateways(lake: Lake) -> Iterator[GatewayFiles]:
    """The files of each ledger. Raises LakeError if there is none."""
    records, events = defaultdict[tuple[str, str, str], list[LakeFile]](list), defaultdict[str, list[LakeFile]](list)
    configurations = defaultdict[tuple[str, str], list[LakeFile]](list)
    for file in newest_of_ledgers(lake.files("ledger")):
        records[file.site, file.gateway, file.ledger].append(file)
    for file in lake.optional_files("nonroutine"):
        events[file.ledger].append(file)
    for file in lake.optional_files("configuration"):
        configurations[file.site, file.gateway].append(file)
    lake.findings += shared_ledgers(records)
    for (site, gateway, ledger), files in records.items():
        yield GatewayFiles(site, gateway, ledger, files, events[ledger], configurations[site, gateway])


def _calculated(
    path: Path, gateways: Sequence[GatewayFiles], months: tuple[str, str], now_ms: int, processes: int
) -> Iterator[GatewaySavings]:  # fmt: skip
    """The savings of each gateway, as they are ready."""
    if processes <= 1 or len(gateways) <= 1:
        for files in gateways:
            yield calculate(path, files, months, now_ms)
        return
    with ProcessPoolExecutor(min(processes, len(gateways)), mp_context=get_context("spawn")) as pool:
        for job in as_completed([pool.submit(calculate, path, files, months, now_ms) for files in gateways]):
            yield job.result()


def calculate(path: Path, files: GatewayFiles, months: tuple[str, str], now_ms: int) -> GatewaySavings:
    """The savings of a gateway, with the findings of its files."""
    lake = Lake(path)
    found = savings_of(lake, files, months, now_ms)
    found.findings.extend(lake.findings)
    return found


def _with_verification(motors: Sequence[MotorSaving], checks: Sequence[VerifiedLedger]) -> list[MotorSaving]:
    """A saving whose ledger is not valid is undecided, as in the report of the motor."""
    invalid = {(check.site, check.gateway, check.ledger) for check in checks if not check.result.ok}
    return [
        replace(motor, saving=replace(
            motor.saving, verdict=UNDECIDED, caveats=(LEDGER_UNCONFIRMED(), *motor.saving.caveats)
        )) if motor.saving and (motor.site, motor.gateway, motor.ledger) in invalid else motor
        for motor in motors
    ]  # fmt: skip


def ranked(motors: Sequence[MotorSaving]) -> list[MotorSaving]:
    def order(motor: MotorSaving) -> tuple[bool, bool, float, str, str, str]:
        saved_wh = motor.saving.saved_wh if motor.saving else 0.0
        return motor.saving is None, not is_decided(motor), -saved_wh, motor.site, motor.gateway, motor.motor

    return sorted(motors, key=order)
