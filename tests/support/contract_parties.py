"""A gateway with a signed plan and the folders of two parties, for tests of whole months with the commands."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result
from support import metered_retrofit
from support.contract import document, signed, write_json

from agent.cli import main
from agent.contract.documents import file_body
from agent.contract.party_keys import load_party_key
from agent.savings.ledger.signing_key import FILE, load

PASSPHRASE = "correct horse battery"
PARTIES = ("customer", "company")


def magwatt(*arguments: object, code: int = 0, text: str = PASSPHRASE) -> Result:
    """Runs a command in English. text: what is typed. code: expected exit code."""
    found = CliRunner().invoke(main, ["--lang", "en", *map(str, arguments)], input=f"{text}\n")
    if found.exception is not None and not isinstance(found.exception, SystemExit):
        raise found.exception
    assert found.exit_code == code, found.output
    return found


def make_keys(folder: Path) -> dict[str, str]:
    """Makes customer.pem and company.pem; the public key of each."""
    made = {}
    for name in PARTIES:
        printed = magwatt("contract", "key", folder / f"{name}.pem").output
        made[name] = re.findall('public_key = "([0-9a-f]{64})"', printed)[0]
    return made


def plan_body(folder: Path, baseline: str, **more: object) -> dict[str, Any]:
    """The plan of the retrofit in folder/gateway for the keys in folder. more: as for `document`."""
    keys = {name: load_party_key(folder / f"{name}.pem", PASSPHRASE) for name in PARTIES}
    terms = {
        "applies__first": "2024-10-01", "sharing__first": "2024-10-01", "motor__fan__baseline": baseline,
        "motor__fan__baseline_period": {"first": "2024-09-01", "last": "2024-09-14"},
        "motor__fan__reporting_period": {"first": "2024-09-15"},
        "project__gateway_key": load(folder / "gateway" / "state" / FILE).public,
        "party__customer__public_key": keys["customer"].public,
        "party__energy_service_company__public_key": keys["company"].public,
    }  # fmt: skip
    return document(**{**terms, **more})


def sign_plan_of(folder: Path, body: dict[str, Any], *names: str) -> Path:
    """Writes folder/plan.json with the signatures of these parties; both if none is named."""
    keys = [load_party_key(folder / f"{name}.pem", PASSPHRASE) for name in names or PARTIES]
    return write_json(folder / "plan.json", file_body(signed(body, *keys).signed))


def gateway_with_plan(folder: Path, days: int = 4, **more: object) -> Path:
    """A retrofit in folder/gateway whose signed plan is recorded; the file of its configuration."""
    frozen = metered_retrofit.retrofit(folder / "gateway", days=days)
    assert frozen is not None
    make_keys(folder)
    plan = sign_plan_of(folder, plan_body(folder, frozen.hash, **more))
    config = folder / "gateway" / "plant.toml"
    magwatt("contract", "record", plan, "--config", config)
    return config
