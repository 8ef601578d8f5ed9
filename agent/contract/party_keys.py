"""Keys of the parties: Ed25519, in a file that only its passphrase opens (PKCS#8, PEM), never on the gateway.

The public half is in a second file, NAME.pub. OpenSSL reads both: `openssl pkey -in NAME -text`.
"""

from __future__ import annotations

import os
from pathlib import Path

from agent.contract import reasons as codes
from agent.core.files import sync_directory
from agent.savings.ledger.signing_key import ED25519, LedgerKey, new_key
from drivers.file_reasons import FILE_UNREADABLE, FILE_UNWRITABLE
from drivers.reasons import InvalidValue, cause_of

PASSPHRASE_LEAST = 12  # characters; the library derives the key with 2,048 rounds of PBKDF2 only
SIZE_MAX = 10_000


def make_party_key(path: Path, passphrase: str) -> LedgerKey:
    """Writes a new key, readable by its owner only, and its public half to PATH.pub. Raises InvalidValue."""
    if not passphrase.strip():
        raise InvalidValue(codes.PASSPHRASE_EMPTY)
    if len(passphrase) < PASSPHRASE_LEAST:
        raise InvalidValue(codes.PASSPHRASE_SHORT, least=PASSPHRASE_LEAST)
    public_path = check_free(path)
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import (
        BestAvailableEncryption,
        Encoding,
        PrivateFormat,
        PublicFormat,
    )

    key = new_key()
    private = Ed25519PrivateKey.from_private_bytes(key.secret)
    locked = BestAvailableEncryption(passphrase.encode())
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, locked)
    public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    _write_new(path, pem, 0o600)
    _write_new(public_path, public, 0o644)
    return key


def check_free(path: Path) -> Path:
    """The file of the public half of a new key. Raises InvalidValue when it or that of the key exists."""
    public_path = path.with_name(f"{path.name}.pub")
    for each in (path, public_path):
        if each.exists():
            raise InvalidValue(codes.KEY_EXISTS, path=str(each))
    return public_path


def load_party_key(path: Path, passphrase: str) -> LedgerKey:
    """The key of a file. Raises InvalidValue, also for a key without a passphrase."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    data = _read(path)
    try:
        private = load_pem_private_key(data, passphrase.encode() or b"\0")
    except TypeError:  # a passphrase was given, and the key is not encrypted
        raise InvalidValue(codes.KEY_WITHOUT_PASSPHRASE, path=str(path)) from None
    except ValueError:
        wrong = codes.PASSPHRASE_WRONG if b"-----BEGIN ENCRYPTED PRIVATE KEY-----" in data else codes.NOT_A_PARTY_KEY
        raise InvalidValue(wrong, path=str(path)) from None
    except Exception:  # UnsupportedAlgorithm, and errors of the library below
        raise InvalidValue(codes.NOT_A_PARTY_KEY, path=str(path)) from None
    if not isinstance(private, Ed25519PrivateKey):
        raise InvalidValue(codes.NOT_A_PARTY_KEY, path=str(path))
    return LedgerKey(ED25519, private.public_key().public_bytes_raw().hex(), private.private_bytes_raw())


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(SIZE_MAX)
    except OSError as error:
        raise InvalidValue(FILE_UNREADABLE, path=str(path), error=cause_of(error)) from None


def _write_new(path: Path, data: bytes, mode: int) -> None:
    """Writes a file that must not exist. Raises InvalidValue."""
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        sync_directory(path.absolute().parent)
    except FileExistsError:
        raise InvalidValue(codes.KEY_EXISTS, path=str(path)) from None
    except OSError as error:
        raise InvalidValue(FILE_UNWRITABLE, path=str(path), error=cause_of(error)) from None
