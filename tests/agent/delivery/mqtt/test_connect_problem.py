"""Each cause of a failed connection to a broker has its own reason; the causes are made with real sockets and files."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from agent.config.model import Mqtt
from agent.config.reasons import SECRET_FILE_MISSING
from agent.delivery import reasons as codes
from agent.delivery.mqtt.connect_problem import rejection
from agent.delivery.mqtt.follower import BrokerError, Follower
from drivers.reasons import Reason


@contextmanager
def peer(response: bytes) -> Iterator[int]:
    """A server that sends this after the first bytes of each connection and closes it; yields its port."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection:
                connection.recv(4096)
                connection.sendall(response)

    threading.Thread(target=serve, daemon=True).start()
    yield server.getsockname()[1]
    server.shutdown(socket.SHUT_RDWR)
    server.close()


def problem(settings: Mqtt) -> Reason:
    with pytest.raises(BrokerError) as caught:
        Follower(settings, "#").start()
    reason = caught.value.reason
    assert (reason.data["host"], reason.data["port"]) == (settings.host, settings.port)
    cause: Reason = reason.data["cause"]
    return cause


# paho leaves the socket of a failed handshake to the garbage collector
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(
    ("response", "tls", "expected"),
    [
        (b"\x20\x02\x00\x05", False, codes.BROKER_LOGIN_MISSING()),  # MQTT 3.1.1, 3.2.2.3
        (b"\x20\x02\x00\x02", False, codes.BROKER_CLIENT_REJECTED(error="Client identifier not valid")),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", True, codes.BROKER_WITHOUT_TLS()),
        (b"\x15\x03\x03\x00\x02\x02\x46", False, codes.BROKER_NEEDS_TLS()),  # a TLS alert (RFC 5246, 7.2)
        (b"", True, codes.BROKER_WITHOUT_TLS()),
    ],
)
def test_the_response_of_the_peer_shows_the_cause(response: bytes, tls: bool, expected: Reason) -> None:
    with peer(response) as port:
        assert problem(Mqtt("127.0.0.1", port, tls, version="3.1.1")) == expected


def test_what_cannot_be_reached_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    assert problem(Mqtt("127.0.0.1", port, False)) == codes.BROKER_NOT_LISTENING(port=port)
    assert problem(Mqtt("broker.invalid", port, False)) == codes.BROKER_HOST_UNKNOWN(host="broker.invalid")  # RFC 6761


def test_a_file_of_the_login_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    file = tmp_path / "password"
    settings = Mqtt("127.0.0.1", 1, False, user="gw", password_file=file)
    assert problem(settings) == SECRET_FILE_MISSING(path=str(file))
    file.write_bytes(b"\xc4\xe3")
    assert problem(settings) == codes.PASSWORD_NOT_TEXT(path=str(file))


@pytest.mark.parametrize("number", [4, 5, 0x86, 0x87])  # MQTT 3.1.1, 3.2.2.3; MQTT 5.0, 3.2.2.2
def test_a_rejected_login_is_the_same_in_both_versions_of_mqtt(number: int) -> None:
    user = Mqtt("b", 1883, False, user="gw")
    assert rejection(user, number, "x") == codes.BROKER_LOGIN_REJECTED(user="gw")
    assert rejection(Mqtt("b", 1883, False), number, "x") == codes.BROKER_LOGIN_MISSING()


def test_the_rejection_of_mqtt_5_is_forgotten_when_3_1_1_connects() -> None:
    """Else the page states without end that it has no contact with this broker."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with server.accept()[0] as first:
                first.recv(4096)
                first.sendall(b"\x20\x03\x00\x84\x00")  # MQTT 5, 3.2.2.2: unsupported protocol version
            with server.accept()[0] as second:
                second.recv(4096)
                second.sendall(b"\x20\x02\x00\x00")
                number = second.recv(4096)[2:4]
                second.sendall(b"\x90\x03" + number + b"\x00")
                second.recv(4096)

        threading.Thread(target=serve, daemon=True).start()
        follower = Follower(Mqtt("127.0.0.1", server.getsockname()[1], False), "#")
        follower.start()
        assert (follower.interrupted, follower.error) == (False, None)
        follower.stop()
