"""The present values of a motor, read again and again while its wiring is checked."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from agent.commissioning.selfcheck.decoding import number_of
from agent.commissioning.selfcheck.model import Subject
from agent.commissioning.selfcheck.register_reader import ReadingRound, RegisterReader, checkable
from agent.config.transformer_ratio import ratio_factor
from drivers.reading import Clock

PHASE = ("voltage_l{}n", "current_l{}", "active_power_l{}", "reactive_power_l{}")
WATCHED = (
    *(pattern.format(k) for pattern in PHASE for k in (1, 2, 3)), "voltage_l12", "voltage_l23", "voltage_l31",
    "active_power", "reactive_power", "power_factor", "output_frequency", "motor_speed", "motor_current",
    "output_voltage", "motor_power",
)  # fmt: skip

Values = dict[str, float]  # quantity → value in the unit of the vocabulary, on the primary side


class LiveReader:
    """Reads only the registers of `WATCHED`. Nothing else may use the links meanwhile."""

    def __init__(self, subjects: Iterable[Subject], clock: Clock) -> None:
        self._readers = [(item, RegisterReader(item, item.device.unit_id, clock, WATCHED)) for item in subjects]

    async def read(self) -> dict[str, Values]:
        """Device → its values; empty if it does not respond."""
        return {item.name: values_of(item, await reader.round()) for item, reader in self._readers}


def values_of(subject: Subject, found: ReadingRound, names: Collection[str] = WATCHED) -> Values:
    """The values of a reading; a register without a value is missing."""
    if found.silent:
        return {}
    rows = (row for row in checkable(subject.profile) if row.name in names)
    numbers = ((row, number_of(row, found.memory, subject.rating_kw)) for row in rows)
    return {row.name: number * ratio_factor(subject.device, row.unit) for row, number in numbers if number is not None}
