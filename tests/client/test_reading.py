"""How far a person has read, from one chat to the next."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from sockatuh import Profile, Role
from sockatuh.client.items import Empty, Here, Item, Read, Said, Since, Whispered
from sockatuh.client.profile import Bookmark
from sockatuh.client.reading import EARLIER, MOST_NEW, SAVE_AFTER, Reading
from sockatuh.client.room import Room
from sockatuh.client.timeline import READ_BEFORE, Timeline
from sockatuh.errors import KeyFileError
from sockatuh.protocol.client.events import Admitted
from sockatuh.protocol.server.limits import Limits
from sockatuh.testing import MemoryRoom, run

LOG, OTHER_LOG = bytes(16), bytes(range(16))
FAST = Limits(lines_per_second=100_000, lines_burst=100_000)
LEFT = Bookmark("tom", LOG, 3, 1_000)


def admitted(*, start: int = 3, begins: int = 0, log_id: bytes = LOG, rewound: bool = False) -> Admitted:
    return Admitted("tom", log_id, start, 9, b"", again=False, rewound=rewound, begins=begins)


async def screen_of(room: Room) -> list[Item]:
    """Return what a screen shows until everything up to the present is there."""
    timeline, shown = Timeline(room), list[Item]()
    async for event in room:
        shown += timeline.take(event)
        if Here() in shown:
            break
    return shown


def texts(items: list[Item]) -> list[str]:
    """Return the lines on a screen; those that were read before in parentheses."""
    return [
        f"({item.line.text})" if isinstance(item, Read) else item.text
        for item in items
        if isinstance(item, Read | Said)
    ]


def headings(items: list[Item]) -> list[Item]:
    return [item for item in items if isinstance(item, Since)]


# From one chat to the next.


def test_who_returns_is_shown_what_was_read_and_then_what_is_new() -> None:
    async def story() -> None:
        profile = Profile()
        async with MemoryRoom(limits=FAST) as kitchen, kitchen.connect(name="ana") as ana:
            for number in range(READ_BEFORE + 5):
                await ana.say(f"old {number}")
            async with kitchen.connect(name="tom", profile=profile, keeps_place=True, history=None) as tom:
                first = await screen_of(tom)
                assert texts(first) == [f"old {number}" for number in range(READ_BEFORE + 5)]
                assert not headings(first)
            await ana.say("one")
            await ana.say("two")
            async with kitchen.connect(name="tom", profile=profile, keeps_place=True, history=None) as tom:
                second = await screen_of(tom)
                assert texts(second) == [*(f"(old {number})" for number in range(5, READ_BEFORE + 5)), "one", "two"]
                (since,) = headings(second)
                assert isinstance(since, Since)
                assert (since.count, since.left_out) == (2, 0)
                assert [isinstance(item, Read) for item in second].index(True) < second.index(since)
                assert not any(isinstance(item, Read) for item in second[second.index(since) :])
            async with kitchen.connect(name="tom", profile=profile, keeps_place=True, history=None) as tom:
                third = await screen_of(tom)
                assert texts(third)[-2:] == ["(one)", "(two)"]
                assert not headings(third)

    run(story())


def test_private_lines_that_came_while_one_was_away_are_among_the_new() -> None:
    async def story() -> None:
        profile = Profile()
        async with MemoryRoom() as kitchen, kitchen.connect(name="ana") as ana, kitchen.connect(name="eva"):
            async with kitchen.connect(name="tom", profile=profile, keeps_place=True, history=None) as tom:
                await screen_of(tom)
            await ana.say("for tom", to="tom")
            await ana.say("for eva", to="eva")
            await ana.say("for all")
            async with kitchen.connect(name="tom", profile=profile, keeps_place=True, history=None) as tom:
                shown = await screen_of(tom)
            (since,) = headings(shown)
            assert isinstance(since, Since)
            assert since.count == 2
            assert [item.text for item in shown if isinstance(item, Said | Whispered)] == ["for tom", "for all"]
            async with kitchen.connect(name="tom", profile=profile, keeps_place=True, history=None) as tom:
                assert texts(await screen_of(tom)) == ["(for tom)", "(for all)"]

    run(story())


def test_the_place_follows_a_rename() -> None:
    async def story() -> None:
        profile = Profile()
        async with MemoryRoom() as kitchen, kitchen.connect(name="ana") as ana:
            async with kitchen.connect(name="tom", profile=profile, keeps_place=True, history=None) as tom:
                await screen_of(tom)
                await tom.rename("tomas")
            await ana.say("new")
            async with kitchen.connect(name="tomas", profile=profile, keeps_place=True, history=None) as tom:
                assert texts(await screen_of(tom)) == ["new"]

    run(story())


def test_what_is_asked_for_goes_before_what_was_read() -> None:
    async def story() -> None:
        profile = Profile()
        async with MemoryRoom() as kitchen, kitchen.connect(name="ana") as ana:
            places = [await ana.say(text) for text in ("one", "two", "three")]
            async with kitchen.connect(name="tom", profile=profile, keeps_place=True, history=None) as tom:
                await screen_of(tom)
            await ana.say("four")
            asked: list[tuple[dict[str, Any], list[str]]] = [
                ({"history": 2}, ["three", "four"]),
                ({"history": None, "after": places[1]}, ["three", "four"]),
                ({"history": None, "since": 1}, ["one", "two", "three", "four"]),
            ]
            for options, shown in asked:
                async with kitchen.connect(name="tom", profile=profile, keeps_place=True, **options) as tom:
                    assert texts(await screen_of(tom)) == shown

    run(story())


def test_only_a_reading_person_moves_the_place() -> None:
    async def story() -> None:
        profile = Profile()
        async with MemoryRoom() as kitchen, kitchen.connect(name="ana") as ana:
            async with kitchen.connect(name="tom", profile=profile, keeps_place=True, history=None) as tom:
                await screen_of(tom)
            await ana.say("new")
            for role in (Role.MEMBER, Role.READER, Role.SCRIPT):
                async with kitchen.connect(name="tom", profile=profile, role=role, history=None) as tom:
                    await tom.members()
            async with kitchen.connect(name="tom", profile=profile, keeps_place=True, history=None) as tom:
                assert texts(await screen_of(tom)) == ["new"]

    run(story())


def test_what_came_while_nobody_looked_at_the_screen_is_still_new() -> None:
    async def story() -> None:
        profile = Profile()
        async with MemoryRoom() as kitchen, kitchen.connect(name="ana") as ana:
            async with kitchen.connect(name="tom", profile=profile, keeps_place=True, history=None) as tom:
                await screen_of(tom)
                await ana.say("received, but no screen took it")
                await asyncio.sleep(1)
            async with kitchen.connect(name="tom", profile=profile, keeps_place=True, history=None) as tom:
                assert len(headings(await screen_of(tom))) == 1

    run(story())


def test_of_very_much_that_is_new_only_the_newest_is_fetched() -> None:
    async def story() -> None:
        profile, many = Profile(), MOST_NEW + 50
        async with MemoryRoom(limits=FAST) as kitchen, kitchen.connect(name="ana") as ana:
            async with kitchen.connect(name="tom", profile=profile, keeps_place=True, history=None) as tom:
                await screen_of(tom)
            for number in range(many):
                ana.send(f"{number}")
            await ana.drained(60)
            async with kitchen.connect(name="tom", profile=profile, keeps_place=True, history=None) as tom:
                shown = await screen_of(tom)
            (since,) = headings(shown)
            assert isinstance(since, Since)
            assert since.left_out > 50
            assert since.count == len(texts(shown)) == MOST_NEW - 1, "the newest entry is tom's join"
            assert texts(shown)[-1] == f"{many - 1}"
            async with kitchen.connect(name="tom", profile=profile, history=None, after=since.after) as tom:
                everything = await screen_of(tom)
            assert texts(everything) == [f"{number}" for number in range(many)]

    run(story())


def test_an_empty_room_is_told_from_one_whose_lines_may_not_be_read() -> None:
    async def story() -> None:
        async with MemoryRoom() as kitchen:
            for name in ("ana", "tom"):
                async with kitchen.connect(name=name, history=None, keeps_place=True) as room:
                    assert Empty() in await screen_of(room)
            async with kitchen.connect(name="budi") as budi:
                await budi.say("a line")
            async with kitchen.connect(name="eva", history=0, keeps_place=True) as eva:
                assert Empty() not in await screen_of(eva)

    run(story())


# The place itself.


def test_it_is_written_after_a_while_and_at_the_end_not_with_every_line() -> None:
    async def story() -> None:
        saved: list[tuple[bytes, int, int]] = []
        reading = Reading(admitted(), None, lambda *place: saved.append(place), clock=lambda: 7.5)
        for seq in range(4, 9):
            reading.note_shown(seq)
        await asyncio.sleep(SAVE_AFTER - 1)
        assert saved == []
        await asyncio.sleep(2)
        assert saved == [(LOG, 8, 7_500)]
        await asyncio.sleep(10 * SAVE_AFTER)
        assert len(saved) == 1, "nothing has moved"
        reading.note_shown(9)
        reading.close()
        assert saved == [(LOG, 8, 7_500), (LOG, 9, 7_500)]
        await asyncio.sleep(2 * SAVE_AFTER)
        assert len(saved) == 2

    run(story())


def test_it_never_moves_back_in_the_same_log() -> None:
    async def story() -> None:
        saved: list[tuple[bytes, int, int]] = []
        reading = Reading(admitted(start=5), LEFT, lambda *place: saved.append(place), clock=lambda: 0)
        reading.note_shown(2)
        reading.close()
        assert saved == [(LOG, 5, 0)]

    run(story())


def test_in_a_log_that_was_set_back_it_begins_where_that_begins() -> None:
    async def story() -> None:
        saved: list[tuple[bytes, int, int]] = []
        reading = Reading(admitted(start=9), LEFT, lambda *place: saved.append(place), clock=lambda: 0)
        reading.note_admission(admitted(start=2, log_id=OTHER_LOG, rewound=True))
        reading.note_shown(4)
        reading.close()
        assert saved == [(OTHER_LOG, 4, 0)]

    run(story())


def test_a_profile_that_cannot_be_written_costs_the_place_only() -> None:
    def fail(*_: object) -> None:
        raise KeyFileError("bookmarks", "read-only")

    Reading(admitted(), None, fail).close()


@pytest.mark.parametrize(("start", "begins", "left_out"), [(200, 200 - EARLIER, 0), (200, 200, 0), (200, 700, 500)])
def test_what_is_left_out_is_what_lies_between_the_place_and_the_first_entry(
    start: int, begins: int, left_out: int
) -> None:
    reading = Reading(admitted(start=start, begins=begins), LEFT, lambda *_: None)
    assert reading.returned is not None
    assert (reading.returned.seq, reading.returned.at, reading.returned.left_out) == (start, 1_000, left_out)


# In the profile.


def test_a_bookmark_is_kept_per_server_and_name_and_moves_forward_only(tmp_path: Path) -> None:
    profile = Profile(tmp_path / "client")
    for bookmark in (LEFT, Bookmark("ana", LOG, 7, 5), Bookmark("TOM", LOG, 2, 9)):
        profile.keep_bookmark("kitchen:7625", bookmark)
    assert profile.find_bookmark("kitchen:7625", "Tom") == LEFT, "another client had read further"
    assert profile.find_bookmark("kitchen:7625", "ana") == Bookmark("ana", LOG, 7, 5)
    assert profile.find_bookmark("attic:7625", "tom") is None
    profile.keep_bookmark("kitchen:7625", Bookmark("tom", OTHER_LOG, 1, 9))
    assert profile.find_bookmark("kitchen:7625", "tom") == Bookmark("tom", OTHER_LOG, 1, 9)


def test_a_bookmark_moves_with_its_server_and_is_forgotten_with_its_key() -> None:
    profile = Profile()
    profile.keep_bookmark("kitchen:7625", LEFT)
    profile.move("kitchen:7625", "attic:7625")
    assert profile.find_bookmark("kitchen:7625", "tom") is None
    assert profile.find_bookmark("attic:7625", "tom") == LEFT
    profile.forget("attic:7625")
    assert profile.find_bookmark("attic:7625", "tom") is None


@pytest.mark.parametrize(
    "value",
    [
        "",
        "AAAAAAAAAAAAAAAAAAAAAA== 3",
        "AAAAAAAAAAAAAAAAAAAAAA== 3 4",
        "AAAAAAAAAAAAAAAAAAAAAA== three 4 tom",
        "AAAAAAAAAAAAAAAAAAAAAA== -3 4 tom",
        "AAAAAAAAAAAAAAAAAAAAAA== ٣ 4 tom",
        "AAAAAAAAAAAAAAAAAAAAAA== 9223372036854775808 4 tom",
        f"AAAAAAAAAAAAAAAAAAAAAA== {'9' * 5_000} 4 tom",
        "AAAA 3 4 tom",
        "!!!! 3 4 tom",
    ],
)
def test_a_line_that_is_no_bookmark_is_ignored(tmp_path: Path, value: str) -> None:
    directory = tmp_path / "client"
    directory.mkdir(mode=0o700)
    (directory / "bookmarks").write_text(f"kitchen:7625 {value}\n")
    assert Profile(directory).find_bookmark("kitchen:7625", "tom") is None
