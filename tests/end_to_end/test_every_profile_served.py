"""Every shipped map on one wire: `magwatt read`, libmodbus and mbpoll against what the virtual devices hold."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from profilekit import RATING_KW, example, exponents
from testkit import real_command

from benchmarks.peers import LibModbus, missing
from drivers.profiles import load_profile, profile_ids
from drivers.reading import Value
from drivers.registers import Block, plan_blocks, usable
from drivers.vocabulary import metric_name_of
from drivers.wire import Wire
from simulators.bus import judge
from simulators.bus.faults import Line
from simulators.bus.tcp import TcpBus
from simulators.devices.device import SimulatedDevice

HEAD = """
[site]
id = "s"
gateway = "g"
simulated = true
[bus.b]
tcp = "{where}"
every = "60s"
"""


class Served(NamedTuple):
    name: str
    unit: int
    profile_id: str
    values: dict[str, Value]
    device: SimulatedDevice


def all_served() -> list[Served]:
    found = []
    for unit, profile_id in enumerate(profile_ids(), 1):
        profile = load_profile(profile_id)
        values: dict[str, Value] = {
            row.name: "AB12" if row.type == "string" else example(row, 0.4)
            for row in profile.registers
            if row.name != "user_scale_current_decimals"
        }
        # A sunspec map's scale registers lie where the device puts the model; it picks what fits.
        given = exponents(profile) if profile.dialect == "modbus" else {}
        device = SimulatedDevice(
            unit, profile, lambda values=values: values, rating_kw=RATING_KW, exponents=given  # type: ignore[misc]
        )  # fmt: skip
        found.append(Served(profile_id.replace("/", "-"), unit, profile_id, values, device))
    return found


@pytest.fixture(scope="module")
def wire() -> Iterator[tuple[Wire, list[Served]]]:
    served = all_served()
    bus = TcpBus([item.device for item in served])
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    host, port = asyncio.run_coroutine_threadsafe(bus.start(), loop).result(20).split(":")
    yield Wire("b", host=host, port_number=int(port)), served
    asyncio.run_coroutine_threadsafe(bus.stop(), loop).result(20)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(5)
    loop.close()


def blocks_of(item: Served) -> tuple[Block, ...]:
    """As the planner asks, at the device's own addresses."""
    return plan_blocks(item.device.profile, usable(item.device.profile))


def test_magwatt_reads_every_model(wire: tuple[Wire, list[Served]], tmp_path: Path) -> None:
    bus, served = wire
    text = HEAD.format(where=f"{bus.host}:{bus.port_number}")
    for item in served:
        if not blocks_of(item):
            continue  # all of it waits for a self-check, or it is no Modbus
        kind = load_profile(item.profile_id).kind
        table, more = ("drive", f'comm_loss = "not used"\nkw = {RATING_KW}\n') if kind == "vfd" else ("meter", "")
        if table == "meter":
            more = 'at = "motor"\nclass = "0.5"\n'
        text += f'[{table}.{item.name}]\nbus = "b"\nunit = {item.unit}\nprofile = "{item.profile_id}"\n{more}'
    config = tmp_path / "plant.toml"
    config.write_text(text)
    done = subprocess.run(
        [sys.executable, "-P", "-c", "from agent.cli import main; main()", "read", str(config), "--json"],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr + done.stdout[-2000:]
    rows: dict[str, dict[str, Any]] = {row["device"]: row for row in map(json.loads, done.stdout.splitlines())}
    for item in served:
        if not blocks_of(item):
            assert item.name not in rows
            continue
        row = rows[item.name]
        assert "error" not in row, row
        for register in usable(load_profile(item.profile_id)):
            got = row["values"][metric_name_of(register.name)]
            if register.name in item.values:
                # `read` shows six digits, counters three decimals; SunSpec's own scale may be coarser than that
                expected, coarse = item.values[register.name], 0.05 if register.scale_from else 0.0
                assert got == pytest.approx(expected, rel=1e-5, abs=5e-4 + coarse), f"{item.name} {register.name}"


def test_libmodbus_reads_the_same_words(wire: tuple[Wire, list[Served]]) -> None:
    if how := missing().get("libmodbus"):
        pytest.skip(f"libmodbus is not installed; {how}")
    bus, served = wire
    master = LibModbus(bus, Line.TCP)
    try:
        for item in served:
            for block in blocks_of(item):
                words = master.read(judge.Block(item.unit, block.function, block.address, block.count))
                assert list(words) == item.device.read(block.function, block.address, block.count), (item.name, block)
    finally:
        master.close()


def test_mbpoll_reads_the_same_words(wire: tuple[Wire, list[Served]]) -> None:
    """One block of each model: each costs a process."""
    mbpoll = real_command("mbpoll")
    bus, served = wire
    for item in served:
        for block in blocks_of(item)[:1]:
            where = ["-m", "tcp", "-p", str(bus.port_number), "-a", str(item.unit)]
            what = ["-t", {3: "4:hex", 4: "3:hex"}[block.function], "-0", "-r", str(block.address), "-c",
                    str(block.count), "-1"]  # fmt: skip
            done = subprocess.run([mbpoll, *where, *what, bus.host], capture_output=True, text=True, timeout=20)
            words = [int(word, 16) for word in re.findall(r"\]:\s+0x([0-9A-F]+)", done.stdout)]
            assert words == item.device.read(block.function, block.address, block.count), done.stdout + done.stderr
