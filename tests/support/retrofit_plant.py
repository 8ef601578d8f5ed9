"""One motor before and after its retrofit, measured by the same meter, for the complete agent on virtual time."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from random import Random

import numpy as np
from support.retrofit import Retrofit, on_drive_of, quiet_supply

from agent.config.loader import load_config
from agent.config.signals import signal_devices
from agent.savings.records.model import QUARTER_MS
from agent.simulation.accelerated import run_accelerated
from drivers.profiles import load_profile
from simulators.clock import START_UTC_NS
from simulators.devices.device import SimulatedDevice
from simulators.endpoints import Outlet
from simulators.meters import drive_display
from simulators.meters.meter import MeterErrors, SimulatedMeter
from simulators.meters.transformers import draw_transformers
from simulators.meters.wiring import RIGHT, wiring_of
from simulators.plant.train import Train
from simulators.scenarios import Scenario, ScenarioLine, steady_state
from simulators.truth import Row

DAY_S = 86_400
_FLOWS = np.linspace(0.35, 1.2, 120)
SERIAL = 22091734


@cache
def _trains(plant: Retrofit) -> list[tuple[Train, Train]]:
    supply = quiet_supply()
    step = on_drive_of(plant, supply)
    return [
        (steady_state.direct(plant.old, supply, lambda speed, q=q: plant.load.throttled_w(q, speed)), step(q)[0])
        for q in map(float, _FLOWS)
    ]


class RetrofitPlant:
    """A plant that continues from run to run.

    new: True after the replacement of the motor.
    true_wh: start of each quarter hour → energy that the old and the new motor would use.
    The displayed flow has no error; unmeasured influences change the load by 1 % in addition.
    """

    def __init__(self, plant: Retrofit, seed: int, mean: float, classes: tuple[str, str] = ("0.5S", "0.5")) -> None:
        self._rng, self._plant = Random(seed), plant
        self.mean, self.new, self.classes = mean, False, classes
        self.now_ms = START_UTC_NS // 1_000_000
        self.true_wh: dict[int, list[float]] = defaultdict(lambda: [0.0, 0.0])
        self._meter = SimulatedMeter(
            _within(classes[0], self._rng), start_kwh=5000.0, start_kvarh=3000.0,
            transformers=draw_transformers(self._rng, 400.0, classes[1], equal=True),
        )  # fmt: skip
        self._drive_errors = drive_display.draw_errors(self._rng)
        self._drift = self._hidden = 0.0
        self.flow, self.silent = mean, set[int]()
        self._train = _trains(plant)[60][0]
        self._wiring = RIGHT
        self.bypassed = False  # the old motor runs through a bypass, the drive is at standstill
        self.register_wh = 0.0  # true reading of the meter's register
        self._lines: dict[str, ScenarioLine] = {}

    def devices(self, config_file: Path) -> None:
        """Create the devices of this configuration."""
        config = load_config(config_file)[0]
        known = signal_devices(config)[0].profile
        found = [
            SimulatedDevice(1, load_profile("eastron/sdm630"), lambda: self._meter.values,
                            extra={(3, 0xFC00): [SERIAL >> 16, SERIAL & 0xFFFF], (3, 0xFC02): [0x0070]}),
            SimulatedDevice(9, known, lambda: {known.registers[0].name: 1000 * self.flow}),
        ]  # fmt: skip
        if config.drives:
            found.append(SimulatedDevice(2, load_profile("yaskawa/ga800"), self._displayed, rating_kw=self._plant.kw))
        self._lines = {"line": ScenarioLine(found, silent=self.silent)}

    @property
    def lines(self) -> Mapping[str, ScenarioLine]:
        return self._lines

    @property
    def outlets(self) -> Mapping[str, Outlet]:
        return {}

    def step(self, dt_s: float) -> None:
        hours = self.now_ms / 3.6e6
        stay, stay_hidden = math.exp(-dt_s / 9000), math.exp(-dt_s / 1800)
        self._drift = stay * self._drift + self._rng.gauss(0, 0.05 * math.sqrt(1 - stay**2))
        self._hidden = stay_hidden * self._hidden + self._rng.gauss(0, 0.01 * math.sqrt(1 - stay_hidden**2))
        wanted = self.mean * (1 + 0.08 * math.sin(2 * math.pi * hours / 24) + self._drift)
        wanted = min(max(wanted, 0.45), 1.1)
        place = round((wanted * (1 + self._hidden) - _FLOWS[0]) / (_FLOWS[1] - _FLOWS[0]))
        before, after = _trains(self._plant)[min(max(place, 0), len(_FLOWS) - 1)]
        self.flow = wanted
        self._train = after if self.new and not self.bypassed else before
        u_v, i_a = self._wiring.at_terminals(self._train.u_v, self._train.i_a)
        self._meter.step(u_v, i_a, self._train.frequency_hz, dt_s)
        self.register_wh = 1000 * self._meter.values["energy_import"]
        end_ms = self.now_ms + round(1000 * dt_s)
        while self.now_ms < end_ms:
            start_ms = self.now_ms // QUARTER_MS * QUARTER_MS
            hours = (min(start_ms + QUARTER_MS, end_ms) - self.now_ms) / 3.6e6
            at = self.true_wh[start_ms]
            at[0] += before.input_w * hours
            at[1] += self._train.input_w * hours
            self.now_ms = min(start_ms + QUARTER_MS, end_ms)

    def truth(self) -> Mapping[str, Row]:
        return {"pump": {"input_power_w": self._train.input_w}}

    def sampled(self) -> None:
        return None

    def wire(self, fault: str) -> None:
        """Change the connection of the meter to a fault of simulators.meters.wiring; empty: correct."""
        self._wiring = wiring_of(fault)

    def _displayed(self) -> drive_display.Values:
        if not self.bypassed:
            return drive_display.display(self._train, self._drive_errors)
        displayed = drive_display.display(_trains(self._plant)[60][1], self._drive_errors)
        still = ("output_frequency", "reference_frequency", "motor_current", "output_voltage", "motor_power",
                 "motor_torque", "motor_speed")  # fmt: skip
        return displayed | dict.fromkeys(still, 0.0)


_LIMITS = {"0.2S": 0.002, "0.5S": 0.005, "0.5": 0.005}


def _within(accuracy_class: str, rng: Random) -> MeterErrors:
    """A gain error, equal on all phases, anywhere within the class of the meter."""
    gain = 1 + rng.uniform(-_LIMITS[accuracy_class], _LIMITS[accuracy_class])
    return MeterErrors(np.ones(3, complex), np.full(3, gain, complex))


def config_toml(
    new: bool, address: str, state: Path, every_s: float, more: str = "", classes: tuple[str, str] = ("0.5S", "0.5")
) -> str:
    machine = """
[drive.vfd]
bus = "line"
unit_id = 2
profile = "yaskawa/ga800"
fed_by = "mcc-1"
comm_loss = "not used"
kw = 160
class = "IE2"
[motor.pump]
kind = "pm"
kw = 160
rpm = 1500
poles = 8
volts = 380
efficiency = 96.8
fed_by = "vfd"
replaced_motor = { kind = "induction", class = "IE1", kw = 160, rpm = 1485 }
"""
    if not new:
        machine = """
[motor.pump]
kind = "induction"
kw = 160
rpm = 1485
poles = 4
volts = 400
class = "IE1"
fed_by = "mcc-1"
"""
    return f"""
[site]
id = "mill"
gateway = "gw"
simulated = true
[store]
state_dir = "{state}"
[bus.line]
tcp = "{address}"
poll_interval = "{every_s:g}s"
[meter.mcc-1]
bus = "line"
unit_id = 1
profile = "eastron/sdm630"
measuring_point = "{"drive-input" if new else "motor"}"
class = "{classes[0]}"
ct = "400/5"
ct_class = "{classes[1]}"
{machine}{more}
[signal.flow]
bus = "line"
unit_id = 9
address = 0
type = "f32"
unit_of_measure = "m3/h"
motor = "pump"
"""


def run(
    plant: RetrofitPlant, folder: Path, seconds: float, every_s: float,
    take: Callable[[str, bytes, bool], None] = lambda *_: None, more: str = "", clock_off_s: float = 0.0,
    whole: bool = False,
) -> None:  # fmt: skip
    """Run the agent for this time with the configuration of the current motor; its state is stored in `folder`.

    clock_off_s: error of its clock.
    whole: with ledger, delivery to the broker, and plant.toml in `folder`.
    """
    state = folder / "state"
    first = folder / "first.toml"
    first.write_text(config_toml(plant.new, "127.0.0.1:1", state, every_s, more, plant.classes), encoding="utf-8")
    plant.devices(first)
    scenario = Scenario(
        "retrofit", "", every_s, lambda _: plant,
        lambda ends, _url, _state: config_toml(plant.new, ends.more["line"], state, every_s, more, plant.classes),
    )  # fmt: skip
    run_accelerated(scenario, seconds, take, start_utc_ns=plant.now_ms * 1_000_000 + round(1e9 * clock_off_s),
                    folder=folder if whole else None, deliver=whole)  # fmt: skip
