"""Static factors: merged from configuration and command, part of the JSON and of the hash of a baseline."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from msgspec.structs import replace
from support.config_text import site

from agent.config.loader import ConfigError, load_config
from agent.savings.baseline.baseline import freeze, from_nameplate
from agent.savings.records import baseline_json
from agent.savings.records.model import Baseline, StaticFactor
from agent.savings.records.static_factors import merged, parsed

MOTOR = """
[bus.b]
tcp = "127.0.0.1:502"
[meter.m]
bus = "b"
unit_id = 1
profile = "eastron/sdm630"
measuring_point = "motor"
class = "0.5S"
[motor.fan]
kind = "induction"
kw = 132
rpm = 1480
poles = 4
volts = 380
fed_by = "m"
"""


@pytest.fixture
def draft() -> Baseline:
    plate = {"rated_w": 1e5, "efficiency": 0.93, "rpm": 1480.0, "sync_rpm": 1500.0}
    return from_nameplate("fan", plate, 1_767_000_000_000)


def test_one_statement_from_two_places_is_one_factor() -> None:
    found = merged([("ambient", "indoors"), ("load", "constant"), ("ambient", "indoors")], "Li Wei", 7)
    assert found == (StaticFactor("load", "constant", "Li Wei", 7), StaticFactor("ambient", "indoors", "Li Wei", 7))


def test_a_statement_can_contain_an_equals_sign() -> None:
    assert parsed(" ambient = 20 °C, RH = 60 % ") == ("ambient", "20 °C, RH = 60 %")


def test_factors_survive_json_and_are_part_of_the_hash(draft: Baseline) -> None:
    factors = (StaticFactor("ambient", "车间 20 °C", "李伟", 1_767_000_000_123),)
    stated, bare = (freeze(draft, 1, "Li Wei", each) for each in (factors, ()))
    assert baseline_json.from_json(baseline_json.to_json(stated)) == stated
    assert baseline_json.intact(stated)
    assert math.isinf(stated.n_effective)
    assert stated.hash != bare.hash
    changed = replace(stated, static_factors=(replace(factors[0], stated_ms=0),))
    assert not baseline_json.intact(changed)


def test_a_baseline_without_the_field_can_be_read(draft: Baseline) -> None:
    """Earlier versions froze baselines without it: their JSON, and therefore their hash, stays what it was."""
    body = baseline_json.to_json(draft)
    assert "static_factors" not in body
    assert baseline_json.from_json(body) == draft


def test_the_configuration_states_factors(tmp_path: Path) -> None:
    path = tmp_path / "plant.toml"
    text = site() + MOTOR + '[motor.fan.static_factors]\nmaintenance = "filters changed monthly"\nload = "constant"\n'
    path.write_text(text, encoding="utf-8")
    assert load_config(path)[0].motors["fan"].static_factors == (
        ("load", "constant"), ("maintenance", "filters changed monthly"),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("line", "near"), [('load = "varies"', '"varies"'), ('ambiant = "hall"', "ambient"), ("product_mix = 3", "3")]
)
def test_a_wrong_factor_is_named_with_its_line(tmp_path: Path, line: str, near: str) -> None:
    path = tmp_path / "plant.toml"
    text = site() + MOTOR + "[motor.fan.static_factors]\n"
    path.write_text(text + line, encoding="utf-8")
    with pytest.raises(ConfigError) as error:
        load_config(path)
    [problem] = error.value.problems
    assert problem.line == text.count("\n") + 1
    assert near in str(problem)
