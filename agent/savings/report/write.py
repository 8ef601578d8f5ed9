"""Makes the three files of a report and says in a few lines what stands in them."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Collection, Sequence
from importlib import metadata
from pathlib import Path

from agent.config import Config
from agent.savings.ledger_key import Key
from agent.savings.report.data import as_csv, as_json
from agent.savings.report.html import Cover, page
from agent.savings.report.month import Month, collect
from agent.savings.report.numbers import kwh, with_u
from agent.savings.report.proof import Elsewhere
from agent.topology import assets


def write(
    db: sqlite3.Connection, config: Config, motors: Collection[str], month: str, out: Path, lang: str, key: Key | None,
    elsewhere: Elsewhere, now_ms: int,
) -> tuple[list[str], bool]:  # fmt: skip
    """motors: empty for all. elsewhere: roots that lay there. Returns what to say, and whether nothing is missing or
    wrong.

    Raises ValueError, OSError.
    """
    plants = [asset for asset in assets(config) if asset.motor and (not motors or asset.name in motors)]
    if not plants:
        raise ValueError("the configuration has no motor")
    months = [collect(db, config, plant, month, now_ms, key, elsewhere) for plant in plants]
    cover = Cover(config.site.id, config.site.gateway, config.site.timezone, now_ms, metadata.version("magwatt"),
                  config.hash, out.with_suffix(".json").name)  # fmt: skip
    files = {
        out: page(months, cover, lang).encode(),
        out.with_suffix(".csv"): as_csv(months),
        out.with_suffix(".json"): as_json(months, cover).encode(),
    }
    for path, data in files.items():
        _replace(path, data)
    return [*_told(months), ", ".join(map(str, files))], not any(month.notes for month in months)


def _told(months: Sequence[Month]) -> list[str]:
    lines = []
    for month in months:
        saving = month.saving
        if saving is not None and saving.intervals:
            value, u = with_u(saving.saved_wh / 1000, saving.u95_wh / 1000)
            money = f", {month.money.saved:.2f} {month.money.currency}" if month.money else ""
            co2 = f", {month.co2_kg / 1000:.2f} t CO2" if month.co2_kg is not None else ""
            denied = "" if month.proof.bears_out else ", but the ledger does not bear it out"
            lines.append(f"{month.asset} {month.month}: {saving.verdict}{denied}: {value} ± {u} kWh saved "
                         f"({100 * saving.share:.1f} %){money}{co2}")  # fmt: skip
        else:
            used = f", {kwh(month.measured_wh)} kWh used" if month.intervals else ""
            lines.append(f"{month.asset} {month.month}: no saving told{used}")
        lines += [f"  {text}" for text in (*month.notes, *(saving.reasons if saving else ()))]
    return lines


def _replace(path: Path, data: bytes) -> None:
    """All of it or what was there before."""
    part = path.with_name(path.name + ".part")
    part.write_bytes(data)
    os.replace(part, path)
