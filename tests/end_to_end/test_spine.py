"""The complete chain, as a user starts it: simulated plant, agent, real broker;
received values agree with true values.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from support.basics import Mosquitto, free_port, real_command, wait_until, waited_s

from agent.core.metrics import by_name

pytestmark = pytest.mark.alone

SECONDS = 30
BUSY_SHARE = 0.25  # above this share, missing seconds and waveform windows are caused by the machine
ROOT = "magwatt/v1/demo/gw-01"


def magwatt(log: Path, *arguments: str) -> subprocess.Popen[bytes]:
    with log.open("wb") as out:
        return subprocess.Popen(
            [sys.executable, "-P", "-c", "from agent.cli import main; main()", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
        )


def end(process: subprocess.Popen[bytes]) -> int:
    process.send_signal(signal.SIGTERM)
    try:
        return process.wait(60)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise


@dataclass
class Recorder:
    """All messages that a subscriber receives, with the time of arrival."""

    port: int
    rows: list[tuple[float, str, Any]] = field(default_factory=list)

    def start(self) -> None:
        self.client = paho.Client(CallbackAPIVersion.VERSION2)
        self.client.on_connect = lambda client, *_: client.subscribe("#", qos=1)
        self.client.on_message = self._keep
        self.client.connect("127.0.0.1", self.port)
        self.client.loop_start()

    def _keep(self, _client: Any, _data: Any, message: paho.MQTTMessage) -> None:
        text = message.payload.decode()
        self.rows.append((time.time(), message.topic, text if message.topic.endswith("/status") else json.loads(text)))

    def of(self, asset: str, kind: str) -> list[dict[str, Any]]:
        return [body for _, topic, body in list(self.rows) if topic == f"{ROOT}/{asset}/{kind}"]

    def stop(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


class Truth:
    """The plant's own log of true values, which the agent does not read."""

    def __init__(self, path: Path) -> None:
        self.rows = [json.loads(line) for line in path.read_text().splitlines() if line.endswith("}")]

    def between(self, asset: str, name: str, from_ms: int, to_ms: int) -> list[float]:
        return [row[asset][name] for row in self.rows if from_ms <= row["t"] <= to_ms and name in row[asset]]

    def has(self, asset: str, name: str) -> bool:
        return isinstance(self.rows[0][asset].get(name), int | float)


@dataclass
class Run:
    recorder: Recorder
    truth: Truth
    log: str
    exit_code: int
    first_row_s: float
    waited: float  # share of the time in which a thread of the agent was runnable and no processor was free


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Repeated up to three times if the machine had other load; the third run counts in any case."""
    from agent.core import kernel_cache

    if not kernel_cache.is_complete():
        kernel_cache.compile_kernels()
    for _ in range(3):
        found = one_run(tmp_path_factory.mktemp("spine"))
        if found.waited < BUSY_SHARE:
            break
    return found


def one_run(folder: Path) -> Run:
    """30 s with every kind of message, then an outage of the broker, then a clean stop."""
    broker = Mosquitto(folder)
    broker.start()
    recorder = Recorder(broker.port)
    recorder.start()
    config, truth = folder / "plant.toml", folder / "truth.ndjson"
    plant = magwatt(folder / "plant.log", "simulate", "pump-station", "--write-config", str(config), "--broker",
                    broker.url, "--truth", str(truth))  # fmt: skip
    agent = None
    try:
        wait_until(config.exists, 15, "the plant is served")
        started = time.time()
        agent = magwatt(folder / "agent.log", "run", str(config))
        wait_until(lambda: bool(recorder.of("pump-1", "telemetry")), 10, "the first row")
        first_row_s = next(at for at, topic, _ in recorder.rows if topic.endswith("pump-1/telemetry")) - started
        wait_until(lambda: bool(recorder.of("pump-2", "telemetry")), 15, "the line was listened to, pump 2 is polled")
        time.sleep(SECONDS + 2)
        broker.stop()
        time.sleep(3)
        broker.start()
        before = len(recorder.of("pump-1", "telemetry"))
        wait_until(lambda: len(recorder.of("pump-1", "telemetry")) > before + 2, 20, "rows come again")
        waited = sum(waited_s(agent.pid).values()) / (time.time() - started)
        exit_code = end(agent)
        wait_until(lambda: recorder.rows[-1][2] == "offline", 5, "status says offline")
        return Run(recorder, Truth(truth), (folder / "agent.log").read_text(), exit_code, first_row_s, waited)
    finally:
        for process in (agent, plant):
            if process is not None and process.poll() is None:
                end(process)
        recorder.stop()
        broker.stop()


def steady(run: Run, asset: str) -> list[dict[str, Any]]:
    """The rows of the 30 s before the outage."""
    rows = run.recorder.of(asset, "telemetry")
    first = run.recorder.of("pump-2", "telemetry")[0]["t"]
    return [row for row in rows if first <= row["t"] <= first + SECONDS * 1000]


@pytest.mark.parametrize("asset", ["pump-1", "pump-2"])
def test_telemetry_arrives_each_second(run: Run, asset: str) -> None:
    times = [row["t"] for row in steady(run, asset)]
    assert len(times) >= SECONDS - 1
    steps = [later - earlier for earlier, later in pairwise(times)]
    assert max(steps) < 1700, "a row is at most one period and a bit away from the next"
    assert min(steps) > 300


def test_ids_are_never_used_twice_and_rows_are_in_order(run: Run) -> None:
    ids = [body["id"] for _, _, body in run.recorder.rows if isinstance(body, dict) and "id" in body]
    assert len(set(ids)) == len(ids)
    for asset in ("pump-1", "pump-2"):
        times = [row["t"] for row in run.recorder.of(asset, "telemetry")]
        assert times == sorted(times)


# Error limit of a class 0.5 meter for each quantity, of reading, or of the apparent power where that is the base.
CLASS = 0.005
# With transformers of class 0.5 from 20 % of rated current up (IEC 61869-2: 0.75 % and 45′) and a meter of 0.2 %:
# currents and apparent powers; active powers at a power factor of 0.8 and more, with the phase displacement.
CURRENT, POWER = 0.0095, 0.02
OF_READING = ("_v", "_a", "_w", "_va", "_hz")
# A drive's display has no class; manuals state ±1…3 % and one digit. This plant stays within ±1 % (torque ±3 %).
DRIVE = {"motor_current_a": 0.01, "output_voltage_v": 0.01, "dc_bus_voltage_v": 0.01, "motor_power_kw": 0.02,
         "output_frequency_hz": 0.001, "motor_speed_rpm": 0.001}  # fmt: skip
DIGIT = {"dc_bus_voltage_v": 1.0, "motor_power_kw": 0.1, "motor_current_a": 0.1, "output_voltage_v": 0.1,
         "output_frequency_hz": 0.01, "motor_speed_rpm": 1.0}  # fmt: skip


def _of_reading(name: str) -> float:
    return POWER if name.endswith("_w") else CURRENT if name.endswith(("_a", "_va")) else CLASS


@pytest.mark.parametrize("asset", ["pump-1", "pump-2"])
def test_each_measured_metric_agrees_with_the_truth_within_its_class(run: Run, asset: str) -> None:
    checked: set[str] = set()
    for row in steady(run, asset):
        apparent = max(run.truth.between(asset, "apparent_power_va", row["t"] - 1500, row["t"]))
        for name, value in row["v"].items():
            if not run.truth.has(asset, name) or by_name("telemetry")[name].kind == "estimate":
                continue
            # The meter refreshes every 0.2 s and a poll takes up to 0.5 s: any true value in this time is valid.
            # Counters are read only every tenth second.
            since_ms = 12_000 if name.startswith("energy_") else 1500
            true = run.truth.between(asset, name, row["t"] - since_ms, row["t"] + 250)
            if name in DRIVE:
                allowed = DRIVE[name] * abs(true[-1]) + DIGIT[name]
            elif name == "current_n_a":  # sum of three currents: their errors add
                allowed = CURRENT * 3 * max(run.truth.between(asset, "current_l1_a", row["t"] - 1500, row["t"]))
            elif re.search(r"reactive_power", name):
                allowed = POWER * apparent
            elif re.search(r"power_factor", name):
                allowed = POWER
            elif name.endswith(OF_READING) and "demand" not in name:
                allowed = _of_reading(name) * abs(true[-1])
            elif name.startswith("energy_") and name.endswith("kwh") and "_l" not in name:
                allowed = POWER * abs(true[-1] - true[0]) + 0.01  # a float32 of 21,507 kWh has steps of 0.002
            else:
                continue
            assert value is not None, (name, row["f"], run.log[-2000:])
            assert min(true) - allowed <= value <= max(true) + allowed, (asset, name, value, true[-1])
            checked.add(name)
    wanted = {"active_power_w", "voltage_l1n_v", "current_l3_a", "power_factor", "frequency_hz", "energy_import_kwh"}
    assert wanted | (set(DRIVE) if asset == "pump-2" else set()) <= checked


@pytest.mark.parametrize(
    ("asset", "names"),
    [
        ("pump-1", ["motor_efficiency_pct", "system_efficiency_pct", "shaft_power_w", "motor_losses_w"]),
        ("pump-2", ["drive_efficiency_pct", "motor_efficiency_pct", "system_efficiency_pct", "shaft_power_w",
                    "drive_losses_w", "motor_losses_w", "motor_input_power_w"]),
    ],
)  # fmt: skip
def test_each_estimate_agrees_with_the_truth_within_its_u(run: Run, asset: str, names: list[str]) -> None:
    rows = steady(run, asset)
    for name in names:
        seen = 0
        for row in rows:
            value, u = row["v"].get(name), row["v"].get(f"{name}_u")
            if value is None:
                continue
            true = run.truth.between(asset, name, row["t"] - 10_500, row["t"])
            assert u > 0
            assert row["m"][name]
            assert abs(value - sum(true) / len(true)) <= u, (asset, name, value, u, true[-1])
            seen += 1
        assert seen >= 20, f"{name} was said only {seen} times"


def test_harmonics_of_the_stream_are_within_one_percent(run: Run) -> None:
    rows = run.recorder.of("pump-2", "harmonics")
    assert len(rows) >= SECONDS / 3 - 2
    compared = 0
    for row in rows[:8]:
        for name, true_name in (("harmonic_i_l1_a", "h_i_a"), ("harmonic_u_l1_v", "h_u_v")):
            true_rows = run.truth.between("pump-2", true_name, row["t"] - 3200, row["t"])
            true = [sum(column) / len(column) for column in zip(*true_rows, strict=True)]
            for order in range(1, 50):
                if true[order] < 0.01 * true[1]:
                    continue  # below 1 % of the fundamental the noise of the sampler dominates
                assert row["v"][name][order] == pytest.approx(true[order], rel=0.01), (name, order)
                compared += 1
    assert compared > 8 * 6


def test_windows_of_three_seconds_follow_the_truth(run: Run) -> None:
    rows = run.recorder.of("pump-2", "pq3s")
    for row in rows[1:8]:
        for name, relative in (("active_power_w", 0.002), ("current_l1_a", 0.002), ("voltage_l1n_v", 0.001),
                               ("thd_i_l1_pct", 0.01), ("frequency_hz", 2e-5)):  # fmt: skip
            true_name = "thd_i_pct" if name.startswith("thd_i") else name
            true = run.truth.between("pump-2", true_name, row["t"] - 3200, row["t"])
            assert row["v"][name] == pytest.approx(sum(true) / len(true), rel=relative), name
        assert row["v"]["windows"] == 15
        assert row["v"]["windows_left_out"] == 0


def test_each_message_is_flagged_as_simulated(run: Run) -> None:
    for _, topic, body in run.recorder.rows:
        if topic.endswith(("telemetry", "pq3s", "harmonics")):
            assert "SIMULATED" in body["f"]["*"]
        if topic.endswith("/info"):
            assert body["simulated"] is True


def test_meta_explains_every_metric(run: Run) -> None:
    for asset in ("pump-1", "pump-2"):
        known = run.recorder.of(asset, "meta")[-1]["metrics"]
        for kind in ("telemetry", "pq3s", "harmonics"):
            for row in run.recorder.of(asset, kind):
                assert {name.removesuffix("_u") for name in row["v"]} <= set(known[kind])
                assert all(known[kind][name]["about"] for name in known[kind])


def test_an_outage_is_logged_once_with_its_end_and_polling_continues(run: Run) -> None:
    assert run.log.count("connection lost") == run.log.count("polling continues") == 1
    assert run.log.count("connected again") == 1
    assert "Traceback" not in run.log
    sequence = [int(row["id"].split("-")[1]) for row in run.recorder.of("pump-1", "telemetry")]
    holes = [later - earlier for earlier, later in pairwise(sequence)]
    assert max(holes) > 4, "ids went on while nobody listened: the polling did too"


def test_the_stop_is_clean(run: Run) -> None:
    assert run.exit_code == 0
    assert [body for _, topic, body in run.recorder.rows if topic == f"{ROOT}/status"][-1] == "offline"


def test_a_missing_device_does_not_delay_the_other_motor(tmp_path: Path, mosquitto: Mosquitto) -> None:
    recorder = Recorder(mosquitto.port)
    recorder.start()
    config = tmp_path / "plant.toml"
    plant = magwatt(
        tmp_path / "plant.log", "simulate", "pump-station", "--write-config", str(config), "--broker", mosquitto.url
    )
    wait_until(config.exists, 15, "the plant is served")
    text = re.sub(r'tcp = "127.0.0.1:\d+"', f'tcp = "127.0.0.1:{free_port()}"', config.read_text())
    config.write_text(text.replace('listen_before_start = "2s"', 'listen_before_start = "0s"'))
    agent = magwatt(tmp_path / "agent.log", "run", str(config))
    try:
        wait_until(lambda: len(recorder.of("pump-2", "telemetry")) >= 6, 20, "pump 2 goes on")
        times = [row["t"] for row in recorder.of("pump-2", "telemetry")]
        assert max(later - earlier for earlier, later in pairwise(times)) < 1700
        row = recorder.of("pump-1", "telemetry")[-1]
        assert row["q"] == "bad"
        assert row["v"]["active_power_w"] is None
        assert row["f"]["active_power_w"] == ["NO_REPLY"]
        assert recorder.of("pump-1", "state")[-1]["state"] == "offline"
        assert "mcc-1" in [item["data"]["device"] for item in recorder.of("pump-1", "state")[-1]["reason"]]
    finally:
        assert end(agent) == 0
        end(plant)
        recorder.stop()


def test_an_independent_master_reads_the_same(tmp_path: Path) -> None:
    """mbpoll (libmodbus) and `magwatt read` on the same served meter, addresses from the manufacturer's list."""
    mbpoll = real_command("mbpoll")
    config = tmp_path / "plant.toml"
    plant = magwatt(tmp_path / "plant.log", "simulate", "pump-station", "--write-config", str(config))
    try:
        wait_until(config.exists, 15, "the plant is served")
        found = re.search(r'tcp = "127.0.0.1:(\d+)"', config.read_text())
        assert found
        ours = read_json(config, "mcc-1")["values"]
        for number, name, scale in (
            (3028, "voltage_l1n_v", 1),
            (3060, "active_power_w", 1000),
            (3110, "frequency_hz", 1),
        ):
            options = [
                "-m",
                "tcp",
                "-p",
                found[1],
                "-a",
                "1",
                "-t",
                "4:float",
                "-B",
                "-r",
                str(number),
                "-c",
                "1",
                "-1",
            ]
            done = subprocess.run(
                [mbpoll, *options, "127.0.0.1"], capture_output=True, text=True, timeout=180, check=True
            )
            line = re.search(rf"\[{number}\]:\s+(\S+)", done.stdout)
            assert line, done.stdout
            # Two consecutive polls: the plant changes by less than 1 % in a second.
            assert float(line[1]) * scale == pytest.approx(ours[name], rel=0.01)
    finally:
        end(plant)


def read_json(config: Path, device: str) -> dict[str, Any]:
    code = "from agent.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-P", "-c", code, "read", str(config), device, "--json"],
        capture_output=True, text=True, timeout=180, check=True,
    )  # fmt: skip
    row: dict[str, Any] = json.loads(done.stdout)
    return row


def test_read_needs_no_broker(tmp_path: Path) -> None:
    config = tmp_path / "plant.toml"
    plant = magwatt(tmp_path / "plant.log", "simulate", "pump-station", "--write-config", str(config))
    try:
        wait_until(config.exists, 15, "the plant is served")
        done = subprocess.run(
            [
                sys.executable,
                "-P",
                "-c",
                "from agent.cli import main; main()",
                "read",
                str(config),
                "--json",
                "--count",
                "2",
            ],
            capture_output=True,
            text=True,
            timeout=180,
            env=os.environ,
        )
        assert done.returncode == 0, done.stderr
        rows = [json.loads(line) for line in done.stdout.splitlines()]
        assert sorted(row["device"] for row in rows) == ["mcc-1", "mcc-1", "mcc-2", "mcc-2", "vfd-2", "vfd-2"]
        for row in rows:
            disabled = {"disabled"} if row["device"] == "mcc-1" else set()  # only its map has unconfirmed registers
            assert set(row) == {"device", "t", "quality", "flags", "values"} | disabled
            assert row["quality"] == ["SIMULATED"]
        assert all(row["values"]["active_power_w"] > 0 for row in rows if row["device"] == "mcc-1")
    finally:
        end(plant)
