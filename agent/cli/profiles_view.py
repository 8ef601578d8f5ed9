"""`magwatt profiles`: list register maps, show one, check profile files."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import click
import msgspec

from agent.cli.options import WRONG
from agent.commissioning.discovery.reasons import WATCHDOG
from agent.core.columns import headings, padded, padded_left
from agent.core.text import N_, _, text_of
from drivers.dlt645_framing import identifier_text
from drivers.errors import ProfileError
from drivers.profile_reasons import PROFILE_ID_DUPLICATE
from drivers.profiles import (
    GROUPS,
    HarmonicBlock,
    Identify,
    Profile,
    Register,
    load_file,
    load_profile,
    profile_ids,
)
from drivers.profiles.dlt645_register import READ_DATA, identifier_of
from drivers.profiles.s7_register import byte_text
from drivers.register_blocks import plan_blocks, usable

COLUMNS = (
    (N_("register"), 30), (N_("poll"), 6), (N_("fc"), 2), (N_("address"), -7), (N_("manual"), 16), (N_("type"), 6),
    (N_("scale"), -12), (N_("unit"), 5), (N_("confidence"), 10),
)  # fmt: skip


def list_profiles(as_json: bool) -> None:
    """One line for each known model. Raises ProfileError if a folder of the user's profiles cannot be used."""
    for profile in map(load_profile, profile_ids()):
        row = _summary(profile)
        click.echo(json.dumps(row) if as_json else _summary_line(profile, row))
    if not as_json:
        click.echo(
            _(
                "In brackets: registers by poll group ({groups}). No profile was verified on hardware. Details: "
                "`magwatt profiles show MODEL`",
                groups=GROUPS,
            )
        )


def show_profile(profile: Profile, as_json: bool) -> None:
    """All data of a profile, for an engineer who checks it against the device."""
    click.echo(json.dumps(_as_object(profile)) if as_json else "\n".join(_lines(profile)))


def check_files(paths: Sequence[Path]) -> int:
    """One line for each problem, and a summary. Returns 0 if all files are correct, else 2."""
    wrong = 0
    owners: dict[str, Path] = {}
    for path in paths:
        try:
            profile = load_file(path)
        except ProfileError as error:
            wrong += 1
            click.echo(text_of(error))
            continue
        if (other := owners.setdefault(profile.id, path)) != path:
            wrong += 1
            click.echo(text_of(PROFILE_ID_DUPLICATE(path=str(path), profile=profile.id, other=str(other))))
            continue
        click.echo(f"{path}: {profile.id}: {_read_summary(profile)}")
    click.echo(_("{n:d} {n:file|files}, {wrong:d} with problems", n=len(paths), wrong=wrong))
    return WRONG if wrong else 0


def _summary(profile: Profile) -> dict[str, Any]:
    rows = usable(profile)
    counts = Counter(row.group for row in rows)
    return {
        "profile": profile.id,
        "kind": profile.kind,
        "vendor": profile.vendor,
        "model": profile.model,
        "transports": list(profile.transports),
        "registers": len(rows),
        "mapped": len(profile.registers),
        "groups": {group: counts[group] for group in GROUPS},
        "confidence": profile.confidence,
        "dialect": profile.dialect,
    }


def _summary_line(profile: Profile, row: dict[str, Any]) -> str:
    groups = " ".join(f"{row['groups'][group]:3}" for group in GROUPS)
    registers = padded_left(_("{n:d} {n:register|registers}", n=row["registers"]), 13)
    remarks = [profile.confidence]
    if profile.dialect == "huanyang_private":
        remarks.append(_("not Modbus: never polled"))
    elif unconfirmed := sum(item.confidence == "from_memory" for item in profile.registers):
        remarks.append(_("{n:d} more after a self-check", n=unconfirmed))
    transports, text = "/".join(profile.transports), _(", ").join(remarks)
    return f"{profile.id:26} {profile.kind:11} {transports:8} {registers} ({groups})  {text}"


def _read_summary(profile: Profile) -> str:
    rows = usable(profile)
    return _(
        "{n:d} of {total:d} {total:register|registers} polled, in {requests:d} {requests:request|requests}",
        n=len(rows), total=len(profile.registers), requests=len(plan_blocks(profile, rows)),
    )  # fmt: skip


def _lines(profile: Profile) -> list[str]:
    phases = _("{n:d} {n:phase|phases}", n=profile.phases)
    confidence = _(
        "{confidence}; not verified on hardware; {summary}",
        confidence=profile.confidence, summary=_read_summary(profile),
    )  # fmt: skip
    watchdog = (
        padded(_(name), 10) + " " + (profile.comm_loss.get(key) or _("unknown"))
        for key, name in WATCHDOG.items()
        if profile.kind == "vfd" and profile.dialect != "s7"
    )
    rows = sorted(profile.registers, key=lambda item: (item.function, item.address + item.at))
    title = _("faults ({register})", register=profile.faults_of) if profile.faults_of else _("faults")
    faults = (f"{f'0x{code:04X}' if code > 999 else code:>6}  {text}" for code, text in profile.faults.items())
    return [
        f"{profile.id}  {profile.vendor} {profile.model}, {profile.kind}, {phases}",
        *(f"  {text}" for text in (confidence, *_protocol(profile))),
        *_section(_("communication watchdog"), watchdog),
        f"  {headings(COLUMNS)}",
        *(line for row in rows for line in _register_lines(row, profile.dialect)),
        *map(_block_line, profile.blocks),
        *(
            line
            for name, bits in profile.bits.items()
            for line in _section(
                _("bits of {register}", register=name), (f"{bit:3}  {text}" for bit, text in bits.items())
            )
        ),
        *_section(title, faults),
        *_section(_("identified by"), map(_identify_line, profile.identify)),
        *_section(_("notes"), profile.notes),
        *_section(_("sources"), (f"{row['kind']}: {row['ref']} ({row['covers']})" for row in profile.sources)),
    ]


def _protocol(profile: Profile) -> Iterator[str]:
    if profile.aliases:
        yield _("other names: {names}", names=profile.aliases)
    if profile.dialect == "huanyang_private":
        yield _("private protocol, not Modbus: never polled, because a read frame may be a command")
    if profile.dialect == "dlt645":
        yield _("DL/T 645-2007; addresses are data identifiers; meter address: 12 digits on the label")
    if profile.dialect == "s7":
        yield _("data block of a PLC (S7 protocol); addresses are bytes from the first byte of the device on")
    if rtu := profile.rtu:
        line = f"{rtu.get('baud')} {rtu.get('data_bits')}{rtu.get('parity')}{rtu.get('stop_bits')}"
        if profile.uses_modbus:
            yield _("RTU   factory setting {line}, unit ID {unit_id}", line=line, unit_id=rtu.get("unit_id"))
        else:
            yield _("factory setting {line}", line=line)
    if tcp := profile.tcp:
        yield _("TCP   port {port:d}, unit ID {unit_id:d}", port=tcp.get("port", 502), unit_id=tcp.get("unit_id", 1))
    text = _(
        "at most {n:d} {n:register|registers} per request; {gap_ms:g} ms between requests; timeout {timeout_ms:g} ms",
        n=profile.max_registers, gap_ms=1000 * profile.min_gap_s, timeout_ms=1000 * profile.timeout_s,
    )  # fmt: skip
    parts = [text, _("reads across address gaps") if profile.gaps_allowed else _("no reads across address gaps")]
    if profile.refresh_s:
        parts.append(_("values refreshed every {refresh_ms:g} ms", refresh_ms=1000 * profile.refresh_s))
    yield _("; ").join(parts)
    if profile.addressing:
        yield _("addresses: {addressing}", addressing=profile.addressing)


def _block_line(block: HarmonicBlock) -> str:
    orders = _(
        "orders {first:d} to {last:d}, % of the {reference}",
        first=block.orders[0], last=block.orders[-1], reference=block.reference,
    )  # fmt: skip
    return f"  {block.name:30} {'-':6} {block.function:2} {block.address:7} {orders}"


def _address_text(row: Register, dialect: str) -> str:
    if dialect == "s7":
        return byte_text(row)
    return identifier_text(identifier_of(row)) if row.function == READ_DATA else str(row.address + row.at)


def _register_lines(row: Register, dialect: str) -> Iterator[str]:
    address = _address_text(row, dialect)
    scale = f"{row.scale:g}"
    if row.parts:
        scale = "+".join(f"{part.scale:g}" for part in row.parts)
    elif row.scale_by_rating:
        scale = _("by rating")
    elif row.scale_from:
        scale = f"{row.scale:g}·10^[{row.scale_from.address}]"
    remarks = _("; ").join((row.confidence, *_off(row)))
    yield (
        f"  {row.name:30} {row.group:6} {row.function:2} {address:>7} {row.manual_ref[:16]:16} {row.type:6} "
        f"{padded_left(scale, 12)} {row.unit:5} {remarks}"
    )
    if row.scale_by_rating:
        yield "      " + _("scale: {steps}", steps=tuple(_scale_steps(row)))
    if row.scale_doubt:
        yield "      " + _("scale uncertain, flagged until a self-check confirms it: {cause}", cause=row.scale_doubt)
    if row.needs:
        yield "      " + _("requires: {condition}", condition=row.needs)
    if row.note:
        yield f"      {row.note}"


def _scale_steps(row: Register) -> Iterator[str]:
    for limit_kw, scale in row.scale_by_rating:
        text = N_("{scale:g} up to {limit_kw:g} kW") if limit_kw < float("inf") else N_("{scale:g} above")
        yield _(text, scale=scale, limit_kw=limit_kw)


def _off(row: Register) -> Iterator[str]:
    """Why the register is not polled."""
    if row.latched:
        yield _("never polled: contains the values of the last trip")
    elif row.feeds_watchdog:
        yield _("never polled: starts a watchdog")
    elif row.confidence == "from_memory":
        yield _("not polled until a self-check confirms it")


def _identify_line(row: Identify) -> str:
    where = "" if row.address is None else f" {row.address}"
    wanted = [f"{name} {value}" for name in ("equals", "equals_any", "contains", "vendor_contains", "low", "high",
              "model_id") if (value := getattr(row, name)) not in (None, (), "")]  # fmt: skip
    return f"{row.method}{where} {', '.join(wanted)}{'  ' + row.note if row.note else ''}".rstrip()


def _section(title: str, lines: Iterable[str]) -> list[str]:
    indented = [f"  {line}" for line in lines]
    return [title, *indented] if indented else []


def _as_object(profile: Profile) -> dict[str, Any]:
    body = {key: value for key, value in msgspec.to_builtins(profile).items() if key not in ("registers", "id")}
    read = {row.name for row in usable(profile)}
    rows = [
        msgspec.to_builtins(row) | {
            "read": row.name in read,
            "scale_by_rating": [[None if limit == float("inf") else limit, scale]
                                for limit, scale in row.scale_by_rating],
        }
        for row in profile.registers
    ]  # fmt: skip
    return {"profile": profile.id, **body, "registers": rows}
