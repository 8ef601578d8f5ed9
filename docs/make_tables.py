"""Writes the tables of the docs that are made from the code: docs/metrics.md."""

from __future__ import annotations

from pathlib import Path

from agent.metrics import table_markdown

HEAD = """# Metrics

Made from `agent/metrics.py` by `make docs`. A metric is named after its quantity, with the unit as suffix. An
*estimate* comes with its expanded uncertainty (k = 2) as `<metric>_u` and its method in `m`. A *window* is a mean over
3 s of waveform.

"""

if __name__ == "__main__":
    (Path(__file__).parent / "metrics.md").write_text(HEAD + table_markdown(), encoding="utf-8")
