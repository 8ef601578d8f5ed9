"""A device that another master polls: the values in the received responses, decoded with its register map."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from drivers.bus_listener import PERIODS, BusListener, HeardBlock
from drivers.device_health import DeviceHealth
from drivers.error_reasons import NOT_HEARD, NOTHING_HEARD, REGISTERS_NOT_READ
from drivers.errors import LinkClosed, LinkTimeout
from drivers.modbus_device import ALL_GROUPS, DEFAULT_SETTINGS, DeviceSettings
from drivers.overheard_registers import covered_rows, heard_request, register_bytes
from drivers.profiles import Profile, Register
from drivers.reading import Clock, Quality, Reading, Value
from drivers.reasons import Reason
from drivers.register_blocks import Block, scale_addresses, usable
from drivers.registers import BlockDecoder, Scales
from drivers.response_decoder import ResponseDecoder
from drivers.unsupported_registers import UnsupportedRegisters

LEARN_S = 60.0  # time of listening after which registers that were not received are reported as not read
SHOWN_MAX = 4  # quantities that a reason names


class ListenedDevice:
    """One drive or meter on a bus that is only listened to. Same interface as ModbusDevice, as far as it is used.

    health: why no response is received. unsupported, postponed, stuck_s: as of ModbusDevice; not used.
    """

    inter_request_delay_s = 0.0

    def __init__(
        self, name: str, profile: Profile, unit: int, link: BusListener, clock: Clock,
        settings: DeviceSettings = DEFAULT_SETTINGS,
    ) -> None:  # fmt: skip
        self.name, self.profile, self.unit, self.settings = name, profile, unit, settings
        self.health = DeviceHealth(settings.timeout_s or profile.timeout_s, behind_gateway=False)
        self.unsupported = UnsupportedRegisters()
        self.postponed, self.stuck_s = False, 0.0
        self._link, self._clock = link, clock
        self._decoder = ResponseDecoder(profile, settings.rating_kw)
        self._verified = frozenset[str]()
        self._blocks: dict[tuple[int, int, int], BlockDecoder | None] = {}
        self._scales: Scales = {}
        self._heard = set[str]()  # quantities
        self._taken_s = 0.0

    def apply_selfcheck(self, verified: Collection[str], suspect: Collection[str]) -> None:
        """Same as of ModbusDevice."""
        self._verified, self._decoder.suspect = frozenset(verified), frozenset(suspect)
        self._blocks = {}

    def names(self, groups: Iterable[str] = ALL_GROUPS) -> list[str]:
        """The quantities of these groups, whether the other master reads them or not."""
        wanted = frozenset(groups)
        return [row.name for row in self._rows if row.group in wanted]

    def blocks(self, groups: Iterable[str] = ALL_GROUPS) -> tuple[Block, ...]:
        """None: nothing is requested."""
        return ()

    async def probe(self) -> bool:
        """Whether a response of the device was received."""
        return bool(self._link.blocks(self.unit))

    async def poll(self, groups: frozenset[str] = ALL_GROUPS, contended: bool = False) -> Reading:
        """What was received since the last call; NO_REPLY and None for every quantity if that is nothing."""
        return self.take() or self.silent_reading()

    def take(self) -> Reading | None:
        """The values that were received since the last call; None if there are none."""
        fresh = [block for block in self._link.blocks(self.unit) if block.heard_s > self._taken_s]
        responses = [(decoder, data, block.heard_s) for block in fresh for decoder, data in self._decoded(block)]
        if not responses:
            return None
        responses.sort(key=lambda response: response[2])  # the newest value of a quantity remains
        self._taken_s = responses[-1][2]
        values: dict[str, Value] = {}
        flags: dict[str, Quality] = {}
        self._decoder.decode([(decoder, data) for decoder, data, _ in responses], values, flags)
        self._heard |= values.keys()
        self._decoder.add_fault(values, flags)
        self.health.error, self.health.silences = None, 0
        first_ns, last_ns = int(responses[0][2] * 1e9), int(self._taken_s * 1e9)
        offset_ns = self._clock.utc_ns() - self._clock.monotonic_ns()
        return Reading(
            self.name, first_ns + offset_ns, last_ns + offset_ns, values, self.settings.quality | Quality.LISTENED,
            flags, self.missing() if self._link.seconds > LEARN_S else None, last_ns,
        )  # fmt: skip

    def missing(self) -> Reason | None:
        """The registers that the other master did not read so far; None if it read all."""
        names = self.names()
        absent = [name for name in names if name not in self._heard]
        if not absent:
            return None
        return REGISTERS_NOT_READ(n=len(absent), total=len(names), examples=tuple(absent[:SHOWN_MAX]))

    def overdue(self, poll_interval_s: float) -> bool:
        """Whether nothing was received for longer than the other master takes between two requests."""
        periods = [block.period_s for block in self._link.blocks(self.unit) if block.period_s is not None]
        longest_s = PERIODS * max(poll_interval_s, min(periods, default=0.0)) + 1.0
        since_s = self._clock.monotonic_ns() / 1e9 - self._taken_s if self._taken_s else self._link.seconds
        return self._link.down is not None or since_s > longest_s

    def silent_reading(self) -> Reading:
        """A reading without values, and why nothing was received."""
        link, now_ns, utc_ns = self._link, self._clock.monotonic_ns(), self._clock.utc_ns()
        if link.down is not None:
            self.health.failed(LinkClosed(link.down))
            self.health.bus_failed = True
        elif self._taken_s:
            self.health.failed(LinkTimeout(NOT_HEARD, unit_id=self.unit, seconds=now_ns / 1e9 - self._taken_s))
        else:
            self.health.failed(LinkTimeout(NOTHING_HEARD, unit_id=self.unit, seconds=link.seconds))
        quality = self.settings.quality | Quality.LISTENED | Quality.NO_REPLY
        return Reading(
            self.name, utc_ns, utc_ns, dict.fromkeys(self.names()), quality, {}, self.health.error, now_ns
        )  # fmt: skip

    @property
    def _rows(self) -> tuple[Register, ...]:
        return usable(self.profile, self._verified)

    def _decoded(self, block: HeardBlock) -> Iterator[tuple[BlockDecoder, bytes]]:
        """The decoder of a response and its register bytes; nothing if the map has none of its registers."""
        request = heard_request(self.profile, block.request)
        if request is None:
            return
        key = request[1:]
        if key not in self._blocks:
            rows = covered_rows(self._rows, request)
            self._blocks[key] = self._decoder_of(Block(*key, rows)) if rows else None
        decoder = self._blocks[key]
        data = register_bytes(self.profile, request, block.data)
        if decoder is not None and len(data) == 2 * request.registers:
            yield decoder, data

    def _decoder_of(self, block: Block) -> BlockDecoder:
        scales = scale_addresses(self._rows)
        return BlockDecoder(block, self.settings.rating_kw, self._verified, self._scales, scales)
