"""The key of the gateway, which signs each ledger record: Ed25519. Earlier versions could also create HMAC-SHA256 keys.

The file contains the private key: mode 0600, created once in the state directory. With it a ledger can be forged, which
only an external checkpoint (agent.savings.ledger.checkpoints) reveals. The library `cryptography` is imported when a
key signs or verifies, because it takes 7 MB.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import os
import re
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent.core.files import sync_directory
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
    former: HMAC key that signed the ledger before this key (agent.savings.ledger.succession); None: there was none, or
        its secret is not known here.
    """

    kind: str
    public: str
    secret: bytes = field(default=b"", repr=False)
    former: LedgerKey | None = field(default=None, repr=False, compare=False)

    @property
    def fingerprint(self) -> str:
        """16 hexadecimal digits that identify the key and reveal nothing of the secret."""
        named = bytes.fromhex(self.public) if self.public else b"magwatt ledger key\0" + self.secret
        return hashlib.sha256(named).hexdigest()[:16]

    def sign(self, data: bytes) -> str:
        """The signature in hexadecimal digits."""
        if self.kind == HMAC:
            return hmac.new(self.secret, data, hashlib.sha256).hexdigest()
        return _private(self.secret).sign(data).hex()

    def verifies(self, data: bytes, signature: str) -> bool:
        """Whether this is the signature of the data. Raises LedgerKeyError without the secret of an HMAC key."""
        if self.kind == HMAC:
            if not self.secret:
                raise LedgerKeyError(codes.HMAC_SECRET_NEEDED)
            return hmac.compare_digest(self.sign(data), signature)
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        try:
            Ed25519PublicKey.from_public_bytes(bytes.fromhex(self.public)).verify(bytes.fromhex(signature), data)
        except (InvalidSignature, ValueError):
            return False
        return True

    def declaration(self) -> dict[str, str]:
        """The key for a record or a report: all fields except the secret."""
        return {"kind": self.kind, "public": self.public, "fingerprint": self.fingerprint}


def new_key() -> LedgerKey:
    """A new Ed25519 key."""
    secret = secrets.token_bytes(32)
    return LedgerKey(ED25519, _public_of(secret), secret)


def _private(secret: bytes) -> Ed25519PrivateKey:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

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
        with _written(directory, key) as part:
            _move_new(part, path)
        return key
    except FileExistsError:  # another process created it first
        return _signing_key(path)
    except OSError as error:
        raise LedgerKeyError(FILE_UNWRITABLE, path=str(path), error=cause_of(error)) from None


def replace_key(directory: Path, key: LedgerKey) -> None:
    """Replaces the key file of a state directory; a kill leaves the old one or the new one. Raises LedgerKeyError."""
    path = directory / FILE
    try:
        owner = path.stat()
        with _written(directory, key) as part:
            if os.geteuid() == 0:  # the agent has another account
                os.chown(part, owner.st_uid, owner.st_gid)
            part.replace(path)
            sync_directory(directory)
    except OSError as error:
        raise LedgerKeyError(FILE_UNWRITABLE, path=str(path), error=cause_of(error)) from None


@contextlib.contextmanager
def _written(directory: Path, key: LedgerKey) -> Iterator[Path]:
    """A complete key file under a temporary name, which is removed at the end. Raises OSError."""
    part = directory / f"{FILE}.{os.getpid()}.part"
    part.unlink(missing_ok=True)
    made = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(made, "w", encoding="ascii") as file:
            json.dump(_file_body(key), file)
            file.flush()
            os.fsync(file.fileno())
        yield part
    finally:
        part.unlink(missing_ok=True)


def _file_body(key: LedgerKey) -> dict[str, Any]:
    body = {"kind": key.kind, "public": key.public, "secret": key.secret.hex()}
    return body | ({"former": _file_body(key.former)} if key.former else {})


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
        key = _of_file(body.get("ledger_key", body))
    except OSError as error:
        raise LedgerKeyError(FILE_UNREADABLE, path=str(path), error=cause_of(error)) from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise LedgerKeyError(codes.KEY_FILE_INVALID, path=str(path)) from None
    if not (key.public or key.secret):
        raise LedgerKeyError(codes.KEY_WITHOUT_PUBLIC_HALF, path=str(path))
    return key


def _of_file(body: Mapping[str, Any]) -> LedgerKey:
    """Raises ValueError, KeyError, TypeError or AttributeError when the key is not valid."""
    former = _of_file(body["former"]) if body.get("former") else None
    key = LedgerKey(body["kind"], body.get("public", ""), bytes.fromhex(body.get("secret", "")), former)
    _check(key, body)
    return key


def key_kind(directory: Path) -> str | None:
    """Kind of the key in a state directory; None: there is no key, or it cannot be read. Nothing is verified."""
    with contextlib.suppress(LedgerKeyError):
        return load(directory / FILE).kind
    return None


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
