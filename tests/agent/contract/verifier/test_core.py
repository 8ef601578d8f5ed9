"""The core of the offline verifier agrees with the vectors of ledger-format.md and contract-format.md."""

from __future__ import annotations

import copy
import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from support.offline_verifier import answers

FOLDER = Path(__file__).parents[4] / "docs" / "reference" / "vectors"
ORDER = 2**252 + 27742317777372353535851937790883648493  # of the base point, RFC 8032, 5.1


def vectors(name: str) -> Any:
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module", params=[False, True], ids=["browser", "library"])
def library(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def test_canonical_texts_agree(library: bool) -> None:
    found = vectors("canonical")
    accepted = [("canonical", json.dumps(each["value"])) for each in found["accepted"]]
    hashes = [("sha256", each["canonical"]) for each in found["accepted"]]
    rejected = [("canonical", json.dumps(value)) for value in found["rejected"]]
    answer = answers([*accepted, *hashes, *rejected], library)
    assert answer[: len(accepted)] == [each["canonical"] for each in found["accepted"]]
    assert answer[len(accepted) : -len(rejected)] == [each["sha256"] for each in found["accepted"]]
    assert [each["rejected"] for each in answer[-len(rejected) :]] == ["number_not_exact"] * len(rejected)


INVALID = (
    ('{"a": 1, "a": 1}', "json_key_twice"), ('{"a": 1, "\\u0061": 1}', "json_key_twice"),
    ('[1.0]', "number_not_exact"), ("[1e2]", "number_not_exact"), ("[9007199254740992]", "number_not_exact"),
    ("[01]", "json_invalid"), ("[NaN]", "json_invalid"), ("[1,]", "json_invalid"),
    ('["\\ud83d"]', "text_not_unicode"), ('["\\x"]', "json_invalid"), ('["a\nb"]', "json_invalid"),
    ("[1] 2", "json_invalid"), ("", "json_invalid"), ("[" * 13 + "]" * 13, "json_too_deep"),
    ("{'a': 1}", "json_invalid"), ('{"a" 1}', "json_invalid"), ('"a', "json_invalid"), ("[-]", "json_invalid"),
)  # fmt: skip


def test_json_is_read_strictly() -> None:
    found = answers([("canonical", text) for text, _ in INVALID])
    assert [each["rejected"] for each in found] == [code for _, code in INVALID]


def test_json_that_others_write_is_read() -> None:
    texts = {'{"b":-0,"a":[ ]}\n': '{"a":[],"b":0}', '"\\u00e9\\/"': '"é/"', '{"__proto__": 1}': '{"__proto__":1}',
             "[" * 12 + "]" * 12: "[" * 12 + "]" * 12}  # fmt: skip
    assert answers([("canonical", text) for text in texts]) == list(texts.values())


def test_ledger_lines_agree(library: bool) -> None:
    found = vectors("ledger")
    cases = [("lines", [found["key"], each["lines"]]) for each in found["invalid"]]
    good, other, *invalid = answers(
        [("lines", [found["key"], found["lines"]]), ("lines", ["00" * 32, found["lines"]]), *cases], library
    )
    assert good == found["hashes"]
    assert other["rejected"] == "line_signature"
    positions = [each["data"]["seq"] for each in invalid]
    assert positions == [each["first_bad"] for each in found["invalid"]]


def test_plans_agree(library: bool) -> None:
    found = vectors("plan")
    texts = [json.dumps(each) for each in (found["in_force"], *(each["file"] for each in found["not_in_force"]))]
    good, *others = answers([("plan", text) for text in texts], library)
    assert good == {"id": found["id"], "problem": None}
    assert [each for each in others if not each.get("rejected") and not each["problem"]] == []


def test_amounts_agree() -> None:
    cases = vectors("amounts")
    found = answers([("amount", [each["plan"], each["first_day"], each["figures"]]) for each in cases])
    for each, (kwh, share, *amounts) in zip(cases, found, strict=True):
        assert kwh == each["amount"]["kwh"]
        assert Fraction(share) == Fraction(each["amount"]["share"])
        assert amounts == [each["amount"][name] for name in ("net", "vat", "gross")]


def test_bundles_agree(library: bool) -> None:
    found = vectors("bundle")
    cases = [found["bundle"]] + [
        replaced(found["bundle"], each["path"], each["value"]) for each in found["not_accepted"]
    ]
    good, *others = answers([("bundle", [json.dumps(each), "", ""]) for each in cases], library)
    assert good["verdict"] == found["state"] == "settled"
    amounts = next(check["data"] for check in good["checks"] if check["code"] == "amounts")
    assert amounts["gross"] == found["amount"]["gross"]
    assert good["recalculated"] == {"fan": {"count": 1, "energy": 24_000, "recorded": 0}}  # unknown in its line
    assert [each["verdict"] for each in others] == ["rejected"] * len(others)


def replaced(bundle: Any, path: list[Any], value: Any) -> Any:
    copied = copy.deepcopy(bundle)
    *outer, last = path
    place = copied
    for key in outer:
        place = place[key]
    place[last] = value
    return copied


def test_signatures_are_those_of_openssl(library: bool) -> None:
    """A bundled library where the browser has no Ed25519, and its tables for many signatures by one key."""
    key = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    public = key.public_key()
    pairs = []
    for number in range(60):
        message, sig = bytes([number]) * (number * 5), bytearray(key.sign(bytes([number]) * (number * 5)))
        if number % 3 == 1:
            sig[number % 64] ^= 1 << number % 8
        if number % 3 == 2:
            message += b"."
        if number % 10 == 9:  # S + the order: the same point, which RFC 8032, 5.1.7, forbids
            sig[32:] = (int.from_bytes(sig[32:], "little") + ORDER).to_bytes(32, "little")
        pairs.append((message, bytes(sig)))
    expected = []
    for message, sig in pairs:
        try:
            public.verify(sig, message)
            expected.append(True)
        except InvalidSignature:
            expected.append(False)
    texts = [[message.hex(), sig.hex()] for message, sig in pairs]
    [method, tables] = answers([("method", None), ("signatures", [public.public_bytes_raw().hex(), texts])], library)
    assert method == ("library" if library else "browser")
    assert tables == expected
    assert 15 < sum(expected) < 45
