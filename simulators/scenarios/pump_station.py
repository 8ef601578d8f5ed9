"""Cooling-water pump station: pump 1 direct on line, pump 2 on a magnet motor and a drive."""

from __future__ import annotations

import json
from collections.abc import Mapping
from random import Random

from drivers.profiles import load_profile
from drivers.reasons import N_
from simulators.bus.tcp import TcpBus
from simulators.devices.device import SimulatedDevice
from simulators.endpoints import Endpoints, Outlet
from simulators.meters import drive_display, meter
from simulators.meters.readings import Values
from simulators.meters.transformers import draw_transformers
from simulators.plant.faults import Dip
from simulators.plant.train import Train
from simulators.scenarios import tables_55kw
from simulators.scenarios.line import segment_port
from simulators.scenarios.scenario import Scenario, ScenarioLine
from simulators.scenarios.two_pumps import DOL, DRIVEN, TwoPumps
from simulators.truth import Row, of_train

LINE = "19200 8N1"
MCC_1, MCC_2, VFD_2 = 1, 11, 31  # unit identifiers
_START_KWH = {DOL: 184_321.0, DRIVEN: 21_507.0}
_START_KVARH = {DOL: 131_877.0, DRIVEN: 2_266.0}


class PumpStation:
    """The plant with its three instruments. The same `rng` gives the same truth and the same readings."""

    def __init__(self, rng: Random) -> None:
        self._pumps = TwoPumps(Random(rng.getrandbits(64)))
        errors = Random(rng.getrandbits(64))
        self._meters = {
            name: meter.SimulatedMeter(
                meter.draw_errors(errors),
                start_kwh=_START_KWH[name],
                start_kvarh=_START_KVARH[name],
                transformers=draw_transformers(errors, tables_55kw.CT_A),
            )
            for name in (DOL, DRIVEN)
        }
        self._drive_errors = drive_display.draw_errors(errors)
        self._drive_values: Values = {}
        self._measure(0.0)
        self.tcp_devices = (
            SimulatedDevice(
                MCC_1,
                load_profile("schneider/pm5000"),
                lambda: self._meters[DOL].values | {"model_code": 15234},
                extra={(3, 49): _text("PM5350", 20)},
            ),
        )
        self.rtu_devices = (
            SimulatedDevice(
                MCC_2,
                load_profile("eastron/sdm630"),
                lambda: self._meters[DRIVEN].values,
                extra={(3, 0xFC00): [22091734 >> 16, 22091734 & 0xFFFF], (3, 0xFC02): [0x0070]},
            ),
            SimulatedDevice(VFD_2, load_profile("yaskawa/ga800"), lambda: self._drive_values, rating_kw=55.0),
        )

    @property
    def lines(self) -> Mapping[str, ScenarioLine]:
        return {"modbus_tcp": ScenarioLine(self.tcp_devices), "rtu_port": ScenarioLine(self.rtu_devices, serial=True)}

    @property
    def outlets(self) -> Mapping[str, Outlet]:
        return {"modbus_tcp": TcpBus(self.tcp_devices), "rtu_port": segment_port(LINE, self.rtu_devices)}

    def step(self, dt_s: float) -> None:
        self._pumps.step(dt_s)
        self._measure(dt_s)

    def provoke(self, fault: str, at_s: float, to_s: float | None = None, motor: str = "") -> None:
        """Cause a voltage dip, at_s seconds after the start."""
        assert (fault, motor) == ("dip", "")
        self._pumps.dips.append(Dip(at_s) if to_s is None else Dip(at_s, to_s - at_s))

    def truth(self) -> Mapping[str, Row]:
        return {
            name: of_train(
                train,
                _START_KWH[name] + self._pumps.energy_kwh[name],
                _START_KVARH[name] + self._pumps.reactive_kvarh[name],
            )
            for name, train in self._pumps.trains.items()
        }

    def sampled(self) -> Train:
        return self._pumps.trains[DRIVEN]

    def _measure(self, dt_s: float) -> None:
        for name, train in self._pumps.trains.items():
            self._meters[name].step(train.u_v, train.i_a, train.frequency_hz, dt_s)
        self._drive_values = drive_display.display(self._pumps.trains[DRIVEN], self._drive_errors)


def config_toml(endpoints: Endpoints, mqtt_url: str, state_dir: str) -> str:
    """Return the agent's configuration for this plant."""
    about = "The pump station of `magwatt demo`: pump 1 direct on line, pump 2 on a magnet motor and a drive."
    buses = f"""\
[bus.north]
tcp = {json.dumps(endpoints.modbus_tcp)}
poll_interval = "1s"

[bus.south]
serial = {json.dumps(endpoints.rtu_port)}
line = "{LINE}"
poll_interval = "1s"
listen_before_start = "2s"
"""
    replaced = 'replaced_motor = { kind = "induction", class = "IE1", kw = 55, rpm = 1475, since = 2026-03-01 }\n'
    tables = (
        tables_55kw.head("demo", about, state_dir, mqtt_url),
        buses,
        tables_55kw.meter("mcc-1", "north", MCC_1, "schneider/pm5000", at="motor"),
        tables_55kw.meter("mcc-2", "south", MCC_2, "eastron/sdm630", at="drive-input"),
        tables_55kw.drive("vfd-2", "south", VFD_2, "yaskawa/ga800", fed_by="mcc-2"),
        tables_55kw.old_motor("pump-1", "mcc-1", "Cooling-water pump 1"),
        tables_55kw.new_motor("pump-2", "vfd-2", "Cooling-water pump 2") + replaced,
    )
    return "\n".join(tables) + _waveform(endpoints.ews_port)


def _waveform(port: str) -> str:
    """Return an empty text for a plant without real buses: waveforms need real time."""
    if not port:
        return ""
    return f"""
[motor.pump-2.waveform]
serial = {json.dumps(port)}
baud = 3000000
measuring_point = "drive-input"
"""


def _text(text: str, words: int) -> list[int]:
    raw = text.encode().ljust(2 * words, b"\0")
    return [int.from_bytes(raw[k : k + 2], "big") for k in range(0, 2 * words, 2)]


SCENARIO = Scenario(
    name="pump-station",
    about=N_("two 55 kW cooling-water pumps: one direct on line, one on a magnet motor and a drive"),
    step_s=0.2,
    drift_ppm=4.0,
    build=PumpStation,
    config_toml=config_toml,
    faults={"dip": ()},
    provoke=PumpStation.provoke,
)
