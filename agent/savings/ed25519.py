"""Ed25519 by the OpenSSL that the interpreter brought along for `hashlib` and `ssl`.

The library `cryptography` brings another OpenSSL, which would stay in the agent's memory for some signatures an hour.
Where the interpreter's cannot be used, both functions say None, and `cryptography` does the same: a key's signatures
are equal (RFC 8032 leaves nothing to chance), so that no ledger shows who made them.
"""

from __future__ import annotations

import ctypes
import hashlib  # noqa: F401 it loads the library
import os
from collections.abc import Iterator
from contextlib import contextmanager
from ctypes import POINTER, byref, c_char_p, c_int, c_size_t, c_void_p
from functools import cache

LIBRARY = "libcrypto.so.3"  # OpenSSL keeps its functions' shapes within a major number
_EVP_PKEY_ED25519 = 1087  # NID_ED25519 of OpenSSL's obj_mac.h
_PUBLIC_BYTES, _SIGNATURE_BYTES = 32, 64
_CALLS: dict[str, tuple[type | None, tuple[type, ...]]] = {
    "EVP_PKEY_new_raw_private_key": (c_void_p, (c_int, c_void_p, c_char_p, c_size_t)),
    "EVP_PKEY_get_raw_public_key": (c_int, (c_void_p, c_char_p, POINTER(c_size_t))),
    "EVP_PKEY_free": (None, (c_void_p,)),
    "EVP_MD_CTX_new": (c_void_p, ()),
    "EVP_MD_CTX_free": (None, (c_void_p,)),
    "EVP_DigestSignInit": (c_int, (c_void_p, c_void_p, c_void_p, c_void_p, c_void_p)),
    "EVP_DigestSign": (c_int, (c_void_p, c_char_p, POINTER(c_size_t), c_char_p, c_size_t)),
}


def public_of(secret: bytes) -> bytes | None:
    """The 32 bytes that verify. secret: 32 bytes."""
    lib = _library()
    if lib is None:
        return None
    with _key(lib, secret) as key:
        return (_public(lib, key) or None) if key else None


def signed(secret: bytes, public: str, data: bytes) -> bytes | None:
    """The signature's 64 bytes. None also where `public`, hex, is not the secret's other half."""
    lib = _library()
    if lib is None:
        return None
    with _key(lib, secret) as key:
        return _signature(lib, key, data) if key and _public(lib, key).hex() == public else None


@cache
def _library() -> ctypes.CDLL | None:
    """Only what is in the process anyway: a second one would take memory, too."""
    try:
        lib = ctypes.CDLL(LIBRARY, mode=os.RTLD_NOW | os.RTLD_NOLOAD)
        for name, (result, arguments) in _CALLS.items():
            call = getattr(lib, name)
            call.restype, call.argtypes = result, arguments
    except (OSError, AttributeError):  # linked into the interpreter, older than 3, or a system without RTLD_NOLOAD
        return None
    return lib


@contextmanager
def _key(lib: ctypes.CDLL, secret: bytes) -> Iterator[int | None]:
    key = lib.EVP_PKEY_new_raw_private_key(_EVP_PKEY_ED25519, None, secret, len(secret))
    try:
        yield key
    finally:
        lib.EVP_PKEY_free(key)  # wipes it; does nothing for none


def _public(lib: ctypes.CDLL, key: int) -> bytes:
    found, size = ctypes.create_string_buffer(_PUBLIC_BYTES), c_size_t(_PUBLIC_BYTES)
    return found.raw if lib.EVP_PKEY_get_raw_public_key(key, found, byref(size)) == 1 else b""


def _signature(lib: ctypes.CDLL, key: int, data: bytes) -> bytes | None:
    found, size = ctypes.create_string_buffer(_SIGNATURE_BYTES), c_size_t(_SIGNATURE_BYTES)
    context = lib.EVP_MD_CTX_new()
    try:
        done = (
            lib.EVP_DigestSignInit(context, None, None, None, key) == 1
            and lib.EVP_DigestSign(context, found, byref(size), data, len(data)) == 1
        )
    finally:
        lib.EVP_MD_CTX_free(context)
    return found.raw if done and size.value == _SIGNATURE_BYTES else None
