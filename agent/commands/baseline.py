"""What the old plant used, learnt and frozen; and what a person decides about what was no routine."""

from __future__ import annotations

import contextlib
import json
import shlex
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from agent.commands.shared import FINDING, config_option, fail, load, must_have, plant_file
from agent.core.text import as_object, text_of
from agent.words import figure

if TYPE_CHECKING:
    from agent.savings.desk import Desk
    from agent.savings.types import Baseline, Event, Saving
    from drivers.reasons import Reason

KINDS = ["constant", "state", "binned", "polynomial", "affinity", "production", "linear", "indicator", "slopes"]
TOLD = 8  # models that were tried, in `show`
_motor = click.argument("motor")
_json = click.option("--json", "as_json", is_flag=True, help="As JSON.")


@click.group()
def baseline() -> None:
    """What the old plant would use: learn it, freeze it, show it with what was saved since."""


@baseline.command("learn")
@_motor
@click.option("--from", "begin", metavar="DATE", help="Default: the motor's phase `baseline`, or all there is.")
@click.option("--to", "end", metavar="DATE", help="The first moment that does not belong to it.")
@click.option(
    "--driver",
    "drivers",
    multiple=True,
    metavar="SIGNAL",
    help="A model of this signal, given again of several; default: those that help.",
)
@click.option("--model", "kind", type=click.Choice(KINDS), help="Default: the one that foretells best.")
@click.option("--bypass", is_flag=True, help="From times when the drive was bypassed: a test on and off.")
@click.option("--nameplate", is_flag=True, help="From `replaced_motor`, where nothing was measured before.")
@config_option
@_json
def learn(
    motor: str, begin: str | None, end: str | None, drivers: tuple[str, ...], kind: str | None, bypass: bool,
    nameplate: bool, config_file: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Fit models to what MOTOR used, and keep the one that foretells best as a draft.

    Signals that the retrofit changes (speed, torque) are no drivers: they would hide what control saves.
    """
    with _desk(motor, config_file) as desk:
        from agent.savings.desk import moment_ms

        try:
            span = tuple(None if text is None else moment_ms(text, desk.zone) for text in (begin, end))
        except ValueError as error:
            fail(f"--from, --to: {error}")
        odd: list[Reason] = []
        if nameplate:
            draft = desk.from_plate()
        else:
            draft, odd = desk.learn((span[0], span[1]), drivers, kind, bypass)
        _show(desk, draft, None, as_json, odd)
        if not as_json:
            click.echo(f"a draft; in force after: magwatt baseline freeze {motor} --by NAME{_named(config_file)}")


@baseline.command("freeze")
@_motor
@click.option("--by", required=True, help="Who answers for it.")
@click.option("--again", is_flag=True, help="In the place of one that is frozen already.")
@config_option
@_json
def freeze(motor: str, by: str, again: bool, config_file: Path | None, as_json: bool) -> None:
    """Put the draft in force: dated, named, hashed, in the ledger. It never changes again."""
    if not by.strip():
        fail("--by: a name is needed")
    with _desk(motor, config_file) as desk:
        frozen = desk.freeze(" ".join(by.split()), again)
        if as_json:
            from agent.savings.baseline import to_json

            click.echo(json.dumps(to_json(frozen), ensure_ascii=False))
        else:
            click.echo(f"{motor}: frozen by {frozen.by}, {frozen.hash}")


@baseline.command("show")
@_motor
@config_option
@_json
def show(motor: str, config_file: Path | None, as_json: bool) -> None:
    """The baseline in force (or the draft), and what was saved since. Exit 1 when there is none."""
    with _desk(motor, config_file) as desk:
        found = desk.frozen() or desk.draft()
        if found is None:
            click.echo(f"{motor}: no baseline; first: magwatt baseline learn {motor}{_named(config_file)}", err=True)
            sys.exit(FINDING)
        _show(desk, found, desk.saving(found) if found.hash else None, as_json, [])


@click.group()
def event() -> None:
    """What was no routine, and what a person decides about it."""


@event.command("list")
@_motor
@click.option("--open", "only_open", is_flag=True, help="Only what waits for a decision.")
@config_option
@_json
def list_events(motor: str, only_open: bool, config_file: Path | None, as_json: bool) -> None:
    """Bypass, hold, gaps, exchanges of the meter, wiring, shifts, what the baseline does not know.

    Exit 1 while something waits for a decision.
    """
    with _desk(motor, config_file) as desk:
        found = [item for item in desk.events() if not only_open or item.decision is None]
        for item in found:
            if as_json:
                from agent.savings.keep import event_json

                click.echo(json.dumps(event_json(item), ensure_ascii=False))
            else:
                click.echo(_spoken(desk, item))
        if not found and not as_json:
            click.echo("none")
        sys.exit(FINDING if any(item.decision is None for item in found) else 0)


@event.command("decide")
@_motor
@click.argument("number", type=int)
@click.option("--exclude", "decision", flag_value="exclude", help="Nothing is claimed for this time.")
@click.option("--keep", "decision", flag_value="keep", help="It counts like any other time.")
@click.option("--adjust", "adjust_kwh", type=float, metavar="KWH",
              help="It counts, with so much added to what the old plant would have used.")  # fmt: skip
@click.option("--by", required=True, help="Who decides.")
@click.option("--reason", required=True, help="Why, for whoever reads the report.")
@config_option
@_json
def decide(
    motor: str, number: int, decision: str | None, adjust_kwh: float | None, by: str, reason: str,
    config_file: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Decide about event NUMBER of MOTOR. The ledger keeps the decision; a later one stands beside it."""
    if (decision is None) == (adjust_kwh is None):
        fail("one of --exclude, --keep and --adjust is needed")
    with _desk(motor, config_file) as desk:
        found = desk.decide(number, decision or "adjust", " ".join(by.split()), " ".join(reason.split()),
                            1000 * (adjust_kwh or 0.0))  # fmt: skip
        if as_json:
            from agent.savings.keep import event_json

            click.echo(json.dumps(event_json(found), ensure_ascii=False))
        else:
            click.echo(_spoken(desk, found))


def _named(config_file: Path | None) -> str:
    """The option that the next command needs as this one did."""
    return f" --config {shlex.quote(str(config_file))}" if config_file else ""


@contextlib.contextmanager
def _desk(motor: str, config_file: Path | None) -> Iterator[Desk]:
    config, _ = load(plant_file(config_file))
    must_have(config, motor)
    from agent.clock import SystemClock
    from agent.savings.desk import Desk, DeskError
    from agent.savings.present import present_ms
    from agent.store import Store, StoreError, default_directory

    try:
        store = Store(config.state_dir or default_directory(), SystemClock(), config.store)
    except StoreError as error:
        fail(str(error))
    try:
        yield Desk(config, store, motor, present_ms(config, store.rows, time.time_ns() // 1_000_000))
    except (DeskError, StoreError) as error:
        fail(str(error))
    finally:
        store.close()


def _show(desk: Desk, found: Baseline, saving: Saving | None, as_json: bool, odd: list[Reason]) -> None:
    if as_json:
        from agent.savings.baseline import to_json
        from agent.savings.desk import saving_json

        body = {
            "baseline": to_json(found),
            "odd": [as_object(item) for item in odd],
            "saving": saving_json(saving) if saving else None,
        }
        click.echo(json.dumps(body, ensure_ascii=False))
        return
    from agent.savings.models import described, factors, formula, stretches

    state = f"frozen {desk.local(found.frozen_ms)} by {found.by}, {found.hash}" if found.frozen_ms else "draft"
    click.echo(f"{found.asset}: {text_of(described(found.kind, found.shape, found.drivers))} ({state})")
    if found.fallback:
        click.echo(f"  {text_of(found.fallback)}")
    if found.n:
        click.echo(f"  {desk.local(found.from_ms)} to {desk.local(found.to_ms)}: {found.n} intervals, worth "
                   f"{found.n_effective:.0f} independent ones; {figure(found.energy_wh / 1000, 1)} kWh")  # fmt: skip
        click.echo(f"  CV(RMSE) {figure(100 * found.cv_rmse, 2)} %, NMBE {figure(100 * found.nmbe, 2)} %, "
                   f"R² {figure(found.r2, 4)}, autocorrelation {figure(found.autocorrelation, 2)}")  # fmt: skip
        for name in found.ranges:
            seen = " and ".join(f"from {low:g} to {high:g}" for low, high in stretches(found, name))
            click.echo(f"  {name} {seen}" + (", hardly ever between" if " and " in seen else ""))
        if vif := found.shape.get("vif"):
            click.echo("  how far drivers move together, VIF: "
                       + ", ".join(f"{name} {value:.3g}" for name, value in vif.items()))  # fmt: skip
        marks = factors(found.kind, found.shape, found.drivers)
        click.echo(f"  Wh in {found.length_s // 60} min: {formula(found.coefficients, marks)}")
        tried = sorted(found.candidates, key=lambda item: item.cv_rmse)
        more = f"; and {len(tried) - TOLD} more" if len(tried) > TOLD else ""
        told = "; ".join(f"{text_of(model)} {figure(100 * score, 2)} %" for model, score in tried[:TOLD])
        click.echo(f"  tried, with what each foretells wrong: {told}{more}")
    for item in odd:
        click.echo(f"  check: {text_of(item)}")
    if saving is not None:
        _show_saving(desk, saving)


def _show_saving(desk: Desk, saving: Saving) -> None:
    if saving.intervals:
        click.echo(f"{desk.local(saving.from_ms)} to {desk.local(saving.to_ms)}:")
    saved, u95, of = (figure(wh / 1000, 1) for wh in (saving.saved_wh, saving.u95_wh, saving.adjusted_wh))
    click.echo(f"saved {saved} ± {u95} kWh of {of} ({figure(100 * saving.share, 2)} %): {saving.verdict}")
    for name, part in saving.parts.items():
        click.echo(f"  {name:8} {figure(part.wh / 1000, 1, signed=True)} ± {figure(part.u95_wh / 1000, 1)} kWh")
    if saving.advice:
        click.echo(f"  {text_of(saving.advice)}")
    for caveat in saving.caveats:
        click.echo(f"  {text_of(caveat)}")


def _spoken(desk: Desk, item: Event) -> str:
    end = desk.local(item.to_ms) if item.to_ms is not None else "…"
    word = f"{item.decision} ({item.by}: {item.reason})" if item.decision else f"open, proposed: {item.proposal}"
    adjust = f" {figure(item.adjust_wh / 1000, 1, signed=True)} kWh" if item.adjust_wh else ""
    return (f"{item.number}: {item.kind}, {desk.local(item.from_ms)} to {end}, "
            f"{figure(item.energy_wh / 1000, 1)} kWh: {text_of(item.cause)}; {word}{adjust}")  # fmt: skip
