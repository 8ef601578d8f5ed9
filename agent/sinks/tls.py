"""TLS for a broker: always with host-name check; and until when certificates hold."""

from __future__ import annotations

import base64
import re
import ssl
from datetime import UTC, datetime
from pathlib import Path

from agent.config import Mqtt

_SEQUENCE, _CONTEXT_0, _UTC_TIME, _GENERAL_TIME = 0x30, 0xA0, 0x17, 0x18
_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----(.+?)-----END CERTIFICATE-----", re.DOTALL)


def context(settings: Mqtt) -> ssl.SSLContext:
    """Raises OSError (ssl.SSLError among it) on a file that cannot be used."""
    found = ssl.create_default_context(cafile=str(settings.ca) if settings.ca else None)
    found.minimum_version = ssl.TLSVersion.TLSv1_2
    if settings.cert is not None:
        found.load_cert_chain(settings.cert, settings.key)
    return found


def password(settings: Mqtt) -> str | None:
    """Read anew for each connection, so that a corrected file needs no restart. Raises OSError, ValueError."""
    return settings.password_file.read_text(encoding="utf-8").strip() if settings.password_file else None


def file_ends(path: Path) -> datetime:
    """Until when the first certificate of a PEM file holds. Raises OSError, ValueError."""
    found = _PEM.search(path.read_bytes())
    if not found:
        raise ValueError(f"{path}: no certificate in it")
    return ends(base64.b64decode(found[1]))


def ends(der: bytes) -> datetime:
    """notAfter of a certificate (RFC 5280, 4.1). Raises ValueError."""
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
        if tag == _UTC_TIME:  # years of two digits: 50 and later are of the last century
            text = ("19" if int(text[:2]) >= 50 else "20") + text
        elif tag != _GENERAL_TIME:
            raise ValueError
        return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
    except (ValueError, IndexError):
        raise ValueError("not a certificate that can be read") from None


class _Der:
    """Just enough of X.690: tag, length, value, one after the other."""

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
