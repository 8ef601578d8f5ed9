"""`magwatt ledger`: the signed records of the savings."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from agent.cli.ledger_export import export
from agent.cli.ledger_options import (
    checkpoint_option,
    expected_key,
    external_checkpoints,
    fail_unreadable,
    key_option,
    open_state,
    state_option,
)
from agent.cli.options import FINDING, config_option, fail, load, plant_file
from agent.core.local_time import zone_of
from agent.core.text import N_, _, as_object, text_of, use

if TYPE_CHECKING:
    from agent.config.model import Config
    from agent.savings.ledger.verification import ProvenanceSpan, VerificationResult
    from drivers.reasons import Reason

VERSIONS_SHOWN = 5
PROBLEMS_SHOWN = 20
CLOCK_STEPS_SHOWN = 5
CHANGES = {
    "config": N_("The configuration changed {n:d} {n:time|times}:"),
    "software": N_("The software changed {n:d} {n:time|times}:"),
}


@click.group(help=N_("Verify the signed ledger of savings records."))
def ledger() -> None:
    pass


ledger.add_command(export)


@ledger.command(
    help=N_(
        "Continue an HMAC ledger of an earlier version with an Ed25519 key.\n\n"
        "The record of the new key names the last record of the old key and confirms it; nothing is rewritten. The "
        "agent may be running. Afterwards reports contain a public key, which verifies the ledger."
    )
)
@config_option
def begin(config_file: Path | None) -> None:
    config = load(plant_file(config_file))[0]
    from agent.delivery.site_clock import start_clock
    from agent.delivery.store import Store, default_directory
    from agent.delivery.store.database_file import NAME
    from agent.savings.ledger.signing_key import FILE
    from agent.savings.ledger.succession import begin_signed

    directory = config.state_dir or default_directory()
    if not (directory / NAME).is_file():
        fail(_("{path}: no state file; `magwatt run` creates it", path=str(directory / NAME)))
    open_state(config, None)[0].close()  # exits when it is not one of magwatt
    clock, _watch = start_clock(config)
    with contextlib.closing(Store(directory, clock, config.store)) as store:
        record = begin_signed(store, clock.utc_ns() // 1_000_000)
    if record is None:
        click.echo(_("The ledger is empty; its first record will be signed with the new Ed25519 key."))
    else:
        click.echo(_(
            "Record {seq:d}: the ledger continues with the Ed25519 key {fingerprint}, after record {last:d} of the "
            "HMAC key.", seq=record.seq, fingerprint=record.body["key"]["fingerprint"], last=record.seq - 1,
        ))  # fmt: skip
    click.echo(_("Store a copy of {path} outside the gateway: magwatt backup FILE", path=str(directory / FILE)))


@ledger.command(
    help=N_(
        "Verify hashes, signatures and contents of all records.\n\n"
        "Prints the first record that was edited, removed, moved or rolled back. Truncation or rollback of the "
        "complete ledger can only be detected with --checkpoint. Exits 1 if verification fails."
    )
)
@checkpoint_option
@config_option
@state_option
@key_option
@click.option("--json", "as_json", is_flag=True, help=N_("Print JSON: one object."))
def verify(
    checkpoint_files: tuple[Path, ...], config_file: Path | None, state: Path | None, key_file: Path | None,
    as_json: bool,
) -> None:  # fmt: skip
    config: Config | None = load(plant_file(config_file))[0] if state is None else None
    db, directory = open_state(config, state)
    from agent.savings.ledger.reasons import LEDGER_EMPTY
    from agent.savings.ledger.signing_key import FILE
    from agent.savings.ledger.verify import verify as verify_ledger

    if config is not None:
        use(None, zone_of(config.site.timezone))
    external, key = external_checkpoints(checkpoint_files, config), expected_key(key_file, directory)
    try:
        found = verify_ledger(db, key, [checkpoint for file in external.values() for checkpoint in file])
        empty = None if found.records else LEDGER_EMPTY()
    except sqlite3.Error as error:
        fail_unreadable(directory, error)
    key_path = None if key is None else key_file or directory / FILE
    if as_json:
        click.echo(json.dumps(_as_object(found, empty, key_path), ensure_ascii=False))
    else:
        for line in _lines(found, empty, key_path, (config.site.id, config.site.gateway) if config else None):
            click.echo(line)
    sys.exit(0 if found.ok and found.records else FINDING)


def _as_object(found: VerificationResult, empty: Reason | None, key_path: Path | None) -> dict[str, object]:
    return {
        "ok": found.ok, "records": found.records, "first_bad": found.first_bad,
        "problems": [as_object(item) for item in found.problems],
        "unchecked": [as_object(item) for item in found.unchecked],
        "last_hash": found.last_hash, "last_ms": found.last_ms, "checkpoints": found.checkpoints,
        "external_checkpoints": found.external_checkpoints, "amended": found.amended, "late": found.late,
        "ahead": found.ahead, "clock_set_back": found.clock_set_back, "keys": found.keys,
        "key_file": str(key_path) if key_path else None, "self_named": found.self_named,
        "restored": [as_object(item) for item in found.restored],
        "hmac_part": as_object(found.hmac_part) if found.hmac_part else None,
        "empty": as_object(empty) if empty else None,
        "recorded_under": [span._asdict() for span in found.recorded_under],
        "gateways": found.gateways,
        "not_yet_recorded": {asset: len(starts) for asset, starts in found.pending.items()},
    }  # fmt: skip


def _lines(
    found: VerificationResult, empty: Reason | None, key_path: Path | None, gateway: tuple[str, str] | None
) -> Iterator[str]:
    """The result as text.

    empty: why there are no records; None: there are some.
    key_path: file of the expected key; None: there is none.
    gateway: site and gateway of the configuration; None without a configuration.
    """
    from agent.savings.ledger.verification import pending_reason

    yield from map(text_of, (*found.problems[:PROBLEMS_SHOWN], *found.unchecked))
    if len(found.problems) > PROBLEMS_SHOWN:
        yield _("further problems: {n:d}", n=len(found.problems) - PROBLEMS_SHOWN)
    if empty:
        yield text_of(empty)
        return
    if not_recorded := pending_reason(found.pending):
        yield text_of(not_recorded)
    yield from map(text_of, (*([found.hmac_part] if found.hmac_part else []), *found.restored))
    if found.ahead:
        yield _("intervals dated after the newest record: {n:d}; the clock was ahead and was corrected", n=found.ahead)
    for seq in found.clock_set_back[:CLOCK_STEPS_SHOWN]:
        yield _(
            "record {seq:d} is dated before the record that precedes it; the clock was set to an earlier time", seq=seq
        )
    yield from _changes(found)
    yield from _gateways(found, gateway)
    if found.self_named and found.keys and not found.unchecked:
        yield _(
            "The signatures match key {key}, which only the ledger itself declares. A forger who rewrites the complete "
            "ledger can use a new key: give the key that you received earlier (--key report.json).", key=found.keys[-1]
        )  # fmt: skip
    yield from _summary(found, key_path)


def _summary(found: VerificationResult, key_path: Path | None) -> Iterator[str]:
    yield _(
        "Records: {records:d} until {last_ms:local}; daily checkpoints: {checkpoints:d}; intervals recorded again: "
        "{amended:d}; recorded late: {late:d}",
        records=found.records, last_ms=found.last_ms, checkpoints=found.checkpoints, amended=found.amended,
        late=found.late,
    )  # fmt: skip
    keys = tuple(found.keys) or "–"
    yield (
        _("Key: {keys}, verified with {path}", keys=keys, path=str(key_path)) if key_path
        else _("Key: {keys}", keys=keys)
    )  # fmt: skip
    yield (
        _("External checkpoints compared: {n:d}", n=found.external_checkpoints) if found.external_checkpoints
        else _("External checkpoints compared: none; truncation or rollback cannot be detected (use --checkpoint)")
    )  # fmt: skip
    if found.ok:
        yield _("Verification passed.")
    elif found.first_bad:
        yield _("Verification failed. First invalid record: {seq:d}", seq=found.first_bad)
    else:
        yield _("Verification failed.")


def _changes(found: VerificationResult) -> Iterator[str]:
    """Changes of configuration and software, with the recorded intervals."""
    for what, heading in CHANGES.items():
        spans = [span for span in found.recorded_under if span.what == what]
        if len(spans) < 2:
            continue
        yield _(heading, n=len(spans) - 1)
        if len(spans) > VERSIONS_SHOWN:
            yield "  " + _("not shown: {n:d} earlier {n:version|versions}", n=len(spans) - VERSIONS_SHOWN)
        yield from map(_version, spans[-VERSIONS_SHOWN:])


def _version(span: ProvenanceSpan) -> str:
    return "  " + _(
        "{version} from {since_ms:local} ({n:d} {n:interval|intervals})", version=span.version, since_ms=span.since_ms,
        n=span.intervals,
    )  # fmt: skip


def _gateways(found: VerificationResult, own: tuple[str, str] | None) -> Iterator[str]:
    """Other gateways in the checkpoints. own: site and gateway of the configuration; None without one."""
    others = tuple("/".join(place) for place in found.gateways if place != own)
    if not others or (own is None and len(found.gateways) == 1):
        return
    if own is None:
        yield _(
            "The checkpoints name {others}. The gateway was renamed, or this is the ledger of another gateway.",
            others=others,
        )
    else:
        yield _(
            "The checkpoints name {others}, the configuration names {own}. The gateway was renamed, or this is the "
            "ledger of another gateway.",
            others=others, own="/".join(own),
        )  # fmt: skip
