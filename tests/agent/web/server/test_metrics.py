"""/metrics: read with the parser of Prometheus' own client, compared with what the agent sent; and who can read it."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from support.page import ROOT, Answer, Page, running_page

from agent.core import password_hash as password
from agent.web.server.start_check import Listen
from drivers.reading import Quality

RIGHT = "correct horse: battery"


@pytest.fixture
def page() -> Iterator[Page]:
    with running_page(listen=Listen(metrics=True)) as page:
        page.motor("pump-1")
        yield page


def samples(text: str) -> dict[tuple[str, str, str], float]:
    """(name, asset, text or point or bus) → value; every sample of a family has the family's type."""
    found = {}
    for family in text_string_to_metric_families(text):
        for name, labels, value, *_ in family.samples:
            assert (labels["site"], labels["gateway"]) == ("demo", "gw-01")
            assert (family.type == "counter") == name.endswith("_total")
            extra = next((labels[key] for key in ("text", "point", "bus") if key in labels), "")
            found[name, labels["asset"], extra] = value
    return found


def test_values_are_exposed_in_base_units_with_their_uncertainty(page: Page) -> None:
    page.telemetry("pump-1", {"active_power_w": 30000.0, "motor_speed_rpm": 1500, "energy_import_kwh": 2.0,
                              "system_efficiency_pct": 92.8, "efficiency_unavailable_reason": ""},
                   u={"system_efficiency_pct": 2.3})  # fmt: skip
    answer = page.get("/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    found = samples(answer.text)
    assert found["magwatt_active_power_watts", "pump-1", ""] == 30000.0
    assert found["magwatt_motor_speed_revolutions_per_second", "pump-1", ""] == 25.0
    assert found["magwatt_energy_import_joules_total", "pump-1", ""] == 7.2e6
    assert found["magwatt_system_efficiency_ratio", "pump-1", ""] == pytest.approx(0.928, rel=1e-12)
    assert found["magwatt_system_efficiency_uncertainty_ratio", "pump-1", ""] == pytest.approx(0.023, rel=1e-12)


def test_unusable_and_old_values_have_no_sample(page: Page) -> None:
    page.telemetry("pump-1", {"active_power_w": 1.0, "frequency_hz": 50.0}, flags={"active_power_w": Quality.STALE})
    page.motor("pump-2")
    page.telemetry("pump-2", age_s=130.0)
    found = samples(page.get("/metrics").text)
    assert {(name, asset) for name, asset, _ in found} == {("magwatt_frequency_hertz", "pump-1")}


def test_texts_and_buses_are_labels(page: Page) -> None:
    page.receive("line-2", "telemetry", {"t": 0, "v": {"fault_text": 'over"load"\\ \n'}, "f": {}})
    health = {"t": time.time_ns() // 1_000_000, "v": {"bus_north_2_polls": 7, "bus_x_of_a_later_version": 1}}
    page.follower.gateway_messages[ROOT] = {"health": health}
    found = samples(page.get("/metrics").text)
    assert found["magwatt_health_bus_polls_total", "", "north_2"] == 7.0
    assert found["magwatt_fault_text_info", "line-2", 'over"load"\\ \n'] == 1.0


def test_it_is_off_unless_asked_for() -> None:
    with running_page() as page:
        assert page.get("/metrics").status == 404


def test_it_needs_the_password_of_the_page(tmp_path: Path) -> None:
    """As a session, or in the header that Prometheus sends (`basic_auth`); guessing is limited as that of the login."""
    password.write_hash(tmp_path / "hash", RIGHT)
    with running_page(listen=Listen(metrics=True, password=password.read_hash(tmp_path / "hash"))) as page:
        assert page.get("/metrics").status == 401
        assert [scraped(page, text).status for text in (RIGHT, "wrong", RIGHT, RIGHT[:-1])] == [200, 401, 200, 401]
        assert page.get("/api/v1/plant", Authorization=basic(RIGHT)).status == 401, "only here"
        for header in ("Basic", "Basic !", "Basic /w==", "Bearer x"):
            assert page.get("/metrics", Authorization=header).status == 401
        for _ in range(5):
            assert scraped(page, "wrong").status == 401
        assert scraped(page, RIGHT).status == 401, "guessing is limited, the right guess included"


def scraped(page: Page, text: str) -> Answer:
    return page.get("/metrics", Authorization=basic(text))


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(f"prometheus:{text}".encode()).decode()
