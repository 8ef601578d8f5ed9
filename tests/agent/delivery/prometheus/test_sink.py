"""Prometheus: names by the rules of promtool, values in base units, no sample for unusable values."""

from __future__ import annotations

import logging
import math
import re
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from support.basics import free_port, wait_until
from support.dialects import configured

from agent.config.loader import load_config
from agent.config.reasons import OPEN_TO_NETWORK
from agent.config.topology import assets
from agent.core.messages import Message
from agent.delivery.base.metric_types import all_metrics
from agent.delivery.prometheus import sink as prometheus
from agent.delivery.prometheus.names import PrometheusType, names
from agent.delivery.prometheus.sink import PrometheusSink
from drivers.reading import Quality

EXPOSED = names(all_metrics())

# The rules of `promtool check metrics` (client_golang/prometheus/testutil/promlint, Apache-2.0), reimplemented.
NOT_BASE = {
    "minutes", "hours", "days", "weeks", "kelvins", "fahrenheit", "rankine", "inches", "yards", "miles", "bits",
    "calories", "pounds", "ounces",
}  # fmt: skip
BASE = {"amperes", "bytes", "celsius", "grams", "joules", "kelvin", "meters", "metres", "moles", "seconds", "volts"}
PREFIXES = {"pico", "nano", "micro", "milli", "centi", "deci", "deca", "hecto", "kilo", "kibi", "mega", "mibi", "giga",
            "gibi", "tera", "tebi", "peta", "pebi"}  # fmt: skip
ABBREVIATIONS = {"s", "ms", "us", "ns", "sec", "b", "kb", "mb", "gb", "tb", "pb", "m", "h", "d"}
TYPES = {"gauge", "counter", "summary", "histogram", "untyped"}


def test_names_keep_promtools_rules() -> None:
    for key, found in EXPOSED.items():
        assert broken_rules(found.name, found.type) == [], key


def broken_rules(name: str, kind: PrometheusType) -> list[str]:
    words = name.split("_")
    rules = {
        "lower case, with the prefix": re.fullmatch(r"magwatt(_[a-z0-9]+)+", name) is not None,
        "base units only": not NOT_BASE & set(words),
        "no prefixes of units": not {prefix + unit for prefix in PREFIXES for unit in BASE | NOT_BASE} & set(words),
        "no abbreviated units": not ABBREVIATIONS & set(words[1:]),
        "no type in the name": not TYPES & set(words),
        "nothing of histograms and summaries": words[-1] not in ("count", "sum", "bucket"),
        "counters, and only they, end in _total": (words[-1] == "total") == (kind is PrometheusType.COUNTER),
        "texts, and only they, end in _info": (words[-1] == "info") == (kind is PrometheusType.INFO),
    }
    return [rule for rule, kept in rules.items() if not kept]


@pytest.mark.parametrize(
    "name", ["magwatt_energy_kilojoules", "magwatt_time_hours", "magwatt_size_mb", "magwatt_x_total", "magwatt_Power"]
)
def test_names_that_promtool_would_reject_are_found(name: str) -> None:
    assert broken_rules(name, PrometheusType.GAUGE)


def test_no_two_rows_share_a_name() -> None:
    assert len({item.name for item in EXPOSED.values()}) == len(EXPOSED)
    assert EXPOSED["telemetry", "shaft_power_w"].name != EXPOSED["telemetry", "shaft_power_kw"].name


@pytest.mark.parametrize(
    ("metric", "value", "name", "base"),
    [
        ("energy_import_kwh", 2.0, "magwatt_energy_import_joules_total", 7.2e6),
        ("motor_speed_rpm", 1500.0, "magwatt_motor_speed_revolutions_per_second", 25.0),
        ("motor_efficiency_pct", 96.1, "magwatt_motor_efficiency_ratio", 0.961),
        ("input_power_kw", 71.24, "magwatt_input_power_watts", 71240.0),
        ("phase_angle_deg", 180.0, "magwatt_phase_angle_radians", math.pi),
        ("run_hours_h", 1.0, "magwatt_run_time_in_hour_seconds_total", 3600.0),
        ("drive_temperature_degc", 40.0, "magwatt_drive_temperature_celsius", 40.0),
        ("energy_net_kwh", -1.0, "magwatt_energy_net_joules", -3.6e6),
    ],
)
def test_values_are_in_base_units(metric: str, value: float, name: str, base: float) -> None:
    found = EXPOSED["telemetry", metric]
    assert found.name == name
    assert value * found.factor == pytest.approx(base, rel=1e-12)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[PrometheusSink, str]]:
    port = free_port()
    config = configured(tmp_path, "mqtt://127.0.0.1:1", f'[prometheus]\nlisten = "127.0.0.1:{port}"')
    sink = PrometheusSink(config, assets(config))
    sink.start()
    wait_until(lambda: sink.port is not None, 5, "it listens")
    yield sink, f"http://127.0.0.1:{port}/metrics"
    sink.stop()


def scrape(url: str) -> str:
    with urllib.request.urlopen(url, timeout=5) as answer:
        text: str = answer.read().decode()
        return text


def samples(text: str) -> dict[tuple[str, str], float]:
    """(name, asset) → value."""
    return {
        (sample.name, sample.labels["asset"]): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def show(sink: PrometheusSink) -> None:
    values = {
        "active_power_w": 71240, "energy_import_kwh": 12.5, "fault_text": 'say "no"\nfault',
        "motor_efficiency_pct": 96.1, "frequency_hz": 50.0, "motor_speed_rpm": None,
    }  # fmt: skip
    sink.on_published(Message("pump-1", "telemetry", 1, values, {"motor_efficiency_pct": 0.8}, {},
                      {"frequency_hz": Quality.STALE, "active_power_w": Quality.SUBSTITUTED}))  # fmt: skip
    sink.on_published(Message("pump-1", "harmonics", 1, {"harmonic_u_l1_v": [0.1, 230.0, None]}))
    sink.on_published(Message("pump-1", "event", 1, {"snapshot_u_l1_v": [float(n) for n in range(-500, 500)]}))
    sink.on_published(Message(None, "health", 1, {"bus_south_polls": 7, "polls": 7}))


@pytest.mark.parametrize("order", [("south", "south_2"), ("south_2", "south")])
def test_a_bus_whose_name_begins_like_anothers_keeps_its_own_label(tmp_path: Path, order: tuple[str, str]) -> None:
    """Two samples with the same name and labels make a scrape fail."""
    buses = "".join(f'[bus.{name}]\ntcp = "127.0.0.1:{1600 + place}"\n' for place, name in enumerate(order))
    path = tmp_path / "magwatt.toml"
    path.write_text(f'[site]\nid = "mill-2"\ngateway = "gw-07"\n[prometheus]\n{buses}', encoding="utf-8")
    sink = PrometheusSink(load_config(path)[0], ())
    sink.on_published(Message(None, "health", 1, {"bus_south_polls": 7, "bus_south_2_polls": 9}))
    found = {(sample.labels["bus"], sample.value) for family in sink.collect() for sample in family.samples}
    assert found == {("south", 7), ("south_2", 9)}


def test_a_scrape(served: tuple[PrometheusSink, str]) -> None:
    sink, url = served
    show(sink)
    text = scrape(url)
    found = samples(text)
    assert found["magwatt_active_power_watts", "pump-1"] == 71240
    assert found["magwatt_energy_import_joules_total", "pump-1"] == 12.5 * 3.6e6
    assert found["magwatt_motor_efficiency_uncertainty_ratio", "pump-1"] == pytest.approx(0.008)
    assert found["magwatt_health_bus_polls_total", ""] == 7
    assert ("magwatt_frequency_hertz", "pump-1") not in found, "stale: no sample"
    assert ("magwatt_motor_speed_revolutions_per_second", "pump-1") not in found
    assert 'magwatt_harmonics_harmonic_u_l1_volts{asset="pump-1",gateway="gw-07",point="1",site="mill-2"} 230.0' in text
    assert 'point="2"' not in text, "null: no sample"
    assert text.count("magwatt_snapshot_u_l1_volts{") == 2, "a waveform by its minimum and maximum"
    assert 'text="say \\"no\\"\\nfault"' in text
    assert "# TYPE magwatt_energy_import_joules_total counter" in text
    assert text.count("# HELP") == text.count("# TYPE")


def test_old_values_and_removed_assets_are_not_exposed(
    served: tuple[PrometheusSink, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink, url = served
    show(sink)
    monkeypatch.setattr(prometheus, "AGE_DEFAULT_S", -1.0)
    assert not [name for name, asset in samples(scrape(url)) if name == "magwatt_active_power_watts"]
    monkeypatch.undo()
    config = load_config(tmp_path / "magwatt.toml")[0]
    sink.reconfigure(config, assets(config)[1:])
    assert not [name for name, asset in samples(scrape(url)) if asset == "pump-1"]


def test_promtool_agrees(served: tuple[PrometheusSink, str]) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not here: it comes with the archive of prometheus.io")
    sink, url = served
    show(sink)
    done = subprocess.run(
        [promtool, "check", "metrics"], input=scrape(url), capture_output=True, text=True, check=False
    )
    lines = [line for line in (done.stdout + done.stderr).splitlines() if line.startswith("magwatt_")]
    assert lines == []


def test_a_port_in_use_is_logged_once_and_tried_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prometheus, "RETRY_S", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        config = configured(tmp_path, "mqtt://127.0.0.1:1", f'[prometheus]\nlisten = "127.0.0.1:{port}"')
        sink = PrometheusSink(config, assets(config))
        with caplog.at_level(logging.ERROR):
            sink.start()
            wait_until(lambda: bool(caplog.records), 5, "logged")
            sink.on_published(Message("pump-1", "telemetry", 1, {"active_power_w": 1.0}))  # does not block
            time.sleep(0.5)  # several attempts
        assert [record.message.count(f"127.0.0.1:{port}") for record in caplog.records] == [1]
    wait_until(lambda: sink.port == port, 5, "it recovers")
    sink.stop()


def test_off_by_default_and_on_loopback_unless_configured(tmp_path: Path) -> None:
    assert configured(tmp_path, "mqtt://127.0.0.1:1").dialects.prometheus is None
    found = configured(tmp_path, "mqtt://127.0.0.1:1", "[prometheus]").dialects.prometheus
    assert found is not None
    assert found.host == "127.0.0.1"
    path = tmp_path / "magwatt.toml"
    path.write_text(path.read_text(encoding="utf-8").replace("[prometheus]", '[prometheus]\nlisten = "0.0.0.0:9464"'),
                    encoding="utf-8")  # fmt: skip
    notes = [(note.key, note.reason) for note in load_config(path)[1].notes]
    assert ("prometheus.listen", OPEN_TO_NETWORK(host="0.0.0.0")) in notes
