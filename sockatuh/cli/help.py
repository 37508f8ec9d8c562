"""The command `help`, which prints the same pages as `--help`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from sockatuh.wording import admin as wording


def help_about(
    context: typer.Context,
    command: Annotated[str | None, typer.Argument(metavar="COMMAND", help=wording.HELP_HELP_COMMAND)] = None,
) -> None:
    """Print the page of a command, or the list of commands."""
    above: Any = context.parent
    if command is None:
        print(above.get_help())
        return
    name, found, _ = above.command.resolve_command(above, [command])  # a usage error if there is no such command
    found.make_context(name, ["--help"], parent=above)  # prints the page, and exits
