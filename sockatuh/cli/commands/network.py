"""The command /net, which tells how the network between here and the server has been."""

from __future__ import annotations

from sockatuh.cli.naming import shown_name
from sockatuh.cli.rows import aligned
from sockatuh.protocol.identity import words
from sockatuh.room.text import clean_line
from sockatuh.wording import client as phrases
from sockatuh.wording import commands as wording

from .context import CommandContext, Done, Outcome


def describe_network(context: CommandContext, _: str) -> Outcome:
    """Show the server, the address in use, its key, and what was counted since the chat began."""
    room, link = context.room, context.room.link
    best, last = (
        phrases.milliseconds(each) if each is not None else "?" for each in (link.best_answer, link.last_answer)
    )
    facts = (
        f"{shown_name(room.name)}  {clean_line(room.server)}",
        clean_line(link.address) or wording.NO_ADDRESS,
        " ".join(words(link.key)),
        wording.answer_times(best, last),
        wording.datagrams(link.sent, link.repeated),
        wording.contact_losses(link.losses, wording.span(link.lost_for)) if link.losses else wording.IN_CONTACT,
        wording.unanswered_lines(room.unanswered),
    )
    context.view.answer(aligned(list(zip(wording.NET_ROWS, facts, strict=True))))
    return Done.HANDLED
