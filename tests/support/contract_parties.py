"""A gateway with a signed plan and the folders of two parties, for tests of whole months with the commands."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat
from support import metered_retrofit
from support.contract import document, signed, write_json

from agent.cli import main
from agent.contract.documents import file_body
from agent.contract.party_keys import load_party_key
from agent.savings.ledger.signing_key import FILE, LedgerKey, load

PASSPHRASE = "correct horse battery"
PARTIES = ("customer", "company")
DECIDED = {
    "contract": '"EMC-2024-017"', "title": '"Green Drive"', "signatory": '"Li Wei"', "vat_rate": '"0.06"',
    "boundary": '"meter mcc-12 to shaft"', "energy_service_company": '["0.80", "0.70"]', "number": '"E1"',
    "laboratory": '"省计量院"', "issued": "2024-01-12", "valid_until": "2036-01-11", "first": "2024-10-01",
    "last": "2029-09-30",
}  # fmt: skip


def magwatt(*arguments: object, code: int | None = 0, text: str = PASSPHRASE) -> Result:
    """Runs a command in English. text: what is typed. code: expected exit code; None: any."""
    found = CliRunner().invoke(main, ["--lang", "en", *map(str, arguments)], input=f"{text}\n")
    if found.exception is not None and not isinstance(found.exception, SystemExit):
        raise found.exception
    assert code in (None, found.exit_code), found.output
    return found


def make_keys(folder: Path) -> dict[str, str]:
    """Makes customer.pem and company.pem; the public key of each."""
    made = {}
    for name in PARTIES:
        printed = magwatt("contract", "key", folder / f"{name}.pem").output
        made[name] = re.findall('public_key = "([0-9a-f]{64})"', printed)[0]
    return made


def decided(text: str, keys: Mapping[str, str], **more: str) -> Iterator[str]:
    """The lines of a draft, with what the parties fill in. more: other values than DECIDED."""
    table = ""
    for line in text.splitlines():
        if line.startswith("["):
            table = line
        key, empty, _ = line.partition(' = ""')
        if not empty:
            yield line
        elif key == "public_key":
            yield f'{key} = "{keys["customer" if "customer" in table else "company"]}"'
        else:
            yield f"{key} = {(DECIDED | more)[key]}"


def settle(
    folder: Path, config: Path, month: str, reading_day: int = 1, first: str = "2024-10-01"
) -> dict[str, Any]:  # fmt: skip
    """The commands of docs/tutorials/retrofit.md from the keys to the bundle, which is returned.

    reading_day: of the plan. first: day on which it applies.
    """
    keys = make_keys(folder)
    draft, plan, issued, bundle = (folder / name for name in ("plan.toml", "plan.json", "month.json", "bundle.json"))
    magwatt("contract", "draft", "--config", config, "--output", draft, code=1)
    text = draft.read_text(encoding="utf-8").replace("reading_day = 1\n", f"reading_day = {reading_day}\n")
    draft.write_text("\n".join(decided(text, keys, first=first)), encoding="utf-8")
    for source, name in ((draft, "customer"), (plan, "company")):
        magwatt("contract", "sign", source, "--key", folder / f"{name}.pem")
    magwatt("contract", "record", plan, "--config", config)
    magwatt("contract", "issue", "--month", month, "--config", config, "--output", issued)
    for name in PARTIES:
        magwatt("contract", "sign", issued, "--key", folder / f"{name}.pem")
    magwatt("contract", "show", issued)
    magwatt("contract", "record", issued, "--config", config)
    magwatt("ledger", "export", "--month", month, "--config", config, "--output", bundle)
    found: dict[str, Any] = json.loads(bundle.read_text(encoding="utf-8"))
    return found


def write_key(path: Path, key: LedgerKey) -> Path:
    """A key of a party in a file, as `magwatt contract key` writes it."""
    private = Ed25519PrivateKey.from_private_bytes(key.secret)
    locked = BestAvailableEncryption(PASSPHRASE.encode())
    path.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, locked))
    return path


def plan_body(folder: Path, baseline: str | None, **more: object) -> dict[str, Any]:
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


def gateway_with_plan(folder: Path, days: int = 4, baseline: bool = True, **more: object) -> Path:
    """A retrofit in folder/gateway whose signed plan is recorded; the file of its configuration.

    baseline: one is frozen; without it, `more` has a formula that needs none.
    """
    frozen = metered_retrofit.retrofit(folder / "gateway", days=days, baseline=baseline)
    make_keys(folder)
    plan = sign_plan_of(folder, plan_body(folder, frozen.hash if frozen else None, **more))
    config = folder / "gateway" / "plant.toml"
    magwatt("contract", "record", plan, "--config", config)
    return config
