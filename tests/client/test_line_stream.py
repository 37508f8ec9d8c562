"""A stream of lines that is continued: what a killed program said again is the same line (docs/API.md)."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from sockatuh import Here, LineStream, Profile, Rejected, Room, Said, Stored, UnansweredLine
from sockatuh.testing import MemoryRoom, run

STREAM = bytes(range(8))


async def answers_of(room: Room, count: int) -> list[Stored | Rejected]:
    found: list[Stored | Rejected] = []
    async for event in room:
        if isinstance(event, Stored | Rejected):
            found.append(event)
            if len(found) == count:
                break
    return found


@pytest.mark.parametrize("restarts", [False, True], ids=["", "and the server is restarted"])
def test_a_line_that_was_stored_is_not_stored_again(tmp_path: Path, restarts: bool) -> None:
    async def story() -> None:
        profile = Profile(tmp_path)
        async with MemoryRoom() as kitchen:
            async with kitchen.connect(name="bell", profile=profile, lines=LineStream(STREAM)) as room:
                room.send("one")
                room.send("two")
                before = await answers_of(room, 2)
                room.let_go()
            if restarts:
                kitchen.restart()
            unanswered = UnansweredLine(1, "one"), UnansweredLine(2, "two"), UnansweredLine(4, "four")
            lines = LineStream(STREAM, last=5, unanswered=unanswered)
            async with kitchen.connect(name="bell", profile=profile, lines=lines) as room:
                assert room.unanswered == 3
                assert room.send("six") == 6
                answers = await answers_of(room, 4)
            assert [answer.number for answer in answers] == [1, 2, 4, 6]
            assert answers[:2] == before
            assert kitchen.lines == [("bell", text) for text in ("one", "two", "four", "six")]

    run(story())


def test_its_own_lines_are_known_by_their_mark_whoever_said_them_first(tmp_path: Path) -> None:
    async def story() -> None:
        profile = Profile(tmp_path)
        async with MemoryRoom() as kitchen:
            async with kitchen.connect(name="bell", profile=profile, lines=LineStream(STREAM)) as room:
                await room.say("one")
                room.let_go()
            lines = LineStream(STREAM, last=1, unanswered=(UnansweredLine(1, "one"),))
            async with kitchen.connect(name="bell", profile=profile, lines=lines, history=None) as room:
                seen = [event async for event in until_here(room)]
        assert [event.own for event in seen if isinstance(event, Said)] == [True]

    async def until_here(room: Room):  # type: ignore[no-untyped-def]
        async for event in room:
            yield event
            if isinstance(event, Here):
                return

    run(story())


def test_a_line_of_an_earlier_run_may_be_refused(tmp_path: Path) -> None:
    async def story() -> None:
        async with MemoryRoom() as kitchen:
            lines = LineStream(STREAM, last=1, unanswered=(UnansweredLine(1, "psst", to="nobody"),))
            async with kitchen.connect(name="bell", profile=Profile(tmp_path), lines=lines) as room:
                [refused] = await answers_of(room, 1)
            assert isinstance(refused, Rejected)
            assert (refused.number, refused.text, refused.code, refused.to) == (1, "psst", "no_such_name", "nobody")

    run(story())


def test_the_unanswered_lines_of_a_stream_are_not_noted_a_second_time(tmp_path: Path) -> None:
    async def story() -> None:
        mine: dict[str, Any] = {"name": "bell", "profile": Profile(tmp_path), "lines": LineStream(STREAM)}
        async with MemoryRoom() as kitchen, kitchen.connect(**mine) as room:
            kitchen.cut_network()
            room.send("one")
        assert not list(tmp_path.glob("unsent/*"))

    run(story())


def test_a_member_that_was_let_go_and_comes_back_never_left(tmp_path: Path) -> None:
    async def story() -> None:
        profile = Profile(tmp_path)
        async with MemoryRoom() as kitchen, kitchen.connect(name="ana") as ana:
            async with kitchen.connect(name="bell", profile=profile) as room:
                room.let_go()
                with pytest.raises(Exception, match="left"):
                    await room.say("too late")
            await asyncio.sleep(5)
            async with kitchen.connect(name="bell", profile=profile) as room:
                await room.say("here I am")
                names = [type(event).__name__ async for event in until_said(ana, "here I am")]
            assert "Went" not in names
            assert names.count("Came") <= 2, "ana and bell"

    async def until_said(room: Room, text: str):  # type: ignore[no-untyped-def]
        async for event in room:
            yield event
            if isinstance(event, Said) and event.text == text:
                return

    run(story())


def test_a_client_of_the_web_is_shown_as_such_and_can_be_whispered_to() -> None:
    async def story() -> None:
        async with (
            MemoryRoom() as kitchen,
            kitchen.connect(name="ana") as ana,
            kitchen.connect(name="phone", program="sockatuh-web"),
        ):
            assert {member.name: member.dialect for member in await ana.members()} == {"ana": "secure", "phone": "web"}
            await ana.say("psst", to="phone")
            assert kitchen.private_lines == [("ana", "phone", "psst")]

    run(story())
