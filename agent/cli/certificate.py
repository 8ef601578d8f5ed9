"""`magwatt certificate`: a digital calibration certificate as keys of the configuration."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from agent.cli.options import FINDING, config_option, fail, load, plant_file
from agent.core.local_time import local_datetime
from agent.core.text import N_, _, current, text_of

if TYPE_CHECKING:
    from agent.commissioning.calibration.error_tables import ResultErrors
    from agent.config.model import Meter


@click.command(
    help=N_(
        "Print a digital calibration certificate (DCC) as keys.\n\n"
        "FILE is the XML of the laboratory (PTB's schema, version 3). The keys belong in [meter.NAME]. The limit is "
        "the largest error with its uncertainty. Exits 1 if something is to be checked or decided."
    )
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--meter", "name", metavar="NAME",
              help=N_("Meter of the configuration, to compare serial number and class."))  # fmt: skip
@click.option("--device", type=click.Choice(["meter", "ct", "vt"]), default="meter", show_default=True,
              help=N_("What was calibrated: the meter, its current (ct) or voltage transformers (vt)."))  # fmt: skip
@click.option("--result", "results", metavar="N", type=click.IntRange(1), multiple=True,
              help=N_("Number of a result whose errors count; repeatable. [default: the only one]"))  # fmt: skip
@click.option("--valid-until", metavar="DATE", type=click.DateTime(["%Y-%m-%d"]),
              help=N_("Last day of its validity, if the certificate states none or another was agreed."))  # fmt: skip
@config_option
def certificate(
    file: Path, name: str | None, device: str, results: tuple[int, ...], valid_until: datetime | None,
    config_file: Path | None,
) -> None:  # fmt: skip
    from agent.commissioning.calibration.dcc import read_dcc
    from agent.commissioning.calibration.proposal import propose

    meter = _meter(config_file, name) if name else None
    found = read_dcc(file, current().language)
    today = local_datetime(1000 * time.time()).date()
    until = valid_until.date() if valid_until else None
    proposal = propose(found, device, today, meter=meter, valid_until=until, chosen=results)
    for line in (f"# {text}" for result in proposal.used for text in _result_lines(result)):
        click.echo(line)
    for line in proposal.lines:
        click.echo(line)
    for reason in (*proposal.notes, *proposal.findings):
        click.echo(text_of(reason), err=True)
    sys.exit(FINDING if proposal.findings else 0)


def _meter(config_file: Path | None, name: str) -> Meter:
    from agent.config.schema import unknown_reference

    loaded, _report = load(plant_file(config_file))
    if name not in loaded.meters:
        fail(f"{name}: {text_of(unknown_reference('meter', name, loaded.meters))}")
    found: Meter = loaded.meters[name]
    return found


def _result_lines(result: ResultErrors) -> Iterator[str]:
    """The result whose errors count, with the largest error of each kind and its uncertainty."""
    for kind, scale, unit in (("relative", 100, "%"), ("angle", 60 * math.degrees(1), "′")):
        points = [point for point in result.points if point.kind == kind]
        if points:
            largest = max(points, key=lambda point: abs(point.error) + point.u95)
            yield _(
                "result {number:d}, {name}: {n:d} {n:error|errors}, largest {error} ± {u95} {unit}; drift until the "
                "next calibration is not included",
                number=result.number, name=result.name, n=len(points), error=f"{scale * largest.error:.3g}",
                u95=f"{scale * largest.u95:.2g}", unit=unit,
            )  # fmt: skip
