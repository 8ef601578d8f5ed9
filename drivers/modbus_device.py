"""A Modbus device: a register map and a unit identifier on a bus. Polls groups of registers into one Reading."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cache

from drivers import counters
from drivers.errors import (
    ConnectFailed,
    DriverError,
    ForeignMasterActive,
    FrameError,
    LinkTimeout,
    ModbusExceptionResponse,
    ResponseQuarantined,
)
from drivers.framing import Request
from drivers.profiles import GROUPS, Profile
from drivers.reading import Clock, Quality, Reading, RegisterLink, Value
from drivers.reasons import Reason
from drivers.refresh_monitor import LOADED, RefreshMonitor
from drivers.registers import Block, BlockDecoder, Scales, plan_blocks, scale_addresses, texts, touches_watchdog, usable
from drivers.response_time import ResponseTimeEstimator
from drivers.sunspec import SunSpecLink
from drivers.unsupported_registers import ReprobeSchedule, UnsupportedRegisters
from drivers.vocabulary import vocabulary

ALL_GROUPS = frozenset(GROUPS)
SPARE = 4  # registers after a block that a retry may also read, so that its response differs in length
TRIES, PATIENT_SILENCES = 3, 2  # attempts; those that may end without a response if no other device waits
UNHEARD_S, UNHEARD_EVERY = 0.2, 4  # time-out of a device that never responded; every 4th time its full time-out
SILENT = (0x0A, 0x0B)  # exception codes of a gateway for a device that does not respond
CLOCK_STEP_S = 0.5  # smallest step of UTC between two polls that is flagged


@dataclass(frozen=True, slots=True)
class _Query:
    """A block with its decoder and request, prepared once for all polls.

    spare: registers after the block that a retry may also read.
    watched: whether changes of the content show how often the device refreshes its values.
    loaded: whether the block contains a power or a current.
    """

    block: Block
    decoder: BlockDecoder
    request: Request
    spare: int
    watched: bool
    loaded: bool


class ModbusDevice:
    """One drive or meter.

    name: name in readings and messages. profile: its register map. unit: unit identifier. link: its bus.
    rating_kw: rated power of the drive, for scales that depend on it; None: unknown.
    timeout_s: longest response time without transmission time; None: that of the profile.
    gap_s: silence before each request; None: that of the profile.
    hole_max: unmapped registers between two mapped ones up to which one request reads both.
    character_s: transmission time of one character; 0 for TCP.
    quality: flags of every reading.
    behind_gateway: the peer serves several devices in sequence and may still wait for another device.

    Attributes after a poll:
    error: why the last poll or probe failed; None if the device responded.
    wire_down: whether the bus failed, not the device.
    held_back: whether no request was sent because a late response may still arrive.
    stuck_s: time for which a loaded meter has shown identical values; 0: values change.
    """

    def __init__(
        self,
        name: str,
        profile: Profile,
        unit: int,
        link: RegisterLink,
        clock: Clock,
        *,
        rating_kw: float | None = None,
        timeout_s: float | None = None,
        gap_s: float | None = None,
        hole_max: int = 125,
        character_s: float = 0.0,
        quality: Quality = Quality.GOOD,
        behind_gateway: bool = False,
    ) -> None:
        self.name = name
        self.profile = profile
        self.unit = unit
        self.latency = ResponseTimeEstimator(profile.timeout_s if timeout_s is None else timeout_s)
        self.gap_s = profile.min_gap_s if gap_s is None else gap_s
        self._link = SunSpecLink(link, profile) if profile.dialect == "sunspec" else link
        self._clock = clock
        self._rating_kw = rating_kw
        self._hole_max = hole_max
        self._character_s = character_s
        self.quality = quality
        self.learnt = UnsupportedRegisters()
        self._again = ReprobeSchedule()
        self._verified, self._suspect = frozenset[str](), frozenset[str]()
        self._scales: Scales = {}
        self._plans: dict[frozenset[str], tuple[_Query, ...]] = {}
        self._counters: dict[str, float] = {}
        self._behind_gateway = behind_gateway
        self._silences = 0  # requests without a response since the last response
        self.error: Reason | None = None
        self.wire_down = False
        self.held_back = False
        self._clock_offset_ns: int | None = None
        self._renewal = RefreshMonitor()
        self.stuck_s = 0.0

    def trust(self, verified: Collection[str], suspect: Collection[str]) -> None:
        """Applies the result of a self-check of this device.

        verified: registers of confidence `from_memory` that are read from now on.
        suspect: quantities whose values get the flag UNVERIFIED.
        """
        self._verified, self._suspect = frozenset(verified), frozenset(suspect)
        self._plans.clear()

    def blocks(self, groups: Iterable[str] = ALL_GROUPS) -> tuple[Block, ...]:
        """The blocks that a poll of these groups reads, in order."""
        return tuple(query.block for query in self._plan(frozenset(groups)))

    def wire_s(self, block: Block) -> float:
        """Transmission time of request and response in seconds; 0 for TCP."""
        return self._exchange_s(block.count)

    def _exchange_s(self, count: int) -> float:
        return (8 + 5 + 2 * count) * self._character_s

    def names(self, groups: Iterable[str] = ALL_GROUPS) -> list[str]:
        """The quantities that a poll of these groups reads."""
        return [row.name for block in self.blocks(groups) for row in block.registers]

    async def poll(self, groups: frozenset[str] = ALL_GROUPS, contended: bool = False) -> Reading:
        """Reads these groups. Never raises for faults of the plant.

        contended: other devices wait for the bus: do not wait for overdue responses, do not repeat requests without
            response.
        A device that does not respond gives NO_REPLY and None for every quantity.
        """
        came_ns = self._clock.utc_ns()
        began_ns = monotonic_ns = self._clock.monotonic_ns()
        plan = self._plan(groups)
        values: dict[str, Value] = {row.name: None for query in plan for row in query.block.registers}
        flags: dict[str, Quality] = {}
        quality, held_back, damaged = self.quality, False, False
        reason: Reason | None = None
        answers: list[tuple[BlockDecoder, bytes]] = []
        for query in plan:
            block = query.block
            try:
                data = await self._read(query, contended)
            except (ModbusExceptionResponse, FrameError) as error:
                reason = error.reason
                if isinstance(error, ModbusExceptionResponse):
                    if error.code in SILENT:
                        quality |= Quality.NO_REPLY
                        break
                    if error.code in (0x02, 0x03):
                        self._learn_refusal(block)
                else:
                    damaged = True
                flags |= dict.fromkeys((row.name for row in block.registers), Quality.NO_REPLY)
                continue
            except ResponseQuarantined as error:
                reason = error.reason
                flags |= dict.fromkeys((row.name for row in block.registers), Quality.NO_REPLY)
                held_back = True
                continue
            except DriverError as error:
                reason = error.reason
                quality |= Quality.NO_REPLY
                self._failed(error)
                break
            came_ns, monotonic_ns = self._clock.utc_ns(), self._clock.monotonic_ns()
            answers.append((query.decoder, data))
            if query.watched:
                self._renewal.note((block.function, block.address), data, monotonic_ns, query.loaded)
        if damaged and not answers:  # a device with corrupt responses only counts as not responding
            self.error, self.wire_down = reason, False
        if (held_back or damaged) and not answers:
            quality |= Quality.NO_REPLY
        self.held_back = held_back and not (answers or damaged or self._silences)
        if Quality.NO_REPLY in quality:
            # A partial reading is not from one moment: values read before the failure are discarded.
            values, flags = dict.fromkeys(values), {}
            self._renewal.broken()
        else:
            answers.sort(key=lambda answer: not answer[0].brings_scales)  # values in other blocks need these scales
            for decoder, data in answers:
                got, doubtful = decoder.decode(data)
                values |= got
                flags |= doubtful
            for name in self._suspect & values.keys():
                flags[name] = flags.get(name, Quality.GOOD) | Quality.UNVERIFIED
            if answers:
                self.stuck_s = self._renewal.stuck_s(values, monotonic_ns)
            if self.stuck_s:
                flags |= {name: flags.get(name, Quality.GOOD) | Quality.STALE for name in values}
            self._check_counters(values, flags)
            quality |= self._check_clock()
            await self._ask_again("once" in groups, contended)
        if in_words := texts(self.profile, values):
            values |= in_words
            if code_flag := flags.get(self.profile.faults_of):
                flags |= dict.fromkeys(in_words, code_flag)
        sent_ns = came_ns - (monotonic_ns - began_ns)  # relative to the response, because UTC may step during the poll
        return Reading(self.name, sent_ns, came_ns, values, quality, flags, reason, monotonic_ns)

    async def probe(self) -> bool:
        """Whether the device responds: reads its smallest block in one attempt. An exception response counts."""
        query = min(self._plan(ALL_GROUPS), key=lambda item: item.block.count, default=None)
        if query is None:
            return False  # no register of this profile may be read yet
        try:
            await self._read(query, contended=True, tries=1)
        except ModbusExceptionResponse as error:
            self.error, self.wire_down = error.reason, False
            return error.code not in SILENT
        except DriverError as error:
            self._failed(error)
            return False
        return True

    def renewed_every_s(self, every_s: float) -> float | None:
        """Refresh interval of the device in seconds if clearly longer than the polling interval every_s; else None."""
        return self._renewal.every_s(every_s)

    def _failed(self, error: DriverError) -> None:
        self.error = error.reason
        self.wire_down = isinstance(error, ConnectFailed | ForeignMasterActive)
        self._silences += not self.wire_down

    def _patience_s(self, block: Block, contended: bool) -> float:
        """Longest time that one attempt waits, in seconds.

        If other devices wait: until the response is overdue. A device that never responded gets its full time-out only
        every fourth time. Through a gateway always the full time-out, because the gateway may wait for another device.
        """
        longest_s = self.latency.longest_s(self.wire_s(block))
        if not contended or self._behind_gateway:
            return longest_s
        if not self.latency.known and self._silences % UNHEARD_EVERY:
            return min(longest_s, self.wire_s(block) + UNHEARD_S)
        return self.latency.overdue_s(self.wire_s(block))

    async def _read(self, query: _Query, contended: bool, tries: int = TRIES) -> bytes:
        data = await self._link.read_block(
            query.request,
            self.latency.overdue_s(self.wire_s(query.block)),
            self.gap_s,
            spare=query.spare,
            tries=tries,
            patience_s=self._patience_s(query.block, contended),
            silence_tries=1 if contended else PATIENT_SILENCES,
        )
        self.latency.add(self._link.answered_s)
        self._silences, self.error, self.wire_down = 0, None, False
        return data

    def _plan(self, groups: frozenset[str]) -> tuple[_Query, ...]:
        plan = self._plans.get(groups)
        if plan is None:
            known = usable(self.profile, self._verified)
            wanted = [row for row in known if row.group in groups and row.name not in self.learnt.absent]
            blocks = self.learnt.accepted(self.profile, plan_blocks(self.profile, wanted, self._hole_max))
            scales = scale_addresses(known)
            plan = self._plans[groups] = tuple(self._query(block, scales) for block in blocks)
        return plan

    def _query(self, block: Block, scales: Collection[int]) -> _Query:
        return _Query(
            block,
            BlockDecoder(block, self._rating_kw, self._verified, self._scales, scales),
            Request(self.unit, block.function, block.address, block.count),
            self._spare(block),
            block.registers[0].group == "fast",
            any(row.name in LOADED for row in block.registers),
        )

    def _spare(self, block: Block) -> int:
        end = block.address + block.count
        if not self.profile.spare_allowed or touches_watchdog(self.profile, block.function, end, end + SPARE):
            return 0
        return max(0, min(SPARE, self.profile.max_registers - block.count, 65536 - end))

    def _learn_refusal(self, block: Block) -> None:
        self.learnt.refused(block)
        self._plans.clear()
        self._again.soon(self._clock.monotonic_ns() / 1e9)

    async def _ask_again(self, restarted: bool, contended: bool) -> None:
        """Reads one rejected address again if it is due; a response makes the address readable again.

        restarted: this was the first response since a start or since the device did not respond.
        """
        now_s = self._clock.monotonic_ns() / 1e9
        if restarted:
            self._again.soon(now_s)
        if not self.learnt.split:
            return
        address = self._again.next(now_s, lambda: self.learnt.doubtful(self.profile), contended)
        if address is None:
            return
        overdue_s = self.latency.overdue_s(self._exchange_s(address[2]))
        try:
            await self._link.read_block(Request(self.unit, *address), overdue_s, self.gap_s, tries=1)
        except LinkTimeout:
            self._again.silence()
        except ModbusExceptionResponse as error:
            if error.code in SILENT:
                self._again.silence()
        except DriverError:
            pass
        else:
            self.learnt.answered(self.profile, address)
            self._plans.clear()
            self._again.answer(now_s)

    def _check_counters(self, values: dict[str, Value], flags: dict[str, Quality]) -> None:
        counted = _counter_names()
        for name, value in values.items():
            if name not in counted or not isinstance(value, float | int):
                continue
            before = self._counters.get(name, value)
            if value < before:
                row = self.profile.register(name)
                wraps_at = row.wraps_at(self._rating_kw) if row else None
                if counters.step(before, value, wraps_at).kind != "wrap":  # a wrap-around is normal
                    flags[name] = flags.get(name, Quality.GOOD) | Quality.OUT_OF_RANGE
            self._counters[name] = value

    def _check_clock(self) -> Quality:
        offset_ns = self._clock.utc_ns() - self._clock.monotonic_ns()
        last_ns, self._clock_offset_ns = self._clock_offset_ns, offset_ns
        if last_ns is not None and abs(offset_ns - last_ns) > CLOCK_STEP_S * 1e9:
            return Quality.CLOCK_UNSYNCHRONIZED
        return Quality.GOOD


@cache
def _counter_names() -> frozenset[str]:
    return frozenset(name for name, quantity in vocabulary().items() if quantity.kind == "counter")
