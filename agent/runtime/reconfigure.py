"""Applies another configuration to a running agent without interrupting what did not change."""

from __future__ import annotations

import asyncio
from functools import partial

from agent.acquisition.scheduler import BusPoller
from agent.acquisition.selfcheck_results import disabled_registers, log_checks
from agent.acquisition.unsupported_registers import UnsupportedRegisterStore
from agent.config.model import Config
from agent.runtime.assembly import Agent, due, polled_plant


async def reconfigure(agent: Agent, new: Config) -> None:
    """Applies a configuration: reconnects only changed buses, resets only changed devices and motors.

    Slow steps run in other threads than the event loop that polls.
    """
    await asyncio.to_thread(agent.save_unsupported_registers)
    new_pollers = await asyncio.to_thread(agent.new_pollers, new)
    agent.disabled = await asyncio.to_thread(disabled_registers, new)
    await asyncio.to_thread(agent.mqtt_signals.set, new)
    new_devices = await agent.buses.change(new_pollers)
    # No await from here until the pipeline is reconfigured, so that no reading arrives before its motor is known.
    agent.due_s = due_after(agent.due_s, agent.buses.pollers, {polled.device.name for polled in new_devices})
    agent.due_s |= agent.mqtt_signals.due_s()
    plant = polled_plant(new, agent.due_s, agent.disabled)
    agent.put(partial(agent.pipeline.reconfigure, plant))
    agent.put(partial(agent.alarms.reconfigure, new, plant.assets))
    agent.put(partial(agent.publisher.reconfigure, new, plant.assets))
    await asyncio.to_thread(agent.waveform_readers.configure, new)
    agent.unsupported_registers = await asyncio.to_thread(UnsupportedRegisterStore, agent.store, agent.buses.pollers)
    await asyncio.to_thread(log_checks, new, [polled.device.name for polled in new_devices])
    agent.config = new


def due_after(
    before: dict[str, dict[str, float]], buses: list[BusPoller], new_devices: set[str]
) -> dict[str, dict[str, float]]:
    """`due`, with the earlier intervals for other devices than `new_devices`: later rejections do not count."""
    return {
        name: intervals_s if name in new_devices else before.get(name, intervals_s)
        for name, intervals_s in due(buses).items()
    }
