"""The lines below a live table: alarms, flags, reasons of states, events."""

from __future__ import annotations

import time

from agent.analysis.power_quality.event_text import format_event
from agent.cli.watch_alarms import alarm_line, alarms_of, open_alarms
from agent.cli.watch_rows import followed_in_order, translated
from agent.core.local_time import format_date, format_second
from agent.core.text import N_, _, text_of_object
from agent.delivery.mqtt.follower import FollowedMessage, Follower

EVENT_S = 600.0  # for this time an event is shown
_FLAG_HELP = {
    "CLOCK_UNSYNCHRONIZED": N_("the clock of the gateway is not synchronized, see `magwatt doctor`"),
    "LISTENED": N_("another master reads the devices; magwatt listens"),
}


def notes(follower: Follower) -> list[str]:
    """All lines: gateways, alarms and states first, which need an action, then events and flags."""
    return [
        *_format_gateways(follower), *format_alarms(follower), *format_states(follower), *_format_events(follower),
        *format_flags(follower),
    ]  # fmt: skip


def _format_gateways(follower: Follower) -> list[str]:
    """Each gateway that is not connected to the broker."""
    return [
        _("{gateway}: gateway offline; the rows of its motors are the last ones", gateway=gateway)
        for gateway, status in sorted(follower.gateways.items())
        if status == "offline"
    ]


def format_alarms(follower: Follower) -> list[str]:
    """The worst alarm of each gateway and of each motor."""
    owners = {topic: topic.rpartition("/")[2] for topic in sorted(follower.gateways)}
    for item in followed_in_order(follower):  # a gateway that has sent an event is among them
        owners.setdefault(f"{item.gateway}/{item.asset}", _label(item, follower))
    return [
        alarm_line(name, found) for topic, name in owners.items() if (found := open_alarms(alarms_of(follower, topic)))
    ]


def format_flags(follower: Follower) -> list[str]:
    """Flags of complete messages, with the motors. SIMULATED is in the title."""
    motors: dict[str, list[str]] = {}
    for followed in followed_in_order(follower):
        for flag in flags_of(followed):
            motors.setdefault(flag, []).append(_label(followed, follower))
    return [
        _("{flag} ({help:word}): {motors}", flag=flag, help=_FLAG_HELP[flag], motors=names) if flag in _FLAG_HELP
        else _("{flag}: {motors}", flag=flag, motors=names)
        for flag, names in motors.items()
        if flag != "SIMULATED"
    ]  # fmt: skip


def format_states(follower: Follower) -> list[str]:
    """State, reasons and start time of each motor whose state has reasons. The states of an offline gateway are
    outdated and not shown."""
    return [
        _("{time}  {motor}: {state}: {reasons}", time=_clock(state.get("since", state["t"])),
          motor=_label(followed, follower), state=translated(state["state"]),
          reasons=_("; ").join(map(text_of_object, state["reason"])))
        for followed in followed_in_order(follower)
        if (state := followed.messages.get("state", {})).get("reason")
        and follower.gateways.get(followed.gateway) != "offline"
    ]  # fmt: skip


def format_event_line(followed: FollowedMessage) -> str:
    message = followed.messages["event"]
    name = followed.messages.get("meta", {}).get("name", followed.asset)
    text = format_event(message["v"], message.get("r", {}).get("event_text", ()))
    return f"{_clock(message['v'].get('event_start_ms', message['t']))}  {name}: {text}"


def flags_of(followed: FollowedMessage) -> list[str]:
    """The flags of the complete last telemetry message."""
    flags: list[str] = followed.messages.get("telemetry", {}).get("f", {}).get("*", [])
    return flags


def _format_events(follower: Follower) -> list[str]:
    """The latest event of each motor, for EVENT_S; times are local."""
    recent = [
        followed
        for followed in followed_in_order(follower)
        if "event" in followed.messages and time.monotonic() - followed.received_s["event"] < EVENT_S
    ]
    return [
        format_event_line(followed) for followed in sorted(recent, key=lambda followed: followed.messages["event"]["t"])
    ]


def _label(followed: FollowedMessage, follower: Follower) -> str:
    """The identifier of an asset, preceded by that of its gateway if there are several."""
    gateways = {each.gateway for each in follower.seen.copy().values()}
    return followed.asset if len(gateways) < 2 else f"{followed.gateway.rpartition('/')[2]}/{followed.asset}"


def _clock(utc_ms: float) -> str:
    """The local time; with the date if it is not today."""
    return format_second(utc_ms).removeprefix(f"{format_date(1000 * time.time())} ")
