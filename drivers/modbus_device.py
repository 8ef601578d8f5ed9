"""A Modbus device: a register map and a unit identifier on a bus. Polls groups of registers into one Reading."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from msgspec import Struct, field

from drivers.device_health import DeviceHealth
from drivers.errors import DriverError, FrameError, LinkTimeout, ModbusExceptionResponse, ResponseQuarantined
from drivers.framing import Request, exchange_characters
from drivers.profile_link import link_for
from drivers.profiles import GROUPS, Profile
from drivers.read_plan import PlannedRead, ReadPlan
from drivers.reading import Clock, Quality, Reading, RegisterLink, Value
from drivers.register_blocks import Block
from drivers.registers import BlockDecoder
from drivers.response_decoder import ResponseDecoder, add_flag
from drivers.response_time import FLOOR_S, METER_FLOOR_S

ALL_GROUPS = frozenset(GROUPS)
TRIES = 3  # attempts of a request
SILENT_BLOCKS_MAX = 2  # consecutive blocks without a response after which a poll ends
NO_TARGET = (0x0A, 0x0B)  # exception codes of a gateway for a device that does not respond
UNSUPPORTED = (0x02, 0x03)  # exception codes for an illegal address or number of registers
CLOCK_STEP_S = 0.5  # smallest step of UTC between two polls that is flagged


class DeviceSettings(Struct, frozen=True):
    """Settings of a device on its bus.

    rating_kw: rated power of the drive, for scales that depend on it; None: unknown.
    timeout_s: longest response time without transmission time; None: that of the profile.
    inter_request_delay_s: silence before each request; None: that of the profile.
    hole_max: unmapped registers between two mapped ones up to which one request reads both.
    character_s: transmission time of one character; 0 for TCP.
    quality: flags of every reading.
    behind_gateway: the peer serves several devices in sequence and may still wait for another device.
    """

    rating_kw: float | None = None
    timeout_s: float | None = None
    inter_request_delay_s: float | None = None
    hole_max: int = 125
    character_s: float = 0.0
    quality: Quality = Quality.GOOD
    behind_gateway: bool = False


DEFAULT_SETTINGS = DeviceSettings()


class _Responses(Struct):
    """What the requests of one poll returned.

    came_ns, monotonic_ns: UTC and monotonic time of the last response; before the first one, the start of the poll.
    blocks: decoder and register bytes of each block that was read.
    flags: NO_REPLY for the quantities of the other blocks.
    failed: the other blocks, and why they failed.
    silent: the poll ended early because the device or the bus did not respond.
    silences: consecutive blocks without a response.
    """

    came_ns: int
    monotonic_ns: int
    blocks: list[tuple[BlockDecoder, bytes]] = field(default_factory=list)
    flags: dict[str, Quality] = field(default_factory=dict)
    failed: dict[PlannedRead, DriverError] = field(default_factory=dict)
    silent: bool = False
    silences: int = 0

    def unread(self) -> dict[PlannedRead, DriverError]:
        """The blocks without a valid response; an exception response is valid."""
        return {read: error for read, error in self.failed.items() if not isinstance(error, ModbusExceptionResponse)}


class ModbusDevice:
    """One drive or meter.

    name: name in readings and messages. profile: its register map. unit: unit identifier. link: its bus.

    inter_request_delay_s: silence before each request.
    health: failures and response times.
    unsupported: registers that the device rejects.
    postponed: whether no request was sent in the last poll because a late response may still arrive.
    stuck_s: time for which a loaded meter has shown identical values; 0: values change.
    """

    def __init__(
        self,
        name: str,
        profile: Profile,
        unit: int,
        link: RegisterLink,
        clock: Clock,
        settings: DeviceSettings = DEFAULT_SETTINGS,
    ) -> None:
        self.name, self.profile, self.unit, self.settings = name, profile, unit, settings
        delay_s, timeout_s = settings.inter_request_delay_s, settings.timeout_s
        self.inter_request_delay_s = profile.min_gap_s if delay_s is None else delay_s
        self._delays_others = delay_s is not None or settings.character_s > 0
        floor_s = METER_FLOOR_S if profile.dialect == "dlt645" else FLOOR_S
        timeout_s = profile.timeout_s if timeout_s is None else timeout_s
        self.health = DeviceHealth(timeout_s, settings.behind_gateway, floor_s, profile.dialect == "s7")
        self.postponed = False
        self.stuck_s = 0.0
        self._link = link_for(profile, link)
        self._clock = clock
        self._plan = ReadPlan(profile, unit, settings.rating_kw, settings.hole_max)
        self.unsupported = self._plan.unsupported
        self._decoder = ResponseDecoder(profile, settings.rating_kw)
        self._clock_offset_ns: int | None = None
        self._requested_ns = -(1 << 62)  # monotonic time at which the last request ended
        self._unread = frozenset[Request]()  # blocks without a valid response in the last poll

    def apply_selfcheck(self, verified: Collection[str], suspect: Collection[str]) -> None:
        """Applies the result of a self-check of this device.

        verified: registers of confidence `from_memory` that are read from now on.
        suspect: quantities whose values get the flag UNVERIFIED.
        """
        self._plan.set_verified(verified)
        self._decoder.suspect = frozenset(suspect)

    def blocks(self, groups: Iterable[str] = ALL_GROUPS) -> tuple[Block, ...]:
        """The blocks that a poll of these groups reads, in order."""
        return tuple(read.block for read in self._plan.reads(frozenset(groups)))

    def requests(self, groups: frozenset[str]) -> tuple[Request, ...]:
        """The requests of a poll of these groups."""
        return tuple(read.request for read in self._plan.reads(groups))

    def names(self, groups: Iterable[str] = ALL_GROUPS) -> list[str]:
        """The quantities that a poll of these groups reads."""
        return [row.name for block in self.blocks(groups) for row in block.registers]

    def transmission_time_s(self, registers: int) -> float:
        """Transmission time of request and response in seconds; 0 for TCP."""
        return exchange_characters(registers, self.profile.dialect == "dlt645") * self.settings.character_s

    async def poll(self, groups: frozenset[str] = ALL_GROUPS, contended: bool = False) -> Reading:
        """Reads these groups. Never raises for faults of the plant.

        contended: other devices wait for the bus: do not wait for overdue responses, do not repeat requests without
            response.
        A device that does not respond gives NO_REPLY and None for every quantity.
        """
        began_ns = self._clock.monotonic_ns()
        responses = _Responses(self._clock.utc_ns(), began_ns)
        reads = self._plan.reads(groups)
        values: dict[str, Value] = {row.name: None for read in reads for row in read.block.registers}
        if self._unread:  # these first
            reads = tuple(sorted(reads, key=lambda read: read.request not in self._unread))
        await self._add_responses(reads, contended, responses)
        if responses.blocks and not responses.silent:  # meanwhile a late response may have arrived
            await self._add_responses(tuple(responses.unread()), contended, responses)
        self._unread = frozenset(read.request for read in responses.unread())
        quality, flags = self.settings.quality, responses.flags
        if self._has_responded(responses):
            self._decode(responses, values)
            quality |= self._check_clock()
            await self._reprobe("once" in groups, contended)
        else:  # a partial reading is not from one moment: values read before the failure are discarded
            quality |= Quality.NO_REPLY
            flags = {}
            self.health.refresh.interrupt()
        self._decoder.add_fault(values, flags)
        came_ns, monotonic_ns = responses.came_ns, responses.monotonic_ns
        sent_ns = came_ns - (monotonic_ns - began_ns)  # relative to the response, because UTC may step during the poll
        errors = [error.reason for error in responses.failed.values()]
        return Reading(
            self.name, sent_ns, came_ns, values, quality, flags, errors[-1] if errors else None, monotonic_ns
        )

    async def probe(self) -> bool:
        """Whether the device responds: reads its smallest block in one attempt. An exception response counts."""
        self.postponed = False
        read = min(self._plan.reads(ALL_GROUPS), key=lambda item: item.block.count, default=None)
        if read is None:
            return False  # no register of this profile may be read yet
        try:
            await self._read(read, contended=True, tries=1)
        except DriverError as error:
            self.health.failed(error)
            return isinstance(error, ModbusExceptionResponse) and error.code not in NO_TARGET
        return True

    async def _add_responses(self, reads: Sequence[PlannedRead], contended: bool, responses: _Responses) -> None:
        """Reads these blocks until the device or the bus does not respond."""
        for read in reads:
            try:
                data = await self._read(read, contended)
            except DriverError as error:
                responses.failed[read] = error
                if self._ends_poll(error, responses):
                    responses.silent = True
                    self.health.failed(error)
                    return
                responses.flags |= dict.fromkeys(read.names, Quality.NO_REPLY)
                if isinstance(error, ModbusExceptionResponse) and error.code in UNSUPPORTED:
                    self._plan.reject(read.block, self._clock.monotonic_ns() / 1e9)
                continue
            if responses.failed.pop(read, None):
                for name in read.names:
                    del responses.flags[name]
            responses.silences = 0
            responses.came_ns, responses.monotonic_ns = self._clock.utc_ns(), self._clock.monotonic_ns()
            responses.blocks.append((read.decoder, data))

    def _ends_poll(self, error: DriverError, responses: _Responses) -> bool:
        """Whether the device or the bus does not respond. One block without a response may be due to a poor line."""
        if isinstance(error, ModbusExceptionResponse):
            return error.code in NO_TARGET
        if isinstance(error, FrameError | ResponseQuarantined):
            return False
        responses.silences += 1
        return not isinstance(error, LinkTimeout) or self.health.silences > 0 or responses.silences == SILENT_BLOCKS_MAX

    def _has_responded(self, responses: _Responses) -> bool:
        """Whether the device responded in this poll. A device whose responses are all corrupt has not."""
        failures = [error for error in responses.unread().values() if not isinstance(error, ResponseQuarantined)]
        unreadable = not responses.blocks and bool(responses.unread())
        if unreadable and failures and not responses.silent:
            self.health.failed(failures[-1])
        self.postponed = unreadable and not (failures or self.health.silences)
        return not (unreadable or responses.silent)

    def _decode(self, responses: _Responses, values: dict[str, Value]) -> None:
        watched = self._plan.watched()
        complete = watched <= values.keys() and watched.isdisjoint(responses.flags)
        self._decoder.decode(responses.blocks, values, responses.flags)
        if complete:
            self.health.refresh.add({name: values[name] for name in watched}, responses.monotonic_ns)
            self.stuck_s = self.health.refresh.stuck_s(responses.monotonic_ns)
        if self.stuck_s:
            for name in values:
                add_flag(responses.flags, name, Quality.STALE)

    async def _read(self, read: PlannedRead, contended: bool, tries: int = TRIES) -> bytes:
        health, transmission_time_s = self.health, self.transmission_time_s(read.block.count)
        try:
            data = await self._link.read_block(
                read.request,
                health.attempt_timeout_s(transmission_time_s, contended),
                self._delay_s(),
                edges=read.edges,
                tries=tries,
                silence_tries=health.silent_attempts_max(contended),
                retry_after_s=health.retry_after_s(transmission_time_s),
            )
        finally:
            self._requested_ns = self._clock.monotonic_ns()
        health.responded(self._link.response_s, transmission_time_s)
        return data

    def _delay_s(self) -> float:
        """Silence on the connection before the next request to this device, in seconds.

        On Modbus TCP, the delay that a profile demands is that between two requests to the device: a gateway keeps the
        silences of its line itself.
        """
        delay_s = self.inter_request_delay_s
        if self._delays_others or self._clock.monotonic_ns() - self._requested_ns < delay_s * 1e9:
            return delay_s
        return 0.0

    async def _reprobe(self, restarted: bool, contended: bool) -> None:
        """Requests one rejected address again if it is due; a response makes the address readable again."""
        now_s = self._clock.monotonic_ns() / 1e9
        request = self._plan.next_reprobe(now_s, restarted, contended)
        if request is None:
            return
        overdue_s = self.health.response_time.overdue_s(self.transmission_time_s(request.registers))
        try:
            await self._link.read_block(request, overdue_s, self.inter_request_delay_s, tries=1)
        except DriverError as error:
            if isinstance(error, LinkTimeout) or (
                isinstance(error, ModbusExceptionResponse) and error.code in NO_TARGET
            ):
                self._plan.schedule.postpone()
        else:
            self._plan.reprobe_accepted(request, now_s)

    def _check_clock(self) -> Quality:
        offset_ns = self._clock.utc_ns() - self._clock.monotonic_ns()
        last_ns, self._clock_offset_ns = self._clock_offset_ns, offset_ns
        if last_ns is not None and abs(offset_ns - last_ns) > CLOCK_STEP_S * 1e9:
            return Quality.CLOCK_UNSYNCHRONIZED
        return Quality.GOOD
