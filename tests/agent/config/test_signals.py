"""Plain registers as [signal.*]: their names, their decoding, and the row of the motor they belong to."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from support.basics import HandClock
from support.config_text import bus, load, meter, motor, problems, site, table
from support.pipeline import pipeline_of

from agent.acquisition.pollers import pollers
from agent.config.reasons import SIGNAL_METRIC_TAKEN
from agent.config.signals import metric_of, signal_devices
from agent.core.messages import Message
from agent.core.state_reasons import DEVICE_NOT_RESPONDING
from agent.runtime.pipeline import Outputs
from drivers.framing import Request
from drivers.modbus_device import ModbusDevice
from drivers.reading import Quality, Reading
from drivers.reasons import Reason


def signal(name: str, address: int, **keys: object) -> str:
    return table(f"signal.{name}", bus="b", unit_id=40, address=address, **keys, motor="p1")


FLOW_TABLE = signal("well-1-flow", 120, type="f32", unit_of_measure="m3/h", low=0, high=500)
PLANT = "".join((
    site(), bus(), meter(), motor(), FLOW_TABLE,
    signal("damper", 122, type="i16", scale=0.1, unit_of_measure="%"),
    signal("tonnes", 300, type="u32", word_order="little", function=4, unit_of_measure="t"),
))  # fmt: skip
FLOW, DAMPER, TONNES = "signal_well_1_flow_m3_h", "signal_damper_pct", "signal_tonnes_t"


class Words:
    """A controller's registers, by literal words: 123.5 m3/h (IEEE 754), 45.6 %, 70000 t with the low word first."""

    response_s = 0.01
    memory = {(3, 120): 0x42F7, (3, 121): 0x0000, (3, 122): 456, (4, 300): 4464, (4, 301): 1}  # noqa: RUF012

    async def read_block(
        self, request: Request, timeout_s: float, inter_request_delay_s: float = 0.0, **how: object
    ) -> bytes:
        words = (
            self.memory[request.function, request.address + k].to_bytes(2, "big") for k in range(request.registers)
        )
        return b"".join(words)

    async def close(self) -> None: ...


def test_the_name_carries_the_unit() -> None:
    assert metric_of("descaler-1-flow", "m3/h") == "signal_descaler_1_flow_m3_h"
    assert metric_of("water", "°C") == metric_of("water", "℃") == "signal_water_degc"
    assert metric_of("damper", "%") == "signal_damper_pct"


def test_signals_of_one_unit_are_read_together_and_decoded(tmp_path: Path, clock: HandClock) -> None:
    (found,) = signal_devices(load(tmp_path, PLANT))
    device = ModbusDevice(found.name, found.profile, found.unit_id, Words(), clock)
    reading = asyncio.run(device.poll())
    assert reading.values == {FLOW: 123.5, DAMPER: 45.6, TONNES: 70000}
    assert not reading.flags
    assert [(block.function, block.address, block.count) for block in device.blocks()] == [(3, 120, 3), (4, 300, 2)]


def test_a_value_outside_its_stated_window_is_flagged(tmp_path: Path, clock: HandClock) -> None:
    text = PLANT.replace("high = 500", "high = 100")
    (found,) = signal_devices(load(tmp_path, text))
    reading = asyncio.run(ModbusDevice(found.name, found.profile, found.unit_id, Words(), clock).poll())
    assert reading.flags == {FLOW: Quality.OUT_OF_RANGE}


def test_signals_are_polled_and_published_with_their_motor(tmp_path: Path, clock: HandClock) -> None:
    config = load(tmp_path, PLANT)
    (poller,) = pollers(config, clock, lambda reading: None)
    due = {polled.device.name: polled.due_s() for polled in poller.devices}
    assert set(due) == {"m1", "signals-b-40"}
    rows: list[Message] = []
    states: list[tuple[str, str, Sequence[Reason]]] = []
    pipeline = pipeline_of(config, due, clock, Outputs(rows.append, lambda *state: states.append(state)))

    def bring(device: str, values: dict[str, float | int | str | None], quality: Quality = Quality.GOOD) -> None:
        now_ns = clock.utc_ns()
        pipeline.on_reading(Reading(device, now_ns, now_ns, values, quality, {}, None, clock.monotonic_ns()))

    bring("signals-b-40", {FLOW: 123.456789, DAMPER: 45.6})
    bring("m1", {"active_power": 1000.0})
    assert rows[-1].values[FLOW] == 123.457
    assert rows[-1].values["active_power_w"] == 1000.0
    clock.move(1)
    for _ in range(2):
        bring("signals-b-40", dict.fromkeys((FLOW, DAMPER)), Quality.NO_REPLY)
        bring("m1", {"active_power": 1000.0})
    assert rows[-1].values[FLOW] is None
    assert Quality.NO_REPLY in rows[-1].flags[FLOW]
    assert states[-1][1] == "stale"
    assert list(states[-1][2]) == [DEVICE_NOT_RESPONDING(device="signals-b-40")]


def test_two_signals_with_one_metric_are_a_problem(tmp_path: Path) -> None:
    text = PLANT + FLOW_TABLE.replace("well-1-flow", "well_1_flow")
    [problem] = problems(tmp_path, text)
    assert problem.reason == SIGNAL_METRIC_TAKEN(other="well-1-flow", metric=FLOW)
