"""The simulated PLC, read by frames written here: its data blocks contain what its devices show."""

from __future__ import annotations

import asyncio
import struct
from random import Random

import pytest
from support.s7_plc import framed, sent_in

from drivers.reasons import InvalidValue
from simulators import reasons as codes
from simulators.reasons import PortError
from simulators.scenarios.bench import DeviceBench, parse_devices

CONNECT = bytes.fromhex("11E0 0000 0001 00 C1020100 C2020301 C0010A")
SET_UP = bytes.fromhex("32010000 0001 0008 0000 F000 0001 0001 00F0")


async def block_of(where: str, number: int, size: int) -> bytes:
    """The content of a data block: connection, set up, one read."""
    host, port = where.split(":")
    reader, writer = await asyncio.open_connection(host, int(port))

    async def exchange(frame: bytes) -> bytes:
        writer.write(frame)
        head = await reader.readexactly(4)
        return await reader.readexactly(int.from_bytes(head[2:], "big") - 4)

    assert (await exchange(framed(CONNECT)))[1] == 0xD0
    await exchange(framed(b"\x02\xf0\x80", SET_UP))
    item = struct.pack(">BBBBHHB3s", 0x12, 10, 0x10, 2, size, number, 0x84, bytes(3))
    read = framed(b"\x02\xf0\x80", bytes.fromhex("32010000 0002 000E 0000 0401") + item)
    assert sent_in(read)[0].items == ((0x84, number, 0, size, 2),)
    answer = await exchange(read)
    writer.close()
    await writer.wait_closed()
    assert answer[3 + 14 : 3 + 16] == b"\xff\x04", answer.hex(" ")
    return answer[3 + 18 :]


def test_the_blocks_contain_the_values_of_their_devices() -> None:
    """Structures of docs/how-to/s7.md, unpacked here; REAL has 24 bits, so that its relative step is 6e-8."""
    bench = DeviceBench(parse_devices(["siemens/s7-drive@100", "siemens/s7-meter@7"]), Random(4))
    (plc,) = bench.outlets.values()

    async def scene() -> tuple[bytes, bytes, bytes]:
        where = await plc.start()
        before = await block_of(where, 100, 36)
        bench.step(30.0)
        found = before, await block_of(where, 100, 36), await block_of(where, 7, 44)
        await plc.stop()
        return found

    before, drive, meter = asyncio.run(scene())
    assert before != drive
    values = bench.devices[0].values
    names = ("motor_speed", "motor_current", "motor_torque_nm", "motor_power", "output_voltage", "output_frequency",
             "dc_bus_voltage", "motor_temperature")  # fmt: skip
    assert struct.unpack(">HH", drive[:4]) == (values["status_word"], values["fault_code"])
    assert struct.unpack(">8f", drive[4:]) == pytest.approx([values[name] for name in names], rel=1e-7)
    shown = bench.devices[1].values
    assert struct.unpack(">f", meter[:4])[0] == pytest.approx(shown["active_power"], rel=1e-7)
    assert struct.unpack(">d", meter[36:])[0] == shown["energy_import"]


def test_a_port_that_is_taken_is_a_port_error() -> None:
    async def scene() -> None:
        server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        (plc,) = DeviceBench(parse_devices(["siemens/s7-drive"]), Random(4), port=port).outlets.values()
        try:
            with pytest.raises(PortError):
                await plc.start()
        finally:
            server.close()

    asyncio.run(scene())


@pytest.mark.parametrize(("names", "line"), [(["siemens/s7-drive", "eastron/sdm630"], ""),
                                             (["siemens/s7-drive"], "19200 8N1")])  # fmt: skip
def test_a_plc_is_alone_on_its_bus(names: list[str], line: str) -> None:
    with pytest.raises(InvalidValue) as error:
        DeviceBench(parse_devices(names), Random(4), line=line)
    assert error.value.reason.code == codes.PLC_ALONE
