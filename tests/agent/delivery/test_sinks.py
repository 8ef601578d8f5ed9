"""Configuration of the dialects, and a dialect whose library is missing."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from support.dialects import BUS, PLANT, SITE, Bench, configured

from agent.config import reasons as codes
from agent.config.loader import ConfigError, load_config
from agent.config.schema import ConfigReport
from agent.config.sinks import TABLES
from agent.delivery.sinks import durable_sinks, live_sinks
from agent.runtime.config_watcher import CONFIG_RESTART_NEEDED, without_restart
from agent.runtime.start_conditions import add_start_conditions
from drivers.file_reasons import DID_YOU_MEAN, KEY_MISSING, KEY_UNKNOWN, TABLE_EXPECTED
from drivers.reasons import Reason

DOCS = Path(__file__).parents[3] / "docs"


def test_outputs_and_tables_turn_dialects_on(tmp_path: Path) -> None:
    path = tmp_path / "magwatt.toml"
    outputs = 'outputs = ["homeassistant", "sparkplug", "prometheus"]\n'
    path.write_text(f'{SITE}[file]\ndir = "rows"\n[mqtt]\nurl = "mqtt://b"\n{outputs}{BUS}{PLANT}', encoding="utf-8")
    found = load_config(path)[0].dialects
    assert found.homeassistant is not None
    assert found.sparkplug is not None
    assert (found.sparkplug.group, found.sparkplug.node, found.sparkplug.primary_host) == ("mill-2", "gw-07", None)
    assert found.prometheus is not None
    assert found.file is not None
    assert found.file.directory == tmp_path / "rows"


@pytest.mark.parametrize(
    ("table", "key", "reason"),
    [
        ('[sparkplug]\ngroup = "a/b"', "sparkplug.group", codes.SPARKPLUG_ID_INVALID()),
        ('[sparkplug]\nnode = "+"', "sparkplug.node", codes.SPARKPLUG_ID_INVALID()),
        ('[sparkplug]\nprimry_host = "scada"', "sparkplug.primry_host",
         DID_YOU_MEAN(problem=KEY_UNKNOWN(), near="primary_host")),
        ('[prometheus]\nlisten = "127.0.0.1:99999"', "prometheus.listen", codes.ADDRESS_EXPECTED(port=9464)),
        ('[file]\nformat = "ndjson"', "file.dir", KEY_MISSING()),
        ('[file]\ndir = "x"\nformat = "csv"', "file.format", codes.CHOICE_UNKNOWN(allowed=("ndjson", "parquet"))),
        ("homeassistant = 3", "homeassistant", TABLE_EXPECTED()),
        ("[sparkplg]", "sparkplg", DID_YOU_MEAN(problem=codes.CONFIG_TABLE_UNKNOWN(), near="sparkplug")),
    ],
)  # fmt: skip
def test_each_mistake_is_a_problem(tmp_path: Path, table: str, key: str, reason: Reason) -> None:
    path = tmp_path / "magwatt.toml"
    path.write_text(f'{table}\n{SITE}[mqtt]\nurl = "mqtt://b"\n{BUS}{PLANT}', encoding="utf-8")
    with pytest.raises(ConfigError) as rejected:
        load_config(path)
    assert (key, reason) in [(item.key, item.reason) for item in rejected.value.problems]


def test_without_a_broker_files_and_metrics_continue(tmp_path: Path) -> None:
    path = tmp_path / "magwatt.toml"
    path.write_text(
        f'{SITE}[sparkplug]\n[homeassistant]\n[prometheus]\n[file]\ndir = "x"\n{BUS}{PLANT}', encoding="utf-8"
    )
    config, report = load_config(path)
    assert (config.dialects.sparkplug, config.dialects.homeassistant) == (None, None)
    assert config.dialects.prometheus is not None
    assert config.dialects.file is not None
    found = [item.key for item in report.findings if item.reason == codes.DIALECT_WITHOUT_BROKER()]
    assert found == ["homeassistant", "sparkplug"]


def test_a_missing_library_is_a_finding_and_the_other_dialects_are_created(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tables = '[sparkplug]\n[homeassistant]\n[prometheus]\n[file]\ndir = "x"\n'
    bench = Bench(configured(tmp_path, "mqtt://127.0.0.1:1", tables), tmp_path / "state")
    for name in (
        "agent.delivery.sparkplug.sink",
        "agent.delivery.sparkplug.edge_node",
        "agent.delivery.sparkplug.protobuf",
        "agent.delivery.sparkplug.metric_registry",
        "agent.delivery.prometheus.sink",
    ):
        monkeypatch.delitem(sys.modules, name, raising=False)
    for name in ("google.protobuf", "prometheus_client"):
        monkeypatch.setitem(sys.modules, name, None)
    durable = durable_sinks(bench.config, bench.publisher, bench.store, bench.clock)
    live = live_sinks(bench.config, bench.publisher, bench.store)
    assert [sink.name for sink in durable] == ["mqtt", "file"]
    assert [type(sink).__name__ for sink in live] == ["HomeAssistantSink"]
    add_start_conditions(bench.config, report := ConfigReport("plant.toml"))
    missing = {item.key: item.reason.data["extra"] for item in report.findings if "extra" in item.reason.data}
    assert missing == {"sparkplug": "sparkplug", "prometheus": "prometheus"}
    bench.close()


def test_a_change_requires_a_restart_and_is_reported(tmp_path: Path) -> None:
    old = configured(tmp_path, "mqtt://127.0.0.1:1")
    new = configured(tmp_path, "mqtt://127.0.0.1:1", "[prometheus]")
    kept, waiting = without_restart(old, new)
    assert kept.dialects == old.dialects
    assert [reason.code for reason in waiting] == [CONFIG_RESTART_NEEDED]
    assert "[prometheus]" in waiting[0].data["key"]


def test_each_key_is_in_the_docs() -> None:
    page = (DOCS / "reference" / "configuration-site.md").read_text(encoding="utf-8")
    for table, keys in TABLES.items():
        block = page.split(f"\n[{table}]\n", 1)[1].split("\n\n", 1)[0]
        assert set(re.findall(r"^(?:# )?(\w+) = ", block, re.MULTILINE)) == set(keys)
