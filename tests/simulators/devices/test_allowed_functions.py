"""Simulated servers accept only reading functions and log all others."""

from __future__ import annotations

import asyncio
import os
import select
import struct
import time
from pathlib import Path

import pytest

from drivers.profiles import load_profile
from simulators.bus.frames import mbap, rtu
from simulators.bus.line_settings_segment import DeviceStation
from simulators.bus.segment import Segment
from simulators.bus.tcp import TcpBus
from simulators.devices.allowed_functions import LOG_VARIABLE, READING, allowed
from simulators.devices.device import SimulatedDevice
from simulators.devices.identity import DeviceIdentification

REQUESTS = {
    0x05: struct.pack(">BHH", 5, 0, 0xFF00),
    0x06: struct.pack(">BHH", 6, 0x41, 1),
    0x08: struct.pack(">BHH", 8, 0, 1),
    0x10: struct.pack(">BHHBH", 16, 0x41, 1, 2, 1),
    0x17: struct.pack(">BHHHHBH", 0x17, 0x41, 1, 0x41, 1, 2, 1),
    0x41: bytes((0x41,)),
}


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "functions"
    monkeypatch.setenv(LOG_VARIABLE, str(path))
    return path


def device() -> SimulatedDevice:
    return SimulatedDevice(31, load_profile("yaskawa/ga800"), lambda: {"output_frequency": 81.2}, rating_kw=55.0)


def test_only_reading_is_allowed(log: Path) -> None:
    assert all(allowed(function, "here") for function in READING)
    assert not log.exists()
    assert not allowed(0x10, "here")
    assert not allowed(0x05, "there")
    assert log.read_text() == "0x10 here\n0x05 there\n"


@pytest.mark.parametrize(("last", "level"), [(2, 0x81), (6, 0x82), (0x7F, 0x82), (0x80, 0x83)])
def test_an_identification_states_its_number_of_objects(last: int, level: int) -> None:
    """Modbus Application Protocol V1.1b3, 6.21: conformity level basic, regular or extended; individual access too."""
    plate = DeviceIdentification({0: "maker", 1: "model", 2: "1.0", last: "last"})
    assert plate.answer(bytes((0x2B, 0x0E, 1, 0)))[3] == level


def test_without_the_variable_nothing_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(LOG_VARIABLE, raising=False)
    assert not allowed(0x06, "here")


@pytest.mark.parametrize("function", REQUESTS)
def test_the_tcp_server_rejects_and_records(log: Path, function: int) -> None:
    async def scene() -> None:
        bus = TcpBus([device()])
        host, _, port = (await bus.start()).partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        try:
            writer.write(mbap(1, 31, struct.pack(">BHH", 3, 0x41, 1)))
            assert (await asyncio.wait_for(reader.readexactly(11), 60))[9:] == struct.pack(">H", 8120)
            writer.write(mbap(2, 31, REQUESTS[function]))
            answer = await asyncio.wait_for(reader.readexactly(9), 60)
            # pymodbus drops the code of an unknown function.
            assert answer[7:] == bytes((0x80 if function == 0x41 else function | 0x80, 1))
        finally:
            writer.close()
            await writer.wait_closed()
            await bus.stop()

    asyncio.run(scene())
    assert log.read_text() == f"0x{function:02X} tcp bus\n"


@pytest.mark.parametrize("function", REQUESTS)
def test_the_serial_bus_rejects_and_records(log: Path, function: int) -> None:
    segment = Segment()
    DeviceStation(segment, device())
    fd = os.open(segment.port("master"), os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    segment.start()
    try:
        os.write(fd, rtu(31, REQUESTS[function]))
        assert select.select([fd], [], [], 60)[0]
        time.sleep(0.1)  # time for the remaining bytes and for surplus ones
        assert os.read(fd, 100) == rtu(31, bytes((function | 0x80, 1)))
    finally:
        os.close(fd)
        segment.stop()
    assert log.read_text() == f"0x{function:02X} slave-31\n"
