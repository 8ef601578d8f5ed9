"""`magwatt explain`: from the last message of a running agent, or from polling the devices for a short time."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Mapping
from typing import Any

import click

from agent.acquisition.mqtt_signals.signals import MqttSignals
from agent.acquisition.scheduler import pollers
from agent.cli.explain_text import as_text
from agent.config.model import Config, Mqtt
from agent.config.topology import assets, drive_rating_kw
from agent.core.clock import SystemClock
from agent.core.local_time import format_second
from agent.core.messages import Message
from agent.core.text import _, text_of_object
from agent.delivery.mqtt.follower import FollowedMessage, Follower
from agent.runtime.pipeline import Pipeline
from drivers.recordings.reasons import nearest

TICK_S = 0.25
REST_S = 0.2  # further retained messages arrive within that time after the first


def from_broker(broker: Mqtt, motor: str, topic: str, seconds: float, as_json: bool) -> int:
    """Prints the message `<motor>/explain`; 1 when the broker does not respond or has no such message."""
    follower = Follower(broker, topic)
    try:
        follower.start()
    except (OSError, ValueError) as error:
        text = _(
            "no broker at {host}:{port:d}: {error}; give the URL of the broker or --config FILE. While no agent runs, "
            "use --config FILE --poll", host=broker.host, port=broker.port, error=str(error)
        )  # fmt: skip
        click.echo(text, err=True)
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
    data = {"motor": motor, "seconds": seconds, "near": nearest(motor, known), "known": known}
    if data["near"]:
        text = _("{motor}: no message received within {seconds:g} s. Did you mean {near:quoted}?", **data)
    elif known:
        text = _("{motor}: no message received within {seconds:g} s. There are messages of {known}", **data)
    else:
        text = _("{motor}: no message received within {seconds:g} s. Is the agent connected to this broker?", **data)
    click.echo(text, err=True)
    return 1


def _past(follower: Follower, seen: FollowedMessage) -> str:
    """Why the retained message may be outdated; empty while the agent and the devices of the motor are online."""
    state, sent_ms = seen.messages.get("state", {}), seen.messages["explain"]["t"]
    if follower.gateways.get(seen.gateway) == "offline":
        return _(
            "{gateway} is offline; its last message is of {time}", gateway=seen.gateway, time=format_second(sent_ms)
        )
    if state.get("state") in ("offline", "stale"):
        return _(
            "{motor} is {state:word} since {time}: {reasons}",
            motor=seen.asset,
            state=state["state"],
            time=format_second(state["since"]),
            reasons=_("; ").join(map(text_of_object, state["reason"])),
        )
    return ""


async def from_poll(config: Config, motor: str, seconds: float, as_json: bool) -> int:
    """Polls the devices of a configuration for `seconds` and prints the result; 1 when there is none."""
    found: dict[str, Mapping[str, Any]] = {}
    clock = SystemClock()
    computing: list[Pipeline] = []
    buses = pollers(config, clock, lambda reading: computing[0].reading(reading))
    wanted = [asset for asset in assets(config) if asset.name == motor]
    topics = MqttSignals(lambda reading: computing[0].reading(reading), clock, f"explain-{os.getpid()}")
    topics.set(config)
    compute = Pipeline(
        wanted,
        {polled.device.name: polled.due_s() for bus in buses for polled in bus.devices} | topics.due_s(),
        {drive.name: drive_rating_kw(config, drive) for drive in config.drives.values()},
        clock,
        _drop,
        lambda *_: None,
        {},
        publish_retained=lambda asset, _kind, body: found.__setitem__(asset, body),
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
    if motor not in found:
        click.echo(_("{motor}: no values within {seconds:g} s. Run `magwatt doctor` to find the cause", motor=motor,
                     seconds=seconds), err=True)  # fmt: skip
        return 1
    _print(motor, found[motor], as_json)
    return 0


def _drop(_message: Message) -> None:
    """Discards a message: the command publishes nothing."""


def _print(motor: str, body: Mapping[str, Any], as_json: bool) -> None:
    click.echo(json.dumps(body, ensure_ascii=False) if as_json else as_text(motor, body))
