"""Every register map is served by a virtual device, and three masters read the same values from it.

mbpoll and libmodbus return registers, which must equal those of the driver to the last bit. The values that `magwatt
read` returns are compared with two decoders in this file: FACTS, copied from the manufacturers' lists, and one that
uses only type, scale and word order of a map. The device values are constant, so all comparisons are exact except for
the digits that `read` prints.
"""

from __future__ import annotations

import asyncio
import json
import re
import struct
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import pytest
from support.basics import real_command, wait_until
from support.fault_matrix import Line

from benchmarks.peers import LibModbus, Ours, missing
from drivers.bus_settings import BusSettings
from drivers.profiles import load_profile, profile_ids
from drivers.register_blocks import plan_blocks
from drivers.vocabulary import metric_name_of
from simulators.bus.frames import ReadBlock as Asked
from simulators.devices.bench import BenchDevice
from simulators.endpoints import Endpoints
from simulators.scenarios import bench

NOT_SERVED = {"huanyang/hy": "a private dialect: its reads are not Modbus, and one of them starts the spindle"}
SERVED = [name for name in profile_ids() if load_profile(name).uses_modbus]
ON_A_SERIAL_LINE = ["carlo-gavazzi/em340", "eastron/sdm630", "weg/cfw500", "yaskawa/ga800"]
BAUD = 115200
FORMATS = {"u16": "H", "i16": "h", "u32": "I", "i32": "i", "f32": "f", "u64": "Q", "i64": "q", "f64": "d"}


class Fact(NamedTuple):
    """Entry of a manufacturer's list: function, address in the PDU, type, word order, scale to the unit."""

    profile: str
    function: int
    address: int
    type: str
    low_word_first: bool
    scale: float
    metric: str


FACTS = (
    Fact("abb/acs550", 3, 102, "u16", False, 0.1, "output_frequency_hz"),
    Fact("abb/acs550", 3, 106, "u16", False, 1, "dc_bus_voltage_v"),
    Fact("abb/b23", 3, 23296, "u32", False, 0.1, "voltage_l1n_v"),
    Fact("abb/b23", 3, 23316, "i32", False, 0.01, "active_power_w"),
    Fact("abb/b23", 3, 20480, "u64", False, 0.01, "energy_import_kwh"),
    Fact("camille-bauer/aplus", 3, 133, "f32", True, 1, "active_power_w"),
    Fact("carlo-gavazzi/em340", 4, 0, "i32", True, 0.1, "voltage_l1n_v"),
    Fact("carlo-gavazzi/em340", 4, 40, "i32", True, 0.1, "active_power_w"),
    Fact("carlo-gavazzi/em340", 4, 51, "u16", False, 0.1, "frequency_hz"),
    Fact("delta/vfd-b", 3, 8451, "u16", False, 0.01, "output_frequency_hz"),
    Fact("delta/vfd-b", 3, 8453, "u16", False, 0.1, "dc_bus_voltage_v"),
    Fact("eastron/sdm120", 4, 12, "f32", False, 1, "active_power_w"),
    Fact("eastron/sdm630", 4, 0, "f32", False, 1, "voltage_l1n_v"),
    Fact("eastron/sdm630", 4, 52, "f32", False, 1, "active_power_w"),
    Fact("finder/7m38", 4, 2536, "f32", False, 1, "active_power_w"),
    Fact("fuji/frenic", 3, 2057, "i16", False, 0.01, "output_frequency_hz"),
    Fact("hager/ecr380d", 3, 45073, "i32", False, 10, "active_power_w"),
    Fact("hitachi/wj200", 3, 4096, "u32", False, 0.01, "output_frequency_hz"),
    Fact("invertek/optidrive-p2", 3, 6, "i16", False, 0.1, "output_frequency_hz"),
    Fact("invt/gd200a", 3, 12288, "u16", False, 0.01, "output_frequency_hz"),
    Fact("invt/gd200a", 3, 12290, "u16", False, 0.1, "dc_bus_voltage_v"),
    Fact("janitza/umg604", 3, 1369, "f32", False, 1, "active_power_w"),
    Fact("phoenix-contact/eem-ma370", 3, 32790, "f32", True, 1, "active_power_w"),
    Fact("schneider/atv630", 3, 3202, "i16", False, 0.1, "output_frequency_hz"),
    Fact("schneider/iem3000", 3, 3059, "f32", False, 1000, "active_power_w"),
    Fact("schneider/pm5000", 3, 3059, "f32", False, 1000, "active_power_w"),
    Fact("schneider/pm5000", 3, 3109, "f32", False, 1, "frequency_hz"),
    Fact("siemens/g120", 3, 341, "i16", False, 0.01, "output_frequency_hz"),
    Fact("siemens/g120", 3, 344, "u16", False, 0.01, "motor_current_a"),
    Fact("siemens/pac3200", 3, 7, "f32", False, 1, "voltage_l12_v"),
    Fact("siemens/pac3200", 3, 65, "f32", False, 1, "active_power_w"),
    Fact("socomec/diris-a", 3, 50536, "i32", False, 10, "active_power_w"),
    Fact("weg/cfw500", 3, 3, "u16", False, 0.1, "motor_current_a"),
    Fact("wiren-board/map3h", 4, 4864, "i32", False, 0.000976562, "active_power_w"),
    Fact("wiren-board/map3h", 4, 4608, "u64", True, 1e-05, "energy_import_kwh"),
    Fact("yaskawa/ga800", 3, 65, "i16", False, 0.01, "output_frequency_hz"),
    Fact("yaskawa/ga800", 3, 70, "u16", False, 1, "dc_bus_voltage_v"),
)


@dataclass
class Served:
    """Devices with constant values, served by a thread, and the output of `magwatt read`."""

    plant: bench.DeviceBench
    line: str
    ends: Endpoints = field(default_factory=Endpoints)
    values: dict[str, dict[str, Any]] = field(default_factory=dict)  # profile → metric → value

    def __enter__(self) -> Served:
        self._ready, self._done = threading.Event(), asyncio.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))
        self._thread.start()
        assert self._ready.wait(60)
        return self

    async def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
        ((name, outlet),) = self.plant.outlets.items()
        try:
            self.ends = Endpoints(**{name: await outlet.start()})
            self._ready.set()
            await self._done.wait()
        finally:
            await outlet.stop()

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._done.set)
        self._thread.join(10)

    @property
    def wire(self) -> BusSettings:
        if self.line:
            return BusSettings("b", serial_port=self.ends.rtu_port, baud=BAUD)
        host, port = self.ends.modbus_tcp.split(":")
        return BusSettings("b", host=host, port_number=int(port))

    @property
    def kind(self) -> Line:
        return Line.RTU if self.line else Line.TCP

    def device(self, profile: str) -> BenchDevice:
        return next(item for item in self.plant.devices if item.profile.id == profile)

    def read_all(self, folder: Path) -> None:
        """Run `magwatt read` in a separate process with the configuration that a user gets."""
        config = folder / "plant.toml"
        text = bench.config_toml(self.plant.devices, self.ends, "mqtt://127.0.0.1", "state", self.line, 1.0)
        config.write_text(text)
        done = subprocess.run(
            [sys.executable, "-P", "-c", "from agent.cli import main; main()", "read", str(config), "--json"],
            capture_output=True, text=True, timeout=180, check=True,
        )  # fmt: skip
        rows = {row["device"]: row for row in map(json.loads, done.stdout.splitlines())}
        for item in self.plant.devices:
            row = rows[item.name]
            assert row["quality"] == ["SIMULATED"], row
            assert "error" not in row
            self.values[item.profile.id] = row["values"]

    def mbpoll(self, asked: Asked) -> list[int]:
        """The registers of one request, read by mbpoll; a process for each request."""
        options = ["-a", str(asked.unit), "-t", f"{7 - asked.function}:hex", "-0", "-r", str(asked.address), "-1"]
        where = ["-m", "tcp", "-o", "10", "-p", str(self.wire.port_number), self.wire.host]
        if self.line:
            where = ["-m", "rtu", "-b", str(BAUD), "-P", "none", self.ends.rtu_port]
        done = subprocess.run(
            [real_command("mbpoll"), *options, "-c", str(asked.words), *where],
            capture_output=True, text=True, timeout=180, check=True,
        )  # fmt: skip
        found = re.findall(r"^\[(\d+)\]:\s+0x([0-9A-F]{4})", done.stdout, re.MULTILINE)
        assert [int(address) for address, _ in found] == [asked.address + k for k in range(asked.words)], done.stdout
        return [int(word, 16) for _, word in found]


@pytest.fixture(scope="module")
def tcp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with Served(bench.DeviceBench(bench.parse_devices(SERVED), Random(5)), "") as served:
        served.read_all(tmp_path_factory.mktemp("tcp"))
        yield served


@pytest.fixture(scope="module")
def rtu(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    line = f"{BAUD} 8N1"
    with Served(bench.DeviceBench(bench.parse_devices(ON_A_SERIAL_LINE), Random(6), line=line), line) as served:
        served.read_all(tmp_path_factory.mktemp("rtu"))
        yield served


def compare(served: Served, profile: str) -> None:
    """Read every block as planned, with all registers, including those that `read` omits before a self-check."""
    if absent := missing().get("libmodbus"):
        pytest.skip(absent)
    item = served.device(profile)
    placed = item.served.profile  # a SunSpec model at its address
    theirs, ours = LibModbus(served.wire, served.kind, 1.0), Ours(served.wire, served.kind, 1.0)
    everything: list[int] = []
    try:
        for block in plan_blocks(placed, placed.registers):
            asked = Asked(item.unit, block.function, block.address, block.count)
            words = list(ours.read(asked))
            assert list(theirs.read(asked)) == words, asked
            assert served.mbpoll(asked) == words, asked
            everything += words
    finally:
        theirs.close()
        ours.close()
    assert len(set(everything)) > 3, "zeros prove nothing"


def test_only_a_private_protocol_is_excluded() -> None:
    assert {name for name in profile_ids() if load_profile(name).dialect == "huanyang_private"} == set(NOT_SERVED)


@pytest.mark.parametrize("profile", SERVED)
def test_three_masters_get_the_same_registers(tcp: Served, profile: str) -> None:
    compare(tcp, profile)


@pytest.mark.parametrize("profile", ON_A_SERIAL_LINE)
def test_three_masters_get_the_same_registers_on_a_serial_line(rtu: Served, profile: str) -> None:
    compare(rtu, profile)


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: f"{fact.profile}-{fact.metric}")
def test_read_shows_the_values_of_the_manufacturers_list(tcp: Served, rtu: Served, fact: Fact) -> None:
    """The registers come from mbpoll; this file decodes them."""
    for served in (tcp, rtu) if fact.profile in ON_A_SERIAL_LINE else (tcp,):
        size = struct.calcsize(FORMATS[fact.type]) // 2
        words = served.mbpoll(Asked(served.device(fact.profile).unit, fact.function, fact.address, size))
        raw = number(fact.type, fact.low_word_first, words)
        assert raw != 0
        assert served.values[fact.profile][fact.metric] == pytest.approx(raw * fact.scale, rel=6e-6, abs=6e-4)


@pytest.mark.parametrize("profile", [name for name in SERVED if load_profile(name).dialect == "modbus"])
def test_read_shows_values_by_type_scale_and_word_order(tcp: Served, profile: str) -> None:
    """Every plain number that `read` prints, with registers from libmodbus.

    Not plain: values in parts, with a mask, or with a scale in another register.
    """
    if absent := missing().get("libmodbus"):
        pytest.skip(absent)
    vendor, model = profile.split("/")
    raw = tomllib.loads((files("drivers.profiles") / vendor / f"{model}.toml").read_text(encoding="utf-8"))
    theirs, unit, values = LibModbus(tcp.wire, tcp.kind, 1.0), tcp.device(profile).unit, tcp.values[profile]
    compared = 0
    try:
        for row in raw["register"]:
            value_read = values.get(metric_name_of(row["name"]))
            if not plain(row) or not isinstance(value_read, int | float):
                continue
            function = row.get("fc", raw["protocol"]["function_code"])
            size = struct.calcsize(FORMATS[row["type"]]) // 2
            words = list(theirs.read(Asked(unit, function, row["address"], size)))
            low_first = row.get("word_order", raw["protocol"]["word_order"]) == "little"
            value = number(row["type"], low_first, words) * row["scale"]
            assert value_read == pytest.approx(value, rel=6e-6, abs=6e-4), row["name"]
            compared += 1
    finally:
        theirs.close()
    assert compared or not values, profile  # an unverified map gives no values before a self-check


def plain(row: Mapping[str, Any]) -> bool:
    special = {"parts", "scale_from", "scale_by_rating", "encoding", "mask", "offset", "alone", "latched"}
    return row["type"] in FORMATS and not special & row.keys()


def number(kind: str, low_word_first: bool, words: list[int]) -> float:
    in_order = words[::-1] if low_word_first else words
    value: float = struct.unpack(f">{FORMATS[kind]}", struct.pack(f">{len(words)}H", *in_order))[0]
    return value


def test_the_command_serves_moving_values_that_read_finds(tmp_path: Path) -> None:
    """As a user starts it, on a slow line: the values were true during the read; the poll interval fits the line."""
    config, truth = tmp_path / "plant.toml", tmp_path / "truth.ndjson"
    code = [sys.executable, "-P", "-c", "from agent.cli import main; main()"]
    devices = [word for name in ON_A_SERIAL_LINE for word in ("--device", name)]
    options = ["--serial", "--line", "9600 8E1", "--write-config", str(config), "--truth", str(truth)]
    with subprocess.Popen([*code, "simulate", *devices, *options], stdout=subprocess.PIPE, text=True) as plant:
        try:
            wait_until(config.exists, 15, "the devices are served")
            planned = subprocess.run([*code, "plan", str(config)], capture_output=True, text=True, timeout=180)
            done = subprocess.run([*code, "read", str(config), "--json"], capture_output=True, text=True, timeout=180)
        finally:
            plant.terminate()
            output = plant.communicate(timeout=180)[0]
    assert planned.returncode == done.returncode == plant.returncode == 0, done.stderr + planned.stdout
    for unit, name in enumerate(ON_A_SERIAL_LINE, 1):
        assert re.search(rf"\b{unit}: {re.escape(name)}\b", output), name
    rows = [json.loads(line) for line in truth.read_text().splitlines()]
    compared = 0
    for line in done.stdout.splitlines():
        reading = json.loads(line)
        for metric, value in reading["values"].items():
            if isinstance(value, int | float) and reading["flags"].get(metric, []) == []:
                true = [row[reading["device"]][metric] for row in rows]
                digit = 1.0 if metric in ("dc_bus_voltage_v", "output_voltage_v", "motor_speed_rpm") else 0.1
                assert min(true) - digit <= value <= max(true) + digit, (reading["device"], metric, value)
                compared += 1
    assert compared > 100
    assert any(row != rows[0] | {"t": row["t"]} for row in rows), "it moves"
