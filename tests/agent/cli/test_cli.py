"""The commands as typed: exit codes, one clear line, never a traceback."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support import metered_retrofit
from support.basics import Mosquitto, free_port, real_command
from support.command_line import invoke

from agent.cli.read_view import reading_text
from agent.cli.watch_view import table
from agent.config.loader import parse_broker
from agent.core.columns import cells
from agent.core.text import _, text_of
from agent.delivery.mqtt.follower import FILTER_INVALID, FollowedMessage, Follower, check_filter
from agent.simulation.serve import cannot_write
from drivers.reading import Reading
from drivers.reasons import InvalidValue

ROOT = Path(__file__).parents[3]


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


@pytest.mark.text
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


def test_unknown_words_get_the_nearest_one(tmp_path: Path) -> None:
    assert "'pump-station'" in invoke("simulate", "pumpstation").output
    assert "pump-station" in invoke("simulate").output.split()
    assert invoke("replay", "nothing.npz").exit_code == 2
    assert invoke("watch", "http://x").exit_code == 2
    assert invoke("check", str(tmp_path)).exit_code == 2


def test_profiles_lists_what_ships() -> None:
    rows = [json.loads(line) for line in invoke("profiles", "--json").output.splitlines()]
    assert {"eastron/sdm630", "yaskawa/ga800", "schneider/pm5000"} <= {row["profile"] for row in rows}


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


@pytest.mark.text
@pytest.mark.parametrize("width", [60, 80, 104, 160])
@pytest.mark.parametrize("state", ["online", "stale", "offline", "maintenance"])
@pytest.mark.parametrize("quality", ["good", "uncertain", "bad"])
def test_only_names_are_cut_in_the_table(width: int, state: str, quality: str) -> None:
    for status in ("online", "offline"):
        for name in ("p", "Cooling-water pump 2", "1#除鳞泵" * 5, "x" * 64):
            lines = [
                "".join(span.text for span in line) for line in table(followed(state, quality, status, name), width)
            ]
            [row] = [line for line in lines if "1234.57" in line]
            assert all(word in row for word in (quality, "93.0 ±12.1", state if status == "online" else "–")), row
            assert cells(row) <= width
            assert width < 80 or name in ("p", "Cooling-water pump 2") or "…" in row or name in row
            assert width < 80 or row.endswith(" s")
            assert width < 160 or all(word in row for word in ("M1", "133.2", "1487", "1100.2"))


def test_a_motor_of_an_offline_gateway_is_not_online() -> None:
    there, away = (table(followed("online", "good", status), 140) for status in ("online", "offline"))
    assert (_("online"), "green") in {(span.text.strip(), span.style) for line in there for span in line}
    heading, row, _note = [line for line in away if any("gw" in span.text or "1234.57" in span.text for span in line)]
    assert (_("offline"), "red") in heading
    assert {span.style for span in row} <= {"bold red", "dim", "yellow"}
    assert _("online") not in "".join(span.text for span in row)


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
