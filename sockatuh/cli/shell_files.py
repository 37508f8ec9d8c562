"""The files by which this machine's shells complete command lines, and `man` shows the manual page.

They go to /usr/local and, for fish, which may not look there, to /etc. They are for everybody on this machine, so they
are in English whatever the language of whoever installs them. `sockatuh completion` and `sockatuh help --man` print the
same in the language of whoever asks.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from sockatuh.wording import VARIABLE, choose_language

from .command_tree import MADE_FROM, Command, read_tree
from .completion_scripts import SCRIPTS
from .manual import manual_page
from .service_files import PlannedFile, at

FILES: Final = (
    # a directory that exists where somebody reads the file, the file, the command that prints it
    ("usr/share/bash-completion", "usr/local/share/bash-completion/completions/sockatuh", ("completion", "bash")),
    ("usr/share/zsh", "usr/local/share/zsh/site-functions/_sockatuh", ("completion", "zsh")),
    ("etc/fish", "etc/fish/completions/sockatuh.fish", ("completion", "fish")),
    ("usr/share/man", "usr/local/share/man/man1/sockatuh.1", ("help", "--man")),
)
MAKERS: Final[dict[tuple[str, ...], Callable[[Command], str]]] = {
    ("help", "--man"): manual_page,
    **{("completion", shell): make for shell, make in SCRIPTS.items()},
}
"""What these commands print, made from the tree."""
ENGLISH: Final = "en"

KEPT: Final = ("usr/local/share", "usr/local/share/man", "etc/fish/completions")
"""Directories that other packages make."""


def shell_files(program: Sequence[str]) -> list[PlannedFile]:
    """Return the files for the shells that this machine has, except where another program has its own.

    `program` is the command that runs this program; it prints them if this process does not speak English.
    """
    make = _maker(program)
    return [
        PlannedFile(at(place), make(command), 0o644)
        for reader, place, command in FILES
        if at(reader).is_dir() and (_is_ours(at(place)) or not at(place).exists())
    ]


def installed_shell_files() -> list[Path]:
    """Return the files of ours that are there."""
    return [at(place) for _, place, _ in FILES if _is_ours(at(place))]


def _maker(program: Sequence[str]) -> Callable[[tuple[str, ...]], str]:
    if choose_language(os.environ) == ENGLISH:
        tree = read_tree()
        return lambda command: MAKERS[command](tree)
    return lambda command: _printed([*program, *command])


def _printed(command: Sequence[str]) -> str:
    """Return what a command prints in English."""
    environ = {**os.environ, VARIABLE: ENGLISH}
    return subprocess.run(command, env=environ, capture_output=True, encoding="utf-8", check=True).stdout  # noqa: S603 - ourselves


def remove_empty_parents(path: Path) -> None:
    """Remove the directories in which a file of ours was alone, up to those that are there without it."""
    for directory in path.parents:
        if directory in map(at, KEPT) or directory.is_symlink() or any(directory.iterdir()):
            return
        directory.rmdir()


def _is_ours(path: Path) -> bool:
    return path.is_file() and MADE_FROM in path.read_text("utf-8", "replace")
