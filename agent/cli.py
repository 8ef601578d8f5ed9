"""The command line. Each command is imported only when it runs; `--help` needs only the table in this file."""

from __future__ import annotations

from importlib import import_module
from typing import NamedTuple

import click


class Entry(NamedTuple):
    """One row of `magwatt --help`.

    place: module of agent.commands and name of the command in it, "module:name".
    summary: the first sentence of the command's own help, without its full stop.
    """

    place: str
    summary: str


GROUPS = {
    "Start": {
        "demo": Entry("demo:demo", "Run a simulated plant, the agent and a live table"),
        "scan": Entry("scan:scan", "Find the devices on a bus and their serial settings"),
        "identify": Entry("identify:identify", "Identify the model of a Modbus device"),
        "check": Entry("check:check", "Check a configuration without connecting to any device"),
        "plan": Entry("plan:plan", "Show the requests and load of each bus, and MQTT topics"),
        "doctor": Entry("doctor:doctor", "Diagnose buses, host, broker and MQTT signals"),
        "commission": Entry("commission:commission", "Commission motors: nameplate, wiring, self-check, record"),
    },
    "Operate": {
        "run": Entry("run:run", "Run the agent: poll devices, compute metrics, publish"),
        "read": Entry("read:read", "Poll devices and print the decoded values"),
        "watch": Entry("watch:watch", "Show a live table of all motors from an MQTT broker"),
        "explain": Entry("explain:explain", "Explain the current efficiency of a motor"),
        "maintenance": Entry("maintenance:maintenance", "Put a motor in maintenance to suppress its alarms"),
    },
    "Savings": {
        "import": Entry("import_history:import_history", "Import meter history or model inputs from a CSV file"),
        "baseline": Entry("baseline:baseline", "Fit, freeze and show the baseline model of a motor"),
        "adjustment": Entry("adjustment:adjustment", "List non-routine events and record how each is treated"),
        "report": Entry("report:report", "Write the savings report of a month (HTML, CSV, JSON)"),
        "ledger": Entry("ledger:ledger", "Verify the signed ledger of savings records"),
    },
    "Data and tools": {
        "replay": Entry("replay:replay", "Analyse a recording: power, harmonics, events, flicker"),
        "simulate": Entry("simulate:simulate", "Serve a simulated plant or virtual Modbus devices"),
        "profiles": Entry("profiles:profiles", "List, show and check register maps"),
        "compile": Entry("compile:compile_kernels", "Compile the signal-processing kernels into the cache"),
    },
}


class LazyGroup(click.Group):
    """The commands of GROUPS; each module is imported when its command is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for entries in GROUPS.values() for name in entries]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        for entries in GROUPS.values():
            if entry := entries.get(cmd_name):
                module, _, name = entry.place.partition(":")
                command = getattr(import_module(f"agent.commands.{module}"), name)
                assert isinstance(command, click.Command)
                return command
        return None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        width = max(map(len, self.list_commands(ctx)))
        for heading, entries in GROUPS.items():
            with formatter.section(heading):
                formatter.write_dl([(name.ljust(width), entry.summary) for name, entry in entries.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="magwatt")
@click.option("-v", "--verbose", is_flag=True, help="Also log debug messages.")
def main(verbose: bool) -> None:
    """Measure the efficiency and energy savings of motors on variable-frequency drives, with their uncertainty."""
    import logging
    import os

    level = logging.DEBUG if verbose else logging.INFO
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(message)s", datefmt="%H:%M:%S")
    if os.environ.get("MAGWATT_PROFILES"):
        from agent.config_load import profile_folders
        from drivers.profiles import set_profile_folders

        set_profile_folders(profile_folders())
    for name in ("pymodbus", "amqtt", "transitions", "asyncio", "numba"):  # magwatt logs the same faults itself
        logging.getLogger(name).setLevel(logging.CRITICAL)


if __name__ == "__main__":
    main()
