"""The command line. The commands stand in agent/commands, by what a person is doing."""

from __future__ import annotations

import logging
import os

import click

from agent.commands import accounts, baseline, desk, engineer, field, history, plant, upkeep


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="magwatt")
@click.option("-v", "--verbose", is_flag=True, help="Say more about what happens.")
def main(verbose: bool) -> None:
    """Measure at the motor, live and with uncertainty, what a magnet motor on a drive saves."""
    level = logging.DEBUG if verbose else logging.INFO
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(message)s", datefmt="%H:%M:%S")
    if os.environ.get("MAGWATT_PROFILES"):
        from agent.config_load import profile_folders
        from drivers.profiles import set_profile_folders

        set_profile_folders(profile_folders())
    for name in ("pymodbus", "amqtt", "transitions", "asyncio", "numba"):  # theirs tell nothing that ours does not
        logging.getLogger(name).setLevel(logging.CRITICAL)


for command in (
    plant.demo, plant.run, plant.check, plant.plan, plant.read, plant.watch,
    field.scan, field.identify, field.doctor, field.commission,
    history.import_history, baseline.baseline, baseline.event, accounts.report, accounts.verify,
    engineer.explain, upkeep.hold, desk.simulate, desk.replay, desk.profiles, desk.warm,
):  # fmt: skip
    main.add_command(command)


if __name__ == "__main__":
    main()
