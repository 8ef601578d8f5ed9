"""On a line of a PLC, with a drive that trips when its master falls silent, the agent has no effect.

The segment logs all transmissions; the first frame addressed to the drive arms its watchdog.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.basics import wait_until
from support.numbered_slave import NumberedSlave
from support.segment_log import broken_silences, sent_by
from support.special_slaves import WATCHDOG_S, WatchdogDrive

from simulators.bus.frames import ReadBlock
from simulators.bus.plc import Plc
from simulators.bus.segment import Segment

pytestmark = pytest.mark.alone

METER, DRIVE = 11, 31
LISTEN_S = 1.0
FIRST_BYTE_S = 15.0  # the agent's start on a loaded machine, and its listening time

CONFIG = """\
[site]
id = "test"
gateway = "gw-01"
simulated = true

[store]
state_dir = "state"

[bus.line]
serial = "{port}"
line = "19200 8N1"
poll_interval = "0.5s"
listen_before_start = "{listen}s"

[meter.meter-1]
bus = "line"
unit_id = {meter}
profile = "eastron/sdm630"
measuring_point = "drive-input"
class = "0.5"

[drive.drive-1]
bus = "line"
unit_id = {drive}
profile = "yaskawa/ga800"
fed_by = "meter-1"
kw = 55
{comm_loss}

[motor.motor-1]
kind = "pm"
kw = 55
rpm = 1500
poles = 8
volts = 400
fed_by = "drive-1"
"""


class Scene:
    """The segment with a meter and the drive, and the agent as a process."""

    def __init__(self, folder: Path, plc_every_s: float = 0.1) -> None:
        self.segment = Segment()
        self.port = self.segment.port("agent")
        self.meter = NumberedSlave(self.segment, METER)
        self.drive = WatchdogDrive(self.segment, DRIVE)
        blocks = [ReadBlock(DRIVE, 3, 0x40, 4), ReadBlock(METER, 4, 0, 6)]
        self.plc = Plc(self.segment, blocks, every_s=plc_every_s, timeout_s=1.0)
        self.log = folder / "agent.log"
        self._folder = folder
        self._agents: list[subprocess.Popen[bytes]] = []
        self.segment.start()

    def start_agent(self, comm_loss: str) -> subprocess.Popen[bytes]:
        config = self._folder / "plant.toml"
        stated = f'comm_loss = "{comm_loss}"' if comm_loss else ""
        config.write_text(CONFIG.format(port=self.port, listen=LISTEN_S, meter=METER, drive=DRIVE, comm_loss=stated))
        with self.log.open("ab") as out:
            agent = subprocess.Popen(
                [sys.executable, "-P", "-c", "from agent.cli import main; main()", "run", str(config)],
                stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
            )  # fmt: skip
        self._agents.append(agent)
        return agent

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command with the configuration of the agent."""
        main = [sys.executable, "-P", "-c", "from agent.cli import main; main()"]
        config = ["--config", str(self._folder / "plant.toml")]
        return subprocess.run([*main, *words, *config], capture_output=True, text=True, timeout=120)

    def bytes_sent(self) -> int:
        """Number of transmissions of the agent."""
        return len(sent_by(self.segment, "agent"))

    def agent_log(self) -> str:
        return self.log.read_text()

    def stop(self) -> None:
        for agent in self._agents:
            if agent.poll() is None:
                agent.send_signal(signal.SIGTERM)
                try:
                    agent.wait(60)
                except subprocess.TimeoutExpired:
                    agent.kill()
                    agent.wait()
        self.segment.stop()


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    found = Scene(tmp_path)
    yield found
    found.stop()


def test_nothing_is_sent_on_a_bus_with_a_plc_in_any_state_of_the_agent(scene: Scene) -> None:
    """Although comm_loss is configured: run, SIGKILL, run again, unplug, plug in, stop."""
    scene.plc.start()
    wait_until(lambda: scene.plc.good > 3, 5, "the PLC polls")
    agent = scene.start_agent("not used")
    wait_until(lambda: "another master" in scene.agent_log(), FIRST_BYTE_S, "the agent says what it hears")
    time.sleep(WATCHDOG_S + 1)
    agent.send_signal(signal.SIGKILL)
    agent.wait(60)
    time.sleep(WATCHDOG_S + 1)
    agent_log = scene.agent_log().count("another master")
    agent = scene.start_agent("not used")
    wait_until(
        lambda: scene.agent_log().count("another master") > agent_log, FIRST_BYTE_S, "the second agent hears it too"
    )
    scene.segment.unplug("agent")
    time.sleep(1)
    scene.segment.plug("agent")
    time.sleep(LISTEN_S + 3)
    assert agent.poll() is None, scene.agent_log()
    assert scene.bytes_sent() == 0, [sent.data.hex() for sent in sent_by(scene.segment, "agent")]
    assert scene.drive.armed
    assert scene.drive.tripped_s is None
    assert scene.plc.lost == scene.plc.wrong == 0
    assert scene.plc.good > 100
    assert "Traceback" not in scene.agent_log()


def test_a_drive_whose_comm_loss_is_unstated_is_never_addressed(scene: Scene) -> None:
    """Without a PLC the meter on the same line is polled with correct silences.

    SIGKILL does not trip the drive, because its watchdog was never armed.
    """
    agent = scene.start_agent("")
    wait_until(lambda: len(scene.meter.asked) > 5, FIRST_BYTE_S, "the meter is polled")
    agent.send_signal(signal.SIGKILL)
    agent.wait(60)
    time.sleep(WATCHDOG_S + 1)
    assert not scene.drive.armed
    assert not scene.drive.asked
    assert scene.drive.tripped_s is None
    sent = sent_by(scene.segment, "agent")
    assert {run.data[0] for run in sent} == {METER}
    assert all(len(run.data) == 8 for run in sent), "one request at a time"
    assert not broken_silences(scene.segment, "agent")
    assert not any(run.collided for run in scene.segment.log)


def test_polling_does_not_mask_a_halted_plc(scene: Scene) -> None:
    """The PLC armed the watchdog; when it halts, the drive must trip in time although the agent may poll then."""
    scene.plc.start()
    wait_until(lambda: scene.plc.good > 3, 5, "the PLC polls")
    scene.start_agent("")
    wait_until(lambda: "another master" in scene.agent_log(), FIRST_BYTE_S, "the agent says what it hears")
    scene.plc.halt()
    halted_s = time.monotonic()
    wait_until(lambda: scene.drive.tripped_s is not None, WATCHDOG_S + 2, "the watchdog does its work")
    assert scene.drive.tripped_s is not None
    assert scene.drive.tripped_s - halted_s < WATCHDOG_S + 0.3, "one PLC period and scheduling"


def test_a_drive_whose_watchdog_is_off_is_polled(scene: Scene) -> None:
    """The counterpart: the silence in the tests above is a decision, not a broken line."""
    scene.start_agent("not used")
    wait_until(lambda: len(scene.drive.asked) > 2 and len(scene.meter.asked) > 2, FIRST_BYTE_S, "both are polled")
    assert not broken_silences(scene.segment, "agent")


@pytest.mark.soak
def test_a_slow_plc_stops_the_polls_of_every_process_until_an_operator_confirms(tmp_path: Path) -> None:
    """It starts while the agent polls, and reads every 2.5 s (0.4 Hz)."""
    scene = Scene(tmp_path, plc_every_s=2.5)
    try:
        agent = scene.start_agent("not used")
        wait_until(lambda: len(scene.meter.asked) > 5, FIRST_BYTE_S, "the meter is polled")
        scene.plc.start()
        wait_until(lambda: "another master" in scene.agent_log(), FIRST_BYTE_S, "the agent says what it receives")
        (first, *_) = (item for item in sent_by(scene.segment, "plc") if not item.collided)
        assert not [item for item in sent_by(scene.segment, "agent") if item.start_s > first.end_s]
        sent = scene.bytes_sent()
        time.sleep(6)
        agent.send_signal(signal.SIGKILL)
        agent.wait(60)
        for words in (("read",), ("doctor", "--rounds", "1"), ("commission", "--batch")):
            done = scene.command(*words)
            assert "another master" in done.stdout + done.stderr, (words, done)
        scene.start_agent("not used")
        time.sleep(LISTEN_S + 8)
        assert scene.bytes_sent() == sent, "a restart does not end the stop"
        scene.plc.halt()
        assert "requests to unit" in scene.command("resume").stdout
        done = scene.command("resume", "line")
        assert done.returncode == 0, done
        polls = len(scene.meter.asked)
        wait_until(lambda: len(scene.meter.asked) > polls + 5, FIRST_BYTE_S, "the meter is polled again")
        assert "Traceback" not in scene.agent_log()
    finally:
        scene.stop()
