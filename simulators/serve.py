"""Runs a scenario on real buses of this host until a stop event."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

from drivers.reading import Clock
from simulators.bus.stream import PtyOutlet, TcpOutlet
from simulators.devices.ews_sender import EwsSender
from simulators.endpoints import Endpoints
from simulators.reasons import SIMULATED_PORT_REMOVED, PortError
from simulators.scenarios import PlannedFault, Plant, Scenario
from simulators.truth import TruthLog

__all__ = ["Endpoints", "serve"]

PAST_STEP_S = 60.0  # of a plant that has been running before
_PACE_S = 0.0125  # two frames of 64 instants at 10240 S/s
_WATCH_S = 1.0  # interval of the check that the ports still exist
_LATE_NS = 2_000_000_000  # a longer delay means that the host was suspended: one long step replaces many short ones


async def serve(
    scenario: Scenario,
    *,
    clock: Clock,
    seed: int = 1,
    truth: Path | None = None,
    fault: PlannedFault | None = None,
    waveforms: bool = True,
    age_s: float = 0.0,
    on_ready: Callable[[Endpoints], None],
    stop: asyncio.Event,
) -> None:
    """Run the plant in real time on loopback TCP and pseudo-terminals; returns when `stop` is set.

    The same seed gives the same plant; only the time stamps differ.

    scenario: the plant.
    clock: source of time; may be accelerated.
    seed: seed of all random numbers.
    truth: NDJSON file that gets one row of true values for each step. None: no file.
    fault: a fault; its times are seconds after the start. None: no fault.
    waveforms: send the waveform stream; use False on accelerated clocks.
    age_s: seconds that the plant has been running at the start, in steps of PAST_STEP_S.
    on_ready: called with the addresses once all buses are open.
    stop: the event that ends the run.
    Raises OSError (PortError) if a bus cannot be opened or its port disappears.
    """
    plant = scenario.build(Random(seed))
    for _ in range(round(age_s / PAST_STEP_S)):
        plant.step(PAST_STEP_S)
    if fault is not None and scenario.provoke is not None:
        scenario.provoke(plant, *fault.later(age_s))
    async with contextlib.AsyncExitStack() as opened:
        outlets = plant.outlets
        for outlet in outlets.values():
            opened.push_async_callback(outlet.stop)
        addresses = {name: await outlet.start() for name, outlet in outlets.items()}
        sampled = waveforms and plant.sampled() is not None
        waves = _Waves(plant, EwsSender(seed, scenario.drift_ppm, stream=_stream(clock))) if sampled else None
        if waves is not None:
            opened.push_async_callback(waves.stop)
            addresses |= {"ews_port": waves.port.path, "ews_tcp": await waves.tcp.start()}
        ports = [address for address in addresses.values() if address.startswith("/")]
        with TruthLog(truth) as log:
            tasks: list[asyncio.Task[Any]] = [
                asyncio.create_task(_run(scenario.step_s, plant, waves, clock, log)),
                asyncio.create_task(stop.wait()),
                asyncio.create_task(_watch(ports, clock)),
            ]
            if waves is not None:
                tasks.append(asyncio.create_task(waves.send(clock)))
            try:
                on_ready(Endpoints.of(addresses))
                done, _pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
        for task in done:
            task.result()  # raises an exception of the plant instead of hiding it


async def _watch(ports: list[str], clock: Clock) -> None:
    while True:
        await clock.sleep(_WATCH_S)
        if removed := _removed(ports):
            raise PortError(SIMULATED_PORT_REMOVED, port=removed[0])


def _removed(ports: list[str]) -> list[str]:
    return [port for port in ports if not os.path.exists(port)]


async def _run(step_s: float, plant: Plant, waves: _Waves | None, clock: Clock, log: TruthLog) -> None:
    """Advance the plant on a fixed grid of monotonic time; time stamps are those of the grid points."""
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
        if waves is not None:
            waves.sample(dt_s, utc_ns, at_ns)
        log.write(utc_ns // 1_000_000, plant.truth())
        at_ns += step_ns
        await clock.sleep(max(at_ns - clock.monotonic_ns(), 0) / 1e9)


class _Waves:
    """The waveform stream of the plant's sampled train, on a serial port and on TCP."""

    def __init__(self, plant: Plant, sender: EwsSender) -> None:
        self._plant, self._sender = plant, sender
        self.port, self.tcp = PtyOutlet(), TcpOutlet()

    def sample(self, dt_s: float, utc_ns: int, due_ns: int) -> None:
        source = self._plant.sampled()
        assert source is not None
        self._sender.sample(source, dt_s=dt_s, utc_ns=utc_ns, due_ns=due_ns)

    async def send(self, clock: Clock) -> None:
        while True:
            frames = self._sender.due_frames(clock.monotonic_ns())
            if frames:
                self.port.send(frames)
                self.tcp.send(frames)
                self._sender.dropped = self.port.dropped
            await clock.sleep(_PACE_S)

    async def stop(self) -> None:
        await self.tcp.stop()
        self.port.close()


def _stream(clock: Clock) -> int:
    """Return a stream id that differs after each start, as docs/reference/ews1.md requires."""
    return 1 + clock.utc_ns() // 1_000_000 % 0xFFFF
