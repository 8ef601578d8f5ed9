"""`magwatt init --browser`: prints the link, serves the setup, and reports the end in the terminal."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import click

from agent.cli.init_dialogue import INTERRUPTED, resume, say_kept
from agent.cli.init_result import report_written
from agent.cli.init_surroundings import surroundings
from agent.cli.options import FINDING, fail, option_value
from agent.commissioning.init.session import InitSession
from agent.core.text import _, current, text_of, use
from agent.web.base.reasons import LIBRARY_MISSING
from drivers.reasons import InvalidValue

LIBRARIES = ("anyio", "h11", "segno", "starlette", "uvicorn")  # of the extra `web`


def init_in_browser(file: Path, overwrite: bool, listen: str) -> int:
    """The exit code: that of `check`, 1 with open points of the commissioning, 130 if a question is open."""
    try:
        import segno  # noqa: F401

        from agent.web.setup.server import parse_listen, run
        from agent.web.setup.setup import Setup
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in LIBRARIES:
            raise
        fail(text_of(LIBRARY_MISSING()))
    address = option_value("--listen", listen, parse_listen)
    session = InitSession(file, surroundings())
    resume(session)
    setup = Setup(session, overwrite)
    command = f"magwatt init {file} --browser" + (f" --listen {listen}" if listen != "127.0.0.1:8471" else "")
    logging.getLogger("magwatt.web").setLevel(logging.WARNING)  # a rejected answer is shown in the browser
    before = current()
    interrupted = False
    try:
        run(setup, address, command, _say_link)
    except KeyboardInterrupt:
        interrupted = True
    except InvalidValue as error:
        fail(text_of(error))
    finally:
        use(before.language, before.zone)
    click.echo()
    if not setup.written and not setup.records:
        say_kept(session, command)
        return INTERRUPTED if interrupted or not setup.ended else 0
    code = report_written(file, session.answers) if setup.written else 0
    for path in setup.records:
        click.echo(_("Record of the commissioning: {path}", path=str(path)))
    return max(code, FINDING if setup.open_points else 0)


def _say_link(link: str, fingerprint: str) -> None:
    import segno

    click.echo(_("Open this link once, in the browser that is to be used, within an hour:"))
    click.echo(f"\n  {link}\n")
    if sys.stdout.isatty():
        segno.make(link, error="l").terminal(sys.stdout, compact=True)
    if fingerprint:
        click.echo(_("The browser warns, because this computer made the certificate itself. Its SHA-256 fingerprint, "
                     "to compare with that in the browser:"))  # fmt: skip
        click.echo(f"  {fingerprint}")
    else:
        click.echo(_("For a phone: --listen with an address of this computer, for example --listen 192.0.2.5:8471"))
    click.echo(_("Ctrl-C ends it; the answers are kept."))
