"""`magwatt simulate --time-factor` above 60: plant and agent run in this process; an earlier run can be resumed."""

from __future__ import annotations

import contextlib
import math
import sqlite3
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import click

from agent.accelerated import CONFIG_FILE, run_accelerated
from agent.config_load import load_config
from agent.kept_run import KeptRun, take_up
from agent.progress import DAY_S, Progress
from agent.savings.source import frozen_baseline
from agent.savings.verify import open_copy
from agent.store.file import NAME
from simulators.scenarios import Scenario
from simulators.scenarios.life import Life
from simulators.truth import Row

TRUTH_S = 900.0  # between two rows of a life's truth: its energies are sums, and each minute of it would fill a disk


@dataclass(frozen=True, slots=True)
class Wanted:
    """seconds: of the plant's time; None: to the scenario's next turn. state: a folder for configuration, state and
    ledger; what it holds is gone on with. command: how the user would ask for it again."""

    command: str
    seed: int
    seconds: float | None
    fault: tuple[str, float] | None
    truth: Path | None
    published: Path | None
    state: Path | None


def run_without_wires(scenario: Scenario, wanted: Wanted) -> None:
    """Plant and agent as fast as they go, and what to do next. Raises ValueError: one line."""
    kept = take_up(wanted.state, scenario, wanted.seed, wanted.fault)
    from_s = kept.seconds or 0.0
    to_s = _end_s(scenario, from_s, wanted.seconds)
    life = scenario.life
    if life is not None and not life.turns.is_old(from_s + scenario.step_s):
        scenario = replace(scenario, config_toml=life.after)
        if wanted.state is not None and not _is_frozen(wanted.state, life.asset):
            click.echo(f"no baseline of {life.asset} is frozen: it is measured, but nothing is told saved before "
                       f"magwatt baseline learn and freeze {life.asset}")  # fmt: skip
    month = Month(life) if life is not None else None
    rows = _run(scenario, wanted, kept, from_s, to_s, month)
    click.echo(f"{scenario.name}: {_long(to_s - from_s)} of plant and agent, {rows} rows")
    if month is not None and (true := month.told()):
        click.echo(true)
    if wanted.state is not None:
        click.echo("\n".join(_next_steps(life, wanted, wanted.state / CONFIG_FILE, to_s)))


def _long(seconds: float) -> str:
    return f"{seconds / DAY_S:.4g} days" if seconds >= 2 * DAY_S else f"{seconds:g} s"


def _end_s(scenario: Scenario, from_s: float, seconds: float | None) -> float:
    """Never beyond a turn: the configuration is another one there."""
    life = scenario.life
    turn_s = life.turn_s(from_s) if life is not None else None
    if seconds is not None:
        return min(from_s + seconds, turn_s) if turn_s is not None else from_s + seconds
    if turn_s is None:
        assert life is not None
        raise ValueError(f"{scenario.name}: ended on {life.local(from_s)}; say with --seconds how long it shall go on")
    return turn_s


class Month:
    """What is true of the month that a report will be made of, from the rows of a run that sees all of it."""

    def __init__(self, life: Life) -> None:
        self._life, self._bounds = life, dict.fromkeys(life.month_ms(), (math.nan, math.nan))

    def take(self, utc_ms: int, rows: Mapping[str, Row]) -> None:
        if utc_ms in self._bounds:
            row = rows[self._life.asset]
            old, new = row["adjusted_baseline_energy_kwh"], row["energy_taken_kwh"]
            assert isinstance(old, float)
            assert isinstance(new, float)
            self._bounds[utc_ms] = old, new

    def told(self) -> str:
        """Empty when it was not seen."""
        (old, new), (old_then, new_then) = self._bounds.values()
        old_kwh, new_kwh = old_then - old, new_then - new
        if math.isnan(old_kwh):
            return ""
        return (f"true of {self._life.month}: the old motor {old_kwh:.0f} kWh, the new one {new_kwh:.0f} kWh, "
                f"saved {old_kwh - new_kwh:.0f} kWh ({100 * (1 - new_kwh / old_kwh):.1f} %)")  # fmt: skip


def _run(scenario: Scenario, wanted: Wanted, kept: KeptRun, from_s: float, to_s: float, month: Month | None) -> int:
    rows, reached_s = 0, from_s
    progress = Progress(sys.stderr, from_s, to_s)
    every = max(1, round(TRUTH_S / scenario.step_s)) if scenario.life is not None else 1

    def passed(now_s: float) -> None:
        nonlocal reached_s
        reached_s = now_s
        progress.passed(now_s)

    with contextlib.ExitStack() as files:
        out = files.enter_context(wanted.published.open("ab" if from_s else "wb")) if wanted.published else None

        def take(topic: str, payload: bytes, _retain: bool) -> None:
            nonlocal rows
            rows += topic.endswith("/telemetry")
            if out is not None:
                out.write(b'{"topic":"' + topic.encode() + b'","payload":' + payload + b"}\n")

        files.enter_context(_kept(wanted.state, kept, lambda: max(reached_s, from_s)))
        files.callback(progress.close)
        run_accelerated(
            scenario, to_s - from_s, take, seed=wanted.seed, truth=wanted.truth, truth_every=every, fault=wanted.fault,
            folder=wanted.state, from_s=from_s, passed=passed, on_truth=month.take if month is not None else None,
        )  # fmt: skip
    return rows


@contextlib.contextmanager
def _kept(folder: Path | None, kept: KeptRun, reached_s: Callable[[], float]) -> Iterator[None]:
    """Where the run ended stands in the folder afterwards, also when it was broken off."""
    if folder is None:
        yield
        return
    folder.mkdir(parents=True, exist_ok=True)
    replace(kept, seconds=None).save(folder)
    try:
        yield
    finally:
        replace(kept, seconds=reached_s()).save(folder)


def _is_frozen(folder: Path, asset: str) -> bool:
    state = load_config(folder / CONFIG_FILE)[0].state_dir
    try:
        return state is not None and frozen_baseline(open_copy(state / NAME), asset)[0] is not None
    except sqlite3.Error:
        return False


def _next_steps(life: Life | None, wanted: Wanted, config: Path, now_s: float) -> list[str]:
    if life is None:
        return [f"try: magwatt ledger verify --config {config}"]
    turns, when = life.turns, f"{life.local(now_s)} ({life.timezone})"
    learn = [
        f"magwatt baseline learn {life.asset} --config {config}",
        f'magwatt baseline freeze {life.asset} --by "your name" --config {config}',
    ]
    if now_s < turns.retrofit_s:
        said, commands = f"it is {when}, the old motor runs; go on with:", [wanted.command]
    elif now_s == turns.retrofit_s:
        said, commands = f"it is {when}, the old motor was stopped. Now:", [*learn, wanted.command]
    elif now_s < turns.end_s:
        said, commands = f"it is {when}, the new motor is in; go on with:", [wanted.command]
    else:
        said = f"it is {when}, and the month is over. Now:"
        commands = [
            f"magwatt report --month {life.month} --config {config} --output report.html",
            f"magwatt ledger verify --config {config}",
        ]
    return [said, *(f"  {command}" for command in commands)]
