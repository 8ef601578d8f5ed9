"""`magwatt baseline`: the energy model of the motor before the retrofit."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from agent.cli.options import FINDING, config_option, fail
from agent.cli.savings_service import motor_argument, open_savings
from agent.core.text import N_, _, as_object, current, text_of

if TYPE_CHECKING:
    from agent.savings.records.model import Baseline, Saving
    from drivers.reasons import Reason

KINDS = ["constant", "polynomial", "affinity", "linear"]
MODELS_SHOWN = 8
_json_option = click.option("--json", "as_json", is_flag=True, help=N_("Print JSON: one object."))


@click.group(
    help=N_(
        "Fit, freeze and show the baseline model of a motor.\n\n"
        "The model predicts the energy that the original motor would use under present operating conditions."
    )
)
def baseline() -> None:
    pass


@baseline.command(
    "learn",
    help=N_(
        "Fit models to the energy of a motor and keep the best as a draft.\n\n"
        "The best model has the lowest cross-validated error. Signals that the retrofit changes (speed, torque) cannot "
        "be independent variables: they would hide the savings by control."
    ),
)
@motor_argument
@click.option("--from", "begin", metavar="DATE",
              help=N_("Start of the baseline period. [default: that of the configuration, else all data]"))  # fmt: skip
@click.option("--to", "end", metavar="DATE", help=N_("End of the baseline period (exclusive)."))
@click.option("--driver", "drivers", multiple=True, metavar="SIGNAL",
              help=N_("Independent variable of the model; repeatable. "
                      "[default: chosen by cross-validation]"))  # fmt: skip
@click.option("--model", "kind", type=click.Choice(KINDS),
              help=N_("Type of the model. [default: chosen by cross-validation]"))  # fmt: skip
@click.option("--from-bypass-test", is_flag=True, help=N_("Fit to times when the drive was bypassed (on/off test)."))
@click.option("--nameplate", is_flag=True,
              help=N_("Calculate from the nameplate of the replaced motor, without earlier measurements."))  # fmt: skip
@config_option
@_json_option
def learn(
    motor: str, begin: str | None, end: str | None, drivers: tuple[str, ...], kind: str | None,
    from_bypass_test: bool, nameplate: bool, config_file: Path | None, as_json: bool,
) -> None:  # fmt: skip
    with open_savings(motor, config_file) as savings:
        from agent.savings.service import moment_ms

        try:
            from_ms, to_ms = (None if text is None else moment_ms(text, savings.zone) for text in (begin, end))
        except ValueError as error:
            fail(_("--from, --to: {error}", error=text_of(error)))
        draft, suspect = (
            (savings.from_nameplate(), []) if nameplate
            else savings.learn((from_ms, to_ms), drivers, kind, from_bypass_test)
        )  # fmt: skip
        _show(draft, None, as_json, suspect)
        if not as_json:
            command = f"magwatt baseline freeze {motor} --by NAME{_config_option(config_file)}"
            click.echo(_("This is a draft. To put it in force: {command}", command=command))


@baseline.command(
    "freeze",
    help=N_(
        "Put the draft in force and record it in the ledger.\n\n"
        "The frozen baseline has a date, a name and a hash, and cannot be changed."
    ),
)
@motor_argument
@click.option("--by", required=True, metavar="NAME", help=N_("Name of the engineer responsible."))
@click.option("--replace", is_flag=True, help=N_("Replace the baseline that is already frozen."))
@click.option("--static-factor", "stated", multiple=True, metavar="KEY=TEXT",
              help=N_("A condition that you state as unchanged, in addition to those of the configuration: "
                      "load=constant, product_mix=…, ambient=… or maintenance=…; repeatable."))  # fmt: skip
@config_option
@_json_option
def freeze(
    motor: str, by: str, replace: bool, stated: tuple[str, ...], config_file: Path | None, as_json: bool
) -> None:  # fmt: skip
    if not by.strip():
        fail(_("--by: must be a name"))
    with open_savings(motor, config_file) as savings:
        from agent.savings.records.static_factors import parsed

        try:
            factors = [parsed(text) for text in stated]
        except ValueError as error:
            fail(_("--static-factor: {error}", error=text_of(error)))
        frozen = savings.freeze(" ".join(by.split()), replace, factors)
        if as_json:
            from agent.savings.records.baseline_json import to_json

            click.echo(json.dumps(to_json(frozen), ensure_ascii=False))
        else:
            click.echo(_("{motor}: frozen by {by}, {hash}", motor=motor, by=frozen.by, hash=frozen.hash))
            _show_factors(frozen)


@baseline.command(
    "show",
    help=N_(
        "Show the baseline in force, or the draft, and the savings to date.\n\nExits 1 if the motor has no baseline."
    ),
)
@motor_argument
@config_option
@_json_option
def show(motor: str, config_file: Path | None, as_json: bool) -> None:
    with open_savings(motor, config_file) as savings:
        found = savings.frozen() or savings.draft()
        if found is None:
            command = f"magwatt baseline learn {motor}{_config_option(config_file)}"
            click.echo(_("{motor}: no baseline; run: {command}", motor=motor, command=command), err=True)
            sys.exit(FINDING)
        without_effect = savings.factors_not_frozen(found) if found.hash else []
        _show(found, savings.saving(found) if found.hash else None, as_json, [], without_effect)


def _config_option(config_file: Path | None) -> str:
    """--config for the next command, as it was given to this one."""
    return f" --config {shlex.quote(str(config_file))}" if config_file else ""


def _show(
    found: Baseline, saving: Saving | None, as_json: bool, suspect: list[Reason], without_effect: Sequence[Reason] = ()
) -> None:  # fmt: skip
    """without_effect: static factors of the configuration that are not in the frozen baseline."""
    if as_json:
        from agent.savings.accounting.account import saving_json
        from agent.savings.records.baseline_json import to_json

        body = {
            "baseline": to_json(found),
            "suspect": [as_object(item) for item in suspect],
            "static_factors_not_frozen": [as_object(item) for item in without_effect],
            "saving": saving_json(saving) if saving else None,
        }
        click.echo(json.dumps(body, ensure_ascii=False))
        return
    _show_baseline(found)
    for item in suspect:
        click.echo("  " + _("Suspect data: {cause}", cause=item))
    for item in without_effect:
        click.echo(f"  {text_of(item)}")
    if saving is not None:
        _show_saving(saving, found.asset)


def _show_baseline(found: Baseline) -> None:
    from agent.savings.baseline.models import described

    model = described(found.kind, found.shape, found.drivers)
    click.echo(
        _("{motor}: {model} (frozen {frozen_ms:local} by {by}, {hash})", motor=found.asset, model=model,
          frozen_ms=found.frozen_ms, by=found.by, hash=found.hash)
        if found.frozen_ms
        else _("{motor}: {model} (draft)", motor=found.asset, model=model)
    )  # fmt: skip
    if found.fallback:
        click.echo(f"  {text_of(found.fallback)}")
    if found.n:
        _show_fit(found)
    _show_factors(found)


def _show_factors(found: Baseline) -> None:
    from agent.savings.records.static_factors import described

    for factor in found.static_factors:
        click.echo("  " + _("Static factor {factor}", factor=described(factor)))


def _show_fit(found: Baseline) -> None:
    from agent.savings.baseline.models import covered_ranges, factors, formula
    from agent.savings.records.effective_samples import effective_samples_formula

    click.echo("  " + _(
        "{from_ms:local} to {to_ms:local}: {n:d} intervals (equivalent to {n_effective:.0f} independent ones), "
        "{energy_wh:kwh} kWh",
        from_ms=found.from_ms, to_ms=found.to_ms, n=found.n, n_effective=found.n_effective, energy_wh=found.energy_wh,
    ))  # fmt: skip
    click.echo("  " + _(
        "CV(RMSE) {cv_rmse_pct:z.2f} %, NMBE {nmbe_pct:z.2f} %, R² {r2:z.4f}, autocorrelation {autocorrelation:z.2f}",
        cv_rmse_pct=100 * found.cv_rmse, nmbe_pct=100 * found.nmbe, r2=found.r2, autocorrelation=found.autocorrelation,
    ))  # fmt: skip
    if (samples := effective_samples_formula(found)) is not None:
        click.echo(f"  {text_of(samples)}")
    for name in found.ranges:
        ranges = covered_ranges(found, name)
        for low, high in ranges:
            click.echo("  " + _("Range of {driver}: {low:g} to {high:g}", driver=name, low=low, high=high))
        if len(ranges) > 1:
            click.echo("  " + _("Few values of {driver} are between these ranges", driver=name))
    if (off := found.shape.get("off")) and off["n"]:
        click.echo("  " + _("Motor off: {n:d} intervals with at most {limit_wh:kwh} kWh", n=off["n"],
                            limit_wh=off["limit_wh"]))  # fmt: skip
    for reason in found.dropped:
        click.echo(f"  {text_of(reason)}")
    if vif := found.shape.get("vif"):
        values = tuple(f"{name} {value:.3g}" for name, value in vif.items())
        click.echo("  " + _("Variance inflation factors (VIF): {values}", values=values))
    click.echo("  " + _(
        "Wh per {length_min:d} min: {formula}", length_min=found.length_s // 60,
        formula=formula(found.coefficients, factors(found.kind, found.shape, found.drivers)),
    ))  # fmt: skip
    candidates = sorted(found.candidates, key=lambda item: item.cv_rmse)
    click.echo("  " + (
        _("Cross-validated error, best {shown:d} of {n:d} models:", shown=MODELS_SHOWN, n=len(candidates))
        if len(candidates) > MODELS_SHOWN else _("Cross-validated error:")
    ))  # fmt: skip
    for item in candidates[:MODELS_SHOWN]:
        click.echo(f"    {100 * item.cv_rmse:6.2f} %  {text_of(item.model)}")


def _show_saving(saving: Saving, motor: str) -> None:
    from agent.savings.accounting.assumptions import described
    from agent.savings.accounting.verdict import UNDECIDED, further_caveats
    from agent.savings.settings import text_with_setting

    if saving.intervals:
        click.echo(_("{from_ms:local} to {to_ms:local}:", from_ms=saving.from_ms, to_ms=saving.to_ms))
    click.echo(_(
        "Savings {saved_wh:kwh} ± {u95_wh:kwh} kWh (95 %), ± {u90_wh:kwh} (90 %), ± {u80_wh:kwh} (80 %); "
        "{share_pct:z.2f} % of the adjusted baseline of {adjusted_wh:kwh} kWh: {verdict:word}",
        saved_wh=saving.saved_wh, u95_wh=saving.u95_wh, u90_wh=saving.u90_wh, u80_wh=saving.u80_wh,
        share_pct=100 * saving.share, adjusted_wh=saving.adjusted_wh, verdict=saving.verdict,
    ))  # fmt: skip
    if saving.verdict == UNDECIDED:
        click.echo(f"  {text_of(saving.caveats[0])}")
    for item in saving.assumptions if saving.intervals else ():
        click.echo(f"  {text_with_setting(text_of(described(item)), item.reason, motor, current())}")
    for name, part in saving.parts.items():
        click.echo("  " + _(
            "{part:word}: {saved_kwh:+z.1f} ± {u95_wh:kwh} kWh", part=name, saved_kwh=part.wh / 1000,
            u95_wh=part.u95_wh,
        ))  # fmt: skip
    for reason in ([saving.advice] if saving.advice else []) + further_caveats(saving):
        click.echo(f"  {text_with_setting(text_of(reason), reason, motor, current())}")
