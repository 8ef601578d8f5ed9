"""`magwatt scan`."""

from __future__ import annotations

import sys

import click

from agent.cli.options import check_usage, fail, option_value, seconds_from
from agent.cli.target import target_of, target_options
from agent.core.text import N_, _


@click.command(
    help=N_(
        "Find the devices on a bus and their serial settings.\n\n"
        "Listens first, then reads one register from each unit identifier. Exits 1 if no device was found, an expected "
        "device is missing, or there are other findings."
    )
)
@target_options
@click.option("--unit-ids", default="1-247", show_default=True, metavar="LIST",
              help=N_("Unit identifiers to query, for example 1,5,20-30."))  # fmt: skip
@click.option("--quick", "depth", flag_value="quick", help=N_("Query common unit identifiers only."))
@click.option("--full", "depth", flag_value="full",
              help=N_("Also try rare serial settings, slow devices, and function 03 for unit identifiers "
                      "that do not respond."))  # fmt: skip
@click.option("--listen", type=seconds_from(2), default=10.0, show_default=True,
              help=N_("Listen on the serial port for this many seconds first."))  # fmt: skip
@click.option("--listen-only", is_flag=True,
              help=N_("Send nothing; show what another master reads, and the models that fit."))  # fmt: skip
@click.option("--expect", metavar="N|LIST",
              help=N_("Number of devices, or unit identifiers (11-14,31), that must respond."))  # fmt: skip
@click.option("--meters", metavar="LIST",
              help=N_("Addresses of meters of DL/T 645 on the line: the 12 digits on each label, separated by "
                      "commas."))  # fmt: skip
@click.option("--deep", is_flag=True,
              help=N_("If several meters of DL/T 645 respond, search their addresses, two digits at a "
                      "time."))  # fmt: skip
def scan(
    serial: str | None, tcp: str | None, line: str | None, framing: str | None, allow_fc03: bool, as_json: bool,
    unit_ids: str, depth: str | None, listen: float, listen_only: bool, expect: str | None, meters: str | None,
    deep: bool,
) -> None:  # fmt: skip
    from agent.cli.scan_runner import may_use_fc03, run_scan
    from agent.commissioning.discovery.meters import parse_addresses
    from agent.commissioning.discovery.scan_result import ScanOptions, parse_expected, parse_units

    target = target_of(serial, tcp, line, framing)
    units = option_value("--unit-ids", unit_ids, parse_units)
    expected = option_value("--expect", expect, parse_expected) if expect is not None else None
    if expected and (outside := sorted(set(expected.units) - set(units))):
        fail(_(
            "--expect {expected}: unit identifier {unit_id:d} is not in --unit-ids {unit_ids}",
            expected=expect, unit_id=outside[0], unit_ids=unit_ids,
        ))  # fmt: skip
    addresses = option_value("--meters", meters, parse_addresses) if meters is not None else ()
    only_lines = _("--listen-only: with --tcp it is only valid with --framing rtu (a transparent serial converter)")
    check_usage((listen_only and tcp and framing != "rtu", only_lines))
    fc03 = not (addresses or listen_only) and may_use_fc03(allow_fc03)
    options = ScanOptions(
        tuple(units),
        depth or "usual",
        listen,
        fc03,
        expected=expected,
        meters=addresses,
        listen_only=listen_only,
        deep=deep,
    )
    sys.exit(run_scan(target, options, as_json))
