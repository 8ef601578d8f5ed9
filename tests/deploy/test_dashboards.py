"""The dashboards: their files, and each query of each panel on PostgreSQL with rows whose values are known.

Grafana itself is not started. test_timescaledb.py runs the same queries on TimescaleDB.
"""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import psycopg
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard
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


def test_grafana_reads_every_field() -> None:
    """By the types that Grafana generates from its schema: a field that they do not have is lost on the way."""
    register_default_plugins()
    for one in (*dashboards("en"), *dashboards("zh")):
        assert as_grafana_reads(one) == one
        assert as_grafana_reads({**one, "misspelt": 1}) == one, "it does look"
    assert len({one["uid"] for one in (*dashboards("en"), *dashboards("zh"))}) == 10


def as_grafana_reads(one: dict[str, Any]) -> dict[str, Any]:
    """Without fields that Grafana adds."""
    read = json.loads(json.dumps(Dashboard.from_json(copy.deepcopy(one)), cls=JSONEncoder))
    return dict(common(read, one))


def common(read: Any, one: Any) -> Any:
    if isinstance(read, dict) and isinstance(one, dict):
        return {key: common(value, one[key]) for key, value in read.items() if key in one}
    if isinstance(read, list) and isinstance(one, list):
        return [common(*pair) for pair in zip(read, one, strict=True)]
    return read


def test_panels_have_known_units_and_do_not_overlap() -> None:
    for one in dashboards("en"):
        cells = set[tuple[int, int]]()
        for panel in one["panels"]:
            place = panel["gridPos"]
            taken = {(x, y) for x in range(place["x"], place["x"] + place["w"])
                     for y in range(place["y"], place["y"] + place["h"])}  # fmt: skip
            assert max(x for x, _ in taken) < 24
            assert not taken & cells
            cells |= taken
            assert panel["datasource"]["uid"] == panel["targets"][0]["datasource"]["uid"] == "magwatt"
            overrides = panel["fieldConfig"]["overrides"]
            units = {p["value"] for o in overrides for p in o["properties"] if p["id"] == "unit"}
            assert units | {panel["fieldConfig"]["defaults"]["unit"]} <= UNITS
            sql = panel["targets"][0]["rawSql"]
            assert all(override["matcher"]["options"] in sql for override in overrides)


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
