"""TLS: host name verification, certificates of broker and client, and their expiry."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from support.basics import Mosquitto, real_command, wait_until, within
from support.mqtt import Line

from agent.config.model import Mqtt
from agent.delivery.mqtt import tls
from agent.delivery.reasons import (
    BROKER_CERTIFICATE_INVALID,
    CERTIFICATE_INVALID,
    CERTIFICATE_MISSING,
    CLIENT_CERTIFICATE_EXPIRING,
    CONNECT_FAILED,
)
from drivers.reasons import InvalidValue, Reason


def openssl(*arguments: str, folder: Path) -> None:
    subprocess.run([real_command("openssl"), *arguments], cwd=folder, check=True, capture_output=True)


def make_certificate(folder: Path, name: str, alt: str, days: int) -> None:
    """NAME.pem and NAME.key, signed by ca.pem."""
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj",
            f"/CN={name}", folder=folder)  # fmt: skip
    (folder / "ext").write_text(f"subjectAltName={alt}\n")
    openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days",
            str(days), "-out", f"{name}.pem", "-extfile", "ext", folder=folder)  # fmt: skip


@pytest.fixture(scope="module")
def papers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("papers")
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-days", "400",
            "-subj", "/CN=plant authority", folder=folder)  # fmt: skip
    make_certificate(folder, "broker", "IP:127.0.0.1", 200)
    make_certificate(folder, "elsewhere", "DNS:broker.example", 200)
    make_certificate(folder, "gw", "DNS:gw-07", 10)
    for file in folder.glob("*.key"):
        file.chmod(0o600)
    return folder


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    found = Line(tmp_path / "state")
    yield found
    found.close()


def broker_of(folder: Path, papers: Path, name: str, extra: str = "") -> Mosquitto:
    text = f"cafile {papers / 'ca.pem'}\ncertfile {papers / name}.pem\nkeyfile {papers / name}.key\n{extra}"
    broker = Mosquitto(folder, text)
    broker.start()
    return broker


def test_a_broker_with_a_good_certificate_gets_the_rows(tmp_path: Path, papers: Path, line: Line) -> None:
    broker = broker_of(tmp_path, papers, "broker")
    sink = line.sink(Mqtt("127.0.0.1", broker.port, True, ca=papers / "ca.pem"))
    wait_until(lambda: sink.link.connected, 5, "connected")
    line.put(300)
    wait_until(lambda: sink.published == 300, 10, "all confirmed")
    assert sink.numbers()["certificate_days"] == pytest.approx(200, abs=1.1)
    assert line.events == []
    broker.stop()


# paho leaves the socket of a failed handshake to the garbage collector
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("trouble", ["another host", "another authority"])
def test_a_broker_without_a_valid_certificate_gets_nothing(
    tmp_path: Path, papers: Path, line: Line, caplog: pytest.LogCaptureFixture, trouble: str
) -> None:
    broker = broker_of(tmp_path, papers, "elsewhere" if trouble == "another host" else "broker")
    ca = papers / "ca.pem" if trouble == "another host" else None  # the system's authorities do not know ours
    sink = line.sink(Mqtt("127.0.0.1", broker.port, True, ca=ca))
    wait_until(lambda: bool(caplog.records), 5, "logged")
    (reason,) = [item for item in caplog.records[0].args or () if isinstance(item, Reason)]
    assert reason.code == CONNECT_FAILED
    assert reason.data["error"].code == BROKER_CERTIFICATE_INVALID
    assert not sink.link.connected
    assert sink.link.connects == 0
    broker.stop()


def test_the_client_certificate_is_presented_and_its_expiry_announced(tmp_path: Path, papers: Path, line: Line) -> None:
    broker = broker_of(tmp_path, papers, "broker", "require_certificate true\nuse_identity_as_username true\n")
    settings = Mqtt("127.0.0.1", broker.port, True, ca=papers / "ca.pem", cert=papers / "gw.pem", key=papers / "gw.key")
    sink = line.sink(settings)
    wait_until(lambda: sink.link.connected, 5, "connected")
    wait_until(lambda: bool(line.events), 2, "an event")
    ((kind, reason),) = line.events
    assert (kind, reason.code) == ("certificate_expiring", CLIENT_CERTIFICATE_EXPIRING)
    assert reason.data["file"] == str(papers / "gw.pem")
    assert reason.data["end_ms"] == 1000 * tls.file_ends(papers / "gw.pem").timestamp()
    assert reason.data["days"] == pytest.approx(10, abs=1.1)
    assert sink.numbers()["certificate_days"] == pytest.approx(10, abs=1.1)
    broker.stop()


def test_a_renewed_certificate_is_the_one_that_counts(tmp_path: Path, papers: Path, line: Line) -> None:
    """The broker restarts with a new certificate, whose expiry replaces that of the old one."""
    make_certificate(papers, "short", "IP:127.0.0.1", 20)
    broker = broker_of(tmp_path, papers, "short")
    sink = line.sink(Mqtt("127.0.0.1", broker.port, True, ca=papers / "ca.pem"))
    wait_until(lambda: sink.link.connected, 5, "connected")
    assert sink.numbers()["certificate_days"] == pytest.approx(20, abs=1.1)
    for kind in ("pem", "key"):
        shutil.copy(papers / f"broker.{kind}", papers / f"short.{kind}")
    broker.stop()
    broker.start()
    wait_until(lambda: sink.link.connects == 2, 10, "connected again")
    assert sink.numbers()["certificate_days"] == pytest.approx(200, abs=1.1)
    broker.stop()


def test_without_a_client_certificate_such_a_broker_rejects_the_connection(
    tmp_path: Path, papers: Path, line: Line
) -> None:
    broker = broker_of(tmp_path, papers, "broker", "require_certificate true\n")
    sink = line.sink(Mqtt("127.0.0.1", broker.port, True, ca=papers / "ca.pem"))
    with pytest.raises(AssertionError):
        within(lambda: sink.link.connected, 1.5, "connected")
    broker.stop()


@pytest.mark.parametrize("days", [3, 400, 20_000])
def test_ends_agrees_with_openssl(tmp_path: Path, days: int) -> None:
    """Years up to 2049 are written with two digits, later ones with four (RFC 5280, 4.1.2.5)."""
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "k", "-out", "c.pem", "-days", str(days),
            "-subj", "/CN=x/O=y", folder=tmp_path)  # fmt: skip
    output = subprocess.run([real_command("openssl"), "x509", "-in", "c.pem", "-noout", "-enddate"], cwd=tmp_path,
                          check=True, capture_output=True, text=True).stdout  # fmt: skip
    expected = datetime.strptime(output.strip(), "notAfter=%b %d %H:%M:%S %Y GMT").replace(tzinfo=UTC)
    assert tls.file_ends(tmp_path / "c.pem") == expected
    assert abs(expected - datetime.now(UTC) - timedelta(days=days)) < timedelta(minutes=5)


@pytest.mark.parametrize("data", [b"", b"0", b"\x30\x82\xff\xff", bytes(100), b"\x30\x05hello"])
def test_data_that_is_not_a_certificate_is_rejected(data: bytes) -> None:
    with pytest.raises(InvalidValue) as error:
        tls.ends(data)
    assert error.value.reason == CERTIFICATE_INVALID()


def test_a_file_without_a_certificate_is_rejected(tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_text("-----BEGIN PRIVATE KEY-----")
    with pytest.raises(InvalidValue) as error:
        tls.file_ends(tmp_path / "key.pem")
    assert error.value.reason == CERTIFICATE_MISSING(file=str(tmp_path / "key.pem"))
