"""Polls the devices of each bus: one task per bus, earliest deadline first, unresponsive devices less often.

A request is repeated within a poll in drivers/modbus_device.py; a lost connection is opened again in
drivers/bus_master.py.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from typing import Any, Protocol, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from agent.config.model import Bus
from agent.core.meter_clock import published_name, with_clock_offset
from agent.core.state_reasons import BUS_STOPPED, NO_RESPONSE_TO_PROBE, POLLS_WITHOUT_RESPONSE
from drivers.bus_settings import BusSettings
from drivers.error_reasons import FRAMES_NOT_REQUESTED
from drivers.framing import Request
from drivers.listened_device import ListenedDevice
from drivers.modbus_device import ModbusDevice
from drivers.profiles import GROUPS
from drivers.reading import Clock, Quality, Reading, RegisterLink, Value
from drivers.s7_link import S7Link
from drivers.vocabulary import vocabulary

log = logging.getLogger(__name__)

T = TypeVar("T")

GROUP_FACTOR = {"fast": 1, "normal": 5, "slow": 10}  # periods between two readings; "once": only after each start
FAILURES_UNTIL_OFFLINE = 2
SLOTS = 4  # per period: polls in succession cost less processor time than one wake-up for each
PHASE_SHIFT_MAX = 0.25  # of the period, after a request without a valid response
CHECK_S = 5.0  # longest wait without checking the devices, which a reload may change
PROBE_S = (2.0, 60.0)  # first and longest delay between two probes of an offline device
PROBE_DOUBLINGS = 5  # largest number of doublings of the delay; without a limit 2**n would overflow
TURNAROUND_S = 0.015  # response time of a device, for planning only


class BusLink(RegisterLink, Protocol):
    """The link interface that a poller needs; drivers.bus_master.BusMaster implements it."""

    wire: BusSettings
    late: int
    damaged: int
    failed: int
    no_overread: set[tuple[int, int, int]]

    def run(self, work: Coroutine[Any, Any, T]) -> Awaitable[T]: ...


class PolledDevice(Struct):
    """A device on a bus.

    poll_interval_s: polling period.
    ratios: unit → factor to the primary side, where the meter does not apply the transformer ratio.
    timezone: of the plant, IANA name: the local time that a meter shows.
    cluster: devices of one motor have the same and are polled close together.
    due_ns: monotonic time of the next poll.
    round: consecutive successful polls.
    failures: consecutive failed polls.
    responded: whether it has ever responded.
    slow_logged, stuck_logged: whether slow or constant values were logged.
    configuration: all that the device was made from; devices with equal ones count as unchanged.
    """

    device: ModbusDevice | ListenedDevice
    poll_interval_s: float
    ratios: Mapping[str, float]
    timezone: str = "UTC"
    cluster: str = ""
    due_ns: int = 0
    round: int = 0
    failures: int = 0
    responded: bool = False
    slow_logged: bool = False
    stuck_logged: bool = False
    configuration: tuple[Any, ...] = ()

    @property
    def offline(self) -> bool:
        """Whether the device is probed, with increasing delay, instead of polled."""
        return self.failures >= FAILURES_UNTIL_OFFLINE

    def groups(self) -> frozenset[str]:
        """The groups of this round; all in the first one and after a loss of communication."""
        wanted = {group for group, factor in GROUP_FACTOR.items() if self.round % factor == 0}
        return frozenset(wanted | {"once"} if self.round == 0 else wanted)

    def published(self, reading: Reading) -> Reading:
        """A reading of this device as it is passed on: values of the primary side, the clock as its offset."""
        return with_clock_offset(with_ratios(reading, self.ratios), self.timezone)

    def due_s(self) -> dict[str, float]:
        """Quantity → seconds between two readings; infinite for those that are read once."""
        return {
            published_name(name): self.poll_interval_s * GROUP_FACTOR.get(group, float("inf"))
            for group in GROUPS
            for name in self.device.names([group])
        }


class BusPoller:
    """Polls one bus; nothing else may use it.

    on_reading: receives every reading, also those without a response. chance: source of the jitter between two probes.

    polls, failed: successful and failed polls. busy_ns: time spent with polls. cycle_start_ns: start of the last cycle.
    """

    def __init__(
        self, bus: Bus, devices: Iterable[PolledDevice], link: BusLink, clock: Clock,
        on_reading: Callable[[Reading], None], chance: random.Random,
    ) -> None:  # fmt: skip
        self.bus, self.link = bus, link
        self.devices = list(devices)
        self.polls = self.failed = 0
        self.busy_ns = 0
        self.cycle_start_ns = clock.monotonic_ns()
        self._bus_failed = False
        self._clock, self._on_reading, self._chance = clock, on_reading, chance
        self._spread(self.devices)

    def update_devices(self, bus: Bus, devices: Iterable[PolledDevice]) -> None:
        """Replaces the devices on the same bus while it is polled.

        Unchanged devices keep their schedule and learned state. Changed devices keep their schedule; the result of a
        poll in progress is discarded.
        """
        before = {item.device.name: item for item in self.devices}
        now_ns = self._clock.monotonic_ns()
        self.bus, self.devices = bus, []
        for item in devices:
            old = before.get(item.device.name)
            if old is not None and old.configuration == item.configuration:
                old.cluster = item.cluster
                item = old
            elif old is not None:
                item.due_ns = min(old.due_ns, now_ns + int(item.poll_interval_s * 1e9))
            self.devices.append(item)
        self._spread(item for item in self.devices if item.device.name not in before)

    def _spread(self, items: Iterable[PolledDevice]) -> None:
        """Spreads the polls over SLOTS times of the period, those of one motor close together."""
        now_ns = self._clock.monotonic_ns()
        clusters = list(dict.fromkeys(item.cluster for item in self.devices))
        slots = min(SLOTS, len(clusters))
        for item in items:
            part = clusters.index(item.cluster) * slots // len(clusters) / slots
            item.due_ns = now_ns + (int(part * item.poll_interval_s * 1e9) if len(self.devices) > 4 else 0)

    async def run(self) -> None:
        """Polls until cancelled. Never raises for errors in the plant."""
        try:
            while True:
                self.cycle_start_ns = self._clock.monotonic_ns()
                polled = min(self.devices, key=lambda item: item.due_ns)
                wait_s = (polled.due_ns - self.cycle_start_ns) / 1e9
                if wait_s > 0:
                    await self._clock.sleep(min(wait_s, CHECK_S))
                if wait_s <= CHECK_S and self._is_polled(polled):
                    await self._serve(polled)
        finally:
            await self.link.close()

    async def _serve(self, polled: PolledDevice) -> None:
        """What is done when a device is due."""
        await self.poll_once(polled)

    async def poll_once(self, polled: PolledDevice) -> Reading:
        """Polls a device once, passes its reading on and schedules its next poll."""
        device, began_ns = polled.device, self._clock.monotonic_ns()
        failed_before = self.link.failed
        if polled.offline and not await self.link.run(device.probe()):
            reading = polled.published(self._no_response_reading(polled))
        else:
            if isinstance(self.link, S7Link):
                self.link.announce(self._due_requests())
            poll = device.poll(polled.groups(), self._others_wait(polled))
            reading = polled.published(await self.link.run(poll))
        failed = Quality.NO_REPLY in reading.quality
        if reading.error is not None and reading.error.code == FRAMES_NOT_REQUESTED:
            quiet_min = self.bus.resume_after_quiet_s / 60
            reading = replace(reading, error=BUS_STOPPED(bus=self.bus.name, cause=reading.error, quiet_min=quiet_min))
        self.failed += failed
        self.polls += not failed
        if failed and device.health.bus_failed:  # logged once, and not counted as a failure of the device
            if not self._bus_failed:
                log.warning("bus %s: %s; retrying", self.bus.name, device.health.error)
            self._bus_failed = True
        elif not failed or not device.postponed:  # postponed: no request was sent, so the device did not fail
            self._on_bus_recovered()
            self._count(polled, reading, failed)
        now_ns = self._clock.monotonic_ns()
        self.busy_ns += now_ns - began_ns
        if polled.offline and not self._bus_failed:
            doublings = min(polled.failures - FAILURES_UNTIL_OFFLINE, PROBE_DOUBLINGS)
            pause_s = min(PROBE_S[0] * 2**doublings, PROBE_S[1])
            polled.due_ns = now_ns + int(pause_s * self._chance.uniform(0.9, 1.1) * 1e9)
        else:
            # Keeps its phase; missed periods are skipped.
            period_ns = int(polled.poll_interval_s * 1e9)
            polled.due_ns += period_ns * max(1, -((polled.due_ns - now_ns) // period_ns))
            if self.link.wire.is_rtu and self.link.failed != failed_before:
                self._shift_phases(period_ns)
        if self._is_polled(polled):
            self._on_reading(reading)
        return reading

    def _due_requests(self) -> list[Request]:
        """The requests of all devices that are due, of which one request to a PLC may read several."""
        now_ns = self._clock.monotonic_ns()
        due = (item for item in self.devices if item.due_ns <= now_ns and not item.offline)
        return [
            request
            for item in due
            if isinstance(item.device, ModbusDevice)
            for request in item.device.requests(item.groups())
        ]

    def _shift_phases(self, period_ns: int) -> None:
        """Moves the polls of all devices by the same random time.

        Another master whose period is a multiple of this one would otherwise collide with each of its requests, so
        that neither could read and no complete request of it were ever received.
        """
        shift_ns = int(self._chance.uniform(-PHASE_SHIFT_MAX, PHASE_SHIFT_MAX) * period_ns)
        for item in self.devices:
            item.due_ns += shift_ns

    def _is_polled(self, polled: PolledDevice) -> bool:
        """Whether the device is still polled; False after it was removed or replaced."""
        return any(item is polled for item in self.devices)

    def _others_wait(self, polled: PolledDevice) -> bool:
        soon_ns = self._clock.monotonic_ns() + int(polled.device.health.response_time.timeout_s * 1e9)
        return any(other is not polled and not other.offline and other.due_ns < soon_ns for other in self.devices)

    def _on_bus_recovered(self) -> None:
        """After an error of the bus all devices are polled immediately, in phases as at the start."""
        if self._bus_failed:
            log.info("bus %s recovered", self.bus.name)
            self._bus_failed = False
            for item in self.devices:
                item.failures = item.round = 0
            self._spread(self.devices)

    def _no_response_reading(self, polled: PolledDevice) -> Reading:
        device, now_ns = polled.device, self._clock.utc_ns()
        error = POLLS_WITHOUT_RESPONSE(cause=device.health.error or NO_RESPONSE_TO_PROBE(), n=polled.failures)
        quality = device.settings.quality | Quality.NO_REPLY
        values = dict.fromkeys(device.names())
        return Reading(device.name, now_ns, now_ns, values, quality, {}, error, self._clock.monotonic_ns())

    def _count(self, polled: PolledDevice, reading: Reading, failed: bool) -> None:
        device = polled.device
        if failed:
            polled.failures += 1
            if polled.failures == 1:
                log.warning("%s: %s; polling continues", device.name, reading.error)
            return
        if polled.failures:
            log.info("%s responds%s", device.name, " again" if polled.responded else "")
        polled.round = 0 if polled.failures else polled.round + 1
        polled.failures, polled.responded = 0, True
        refresh_s = device.health.refresh.refresh_interval_s(polled.poll_interval_s)
        if refresh_s is not None and not polled.slow_logged:
            polled.slow_logged = True
            log.warning(
                "%s updates its values about every %.1f s, but is polled every %g s",
                device.name, refresh_s, polled.poll_interval_s,
            )  # fmt: skip
        if bool(device.stuck_s) != polled.stuck_logged:
            polled.stuck_logged = not polled.stuck_logged
            if polled.stuck_logged:
                log.warning("%s has returned identical values for %.0f s under load; its values are flagged STALE",
                            device.name, device.stuck_s)  # fmt: skip
            else:
                log.info("%s updates its values again", device.name)


def with_ratios(reading: Reading, ratios: Mapping[str, float]) -> Reading:
    """The reading with currents, voltages, powers and energies converted to the primary side."""
    if not ratios:
        return reading
    values: dict[str, Value] = {
        name: value * ratios.get(vocabulary()[name].unit, 1.0) if isinstance(value, int | float) else value
        for name, value in reading.values.items()
    }
    return replace(reading, values=values)
