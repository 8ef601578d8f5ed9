"""The saving of each motor of a fleet in a period: that of the motor's own report, calculated again from the lake."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct

from agent.config.certificates import newest_of
from agent.config.loader import ConfigError, config_of_text
from agent.config.model import Config
from agent.config.tariff import month_bounds_ms
from agent.config.topology import Asset, assets
from agent.fleet.lake import Lake
from agent.fleet.lake_files import LakeFile
from agent.fleet.months import months_between
from agent.fleet.reasons import CONFIGURATION_MISSING, CONFIGURATION_UNUSABLE, ROWS_MISSING
from agent.fleet.report.error_sum import Instrument, MotorErrors
from agent.fleet.report.ledger_data import LedgerData, newest_configuration
from agent.savings.accounting.account import Account, SavingsBasis
from agent.savings.accounting.saving_errors import SavingErrors
from agent.savings.reasons import NO_COMPARABLE_INTERVAL, NO_DATA
from agent.savings.records.model import Baseline, NonRoutineEvent, Saving
from agent.savings.report.reasons import BASELINE_MISSING
from drivers.reasons import Reason

MARGIN_MS = 2 * 86_400_000  # of intervals beyond the period, which interpolation and stuck signals need
# Component of the uncertainty → device that causes it
DEVICES = {
    "meter_gain": "meter", "transformer_ratio": "ct", "transformer_phase": "ct", "voltage_transformer_ratio": "vt",
    "voltage_transformer_phase": "vt",
}  # fmt: skip


class GatewayFiles(Struct, frozen=True):
    """The files of one gateway and ledger. Two gateways with one name have two ledgers and the same configurations."""

    site: str
    gateway: str
    ledger: str
    records: Sequence[LakeFile]
    events: Sequence[LakeFile]
    configurations: Sequence[LakeFile]


class MotorSaving(Struct, frozen=True):
    """The saving of a motor in a period.

    title: name that people read.
    from_ms, to_ms: the period, UTC.
    measured_wh: measured energy of all intervals, with auxiliaries.
    coverage, compared: measured share of the period, and share that is part of the saving; of a period that has not
        ended: up to now.
    saving: None: no interval can be compared.
    errors: of the saving.
    note: why there is no saving.
    expired: certificates that have expired in the period.
    missing_months: months without any interval.
    simulated: the data are from a simulation.
    """

    site: str
    gateway: str
    ledger: str
    motor: str
    title: str
    from_ms: int
    to_ms: int
    measured_wh: float = 0.0
    coverage: float = 0.0
    compared: float = 0.0
    saving: Saving | None = None
    errors: MotorErrors | None = None
    note: Reason | None = None
    expired: tuple[Reason, ...] = ()
    missing_months: tuple[str, ...] = ()
    simulated: bool = False


class GatewaySavings(Struct, frozen=True):
    """newest_ms: time of the newest record of the ledger, UTC; findings: what is wrong with the data."""

    site: str
    gateway: str
    newest_ms: int
    motors: list[MotorSaving]
    findings: list[Reason]


def savings_of(lake: Lake, files: GatewayFiles, months: tuple[str, str], now_ms: int) -> GatewaySavings:
    """The savings of all motors of a gateway from the first to the last billing month. Raises LakeError.

    now_ms: the interval that contains it has not ended.
    """
    place = {"site": files.site, "gateway": files.gateway}
    text = newest_configuration(lake, files.configurations)
    if text is None:
        return GatewaySavings(files.site, files.gateway, 0, [], [CONFIGURATION_MISSING(**place)])
    try:
        config = config_of_text(text)
    except ConfigError as error:
        problem = CONFIGURATION_UNUSABLE(**place, n=len(error.problems), problem=error.problems[0].reason)
        return GatewaySavings(files.site, files.gateway, 0, [], [problem])
    span = bounds_ms(config, months)
    data = LedgerData(lake, files.records, files.events)
    newest_ms = data.newest_ms()
    data.read(span[0] - MARGIN_MS, span[1] + MARGIN_MS)
    baselines, events = data.baselines(), data.events()
    plants = [asset for asset in assets(config) if asset.motor]
    found = [
        _motor(files, config, plant, data, baselines.get(plant.name), events.get(plant.name, []), months,
               max(now_ms, newest_ms))
        for plant in plants
    ]  # fmt: skip
    missing = [motor for motor, start_ms in data.missing if span[0] <= start_ms < span[1]]
    findings = [ROWS_MISSING(**place, motor=name, n=missing.count(name)) for name in sorted(set(missing))]
    return GatewaySavings(files.site, files.gateway, newest_ms, found, findings)


def bounds_ms(config: Config, months: tuple[str, str]) -> tuple[int, int]:
    """Start of the first and end of the last billing month, as in the report of a motor. Raises InvalidValue."""
    tariff, zone = config.tariff, config.site.timezone
    first, last = (tariff.bounds_ms(month) if tariff else month_bounds_ms(month, zone) for month in months)
    return first[0], last[1]


def _motor(
    files: GatewayFiles, config: Config, plant: Asset, data: LedgerData, baseline: Baseline | None,
    known: Sequence[NonRoutineEvent], months: tuple[str, str], now_ms: int,
) -> MotorSaving:  # fmt: skip
    span = from_ms, to_ms = bounds_ms(config, months)
    intervals = data.intervals(plant.name, from_ms, to_ms)
    end_ms = min(to_ms, max(now_ms, intervals[-1].end_ms if intervals else from_ms + 1))
    period_s = (end_ms - from_ms) / 1000
    account, results = None, []
    if baseline is not None and intervals:
        basis = SavingsBasis.of(plant, config.site.timezone, baseline)
        events = [event for event in known if event.from_ms < to_ms and (event.to_ms is None or event.to_ms > from_ms)]
        events.sort(key=lambda event: event.from_ms)
        account = Account(basis, events, lambda low, high: data.intervals(plant.name, low, high), span)
        results = account.add_until(None, now_ms)
    saving = account.saving(now_ms) if account and results else None
    errors = None
    if account and saving and baseline and saving.intervals:
        errors = _errors(files, plant, basis, account.errors(now_ms), saving.u95_wh)
    certificates = basis.expired if account else ()
    return MotorSaving(
        files.site, files.gateway, files.ledger, plant.name, plant.title, from_ms, to_ms,
        sum((item.energy_wh or 0.0) + item.auxiliary_wh for item in intervals),
        sum(item.length_s * min(item.coverage, 1.0) for item in intervals) / period_s,
        sum(result.length_s for result in results if result.excluded is None) / period_s,
        saving if saving and saving.intervals else None, errors,
        _note(bool(intervals), baseline, saving),
        tuple(time.reason for time in certificates if time.overlaps(from_ms, to_ms)),
        tuple(_missing(config, months, [item.start_ms for item in intervals], end_ms)), config.site.simulated,
    )  # fmt: skip


def _missing(config: Config, months: tuple[str, str], starts_ms: Sequence[int], end_ms: int) -> Iterator[str]:
    """The months of the range that have begun and have no interval."""
    for month in months_between(*months):
        low_ms, high_ms = bounds_ms(config, (month, month))
        if low_ms < end_ms and not any(low_ms <= start_ms < high_ms for start_ms in starts_ms):
            yield month


def _note(has_data: bool, baseline: Baseline | None, saving: Saving | None) -> Reason | None:
    """Why there is no saving; None: there is one."""
    if not has_data:
        return NO_DATA()
    if baseline is None:
        return BASELINE_MISSING()
    return None if saving and saving.intervals else NO_COMPARABLE_INTERVAL()


def _errors(
    files: GatewayFiles, plant: Asset, basis: SavingsBasis, errors: SavingErrors, u95_wh: float
) -> MotorErrors:  # fmt: skip
    """What the errors of a motor have in common with others, as far as configuration and baseline show it."""
    units = {signal.metric.name: signal.metric.unit for signal in plant.signals}
    drifting = {
        name: units.get(name, "")
        for name in errors.drivers
        if not (name in basis.driver_errors and basis.driver_errors[name].calibrated)
    }
    origins = {cause: tuple(_origins(DEVICES[cause], plant, basis, len(errors.meter[cause]))) for cause in errors.meter}
    return MotorErrors((files.site, files.gateway), errors, basis.baseline.n > 0, drifting, origins, u95_wh)


def _origins(device: str, plant: Asset, basis: SavingsBasis, n: int) -> Iterator[Instrument]:
    """Of the devices of n errors: of both periods, or before and after. Who made an earlier meter is unknown."""
    classes, baseline = basis.meter_classes, basis.baseline
    if n == 2:
        yield Instrument(None if device == "meter" else f"{device} {baseline.ct_class or classes.ct}", None)
    if plant.meter is None:
        yield Instrument(None, None)
        return
    tested = newest_of(plant.meter.certificates, device)
    present = {"meter": f"{plant.meter.profile} {classes.meter}", "ct": f"ct {classes.ct}", "vt": f"vt {classes.vt}"}
    yield Instrument(present[device], tested.laboratory or None if tested else None)
