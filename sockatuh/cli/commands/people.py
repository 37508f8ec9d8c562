"""Commands about people: /who, /nick, /away, /back, /people, /ignore, /unignore."""

from __future__ import annotations

from typing import Final

from sockatuh.cli.naming import shown_name, whose
from sockatuh.cli.narrator import describe
from sockatuh.cli.people_here import Person
from sockatuh.cli.rows import aligned, member_row
from sockatuh.client.items import AWAY_LENGTH
from sockatuh.client.profile import Ignored
from sockatuh.errors import Refused
from sockatuh.room.namekeys import fold
from sockatuh.room.text import clean_line
from sockatuh.room.word import one_word
from sockatuh.wording import client as phrases
from sockatuh.wording import commands as wording

from .context import ANSWERED_WITHIN, CommandContext, Done, NotDone, Outcome, name_in

WITH_KEYS: Final = "-k"
_ABOUT_THE_NAME: Final = frozenset({"name_invalid", "name_taken", "name_owned", "name_reserved", "name_is_password"})


def list_people(context: CommandContext, rest: str) -> Outcome:
    """List who is here."""
    outcome = context.begin("who", _list(context, with_keys=rest.strip() == WITH_KEYS))
    return Done.HANDLED if outcome == NotDone(wording.under_way("who")) else outcome


def show_people(context: CommandContext, _: str) -> Outcome:
    """Show or hide the list of people; where there is none, list them once."""
    return Done.HANDLED if context.view.toggle_people() else list_people(context, "")


def rename(context: CommandContext, rest: str) -> Outcome:
    """Take another name; the log then tells everybody, this person too."""
    name = rest.strip()
    if not name or len(name.split()) > 1:
        return NotDone(wording.NICK_WHAT)
    return context.begin("nick", _rename(context, one_word(name)))


def go_away(context: CommandContext, rest: str) -> Outcome:
    """Tell everybody that this person is away."""
    text = clean_line(rest).strip()
    if len(text) > AWAY_LENGTH:
        return NotDone(wording.away_too_long(len(text), AWAY_LENGTH))
    return context.begin("away", _go_away(context, text))


def come_back(context: CommandContext, _: str) -> Outcome:
    """Tell everybody that this person is back."""
    return context.begin("back", _come_back(context))


def ignore(context: CommandContext, rest: str) -> Outcome:
    """Ignore somebody from now on, by key if there is one; without a name list who is ignored."""
    name = name_in(rest)
    if not name:
        return context.tell(_ignored_people(context))
    person = context.state.people.find(name)
    if person is not None and person.encrypted and not person.tag:
        return context.begin("ignore", _look_up_and_ignore(context, person.name))
    return _ignore(context, name, person)


def unignore(context: CommandContext, rest: str) -> Outcome:
    """Show the lines of somebody again, whose name it was then or is now."""
    name = name_in(rest)
    if not name:
        return NotDone(wording.UNIGNORE_WHOM)
    person = context.state.people.find(name)
    tag = person.tag if person is not None else ""
    found = [each for each in context.state.ignored if fold(each.name) == fold(name) or (tag and each.tag == tag)]
    if not found:
        return NotDone(wording.not_ignored(shown_name(name)))
    faults = [context.state.unignore(each) for each in found]
    return context.tell(*faults, wording.unignored(shown_name(found[-1].name)))


async def _list(context: CommandContext, *, with_keys: bool) -> None:
    members = await context.room.members(ANSWERED_WITHIN)
    context.state.people.load(members)
    if with_keys:
        context.view.answer(aligned([phrases.WHO_COLUMNS, *map(member_row, members)]))
    else:
        context.view.note(describe(members))


async def _rename(context: CommandContext, name: str) -> None:
    try:
        await context.room.rename(name, ANSWERED_WITHIN)
    except Refused as refused:
        if refused.code not in _ABOUT_THE_NAME:
            raise
        context.view.note(phrases.name_refused(refused.code, whose(refused), name))


async def _go_away(context: CommandContext, text: str) -> None:
    await context.room.away(text, ANSWERED_WITHIN)
    context.view.note(wording.you_are_away(text))


async def _come_back(context: CommandContext) -> None:
    await context.room.back(ANSWERED_WITHIN)
    context.view.note(wording.YOU_ARE_BACK)


async def _look_up_and_ignore(context: CommandContext, name: str) -> None:
    context.state.people.load(await context.room.members(ANSWERED_WITHIN))
    match _ignore(context, name, context.state.people.find(name)):
        case NotDone(why):
            context.view.note(why)
        case _:
            pass


def _ignore(context: CommandContext, name: str, person: Person | None) -> Outcome:
    if person is None:
        return NotDone(wording.nobody_here(shown_name(clean_line(name))))
    if person.name == context.room.me:
        return NotDone(wording.IGNORE_YOURSELF)
    fault = context.state.ignore(Ignored(person.name, person.tag))
    said = wording.ignored if person.tag else wording.ignored_by_name
    return context.tell(said(shown_name(person.name)), fault)


def _ignored_people(context: CommandContext) -> str:
    names = [
        shown_name(each.name) if each.tag else wording.by_name(shown_name(each.name)) for each in context.state.ignored
    ]
    return wording.ignored_people(names) if names else wording.NOBODY_IGNORED
