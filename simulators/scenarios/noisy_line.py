"""A faulty RS-485 line: six devices of five vendors, a noisy cable, and a meter that stops responding from time to
time.

The devices belong to two pump stations: pumps 1 and 3 direct on line, pumps 2 and 4 on magnet motors and drives. The
EM340 sends the low word first and rejects reads that end in a gap, the C2000 rejects all reads across gaps and
states the decimals of its current in another register, the PAC2200 responds slowly. With a PLC as second master the
agent must not send: `sent_by_agent_bytes` in the row "line" of the truth counts its bytes.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

from drivers.profiles import load_profile
from drivers.reading import Value
from drivers.reasons import N_
from simulators.bus.frames import ReadBlock
from simulators.bus.line_settings_segment import LineSettingsSegment
from simulators.bus.noisy_segment import CableNoise, NoisyStation
from simulators.bus.plc import Plc
from simulators.devices import identity
from simulators.devices.device import SimulatedDevice
from simulators.endpoints import Endpoints, Outlet
from simulators.meters import drive_display, meter
from simulators.meters.transformers import draw_transformers
from simulators.scenarios import tables_55kw
from simulators.scenarios.line import SegmentPort
from simulators.scenarios.scenario import Scenario, ScenarioLine
from simulators.scenarios.two_pumps import DOL, DRIVEN, TwoPumps
from simulators.truth import Row, of_train

LINE = "38400 8E1"
SLOW_S, USUAL_S = 0.12, 0.012  # turnaround times
FIRST_S, ALIVE_S, DEAD_S = (10.0, 14.0), (30.0, 45.0), (6.0, 8.0)  # of the failing meter: minimum and maximum


@dataclass(frozen=True, slots=True)
class NoisyDevice:
    """A device on the line.

    name: name in the agent's configuration.
    unit: unit identifier.
    profile: id of the register map.
    pump: the pump that it measures or drives.
    turnaround_s: delay before a response, seconds.
    """

    name: str
    unit: int
    profile: str
    pump: str
    turnaround_s: float = USUAL_S


METERS = (
    NoisyDevice("mcc-1", 11, "carlo-gavazzi/em340", "pump-1"),
    NoisyDevice("mcc-2", 12, "eastron/sdm630", "pump-2"),
    NoisyDevice("mcc-3", 13, "abb/b23", "pump-3"),
    NoisyDevice("mcc-4", 14, "siemens/pac2200", "pump-4", SLOW_S),
)
DRIVES = (NoisyDevice("vfd-2", 31, "yaskawa/ga800", "pump-2"), NoisyDevice("vfd-4", 32, "delta/c2000", "pump-4"))
DYING = METERS[2]
PUMPS = {"pump-1": (0, DOL), "pump-2": (0, DRIVEN), "pump-3": (1, DOL), "pump-4": (1, DRIVEN)}
PLC_READS = (
    ReadBlock(31, 3, 0x40, 10), ReadBlock(12, 4, 0, 72), ReadBlock(32, 3, 8449, 1), ReadBlock(32, 3, 8451, 2),
    ReadBlock(12, 4, 72, 16),
)  # fmt: skip


class NoisyLine:
    """The plant. The same `rng` gives the same readings and the same faults in the same order."""

    def __init__(self, rng: Random, with_plc: bool = False) -> None:
        self._pumps = [TwoPumps(Random(rng.getrandbits(64))) for _ in range(2)]
        errors, self._cable_chance = Random(rng.getrandbits(64)), rng.getrandbits(64)
        self._start_kwh = {pump: errors.uniform(2e4, 2e5) for pump in PUMPS}
        self._meters = {
            item.pump: meter.SimulatedMeter(
                meter.draw_errors(errors),
                start_kwh=self._start_kwh[item.pump],
                start_kvarh=self._start_kwh[item.pump] / 3,
                transformers=draw_transformers(errors, tables_55kw.CT_A),
            )
            for item in METERS
        }
        self._drive_errors = {item.pump: drive_display.draw_errors(errors) for item in DRIVES}
        self._drive_values: dict[str, Mapping[str, Value]] = {}
        self._failure_random = Random(rng.getrandbits(64))
        self._alive, self._left_s = True, self._failure_random.uniform(*FIRST_S)
        self._silent: set[int] = set()
        self._with_plc = with_plc
        self._segment: LineSettingsSegment | None = None
        self._on_line: dict[str, NoisyStation] = {}
        self._plc: Plc | None = None
        self._measure(0.0)

    @property
    def lines(self) -> Mapping[str, ScenarioLine]:
        """The devices without the faults of the cable, but with the failing meter."""
        return {"rtu_port": ScenarioLine([self.served(item) for item in (*METERS, *DRIVES)], True, self._silent)}

    @property
    def outlets(self) -> Mapping[str, Outlet]:
        segment = self._segment = LineSettingsSegment(LINE)
        chance, cable = Random(self._cable_chance), CableNoise()
        for item in (*METERS, *DRIVES):
            self._on_line[item.name] = NoisyStation(
                segment,
                self.served(item),
                Random(chance.getrandbits(64)),
                cable,
                name=item.name,
                turnaround_s=item.turnaround_s,
            )
        if self._with_plc:
            self._plc = Plc(segment, PLC_READS)
        return {"rtu_port": SegmentPort(segment, self._on_line.values(), self._plc)}

    def step(self, dt_s: float) -> None:
        for pumps in self._pumps:
            pumps.step(dt_s)
        self._measure(dt_s)
        self._left_s -= dt_s
        if self._left_s <= 0:
            self._alive = not self._alive
            self._left_s += self._failure_random.uniform(*(ALIVE_S if self._alive else DEAD_S))
            self._silent ^= {DYING.unit}
        if DYING.name in self._on_line:
            self._on_line[DYING.name].dead = not self._alive

    def truth(self) -> Mapping[str, Row]:
        rows = {}
        for pump, (number, train) in PUMPS.items():
            station, kwh = self._pumps[number], self._start_kwh[pump]
            rows[pump] = of_train(
                station.trains[train], kwh + station.energy_kwh[train], kwh / 3 + station.reactive_kvarh[train]
            )
        return rows | {DYING.name: {"alive": float(self._alive)}, "line": self._line_row()}

    def sampled(self) -> None:
        """There is no waveform stream."""

    def _line_row(self) -> Row:
        """Return the bytes sent by each master, the responses to the PLC, and the number of each fault so far."""
        if self._segment is None:
            return {}
        row: Row = {"sent_by_agent_bytes": float(self._segment.sent_bytes["agent"])}
        if self._plc is not None:
            # the PLC expects numbered contents, so responses of real profiles count as wrong
            answered = self._plc.good + self._plc.wrong
            row |= {"sent_by_plc_bytes": float(self._segment.sent_bytes["plc"]), "plc_answers": float(answered)}
            row |= {"plc_lost": float(self._plc.lost)}
        for what in ("clean", "stray_before", "stray_after", "damaged", "truncated", "late"):
            row[f"answers_{what}"] = float(sum(station.fault_counts[what] for station in self._on_line.values()))
        return row

    def served(self, item: NoisyDevice) -> SimulatedDevice:
        profile = load_profile(item.profile)
        identity_values = identity.identity_values(profile)
        return SimulatedDevice(
            item.unit,
            profile,
            lambda: {**self._displayed(item), **identity_values},
            rating_kw=55.0,
            extra=identity.identity_words(profile),
            identification=identity.identification(profile),
        )

    def _displayed(self, item: NoisyDevice) -> Mapping[str, Value]:
        if item in DRIVES:
            return self._drive_values[item.pump]
        values = self._meters[item.pump].values
        return {**values, "serial_number": float(identity.SERIAL_NUMBER), "phase_sequence": 0.0}

    def _measure(self, dt_s: float) -> None:
        for pump, (number, name) in PUMPS.items():
            train = self._pumps[number].trains[name]
            self._meters[pump].step(train.u_v, train.i_a, train.frequency_hz, dt_s)
            if pump in self._drive_errors and train.output is not None:
                values = drive_display.display(train, self._drive_errors[pump])
                va = math.sqrt(3) * train.output.volts_v * train.output.current_a
                angle = math.degrees(math.acos(min(1.0, train.motor_input_w / va)))
                self._drive_values[pump] = {
                    **values, "fault_code": 0, "output_power_factor_angle": angle, "drive_temperature": 47.0,
                }  # fmt: skip


def config_toml(endpoints: Endpoints, mqtt_url: str, state_dir: str) -> str:
    """Return the agent's configuration for this line."""
    about = (
        "The line of `magwatt simulate noisy-line`: pumps 1 and 3 direct on line, "
        "pumps 2 and 4 on magnet motors and drives."
    )
    bus = f"""\
[bus.line]
serial = {json.dumps(endpoints.rtu_port)}
line = "{LINE}"
poll_interval = "2s"
listen_before_start = "2s"
"""
    meters, drives = {item.pump: item.name for item in METERS}, {item.pump: item.name for item in DRIVES}
    tables = [tables_55kw.head("noisy", about, state_dir, mqtt_url), bus]
    for item in METERS:
        at = "motor" if PUMPS[item.pump][1] == DOL else "drive-input"
        tables.append(tables_55kw.meter(item.name, "line", item.unit, item.profile, at=at))
    for item in DRIVES:
        tables.append(tables_55kw.drive(item.name, "line", item.unit, item.profile, fed_by=meters[item.pump]))
    for pump, (_, train) in PUMPS.items():
        motor = tables_55kw.old_motor if train == DOL else tables_55kw.new_motor
        tables.append(motor(pump, drives.get(pump) or meters[pump]))
    return "\n".join(tables)


_DEVICES = tuple((item.unit, item.profile) for item in (*METERS, *DRIVES))
_ABOUT = N_("six devices on one noisy RS-485 line, one of which stops responding from time to time")
SCENARIO = Scenario(
    name="noisy-line",
    about=_ABOUT,
    step_s=0.2,
    build=NoisyLine,
    config_toml=config_toml,
    devices=_DEVICES,
    with_plc=Scenario(
        name="noisy-line",
        about=f"{_ABOUT}; and a PLC that polls it",
        step_s=0.2,
        build=lambda rng: NoisyLine(rng, with_plc=True),
        config_toml=config_toml,
        devices=_DEVICES,
    ),
)
