"""What happens in the plant of each case; each but the ordinary one changes one thing."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Case:
    """A situation in a plant. Ranges are uniform draws, tuples of alternatives are chosen by the seed.

    lines: pump | fan | mill (grinding mill, runs empty between batches) | strip (line that stops between coils).
    classes: of the meter and its current transformers.
    before_d, after_d, pause_d: lengths of the periods and of the pause between them, days.
    row_s: length of a row, s.
    decay_h: decay time of the influence that is not measured, h (log-uniform).
    influence, white: standard deviation of the influence and of its white part per 15 min, shares of the energy.
    load_after: production after the retrofit, relative to before.
    weekends_off: no production from Saturday to Monday.
    holidays: additionally three to five days without production in one of the two periods.
    stops: stops of a day in the baseline; each history has one in the reporting period with probability 0.5, too.
    recorded: the driver is recorded.
    missing_d: days of the baseline in which the driver is missing.
    lag_s: the energy follows the recorded driver by this time; negative: it leads.
    frozen_d: days in which the transmitter repeats its value, in one of the two periods.
    drifts: ramp (0 to 1.5 % over both periods) | step (0 to 1.5 % after) | band (−1.5 to 1.5 % after).
    air: indoor (20 °C) | recorded | hidden (outdoor temperature).
    season: the baseline is in January, the reporting period in July.
    factors: measured energy after the retrofit over the true one (a forgotten transformer ratio).
    by_load: the retrofit saves more at low load.
    other_meter: another meter after the retrofit.
    mix: products with different energy per tonne: "" | number (recorded as product number) | share (of one of two).
    held: the driver is a setpoint that the plant holds exactly, and a second one a state that lasts days.
    saturated: the transmitter ends within the range of the plant.
    saved: smallest and largest saving; None: that of the caller.
    """

    lines: tuple[str, ...] = ("pump", "fan", "mill", "strip")
    classes: tuple[str, ...] = ("0.5", "0.5S")
    before_d: int = 16
    after_d: int = 30
    pause_d: tuple[int, int] = (3, 14)
    row_s: int = 900
    decay_h: tuple[float, float] = (1.0, 10.0)
    influence: float = 0.010
    white: float = 0.006
    load_after: tuple[float, float] = (0.95, 1.05)
    weekends_off: bool = False
    holidays: bool = False
    stops: int = 0
    recorded: bool = True
    missing_d: float = 0.0
    lag_s: int = 0
    frozen_d: int = 0
    drifts: tuple[str, ...] = ()
    air: str = "indoor"
    season: bool = False
    factors: tuple[float, ...] = (1.0,)
    by_load: bool = False
    other_meter: bool = False
    mix: str = ""
    held: bool = False
    saturated: bool = False
    saved: tuple[float, float] | None = None


ORDINARY = Case()
FINE = Case(classes=("0.2S",))
ONE_STOP = Case(stops=1)
DRIFT = Case(drifts=("ramp", "step", "band"))
OTHER_PAIRS = (300 / 400, 200 / 400, 250 / 400, 600 / 400, 500 / 400, 200 / 250, 150 / 200, 400 / 300, 2.0)

CASES = {
    "ordinary line": ORDINARY,
    "weekends off": Case(weekends_off=True),
    "memory of days": Case(decay_h=(20.0, 72.0)),
    "two stops": Case(stops=2),
    "driver missing": Case(missing_d=2.0),
    "no driver": Case(recorded=False, load_after=(0.82, 1.0)),
    "one stop": ONE_STOP,
    "lag of an hour": Case(lag_s=3600),
    "energy leads by 45 min": Case(lag_s=-2700),
    "frozen transmitter": Case(frozen_d=3),
    "drift": DRIFT,
    "drift, ramp": Case(drifts=("ramp",)),
    "drift, step": Case(drifts=("step",)),
    "drift, band": Case(drifts=("band",)),
    "season": Case(lines=("fan",), air="hidden", season=True),
    "ct ratio": Case(factors=(0.5,)),
    "ct ratio, other pairs": Case(factors=OTHER_PAIRS),
    "holidays": Case(weekends_off=True, holidays=True),
    "growing load": Case(load_after=(1.06, 1.15)),
    "load-dependent saving": Case(by_load=True),
    "other meter": Case(other_meter=True),
    "mix recorded": Case(lines=("mill",), mix="number"),
    "mix recorded as share": Case(lines=("mill",), mix="share"),
    "temperature recorded": Case(lines=("fan",), air="recorded"),
    "hourly rows": Case(row_s=3600),
    "retrofit saves 0-20 %": Case(saved=(0.0, 0.2)),
    "ordinary line, 0.2S": FINE,
    "one stop, 0.2S": replace(ONE_STOP, classes=("0.2S",)),
    "drift, 0.2S": replace(DRIFT, classes=("0.2S",)),
    "setpoints held exactly": Case(held=True),
    "saturated meter": Case(saturated=True),
}
