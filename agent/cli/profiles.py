"""`magwatt profiles`: the register maps."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from agent.core.text import N_


@click.group(
    invoke_without_command=True, help=N_("List, show and check register maps.\n\nWithout a command, lists all models.")
)
@click.option("--json", "as_json", is_flag=True, help=N_("Print JSON: one object per profile."))
@click.pass_context
def profiles(context: click.Context, as_json: bool) -> None:
    if context.invoked_subcommand is None:
        context.invoke(list_profiles, as_json=as_json)


@profiles.command("list", help=N_("List the models with kind, registers by poll group, and confidence."))
@click.option("--json", "as_json", is_flag=True, help=N_("Print JSON: one object per profile."))
def list_profiles(as_json: bool) -> None:
    from agent.cli import profiles_view

    profiles_view.list_profiles(as_json)


@profiles.command(
    help=N_(
        "Show registers, scales, watchdog, tables and sources of a model.\n\nMODEL is vendor/model, as in the list."
    )
)
@click.argument("model")
@click.option("--json", "as_json", is_flag=True, help=N_("Print JSON: one object."))
def show(model: str, as_json: bool) -> None:
    from agent.cli.profiles_view import show_profile
    from drivers.profiles import load_profile

    show_profile(load_profile(model), as_json)


@profiles.command(
    "check",
    help=N_(
        "Check your own profile files.\n\n"
        "Exits 0 if they are correct; otherwise prints one line per problem and exits 2."
    ),
)
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
def check_profiles(files: tuple[Path, ...]) -> None:
    from agent.cli.profiles_view import check_files

    sys.exit(check_files(files))
