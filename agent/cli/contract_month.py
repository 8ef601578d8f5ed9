"""`magwatt contract issue`, and what `sign`, `show` and `record` do with a month."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from agent.cli.contract_month_view import month_as_object, month_lines, state_line, state_lines_of_file
from agent.cli.contract_source import gateway_key, months_by_plan, passphrase_from, plan_from, plans_of_ledger
from agent.cli.ledger_options import open_state
from agent.cli.options import FINDING, config_option, fail, load, must_have, plant_file
from agent.core.local_time import zone_of
from agent.core.text import N_, _, text_of, use

if TYPE_CHECKING:
    from agent.config.model import Config
    from agent.contract.documents import SignedDocument
    from agent.contract.month_issue import Correction
    from agent.contract.month_states import MonthRevision
    from agent.contract.plan_versions import PlanHistory, PlanVersion
    from agent.savings.ledger.signing_key import LedgerKey
    from drivers.reasons import Reason


def is_month(file: Path) -> bool:
    """Whether a file is that of a month; it can be of a newer format. Raises InvalidValue."""
    from agent.contract.documents import read_document
    from agent.contract.month import SCHEMA

    return file.suffix != ".toml" and read_document(file).type.startswith(SCHEMA.partition("/")[0] + "/")


@click.command(
    help=N_(
        "Issue a month: the gateway calculates its document by the plan, signs it and records it in the ledger.\n\n"
        "Both parties sign the file with `magwatt contract sign`. A month that was issued before is corrected with "
        "--reason; the former revision stays. Exits 1, and issues nothing, while something prevents a settlement."
    )
)
@click.option("--month", required=True, metavar="YYYY-MM", help=N_("Billing month."))
@click.option("--reason", default="", metavar="TEXT", help=N_("Why the month is corrected."))
@click.option("--contract", "number", default="", metavar="NUMBER", help=N_("Contract, if there are several."))
@click.option("--output", metavar="FILE", type=click.Path(path_type=Path),
              help=N_("File of the month. [default: month-YYYY-MM.json]"))  # fmt: skip
@config_option
def issue(month: str, reason: str, number: str, output: Path | None, config_file: Path | None) -> None:
    config = load(plant_file(config_file))[0]
    target = output or Path(f"month-{month}.json")
    from agent.contract.documents import write_document
    from agent.contract.month_states import revision_of
    from agent.contract.plan_versions import PlanHistory
    from agent.contract.recorded_months import KIND, body_of_issued, recorded_months

    db, directory = open_state(config, None)
    with contextlib.closing(db):
        plans = plans_of_ledger(db)
        version = _plan_of(PlanHistory(plans), month, number)
        recorded = recorded_months(db, plans)
        correction = _correction(recorded, version, month, " ".join(reason.split()))
        if target.exists():
            fail(_("{path}: exists; name another file with --output", path=str(target)))
        signed = _signed_month(config, db, directory, version, month, correction)
    revision = revision_of(signed, month, plans)
    body = body_of_issued(recorded, revision, PlanHistory(plans))
    write_document(target, signed)
    try:
        append(config, directory, KIND, body)
    except Exception:  # nothing was issued
        target.unlink()
        raise
    for line in month_lines(revision, ()):
        click.echo(line)
    click.echo(_("{path}: revision {revision:d} of {month}, issued; next: magwatt contract sign {path} --key KEY",
                 path=str(target), revision=revision.month.revision, month=month))  # fmt: skip


def _signed_month(
    config: Config, db: sqlite3.Connection, directory: Path, version: PlanVersion, month: str,
    correction: Correction | None,
) -> SignedDocument:  # fmt: skip
    """The document of a month, signed by the gateway; exits 1 with what prevents a settlement."""
    from agent.contract.month_issue import issued, month_document
    from agent.contract.month_notes import obstacles

    _check_key(version, gateway_key(db))
    key = _signing_key(db, directory)
    for name in version.plan.motors:
        must_have(config, name)
    months, now_ms = months_by_plan(config, db, version, month, directory)
    use(None, zone_of(version.plan.timezone))
    if found := [note for each in months for note in obstacles(each, version.plan)]:
        for note in dict.fromkeys(found):
            click.echo(text_of(note))
        click.echo(_("{month} was not issued", month=month))
        sys.exit(FINDING)
    return issued(month_document(db, months, version, now_ms, correction), key)


def _plan_of(history: PlanHistory, month: str, number: str) -> PlanVersion:
    """The plan in force on the first day of a month. Raises InvalidValue."""
    from agent.contract import reasons as codes
    from agent.core.local_time import local_datetime
    from drivers.reasons import InvalidValue

    if problems := history.problems():
        raise InvalidValue(problems[0])
    found = []
    for each in history.versions:
        first = local_datetime(each.plan.rules.tariff.bounds_ms(month)[0], each.plan.timezone).date()
        period = history.applies(each)
        if period is not None and period.contains(first) and number in ("", each.plan.contract):
            found.append(each)
    if not found:
        raise InvalidValue(codes.NO_PLAN_FOR_MONTH, month=month)
    if len(found) > 1:
        raise InvalidValue(codes.SEVERAL_CONTRACTS, month=month, contracts=tuple(each.plan.contract for each in found))
    return found[0]


def _correction(
    recorded: list[MonthRevision], version: PlanVersion, month: str, reason: str
) -> Correction | None:  # fmt: skip
    """What the new revision replaces; None: it is the first. Raises InvalidValue."""
    from agent.contract import reasons as codes
    from agent.contract.month_issue import Correction
    from agent.contract.month_states import SETTLED, MonthHistory
    from agent.contract.plan_versions import PlanHistory
    from drivers.reasons import InvalidValue

    history = MonthHistory(recorded, PlanHistory([each.plan for each in recorded]))
    before = history.of_month(version.plan.contract, month)
    if not before:
        if reason:
            raise InvalidValue(codes.NOTHING_TO_CORRECT, month=month)
        return None
    newest = before[-1]
    number = newest.month.revision
    if not reason:
        settled = history.state(newest).state == SETTLED
        code = codes.MONTH_SETTLED_ALREADY if settled else codes.MONTH_ISSUED_ALREADY
        raise InvalidValue(code, month=month, revision=number, next=number + 1)
    return Correction(number, newest.signed.id, reason)


def _check_key(version: PlanVersion, own: str) -> None:
    """Raises InvalidValue unless the parties confirmed the key of this ledger with the plan."""
    from agent.contract import reasons as codes
    from drivers.reasons import InvalidValue

    if not version.plan.gateway_key:
        raise InvalidValue(codes.PLAN_WITHOUT_GATEWAY_KEY, contract=version.plan.contract)
    if version.plan.gateway_key != own:
        raise InvalidValue(codes.PLAN_NAMES_OTHER_KEY, key=version.plan.gateway_key[:16], own=own[:16] or "–")


def _signing_key(db: sqlite3.Connection, directory: Path) -> LedgerKey:
    """The key of the ledger; exits when its file is missing, and makes none. Raises LedgerKeyError."""
    from agent.savings.ledger.signing_key import FILE, load_or_make
    from agent.savings.ledger.succession import key_in_force
    from drivers.file_reasons import FILE_MISSING

    if not (directory / FILE).exists():
        fail(text_of(FILE_MISSING(path=str(directory / FILE))))
    return key_in_force(db, load_or_make(directory))


def append(config: Config, directory: Path, kind: str, body: Mapping[str, Any]) -> None:
    """Appends a record to the ledger; the agent may be running."""
    from agent.delivery.site_clock import start_clock
    from agent.delivery.store import Store
    from agent.savings.ledger import recorder
    from agent.savings.records.repository import present_ms

    clock, _watch = start_clock(config)
    with contextlib.closing(Store(directory, clock, config.store)) as store:
        now_ms = present_ms(config, store, clock.utc_ns() // 1_000_000)
        recorder.record(store, config, now_ms, kind, lambda _db: body)


def month_from(file: Path, plan_file: Path | None) -> MonthRevision:
    """The month of a file, with the plan of another file; by default that of plan.json next to it."""
    from agent.contract.month_states import read_revision

    path = plan_file or file.with_name("plan.json")
    if plan_file is None and not path.is_file():
        fail(_("{file}: a month needs its plan: give it with --plan", file=str(file)))
    revision = read_revision(file, [plan_from(path)])
    use(None, zone_of(revision.plan.plan.timezone))
    return revision


def sign_month_file(file: Path, plan_file: Path | None, key_file: Path, by: str, passphrase_file: Path | None) -> None:
    """Prints what is signed, and then asks for the passphrase."""
    from agent.contract.documents import write_document
    from agent.contract.month_states import sign_month
    from agent.contract.party_keys import load_party_key
    from drivers.reasons import InvalidValue

    revision = month_from(file, plan_file)
    if (problem := revision.problem()) is not None:
        raise InvalidValue(problem)
    for line in month_lines(revision, ()):
        click.echo(line)
    key = load_party_key(key_file, passphrase_from(passphrase_file, twice=False))
    done = sign_month(revision, key, by, time.time_ns() // 1_000_000)
    write_document(file, done.signed)
    made = done.signed.signatures[-1]
    click.echo(_("{path}: signed by {by} as {role:word}, {signed_ms:local}", path=str(file), by=made.by,
                 role=made.role, signed_ms=made.signed_ms))  # fmt: skip
    for line in state_lines_of_file(done, done.state_by_itself()):
        click.echo(line)


def show_month_file(file: Path, plan_file: Path | None, as_json: bool) -> None:
    """Exits 1 unless both parties have signed, and nothing is wrong."""
    from agent.contract.month_reader import contradictions

    revision = month_from(file, plan_file)
    state = revision.state_by_itself()
    later = [*revision.dated_before_plan(), *revision.signing.dated_later(time.time_ns() // 1_000_000)]
    if as_json:
        click.echo(json.dumps(month_as_object(revision, state, later), ensure_ascii=False))
    else:
        wrong = [*contradictions(revision.month, revision.plan), *revision.signing.problems, *later]
        for line in month_lines(revision, wrong):
            click.echo(line)
        for line in state_lines_of_file(revision, state):
            click.echo(line)
    sys.exit(FINDING if later or state.state != "settled" else 0)


def record_month_file(file: Path, config: Config) -> None:
    """Exits 1 when something was recorded of the month after it was issued."""
    from agent.contract.documents import read_document
    from agent.contract.ledger_month import changes_after
    from agent.contract.month_states import MonthHistory, revision_of
    from agent.contract.plan_versions import PlanHistory
    from agent.contract.recorded_months import KIND, body_of_signed, recorded_months

    db, directory = open_state(config, None)
    with contextlib.closing(db):
        plans = plans_of_ledger(db)
        revision = revision_of(read_document(file), str(file), plans)
        use(None, zone_of(revision.plan.plan.timezone))
        recorded, history = recorded_months(db, plans), PlanHistory(plans)
        body = body_of_signed(recorded, revision, history, config.site)
        later = changes_after(db, revision.month)
    if body is None:
        click.echo(_("{file}: is recorded already", file=str(file)))
    else:
        append(config, directory, KIND, body)
        click.echo(_("{file}: recorded in the ledger", file=str(file)))
    all_ = MonthHistory([*recorded, revision], history)
    [now] = [each for each in all_.revisions if each.signed.id == revision.signed.id]
    click.echo(state_line(now, all_.state(now)))
    for note in later:
        click.echo(text_of(note))
    sys.exit(FINDING if later else 0)


def documents_of(files: Sequence[Path]) -> tuple[list[PlanVersion], list[MonthRevision]]:
    """The plans and months of files and folders."""
    from agent.contract.month_states import read_revision

    paths = [path for file in files for path in (sorted(file.glob("*.json")) if file.is_dir() else [file])]
    months = [path for path in paths if is_month(path)]
    plans = [plan_from(path) for path in paths if path not in months]
    return plans, [read_revision(path, plans) for path in months]


def months_of_ledger(
    db: sqlite3.Connection, plans: Sequence[PlanVersion]
) -> tuple[list[MonthRevision], dict[str, list[Reason]]]:  # fmt: skip
    """The months of the ledger, and by identifier what was recorded of each after it was issued; of corrected ones
    nothing.
    """
    from agent.contract.ledger_month import changes_after
    from agent.contract.month_states import CORRECTED, MonthHistory
    from agent.contract.plan_versions import PlanHistory
    from agent.contract.recorded_months import recorded_months

    found = recorded_months(db, plans)
    history = MonthHistory(found, PlanHistory(plans))
    last = [each for each in history.revisions if history.state(each).state != CORRECTED]
    return found, {each.signed.id: changes_after(db, each.month) for each in last}


def revisions_of(db: sqlite3.Connection, plans: Sequence[PlanVersion], month: str) -> list[MonthRevision]:
    """The revisions of a month in the ledger, by these plans, each with all its signatures."""
    from agent.contract.month_states import MonthHistory
    from agent.contract.plan_versions import PlanHistory
    from agent.contract.recorded_months import recorded_months

    known = [*plans, *plans_of_ledger(db)]
    history = MonthHistory(recorded_months(db, known), PlanHistory(known))
    contracts = {version.plan.contract for version in plans}
    return [each for each in history.revisions if each.month.month == month and each.month.contract in contracts]
