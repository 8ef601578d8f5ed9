"""The commands as typed: exit codes, one clear line, never a traceback."""

from __future__ import annotations

import io
import json
import os
import re
import shlex
import subprocess
import sys
import time
import unicodedata
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner, Result
from rich.console import Console
from support import metered_retrofit
from support.basics import Mosquitto, free_port, real_command

from agent.analysis.recordings.reasons import NO_COMPLETE_WINDOW
from agent.cli import GROUPS, main, watch_view, wrapped
from agent.cli.fleet import fleet
from agent.cli.read_view import reading_text
from agent.config.loader import parse_broker
from agent.core.text import text_of
from agent.delivery.mqtt.follower import FILTER_INVALID, FollowedMessage, Follower, check_filter
from agent.simulation.serve import cannot_write
from drivers.error_reasons import (
    CHANNELS_UNIDENTIFIED,
    COMTRADE_FILE_MISSING,
    COMTRADE_TRUNCATED,
    CSV_WITHOUT_NUMBERS,
    NPZ_UNREADABLE,
)
from drivers.file_reasons import FILE_EMPTY
from drivers.reading import Reading
from drivers.reasons import InvalidValue, Reason

ROOT = Path(__file__).parents[3]

NAN = float("nan")


def invoke(*arguments: str) -> Result:
    result = CliRunner().invoke(main, list(arguments))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def sine(path: Path, seconds: float = 1.0, rate_hz: float = 5000.0, spoil: int | None = None) -> Path:
    t = np.arange(int(seconds * rate_hz)) / rate_hz
    u = np.array([325 * np.sin(2 * np.pi * 50 * t - k * 2 * np.pi / 3) for k in range(3)])
    if spoil is not None:
        u[0, spoil] = NAN
    np.savez(path, fs=rate_hz, u_abc=u, i_abc=u / 20)
    return path


HEAVY = {"numba", "numpy", "pymodbus", "rich", "msgspec", "paho", "serial", "comtrade", "asyncio", "logging"}
COMMANDS = {name: entry for entries in GROUPS.values() for name, entry in entries.items()}
HELP_WIDTH = 80


def modules_after(*words: str) -> set[str]:
    """Names of the modules that are imported once `magwatt WORDS` has ended."""
    script = f"import sys\nfrom agent.cli import main\ntry:\n    main({list(words)!r})\nexcept SystemExit:\n    pass\n"
    script += "print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-P", "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    return set(done.stdout.splitlines()[-1].split())


def test_help_imports_no_command_and_nothing_heavy() -> None:
    modules = modules_after("--help")
    assert not {name.split(".")[0] for name in modules} & HEAVY
    product = {name for name in modules if name.startswith(("agent.", "drivers", "dsp", "simulators"))}
    assert product == {
        "agent.cli", "agent.core", "agent.core.columns", "agent.core.text", "drivers", "drivers.reasons",
    }  # fmt: skip


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_a_command_imports_that_command_only(name: str) -> None:
    modules = modules_after(name, "--help")
    assert not {module.split(".")[0] for module in modules} & (HEAVY - {"logging"})
    places = {f"agent.cli.{entry.place.partition(':')[0]}" for entry in COMMANDS.values()}
    assert modules & places == {f"agent.cli.{COMMANDS[name].place.partition(':')[0]}"}


@pytest.mark.text
def test_the_commands_are_in_four_groups() -> None:
    options = invoke("--help").output.split("Options:")[1]
    headings = [line for line in options.splitlines() if re.match(r"[A-Z].*:$", line)]
    assert headings == ["Start:", "Operate:", "Savings:", "Data and tools:"]
    first_words = [line.split()[0] for line in options.partition("Start:")[2].splitlines() if line.startswith("  ")]
    assert first_words == [
        "demo", "init", "scan", "identify", "check", "plan", "doctor", "commission",
        "run", "read", "watch", "explain", "maintenance", "resume",
        "import", "baseline", "adjustment", "report", "ledger",
        "replay", "simulate", "profiles", "compile",
    ]  # fmt: skip


@pytest.mark.text
@pytest.mark.parametrize("name", COMMANDS)
def test_the_summary_of_a_command_is_its_own_and_fits_the_line(name: str) -> None:
    command = main.get_command(click.Context(main), name)
    assert command is not None
    assert command.name == name
    line = next(line for line in invoke("--help").output.splitlines() if re.match(rf"  {name} ", line))
    summary = line.split(maxsplit=1)[1]
    assert "…" not in line
    assert len(line) < HELP_WIDTH
    assert summary == COMMANDS[name].summary == command.get_short_help_str(limit=HELP_WIDTH).rstrip(".")


def options_of(command: click.Command, path: str) -> list[tuple[str, click.Option]]:
    if isinstance(command, click.Group):
        context = click.Context(command)
        children = [(name, command.get_command(context, name)) for name in command.list_commands(context)]
        found = [item for name, child in children if child for item in options_of(child, f"{path} {name}")]
    else:
        found = []
    return found + [(path, option) for option in command.params if isinstance(option, click.Option)]


@pytest.mark.text
def test_an_option_has_one_meaning_in_all_commands() -> None:
    """The same value type, and the same help where nothing in the command's task differs."""
    everywhere = options_of(main, "magwatt") + options_of(fleet, "magwatt simulate fleet")
    by_name: dict[str, list[tuple[str, click.Option]]] = {}
    for path, option in everywhere:
        assert option.help, f"{path} {option.opts[0]}: has no help"
        for name in option.opts:
            by_name.setdefault(name, []).append((path, option))
    for name in ("--config", "--user", "--password-file", "--ca", "--key", "--checkpoint", "--state"):
        texts = {option.help for path, option in by_name[name] if path != "magwatt explain"}
        assert len(texts) == 1, f"{name}: {texts}"
    for name in ("--json", "--replace", "--list", "--release"):
        assert all(option.is_flag for _, option in by_name[name]), name
    for name in ("--config", "--output", "--write-config", "--truth", "--key", "--checkpoint"):
        assert {option.metavar for _, option in by_name[name]} == {"FILE"}, name
    for path, option in by_name["--seconds"]:
        assert path == "magwatt explain" or option.help == "Stop after this many seconds.", path
    for _, option in by_name["--json"]:
        assert option.help
        assert option.help.startswith("Print JSON: one object")
    assert not set(by_name) & {
        "--roots", "--spoil", "--speed", "--again", "--ends", "--times", "--yes-fc03", "--published", "--records",
        "--bypass", "--also", "--out", "--every", "--units",
    }  # fmt: skip


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with plant.toml, other.toml and no $MAGWATT_CONFIG."""
    monkeypatch.delenv("MAGWATT_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "plant.toml").write_text("[nonsense]\n", encoding="utf-8")
    (tmp_path / "other.toml").write_text("[nonsense]\n", encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("command", ["run", "check", "plan", "read", "doctor", "commission"])
@pytest.mark.parametrize(
    ("words", "variable", "read"),
    [
        ([], None, "plant.toml"),
        ([], "other.toml", "other.toml"),
        (["other.toml"], None, "other.toml"),
        (["other.toml"], "plant.toml", "other.toml"),
        (["--config", "other.toml"], None, "other.toml"),
        (["--config", "other.toml"], "plant.toml", "other.toml"),
        (["missing.toml"], None, "missing.toml"),
    ],
)
def test_where_a_configuration_is_read_from(
    here: Path, monkeypatch: pytest.MonkeyPatch, command: str, words: list[str], variable: str | None, read: str
) -> None:
    if variable:
        monkeypatch.setenv("MAGWATT_CONFIG", variable)
    done = invoke(command, *words)
    assert done.exit_code == 2
    summary = done.output.splitlines()[-1]
    assert [name for name in ("plant.toml", "other.toml", "missing.toml") if name in summary] == [read], done.output


@pytest.mark.parametrize("command", ["run", "check", "plan", "read", "doctor", "commission"])
def test_two_configurations_are_an_error(here: Path, command: str) -> None:
    done = invoke(command, "plant.toml", "--config", "other.toml")
    assert done.exit_code == 2
    assert len(done.output.splitlines()) == 1
    assert "other.toml" in done.output
    assert "plant.toml" in done.output


def test_without_a_configuration_the_error_names_the_places(here: Path) -> None:
    (here / "plant.toml").unlink()
    done = invoke("check")
    if Path("/etc/magwatt/plant.toml").exists():
        pytest.skip("this machine has an installed configuration")
    assert done.exit_code == 2
    assert len(done.output.splitlines()) == 1


@pytest.mark.text
def test_without_a_configuration_the_error_contains_places_and_options(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.cli.options.PLACES", ())
    assert invoke("check").output == (
        "no configuration found (./plant.toml, /etc/magwatt/plant.toml); use --config FILE or MAGWATT_CONFIG\n"
    )


@pytest.mark.parametrize(
    ("words", "start", "near"),
    [
        (["mcc-12", "mcc-21"], "mcc-21: ", ""),
        (["mcc-21"], "mcc-21: ", "'mcc-12'"),
        (["plant.toml", "mcc-21"], "mcc-21: ", "'mcc-12'"),
        (["config", "mcc-21"], "mcc-21: ", "'mcc-12'"),
        (["plant.conf"], "plant.conf: ", "mcc-12"),
    ],
)
def test_read_distinguishes_a_file_from_a_device(here: Path, words: list[str], start: str, near: str) -> None:
    """A file ends in .toml, has a folder, or exists; anything else is a device of the default configuration."""
    for name in ("plant.toml", "config"):
        (here / name).write_text(metered_retrofit.PLANT, encoding="utf-8")
    done = invoke("read", *words)
    assert done.exit_code == 2
    [line] = done.output.splitlines()
    assert line.startswith(start)
    assert near in line


@pytest.mark.parametrize("setting", ["", 'comm_loss = "armed"'])
def test_read_of_a_drive_that_is_not_polled_states_the_configured_reason(here: Path, setting: str) -> None:
    text = metered_retrofit.PLANT.replace('comm_loss = "not used"', setting)
    (here / "plant.toml").write_text(text, encoding="utf-8")
    done = invoke("read", "dp-1")
    assert done.exit_code == 1
    [*_, finding, last] = done.output.splitlines()
    assert ("missing" in finding) == (setting == "")
    assert "comm_loss" in finding
    assert "dp-1" in last
    assert "missing" not in last


def test_read_treats_a_path_as_a_file(here: Path) -> None:
    (here / "plant.toml").write_text(metered_retrofit.PLANT, encoding="utf-8")
    done = invoke("read", "./plant.conf")
    assert done.exit_code == 2
    problem, summary = done.output.splitlines()
    assert problem.startswith("plant.conf: ")
    assert "plant.conf" in summary


def test_commission_distinguishes_a_file_from_a_motor(here: Path) -> None:
    (here / "plant.toml").write_text(metered_retrofit.PLANT, encoding="utf-8")
    for words in (["fam"], ["plant.toml", "fam"], ["--config", "plant.toml", "fam"]):
        done = invoke("commission", *words)
        assert done.exit_code == 2
        assert "fam" in done.output
        assert "'fan'" in done.output


KEYS = {
    "t_s", "n_cycles", "frequency_hz", "flags", "u_rms_v", "i_rms_a", "p_w", "q1_var", "s_va", "pf", "h_u_v", "h_i_a",
    "sg_u_v", "sg_i_a", "thd_u_pct", "thd_i_pct", "u1_v", "u2_pct", "u0_pct", "i2_pct", "i0_pct",
}  # fmt: skip


def test_replay_prints_one_object_for_each_window(tmp_path: Path) -> None:
    done = invoke("replay", str(sine(tmp_path / "a.npz")), "--json")
    assert done.exit_code == 0
    rows = [json.loads(line) for line in done.output.splitlines()]
    assert len(rows) == 5
    for number, row in enumerate(rows):
        assert set(row) >= KEYS
        assert row["t_s"] == pytest.approx(0.1 + 0.2 * number, abs=2e-3)
        assert row["n_cycles"] == 10
        assert row["flags"] == []
        assert row["p_w"] == pytest.approx(3 * 325 * 325 / 20 / 2, rel=1e-5)
        assert [len(item) for item in row["h_u_v"]] == [51, 51, 51]
        assert row["sg_u_v"][0][1] == pytest.approx(325 / 2**0.5, rel=1e-4)
        assert row["h_u_v"][0][46] is None, "2300 Hz is above 0.45 of 5000 S/s"
        assert row["h_u_v"][0][45] is not None


def test_replay_takes_a_part_of_the_file(tmp_path: Path) -> None:
    done = invoke("replay", str(sine(tmp_path / "a.npz", 2)), "--from", "0.5", "--to", "1.1", "--json")
    assert [json.loads(line)["t_s"] for line in done.output.splitlines()] == pytest.approx([0.6, 0.8, 1.0], abs=2e-3)


def test_a_nan_flags_its_window_only(tmp_path: Path) -> None:
    done = invoke("replay", str(sine(tmp_path / "a.npz", spoil=2500)), "--json")
    rows = [json.loads(line) for line in done.output.splitlines()]
    assert [row["flags"] for row in rows] == [[], [], ["GAP"], [], []]
    assert rows[2]["u_rms_v"][0] is None
    assert rows[2]["u_rms_v"][1] == pytest.approx(325 / 2**0.5, rel=1e-4)
    assert rows[2]["p_w"] is None
    assert rows[3]["p_w"] == pytest.approx(rows[0]["p_w"], rel=1e-6)


def test_nothing_is_nan_in_the_json(tmp_path: Path) -> None:
    np.savez(tmp_path / "z.npz", fs=5000, u_abc=np.zeros((3, 5000)), i_abc=np.full((3, 5000), NAN))
    done = invoke("replay", str(tmp_path / "z.npz"), "--json")
    for line in done.output.splitlines():
        row = json.loads(line, parse_constant=lambda text: pytest.fail(f"{text} is not JSON"))
        assert row["thd_u_pct"] == [None, None, None]
        assert row["frequency_hz"] is None


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("empty.csv", b"", FILE_EMPTY(path="")),
        ("empty.npz", b"", FILE_EMPTY(path="")),
        ("two.csv", b"0.0,1\n0.1,2\n0.2,1\n0.3,2\n", CHANNELS_UNIDENTIFIED(path="", example="1", channels=("1",))),
        ("binary.csv", bytes(range(256)) * 20, CSV_WITHOUT_NUMBERS(path="")),
        ("cut.npz", b"PK\x03\x04junk", NPZ_UNREADABLE(path="", error="BadZipFile: File is not a zip file")),
        ("none.cfg", b"x,y,1999\n", COMTRADE_FILE_MISSING(path="", suffix=".dat")),
    ],
)
def test_a_bad_recording_is_one_line_and_exit_2(tmp_path: Path, name: str, content: bytes, expected: Reason) -> None:
    (tmp_path / name).write_bytes(content)
    done = invoke("replay", str(tmp_path / name))
    assert done.exit_code == 2
    assert done.output.strip() == text_of(expected.code(**{**expected.data, "path": str(tmp_path / name)}))
    assert len(done.output.strip().splitlines()) == 1


def test_a_recording_that_is_shorter_than_a_window_is_an_error(tmp_path: Path) -> None:
    file = str(sine(tmp_path / "a.npz", seconds=0.03))
    done = invoke("replay", file)
    assert done.exit_code == 1
    assert done.output.strip() == text_of(NO_COMPLETE_WINDOW(file=file, length_s=0.03))


def test_unknown_words_get_the_nearest_one(tmp_path: Path) -> None:
    assert "'pump-station'" in invoke("simulate", "pumpstation").output
    assert "pump-station" in invoke("simulate").output.split()
    assert invoke("replay", "nothing.npz").exit_code == 2
    assert invoke("watch", "http://x").exit_code == 2
    assert invoke("check", str(tmp_path)).exit_code == 2


def test_profiles_lists_what_ships() -> None:
    rows = [json.loads(line) for line in invoke("profiles", "--json").output.splitlines()]
    assert {"eastron/sdm630", "yaskawa/ga800", "schneider/pm5000"} <= {row["profile"] for row in rows}


def test_recordings_prints_the_metadata_of_a_file(data: Path) -> None:
    """Figures of the recordings' own page: a generator of 10.98 MW at 59.996 Hz, and a drive's output."""
    folder = data / "recordings"
    generator = str(folder / "pycomtrade_gen" / "test_data2" / "test2.cfg")
    mapping = "u1=VA_GC1,u2=VB_GC1,u3=VC_GC1,i1=IA_GC1,i2=IB_GC1,i3=IC_GC1"
    done = invoke("replay", generator, "--json", "--from", "1.3", "--to", "2.2", "--map", mapping)
    rows = [json.loads(line) for line in done.output.splitlines()]

    def mean(name: str) -> float:
        return sum(row[name] for row in rows) / len(rows)

    assert mean("p_w") == pytest.approx(10.98e6, rel=0.01)
    assert mean("frequency_hz") == pytest.approx(59.996, abs=0.005)
    assert mean("u2_pct") == pytest.approx(1.133, abs=0.1)
    assert rows[0]["u_rms_v"] == pytest.approx([7563, 7584, 7468], rel=1e-3)
    done = invoke("replay", str(folder / "vfd_scope" / "hv350" / "scope_3.csv"), "--json", "--map", "i1=4")
    rows = [json.loads(line) for line in done.output.splitlines()]
    assert len(rows) >= 24
    assert sum(row["i_rms_a"][0] for row in rows) / len(rows) == pytest.approx(2.084, rel=1e-3)
    assert mean("frequency_hz") == pytest.approx(10.001, abs=0.005)
    assert all(row["n_cycles"] == 2 and row["sg_i_a"][0][5] is None for row in rows)
    assert sum(row["thd_i_pct"][0] for row in rows) / len(rows) == pytest.approx(1.0, abs=0.2)


@pytest.mark.parametrize(
    "words",
    [
        *(
            ["replay", "x.npz", option, value]
            for option in ("--from", "--to")
            for value in ("nan", "inf", "-inf", "-1", "x")
        ),
        *([command, "--seconds", value] for command in ("demo", "watch") for value in ("nan", "inf", "0.5")),
        *(["simulate", "pump-station", "--seconds", value] for value in ("nan", "inf", "1e300")),
        ["run", "plant.toml", "--seconds", "nan"],
        ["demo", "--broker", "foo"],
        ["demo", "--primary-host", "a/b"],
        ["simulate", "pump-station", "--broker", "foo"],
        ["watch", "--topic", ""],
        ["watch", "--topic", "a/#/b"],
        ["watch", "--topic", "a/b+"],
        ["watch", "--password-file", "x"],
        ["watch", "--user", "me", "--password-file", "nowhere"],
        ["watch", "mqtts://127.0.0.1", "--ca", "nowhere"],
        ["watch", "mqtt://127.0.0.1", "--ca", __file__],
    ],
)
def test_wrong_usage_is_one_line_and_exit_2(words: list[str]) -> None:
    done = invoke(*words)
    assert done.exit_code == 2
    assert len(done.output.strip().splitlines()) == 1, done.output


@pytest.mark.parametrize("end", ["1e-300", "1e8", "0"])
def test_times_beyond_the_file_end_at_its_end(tmp_path: Path, end: str) -> None:
    done = invoke("replay", str(sine(tmp_path / "a.npz")), "--to", end)
    assert done.exit_code == (0 if end == "1e8" else 2)


@pytest.mark.parametrize("option", ["--write-config", "--truth"])
@pytest.mark.parametrize("place", ["missing/x", "folder", "file/x"])
def test_where_simulate_cannot_write_it_serves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, option: str, place: str
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("")
    monkeypatch.setattr("agent.simulation.serve.serve", lambda *_, **__: pytest.fail("served"))
    before = sorted(tmp_path.rglob("*"))
    done = invoke("simulate", "pump-station", option, str(tmp_path / place))
    assert done.exit_code == 2
    assert len(done.output.strip().splitlines()) == 1
    reason = cannot_write(tmp_path / place)
    assert reason is not None
    assert done.output.strip() == f"{option} {text_of(reason)}"
    assert reason.data["path"] == str(tmp_path / place)
    assert sorted(tmp_path.rglob("*")) == before


def test_simulate_leaves_its_two_files_and_no_more(tmp_path: Path) -> None:
    config, truth = tmp_path / "plant.toml", tmp_path / "truth.ndjson"
    code = "from agent.cli import main; main()"
    words = ["simulate", "pump-station", "--write-config", str(config), "--truth", str(truth), "--seconds", "1"]
    done = subprocess.run([sys.executable, "-P", "-c", code, *words], cwd=ROOT, timeout=180, check=False)
    assert done.returncode == 0
    assert sorted(tmp_path.iterdir()) == [config, truth]


@pytest.mark.parametrize("topic", ["#", "+", "a/b", "a/+/b", "a/#", "+/+/#", "/", "$SYS/#", "a//b"])
def test_filters_of_the_standard(topic: str) -> None:
    check_filter(topic)


@pytest.mark.parametrize("topic", ["", "a#", "#/a", "a/b#", "a+", "a/+b/c", "a\0b", "a\udc80b", "x" * 65536])
def test_filters_that_the_standard_forbids(topic: str) -> None:
    """MQTT 5.0, 4.7.1 and 4.7.3."""
    with pytest.raises(InvalidValue) as rejected:
        check_filter(topic)
    assert rejected.value.reason == FILTER_INVALID()


def test_a_password_in_the_url_is_not_repeated() -> None:
    done = invoke("watch", "mqtt://me:hunter2@127.0.0.1")
    assert done.exit_code == 2
    assert "hunter2" not in done.output


def test_watch_logs_in(tmp_path: Path) -> None:
    passwords = tmp_path / "passwords"
    subprocess.run([real_command("mosquitto_passwd"), "-b", "-c", str(passwords), "me", "right"], check=True)
    for word in ("right", "wrong"):
        (tmp_path / word).write_text(f"{word}\n")
        (tmp_path / word).chmod(0o600)
    broker = Mosquitto(tmp_path, f"allow_anonymous false\npassword_file {passwords}\n")
    broker.start()
    try:
        login = ["watch", broker.url, "--seconds", "1", "--user", "me", "--password-file"]
        assert invoke(*login, str(tmp_path / "right")).exit_code == 0
        refused = invoke(*login, str(tmp_path / "wrong"))
        assert refused.exit_code == 1
        assert len(refused.output.splitlines()) == 1
        assert broker.url.removeprefix("mqtt://") in refused.output
        assert invoke("watch", broker.url, "--seconds", "1").exit_code == 1
    finally:
        broker.stop()


def test_watch_verifies_the_broker_with_the_given_authority(tmp_path: Path) -> None:
    openssl, port = real_command("openssl"), free_port()
    subprocess.run(
        [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem", "-out", "ca.pem", "-days", "1",
         "-subj", "/CN=plant", "-addext", "subjectAltName=IP:127.0.0.1"],
        cwd=tmp_path, check=True, capture_output=True,
    )  # fmt: skip
    extra = f"listener {port} 127.0.0.1\ncertfile {tmp_path / 'ca.pem'}\nkeyfile {tmp_path / 'key.pem'}\n"
    broker = Mosquitto(tmp_path, extra)
    broker.start()
    try:
        url = f"mqtts://127.0.0.1:{port}"
        assert invoke("watch", url, "--seconds", "1", "--ca", str(tmp_path / "ca.pem")).exit_code == 0
        # in a process of its own: paho leaves the socket of a failed handshake to the garbage collector, with a warning
        words = [sys.executable, "-P", "-c", "from agent.cli import main; main()", "watch", url, "--seconds", "1"]
        distrusted = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=180, check=False)
        assert distrusted.returncode == 1
        assert "certificate" in distrusted.stderr.lower()
        assert len(distrusted.stderr.splitlines()) == 1
    finally:
        broker.stop()


def followed(state: str, quality: str, status: str, name: str = "Cooling-water pump 2") -> Follower:
    follower = Follower(parse_broker("mqtt://127.0.0.1"), "#")
    seen = FollowedMessage("magwatt/v1/demo/gw", "pump-2")
    values = {
        "active_power_w": 1234567.0, "shaft_power_w": 154321.0, "shaft_power_w_u": 12345.0, "motor_speed_rpm": 1487.0,
        "current_l1_a": 1100.2, "drive_efficiency_pct": 97.1, "drive_efficiency_pct_u": 10.5,
        "motor_efficiency_pct": 95.0, "motor_efficiency_pct_u": 11.0, "system_efficiency_pct": 93.0,
        "system_efficiency_pct_u": 12.1,
    }  # fmt: skip
    seen.messages = {
        "telemetry": {"v": values, "q": quality, "m": {"system_efficiency_pct": "M1"}, "f": {"*": ["SIMULATED"]}},
        "state": {"state": state},
        "meta": {"name": name},
        "pq3s": {"v": {"thd_i_l1_pct": 133.2}},
    }
    seen.received_s = {"telemetry": time.monotonic()}
    follower.gateways["magwatt/v1/demo/gw"] = status
    follower.seen["magwatt/v1/demo/gw/pump-2"] = seen
    return follower


def drawn(follower: Follower, width: int, colours: bool = False) -> str:
    console = Console(
        file=io.StringIO(), width=width, force_terminal=colours, color_system="standard" if colours else None
    )
    console.print(watch_view.render(follower, width))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.text
@pytest.mark.parametrize("width", [60, 80, 104, 140])
@pytest.mark.parametrize("state", ["online", "stale", "offline", "maintenance"])
@pytest.mark.parametrize("quality", ["good", "uncertain", "bad"])
def test_nothing_is_cut_in_the_table(width: int, state: str, quality: str) -> None:
    for status in ("online", "offline"):
        for name in ("p", "Cooling-water pump 2", "1#除鳞泵" * 5, "x" * 64):
            text = drawn(followed(state, quality, status, name), width)
            assert "…" not in text, text
            for word in (quality, "1234.57", "93.0", "±12.1", "system"):
                assert word in text, text
            assert max(map(len, text.splitlines())) <= width
            assert width < 80 or "age" in text
            assert width < 140 or all(word in text for word in ("method", "133.2", "1487", "1100.2"))


@pytest.mark.text
def test_a_motor_of_an_offline_gateway_is_not_online() -> None:
    there, away = (drawn(followed("online", "good", status), 140, colours=True) for status in ("online", "offline"))
    green, dim = "\x1b[32m", "\x1b[2"
    assert f"{green}online" in there.split("age")[1]
    rows = away.split("age")[1]
    assert "online" not in rows
    assert green not in rows
    assert f"{dim}mgateway offline" in rows or f"{dim};2mgateway offline" in rows


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("energy_import", 184321.028, "184321.028"),
        ("energy_import", 987654321.5, "987654321.5"),
        ("active_power", 1843210.0, "1843210.0"),
        ("active_power", -0.25, "-0.25"),
        ("energy_import", 0.00001, "0.0"),
        ("power_factor", float("nan"), "–"),
    ],
)
def test_read_shows_every_digit_that_is_published(name: str, value: float, expected: str) -> None:
    reading = Reading("m", 0, 0, {name: value})
    (line,) = [line for line in reading_text(reading).splitlines() if name in line]
    assert line.split()[1] == expected


def test_a_truncated_recording_is_noted_with_its_windows(tmp_path: Path) -> None:
    (tmp_path / "r.cfg").write_text(
        "a,b,1999\n1,1A,0D\n1,UL1,A,,V,1,0,0,-32767,32767,1,1,P\n50\n1\n5000,10000\n"
        "01/01/2026,00:00:00.0\n01/01/2026,00:00:00.0\nASCII\n1\n"
    )
    values = np.round(1000 * np.sin(2 * np.pi * 50 * np.arange(4300) / 5000)).astype(int)
    (tmp_path / "r.dat").write_text("".join(f"{n + 1},{n * 200},{value}\n" for n, value in enumerate(values)))
    done = invoke("replay", str(tmp_path / "r.cfg"), "--json")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.exit_code == 0
    assert len(rows) == 4
    assert all(row["u_rms_v"][0] == pytest.approx(1000 / 2**0.5, rel=1e-3) for row in rows), "no zeros came in"
    truncated = COMTRADE_TRUNCATED(file="r.cfg", data_file="r.dat", n=4300, n_stated=10000, length_s=4300 / 5000)
    assert done.stderr.strip() == text_of(truncated)


def readme_lines() -> list[str]:
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    return [line.strip() for line in page.splitlines() if line.startswith("    magwatt replay ")]


def test_the_readme_shows_how_to_replay() -> None:
    assert readme_lines()


@pytest.mark.parametrize("line", readme_lines())
def test_the_recording_of_the_readme_is_there(line: str) -> None:
    """Run as typed in a fresh clone. Truth: P = 3 U I cos 15°, and the THD of the shares in its script."""
    code = "from agent.cli import main; main()"
    words = [sys.executable, "-c", code, *shlex.split(line)[1:], *([] if "--json" in line else ["--json"])]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=180, check=True, env=os.environ)
    rows = [json.loads(row) for row in done.stdout.splitlines()]
    assert rows
    thd = 100 * float(np.linalg.norm([0.35, 0.12, 0.07, 0.04]))
    for row in rows:
        assert row["flags"] in ([], ["MISSING_PHASE"])
        assert row["thd_i_pct"][0] == pytest.approx(thd, abs=0.05)
        if row["p_w"] is not None and "--map" not in line:
            assert row["p_w"] == pytest.approx(3 * 230 * 100 * np.cos(np.radians(15)), rel=1e-3)


def test_the_recording_of_the_readme_is_what_its_script_writes(tmp_path: Path) -> None:
    script = (ROOT / "examples" / "make_recording.py").read_text(encoding="utf-8")
    (tmp_path / "make_recording.py").write_text(script, encoding="utf-8")
    subprocess.run([sys.executable, str(tmp_path / "make_recording.py")], check=True, timeout=180)
    made, kept = (folder / "drive_input.csv" for folder in (tmp_path, ROOT / "examples"))
    assert kept.stat().st_size < 300_000
    first, second = (np.loadtxt(file, delimiter=",", skiprows=1) for file in (made, kept))
    assert np.abs(first - second).max() <= 0.0011  # another libm may round the last digit the other way


@pytest.mark.parametrize("name", COMMANDS)
def test_chinese_help_fits_the_terminal(name: str) -> None:
    """A Chinese character takes two cells. Only a single word, such as a list of choices, may be longer than a line."""
    for line in invoke("--lang", "zh", name, "--help").output.splitlines():
        cells = sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in line)
        assert cells <= HELP_WIDTH or len(line.split()) <= 2, line


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("轮询设备并输出解码后的数值。", ["轮询设备并", "输出解码后", "的数值。"]),
        ("读取 (FC03)，再读", ["读取", "(FC03)，再", "读"]),
        ("poll the device", ["poll the", "device"]),
        ("a-word-that-is-too-long x", ["a-word-that-is-too-long", "x"]),
        ("", [""]),
    ],
)
def test_text_wraps_by_cells(text: str, lines: list[str]) -> None:
    assert wrapped(text, 10) == lines
