"""The readings as numbers, the relations bound to devices, and the outcome of each relation."""

from __future__ import annotations

import copy
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import Enum
from functools import cached_property
from itertools import pairwise
from statistics import median_high

from msgspec import Struct
from msgspec.structs import replace

from agent.commissioning.selfcheck.decoding import Key, Series, decade_of, median, number_of
from agent.commissioning.selfcheck.drive_rules import CROSS, DRIVE
from agent.commissioning.selfcheck.fault_hypothesis import Hypothesis, scaled
from agent.commissioning.selfcheck.load_estimate import LOADED, load_of
from agent.commissioning.selfcheck.meter_rules import METER
from agent.commissioning.selfcheck.model import DeviceSet
from agent.commissioning.selfcheck.nameplate import per_phase, plate_of
from agent.commissioning.selfcheck.reasons import PLAUSIBLE_RANGE
from agent.commissioning.selfcheck.register_reader import ReadingRound, checkable
from agent.commissioning.selfcheck.rule import RatedValues, Rule
from agent.config.model import Drive, Meter
from agent.config.transformer_ratio import ratio_factor
from drivers.profiles import Register
from drivers.registers import window

# Design choices; docs/how-to/selfcheck.md states the effect of half and double of each.
CHANGE_MAX = 0.05  # limit of the change between readings: random values of a wrong map must not widen every band
SAME_DEVICE = 0.4  # share of that change in the median of ten readings with requests before and after a refresh
CONFIRM_DX = 0.15  # a relation with a larger uncertainty of x from resolution and change does not confirm


class BoundRule(Struct, frozen=True):
    """A relation with the keys of its quantities, the nameplate to use, and the devices involved."""

    relation: Rule
    keys: tuple[Key, ...]
    plate: RatedValues
    devices: tuple[str, ...]


class RuleOutcome(Enum):
    """What a relation shows about its quantities.

    PASS: it confirms them.
    NEUTRAL: neither.
    FAIL: it contradicts them.
    NOT_APPLICABLE: it does not apply to these values.
    MISSING: a quantity has no value.
    """

    PASS = "pass"
    NEUTRAL = "neutral"
    FAIL = "fail"
    NOT_APPLICABLE = "not_applicable"
    MISSING = "missing"


class RuleState(Struct, frozen=True):
    """The outcome of a relation.

    fit: 1 in the middle of the tight band, 0 at its edge and outside.
    """

    outcome: RuleOutcome
    fit: float = 0.0


NOT_APPLICABLE, MISSING = RuleState(RuleOutcome.NOT_APPLICABLE), RuleState(RuleOutcome.MISSING)
FAIL, NEUTRAL = RuleState(RuleOutcome.FAIL), RuleState(RuleOutcome.NEUTRAL)
WINDOW = Rule(PLAUSIBLE_RANGE(), ("",), lambda v, p: 0.0, (0, 0), (0, 0), "the vocabulary", loaded=False)


class RuleEvaluation:
    """All series of the devices and the outcomes of its relations.

    rows: key → register.
    series: key → value of each round.
    resolution: key → step of the value.
    loads: device → load (torque) of its machine as a share of rated torque.
    changes: device → relative change of the plant between two readings.
    bound: the relations that the devices have the quantities for.
    rules_of: key → indices of its relations in `bound`.
    """

    def __init__(self, device_set: DeviceSet, rounds: Mapping[str, Sequence[ReadingRound]]) -> None:
        self.device_set = device_set
        self.subjects = {subject.name: subject for subject in device_set.subjects}
        # A silent round is kept, without words: round k of a meter is compared with round k of its drive.
        self.rounds = {
            name: [ReadingRound(item.at_s, silent=True) if item.silent else item for item in rows]
            for name, rows in rounds.items()
        }
        self.rows: dict[Key, Register] = {
            (subject.name, row.name): row for subject in device_set.subjects for row in checkable(subject.profile)
        }
        self.series: dict[Key, Series] = {key: self.read(key, row) for key, row in self.rows.items()}
        self.resolution = {key: self.resolution_of(key, row) for key, row in self.rows.items()}
        self.shares = {name: self._share(name) for name in self.subjects}
        self._plates = {name: plate_of(device_set, subject) for name, subject in self.subjects.items()}
        self._update()
        self.bound = tuple(self._bind())
        self.rules_of: dict[Key, list[int]] = {}
        for index, item in enumerate(self.bound):
            for key in item.keys:
                self.rules_of.setdefault(key, []).append(index)

    def _update(self) -> None:
        """Computes what depends on the series."""
        self.changes = {name: self._change(name) for name in self.subjects}
        self.loads = {name: self._load(name) for name in self.subjects}

    def corrected(self, item: Hypothesis) -> RuleEvaluation:
        """The same readings without a mistake."""
        other = copy.copy(self)
        other.rows = {**self.rows, **item.rows}
        other.series = {**self.series, **item.series}
        other.resolution = (
            self.resolution
            | {key: self.resolution.get(key, 0.0) * item.factor for key in item.series}
            | {key: self.resolution_of(key, row) for key, row in item.rows.items()}
        )
        other._update()
        return other

    def read(self, key: Key, row: Register, rounds: Sequence[ReadingRound] | None = None) -> Series:
        """The series of one register as `row` describes it; None where its words are missing or encode no value."""
        subject = self.subjects[key[0]]
        factor = ratio_factor(subject.device, row.unit)
        rounds = self.rounds[key[0]] if rounds is None else rounds
        return scaled([number_of(row, item.memory, subject.rating_kw) for item in rounds], factor)

    def resolution_of(self, key: Key, row: Register) -> float:
        if row.type in ("f32", "f64", "string"):
            return 0.0
        subject = self.subjects[key[0]]
        scale = row.scale_for(subject.rating_kw) or 0.0
        if row.parts:
            scale = min(abs(part.scale) for part in row.parts)
        responded = [item for item in self.rounds[key[0]] if not item.silent]
        if row.scale_from and responded:
            scale *= 10.0 ** decade_of(row, responded[-1].memory, subject.rating_kw)
        return abs(scale) * ratio_factor(subject.device, row.unit)

    def value(self, key: Key) -> float | None:
        return median(self.series.get(key, ()))

    def loaded(self, bound: BoundRule) -> bool:
        """Whether the load is sufficient for relations that need load."""
        return max(self.loads[name] for name in bound.devices) >= LOADED

    def states(self) -> list[RuleState]:
        return [self.state(bound) for bound in self.bound]

    def with_outcome(self, outcome: RuleOutcome) -> list[BoundRule]:
        return [bound for bound in self.bound if self.state(bound).outcome is outcome]

    def state(self, bound: BoundRule) -> RuleState:
        relation = bound.relation
        if relation.loaded and not self.loaded(bound):
            return NOT_APPLICABLE
        columns = [self.series[key] for key in bound.keys]
        if relation is WINDOW:
            return self._window(bound.keys[0], columns[0])
        steps = [self.resolution[key] for key in bound.keys]
        change = max(self.changes[name] for name in bound.devices)
        if len(bound.devices) == 1:
            change *= self.shares[bound.devices[0]]
        if relation.over_time:
            return self._counted(bound, columns, steps, change)
        points = [row for row in zip(*columns, strict=True) if None not in row]
        responded = self._responded(bound.devices)
        if not responded:
            return NOT_APPLICABLE
        if len(points) < max(1, responded // 2):
            return MISSING
        with_x = [(x, row) for row in points if not math.isnan(x := relation.x(row, bound.plate))]
        if not with_x:
            return NOT_APPLICABLE
        x, row = sorted(with_x, key=lambda pair: pair[0])[len(with_x) // 2]
        return _judge(relation, x, change + _resolution_of_x(relation, row, steps, x, bound.plate))

    def _window(self, key: Key, column: Series) -> RuleState:
        low, high = window(self.rows[key])
        outside = sum(value is not None and not low <= value <= high for value in column)
        return FAIL if 2 * outside > self._responded((key[0],)) else NEUTRAL

    def _responded(self, names: Iterable[str]) -> int:
        """Number of rounds in which all these devices responded."""
        return sum(
            not any(item.silent for item in rows) for rows in zip(*(self.rounds[name] for name in names), strict=True)
        )

    def _counted(self, bound: BoundRule, columns: Sequence[Series], steps: Sequence[float], change: float) -> RuleState:
        """Compare the increase of a counter with the integral of its power over the same time."""
        times = [item.at_s for item in self.rounds[bound.keys[0][0]]]
        points = [(t, e, p) for t, e, p in zip(times, *columns, strict=True) if e is not None and p is not None]
        if len(points) < 3:
            return NOT_APPLICABLE
        integral = sum((b[2] + a[2]) / 2 * (b[0] - a[0]) for a, b in pairwise(points)) / 3.6e6
        if integral <= 0:
            return NOT_APPLICABLE
        (first_s, first_count, _), (last_s, last_count, _) = points[0], points[-1]
        lag_s = max(2.0, 2 * self.subjects[bound.keys[0][0]].profile.refresh_s)
        step = steps[0] or abs(last_count) * 2.4e-7
        dx = 1.5 * step / integral + lag_s / (last_s - first_s) + change
        return _judge(bound.relation, (last_count - first_count) / integral, dx)

    def _share(self, name: str) -> float:
        """Share of the change between two readings that is possible between two requests of one reading."""
        rounds = self.rounds[name]
        if len(rounds) < 2:
            return 1.0
        period_s = (rounds[-1].at_s - rounds[0].at_s) / (len(rounds) - 1)
        return SAME_DEVICE * min(1.0, 2 * max(item.duration_s for item in rounds) / period_s)

    def _change(self, name: str) -> float:
        """Relative change of the plant between two readings: the median over the fast values of the device."""
        changes = []
        for stem in ("active_power", "current_l1", "current_l2", "current_l3", "motor_power", "motor_current"):
            column = [value for value in self.series.get((name, stem), []) if value is not None]
            mean = sum(map(abs, column)) / len(column) if column else 0.0
            if len(column) >= 3 and mean:
                step = median_high(abs(b - a) for a, b in pairwise(column))
                changes.append(max(0.0, step - self.resolution[name, stem]) / mean)
        return min(median_high(changes), CHANGE_MAX) if changes else 0.0

    def _load(self, name: str) -> float:
        partners = [b if a == name else a for a, b in self.pairs if name in (a, b)]
        step_a = self.resolution.get((name, "current_l1"), 0.0)
        return load_of((name, *partners), self._plates[name], self.value, step_a)

    @cached_property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """Meters that feed exactly one drive and no motor directly, each with its drive."""
        fed_by = [motor.fed_by for motor in self.device_set.motors]
        drives = [
            (item.device.fed_by, item.name) for item in self.device_set.subjects if isinstance(item.device, Drive)
        ]
        n_drives = Counter(feeder for feeder, _ in drives)
        return tuple(
            (feeder, drive)
            for feeder, drive in drives
            if feeder in self.subjects and n_drives[feeder] == 1 and feeder not in fed_by
        )

    def _bind(self) -> Iterator[BoundRule]:
        for name, subject in self.subjects.items():
            plate = self._plates[name]
            yield from self._with_values(METER if isinstance(subject.device, Meter) else DRIVE, plate, name)
            for key, row in self.rows.items():
                if key[0] == name and row.type != "string":
                    yield BoundRule(WINDOW, (key,), plate, (name,))
        for meter, drive in self.pairs:
            plate = replace(self._plates[drive], per_phase=per_phase(self.subjects[meter]))
            yield from self._with_values(CROSS, plate, meter, drive)

    def _with_values(
        self, relations: Iterable[Rule], plate: RatedValues, name: str, drive: str = ""
    ) -> Iterator[BoundRule]:
        """The relations whose quantities the device has, or the device and its drive."""
        for relation in relations:
            keys = tuple(
                (drive, need.removeprefix("drive:")) if need.startswith("drive:") else (name, need)
                for need in relation.needs
            )
            if all(key in self.rows for key in keys):
                yield BoundRule(relation, keys, plate, tuple({key[0] for key in keys}))


def _judge(relation: Rule, x: float, dx: float) -> RuleState:
    low, high = relation.wide
    if x < low - dx or x > high + dx:
        return FAIL
    low, high = relation.tight
    if low - dx <= x <= high + dx and dx <= CONFIRM_DX + (high - low) / 2:
        half = (high - low) / 2 + dx
        return RuleState(RuleOutcome.PASS, 1 - abs(x - (low + high) / 2) / half if half else 1.0)
    return NEUTRAL


def _resolution_of_x(
    relation: Rule, row: Sequence[float], steps: Sequence[float], x: float, plate: RatedValues
) -> float:
    """Change of x when each quantity changes by half its resolution."""
    total = 0.0
    for k, step in enumerate(steps):
        if step > 1e-4 * abs(row[k]):
            changed = [*row]
            changed[k] += step / 2
            changed_x = relation.x(changed, plate)
            if math.isfinite(changed_x) and math.isfinite(x):
                total += abs(changed_x - x)
    return total
