"""`magwatt simulate --device` with a nameplate: wrong options are rejected, a configuration passes `check`."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from agent.cli import main
from agent.cli.nameplate_options import bench_motor_of
from agent.config.loader import load_config
from simulators.endpoints import Endpoints
from simulators.scenarios import bench

NOTHING = dict.fromkeys(
    ("kw", "rpm", "volts", "amps", "cos_phi", "hz", "pole_pairs", "kind", "ct", "vt", "ratio_applied_by")
)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--device", "abb/acs880", "--rpm", "1490", "--tcp", "0"], "--kw"),
        (["--device", "abb/acs880", "--kw", "0", "--tcp", "0"], "--kw"),
        (["--device", "abb/acs880", "--kw", "90", "--rpm", "1500", "--kind", "induction", "--tcp", "0"], "1500"),
        (["--device", "siemens/v20", "--kw", "315", "--rpm", "1490", "--tcp", "0"], "siemens/v20"),
        (["--device", "eastron/sdm630", "--kw", "90", "--ct", "5/200", "--tcp", "0"], "5/200"),
        (["pump-station", "--kw", "90"], "--device"),
    ],
)
def test_an_impossible_motor_is_refused(options: list[str], named: str) -> None:
    done = CliRunner().invoke(main, ["simulate", *options])
    assert done.exit_code == 2
    assert named in done.output


def test_stated_transformers_replace_the_usual_ones() -> None:
    motor = bench_motor_of(NOTHING | {"kw": 110.0, "rpm": 1490.0, "volts": 10000.0, "vt": "10000/100", "ct": "10/5"})
    assert motor is not None
    assert (motor.ratios.ct, motor.ratios.vt, motor.ratios.in_meter) == ((10, 5), (10000, 100), True)
    assert bench_motor_of(NOTHING) is None


def test_the_configuration_has_the_nameplate_and_the_transformers(tmp_path: Path) -> None:
    motor = bench_motor_of(NOTHING | {"kw": 90.0, "rpm": 1490.0})
    scenario = bench.scenario(bench.parse_devices(["eastron/sdm630", "abb/acs880"]), 1, motor=motor)
    file = tmp_path / "plant.toml"
    text = scenario.config_toml(Endpoints(modbus_tcp="127.0.0.1:5020"), "mqtt://127.0.0.1", "state")
    file.write_text(text, encoding="utf-8")
    config, report = load_config(file)
    assert report.findings == []
    (item,) = config.motors.values()
    assert (item.kw, item.rpm, item.poles, item.volts, item.fed_by) == (90, 1490, 4, 400, "acs880-2")
    meter = config.meters["sdm630-1"]
    assert (meter.ct, meter.measuring_point) == ((200, 5), "drive-input")
    assert config.drives["acs880-2"].fed_by == meter.name
