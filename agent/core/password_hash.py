"""A password as a scrypt hash in its own file, written by the command line only."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import secrets
from pathlib import Path

from agent.core.files import give_owner_of_folder, sync_directory
from drivers.reasons import Code, InvalidValue

WEB_PASSWORD, OPCUA_PASSWORD = "web-password", "opcua-password"  # names of the files
SECRETS = "secrets"  # folder next to the configuration, if it exists
LENGTH_MIN, BYTES_MAX = 10, 1000
_N, _R, _P = 2**14, 8, 1  # 16 MB and 50 ms a try
_METHOD = "scrypt"

PASSWORD_TOO_SHORT = Code("password_too_short", "the password has fewer than {n:d} characters")
PASSWORD_TOO_LONG = Code("password_too_long", "the password has more than {n:d} bytes")
PASSWORD_FILE_INVALID = Code(
    "password_file_invalid", "{path} is not a password file. Delete it, or set a new password with --set-password"
)


def password_file(config_file: Path, name: str) -> Path:
    """Where a hash is stored. name: of the file."""
    folder = config_file.parent / SECRETS
    return (folder if folder.is_dir() else config_file.parent) / name


def check_length(password: str) -> None:
    """Raises InvalidValue."""
    if len(password) < LENGTH_MIN:
        raise InvalidValue(PASSWORD_TOO_SHORT(n=LENGTH_MIN))
    if len(password.encode()) > BYTES_MAX:
        raise InvalidValue(PASSWORD_TOO_LONG(n=BYTES_MAX))


def write_hash(file: Path, password: str) -> None:
    """Replaces the file; only its owner, that of the folder, can read it. Raises InvalidValue, OSError."""
    check_length(password)
    salt = secrets.token_bytes(16)
    fields = (_METHOD, str(_N), str(_R), str(_P), _encoded(salt), _encoded(_hash(password, salt, _N, _R, _P)))
    new = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    opened = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(opened, "w", encoding="ascii") as stream:
            stream.write("$".join(fields) + "\n")
            stream.flush()
            os.fsync(stream.fileno())
        give_owner_of_folder(new)
        new.replace(file)
    except BaseException:
        new.unlink(missing_ok=True)
        raise
    sync_directory(file.parent)


def read_hash(file: Path) -> str | None:
    """The stored hash; None: there is no file. Raises InvalidValue if it is another file, OSError."""
    try:
        stored = file.read_text(encoding="ascii", errors="replace").strip()
    except FileNotFoundError:
        return None
    try:
        matches(stored, "")
    except (ValueError, binascii.Error, MemoryError):
        raise InvalidValue(PASSWORD_FILE_INVALID(path=str(file))) from None
    return stored


def matches(stored: str, password: str) -> bool:
    """Takes as long for a wrong password as for the right one."""
    method, n, r, p, salt, digest = stored.split("$")
    if method != _METHOD or (int(n), int(r), int(p)) != (_N, _R, _P):
        raise ValueError(method)
    known = base64.b64decode(digest, validate=True)
    return hmac.compare_digest(_hash(password, base64.b64decode(salt, validate=True), _N, _R, _P), known)


def _hash(password: str, salt: bytes, n: int, r: int, p: int) -> bytes:
    return hashlib.scrypt(password.encode()[:BYTES_MAX], salt=salt, n=n, r=r, p=p, maxmem=64 * 1024 * 1024, dklen=32)


def _encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()
