"""The commands with their options and arguments, as the help pages show them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from enum import Enum, StrEnum
from typing import Any, Final

import msgspec

from .app import ON_THE_BOX, all_commands
from .help_layout import HelpContext, without_braces
from .typer_words import sentence_in_words

MADE_FROM: Final = "Made from the help pages of sockatuh."
"""Stands at the beginning of each file that is made from the tree."""


class Takes(StrEnum):
    """What is typed as the value of an option, or in the place of an argument."""

    NOTHING = "nothing"
    CHOICE = "choice"
    FILE = "file"
    DIRECTORY = "directory"
    TEXT = "text"
    HERE = "here"
    KNOWN = "known"
    KEPT_OUT = "kept-out"
    MUTED = "muted"


NAMES: Final = {
    # command, and option or name of the argument: whose names it takes, which the server is asked for at Tab
    ("sessions", "NAME"): Takes.HERE,
    ("kick", "NAME"): Takes.HERE,
    ("strike", "--last"): Takes.HERE,
    ("ban", "TARGET"): Takes.KNOWN,
    ("mute", "TARGET"): Takes.KNOWN,
    ("release", "NAME"): Takes.KNOWN,
    ("unban", "ID|TARGET"): Takes.KEPT_OUT,
    ("unmute", "ID|TARGET"): Takes.MUTED,
}


class Parameter(msgspec.Struct, frozen=True):
    """An option, or an argument, which has no `names`; `term` and `sentence` are its entry on the help page."""

    names: tuple[str, ...]
    term: str
    sentence: str
    metavar: str
    takes: Takes
    choices: tuple[str, ...] = ()
    is_required: bool = False
    is_repeated: bool = False

    @property
    def summary(self) -> str:
        """The first part of the sentence, without a full stop."""
        return self.sentence.partition(" [")[0].partition(". ")[0].partition("; ")[0].removesuffix(".")


class Command(msgspec.Struct, frozen=True):
    """A command; the program itself has the name "" and its commands in `commands`."""

    name: str
    usage: str
    text: str
    parameters: tuple[Parameter, ...]
    commands: tuple[Command, ...] = ()

    @property
    def summary(self) -> str:
        """The first sentence of its page, without a full stop."""
        return self.text.partition("\n\n")[0].removesuffix(".")

    @property
    def options(self) -> tuple[Parameter, ...]:
        """Its options, in the order of the help page."""
        return tuple(each for each in self.parameters if each.names)

    @property
    def arguments(self) -> tuple[Parameter, ...]:
        """Its arguments, in their order."""
        return tuple(each for each in self.parameters if not each.names)


def read_tree() -> Command:
    """Return the program with the commands of this platform; imports the module of each."""
    group: Any = all_commands()
    above = HelpContext(group, info_name="sockatuh", help_option_names=["-h", "--help"])
    names = [name for name in group.list_commands(above) if not (sys.platform == "win32" and name in ON_THE_BOX)]
    commands = [_command(name, group.get_command(above, name).load(), above, names) for name in names]
    return Command("", _usage(group, above), group.help, tuple(_parameters(group, above, names)), tuple(commands))


def _command(name: str, command: Any, above: HelpContext, names: list[str]) -> Command:
    context = HelpContext(command, info_name=name, parent=above)
    return Command(name, _usage(command, context), command.help, tuple(_parameters(command, context, names)))


def _usage(command: Any, context: HelpContext) -> str:
    return without_braces(" ".join(command.collect_usage_pieces(context)))


def _parameters(command: Any, context: HelpContext, names: list[str]) -> Iterator[Parameter]:
    for each in command.get_params(context):
        record = each.get_help_record(context)
        if record is None:  # hidden
            continue
        is_option = each.param_type_name == "option"
        metavar = each.metavar or each.make_metavar(ctx=context)  # older Typer puts that in brackets
        choices = _choices(each, names) if metavar == "COMMAND" or hasattr(each.type, "choices") else ()
        yield Parameter(
            names=tuple(sorted(each.opts, key=len)) if is_option else (),  # Typer has those of --help in any order
            term=record[0],
            sentence=" ".join(sentence_in_words(record[1]).split()),
            metavar=metavar.strip("<>"),
            takes=NAMES.get((command.name, each.opts[-1] if is_option else metavar.strip("[]")))
            or _takes(metavar, choices, is_flag=is_option and each.is_flag),
            choices=choices,
            is_required=each.required,
            is_repeated=each.nargs == -1,
        )


def _choices(parameter: Any, names: list[str]) -> tuple[str, ...]:
    choices = getattr(parameter.type, "choices", names)
    return tuple(str(each.value) if isinstance(each, Enum) else str(each) for each in choices)


def _takes(metavar: str, choices: tuple[str, ...], *, is_flag: bool) -> Takes:
    if is_flag:
        return Takes.NOTHING
    if choices:
        return Takes.CHOICE
    if metavar.endswith("FILE"):
        return Takes.FILE
    return Takes.DIRECTORY if metavar == "DIR" else Takes.TEXT
