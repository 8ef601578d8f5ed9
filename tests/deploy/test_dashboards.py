"""The dashboards: their files, and each query of each panel on PostgreSQL with rows whose values are known.

Grafana itself is not started. test_timescaledb.py runs the same queries on TimescaleDB.
"""

from __future__ import annotations

from pathlib import Path

import psycopg
import yaml
from support.dashboard_answers import check_panels
from support.fleet_rows import FleetRows
from support.grafana import DASHBOARDS, dashboards

from agent.fleet.lake import Lake
from agent.fleet.load import KINDS, load
from deploy.grafana.make_dashboards import files

UNITS = {  # of Grafana: packages/grafana-data/src/valueFormats/categories.ts
    "short", "watt", "kwatth", "percent", "rotrpm", "celsius", "volt", "s", "dtdurations", "h", "d", "decmbytes",
    "bool_yes_no",
}  # fmt: skip


def test_each_panel_shows_what_the_rows_say(tmp_path: Path, database: str) -> None:
    fleet = FleetRows()
    fleet.write(tmp_path)
    load(Lake(tmp_path), database)
    check_panels(database, fleet, timescaledb=False)
    double(database)
    check_panels(database, fleet, timescaledb=False)


def double(address: str) -> None:
    """Each message arrives twice, as with Telegraf it may."""
    with psycopg.connect(address) as db:
        for table in KINDS:
            db.execute(f"INSERT INTO {table} SELECT * FROM {table}".encode())


def test_the_files_are_those_of_the_description() -> None:
    made = dict(files())
    assert {path for path in DASHBOARDS.rglob("*.json")} == made.keys()
    assert all(path.read_text(encoding="utf-8") == text for path, text in made.items())


def test_fields_are_those_that_grafana_reads() -> None:
    """Of the dashboard schema: kinds/dashboard/dashboard_kind.cue."""
    ids = set()
    for one in (*dashboards("en"), *dashboards("zh")):
        assert {"uid", "title", "schemaVersion", "panels", "templating", "time", "refresh", "timezone"} <= one.keys()
        assert 8 <= len(one["uid"]) <= 40
        assert one["uid"] not in ids
        ids.add(one["uid"])
        cells = set()
        for panel in one["panels"]:
            place = panel["gridPos"]
            assert 0 <= place["x"] < place["x"] + place["w"] <= 24
            taken = {(x, y) for x in range(place["x"], place["x"] + place["w"])
                     for y in range(place["y"], place["y"] + place["h"])}  # fmt: skip
            assert not taken & cells, "panels do not overlap"
            cells |= taken
            assert panel["type"] in {"timeseries", "table", "stat"}
            assert panel["datasource"]["uid"] == panel["targets"][0]["datasource"]["uid"] == "magwatt"
            defaults, overrides = panel["fieldConfig"]["defaults"], panel["fieldConfig"]["overrides"]
            units = [defaults["unit"], *(p["value"] for o in overrides for p in o["properties"] if p["id"] == "unit")]
            assert set(units) <= UNITS
            sql = panel["targets"][0]["rawSql"]
            assert all(f'"{name}"' in sql or name in sql for o in overrides if (name := o["matcher"]["options"]))


def test_both_languages_ask_the_same() -> None:
    def queries(language: str) -> list[str]:
        return [panel["targets"][0]["rawSql"] for one in dashboards(language) for panel in one["panels"]]

    assert queries("en") == queries("zh")
    assert all(not one["title"].isascii() for one in dashboards("zh"))


def test_provisioning_names_both_folders_and_one_data_source() -> None:
    folder = DASHBOARDS.parent
    providers = yaml.safe_load((DASHBOARDS / "provider.yaml").read_text(encoding="utf-8"))["providers"]
    assert {Path(one["options"]["path"]).name for one in providers} == {"en", "zh"}
    assert {one["type"] for one in providers} == {"file"}
    for path in (folder / "datasources" / "magwatt.yaml", folder.parent / "compose" / "grafana-datasource.yaml"):
        (source,) = yaml.safe_load(path.read_text(encoding="utf-8"))["datasources"]
        assert (source["uid"], source["type"], source["jsonData"]["database"]) == ("magwatt", "postgres", "magwatt")
        assert source["secureJsonData"]["password"].startswith("$__file{")
