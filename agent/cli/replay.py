"""`magwatt replay`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from agent.cli.options import POSITIVE, check_usage, seconds_from
from agent.core.text import N_, text_of


@click.command(
    help=N_(
        "Analyse a recording: power, harmonics, events, flicker, condition.\n\n"
        "FILE is an npz, CSV or COMTRADE (.cfg) file."
    )
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--nominal",
    type=click.Choice(["auto", "50", "60", "drive"]),
    default="auto",
    show_default=True,
    help=N_("Window length: 10 cycles at 50 Hz, 12 cycles at 60 Hz, 0.2 s at a drive's output."),
)
@click.option(
    "--map", "mapping", metavar="u1=VA,i1=4…", default="", help=N_("Assign channels of the file by name or number.")
)
@click.option(
    "--from", "from_s", type=seconds_from(0), default=0.0, help=N_("Start, in seconds from the start of the file.")
)
@click.option("--to", "to_s", type=seconds_from(0), help=N_("End, in seconds from the start of the file."))
@click.option(
    "--supply",
    "supply_v",
    type=POSITIVE,
    metavar="V",
    help=N_("Declared voltage as measured by the channels; needed for dips, swells and flicker."),
)
@click.option(
    "--wiring",
    type=click.Choice(["3P4W", "3P3W", "3P3W-2"]),
    default="3P4W",
    show_default=True,
    help=N_("3P3W-2: two-wattmeter method with u1 = u12, u3 = u32, i1, i3."),
)
@click.option("--demand-a", type=POSITIVE, metavar="A", help=N_("Maximum demand load current; needed for TDD."))
@click.option(
    "--lamp", type=click.Choice(["230V", "120V"]), help=N_("Lamp model of the flickermeter. [default: from --supply]")
)
@click.option(
    "--summary", is_flag=True, help=N_("Print 3 s and 10 min values, flicker and events instead of single windows.")
)
@click.option(
    "--limits",
    "standards",
    multiple=True,
    type=click.Choice(["en50160", "ieee519", "gbt", "iec61000-2-4"]),
    help=N_(
        "With --summary or --plot: compare with the limits of this standard; repeatable. "
        "Exits 1 if a limit is exceeded."
    ),
)
@click.option(
    "--nominal-v",
    type=POSITIVE,
    metavar="V",
    help=N_("Nominal line voltage that the limits refer to. [default: from --supply]"),
)
@click.option(
    "--isc-il", type=POSITIVE, metavar="RATIO", help=N_("Ratio of short-circuit to demand current; for IEEE 519.")
)
@click.option(
    "--short-circuit-mva",
    type=POSITIVE,
    metavar="MVA",
    help=N_("Short-circuit capacity at the point of common coupling; for GB/T 14549."),
)
@click.option(
    "--plant-class",
    type=click.IntRange(1, 3),
    metavar="CLASS",
    default=2,
    show_default=True,
    help=N_("Environment class of IEC 61000-2-4."),
)
@click.option(
    "--plot",
    type=click.Path(path_type=Path),
    metavar="FILE.png|svg",
    help=N_("Draw waveforms, spectrum and phasors of one window into this file."),
)
@click.option(
    "--at",
    "at_s",
    type=seconds_from(0),
    help=N_("With --plot: time of the window in seconds. [default: middle of the file]"),
)
@click.option(
    "--condition",
    is_flag=True,
    help=N_(
        "Print what is wrong with the machine, what is not, and what cannot be seen; also from rows of one second. "
        "Exits 1 if something was found."
    ),
)
@click.option(
    "--nameplate",
    type=click.Path(path_type=Path),
    metavar="motor.toml",
    help=N_("With --condition: what is known about the machine."),
)
@click.option(
    "--baseline",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help=N_("With --condition: a recording of the same machine when it was sound."),
)
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help=N_("Print JSON: one object per window, one for the summary, or one per fault of the condition."),
)
def replay(
    file: Path, mapping: str, as_json: bool, summary: bool, standards: tuple[str, ...], nominal_v: float | None,
    isc_il: float | None, short_circuit_mva: float | None, plant_class: int, plot: Path | None, at_s: float | None,
    condition: bool, nameplate: Path | None, baseline: Path | None, **settings: Any,
) -> None:  # fmt: skip
    from agent.analysis.recordings import reasons as codes

    others = summary or standards or plot or settings["from_s"] or settings["to_s"]
    check_usage(
        ((nameplate or baseline) and not condition, text_of(codes.NAMEPLATE_WITHOUT_CONDITION())),
        (condition and others, text_of(codes.CONDITION_IS_ALL())),
    )
    if condition:
        from agent.cli.replay_condition import print_condition

        sys.exit(print_condition(file, mapping, nameplate, baseline, as_json))
    from agent.analysis.recordings.limits import place_of
    from agent.analysis.recordings.reader import RecordingSettings
    from agent.cli.replay_runner import ReplayOptions, replay_file

    how = RecordingSettings(**settings)
    check_usage(
        (standards and not (summary or plot), text_of(codes.LIMITS_WITHOUT_RESULT())),
        (at_s is not None and plot is None, text_of(codes.AT_WITHOUT_PLOT())),
        (how.lamp and how.supply_v is None, text_of(codes.LAMP_WITHOUT_SUPPLY())),
        ((isc_il or short_circuit_mva or nominal_v) and not standards, text_of(codes.LIMIT_OPTIONS_WITHOUT_LIMITS())),
    )
    place = place_of(standards, how, nominal_v, isc_il, short_circuit_mva, plant_class) if standards else None
    sys.exit(replay_file(file, ReplayOptions(how, mapping, as_json, summary, place, plot, at_s)))
