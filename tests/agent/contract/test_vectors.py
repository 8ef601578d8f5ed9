"""The vectors of docs/reference/ledger-format.md and contract-format.md are those of the product, and a verifier that
was written from these pages agrees with each of them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from support import independent_contract as independent
from support.independent_bundle import Unfit, check_amount, month_of, verified
from support.independent_plans import Plan, plans_in_force

from agent.contract.plan_toml import read_toml_plan

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "docs" / "reference" / "vectors"
PAGE = FOLDER.parent / "contract-format.md"


def vectors(name: str) -> Any:
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def test_the_files_are_those_of_the_product() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "docs" / "generate" / "vectors.py"), "--print"], capture_output=True, check=True,
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"},
    )  # fmt: skip
    made = json.loads(done.stdout)
    assert made == {path.name: path.read_text(encoding="utf-8") for path in FOLDER.iterdir()}, "make vectors"


def block(language: str) -> str:
    """The first block of this language on the page of the contract."""
    return PAGE.read_text(encoding="utf-8").split(f"```{language}\n", 1)[1].split("```", 1)[0]


def test_the_plan_of_the_page_is_accepted(tmp_path: Path) -> None:
    (tmp_path / "plan.toml").write_text(block("toml"), encoding="utf-8")
    plan = read_toml_plan(tmp_path / "plan.toml").plan
    assert plan.rules.prices == {"peak": Decimal("1.05"), "flat": Decimal("0.68")}


def test_the_month_of_the_page_is_that_of_the_vectors() -> None:
    """With the first digits of each hash."""
    shortened = re.sub(r'"([0-9a-f]{8})[0-9a-f]{56}"', r'"\1…"', vectors("month")["canonical"])
    assert json.loads(re.sub(r" +// .*", "", block("jsonc"))) == json.loads(shortened)


def test_canonical_texts_agree() -> None:
    found = vectors("canonical")
    for each in found["accepted"]:
        assert independent.canonical(each["value"]) == each["canonical"]
        assert independent.digest(each["canonical"].encode()) == each["sha256"]
    for value in found["rejected"]:
        with pytest.raises(ValueError, match=r"\d"):
            independent.canonical(value.popitem()[1] if isinstance(value, dict) else value)


def test_ledger_lines_agree() -> None:
    found = vectors("ledger")
    assert independent.first_bad_line(found["lines"], found["key"]) is None
    assert [independent.digest(line.encode()) for line in found["lines"]] == found["hashes"]
    assert independent.energies_of(found["lines"]) == found["energies"]
    assert independent.first_bad_line(found["lines"], "00" * 32) == 1  # another key than the expected one
    for each in found["invalid"]:
        assert independent.first_bad_line(each["lines"], found["key"]) == each["first_bad"], each["what"]


def test_no_changed_character_of_a_line_is_accepted() -> None:
    found = vectors("ledger")
    line = found["lines"][2]
    for place in range(0, len(line), 7):
        changed = line[:place] + ("0" if line[place] != "0" else "1") + line[place + 1 :]
        lines = [*found["lines"][:2], changed, *found["lines"][3:]]
        try:
            bad = independent.first_bad_line(lines, found["key"])
        except (ValueError, KeyError):
            continue  # is not a record any more
        assert bad == 3, changed


def test_plans_agree() -> None:
    found = vectors("plan")
    assert independent.canonical(found["in_force"]["document"]) == found["canonical"]
    assert independent.digest(found["canonical"].encode()) == found["id"]
    assert independent.in_force(found["in_force"])
    assert [each["what"] for each in found["not_in_force"] if independent.in_force(each["file"])] == []


def edited(value: Any, path: list[Any], to: Any) -> Any:
    """A copy of a value with another one at a place."""
    if not path:
        return to
    copied = list(value) if isinstance(value, list) else dict(value)
    copied[path[0]] = edited(copied[path[0]], path[1:], to)
    return copied


def test_months_agree() -> None:
    found = vectors("month")
    plans = plans_in_force([found["plan"]])
    assert list(plans) == [found["states"][0]["file"]["document"]["plan"]]
    assert independent.digest(found["canonical"].encode()) == found["id"]
    for each in found["states"]:
        assert state_of(each["file"], plans) == each["state"]
    for each in found["not_settled"]:
        with pytest.raises((Unfit, ValueError)):
            state_of(each["file"], plans_in_force([each.get("plan", found["plan"])]))


def state_of(file: dict[str, Any], plans: dict[str, Plan]) -> str:
    document, signed_by = month_of(file, plans)
    check_amount(document, plans[document["plan"]].document)
    return ("issued", "accepted", "settled")[len(signed_by)]


def test_bundles_agree() -> None:
    found = vectors("bundle")
    result = verified(found["bundle"])
    assert (result.state, result.amount) == (found["state"], found["amount"])
    for each in found["not_accepted"]:
        with pytest.raises((Unfit, ValueError)):
            verified(edited(found["bundle"], each["path"], each["value"]))


def test_amounts_agree() -> None:
    for each in vectors("amounts"):
        figures, amount = each["figures"]["fan"], each["amount"]
        expected = independent.fee(each["plan"], 1, figures["energies"], figures["quantity"], figures["running_s"])
        assert tuple(Fraction(amount[name]) for name in ("net", "vat", "gross")) == expected
