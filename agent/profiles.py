"""`magwatt profiles`: which register maps are known, what one says, whether a file of one's own is right."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from agent.words import counted
from drivers.errors import ProfileError
from drivers.profile_reasons import PROFILE_ID_DUPLICATE
from drivers.profiles import (
    GROUPS,
    Identify,
    Profile,
    Register,
    load_file,
    load_profile,
    profile_ids,
)
from drivers.registers import plan_blocks, usable

FINE, WRONG = 0, 2


def list_profiles(as_json: bool) -> None:
    """One line for each known model. Raises ProfileError when a folder of own profiles is wrong."""
    for name in profile_ids():
        profile = load_profile(name)
        row = _summary(profile)
        if as_json:
            click.echo(json.dumps(row))
            continue
        groups = " ".join(f"{row['groups'][group]:3}" for group in GROUPS)
        click.echo(
            f"{name:26} {profile.kind:11} {'/'.join(profile.transports):8} "
            f"{counted(row['registers'], 'register'):>13} ({groups})  {profile.confidence}{_remarks(profile)}"
        )
    if not as_json:
        click.echo(f"in brackets: {', '.join(GROUPS)}; none was checked on hardware; more: magwatt profiles show MODEL")


def show_profile(profile: Profile, as_json: bool) -> None:
    """Everything that a person needs who stands in front of the device."""
    if as_json:
        click.echo(json.dumps(_as_object(profile)))
    else:
        click.echo("\n".join(_lines(profile)))


def check_files(paths: Sequence[Path]) -> int:
    """One line for each problem, and a summary; 0 when all files are right, else 2."""
    wrong = 0
    owners: dict[str, Path] = {}
    for path in paths:
        try:
            profile = load_file(path)
            if (other := owners.setdefault(profile.id, path)) != path:
                raise ProfileError(PROFILE_ID_DUPLICATE, path=str(path), profile=profile.id, other=str(other))
        except ProfileError as error:
            wrong += 1
            click.echo(str(error))
            continue
        click.echo(f"{path}: {profile.id}: {_read_summary(profile)}")
    click.echo(f"{len(paths)} file{'s' if len(paths) != 1 else ''}, {wrong or 'none'} wrong")
    return WRONG if wrong else FINE


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


def _remarks(profile: Profile) -> str:
    waiting = sum(row.confidence == "from_memory" for row in profile.registers)
    if profile.dialect == "huanyang_private":
        return ", not Modbus: never polled"
    return f", {waiting} more after a self-check" if waiting else ""


def _read_summary(profile: Profile) -> str:
    rows = usable(profile)
    requests = len(plan_blocks(profile, rows))
    return f"{len(rows)} of {counted(len(profile.registers), 'register')} are read, with {counted(requests, 'request')}"


def _lines(profile: Profile) -> Iterator[str]:
    yield f"{profile.id}  {profile.vendor} {profile.model}, {profile.kind}, {counted(profile.phases, 'phase')}"
    yield f"  {profile.confidence}; not checked on hardware; {_read_summary(profile)}"
    if profile.aliases:
        yield f"  also: {', '.join(profile.aliases)}"
    yield from _protocol_lines(profile)
    if profile.kind == "vfd":
        yield "communication watchdog"
        for key in ("parameter", "default", "reset_by"):
            yield f"  {key:10} {profile.comm_loss.get(key, 'unknown')}"
    yield (
        f"  {'register':30} {'poll':6} {'fc':2} {'address':>7} {'manual':16} {'type':6} {'scale':>12} {'unit':5} "
        "confidence"
    )
    for row in sorted(profile.registers, key=lambda item: (item.function, item.address + item.at)):
        yield from _register_lines(row)
    for block in profile.blocks:
        orders = f"orders {block.orders[0]} to {block.orders[-1]}"
        yield f"  {block.name:30} {'-':6} {block.function:2} {block.address:7} {orders}, % of the {block.reference}"
    yield from _tables(profile)
    yield from _section("identified by", (_identify_line(row) for row in profile.identify))
    yield from _section("notes", profile.notes)
    yield from _section("sources", (f"{row['kind']}: {row['ref']} ({row['covers']})" for row in profile.sources))


def _protocol_lines(profile: Profile) -> Iterator[str]:
    if profile.dialect == "huanyang_private":
        yield "  a dialect of its own, not Modbus: it is never polled, a read frame may be a command"
    if profile.rtu:
        line = f"{profile.rtu.get('baud')} {profile.rtu.get('data_bits')}{profile.rtu.get('parity')}"
        yield f"  RTU   leaves the factory with {line}{profile.rtu.get('stop_bits')}, unit {profile.rtu.get('unit_id')}"
    if profile.tcp:
        yield f"  TCP   port {profile.tcp.get('port', 502)}, unit {profile.tcp.get('unit_id', 1)}"
    gaps = "reads across gaps" if profile.gaps_allowed else "no reads across gaps"
    yield (
        f"  reads at most {counted(profile.max_registers, 'register')}, {gaps}; "
        f"{1000 * profile.min_gap_s:g} ms between requests, {1000 * profile.timeout_s:g} ms time-out"
        + (f", renews every {1000 * profile.refresh_s:g} ms" if profile.refresh_s else "")
    )
    if profile.addressing:
        yield f"  addresses: {profile.addressing}"


def _register_lines(row: Register) -> Iterator[str]:
    address = str(row.address + row.at)
    scale = f"{row.scale:g}"
    if row.parts:
        scale = "+".join(f"{part.scale:g}" for part in row.parts)
    elif row.scale_by_rating:
        scale = "by rating"
    elif row.scale_from:
        scale = f"{row.scale:g}·10^[{row.scale_from.address}]"
    yield (
        f"  {row.name:30} {row.group:6} {row.function:2} {address:>7} {row.manual_ref[:16]:16} {row.type:6} "
        f"{scale:>12} {row.unit:5} {row.confidence}{_off(row)}"
    )
    if row.scale_by_rating:
        steps = (f"{scale:g} up to {limit:g} kW" if limit < float("inf") else f"{scale:g} above"
                 for limit, scale in row.scale_by_rating)  # fmt: skip
        yield f"      scale: {', '.join(steps)}"
    if row.scale_doubt:
        yield f"      scale in doubt, flagged until a self-check passed: {row.scale_doubt}"
    if row.needs:
        yield f"      needs: {row.needs}"
    if row.note:
        yield f"      {row.note}"


def _off(row: Register) -> str:
    if row.latched:
        return "; never read: holds the values of the last trip"
    if row.feeds_watchdog:
        return "; never read: starts a watchdog"
    return "; off until a self-check passed" if row.confidence == "from_memory" else ""


def _tables(profile: Profile) -> Iterator[str]:
    for name, bits in profile.bits.items():
        yield from _section(f"bits of {name}", (f"{bit:3}  {text}" for bit, text in bits.items()))
    if profile.faults:
        of = profile.faults_of or "no known register"
        yield from _section(f"faults ({of})", (f"{_code(code):>6}  {text}" for code, text in profile.faults.items()))


def _code(code: int) -> str:
    return f"0x{code:04X}" if code > 999 else str(code)


def _identify_line(row: Identify) -> str:
    where = "" if row.address is None else f" {row.address}"
    wanted = [f"{name} {value}" for name in ("equals", "equals_any", "contains", "vendor_contains", "low", "high",
              "model_id") if (value := getattr(row, name)) not in (None, (), "")]  # fmt: skip
    return f"{row.method}{where} {', '.join(wanted)}{'  ' + row.note if row.note else ''}".rstrip()


def _section(title: str, lines: Iterable[str]) -> Iterator[str]:
    lines = list(lines)
    if lines:
        yield title
        yield from (f"  {line}" for line in lines)


def _as_object(profile: Profile) -> dict[str, Any]:
    found = {key: value for key, value in asdict(profile).items() if key not in ("registers", "id")}
    rows = [asdict(row) for row in profile.registers]
    read = {row.name for row in usable(profile)}
    for row in rows:
        row["read"] = row["name"] in read
        row["scale_by_rating"] = [[None if limit == float("inf") else limit, scale]
                                  for limit, scale in row["scale_by_rating"]]  # fmt: skip
    return {"profile": profile.id, **found, "registers": rows}
