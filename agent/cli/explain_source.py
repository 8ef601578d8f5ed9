"""`magwatt explain`: from the last message of a running agent, or from polling the devices for a short time."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Mapping
from typing import Any

import click

from agent.cli.broker_source import BrokerSource
from agent.cli.explain_condition import condition_text
from agent.cli.explain_text import as_text
from agent.cli.options import warn_of_agent
from agent.config.model import Config
from agent.core.local_time import format_second
from agent.core.text import N_, _, text_of, text_of_object
from agent.delivery.mqtt.follower import BrokerError, FollowedMessage, Follower
from drivers.file_reasons import nearest

REST_S = 0.2  # further retained messages arrive within that time after the first


def from_broker(source: BrokerSource, motor: str, seconds: float, as_json: bool) -> int:
    """Prints the message `<motor>/explain`; 1 when the broker does not respond or has no such message."""
    follower = Follower(source.broker, source.topic)
    try:
        follower.start()
    except BrokerError as error:
        click.echo(_("{problem}; while no agent runs, use --poll", problem=source.advice(error)), err=True)
        return 1
    try:
        until_s = time.monotonic() + seconds
        while time.monotonic() < until_s:
            for followed in list(follower.seen.values()):
                if followed.asset == motor and "explain" in followed.messages:
                    time.sleep(REST_S)
                    _print_followed(follower, followed, as_json)
                    return 0
            time.sleep(0.05)
        known = sorted({followed.asset for followed in list(follower.seen.values()) if "explain" in followed.messages})
    finally:
        follower.stop()
    if near := nearest(motor, known):
        text = N_("{motor}: no message received within {seconds:g} s. Did you mean {near:quoted}?")
    elif known:
        text = N_("{motor}: no message received within {seconds:g} s. There are messages of {known}")
    else:
        text = N_("{motor}: no message received within {seconds:g} s. Is the agent connected to this broker?")
    click.echo(_(text, motor=motor, seconds=seconds, near=near, known=known), err=True)
    return 1


def _print_followed(follower: Follower, followed: FollowedMessage, as_json: bool) -> None:
    """What explains the efficiency, and the condition where it is known."""
    body, condition = followed.messages["explain"], followed.messages.get("condition")
    if as_json:
        _print(followed.asset, body | ({"condition": condition} if condition else {}), as_json)
        return
    if past := _past(follower, followed):
        click.echo(f"{past}\n")
    _print(followed.asset, body, as_json)
    if condition:
        click.echo("\n" + condition_text(condition, current=not past))


def _past(follower: Follower, followed: FollowedMessage) -> str:
    """Why the retained message may be outdated; empty while the agent and the devices of the motor are online."""
    state, sent_ms = followed.messages.get("state", {}), followed.messages["explain"]["t"]
    if follower.gateways.get(followed.gateway) == "offline":
        return _(
            "{gateway} is offline; its last message is of {time}", gateway=followed.gateway, time=format_second(sent_ms)
        )
    if state.get("state") in ("offline", "stale"):
        return _(
            "{motor} is {state:word} since {time}: {reasons}",
            motor=followed.asset,
            state=state["state"],
            time=format_second(state["since"]),
            reasons=_("; ").join(map(text_of_object, state["reason"])),
        )
    return ""


class _ExplainReceiver:
    """The last `explain` message of one motor."""

    def __init__(self, motor: str) -> None:
        self.body: dict[str, Any] | None = None
        self._end = f"/{motor}/explain"

    def on_message(self, topic: str, payload: bytes, _retain: bool) -> None:
        if topic.endswith(self._end):
            self.body = json.loads(payload)


async def from_poll(config: Config, motor: str, seconds: float, as_json: bool) -> int:
    """Polls the devices of a motor for `seconds` after listening, and prints the result; 1 when there is none."""
    from agent.acquisition.bus_stops import STOP, apply_stops
    from agent.config.topology import assets
    from agent.core.clock import SystemClock
    from agent.delivery.store import Store, default_directory
    from agent.delivery.store.stored_entries import stored_entries
    from agent.runtime.assembly import Agent, AgentOptions
    from agent.runtime.pipeline_thread import TICK_S

    warn_of_agent(config)
    receiver, clock = _ExplainReceiver(motor), SystemClock()
    store = Store(None, clock)
    agent = Agent(
        config, clock, store, AgentOptions(deliver=False, ledger=False, explain_s=0.0, client=f"explain-{os.getpid()}")
    )
    agent.publisher.on_message = receiver.on_message
    agent.connect()
    apply_stops(stored_entries(config.state_dir or default_directory(), STOP), agent.pollers, clock)
    needed = {name for asset in assets(config) if asset.name == motor for name in asset.sources}
    listen_s = 0.0
    for bus in agent.pollers:
        if needed & {polled.device.name for polled in bus.devices}:
            agent.buses.start(bus)
            listen_s = max(listen_s, bus.bus.listen_before_start_s)
    topics = asyncio.create_task(agent.mqtt_signals.run())
    until_s = time.monotonic() + listen_s + seconds
    try:
        while time.monotonic() < until_s:
            await asyncio.sleep(TICK_S)
            agent.pipeline.tick()
    finally:
        topics.cancel()
        await asyncio.gather(topics, return_exceptions=True)
        await agent.buses.stop()
        await asyncio.to_thread(agent.mqtt_signals.stop)
        agent.pipeline.close()
        store.close()
    if receiver.body is None:
        for device in needed & agent.disabled.keys():
            click.echo(text_of(agent.disabled[device]), err=True)
        click.echo(_("{motor}: no values within {seconds:g} s. Run `magwatt doctor` to find the cause", motor=motor,
                     seconds=seconds), err=True)  # fmt: skip
        return 1
    _print(motor, receiver.body, as_json)
    return 0


def _print(motor: str, body: Mapping[str, Any], as_json: bool) -> None:
    click.echo(json.dumps(body, ensure_ascii=False) if as_json else as_text(motor, body))
