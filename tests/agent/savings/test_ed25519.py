"""Signatures by the interpreter's own OpenSSL: the standard's, and those of the library `cryptography`."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from agent.savings import ed25519
from agent.savings.ledger_key import ED25519, new_key

RFC_8032 = (  # section 7.1, tests 1 to 3: secret, public, message, signature
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
        "d25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c"
        "387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc659"
        "4a7c15e9716ed28dc027beceea1ec40a",
    ),
)


@pytest.fixture
def borrowed() -> None:
    if ed25519._library() is None:
        pytest.skip("this interpreter's OpenSSL cannot be borrowed")


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As where OpenSSL is linked into the interpreter."""
    monkeypatch.setattr(ed25519, "LIBRARY", "libcrypto-of-nobody.so")
    ed25519._library.cache_clear()
    yield
    ed25519._library.cache_clear()


@pytest.mark.usefixtures("borrowed")
@pytest.mark.parametrize(("secret", "public", "message", "signature"), RFC_8032)
def test_signatures_are_the_standards(secret: str, public: str, message: str, signature: str) -> None:
    assert (ed25519.public_of(bytes.fromhex(secret)) or b"").hex() == public
    assert (ed25519.signed(bytes.fromhex(secret), public, bytes.fromhex(message)) or b"").hex() == signature


@pytest.mark.usefixtures("borrowed")
def test_signatures_are_those_of_the_library_byte_for_byte() -> None:
    private = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.ed25519").Ed25519PrivateKey
    chance = Random(8032)
    for size in (0, 1, 63, 64, 850, 100_000):
        secret, data = chance.randbytes(32), chance.randbytes(size)
        theirs = private.from_private_bytes(secret)
        public = theirs.public_key().public_bytes_raw()
        assert ed25519.public_of(secret) == public
        assert ed25519.signed(secret, public.hex(), data) == theirs.sign(data)


@pytest.mark.usefixtures("borrowed")
def test_a_secret_of_another_length_or_another_public_half_signs_nothing() -> None:
    secret, public = bytes.fromhex(RFC_8032[0][0]), RFC_8032[0][1]
    assert ed25519.public_of(secret[:31]) is None
    assert ed25519.signed(b"", public, b"text") is None
    assert ed25519.signed(secret, RFC_8032[1][1], b"text") is None
    assert ed25519.signed(secret, "no hex", b"text") is None


@pytest.mark.usefixtures("alone")
def test_where_nothing_can_be_borrowed_the_library_signs() -> None:
    pytest.importorskip("cryptography")
    assert ed25519.public_of(bytes(32)) is None
    key = new_key(ED25519)
    signature = key.sign(b"text")
    assert ed25519.signed(key.secret, key.public, b"text") is None
    assert key.verifies(b"text", signature)


@pytest.mark.usefixtures("borrowed")
def test_a_ledger_is_begun_and_signed_without_loading_the_library(tmp_path: Path) -> None:
    pytest.importorskip("cryptography")
    code = (
        "import json, pathlib, sys\n"
        "from agent.savings.ledger_key import load_or_make\n"
        "key = load_or_make(pathlib.Path(sys.argv[1]))\n"
        "print(json.dumps([key.kind, key.sign(b'text'), sorted(m for m in sys.modules if '_rust' in m)]))\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, timeout=180,
                          cwd=Path(__file__).parents[3], check=True)  # fmt: skip
    kind, signature, loaded = json.loads(done.stdout)
    assert (kind, loaded) == (ED25519, [])
    assert len(signature) == 128
