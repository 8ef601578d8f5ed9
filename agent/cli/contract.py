"""`magwatt contract`: the M&V plan and the months that customer and energy-service company sign."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from agent.cli.contract_month import (
    append,
    documents_of,
    is_month,
    issue,
    months_of_ledger,
    record_month_file,
    show_month_file,
    sign_month_file,
)
from agent.cli.contract_month_view import month_as_object, months_lines
from agent.cli.contract_sheet import sheet
from agent.cli.contract_source import (
    amount_of_month,
    gateway_key,
    passphrase_from,
    plan_from,
    plan_to_sign,
    plans_of_ledger,
)
from agent.cli.contract_verifier import verifier
from agent.cli.contract_view import (
    amount_as_object,
    amount_lines,
    history_lines,
    in_force_line,
    plan_lines,
    version_as_object,
)
from agent.cli.ledger_options import fail_unreadable, open_state, state_option
from agent.cli.options import FINDING, config_option, fail, load, must_have, plant_file
from agent.core.local_time import zone_of
from agent.core.text import N_, _, text_of, use

if TYPE_CHECKING:
    from agent.contract.amounts import MonthAmount, MonthFigures
    from drivers.reasons import Reason

_json_option = click.option("--json", "as_json", is_flag=True, help=N_("Print JSON: one object."))
_plan_option = click.option(
    "--plan", "plan_file", metavar="FILE", type=click.Path(path_type=Path),
    help=N_("Signed plan of a month. [default: plan.json next to FILE]"),
)  # fmt: skip
_passphrase_option = click.option(
    "--passphrase-file", metavar="FILE", type=click.Path(path_type=Path),
    help=N_("File whose first line is the passphrase. [default: ask for it]"),
)  # fmt: skip


@click.group(
    help=N_(
        "Sign and show the plan and the months of a contract.\n\n"
        "`key`, `sign`, `show`, `sheet`, `verifier` and `history FILE` need no configuration and no network."
    )
)
def contract() -> None:
    pass


contract.add_command(sheet)
contract.add_command(verifier)


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
    from agent.contract.party_keys import check_free, make_party_key

    check_free(file)  # before a passphrase is typed
    made = make_party_key(file, passphrase_from(passphrase_file, twice=True))
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
    replaced = plan_from(replaces) if replaces else None
    try:
        found = [(asset, load_frozen(db, asset.name)) for asset in plants]
        made = draft_of(config, found, gateway_key(db), time.time_ns() // 1_000_000, replaced)
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
    about = {"path": str(output), "version": made.document["version"]}
    if made.to_decide:
        click.echo(_("{path}: draft of version {version:d}; fill in its {n:d} empty {n:value|values}, then: magwatt "
                     "contract sign {path} --key KEY", **about, n=len(made.to_decide)))  # fmt: skip
    else:
        click.echo(_("{path}: draft of version {version:d}; next: magwatt contract sign {path} --key KEY", **about))
    sys.exit(FINDING if made.to_decide else 0)


@contract.command(
    help=N_(
        "Sign a plan or a month with the key of a party.\n\n"
        "FILE is the TOML of a draft, the JSON of a plan that the other party signed, or a month. The signed plan is "
        "written as JSON next to the draft, or replaces FILE. For a month it prints what is signed, then asks for the "
        "passphrase."
    )
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--key", "key_file", metavar="FILE", required=True, type=click.Path(path_type=Path),
              help=N_("Private key of the party, from `magwatt contract key`."))  # fmt: skip
@click.option("--by", default="", metavar="NAME",
              help=N_("Name of the signatory. [default: the one that the plan names]"))  # fmt: skip
@_plan_option
@_passphrase_option
def sign(file: Path, key_file: Path, by: str, plan_file: Path | None, passphrase_file: Path | None) -> None:
    if is_month(file):
        sign_month_file(file, plan_file, key_file, " ".join(by.split()), passphrase_file)
        return
    from agent.contract.documents import write_document
    from agent.contract.party_keys import load_party_key
    from agent.contract.plan_versions import sign_plan

    version, target = plan_to_sign(file)
    use(None, zone_of(version.plan.timezone))
    party_key = load_party_key(key_file, passphrase_from(passphrase_file, twice=False))
    now_ms = time.time_ns() // 1_000_000
    done = sign_plan(version, party_key, " ".join(by.split()), now_ms)
    write_document(target, done.signed)
    made = done.signed.signatures[-1]
    click.echo(_("{path}: signed by {by} as {role:word}, {signed_ms:local}", path=str(target), by=made.by,
                 role=made.role, signed_ms=made.signed_ms))  # fmt: skip
    click.echo(in_force_line(done.not_in_force()))


@contract.command(
    help=N_(
        "Show a plan or a month, its signatures, and what is missing.\n\n"
        "With --month, the amount of the month by the plan, before it is issued. Exits 1 if FILE is not signed by all "
        "parties, or if something in it is wrong."
    )
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--month", metavar="YYYY-MM", help=N_("Billing month whose amount is calculated; needs the state file."))
@config_option
@state_option
@_plan_option
@_json_option
def show(
    file: Path, month: str | None, config_file: Path | None, state: Path | None, plan_file: Path | None, as_json: bool
) -> None:  # fmt: skip
    if is_month(file):
        show_month_file(file, plan_file, as_json)
        return
    from agent.contract.plan_reader import open_points
    from agent.core.local_time import local_datetime

    version = plan_from(file)
    use(None, zone_of(version.plan.timezone))
    now_ms = time.time_ns() // 1_000_000
    points = list(open_points(version.plan, local_datetime(now_ms, version.plan.timezone).date()))
    wrong = [*version.problems, *version.signing.dated_later(now_ms)]
    notes: list[Reason] = []
    amount: MonthAmount | None = None
    figures: dict[str, MonthFigures] = {}
    if month:
        amount, figures, notes = amount_of_month(version, month, config_file, state)
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
        "Record a signed plan or month in the ledger of the gateway.\n\n"
        "The gateway signs it above the parties; the agent may be running. A plan needs both signatures. Exits 1 if "
        "intervals or decisions of the month were recorded after it was issued."
    )
)
@click.argument("file", type=click.Path(path_type=Path))
@config_option
def record(file: Path, config_file: Path | None) -> None:
    config = load(plant_file(config_file))[0]
    if is_month(file):
        record_month_file(file, config)
        return
    version = plan_from(file)
    db, directory = open_state(config, None)
    from agent.contract.recorded_plans import KIND, record_body

    with contextlib.closing(db):
        body = record_body(plans_of_ledger(db), version, config.site, gateway_key(db))
    if body is None:
        click.echo(_("{file}: is recorded already", file=str(file)))
        return
    append(config, directory, KIND, body)
    click.echo(_("{file}: recorded in the ledger", file=str(file)))


@contract.command(
    help=N_(
        "List the versions of plans, when each applies, the months with their states, and what contradicts.\n\n"
        "FILE is a signed plan, a month or a folder of them; without FILE: those in the ledger of the gateway. Exits 1 "
        "if something contradicts, or a plan is not signed."
    )
)
@click.argument("files", metavar="[FILE]...", nargs=-1, type=click.Path(path_type=Path))
@config_option
@state_option
@_json_option
def history(files: tuple[Path, ...], config_file: Path | None, state: Path | None, as_json: bool) -> None:
    from agent.contract.month_states import MonthHistory
    from agent.contract.plan_versions import PlanHistory

    later: dict[str, list[Reason]] = {}
    if files:
        plans, revisions = documents_of(files)
    else:
        db, _directory = open_state(load(plant_file(config_file))[0] if state is None else None, state)
        with contextlib.closing(db):
            plans = plans_of_ledger(db)
            revisions, later = months_of_ledger(db, plans)
    if not plans:
        fail(_("no plans found in: {files}", files=tuple(map(str, files)) or "ledger"))
    found = PlanHistory(plans)
    months = MonthHistory(revisions, found)
    use(None, zone_of(found.versions[0].plan.timezone))
    problems = [*found.problems(), *months.problems()]
    if as_json:
        from agent.core.text import as_object

        versions = [version_as_object(each, each.problems, ()) for each in found.versions]
        states = [month_as_object(each, months.state(each), later.get(each.signed.id, ())) for each in months.revisions]
        body = {"versions": versions, "months": states, "problems": [as_object(each) for each in problems]}
        click.echo(json.dumps(body, ensure_ascii=False))
    else:
        for line in (*history_lines(found, found.problems()), *months_lines(months, later)):
            click.echo(line)
    open_ = any(found.not_in_force(each) for each in found.versions)
    sys.exit(FINDING if problems or open_ or any(later.values()) else 0)


contract.add_command(issue)
