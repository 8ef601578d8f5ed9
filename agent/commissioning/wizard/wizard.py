"""Commission the plant motor by motor. Reads only; the results are saved in the store, where `run` loads them."""

from __future__ import annotations

import contextlib
import inspect
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from pathlib import Path

from msgspec.structs import replace

from agent.acquisition.bus_stops import STOP, apply_stops, modbus_links, stop_reason
from agent.acquisition.pollers import pollers
from agent.acquisition.scheduler import BusLink
from agent.acquisition.selfcheck_results import save_check, stored_checks
from agent.commissioning.discovery.identify import models_at
from agent.commissioning.selfcheck.live_values import LiveReader, values_of
from agent.commissioning.selfcheck.model import DeviceSet, SelfcheckOutcome, device_set_of
from agent.commissioning.selfcheck.reasons import OTHER_MODEL
from agent.commissioning.selfcheck.register_reader import ReadingRound
from agent.commissioning.selfcheck.run import READINGS, self_check
from agent.commissioning.wizard import reasons as codes
from agent.commissioning.wizard.answers import Question, Reply
from agent.commissioning.wizard.dialogue import Dialogue, Review, Reviewed
from agent.commissioning.wizard.duration import estimate_duration
from agent.commissioning.wizard.questions import nameplate, statements, unconfirmed
from agent.commissioning.wizard.record import CommissioningRecord, CommissioningStep, write
from agent.config.model import Bus, Config
from agent.config.topology import Asset, assets
from agent.core.clock import SystemClock
from agent.core.local_time import zone_of
from agent.core.text import N_, _, text_of
from agent.delivery.store import Store, StoreError, default_directory
from agent.delivery.store.database_file import private_directory
from agent.delivery.store.lock import StateLock
from drivers.errors import LinkError
from drivers.profiles import load_profile
from drivers.reading import Clock
from drivers.reasons import local_time
from drivers.vocabulary import vocabulary

COMPARED = (
    "voltage_l1n", "voltage_l2n", "voltage_l3n", "current_l1", "current_l2", "current_l3", "active_power",
    "output_frequency", "motor_speed", "motor_current", "output_voltage", "motor_power",
)  # fmt: skip


class Wizard:
    """Commissions assets: statements that the operator confirms, self-check, one record for each asset.

    directory: folder of the records.
    by: name of the operator; empty without one.
    link_of: makes the link of a bus; None: a Modbus connection.
    """

    def __init__(
        self, config: Config, store: Store, directory: Path, by: str, dialogue: Dialogue, clock: Clock | None = None,
        link_of: Callable[[Bus], BusLink] | None = None,
    ) -> None:  # fmt: skip
        self._config, self._store, self._directory, self._by = config, store, directory, by
        self._dialogue, self._clock, self._link_of = dialogue, clock or SystemClock(), link_of
        self._polled: set[str] = set()
        self._devices = DeviceSet(())
        self._result: SelfcheckOutcome | None = None

    async def run(self, names: list[str], readings: int) -> list[CommissioningRecord]:
        """One record for each asset. Devices whose watchdog setting is not stated are omitted.

        names: of assets; empty: all. All devices are checked together in any case: swapped unit identifiers are
        detected only by comparison.
        """
        config, clock = self._config, self._clock
        buses = pollers(config, clock, lambda reading: None, link_of=self._link_of)
        apply_stops(self._store.entries(STOP), buses, clock)
        self._polled = {polled.device.name for bus in buses for polled in bus.devices}
        selected = [asset for asset in assets(config) if not names or asset.name in names]
        try:
            self._devices = device_set_of(config, {bus.bus.name: bus.link for bus in buses})
            if self._devices.subjects:
                await self._check(selected, readings)
                for reason in filter(None, (stop_reason(name, link) for name, link in modbus_links(buses).items())):
                    self._dialogue.print_line(f"! {text_of(reason)}")
            return [await self._commission(asset, selected, readings) for asset in selected]
        finally:
            for bus in buses:
                await bus.link.close()

    async def _check(self, selected: Collection[Asset], readings: int) -> None:
        """Checks all devices and saves the results of those of the selected motors."""
        config, devices, guide = self._config, self._devices, self._dialogue.guide
        estimate = estimate_duration(config, devices, readings, self._clock)
        self._dialogue.print_line(_(
            "Self-check of {n:d} {n:device|devices}: {sound_s:.0f} s, {lossy_s:.0f} s on a disturbed bus; "
            "{odd_s:.0f} s to {odd_lossy_s:.0f} s if values disagree.",
            n=len(devices.subjects), sound_s=estimate.sound, lossy_s=estimate.lossy, odd_s=estimate.odd,
            odd_lossy_s=estimate.odd_lossy,
        ))  # fmt: skip
        if len(selected) < len(assets(config)):
            self._dialogue.print_line(_(
                "All devices are read, also those of other motors: exchanged unit identifiers are detected "
                "only by comparison."
            ))  # fmt: skip
        subjects = {item.name: item for item in devices.subjects}

        def on_round(name: str, found: ReadingRound) -> None:
            if guide:
                guide.on_values(name, values_of(subjects[name], found))

        if guide:
            guide.begin_check(estimate, readings * len(subjects))
        result = await self_check(devices, self._clock, readings, on_round if guide else None)
        self._result = await with_models(result, devices)
        self._save(self._result, {device for asset in selected for device in asset.devices})

    async def _commission(self, asset: Asset, selected: Collection[Asset], readings: int) -> CommissioningRecord:
        config, print_line = self._config, self._dialogue.print_line
        at_ms = self._clock.utc_ns() // 1_000_000
        record = CommissioningRecord(
            asset.name, asset.title, config.site.id, config.site.gateway, config.hash, self._by, at_ms,
            local_time(at_ms, zone_of(config.site.timezone)), config.site.timezone,
            nameplate(asset.motor) if asset.motor else {},
        )  # fmt: skip
        print_line(f"\n{asset.title}" + (f" ({asset.name})" if asset.title != asset.name else ""))
        await self._ask(record, statements(asset))
        record.problems += [codes.POLLING_DISABLED(device=name) for name in asset.devices if name not in self._polled]
        for problem in record.problems:
            print_line(f"  ! {text_of(problem)}")
        while (reviewed := await self._reviewed(record, asset)).again:
            await self._check(selected, readings)
        if self._result is not None and len(record.problems) < len(asset.devices):
            record.result = _result_of(self._result, asset)
            for line in (*format_summary(record.result), *format_values(record.result)):
                print_line(f"  {line}")
            await self._ask_unconfirmed(record, record.result)
            await self._ask(record, [Question(asset.name, "", codes.DISPLAY_MATCHES())])
        record.problems += reviewed.problems
        path, n = write(record, self._directory), len(record.open_points)
        print_line("  " + _("{n:d} open {n:point|points}; record: {path}", n=n, path=str(path)))
        if self._dialogue.guide:
            await self._dialogue.guide.recorded(record, path)
        return record

    async def _reviewed(self, record: CommissioningRecord, asset: Asset) -> Reviewed:
        """The operator may correct the wiring and check again, where a guide shows what was found."""
        guide, devices = self._dialogue.guide, [item for item in self._devices.subjects if item.name in asset.devices]
        if guide is None or self._result is None or not devices:
            return Reviewed(again=False)
        live = LiveReader(devices, self._clock)
        return await guide.review(Review(asset, _result_of(self._result, asset), tuple(record.problems), live))

    async def _ask(self, record: CommissioningRecord, questions: Iterable[Question]) -> list[Reply]:
        """Asks, and adds the replies to the record; returns them."""
        replies: list[Reply] = []
        for question in questions:
            reply = self._dialogue.ask(question)
            answer = await reply if inspect.isawaitable(reply) else reply
            step = CommissioningStep(question.statement)
            if answer.reply != "not_checked":
                at_ms = self._clock.utc_ns() // 1_000_000
                step = CommissioningStep(question.statement, answer.reply, answer.actual, self._by, at_ms)
            record.steps.append(step)
            replies.append(answer.reply)
        return replies

    async def _ask_unconfirmed(self, record: CommissioningRecord, result: SelfcheckOutcome) -> None:
        """Asks for the values that no relation confirms and that are not read without a confirmation."""
        for name, device in result.devices.items():
            profile = load_profile(result.devices[name].profile)
            if not (names := unconfirmed(profile, device)):
                continue
            values = tuple(value_text(quantity, device.verdicts[quantity].value) for quantity in names)
            statement = codes.REGISTERS_MATCH_DISPLAY(device=name, values=values)
            (reply,) = await self._ask(record, [Question(record.asset, name, statement)])
            if reply != "not_checked":
                self._save_device(result, name, {quantity: reply == "yes" for quantity in names})

    def _save(self, result: SelfcheckOutcome, devices: Collection[str]) -> None:
        for name in result.devices.keys() & devices:
            self._save_device(result, name, {})

    def _save_device(self, result: SelfcheckOutcome, name: str, confirmed: Mapping[str, bool]) -> None:
        """Saves the result for `run` and the other commands. confirmed: quantity → reply of the operator."""
        device = result.devices[name]
        findings = [item.summary for item in result.findings if item.device == name]
        before = stored_checks(self._config).get(name)
        by_operator = set(before.by_operator if before else ()) | {key for key, yes in confirmed.items() if yes}
        by_operator -= {key for key, yes in confirmed.items() if not yes} | set(device.failed)
        try:
            save_check(
                self._store, self._config, name, self._clock.utc_ns() // 1_000_000, failed=device.failed,
                verified=device.verified, findings=findings,
                by_operator=sorted(by_operator),
            )  # fmt: skip
        except StoreError as error:
            self._dialogue.print_line(
                "  " + _("{device}: result not saved for `run`: {error}", device=name, error=text_of(error))
            )


def records_folder(config_file: Path) -> Path:
    """Where the records of a configuration are, if nothing else is stated."""
    return config_file.parent / "commissioning"


async def commission_plant(
    config: Config, folder: Path, by: str, dialogue: Dialogue, names: list[str], readings: int = READINGS
) -> list[CommissioningRecord]:
    """Commissions on the buses of the configuration. Raises OSError, StoreError, and StateInUse while an agent runs."""
    clock, directory = SystemClock(), config.state_dir or default_directory()
    private_directory(directory)
    lock = StateLock(directory, "commission", clock.utc_ns() // 1_000_000)  # also keeps `run` from the buses
    store = Store(directory, clock, lock=lock)
    try:
        return await Wizard(config, store, folder, by, dialogue).run(names, readings)
    finally:
        store.close()


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


def format_summary(result: SelfcheckOutcome) -> Iterator[str]:
    """The result in a few lines, in the language of this process."""
    for name, device in result.devices.items():
        counts = Counter(verdict.outcome for verdict in device.verdicts.values())
        yield _(
            "{device}: {passed:d} passed, {failed:d} failed, {unverified:d} unverified",
            device=name, passed=counts["passed"], failed=counts["failed"], unverified=counts["unverified"],
        )  # fmt: skip
        registers = load_profile(device.profile).registers
        from_memory = (row.name for row in registers if row.confidence == "from_memory")
        if enabled := tuple(quantity for quantity in from_memory if quantity in device.verified):
            yield "  " + _("confirmed and read from now on: {quantities}", quantities=enabled)
    for reason in (*(item.summary for item in result.findings), *result.notes):
        yield f"! {text_of(reason)}"


def format_values(result: SelfcheckOutcome) -> Iterator[str]:
    """The values of each device to compare with its display: name, median of the readings, unit."""
    for device, found in result.devices.items():
        values = tuple(
            value_text(name, value)
            for name in COMPARED
            if name in found.verdicts and isinstance(value := found.verdicts[name].value, float | int)
        )
        text = N_("{device}: {values}") if values else N_("{device}: no values to compare with the display")
        yield _(text, device=device, values=values)


def value_text(name: str, value: float | str | None) -> str:
    text = f"{value:{'.4g' if abs(value) < 1000 else '.0f'}}" if isinstance(value, float | int) else str(value)
    return f"{name} {text} {vocabulary()[name].unit}".strip()
