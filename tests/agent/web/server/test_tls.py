"""The page with TLS: cookie, versions, requests without TLS, handshakes that are never finished."""

from __future__ import annotations

import contextlib
import datetime
import http.client
import ipaddress
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from support.basics import within
from support.page import Page, running_page

from agent.core import password_hash as password
from agent.web.server import connections
from agent.web.server.start_check import Listen

RIGHT = "correct horse battery"


def self_made(folder: Path) -> tuple[Path, Path]:
    """Certificate and key of 127.0.0.1, PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "gateway")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    cert_file, key_file = folder / "page.pem", folder / "page.key"
    cert_file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )  # fmt: skip
    return cert_file, key_file


@pytest.fixture(scope="module")
def listen(tmp_path_factory: pytest.TempPathFactory) -> Listen:
    folder = tmp_path_factory.mktemp("tls")
    password.write_hash(folder / "web-password", RIGHT)
    cert, key = self_made(folder)
    return Listen(cert=cert, key=key, password=password.read_hash(folder / "web-password"))


@pytest.fixture(scope="module")
def page(listen: Listen) -> Iterator[Page]:
    with running_page(listen=listen) as page:
        yield page


def trusting(listen: Listen) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(listen.cert))


def test_a_login_over_tls_gives_a_cookie_of_this_host_only(page: Page, listen: Listen) -> None:
    connection = http.client.HTTPSConnection("127.0.0.1", page.port, timeout=5, context=trusting(listen))
    origin = {"Origin": f"https://127.0.0.1:{page.port}"}
    connection.request("POST", "/login", urlencode({"password": RIGHT}), origin)
    response = connection.getresponse()
    response.read()
    cookie = response.getheader("set-cookie", "")
    assert response.status == 303
    assert cookie.startswith("__Host-magwatt=")
    assert {"secure", "httponly", "path=/", "samesite=strict"} <= set(cookie.lower().split("; "))
    assert "domain" not in cookie.lower()
    connection.request("GET", "/api/v1/plant", headers={"Cookie": cookie.partition(";")[0]})
    assert connection.getresponse().status == 200
    connection.close()


def test_a_form_of_the_page_without_tls_is_rejected(page: Page, listen: Listen) -> None:
    connection = http.client.HTTPSConnection("127.0.0.1", page.port, timeout=5, context=trusting(listen))
    connection.request("POST", "/login", "password=x", {"Origin": f"http://127.0.0.1:{page.port}"})
    assert connection.getresponse().status == 403
    connection.close()


def test_a_request_without_tls_is_not_answered(page: Page) -> None:
    with page.raw() as connection:
        connection.sendall(f"GET / HTTP/1.1\r\nHost: {page.host}\r\n\r\n".encode())
        with contextlib.suppress(ConnectionError):
            assert b"HTTP" not in connection.recv(65536)


@pytest.mark.parametrize(("version", "accepted"), [("TLSv1_1", False), ("TLSv1_2", True), ("TLSv1_3", True)])
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_the_page_speaks_tls_1_2_or_newer(page: Page, version: str, accepted: bool) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")  # otherwise the client itself refuses TLS 1.1
    context.minimum_version = context.maximum_version = ssl.TLSVersion[version]
    with page.raw() as connection:
        try:
            with context.wrap_socket(connection) as secured:
                assert secured.version() == version.replace("_", ".")
        except (ssl.SSLError, ConnectionError):
            assert not accepted
        else:
            assert accepted


def test_handshakes_that_are_never_finished_are_counted_and_ended(
    listen: Listen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "HANDSHAKE_S_MAX", 0.8)
    with running_page(listen=listen) as page, contextlib.ExitStack() as stack:
        clients = [stack.enter_context(page.raw()) for _ in range(100)]
        within(lambda: sum(map(closed, clients)) == 36, 5, "more than 64 were closed at once")
        within(lambda: all(map(closed, clients)), 5, "the others were closed after the time of a handshake")
        with trusting(listen).wrap_socket(page.raw(), server_hostname="127.0.0.1") as secured:
            secured.sendall(f"GET /static/icon.svg HTTP/1.1\r\nHost: {page.host}\r\n\r\n".encode())
            assert secured.recv(12) == b"HTTP/1.1 200"


def closed(client: socket.socket) -> bool:
    client.setblocking(False)
    try:
        return client.recv(1) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True
