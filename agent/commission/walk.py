"""Walks through the plant motor by motor. Reads only; what it finds is kept in the store, where `run` looks it up."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from agent.checked import save_check
from agent.clock import SystemClock
from agent.commission.announce import lasts
from agent.commission.record import Record, Step, write
from agent.config import Config, Motor
from agent.discover.likely import likely_model
from agent.poll import BusPoller, Polled, pollers
from agent.selfcheck import Bench, DeviceResult, Finding, Result
from agent.selfcheck.bench import bench_of
from agent.selfcheck.check import self_check
from agent.store import Store, StoreError
from agent.topology import Asset, assets
from agent.words import counted
from drivers.errors import LinkError
from drivers.profiles import load_profile
from drivers.reading import Clock
from drivers.vocabulary import vocabulary

COMPARED = (
    "voltage_l1n", "voltage_l2n", "voltage_l3n", "current_l1", "current_l2", "current_l3", "active_power",
    "output_frequency", "motor_speed", "motor_current", "output_voltage", "motor_power",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Answers:
    """How a person is spoken to. ask: yes, no or not asked, and a remark; it gets the question."""

    say: Callable[[str], None]
    ask: Callable[[str], tuple[str, str]]


async def commission(
    config: Config, store: Store, directory: Path, wanted: list[str], by: str, readings: int, answers: Answers
) -> list[Record]:
    """One record per asset, written to `directory`. Devices whose watchdog question is open are left out.

    All devices are checked together, whichever assets are wanted: two exchanged units show only side by side.
    """
    clock = SystemClock()
    buses = pollers(config, clock, lambda reading: None)
    there = {polled.device.name: (bus, polled) for bus in buses for polled in bus.devices}
    try:
        bench = bench_of(config, {bus.bus.name: bus.link for bus in buses})
        result = None
        if bench.subjects:
            takes = lasts(config, bench, readings, clock)
            answers.say(
                f"self-check of {counted(len(bench.subjects), 'device')}: {takes.sound:.0f} s, "
                f"{takes.lossy:.0f} s on a bad line; where values disagree {takes.odd:.0f} to {takes.odd_lossy:.0f} s"
            )
            result = await with_models(await self_check(bench, clock, readings), bench)
        return [
            _one(config, store, directory, asset, there, by, result, answers, clock)
            for asset in assets(config)
            if not wanted or asset.name in wanted
        ]
    finally:
        for bus in buses:
            await bus.link.close()


async def with_models(result: Result, bench: Bench) -> Result:
    """Where the map itself is doubted, what identify makes of the device; nothing more where its line is gone."""
    found = list(result.findings)
    for at, item in enumerate(found):
        subject = next(each for each in bench.subjects if each.name == item.device)
        if item.cause in ("refused", "model"):
            timeout_s = subject.timeout_s or subject.profile.timeout_s
            with contextlib.suppress(LinkError):
                said = await likely_model(
                    subject.link, subject.item.unit_id, subject.profile, timeout_s, subject.character_s
                )
                found[at] = dataclasses.replace(item, text=item.text + said)
    return dataclasses.replace(result, findings=tuple(found))


def _one(
    config: Config, store: Store, directory: Path, asset: Asset, there: dict[str, tuple[BusPoller, Polled]], by: str,
    result: Result | None, answers: Answers, clock: Clock,
) -> Record:  # fmt: skip
    at_ms = clock.utc_ns() // 1_000_000
    when = datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(ZoneInfo(config.site.timezone))
    record = Record(
        asset.name, asset.title, config.site.id, config.site.gateway, config.hash, by, at_ms,
        when.strftime("%Y-%m-%d %H:%M %Z"), nameplate(asset.motor) if asset.motor else {},
    )  # fmt: skip
    answers.say(f"\n{asset.title}" + (f" ({asset.name})" if asset.title != asset.name else ""))
    for question in questions(config, asset):
        record.steps.append(Step(question, *answers.ask(question)))
    for name in asset.devices:
        if name not in there:
            record.steps.append(Step(f"{name} is polled", "no", "see what `magwatt check` says of it"))
            answers.say(f"  {name}: not polled; `magwatt check` says why")
    if result is not None and any(name in there for name in asset.devices):
        record.result = _part(result, asset)
        for line in spoken(record.result):
            answers.say(f"  {line}")
        _keep(store, config, record, there, answers)
        for name, device in record.result.devices.items():
            answers.say(f"  {name} shows {', '.join(shown(device)) or 'none of the usual values'}")
        question = "these values agree with the device's display, and currents with a clamp meter"
        record.steps.append(Step(question, *answers.ask(question)))
    path = write(record, directory)
    answers.say(f"  {counted(len(record.open_points), 'open point')}; record: {path}")
    return record


def _part(result: Result, asset: Asset) -> Result:
    """What concerns the devices of one asset."""
    own = asset.devices
    return dataclasses.replace(
        result,
        devices={name: device for name, device in result.devices.items() if name in own},
        findings=tuple(item for item in result.findings if item.device in own or _exchanged(item, own)),
        notes=tuple(text for text in result.notes if text.partition(":")[0] in own),
    )


def _exchanged(item: Finding, own: Sequence[str]) -> bool:
    """Two exchanged units are one finding, told of one device; it is as much the other's."""
    return item.cause == "unit" and any(f" {name} " in item.text for name in own)


def _keep(
    store: Store, config: Config, record: Record, there: dict[str, tuple[BusPoller, Polled]], answers: Answers
) -> None:
    assert record.result is not None
    for name, result in record.result.devices.items():
        said = [item for item in record.result.findings if item.device == name]
        try:
            save_check(store, config, *there[name], record.at_ms, result, said)
        except StoreError as error:
            answers.say(f"  not kept for `run`: {error}")


def nameplate(motor: Motor) -> dict[str, Any]:
    """What the configuration says of the motor, in the words of a nameplate."""
    shown = {
        "kind": motor.kind,
        "power": f"{motor.kw:g} kW",
        "speed": f"{motor.rpm:g} rpm",
        "poles": motor.poles,
        "voltage": f"{motor.volts:g} V",
        "current": f"{motor.amps:g} A" if motor.amps else "",
        "class": motor.efficiency_class or "",
    }
    return {key: value for key, value in shown.items() if value}


def questions(config: Config, asset: Asset) -> Iterator[str]:
    """What only a person in front of the cabinet can tell."""
    if asset.motor:
        plate = ", ".join(f"{key} {value}" for key, value in nameplate(asset.motor).items())
        yield f"the motor's nameplate says: {plate}"
    meter, drive = asset.meter, asset.drive
    if meter:
        model = load_profile(meter.profile).model
        place = _place(meter.measuring_point)
        yield f"meter {meter.name}: model {model}, unit {meter.unit_id}, wired {meter.wiring}, {place}"
        if meter.ct:
            where = "set in the meter" if meter.ratio_applied_by == "meter" else "applied by magwatt"
            ratio = f"{meter.ct[0]:g}/{meter.ct[1]:g} A"
            yield f"its current transformers are {ratio}, class {meter.ct_class or 'unknown'}, {where}"
        yield "each current transformer sits on the conductor of its own phase, arrow (P1) towards the supply"
    if drive:
        model = load_profile(drive.profile).model
        yield f"drive {drive.name}: model {model}, unit {drive.unit_id}, feeds this motor"
        if drive.comm_loss:
            yield f'its communication watchdog was looked at: "{drive.comm_loss}"'


def spoken(result: Result) -> Iterator[str]:
    """The result in a few lines."""
    for name, device in result.devices.items():
        counts = {word: 0 for word in ("passed", "failed", "unverified")}
        for verdict in device.verdicts.values():
            counts[verdict.outcome] += 1
        yield f"{name}: {counts['passed']} passed, {counts['failed']} failed, {counts['unverified']} unverified"
        if device.verified:
            yield f"  confirmed, and read from now on: {', '.join(device.verified)}"
    for item in result.findings:
        yield f"! {item.text}"
    for text in result.notes:
        yield f"! {text}"


def shown(device: DeviceResult) -> Iterator[str]:
    """The values that a person compares first, from the last rounds."""
    for name in COMPARED:
        verdict = device.verdicts.get(name)
        if verdict is not None and isinstance(verdict.value, float | int):
            digits = f"{verdict.value:.4g}" if abs(verdict.value) < 1000 else f"{verdict.value:.0f}"
            yield f"{name} {digits} {vocabulary()[name].unit}"


def _place(at: str) -> str:
    return {"drive-input": "before the drive", "motor": "at the motor", "feeder": "in the feeder"}[at]
