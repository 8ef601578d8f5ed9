"""Writes the tables of the docs that are made from the code: docs/metrics.md, docs/dialect-names.md."""

from __future__ import annotations

from pathlib import Path

from agent.metrics import table_markdown
from agent.sinks import names_table

HEAD = """# Metrics

Generated from `agent/metrics.py` by `make docs`. A metric is named after its quantity, with the unit as suffix. An
*estimate* has its expanded uncertainty (k = 2) in `<metric>_u` and its method in `m`. A *window* is a mean over 3 s of
waveform.

"""

NAMES_HEAD = """# Metrics in each dialect

Generated from `agent/metrics.py` by `make docs`; see [dialects](dialects.md). Home Assistant: device class, state class
and unit; *(off)*: the entity is disabled by default. Sparkplug: data type; the metric has the name in this table, in a
folder named after the message type unless that is telemetry or health.

"""

if __name__ == "__main__":
    (Path(__file__).parent / "metrics.md").write_text(HEAD + table_markdown(), encoding="utf-8")
    (Path(__file__).parent / "dialect-names.md").write_text(NAMES_HEAD + names_table.table_markdown(), encoding="utf-8")
