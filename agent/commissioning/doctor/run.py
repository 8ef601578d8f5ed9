"""Examines everything once and reports each result immediately."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from agent.acquisition.bus_stops import command_pollers
from agent.acquisition.listening_poller import ListeningPoller
from agent.acquisition.scheduler import BusPoller
from agent.acquisition.selfcheck_results import disabled_registers
from agent.commissioning.doctor import host
from agent.commissioning.doctor.bus import bus_findings, examine_bus
from agent.commissioning.doctor.finding import DoctorFinding, Level, finding, note
from agent.commissioning.doctor.installation import installation
from agent.commissioning.doctor.listening import listening_findings, listening_s
from agent.commissioning.doctor.mqtt_signals import LISTEN_S, topics
from agent.config.model import Config
from agent.config.signals import topic_signals
from agent.core.text import N_, _


async def examine(
    config: Config, rounds: int, report: Callable[[DoctorFinding], None], starts: Callable[[str], None]
) -> bool:  # fmt: skip
    """Whether no action is needed. Buses are examined concurrently.

    rounds: number of reads of each block of each device.
    report: receives each result.
    starts: receives the name of each part when its examination starts, in the language of the process.
    """
    clean = True

    def add(items: Iterable[DoctorFinding]) -> None:
        nonlocal clean
        for item in items:
            clean = clean and item.level is not Level.FINDING
            report(item)

    for name, part in (
        (_("clock"), host.clock(config)),
        (_("disk"), host.disk(config)),
        (_("ledger"), host.ledger(config)),
        (_("other processes"), host.other_process(config)),
        (_("broker"), host.broker(config)),
        (_("kernels"), host.kernels()),
        (_("linear algebra"), host.linear_algebra()),
        (_("installation"), installation(config)),
    ):
        starts(name)
        add(part)

    async def bus(poller: BusPoller) -> None:
        listens = isinstance(poller, ListeningPoller)
        add(await listening_findings(poller) if listens else bus_findings(await examine_bus(poller, rounds)))

    async def signals() -> None:
        add(await topics(config))

    add(
        (finding if reason.data["n"] == reason.data["total"] else note)(name, reason)
        for name, reason in disabled_registers(config).items()
    )
    buses = command_pollers(config)
    for poller in buses:
        starts(_bus_text(poller))
    if n := len(topic_signals(config)):
        starts(_("{n:d} {n:topic|topics}, waiting up to {seconds:g} s", n=n, seconds=LISTEN_S))
    await asyncio.gather(*(bus(poller) for poller in buses), signals())
    return clean


def _bus_text(poller: BusPoller) -> str:
    if poller.bus.listens:
        text = N_("bus {bus}: {n:d} {n:device|devices}, listening for {seconds:g} s; nothing is sent")
        return _(text, bus=poller.bus.name, n=len(poller.devices), seconds=listening_s(poller))
    seconds = poller.bus.listen_before_start_s
    listening = N_("bus {bus}: {n:d} {n:device|devices}, listening for {seconds:g} s first")
    text = listening if seconds else N_("bus {bus}: {n:d} {n:device|devices}")
    return _(text, bus=poller.bus.name, n=len(poller.devices), seconds=seconds)
