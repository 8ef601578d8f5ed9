"""`magwatt contract`: the M&V plan that customer and energy-service company sign, and the amount of a month."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from agent.cli.contract_view import (
    amount_as_object,
    amount_lines,
    fail_with_problems,
    history_lines,
    plan_lines,
    version_as_object,
)
from agent.cli.ledger_options import fail_unreadable, open_state, state_option
from agent.cli.options import FINDING, config_option, fail, load, must_have, plant_file
from agent.core.local_time import zone_of
from agent.core.text import N_, _, text_of, use

if TYPE_CHECKING:
    from datetime import date

    from agent.config.model import Config
    from agent.contract.amounts import MonthAmount, MonthFigures
    from agent.contract.plan_versions import PlanVersion
    from agent.savings.report.model.month import ReportMonth
    from drivers.reasons import Reason

_json_option = click.option("--json", "as_json", is_flag=True, help=N_("Print JSON: one object."))
_passphrase_option = click.option(
    "--passphrase-file", metavar="FILE", type=click.Path(path_type=Path),
    help=N_("File whose first line is the passphrase. [default: ask for it]"),
)  # fmt: skip


@click.group(
    help=N_(
        "Draft, sign and show the M&V plan of a contract.\n\n"
        "`key`, `sign` and `history` work on any computer, without configuration and network."
    )
)
def contract() -> None:
    pass


@contract.command(
    help=N_(
        "Make the key of a party, protected by a passphrase.\n\n"
        "FILE contains the private key and never leaves the party; FILE.pub contains the public key. Prints the public "
        "key for the plan."
    )
)
@click.argument("file", type=click.Path(path_type=Path))
@_passphrase_option
def key(file: Path, passphrase_file: Path | None) -> None:
    from agent.contract.party_keys import make_party_key

    made = make_party_key(file, _passphrase(passphrase_file, twice=True))
    click.echo(_("{file}: private key, keep a copy; {file}.pub: public key", file=str(file)))
    click.echo(f'public_key = "{made.public}"')
    click.echo(_("Fingerprint: {fingerprint}", fingerprint=made.fingerprint))


@contract.command(
    help=N_(
        "Write a draft of the plan from the configuration, the frozen baselines and the ledger.\n\n"
        "Lists what the parties must decide. Exits 1 while something is to be decided."
    )
)
@click.option("--output", metavar="FILE", type=click.Path(path_type=Path), default="plan.toml", show_default=True,
              help=N_("TOML file of the draft; an existing file is not overwritten."))  # fmt: skip
@click.option("--motor", "motors", metavar="MOTOR", multiple=True,
              help=N_("Only this motor; repeatable. [default: all motors]"))  # fmt: skip
@click.option("--replaces", metavar="FILE", type=click.Path(path_type=Path),
              help=N_("Signed plan that the new version replaces."))  # fmt: skip
@config_option
@state_option
def draft(
    output: Path, motors: tuple[str, ...], replaces: Path | None, config_file: Path | None, state: Path | None
) -> None:
    config = load(plant_file(config_file))[0]
    for name in motors:
        must_have(config, name)
    if output.exists():
        fail(_("{path}: exists; name another file with --output", path=str(output)))
    db, directory = open_state(config, state)
    from agent.config.topology import assets
    from agent.contract.drafting import draft_of
    from agent.contract.plan_toml import toml_text
    from agent.savings.records.repository import load_frozen

    plants = [asset for asset in assets(config) if asset.motor and (not motors or asset.name in motors)]
    replaced = _read(replaces) if replaces else None
    try:
        found = [(asset, load_frozen(db, asset.name)) for asset in plants]
        made = draft_of(config, found, _gateway_key(db), time.time_ns() // 1_000_000, replaced)
    except sqlite3.Error as error:
        fail_unreadable(directory, error)
    try:
        output.write_text(toml_text(made.document, made.to_decide), encoding="utf-8")
    except OSError as error:
        from drivers.file_reasons import FILE_UNWRITABLE
        from drivers.reasons import cause_of

        fail(text_of(FILE_UNWRITABLE(path=str(output), error=cause_of(error))))
    for reason in made.to_decide.values():
        click.echo(text_of(reason))
    click.echo(_("{path}: draft of version {version:d}; next: magwatt contract sign {path} --key KEY",
                 path=str(output), version=made.document["version"]))  # fmt: skip
    sys.exit(FINDING if made.to_decide else 0)


@contract.command(
    help=N_(
        "Sign a plan with the key of a party.\n\n"
        "FILE is the TOML of a draft or the JSON of a plan that the other party signed. The signed plan is written as "
        "JSON next to the draft, or replaces FILE."
    )
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--key", "key_file", metavar="FILE", required=True, type=click.Path(path_type=Path),
              help=N_("Private key of the party, from `magwatt contract key`."))  # fmt: skip
@click.option("--by", default="", metavar="NAME",
              help=N_("Name of the signatory. [default: the one that the plan names]"))  # fmt: skip
@_passphrase_option
def sign(file: Path, key_file: Path, by: str, passphrase_file: Path | None) -> None:
    from agent.contract.documents import write_document
    from agent.contract.party_keys import load_party_key
    from agent.contract.plan_versions import sign_plan

    version, target = _to_sign(file)
    use(None, zone_of(version.plan.timezone))
    party_key = load_party_key(key_file, _passphrase(passphrase_file, twice=False))
    now_ms = time.time_ns() // 1_000_000
    done = sign_plan(version, party_key, " ".join(by.split()), now_ms)
    write_document(target, done.signed)
    made = done.signed.signatures[-1]
    click.echo(_("{path}: signed by {by} as {role:word}, {signed_ms:local}", path=str(target), by=made.by,
                 role=made.role, signed_ms=made.signed_ms))  # fmt: skip
    missing = done.not_in_force()
    click.echo(text_of(missing) if missing else _("All parties have signed; the plan is in force."))


@contract.command(
    help=N_(
        "Show a plan, its signatures, and what is missing.\n\n"
        "With --month, the amount of the month by the plan. Exits 1 if the plan is not signed by all parties, or if "
        "something in it is wrong."
    )
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--month", metavar="YYYY-MM", help=N_("Billing month whose amount is calculated; needs the state file."))
@config_option
@state_option
@_json_option
def show(file: Path, month: str | None, config_file: Path | None, state: Path | None, as_json: bool) -> None:
    from agent.contract.plan_reader import open_points
    from agent.core.local_time import local_datetime

    version = _read(file)
    use(None, zone_of(version.plan.timezone))
    now_ms = time.time_ns() // 1_000_000
    points = list(open_points(version.plan, local_datetime(now_ms, version.plan.timezone).date()))
    wrong = [*version.problems, *version.dated_later(now_ms)]
    notes: list[Reason] = []
    amount: MonthAmount | None = None
    figures: dict[str, MonthFigures] = {}
    if month:
        amount, figures, notes = _amount(version, month, config_file, state)
    if as_json:
        body = version_as_object(version, [*wrong, *notes], points)
        amount_body = amount_as_object(amount, figures) if amount else None
        click.echo(json.dumps(body | {"month": month, "amount": amount_body}, ensure_ascii=False))
    else:
        for line in plan_lines(version, wrong, points):
            click.echo(line)
        for line in amount_lines(version.plan, str(month), amount, figures, notes) if amount else ():
            click.echo(line)
    sys.exit(FINDING if wrong or notes or version.not_in_force() else 0)


@contract.command(
    help=N_(
        "Record a plan that both parties have signed in the ledger of the gateway.\n\n"
        "The gateway signs it above the parties; the agent may be running."
    )
)
@click.argument("file", type=click.Path(path_type=Path))
@config_option
def record(file: Path, config_file: Path | None) -> None:
    config = load(plant_file(config_file))[0]
    version = _read(file)
    db, directory = open_state(config, None)
    from agent.contract.recorded_plans import KIND, record_body
    from agent.delivery.store import Store
    from agent.runtime.clock_supervisor import start_clock
    from agent.savings.ledger import recorder
    from agent.savings.records.repository import present_ms

    with contextlib.closing(db):
        body = record_body(_recorded(db), version, config.site, _gateway_key(db))
    if body is None:
        click.echo(_("{file}: is recorded already", file=str(file)))
        return
    clock, _watch = start_clock(config)
    with contextlib.closing(Store(directory, clock, config.store)) as store:
        now_ms = present_ms(config, store, clock.utc_ns() // 1_000_000)
        recorder.record(store, config, now_ms, KIND, lambda _db: body)
    click.echo(_("{file}: recorded in the ledger", file=str(file)))


@contract.command(
    help=N_(
        "List the versions of plans, when each applies, and what contradicts.\n\n"
        "FILE is a signed plan or a folder of them; without FILE: the plans in the ledger of the gateway. Exits 1 if "
        "something contradicts or is not signed."
    )
)
@click.argument("files", metavar="[FILE]...", nargs=-1, type=click.Path(path_type=Path))
@config_option
@state_option
@_json_option
def history(files: tuple[Path, ...], config_file: Path | None, state: Path | None, as_json: bool) -> None:
    from agent.contract.plan_versions import PlanHistory

    if files:
        paths = [path for file in files for path in (sorted(file.glob("*.json")) if file.is_dir() else [file])]
        plans = [_read(path) for path in paths]
    else:
        db, _directory = open_state(load(plant_file(config_file))[0] if state is None else None, state)
        with contextlib.closing(db):
            plans = _recorded(db)
    if not plans:
        fail(_("no plans found in: {files}", files=tuple(map(str, files)) or "ledger"))
    found = PlanHistory(plans)
    use(None, zone_of(found.versions[0].plan.timezone))
    problems = found.problems()
    if as_json:
        from agent.core.text import as_object

        versions = [version_as_object(each, each.problems, ()) for each in found.versions]
        body = {"versions": versions, "problems": [as_object(each) for each in problems]}
        click.echo(json.dumps(body, ensure_ascii=False))
    else:
        for line in history_lines(found, problems):
            click.echo(line)
    open_ = any(found.not_in_force(each) for each in found.versions)
    sys.exit(FINDING if problems or open_ else 0)


def _passphrase(file: Path | None, twice: bool) -> str:
    """From the first line of a file, else typed; a program without a terminal writes it to the standard input."""
    if file is not None:
        from drivers.file_reasons import FILE_UNREADABLE
        from drivers.reasons import cause_of

        try:
            return file.read_text(encoding="utf-8").partition("\n")[0].rstrip("\r")
        except (OSError, ValueError) as error:
            fail(text_of(FILE_UNREADABLE(path=str(file), error=cause_of(error))))
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    first = str(click.prompt(_("passphrase"), default="", show_default=False, hide_input=True))
    again = twice and first and click.prompt(_("once more"), default="", show_default=False, hide_input=True)
    if again not in (False, "", first):
        fail(_("the passphrases differ; nothing was written"))
    return first


def _read(path: Path) -> PlanVersion:
    """A plan; exits with all its problems if it cannot be used."""
    from agent.contract.plan_reader import PlanError
    from agent.contract.plan_toml import read_toml_plan
    from agent.contract.plan_versions import read_plan

    try:
        return read_toml_plan(path) if path.suffix == ".toml" else read_plan(path)
    except PlanError as error:
        fail_with_problems(error)


def _to_sign(file: Path) -> tuple[PlanVersion, Path]:
    """The plan to sign, and the file that gets the signature. A draft that was signed before keeps its signatures."""
    version = _read(file)
    target = file.with_suffix(".json") if file.suffix == ".toml" else file
    if target != file and target.exists():
        before = _read(target)
        if before.signed.id != version.signed.id:
            fail(_("{target}: contains another plan than {file}; rename it first", target=str(target), file=str(file)))
        version = before
    return version, target


def _recorded(db: sqlite3.Connection) -> list[PlanVersion]:
    """The plans of the ledger; exits when one of them cannot be used."""
    from agent.contract.plan_reader import PlanError
    from agent.contract.recorded_plans import recorded_plans

    try:
        return recorded_plans(db)
    except PlanError as error:
        fail_with_problems(error)


def _gateway_key(db: sqlite3.Connection) -> str:
    """The public key that signs the ledger; "": there is none yet, or it is an HMAC key."""
    from agent.savings.ledger.chain import records

    declared = [record.body.get("key") for record in records(db, "key")]
    newest = declared[-1] if declared else None
    return str(newest.get("public", "")) if isinstance(newest, dict) else ""


def _amount(
    version: PlanVersion, month: str, config_file: Path | None, state: Path | None
) -> tuple[MonthAmount, dict[str, MonthFigures], list[Reason]]:
    """The amount of a month with the figures of each motor, and what is wrong or missing."""
    config = load(plant_file(config_file))[0]
    for name in version.plan.motors:
        must_have(config, name)
    from agent.contract.amounts import amount_of
    from agent.contract.month_figures import figures_of, notes_of
    from agent.core.local_time import local_datetime

    months = _months(config, version, month, state)
    figures = {each.asset: figures_of(each, version.plan.motors[each.asset].quantity) for each in months}
    first: date = local_datetime(months[0].from_ms, version.plan.timezone).date()
    notes = [note for each in months for note in notes_of(each, version.plan)]
    return amount_of(version.plan, first, figures), figures, notes


def _months(config: Config, version: PlanVersion, month: str, state: Path | None) -> list[ReportMonth]:
    """The month of each motor by the tariff of the plan, with the ledger verified by the key that the plan names."""
    from agent.core.linear_algebra import check_linear_algebra

    check_linear_algebra()
    db, directory = open_state(config, state)
    from msgspec.structs import replace

    from agent.cli.ledger_options import expected_key, external_checkpoints
    from agent.runtime.clock_supervisor import utc_ms
    from agent.savings.ledger.signing_key import ED25519, LedgerKey
    from agent.savings.records.repository import present_ms
    from agent.savings.report.model.ledger_check import LedgerVerifier
    from agent.savings.report.writer import months_of

    signed_key = version.plan.gateway_key
    key = LedgerKey(ED25519, signed_key) if signed_key else expected_key(None, directory)
    check = LedgerVerifier(key, external_checkpoints((), config))
    by_plan = replace(config, tariff=version.plan.rules.tariff)
    try:
        now_ms = present_ms(config, db, utc_ms(config))
        return months_of(db, by_plan, tuple(version.plan.motors), month, now_ms, check)
    except sqlite3.Error as error:
        fail_unreadable(directory, error)
