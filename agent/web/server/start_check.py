"""What must hold before the page listens: other computers read it with TLS and a password only."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from agent.core.listening_socket import is_loopback
from agent.web.base.reasons import PAGE_OPEN, PAGE_WITHOUT_PASSWORD, PAGE_WITHOUT_TLS, TLS_FILE_UNUSABLE, TLS_KEY_ALONE
from agent.web.http.security import address_of
from drivers.reasons import InvalidValue, cause_of

if TYPE_CHECKING:
    import ssl


class Listen(Struct, frozen=True):
    """Where the page listens.

    port: 0: a free one.
    cert, key: PEM files; None: without TLS.
    names: further host names by which it is reached.
    password: hash of the password; None: no login.
    metrics: the page serves /metrics, too.
    """

    host: str = "127.0.0.1"
    port: int = 8470
    cert: Path | None = None
    key: Path | None = None
    names: tuple[str, ...] = ()
    password: str | None = None
    metrics: bool = False

    def address(self, port: int) -> str:
        """What to type into a browser; if it listens on all addresses, with the name of this computer."""
        found = address_of(self.host)
        name = socket.gethostname() if found is not None and found.is_unspecified else self.host
        host = f"[{name}]" if ":" in name else name
        return f"{'https' if self.cert else 'http'}://{host}:{port}/"


def check_listen(listen: Listen) -> None:
    """Raises InvalidValue with the remedy."""
    if (listen.cert is None) != (listen.key is None):
        raise InvalidValue(TLS_KEY_ALONE())
    missing = tuple(
        reason for absent, reason in
        ((listen.cert is None, PAGE_WITHOUT_TLS()), (listen.password is None, PAGE_WITHOUT_PASSWORD())) if absent
    )  # fmt: skip
    if missing and not is_loopback(listen.host):
        raise InvalidValue(PAGE_OPEN(host=listen.host, missing=missing))
    tls_context(listen)


def tls_context(listen: Listen) -> ssl.SSLContext | None:
    """For TLS 1.2 or newer; None: without TLS. Raises InvalidValue if certificate or key cannot be used."""
    if listen.cert is None or listen.key is None:
        return None
    import ssl  # 3 MB

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(listen.cert, listen.key, password=lambda: "")
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise InvalidValue(
            TLS_FILE_UNUSABLE(cert=str(listen.cert), key=str(listen.key), error=cause_of(error))
        ) from None
    return context
