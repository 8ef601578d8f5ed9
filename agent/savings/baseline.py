"""The old plant's model: chosen by cross-validation from what was measured, then frozen under a hash."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, fields, replace
from typing import TYPE_CHECKING, Any

from agent.savings.meters import UNKNOWN, alike
from agent.savings.types import Baseline, Interval

if TYPE_CHECKING:
    from agent.savings.fit import Array, Fit

LEAST = 48  # intervals: half a day
UNFIT = ("bypass", "hold", "wiring", "ratio", "clock")  # flags of an interval that no baseline is learnt from
COVERED = 0.75  # of an interval's time, that its means stand for all of it
STEADY = 0.05  # CV below which a constant says enough by itself
NEAR = 1.10  # times the best CV(RMSE): a rival
PLATE_U = 0.08  # standard uncertainty of energy worked out from shaft and plate, relative: half of method M1's
SHIFT_S = 8 * 3600.0
HASHED_WITHOUT = ("hash",)


class LearnError(Exception):
    """No baseline can be learnt from this; the message says why and what would help."""


def usable(intervals: Iterable[Interval], bypass: bool = False) -> list[Interval]:
    """What a baseline may stand on, in order. bypass: only what ran past the drive, for a test on and off."""
    unfit = set(UNFIT) - {"bypass"} if bypass else set(UNFIT)
    found = [
        item
        for item in intervals
        if item.energy_wh is not None and item.coverage >= COVERED and not unfit & set(item.flags)
        and (not bypass or "bypass" in item.flags)
    ]  # fmt: skip
    return sorted(found, key=lambda item: item.start_ms)


def learn(
    asset: str, intervals: Iterable[Interval], *, drivers: Sequence[str] | None = None, kind: str | None = None,
    classes: tuple[str, str] = ("", ""), bypass: bool = False,
) -> Baseline:  # fmt: skip
    """The model that foretells best what it was not fitted to, of all drivers and kinds, or of those asked for.

    drivers: names that the retrofit does not change (never speed or torque of a drive); None: all there are. classes:
    of the meter and its transformers. Raises LearnError.
    """
    import numpy as np

    found = usable(intervals, bypass)
    lengths = {item.length_s for item in found}
    least = 12 if bypass else LEAST
    if len(found) < least or len(lengths) != 1:
        raise LearnError(_too_few(asset, list(intervals), found, lengths, least, bypass))
    names = _drivers(found, drivers, asset)
    found = [item for item in found if all(name in item.drivers for name in names)]
    y = np.array([_energy(item) for item in found])
    if not y.mean() > 0:
        raise LearnError(f"{asset}: the motor used no energy in this time")
    columns = {name: np.array([item.drivers[name].mean for item in found]) for name in names}
    tried = _try_all(found, columns, y)
    fitting = [item for item in tried if kind in (None, item.kind)]
    if not fitting:
        raise LearnError(f"{asset}: no model {kind or ''} fits what was measured".replace("  ", " "))
    best = fitting[0]
    meters = _meters(found)
    reactive = [item for item in found if item.reactive_varh is not None]
    tan_phi = _ratio(reactive)
    return Baseline(
        asset=asset, kind=best.kind, drivers=best.drivers, coefficients=tuple(map(float, best.fit.coefficients)),
        covariance=tuple(tuple(map(float, row)) for row in best.fit.covariance), shape=best.shape,
        ranges={name: (float(columns[name].min()), float(columns[name].max())) for name in names}, n=len(found),
        n_effective=best.fit.n_effective, residual_wh=best.fit.residual, autocorrelation=best.fit.autocorrelation,
        cv_rmse=best.fit.cv_rmse, nmbe=best.fit.nmbe, r2=best.fit.r2, energy_wh=float(y.sum()), tan_phi=tan_phi,
        from_ms=found[0].start_ms, to_ms=found[-1].end_ms, length_s=found[0].length_s, meter=" | ".join(meters),
        accuracy_class=classes[0], ct_class=classes[1],
        fallback="a test with the drive bypassed, not a measured baseline" if bypass else "",
        candidates={item.name: item.score for item in tried},
        rivals=tuple(item.rival() for item in tried if item is not best and item.score <= NEAR * best.score)[:4],
    )  # fmt: skip


def from_plate(
    asset: str, old_motor: Mapping[str, float], now_ms: int, classes: tuple[str, str] = ("", "")
) -> Baseline:
    """Where nothing was measured before: the old motor's losses at today's shaft power, from plate or class.

    What speed control saves cannot be seen from it, and its U is the plate's.
    """
    return Baseline(
        asset, "shaft-power", (), (1.0,), ((PLATE_U**2,),), {"old_motor": dict(old_motor)}, {}, 0, math.inf, 0.0, 0.0,
        0.0, 0.0, 0.0, 0.0, None, now_ms, now_ms, accuracy_class=classes[0], ct_class=classes[1],
        fallback="the old motor's nameplate at today's shaft power: nothing was measured before the retrofit; "
        "what speed control saves is not in it",
    )  # fmt: skip


def freeze(baseline: Baseline, now_ms: int, by: str) -> Baseline:
    """Dated, signed with a name, and hashed: from here on the same for ever."""
    dated = replace(baseline, frozen_ms=now_ms, by=by, hash="")
    return replace(dated, hash=digest(dated))


def digest(baseline: Baseline) -> str:
    """SHA-256 of everything but the hash, as canonical JSON."""
    body = {name: value for name, value in to_json(baseline).items() if name not in HASHED_WITHOUT}
    return hashlib.sha256(json.dumps(body, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def intact(baseline: Baseline) -> bool:
    return bool(baseline.hash) and digest(baseline) == baseline.hash


def to_json(baseline: Baseline) -> dict[str, Any]:
    body = asdict(baseline)
    if math.isinf(baseline.n_effective):
        body["n_effective"] = None
    found: dict[str, Any] = json.loads(json.dumps(body))
    return found


def from_json(body: Mapping[str, Any]) -> Baseline:
    """Raises KeyError, TypeError or ValueError for what is no baseline."""
    known = {field.name for field in fields(Baseline)}
    values = {name: value for name, value in body.items() if name in known}
    values["drivers"] = tuple(values["drivers"])
    values["coefficients"] = tuple(values["coefficients"])
    values["covariance"] = tuple(tuple(row) for row in values["covariance"])
    values["ranges"] = {name: (float(low), float(high)) for name, (low, high) in values["ranges"].items()}
    values["rivals"] = tuple(values.get("rivals", ()))
    if values["n_effective"] is None:
        values["n_effective"] = math.inf
    return Baseline(**values)


class _Tried:
    def __init__(self, kind: str, drivers: tuple[str, ...], shape: dict[str, Any], fit: Fit, score: float) -> None:
        self.kind, self.drivers, self.shape, self.fit, self.score = kind, drivers, shape, fit, score

    @property
    def name(self) -> str:
        degree = f" {self.shape['degree']}" if self.kind == "polynomial" else ""
        return f"{self.kind}{degree}" + (f" of {self.drivers[0]}" if self.drivers else "")

    def rival(self) -> dict[str, Any]:
        return {
            "kind": self.kind, "drivers": list(self.drivers), "shape": self.shape,
            "coefficients": [float(value) for value in self.fit.coefficients],
            "covariance": [[float(value) for value in row] for row in self.fit.covariance],
        }  # fmt: skip


def _try_all(found: list[Interval], columns: Mapping[str, Array], y: Array) -> list[_Tried]:
    """Best first. Where a driver counts tonnes all are judged by whole shifts: energy comes at other times."""
    import numpy as np

    from agent.savings import fit

    times_s = [item.start_ms / 1000 for item in found]
    by_shift = any(_is_tonnes(name) for name in columns)
    groups = np.array([int(t // SHIFT_S) for t in times_s]) if by_shift else None
    tried: list[_Tried] = []

    def attempt(model: str, name: str | None, shape: dict[str, Any]) -> None:
        x = None if name is None else columns[name]
        terms = fit.design(model, shape, x, len(y))
        try:
            if model == "production":
                assert x is not None
                sums_y, sums_x, counts = fit.grouped(y, x, times_s, SHIFT_S)
                fitted = fit.least_squares(np.stack([counts, sums_x], axis=1), sums_y)
                fitted = fitted._replace(residual=fitted.residual / float(np.sqrt(counts[0])))
            else:
                fitted = fit.least_squares(terms, y)
        except ValueError:
            return
        score = fit.cross_validated(terms, y, groups)
        if math.isfinite(score):
            tried.append(_Tried(model, () if name is None else (name,), shape, fitted, score))

    attempt("constant", None, {})
    for name, x in columns.items():
        states = np.unique(x)
        if len(states) <= 6:
            if len(states) > 1:
                attempt("state", name, {"states": [float(value) for value in states]})
            continue
        for degree in (1, 2, 3):
            attempt("polynomial", name, {"degree": degree})
        attempt("affinity", name, {})
        if len(centres := fit.centres_of(x, y)) > 2:
            attempt("binned", name, {"centres": centres})
        if _is_tonnes(name):
            attempt("production", name, {"shift_s": SHIFT_S})
    return sorted(tried, key=lambda item: item.score)


def _drivers(found: list[Interval], wanted: Sequence[str] | None, asset: str) -> list[str]:
    """Those that nine of ten intervals have. Raises LearnError for one that was asked for and is missing."""
    counts: dict[str, int] = {}
    for item in found:
        for name in item.drivers:
            counts[name] = counts.get(name, 0) + 1
    present = [name for name, count in counts.items() if count >= 0.9 * len(found)]
    for name in wanted or ():
        if name not in present:
            has = f"{counts.get(name, 0)} of {len(found)} intervals have it"
            raise LearnError(f"{asset}: driver {name}: {has}; there are: {', '.join(sorted(present)) or 'none'}")
    return list(wanted) if wanted is not None else sorted(present)


def _is_tonnes(name: str) -> bool:
    return name.endswith(("_t", "_t_h"))


def _energy(item: Interval) -> float:
    assert item.energy_wh is not None
    return item.energy_wh + item.auxiliary_wh


def _meters(found: list[Interval]) -> list[str]:
    """Those that told it; one whose number was not read at first is the one that told it later."""
    told = sorted({item.meter for item in found if item.meter}, key=lambda name: (UNKNOWN in name.split(), name))
    kept: list[str] = []
    for name in told:
        if not any(alike(name, other) for other in kept):
            kept.append(name)
    return kept


def _ratio(reactive: list[Interval]) -> float | None:
    energy = sum(item.energy_wh or 0.0 for item in reactive)
    return sum(item.reactive_varh or 0.0 for item in reactive) / energy if energy > 0 else None


def _too_few(
    asset: str, told: list[Interval], found: list[Interval], lengths: set[int], least: int, bypass: bool
) -> str:
    if len(lengths) > 1:
        return f"{asset}: intervals of {' and '.join(f'{n} s' for n in sorted(lengths))} cannot be mixed; choose a time"
    what = "intervals on bypass" if bypass else "intervals"
    return f"{asset}: {len(found)} usable {what} of {len(told)} in this time; a baseline needs {least}"
