"""Commission the plant motor by motor. Reads only; the results are saved in the store, where `run` loads them."""

from __future__ import annotations

import contextlib
import dataclasses
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.acquisition.scheduler import BusPoller, PolledDevice, pollers
from agent.acquisition.selfcheck_results import save_check
from agent.commissioning.discovery.mismatch import models_at
from agent.commissioning.selfcheck import DeviceResult, DeviceSet, SelfcheckOutcome
from agent.commissioning.selfcheck.devices import bench_of
from agent.commissioning.selfcheck.reasons import MODELS_MATCHING, MODELS_SIMILAR, OTHER_MODEL
from agent.commissioning.selfcheck.run import self_check
from agent.commissioning.wizard import reasons as codes
from agent.commissioning.wizard.duration import lasts
from agent.commissioning.wizard.record import CommissioningRecord, CommissioningStep, Reply, write
from agent.config.model import Config, Meter, Motor
from agent.config.topology import Asset, assets
from agent.core.clock import SystemClock
from agent.core.local_time import zone_of
from agent.core.text import _, text_of
from agent.delivery.store import Store, StoreError
from drivers.errors import LinkError
from drivers.profiles import load_profile
from drivers.reading import Clock
from drivers.reasons import Reason, local_time
from drivers.vocabulary import vocabulary

COMPARED = (
    "voltage_l1n", "voltage_l2n", "voltage_l3n", "current_l1", "current_l2", "current_l3", "active_power",
    "output_frequency", "motor_speed", "motor_current", "output_voltage", "motor_power",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Dialogue:
    """The dialogue with the operator.

    show: prints a line.
    confirm: asks the operator to confirm a statement; returns the reply and a remark.
    """

    show: Callable[[str], None]
    confirm: Callable[[Reason], tuple[Reply, str]]


async def commission(
    config: Config, store: Store, directory: Path, wanted: list[str], by: str, readings: int, dialogue: Dialogue
) -> list[CommissioningRecord]:
    """One record for each asset, written to `directory`. Devices whose watchdog setting is not stated are omitted.

    wanted: names of assets; empty: all. All devices are checked together in any case: swapped unit identifiers are
    detected only by comparison. by: name of the operator; empty without one.
    """
    clock = SystemClock()
    buses = pollers(config, clock, lambda reading: None)
    polled_devices = {polled.device.name: (bus, polled) for bus in buses for polled in bus.devices}
    try:
        bench = bench_of(config, {bus.bus.name: bus.link for bus in buses})
        result = None
        if bench.subjects:
            takes = lasts(config, bench, readings, clock)
            dialogue.show(_(
                "Self-check of {n:d} {n:device|devices}: {sound_s:.0f} s, {lossy_s:.0f} s on a disturbed bus; "
                "{odd_s:.0f} s to {odd_lossy_s:.0f} s if values disagree.",
                n=len(bench.subjects), sound_s=takes.sound, lossy_s=takes.lossy, odd_s=takes.odd,
                odd_lossy_s=takes.odd_lossy,
            ))  # fmt: skip
            result = await with_models(await self_check(bench, clock, readings), bench)
        return [
            _one(config, store, directory, asset, polled_devices, by, result, dialogue, clock)
            for asset in assets(config)
            if not wanted or asset.name in wanted
        ]
    finally:
        for bus in buses:
            await bus.link.close()


async def with_models(result: SelfcheckOutcome, bench: DeviceSet) -> SelfcheckOutcome:
    """Adds the models found by identification to the findings that suspect another model, if the bus is connected."""
    found = list(result.findings)
    for at, item in enumerate(found):
        if item.cause not in OTHER_MODEL:
            continue
        subject = next(each for each in bench.subjects if each.name == item.device)
        timeout_s = subject.timeout_s or subject.profile.timeout_s
        with contextlib.suppress(LinkError):
            models, matching = await models_at(
                subject.link, subject.item.unit_id, subject.profile, timeout_s, subject.character_s
            )
            if models:
                code = MODELS_MATCHING if matching else MODELS_SIMILAR
                found[at] = dataclasses.replace(item, models=code(models=models))
    return dataclasses.replace(result, findings=tuple(found))


def _one(
    config: Config, store: Store, directory: Path, asset: Asset, polled_devices: dict[str, tuple[BusPoller, PolledDevice]],
    by: str, result: SelfcheckOutcome | None, dialogue: Dialogue, clock: Clock,
) -> CommissioningRecord:  # fmt: skip
    at_ms = clock.utc_ns() // 1_000_000
    record = CommissioningRecord(
        asset.name, asset.title, config.site.id, config.site.gateway, config.hash, by, at_ms,
        local_time(at_ms, zone_of(config.site.timezone)), nameplate(asset.motor) if asset.motor else {},
    )  # fmt: skip
    dialogue.show(f"\n{asset.title}" + (f" ({asset.name})" if asset.title != asset.name else ""))
    for statement in statements(asset):
        record.steps.append(CommissioningStep(statement, *dialogue.confirm(statement)))
    for name in asset.devices:
        if name not in polled_devices:
            record.problems.append(codes.POLLING_DISABLED(device=name))
            dialogue.show(f"  ! {text_of(record.problems[-1])}")
    if result is not None and any(name in polled_devices for name in asset.devices):
        record.result = _part(result, asset)
        for line in summary(record.result):
            dialogue.show(f"  {line}")
        _save(store, config, record, polled_devices, dialogue)
        for name, device in record.result.devices.items():
            values = tuple(shown(device))
            dialogue.show("  " + (
                _("{device}: {values}", device=name, values=values) if values
                else _("{device}: no values to compare with the display", device=name)
            ))  # fmt: skip
        statement = codes.DISPLAY_MATCHES()
        record.steps.append(CommissioningStep(statement, *dialogue.confirm(statement)))
    path = write(record, directory)
    n = len(record.open_points)
    dialogue.show("  " + _("{n:d} open {n:point|points}; record: {path}", n=n, path=str(path)))
    return record


def _part(result: SelfcheckOutcome, asset: Asset) -> SelfcheckOutcome:
    """The part for the devices of one asset."""
    own = asset.devices
    return dataclasses.replace(
        result,
        devices={name: device for name, device in result.devices.items() if name in own},
        findings=tuple(item for item in result.findings if any(item.concerns(name) for name in own)),
        notes=tuple(note for note in result.notes if note.data["device"] in own),
    )


def _save(
    store: Store,
    config: Config,
    record: CommissioningRecord,
    polled_devices: dict[str, tuple[BusPoller, PolledDevice]],
    dialogue: Dialogue,
) -> None:
    assert record.result is not None
    for name, result in record.result.devices.items():
        findings = [item for item in record.result.findings if item.device == name]
        try:
            save_check(store, config, *polled_devices[name], record.at_ms, result, findings)
        except StoreError as error:
            dialogue.show("  " + _("{device}: result not saved for `run`: {error}", device=name, error=text_of(error)))


def nameplate(motor: Motor) -> dict[str, Any]:
    """The configured nameplate data of a motor: keys of `reasons.PLATE` → value; unknown ones are omitted."""
    data = {
        "kind": motor.kind,
        "power_kw": motor.kw,
        "speed_rpm": motor.rpm,
        "poles": motor.poles,
        "voltage_v": motor.volts,
        "current_a": motor.amps,
        "efficiency_class": motor.efficiency_class,
    }
    return {key: value for key, value in data.items() if value}


def statements(asset: Asset) -> Iterator[Reason]:
    """What only an operator at the cabinet can confirm."""
    if asset.motor:
        yield codes.NAMEPLATE_MATCHES(entries=codes.plate_entries(nameplate(asset.motor)))
    if asset.meter:
        yield from _of_meter(asset.meter)
    if drive := asset.drive:
        model = load_profile(drive.profile).model
        yield codes.DRIVE_MATCHES(drive=drive.name, model=model, unit_id=drive.unit_id)
        if drive.comm_loss:
            yield codes.WATCHDOG_CHECKED(drive=drive.name, setting=drive.comm_loss)


def _of_meter(meter: Meter) -> Iterator[Reason]:
    yield codes.METER_MATCHES(
        meter=meter.name, model=load_profile(meter.profile).model, unit_id=meter.unit_id, wiring=meter.wiring,
        place=codes.PLACES[meter.measuring_point](),
    )  # fmt: skip
    if meter.ct:
        by_meter = meter.ratio_applied_by == "meter"
        yield codes.CTS_MATCH(
            meter=meter.name, primary_a=meter.ct[0], secondary_a=meter.ct[1],
            accuracy=codes.CT_CLASS(accuracy_class=meter.ct_class) if meter.ct_class else codes.CT_CLASS_UNKNOWN(),
            applied_by=codes.RATIO_SET_IN_METER() if by_meter else codes.RATIO_APPLIED_BY_AGENT(),
        )  # fmt: skip
    yield codes.CTS_ON_THEIR_PHASE(meter=meter.name)


def summary(result: SelfcheckOutcome) -> Iterator[str]:
    """The result in a few lines, in the language of this process."""
    for name, device in result.devices.items():
        counts = Counter(verdict.outcome for verdict in device.verdicts.values())
        yield _(
            "{device}: {passed:d} passed, {failed:d} failed, {unverified:d} unverified",
            device=name, passed=counts["passed"], failed=counts["failed"], unverified=counts["unverified"],
        )  # fmt: skip
        if device.verified:
            yield "  " + _("confirmed and read from now on: {quantities}", quantities=device.verified)
    for item in result.findings:
        yield f"! {text_of(item.summary)}"
    for note in result.notes:
        yield f"! {text_of(note)}"


def shown(device: DeviceResult) -> Iterator[str]:
    """The values to compare with the display: name, median of the readings, unit."""
    for name in COMPARED:
        verdict = device.verdicts.get(name)
        if verdict is not None and isinstance(verdict.value, float | int):
            digits = f"{verdict.value:.4g}" if abs(verdict.value) < 1000 else f"{verdict.value:.0f}"
            yield f"{name} {digits} {vocabulary()[name].unit}"
