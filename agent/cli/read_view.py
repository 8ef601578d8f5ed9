"""`magwatt read`: poll devices and print the decoded values, without computed metrics."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from decimal import Decimal

import click
import msgspec
from msgspec.structs import replace

from agent.acquisition.bus_stops import command_pollers
from agent.acquisition.listening_poller import ListeningPoller
from agent.acquisition.mqtt_signals.probe import TopicProbe
from agent.acquisition.mqtt_signals.signals import SAMPLE_INTERVAL_S
from agent.acquisition.scheduler import BusPoller, PolledDevice
from agent.acquisition.selfcheck_results import disabled_registers
from agent.commissioning.discovery.identify import models_at
from agent.commissioning.doctor.listening import listening_s
from agent.commissioning.selfcheck.reasons import CAUSE_AND_MODELS
from agent.commissioning.selfcheck.run import rejected_registers
from agent.config.model import Config
from agent.config.signals import topic_signals
from agent.core.columns import padded
from agent.core.metrics import by_name, rounded
from agent.core.text import N_, _, as_object, text_of
from drivers.bus_listener import BusListener
from drivers.errors import LinkError
from drivers.listened_device import ListenedDevice
from drivers.modbus_device import ALL_GROUPS
from drivers.reading import Quality, Reading, Value
from drivers.reasons import Reason
from drivers.vocabulary import metric_name_of, vocabulary

LISTEN_S = 60.0
SETTLE_MAX = 6  # a rejected block is split into runs, then registers


async def read_devices(config: Config, device: str | None, times: int, as_json: bool) -> int:
    """Prints `times` readings of each device. Returns 1 if one does not respond or rejects a register of its profile,
    else 0.

    device: the only one to poll; None: all. A signal from a topic is awaited for its expected interval, at most
    LISTEN_S.
    """
    buses = command_pollers(config, device)
    topics = [signal for signal in topic_signals(config) if device in (None, signal.device)]
    if not buses and not topics:
        text = N_("{device} is not polled; `magwatt check` reports the reason") if device else N_("No device to poll.")
        click.echo(_(text, device=device), err=True)
        return 1
    disabled = disabled_registers(config)
    jobs = [
        (_read_listened if isinstance(bus, ListeningPoller) else _read_bus)(bus, times, as_json, disabled)
        for bus in buses
    ]
    if topics:
        jobs.append(_read_topics(config, device, times, as_json))
    results = await asyncio.gather(*jobs)
    if not all(responded for responded, fits in results):
        click.echo(_("Some devices did not respond; run `magwatt doctor` to find the cause."), err=True)
    return 0 if all(responded and fits for responded, fits in results) else 1


async def _read_bus(
    bus: BusPoller, times: int, as_json: bool, disabled: Mapping[str, Reason]
) -> tuple[bool, bool]:  # fmt: skip
    """Whether all devices responded, and whether none rejected a register of its profile.

    disabled: device → how many of its registers are not read because nothing has confirmed them.
    """
    responded: set[str] = set()
    try:
        for round_number in range(times):
            if round_number:
                await asyncio.sleep(bus.bus.poll_interval_s)
            for polled in bus.devices:
                reading = await read_completely(polled)
                rejected = sorted(polled.device.unsupported.registers)
                responded |= _print(reading, as_json, rejected, disabled.get(reading.device))
        for polled in bus.devices:
            if reason := disabled.get(polled.device.name):
                label = _("note")
                click.echo(f"{padded(label, 8)} {text_of(reason)}", err=True)
        rejecting = [polled for polled in bus.devices if polled.device.unsupported.registers]
        for polled in rejecting:
            label, cause = _("finding"), text_of(await _likely_cause(bus, polled))
            click.echo(f"{padded(label, 8)} {cause}", err=True)
    finally:
        await bus.link.close()
    return len(responded) == len(bus.devices), not rejecting


async def _read_listened(
    bus: BusPoller, times: int, as_json: bool, disabled: Mapping[str, Reason]
) -> tuple[bool, bool]:  # fmt: skip
    """Same as _read_bus for a bus that another master polls: prints what is received."""
    assert isinstance(bus.link, BusListener)
    responded: set[str] = set()
    bus.link.start()
    try:
        for round_number in range(times):
            seconds = bus.bus.poll_interval_s if round_number else listening_s(bus)
            if not round_number:
                text = N_("bus {bus}: listening for {seconds:g} s; nothing is sent …")
                click.echo(_(text, bus=bus.bus.name, seconds=seconds), err=True)
            await asyncio.sleep(seconds)
            for polled in bus.devices:
                assert isinstance(polled.device, ListenedDevice)
                reading = await polled.device.poll()
                if reading.error is None:
                    reading = replace(reading, error=polled.device.missing())
                reading = polled.published(reading)
                responded |= _print(reading, as_json, (), disabled.get(reading.device))
    finally:
        await bus.link.close()
    return len(responded) == len(bus.devices), True


async def _read_topics(config: Config, device: str | None, times: int, as_json: bool) -> tuple[bool, bool]:
    probe = TopicProbe(config, device)
    n, longest_s = len(probe.signals), max(min(signal.expected_interval_s, LISTEN_S) for signal in probe.signals)
    click.echo(_("Waiting up to {longest_s:g} s for {n:d} {n:topic|topics} …", longest_s=longest_s, n=n), err=True)
    received: set[str] = set()
    try:
        for round_number in range(times):
            if round_number:
                await asyncio.sleep(SAMPLE_INTERVAL_S)
            for topic in await probe.wait(LISTEN_S):
                received |= _print(topic.as_reading(), as_json)
    finally:
        await probe.stop()
    return len(received) == n, True


def _print(
    reading: Reading, as_json: bool, rejected: Sequence[str] = (), disabled: Reason | None = None
) -> set[str]:  # fmt: skip
    """Prints a reading. Returns its device if it responded with values."""
    click.echo((reading_json if as_json else reading_text)(reading, rejected, disabled))
    return set() if _without_values(reading) else {reading.device}


async def read_completely(polled: PolledDevice) -> Reading:
    """One reading with all available values: a rejected block is split until each rejected register is known."""
    unsupported = polled.device.unsupported
    for _attempt in range(SETTLE_MAX):
        known = len(unsupported.rejected_blocks), len(unsupported.registers)
        reading = await polled.device.poll(ALL_GROUPS)
        if known == (len(unsupported.rejected_blocks), len(unsupported.registers)) or not polled.device.names():
            break
    return polled.published(reading)


async def _likely_cause(bus: BusPoller, polled: PolledDevice) -> Reason:
    """The registers that the device rejects, and the models that it may be instead."""
    device = polled.device
    finding = rejected_registers(device.name, device.unit, device.profile, sorted(device.unsupported.registers))
    timeout_s, character_s = device.health.response_time.timeout_s, bus.link.wire.character_s
    with contextlib.suppress(LinkError):
        if models := await models_at(bus.link, device.unit, device.profile, timeout_s, character_s):
            return CAUSE_AND_MODELS(cause=finding, models=models)
    return finding


def reading_json(reading: Reading, rejected: Sequence[str] = (), disabled: Reason | None = None) -> str:
    """One JSON object: device, t (UTC ms of the response), quality (flags of the reading), flags (name → flags) and
    values; error, rejected and disabled where they are not empty.

    rejected: quantities whose registers the device rejects.
    disabled: how many registers are not read because nothing has confirmed them; None: all are read.
    """
    body = {
        "device": reading.device,
        "t": reading.came_ns // 1_000_000,
        "quality": reading.quality.names(),
        "flags": {metric_name_of(name): flag.names() for name, flag in reading.flags.items() if flag},
        "values": {metric_name_of(name): _published(name, value) for name, value in reading.values.items()},
    }
    if reading.error:
        body["error"] = as_object(reading.error)
    if rejected:
        body["rejected"] = [metric_name_of(name) for name in rejected]
    if disabled:
        body["disabled"] = as_object(disabled)
    return msgspec.json.encode(body).decode()


def _published(name: str, value: Value) -> Value:
    """The value, rounded as it is published; None if it is not finite."""
    metric = by_name("telemetry").get(metric_name_of(name))  # signals are not in it
    return rounded(metric, value) if metric and isinstance(value, float) else value


def _without_values(reading: Reading) -> bool:
    """Whether the device did not respond, or rejected all requests, as another model does."""
    return Quality.NO_REPLY in reading.quality or (bool(reading.error) and set(reading.values.values()) <= {None})


def reading_text(reading: Reading, rejected: Sequence[str] = (), disabled: Reason | None = None) -> str:
    if _without_values(reading):
        error = text_of(reading.error) if reading.error else _("no response")
        return _("{device}  no values: {error}", device=reading.device, error=error)
    remarks = [" ".join(reading.quality.names()) or _("good")]
    if rejected:
        remarks.append(_("{n:d} {n:register|registers} rejected", n=len(rejected)))
    if disabled:
        remarks.append(_("{n:d} {n:register|registers} disabled", n=disabled.data["n"]))
    if reading.error:
        remarks.append(text_of(reading.error))
    lines = [f"{reading.device}  ({_('; ').join(remarks)})"]
    for name, measured in reading.values.items():
        value, flags = _published(name, measured), reading.flags.get(name, Quality.GOOD)
        unit = vocabulary()[name].unit if name in vocabulary() else ""
        # All published digits, without exponent: 184321.028, not 1.84321e+05
        text = "–" if value is None else f"{Decimal(repr(value)):f}" if isinstance(value, float) else str(value)
        lines.append(f"  {metric_name_of(name):32} {text:>14} {unit:6} {' '.join(flags.names())}".rstrip())
    return "\n".join(lines)
