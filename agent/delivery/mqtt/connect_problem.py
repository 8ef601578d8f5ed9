"""Why there is no connection to a broker, with the correction."""

from __future__ import annotations

import errno
import socket
import ssl

from agent.config.keys import unusable_file
from agent.config.model import Mqtt
from agent.delivery import reasons as codes
from drivers.reasons import Reason, cause_of

# Reason codes of the CONNACK packet: MQTT 5.0, 3.2.2.2; MQTT 3.1.1 has 4 and 5 for both
_LOGIN = (0x04, 0x05, 0x86, 0x87, 0x8C)
_CLIENT_ID, _BANNED = (0x02, 0x85), (0x8A,)
_UNREACHABLE = (errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ETIMEDOUT)


def connect_problem(settings: Mqtt, error: Exception) -> Reason:
    """Why an attempt to connect failed with this error."""
    for file in (settings.password_file, settings.key, settings.ca, settings.cert):
        secret = file in (settings.password_file, settings.key)
        if file is not None and (missing := unusable_file(file, secret)):
            return missing
    if isinstance(error, PermissionError) and error.filename:
        return codes.BROKER_FILE_FORBIDDEN(path=str(error.filename))
    if isinstance(error, UnicodeDecodeError):
        return codes.PASSWORD_NOT_TEXT(path=str(settings.password_file))
    if isinstance(error, ssl.SSLCertVerificationError):
        return codes.BROKER_CERTIFICATE_INVALID(error=getattr(error, "verify_message", "") or cause_of(error))
    if isinstance(error, ssl.SSLError | ConnectionResetError) and settings.tls:
        return codes.BROKER_WITHOUT_TLS()
    if isinstance(error, ConnectionRefusedError):
        return codes.BROKER_NOT_LISTENING(port=settings.port)
    if isinstance(error, socket.gaierror):
        return codes.BROKER_HOST_UNKNOWN(host=settings.host)
    if isinstance(error, TimeoutError) or getattr(error, "errno", None) in _UNREACHABLE:
        return codes.BROKER_UNREACHABLE()
    return codes.BROKER_CONNECTION_FAILED(error=cause_of(error))


def rejection(settings: Mqtt, reason_code: int, name: str) -> Reason:
    """Why the broker rejected the connection in its CONNACK packet. name: of the reason code in the standard."""
    if reason_code in _LOGIN:
        return codes.BROKER_LOGIN_REJECTED(user=settings.user) if settings.user else codes.BROKER_LOGIN_MISSING()
    if reason_code in (*_CLIENT_ID, *_BANNED):
        return codes.BROKER_CLIENT_REJECTED(error=name)
    return codes.BROKER_REJECTS(error=name, reason_code=reason_code)


def closed_early(settings: Mqtt) -> Reason:
    """Why a connection ended before the CONNACK packet."""
    return codes.BROKER_CLOSES() if settings.tls else codes.BROKER_NEEDS_TLS()
