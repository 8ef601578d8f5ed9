"""`magwatt simulate` with a time factor above 60: plant and agent run in this process. An earlier run is resumed."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import sqlite3
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import click
from msgspec import Struct
from msgspec.structs import replace

from agent.config.loader import load_config
from agent.core.text import N_, _
from agent.delivery.store.database_file import NAME
from agent.delivery.store.read_only import open_read_only
from agent.savings.records.repository import load_frozen
from agent.simulation.accelerated import CONFIG_FILE, run_accelerated
from agent.simulation.reasons import SCENARIO_ENDED
from agent.simulation.run_state import RunState, load_run
from drivers.reasons import InvalidValue
from simulators.scenarios import PlannedFault, Scenario
from simulators.scenarios.retrofit_timeline import RetrofitTimeline
from simulators.truth import Row

DAY_S = 86_400.0
PROGRESS_S = 600  # simulated time between two updates of the progress bar
TRUTH_S = 900.0  # interval of the true values of a retrofit; its energies are counters, shorter rows would fill a disk


class RequestedRun(Struct, frozen=True):
    """A run that a user has requested.

    command: the command that resumes this run.
    seed: seed of the plant.
    seconds: duration in the plant's time. None: up to the next change of the scenario.
    fault: None: no fault.
    truth: file for the true values. None: not written.
    published: file for the messages. None: not written.
    state: folder for configuration, state and ledger; a run in it is resumed. None: a temporary one.
    """

    command: str
    seed: int
    seconds: float | None
    fault: PlannedFault | None
    truth: Path | None
    published: Path | None
    state: Path | None


def run_in_process(scenario: Scenario, request: RequestedRun) -> None:
    """Runs plant and agent at full speed and prints the next steps. Raises InvalidValue if the run is not possible."""
    state = load_run(request.state, scenario, request.seed, request.fault)
    from_s = state.seconds or 0.0
    to_s = _end_s(scenario, from_s, request.seconds)
    life = scenario.life
    if life is not None and not life.times.is_old(from_s + scenario.step_s):
        scenario = dataclasses.replace(scenario, config_toml=life.after)
        if request.state is not None and not _is_frozen(request.state, life.asset):
            click.echo(_(
                "{motor}: no frozen baseline, so no savings are computed; run `magwatt baseline learn {motor}` and "
                "`magwatt baseline freeze {motor}`", motor=life.asset
            ))  # fmt: skip
    month = AcceleratedMonth(life) if life is not None else None
    rows, seconds = _run(scenario, request, state, from_s, to_s, month), to_s - from_s
    click.echo(
        _("{scenario}: {days:.4g} days simulated, {rows:d} rows", scenario=scenario.name, days=seconds / DAY_S,
          rows=rows)
        if seconds >= 2 * DAY_S
        else _("{scenario}: {seconds:g} s simulated, {rows:d} rows", scenario=scenario.name, seconds=seconds,
               rows=rows)
    )  # fmt: skip
    if month is not None and (true := month.text()):
        click.echo(true)
    if request.state is not None:
        click.echo("\n".join(_next_steps(life, request, request.state / CONFIG_FILE, to_s)))


def _end_s(scenario: Scenario, from_s: float, seconds: float | None) -> float:
    """End of the run, at the latest the next change of the scenario, because the configuration changes there."""
    life = scenario.life
    next_s = life.next_change_s(from_s) if life is not None else None
    if seconds is None and next_s is None:
        assert life is not None
        raise InvalidValue(SCENARIO_ENDED, scenario=scenario.name, date=life.local(from_s))
    return min(end_s for end_s in (None if seconds is None else from_s + seconds, next_s) if end_s is not None)


class AcceleratedMonth:
    """True energies of the month of the report, from the rows of a run that contains the complete month."""

    def __init__(self, life: RetrofitTimeline) -> None:
        self._life, self._bounds = life, dict.fromkeys(life.month_ms(), (math.nan, math.nan))

    def add(self, utc_ms: int, rows: Mapping[str, Row]) -> None:
        """Adds the true values of a moment."""
        if utc_ms in self._bounds:
            row = rows[self._life.asset]
            old, new = row["adjusted_baseline_energy_kwh"], row["energy_taken_kwh"]
            assert isinstance(old, float)
            assert isinstance(new, float)
            self._bounds[utc_ms] = old, new

    def text(self) -> str:
        """One line; empty if the run did not contain the complete month."""
        (old, new), (old_then, new_then) = self._bounds.values()
        old_kwh, new_kwh = old_then - old, new_then - new
        if math.isnan(old_kwh):
            return ""
        return _(
            "true values of {month}: old motor {old_kwh:.0f} kWh, new motor {new_kwh:.0f} kWh, savings {saved_kwh:.0f} "
            "kWh ({saved_pct:.1f} %)",
            month=self._life.month,
            old_kwh=old_kwh,
            new_kwh=new_kwh,
            saved_kwh=old_kwh - new_kwh,
            saved_pct=100 * (1 - new_kwh / old_kwh),
        )


def _run(
    scenario: Scenario,
    request: RequestedRun,
    state: RunState,
    from_s: float,
    to_s: float,
    month: AcceleratedMonth | None,
) -> int:
    rows, reached_s, displayed_s, bar = 0, from_s, 0, None
    every = max(1, round(TRUTH_S / scenario.step_s)) if scenario.life is not None else 1

    def on_progress(now_s: float) -> None:
        nonlocal reached_s, displayed_s
        reached_s = now_s
        if bar is not None:
            bar.update(round(now_s) - displayed_s)
            displayed_s = round(now_s)

    with contextlib.ExitStack() as files:
        if sys.stderr.isatty():
            bar = files.enter_context(click.progressbar(length=round(to_s), label=scenario.name, file=sys.stderr,
                                                        update_min_steps=PROGRESS_S))  # fmt: skip
        out = files.enter_context(request.published.open("ab" if from_s else "wb")) if request.published else None

        def on_message(topic: str, payload: bytes, _retain: bool) -> None:
            nonlocal rows
            rows += topic.endswith("/telemetry")
            if out is not None:
                out.write(b'{"topic":"' + topic.encode() + b'","payload":' + payload + b"}\n")

        files.enter_context(_recorded(request.state, state, lambda: max(reached_s, from_s)))
        run_accelerated(
            scenario, to_s - from_s, on_message, seed=request.seed, truth=request.truth, truth_every=every,
            fault=request.fault, folder=request.state, from_s=from_s, on_progress=on_progress,
            on_truth=month.add if month is not None else None,
        )  # fmt: skip
    return rows


@contextlib.contextmanager
def _recorded(folder: Path | None, state: RunState, reached_s: Callable[[], float]) -> Iterator[None]:
    """Records in the folder at which second the run ended, also after an interruption."""
    if folder is None:
        yield
        return
    folder.mkdir(parents=True, exist_ok=True)
    replace(state, seconds=None).save(folder)
    try:
        yield
    finally:
        replace(state, seconds=reached_s()).save(folder)


def _is_frozen(folder: Path, asset: str) -> bool:
    state = load_config(folder / CONFIG_FILE)[0].state_dir
    try:
        return state is not None and load_frozen(open_read_only(state / NAME), asset) is not None
    except (sqlite3.Error, ValueError):
        return False


def _next_steps(life: RetrofitTimeline | None, request: RequestedRun, config: Path, now_s: float) -> list[str]:
    if life is None:
        return [_("Next: `magwatt ledger verify --config {file}`", file=str(config))]
    times = life.times
    learn = [
        f"magwatt baseline learn {life.asset} --config {config}",
        f'magwatt baseline freeze {life.asset} --by "your name" --config {config}',
    ]
    if now_s < times.retrofit_s:
        text, commands = N_("{time} ({timezone}): the old motor is running. To continue:"), [request.command]
    elif now_s == times.retrofit_s:
        text, commands = N_("{time} ({timezone}): the old motor has been stopped. Next:"), [*learn, request.command]
    elif now_s < times.end_s:
        text, commands = N_("{time} ({timezone}): the new motor is installed. To continue:"), [request.command]
    else:
        text, commands = (
            N_("{time} ({timezone}): the month is complete. Next:"),
            [
                f"magwatt report --month {life.month} --config {config} --output report.html",
                f"magwatt ledger verify --config {config}",
            ],
        )
    return [_(text, time=life.local(now_s), timezone=life.timezone), *(f"  {command}" for command in commands)]
