"""While the plant is worked on: hold."""

from __future__ import annotations

import getpass
import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from agent.commands.shared import FINDING, config_option, fail, load, plant_file

if TYPE_CHECKING:
    from agent.config import Config
    from agent.hold import Hold

LONGEST_D = 366


@click.command()
@click.argument("motor", required=False)
@click.option("--reason", help="What is being done, in any language. Shown on every dashboard.")
@click.option("--for", "duration", metavar="TIME", help='Released by itself after "30min", "2h", "3d"; else by hand.')
@click.option("--release", is_flag=True, help="The work is over.")
@click.option("--list", "listing", is_flag=True, help="What is on hold now.")
@click.option("--all", "everything", is_flag=True, help="With --list: past holds too.")
@config_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object per hold.")
def hold(
    motor: str | None, reason: str | None, duration: str | None, release: bool, listing: bool, everything: bool,
    config_file: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Put MOTOR (its id or its name) on hold while somebody works on it: no alarms, the interval marked.

    Works whether the agent runs or not; a running one follows within two seconds.
    """
    _check_usage(motor, reason, duration, release, listing, everything)
    seconds = _seconds(duration) if duration is not None else None
    loaded, _ = load(plant_file(config_file))

    from agent.hold import HoldBook, HoldError
    from agent.store import default_directory

    book = HoldBook(loaded.state_dir or default_directory())
    now_ms = time.time_ns() // 1_000_000
    try:
        if listing:
            shown = book.between(0, now_ms + 1) if everything else list(book.active(now_ms).values())
        else:
            assert motor is not None
            name = motor if release and motor in book.active(now_ms) else _asset(loaded, motor)
            if not release:
                assert reason is not None
                until_ms = now_ms + round(1000 * seconds) if seconds is not None else None
                book.begin(name, " ".join(reason.split()), now_ms, until_ms, _user())
            elif not book.release(name, now_ms):
                click.echo(f"{name} is not on hold", err=True)
                sys.exit(FINDING)
            shown = book.between(0, now_ms + 1, name)[-1:]
    except HoldError as error:
        fail(str(error))
    for item in shown:
        as_text = json.dumps(_as_object(item, now_ms), ensure_ascii=False) if as_json else _spoken(item, loaded, now_ms)
        click.echo(as_text)
    if not shown and not as_json:
        click.echo("nothing is on hold")


def _check_usage(
    motor: str | None, reason: str | None, duration: str | None, release: bool, listing: bool, everything: bool
) -> None:
    if everything and not listing:
        fail("--all goes with --list")
    if listing and (motor or reason or duration or release):
        fail("--list stands alone")
    if not listing and not motor:
        fail("which motor? `magwatt hold MOTOR --reason TEXT`, or --list")
    if release and (reason or duration):
        fail("--release needs neither --reason nor --for")
    if not listing and not release and not (reason and reason.strip()):
        fail("--reason is missing: who looks at the dashboard wants to know why")


def _seconds(text: str) -> float:
    from agent import schema

    try:
        if not text.endswith("d"):
            return schema.duration(1, 86400 * LONGEST_D)(text)
        try:
            days = float(text[:-1])
        except ValueError:
            fail(f'--for {text}: not a number of days; write for example "3d"')
        return 86400 * schema.number(0.01, LONGEST_D, "days")(days)
    except ValueError as error:
        fail(f"--for {text}: {error}")


def _asset(config: Config, wanted: str) -> str:
    """The id of the motor or shared meter with that id or name."""
    from agent.schema import nearest
    from agent.topology import assets

    known = assets(config)
    found = [asset.name for asset in known if wanted in (asset.name, asset.title)]
    if wanted in {asset.name for asset in known}:
        return wanted
    if len(found) == 1:
        return found[0]
    if found:
        fail(f"{wanted}: {', '.join(found)} have that name; use the id")
    near = nearest(wanted, [word for asset in known for word in (asset.name, asset.title)])
    fail(f"{wanted}: no such motor" + (f"; did you mean '{near}'?" if near else
         f"; there are {', '.join(asset.name for asset in known) or 'none'}"))  # fmt: skip


def _user() -> str:
    """Who typed it: the person behind sudo, if any."""
    try:
        return os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"


def _spoken(item: Hold, config: Config, now_ms: int) -> str:
    from agent.marks import local

    zone = config.site.timezone
    title = config.motors[item.motor].title if item.motor in config.motors else item.motor
    name = item.motor if title == item.motor else f"{title} ({item.motor})"
    end_ms = item.end_ms
    if item.active(now_ms):
        until = f" until {local(end_ms, zone)}" if end_ms is not None else ", until released"
        return f"{name} is on hold since {local(item.since_ms, zone)}{until}: {item.reason} [{item.told_by}]"
    assert end_ms is not None
    return (
        f"{name} was on hold from {local(item.since_ms, zone)} to {local(end_ms, zone)}: {item.reason} [{item.told_by}]"
    )


def _as_object(item: Hold, now_ms: int) -> dict[str, Any]:
    return {
        "motor": item.motor, "reason": item.reason, "since": item.since_ms, "until": item.until_ms,
        "released": item.released_ms, "by": item.told_by, "active": item.active(now_ms),
    }  # fmt: skip
