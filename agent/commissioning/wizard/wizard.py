"""Commission the plant motor by motor. Reads only; the results are saved in the store, where `run` loads them."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from agent.acquisition.bus_stops import STOP, apply_stops, modbus_links, stop_reason
from agent.acquisition.scheduler import BusPoller, PolledDevice, pollers
from agent.acquisition.selfcheck_results import save_check
from agent.commissioning.discovery.identify import models_at
from agent.commissioning.selfcheck.model import DeviceSet, SelfcheckOutcome, device_set_of
from agent.commissioning.selfcheck.reasons import OTHER_MODEL
from agent.commissioning.selfcheck.run import self_check
from agent.commissioning.wizard import reasons as codes
from agent.commissioning.wizard.duration import estimate_duration
from agent.commissioning.wizard.record import CommissioningRecord, CommissioningStep, Reply, write
from agent.config.model import Config, Meter, Motor
from agent.config.topology import Asset, assets
from agent.core.clock import SystemClock
from agent.core.local_time import zone_of
from agent.core.text import N_, _, text_of
from agent.delivery.store import Store, StoreError
from drivers.errors import LinkError
from drivers.profiles import load_profile
from drivers.reasons import Reason, local_time
from drivers.vocabulary import vocabulary

COMPARED = (
    "voltage_l1n", "voltage_l2n", "voltage_l3n", "current_l1", "current_l2", "current_l3", "active_power",
    "output_frequency", "motor_speed", "motor_current", "output_voltage", "motor_power",
)  # fmt: skip


class Dialogue(Struct, frozen=True):
    """The dialogue with the operator.

    print_line: prints a line.
    confirm: asks the operator to confirm a statement; returns the reply and a remark.
    """

    print_line: Callable[[str], None]
    confirm: Callable[[Reason], tuple[Reply, str]]


class Wizard:
    """Commissions assets: statements that the operator confirms, self-check, one record for each asset.

    directory: folder of the records.
    by: name of the operator; empty without one.
    """

    def __init__(self, config: Config, store: Store, directory: Path, by: str, dialogue: Dialogue) -> None:
        self._config, self._store, self._directory, self._by = config, store, directory, by
        self._dialogue, self._clock = dialogue, SystemClock()
        self._polled: dict[str, tuple[BusPoller, PolledDevice]] = {}

    async def run(self, names: list[str], readings: int) -> list[CommissioningRecord]:
        """One record for each asset. Devices whose watchdog setting is not stated are omitted.

        names: of assets; empty: all. All devices are checked together in any case: swapped unit identifiers are
        detected only by comparison.
        """
        config, clock = self._config, self._clock
        buses = pollers(config, clock, lambda reading: None)
        apply_stops(self._store.entries(STOP), buses, clock)
        self._polled = {polled.device.name: (bus, polled) for bus in buses for polled in bus.devices}
        try:
            device_set = device_set_of(config, {bus.bus.name: bus.link for bus in buses})
            result = None
            if device_set.subjects:
                estimate = estimate_duration(config, device_set, readings, clock)
                self._dialogue.print_line(_(
                    "Self-check of {n:d} {n:device|devices}: {sound_s:.0f} s, {lossy_s:.0f} s on a disturbed bus; "
                    "{odd_s:.0f} s to {odd_lossy_s:.0f} s if values disagree.",
                    n=len(device_set.subjects), sound_s=estimate.sound, lossy_s=estimate.lossy, odd_s=estimate.odd,
                    odd_lossy_s=estimate.odd_lossy,
                ))  # fmt: skip
                result = await with_models(await self_check(device_set, clock, readings), device_set)
                for reason in filter(None, (stop_reason(name, link) for name, link in modbus_links(buses).items())):
                    self._dialogue.print_line(f"! {text_of(reason)}")
            return [self._commission(asset, result) for asset in assets(config) if not names or asset.name in names]
        finally:
            for bus in buses:
                await bus.link.close()

    def _commission(self, asset: Asset, result: SelfcheckOutcome | None) -> CommissioningRecord:
        config, print_line = self._config, self._dialogue.print_line
        at_ms = self._clock.utc_ns() // 1_000_000
        record = CommissioningRecord(
            asset.name, asset.title, config.site.id, config.site.gateway, config.hash, self._by, at_ms,
            local_time(at_ms, zone_of(config.site.timezone)), nameplate(asset.motor) if asset.motor else {},
        )  # fmt: skip
        print_line(f"\n{asset.title}" + (f" ({asset.name})" if asset.title != asset.name else ""))
        self._confirm(record, *statements(asset))
        record.problems += [codes.POLLING_DISABLED(device=name) for name in asset.devices if name not in self._polled]
        for problem in record.problems:
            print_line(f"  ! {text_of(problem)}")
        if result is not None and len(record.problems) < len(asset.devices):
            record.result = _result_of(result, asset)
            self._save(record.result, at_ms)
            for line in (*format_summary(record.result), *format_values(record.result)):
                print_line(f"  {line}")
            self._confirm(record, codes.DISPLAY_MATCHES())
        path, n = write(record, self._directory), len(record.open_points)
        print_line("  " + _("{n:d} open {n:point|points}; record: {path}", n=n, path=str(path)))
        return record

    def _confirm(self, record: CommissioningRecord, *statements: Reason) -> None:
        record.steps += [CommissioningStep(statement, *self._dialogue.confirm(statement)) for statement in statements]

    def _save(self, result: SelfcheckOutcome, at_ms: int) -> None:
        """Saves the results for `run`."""
        for name, device in result.devices.items():
            findings = [item.summary for item in result.findings if item.device == name]
            try:
                save_check(self._store, self._config, *self._polled[name], at_ms,
                           failed=device.failed, verified=device.verified, findings=findings)  # fmt: skip
            except StoreError as error:
                self._dialogue.print_line(
                    "  " + _("{device}: result not saved for `run`: {error}", device=name, error=text_of(error))
                )


async def with_models(result: SelfcheckOutcome, device_set: DeviceSet) -> SelfcheckOutcome:
    """Adds the models found by identification to the findings that suspect another model, if the bus is connected."""
    found = list(result.findings)
    for at, item in enumerate(found):
        if item.cause not in OTHER_MODEL:
            continue
        subject = next(each for each in device_set.subjects if each.name == item.device)
        with contextlib.suppress(LinkError):
            models = await models_at(
                subject.link, subject.device.unit_id, subject.profile, subject.response_timeout_s, subject.character_s
            )
            found[at] = replace(item, models=models)
    return replace(result, findings=tuple(found))


def _result_of(result: SelfcheckOutcome, asset: Asset) -> SelfcheckOutcome:
    """The part for the devices of one asset."""
    own = asset.devices
    return replace(
        result,
        devices={name: device for name, device in result.devices.items() if name in own},
        findings=tuple(item for item in result.findings if any(item.concerns(name) for name in own)),
        notes=tuple(note for note in result.notes if note.data["device"] in own),
    )


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
        yield from _meter_statements(asset.meter)
    if drive := asset.drive:
        model = load_profile(drive.profile).model
        yield codes.DRIVE_MATCHES(drive=drive.name, model=model, unit_id=drive.unit_id)
        if drive.comm_loss:
            yield codes.WATCHDOG_CHECKED(drive=drive.name, setting=drive.comm_loss)


def _meter_statements(meter: Meter) -> Iterator[Reason]:
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


def format_summary(result: SelfcheckOutcome) -> Iterator[str]:
    """The result in a few lines, in the language of this process."""
    for name, device in result.devices.items():
        counts = Counter(verdict.outcome for verdict in device.verdicts.values())
        yield _(
            "{device}: {passed:d} passed, {failed:d} failed, {unverified:d} unverified",
            device=name, passed=counts["passed"], failed=counts["failed"], unverified=counts["unverified"],
        )  # fmt: skip
        if device.verified:
            yield "  " + _("confirmed and read from now on: {quantities}", quantities=device.verified)
    for reason in (*(item.summary for item in result.findings), *result.notes):
        yield f"! {text_of(reason)}"


def format_values(result: SelfcheckOutcome) -> Iterator[str]:
    """The values of each device to compare with its display: name, median of the readings, unit."""
    for device, found in result.devices.items():
        values = tuple(
            f"{name} {value:{'.4g' if abs(value) < 1000 else '.0f'}} {vocabulary()[name].unit}"
            for name in COMPARED
            if name in found.verdicts and isinstance(value := found.verdicts[name].value, float | int)
        )
        text = N_("{device}: {values}") if values else N_("{device}: no values to compare with the display")
        yield _(text, device=device, values=values)
