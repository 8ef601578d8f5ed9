"""`magwatt run` on a noisy line with a failing meter: no wrong value is published as good, no PLC is disturbed."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from support.basics import Mosquitto, wait_until

from agent.core.metrics import by_name
from drivers.profiles import load_profile
from drivers.vocabulary import metric_name_of
from simulators.scenarios.noisy_line import DRIVES, METERS

pytestmark = pytest.mark.alone

SECONDS = 20  # minimum; it continues until the meter has failed and returned
PUMPS = ("pump-1", "pump-2", "pump-3", "pump-4")
Row = dict[str, Any]


def magwatt(log: Path, *arguments: str) -> subprocess.Popen[bytes]:
    with log.open("wb") as out:
        return subprocess.Popen(
            [sys.executable, "-P", "-c", "from agent.cli import main; main()", *arguments],
            stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
        )  # fmt: skip


def end(process: subprocess.Popen[bytes] | None) -> int:
    if process is None:
        return 0
    process.send_signal(signal.SIGTERM)
    try:
        return process.wait(60)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise


class Recorder:
    def __init__(self, port: int) -> None:
        self.rows: list[tuple[str, Row]] = []
        self.client = paho.Client(CallbackAPIVersion.VERSION2)
        self.client.on_connect = lambda client, *_: client.subscribe("#", qos=1)
        self.client.on_message = self._keep
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()

    def _keep(self, _client: Any, _data: Any, message: paho.MQTTMessage) -> None:
        if not message.topic.endswith("/status"):
            self.rows.append((message.topic, json.loads(message.payload)))

    def of(self, asset: str, kind: str) -> list[Row]:
        return [body for topic, body in list(self.rows) if topic.endswith(f"/{asset}/{kind}")]

    def states(self, asset: str) -> list[str]:
        return [body["state"] for body in self.of(asset, "state")]

    def stop(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


def truth_of(path: Path) -> list[Row]:
    return [json.loads(line) for line in path.read_text().splitlines() if line.endswith("}")]


@dataclass
class Run:
    recorder: Recorder
    truth: list[Row]
    log: str
    exit_code: int

    def between(self, asset: str, name: str, from_ms: float, to_ms: float) -> list[float]:
        return [row[asset][name] for row in self.truth if from_ms <= row["t"] <= to_ms]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    folder = tmp_path_factory.mktemp("noisy")
    broker = Mosquitto(folder)
    broker.start()
    recorder = Recorder(broker.port)
    config, truth = folder / "plant.toml", folder / "truth.ndjson"
    plant = magwatt(folder / "plant.log", "simulate", "noisy-line", "--write-config", str(config), "--broker",
                    broker.url, "--truth", str(truth))  # fmt: skip
    agent = None
    try:
        wait_until(config.exists, 15, "the line is served")
        agent = magwatt(folder / "agent.log", "run", str(config))
        wait_until(lambda: all(recorder.of(pump, "telemetry") for pump in PUMPS), 25, "rows of all pumps")
        until_s = time.monotonic() + SECONDS
        wait_until(lambda: "offline" in recorder.states("pump-3"), 80, "the meter has died")
        wait_until(lambda: recorder.states("pump-3")[-1] != "offline", 35, "it came back")
        wait_until(lambda: time.monotonic() > until_s, SECONDS, "the time is over")
        time.sleep(2)
        exit_code = end(agent)
        yield Run(recorder, truth_of(truth), (folder / "agent.log").read_text(), exit_code)
    finally:
        end(agent if agent and agent.poll() is None else None)
        end(plant)
        recorder.stop()
        broker.stop()


def good(row: Row) -> Iterator[tuple[str, float]]:
    """Values published without any flag except SIMULATED."""
    for name, value in row["v"].items():
        flags = {*row["f"].get(name, ()), *row["f"].get("*", ())}
        if isinstance(value, int | float) and flags <= {"SIMULATED"}:
            yield name, value


# Of a meter of class 0.5, of reading; the error of reactive power may be twice that, of the apparent power.
CLASS = 0.005
# With transformers of class 0.5 from 20 % of rated current up (IEC 61869-2: 0.75 % and 45′) and a meter of 0.2 %:
# currents and apparent powers; active powers at a power factor of 0.8 and more, with the phase displacement.
CURRENT, POWER = 0.0095, 0.02
# Drives have no class: ±1 % of reading (power 2, torque 3) and one digit are the errors of this plant and its maps.
DRIVE = {
    "motor_current_a": (0.01, 0.1), "output_voltage_v": (0.01, 0.1), "dc_bus_voltage_v": (0.01, 1.0),
    "motor_power_kw": (0.02, 0.1), "motor_torque_pct": (0.03, 0.1), "output_frequency_hz": (1e-4, 0.01),
    "reference_frequency_hz": (1e-4, 0.01),
}  # fmt: skip
DIGIT = {"_hz": 0.1, "_v": 0.1, "_a": 0.01, "_w": 10.0, "_va": 10.0, "_var": 10.0}  # lowest resolution of the meters


def allowed(name: str, true: list[float], apparent_va: float, amps: float) -> float | None:
    """Largest deviation of a good value from a true value of its time; None if
    there is no true value to compare with.
    """
    if name in DRIVE:
        share, digit = DRIVE[name]
        return share * max(map(abs, true)) + digit
    if name == "current_n_a":
        return 3 * CURRENT * amps + 0.01
    if re.match(r"reactive_power", name):
        return POWER * apparent_va + 10
    if name.startswith("power_factor"):
        return POWER + 0.001
    if name == "energy_import_kwh":
        return POWER * abs(true[-1] - true[0]) + 0.11
    unit = next((unit for unit in ("_hz", "_var", "_va", "_v", "_a", "_w") if name.endswith(unit)), None)
    if unit is None or "demand" in name:
        return None
    share = {"_w": POWER, "_a": CURRENT, "_va": CURRENT, "_var": POWER}.get(unit, CLASS)
    return share * max(map(abs, true)) + DIGIT[unit]


def reach_ms(pump: str) -> dict[str, int]:
    """Metric → largest age of its value: two polls of its register's group, and one cycle of the line."""
    found: dict[str, int] = {}
    for item in (*METERS, *DRIVES):
        if item.pump == pump:
            for row in load_profile(item.profile).registers:
                polls = {"fast": 2, "normal": 6, "slow": 11}.get(row.group, 60)
                found[metric_name_of(row.name)] = 2000 * polls + 1000
    return found


def test_no_good_value_is_wrong(run: Run) -> None:
    """Each value is within its class of the true values since the previous poll."""
    compared: dict[str, int] = {}
    wrong = []
    for pump in PUMPS:
        reach = reach_ms(pump)
        for row in run.recorder.of(pump, "telemetry"):
            for name, value in good(row):
                if name not in run.truth[0][pump] or name not in reach:
                    continue
                from_ms, to_ms = row["t"] - reach[name], row["t"] + 250
                true = run.between(pump, name, from_ms, to_ms)
                apparent = max(run.between(pump, "apparent_power_va", from_ms, to_ms))
                limit = allowed(name, true, apparent, apparent / 400)
                if limit is None:
                    continue
                compared[name] = compared.get(name, 0) + 1
                if not min(true) - limit <= value <= max(true) + limit:
                    wrong.append((pump, name, value, min(true), max(true)))
    print(sum(compared.values()), "values compared of", len(compared), "kinds")
    assert wrong == []
    wanted = {"active_power_w", "voltage_l1n_v", "current_l3_a", "frequency_hz", "energy_import_kwh", *DRIVE}
    assert wanted <= compared.keys()
    assert compared["active_power_w"] >= 4 * SECONDS / 2 * 0.6


def test_no_good_estimate_is_wrong(run: Run) -> None:
    seen = 0
    for pump in PUMPS:
        for row in run.recorder.of(pump, "telemetry"):
            for name, value in good(row):
                if by_name("telemetry")[name.removesuffix("_u")].kind != "estimate" or name.endswith("_u"):
                    continue
                if name not in run.truth[0][pump]:
                    continue
                true = run.between(pump, name, row["t"] - 30_000, row["t"])
                u = row["v"][f"{name}_u"]
                assert min(true) - u <= value <= max(true) + u, (pump, name, value, u)
                assert not name.endswith("efficiency_pct") or value <= 100 + u
                seen += 1
    assert seen > 20


def test_a_failed_meter_is_shown_offline_and_online_again(run: Run) -> None:
    """Two missed polls of 2 s set it offline; then there are probes after 2, 4 and
    8 s, and one of them may be corrupt.
    """
    states = run.recorder.of("pump-3", "state")
    offline = next(row for row in states if row["state"] == "offline")
    assert [reason["data"]["device"] for reason in offline["reason"]] == ["mcc-3"]
    offline_since = max(row["t"] for row in run.truth if row["t"] <= offline["t"] and row["mcc-3"]["alive"])
    assert offline["t"] - offline_since < 8000
    back = next(row for row in states if row["t"] > offline["t"] and row["state"] != "offline")
    alive_since = min(row["t"] for row in run.truth if row["t"] > offline["t"] and row["mcc-3"]["alive"])
    assert back["t"] - alive_since < 12_000
    for row in run.recorder.of("pump-3", "telemetry"):
        if offline_since + 2500 < row["t"] < alive_since:
            assert not [name for name, _ in good(row) if name in run.truth[0]["pump-3"]], row
    others = {pump: run.recorder.states(pump) for pump in PUMPS if pump != "pump-3"}
    assert not [pump for pump, found in others.items() if "offline" in found[1:]], others


def test_faults_of_the_cable_cause_no_exception(run: Run) -> None:
    line = run.truth[-1]["line"]
    assert line["answers_stray_before"] + line["answers_stray_after"] > 10
    assert line["answers_damaged"] + line["answers_truncated"] + line["answers_late"] >= 2
    assert line["sent_by_agent_bytes"] > 1000
    assert "Traceback" not in run.log
    assert run.exit_code == 0


def test_with_a_plc_on_the_bus_the_agent_sends_nothing(tmp_path: Path) -> None:
    config, truth = tmp_path / "plant.toml", tmp_path / "truth.ndjson"
    plant = magwatt(tmp_path / "plant.log", "simulate", "noisy-line", "--plc", "--write-config", str(config), "--truth",
                    str(truth))  # fmt: skip
    agent = None
    try:
        wait_until(config.exists, 15, "the line is served")
        config.write_text(re.sub(r"(?s)\[mqtt\].*?\n\n", "", config.read_text()))
        log = tmp_path / "agent.log"
        agent = magwatt(log, "run", str(config))
        wait_until(lambda: "another master" in log.read_text(), 15, "the agent says what it hears")
        time.sleep(4)
        assert end(agent) == 0
    finally:
        end(agent if agent and agent.poll() is None else None)
        end(plant)
    line = truth_of(truth)[-1]["line"]
    print(line)
    assert line["sent_by_agent_bytes"] == 0
    assert line["sent_by_plc_bytes"] > 100
    assert line["plc_answers"] > 0.7 * (line["plc_answers"] + line["plc_lost"])
