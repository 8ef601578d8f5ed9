"""Runs a scenario on real wires of this machine until told to stop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from random import Random

from drivers.reading import Clock
from simulators.bus.rtu import RtuBus
from simulators.bus.stream import PtyOutlet, TcpOutlet
from simulators.bus.tcp import TcpBus
from simulators.devices.ews_sender import EwsSender
from simulators.endpoints import Endpoints
from simulators.scenarios import Plant, Scenario
from simulators.truth import TruthLog

__all__ = ["Endpoints", "serve"]

_PACE_S = 0.0125  # two frames of 64 instants at 10240 S/s
_LATE_NS = 2_000_000_000  # beyond this the machine slept: one long step instead of many short ones


async def serve(
    scenario: Scenario,
    *,
    clock: Clock,
    seed: int = 1,
    truth: Path | None = None,
    on_ready: Callable[[Endpoints], None],
    stop: asyncio.Event,
) -> None:
    """The plant in real time on loopback TCP and pseudo-terminals; returns when `stop` is set.

    truth: NDJSON file that gets one row per step. Same seed, same plant; only the time stamps differ.
    """
    plant = scenario.build(Random(seed))
    stream = 1 + clock.utc_ns() // 1_000_000 % 0xFFFF  # another one after each start, as docs/ews1.md asks
    sender = EwsSender(seed, scenario.drift_ppm, stream=stream)
    tcp, rtu = TcpBus(plant.tcp_devices), RtuBus(plant.rtu_devices)
    ews_pty, ews_tcp = PtyOutlet(), TcpOutlet()
    tasks: list[asyncio.Task[None]] = []
    try:
        endpoints = Endpoints(await tcp.start(), await rtu.start(), ews_pty.path, await ews_tcp.start())
        with TruthLog(truth) as log:
            try:
                tasks += [
                    asyncio.create_task(_run(scenario.step_s, plant, sender, clock, log)),
                    asyncio.create_task(_send(sender, clock, ews_pty, ews_tcp)),
                    asyncio.create_task(_until(stop)),
                ]
                on_ready(endpoints)
                done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
        for task in done:
            task.result()  # a mistake in the plant is raised here, not swallowed
    finally:
        await tcp.stop()
        await rtu.stop()
        await ews_tcp.stop()
        ews_pty.close()


async def _until(stop: asyncio.Event) -> None:
    await stop.wait()


async def _run(step_s: float, plant: Plant, sender: EwsSender, clock: Clock, log: TruthLog) -> None:
    """One step per grid point of the monotonic clock; the time stamps are those of the grid points."""
    step_ns = round(step_s * 1e9)
    at_ns = clock.monotonic_ns()
    while True:
        now_ns, utc_ns = clock.monotonic_ns(), clock.utc_ns()
        late_ns = now_ns - at_ns
        dt_s = step_s
        if late_ns > _LATE_NS:
            dt_s += late_ns / 1e9
            at_ns += late_ns
            late_ns = 0
        plant.step(dt_s)
        utc_ns -= late_ns
        sender.sample(plant.sampled(), dt_s=dt_s, utc_ns=utc_ns, due_ns=at_ns)
        log.write(utc_ns // 1_000_000, plant.truth())
        at_ns += step_ns
        await clock.sleep(max(at_ns - clock.monotonic_ns(), 0) / 1e9)


async def _send(sender: EwsSender, clock: Clock, port: PtyOutlet, tcp: TcpOutlet) -> None:
    while True:
        frames = sender.take(clock.monotonic_ns())
        if frames:
            port.send(frames)
            tcp.send(frames)
            sender.dropped = port.dropped
        await clock.sleep(_PACE_S)
