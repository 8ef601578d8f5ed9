"""`magwatt simulate` as a user runs it: lists, own files, configurations, time factors, buses, errors."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from support.plant import scenario_problem

from agent.cli import main
from agent.config.loader import load_config
from agent.core.text import Catalogue, text_of
from agent.delivery.store.read_only import open_read_only
from agent.simulation import reasons as codes
from agent.simulation.serve import fault_of, is_accelerated, serve_scenario
from drivers.file_reasons import DID_YOU_MEAN, KEY_MISSING, KEY_UNKNOWN, OUTPUT_FOLDER_MISSING
from drivers.profile_reasons import PROFILE_UNKNOWN
from drivers.reasons import Code, InvalidValue, Reason
from drivers.toml_reasons import TOML_LINE
from simulators import reasons
from simulators.scenarios import load, names
from simulators.scenarios.scenario import PlannedFault

MAGWATT = [sys.executable, "-c", "from agent.cli import main; main()"]
FILE = """\
name = "mine"
about = "one pump of my own"
step_s = 1
every_s = 2
hours = 1

[[line]]
name = "hall"
port = 0

[[train]]
name = "pump"
kind = "driven"
motor = { kw = 11, rpm = 1500, poles = 8, efficiency = 0.93 }
load = { kind = "flow", kw = 10, speed_rpm = 1480, shape = [0.3, 0.7, 0.0], system = [0.2, 0.8], profile = [[1, 0.8]] }
meter = { unit = 1, profile = "eastron/sdm630", line = "hall", ct = 50 }
drive = { unit = 2, profile = "yaskawa/ga800", line = "hall" }
"""


def simulate(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, ["simulate", *arguments])
    return result.exit_code, result.output


def test_the_list_describes_each_scenario() -> None:
    code, output = simulate("--list")
    assert code == 0
    assert [line.split()[0] for line in output.splitlines()] == list(names())
    assert all(len(line.split()) > 4 for line in output.splitlines())
    assert all(Catalogue("en").translate(load(name).about) in output for name in names())


def test_only_the_configuration_is_printed() -> None:
    done = subprocess.run(
        [*MAGWATT, "simulate", "hoist", "--print-config", "--seconds", "1"], capture_output=True, text=True,
        timeout=180, check=True,
    )  # fmt: skip
    assert tomllib.loads(done.stdout)["site"]["simulated"]
    assert not done.stderr


@pytest.mark.parametrize("name", names())
def test_the_agent_can_load_the_configuration_of_each_scenario(name: str, tmp_path: Path) -> None:
    path = tmp_path / "plant.toml"
    serve_scenario(load(name), None, path, "mqtt://127.0.0.1:1883", seed=1, seconds=0.01)
    config, _ = load_config(path)
    assert config.motors
    assert config.site.simulated


def test_a_users_file_gives_the_same_results_with_any_time_factor(tmp_path: Path) -> None:
    path, truth, published = tmp_path / "mine.toml", tmp_path / "truth.ndjson", tmp_path / "published.ndjson"
    path.write_text(FILE, encoding="utf-8")
    files = ("--truth", str(truth), "--output", str(published))
    code, output = simulate(str(path), "--time-factor", "5000", "--seconds", "120", "--seed", "7", *files)
    assert code == 0, output
    assert re.findall(r"\d+", output.splitlines()[0]) == ["120", "60"], "seconds and rows"
    rows = [json.loads(line) for line in truth.read_text().splitlines()]
    assert [row["t"] - rows[0]["t"] for row in rows] == [1000 * k for k in range(121)]
    last = [json.loads(line)["payload"] for line in published.read_text().splitlines() if "/telemetry" in line][-1]
    assert last["v"]["active_power_w"] == pytest.approx(rows[-1]["pump"]["active_power_w"], rel=0.006)
    again = [tmp_path / "truth2.ndjson", tmp_path / "published2.ndjson"]
    simulate(str(path), "--time-factor", "900", "--seconds", "120", "--seed", "7", "--truth", str(again[0]),
             "--output", str(again[1]))  # fmt: skip
    assert [file.read_bytes() for file in again] == [truth.read_bytes(), published.read_bytes()]


def test_the_ledger_of_an_accelerated_run_can_be_verified(tmp_path: Path) -> None:
    path, state = tmp_path / "mine.toml", tmp_path / "kept"
    path.write_text(FILE.replace("step_s = 1", "step_s = 10").replace("every_s = 2", "every_s = 20"), encoding="utf-8")
    run = (str(path), "--time-factor", "5000", "--seconds", "7200", "--state-dir", str(state))
    code, output = simulate(*run)
    assert code == 0, output
    code, output = simulate(*run)  # continues
    assert code == 0, output
    found = CliRunner().invoke(main, ["ledger", "verify", "--config", str(state / "plant.toml"), "--json"])
    assert found.exit_code == 0, found.output
    assert json.loads(found.output)["ok"]
    rows = open_read_only(state / "state" / "magwatt.sqlite").execute("select start_ms from interval").fetchall()
    assert (max(rows)[0] - min(rows)[0]) / 3.6e6 >= 3.75


@pytest.mark.parametrize(
    ("change", "place", "cause"),
    [
        (('about = "', 'abuot = "'), "abuot", DID_YOU_MEAN(problem=KEY_UNKNOWN(), near="about")),
        (("kw = 11,", "kW = 11,"), "train.pump.motor.kW", DID_YOU_MEAN(problem=KEY_UNKNOWN(), near="kw")),
        (("efficiency = 0.93", "efficiency = 1.02"), "train.pump.motor: efficiency",
         reasons.SHARE_OUT_OF_RANGE(value=1.02)),
        (("poles = 8", "poles = 7"), "train.pump.motor: poles", reasons.POLES_ODD(value=7)),
        (("kw = 11,", "kw = -1,"), "train.pump.motor: kw", reasons.VALUE_NOT_POSITIVE(value=-1.0)),
        (("kw = 11,", "kw = 3,"), "train.pump: load", reasons.LOAD_TOO_LARGE),
        (("unit = 2", "unit = 1"), "vfd-pump", reasons.UNIT_ID_IN_USE(unit_id=1, line="hall", other="mcc-pump")),
        (("unit = 2", "unit = 300"), "train.pump.drive.unit", reasons.VALUE_OUT_OF_RANGE(low=1, high=247, value=300)),
        (('profile = "yaskawa/ga800"', 'profile = "yaskawa/ga900"'), "train.pump.drive.profile",
         DID_YOU_MEAN(problem=PROFILE_UNKNOWN(profile="yaskawa/ga900"), near="yaskawa/ga800")),
        (('line = "hall", ct', 'line = "hal", ct'), "train.pump.meter.line",
         reasons.LINE_UNKNOWN(line="hal", known=("hall",))),
        (("port = 0", 'serial = "1200 8N1"'), "line.hall.serial", reasons.SERIAL_SETTING(value="1200 8N1")),
        (("port = 0", "port = 70000"), "line.hall.port",
         reasons.VALUE_OUT_OF_RANGE(low=0, high=65535, value=70000)),
        (('kind = "flow", kw', 'kind = "flood", kw'), "train.pump.load.kind",
         reasons.SCENARIO_CHOICE(allowed=("flow", "conveyor", "roller", "hoist"), value="flood")),
        (("shape = [0.3, 0.7, 0.0]", "shape = [0.3, 0.7]"), "train.pump: load.shape",
         reasons.SHARES_EXPECTED(n=3, value="(0.3, 0.7)")),
        (("profile = [[1, 0.8]]", "profile = [[1, 8]]"), "train.pump.load.profile", reasons.FLOW_PROFILE()),
        (("hours = 1", "hours = 1\ndip = [{at_h = 0, duration_s = 2, residual = 0.8, kind = 'E'}]"), "dip.0.kind",
         reasons.SCENARIO_CHOICE(allowed=("A", "B", "C", "D"), value="E")),
        (("hours = 1", "hours = 1\n[[dip]]\nat_h = 0\nduration_s = 1\nresidual = 1.5"), "dip.0.residual",
         reasons.DIP_RESIDUAL(low=0.05, value=1.5)),
        (('motor = {', 'cable = { length_m = 0, mm2 = 50 }\nmotor = {'), "train.pump: cable: length_m",
         reasons.VALUE_NOT_POSITIVE(value=0.0)),
        (('motor = {', 'cable = { length_m = 9, mm = 50 }\nmotor = {'), "train.pump.cable.mm",
         DID_YOU_MEAN(problem=KEY_UNKNOWN(), near="mm2")),
        (('motor = {', 'auxiliary = [{ kw = -1 }]\nmotor = {'), "train.pump: auxiliary: power_w",
         reasons.VALUE_NEGATIVE(value=-1000.0)),
        (("step_s = 1", "step_s = 0"), "step_s", reasons.VALUE_NOT_POSITIVE(value=0.0)),
        (("step_s = 1", 'step_s = "1"'), "step_s", reasons.SCENARIO_NUMBER(value="'1'")),
        (('name = "mine"\n', ""), "name", KEY_MISSING()),
        (("ct = 50", 'ct = 50, wiring_fault = "revresed ct1"'), "train.pump.meter.wiring_fault",
         reasons.WIRING_FAULT_UNKNOWN),
        (("hours = 1", "hours = 1\n[[trouble]]\ndevice = \"mcc-fan\"\nkind = \"silent\"\nfrom_h = 0\nto_h = 1"),
         "trouble.device", reasons.FAULTY_DEVICE_UNKNOWN(device="mcc-fan")),
        (("hours = 1", "hours = 1\n[[trouble]]\ndevice = \"mcc-pump\"\nkind = \"silent\"\nfrom_h = 1\nto_h = 0"),
         "trouble.0: to_h", reasons.FAULT_TIMES(from_s=3600.0, to_s=0.0)),
        (("hours = 1", "hours = "), "hours", TOML_LINE),
    ],
)  # fmt: skip
def test_an_error_in_a_scenario_file_is_one_line(
    change: tuple[str, str], place: str, cause: Reason | Code, tmp_path: Path
) -> None:
    """cause: the reason or its code."""
    assert change[0] in FILE
    path = tmp_path / "mine.toml"
    path.write_text(FILE.replace(*change, 1), encoding="utf-8")
    with pytest.raises(InvalidValue) as caught:
        load(str(path))
    reason = caught.value.reason
    assert (reason.code, reason.data["file"]) == (reasons.SCENARIO_FILE_PROBLEM, "mine.toml")
    found = scenario_problem(reason.data["cause"])
    assert found[0] == place
    assert cause in (found[1], getattr(found[1], "code", None))
    code, output = simulate(str(path), "--seconds", "1")
    assert code == 2
    assert output == f"{text_of(reason)}\n"
    assert output.count("\n") == 1


@pytest.mark.text
@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["hoits"], "'hoist'"),
        (["nowhere.toml"], "nowhere.toml: No such file"),
        (["hoist", "--time-factor", "100", "--seconds", "5", "--print-config"], "`--print-config`"),
        (["hoist", "--device", "abb/b23"], "`--device`"),
        (["--device", "abb/b23"], "`--tcp [PORT]`"),
        (["--device", "abb/b23", "--tcp", "70000"], "70000"),
        (["hoist", "--line", "9600 8N1"], "`--line`"),
        (["hoist", "--serial"], "`--serial`"),
        (["--device", "abb/b23", "--tcp", "--plc"], "`--plc`"),
    ],
)
def test_an_invalid_option_is_one_line(arguments: list[str], expected: str) -> None:
    code, output = simulate(*arguments)
    assert code == 2
    assert expected in output
    assert output.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--time-factor", "0.5"], codes.TIME_FACTOR_OUT_OF_RANGE(value=0.5, low=1.0, high=1e6)),
        (["--time-factor", "1e7"], codes.TIME_FACTOR_OUT_OF_RANGE(value=1e7, low=1.0, high=1e6)),
        (["--time-factor", "61"], codes.DURATION_MISSING(value=61.0, limit=60.0)),
        (["--output", "x.ndjson"], codes.NOT_ACCELERATED(limit=60.0)),
        (["--plc"], codes.SCENARIO_WITHOUT_PLC(scenario="hoist")),
        (
            ["--fault", "dip"],
            codes.FAULT_UNKNOWN(
                value="dip",
                scenario="hoist",
                known=("supply-unbalance", "demagnetization", "loss-of-synchronism", "drive-silent"),
            ),
        ),
        (
            ["--truth", "/nowhere/x.ndjson"],
            OUTPUT_FOLDER_MISSING(path="/nowhere/x.ndjson", folder="/nowhere"),
        ),
    ],
)
def test_an_option_that_is_not_possible_has_a_code(arguments: list[str], expected: Reason) -> None:
    code, output = simulate("hoist", *arguments)
    assert code == 2
    assert output.removeprefix("--truth ") == f"{text_of(expected)}\n"


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("dip@x", codes.FAULT_TIME_INVALID(value="dip@x", example="dip@30-120")),
        ("dip@-1", codes.FAULT_TIME_INVALID(value="dip@-1", example="dip@30-120")),
        ("dop", codes.FAULT_UNKNOWN(value="dop", scenario="pump-station", known=("dip",))),
    ],
)
def test_a_fault_is_a_name_and_a_time(fault: str, expected: Reason) -> None:
    scenario = load("pump-station")
    assert fault_of(scenario, "dip@7.5") == PlannedFault("dip", 7.5)
    with pytest.raises(InvalidValue) as error:
        fault_of(scenario, fault)
    assert error.value.reason == expected


def test_a_time_factor_that_is_not_a_number_is_rejected() -> None:
    with pytest.raises(InvalidValue) as error:
        is_accelerated(float("nan"), None, None, load("hoist"))
    assert error.value.reason.code == codes.TIME_FACTOR_OUT_OF_RANGE


def test_a_port_in_use_is_an_error_of_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        path = tmp_path / "mine.toml"
        path.write_text(FILE.replace("port = 0", f"port = {port}"), encoding="utf-8")
        done = subprocess.run(
            [*MAGWATT, "simulate", str(path)], capture_output=True, text=True, timeout=180, check=False
        )
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert done.stderr == f"{path}: {text_of(reasons.TCP_PORT_NOT_OPENED(port=port))}\n"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """The fans on their serial line with time factor 20. Yields the process and the configuration."""
    config = tmp_path / "plant.toml"
    process = subprocess.Popen(
        [*MAGWATT, "simulate", "fan-retrofit", "--time-factor", "20", "--write-config", str(config), "--truth",
         str(tmp_path / "truth.ndjson")],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "TMPDIR": str(tmp_path)},
    )  # fmt: skip
    until_s = time.monotonic() + 30
    while not config.exists() and process.poll() is None and time.monotonic() < until_s:
        time.sleep(0.05)
    yield process, config
    process.kill()
    process.communicate()


def test_the_agent_reads_a_scenario_on_a_serial_line(served: tuple[subprocess.Popen[str], Path]) -> None:
    process, config = served
    done = subprocess.run(
        [*MAGWATT, "read", "--json", str(config)], capture_output=True, text=True, timeout=180, check=False
    )
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0
    rows = [json.loads(line) for line in (config.parent / "truth.ndjson").read_text().splitlines()]
    assert (rows[-1]["t"] - rows[0]["t"]) / 1000 == pytest.approx(2 * (len(rows) - 1), abs=0.01)
    read = [json.loads(line) for line in done.stdout.splitlines()]
    powers = {item["device"]: item["values"]["active_power_w"] for item in read if "active_power_w" in item["values"]}
    for device, asset in (("mcc-fan-damper", "fan-damper"), ("mcc-fan-driven", "fan-driven")):
        true = [row[asset]["active_power_w"] for row in rows]
        assert 0.99 * min(true) <= powers[device] <= 1.01 * max(true)
    assert not list(config.parent.glob("magwatt-line-*")), "the folder of the port is deleted"


def test_a_port_that_disappears_ends_the_plant_with_one_line(served: tuple[subprocess.Popen[str], Path]) -> None:
    process, config = served
    (folder,) = config.parent.glob("magwatt-line-*")
    (folder / "agent").unlink()
    assert process.wait(60) == 2
    assert process.stderr is not None
    error = process.stderr.read()
    assert error.count("\n") == 1
    assert str(folder / "agent") in error


@pytest.mark.parametrize("name", names())
def test_each_scenario_is_in_the_docs_with_its_picture(name: str) -> None:
    docs = Path(__file__).parents[2] / "docs"
    assert f"### {name}\n" in (docs / "reference" / "scenarios.md").read_text(encoding="utf-8")
    assert f"](../pictures/scenarios/{name}.svg)" in (docs / "reference" / "scenarios.md").read_text(encoding="utf-8")
    assert (docs / "pictures" / "scenarios" / f"{name}.svg").stat().st_size < 150_000
