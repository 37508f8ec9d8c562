"""The command `completion`, which prints the completion script of a shell."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from sockatuh.wording import admin as wording

from .command_tree import read_tree
from .completion_scripts import SCRIPTS


class Shell(StrEnum):
    """The shells for which there is a script."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


def completion(
    shell: Annotated[Shell, typer.Argument(metavar="bash|zsh|fish", help=wording.HELP_SHELL)],
) -> None:
    """Print the script of a shell."""
    print(SCRIPTS[shell](read_tree()), end="")
