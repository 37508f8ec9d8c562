"""The command `help`, which prints the same pages as `--help`, and the manual page."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from sockatuh.wording import admin as wording

from .errors import ExitCode, stop


def help_about(
    context: typer.Context,
    command: Annotated[str | None, typer.Argument(metavar="COMMAND", help=wording.HELP_HELP_COMMAND)] = None,
    manual: Annotated[bool, typer.Option("--man", help=wording.HELP_MANUAL)] = False,
) -> None:
    """Print the page of a command, the list of commands, or the manual page with all of it."""
    above: Any = context.parent
    if manual:
        if command is not None:
            stop(wording.ONE_MANUAL, ExitCode.USAGE)
        _print_manual()
    elif command is None:
        print(above.get_help())
    else:
        name, found, _ = above.command.resolve_command(above, [command])  # a usage error if there is no such command
        found.make_context(name, ["--help"], parent=above)  # prints the page, and exits


def _print_manual() -> None:
    from .command_tree import read_tree
    from .manual import manual_page

    print(manual_page(read_tree()), end="")
