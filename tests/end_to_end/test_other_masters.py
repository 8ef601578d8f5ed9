"""`magwatt read`, mbpoll and libmodbus on the same devices: all three agree with the manufacturers' lists.

Over TCP and on a serial line with real timing. The register values are constants in this file: they agree to the last
digit.
"""

from __future__ import annotations

import json
import re
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from support.basics import real_command
from support.fault_matrix import FaultStep, Line
from support.scripted_slave import ModbusTcp, RtuPty, open_line

from benchmarks.peers import LibModbus, missing
from drivers.bus_settings import BusSettings
from simulators.bus.frames import Ask, ReadBlock


class Fact(NamedTuple):
    """A quantity of a device: its address (from 0), its encoding, and its metric in `magwatt read`."""

    device: str
    unit: int
    function: int
    address: int
    kind: str  # format of struct, big-endian
    raw: float
    metric: str
    value: float


# Addresses: Eastron SDM630 Modbus protocol (30001, 30007, 30053, 30071); Yaskawa GA800 manual (0040H, 0041H).
FACTS = (
    Fact("meter", 11, 4, 0, "f", 229.5, "voltage_l1n_v", 229.5),
    Fact("meter", 11, 4, 6, "f", 81.25, "current_l1_a", 81.25),
    Fact("meter", 11, 4, 52, "f", 52417.0, "active_power_w", 52417.0),
    Fact("meter", 11, 4, 70, "f", 50.0625, "frequency_hz", 50.0625),
    Fact("drive", 31, 3, 0x40, "H", 5000, "reference_frequency_hz", 50.0),
    Fact("drive", 31, 3, 0x41, "H", 4987, "output_frequency_hz", 49.87),
)
MEMORY = {
    (fact.unit, fact.function, fact.address + at): word
    for fact in FACTS
    for at, (word,) in enumerate(struct.iter_unpack(">H", struct.pack(f">{fact.kind}", fact.raw)))
}
CONFIG = """
[site]
id = "s"
gateway = "g"
simulated = true
[bus.b]
{where}
poll_interval = "1s"
listen_before_start = "0s"
[meter.meter]
bus = "b"
unit_id = 11
profile = "eastron/sdm630"
measuring_point = "drive-input"
class = "0.5"
[drive.drive]
bus = "b"
unit_id = 31
profile = "yaskawa/ga800"
kw = 55
fed_by = "meter"
comm_loss = "not used"
"""


def remembered(ask: Ask) -> list[FaultStep]:
    words = [MEMORY.get((ask.unit, ask.function, ask.address + at), 0) for at in range(ask.count)]
    return [FaultStep(ask.frame(words))] if ask.unit in (11, 31) else []


@pytest.fixture(params=[Line.RTU, Line.TCP], ids=str)
def line(request: pytest.FixtureRequest) -> Iterator[RtuPty | ModbusTcp]:
    found = open_line(request.param, remembered)
    assert isinstance(found, RtuPty | ModbusTcp)
    found.start()
    yield found
    found.stop()


def test_magwatt_reads_the_facts(line: RtuPty | ModbusTcp, tmp_path: Path) -> None:
    serial = f'serial = "{line.serial_port}"\nline = "19200 8N1"'
    config = tmp_path / "plant.toml"
    config.write_text(CONFIG.format(where=serial if line.serial_port else f'tcp = "{line.host}:{line.port_number}"'))
    done = subprocess.run(
        [sys.executable, "-P", "-c", "from agent.cli import main; main()", "read", str(config), "--json"],
        capture_output=True, text=True, timeout=180,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    rows: dict[str, dict[str, Any]] = {row["device"]: row for row in map(json.loads, done.stdout.splitlines())}
    for fact in FACTS:
        assert rows[fact.device]["values"][fact.metric] == fact.value, fact


def test_mbpoll_reads_the_facts(line: RtuPty | ModbusTcp) -> None:
    mbpoll = real_command("mbpoll")
    where = (
        ["-m", "rtu", "-b", "19200", "-P", "none"] if line.serial_port else ["-m", "tcp", "-p", str(line.port_number)]
    )
    for fact in FACTS:
        table = {3: "4", 4: "3"}[fact.function] + (":float" if fact.kind == "f" else "")
        what = ["-a", str(fact.unit), "-t", table, "-B", "-r", str(fact.address + 1), "-c", "1", "-1"]
        command = [mbpoll, *where, *what, line.serial_port or line.host]
        done = subprocess.run(command, capture_output=True, text=True, timeout=180)
        found = re.search(rf"\[{fact.address + 1}\]:\s+(\S+)", done.stdout)
        assert found, done.stdout + done.stderr
        assert float(found[1]) == pytest.approx(fact.raw, rel=1e-5), "mbpoll prints six digits"


def test_libmodbus_reads_the_facts(line: RtuPty | ModbusTcp) -> None:
    if how := missing().get("libmodbus"):
        pytest.skip(f"libmodbus is not installed; {how}")
    wire = BusSettings("b", host=line.host, port_number=line.port_number, serial_port=line.serial_port)
    master = LibModbus(wire, line.kind)
    try:
        for fact in FACTS:
            size = struct.calcsize(fact.kind)
            words = master.read(ReadBlock(fact.unit, fact.function, fact.address, size // 2))
            (raw,) = struct.unpack(f">{fact.kind}", struct.pack(f">{size // 2}H", *words))
            assert raw == fact.raw, fact
    finally:
        master.close()
