"""A lost phase of the demo at a real broker: Home Assistant and a Sparkplug host see it arrive, acknowledged, returned.

Plant and agent are the processes of `magwatt demo`; the payloads of Sparkplug are decoded with code of the tests.
"""

from __future__ import annotations

import contextlib
import json
import time
from pathlib import Path
from typing import Any

import pytest
from support.basics import Mosquitto, wait_until
from support.command_line import invoke
from support.mqtt import Listener
from support.sparkplug import read

from agent.cli import demo_faults
from agent.cli.demo_faults import DEMO_FAULTS
from agent.cli.demo_runner import start_processes

MOTOR, ALARM = "descaling-1", "phase_loss"
FAULT_S, LASTS_S = 20.0, 14.0
START_S = 30.0  # of plant and agent, on a busy machine
SEEN_S = 6.0  # two rows or a window of the waveform, a second of the alarms, and a second of each output
RETURNS_S = 5.0 + 5.0 + SEEN_S  # release of the detector, off-delay


class Receivers:
    """What Home Assistant and a Sparkplug host know at any time."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener

    def problem(self) -> bool | None:
        """The state of the entity `problem` as Home Assistant reads it: from the topic of its discovery."""
        for topic, payload, _retained in reversed(list(self._listener.messages)):
            if topic.startswith("homeassistant/device/") and topic.endswith(f"{MOTOR}/config") and payload:
                entity = (json.loads(payload).get("cmps") or {}).get("alarm")
                if entity is None:
                    return None
                assert (entity["p"], entity["dev_cla"]) == ("binary_sensor", "problem")
                states = self._listener.of(entity["stat_t"])
                return bool(json.loads(states[-1])["problem"]) if states else None
        return None

    def metrics(self) -> dict[str, Any]:
        """The metrics Condition/phase_loss/… of the device, by births and data."""
        names: dict[int, str] = {}
        values: dict[str, Any] = {}
        for topic, payload, _retained in list(self._listener.messages):
            if not topic.startswith("spBv1.0/") or not topic.endswith(f"/{MOTOR}"):
                continue
            for metric in read(payload)["metrics"]:
                if "name" in metric:
                    names[metric["alias"]] = metric["name"]
                name = names.get(metric["alias"], "")
                if name.startswith(f"Condition/{ALARM}/"):
                    found = [metric[field] for field in ("long_value", "boolean_value") if field in metric]
                    values[name.rpartition("/")[2]] = found[0] if found else None
        return values

    def show(self, state: int, problem: bool, **flags: bool) -> bool:
        found = self.metrics()
        return found.get("State") == state and self.problem() is problem and flags.items() <= found.items()


@pytest.mark.soak
@pytest.mark.alone
def test_a_lost_phase_in_home_assistant_and_sparkplug(
    tmp_path: Path, mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo_faults, "FAULT_S", FAULT_S)
    monkeypatch.setitem(DEMO_FAULTS, "phase-loss", DEMO_FAULTS["phase-loss"]._replace(lasts_s=LASTS_S))
    listener = Listener(mosquitto.port)
    seen, config = Receivers(listener), str(tmp_path / "plant.toml")
    begin_s = time.monotonic()

    def arrives(within_s: float, what: str, state: int, problem: bool, **flags: bool) -> None:
        wait_until(lambda: seen.show(state, problem, **flags), within_s, what)
        print(f"{time.monotonic() - begin_s:5.1f} s: {what}: {seen.metrics()}, problem {seen.problem()}")

    def acknowledge() -> None:
        done = invoke("alarms", "ack", f"{MOTOR}/{ALARM}", "--by", "Li Wei", "--config", config)
        assert done.exit_code == 0, done.output

    with contextlib.ExitStack() as stack:
        stack.callback(listener.stop)
        start_processes(tmp_path, stack, mosquitto.url, "phase-loss", ("homeassistant", "sparkplug"))
        births = f"spBv1.0/demo/DBIRTH/gw-01/{MOTOR}"
        wait_until(lambda: bool(listener.of(births)), START_S, "the birth of the device")
        assert seen.metrics().get("State") in (None, 0)
        arrives(FAULT_S + SEEN_S, "the alarm", 1, True, Active=True, Acked=False)
        acknowledge()
        arrives(SEEN_S, "acknowledged", 2, True, Active=True, Acked=True)
        arrives(LASTS_S + RETURNS_S, "returned, which is latching", 3, False, Active=False, Acked=False)
        acknowledge()
        arrives(SEEN_S, "normal", 0, False, Active=False, Acked=True)
