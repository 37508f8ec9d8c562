"""Decides which commands speak English whatever the language of the environment is: those that programs read.

Programs match what `--json` prints, including its sentences on stderr, and people search for it in reports; the same
holds for what `serve` writes into a log. `wording` reads the environment when it is first imported, so this comes
before.
"""

from __future__ import annotations

from collections.abc import MutableMapping, Sequence
from typing import Final, TextIO

FOR_PROGRAMS: Final = "_SOCKATUH_FOR_PROGRAMS"
"""`wording.FOR_PROGRAMS`, which cannot be imported before this module has done its work."""


def command_of(args: Sequence[str]) -> str:
    """Return the command in the unparsed words of a command line, or ""."""
    return next((word for word in args if not word.startswith("-")), "")


def asks_json(args: Sequence[str]) -> bool:
    """Tell whether JSON is asked for; in the unparsed words, because parsing may be what fails."""
    options = args[: args.index("--")] if "--" in args else args  # what follows -- is text
    return "--json" in options


def speak_english_to_programs(args: Sequence[str], environ: MutableMapping[str, str], stderr: TextIO) -> None:
    """Choose English for a command that programs read: with --json, and `serve` when its stderr is no terminal."""
    if asks_json(args) or (command_of(args) == "serve" and not stderr.isatty()):
        environ[FOR_PROGRAMS] = "yes"
