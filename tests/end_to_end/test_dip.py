"""A dip of the simulated supply is published as an event, through the plant, the sampler's frames and the analysis."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest
from click.testing import CliRunner
from support.basics import wait_until

from agent.analysis.power_quality.waveform_channel import WaveformChannel
from agent.cli import main
from agent.core.messages import Message
from agent.core.text import text_of
from agent.simulation.reasons import FAULT_TIME_INVALID, FAULT_UNKNOWN, SCENARIO_WITHOUT_FAULTS
from drivers.ews_stream import Assembler
from drivers.reading import Quality
from drivers.reasons import Reason
from simulators.devices.ews_sender import EwsSender
from simulators.plant.faults import Dip
from simulators.scenarios.pump_station import PumpStation

STEP_S, DIP_S = 0.2, 20.0
START_NS = 1_790_000_000_000_000_000


def test_the_residual_voltage_is_a_function_of_time() -> None:
    dip = Dip(5.0, duration_s=0.4, residual=0.7)
    assert [dip.sequences(t)[0] for t in (4.9, 5.0, 5.39, 5.41, 500.0)] == [1.0, 0.7, 0.7, 1.0, 1.0]


def test_a_dip_arrives_as_an_event_with_its_true_values() -> None:
    plant = PumpStation(Random(3))
    plant.provoke("dip", DIP_S)
    sender = EwsSender(3, 4.0)
    assembler, out = Assembler("pump-2", Quality.SIMULATED), list[Message]()
    lane = WaveformChannel("pump-2", out.append)
    before_v = 0.0
    for number in range(1, int((DIP_S + 4) / STEP_S)):
        now_ns = round(number * STEP_S * 1e9)
        plant.step(STEP_S)
        if number * STEP_S < DIP_S - 1:
            before_v = float(abs(plant.sampled().u_v[0, 1]))
        sender.sample(plant.sampled(), dt_s=STEP_S, utc_ns=START_NS + now_ns, due_ns=now_ns)
        for frame in sender.due_frames(now_ns + round(STEP_S * 1e9)):
            for block in assembler.feed(frame, START_NS + now_ns):
                lane.on_block(block)
    (event,) = [message for message in out if message.kind == "event"]
    assert event.values["event_kind"] == "dip"
    assert event.values["event_phases"] == [1, 2, 3]
    assert event.values["event_extreme_v"] == pytest.approx(0.72 * before_v, rel=0.015)  # the supply voltage varies
    assert event.values["event_duration_s"] == pytest.approx(0.4, abs=0.03)
    assert (event.values["event_start_ms"] - START_NS / 1e6) / 1e3 == pytest.approx(DIP_S - STEP_S, abs=STEP_S + 0.05)
    marked = [message for message in out if message.kind == "pq3s" and Quality.PQ_EVENT in message.quality]
    assert len(marked) == 1


@pytest.mark.parametrize(
    ("scenario", "fault", "expected"),
    [
        ("pump-station", "storm", FAULT_UNKNOWN(value="storm", scenario="pump-station", known=("dip",))),
        ("pump-station", "dip@soon", FAULT_TIME_INVALID(value="dip@soon", example="dip@30-120")),
        ("noisy-line", "dip", SCENARIO_WITHOUT_FAULTS(value="dip", scenario="noisy-line")),
    ],
)
def test_an_invalid_fault_is_an_error(scenario: str, fault: str, expected: Reason) -> None:
    result = CliRunner().invoke(main, ["simulate", scenario, "--fault", fault])
    assert result.exit_code == 2
    assert result.output == f"{text_of(expected)}\n"


@pytest.mark.soak
def test_the_demo_shows_the_dip(tmp_path: Path) -> None:
    """Independent of how long its processes take to start and to compile, because samples are queued meanwhile."""
    command = [sys.executable, "-u", "-c", "from agent.cli import main; main()", "demo", "--headless",
               "--no-past"]  # fmt: skip
    output_file = tmp_path / "shown"
    with output_file.open("w") as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT)
    try:
        event = re.compile(r"\d\d:\d\d:\d\d +Descaling pump 1: .*\b72\b.*L1 L2 L3")
        wait_until(
            lambda: bool(event.search(output_file.read_text())) or process.poll() is not None, 400, "the dip is shown"
        )
        assert process.poll() is None, output_file.read_text()
        process.terminate()
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()
