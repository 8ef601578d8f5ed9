"""Whether the certificates and the key for a broker can be used, without a connection."""

from __future__ import annotations

import ssl
from collections.abc import Iterator

from agent.config.model import Mqtt
from agent.delivery.mqtt import tls
from agent.runtime import reasons as codes
from drivers.reasons import Reason, cause_of


def unusable_certificates(broker: Mqtt) -> Iterator[tuple[str, Reason]]:
    """Key of the configuration and problem, for files that exist and can be read."""
    if not broker.tls:
        return
    if broker.ca is not None:
        try:
            ssl.create_default_context(cafile=str(broker.ca))
        except OSError as error:  # ssl.SSLError too
            yield "ca", codes.CA_UNUSABLE(path=str(broker.ca), error=cause_of(error))
            return
    if broker.cert is not None and broker.key is not None:
        try:
            tls.context(broker)
        except (OSError, ValueError) as error:
            yield "cert", codes.CLIENT_CERTIFICATE_UNUSABLE(error=cause_of(error))
