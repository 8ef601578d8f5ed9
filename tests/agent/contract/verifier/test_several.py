"""Several files that are verified together: bundles of one month, keys, and formats of a newer version."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

from support.contract import OTHER
from support.contract_bundles import built, bundle_text
from support.contract_recipes import recipe
from support.offline_verifier import answers, verdicts

from agent.contract.party_keys import make_party_key


def bundles() -> dict[str, str]:
    """Of one month: before it was issued, with revision 1, with 2, with another 2; and of another contract."""
    made = {name: recipe(3, hours=1) for name in ("none", "first", "second", "other")}
    made["none"].month = None
    made["second"].corrected = made["other"].corrected = True
    made["other"].second = {"reason": "another reason"}
    made["elsewhere"] = recipe(3, hours=1, contract="EMC-2026-018", project__gateway_key=OTHER.public)
    made["elsewhere"].key = OTHER
    made["elsewhere"].month |= {"gateway_key": OTHER.public}  # type: ignore[operator]
    return {name: bundle_text(built(each)) for name, each in made.items()}


def test_an_older_bundle_of_the_month_is_named() -> None:
    made = bundles()
    names = ["none", "first", "elsewhere", "second"]
    [found, reverse] = answers([("bundles", [made[name] for name in order]) for order in (names, names[::-1])])
    older = [("open", "older_without_month"), ("open", "older_bundle")]
    expected = [*older, ("settled", "settled"), ("settled", "settled")]
    assert [(each["verdict"], each["reason"]["code"]) for each in found] == expected
    assert [each["verdict"] for each in reverse] == [verdict for verdict, _ in expected[::-1]]
    assert found[1]["reason"]["data"] == {"revision": 1, "newest": 2, "file": "3"}


def test_two_documents_of_one_revision_in_two_bundles_are_rejected() -> None:
    made = bundles()
    [found, same] = answers([("bundles", [made["second"], made["other"]]), ("bundles", [made["second"]] * 2)])
    assert [each["reason"]["code"] for each in found] == ["revision_of_other_file"] * 2
    assert [each["verdict"] for each in found] == ["rejected"] * 2
    assert [each["verdict"] for each in same] == ["settled"] * 2


def test_two_ledgers_of_one_key_are_rejected() -> None:
    """A line of each number: of another ledger, or after a backup was restored."""
    made = bundles()
    other = bundle_text(built(recipe(3, hours=1, contract="EMC-2026-018")))
    [found, same] = answers([("bundles", [made["first"], other]), ("bundles", [made["first"], made["none"]])])
    assert [(each["verdict"], each["reason"]["code"]) for each in found] == [("rejected", "two_ledgers")] * 2
    assert found[0]["reason"]["data"] == {"seq": 2, "file": "1"}  # the plan
    assert "rejected" not in [each["verdict"] for each in same]


def test_a_public_key_in_a_file_is_a_known_key(tmp_path: Path) -> None:
    key = make_party_key(tmp_path / "key.pem", "a long passphrase")
    private, public = ((tmp_path / name).read_text() for name in ("key.pem", "key.pem.pub"))
    [found] = answers([("sorted", [public, private, "{}"])])
    assert found["keys"] == [key.public]
    assert [each["name"] for each in found["bundles"]] == ["1", "2"]


def test_an_earlier_report_is_a_checkpoint() -> None:
    report = {"s": "magwatt.report/1", "ledger": {"seq": 7, "hash": "ab" * 32, "day": "2026-10-31"}, "share": 0.5}
    [found] = answers([("sorted", [json.dumps(report), bundles()["first"]])])
    assert found["checkpoints"] == [{"seq": 7, "hash": "ab" * 32}]
    assert [each["name"] for each in found["bundles"]] == ["1"]


def test_a_newer_format_of_a_signature_is_named() -> None:
    bundle: dict[str, Any] = built(recipe(3, hours=1))
    changed = []
    for part in ("plans", "months"):
        newer = copy.deepcopy(bundle)
        newer[part][0]["signatures"][0] |= {"s": "magwatt.signature/2", "more": 1}
        changed.append(bundle_text(newer))
    assert [each["reason"]["code"] for each in verdicts(changed)] == ["format_newer"] * 2
