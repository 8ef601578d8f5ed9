"""Looks at everything once and says what was found, line by line as it is found."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from agent.clock import SystemClock
from agent.config import Config
from agent.doctor import host
from agent.doctor.finding import Finding, Level
from agent.doctor.topics import LISTEN_S, topics
from agent.doctor.wire import judge, look
from agent.poll import BusPoller, pollers
from agent.signals import topic_signals
from agent.words import counted


async def examine(config: Config, rounds: int, say: Callable[[Finding], None], begins: Callable[[str], None]) -> bool:
    """Whether anything must be done. say gets each finding, begins the name of what is looked at next.

    rounds: how often each block of each device is read. Wires are looked at side by side.
    """
    clean = True

    def tell(item: Finding) -> None:
        nonlocal clean
        clean = clean and item.level is not Level.FINDING
        say(item)

    for name, part in (
        ("clock", host.clock(config)),
        ("disk", host.disk(config)),
        ("broker", host.broker(config)),
        ("kernels", host.kernels()),
    ):
        begins(name)
        for item in part:
            tell(item)

    async def wire(poller: BusPoller) -> None:
        for item in judge(await look(poller, rounds)):
            tell(item)

    async def listen() -> None:
        for item in await topics(config):
            tell(item)

    buses = pollers(config, SystemClock(), lambda reading: None)
    for poller in buses:
        heard = f", listening {poller.bus.listen_before_start_s:g} s first" if poller.bus.listen_before_start_s else ""
        begins(f"bus {poller.bus.name}: {counted(len(poller.devices), 'device')}{heard}")
    if count := len(topic_signals(config)):
        begins(f"{counted(count, 'topic')}, listening up to {LISTEN_S:g} s")
    await asyncio.gather(*(wire(poller) for poller in buses), listen())
    return clean
