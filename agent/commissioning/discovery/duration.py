"""How long a scan takes, from the requests that are still to be sent. All times in seconds."""

from __future__ import annotations

from collections.abc import Iterable
from statistics import median
from typing import NamedTuple

from agent.commissioning.discovery import meters
from agent.commissioning.discovery import scan_order as order
from agent.commissioning.discovery.cached_reader import GAP_S
from agent.commissioning.discovery.scan_result import QUIET_TCP_S, FoundDevice, ScanOptions, ScanProgress, Target
from agent.core.text import N_, _
from drivers.bus_settings import BusSettings
from drivers.reading import Clock
from drivers.serial_sniffer import SerialSetting


class Effort(NamedTuple):
    """What an identification needs, as a mean over the simulated models of the library.

    requests: their number. registers: sum of their registers. A serial port waits as long for an exception response as
    for the registers, because it reads when the complete response can have arrived.
    """

    requests: int
    registers: int


# With function 04 only, and with function 03; of a device that names its model, of another one, of all together.
NAMED, UNNAMED, MEAN = (
    (Effort(7, 69), Effort(45, 368)), (Effort(21, 316), Effort(104, 1160)), (Effort(18, 276), Effort(95, 1032)),
)  # fmt: skip
NONE = Effort(0, 0)
SCAN_DURATION = N_("Duration on an undisturbed line: about {total_s:.0f} s")
SCAN_DURATION_WITH_EACH = N_(
    "Duration on an undisturbed line: about {total_s:.0f} s, and {each_s:.0f} s for each device that responds"
)
SCAN_DURATION_MAX = N_("Duration on an undisturbed line: at most {total_s:.0f} s")
SCAN_DURATION_MAX_WITH_EACH = N_(
    "Duration on an undisturbed line: at most {total_s:.0f} s, and about {each_s:.0f} s for each device that responds"
)
RESPONSE_S = 0.03  # of a device that was not found yet: drives need 5 ms to 20 ms, meters up to 100 ms
FRAMES = 13  # characters of a request for registers and of its response, without the registers
PROBE = FRAMES + 2  # of a request of the scan
SHORTER = 3  # characters by which the requests for the reported identification are shorter


class AnnouncedDuration:
    """Estimates the remaining time of a scan, and announces it when more is known; the scan reports what it does."""

    def __init__(self, target: Target, options: ScanOptions, progress: ScanProgress, clock: Clock) -> None:
        self._target, self._options, self._progress, self._clock = target, options, progress, clock
        kinds = (NAMED, UNNAMED, MEAN)
        self._named, self._unnamed, self._mean = (kind[options.fc03] if options.identify else NONE for kind in kinds)
        self._queries_s = 0.0  # until all units are queried
        self._to_identify: dict[int, float] = {}  # unit identifier → time of its identification
        self._each_s = 0.0  # of the identification of a device that was not found yet
        self._requests: dict[int, int] = {}  # unit identifier → requests of its identification
        self._excess_s: list[float] = []  # by which a request takes longer than calculated
        self._factor = 1.0  # by which identifications take longer than calculated, on a disturbed line
        self._calculated_s, self._identifying_ns = 0.0, 0  # of those so far, and when the first one began
        self._began_ns = clock.monotonic_ns()

    @property
    def elapsed_s(self) -> float:
        return (self._clock.monotonic_ns() - self._began_ns) / 1e9

    @property
    def left_s(self) -> float:
        """The remaining time, if as many devices respond as are expected."""
        expected = self._options.expected.count if self._options.expected else 0
        unseen = max(0, expected - len(self._to_identify)) if self._queries_s else 0
        return self._queries_s + self._factor * sum(self._to_identify.values()) + unseen * self._each_s

    def start(self, units: int) -> None:
        """Before the first byte. units: number of units that are queried.

        The duration is a maximum if the line settings are not known, or if absent units of a gateway cause no response.
        """
        options, target = self._options, self._target
        before_s = options.listen_s if target.is_line else 0.0
        before_s += sum(max(1, len(options.meters)) * meters.query_s(item) for item in meters.settings_of(target))
        if target.is_line and target.setting is None:
            wires = [target.bus_settings(setting, 0.0) for setting in order.settings(options.depth)]
            before_s += search_s(units, wires)
        self._plan(target.setting, units, before_s)
        counted = options.expected or not options.identify
        if target.setting:
            text = SCAN_DURATION if counted else SCAN_DURATION_WITH_EACH
        else:
            text = SCAN_DURATION_MAX if counted else SCAN_DURATION_MAX_WITH_EACH
        self._progress.on_duration(self.left_s)
        self._progress.on_text(_(text, total_s=self.left_s, each_s=self._each_s))

    def on_meters(self, setting: SerialSetting, n: int) -> None:
        """Meters of DL/T 645 are queried at these settings. n: known addresses."""
        self._queries_s = max(0.0, self._queries_s - max(1, n) * meters.query_s(setting))

    def on_setting(self, setting: SerialSetting, units: int) -> None:
        """The line settings were found; all units are queried at these settings."""
        self._plan(setting, units)
        self._announce()

    def on_unit(self, wire: BusSettings, device_s: float) -> None:
        """The next unit is queried. device_s: response time for which is waited."""
        self._queries_s = max(0.0, self._queries_s - query_s(wire, self._target.waited_s(device_s)))

    def on_found(self, wire: BusSettings, found: FoundDevice) -> None:
        self._to_identify[found.unit] = _identification_s(wire, found.response_s, self._mean)
        self._progress.on_duration(self.left_s)

    def on_name(self, wire: BusSettings, found: FoundDevice, names_model: bool, request_s: float) -> None:
        """The identification that a device reports was read.

        names_model: it names a model of the library. request_s: measured time of each of these requests.
        """
        effort = self._named if names_model else self._unnamed
        self._requests[found.unit] = effort.requests
        self._to_identify[found.unit] = _identification_s(wire, found.response_s, effort)
        calculated_s = _gap_s(wire) + found.response_s - SHORTER * wire.character_s
        self._excess_s.append(request_s - calculated_s)

    def on_reported(self) -> None:
        """All units were queried, and the identification that the devices report was read."""
        excess_s = max(0.0, median(self._excess_s))  # of this computer; the median omits lost responses
        for unit, requests in self._requests.items():
            self._to_identify[unit] += requests * excess_s
        self._queries_s, self._identifying_ns = 0.0, self._clock.monotonic_ns()
        self._announce()

    def on_identified(self, found: FoundDevice) -> None:
        self._calculated_s += self._to_identify.pop(found.unit)
        self._factor = (self._clock.monotonic_ns() - self._identifying_ns) / 1e9 / self._calculated_s
        self._progress.on_duration(self.left_s)

    def _plan(self, setting: SerialSetting | None, units: int, before_s: float = 0.0) -> None:
        """before_s: time until these units are queried."""
        options, target = self._options, self._target
        wire = target.bus_settings(setting, 0.0)
        times_s = [query_s(wire, target.waited_s(order.DEVICE_S if target.is_line else QUIET_TCP_S))]
        if options.depth == "full":
            times_s += [query_s(wire, target.waited_s(order.SLOW_S))] if target.is_line else []
            times_s += times_s[:1] if options.fc03 else []
        self._queries_s = before_s + units * sum(times_s)
        self._each_s = _identification_s(wire, PROBE * wire.character_s + RESPONSE_S, self._mean)

    def _announce(self) -> None:
        self._progress.on_duration(self.left_s)
        self._progress.on_text(_(
            "{n:d} {n:device|devices}: about {left_s:.0f} s left, {total_s:.0f} s in total",
            n=len(self._to_identify), left_s=self.left_s, total_s=self.elapsed_s + self.left_s,
        ))  # fmt: skip


def query_s(wire: BusSettings, device_s: float) -> float:
    """Time for one unit without response."""
    return order.CHARACTERS * wire.character_s + device_s + wire.silence_s


def _identification_s(wire: BusSettings, response_s: float, effort: Effort) -> float:
    """response_s: measured with a request of the scan, with its transmission time."""
    characters = FRAMES * effort.requests + 2 * effort.registers - PROBE * effort.requests
    return effort.requests * (_gap_s(wire) + response_s) + characters * wire.character_s


def _gap_s(wire: BusSettings) -> float:
    return max(GAP_S, wire.silence_s)


def search_s(units: int, settings: Iterable[BusSettings]) -> float:
    """The longest time until the settings of a line are found; all settings of the scan, the usual ones first."""
    first, rest = min(units, order.FIRST_UNITS), max(0, units - order.FIRST_UNITS)
    total_s = 0.0
    for number, wire in enumerate(settings):
        total_s += first * query_s(wire, order.DEVICE_S)
        if number < len(order.USUAL):
            total_s += rest * query_s(wire, order.SHORT_S)
    return total_s
