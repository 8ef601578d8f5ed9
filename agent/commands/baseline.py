"""`magwatt baseline`: the energy model of the motor before the retrofit."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from agent.commands.options import FINDING, config_option, fail
from agent.commands.savings_service import motor_argument, open_desk
from agent.core.text import as_object, text_of

if TYPE_CHECKING:
    from agent.savings.desk import Desk
    from agent.savings.types import Baseline, Saving
    from drivers.reasons import Reason

KINDS = ["constant", "state", "binned", "polynomial", "affinity", "production", "linear", "indicator", "slopes"]
MODELS_SHOWN = 8
_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON: one object.")


@click.group()
def baseline() -> None:
    """Fit, freeze and show the baseline model of a motor.

    The model predicts the energy that the motor before the retrofit would use under the conditions of today.
    """


@baseline.command("learn")
@motor_argument
@click.option("--from", "begin", metavar="DATE",
              help="Start of the baseline period. [default: that of the configuration, else all data]")  # fmt: skip
@click.option("--to", "end", metavar="DATE", help="End of the baseline period; this moment is not part of it.")
@click.option("--driver", "drivers", multiple=True, metavar="SIGNAL",
              help="Independent variable of the model; repeatable. [default: chosen by cross-validation]")  # fmt: skip
@click.option("--model", "kind", type=click.Choice(KINDS),
              help="Type of the model. [default: chosen by cross-validation]")  # fmt: skip
@click.option("--from-bypass-test", is_flag=True, help="Fit to times when the drive was bypassed (on/off test).")
@click.option("--nameplate", is_flag=True,
              help="Calculate from the nameplate of the replaced motor, without earlier measurements.")  # fmt: skip
@config_option
@_json_option
def learn(
    motor: str, begin: str | None, end: str | None, drivers: tuple[str, ...], kind: str | None,
    from_bypass_test: bool, nameplate: bool, config_file: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Fit models to the energy of a motor and keep the best as a draft.

    The best model has the lowest cross-validated error. Signals that the retrofit changes (speed, torque) cannot be
    independent variables: they would hide the savings by control.
    """
    with open_desk(motor, config_file) as desk:
        from agent.savings.desk import moment_ms

        try:
            span = tuple(None if text is None else moment_ms(text, desk.zone) for text in (begin, end))
        except ValueError as error:
            fail(f"--from, --to: {error}")
        suspect: list[Reason] = []
        if nameplate:
            draft = desk.from_plate()
        else:
            draft, suspect = desk.learn((span[0], span[1]), drivers, kind, from_bypass_test)
        _show(desk, draft, None, as_json, suspect)
        if not as_json:
            option = _config_option(config_file)
            click.echo(f"This is a draft. To put it in force: magwatt baseline freeze {motor} --by NAME{option}")


@baseline.command("freeze")
@motor_argument
@click.option("--by", required=True, metavar="NAME", help="Name of the person responsible.")
@click.option("--replace", is_flag=True, help="Replace the baseline that is already frozen.")
@config_option
@_json_option
def freeze(motor: str, by: str, replace: bool, config_file: Path | None, as_json: bool) -> None:
    """Put the draft in force and record it in the ledger.

    The frozen baseline has a date, a name and a hash, and cannot be changed.
    """
    if not by.strip():
        fail("--by: must be a name")
    with open_desk(motor, config_file) as desk:
        frozen = desk.freeze(" ".join(by.split()), replace)
        if as_json:
            from agent.savings.baseline import to_json

            click.echo(json.dumps(to_json(frozen), ensure_ascii=False))
        else:
            click.echo(f"{motor}: frozen by {frozen.by}, {frozen.hash}")


@baseline.command("show")
@motor_argument
@config_option
@_json_option
def show(motor: str, config_file: Path | None, as_json: bool) -> None:
    """Show the baseline in force, or the draft, and the savings to date.

    Exits 1 if the motor has no baseline.
    """
    with open_desk(motor, config_file) as desk:
        found = desk.frozen() or desk.draft()
        if found is None:
            option = _config_option(config_file)
            click.echo(f"{motor}: no baseline; run: magwatt baseline learn {motor}{option}", err=True)
            sys.exit(FINDING)
        _show(desk, found, desk.saving(found) if found.hash else None, as_json, [])


def _config_option(config_file: Path | None) -> str:
    """--config for the next command, as it was given to this one."""
    return f" --config {shlex.quote(str(config_file))}" if config_file else ""


def _show(desk: Desk, found: Baseline, saving: Saving | None, as_json: bool, suspect: list[Reason]) -> None:
    if as_json:
        from agent.savings.baseline import to_json
        from agent.savings.desk import saving_json

        body = {
            "baseline": to_json(found),
            "suspect": [as_object(item) for item in suspect],
            "saving": saving_json(saving) if saving else None,
        }
        click.echo(json.dumps(body, ensure_ascii=False))
        return
    from agent.savings.models import described

    model = described(found.kind, found.shape, found.drivers)
    if found.frozen_ms:
        click.echo(f"{found.asset}: {model} (frozen {desk.local(found.frozen_ms)} by {found.by}, {found.hash})")
    else:
        click.echo(f"{found.asset}: {model} (draft)")
    if found.fallback:
        click.echo(f"  {text_of(found.fallback)}")
    if found.n:
        _show_model(desk, found)
    for item in suspect:
        click.echo(f"  Suspect data: {text_of(item)}")
    if saving is not None:
        _show_saving(desk, saving)


def _show_model(desk: Desk, found: Baseline) -> None:
    from agent.savings.models import factors, formula, stretches
    from agent.words import figure

    begin, end, energy = desk.local(found.from_ms), desk.local(found.to_ms), figure(found.energy_wh / 1000, 1)
    click.echo(f"  {begin} to {end}: {found.n} intervals (equivalent to {found.n_effective:.0f} independent ones), "
               f"{energy} kWh")  # fmt: skip
    click.echo(f"  CV(RMSE) {figure(100 * found.cv_rmse, 2)} %, NMBE {figure(100 * found.nmbe, 2)} %, "
               f"R² {figure(found.r2, 4)}, autocorrelation {figure(found.autocorrelation, 2)}")  # fmt: skip
    for name in found.ranges:
        ranges = [f"{low:g} to {high:g}" for low, high in stretches(found, name)]
        if len(ranges) == 1:
            click.echo(f"  Range of {name}: {ranges[0]}")
        else:
            click.echo(f"  Ranges of {name}: {', '.join(ranges)}; few values between them")
    if vif := found.shape.get("vif"):
        factors_shown = ", ".join(f"{name} {value:.3g}" for name, value in vif.items())
        click.echo(f"  Variance inflation factors (VIF): {factors_shown}")
    marks = factors(found.kind, found.shape, found.drivers)
    click.echo(f"  Wh per {found.length_s // 60} min: {formula(found.coefficients, marks)}")
    tried = sorted(found.candidates.items(), key=lambda item: item[1])
    models = "; ".join(f"{name} {figure(100 * score, 2)} %" for name, score in tried[:MODELS_SHOWN])
    if len(tried) > MODELS_SHOWN:
        click.echo(f"  Cross-validated error (best {MODELS_SHOWN} of {len(tried)} models): {models}")
    else:
        click.echo(f"  Cross-validated error: {models}")


def _show_saving(desk: Desk, saving: Saving) -> None:
    from agent.words import figure

    if saving.intervals:
        click.echo(f"{desk.local(saving.from_ms)} to {desk.local(saving.to_ms)}:")
    saved, u95, adjusted = (figure(wh / 1000, 1) for wh in (saving.saved_wh, saving.u95_wh, saving.adjusted_wh))
    share = figure(100 * saving.share, 2)
    click.echo(f"Savings {saved} ± {u95} kWh ({share} % of the adjusted baseline of {adjusted} kWh): {saving.verdict}")
    for name, part in saving.parts.items():
        click.echo(f"  {name:8} {figure(part.wh / 1000, 1, signed=True)} ± {figure(part.u95_wh / 1000, 1)} kWh")
    if saving.advice:
        click.echo(f"  {text_of(saving.advice)}")
    for caveat in saving.caveats:
        click.echo(f"  {text_of(caveat)}")
