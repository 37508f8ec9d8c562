"""Commands that say something: /me, /msg, /r."""

from __future__ import annotations

from sockatuh.cli.naming import shown_name
from sockatuh.wording import client as phrases
from sockatuh.wording import commands as wording

from .context import CommandContext, NotDone, Outcome, SayText, name_in


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
