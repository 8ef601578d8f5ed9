"""TLS for a broker, always with host name verification; expiry of certificates."""

from __future__ import annotations

import base64
import re
import ssl
from datetime import UTC, datetime
from pathlib import Path

import paho.mqtt.client as paho

from agent.config import Mqtt
from agent.sinks.reasons import CERTIFICATE_INVALID, CERTIFICATE_MISSING
from drivers.reasons import InvalidValue

_SEQUENCE, _CONTEXT_0, _UTC_TIME, _GENERAL_TIME = 0x30, 0xA0, 0x17, 0x18
_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----(.+?)-----END CERTIFICATE-----", re.DOTALL)


def context(settings: Mqtt) -> ssl.SSLContext:
    """TLS settings of a connection. Raises OSError, which includes ssl.SSLError, for a file that cannot be used."""
    found = ssl.create_default_context(cafile=str(settings.ca) if settings.ca else None)
    found.minimum_version = ssl.TLSVersion.TLSv1_2
    if settings.cert is not None:
        found.load_cert_chain(settings.cert, settings.key)
    return found


def authenticate(client: paho.Client, settings: Mqtt) -> None:
    """Sets user, password and TLS of a new client. The password is read for each connection, so that a corrected file
    needs no restart. Raises OSError, ValueError."""
    if settings.user:
        file = settings.password_file
        client.username_pw_set(settings.user, file.read_text(encoding="utf-8").strip() if file else None)
    if settings.tls:
        client.tls_set_context(context(settings))


def file_ends(path: Path) -> datetime:
    """Expiry (UTC) of the first certificate in a PEM file. Raises OSError, InvalidValue."""
    found = _PEM.search(path.read_bytes())
    if not found:
        raise InvalidValue(CERTIFICATE_MISSING, file=str(path))
    return ends(base64.b64decode(found[1]))


def ends(der: bytes) -> datetime:
    """Expiry (UTC) of a certificate: notAfter, RFC 5280, 4.1. Raises InvalidValue."""
    try:
        certificate = _Der(der).inside(_SEQUENCE)
        body = certificate.inside(_SEQUENCE)
        if body.tag() == _CONTEXT_0:
            body.skip()  # version
        for _ in ("serial number", "signature", "issuer"):
            body.skip()
        validity = body.inside(_SEQUENCE)
        validity.skip()  # notBefore
        tag, value = validity.take()
        text = value.decode("ascii")
        if tag == _UTC_TIME:  # two-digit years from 50 on are 19xx (RFC 5280, 4.1.2.5.1)
            text = ("19" if int(text[:2]) >= 50 else "20") + text
        elif tag != _GENERAL_TIME:
            raise ValueError
        return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
    except (ValueError, IndexError):
        raise InvalidValue(CERTIFICATE_INVALID) from None


class _Der:
    """The part of X.690 that is needed: a sequence of tag, length and value."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def tag(self) -> int:
        return self._data[self._at]

    def take(self) -> tuple[int, bytes]:
        tag, size, at = self._data[self._at], self._data[self._at + 1], self._at + 2
        if size & 0x80:
            count = size & 0x7F
            size, at = int.from_bytes(self._data[at : at + count], "big"), at + count
        if at + size > len(self._data):
            raise ValueError
        self._at = at + size
        return tag, self._data[at : at + size]

    def skip(self) -> None:
        self.take()

    def inside(self, tag: int) -> _Der:
        found, value = self.take()
        if found != tag:
            raise ValueError
        return _Der(value)
