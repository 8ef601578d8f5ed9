"""The served plant, read over its buses by independent clients, against the truth log."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import socket
import struct
import sys
import tomllib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pymodbus.client import AsyncModbusSerialClient, AsyncModbusTcpClient
from support import ews_decoder

from drivers.file_reasons import DID_YOU_MEAN
from drivers.profiles import load_profile
from drivers.reasons import InvalidValue
from simulators.bus.tcp import TcpBus
from simulators.devices.device import SimulatedDevice
from simulators.reasons import SCENARIO_UNKNOWN, SIMULATED_PORT_REMOVED, PortError
from simulators.scenarios import load, names
from simulators.serve import Endpoints, serve


def served(clock: Any, truth: Path, client_task: Callable[[Endpoints], Awaitable[None]]) -> list[dict[str, Any]]:
    """Run `talk` against the plant; return the truth rows."""

    async def run() -> None:
        stop, ready = asyncio.Event(), asyncio.get_running_loop().create_future()
        plant = asyncio.create_task(
            serve(load("pump-station"), clock=clock, truth=truth, on_ready=ready.set_result, stop=stop)
        )
        try:
            await client_task(await asyncio.wait_for(ready, 60))
        finally:
            stop.set()
            await asyncio.wait_for(plant, 60)

    asyncio.run(run())
    return [json.loads(line) for line in truth.read_text(encoding="utf-8").splitlines()]


def f32(words: list[int]) -> float:
    return float(struct.unpack(">f", struct.pack(">HH", *words))[0])


def test_modbus_clients_read_the_truth(wall_clock: Any, tmp_path: Path) -> None:
    """Meters within their class of the rows in the log, plus 0.1 % for half a second of variation."""
    seen: dict[str, float] = {}

    async def client_task(ends: Endpoints) -> None:
        host, port = ends.modbus_tcp.split(":")
        tcp = AsyncModbusTcpClient(host, port=int(port), timeout=10, retries=0)
        rtu = AsyncModbusSerialClient(ends.rtu_port, baudrate=19200, timeout=10, retries=0)
        assert await tcp.connect()
        assert await rtu.connect()
        try:
            await asyncio.sleep(0.5)
            answer = await tcp.read_holding_registers(3059, count=2, device_id=1)
            seen["pump-1 W"] = 1000 * f32(answer.registers)
            answer = await rtu.read_input_registers(0x34, count=2, device_id=11)
            seen["pump-2 W"] = f32(answer.registers)
            await asyncio.sleep(0.01)  # pymodbus does not keep the silence of 3.5 characters between two frames
            answer = await rtu.read_holding_registers(0x41, count=2, device_id=31)
            seen["Hz"], seen["A"] = answer.registers[0] / 100, answer.registers[1] / 10
            answer = await tcp.read_holding_registers(3059, count=2, device_id=9)
            assert answer.isError()
            assert answer.exception_code == 0x0B
            answer = await tcp.write_register(3059, 1, device_id=1)
            assert answer.exception_code == 0x01
            await asyncio.sleep(0.01)
            with pytest.raises(Exception, match="No response"):
                await rtu.read_holding_registers(0, count=1, device_id=77)
        finally:
            tcp.close()
            rtu.close()
            await asyncio.sleep(0.05)

    row = served(wall_clock, tmp_path / "truth.ndjson", client_task)[3]
    assert seen["pump-1 W"] == pytest.approx(row["pump-1"]["active_power_w"], rel=0.006)
    assert seen["pump-2 W"] == pytest.approx(row["pump-2"]["active_power_w"], rel=0.006)
    assert seen["Hz"] == pytest.approx(row["pump-2"]["output_frequency_hz"], abs=0.1)
    assert seen["A"] == pytest.approx(row["pump-2"]["motor_current_a"], rel=0.01)


@pytest.mark.alone  # a pseudo-terminal with a late reader drops frames
def test_waveforms_on_tcp_and_serial(wall_clock: Any, tmp_path: Path) -> None:
    """rms of 20 cycles against the log: 0.3 % covers the variation within a second."""
    streams: dict[str, bytes] = {}

    async def from_port(path: str) -> bytes:
        fd = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        got = b""
        try:
            for _ in range(190):
                await asyncio.sleep(0.01)
                try:
                    got += os.read(fd, 65536)
                except BlockingIOError:
                    continue
        finally:
            os.close(fd)
        return got

    async def from_tcp(address: str) -> bytes:
        host, port = address.split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        got = b""
        try:
            async with asyncio.timeout(1.9):
                while True:
                    got += await reader.read(65536)
        except TimeoutError:
            pass
        finally:
            writer.close()
            await writer.wait_closed()
        return got

    async def client_task(ends: Endpoints) -> None:
        port, tcp = await asyncio.gather(from_port(ends.ews_port), from_tcp(ends.ews_tcp))
        streams.update(port=port, tcp=tcp)

    row = served(wall_clock, tmp_path / "truth.ndjson", client_task)[4]["pump-2"]
    for stream in streams.values():
        x = _samples(stream)
        assert len(x) > 1.2 * 10240
        rms = np.sqrt((x[: round(20 * 10240 / row["frequency_hz"])] ** 2).mean(axis=0))
        assert rms[:3] == pytest.approx([row[f"voltage_l{k}n_v"] for k in (1, 2, 3)], rel=0.003)
        assert rms[3:] == pytest.approx([row[f"current_l{k}_a"] for k in (1, 2, 3)], rel=0.003)


def _samples(stream: bytes) -> Any:
    """Return volts and amperes of a stream from any position, without a gap."""
    frames = ews_decoder.decode(stream.partition(b"\0")[2])
    blocks = [frame for frame in frames if frame.kind == ews_decoder.SAMPLES]
    assert all(after.index == before.index + before.count for before, after in itertools.pairwise(blocks))
    return ews_decoder.values(frames)


def test_connecting_and_disconnecting_clients_have_no_effect(wall_clock: Any, tmp_path: Path) -> None:
    async def client_task(ends: Endpoints) -> None:
        for address in (ends.modbus_tcp, ends.ews_tcp):
            host, port = address.split(":")
            for _ in range(5):
                with socket.create_connection((host, int(port)), timeout=1) as client:
                    client.sendall(b"\x00\x01nonsense")
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        for path in (ends.rtu_port, ends.ews_port):
            for _ in range(5):
                fd = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
                os.write(fd, b"\xff\xfe\x00")
                os.close(fd)
        await asyncio.sleep(0.5)
        host, port = ends.modbus_tcp.split(":")
        client = AsyncModbusTcpClient(host, port=int(port), timeout=10, retries=0)
        assert await client.connect()
        answer = await client.read_holding_registers(3059, count=2, device_id=1)
        assert 20 < f32(answer.registers) < 60
        client.close()

    rows = served(wall_clock, tmp_path / "truth.ndjson", client_task)
    times = [row["t"] for row in rows]
    assert all(abs(b - a - 200) <= 1 for a, b in itertools.pairwise(times))


def test_same_seed_same_truth_on_a_virtual_clock(virtual_clock: Any, tmp_path: Path) -> None:
    """A minute of plant through serve() itself, twice; then with another seed."""
    logs = []
    for number, seed in enumerate((1, 1, 2)):
        path = tmp_path / f"{number}.ndjson"
        asyncio.run(_minute(virtual_clock(), path, seed))
        logs.append(path.read_text(encoding="utf-8").splitlines()[:300])
    assert len(logs[0]) == 300
    assert logs[0] == logs[1]
    assert logs[0] != logs[2]
    row = json.loads(logs[0][-1])
    first = json.loads(logs[0][0])
    assert row["t"] - first["t"] == 299 * 200
    used = row["pump-1"]["energy_import_kwh"] - first["pump-1"]["energy_import_kwh"]
    mean_w = np.mean([json.loads(line)["pump-1"]["active_power_w"] for line in logs[0][1:]])
    assert used == pytest.approx(mean_w * 299 * 0.2 / 3.6e6, abs=3e-6)  # the log rounds to 1e-6 kWh


async def _minute(clock: Any, path: Path, seed: int) -> None:
    stop = asyncio.Event()
    plant = asyncio.create_task(
        serve(load("pump-station"), clock=clock, seed=seed, truth=path, on_ready=lambda _: None, stop=stop)
    )
    await clock.run_until(61_000_000_000)
    stop.set()
    await asyncio.wait_for(plant, 60)


def test_truth_rows_contain_the_values_that_tests_compare(wall_clock: Any, tmp_path: Path) -> None:
    async def client_task(ends: Endpoints) -> None:
        await asyncio.sleep(0.3)

    row = served(wall_clock, tmp_path / "truth.ndjson", client_task)[-1]
    both = (
        "active_power_w voltage_l1n_v voltage_l12_v current_l1_a frequency_hz energy_import_kwh power_factor "
        "thd_i_l1_pct shaft_power_w torque_nm motor_input_power_w motor_losses_w motor_losses_copper_w "
        "motor_losses_core_w motor_losses_mechanical_w motor_losses_additional_w drive_losses_w motor_efficiency_pct "
        "system_efficiency_pct thd_i_pct thd_u_pct motor_speed_rpm"
    )
    driven = "motor_current_a output_frequency_hz dc_bus_voltage_v output_voltage_v motor_power_kw motor_torque_pct"
    for name in both.split():
        assert isinstance(row["pump-1"][name], float), name
        assert isinstance(row["pump-2"][name], float), name
    for name in (*driven.split(), "drive_efficiency_pct"):
        assert isinstance(row["pump-2"][name], float), name
    two = row["pump-2"]
    assert len(two["h_i_a"]) == len(two["h_u_v"]) == 51
    assert two["system_efficiency_pct"] == pytest.approx(
        two["drive_efficiency_pct"] * two["motor_efficiency_pct"] / 100, abs=1e-4
    )
    assert two["active_power_w"] == pytest.approx(
        two["shaft_power_w"] + two["motor_losses_w"] + two["drive_losses_w"], abs=1e-4
    )
    assert row["pump-1"]["system_efficiency_pct"] == row["pump-1"]["motor_efficiency_pct"]


def test_the_configuration_fits_the_plant() -> None:
    ends = Endpoints("127.0.0.1:1502", "/dev/pts/7", "/dev/pts/8", "127.0.0.1:1600")
    config = tomllib.loads(load("pump-station").config_toml(ends, "mqtt://127.0.0.1:1883", "state"))
    assert config["site"]["simulated"] is True
    assert config["bus"]["north"]["tcp"] == ends.modbus_tcp
    assert config["bus"]["south"]["serial"] == ends.rtu_port
    assert config["motor"]["pump-2"]["waveform"]["serial"] == ends.ews_port
    assert config["motor"]["pump-2"]["replaced_motor"]["class"] == "IE1"


def test_a_server_of_247_units_allocates_no_memory() -> None:
    """Ready within 0.2 s; counted, not timed: a register in memory would cost a call."""
    devices = [SimulatedDevice(unit, load_profile("eastron/sdm630"), dict) for unit in range(1, 248)]
    calls = 0

    def count(_frame: Any, event: str, _argument: Any) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    async def up() -> None:
        bus = TcpBus(devices)
        sys.setprofile(count)
        try:
            await bus.start()
        finally:
            sys.setprofile(None)
            await bus.stop()

    asyncio.run(up())
    assert calls < 10 * 247


def test_an_error_of_a_port_is_an_os_error_with_a_reason() -> None:
    error = PortError(SIMULATED_PORT_REMOVED, port="/dev/pts/7")
    assert isinstance(error, OSError)
    assert error.reason == SIMULATED_PORT_REMOVED(port="/dev/pts/7")
    assert str(error) == str(error.reason)


def test_an_unknown_scenario_is_reported_with_a_similar_or_all_names() -> None:
    with pytest.raises(InvalidValue) as caught:
        load("pumpstation")
    assert caught.value.reason == DID_YOU_MEAN(
        problem=SCENARIO_UNKNOWN(scenario="pumpstation", known=names()), near="pump-station"
    )
    with pytest.raises(InvalidValue) as caught:
        load("zzz")
    assert caught.value.reason == SCENARIO_UNKNOWN(scenario="zzz", known=names())
