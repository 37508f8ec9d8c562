"""The table of the commands typed in a chat: /help, completion and the documents come from it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

import msgspec

from sockatuh.cli.chat_state import OFF, ON, ChatState
from sockatuh.cli.notifications import Bell
from sockatuh.cli.rows import aligned
from sockatuh.cli.tab_completion import Words
from sockatuh.wording import commands as wording

from . import choices, looking_back, network, people, saying
from .context import CommandContext, Done, Outcome

Handler: TypeAlias = Callable[[CommandContext, str], Outcome]
"""Carries out a command; given what follows it, as it was typed."""


class Command(msgspec.Struct, frozen=True):
    """A command; `words` returns what its first argument may be, for completion."""

    name: str
    run: Handler
    words: Callable[[ChatState], Sequence[str]] | None = None


def _show_help(context: CommandContext, _: str) -> Outcome:
    context.view.answer(help_rows())
    return Done.HANDLED


def _names(state: ChatState) -> list[str]:
    return state.people.names()


def _ignored(state: ChatState) -> list[str]:
    return [each.name for each in state.ignored]


def _own_lines(state: ChatState) -> list[str]:
    return [str(seq) for seq in reversed(state.own_lines)]


COMMANDS: Final = {
    command.name: command
    for command in (
        Command("who", people.list_people, lambda _: [people.WITH_KEYS]),
        Command("me", saying.act),
        Command("msg", saying.whisper, _names),
        Command("r", saying.reply),
        Command("strike", saying.strike, _own_lines),
        Command("nick", people.rename),
        Command("away", people.go_away),
        Command("back", people.come_back),
        Command("people", people.show_people),
        Command("quiet", choices.be_quiet, lambda _: [ON, OFF]),
        Command("bell", choices.set_bell, lambda _: list(Bell)),
        Command("ignore", people.ignore, _names),
        Command("unignore", people.unignore, _ignored),
        Command("search", looking_back.search),
        Command("history", looking_back.show_earlier),
        Command("links", looking_back.list_links),
        Command("copy", looking_back.copy),
        Command("show", looking_back.show_text),
        Command("save", looking_back.save),
        Command("net", network.describe_network),
        Command("help", _show_help),
        Command("quit", lambda *_: Done.LEAVING),
    )
}


def help_rows() -> list[str]:
    """Return a row for each command: its name, what may follow it, what it does."""
    rows = [(f"/{name} {arguments}".rstrip(), text) for name, (arguments, text) in wording.COMMANDS.items()]
    return aligned([*rows, wording.SLASH_HELP])


def words_of(state: ChatState) -> dict[str, Words | None]:
    """Return each command's name with what completes its first argument."""
    return {name: _bound(command.words, state) for name, command in COMMANDS.items()}


def _bound(words: Callable[[ChatState], Sequence[str]] | None, state: ChatState) -> Words | None:
    return None if words is None else lambda: words(state)
