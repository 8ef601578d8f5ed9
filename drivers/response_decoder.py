"""Decodes the responses of one poll, and flags values that contradict earlier polls."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from drivers import counters
from drivers.drive_faults import TEXT_OF, TRIPPED, fault_text
from drivers.profiles import Profile
from drivers.reading import Quality, Value
from drivers.registers import BlockDecoder
from drivers.vocabulary import vocabulary


class ResponseDecoder:
    """Values and flags of one device.

    rating_kw: rated power of the drive; None: unknown.
    suspect: quantities whose values get the flag UNVERIFIED.
    """

    def __init__(self, profile: Profile, rating_kw: float | None) -> None:
        self.suspect = frozenset[str]()
        self._profile, self._rating_kw = profile, rating_kw
        self._counters: dict[str, float] = {}

    def decode(
        self, responses: Sequence[tuple[BlockDecoder, bytes]], values: dict[str, Value], flags: dict[str, Quality]
    ) -> None:
        """Adds the values of the responses to `values`, and their flags to `flags`."""
        for decoder, data in sorted(responses, key=lambda response: not response[0].brings_scales):
            decoded, decoded_flags = decoder.decode(data)  # values in other blocks need the scales of the first ones
            values |= decoded
            flags |= decoded_flags
        for name in self.suspect & values.keys():
            add_flag(flags, name, Quality.UNVERIFIED)
        self._check_counters(values, flags)

    def add_fault(self, values: dict[str, Value], flags: dict[str, Quality]) -> None:
        """Adds the fault of the drive as text, and whether it has tripped, with the flags of the registers.

        The text is None if the code is missing, `tripped` if its register has no value.
        """
        if (trip := self._profile.trip) is not None and trip.register in values:
            shown = values[trip.register]
            values[TRIPPED] = int(trip.is_shown_by(int(shown))) if isinstance(shown, int | float) else None
            if shown_flag := flags.get(trip.register):
                flags[TRIPPED] = shown_flag
        code_name = self._profile.faults_of
        name = TEXT_OF.get(code_name)
        if name is None or code_name not in values:
            return
        values[name] = fault_text(self._profile, values[code_name])
        if code_flag := flags.get(code_name):
            flags[name] = code_flag

    def _check_counters(self, values: dict[str, Value], flags: dict[str, Quality]) -> None:
        counted = _counter_names()
        for name, value in values.items():
            if name not in counted or not isinstance(value, float | int):
                continue
            before = self._counters.get(name, value)
            if value < before:
                row = self._profile.register(name)
                wraps_at = row.wraps_at(self._rating_kw) if row else None
                if counters.step(before, value, wraps_at).kind != "wrap":  # a wrap-around is normal
                    add_flag(flags, name, Quality.OUT_OF_RANGE)
            self._counters[name] = value


def add_flag(flags: dict[str, Quality], name: str, flag: Quality) -> None:
    """Adds a flag of one quantity to those it has."""
    flags[name] = flags.get(name, Quality.GOOD) | flag


@cache
def _counter_names() -> frozenset[str]:
    return frozenset(name for name, quantity in vocabulary().items() if quantity.kind == "counter")
