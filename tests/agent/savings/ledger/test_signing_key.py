"""Ed25519 signatures follow RFC 8032; an unusable key file is reported by name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agent.savings.ledger import reasons as codes
from agent.savings.ledger.signing_key import ED25519, FILE, HMAC, LedgerKey, LedgerKeyError, load, load_or_make, new_key
from drivers.reasons import Code

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


@pytest.mark.parametrize(("secret", "public", "message", "signature"), RFC_8032)
def test_signatures_follow_the_standard(secret: str, public: str, message: str, signature: str) -> None:
    key, text = LedgerKey(ED25519, public, bytes.fromhex(secret)), bytes.fromhex(message)
    assert key.sign(text) == signature
    assert LedgerKey(ED25519, public).verifies(text, signature)
    assert not LedgerKey(ED25519, public).verifies(text + b" ", signature)


@pytest.mark.parametrize(
    ("edit", "code"),
    [
        ({"secret": ""}, codes.KEY_WITHOUT_PRIVATE_HALF),
        ({"secret": "11" * 31}, codes.KEY_FILE_INVALID),
        ({"public": "22" * 31}, codes.KEY_FILE_INVALID),
        ({"public": RFC_8032[0][1]}, codes.KEY_HALVES_DIFFER),
        ({"fingerprint": "0123456789abcdef"}, codes.KEY_FILE_INVALID),
    ],
)
def test_a_key_file_that_cannot_sign_is_named(tmp_path: Path, edit: dict[str, str], code: Code) -> None:
    key = new_key()
    complete = {"kind": ED25519, "public": key.public, "secret": key.secret.hex()}
    (tmp_path / FILE).write_text(json.dumps({**complete, **edit}), encoding="ascii")
    with pytest.raises(LedgerKeyError) as caught:
        load_or_make(tmp_path)
    assert caught.value.reason == code(path=str(tmp_path / FILE))


@pytest.mark.parametrize(
    ("declared", "code"),
    [
        ({"kind": HMAC, "public": "", "fingerprint": "0123456789abcdef"}, codes.KEY_WITHOUT_PUBLIC_HALF),
        (None, codes.KEY_FILE_INVALID),
        ({"kind": "rot13"}, codes.KEY_FILE_INVALID),
    ],
)
def test_a_report_without_a_public_key_is_named(tmp_path: Path, declared: dict[str, str] | None, code: Code) -> None:
    (tmp_path / "report.json").write_text(json.dumps({"site": "钢厂", "ledger_key": declared}), encoding="utf-8")
    with pytest.raises(LedgerKeyError) as caught:
        load(tmp_path / "report.json")
    assert caught.value.reason == code(path=str(tmp_path / "report.json"))


def test_a_report_contains_the_public_key(tmp_path: Path) -> None:
    key = new_key()
    body = {"site": "钢厂", "ledger_key": key.declaration()}
    (tmp_path / "report.json").write_text(json.dumps(body, ensure_ascii=False), encoding="utf-8")
    assert load(tmp_path / "report.json") == LedgerKey(ED25519, key.public)
