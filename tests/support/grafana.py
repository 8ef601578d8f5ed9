"""What Grafana makes of the query of a panel: variables first, then macros.

Source: Grafana, pkg/tsdb/grafana-postgresql-datasource/macros.go, and the documentation of the data source: a variable
with several values becomes quoted texts separated by commas, one with a single value is inserted as it is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from support.postgres import DEPLOY

DASHBOARDS = DEPLOY / "grafana" / "dashboards"
_MACRO = re.compile(r"\$([_a-zA-Z0-9]+)\(([^)]*)\)")


class Chosen(NamedTuple):
    """What a reader has chosen. interval_s: distance of the points of a graph. timescaledb: setting of the source."""

    variables: Mapping[str, str | Sequence[str]]
    start: datetime
    end: datetime
    interval_s: int
    timescaledb: bool = False


def dashboards(language: str) -> Iterator[dict[str, Any]]:
    for path in sorted((DASHBOARDS / language).glob("*.json")):
        yield json.loads(path.read_text(encoding="utf-8"))


def interpolated(query: str, chosen: Chosen) -> str:
    for name, value in sorted(chosen.variables.items(), reverse=True):
        text = value if isinstance(value, str) else ",".join(f"'{item}'" for item in value)
        query = re.sub(rf"\${name}\b", text, query)
    query = query.replace("$__interval", f"{chosen.interval_s}s")
    return _MACRO.sub(lambda found: _macro(found[1], [part.strip() for part in found[2].split(",")], chosen), query)


def _macro(name: str, arguments: list[str], chosen: Chosen) -> str:
    if name == "__timeFilter":
        start, end = (time.astimezone(UTC).isoformat() for time in (chosen.start, chosen.end))
        return f"{arguments[0]} BETWEEN '{start}' AND '{end}'"
    if name == "__timeGroupAlias":
        column, seconds = arguments[0], int(arguments[1].removesuffix("s"))
        group = (f"time_bucket('{seconds:.3f}s',{column})" if chosen.timescaledb
                 else f"floor(extract(epoch from {column})/{seconds})*{seconds}")  # fmt: skip
        return f'{group} AS "time"'
    raise AssertionError(f"Grafana has no macro {name}")
