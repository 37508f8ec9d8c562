from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from cli.wall import Chat
from client.session_double import entry, joined
from hostile import TEXTS, forbidden_in

from sockatuh.errors import Refused
from sockatuh.protocol.client.events import CaughtUp, EntryArrived, LineRefused, LineStored
from sockatuh.protocol.messages import PRIVATE, STRUCK, Entry, MemberInfo
from sockatuh.wording import admin
from sockatuh.wording import client as phrases
from sockatuh.wording import commands as wording

PEOPLE = (MemberInfo("budi", "k1", "secure", True, 0), MemberInfo("oldpi", "", "classic", True, 0))


def in_a_chat(story: Callable[[Chat], Awaitable[None]], *, password: str | None = None) -> None:
    """Run a story in a chat with budi and oldpi, who reads in clear."""

    async def run() -> None:
        chat = Chat(password=password)
        chat.session.present = PEOPLE
        await chat.hear(CaughtUp())
        await story(chat)
        await chat.close()

    asyncio.run(run())


def whispered(seq: int, name: str, to: str, text: str = "x", tag: str = "") -> EntryArrived:
    return EntryArrived(Entry(seq, 0, PRIVATE, name, text, tag=tag, to=to), None)


def own(seq: int, number: int | None = None) -> EntryArrived:
    return entry(seq, number or seq, text=f"line {seq}")


def struck(seq: int, line: int, tag: str = "") -> EntryArrived:
    return EntryArrived(Entry(seq, 0, STRUCK, "tom", tag=tag, line=line, line_at=0), None)


def test_strike_removes_the_last_line_and_again_the_one_before() -> None:
    async def story(chat: Chat) -> None:
        await chat.hear(own(4), own(5), entry(6), whispered(7, "tom", "budi"))
        for line in (7, 5, 4):
            assert await chat.type("/strike") == []
            assert chat.session.struck[-1] == line
            await chat.hear(struck(10 + line, line))
        assert await chat.type("/strike") == ["— you have said nothing here that could be removed"]
        assert chat.session.struck == [7, 5, 4]
        assert chat.wall.taken_off == [7, 5, 4]

    in_a_chat(story)


def test_strike_removes_the_line_with_a_number_and_wants_a_number() -> None:
    async def story(chat: Chat) -> None:
        await chat.hear(own(4), own(5))
        assert await chat.type("/strike 4") == []
        assert chat.session.struck == [4]
        for what in ("four", "0", "-1", "4 5", "٤"):
            assert await chat.type(f"/strike {what}") == [f"no: {wording.STRIKE_WHAT}"]
        assert await chat.type("/strike 99999999999999999999") == [f"no: {wording.STRIKE_WHAT}"]
        (refused,) = await chat.type("/strike 9999999999999999999")
        assert "no such line" in refused
        assert chat.commands.completion.complete("/strike ") == "/strike 5 "

    in_a_chat(story)


def test_strike_waits_for_the_place_of_a_line_that_was_just_said() -> None:
    async def story(chat: Chat) -> None:
        await chat.hear(own(4))
        await chat.type("it is 4711")
        assert await chat.type("/strike") == []
        assert chat.session.struck == [], "not the line before it"
        assert await chat.type("/strike") == [f"no: {wording.under_way('strike')}"]
        await chat.hear(LineStored(1, 5), entry(5, 1, text="it is 4711"))
        assert chat.session.struck == [5]

    in_a_chat(story)


@pytest.mark.parametrize("code", ["no_such_line", "not_a_line", "not_yours", "too_late", "struck_already"])
def test_why_a_line_is_not_removed_is_said_in_words(code: str) -> None:
    async def story(chat: Chat) -> None:
        chat.session.refusal = Refused(code)
        (said,) = await chat.type("/strike 4")
        assert code not in said
        assert said == f"— {admin.REFUSALS[code]}"

    in_a_chat(story)


def test_no_command_finds_a_struck_line() -> None:
    async def story(chat: Chat) -> None:
        secret = entry(4, text="https://a.example/4711")
        (said, *_) = await chat.hear(secret, struck(5, 4))
        assert "4711" in said
        assert await chat.type("/search 4711") == ['no: "4711" is not in the 0 lines here']
        assert await chat.type("/show 4") == ["no: line 4 is not here, or no longer"]
        assert await chat.type("/links") == [f"no: {wording.NO_LINKS}"]
        assert await chat.type("/copy") == [f"no: {wording.NO_LINES}"]
        assert await chat.type("/save 4 file") == ["no: line 4 is not here, or no longer"]

    in_a_chat(story)


def test_of_somebody_ignored_it_is_not_said_that_a_line_was_removed() -> None:
    async def story(chat: Chat) -> None:
        await chat.type("/ignore budi")
        by_budi = EntryArrived(Entry(5, 0, STRUCK, "budi", tag="k1", line=4, line_at=0), None)
        assert await chat.hear(by_budi) == []
        assert await chat.hear(struck(6, 3)) != []

    in_a_chat(story)


def test_what_is_said_to_one_person_goes_to_that_person_and_once_says_who_reads_it() -> None:
    async def story(chat: Chat) -> None:
        assert await chat.type("/msg BUDI hello\nthere  now") == [
            "— private: only you, budi and whoever has the box can read it"
        ]
        for name in ("budi", "@budi", "budi:", "budi,"):
            assert await chat.type(f"/msg {name} again") == []
        assert chat.session.whispered == [("budi", "hello\nthere  now"), *[("budi", "again")] * 4]

    in_a_chat(story)


def test_somebody_who_is_not_here_is_left_to_the_server() -> None:
    async def story(chat: Chat) -> None:
        assert await chat.type("/msg bud hello") == []
        assert chat.session.whispered == [("bud", "hello")]
        assert await chat.hear(LineRefused(1, "no_such_name")) == [
            "'/msg bud hello': nobody here is called bud; nearest: budi"
        ]
        await chat.type("/msg xyzzy hello")
        assert await chat.hear(LineRefused(2, "no_such_name")) == ["'/msg xyzzy hello': nobody here is called xyzzy"]
        await chat.type("/msg oldp hello")
        assert await chat.hear(LineRefused(3, "reads_in_clear")) == [
            "'/msg oldp hello': oldp reads in clear; say it in the room"
        ]

    in_a_chat(story)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("/msg", wording.MSG_WHAT),
        ("/msg budi", wording.MSG_WHAT),
        ("/msg @: hello", wording.MSG_WHAT),
        ("/msg budi ", wording.MSG_WHAT),
        ("/msg oldpi psst", "oldpi reads in clear; say it in the room"),
        ("/me", phrases.ME_WHAT),
        ("/me  \n", phrases.ME_WHAT),
        ("/r hello", wording.NOBODY_TO_ANSWER),
        ("/msg budi " + "x" * 101, phrases.refused_line(phrases.in_parts(101, 100))),
        (f"/msg {'w' * 500} hello", "nobody here is called " + "w" * 500),
    ],
)
def test_what_cannot_be_said_is_refused_with_the_reason(line: str, why: str) -> None:
    async def story(chat: Chat) -> None:
        assert await chat.type(line) == [f"no: {why}"]
        assert (chat.session.said, chat.session.whispered) == ([], [])

    in_a_chat(story)


def test_an_answer_goes_to_whoever_sent_the_last_private_line() -> None:
    async def story(chat: Chat) -> None:
        await chat.hear(joined(4, "ana"), whispered(5, "ana", "tom"), whispered(6, "budi", "tom"))
        await chat.hear(whispered(7, "tom", "ana"), entry(8, name="ana"))
        assert await chat.type("/r") == [f"no: {wording.REPLY_WHAT}"]
        await chat.type("/r on my way")
        assert chat.session.whispered == [("budi", "on my way")]

    in_a_chat(story)


def test_an_answer_does_not_go_to_oneself_under_an_earlier_name() -> None:
    async def story(chat: Chat) -> None:
        chat.room.tag = "t0m"
        await chat.hear(whispered(4, "budi", "thomas", tag="k1"), whispered(5, "thomas", "budi", tag="t0m"))
        await chat.type("/r on my way")
        assert chat.session.whispered == [("budi", "on my way")]

    in_a_chat(story)


@pytest.mark.parametrize(("line", "to"), [("/msg budi tulip-harbor", "budi"), ("tulip-harbor", "")])
def test_a_line_with_the_password_is_asked_back_before_it_is_said(line: str, to: str) -> None:
    text = "tulip-harbor"

    async def story(chat: Chat) -> None:
        asked = (await chat.type(line))[0]
        assert "contains the room's password" in asked
        assert (f"and {to or 'everybody'} would read it") in asked
        assert await chat.type("no") == [f"— {phrases.NOT_SAID}"]
        assert (chat.session.said, chat.session.whispered) == ([], [])
        await chat.type(line)
        assert await chat.type("yes") == []
        assert [*chat.session.whispered, *chat.session.said] == [(to, text) if to else (text, False)]
        await chat.type(line)
        assert await chat.type("/who") == [f"— {phrases.NOT_SAID}", "— 2 here: budi, oldpi (unencrypted)"]

    in_a_chat(story, password="tulip-harbor")


def test_hostile_names_and_texts_are_shown_clean() -> None:
    async def story(chat: Chat) -> None:
        for text in (each[:300] for each in TEXTS.values()):
            for line in (f"/msg {text} x", f"/msg budi {text}", f"/ignore {text}", f"/unignore {text}", f"/{text}"):
                for shown in await chat.type(line):
                    assert not forbidden_in(shown.replace("\u200e", "")), line

    in_a_chat(story)
