"""What can leave towards a PLC: connection, set up, read of a data block. Nothing writes, controls or loads."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any

import pytest
from snap7.datatypes import S7Area, S7WordLen
from snap7.s7protocol import S7Protocol
from support.s7_plc import CONNECT, DATA, DISCONNECT, Recorder, sent_in

from agent.acquisition.scheduler import BusPoller, PolledDevice
from agent.commissioning.doctor.bus import examine_bus
from agent.config.model import Bus
from agent.core.clock import SystemClock
from drivers.bus_settings import BusSettings
from drivers.modbus_device import ModbusDevice
from drivers.profiles import load_profile
from drivers.s7_connection import ReadOnlyConnection
from drivers.s7_link import S7Link
from drivers.s7_place import unit_of
from simulators.scenarios.bench import DeviceBench, parse_devices

ROOT = Path(__file__).parents[2]
ARGUMENTS: Mapping[str, Any] = {  # of the builders of the library, by the name of the parameter
    "area": S7Area.DB, "db_number": 1, "start": 0, "word_len": S7WordLen.BYTE, "count": 2, "data": b"\0\0",
    "operation": "stop", "block_type": 0x41, "block_num": 1, "block_data": b"\0" * 40, "upload_id": 1, "sequence": 1,
    "is_last": True, "szl_id": 0x11, "szl_index": 0, "group": 4, "subfunction": 1, "sequence_number": 1,
    "dt": datetime(2026, 1, 1), "encoded_password": b"\0" * 8, "items": [(0x84, 1, 0, 4)],  # noqa: DTZ001
}  # fmt: skip
READS = {"build_read_request", "build_multi_read_request", "build_setup_communication_request"}
BUILDERS = [name for name in dir(S7Protocol) if name.startswith("build_")]


def built(name: str) -> bytes:
    function = getattr(S7Protocol(), name)
    wanted = function.__code__.co_varnames[: function.__code__.co_argcount]
    pdu: bytes = function(**{key: ARGUMENTS[key] for key in wanted if key in ARGUMENTS})
    return pdu


@pytest.mark.parametrize("name", BUILDERS)
def test_of_all_requests_that_the_library_builds_only_reads_pass(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    passed: list[bytes] = []
    monkeypatch.setattr("snap7.connection.ISOTCPConnection.send_data", lambda self, data: passed.append(data))
    pdu, connection = built(name), ReadOnlyConnection("127.0.0.1")
    if name in READS:
        connection.send_data(pdu)
        assert passed == [pdu]
    else:
        with pytest.raises(ValueError, match="not a read request"):
            connection.send_data(pdu)
        assert not passed


def test_the_library_can_do_more_than_read() -> None:
    """Otherwise the test above would prove nothing: writing, control, upload, download, user data."""
    functions = {(pdu[1], pdu[10]) for pdu in map(built, BUILDERS) if len(pdu) > 10}
    assert {(1, 0x05), (1, 0x28), (1, 0x29), (1, 0x1A), (1, 0x1D)} <= functions
    assert any(kind == 7 for kind, _ in functions)


def test_a_read_with_data_does_not_pass() -> None:
    """The function of a write request changed to that of a read."""
    pdu = bytearray(built("build_write_request"))
    pdu[10] = 4
    with pytest.raises(ValueError, match="not a read request"):
        ReadOnlyConnection("127.0.0.1").send_data(bytes(pdu))


def test_recorded_bytes_of_polls_examination_and_rejections_only_read() -> None:
    """Everything that the product does with a PLC, through a recorder in front of the library's server."""

    async def scene() -> bytes:
        bench = DeviceBench(parse_devices(["siemens/s7-drive", "siemens/s7-meter"]), Random(3))
        (plc,) = bench.outlets.values()
        port = int((await plc.start()).split(":")[1])
        async with Recorder(port) as recorder:
            wire = BusSettings("plc", "127.0.0.1", recorder.port, rack_slot=(0, 1))
            link, clock = S7Link(wire), SystemClock()
            devices = [
                ModbusDevice(f"d{block}", load_profile(name), unit_of(block, first), link, clock)
                for block, first, name in ((1, 0, "siemens/s7-drive"), (2, 0, "siemens/s7-meter"),
                                           (1, 32, "siemens/s7-drive"), (9, 0, "siemens/s7-meter"))
            ]  # fmt: skip
            bus = Bus("plc", None, (19200, 8, "N", 1), ("127.0.0.1", recorder.port), "s7", 1.0, 0.0, None, None)
            poller = BusPoller(bus, [PolledDevice(item, 1.0, {}) for item in devices], link, clock, print, Random(1))
            for _ in range(4):
                last = [await poller.poll_once(item) for item in poller.devices]
            read = [{name for name, value in reading.values.items() if value is not None} for reading in last]
            assert [len(names) for names in read] == [6, 4, 2, 0], "d2: only 4 bytes of the structure are in the block"
            await examine_bus(poller, 1)
            await link.close()
        await plc.stop()
        return bytes(recorder.sent)

    sent = sent_in(asyncio.run(scene()))
    assert {frame.cotp for frame in sent} == {CONNECT, DATA, DISCONNECT}
    data = [frame for frame in sent if frame.cotp == DATA]
    assert {(frame.kind, frame.function, frame.n_data) for frame in data} == {(1, 0xF0, 0), (1, 0x04, 0)}
    assert {item[0] for frame in data for item in frame.items} == {0x84}, "only data blocks"
    assert sum(frame.function == 4 for frame in data) > 20


def test_only_two_modules_import_the_library() -> None:
    found = {
        str(path.relative_to(ROOT))
        for part in ("agent", "drivers", "dsp", "simulators")
        for path in (ROOT / part).rglob("*.py")
        if "snap7" in (text := path.read_text(encoding="utf-8"))
        and re.search(r"^\s*(from|import) snap7\b", text, re.MULTILINE)
    }
    assert found == {"drivers/s7_connection.py", "simulators/bus/plc_server.py"}
