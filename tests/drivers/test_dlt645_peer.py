"""Against an independent implementation of DL/T 645-2007, the package `dlt645`: as meter of our master, and as master
of our simulated meter.

It is a second opinion, not the truth: it knows no sign bit (tests/drivers/test_dlt645_registers.py has those).
"""

from __future__ import annotations

import asyncio
import copy
import importlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from agent.core.clock import SystemClock
from drivers.bus_settings import BusSettings
from drivers.dlt645_link import Dlt645Link
from drivers.errors import MeterRejection
from drivers.framing import Request
from drivers.modbus_device import ModbusDevice
from drivers.profiles import load_profile
from simulators.devices.energy_meter import EnergyMeter
from simulators.devices.meter_frames import first_ask, meter_frame

dlt645 = pytest.importorskip("dlt645")
ADDRESS = "123456781012"
THEIR_ADDRESS = "121078563412"  # in the order of transmission
SHOWN = {
    "energy_import": (0x00010000, 123456.78), "energy_export": (0x00020000, 0.26), "voltage_l1n": (0x02010100, 230.1),
    "voltage_l2n": (0x02010200, 229.8), "voltage_l3n": (0x02010300, 231.0), "current_l1": (0x02020100, 1.234),
    "current_l2": (0x02020200, 2.345), "current_l3": (0x02020300, 3.456), "active_power": (0x02030000, 1.2345),
    "active_power_l1": (0x02030100, 0.4), "active_power_l2": (0x02030200, 0.4345), "active_power_l3": (0x02030300, 0.4),
    "power_factor": (0x02060000, 0.949), "frequency": (0x02800002, 49.98), "active_power_mean_1min": (0x02800003, 1.2),
}  # fmt: skip
CLOCK = {"clock_date": (0x04000101, "26112900"), "clock_time": (0x04000102, "235958")}
KILO = (
    "active_power",
    "active_power_l1",
    "active_power_l2",
    "active_power_l3",
    "active_power_mean_1min",
)  # kW in the meter, W here


@pytest.fixture(autouse=True)
def few_items(monkeypatch: pytest.MonkeyPatch) -> None:
    """The package copies all of its items for each master and meter, which takes 3 s; here only those of SHOWN."""
    items = importlib.import_module("dlt645.model.data.data_handler")
    chosen = {identifier: items.DIMap[identifier] for identifier, _ in (*SHOWN.values(), *CLOCK.values())}
    for module in ("model.data.data_handler", "service.serversvc.server_service"):
        monkeypatch.setattr(f"dlt645.{module}.clone_data_map", lambda: copy.deepcopy(chosen))


@contextmanager
def their_meter() -> Iterator[BusSettings]:
    service = dlt645.MeterServerService.new_tcp_server("127.0.0.1", 0, 2.0)
    service.set_address(THEIR_ADDRESS)
    for identifier, value in SHOWN.values():
        (service.set_00 if identifier < 0x01000000 else service.set_02)(identifier, value)
    for identifier, text in CLOCK.values():
        service.set_04(identifier, text)
    assert service.server.start()
    try:
        yield BusSettings("peer", host="127.0.0.1", port_number=service.server.port, baud=9600, parity="E", dlt645=True)
    finally:
        service.server.stop()


def test_our_master_reads_their_meter() -> None:
    async def scene(wire: BusSettings) -> None:
        link = Dlt645Link(wire, SystemClock())
        try:
            meter = ModbusDevice("m", load_profile("generic/dlt645-three-phase"), int(ADDRESS), link, SystemClock())
            await meter.poll(frozenset({"fast"}))  # it has no blocks: single values from the second poll on
            reading = await meter.poll(frozenset({"fast", "normal", "slow"}))
            assert await link.read_addresses(1.0) == [int(ADDRESS)]
            with pytest.raises(MeterRejection):
                await link.read_block(Request(int(ADDRESS), 0x11, 0x02FFFFFF, 4), 1.0)
        finally:
            await link.close()
        for name, (_, value) in SHOWN.items():
            assert reading.values[name] == pytest.approx(value * 1000 if name in KILO else value), name
        assert {name: reading.values[name] for name in CLOCK} == {name: int(text) for name, (_, text) in CLOCK.items()}

    with their_meter() as wire:
        asyncio.run(scene(wire))


@contextmanager
def our_meter() -> Iterator[int]:
    """The simulated meter at a TCP port."""
    values = {name: value * 1000 if name in KILO else value for name, (_, value) in SHOWN.items()}
    meter = EnergyMeter(ADDRESS, lambda: values)
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        received, (connection, _) = bytearray(), server.accept()
        with connection:
            while data := connection.recv(4096):
                received += data
                if (ask := first_ask(received)) and (answer := meter.answer(ask)):
                    connection.sendall(meter_frame(ADDRESS, *answer))

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield server.getsockname()[1]
    finally:
        server.close()
        thread.join(2.0)


def test_their_master_reads_our_simulated_meter() -> None:
    with our_meter() as port:
        client = dlt645.MeterClientService.new_tcp_client("127.0.0.1", port, 2.0)
        try:
            assert client.set_address(THEIR_ADDRESS)
            for name in (
                "energy_import",
                "voltage_l1n",
                "current_l3",
                "active_power_mean_1min",
                "power_factor",
                "frequency",
            ):
                identifier, value = SHOWN[name]
                item = (client.read_00 if identifier < 0x01000000 else client.read_02)(identifier)
                assert item is not None, name
                assert float(item.value) == pytest.approx(value), name
        finally:
            client.disconnect()
