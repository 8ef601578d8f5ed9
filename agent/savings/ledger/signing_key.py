"""The key of the gateway, which signs each ledger record: Ed25519 with the extra `crypto`, else HMAC-SHA256.

The file contains the private key: mode 0600, created once in the state directory. With it a ledger can be forged, which
only an external checkpoint (agent.savings.ledger.checkpoints) reveals.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent.savings.ledger import reasons as codes
from drivers.file_reasons import FILE_UNREADABLE, FILE_UNWRITABLE
from drivers.reasons import CodedError, InvalidValue, cause_of

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

FILE = "ledger.key"
ED25519, HMAC = "ed25519", "hmac-sha256"


class LedgerKeyError(CodedError):
    """The key cannot be used."""


@dataclass(frozen=True, slots=True)
class LedgerKey:
    """A key that signs and verifies, or only verifies.

    kind: ED25519 or HMAC.
    public: public key in hexadecimal digits; empty for HMAC, whose secret both signs and verifies.
    secret: private key; empty: this key can only verify.
    """

    kind: str
    public: str
    secret: bytes = field(default=b"", repr=False)

    @property
    def fingerprint(self) -> str:
        """16 hexadecimal digits that identify the key and reveal nothing of the secret."""
        named = bytes.fromhex(self.public) if self.public else b"magwatt ledger key\0" + self.secret
        return hashlib.sha256(named).hexdigest()[:16]

    def sign(self, data: bytes) -> str:
        """The signature in hexadecimal digits. Raises LedgerKeyError when the extra `crypto` is missing."""
        if self.kind == HMAC:
            return hmac.new(self.secret, data, hashlib.sha256).hexdigest()
        return _private(self.secret).sign(data).hex()

    def verifies(self, data: bytes, signature: str) -> bool:
        """Whether this is the signature of the data.

        Raises LedgerKeyError when the extra `crypto` or the secret of an HMAC key is missing.
        """
        if self.kind == HMAC:
            if not self.secret:
                raise LedgerKeyError(codes.HMAC_SECRET_NEEDED)
            return hmac.compare_digest(self.sign(data), signature)
        try:
            from cryptography.exceptions import InvalidSignature
            from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
        except ImportError:
            raise LedgerKeyError(codes.ED25519_UNAVAILABLE) from None
        try:
            Ed25519PublicKey.from_public_bytes(bytes.fromhex(self.public)).verify(bytes.fromhex(signature), data)
        except (InvalidSignature, ValueError):
            return False
        return True

    def declaration(self) -> dict[str, str]:
        """The key for a record or a report: all fields except the secret."""
        return {"kind": self.kind, "public": self.public, "fingerprint": self.fingerprint}


def new_key(kind: str | None = None) -> LedgerKey:
    """A new key. kind None: Ed25519 if the extra `crypto` is installed, else HMAC."""
    secret = secrets.token_bytes(32)
    if kind in (None, ED25519):
        try:
            return LedgerKey(ED25519, _public_of(secret), secret)
        except LedgerKeyError:
            if kind is not None:
                raise
    return LedgerKey(HMAC, "", secret)


def _private(secret: bytes) -> Ed25519PrivateKey:
    try:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    except ImportError:
        raise LedgerKeyError(codes.ED25519_UNAVAILABLE) from None
    return Ed25519PrivateKey.from_private_bytes(secret)


def _public_of(secret: bytes) -> str:
    return _private(secret).public_key().public_bytes_raw().hex()


def load_or_make(directory: Path) -> LedgerKey:
    """The signing key of a state directory; created with mode 0600 if there is none. Raises LedgerKeyError."""
    path = directory / FILE
    try:
        if path.exists():
            return _signing_key(path)
        key = new_key()
        part = directory / f"{FILE}.{os.getpid()}.part"
        part.unlink(missing_ok=True)
        made = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(made, "w", encoding="ascii") as file:
                json.dump({"kind": key.kind, "public": key.public, "secret": key.secret.hex()}, file)
                file.flush()
                os.fsync(file.fileno())
            _move_new(part, path)
        finally:
            part.unlink(missing_ok=True)
        return key
    except FileExistsError:  # another process created it first
        return _signing_key(path)
    except OSError as error:
        raise LedgerKeyError(FILE_UNWRITABLE, path=str(path), error=cause_of(error)) from None


def _signing_key(path: Path) -> LedgerKey:
    """A key that can sign, and whose public key verifies its signatures. Raises LedgerKeyError."""
    key = load(path)
    if not key.secret:
        raise LedgerKeyError(codes.KEY_WITHOUT_PRIVATE_HALF, path=str(path))
    if key.kind == ED25519 and key.public != _public_of(key.secret):
        raise LedgerKeyError(codes.KEY_HALVES_DIFFER, path=str(path))
    return key


def _move_new(part: Path, path: Path) -> None:
    """Moves a complete file to its final name; never replaces another. Raises FileExistsError, OSError."""
    try:
        os.link(part, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without links
        part.rename(path)


def load(path: Path) -> LedgerKey:
    """The key of a key file, of a file with a public key, or of the JSON of a report. Raises LedgerKeyError."""
    try:
        body: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        body = body.get("ledger_key", body)
        key = LedgerKey(body["kind"], body.get("public", ""), bytes.fromhex(body.get("secret", "")))
        _check(key, body)
    except OSError as error:
        raise LedgerKeyError(FILE_UNREADABLE, path=str(path), error=cause_of(error)) from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise LedgerKeyError(codes.KEY_FILE_INVALID, path=str(path)) from None
    if not (key.public or key.secret):
        raise LedgerKeyError(codes.KEY_WITHOUT_PUBLIC_HALF, path=str(path))
    return key


def of_record(body: dict[str, Any]) -> LedgerKey:
    """The public key that a `key` record declares. Raises InvalidValue."""
    found = body.get("key")
    if not isinstance(found, dict):
        raise InvalidValue(codes.KEY_DECLARATION_INVALID)
    key = LedgerKey(str(found.get("kind")), str(found.get("public", "")))
    _check(key, found)
    return key


def _check(key: LedgerKey, declared: Mapping[str, Any]) -> None:
    """Raises InvalidValue when the key is not valid or does not have the declared fingerprint."""
    ed25519 = key.kind == ED25519 and re.fullmatch("[0-9A-Fa-f]{64}", key.public) and len(key.secret) in (0, 32)
    if not ed25519 and (key.kind != HMAC or key.public):
        raise InvalidValue(codes.KEY_DECLARATION_INVALID)
    if (key.public or key.secret) and declared.get("fingerprint", key.fingerprint) != key.fingerprint:
        raise InvalidValue(codes.FINGERPRINT_WRONG, declared=str(declared["fingerprint"]), fingerprint=key.fingerprint)
