"""`magwatt fleet report`: the savings of all motors of a fleet and their sum."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from agent.cli.fleet_options import lake_option, month_option, need_libraries, progress
from agent.cli.options import FINDING, fail
from agent.core.text import N_, _, current, language_of, text_of
from drivers.file_reasons import FILE_UNWRITABLE
from drivers.reasons import cause_of

if TYPE_CHECKING:
    from agent.fleet.report.report import FleetReport


@click.command(
    help=N_(
        "Write the report of the fleet: all motors, their sum with its uncertainty, what needs attention.\n\n"
        "Calculates the saving of each motor from the ledgers in the lake, as `magwatt report` does on its gateway. "
        "Writes one HTML page in English and Chinese, its picture and its data. Exits 1 if something needs attention."
    )
)
@lake_option
@month_option("--month", required=True, help=N_("Billing month, or the last one of a range."))
@month_option("--from", "first", help=N_("First month of a range."))
@click.option(
    "--output", metavar="FILE", type=click.Path(path_type=Path),
    help=N_("Write the page to this file; the .svg and .json files are written to the same folder."),
)  # fmt: skip
@click.option("--lang", type=click.Choice(["en", "zh"]),
              help=N_("Language shown first; the page contains both. [default: that of the command line]"))  # fmt: skip
@click.option("--verify", is_flag=True, help=N_("Check the signatures of all ledgers, too."))
@click.option(
    "--processes",
    type=click.IntRange(1),
    metavar="N",
    help=N_("How many processes calculate. [default: all processors]"),
)
@click.option("--json", "as_json", is_flag=True, help=N_("Print JSON: one object."))
def report(
    lake_dir: Path, month: str, first: str | None, output: Path | None, lang: str | None, verify: bool,
    processes: int | None, as_json: bool,
) -> None:  # fmt: skip
    if first is not None and first > month:
        fail(_("--from {first}: is after --month {month}", first=first, month=month))
    if output is not None and output.is_dir():
        fail(_("--output {path}: is a directory", path=str(output)))
    need_libraries()
    from agent.core.clock import SystemClock
    from agent.fleet.lake import LakeError
    from agent.fleet.report.report import collect

    now_ms = SystemClock().utc_ns() // 1_000_000
    try:
        found = collect(
            lake_dir, (first or month, month), now_ms, processes=processes or len(os.sched_getaffinity(0)),
            verify=verify, progress=progress(N_("{done:d} of {of:d} gateways")),
        )  # fmt: skip
    except LakeError as error:
        fail(text_of(error))
    if output is not None:
        _write(found, output, language_of(lang or current().language) or "en")
    click.echo(_json(found) if as_json else "\n".join(_lines(found, output)))
    sys.exit(FINDING if found.attention else 0)


def _write(found: FleetReport, output: Path, language: str) -> None:
    from agent.fleet.report.page import page, picture

    try:
        output.write_text(page(found, language), encoding="utf-8")
        output.with_suffix(".svg").write_text(picture(found, language), encoding="utf-8")
        output.with_suffix(".json").write_text(_json(found), encoding="utf-8")
    except OSError as error:
        fail(text_of(FILE_UNWRITABLE(path=str(output), error=cause_of(error))))


def _json(found: FleetReport) -> str:
    from agent.fleet.report.export import report_json

    return json.dumps(report_json(found), ensure_ascii=False)


def _lines(found: FleetReport, output: Path | None) -> Iterator[str]:
    """The report for a terminal."""
    from agent.fleet.report.page import attention_lines

    yield from _total_lines(found) if found.total.motors else [_("No saving is calculated for this month")]
    for title, lines, more in attention_lines(found.attention, current()):
        yield ""
        yield title
        yield from (f"  {line}" for line in lines)
        if more:
            yield "  " + _("… {n:d} more", n=more)
    if output is not None:
        yield ""
        yield ", ".join(str(output.with_suffix(suffix)) for suffix in (output.suffix, ".svg", ".json"))


def _total_lines(found: FleetReport) -> Iterator[str]:
    """The ranking and the sum."""
    from agent.cli.fleet_view import table_lines
    from agent.fleet.report.page import period, shown_motors, total_text
    from agent.savings.report.formatting import kwh

    total, bounds = found.total, found.total.uncertainty
    ranking = shown_motors([motor for motor in found.motors if motor.saving is not None])
    lines = list(table_lines("ranking", [item for item in ranking if not isinstance(item, int)]))
    for place, item in enumerate(ranking, 1):  # after the headings
        if isinstance(item, int):
            lines.insert(place, _("… {n:d} more", n=item))
    yield from [*lines, ""]
    yield _("{period}: {amount}, {verdict:word}", period=period(found), amount=total_text(total, current()),
            verdict=total.verdict)  # fmt: skip
    yield _("{n:d} motors of {gateways:d} gateways; {undecided:d} undecided, {without:d} without a saving",
            n=total.motors, gateways=found.gateways, undecided=total.undecided, without=total.without)  # fmt: skip
    yield _(
        "U95 of the sum if no error were common to several motors: {low} kWh; if all were: {high} kWh. {share:pct} % "
        "of the variance is common",
        low=kwh(bounds.independent_wh), high=kwh(bounds.correlated_wh), share=bounds.common_share,
    )  # fmt: skip
