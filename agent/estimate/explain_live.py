"""`magwatt explain`: from what a running agent told last, or from a short poll of its own."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import click

from agent.clock import SystemClock
from agent.compute import Compute
from agent.config import Config, Mqtt
from agent.estimate.explain import as_text
from agent.messages import Message
from agent.poll import pollers
from agent.schema import nearest
from agent.subscribe import Follower, Seen
from agent.topics.topics import Topics
from agent.topology import assets, drive_rating_kw

TICK_S = 0.25
REST_S = 0.2  # what a broker retains beside the first message is here by then


def from_broker(broker: Mqtt, motor: str, topic: str, seconds: float, as_json: bool) -> int:
    """Prints what the agent keeps on `<motor>/explain`; 1 when no broker answers or no such motor is told of."""
    follower = Follower(broker, topic)
    try:
        follower.start()
    except (OSError, ValueError) as error:
        click.echo(f"no broker at {broker.host}:{broker.port}: {error}; name its URL, or --config FILE; without a "
                   "running agent: --config FILE --poll", err=True)  # fmt: skip
        return 1
    try:
        until_s = time.monotonic() + seconds
        while time.monotonic() < until_s:
            for seen in list(follower.seen.values()):
                if seen.asset == motor and "explain" in seen.messages:
                    time.sleep(REST_S)
                    if (past := _past(follower, seen)) and not as_json:
                        click.echo(f"{past}\n")
                    _print(motor, seen.messages["explain"], as_json)
                    return 0
            time.sleep(0.05)
        known = sorted({seen.asset for seen in list(follower.seen.values()) if "explain" in seen.messages})
    finally:
        follower.stop()
    near = nearest(motor, known)
    hint = f"; did you mean '{near}'?" if near else f"; there are {', '.join(known)}" if known else ""
    click.echo(
        f"{motor}: no agent told of it in {seconds:g} s{hint or '; is magwatt run on, at this broker?'}", err=True
    )
    return 1


def _past(follower: Follower, seen: Seen) -> str:
    """Why what is retained says nothing of now; empty while the agent and the motor's devices are there."""
    state, told_ms = seen.messages.get("state", {}), seen.messages["explain"]["t"]
    if follower.gateways.get(seen.gateway) == "offline":
        at = datetime.fromtimestamp(told_ms / 1000).astimezone()
        return f"{seen.gateway} is offline: this is what it told last, {at:%Y-%m-%d %H:%M:%S}"
    if state.get("state") in ("offline", "stale"):
        at = datetime.fromtimestamp(state["since"] / 1000).astimezone()
        return f"{seen.asset} is {state['state']} since {at:%Y-%m-%d %H:%M:%S}: {state['reason']}"
    return ""


async def from_poll(config: Config, motor: str, seconds: float, as_json: bool) -> int:
    """Polls the devices of CONFIG for `seconds` and prints what that gives; 1 when nothing came."""
    told: dict[str, Mapping[str, Any]] = {}
    clock = SystemClock()
    computing: list[Compute] = []
    buses = pollers(config, clock, lambda reading: computing[0].reading(reading))
    wanted = [asset for asset in assets(config) if asset.name == motor]
    topics = Topics(lambda reading: computing[0].reading(reading), clock, f"explain-{os.getpid()}")
    topics.set(config)
    compute = Compute(
        wanted,
        {polled.device.name: polled.due_s() for bus in buses for polled in bus.devices} | topics.due_s(),
        {drive.name: drive_rating_kw(config, drive) for drive in config.drives.values()},
        clock,
        _drop,
        lambda *_: None,
        {},
        tell_text=lambda asset, _kind, body: told.__setitem__(asset, body),
        explain_s=0.0,
    )
    computing.append(compute)
    needed = {name for asset in wanted for name in asset.sources}
    tasks = [asyncio.create_task(bus.run()) for bus in buses if needed & {polled.device.name for polled in bus.devices}]
    tasks.append(asyncio.create_task(topics.run()))
    until_s = time.monotonic() + seconds
    try:
        while time.monotonic() < until_s:
            await asyncio.sleep(TICK_S)
            compute.tick()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.to_thread(topics.stop)
    if motor not in told:
        click.echo(f"{motor}: nothing came in {seconds:g} s; try: magwatt doctor", err=True)
        return 1
    _print(motor, told[motor], as_json)
    return 0


def _drop(_message: Message) -> None:
    """Nobody is told: this is a look, not a run."""


def _print(motor: str, body: Mapping[str, Any], as_json: bool) -> None:
    click.echo(json.dumps(body, ensure_ascii=False) if as_json else as_text(motor, body))
