"""Writes the dashboards of Grafana from dashboards.toml: python -m deploy.grafana.make_dashboards"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
LANGUAGES = ("en", "zh")
SCHEMA_VERSION = 39  # Grafana 11; later versions convert it
SOURCE = {"type": "postgres", "uid": "magwatt"}
WIDTH, PANEL_WIDTH, PANEL_HEIGHT, STAT_HEIGHT = 24, 12, 8, 4
EVERY = "10s"
GATEWAYS = "$__timeFilter(time) AND site = '$site' AND gateway IN ($gateway)"
MOTORS = f"{GATEWAYS} AND asset IN ($asset)"
REFRESH_ON_TIME = 2  # of a variable: when the time range changes
VARIABLES = {
    "site": (("Site", "厂区"), "SELECT DISTINCT site FROM health WHERE $__timeFilter(time) ORDER BY 1"),
    "gateway": (("Gateway", "网关"),
                "SELECT DISTINCT gateway FROM health WHERE $__timeFilter(time) AND site = '$site' ORDER BY 1"),
    "asset": (("Motor", "电机"), f"SELECT DISTINCT asset FROM telemetry WHERE {GATEWAYS} ORDER BY 1"),
}  # fmt: skip
ONE_VALUE = ("site",)  # variables of which one value is chosen; of others several


def main() -> None:
    for path, text in files():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def files() -> Iterator[tuple[Path, str]]:
    """Paths of the dashboards, and their JSON with one panel in each line."""
    described = tomllib.loads((FOLDER / "dashboards.toml").read_text(encoding="utf-8"))["dashboard"]
    for language, folder in enumerate(LANGUAGES):
        for one in described:
            found = dashboard(one, language)
            panels = ",\n".join(json.dumps(panel, ensure_ascii=False) for panel in found.pop("panels"))
            head = json.dumps(found, ensure_ascii=False)[:-1]
            yield FOLDER / "dashboards" / folder / f"{one['name']}.json", f'{head}, "panels": [\n{panels}\n]}}\n'


def dashboard(described: Mapping[str, Any], language: int) -> dict[str, Any]:
    """The dashboard in a language, 0: English, 1: Chinese."""
    panels, x, y, height = list[dict[str, Any]](), 0, 0, 0
    for number, one in enumerate(described["panel"], 1):
        place = {"w": one.get("width", PANEL_WIDTH), "h": STAT_HEIGHT if one.get("type") == "stat" else PANEL_HEIGHT}
        if x + place["w"] > WIDTH:
            x, y, height = 0, y + height, 0
        panels.append({"id": number, **_panel(one, described["variables"], language),
                       "gridPos": {"x": x, "y": y, **place}})  # fmt: skip
        x, height = x + place["w"], max(height, place["h"])
    return {
        "uid": f"magwatt-{described['name']}-{LANGUAGES[language]}", "title": described["title"][language],
        "tags": ["magwatt"], "timezone": "browser", "schemaVersion": SCHEMA_VERSION, "version": 1, "editable": True,
        "graphTooltip": 1, "refresh": "1m", "time": {"from": described["from"], "to": "now"},
        "templating": {"list": [_variable(name, language) for name in described["variables"]]},
        "annotations": {"list": []}, "panels": panels,
    }  # fmt: skip


def _variable(name: str, language: int) -> dict[str, Any]:
    label, query = VARIABLES[name]
    several = name not in ONE_VALUE
    return {
        "name": name, "label": label[language], "type": "query", "datasource": SOURCE, "query": query,
        "refresh": REFRESH_ON_TIME, "sort": 1, "multi": several, "includeAll": several,
        **({"current": {"text": ["All"], "value": ["$__all"]}} if several else {}),
    }  # fmt: skip


def _panel(one: Mapping[str, Any], variables: list[str], language: int) -> dict[str, Any]:
    kind = one.get("type", "timeseries")
    defaults: dict[str, Any] = {"unit": one.get("unit", "short")}
    if kind == "bars":
        defaults["custom"] = {"drawStyle": "bars", "fillOpacity": 60, "stacking": {"mode": "none", "group": "A"}}
    overrides = [
        {"matcher": {"id": "byName", "options": column},
         "properties": [{"id": "displayName", "value": names[language]},
                        *([{"id": "unit", "value": unit}] if unit else [])]}
        for column, (unit, *names) in one.get("columns", {}).items()
    ]  # fmt: skip
    target = {
        "refId": "A", "datasource": SOURCE, "editorMode": "code", "rawQuery": True,
        "format": "table" if kind in ("table", "stat") else "time_series", "rawSql": query(one, variables),
    }  # fmt: skip
    return {
        "title": one["title"][language], "type": "timeseries" if kind == "bars" else kind, "datasource": SOURCE,
        "interval": one.get("every", EVERY), "options": _options(kind),
        "fieldConfig": {"defaults": defaults, "overrides": overrides}, "targets": [target],
    }  # fmt: skip


def _options(kind: str) -> dict[str, Any]:
    if kind == "stat":
        return {"reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False}, "colorMode": "none"}
    if kind == "table":
        return {"showHeader": True}
    return {"legend": {"displayMode": "list", "placement": "bottom", "showLegend": True}, "tooltip": {"mode": "multi"}}


def query(one: Mapping[str, Any], variables: list[str]) -> str:
    """The SQL of a panel, with macros and variables of Grafana."""
    selected = {"{gateways}": GATEWAYS, "{motors}": MOTORS}
    if "sql" in one:
        text = one["sql"].strip()
        for name, condition in selected.items():
            text = text.replace(name, condition)
        return str(text)
    series = one["series"] if isinstance(one["series"], dict) else {"value": one["series"]}
    values = ", ".join(f'{expression} AS "{name}"' for name, expression in series.items())
    who = "gateway" if one["from"] == "health" else "gateway || '/' || asset"
    where = (MOTORS if "asset" in variables else GATEWAYS) + ("" if one["from"] == "savings" else " AND q <> 'bad'")
    return (f"SELECT $__timeGroupAlias(time, $__interval), {who} AS metric, {values} FROM {one['from']} "
            f"WHERE {where} GROUP BY 1, 2 ORDER BY 1")  # fmt: skip


if __name__ == "__main__":
    main()
