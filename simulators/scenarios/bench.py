"""Any number of device models on one bus, each with its own motor: `magwatt simulate --device`."""

from __future__ import annotations

import json
import termios
from collections.abc import Iterable, Mapping, Sequence
from random import Random

from drivers.drive_faults import TRIPPED
from drivers.errors import ProfileError
from drivers.profiles import load_profile
from drivers.reasons import InvalidValue
from drivers.vocabulary import metric_name_of
from simulators import reasons as codes
from simulators.bus.plc_server import PlcServer
from simulators.bus.tcp import TcpBus
from simulators.devices.bench import BenchDevice
from simulators.endpoints import Endpoints, Outlet
from simulators.scenarios.bench_motor import BenchMotor, RequestedDevice, devices_of
from simulators.scenarios.line import meter_port, segment_port
from simulators.scenarios.scenario import Scenario, ScenarioLine
from simulators.truth import Row

NAME = "devices"
UNIT_MAX = 247


def parse_devices(texts: Iterable[str]) -> tuple[RequestedDevice, ...]:
    """Parse texts PROFILE[@UNIT].

    Without a unit the lowest free one is used. Raises InvalidValue.
    """
    parts = [text.partition("@") for text in texts]
    profile_of_unit: dict[int, str] = {}
    for profile_id, at, unit_text in parts:
        try:
            profile = load_profile(profile_id)
        except ProfileError as error:
            raise InvalidValue(error.reason) from None
        if profile.dialect == "huanyang_private":
            raise InvalidValue(codes.PROPRIETARY_PROTOCOL, profile=profile_id)
        if not at:
            continue
        unit = int(unit_text) if unit_text.isascii() and unit_text.isdigit() else 0
        if not 1 <= unit <= UNIT_MAX:
            raise InvalidValue(codes.BENCH_UNIT_ID, profile=profile_id, text=unit_text, unit_id_max=UNIT_MAX)
        if unit in profile_of_unit:
            raise InvalidValue(codes.BENCH_UNIT_ID_TAKEN, profile=profile_id, unit_id=unit, other=profile_of_unit[unit])
        profile_of_unit[unit] = profile_id
    free = (unit for unit in range(1, UNIT_MAX + 1) if unit not in profile_of_unit)
    found = [RequestedDevice(profile_id, int(unit) if at else next(free, 0)) for profile_id, at, unit in parts]
    if any(item.unit == 0 for item in found):
        raise InvalidValue(codes.BENCH_FULL, n=len(found), unit_id_max=UNIT_MAX)
    return tuple(found)


class DeviceBench:
    """The devices and their bus: TCP on `port` (0: any free one), or a serial line such as "19200 8E1".

    motor: the motor of all devices. None: each device has its own motor of a usual size.
    Raises InvalidValue if a register cannot show a value of the motor.
    """

    def __init__(
        self, devices: Sequence[RequestedDevice], rng: Random, *, port: int = 0, line: str = "",
        motor: BenchMotor | None = None,
    ) -> None:  # fmt: skip
        self.devices = devices_of(motor, devices, rng) if motor else tuple(
            BenchDevice(load_profile(profile_id), unit, Random(rng.getrandbits(64))) for profile_id, unit in devices
        )  # fmt: skip
        self._port, self._line = port, line
        self._meters = [item.energy_meter for item in self.devices if item.energy_meter is not None]
        blocks = [item.served for item in self.devices if item.profile.dialect == "s7"]
        if self._meters and not line:
            raise InvalidValue(codes.METERS_NEED_A_LINE)
        if len(self._meters) not in (0, len(self.devices)):
            raise InvalidValue(codes.PROTOCOLS_MIXED)
        if blocks and (line or len(blocks) != len(self.devices)):
            raise InvalidValue(codes.PLC_ALONE)
        self._plc = PlcServer(blocks, port) if blocks else None

    @property
    def lines(self) -> Mapping[str, ScenarioLine]:
        return {
            "rtu_port" if self._line else "s7_tcp" if self._plc else "modbus_tcp": ScenarioLine(
                self._meters or [item.served for item in self.devices], bool(self._line)
            )
        }

    @property
    def outlets(self) -> Mapping[str, Outlet]:
        served = [device.served for device in self.devices]
        if self._meters:
            return {"rtu_port": meter_port(self._line, self._meters)}
        if self._plc is not None:
            return {"s7_tcp": self._plc}
        if not self._line:
            return {"modbus_tcp": TcpBus(served, self._port)}
        return {"rtu_port": segment_port(self._line, served)}

    def step(self, dt_s: float) -> None:
        for device in self.devices:
            device.step(dt_s)
        if self._plc is not None:
            self._plc.update()

    def truth(self) -> Mapping[str, Row]:
        """Return the numeric values that each device displays, by device name."""
        return {
            device.name: {
                metric_name_of(name): float(value)
                for name, value in device.values.items()
                if isinstance(value, int | float)
                and (device.profile.register(name) or (name == TRIPPED and device.profile.trip))
            }
            for device in self.devices
        }

    def sampled(self) -> None:
        """There is no waveform stream."""


def check_line(line: str) -> str:
    """Return the text unchanged. Raises InvalidValue if a pseudo-terminal does not support the baud rate."""
    baud = line.split()[0]
    if not hasattr(termios, f"B{baud}"):
        raise InvalidValue(codes.BAUD_UNSUPPORTED, baud=baud)
    return line


def scenario(
    devices: Sequence[RequestedDevice], seed: int, *, port: int = 0, line: str = "", every_s: float = 1.0,
    motor: BenchMotor | None = None,
) -> Scenario:  # fmt: skip
    """Return a scenario that must be built with `Random(seed)`.

    every_s: poll interval in the agent's configuration, seconds.
    """

    def config(endpoints: Endpoints, mqtt_url: str, state_dir: str) -> str:
        built = DeviceBench(devices, Random(seed), line=line, motor=motor).devices  # for the ratings of their motors
        return config_toml(built, endpoints, mqtt_url, state_dir, line, every_s)

    return Scenario(
        name=NAME,
        about=f"{len(devices)} virtual devices",
        step_s=0.25,
        build=lambda rng: DeviceBench(devices, rng, port=port, line=line, motor=motor),
        config_toml=config,
        devices=tuple((item.unit, item.profile_id) for item in devices),
    )


def config_toml(
    devices: Sequence[BenchDevice], endpoints: Endpoints, mqtt_url: str, state_dir: str, line: str, every_s: float
) -> str:
    where = f'serial = {json.dumps(endpoints.rtu_port)}\nline = {json.dumps(line)}\nlisten_before_start = "0s"'
    if any(device.energy_meter for device in devices):
        where += '\nframing = "dlt645"'
    if not line:
        where = f"tcp = {json.dumps(endpoints.s7_tcp or endpoints.modbus_tcp)}"
    if any(device.profile.dialect == "s7" for device in devices):
        where += '\nframing = "s7"'
    tables = [
        "# Virtual devices of `magwatt simulate --device`.",
        f'[site]\nid = "bench"\ngateway = "gw-01"\nsimulated = true\n\n[store]\nstate_dir = {json.dumps(state_dir)}\n',
        f'[mqtt]\nurl = {json.dumps(mqtt_url)}\n\n[bus.bench]\n{where}\npoll_interval = "{every_s:g}s"\n',
    ]
    return "\n".join([*tables, *(_drive(device) if device.is_drive else _meter(device) for device in devices)])


def _unit_id(device: BenchDevice) -> str:
    if device.profile.dialect == "s7":
        return f'unit_id = "DB{device.unit}"'
    return f'unit_id = "{device.energy_meter.address}"' if device.energy_meter else f"unit_id = {device.unit}"


def _meter(device: BenchDevice) -> str:
    ratios, of_meter = device.ratios, device.energy_meter
    wiring = "1P2W" if device.profile.phases == 1 else "3P3W" if of_meter and of_meter.three_wires else "3P4W"
    lines = [
        f"[meter.{device.name}]",
        'bus = "bench"',
        _unit_id(device),
        f'profile = "{device.profile.id}"',
        f'measuring_point = "{device.place.measuring_point}"',
        f'wiring = "{wiring}"',
        'class = "0.5"',
    ]
    for name, ratio in (("ct", ratios.ct), ("vt", ratios.vt)):
        if ratio is not None:
            lines += [f'{name} = "{ratio[0]:g}/{ratio[1]:g}"', f'{name}_class = "0.5"']
    if not ratios.in_meter:
        lines.append('ratio_applied_by = "agent"')
    text = "\n".join([*lines, ""])
    return f"{text}\n{_motor(device)}" if device.place.measuring_point == "motor" else text


def _drive(device: BenchDevice) -> str:
    fed_by = f'fed_by = "{device.place.fed_by}"\n' if device.place.fed_by else ""
    return f"""\
[drive.{device.name}]
bus = "bench"
{_unit_id(device)}
profile = "{device.profile.id}"
{fed_by}comm_loss = "not used"
kw = {device.machine.kw:g}

{_motor(device)}"""


def _motor(device: BenchDevice) -> str:
    machine = device.machine
    return f"""\
[motor.motor-{device.unit}]
kind = "{"induction" if machine.induction else "pm"}"
kw = {machine.kw:g}
rpm = {machine.rpm:g}
poles = {machine.poles}
volts = {machine.volts:g}
amps = {machine.amps:.1f}
fed_by = "{device.name}"
"""
