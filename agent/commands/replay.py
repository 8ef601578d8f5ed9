"""`magwatt replay`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from agent.commands.options import Positive, Seconds, fail


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--nominal", type=click.Choice(["auto", "50", "60", "drive"]), default="auto", show_default=True,
              help="Window length: 10 cycles at 50 Hz, 12 cycles at 60 Hz, 0.2 s at a drive's output.")  # fmt: skip
@click.option(
    "--map", "mapping", metavar="u1=VA,i1=4…", default="", help="Assign channels of the file by name or number."
)
@click.option("--from", "from_s", type=Seconds(0), default=0.0, help="Start, in seconds from the start of the file.")
@click.option("--to", "to_s", type=Seconds(0), help="End, in seconds from the start of the file.")
@click.option("--supply", "supply_v", type=Positive(), metavar="V",
              help="Declared voltage as measured by the channels; needed for dips, swells and flicker.")  # fmt: skip
@click.option("--wiring", type=click.Choice(["3P4W", "3P3W", "3P3W-2"]), default="3P4W", show_default=True,
              help="3P3W-2: two-wattmeter method with u1 = u12, u3 = u32, i1, i3.")  # fmt: skip
@click.option("--demand-a", type=Positive(), metavar="A", help="Maximum demand load current; needed for TDD.")
@click.option(
    "--lamp", type=click.Choice(["230V", "120V"]), help="Lamp model of the flickermeter. [default: from --supply]"
)
@click.option("--summary", is_flag=True, help="Print 3 s and 10 min values, flicker and events instead of each window.")
@click.option("--limits", "standards", multiple=True, type=click.Choice(["en50160", "ieee519", "gbt", "iec61000-2-4"]),
              help="With --summary or --plot: compare with the limits of this standard; repeatable. "
                   "Exits 1 if a limit is exceeded.")  # fmt: skip
@click.option(
    "--nominal-v",
    type=Positive(),
    metavar="V",
    help="Nominal line voltage that the limits refer to. [default: from --supply]",
)
@click.option(
    "--isc-il", type=Positive(), metavar="RATIO", help="Ratio of short-circuit to demand current; for IEEE 519."
)
@click.option(
    "--short-circuit-mva",
    type=Positive(),
    metavar="MVA",
    help="Short-circuit capacity at the point of common coupling; for GB/T 14549.",
)
@click.option(
    "--plant-class", type=click.IntRange(1, 3), default=2, show_default=True, help="Environment class of IEC 61000-2-4."
)
@click.option("--plot", type=click.Path(path_type=Path), metavar="FILE.png|svg",
              help="Draw waveforms, spectrum and phasors of one window into this file.")  # fmt: skip
@click.option(
    "--at", "at_s", type=Seconds(0), help="With --plot: time of the window in seconds. [default: middle of the file]"
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON: one object per window, or one for the summary.")
def replay(
    file: Path, mapping: str, as_json: bool, summary: bool, standards: tuple[str, ...], nominal_v: float | None,
    isc_il: float | None, short_circuit_mva: float | None, plant_class: int, plot: Path | None, at_s: float | None,
    **settings: Any,
) -> None:  # fmt: skip
    """Analyse a recording: power, harmonics, events, flicker.

    FILE is an npz, CSV or COMTRADE (.cfg) file.
    """
    from agent.replay import Options, replay_file
    from agent.replay.source import Settings
    from agent.replay.verdict import where
    from drivers.errors import FileError

    how = Settings(**settings)
    try:
        if standards and not (summary or plot):
            raise FileError("--limits is only valid with --summary or --plot")
        if at_s is not None and plot is None:
            raise FileError("--at is only valid with --plot")
        if how.lamp and how.supply_v is None:
            raise FileError("--lamp is only valid with --supply; flicker needs the declared voltage")
        if (isc_il or short_circuit_mva or nominal_v) and not standards:
            raise FileError("--isc-il, --short-circuit-mva and --nominal-v are only valid with --limits")
        place = where(standards, how, nominal_v, isc_il, short_circuit_mva, plant_class) if standards else None
        sys.exit(replay_file(file, Options(how, mapping, as_json, summary, place, plot, at_s)))
    except FileError as error:
        fail(str(error))
