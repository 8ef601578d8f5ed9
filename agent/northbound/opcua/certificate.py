"""The certificate of the server: made at its first start, and kept."""

from __future__ import annotations

import datetime
import ipaddress
import os
import socket
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from msgspec import Struct

from agent.northbound.base.reasons import OPCUA_CERTIFICATE_ENDS, OPCUA_CERTIFICATE_UNUSABLE
from drivers.reasons import InvalidValue, Reason, cause_of

CERTIFICATE, KEY = "certificate.pem", "key.pem"
DAYS, REMIND_DAYS = 3650, 60
KEY_BITS = 2048  # of the policy Basic256Sha256: 2048 to 4096


class Identity(Struct, frozen=True):
    """Files of certificate and key, SHA-256 of the certificate, and its last day (UTC)."""

    certificate: Path
    key: Path
    fingerprint: str
    ends: datetime.datetime

    def reminder(self, now: datetime.datetime) -> Reason | None:
        """That the certificate ends; None: not soon."""
        days = (self.ends - now).days
        return OPCUA_CERTIFICATE_ENDS(path=str(self.certificate), days=days) if days < REMIND_DAYS else None


def application_uri(host: str) -> str:
    """The name of this server, which its certificate contains. host: of this computer."""
    return f"urn:{host}:magwatt"


def identity(folder: Path, listen_host: str) -> Identity:
    """The certificate in a folder, which is made if it is not there. Raises InvalidValue if it cannot be used."""
    certificate, key = folder / CERTIFICATE, folder / KEY
    try:
        if not certificate.exists() and not key.exists():
            folder.mkdir(parents=True, exist_ok=True)
            _make(certificate, key, listen_host)
        found = x509.load_pem_x509_certificate(certificate.read_bytes())
        private = serialization.load_pem_private_key(key.read_bytes(), None)
    except (OSError, ValueError, TypeError) as error:
        raise InvalidValue(OPCUA_CERTIFICATE_UNUSABLE(path=str(folder), error=cause_of(error))) from None
    if private.public_key() != found.public_key():
        raise InvalidValue(OPCUA_CERTIFICATE_UNUSABLE(path=str(folder), error="key"))
    digest = found.fingerprint(hashes.SHA256()).hex(":")
    return Identity(certificate, key, digest.upper(), found.not_valid_after_utc)


def _make(certificate: Path, key: Path, listen_host: str) -> None:
    """Raises OSError."""
    private, host = rsa.generate_private_key(65537, KEY_BITS), socket.gethostname()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"magwatt@{host}"[:64])])
    now = datetime.datetime.now(datetime.UTC)
    usage = x509.KeyUsage(
        digital_signature=True, content_commitment=True, key_encipherment=True, data_encipherment=True,
        key_agreement=False, key_cert_sign=True, crl_sign=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=DAYS))
        .add_extension(x509.SubjectAlternativeName(_names(host, listen_host)), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(private.public_key()), critical=False)
        .sign(private, hashes.SHA256())
    )
    secret = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    opened = os.open(key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(opened, "wb") as stream:
        stream.write(secret)
    certificate.write_bytes(built.public_bytes(serialization.Encoding.PEM))


def _names(host: str, listen_host: str) -> list[x509.GeneralName]:
    names: list[x509.GeneralName] = [x509.UniformResourceIdentifier(application_uri(host)), x509.DNSName(host)]
    try:
        names.append(x509.IPAddress(ipaddress.ip_address(listen_host)))
    except ValueError:
        if listen_host not in (host, ""):
            names.append(x509.DNSName(listen_host))
    return names
