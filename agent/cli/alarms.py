"""`magwatt alarms`: the present alarms, acknowledging, shelving, the past, the metrics and the table of definitions."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from agent.cli.options import FINDING, check_usage, config_option, login_name, option_value
from agent.core.text import N_, _

if TYPE_CHECKING:
    from agent.alarms.model import AlarmKey
    from agent.cli.alarms_source import AlarmsSource

LONGEST_D = 400  # for which events are kept

alarm_argument = click.argument("alarm")
motor_option = click.option("--motor", metavar="MOTOR", help=N_("Only of this motor."))
by_option = click.option("--by", metavar="NAME", help=N_("Name of the operator. [default: the login name]"))
days_option = click.option(
    "--days", type=click.IntRange(1, LONGEST_D), default=30, show_default=True, help=N_("How many days back.")
)
json_lines_option = click.option("--json", "as_json", is_flag=True, help=N_("Print JSON: one object per line."))
json_option = click.option("--json", "as_json", is_flag=True, help=N_("Print JSON: one object."))


class DefaultList(click.Group):
    """A group whose command without a name is `list`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or (args[0].startswith("-") and args[0] not in ctx.help_option_names):
            args = ["list", *args]
        return super().parse_args(ctx, args)


@click.group(
    cls=DefaultList,
    help=N_(
        "List the alarms, acknowledge and shelve them.\n\n"
        "ALARM is a name of the list: MOTOR/CODE, or CODE alone for the plant and the gateway. The commands work "
        "whether or not the agent is running; a running agent applies them within 2 s. They change nothing in a device."
    ),
)
def alarms() -> None:
    pass


@alarms.command(
    "list",
    help=N_("List the alarms, also those that are shelved or suppressed. Exits 1 while one is not acknowledged."),
)
@motor_option
@config_option
@json_lines_option
def list_alarms(motor: str | None, config_file: Path | None, as_json: bool) -> None:
    source = _source(config_file)

    from agent.alarms.messages import record_body
    from agent.cli.alarms_view import alarm_lines

    found = source.standing(motor)
    for record in found:
        definition = source.definition(record.key)
        if as_json:
            _print_json({"asset": record.asset, **record_body(record, definition)})
        else:
            click.echo("\n".join(alarm_lines(record, definition)))
    if not found and not as_json:
        click.echo(_("no alarm"))
    for text in source.notes():
        click.echo(text, err=True)
    sys.exit(FINDING if any(record.state in ("UNACK", "RTNUN") for record in found) else 0)


@alarms.command(
    "ack",
    help=N_("Acknowledge an alarm: an operator has seen it and takes care of it. It ends when its condition has gone."),
)
@alarm_argument
@by_option
@click.option("--reason", metavar="TEXT", help=N_("What was found or is being done; shown in the history."))
@config_option
@json_option
def acknowledge(alarm: str, by: str | None, reason: str | None, config_file: Path | None, as_json: bool) -> None:
    source = _source(config_file)
    key = source.key(alarm)
    record = source.record(key)
    if record is None or record.state not in ("UNACK", "RTNUN"):
        click.echo(_("{alarm} has nothing to acknowledge", alarm=alarm), err=True)
        sys.exit(FINDING)
    number = source.log.acknowledge(key, source.now_ms(), _name(by), record.seq, _words(reason))
    _print_action(source, key, number, as_json)


@alarms.command(
    help=N_(
        "Silence an alarm for a time, at most 12 h.\n\n"
        "When the time is over it is announced again if its condition is still there. Alarms of priority safety cannot "
        "be shelved."
    ),
)
@alarm_argument
@click.option("--for", "duration", metavar="TIME", required=True, help=N_('How long: "30min", "2h", at most "12h".'))
@click.option("--reason", metavar="TEXT", required=True, help=N_("Reason; shown with the alarm."))
@by_option
@config_option
@json_option
def shelve(
    alarm: str, duration: str, reason: str, by: str | None, config_file: Path | None, as_json: bool
) -> None:  # fmt: skip
    from agent.alarms.manager import SHELVE_MAX_S
    from agent.config import schema

    seconds = option_value("--for", duration, schema.duration(60, SHELVE_MAX_S))
    check_usage((not _words(reason), _("--reason is missing; it is shown with the alarm")))
    source = _source(config_file)
    key = source.key(alarm)
    if not source.definition(key).can_be_shelved:
        click.echo(_("{alarm} protects people and cannot be shelved; use `magwatt maintenance`", alarm=alarm), err=True)
        sys.exit(FINDING)
    now_ms = source.now_ms()
    number = source.log.shelve(key, now_ms, now_ms + round(1000 * seconds), _name(by), _words(reason))
    _print_action(source, key, number, as_json)


@alarms.command(help=N_("End the shelving of an alarm. It is announced if its condition is there."))
@alarm_argument
@by_option
@config_option
@json_option
def unshelve(alarm: str, by: str | None, config_file: Path | None, as_json: bool) -> None:
    source = _source(config_file)
    key = source.key(alarm)
    if not source.is_shelved(key):
        click.echo(_("{alarm} is not shelved", alarm=alarm), err=True)
        sys.exit(FINDING)
    _print_action(source, key, source.log.unshelve(key, source.now_ms(), _name(by)), as_json)


@alarms.command(help=N_("List the changes of all alarms, the oldest first."))
@motor_option
@days_option
@config_option
@json_lines_option
def history(motor: str | None, days: int, config_file: Path | None, as_json: bool) -> None:
    source = _source(config_file)

    from agent.cli.alarms_view import transition_body, transition_line

    found = source.past(days, motor)
    for item in found:
        if as_json:
            _print_json(transition_body(item))
        else:
            click.echo(transition_line(item))
    if not found and not as_json:
        click.echo(_("no change of an alarm"))


@alarms.command(
    help=N_("Show how many alarms were announced, against the targets of EEMUA 191 for one operator position.")
)
@days_option
@config_option
@json_option
def metrics(days: int, config_file: Path | None, as_json: bool) -> None:
    source = _source(config_file)

    from agent.cli.alarms_view import metrics_body, metrics_lines

    found, from_ms = source.metrics(days)
    if as_json:
        _print_json(metrics_body(found, from_ms))
    else:
        click.echo("\n".join(metrics_lines(found, from_ms)))


@alarms.command(
    help=N_(
        "List the table of alarms with the changes of the configuration.\n\n"
        "CODE: only this one, with its consequence and advice."
    ),
)
@click.argument("code", required=False)
@click.option("--motor", metavar="MOTOR", help=N_("With the changes for this motor."))
@config_option
@json_lines_option
def definitions(code: str | None, motor: str | None, config_file: Path | None, as_json: bool) -> None:
    source = _source(config_file)

    from agent.cli.alarms_view import definition_body, definition_lines

    for definition in source.definitions(code, motor):
        if as_json:
            _print_json(definition_body(definition))
        else:
            click.echo("\n".join(definition_lines(definition, complete=code is not None)))


def _source(config_file: Path | None) -> AlarmsSource:
    from agent.cli.alarms_source import AlarmsSource

    return AlarmsSource(config_file)


def _print_action(source: AlarmsSource, key: AlarmKey, number: int, as_json: bool) -> None:
    from agent.cli.alarms_view import action_body, action_text

    action = source.log.after(number - 1)[0]
    if as_json:
        _print_json(action_body(action))
        return
    click.echo(action_text(action, source.definition(key)))
    for text in source.notes():
        click.echo(text, err=True)


def _print_json(body: dict[str, Any]) -> None:
    click.echo(json.dumps(body, ensure_ascii=False))


def _name(by: str | None) -> str:
    return _words(by) or login_name()


def _words(text: str | None) -> str:
    """Without line breaks and double spaces."""
    return " ".join((text or "").split())
