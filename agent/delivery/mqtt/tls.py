"""TLS for a broker, always with host name verification; expiry of certificates."""

from __future__ import annotations

import base64
import re
import ssl
from datetime import UTC, datetime
from pathlib import Path

import paho.mqtt.client as paho

from agent.config.model import Mqtt
from agent.delivery.reasons import CERTIFICATE_INVALID, CERTIFICATE_MISSING
from drivers.reasons import InvalidValue

# The sequence of notBefore and notAfter (RFC 5280, 4.1), each UTCTime or GeneralizedTime in DER. No other field of a
# certificate has this form.
_VALIDITY = re.compile(rb"\x30[\x1e-\x22](?:\x17\x0d\d{12}Z|\x18\x0f\d{14}Z)(?:\x17\x0d(\d{12}Z)|\x18\x0f(\d{14}Z))")
_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----(.+?)-----END CERTIFICATE-----", re.DOTALL)


def context(settings: Mqtt) -> ssl.SSLContext:
    """TLS settings of a connection. Raises OSError, which includes ssl.SSLError, for a file that cannot be used."""
    found = ssl.create_default_context(cafile=str(settings.ca) if settings.ca else None)
    found.minimum_version = ssl.TLSVersion.TLSv1_2
    if settings.cert is not None:
        found.load_cert_chain(settings.cert, settings.key, password=lambda: "")  # never ask at the terminal
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
    """Expiry (UTC) of a certificate. Raises InvalidValue."""
    found = _VALIDITY.search(der)
    text = (found[1] or found[2]).decode("ascii") if found else ""
    if len(text) == len("YYMMDDHHMMSSZ"):  # years from 50 on are 19xx (RFC 5280, 4.1.2.5.1)
        text = ("19" if text >= "50" else "20") + text
    try:
        return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise InvalidValue(CERTIFICATE_INVALID) from None
