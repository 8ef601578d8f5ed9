"""An OPC UA client of asyncua with its own certificate, for the tests of the server."""

from __future__ import annotations

from pathlib import Path

from asyncua import Client, ua
from asyncua.crypto.cert_gen import setup_self_signed_certificate
from asyncua.crypto.security_policies import SecurityPolicyBasic256Sha256
from cryptography.x509.oid import ExtendedKeyUsageOID

URI = "urn:test:client"


async def client_of(folder: Path, port: int, password: str | None, user: str = "magwatt") -> Client:
    """A client that is not connected, on an encrypted channel. password: None: anonymous."""
    key, certificate = folder / "client-key.pem", folder / "client.der"
    if not certificate.exists():
        await setup_self_signed_certificate(key, certificate, URI, "test", [ExtendedKeyUsageOID.CLIENT_AUTH], {})
    client = Client(f"opc.tcp://127.0.0.1:{port}/magwatt", timeout=30)
    client.application_uri = URI
    await client.set_security(
        SecurityPolicyBasic256Sha256, str(certificate), str(key), mode=ua.MessageSecurityMode.SignAndEncrypt
    )
    if password is not None:
        client.set_user(user)
        client.set_password(password)
    return client
