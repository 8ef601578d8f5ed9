"""The command line in this process."""

from __future__ import annotations

from click.testing import CliRunner, Result

from agent.cli import main


def invoke(*arguments: str) -> Result:
    """Output and exit code of `magwatt` with these arguments; an exception that it does not handle is raised."""
    result = CliRunner().invoke(main, list(arguments))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result
