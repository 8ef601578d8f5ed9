"""Intervals of other lengths than the live 15 min: an imported history has the length of its rows."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from agent.savings.records.model import Driver, Interval


def is_amount(driver: str) -> bool:
    """Whether the value of a driver is an amount per interval (t, kg), which depends on its length, and not a mean."""
    return driver.endswith(("_t", "_kg"))


def with_amounts_per(item: Interval, length_s: int) -> Interval:
    """The interval with its amounts per interval of another length, as a model of that length takes them."""
    if item.length_s == length_s or not any(map(is_amount, item.drivers)):
        return item
    scale = length_s / item.length_s
    return replace(item, drivers={
        name: Driver(scale * driver.mean, scale * driver.u) if is_amount(name) else driver
        for name, driver in item.drivers.items()
    })  # fmt: skip


def of_one_length(found: Sequence[Interval]) -> list[Interval]:
    """The intervals, shorter ones summed to the longest length if it is a multiple of each; otherwise unchanged.

    found: of one asset, in order. Sums start where the longest intervals do; parts of a sum that is not complete are
    omitted. The energy of a sum is unknown if that of a part is.
    """
    lengths = {item.length_s for item in found}
    longest_s = max(lengths, default=0)
    if len(lengths) < 2 or any(longest_s % length_s for length_s in lengths):
        return list(found)
    longest_ms = 1000 * longest_s
    offset_ms = next(item.start_ms for item in found if item.length_s == longest_s) % longest_ms
    result = list[Interval]()
    parts = list[Interval]()
    for item in found:
        if item.length_s == longest_s:
            result.append(item)
            parts = []
            continue
        if parts and parts[-1].end_ms != item.start_ms:
            parts = []
        if parts or (item.start_ms - offset_ms) % longest_ms == 0:
            parts.append(item)
        if parts and item.end_ms - parts[0].start_ms == longest_ms:
            result.append(_sum(parts))
            parts = []
    return result


def _sum(parts: Sequence[Interval]) -> Interval:
    """One interval of several that follow each other. What is unknown in a part is unknown in the sum."""
    first, last = parts[0], parts[-1]
    length_s = sum(part.length_s for part in parts)

    def total(name: str) -> float | None:
        values = [getattr(part, name) for part in parts]
        return None if None in values else sum(values)

    def mean(name: str) -> Driver:
        weights = [1.0 if is_amount(name) else part.length_s / length_s for part in parts]
        own = [part.drivers[name] for part in parts]
        return Driver(*(sum(w * driver[k] for w, driver in zip(weights, own, strict=True)) for k in (0, 1)))

    running = [part for part in parts if part.speed_rpm is not None and part.running_s]
    running_s = sum(part.running_s or 0.0 for part in running)
    registers = [part.register_wh for part in parts if part.register_wh is not None]
    return Interval(
        first.asset, first.start_ms, total("energy_wh"), length_s,
        auxiliary_wh=sum(part.auxiliary_wh for part in parts), shaft_wh=total("shaft_wh"),
        drive_loss_wh=total("drive_loss_wh"), motor_loss_wh=total("motor_loss_wh"),
        u_drive_loss_wh=sum(part.u_drive_loss_wh for part in parts),
        u_motor_loss_wh=sum(part.u_motor_loss_wh for part in parts), reactive_varh=total("reactive_varh"),
        speed_rpm=sum((part.speed_rpm or 0.0) * (part.running_s or 0.0) for part in running) / running_s
        if running_s else None,
        drivers={name: mean(name) for name in first.drivers if all(name in part.drivers for part in parts)},
        coverage=sum(part.length_s * part.coverage for part in parts) / length_s,
        filled_wh=sum(part.filled_wh for part in parts), running_s=total("running_s"),
        meter=last.meter, register_wh=(registers[0][0], registers[-1][1]) if registers else None,
        flags=tuple(sorted({flag for part in parts for flag in part.flags})),
        source="imported" if any(part.source == "imported" for part in parts) else "measured",
    )  # fmt: skip
