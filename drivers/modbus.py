"""A Modbus device: a profile and a unit id on a wire. Polls whole groups of registers into one Reading."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cache

from drivers import counters
from drivers.errors import DeviceRefused, DriverError, FrameError, LinkBusy, LinkDown, LinkResting, LinkTimeout
from drivers.framing import Request
from drivers.latency import Latency
from drivers.profiles import GROUPS, Profile
from drivers.reading import Clock, Link, Quality, Reading, Value
from drivers.refusals import AskAgain, Learnt
from drivers.registers import Block, BlockDecoder, Scales, plan_blocks, scale_addresses, texts, touches_watchdog, usable
from drivers.renewal import LOADED, Renewal
from drivers.sunspec import SunSpecLink
from drivers.vocabulary import vocabulary

ALL_GROUPS = frozenset(GROUPS)
SPARE = 4  # registers behind a block that a retry may ask for, to have a length of its own
TRIES, PATIENT_SILENCES = 3, 2  # attempts; how many of them may end in silence while nobody else waits for the line
UNHEARD_S, UNHEARD_EVERY = 0.2, 4  # a device that never answered is waited for that long; its whole time-out so often
SILENT = (0x0A, 0x0B)  # what a gateway says for a device that does not answer it
CLOCK_STEP_S = 0.5  # a jump of UTC since the poll before


@dataclass(frozen=True, slots=True)
class _Query:
    """A block and what follows from it, worked out once: it is asked for in every period."""

    block: Block
    decoder: BlockDecoder
    request: Request
    spare: int  # registers behind it that a retry may ask for
    watched: bool  # whether its content tells how often the device renews its values
    loaded: bool  # whether a power or a current is in it


class ModbusDevice:
    """One drive or meter. `rating_kw` picks the scale where a profile's scales depend on the drive's size.

    behind_gateway: the peer speaks to several devices in turn and may be waiting for another one when we ask.
    """

    def __init__(
        self,
        name: str,
        profile: Profile,
        unit: int,
        link: Link,
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
        self.latency = Latency(profile.timeout_s if timeout_s is None else timeout_s)
        self.gap_s = profile.min_gap_s if gap_s is None else gap_s
        self._link = SunSpecLink(link, profile) if profile.dialect == "sunspec" else link
        self._clock = clock
        self._rating_kw = rating_kw
        self._hole_max = hole_max
        self._character_s = character_s
        self.quality = quality
        self.learnt = Learnt()
        self._again = AskAgain()
        self._verified, self._doubted = frozenset[str](), frozenset[str]()
        self._scales: Scales = {}
        self._plans: dict[frozenset[str], tuple[_Query, ...]] = {}
        self._counters: dict[str, float] = {}
        self._behind_gateway = behind_gateway
        self._silences = 0  # requests without an answer since the last one
        self.error = ""  # of the last poll or probe; empty when it was answered
        self.wire_down = False  # whether that was the wire's fault
        self.held_back = False  # whether the last poll asked nothing, for an answer to an older one may still come
        self._clock_offset_ns: int | None = None
        self._renewal = Renewal()
        self.stuck_s = 0.0  # for how long a loaded meter has shown the very same digits

    def trust(self, verified: Collection[str], doubted: Collection[str]) -> None:
        """What a self-check of this very device found. verified: registers known from memory that are read from now on;
        doubted: values that carry UNVERIFIED."""
        self._verified, self._doubted = frozenset(verified), frozenset(doubted)
        self._plans.clear()

    def blocks(self, groups: Iterable[str] = ALL_GROUPS) -> tuple[Block, ...]:
        """The read requests for those groups, in order."""
        return tuple(query.block for query in self._plan(frozenset(groups)))

    def wire_s(self, block: Block) -> float:
        """Seconds that request and answer take on the wire; 0 on TCP."""
        return self._exchange_s(block.count)

    def _exchange_s(self, count: int) -> float:
        return (8 + 5 + 2 * count) * self._character_s

    def names(self, groups: Iterable[str] = ALL_GROUPS) -> list[str]:
        return [row.name for block in self.blocks(groups) for row in block.registers]

    async def poll(self, groups: frozenset[str] = ALL_GROUPS, hurry: bool = False) -> Reading:
        """One reading of those groups. A silent device gives NO_REPLY and None for every value asked for.

        hurry: others wait for the line, so an overdue answer is not waited for and silence is not tried again.
        """
        came_ns = self._clock.utc_ns()
        began_ns = monotonic_ns = self._clock.monotonic_ns()
        plan = self._plan(groups)
        values: dict[str, Value] = {row.name: None for query in plan for row in query.block.registers}
        flags: dict[str, Quality] = {}
        quality, error_text, held_back, damaged = self.quality, "", False, False
        answers: list[tuple[BlockDecoder, bytes]] = []
        for query in plan:
            block = query.block
            try:
                data = await self._read(query, hurry)
            except (DeviceRefused, FrameError) as error:
                error_text = str(error)
                if isinstance(error, DeviceRefused):
                    if error.code in SILENT:
                        quality |= Quality.NO_REPLY
                        break
                    if error.code in (0x02, 0x03):
                        self._learn_refusal(block)
                else:
                    damaged = True
                flags |= dict.fromkeys((row.name for row in block.registers), Quality.NO_REPLY)
                continue
            except LinkResting as error:
                error_text = str(error)
                flags |= dict.fromkeys((row.name for row in block.registers), Quality.NO_REPLY)
                held_back = True
                continue
            except DriverError as error:
                error_text = str(error)
                quality |= Quality.NO_REPLY
                self._failed(error)
                break
            came_ns, monotonic_ns = self._clock.utc_ns(), self._clock.monotonic_ns()
            answers.append((query.decoder, data))
            if query.watched:
                self._renewal.note((block.function, block.address), data, monotonic_ns, query.loaded)
        if damaged and not answers:  # whoever is only ever heard damaged is as good as silent
            self.error, self.wire_down = error_text, False
        if (held_back or damaged) and not answers:
            quality |= Quality.NO_REPLY
        self.held_back = held_back and not (answers or damaged or self._silences)
        if Quality.NO_REPLY in quality:
            # Half a reading is not one moment: what came before the silence is not kept.
            values, flags = dict.fromkeys(values), {}
            self._renewal.broken()
        else:
            answers.sort(key=lambda answer: not answer[0].brings_scales)  # values in other blocks wait for them
            for decoder, data in answers:
                got, doubtful = decoder.decode(data)
                values |= got
                flags |= doubtful
            for name in self._doubted & values.keys():
                flags[name] = flags.get(name, Quality.GOOD) | Quality.UNVERIFIED
            if answers:
                self.stuck_s = self._renewal.stuck_s(values, monotonic_ns)
            if self.stuck_s:
                flags |= {name: flags.get(name, Quality.GOOD) | Quality.STALE for name in values}
            self._check_counters(values, flags)
            quality |= self._check_clock()
            await self._ask_again("once" in groups, hurry)
        if in_words := texts(self.profile, values):
            values |= in_words
            if code_flag := flags.get(self.profile.faults_of):
                flags |= dict.fromkeys(in_words, code_flag)
        sent_ns = came_ns - (monotonic_ns - began_ns)  # both in the time of the answer: UTC may step in between
        return Reading(self.name, sent_ns, came_ns, values, quality, flags, error_text, monotonic_ns)

    async def probe(self) -> bool:
        """Whether it answers again: its smallest block, one attempt, an exception counts as an answer."""
        query = min(self._plan(ALL_GROUPS), key=lambda item: item.block.count, default=None)
        if query is None:
            return False  # nothing of this profile may be read yet
        try:
            await self._read(query, hurry=True, tries=1)
        except DeviceRefused as error:
            self.error, self.wire_down = str(error), False
            return error.code not in SILENT
        except DriverError as error:
            self._failed(error)
            return False
        return True

    def renewed_every_s(self, every_s: float) -> float | None:
        """How often it renews its values, when that is clearly more seldom than it is polled; None otherwise."""
        return self._renewal.every_s(every_s)

    def _failed(self, error: DriverError) -> None:
        self.error = str(error)
        self.wire_down = isinstance(error, LinkDown | LinkBusy)
        self._silences += not self.wire_down

    def _patience_s(self, block: Block, hurry: bool) -> float:
        """How long an attempt waits. In a hurry only until the answer is overdue, and for a device that was never heard
        only every fourth time as long as it may take; a gateway that waits for a dead device is waited for."""
        longest_s = self.latency.longest_s(self.wire_s(block))
        if not hurry or self._behind_gateway:
            return longest_s
        if not self.latency.known and self._silences % UNHEARD_EVERY:
            return min(longest_s, self.wire_s(block) + UNHEARD_S)
        return self.latency.overdue_s(self.wire_s(block))

    async def _read(self, query: _Query, hurry: bool, tries: int = TRIES) -> bytes:
        data = await self._link.read_block(
            query.request,
            self.latency.overdue_s(self.wire_s(query.block)),
            self.gap_s,
            spare=query.spare,
            tries=tries,
            patience_s=self._patience_s(query.block, hurry),
            silence_tries=1 if hurry else PATIENT_SILENCES,
        )
        self.latency.add(self._link.answered_s)
        self._silences, self.error, self.wire_down = 0, "", False
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

    async def _ask_again(self, anew: bool, hurry: bool) -> None:
        """One refused address by itself, when it is time: an answer takes back what was learnt, silence says nothing.
        anew: this was the first answer since a start or a silence."""
        now_s = self._clock.monotonic_ns() / 1e9
        if anew:
            self._again.soon(now_s)
        if not self.learnt.split:
            return
        address = self._again.next(now_s, lambda: self.learnt.doubtful(self.profile), hurry)
        if address is None:
            return
        overdue_s = self.latency.overdue_s(self._exchange_s(address[2]))
        try:
            await self._link.read_block(Request(self.unit, *address), overdue_s, self.gap_s, tries=1)
        except LinkTimeout:
            self._again.silence()
        except DeviceRefused as error:
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
                if counters.step(before, value, wraps_at).kind != "wrap":  # going round is how counters are
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
