"""Speed and convergence of the plant. Run: make bench-plant. The plant: docs/explanation/plant.md."""

from __future__ import annotations

import json
import math
import os
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numba
import numpy as np
from support.plant import GRID_400V, magnet_2kw2, one_second

from simulators.plant import params
from simulators.plant.drive_wave import STIFF, Converter, DriveWave
from simulators.plant.induction_wave import InductionWave
from simulators.plant.supply_wave import SupplyWave
from simulators.plant.wave_load import WaveLoad

RATE = 10240
MOTORS = 100
RUNS = 5
SPEED = 150.0
LOAD = WaveLoad(constant_nm=250.0)


def main() -> None:
    versions = f"numpy {np.__version__}, numba {numba.__version__}"
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, {platform.machine()}; {versions}\n")
    waveforms()
    steps_without_switching()
    steps_with_switching()


def waveforms() -> None:
    """CPU time of one thread for a second of a hundred motors, with waveforms at 10.24 kHz."""
    supply = SupplyWave()
    u = supply.block(GRID_400V, 50.0, RATE, 1 / RATE)

    def on_the_line() -> list[Callable[[], object]]:
        motors = [InductionWave(params.IE1_55KW) for _ in range(MOTORS)]
        for motor in motors:
            motor.settle(400 / math.sqrt(3), 50.0, 154.8)
        return [lambda motor=motor: motor.run(u, 1 / RATE, LOAD) for motor in motors]

    def on_drives(converter: Converter) -> list[Callable[[], object]]:
        drives = [DriveWave(params.MAGNET_55KW, converter, dc_v=540.0, speed_rad_s=SPEED) for _ in range(MOTORS)]
        return [
            lambda drive=drive: drive.run(
                RATE, RATE, grid=GRID_400V, target_rad_s=SPEED, load=LOAD, step_s=50e-6 if converter.front else 1.0
            )
            for drive in drives
        ]

    bridge = {"choke_h": 0.764e-3, "capacitor_f": 3e-3}
    print("| 100 motors, 1 s at 10.24 kHz | cores in real time | goal |\n|---|---|---|")
    for name, made in (
        ("induction motor on the line", on_the_line()),
        ("magnet motor, means of a 5.12 kHz carrier", on_drives(Converter(STIFF, averaged=True, carrier_hz=5120.0))),
        ("magnet motor, means of a 4 kHz carrier", on_drives(Converter(STIFF, averaged=True))),
        ("… with a diode bridge", on_drives(Converter(**bridge, averaged=True))),
        ("magnet motor, each edge of a 4 kHz carrier", on_drives(Converter(STIFF))),
        ("… with a diode bridge", on_drives(Converter(**bridge))),
    ):
        made[0]()
        seconds = []
        for _ in range(RUNS):
            started = time.thread_time()
            for run in made:
                run()
            seconds.append(time.thread_time() - started)
        goal = "≤ 0.5" if "…" not in name and "each" not in name else ""
        print(f"| {name} | {statistics.median(seconds):.2f} ({min(seconds):.2f} … {max(seconds):.2f}) | {goal} |")
    print()


def steps_without_switching() -> None:
    """A start from standstill, 1.15 s: error of the balance, and error of the speed at 0.15 s against a far smaller
    step.
    """
    print("| induction motor, start on the line | balance error | speed error at 0.15 s |\n|---|---|---|")
    rates = (2560, 5120, 10240, 20480)
    finest = _started(8 * rates[-1])[1]
    for rate in rates:
        missed, speed = _started(rate)
        print(f"| {1e6 / rate:.0f} µs | {missed:.1e} | {abs(speed / finest - 1):.1e} |")
    print()


def _started(rate: int) -> tuple[float, float]:
    motor, supply = InductionWave(params.IE1_55KW), SupplyWave()
    load = WaveLoad(square=0.01)
    motor.run(supply.block(GRID_400V, 50.0, rate * 3 // 20, 1 / rate), 1 / rate, load)
    early = motor.speed_rad_s
    motor.run(supply.block(GRID_400V, 50.0, rate, 1 / rate), 1 / rate, load)
    out = sum(value for name, value in motor.energy.items() if name != "input")
    return abs(motor.energy["input"] - out - motor.stored_j) / motor.energy["input"], early


def steps_with_switching() -> None:
    """Magnet motor with a diode bridge, each edge of a 4 kHz carrier, against motulator 0.18.0."""
    folder = os.environ.get("MAGWATT_DATA")
    file = Path(folder or "") / "machines" / "truth.json"
    if not folder or not file.exists():
        print("convergence with switching: set MAGWATT_DATA to the directory of reference data")
        return
    truths = json.loads(file.read_text(encoding="utf-8"))
    for name in ("pm2k2_half", "pm2k2_diode_rated"):
        truth = truths[name]
        theirs = truth["P_em_W"] + truth["P_cu_stator_W"] + truth["P_core_W"]
        speed = truth["speed_rad_s_mean"]
        print(f"| {name} | motor's input, W | against motulator | balance error |\n|---|---|---|---|")
        for step_s in (20e-6, 10e-6, 5e-6, 2.5e-6, 1.25e-6):
            drive = DriveWave(magnet_2kw2(), Converter(), dc_v=558.0, speed_rad_s=speed, mtpa=True)
            load = WaveLoad(constant_nm=truth["tau_shaft_mean"])
            _, power, missed = one_second(drive, 51200, grid=GRID_400V, target_rad_s=speed, load=load, step_s=step_s)
            off = power["terminal"] / theirs - 1
            print(f"| ≤ {step_s * 1e6:g} µs | {power['terminal']:.4f} | {off:+.1e} | {missed:.1e} |")
        print()


if __name__ == "__main__":
    main()
