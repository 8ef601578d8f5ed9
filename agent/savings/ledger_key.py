"""The gateway's key: signs each ledger record. Ed25519 with the extra `crypto`, else HMAC-SHA256.

The file holds a secret: mode 0600, made once beside the state file. Who can read it can write a ledger of his own;
only an external checkpoint (agent.savings.checkpoints) tells then.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

FILE = "ledger.key"
ED25519, HMAC = "ed25519", "hmac-sha256"


class LedgerKeyError(Exception):
    """The key cannot be used; the message names the file."""


@dataclass(frozen=True, slots=True)
class Key:
    """public: hex, empty for HMAC, whose secret both signs and verifies. secret empty: it can only verify."""

    kind: str
    public: str
    secret: bytes = field(default=b"", repr=False)

    @property
    def fingerprint(self) -> str:
        """16 hex digits that name the key and tell nothing of a secret."""
        named = bytes.fromhex(self.public) if self.public else b"magwatt ledger key\0" + self.secret
        return hashlib.sha256(named).hexdigest()[:16]

    def sign(self, data: bytes) -> str:
        """Raises LedgerKeyError where the extra is missing."""
        if self.kind == HMAC:
            return hmac.new(self.secret, data, hashlib.sha256).hexdigest()
        return _private(self.secret).sign(data).hex()

    def verifies(self, data: bytes, signature: str) -> bool:
        """Raises LedgerKeyError where nobody can tell: the extra is missing, or an HMAC key's secret is not here."""
        if self.kind == HMAC:
            if not self.secret:
                raise LedgerKeyError("an HMAC signature is checked with the secret key file: give it with --key")
            return hmac.compare_digest(self.sign(data), signature)
        try:
            from cryptography.exceptions import InvalidSignature
            from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
        except ImportError:
            raise LedgerKeyError("an Ed25519 signature needs the extra: pip install 'magwatt[crypto]'") from None
        try:
            Ed25519PublicKey.from_public_bytes(bytes.fromhex(self.public)).verify(bytes.fromhex(signature), data)
        except (InvalidSignature, ValueError):
            return False
        return True

    def said(self) -> dict[str, str]:
        """For a record: everything but the secret."""
        return {"kind": self.kind, "public": self.public, "fingerprint": self.fingerprint}


def new_key(kind: str | None = None) -> Key:
    """kind None: Ed25519 where the extra is installed."""
    secret = secrets.token_bytes(32)
    if kind in (None, ED25519):
        try:
            return Key(ED25519, _public_of(secret), secret)
        except LedgerKeyError:
            if kind is not None:
                raise
    return Key(HMAC, "", secret)


def _private(secret: bytes) -> Ed25519PrivateKey:
    try:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    except ImportError:
        raise LedgerKeyError("Ed25519 needs the extra: pip install 'magwatt[crypto]'") from None
    return Ed25519PrivateKey.from_private_bytes(secret)


def _public_of(secret: bytes) -> str:
    return _private(secret).public_key().public_bytes_raw().hex()


def load_or_make(directory: Path) -> Key:
    """The key of a state directory, that signs; made, with mode 0600, when there is none. Raises LedgerKeyError."""
    path = directory / FILE
    try:
        if path.exists():
            return _whole(path)
        key = new_key()
        part = directory / f"{FILE}.{os.getpid()}.part"
        part.unlink(missing_ok=True)
        made = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(made, "w", encoding="ascii") as file:
                json.dump({"kind": key.kind, "public": key.public, "secret": key.secret.hex()}, file)
                file.flush()
                os.fsync(file.fileno())
            _put(part, path)
        finally:
            part.unlink(missing_ok=True)
        return key
    except FileExistsError:  # another process was faster
        return _whole(path)
    except OSError as error:
        raise LedgerKeyError(f"{path}: {error.strerror or error}") from None


def _whole(path: Path) -> Key:
    """One that can sign, and whose signatures its own public half verifies. Raises LedgerKeyError."""
    key = load(path)
    if not key.secret:
        raise LedgerKeyError(f"{path}: only the public half of a key, which cannot sign")
    if key.kind == ED25519 and key.public != _public_of(key.secret):
        raise LedgerKeyError(f"{path}: its public half is not that of its secret")
    return key


def _put(part: Path, path: Path) -> None:
    """Whole or not at all, and never in the place of another. Raises FileExistsError, OSError."""
    try:
        os.link(part, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without links
        part.rename(path)


def load(path: Path) -> Key:
    """A key file, its public half, or a report's JSON, which hands that out. Raises LedgerKeyError."""
    try:
        body: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        body = body.get("ledger_key", body)
        key = Key(body["kind"], body.get("public", ""), bytes.fromhex(body.get("secret", "")))
        _check(key, body)
    except OSError as error:
        raise LedgerKeyError(f"{path}: {error.strerror or error}") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise LedgerKeyError(f"{path}: not a ledger key") from None
    if not (key.public or key.secret):
        raise LedgerKeyError(f"{path}: names an HMAC key, which has no public half: only the key file itself verifies")
    return key


def of_record(body: dict[str, Any]) -> Key:
    """The verifying half that a `key` record announces. Raises ValueError."""
    found = body.get("key")
    if not isinstance(found, dict):
        raise ValueError("no key in it")
    key = Key(str(found.get("kind")), str(found.get("public", "")))
    _check(key, found)
    return key


def _check(key: Key, said: Mapping[str, Any]) -> None:
    """Raises ValueError where it is no key, or not the one whose fingerprint is said."""
    if key.kind not in (ED25519, HMAC) or (key.kind == HMAC and key.public):
        raise ValueError("no key in it")
    if key.kind == ED25519 and (len(bytes.fromhex(key.public)) != 32 or len(key.secret) not in (0, 32)):
        raise ValueError("no key in it")
    if (key.public or key.secret) and said.get("fingerprint", key.fingerprint) != key.fingerprint:
        raise ValueError(f"it is called {said['fingerprint']}, but its public half is that of key {key.fingerprint}")
