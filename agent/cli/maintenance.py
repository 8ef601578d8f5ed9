"""`magwatt maintenance`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from agent.cli.options import FINDING, check_usage, config_option, fail, load, login_name, option_value, plant_file
from agent.core.local_time import zone_of
from agent.core.text import N_, _, use

if TYPE_CHECKING:
    from agent.config.model import Config
    from agent.runtime.maintenance import MaintenancePeriod

LONGEST_D = 366


@click.command(
    help=N_(
        "Put a motor in maintenance to suppress its alarms.\n\n"
        "MOTOR is the id or the name of a motor. Its data are flagged until maintenance ends. The command works "
        "whether or not the agent is running; a running agent applies it within 2 s."
    )
)
@click.argument("motor", required=False)
@click.option(
    "--reason", metavar="TEXT", help=N_("Reason for the maintenance, in any language; shown on every dashboard.")
)
@click.option(
    "--for", "duration", metavar="TIME",
    help=N_('End automatically after this time: "30min", "2h", "3d". [default: until --release]'),
)  # fmt: skip
@click.option("--release", is_flag=True, help=N_("End maintenance of MOTOR."))
@click.option("--list", "listing", is_flag=True, help=N_("List the motors in maintenance."))
@click.option("--all", "everything", is_flag=True, help=N_("With --list: include past maintenance."))
@config_option
@click.option("--json", "as_json", is_flag=True, help=N_("Print JSON: one object per maintenance interval."))
def maintenance(
    motor: str | None, reason: str | None, duration: str | None, release: bool, listing: bool, everything: bool,
    config_file: Path | None, as_json: bool,
) -> None:  # fmt: skip
    check_usage(
        (everything and not listing, _("--all is only valid with --list")),
        (listing and (motor or reason or duration or release),
         _("--list cannot be combined with MOTOR, --reason, --for or --release")),
        (not listing and not motor, _("MOTOR is missing; use `magwatt maintenance MOTOR --reason TEXT` or --list")),
        (release and (reason or duration), _("--release cannot be combined with --reason or --for")),
        (not listing and not release and not (reason and reason.strip()),
         _("--reason is missing; it is shown on the dashboards")),
    )  # fmt: skip
    seconds = option_value("--for", duration, _duration_s) if duration is not None else None
    loaded = load(plant_file(config_file))[0]
    use(None, zone_of(loaded.site.timezone))

    from agent.delivery.site_clock import utc_ms
    from agent.delivery.store import default_directory
    from agent.runtime.maintenance import MaintenanceLog

    log = MaintenanceLog(loaded.state_dir or default_directory())
    now_ms = utc_ms(loaded)
    if listing:
        intervals = log.between(0, 1 << 62) if everything else list(log.active(now_ms).values())
    else:
        assert motor is not None
        name = motor if release and motor in log.active(now_ms) else _asset(loaded, motor)
        if not release:
            assert reason is not None
            until_ms = now_ms + round(1000 * seconds) if seconds is not None else None
            log.begin(name, " ".join(reason.split()), now_ms, until_ms, login_name())
        elif not log.release(name, now_ms):
            click.echo(_("{motor} is not in maintenance", motor=name), err=True)
            sys.exit(FINDING)
        intervals = log.between(0, now_ms + 1, name)[-1:]
    for item in intervals:
        body = _as_object(item, now_ms)
        click.echo(json.dumps(body, ensure_ascii=False) if as_json else _as_text(item, loaded, now_ms))
    if not intervals and not as_json:
        click.echo(_("no motor is in maintenance"))


def _duration_s(text: str) -> float:
    """A duration; days may have decimals."""
    from agent.config import schema

    if not text.endswith("d"):
        return schema.duration(1, 86400 * LONGEST_D)(text)
    try:
        days = float(text[:-1])
    except ValueError:
        fail(_('--for {value}: not a number of days; for example "3d"', value=text))
    return 86400 * schema.number(0.01, LONGEST_D, "days")(days)


def _asset(config: Config, motor: str) -> str:
    """The id of the motor or shared meter with that id or name."""
    from agent.config.topology import assets
    from drivers.file_reasons import nearest

    existing = assets(config)
    found = [asset.name for asset in existing if motor in (asset.name, asset.title)]
    if motor in {asset.name for asset in existing}:
        return motor
    if len(found) == 1:
        return found[0]
    if found:
        fail(_("{motor}: several motors have this name ({names}); use the id", motor=motor, names=found))
    if near := nearest(motor, [word for asset in existing for word in (asset.name, asset.title)]):
        fail(_("{motor}: no such motor; did you mean {near:quoted}?", motor=motor, near=near))
    names = [asset.name for asset in existing] or "–"
    fail(_("{motor}: no such motor; the configuration has: {names}", motor=motor, names=names))


def _as_text(item: MaintenancePeriod, config: Config, now_ms: int) -> str:
    title = config.motors[item.motor].title if item.motor in config.motors else item.motor
    data = {
        "motor": item.motor if title == item.motor else f"{title} ({item.motor})", "since_ms": item.since_ms,
        "end_ms": item.end_ms, "reason": item.reason, "by": item.entered_by,
    }  # fmt: skip
    if item.end_ms is None:
        return _("{motor}: in maintenance since {since_ms:local}, until released: {reason} [{by}]", **data)
    if item.active(now_ms):
        return _("{motor}: in maintenance since {since_ms:local}, until {end_ms:local}: {reason} [{by}]", **data)
    return _("{motor}: was in maintenance from {since_ms:local} to {end_ms:local}: {reason} [{by}]", **data)


def _as_object(item: MaintenancePeriod, now_ms: int) -> dict[str, Any]:
    return {
        "motor": item.motor, "reason": item.reason, "since": item.since_ms, "until": item.until_ms,
        "released": item.released_ms, "by": item.entered_by, "active": item.active(now_ms),
    }  # fmt: skip
