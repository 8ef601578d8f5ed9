"""Keys of the parties: never without a passphrase, readable by OpenSSL, rejected with one cause each."""

from __future__ import annotations

import json
import shutil
import stat
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_public_key,
)

from agent.contract import reasons as codes
from agent.contract.party_keys import load_party_key, make_party_key
from drivers.file_reasons import FILE_UNREADABLE, FILE_UNWRITABLE
from drivers.reasons import Code, InvalidValue

PASSPHRASE = "正确 horse battery"


def test_a_key_is_loaded_with_its_passphrase_only(tmp_path: Path) -> None:
    path = tmp_path / "customer.pem"
    made = make_party_key(path, PASSPHRASE)
    found = load_party_key(path, PASSPHRASE)
    assert (found.public, found.secret) == (made.public, made.secret)
    assert made.secret not in path.read_bytes()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    public = load_pem_public_key((tmp_path / "customer.pem.pub").read_bytes())
    assert public.public_bytes_raw().hex() == made.public  # type: ignore[union-attr]
    for wrong in ("", "correct horse battery"):
        with pytest.raises(InvalidValue) as caught:
            load_party_key(path, wrong)
        assert caught.value.reason == codes.PASSPHRASE_WRONG(path=str(path))


def test_another_program_signs_with_the_key(tmp_path: Path) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl")
    made = make_party_key(tmp_path / "k.pem", PASSPHRASE)
    (tmp_path / "data").write_bytes(b"abc")
    (tmp_path / "pass").write_text(f"{PASSPHRASE}\n", encoding="utf-8")
    command = ["openssl", "pkeyutl", "-sign", "-inkey", "k.pem", "-passin", "file:pass", "-rawin", "-in", "data"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=True)
    assert made.verifies(b"abc", done.stdout.hex())


@pytest.mark.parametrize(
    ("passphrase", "code"),
    [("", codes.PASSPHRASE_EMPTY), (" \t", codes.PASSPHRASE_EMPTY), ("12345678901", codes.PASSPHRASE_SHORT)],
)
def test_a_weak_passphrase_makes_no_key(tmp_path: Path, passphrase: str, code: Code) -> None:
    with pytest.raises(InvalidValue) as caught:
        make_party_key(tmp_path / "k.pem", passphrase)
    assert caught.value.reason.code == code
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["k.pem", "k.pem.pub"])
def test_no_file_is_overwritten(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine", encoding="ascii")
    with pytest.raises(InvalidValue) as caught:
        make_party_key(tmp_path / "k.pem", PASSPHRASE)
    assert caught.value.reason == codes.KEY_EXISTS(path=str(tmp_path / name))
    assert [path.name for path in tmp_path.iterdir()] == [name]


def pem(key: object, passphrase: bytes | None) -> bytes:
    locked = BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, locked)  # type: ignore[attr-defined,no-any-return]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (pem(Ed25519PrivateKey.generate(), None), codes.KEY_WITHOUT_PASSPHRASE),
        (pem(generate_private_key(SECP256R1()), PASSPHRASE.encode()), codes.NOT_A_PARTY_KEY),
        (json.dumps({"kind": "ed25519", "public": "00" * 32, "secret": "11" * 32}).encode(), codes.NOT_A_PARTY_KEY),
        (b"", codes.NOT_A_PARTY_KEY),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", codes.NOT_A_PARTY_KEY),
    ],
)
def test_another_file_is_no_key(tmp_path: Path, content: bytes, code: Code) -> None:
    (path := tmp_path / "k.pem").write_bytes(content)
    with pytest.raises(InvalidValue) as caught:
        load_party_key(path, PASSPHRASE)
    assert caught.value.reason == code(path=str(path))


def test_a_missing_file_or_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidValue) as caught:
        load_party_key(tmp_path / "none.pem", PASSPHRASE)
    assert caught.value.reason.code == FILE_UNREADABLE
    with pytest.raises(InvalidValue) as caught:
        make_party_key(tmp_path / "none" / "k.pem", PASSPHRASE)
    assert caught.value.reason.code == FILE_UNWRITABLE
