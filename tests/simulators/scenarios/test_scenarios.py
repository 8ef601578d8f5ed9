"""Virtual devices of any model: consistent values, realistic buses, errors in one line."""

from __future__ import annotations

import asyncio
import itertools
import json
import math
import os
import socket
import struct
import time
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from click.testing import CliRunner

from agent.cli import main
from agent.config.loader import load_config
from agent.core.text import text_of
from drivers.file_reasons import DID_YOU_MEAN
from drivers.profile_reasons import PROFILE_UNKNOWN
from drivers.profiles import load_profile, profile_ids
from drivers.reasons import InvalidValue, Reason
from drivers.vocabulary import vocabulary
from simulators.bus.frames import crc_valid, rtu_request
from simulators.bus.line_settings_segment import LineSettingsSegment
from simulators.bus.noisy_segment import CableNoise, NoisyStation
from simulators.devices.bench import BenchDevice
from simulators.devices.device import Refused
from simulators.devices.reference_motor import ReferenceMotor, draw_machine
from simulators.endpoints import Endpoints
from simulators.reasons import (
    BAUD_UNSUPPORTED,
    BENCH_FULL,
    BENCH_UNIT_ID,
    BENCH_UNIT_ID_TAKEN,
    PROPRIETARY_PROTOCOL,
    TCP_PORT_NOT_OPENED,
)
from simulators.scenarios import bench, load, noisy_line
from simulators.serve import serve

SERVED = [name for name in profile_ids() if load_profile(name).uses_modbus]


def device(name: str, seed: int = 3) -> BenchDevice:
    return BenchDevice(load_profile(name), 7, Random(seed))


def numbers(item: BenchDevice) -> dict[str, float]:
    return {name: value for name, value in item.values.items() if isinstance(value, int | float)}


def test_the_energies_of_a_single_phase_meter_are_those_of_its_phase() -> None:
    """Energy in an hour = mean power; the load changes by at most 4.5 % in that time."""
    item = device("eastron/sdm120", 1)
    before = dict(item.values)
    for _ in range(60):
        item.step(60.0)
    for energy, power in (("energy_import", "active_power"), ("reactive_energy_import", "reactive_power")):
        grown = 1000 * (item.values[energy] - before[energy])  # type: ignore[operator]
        assert grown == pytest.approx(before[power], rel=0.1)


@pytest.mark.parametrize("name", SERVED)
@pytest.mark.parametrize("seed", [1, 2])
def test_each_register_has_a_plausible_value(name: str, seed: int) -> None:
    item = device(name, seed)
    for row in item.profile.registers:
        if row.type == "string":
            continue
        value, quantity = item.values[row.name], vocabulary()[row.name]
        assert isinstance(value, int | float), row.name
        low, high = row.window or (quantity.low, quantity.high)
        assert (low is None or low <= value) and (high is None or value <= high), (row.name, value)  # noqa: PT018


@pytest.mark.parametrize("seed", range(8))
def test_a_meters_values_agree_with_each_other(seed: int) -> None:
    """IEEE 1459: P is the sum of the phases, S² ≥ P² + Q², pf = P/S; line voltages about √3 phase voltages."""
    for _ in range(20):
        item = device("eastron/sdm630", seed)
        item.step(1.7)
        v = numbers(item)
        assert v["active_power"] == pytest.approx(sum(v[f"active_power_l{k}"] for k in (1, 2, 3)))
        for k in (1, 2, 3):
            p, q, s = (v[f"{kind}_power_l{k}"] for kind in ("active", "reactive", "apparent"))
            assert s == pytest.approx(v[f"voltage_l{k}n"] * v[f"current_l{k}"])
            assert p**2 + q**2 <= s**2 * (1 + 1e-9)
        assert v["power_factor"] == pytest.approx(v["active_power"] / v["apparent_power"])
        assert v["voltage_ll_avg"] == pytest.approx(math.sqrt(3) * v["voltage_ln_avg"], rel=1e-4)


@pytest.mark.parametrize("seed", range(8))
def test_a_drives_values_agree_with_each_other(seed: int) -> None:
    item = device("abb/acs880", seed)
    v, machine = numbers(item), item.machine
    assert 1.3 < v["dc_bus_voltage"] / v["mains_voltage"] < 1.45, (
        "a diode bridge: from 1.35 under load to √2 at no load"
    )
    synchronous = 120 * v["output_frequency"] / machine.poles
    assert v["motor_speed"] == pytest.approx(synchronous, rel=0.06 if machine.induction else 1e-9)
    assert v["motor_speed"] <= synchronous * (1 + 1e-9)
    shaft_kw = v["motor_torque_nm"] * v["motor_speed"] * math.pi / 30 / 1000
    assert 0.8 < shaft_kw / v["motor_power"] < 1.02, (
        "an efficiency; torque and power of drives have errors of some percent"
    )
    assert v["motor_power"] * 1000 <= math.sqrt(3) * v["output_voltage"] * v["motor_current"] * 1.05


@pytest.mark.parametrize(
    ("name", "power", "energy", "per_kw"),
    [
        ("eastron/sdm630", "active_power", "energy_import", 1e-3),
        ("eastron/sdm120", "active_power", "energy_import", 1e-3),
        ("abb/acs880", "motor_power", "energy_kwh", 1.0),
    ],
)
def test_the_energy_is_the_integral_of_the_power(name: str, power: str, energy: str, per_kw: float) -> None:
    item = device(name)
    begin, kwh, last = numbers(item)[energy], 0.0, numbers(item)[power]
    moves = []
    for _ in range(4000):
        item.step(0.25)
        now = numbers(item)
        kwh += (last + now[power]) / 2 * per_kw * 0.25 / 3600
        moves.append(abs(now[power] / last - 1))
        last = now[power]
    assert numbers(item)[energy] - begin == pytest.approx(kwh, rel=1e-6)
    assert 1e-4 < max(moves) < 0.02, "it changes, and slowly"


@pytest.mark.parametrize("seed", range(8))
def test_a_rectifier_draws_the_power_of_its_drive_from_unbalanced_phases(seed: int) -> None:
    chance = Random(seed)
    motor = ReferenceMotor(draw_machine(chance, 200.0, True), chance.uniform(0.3, 1.0), seed, driven=True, speed=0.8)
    u, i, _, _ = motor.phases(0.0)
    taken_w = sum((a * b.conjugate()).real for a, b in zip(u, i, strict=True))
    assert taken_w == pytest.approx(1000 * motor.drive(0.0)["input_power"], rel=1e-9)


def test_a_counter_of_16_bits_starts_again_at_0() -> None:
    """Mitsubishi's kWh: one register of 16 bits."""
    item, seen = device("mitsubishi/fr-a800"), []
    for _ in range(40):
        item.step(3600.0 * 400)
        seen.append(numbers(item)["energy_kwh"])
    falls = [later - earlier for earlier, later in itertools.pairwise(seen) if later < earlier]
    assert max(seen) < 65536
    assert falls
    assert all(-65536 < fall < -30000 for fall in falls)


def test_megawatt_hours_are_in_a_separate_register() -> None:
    item = device("abb/acs550")
    before = numbers(item)
    for _ in range(100):
        item.step(3600.0)
    after = numbers(item)
    gained = 1000 * (after["energy_mwh"] - before["energy_mwh"]) + after["energy_kwh"] - before["energy_kwh"]
    assert 0 <= after["energy_kwh"] < 1000
    assert gained == pytest.approx(100 * after["motor_power"], rel=0.05)


def test_same_seed_same_devices() -> None:
    def displayed(seed: int) -> Any:
        plant = bench.DeviceBench(bench.parse_devices(["abb/b23", "yaskawa/ga800"]), Random(seed))
        for _ in range(5):
            plant.step(0.25)
        return plant.truth()

    assert displayed(4) == displayed(4)
    assert displayed(4) != displayed(5)


def test_unit_ids_are_assigned_around_requested_ones() -> None:
    found = bench.parse_devices(["abb/b23", "abb/b23@1", "abb/b23", "abb/b23@3"])
    assert [item.unit for item in found] == [2, 1, 4, 3]


def open_bench(plant: bench.DeviceBench, client_task: Callable[[str], None]) -> None:
    async def run() -> None:
        (outlet,) = plant.outlets.values()
        try:
            await asyncio.to_thread(client_task, await outlet.start())
        finally:
            await outlet.stop()

    asyncio.run(run())


def exchange(port: int, request: bytes, seconds: float, least: int = 0) -> tuple[bytes, float]:
    """Return the bytes received within that time, or later up to a number of bytes; and when the last one arrived."""
    begin = last = time.monotonic()
    os.write(port, request)
    got = b""
    while time.monotonic() < begin + (60 if len(got) < least else seconds):
        try:
            got += os.read(port, 512)
            last = time.monotonic()
        except BlockingIOError:
            time.sleep(0.001)
    return got, last - begin


@pytest.fixture
def opened() -> Iterator[Callable[[str], int]]:
    files: list[int] = []

    def open_it(path: str) -> int:
        import termios

        fd = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        files.append(fd)
        attributes = termios.tcgetattr(fd)
        attributes[4] = attributes[5] = termios.B9600
        termios.tcsetattr(fd, termios.TCSANOW, attributes)
        return fd

    yield open_it
    for fd in files:
        os.close(fd)


def test_a_serial_line_has_its_speed_and_timing(opened: Callable[[str], int]) -> None:
    """9600 8E1: 8 + 45 characters of 11 bits and two silences of 3.5 take 69 ms; 10 ms for the device."""
    plant = bench.DeviceBench(bench.parse_devices(["eastron/sdm630@11"]), Random(1), line="9600 8E1")

    def client_task(path: str) -> None:
        port = opened(path)
        least_s = 1.0  # of five at most: a busy host can delay it, never advance it
        for _ in range(5):
            answer, took_s = exchange(port, rtu_request(11, 4, 0, 20), 0.25, 45)
            assert crc_valid(answer)
            assert answer[:3] == bytes((11, 4, 40))
            least_s = min(least_s, took_s)
            if least_s < 0.15:
                break
        assert 0.069 < least_s < 0.15
        assert exchange(port, rtu_request(12, 4, 0, 20), 0.15)[0] == b"", "no such unit: no response"
        assert exchange(port, rtu_request(11, 4, 0, 20)[:-1] + b"\x00", 0.15)[0] == b"", "damaged: silence"
        assert exchange(port, b"\x0b\x04\x00", 0.5)[0] == b"", "an incomplete request is discarded"
        assert crc_valid(exchange(port, rtu_request(11, 4, 0, 20), 0.25, 45)[0])
        refused = exchange(port, rtu_request(11, 4, 60000, 2), 0.15, 5)[0]
        assert refused[:3] == bytes((11, 0x84, 2))

    open_bench(plant, client_task)


def test_each_kind_of_device_has_its_documented_registers_over_tcp() -> None:
    """Yaskawa 0041H in 0.01 Hz; a SunSpec marker at 40000; an absent unit behind a gateway is 0x0B."""
    plant = bench.DeviceBench(bench.parse_devices(["yaskawa/ga800@3", "sunspec/meter-203@4"]), Random(1))

    def client_task(where: str) -> None:
        host, port = where.split(":")
        with socket.create_connection((host, int(port)), timeout=60) as client:

            def ask(unit: int, address: int, count: int) -> bytes:
                client.sendall(struct.pack(">HHHBBHH", 1, 0, 6, unit, 3, address, count))
                return client.recv(300)[7:]

            assert int.from_bytes(ask(3, 0x41, 1)[2:]) == round(100 * numbers(plant.devices[0])["output_frequency"])
            assert ask(4, 40000, 2)[2:] == b"SunS"
            assert ask(9, 0, 1) == bytes((0x83, 0x0B))

    open_bench(plant, client_task)


@pytest.mark.parametrize("line", ["", "19200 8E1"])
def test_the_configuration_is_ready_for_the_agent(tmp_path: Path, line: str) -> None:
    scenario = bench.scenario(bench.parse_devices(SERVED), 1, line=line)
    ends = Endpoints(rtu_port="/dev/pts/7") if line else Endpoints("127.0.0.1:1502")
    text = scenario.config_toml(ends, "mqtt://127.0.0.1:1883", "state")
    file = tmp_path / "plant.toml"
    file.write_text(text)
    config, report = load_config(file)
    assert report.findings == []
    assert len(config.meters) + len(config.drives) == len(SERVED)
    assert len(config.motors) == len(config.drives) > 25
    assert {drive["comm_loss"] for drive in tomllib.loads(text)["drive"].values()} == {"not used"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--device", "eastron/sdm63", "--tcp"], "'eastron/sdm630'"),
        (["--device", "eastron/sdm630@5", "--device", "yaskawa/ga800@5", "--tcp"], "yaskawa/ga800@5: eastron/sdm630"),
        (["--device", "eastron/sdm630@248", "--tcp"], "eastron/sdm630@248: "),
        (["--device", "eastron/sdm630@x", "--tcp"], "eastron/sdm630@x: "),
        (["--device", "huanyang/hy", "--serial"], "huanyang/hy: "),
        (["--device", "eastron/sdm630", "--serial", "--line", "9600 9X1"], "9600 9X1"),
        (["--device", "eastron/sdm630", "--serial", "--line", "12345 8N1"], "12345"),
        (["--device", "eastron/sdm630", "--tcp", "--line", "9600 8N1"], "`--line`"),
        (["--device", "eastron/sdm630"], "`--serial`"),
        (["--device", "eastron/sdm630", "--tcp", "--serial"], "`--serial`"),
        (["--device", "eastron/sdm630", "--tcp", "70000"], "70000"),
        (["pump-station", "--device", "eastron/sdm630", "--tcp"], "`--device`"),
        (["pump-station", "--tcp"], "`--device`"),
        (["pump-station", "--plc"], "pump-station"),
        (["pump-statio"], "'pump-station'"),
        (["--device", "abb/b23", "--tcp", *["--device", "abb/b23"] * 247], "248"),
    ],
)
def test_an_invalid_option_is_one_line_and_leaves_no_file(arguments: list[str], words: str, tmp_path: Path) -> None:
    config = tmp_path / "plant.toml"
    done = CliRunner().invoke(main, ["simulate", *arguments, "--write-config", str(config)])
    assert done.exit_code == 2
    assert words in done.stderr
    assert done.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("devices", "reason"),
    [
        (["eastron/sdm63"], DID_YOU_MEAN(problem=PROFILE_UNKNOWN(profile="eastron/sdm63"), near="eastron/sdm630")),
        (["zzz"], PROFILE_UNKNOWN(profile="zzz")),
        (["eastron/sdm630@5", "yaskawa/ga800@5"],
         BENCH_UNIT_ID_TAKEN(profile="yaskawa/ga800", unit_id=5, other="eastron/sdm630")),
        (["eastron/sdm630@248"], BENCH_UNIT_ID(profile="eastron/sdm630", text="248", unit_id_max=247)),
        (["eastron/sdm630@x"], BENCH_UNIT_ID(profile="eastron/sdm630", text="x", unit_id_max=247)),
        (["huanyang/hy"], PROPRIETARY_PROTOCOL(profile="huanyang/hy")),
        (["abb/b23"] * 248, BENCH_FULL(n=248, unit_id_max=247)),
    ],
)  # fmt: skip
def test_devices_that_cannot_be_simulated(devices: list[str], reason: Reason) -> None:
    with pytest.raises(InvalidValue) as caught:
        bench.parse_devices(devices)
    assert caught.value.reason == reason


def test_a_baud_rate_that_a_pseudo_terminal_does_not_support() -> None:
    with pytest.raises(InvalidValue) as caught:
        bench.check_line("12345 8N1")
    assert caught.value.reason == BAUD_UNSUPPORTED(baud="12345")


def test_a_port_in_use_is_an_error_of_one_line_and_leaves_no_file(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        config = tmp_path / "plant.toml"
        done = CliRunner().invoke(
            main, ["simulate", "--device", "abb/b23", "--tcp", str(port), "--write-config", str(config)]
        )
    assert done.exit_code == 2
    assert done.stderr == f"simulate: {text_of(TCP_PORT_NOT_OPENED(port=port))}\n"
    assert not list(tmp_path.iterdir())


def test_a_serial_line_leaves_no_files(tmp_path: Path) -> None:
    config = tmp_path / "plant.toml"
    done = CliRunner().invoke(
        main, ["simulate", "--device", "abb/b23", "--serial", "--seconds", "1", "--write-config", str(config)]
    )
    assert done.exit_code == 0
    port = tomllib.loads(config.read_text())["bus"]["bench"]["serial"]
    assert port in done.stdout
    assert not Path(port).parent.exists()


def responses_of(
    cable: CableNoise, times: int, opened: Callable[[str], int], seconds: float = 0.12
) -> tuple[list[tuple[bytes, float]], NoisyStation]:
    """Send a request several times to a meter on that cable; wait `seconds` beyond the due time of each response."""
    segment = LineSettingsSegment("9600 8E1")
    station = NoisyStation(segment, device("eastron/sdm630").served, Random(9), cable)
    path = segment.port("agent")
    segment.start()
    try:
        port = opened(path)
        wait_s = seconds + 0.33 if cable.late else seconds
        return [exchange(port, rtu_request(7, 4, 0, 2), wait_s) for _ in range(times)], station
    finally:
        segment.stop()


@pytest.mark.alone
def test_each_fault_of_the_cable_has_the_effect_of_its_name(opened: Callable[[str], int]) -> None:
    none = dict.fromkeys(("stray_before", "stray_after", "damaged", "truncated", "late"), 0.0)
    ((right, _),), _ = responses_of(CableNoise(**none), 1, opened, 1.0)
    assert crc_valid(right)
    for name, proof in (
        ("stray_before", lambda got, _: got.endswith(right) and 1 <= len(got) - len(right) <= 8),
        ("stray_after", lambda got, _: got.startswith(right) and len(got) == len(right) + 1),
        ("damaged", lambda got, _: len(got) == len(right) and not crc_valid(got)),
        ("truncated", lambda got, _: right.startswith(got) and len(got) < len(right)),
        ("late", lambda got, took_s: got == right and took_s > 0.3),
    ):
        for patience_s in (0.12, 3.0):  # a busy host may need the longer one
            answers, station = responses_of(CableNoise(**none | {name: 1.0}), 3, opened, patience_s)
            if all(proof(*answer) for answer in answers):
                break
        assert all(proof(*answer) for answer in answers), (name, answers)
        assert station.fault_counts == {name: 3}


@pytest.mark.alone
def test_an_offline_device_does_not_respond(opened: Callable[[str], int]) -> None:
    segment = LineSettingsSegment("9600 8E1")
    station = NoisyStation(segment, device("eastron/sdm630").served, Random(9), CableNoise())
    path = segment.port("agent")
    segment.start()
    try:
        port = opened(path)
        station.dead = True
        assert exchange(port, rtu_request(7, 4, 0, 2), 0.1)[0] == b""
        station.dead = False
        assert exchange(port, rtu_request(7, 4, 0, 2), 0.1, 9)[0] != b""
    finally:
        segment.stop()


def test_the_noisy_line_on_a_virtual_clock(virtual_clock: Any, tmp_path: Path) -> None:
    """Same seed, same truth; within two minutes the meter fails and returns, each time within the limits."""

    async def plant(path: Path, seed: int, seconds: int) -> None:
        clock, stop = virtual_clock(), asyncio.Event()
        served = asyncio.create_task(
            serve(load("noisy-line"), clock=clock, seed=seed, truth=path, on_ready=lambda _: None, stop=stop)
        )
        await clock.run_until((seconds + 1) * 1_000_000_000)
        stop.set()
        await asyncio.wait_for(served, 60)

    logs = []
    for number, (seed, seconds) in enumerate(((7, 20), (7, 20), (8, 120))):
        path = tmp_path / f"{number}.ndjson"
        asyncio.run(plant(path, seed, seconds))
        logs.append([json.loads(line) for line in path.read_text().splitlines()][: 5 * seconds])
    assert logs[0] == logs[1] != logs[2][:100]
    lives = itertools.groupby(logs[2], lambda row: row["mcc-3"]["alive"])
    spans = [(alive, len(list(rows)) * 0.2) for alive, rows in lives]
    assert len(spans) >= 5
    assert 10 <= spans[0][1] <= 14.4
    assert all((30 if alive else 6) <= span_s <= (45.4 if alive else 8.4) for alive, span_s in spans[1:-1])
    assert logs[2][0]["line"]["sent_by_agent_bytes"] == 0


def test_the_noisy_line_has_each_kind_of_fault() -> None:
    profiles = {item.name: load_profile(item.profile) for item in (*noisy_line.METERS, *noisy_line.DRIVES)}
    assert len({profile.vendor for profile in profiles.values()}) >= 5
    assert not profiles["mcc-1"].register("active_power").big_words_first  # type: ignore[union-attr]
    drive = noisy_line.NoisyLine(Random(1)).served(noisy_line.DRIVES[1])
    rows = sorted(row.address for row in profiles["vfd-4"].registers)
    hole = next(after - 1 for before, after in itertools.pairwise(rows) if after - before > 1)
    with pytest.raises(Refused, match="exception 2"):
        drive.read(3, hole, 1)
    assert len(drive.read(3, rows[0], 1)) == 1
