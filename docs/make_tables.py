"""Writes the generated tables of the docs: docs/metrics.md, dialect-names.md, reasons.md, alarm-table.md and
fault-table.md."""

from __future__ import annotations

from pathlib import Path

import alarms_table
import faults_table
import names_table
import reasons_table

from agent.core.metrics import table_markdown

HEAD = """# Metrics

Made from `agent/core/metrics.py` by `make docs`. A metric is named after its quantity, with the unit as suffix. An
*estimate* comes with its expanded uncertainty (k = 2) as `<metric>_u` and its method in `m`. A *window* is a mean over
3 s of waveform. *History*: what the state file keeps for each 1 min and 15 min
([delivery](delivery.md#the-history)): `mean`, or `range` with minimum and maximum.

"""

NAMES_HEAD = """# Metrics in each dialect

Generated from `agent/core/metrics.py` by `make docs`; see [dialects](dialects.md). Home Assistant: device class,
state class and unit; *(off)*: an entity that is disabled by default. Sparkplug: data type; the metric has the name in
the second column, in a folder named after the message unless the message is telemetry or health. A code has a second
metric with its English text.

"""

REASONS_HEAD = """# Reason codes

Generated from the code by `make docs`. A reason, finding, event or caveat is a code with data; messages and JSON
contain it as `{"code": …, "data": {…}, "text": …}` ([mqtt](mqtt.md)). Programs compare codes; texts may change.

The text is a format string. Its fields are the keys of `data`; the part after the colon states how a field is shown:
`kwh` and `kw` a number in Wh or W, `pct` a share of 1, `local` UTC milliseconds, `signal` the name of a signal, `word`
a translated word, `lines` a list of reasons, one per line, other specifications as in Python. A field without one is a
string, another reason, or a list of either. Numbers are in SI units, and their names end with the unit.

"""

ALARMS_HEAD = """# Alarm table

Generated from `agent/config/alarm_table.py` by `make docs`; see [alarms](alarms.md). Priority: the second one holds at
severity `alarm` or at the second limit. The configuration can change a row, for all motors or for one
([configuration](configuration.md#alarms)).

"""

FAULTS_HEAD = """# Fault table

Generated from `agent/analysis/condition/faults.py` by `make docs`; see [condition](condition.md). A machine is healthy
only if nothing was found and the faults of the last column would have been seen; `dry_run` counts for pumps and fans.

"""

if __name__ == "__main__":
    (Path(__file__).parent / "fault-table.md").write_text(FAULTS_HEAD + faults_table.table_markdown(), encoding="utf-8")
    (Path(__file__).parent / "alarm-table.md").write_text(ALARMS_HEAD + alarms_table.table_markdown(), encoding="utf-8")
    (Path(__file__).parent / "reasons.md").write_text(REASONS_HEAD + reasons_table.table_markdown(), encoding="utf-8")
    (Path(__file__).parent / "metrics.md").write_text(HEAD + table_markdown(), encoding="utf-8")
    (Path(__file__).parent / "dialect-names.md").write_text(NAMES_HEAD + names_table.table_markdown(), encoding="utf-8")
