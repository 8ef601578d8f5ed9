"""Writes docs/pictures/plant-*.svg: waveforms of the simulated plant. Run: make plant-pictures."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from support.plant import GRID_400V

from simulators.plant.drive_wave import STIFF, Converter, DriveWave
from simulators.plant.faults import HEALTHY, Condition
from simulators.plant.induction_wave import InductionWave
from simulators.plant.params import IE1_55KW, MAGNET_55KW
from simulators.plant.supply_wave import SupplyWave
from simulators.plant.wave_load import WaveLoad

matplotlib.use("Agg")
matplotlib.rcParams.update({
    "svg.hashsalt": "plant", "svg.fonttype": "none", "font.size": 9, "axes.grid": True, "grid.alpha": 0.3,
    "axes.spines.top": False, "axes.spines.right": False, "lines.linewidth": 1.0,
})  # fmt: skip
from matplotlib import pyplot as plt  # noqa: E402

FOLDER = Path(__file__).parents[1] / "pictures"
KIND = sys.argv[1] if len(sys.argv) > 1 else "svg"
GREY, BLUE, RED = "#888888", "#1f5fa8", "#c03a2b"


def main() -> None:
    start()
    carrier()
    bridge()


def figure(rows: int, height: float, **how: Any) -> tuple[Any, Any]:
    return plt.subplots(rows, 1, figsize=(7.2, height), layout="constrained", **how)


def save(picture: Any, name: str) -> None:
    picture.savefig(FOLDER / f"plant-{name}.{KIND}", metadata={"Date": None} if KIND == "svg" else None)
    plt.close(picture)


def start() -> None:
    """Start of a 55 kW motor on the line with a pump at a closed valve; one phase is lost after 1.5 s."""
    rate, motor, supply = 10240, InductionWave(IE1_55KW), SupplyWave()
    load = WaveLoad(square=0.006, inertia_kg_m2=0.3)
    parts = []
    for seconds, condition in ((1.5, HEALTHY), (0.5, Condition(open_phase=True))):
        u = supply.block(GRID_400V, 50.0, int(seconds * rate), 1 / rate)
        parts.append(motor.run(u, 1 / rate, load, condition=condition))
    i, torque, speed = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("i", "torque_nm", "speed_rad_s")
    )
    t = np.arange(len(i)) / rate
    picture, (top, middle, bottom) = figure(3, 5.4, sharex=True)
    top.plot(t[::4], (i * np.exp(-2j * math.pi / 3)).real[::4], color=BLUE, linewidth=0.5)
    top.set_ylabel("current of L2, A")
    middle.plot(t[::4], torque[::4], color=RED, linewidth=0.6)
    middle.set_ylabel("air-gap torque, Nm")
    bottom.plot(t[::16], speed[::16] * 30 / math.pi, color=BLUE)
    bottom.set_ylabel("speed, rpm")
    bottom.set_xlabel("time, s")
    for axis in (top, middle, bottom):
        axis.axvline(1.5, color=GREY, linestyle=":")
    top.set_title("Induction motor 55 kW, started on the line; L1 opens at 1.5 s", loc="left", fontsize=9)
    save(picture, "start")


def carrier() -> None:
    """Current and voltage of a permanent-magnet motor with a carrier of 4 kHz, half a period."""
    rate, speed = 204800, 60.0  # electrical 38 Hz
    load = WaveLoad(constant_nm=110.0)
    waves = {}
    for averaged in (False, True):
        drive = DriveWave(MAGNET_55KW, Converter(STIFF, averaged=averaged), speed_rad_s=speed)
        drive.run(rate // 2, rate, target_rad_s=speed, load=load)
        waves[averaged] = drive.run(int(rate / 38.2 * 0.6), rate, target_rad_s=speed, load=load)
    t = 1000 * np.arange(len(waves[False].i)) / rate
    picture, (top, bottom) = figure(2, 4.2, sharex=True)
    top.plot(t[::2], waves[False].i.real[::2], color=BLUE, linewidth=0.8, label="each edge")
    top.plot(t[::8], waves[True].i.real[::8], color=RED, linewidth=1.0, linestyle="--", label="means of half carriers")
    top.set_ylabel("current of L1, A")
    top.legend(frameon=False, loc="lower right")
    third = np.exp(-2j * math.pi / 3)
    bottom.plot(t, (waves[False].u - waves[False].u * third).real, color=BLUE, linewidth=0.4, drawstyle="steps-mid")
    bottom.plot(t[::8], (waves[True].u - waves[True].u * third).real[::8], color=RED, linewidth=1.0)
    bottom.set_ylabel("voltage L1–L2, V")
    bottom.set_xlabel("time, ms")
    top.set_title("Magnet motor 55 kW at 573 rpm, space-vector PWM at 4 kHz", loc="left", fontsize=9)
    save(picture, "pwm")


def bridge() -> None:
    """Line current and DC voltage at full and quarter load, and with a phase loss."""
    rate, speed = 51200, 130.0
    picture, (top, bottom) = figure(2, 4.2, sharex=True)
    cases = (
        ("full load", 330.0, HEALTHY, BLUE), ("a quarter", 80.0, HEALTHY, GREY),
        ("a quarter, L1 lost", 80.0, Condition(open_phase=True), RED),
    )  # fmt: skip
    for name, torque, condition, color in cases:
        converter = Converter(choke_h=0.764e-3, choke_ohm=0.03, capacitor_f=4.5e-3, esr_ohm=0.03, averaged=True)
        drive = DriveWave(MAGNET_55KW, converter, dc_v=545.0, speed_rad_s=speed)
        how = {"grid": GRID_400V, "target_rad_s": speed, "load": WaveLoad(constant_nm=torque), "condition": condition}
        drive.run(2 * rate, rate, **how)
        wave = drive.run(rate // 25, rate, **how)
        t = 1000 * np.arange(len(wave.dc_v)) / rate
        top.plot(t[::3], (wave.grid_i * np.exp(-2j * math.pi / 3)).real[::3], color=color, label=name)
        bottom.plot(t[::6], wave.dc_v[::6], color=color)
    top.set_ylabel("line current L2, A")
    top.legend(frameon=False, loc="upper right", ncol=3, fontsize=8)
    top.set_ylim(-125, 175)
    bottom.set_ylabel("DC bus, V")
    bottom.set_xlabel("time, ms")
    top.set_title("Six-pulse bridge, choke 0.76 mH, 4.5 mF, before a magnet motor", loc="left", fontsize=9)
    save(picture, "bridge")


if __name__ == "__main__":
    main()
