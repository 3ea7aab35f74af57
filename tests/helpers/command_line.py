"""The command line run within a test, as the console script runs it."""

import sys
from pathlib import Path

import typer
from typer.testing import CliRunner

from affetto import cli

AFFETTO = [sys.executable, "-m", "affetto"]
"""The command as a process of its own."""


def affetto(*arguments: str | Path, code: int = 0) -> tuple[str, str]:
    """Run a command in this process; give its two streams."""
    result = CliRunner().invoke(_whole, [str(argument) for argument in arguments])
    assert result.exit_code == code, result.output
    return result.stdout, result.stderr


# CliRunner calls an app; main() is what turns errors into exit codes.
_whole = typer.Typer(rich_markup_mode=None)


@_whole.command(context_settings={"ignore_unknown_options": True, "help_option_names": []})
def _run(arguments: list[str]) -> None:
    before = sys.argv
    sys.argv = ["affetto", *arguments]
    try:
        cli.main()
    finally:
        sys.argv = before
