"""Draws docs/pictures/scenarios/*.svg: each scenario with the agent, true values as lines, published values as dots.

Run: python docs/generate/scenarios.py [NAME …]
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import lives
import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from support.scenario_run import check_devices

from agent.simulation.accelerated import run_accelerated
from simulators.scenarios import load, names

OUT = Path(__file__).parents[1] / "pictures" / "scenarios"
POINTS = 110  # of a line; more only increase the size of the file
TRUE, SHOWN = "0.25", ("tab:blue", "tab:orange", "tab:green", "tab:red")
plt.rcParams.update(lives.STYLE)


class Seen(NamedTuple):
    """(seconds, values) of the true values and, by asset, of the published values. points: maximum of a line."""

    truth: list[tuple[float, dict[str, Any]]]
    published: dict[str, list[tuple[float, dict[str, Any]]]]
    points: int = POINTS

    def true(self, asset: str, name: str) -> tuple[list[float], list[float]]:
        rows = [(at_s, row[asset][name]) for at_s, row in self.truth if name in row[asset]]
        rows = rows[:: max(1, len(rows) // self.points)]
        return [at_s for at_s, _ in rows], [value for _, value in rows]

    def shown(self, asset: str, name: str) -> tuple[list[float], list[float]]:
        rows = [(at_s, row[name]) for at_s, row in self.published[asset] if isinstance(row.get(name), int | float)]
        rows = rows[:: max(1, len(rows) // self.points)]
        return [at_s for at_s, _ in rows], [value for _, value in rows]


def see(name: str, seconds: float, self_check: bool = False, step_s: float | None = None) -> Seen:
    seen = Seen([], {})
    start_ms = list[int]()

    def on_message(topic: str, payload: bytes, _retained: bool) -> None:
        *_, asset, kind = topic.split("/")
        if kind == "telemetry":
            message = json.loads(payload)
            seen.published.setdefault(asset, []).append(((message["t"] - start_ms[0]) / 1000, message["v"]))

    def on_truth(at_ms: int, rows: dict[str, Any]) -> None:
        start_ms.append(at_ms) if not start_ms else None
        seen.truth.append(((at_ms - start_ms[0]) / 1000, rows))

    before = check_devices if self_check else None
    run_accelerated(load(name), seconds, on_message, seed=7, on_truth=on_truth, before_polling=before, step_s=step_s)
    return seen


def both(
    axes: Axes, seen: Seen, asset: str, name: str, colour: str, *, scale: float = 1.0, per_s: float = 60.0,
    label: str | None = None, true: str | None = None,
) -> None:  # fmt: skip
    """One quantity: true values as a line, published values as dots, published uncertainty (k = 2) as a band.

    per_s: seconds per unit of the time axis.
    true: name of the true value. None: `name`.
    """
    at, value = seen.true(asset, true or name)
    axes.plot([s / per_s for s in at], [v * scale for v in value], color=TRUE, lw=0.8, zorder=3)
    at, value = seen.shown(asset, name)
    axes.plot([s / per_s for s in at], [v * scale for v in value], "o", ms=2.4, color=colour, label=label or asset)
    at_u, uncertainty = seen.shown(asset, f"{name}_u")
    if at_u == at:
        low, high = ([v + sign * u for v, u in zip(value, uncertainty, strict=True)] for sign in (-1, 1))
        axes.fill_between([s / per_s for s in at], low, high, color=colour, alpha=0.15, lw=0)


def figure(name: str, rows: int = 1, unit: str = "min") -> tuple[Any, Sequence[Axes]]:
    made, axes = plt.subplots(rows, 1, figsize=(7.2, 1.0 + 1.75 * rows), sharex=True, squeeze=False)
    axes[-1, 0].set_xlabel(unit)
    made.suptitle(f"{name}: line: true values, dots: published values", fontsize=9)
    return made, axes[:, 0]


def finish(made: Any, axes: Sequence[Axes], name: str, labels: Sequence[str]) -> None:
    for one, label in zip(axes, labels, strict=True):
        one.set_ylabel(label)
        if one.get_legend_handles_labels()[0]:
            one.legend(loc="best", fontsize=7)
    made.tight_layout()
    OUT.mkdir(exist_ok=True)
    made.savefig(OUT / f"{name}.svg", metadata={"Date": None})
    plt.close(made)


def pump_station(name: str) -> None:
    seen = see(name, 900)
    made, axes = figure(name, 2)
    for asset, colour in zip(("pump-1", "pump-2"), SHOWN, strict=False):
        both(axes[0], seen, asset, "active_power_w", colour, scale=1e-3)
        both(axes[1], seen, asset, "system_efficiency_pct", colour)
    finish(made, axes, name, ("kW", "grid to shaft, %"))


def retrofit(name: str, before: str, after: str, hours: float) -> None:
    seen = see(name, 3600 * hours)
    made, axes = figure(name, 2, "h")
    for asset, colour in zip((before, after), SHOWN, strict=False):
        both(axes[0], seen, asset, "active_power_w", colour, scale=1e-3, per_s=3600)
        both(axes[1], seen, asset, "system_efficiency_pct", colour, per_s=3600)
    finish(made, axes, name, ("kW", "grid to shaft, %"))


def roller_table(name: str) -> None:
    seen = see(name, 180)
    made, axes = figure(name, 2, "s")
    both(axes[0], seen, "table-meter", "active_power_w", SHOWN[0], scale=1e-3, per_s=1)
    last_s = seen.truth[-1][0]
    for k, asset in enumerate(("roller-stuck", "roller-20", "roller-free")):
        both(axes[1], seen, asset, "energy_allocated_kwh", SHOWN[k], scale=1e3, per_s=1, true="energy_taken_kwh",
             label=f"{asset}, allocated")  # fmt: skip
    axes[1].set_xlim(0, last_s)
    finish(made, axes, name, ("kW of the table", "Wh (line: from the DC bus)"))


def hoist(name: str) -> None:
    seen = see(name, 300)
    made, axes = figure(name, 3, "s")
    both(axes[0], seen, "hoist", "active_power_w", SHOWN[0], scale=1e-3, per_s=1)
    for k, way in enumerate(("import", "export")):
        key = f"energy_{way}_kwh"
        (_, start), *_ = seen.published["hoist"]
        base = seen.truth[0][1]["hoist"][key]
        at, value = seen.true("hoist", key)
        axes[1].plot(at, [v - base for v in value], color=TRUE, lw=0.8)
        at, value = seen.shown("hoist", key)
        axes[1].plot(at, [v - start[key] for v in value], "o", ms=2.4, color=SHOWN[k], label=way)
    both(axes[2], seen, "hoist", "motor_speed_rpm", SHOWN[2], per_s=1)
    finish(made, axes, name, ("kW", "kWh since the start", "rpm"))


def broken_bar(name: str) -> None:
    seen = see(name, 7200)
    made, axes = figure(name, 3)
    both(axes[0], seen, "crusher", "active_power_w", SHOWN[0], scale=1e-3)
    at, value = seen.true("crusher", "motor_speed_rpm")
    axes[1].plot([s / 60 for s in at], value, color=TRUE, lw=0.8)
    at, value = seen.true("crusher", "defect")
    axes[2].plot([s / 60 for s in at], [100 * v for v in value], color=TRUE, lw=0.8)
    finish(made, axes, name, ("kW", "rpm, true only", "rotor resistance, + %"))


def conveyor(name: str) -> None:
    seen = see(name, 7200)
    made, axes = figure(name, 3)
    both(axes[0], seen, "belt", "active_power_w", SHOWN[0], scale=1e-3)
    both(axes[1], seen, "belt", "system_efficiency_pct", SHOWN[1])
    both(axes[2], seen, "belt", "motor_temperature_degc", SHOWN[0])
    finish(made, axes, name, ("kW", "grid to shaft, %", "winding, °C"))


def demagnetising(name: str) -> None:
    seen = see(name, 7200)
    made, axes = figure(name, 3)
    both(axes[0], seen, "compressor", "motor_current_a", SHOWN[0])
    both(axes[1], seen, "compressor", "motor_efficiency_pct", SHOWN[1])
    at, value = seen.true("compressor", "defect")
    axes[2].plot([s / 60 for s in at], [100 * v for v in value], color=TRUE, lw=0.8)
    finish(made, axes, name, ("A", "motor, %", "flux lost, %"))


def grid_dip(name: str) -> None:
    seen = see(name, 180)
    made, axes = figure(name, 3, "s")
    at = [s for s, _ in seen.truth]
    axes[0].plot(at, [100 * row["supply"]["sag"] for _, row in seen.truth], color=TRUE, lw=0.8)
    both(axes[1], seen, "fan", "active_power_w", SHOWN[0], scale=1e-3, per_s=1)
    both(axes[2], seen, "fan", "motor_speed_rpm", SHOWN[1], per_s=1)
    finish(made, axes, name, ("supply, % (true)", "kW", "rpm"))


def meter_wiring(name: str) -> None:
    seen = see(name, 60, self_check=True)
    made, axes = figure(name, 1, "")
    for k, asset in enumerate(sorted(seen.published)):
        true = seen.truth[-1][1][asset]["active_power_w"] / 1000
        axes[0].plot([k - 0.4, k + 0.4], [true, true], color=TRUE, lw=1.2)
        axes[0].bar(k, seen.published[asset][-1][1]["active_power_w"] / 1000, 0.6, color=SHOWN[0])
    axes[0].set_xticks(range(len(seen.published)), [asset.removeprefix("motor-") for asset in sorted(seen.published)])
    made.suptitle(f"{name}: line: true value, bar: value of the meter", fontsize=9)
    finish(made, axes, name, ("kW",))


def noisy_line(name: str) -> None:
    seen = see(name, 300)
    made, axes = figure(name, 2)
    for k, asset in enumerate(("pump-1", "pump-2", "pump-3", "pump-4")):
        both(axes[0], seen, asset, "active_power_w", SHOWN[k], scale=1e-3)
    axes[1].plot([s / 60 for s, _ in seen.truth][::5], [row["mcc-3"]["alive"] for _, row in seen.truth][::5],
                 color=TRUE, lw=0.8)  # fmt: skip
    axes[1].set_yticks([0, 1], ["silent", "alive"])
    finish(made, axes, name, ("kW", "meter of pump-3"))


def mill(name: str) -> None:
    seen = see(name, 300)
    made, axes = plt.subplots(1, 2, figsize=(7.2, 3.2))
    for k, kind in enumerate(("blower", "pump", "conveyor", "fan")):
        rows = [(seen.truth[-1][1][asset]["active_power_w"], published[-1][1]["active_power_w"])
                for asset, published in seen.published.items() if asset.startswith(kind)]  # fmt: skip
        axes[0].loglog(
            [t / 1000 for t, _ in rows], [p / 1000 for _, p in rows], "o", ms=2.4, color=SHOWN[k], label=kind
        )
    axes[0].plot([3, 150], [3, 150], color=TRUE, lw=0.8)
    axes[0].set_xlabel("true kW")
    total = [sum(row[asset]["active_power_w"] for asset in seen.published) / 1e6 for _, row in seen.truth]
    axes[1].plot([s / 60 for s, _ in seen.truth], total, color=TRUE, lw=0.8)
    rounds = list(zip(*seen.published.values(), strict=False))
    axes[1].plot([rows[0][0] / 60 for rows in rounds],
                 [sum(row["active_power_w"] for _, row in rows) / 1e6 for rows in rounds], "o", ms=2.4)  # fmt: skip
    axes[1].set_xlabel("min")
    axes[1].set_ylim(0.99 * min(total), 1.01 * max(total))
    made.suptitle(f"{name}: line: true values, dots: published values", fontsize=9)
    finish(made, axes, name, ("published kW of each motor", "MW of all"))


def sick_devices(name: str) -> None:
    seen = see(name, 1000)._replace(points=POINTS // 4)
    troubles = ("silent", "refusing", "stuck", "blank", "reboot", "counter reset", "none")
    made, grid = plt.subplots(4, 2, figsize=(7.2, 6.4), sharex=True, sharey=True)
    for axes, what, asset in zip(
        grid.flat, (*troubles, "renewed every 20 s"), [*(f"fan-{k}" for k in range(1, 8)), "fan-slow"], strict=True
    ):
        both(axes, seen, asset, "active_power_w", SHOWN[0], scale=1e-3, label=what)
        axes.axvspan(6, 12 if what in ("silent", "refusing", "stuck", "blank") else 6.15, color="0.9")
        axes.legend(loc="lower right", fontsize=7)
    made.supxlabel("min")
    made.supylabel("kW")
    made.suptitle(f"{name}: line: true values, dots: published values, grey: fault", fontsize=9)
    made.tight_layout()
    OUT.mkdir(exist_ok=True)
    made.savefig(OUT / f"{name}.svg", metadata={"Date": None})
    plt.close(made)


def motor_faults(name: str) -> None:
    seen = see(name, 5400, step_s=5)._replace(points=2 * POINTS // 5)
    made, axes = figure(name, 4)
    for k, asset in enumerate(("pump", "old-pump", "fan", "mixer")):
        both(axes[0], seen, asset, "active_power_w", SHOWN[k], scale=1e-3)
    for k in (1, 2, 3):
        both(axes[1], seen, "pump", f"current_l{k}_a", SHOWN[k - 1], label=f"pump, L{k}")
    both(axes[2], seen, "pump", "motor_current_a", SHOWN[0])
    both(axes[2], seen, "fan", "motor_speed_rpm", SHOWN[2], scale=0.1, label="fan, rpm/10")
    both(axes[3], seen, "mixer", "motor_temperature_degc", SHOWN[3], label="mixer, winding")
    at, value = seen.shown("pump", "signal_bearing_pump_degc")
    axes[3].plot([s / 60 for s in at], value, "o", ms=2.4, color=SHOWN[0], label="pump, bearing")
    finish(made, axes, name, ("kW", "A of the supply", "A of the drive", "°C"))


def water_station(name: str) -> None:
    seen = see(name, 1800, step_s=1)
    made, axes = figure(name)
    for k, asset in enumerate(sorted(seen.published)):
        both(axes[0], seen, asset, "active_power_w", SHOWN[k % len(SHOWN)], scale=1e-3, label=asset)
    finish(made, axes, name, ("kW",))


DRAW: dict[str, Callable[[str], None]] = {
    "broken-bar": broken_bar,
    "conveyor": conveyor,
    "demagnetising": demagnetising,
    "fan-life": lives.picture,
    "fan-retrofit": lambda name: retrofit(name, "fan-damper", "fan-driven", 2),
    "grid-dip": grid_dip,
    "hoist": hoist,
    "line-start-swap": lambda name: retrofit(name, "pump-slipping", "pump-synchronous", 2),
    "meter-wiring": meter_wiring,
    "mill": mill,
    "motor-faults": motor_faults,
    "noisy-line": noisy_line,
    "pump-life": lives.picture,
    "pump-retrofit": lambda name: retrofit(name, "pump-before", "pump-after", 24),
    "pump-station": pump_station,
    "roller-table": roller_table,
    "sick-devices": sick_devices,
    "water-station": water_station,
}


def main() -> None:
    logging.disable(logging.CRITICAL)
    for name in sys.argv[1:] or names():
        DRAW[name](name)
        print(name, (OUT / f"{name}.svg").stat().st_size)


if __name__ == "__main__":
    main()
