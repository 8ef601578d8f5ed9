"""The report of one motor and month as data: all figures, before they are formatted or drawn."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import groupby

from msgspec import Struct, field
from msgspec.structs import replace

from agent.config import emission_factors
from agent.config.model import Config, Motor
from agent.config.reporting_periods import ReportingPhase, begin_ms
from agent.config.tariff import Tariff, month_bounds_ms
from agent.config.topology import Asset
from agent.core.local_time import format_date, zone_of
from agent.savings.accounting.account import Account, SavingsBasis
from agent.savings.accounting.interval_comparison import IntervalResult
from agent.savings.accounting.verdict import COVERAGE_LEAST, UNDECIDED, further_caveats
from agent.savings.records import repository
from agent.savings.records.model import QUARTER_MS, Baseline, Interval, NonRoutineEvent, Saving
from agent.savings.records.static_factors import not_frozen
from agent.savings.report import reasons as codes
from agent.savings.report.model.alarms_of_month import AlarmOfMonth, alarms_of_month
from agent.savings.report.model.baseline_notes import of_baseline
from agent.savings.report.model.cost import Cost, cost_of
from agent.savings.report.model.ledger_check import LedgerCheck, LedgerVerifier, compare_with_ledger
from agent.savings.report.model.priced_parts import longer_than_window, priced_intervals, priced_results
from drivers.reasons import InvalidValue, Reason

IDLE = 0.02  # share of the rated power below which the motor is at standstill


class ReportDay(Struct, frozen=True):
    """One day of the site's calendar. Energies in Wh.

    date: local date, 2026-10-25.
    measured_wh: measured energy of all intervals, auxiliaries included.
    adjusted_wh: adjusted baseline of the intervals in the saving; None: there are none.
    saved_wh: saving of these intervals; None: there are none.
    coverage: measured share of the day's time, as far as the day is in the month.
    total_wh: saving from the start of the month to the end of the day.
    u95_wh: U95 of total_wh.
    u95_day_wh: U95 of saved_wh, the saving of this day alone; None: there is none.
    """

    date: str
    measured_wh: float
    adjusted_wh: float | None
    saved_wh: float | None
    coverage: float
    total_wh: float = 0.0
    u95_wh: float = 0.0
    u95_day_wh: float | None = None


class ReportMonth(Struct, frozen=True):
    """One motor in one billing month. Energies in Wh, times in UTC milliseconds.

    month: 2026-10.
    from_ms, to_ms: the billing month.
    zone: time zone of the site.
    intervals: all intervals of the month.
    measured_wh: measured energy of all intervals; 0 when it is unknown (see energy_known).
    coverage: measured share of the month (of a month that has not ended: up to now).
    running_h: running time; None without data.
    saving: None when no saving is calculated. If the ledger does not confirm the month, its verdict is UNDECIDED, and
        its first caveat states that.
    results: the intervals of the reporting period, compared with the baseline.
    baseline: the frozen baseline; None when there is none that can be used.
    baseline_intervals: intervals of the baseline period.
    money: None without a usable tariff or a saving.
    factor: grid emission factor; None when it is not set or unknown.
    coal: convention (calorific | equivalent) → standard coal per kWh.
    tonnes: production of the month; None when it is not measured in all intervals.
    compared_kwh_t: specific energy before and after the retrofit, in the intervals of the saving; None when unknown.
    events: non-routine events that overlap the month.
    ledger: result of the comparison with the ledger.
    notes: what is missing or wrong, in the order of importance.
    hints: what is neither missing nor wrong, but a reader needs to know.
    plant: the motor with its meter and drive.
    simulated: the data are from a simulation.
    compared: share of the month that is part of the saving (of a month that has not ended: up to now).
    alarms: those announced in the month or open at its end.
    """

    asset: str
    title: str
    month: str
    from_ms: int
    to_ms: int
    zone: str
    intervals: Sequence[Interval]
    measured_wh: float
    coverage: float
    running_h: float | None
    saving: Saving | None = None
    results: Sequence[IntervalResult] = ()
    baseline: Baseline | None = None
    baseline_intervals: Sequence[Interval] = ()
    days: Sequence[ReportDay] = ()
    money: Cost | None = None
    tariff: Tariff | None = None
    factor: emission_factors.EmissionFactor | None = None
    coal: Mapping[str, emission_factors.CoalEquivalent] = field(default_factory=dict)
    tonnes: float | None = None
    compared_kwh_t: tuple[float, float] | None = None
    events: Sequence[NonRoutineEvent] = ()
    ledger: LedgerCheck = field(default_factory=LedgerCheck)
    notes: Sequence[Reason] = ()
    hints: Sequence[Reason] = ()
    plant: Asset | None = None
    simulated: bool = False
    compared: float = 0.0
    alarms: Sequence[AlarmOfMonth] = ()

    @property
    def reported(self) -> Sequence[Interval]:
        """Intervals of the reporting period; all of them when no saving is calculated."""
        if not self.results:
            return self.intervals
        known = {result.start_ms for result in self.results}
        return [item for item in self.intervals if item.start_ms in known]

    @property
    def energy_known(self) -> bool:
        """Whether the energy of at least one interval is known; if not, measured_wh is 0 and has no meaning."""
        return any(item.energy_wh is not None for item in self.intervals)

    @property
    def complete(self) -> bool:
        """Nothing is missing or wrong, and a saving, if there is one, includes at least 90 % of the month."""
        return not self.notes and (self.saving is None or self.compared >= COVERAGE_LEAST)

    @property
    def undecided(self) -> Reason | None:
        """What must be decided before there is a verdict; None: nothing."""
        return self.saving.caveats[0] if self.saving and self.saving.verdict == UNDECIDED else None

    @property
    def caveats(self) -> Sequence[Reason]:
        """What is shown apart from the verdict and the assumptions; the verdict is not shown without an interval."""
        if self.saving is None:
            return []
        found = further_caveats(self.saving)
        return [self.undecided, *found] if self.undecided and not self.saving.intervals else found

    @property
    def year(self) -> int:
        return int(self.month[:4])

    @property
    def co2_kg(self) -> float | None:
        if self.saving is None or self.factor is None:
            return None
        return emission_factors.co2_kg(self.saving.saved_wh, self.factor)


def collect(
    db: sqlite3.Connection, config: Config, plant: Asset, month: str, now_ms: int, check: LedgerVerifier | None = None
) -> ReportMonth:  # fmt: skip
    """Collects the data of a month.

    Raises InvalidValue for an invalid month, sqlite3.Error when db is not a state file.
    """
    zone, tariff = config.site.timezone, config.tariff
    from_ms, to_ms = tariff.bounds_ms(month) if tariff else month_bounds_ms(month, zone)
    found = repository.load_intervals(db, plant.name, from_ms, to_ms)
    notes: list[Reason] = []
    if not found:
        notes.append(_no_data(db, plant.name))
    if now_ms < to_ms and found:
        notes.append(codes.MONTH_INCOMPLETE(now_ms=now_ms))
    if unknown := sum(item.energy_wh is None for item in found):
        notes.append(codes.ENERGY_UNKNOWN_INTERVALS(n=unknown))
    end_ms = min(
        to_ms, max(now_ms, found[-1].end_ms if found else from_ms + 1)
    )  # the clock of this machine may be wrong
    baseline = _frozen(db, plant.name, found, notes)
    events = [event for event in repository.load_events(db, plant.name)
              if event.from_ms < to_ms and (event.to_ms is None or event.to_ms > from_ms)]  # fmt: skip
    events.sort(key=lambda event: event.from_ms)
    account, results = None, list[IntervalResult]()
    if baseline is not None and plant.motor is not None and found:
        basis = SavingsBasis.of(plant, zone, baseline)
        if outside := sum(not basis.reporting.contains(item.start_ms) for item in found):
            notes.append(_outside(basis.reporting, outside))
        month_ms = from_ms, to_ms
        account = Account(basis, events, lambda a, b: _intervals(db, plant.name, a, b, month_ms), month_ms)
    by_date = groupby(found, lambda item: format_date(item.start_ms, zone))
    days = [_day(date, list(items), zone, (from_ms, to_ms), account, results, now_ms) for date, items in by_date]
    if account is not None and plant.motor is not None and (mixed := _old_among(results, plant.motor, zone)):
        notes.append(mixed)
    saving = account.saving(now_ms) if account and results else None
    factor = _grid_factor(config.site.grid_factor, found, notes)
    money = None
    if tariff is None and found:
        notes.append(codes.TARIFF_MISSING())
    elif tariff is not None and saving is not None and baseline is not None:
        money = _cost(tariff, found, results, baseline, saving, events, notes)
    ledger = compare_with_ledger(db, plant.name, from_ms, end_ms, found, check or LedgerVerifier())
    notes += ledger.notes
    if saving is not None and not ledger.confirmed:
        saving = replace(saving, verdict=UNDECIDED, caveats=(codes.LEDGER_UNCONFIRMED(), *saving.caveats))
    hints = [*ledger.hints]
    if baseline is not None:
        without_effect = not_frozen(plant.motor, baseline) if plant.motor else []
        hints = [*of_baseline(db, baseline, results), *without_effect, *hints]
    return ReportMonth(
        plant.name, plant.title, month, from_ms, to_ms, zone, found,
        sum((item.energy_wh or 0.0) + item.auxiliary_wh for item in found),
        sum(item.length_s * min(item.coverage, 1.0) for item in found) / ((end_ms - from_ms) / 1000),
        _running_h(found, plant), saving, results, baseline,
        repository.load_intervals(db, plant.name, baseline.from_ms, baseline.to_ms) if baseline else (),
        days, money, tariff, factor, _coal(config.site.coal, int(month[:4])), _tonnes(found),
        _compared_kwh_t(found, results),
        events, ledger, notes, hints, plant,
        config.site.simulated,
        compared=sum(result.length_s for result in results if result.excluded is None) / ((end_ms - from_ms) / 1000),
        alarms=alarms_of_month(db.execute, plant.name, from_ms, end_ms),
    )  # fmt: skip


def _frozen(
    db: sqlite3.Connection, asset: str, found: Sequence[Interval], notes: list[Reason]
) -> Baseline | None:  # fmt: skip
    """The baseline in force; adds a note if there is none."""
    try:
        baseline = repository.load_frozen(db, asset)
    except InvalidValue as error:
        notes.append(error.reason)
        return None
    if baseline is None and found:
        notes.append(codes.BASELINE_MISSING())
    return baseline


def _grid_factor(
    setting: str | float | None, found: Sequence[Interval], notes: list[Reason]
) -> emission_factors.EmissionFactor | None:
    """The emission factor of the site; adds a note if there is none."""
    if setting is None:
        if found:
            notes.append(codes.GRID_FACTOR_MISSING())
        return None
    try:
        return emission_factors.grid_factor(setting)
    except InvalidValue as error:
        notes.append(codes.GRID_FACTOR_UNUSABLE(cause=error.reason))
        return None


def _cost(
    tariff: Tariff, found: Sequence[Interval], results: Sequence[IntervalResult], baseline: Baseline, saving: Saving,
    events: Sequence[NonRoutineEvent], notes: list[Reason],
) -> Cost | None:  # fmt: skip
    """The money of the month; adds notes on what the tariff cannot price."""
    money = None
    try:
        if (longer := longer_than_window(tariff, results)) is not None and tariff.demand is not None:
            notes.append(codes.DEMAND_UNKNOWN(length_min=longer.length_s / 60, window_min=tariff.demand.window_s / 60))
        priced = replace(tariff, demand=None) if longer else tariff
        money = cost_of(priced, priced_results(results), priced_intervals(found), baseline, saving, events)
    except InvalidValue as error:
        notes.append(codes.TARIFF_UNUSABLE(cause=error.reason))
    if not tariff.currency:
        notes.append(codes.CURRENCY_MISSING())
    return money


def _coal(setting: str | emission_factors.CoalEquivalent, year: int) -> dict[str, emission_factors.CoalEquivalent]:
    """By convention; the equivalent value is that of the year before the month unless the contract states one."""
    equivalent = emission_factors.coal(setting, year - 1) if isinstance(setting, str) else setting
    return {"calorific": emission_factors.coal("calorific"), "equivalent": equivalent}


def _intervals(
    db: sqlite3.Connection, asset: str, begin_ms: int, end_ms: int, month: tuple[int, int]
) -> list[Interval]:  # fmt: skip
    """Intervals from begin_ms to end_ms; those outside the month that cannot be read are left out."""

    def readable(begin_ms: int, end_ms: int) -> list[Interval]:
        with contextlib.suppress(ValueError):
            return repository.load_intervals(db, asset, begin_ms, end_ms)
        found = list[Interval]()
        for start_ms in range(begin_ms, end_ms, QUARTER_MS):
            with contextlib.suppress(ValueError):
                found += repository.load_intervals(db, asset, start_ms, start_ms + QUARTER_MS)
        return found

    inside = repository.load_intervals(db, asset, max(begin_ms, month[0]), min(end_ms, month[1]))
    before, after = readable(begin_ms, min(end_ms, month[0])), readable(max(begin_ms, month[1]), end_ms)
    return [*before, *inside, *after]


def _no_data(db: sqlite3.Connection, asset: str) -> Reason:
    span = repository.interval_span(db, asset)
    if span is None:
        return codes.NO_DATA_OF_MOTOR()
    return codes.NO_DATA_IN_MONTH(from_ms=span[0], to_ms=span[1])


def _running_h(found: Sequence[Interval], plant: Asset) -> float | None:
    """Running time as the agent counted it, else the time of intervals above 2 % of the rated power."""
    return sum(running_s_of(item, plant) for item in found) / 3600 if found else None


def running_s_of(item: Interval, plant: Asset | None) -> float:
    """Running time of an interval."""
    if item.running_s is not None:
        return item.running_s
    idle_w = IDLE * 1000 * plant.motor.kw if plant and plant.motor else 0.0
    return item.length_s if (item.energy_wh or 0.0) * 3600 / item.length_s > idle_w else 0.0


def _tonnes(found: Sequence[Interval], measured: bool = False) -> float | None:
    """Production by a driver in t or t/h; None unless each interval with energy has its value.

    measured: of the time to which the energies belong.
    """
    names = {name for item in found for name in item.drivers if name.endswith(("_t", "_t_h"))}
    if len(names) != 1:
        return None
    name = names.pop()
    if any(name not in item.drivers for item in found if item.energy_wh):
        return None
    hours = name.endswith("_t_h")
    return sum(
        item.drivers[name].mean * (item.energy_s if measured else item.length_s) / (3600 if hours else item.length_s)
        for item in found
        if name in item.drivers
    )


def _compared_kwh_t(found: Sequence[Interval], results: Sequence[IntervalResult]) -> tuple[float, float] | None:
    claimed = {result.start_ms: result for result in results if result.excluded is None}
    tonnes = _tonnes([item for item in found if item.start_ms in claimed], measured=True)
    if not tonnes:
        return None
    adjusted_wh = sum(result.adjusted_wh or 0.0 for result in claimed.values())
    return adjusted_wh / 1000 / tonnes, sum(result.measured_wh or 0.0 for result in claimed.values()) / 1000 / tonnes


def _day(
    name: str,
    items: Sequence[Interval],
    zone: str,
    span: tuple[int, int],
    account: Account | None,
    results: list[IntervalResult],
    now_ms: int,
) -> ReportDay:
    """A day with its intervals; adds those of the account to `results`."""
    if account is not None:
        account.begin_part()
    own = account.add_until(items[-1].end_ms, now_ms) if account else []
    results += own
    claimed = [result for result in own if result.excluded is None]
    adjusted = sum(result.adjusted_wh or 0.0 for result in claimed)
    so_far = account.saving(min(now_ms, items[-1].end_ms)) if account and results else None
    return ReportDay(
        name, sum((item.energy_wh or 0.0) + item.auxiliary_wh for item in items), adjusted if claimed else None,
        adjusted - sum(result.measured_wh or 0.0 for result in claimed) if claimed else None,
        sum(item.length_s * min(item.coverage, 1.0) for item in items) / _day_s(name, zone, span),
        so_far.saved_wh if so_far else 0.0, so_far.u95_wh if so_far else 0.0,
        account.part_u95_wh() if account and claimed else None,
    )  # fmt: skip


def _day_s(name: str, zone: str, span: tuple[int, int]) -> float:
    """Seconds of a local day within the span; a clock change makes 2026-10-25 25 hours long."""
    begin = datetime.fromisoformat(name).replace(tzinfo=zone_of(zone))
    end = begin + timedelta(days=1)
    return (min(round(end.timestamp() * 1000), span[1]) - max(round(begin.timestamp() * 1000), span[0])) / 1000


def _outside(phase: ReportingPhase, n: int) -> Reason:
    if phase.to_ms is None:
        return codes.OUTSIDE_REPORTING_PERIOD(n=n, from_ms=phase.from_ms)
    return codes.OUTSIDE_ENDED_REPORTING_PERIOD(n=n, from_ms=phase.from_ms, to_ms=phase.to_ms)


def _old_among(results: Sequence[IntervalResult], motor: Motor, zone: str) -> Reason | None:
    """The note that the saving includes intervals before the old motor was replaced; None if it does not."""
    since = motor.replaced_motor.since if motor.replaced_motor else None
    if since is None or not (n := sum(result.start_ms < begin_ms(since, zone) for result in results)):
        return None
    return codes.OLD_MOTOR_IN_REPORTING_PERIOD(n=n, since=str(since), motor=motor.name)
