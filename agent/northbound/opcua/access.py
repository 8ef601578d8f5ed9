"""Who can read: one user with a password, on encrypted channels only. No client can write or call anything."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import Any

from asyncua import ua
from asyncua.common.utils import ServiceError
from asyncua.crypto.permission_rules import PermissionRuleset, User, UserRole
from asyncua.crypto.uacrypto import x509
from cryptography.hazmat.primitives.serialization import Encoding

from agent.core.password_hash import matches
from agent.northbound.base.reasons import (
    OPCUA_CERTIFICATE_UNKNOWN,
    OPCUA_LOGIN_REJECTED,
    OPCUA_SERVICE_REJECTED,
    OPCUA_TRUST_UNUSABLE,
)
from drivers.reasons import InvalidValue, cause_of

log = logging.getLogger(__name__)

ATTEMPTS_A_MINUTE = 5  # wrong passwords of all clients; later ones are not compared
READ_ONLY = frozenset(
    ua.NodeId(getattr(ua.ObjectIds, f"{name}Request_Encoding_DefaultBinary"))
    for name in (
        "CreateSession", "CloseSession", "ActivateSession", "Read", "Browse", "GetEndpoints", "FindServers",
        "TranslateBrowsePathsToNodeIds", "CreateSubscription", "ModifySubscription", "DeleteSubscriptions",
        "TransferSubscriptions", "CreateMonitoredItems", "ModifyMonitoredItems", "DeleteMonitoredItems", "Publish",
        "Republish", "CloseSecureChannel", "SetMonitoringMode", "SetPublishingMode", "RegisterNodes", "UnregisterNodes",
    )
)  # fmt: skip


class ReadOnlyRules(PermissionRuleset):  # type: ignore[misc]  # the library is not strict
    """The services of a user: reading, browsing and subscribing. Without a login: none."""

    reported = False  # the first rejection is logged, so that no client can fill the log

    def check_validity(self, user: User, action_type: ua.NodeId, _body: Any) -> bool:
        if user.role is UserRole.User and action_type not in READ_ONLY and not self.reported:
            self.reported = True
            log.warning("%s", OPCUA_SERVICE_REJECTED())
        return user.role is UserRole.User and action_type in READ_ONLY


class OneUser:
    """name, stored: of the user, and the hash of the password."""

    def __init__(self, name: str, stored: str) -> None:
        self._name, self._stored = name, stored
        self._wrong_s: list[float] = []

    def get_user(
        self, _server: Any, username: str | None = None, password: str | None = None, certificate: Any = None
    ) -> User | None:
        """None: rejected. certificate: of the client's application; none or empty: the channel is not encrypted."""
        now_s = time.monotonic()
        self._wrong_s = [at_s for at_s in self._wrong_s if now_s - at_s < 60.0]
        if not certificate or username is None or password is None or len(self._wrong_s) >= ATTEMPTS_A_MINUTE:
            log.warning("%s", OPCUA_LOGIN_REJECTED())
            return None
        right = matches(self._stored, password)  # also for a wrong name, which then takes as long
        if right and username == self._name:
            return User(role=UserRole.User, name=username)
        self._wrong_s.append(now_s)
        log.warning("%s", OPCUA_LOGIN_REJECTED())
        return None


class TrustedClients:
    """The certificates of clients in a folder (PEM or DER). Raises InvalidValue if one cannot be read."""

    def __init__(self, folder: Path) -> None:
        self._known: set[bytes] = set()
        try:
            for file in sorted(path for path in folder.iterdir() if path.is_file()):
                data = file.read_bytes()
                load = x509.load_pem_x509_certificate if b"-----BEGIN" in data else x509.load_der_x509_certificate
                self._known.add(load(data).public_bytes(Encoding.DER))
        except (OSError, ValueError) as error:
            raise InvalidValue(OPCUA_TRUST_UNUSABLE(path=str(folder), error=cause_of(error))) from None

    async def validate(self, certificate: x509.Certificate, application: ua.ApplicationDescription) -> None:
        """Raises ServiceError if the certificate is not among them."""
        if certificate.public_bytes(Encoding.DER) not in self._known:
            log.warning("%s", OPCUA_CERTIFICATE_UNKNOWN(name=str(application.ApplicationUri)[:200]))
            raise ServiceError(ua.StatusCodes.BadCertificateUntrusted)
