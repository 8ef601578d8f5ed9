"""`magwatt fleet ingest`."""

from __future__ import annotations

import json
import re
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import click

from agent.cli.fleet_options import lake_option, need_libraries
from agent.cli.options import BROKER, FINDING, POSITIVE, broker_of, fail, login_options, option_value, seconds_from
from agent.core.text import N_, _, as_object, text_of

if TYPE_CHECKING:
    from agent.fleet.ingest.topics import TopicRoot


@click.command(
    help=N_(
        "Receive the messages of many gateways from a broker and store them in a lake.\n\n"
        "A message is acknowledged when it is on the disk; a worker that was killed continues under the same name. "
        "Several workers share the gateways by --part. Stops with Ctrl-C or SIGTERM and then converts what was "
        "received."
    )
)
@lake_option
@click.option("--broker", metavar="URL", default=BROKER, show_default=True, help=N_("Receive from this broker."))
@login_options
@click.option("--name", metavar="NAME", help=N_("Name of this worker. [default: number of its part]"))
@click.option("--part", metavar="I/N", default="1/1", show_default=True,
              help=N_("Store the messages of a part of the gateways: that of worker I of N."))  # fmt: skip
@click.option(
    "--topic-prefix", "prefixes", metavar="PREFIX", multiple=True, default=("magwatt/v1/+",), show_default=True,
    help=N_("Topics of the gateways: PREFIX/+, where + is the site, or PREFIX=SITE; repeatable."),
)  # fmt: skip
@click.option("--group", metavar="GROUP",
              help=N_("Share the messages with all workers of this group. Only for brokers that keep shared "
                      "subscriptions when they restart; Mosquitto does not."))  # fmt: skip
@click.option("--interval", "segment_s", type=seconds_from(1), default=300.0, show_default=True,
              help=N_("Convert what was received after this many seconds."))  # fmt: skip
@click.option("--segment", "segment_mb", type=POSITIVE, metavar="MB", default=200.0, show_default=True,
              help=N_("Convert what was received when it has this size."))  # fmt: skip
@click.option("--seconds", type=seconds_from(0), help=N_("Stop after this many seconds."))
@click.option("--leave", "leaves", is_flag=True,
              help=N_("When it stops, end the session: the broker keeps no messages for this worker."))  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help=N_("Print JSON: one object."))
def ingest(
    lake_dir: Path, broker: str, user: str | None, password_file: Path | None, ca: Path | None, name: str | None,
    part: str, prefixes: tuple[str, ...], group: str | None, segment_s: float, segment_mb: float,
    seconds: float | None, leaves: bool, as_json: bool,
) -> None:  # fmt: skip
    from agent.config import schema

    own_part, parts = _part_of(part)
    name = name or str(own_part)
    option_value("--name", name, schema.identifier)
    if group is not None:
        option_value("--group", group, schema.identifier)
    login = broker_of(broker, user, password_file, ca)
    roots = _roots_of(prefixes)
    need_libraries()
    from msgspec.structs import asdict

    from agent.core.clock import SystemClock
    from agent.fleet.ingest.worker import IngestSettings, IngestWorker
    from agent.fleet.lake import LakeError

    clock, stopped = SystemClock(), threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    until_ns = None if seconds is None else clock.monotonic_ns() + round(1e9 * seconds)
    settings = IngestSettings(
        lake_dir, name, roots, own_part, parts, group, round(1e6 * segment_mb), segment_s, leaves
    )  # fmt: skip
    try:
        worker = IngestWorker(login, settings, clock)
        worker.run(lambda: stopped.is_set() or (until_ns is not None and clock.monotonic_ns() >= until_ns))
    except LakeError as error:
        fail(text_of(error))
    except OSError as error:
        fail(_("{path}: {error}. What was not acknowledged stays at the broker: start the worker again when the lake "
               "can be written", path=str(lake_dir), error=error.strerror or str(error)))  # fmt: skip
    counts = {"received": worker.received, "skipped": worker.skipped, "connections": worker.session.connections,
              **asdict(worker.report), "findings": [as_object(finding) for finding in worker.findings]}  # fmt: skip
    for finding in worker.findings:
        click.echo(text_of(finding), err=True)
    click.echo(json.dumps(counts) if as_json else _(
        "{received:d} messages received, {rows:d} rows written into {files:d} {files:file|files}, {repeated:d} "
        "received again, {rejected:d} rejected", **counts,
    ))  # fmt: skip
    sys.exit(FINDING if worker.report.rejected else 0)


def _part_of(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"([1-9]\d{0,3})/([1-9]\d{0,3})", text)
    if not found or int(found[1]) > int(found[2]):
        fail(_("--part {text}: expected the number of this worker and of all, for example 1/2", text=text))
    return int(found[1]), int(found[2])


def _roots_of(prefixes: tuple[str, ...]) -> tuple[TopicRoot, ...]:
    from agent.fleet.ingest.topics import topic_root

    roots: list[TopicRoot] = []
    for text in prefixes:
        if (root := topic_root(text)) is None:
            fail(
                _("--topic-prefix {text}: expected PREFIX/+ or PREFIX=SITE, for example acme/energy=mill-2", text=text)
            )
        roots.append(root)
    return tuple(roots)
