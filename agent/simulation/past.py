"""The past of a simulated plant that was retrofitted: what its owner has on the day of a demonstration.

Energy of the old motors and flow come from files of the time before the retrofit, as plants keep them. The hours up to
now are those of the real agent on virtual time (agent/simulation/accelerated.py).
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

from agent.core.local_time import zone_of
from agent.runtime.assembly import Agent
from agent.savings.importing.csv_reader import CsvColumn
from agent.savings.importing.importer import import_energy
from agent.savings.service import SavingsService
from agent.simulation.accelerated import run_accelerated
from agent.simulation.config_keys import with_key
from simulators.scenarios import Scenario
from simulators.scenarios.plant import ScenarioPlant
from simulators.serve import PAST_STEP_S

POLL_S = 60.0  # of the agent in its past: a value for each minute of the history
EVENING_H, LEAST_H = 22, 5  # the past begins at 22:00 at least five hours ago, so that it contains a night
OLD_DAYS, OLD_ROW_S = 10, 900
OLD_METER_GAIN = 0.0015  # standard deviation of the gain of the meters before the retrofit: a third of class 0.5
OPERATOR = "demo"


def past_s(now: datetime) -> float:
    """Seconds from the beginning of the past to `now`, which is on the clock of the plant."""
    evening = now.replace(hour=EVENING_H, minute=0, second=0, microsecond=0)
    while now - evening < timedelta(hours=LEAST_H):
        evening -= timedelta(days=1)
    return (now - evening).total_seconds() // PAST_STEP_S * PAST_STEP_S


def simulate_past(
    scenario: Scenario, folder: Path, start_utc_s: int, seconds: float, edit: Callable[[str], str],
    on_progress: Callable[[float], None], seed: int = 1,
) -> None:  # fmt: skip
    """Writes state and ledger of the plant's first `seconds` into `folder`, with a baseline of each replaced motor.

    edit: changes the configuration of the agent.
    on_progress: called with the simulated seconds.
    """

    async def with_baselines(agent: Agent) -> None:
        plant = scenario.build(Random(seed + 1))
        assert isinstance(plant, ScenarioPlant)
        _freeze_baselines(agent, plant, folder, 1000 * start_utc_s)

    def slower(text: str) -> str:
        return with_key(edit(text), "poll_interval", f"{POLL_S:g}s")

    run_accelerated(
        scenario, seconds, lambda _topic, _payload, _retained: None, seed=seed, step_s=PAST_STEP_S, folder=folder,
        edit=slower, before_polling=with_baselines, start_utc_ns=10**9 * start_utc_s, on_progress=on_progress,
        continues=True,
    )  # fmt: skip


def _freeze_baselines(agent: Agent, plant: ScenarioPlant, folder: Path, now_ms: int) -> None:
    config, signals = agent.config, {item.of: item for item in plant.record.signal if item.shows == "flow"}
    assert plant.record.site.reporting is not None
    end = datetime.combine(plant.record.site.reporting, datetime.min.time(), zone_of(config.site.timezone))
    rows = list(_old_rows(plant, end))
    for name, unit in plant.units.items():
        if unit.old is None:
            continue
        signal, file = signals[name], folder / f"before-{name}.csv"
        with file.open("w", newline="", encoding="utf-8") as out:
            writer = csv.writer(out)
            writer.writerow(("time", "energy_kwh", "flow"))
            writer.writerows((time, f"{values[name][0]:.3f}", f"{values[name][1]:.1f}") for time, values in rows)
        import_energy(
            config, file, name, config.site.timezone, "time", CsvColumn("energy_kwh", "kWh"), counter=False, ends=False,
            drivers={signal.name: CsvColumn("flow", signal.unit_of_measure)}, meter="", replace=False, now_ms=now_ms,
        )  # fmt: skip
        service = SavingsService(config, agent.store, name, now_ms)
        service.learn((None, None), (), None, False)
        service.freeze(OPERATOR, again=False)


def _old_rows(plant: ScenarioPlant, end: datetime) -> Iterator[tuple[str, dict[str, tuple[float, float]]]]:
    """Time and, by train, energy (kWh) of the old motor and mean flow, for each quarter of an hour before `end`."""
    gains = {name: 1 + Random(name).gauss(0, OLD_METER_GAIN) for name in plant.units}
    full = {item.of: item.full for item in plant.record.signal if item.shows == "flow"}
    for number in range(OLD_DAYS * 86400 // OLD_ROW_S):
        plant.step(OLD_ROW_S)
        values = {
            name: (gains[name] * unit.before.input_w * OLD_ROW_S / 3.6e6, full[name] * unit.share)
            for name, unit in plant.units.items()
            if unit.before is not None
        }
        yield (end - timedelta(days=OLD_DAYS) + timedelta(seconds=number * OLD_ROW_S)).isoformat(), values
