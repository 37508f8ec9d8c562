"""The commands with which an admin acts on a running room: each gives the server one order (room/orders.py)."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from sockatuh.cli.control import OrderRefused, SocketOption, ask, print_lines
from sockatuh.cli.errors import ExitCode, stop
from sockatuh.cli.new_room import ConfigOption
from sockatuh.cli.options import JsonOption
from sockatuh.cli.questions import is_terminal
from sockatuh.cli.rows import NOTE_INDENT, print_wrapped
from sockatuh.room import orders
from sockatuh.room.log import MAX_SEQ
from sockatuh.room.targets import find_network
from sockatuh.room.text import clean_text
from sockatuh.settings.values import format_span
from sockatuh.wording import client as phrases
from sockatuh.wording import orders as wording

from .arguments import LONGEST, login, name_of, reason_of, target_of, typed
from .caller import Caller
from .denials import why_not
from .spans import span_of, span_of_kick
from .words import in_words

FROM_STDIN: Final = "-"
MOST_READ: Final = 65_536
"""Bytes of an announcement that are read; no room's lines are that long."""
USUAL_KICK: Final = format_span(orders.KICK_SECONDS)
USUAL_BAN: Final = format_span(orders.BAN_SECONDS)
USUAL_MUTE: Final = format_span(orders.MUTE_SECONDS)

MemberArgument = Annotated[str, typer.Argument(metavar="NAME", help=wording.HELP_MEMBER)]
NameArgument = Annotated[str, typer.Argument(metavar="NAME", help=wording.HELP_NAME)]
ForOption = Annotated[str, typer.Option("--for", help=wording.HELP_FOR, metavar="SPAN")]
ReasonOption = Annotated[str, typer.Option("--reason", help=wording.HELP_REASON, metavar="TEXT", show_default=False)]
KeptReasonOption = Annotated[
    str, typer.Option("--reason", help=wording.HELP_REASON_KEPT, metavar="TEXT", show_default=False)
]
YesOption = Annotated[bool, typer.Option("--yes", help=wording.HELP_YES)]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help=wording.HELP_DRY_RUN)]


def kick(
    name: MemberArgument,
    lasts: Annotated[str, typer.Option("--for", help=wording.HELP_KICK_FOR, metavar="SPAN")] = USUAL_KICK,
    reason: ReasonOption = "",
    yes: YesOption = False,
    dry_run: DryRunOption = False,
    socket: SocketOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remove a member, and refuse its joins for a while."""
    order = orders.Kick(
        name=name_of(name), for_=span_of_kick(lasts), reason=reason_of(reason), yes=yes, dry_run=dry_run, as_=login()
    )
    _give(order, socket, config, as_json=as_json)


def ban(
    target: Annotated[str, typer.Argument(metavar="TARGET", help=wording.HELP_TARGET)],
    lasts: ForOption = USUAL_BAN,
    reason: ReasonOption = "",
    strangers: Annotated[bool, typer.Option("--strangers", help=wording.HELP_STRANGERS)] = False,
    yes: YesOption = False,
    dry_run: DryRunOption = False,
    socket: SocketOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Refuse the joins of a target, and remove whoever matches."""
    target = target_of(target)
    if strangers and find_network(target) is None:
        stop(wording.STRANGERS_OF, ExitCode.USAGE)
    order = orders.Ban(
        target=target, for_=span_of(lasts), reason=reason_of(reason), strangers=strangers, yes=yes, dry_run=dry_run,
        as_=login(),
    )  # fmt: skip
    _give(order, socket, config, as_json=as_json)


def unban(
    target: Annotated[str, typer.Argument(metavar="ID|TARGET", help=wording.HELP_ORDER)],
    socket: SocketOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """End a ban, or a kick."""
    _give(orders.Unban(target=target_of(target), as_=login()), socket, config, as_json=as_json)


def mute(
    name: Annotated[str, typer.Argument(metavar="TARGET", help=wording.HELP_WHOM)],
    lasts: ForOption = USUAL_MUTE,
    reason: ReasonOption = "",
    dry_run: DryRunOption = False,
    socket: SocketOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Store no lines of somebody."""
    order = orders.Mute(
        name=target_of(name), for_=span_of(lasts), reason=reason_of(reason), dry_run=dry_run, as_=login()
    )
    _give(order, socket, config, as_json=as_json)


def unmute(
    name: Annotated[str, typer.Argument(metavar="ID|TARGET", help=wording.HELP_MUTED)],
    socket: SocketOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """End a mute."""
    _give(orders.Unmute(name=target_of(name), as_=login()), socket, config, as_json=as_json)


def release(
    name: NameArgument,
    reason: KeptReasonOption = "",
    socket: SocketOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Free a name that belongs to a key."""
    _give(orders.Release(name=name_of(name), reason=reason_of(reason), as_=login()), socket, config, as_json=as_json)


def announce(
    words: Annotated[
        list[str] | None, typer.Argument(metavar="[TEXT... | -]", help=wording.HELP_TEXT, show_default=False)
    ] = None,
    socket: SocketOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say a line to everybody in the admin's name."""
    if not words and is_terminal(sys.stdin):
        stop(wording.ANNOUNCE_WHAT, ExitCode.USAGE)
    text = clean_text(_stdin() if words in (None, [], [FROM_STDIN]) else typed(" ".join(words or [])))
    if not text:
        stop(wording.ANNOUNCEMENT_EMPTY, ExitCode.REFUSED)
    if len(text) > LONGEST:
        stop(wording.ANNOUNCEMENT_TOO_LONG, ExitCode.REFUSED)
    _give(orders.Announce(text=text, as_=login()), socket, config, as_json=as_json)


def strike(
    seq: Annotated[
        int | None, typer.Argument(metavar="[SEQ]", help=wording.HELP_SEQ, min=1, max=MAX_SEQ, show_default=False)
    ] = None,
    last: Annotated[str | None, typer.Option("--last", help=wording.HELP_LAST, metavar="NAME")] = None,
    reason: KeptReasonOption = "",
    socket: SocketOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remove the text of a line."""
    if (seq is None) == (last is None):
        stop(wording.STRIKE_WHAT, ExitCode.USAGE)
    order = orders.Strike(seq=seq, last="" if last is None else name_of(last), reason=reason_of(reason), as_=login())
    _give(order, socket, config, as_json=as_json)


def _give(order: orders.Order, socket: str | None, config: Path | None, *, as_json: bool) -> None:
    """Give the server an order, and say what it did; a refusal ends the command with a sentence and an exit code."""
    caller = Caller.of(socket, config)
    try:
        answer = ask(order, socket, config)
    except OrderRefused as refused:
        raise OrderRefused(refused.denied, why_not(refused.denied, order, caller), refused.line or "") from None
    if as_json:
        print_lines(answer)
    elif isinstance(answer.done, orders.Done):
        print_wrapped(in_words(answer.done, order, caller, is_dry=answer.is_dry), NOTE_INDENT)


def _stdin() -> str:
    if sys.stdin is None:
        return ""
    data = sys.stdin.buffer.read(MOST_READ + 1)
    try:
        text = data.decode()
    except UnicodeDecodeError:
        stop(phrases.TEXT_NOT_UTF8 if len(data) <= MOST_READ else wording.ANNOUNCEMENT_TOO_LONG, ExitCode.USAGE)
    if "\0" in text:
        stop(phrases.TEXT_HOLDS_NUL, ExitCode.USAGE)
    return text.rstrip("\r\n")
