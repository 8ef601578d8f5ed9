"""Writes the three files of a report and returns a summary of them."""

from __future__ import annotations

import os
import shlex
import sqlite3
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from markupsafe import Markup

from agent import VERSION
from agent.config.model import Config
from agent.config.topology import assets
from agent.core.local_time import zone_of
from agent.core.text import Catalogue, current
from agent.savings.accounting.assumptions import described
from agent.savings.accounting.verdict import UNDECIDED
from agent.savings.report import reasons as codes
from agent.savings.report.export import as_csv, as_json
from agent.savings.report.formatting import grouped, kwh
from agent.savings.report.html.page import Cover, page
from agent.savings.report.html.summary import cost_text, scaled, verdict_text
from agent.savings.report.model.ledger_check import LedgerVerifier
from agent.savings.report.model.month import ReportMonth, collect
from agent.savings.settings import text_with_setting
from drivers.file_reasons import OUTPUT_FOLDER_MISSING, PATH_IS_FOLDER
from drivers.reasons import InvalidValue


def write(
    db: sqlite3.Connection, config: Config, motors: Collection[str], month: str, out: Path, lang: str,
    check: LedgerVerifier, now_ms: int, source: Sequence[str], added: Mapping[str, Markup] | None = None,
    added_style: str = "",
) -> tuple[list[str], bool]:  # fmt: skip
    """Writes the page `out`, and next to it the same report as CSV and JSON.

    motors: empty for all.
    lang: language in which the page is opened.
    source: options by which `magwatt ledger verify` finds the same ledger.
    added, added_style: of the page, as in `page`.
    Returns the summary, line by line, and whether nothing is missing or wrong. Raises InvalidValue, OSError.
    """
    if out.suffix in (".csv", ".json"):
        raise InvalidValue(codes.OUTPUT_IS_DATA_FILE, path=str(out), kind=out.suffix[1:].upper())
    if out.is_dir():
        raise InvalidValue(PATH_IS_FOLDER, path=str(out))
    if not out.parent.is_dir():
        raise InvalidValue(OUTPUT_FOLDER_MISSING, path=str(out), folder=str(out.parent))
    months = months_of(db, config, motors, month, now_ms, check)
    command = shlex.join(["magwatt", "ledger", "verify", *source, "--checkpoint", str(out.with_suffix(".json"))])
    cover = cover_of(config, now_ms, command)
    files = {
        out: page(months, cover, lang, added, added_style).encode(),
        out.with_suffix(".csv"): as_csv(months),
        out.with_suffix(".json"): as_json(months, cover).encode(),
    }
    for path, data in files.items():
        _replace(path, data)
    return [*_summary(months), ", ".join(map(str, files))], all(month.complete for month in months)


def months_of(
    db: sqlite3.Connection, config: Config, motors: Collection[str], month: str, now_ms: int, check: LedgerVerifier
) -> list[ReportMonth]:  # fmt: skip
    """The month of each motor, in the order of the configuration. motors: empty for all. Raises InvalidValue."""
    plants = [asset for asset in assets(config) if asset.motor and (not motors or asset.name in motors)]
    if not plants:
        raise InvalidValue(codes.NO_MOTOR)
    return [collect(db, config, plant, month, now_ms, check) for plant in plants]


def cover_of(config: Config, now_ms: int, command: str) -> Cover:
    """command: verifies the ledger."""
    return Cover(config.site.id, config.site.gateway, config.site.timezone, now_ms, VERSION,
                 config.hash, command)  # fmt: skip


def _summary(months: Sequence[ReportMonth]) -> list[str]:
    lines = []
    for month in months:
        _ = Catalogue(current().language, zone_of(month.zone))
        lines.append(_(": ").join((f"{month.asset} {month.month}", *_result(month, _))))
        assumptions = month.saving.assumptions if month.saving and month.saving.intervals else ()
        shown = [(described(item), item.reason) for item in assumptions]
        shown += [(reason, reason) for reason in (*month.notes, *month.hints, *month.caveats)]
        lines += [f"  {text_with_setting(_.reason(text), reason, month.asset, _)}" for text, reason in shown]
    return lines


def _result(month: ReportMonth, _: Catalogue) -> list[str]:
    """The verdict and the figures of a month."""
    saving = month.saving
    if saving is None or not saving.intervals:
        if not month.energy_known:
            return [_("no saving calculated")]
        return [_("no saving calculated, {energy} kWh measured", energy=kwh(month.measured_wh))]
    if saving.verdict == UNDECIDED:
        return [verdict_text(month, _)]
    figures = [_("{energy} kWh saved ({rate} %)", energy=scaled(saving, 1e-3), rate=grouped(100 * saving.share, 1))]
    if (money := month.money) is not None:
        figures.append(cost_text(money, _))
    if month.factor is not None:
        figures.append(f"{scaled(saving, month.factor.kg_per_kwh / 1e6)} t CO2")
    return [verdict_text(month, _), _(", ").join(figures)]


def _replace(path: Path, data: bytes) -> None:
    """Writes the complete file, or leaves the previous one unchanged."""
    part = path.with_name(path.name + ".part")
    try:
        part.write_bytes(data)
        os.replace(part, path)
    except OSError:
        part.unlink(missing_ok=True)
        raise
