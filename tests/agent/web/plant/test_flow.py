"""Where the power goes: supply, motors and the rest; and the configured motors that the broker does not know."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.page import Page, running_page

from agent.config.loader import load_config
from agent.config.model import Config
from agent.core.text import Catalogue
from agent.web.plant.flow import supply_meter

ENGLISH = Catalogue("en")
HEAD = """
[site]
id = "demo"
gateway = "gw-01"
timezone = "Asia/Shanghai"

[bus.north]
tcp = "192.0.2.1"
"""
METER = """
[meter.{name}]
bus = "north"
unit_id = {unit}
profile = "eastron/sdm630"
measuring_point = "{point}"
wiring = "3P4W"
ct = "150/5"
class = "0.5"
{more}
"""
MOTOR = """
[motor.{name}]
name = "Pump {name}"
kind = "induction"
kw = 55
rpm = 1475
poles = 4
volts = 400
fed_by = "{fed_by}"
efficiency = 93.5
"""


def config_of(folder: Path, *tables: str) -> Config:
    file = folder / "plant.toml"
    file.write_text(HEAD + "".join(tables), encoding="utf-8")
    return load_config(file)[0]


def meter(name: str, unit: int, point: str = "motor", fed_by: str = "") -> str:
    return METER.format(name=name, unit=unit, point=point, more=f'fed_by = "{fed_by}"' if fed_by else "")


@pytest.fixture
def fed(tmp_path: Path) -> Config:
    """Two motors with a meter each, below an incoming meter."""
    return config_of(
        tmp_path, meter("main", 1, "feeder"), meter("m1", 2, fed_by="main"), meter("m2", 3, fed_by="main"),
        MOTOR.format(name="a", fed_by="m1"), MOTOR.format(name="b", fed_by="m2"),
    )  # fmt: skip


@pytest.fixture
def plant(fed: Config) -> Iterator[Page]:
    with running_page(fed) as page:
        for name, power_w in (("a", 30000.0), ("b", 20000.0), ("main", 57000.0)):
            page.telemetry(name, {"active_power_w": power_w})
        yield page


def test_the_rest_is_supply_minus_motors(plant: Page) -> None:
    flow = plant.json("/api/v1/plant")["flow"]
    assert flow["supply_w"]["v"] == 57000.0
    assert [part["input_w"]["v"] for part in flow["parts"]] == [30000.0, 20000.0]
    assert flow["not_measured_w"]["v"] == 7000.0
    assert flow["why"] is None


def test_without_the_power_of_a_motor_the_rest_is_unknown(plant: Page) -> None:
    plant.telemetry("b", {"active_power_w": None})
    flow = plant.json("/api/v1/plant")["flow"]
    assert (flow["not_measured_w"]["v"], flow["not_measured_w"]["why"]["code"]) == (None, "flow_part_unknown")
    assert "Pump b" in flow["not_measured_w"]["why"]["long"]


def test_inputs_of_different_times_are_not_drawn(plant: Page) -> None:
    """More than three intervals apart, here of a second."""
    plant.telemetry("b", {"active_power_w": 20000.0}, age_s=2.5)
    assert plant.json("/api/v1/plant")["flow"]["parts"]
    plant.telemetry("a", {"active_power_w": 30000.0}, age_s=8)
    flow = plant.json("/api/v1/plant")["flow"]
    assert (flow["parts"], flow["supply_w"], flow["why"]["code"]) == ([], None, "flow_ages_differ")


def test_the_supply_is_a_meter_above_all_motors(fed: Config, tmp_path: Path) -> None:
    assert supply_meter(fed) == "main"
    separate = config_of(
        tmp_path, meter("m1", 1), meter("m2", 2), MOTOR.format(name="a", fed_by="m1"),
        MOTOR.format(name="b", fed_by="m2"),
    )  # fmt: skip
    assert supply_meter(separate) is None
    alone = config_of(tmp_path, meter("m1", 1), MOTOR.format(name="a", fed_by="m1"))
    assert supply_meter(alone) is None, "the meter of the motor is not that of a supply"
    shared = config_of(
        tmp_path, meter("m1", 1), MOTOR.format(name="a", fed_by="m1"), MOTOR.format(name="b", fed_by="m1")
    )
    assert supply_meter(shared) == "m1"


def test_configured_motors_come_first_and_in_their_order(plant: Page) -> None:
    """Also when the broker knows nothing of them, or more than them."""
    plant.telemetry("a-stranger")
    del plant.follower.seen["magwatt/v1/demo/gw-01/b"]
    motors = plant.json("/api/v1/plant")["motors"]
    assert [row["id"] for row in motors] == ["a", "b", "main", "a-stranger"]
    gone, kind = motors[1], ENGLISH("induction motor")
    assert (gone["priority"], gone["name"], gone["rating"]) == ("unknown", "Pump b", f"55 kW · {kind}")
    assert gone["power_w"]["why"]["code"] == "value_nothing_received"
    assert motors[2]["kind"] == "meter"


def test_the_order_of_the_agent_where_there_is_no_configuration() -> None:
    with running_page() as page:
        for name in ("b", "a", "c"):
            page.telemetry(name)
        page.follower.gateway_messages["magwatt/v1/demo/gw-01"] = {
            "info": {"site": "demo", "gateway": "gw-01", "assets": ["c", "a"], "simulated": False}
        }
        plant = page.json("/api/v1/plant")
        assert [row["id"] for row in plant["motors"]] == ["c", "a", "b"]
        assert plant["site"] == {"id": "demo", "name": "demo", "gateway": "gw-01"}


def test_motors_of_two_gateways_keep_apart() -> None:
    with running_page() as page:
        page.telemetry("a")
        followed = page.follower.seen["magwatt/v1/demo/gw-01/a"]
        page.follower.seen["magwatt/v1/demo/gw-02/a"] = followed
        assert [row["id"] for row in page.json("/api/v1/motors")["motors"]] == ["a", "gw-02:a"]


def test_an_hour_of_power(plant: Page) -> None:
    """Means of the minutes that this process has seen; the last one is the running minute."""
    spark = plant.json("/api/v1/plant")["sparks"]["a"]
    assert (spark["step_s"], len(spark["kw"])) == (60, 60)
    known = [kw for kw in spark["kw"] if kw is not None]
    assert known == [30.0]
    assert spark["kw"][-1] == 30.0 or spark["kw"][-2] == 30.0
