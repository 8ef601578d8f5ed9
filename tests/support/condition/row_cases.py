"""Files of rows with one fault or one trap, and what is true of them. Simulated machines."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random

from support.condition.row_machine import Machine, draw_machine
from support.condition.row_plant import Row, RowPlant
from support.condition.row_sensors import RowSensors

Rows = Iterator[tuple[float, Row]]


@dataclass
class Case:
    """rows: the file. codes: each of them names the fault; empty: nothing is wrong. from_s: the fault begins.

    within_s: it must be found within this time; None: by the end. allowed: may be found in addition to, and is true.
    """

    machine: Machine
    rows: Rows
    codes: tuple[str, ...] = ()
    from_s: float = 0.0
    within_s: float | None = None
    allowed: tuple[str, ...] = ()
    notes: tuple[str, ...] = field(default=())


Change = Callable[[float], None]


def running(plant: RowPlant, rng: Random, speed: float | None = None) -> RowPlant:
    """A machine that has run for hours; its supply is a little unbalanced."""
    plant.on, plant.speed_ref = True, speed or (1.0 if not plant.machine.fed else rng.uniform(0.75, 1.0))
    plant.load = plant.machine.working_load * rng.uniform(0.7, 1.0)
    plant.line = [1 + rng.uniform(-0.003, 0.003) for _ in range(3)]
    plant.rest(8 * plant.machine.frame_s)
    return plant


def play(
    plant: RowPlant, sensors: RowSensors, seconds: float, change: Change | None = None, start_s: float = 0
) -> Rows:
    """Rows from start_s on; `change` sets what happens at each second."""
    for k in range(int(seconds)):
        t_s = start_s + k
        if change is not None:
            change(t_s)
        yield t_s, sensors.read(plant.step())


def _new(
    rng: Random, application: str | None = None, kind: str | None = None, fed: bool | None = None
) -> tuple[RowPlant, RowSensors]:
    machine = draw_machine(rng, application, kind, fed)
    return RowPlant(machine, rng, rng.uniform(12, 32)), RowSensors(rng, missing=rng.choice((0.0, 0.0005, 0.003)))


def _towards(t_s: float, from_s: float, seconds: float) -> float:
    return max(0.0, min(1.0, (t_s - from_s) / seconds))


# faults


def dry_run(rng: Random) -> Case:
    plant, sensors = _new(rng, "pump")
    running(plant, rng)
    from_s, fall_s, share = rng.uniform(700, 900), rng.uniform(2, 8), rng.uniform(0.2, 0.4)

    def change(t_s: float) -> None:
        if t_s >= from_s:
            usual = 1.0
            plant.dry = usual + (share - usual) * _towards(t_s, from_s, fall_s)

    return Case(plant.machine, play(plant, sensors, 1000, change), ("dry_run", "underload"), from_s + fall_s, 30.0)


def stall(rng: Random) -> Case:
    plant, sensors = _new(rng, rng.choice(("mixer", "conveyor", "centrifuge", "pump")), fed=True)
    running(plant, rng)
    plant.torque_limit = rng.uniform(1.15, 1.8)
    from_s = rng.uniform(650, 720)
    stands_s = [0.0]

    def change(t_s: float) -> None:
        plant.jam = t_s >= from_s
        if plant.jam and plant.speed < 0.05 and not stands_s[0]:
            stands_s[0] = t_s
        if stands_s[0] and t_s > stands_s[0] + rng.uniform(14, 30):
            plant.tripped = True

    return Case(plant.machine, play(plant, sensors, 800, change), ("stall",), from_s, 12.0 + 5.0, ("overload",))


def phase_lost(rng: Random) -> Case:
    plant, sensors = _new(rng, rng.choice(("pump", "fan", "conveyor", "mixer")), fed=rng.random() < 0.7)
    running(plant, rng)
    if plant.machine.fed:
        plant.load = max(plant.load, 0.35)
    from_s = float(int(rng.uniform(620, 700)))
    phase = rng.randrange(3)

    def change(t_s: float) -> None:
        plant.lost = phase if t_s >= from_s else None

    return Case(plant.machine, play(plant, sensors, 740, change), ("phase_loss",), from_s, 2.0, ("overload",))


def winding_hot(rng: Random) -> Case:
    plant, sensors = _new(rng, rng.choice(("pump", "fan", "mixer")))
    running(plant, rng)
    from_s, left = rng.uniform(800, 1500), rng.uniform(0.3, 0.6)

    def change(t_s: float) -> None:
        plant.cooling = left if t_s >= from_s else 1.0

    codes = ("cooling_reduced", "over_temperature")
    return Case(
        plant.machine,
        play(plant, sensors, 12000, change),
        codes,
        from_s,
        None,
        ("bearing_temperature", "overload", "ambient_high"),
    )


def bearing_hot(rng: Random) -> Case:
    plant, sensors = _new(rng)
    _steady_application(plant)
    running(plant, rng)
    from_s, more = rng.uniform(800, 1500), rng.uniform(20, 45)

    def change(t_s: float) -> None:
        plant.bearing_k = more * _towards(t_s, from_s, 2400)

    return Case(plant.machine, play(plant, sensors, 7000, change), ("bearing_temperature",), from_s, None)


def filter_clogs(rng: Random) -> Case:
    plant, sensors = _new(rng, "fan")
    running(plant, rng)
    from_s, lost = rng.uniform(900, 1300), rng.uniform(0.1, 0.25)
    seconds = rng.uniform(2500, 5000)

    def change(t_s: float) -> None:
        plant.filter = 1 - lost * _towards(t_s, from_s, seconds)

    return Case(plant.machine, play(plant, sensors, 8000, change), ("clogged_filter",), from_s, None)


def cavitates(rng: Random) -> Case:
    plant, sensors = _new(rng, "pump")
    running(plant, rng)
    from_s, strength = rng.uniform(800, 1200), rng.uniform(0.6, 1.5)

    def change(t_s: float) -> None:
        plant.cavitation = strength if t_s >= from_s else 0.0

    return Case(
        plant.machine, play(plant, sensors, 2000, change), ("cavitation", "load_unsteady"), from_s, 600.0, ("low_flow",)
    )


def supply_unbalanced(rng: Random) -> Case:
    plant, sensors = _new(rng, rng.choice(("pump", "fan", "mixer")))
    size = rng.uniform(0.016, 0.028)
    running(plant, rng)
    low = rng.randrange(3)
    plant.line = [1 - size if k == low else 1 + size / 2 + rng.uniform(-0.2, 0.2) * size for k in range(3)]
    return Case(plant.machine, play(plant, sensors, 1500), ("supply_unbalance",), 0.0, None)


def contact(rng: Random) -> Case:
    plant, sensors = _new(rng, rng.choice(("pump", "fan", "mixer")))
    running(plant, rng)
    from_s, phase, drop = rng.uniform(800, 1000), rng.randrange(3), rng.uniform(0.012, 0.03)
    if not plant.machine.fed:
        drop = rng.uniform(0.04, 0.08)

    def change(t_s: float) -> None:
        plant.contact = (phase, drop) if t_s >= from_s else None

    return Case(
        plant.machine, play(plant, sensors, 1800, change), ("contact_resistance", "current_unbalance"), from_s, None
    )


def flux_lost(rng: Random) -> Case:
    plant, sensors = _new(rng, rng.choice(("pump", "fan", "mixer")), "magnet", True)
    running(plant, rng)
    from_s, lost = rng.uniform(1000, 1500), rng.uniform(0.07, 0.16)

    def change(t_s: float) -> None:
        plant.flux = 1 - lost if t_s >= from_s else 1.0

    return Case(plant.machine, play(plant, sensors, 12000, change), ("demagnetization",), from_s, None, ("overload",))


def encoder_slips(rng: Random) -> Case:
    plant, sensors = _new(rng, rng.choice(("pump", "fan", "mixer")), "magnet", True)
    running(plant, rng)
    from_s, angle = rng.uniform(1000, 1200), rng.uniform(0.7, 1.0)

    def change(t_s: float) -> None:
        plant.offset_rad = angle if t_s >= from_s else 0.0

    return Case(
        plant.machine,
        play(plant, sensors, 2000, change),
        ("loss_of_synchronism",),
        from_s,
        None,
        ("overload", "cooling_reduced", "over_temperature"),
    )


def coasts(rng: Random) -> Case:
    """A magnet motor whose drive trips or falls silent while it turns."""
    plant, sensors = _new(rng, rng.choice(("pump", "fan", "conveyor", "centrifuge")), "magnet", True)
    running(plant, rng)
    plant.reports_turning = rng.random() < 0.5
    from_s, silent, zero = rng.uniform(100, 300), rng.random() < 0.3, rng.random() < 0.3

    def rows() -> Rows:
        for t_s, row in play(plant, sensors, 500, change):
            if t_s >= from_s and silent:
                row = {
                    name: None
                    if name.endswith(("_state", "_hz", "_rpm", "_pct"))
                    or "out" in name
                    or name in ("u_dc_v", "drive_degc")
                    else value
                    for name, value in row.items()
                }
            elif t_s >= from_s and zero:
                row |= {"speed_rpm": 0.0, "u_out_v": 0.0, "drive_state": 2.0}
            yield t_s, row

    def change(t_s: float) -> None:
        plant.on, plant.tripped = (t_s < from_s, t_s >= from_s and not plant.reports_turning)

    return Case(plant.machine, rows(), ("live_terminals",), from_s, 15.0)


FAULTS: dict[str, Callable[[Random], Case]] = {
    "dry run": dry_run, "stall": stall, "phase loss": phase_lost, "cooling lost": winding_hot,
    "bearing hot": bearing_hot, "filter clogs": filter_clogs, "cavitation": cavitates,
    "supply unbalance": supply_unbalanced, "contact": contact, "flux lost": flux_lost, "encoder slips": encoder_slips,
    "live terminals": coasts,
}  # fmt: skip


# traps


def throttled(rng: Random) -> Case:
    plant, sensors = _new(rng, "pump")
    running(plant, rng)
    from_s, valve, seconds = rng.uniform(650, 750), rng.uniform(0.25, 0.8), rng.uniform(5, 60)

    def change(t_s: float) -> None:
        plant.valve = 1 - (1 - valve) * _towards(t_s, from_s, seconds)

    return Case(plant.machine, play(plant, sensors, 1400, change))


def slower(rng: Random) -> Case:
    plant, sensors = _new(rng, rng.choice(("pump", "fan")), fed=True)
    running(plant, rng, rng.uniform(0.8, 1.0))
    from_s, other, plant.acceleration = rng.uniform(650, 800), rng.uniform(0.4, 1.0), rng.choice((0.02, 0.05, 0.1))

    def change(t_s: float) -> None:
        if t_s >= from_s:
            plant.speed_ref = other

    return Case(plant.machine, play(plant, sensors, 1800, change))


def heavy_start(rng: Random) -> Case:
    plant, sensors = _new(rng, "centrifuge", fed=True)
    machine = plant.machine
    plant.torque_limit = rng.uniform(1.15, 1.6)
    plant.acceleration = 1.0
    sticks_s = rng.uniform(0, 25)

    def change(t_s: float) -> None:
        plant.on = t_s >= 90
        plant.jam = 90 <= t_s < 90 + sticks_s

    return Case(machine, play(plant, sensors, 900, change))


def hoisting(rng: Random) -> Case:
    plant, sensors = _new(rng, "hoist", fed=True)
    plant.torque_limit, plant.acceleration = 1.6, 0.4
    load, hold_s = rng.uniform(0.4, 1.3), rng.uniform(5, 60)

    def change(t_s: float) -> None:
        phase = t_s % 240
        plant.on = 20 <= phase < 60 + hold_s
        plant.speed_ref = rng.uniform(0.7, 1.0) if 20 <= phase < 50 else 0.0
        plant.load = load if plant.on else 0.0

    return Case(plant.machine, play(plant, sensors, 1400, change), allowed=("overload",) if load > 1 else ())


def hot_day(rng: Random) -> Case:
    plant, sensors = _new(rng)
    _steady_application(plant)
    plant.ambient_degc = rng.uniform(14, 26)
    running(plant, rng)
    first, more, seconds = plant.ambient_degc, rng.uniform(8, 15), rng.uniform(2400, 6000)

    def change(t_s: float) -> None:
        plant.ambient_degc = first + more * (
            _towards(t_s, 900, seconds) - 0.8 * _towards(t_s, 900 + 1.2 * seconds, seconds)
        )

    return Case(plant.machine, play(plant, sensors, 10000, change))


def load_step(rng: Random) -> Case:
    plant, sensors = _new(rng, rng.choice(("mixer", "conveyor")))
    running(plant, rng)
    loads = [plant.load] + [rng.uniform(0.3, 0.95) for _ in range(4)]

    def change(t_s: float) -> None:
        plant.load = loads[min(4, int(t_s / 1500))]

    return Case(plant.machine, play(plant, sensors, 7500, change))


def dips(rng: Random) -> Case:
    plant, sensors = _new(rng)
    _steady_application(plant)
    running(plant, rng)
    usual = list(plant.line)

    def change(t_s: float) -> None:
        plant.line = [*usual]
        if t_s % 97 < 1 and t_s > 300:
            for k in rng.sample(range(3), rng.randrange(1, 4)):
                plant.line[k] *= rng.uniform(0.4, 0.9)

    return Case(plant.machine, play(plant, sensors, 1200, change))


def garbage(rng: Random) -> Case:
    plant, sensors = _new(rng)
    _steady_application(plant)
    running(plant, rng)
    sensors.garbage, sensors.missing = 0.05, 0.03
    return Case(plant.machine, play(plant, sensors, 1500))


TRAPS: dict[str, Callable[[Random], Case]] = {
    "throttled": throttled, "other speed": slower, "heavy start": heavy_start, "hoist": hoisting, "hot day": hot_day,
    "load step": load_step, "dips": dips, "missing, garbage": garbage,
}  # fmt: skip


def _steady_application(plant: RowPlant) -> None:
    if plant.machine.application in ("hoist", "centrifuge"):
        plant.acceleration = 0.5
