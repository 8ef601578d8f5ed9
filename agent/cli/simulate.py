"""`magwatt simulate`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from agent.cli.nameplate_options import bench_motor_of, nameplate_options
from agent.cli.options import BROKER, broker_of, check_usage, fail, seconds_option
from agent.core.text import N_, _, text_of


class WithFleet(click.Command):
    """`simulate`, and `simulate fleet` as a separate command."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: object
    ) -> click.Context:
        if args[:1] == ["fleet"]:
            from agent.cli import translated
            from agent.cli.simulate_fleet import fleet

            return translated(fleet).make_context(f"{info_name} fleet", args[1:], parent)
        return super().make_context(info_name, args, parent, **extra)


@click.command(
    cls=WithFleet,
    help=N_(
        "Serve a simulated plant or virtual Modbus devices.\n\n"
        "SCENARIO is a name from the list or a TOML file (docs/reference/scenarios.md). "
        "Without SCENARIO the names are listed. "
        "`magwatt simulate fleet` simulates many gateways at one broker."
    ),
)
@click.argument("scenario", required=False)
@click.option(
    "--device",
    "devices",
    multiple=True,
    metavar="PROFILE[@UNIT_ID]",
    help=N_("Serve a virtual device instead of a scenario; repeatable."),
)
@click.option(
    "--tcp",
    is_flag=False,
    flag_value=0,
    type=int,
    metavar="[PORT]",
    help=N_("With --device: serve on Modbus TCP. [default port: a free one]"),
)
@click.option(
    "--serial", is_flag=True, help=N_("With --device: serve on a pseudo-terminal with the timing of a serial bus.")
)
@click.option("--line", metavar='"19200 8E1"',
              help=N_('Baud rate, data bits, parity and stop bits. [default: "19200 8E1"]'))  # fmt: skip
@click.option(
    "--fault",
    metavar="NAME[@BEGIN[-END]][:MOTOR]",
    help=N_(
        "Cause this fault, for example dip@30 or dry-run@30-120:pump-2; times in seconds after the start. Without "
        "times it begins after 20 s; without a motor the first that can have it is taken. An unknown name lists the "
        "faults."
    ),
)
@click.option("--plc", is_flag=True, help=N_("noisy-line: add a PLC that polls the same bus."))
@click.option(
    "--truth",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help=N_("Write the true values of the plant to this file (NDJSON)."),
)
@click.option(
    "--write-config",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help=N_("Write a configuration for the agent to this file."),
)
@click.option("--print-config", is_flag=True,
              help=N_("Print a configuration for the agent and no other text, and serve."))  # fmt: skip
@click.option("--broker", metavar="URL", default=BROKER, show_default=True,
              help=N_("MQTT broker to write into that configuration."))  # fmt: skip
@click.option(
    "--proxy", metavar="HOST:PORT|/dev/…", help=N_("Forward requests to this bus and inject faults into its responses.")
)
@click.option(
    "--fault-rate",
    "fault_rates",
    multiple=True,
    metavar="FAULT=PROBABILITY",
    help=N_("With --proxy: flip=0.01, late=0.02, drop, truncate, echo …; repeatable."),
)
@click.option(
    "--seed",
    type=int,
    metavar="N",
    default=1,
    show_default=True,
    help=N_("Random seed; the same seed gives the same plant."),
)
@nameplate_options
@seconds_option
@click.option(
    "--time-factor",
    type=float,
    metavar="FACTOR",
    default=1.0,
    show_default=True,
    help=N_("Simulated seconds per second. Above 60 the agent runs in this process, without buses."),
)
@click.option(
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help=N_("With --time-factor above 60: write all published messages to this file (NDJSON)."),
)
@click.option(
    "--state-dir",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help=N_("With --time-factor above 60: directory for the state of the simulated agent. An existing run is resumed."),
)
@click.option(
    "--age", "age_s", type=click.FloatRange(0, 1e8), metavar="SECONDS", default=0.0,
    help=N_("Start with a plant that has been running for this time: with its counters and temperatures."),
)  # fmt: skip
@click.option("--list", "list_them", is_flag=True, help=N_("List the scenarios with descriptions."))
def simulate(
    scenario: str | None, devices: tuple[str, ...], tcp: int | None, serial: bool, line: str | None, plc: bool,
    fault: str | None, truth: Path | None, write_config: Path | None, broker: str, seed: int, seconds: float | None,
    time_factor: float, output: Path | None, print_config: bool, list_them: bool, proxy: str | None,
    fault_rates: tuple[str, ...], state_dir: Path | None, age_s: float, plate: dict[str, Any],
) -> None:  # fmt: skip
    from agent.simulation.serve import (
        LINE,
        cannot_write,
        fault_of,
        is_accelerated,
        list_scenarios,
        scenario_of,
        serve_devices,
        serve_scenario,
    )

    if proxy is not None:
        check_usage((scenario is not None or devices, _("`--proxy` cannot be combined with a scenario or `--device`")))
        _run_proxy(proxy, line, fault_rates, seed, seconds)
        return
    check_usage((fault_rates, _("`--fault-rate` is only valid with `--proxy`")))
    if list_them or (scenario is None and not devices):
        click.echo("\n".join(list_scenarios(about=list_them)))
        return
    check_usage(
        (scenario is not None and devices, _("a scenario cannot be combined with `--device`")),
        (devices and (tcp is None) != serial, _("`--device` requires either `--tcp [PORT]` or `--serial`")),
        (tcp is not None and not 0 <= tcp <= 65535,
         _("--tcp {port:d}: must be a port number from 1 to 65535, or 0 for a free port", port=tcp or 0)),
        (line is not None and not serial, _("`--line` is only valid with `--serial` or `--proxy`")),
        (scenario is not None and (tcp is not None or serial),
         _("`--tcp` and `--serial` are only valid with `--device`; a scenario defines its own buses")),
        (devices and (plc or fault or time_factor != 1 or output or state_dir or age_s),
         _("`--plc`, `--fault`, `--time-factor`, `--output`, `--state-dir` and `--age` are only valid with a "
           "scenario")),
        (scenario is not None and any(value is not None for value in plate.values()),
         _("`--kw` and the other data of a motor are only valid with `--device`")),
    )  # fmt: skip
    broker_of(broker)
    for option, path in (("--truth", truth), ("--write-config", write_config), ("--output", output)):
        if path is not None and (problem := cannot_write(path)):
            fail(f"{option} {text_of(problem)}")
    try:
        if scenario is None:
            motor = bench_motor_of(plate)
            serve_devices(devices, tcp, line or LINE, truth, write_config, broker, seed, seconds, motor, print_config)
        else:
            plant = scenario_of(scenario, plc)
            planned_fault = fault_of(plant, fault) if fault else None
            if is_accelerated(time_factor, seconds, output or state_dir, plant):
                if write_config is not None or print_config:
                    fail(
                        _(
                            "--time-factor {value:g}: without buses, `--write-config` and `--print-config` are not "
                            "possible; use `--state-dir`",
                            value=time_factor,
                        )
                    )
                from agent.cli.simulate_runner import RequestedRun, run_in_process

                command = _resume_command(scenario, time_factor, seed, fault, state_dir)
                run_in_process(plant, RequestedRun(command, seed, seconds, planned_fault, truth, output, state_dir))
                return
            serve_scenario(
                plant, truth, write_config, broker, seed, seconds, fault=planned_fault, time_factor=time_factor,
                age_s=age_s, print_config=print_config,
            )  # fmt: skip
    except ValueError as error:
        fail(text_of(error))
    except OSError as error:
        fail(f"{scenario or 'simulate'}: {text_of(error)}")


def _resume_command(scenario: str, time_factor: float, seed: int, fault: str | None, state_dir: Path | None) -> str:
    """The command that resumes this run."""
    values = {"--seed": seed if seed != 1 else None, "--fault": fault, "--state-dir": state_dir}
    options = "".join(f" {name} {value}" for name, value in values.items() if value is not None)
    return f"magwatt simulate {scenario} --time-factor {time_factor:g}{options}"


def _run_proxy(place: str, line: str | None, fault_rates: tuple[str, ...], seed: int, seconds: float | None) -> None:
    from agent.simulation.fault_proxy import run_proxy
    from agent.simulation.serve import LINE

    try:
        run_proxy(place, line or LINE, fault_rates, seed, seconds)
    except OSError as error:
        fail(f"--proxy {place}: {os.strerror(error.errno) if error.errno else error}")
    except ValueError as error:
        fail(text_of(error))
