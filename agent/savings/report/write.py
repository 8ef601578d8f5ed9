"""Makes the three files of a report and says in a few lines what stands in them."""

from __future__ import annotations

import os
import shlex
import sqlite3
from collections.abc import Collection, Sequence
from importlib import metadata
from pathlib import Path

from agent.config import Config
from agent.savings.ledger_key import Key
from agent.savings.report.data import as_csv, as_json
from agent.savings.report.html import Cover, page
from agent.savings.report.month import Month, collect
from agent.savings.report.numbers import grouped, kwh, with_u
from agent.savings.report.proof import Elsewhere
from agent.savings.report.texts import Words
from agent.savings.report.top import verdict_said
from agent.topology import assets


def write(
    db: sqlite3.Connection, config: Config, motors: Collection[str], month: str, out: Path, lang: str, key: Key | None,
    elsewhere: Elsewhere, now_ms: int, source: Sequence[str],
) -> tuple[list[str], bool]:  # fmt: skip
    """motors: empty for all. elsewhere: external checkpoints. source: options by which `magwatt ledger verify` finds
    the same ledger. Returns the lines to print, and whether nothing is missing or wrong.
    Raises ValueError, OSError.
    """
    if out.suffix in (".csv", ".json"):
        raise ValueError(
            f"--output {out}: names the page, {out.suffix[1:].upper()} is written beside it; end it in .html"
        )
    if out.is_dir():
        raise ValueError(f"--output {out}: is a folder; name a file in it, for example {out / f'report-{month}.html'}")
    if not out.parent.is_dir():
        raise ValueError(f"--output {out}: there is no folder {out.parent}; make it first")
    plants = [asset for asset in assets(config) if asset.motor and (not motors or asset.name in motors)]
    if not plants:
        raise ValueError("the configuration has no motor")
    months = [collect(db, config, plant, month, now_ms, key, elsewhere) for plant in plants]
    check = shlex.join(["magwatt", "ledger", "verify", *source, "--checkpoint", str(out.with_suffix(".json"))])
    cover = Cover(config.site.id, config.site.gateway, config.site.timezone, now_ms, metadata.version("magwatt"),
                  config.hash, check)  # fmt: skip
    files = {
        out: page(months, cover, lang).encode(),
        out.with_suffix(".csv"): as_csv(months),
        out.with_suffix(".json"): as_json(months, cover).encode(),
    }
    for path, data in files.items():
        _replace(path, data)
    return [*_told(months), ", ".join(map(str, files))], all(month.whole for month in months)


def _told(months: Sequence[Month]) -> list[str]:
    lines, english = [], Words("en")
    for month in months:
        saving = month.saving
        if saving is not None and saving.intervals:
            energy = _plus_minus(saving.saved_wh / 1000, saving.u95_wh / 1000)
            money = (
                f", {_plus_minus(month.money.saved, month.money.u95)} {month.money.currency}".rstrip()
                if month.money
                else ""
            )
            co2 = ""
            if month.factor is not None:
                scale = month.factor.kg_per_kwh / 1e6
                co2 = f", {_plus_minus(saving.saved_wh * scale, saving.u95_wh * scale)} t CO2"
            denied = "" if month.proof.bears_out else ", but the ledger does not bear it out"
            lines.append(f"{month.asset} {month.month}: {verdict_said(month, english)}{denied}: {energy} kWh saved "
                         f"({grouped(100 * saving.share, 1)} %){money}{co2}")  # fmt: skip
        else:
            used = f", {kwh(month.measured_wh)} kWh used" if month.energy_known else ""
            lines.append(f"{month.asset} {month.month}: no saving told{used}")
        lines += [f"  {text}" for text in (*month.notes, *month.hints, *(saving.reasons if saving else ()))]
    return lines


def _plus_minus(value: float, u: float) -> str:
    return " ± ".join(with_u(value, u))


def _replace(path: Path, data: bytes) -> None:
    """All of it or what was there before."""
    part = path.with_name(path.name + ".part")
    try:
        part.write_bytes(data)
        os.replace(part, path)
    except OSError:
        part.unlink(missing_ok=True)
        raise
