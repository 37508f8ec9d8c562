"""Commands that say something, or take it back: /me, /msg, /r, /strike."""

from __future__ import annotations

from typing import Final

from sockatuh.cli.naming import shown_name
from sockatuh.wording import client as phrases
from sockatuh.wording import commands as wording

from .context import ANSWERED_WITHIN, CommandContext, NotDone, Outcome, SayText, name_in, number_in

GREATEST_SEQ: Final = 10**19


def act(context: CommandContext, text: str) -> Outcome:
    """Say a text in the third person."""
    return context.say(SayText(text, action=True)) if text.strip() else NotDone(phrases.ME_WHAT)


def whisper(context: CommandContext, rest: str) -> Outcome:
    """Say a text to one person only."""
    word, text = split_word(rest)
    name = name_in(word)
    if not (name and text):
        return NotDone(wording.MSG_WHAT)
    return _say_to(context, name, text)


def reply(context: CommandContext, text: str) -> Outcome:
    """Answer whoever sent the last private line."""
    if not context.state.last_private:
        return NotDone(wording.NOBODY_TO_ANSWER)
    if not text.strip():
        return NotDone(wording.REPLY_WHAT)
    return _say_to(context, context.state.last_private, text)


def strike(context: CommandContext, rest: str) -> Outcome:
    """Remove the text of an own line from the room: of the last one, or of the one with a number."""
    typed = rest.strip()
    seq = number_in(typed, GREATEST_SEQ)
    if typed and seq is None:
        return NotDone(wording.STRIKE_WHAT)
    return context.begin("strike", _strike(context, seq))


def split_word(text: str) -> tuple[str, str]:
    """Return the first word of a text, and what follows it."""
    word, *rest = text.split(maxsplit=1) or [""]
    return word, "".join(rest)


def _say_to(context: CommandContext, name: str, text: str) -> Outcome:
    person = context.state.people.find(name)
    if person is not None and not person.encrypted:
        return NotDone(phrases.reads_in_clear(shown_name(person.name)))
    say = SayText(text, to=person.name if person is not None else name)
    if person is not None and not context.state.has_whispered and context.room.fault_of(say.text, say.to) is None:
        context.state.has_whispered = True
        context.view.note(wording.first_private(shown_name(person.name)))
    return context.say(say)


async def _strike(context: CommandContext, seq: int | None) -> None:
    room = context.room
    if seq is None:
        await room.drained(ANSWERED_WITHIN)  # the last line may have no place in the log yet
        if room.unplaced:
            context.view.note(wording.STRIKE_LATER)
            return
        if not room.own_lines:
            context.view.note(wording.NOTHING_TO_STRIKE)
            return
        seq = room.own_lines[-1]
    await room.strike(seq, ANSWERED_WITHIN)
