from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path

import pytest
from cli.wall import Chat
from client.session_double import entry, joined

from sockatuh.client.profile import Profile
from sockatuh.errors import NameTaken, NoServer, Refused
from sockatuh.protocol.client.events import CaughtUp, ContactLost, EntryArrived
from sockatuh.protocol.messages import MESSAGE, PRIVATE, Entry, MemberInfo
from sockatuh.wording import client as phrases
from sockatuh.wording import commands as wording

PEOPLE = (
    MemberInfo("tom", "k0", "secure", True, 0),
    MemberInfo("zoë", "k1", "secure", True, 0),
    MemberInfo("oldpi", "", "classic", False, 0),
)


def in_a_chat(story: Callable[[Chat], Awaitable[None]], profile: Profile | None = None) -> None:
    async def run() -> None:
        chat = Chat(profile=profile)
        chat.session.present = PEOPLE
        await chat.hear(CaughtUp())
        await story(chat)
        await chat.close()

    asyncio.run(run())


def said(seq: int, name: str, tag: str, text: str = "x", kind: int = MESSAGE) -> EntryArrived:
    to = "tom" if kind == PRIVATE else ""
    return EntryArrived(Entry(seq, 0, kind, name, text, b"", tag, to), None)


def test_who_lists_names_and_with_k_also_keys_and_since_when() -> None:
    async def story(chat: Chat) -> None:
        assert await chat.type("/who") == ["— 3 here: tom, zoë, oldpi (unencrypted, no contact)"]
        heading, *rows = await chat.type("/who -k")
        assert heading.split() == list(phrases.WHO_COLUMNS)
        since = f"{datetime.fromtimestamp(0):%Y-%m-%d %H:%M}"
        assert [row.split("  ") for row in rows][1] == ["zoë  ", since, "secure ", "k1"] or rows[1].split() == [
            "zoë",
            *since.split(),
            "secure",
            "k1",
        ]
        assert rows[2].split()[-2:] == phrases.NO_CONTACT.split()

    in_a_chat(story)


def test_people_shows_the_list_or_where_there_is_none_what_who_says() -> None:
    async def story(chat: Chat) -> None:
        assert (await chat.type("/people"))[0].startswith("— 3 here")
        chat.wall.has_people = True
        assert await chat.type("/people") == []

    in_a_chat(story)


def test_nick_takes_a_name_and_says_why_it_cannot_be_had() -> None:
    async def story(chat: Chat) -> None:
        assert await chat.type("/nick tomas") == []
        assert chat.session.renames == ["tomas"]
        chat.session.refusal = NameTaken("name_taken", detail="Zoë", tag="k1")
        assert await chat.type("/nick zoe") == [
            "— Somebody in the room has that name, or one that looks like it. (Zoë, key k1)"
        ]
        chat.session.refusal = NoServer("127.0.0.1:9", 10.0)
        assert await chat.type("/nick zora") == [f"— {wording.unanswered('nick')}"]
        assert await chat.type("/nick") == [f"no: {wording.NICK_WHAT}"]
        assert await chat.type("/nick two words") == [f"no: {wording.NICK_WHAT}"]

    in_a_chat(story)


def test_away_and_back_are_told_and_confirmed() -> None:
    async def story(chat: Chat) -> None:
        assert await chat.type("/away  lunch\nuntil two ") == [
            "— you are away: lunch ⏎ until two; what you say next ends it"
        ]
        assert await chat.type("/away") == ["— you are away; what you say next ends it"]
        assert await chat.type("/back") == ["— you are back"]
        assert chat.session.away == ["lunch ⏎ until two", "", None]
        assert await chat.type("/away " + "x" * 81) == ["no: /away takes at most 80 characters; that is 81"]
        chat.session.refusal = Refused("busy")
        assert "— " in (await chat.type("/back"))[0]

    in_a_chat(story)


def test_what_was_asked_for_just_before_leaving_is_answered() -> None:
    async def story(chat: Chat) -> None:
        chat.session.answering = asyncio.Event()
        await chat.type("/nick tomas")
        leaving = asyncio.create_task(chat.close())
        await chat.settle()
        assert not leaving.done()
        assert chat.room.me == "tom"
        chat.session.answering.set()
        await leaving
        assert chat.room.me == "tomas"

    in_a_chat(story)


def test_leaving_does_not_wait_for_answers_without_contact() -> None:
    async def story(chat: Chat) -> None:
        chat.session.answering = asyncio.Event()
        await chat.type("/nick tomas")
        await chat.hear(ContactLost(""))
        leaving = asyncio.create_task(chat.close())
        await chat.settle()
        assert leaving.done()

    in_a_chat(story)


def test_whoever_will_not_wait_for_the_last_answers_leaves_no_command_running() -> None:
    async def story(chat: Chat) -> None:
        chat.session.answering = asyncio.Event()
        await chat.type("/nick tomas")
        leaving = asyncio.create_task(chat.close())
        await chat.settle()
        leaving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leaving
        assert asyncio.all_tasks() == {asyncio.current_task()}

    in_a_chat(story)


@pytest.mark.parametrize("line", ["/who", "/who -k", "/nick tomas", "/away", "/back", "/people"])
def test_without_contact_the_server_is_not_asked(line: str) -> None:
    async def story(chat: Chat) -> None:
        await chat.hear(ContactLost("silence"))
        assert await chat.type(line) == [f"no: {phrases.OUT_OF_CONTACT}"]
        assert (chat.session.renames, chat.session.away) == ([], [])

    in_a_chat(story)


def test_a_second_rename_waits_for_the_first() -> None:
    async def story(chat: Chat) -> None:
        chat.session.answering = asyncio.Event()
        assert await chat.type("/nick one") == []
        assert await chat.type("/nick two") == [f"no: {wording.under_way('nick')}"]
        chat.session.answering.set()
        await chat.settle()
        assert await chat.type("/nick three") == []
        assert chat.session.renames == ["one", "three"]

    in_a_chat(story)


def test_the_lines_of_somebody_ignored_are_not_shown_under_any_name(tmp_path: Path) -> None:
    profile = Profile(tmp_path / "client")

    async def story(chat: Chat) -> None:
        assert await chat.type("/ignore ZOË") == [f"— {wording.ignored('zoë')}"]
        assert await chat.hear(said(5, "zoë", "k1"), said(6, "zora", "k1"), said(7, "zoë", "k1", kind=PRIVATE)) == []
        assert await chat.hear(said(8, "zoë", "k9")) == ["zoë  x"]
        assert chat.written == [], "nobody is called"
        assert chat.state.last_private == ""
        assert await chat.type("/search x") == ["found x: [8]"]
        assert await chat.hear(joined(9, "zoë")) == ["· zoë joined"]

    async def later(chat: Chat) -> None:
        assert await chat.type("/ignore") == ["— you ignore zoë"]
        assert await chat.hear(said(10, "zoë", "k1")) == []
        assert await chat.type("/unignore @zoë") == [f"— {wording.unignored('zoë')}"]
        assert await chat.hear(said(11, "zoë", "k1")) == ["zoë  x"]
        assert await chat.type("/ignore") == ["— you ignore nobody"]

    in_a_chat(story, profile)
    in_a_chat(later, Profile(tmp_path / "client"))


def test_a_member_without_a_key_is_ignored_by_name_which_is_said() -> None:
    async def story(chat: Chat) -> None:
        assert await chat.type("/ignore oldpi") == [f"— {wording.ignored_by_name('oldpi')}"]
        assert await chat.hear(entry(5, name="OLDPI"), said(6, "oldpi", "k5")) == ["oldpi  x"]
        assert await chat.type("/ignore") == ["— you ignore oldpi (by name)"]

    in_a_chat(story)


def test_what_the_admin_says_is_shown_whomever_one_ignores() -> None:
    async def story(chat: Chat) -> None:
        await chat.type("/ignore oldpi")
        official = EntryArrived(Entry(5, 0, MESSAGE, "oldpi", "closing at five", official=True), None)
        assert await chat.hear(official) == ["# oldpi  closing at five"]

    in_a_chat(story)


def test_somebody_whose_key_is_not_known_yet_is_looked_up() -> None:
    async def story(chat: Chat) -> None:
        await chat.hear(joined(5, "ana"))  # this entry tells no tag
        chat.session.present = [*PEOPLE, MemberInfo("ana", "k7", "secure", True, 0)]
        assert await chat.type("/ignore ana") == [f"— {wording.ignored('ana')}"]
        assert chat.state.ignored[0].tag == "k7"

    in_a_chat(story)


def test_a_key_that_cannot_be_looked_up_is_not_said_to_be_missing() -> None:
    async def story(chat: Chat) -> None:
        await chat.hear(joined(5, "ana"), ContactLost("silence"))
        assert await chat.type("/ignore ana") == [f"no: {phrases.OUT_OF_CONTACT}"]
        assert await chat.type("/ignore") == [f"— {wording.NOBODY_IGNORED}"]

    in_a_chat(story)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("/ignore zoe", "nobody here is called zoe; /who lists who is"),
        ("/ignore tom", wording.IGNORE_YOURSELF),
        ("/unignore", wording.UNIGNORE_WHOM),
        ("/unignore zoë", wording.not_ignored("zoë")),
    ],
)
def test_who_cannot_be_ignored_is_refused_with_the_reason(line: str, why: str) -> None:
    async def story(chat: Chat) -> None:
        assert await chat.type(line) == [f"no: {why}"]

    in_a_chat(story)


def test_where_nothing_can_be_remembered_it_is_done_and_said(tmp_path: Path) -> None:
    directory = tmp_path / "client"
    directory.write_text("a file where the directory should be")

    async def story(chat: Chat) -> None:
        done, fault = await chat.type("/ignore zoë")
        assert done == f"— {wording.ignored('zoë')}"
        assert str(directory) in fault
        assert await chat.hear(said(5, "zoë", "k1")) == []

    in_a_chat(story, Profile(directory))
