"""The files by which this machine's shells complete command lines, and `man` shows the manual page.

They go to /usr/local and, for fish, which may not look there, to /etc.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from .command_tree import MADE_FROM, Command
from .completion_scripts import SCRIPTS
from .manual import manual_page
from .service_files import PlannedFile, at

MAKERS: Final[tuple[tuple[str, str, Callable[[Command], str]], ...]] = (
    # a directory that exists where somebody reads the file, the file, what makes its text
    ("usr/share/bash-completion", "usr/local/share/bash-completion/completions/sockatuh", SCRIPTS["bash"]),
    ("usr/share/zsh", "usr/local/share/zsh/site-functions/_sockatuh", SCRIPTS["zsh"]),
    ("etc/fish", "etc/fish/completions/sockatuh.fish", SCRIPTS["fish"]),
    ("usr/share/man", "usr/local/share/man/man1/sockatuh.1", manual_page),
)

KEPT: Final = ("usr/local/share", "usr/local/share/man", "etc/fish/completions")
"""Directories that other packages make."""


def shell_files(program: Command) -> list[PlannedFile]:
    """Return the files for the shells that this machine has, except where another program has its own."""
    return [
        PlannedFile(at(place), make(program), 0o644)
        for reader, place, make in MAKERS
        if at(reader).is_dir() and (_is_ours(at(place)) or not at(place).exists())
    ]


def installed_shell_files() -> list[Path]:
    """Return the files of ours that are there."""
    return [at(place) for _, place, _ in MAKERS if _is_ours(at(place))]


def remove_empty_parents(path: Path) -> None:
    """Remove the directories in which a file of ours was alone, up to those that are there without it."""
    for directory in path.parents:
        if directory in map(at, KEPT) or directory.is_symlink() or any(directory.iterdir()):
            return
        directory.rmdir()


def _is_ours(path: Path) -> bool:
    return path.is_file() and MADE_FROM in path.read_text("utf-8", "replace")
