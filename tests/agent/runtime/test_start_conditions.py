"""What prevents the agent from working is known before its start; the log of `run` has it, too."""

from __future__ import annotations

import fcntl
import socket
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from support.basics import free_port, real_command
from support.config_text import at_input, bus, drive, load_all, magnet, meter, site, table

from agent.cli import main
from agent.config import reasons as config_reasons
from agent.runtime import reasons as codes
from agent.runtime.start_conditions import add_start_conditions
from drivers.reasons import Code

BASE = site() + bus() + at_input("m")


def found(folder: Path, text: str) -> dict[str, str]:
    """Key → code of the findings and notes that the start adds."""
    config, report = load_all(folder, text + table("store", state_dir="state"))
    before = len(report.findings), len(report.notes)
    add_start_conditions(config, report)
    added = [*report.findings[before[0] :], *report.notes[before[1] :]]
    return {item.key: item.reason.code for item in added}


def mqtt(**keys: object) -> str:
    return table("mqtt", url="mqtts://b.example", **keys)


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("mqtt://b:1883", None),
        ("mqtt://b:8883", codes.PORT_OF_TLS),
        ("mqtts://b:8883", None),
        ("mqtts://b:1883", codes.PORT_WITHOUT_TLS),
        ("mqtts://b:8884", None),
    ],
)
def test_ports_of_brokers(tmp_path: Path, url: str, code: Code | None) -> None:
    assert found(tmp_path, BASE + table("mqtt", url=url)) == ({"mqtt.url": code} if code else {})


def test_contents_of_files(tmp_path: Path) -> None:
    for name in ("ca.pem", "gw.pem", "gw.key", "password"):
        (tmp_path / name).touch(0o600)
    text = BASE + mqtt(user="gw", password_file="password", ca="ca.pem")
    assert found(tmp_path, text) == {"mqtt.password_file": codes.PASSWORD_EMPTY, "mqtt.ca": codes.CA_UNUSABLE}
    assert found(tmp_path, BASE + mqtt(cert="gw.pem", key="gw.key")) == {"mqtt.cert": codes.CLIENT_CERTIFICATE_UNUSABLE}


@pytest.mark.parametrize("password", ["", "hunter2"])
def test_a_key_with_a_password_is_found_without_asking_for_it(tmp_path: Path, password: str) -> None:
    lock = ["-aes256", "-pass", f"pass:{password}"] if password else []
    for command in (
        ["genpkey", "-algorithm", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", "gw.key", *lock],
        ["req", "-x509", "-key", "gw.key", "-passin", f"pass:{password}", "-subj", "/CN=gw", "-out", "gw.pem"],
    ):
        subprocess.run([real_command("openssl"), *command], cwd=tmp_path, check=True, capture_output=True)
    (tmp_path / "gw.key").chmod(0o600)
    expected = {"mqtt.cert": codes.CLIENT_CERTIFICATE_UNUSABLE} if password else {}
    assert found(tmp_path, BASE + mqtt(cert="gw.pem", key="gw.key")) == expected


def test_transports(tmp_path: Path) -> None:
    """finder/7m38 has RTU only: right with a Modbus gateway, therefore a note."""
    rtu_only = meter("m2", 2, profile="finder/7m38")
    assert found(tmp_path, BASE + rtu_only) == {"meter.m2.profile": codes.PROFILE_RTU_ONLY}
    assert found(tmp_path, site() + bus(framing="rtu") + at_input("m") + rtu_only) == {}


@pytest.mark.parametrize("running", [False, True])
def test_a_port_in_use_is_no_problem_while_the_agent_itself_listens(tmp_path: Path, running: bool) -> None:
    """The lock is that of a running agent."""
    (tmp_path / "state").mkdir()
    with (tmp_path / "state" / "agent.lock").open("w") as lock, socket.create_server(("127.0.0.1", 0)) as other:
        if running:
            fcntl.flock(lock, fcntl.LOCK_EX)
        port = other.getsockname()[1]
        expected = {} if running else {"prometheus.listen": codes.LISTEN_PORT_TAKEN}
        assert found(tmp_path, BASE + table("prometheus", listen=f"127.0.0.1:{port}")) == expected


def test_an_address_of_another_computer_is_found(tmp_path: Path) -> None:
    text = BASE + table("prometheus", listen=f"192.0.2.1:{free_port()}")  # RFC 5737: of no computer
    assert found(tmp_path, text)["prometheus.listen"] == codes.LISTEN_ADDRESS_UNKNOWN


def test_check_with_an_unknown_account_is_wrong_usage(tmp_path: Path) -> None:
    (tmp_path / "plant.toml").write_text(BASE)
    done = CliRunner().invoke(main, ["check", str(tmp_path / "plant.toml"), "--as-user", "no-such-user"])
    assert done.exit_code == 2
    assert len(done.output.splitlines()) == 1


@pytest.mark.parametrize(("profile", "expected"), [("yaskawa/ga800", None), ("siemens/g120", codes.TRIP_NOT_SHOWN)])
def test_a_drive_whose_trip_cannot_be_seen(tmp_path: Path, profile: str, expected: Code | None) -> None:
    text = site() + bus(tcp=None, serial="/dev/ttyNONE", line="9600 8N1") + at_input("m")
    text += drive("d", fed_by="m", profile=profile) + magnet("pump", "d")
    assert found(tmp_path, text).get("drive.d.profile") == expected


@pytest.mark.parametrize(
    ("days", "code"),
    [
        (-1, config_reasons.CALIBRATION_ENDED), (1, config_reasons.CALIBRATION_ENDS),
        (59, config_reasons.CALIBRATION_ENDS), (62, None),
    ],
)  # fmt: skip
def test_certificates_that_have_expired_or_soon_will(tmp_path: Path, days: int, code: Code | None) -> None:
    """1 and not 0, 62 and not 61: the test may run at midnight."""
    until = datetime.now(UTC).date() + timedelta(days)
    text = f'certificate = {{ number = "E1", laboratory = "L", issued = 2020-01-01, valid_until = {until} }}\n'
    loaded, report = load_all(tmp_path, BASE + text + table("store", state_dir="state"))
    add_start_conditions(loaded, report)
    levels = {item.reason.code: item.level for item in (*report.findings, *report.notes)}
    assert levels.get(config_reasons.CALIBRATION_ENDED) == ("finding" if days < 0 else None)
    assert found(tmp_path, BASE + text) == ({"meter.m.certificate": code} if code else {})
