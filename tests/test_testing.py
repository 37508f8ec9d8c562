"""The in-memory room for testing bots: it behaves like a server, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TypeVar

import pytest

from sockatuh import (
    Back,
    Came,
    Event,
    Here,
    Lost,
    NameTaken,
    PresenceChanged,
    Profile,
    Refused,
    Rejected,
    Renamed,
    Role,
    Room,
    Said,
    Stored,
    Struck,
    Went,
    Whispered,
)
from sockatuh.protocol.constants import MAX_AWAY
from sockatuh.testing import MemoryRoom, run


async def next_said(room: Room) -> Said:
    async for event in room:
        if isinstance(event, Said):
            return event
    raise AssertionError("the room has ended")


def test_an_hour_of_sleep_is_an_hour_by_the_loop() -> None:
    async def sleep() -> float:
        await asyncio.sleep(3500)
        return asyncio.get_running_loop().time()

    assert run(sleep()) == 3500


def test_timers_fire_in_their_order() -> None:
    order: list[int] = []

    async def wait(seconds: int) -> None:
        await asyncio.sleep(seconds)
        order.append(seconds)

    async def all_of_them() -> None:
        await asyncio.gather(*(wait(seconds) for seconds in (30, 10, 20)))

    run(all_of_them())
    assert order == [10, 20, 30]


def test_waiting_for_ever_fails_at_the_limit() -> None:
    with pytest.raises(TimeoutError):
        run(asyncio.Event().wait(), limit=10)


def test_two_members_see_the_same_lines_in_the_same_order() -> None:
    async def main() -> tuple[list[str], list[str], list[tuple[str, str]]]:
        async with MemoryRoom() as kitchen, kitchen.connect(name="ana") as ana, kitchen.connect(name="budi") as budi:
            seen: dict[str, list[str]] = {"ana": [], "budi": []}

            async def read(room: Room) -> None:
                async for event in room:
                    if isinstance(event, Said):
                        seen[room.me].append(event.text)
                    if len(seen[room.me]) == 20:
                        return

            async def talk(room: Room) -> None:
                for number in range(10):
                    await room.say(f"{room.me} {number}")

            await asyncio.gather(read(ana), read(budi), talk(ana), talk(budi))
            return seen["ana"], seen["budi"], kitchen.lines

    ana, budi, lines = run(main())
    assert ana == budi == [text for _, text in lines]
    assert len({*ana}) == 20


def test_a_line_has_the_same_seq_for_its_speaker_and_everybody_else() -> None:
    async def main() -> tuple[int, Said]:
        async with MemoryRoom() as kitchen, kitchen.connect(name="ana") as ana, kitchen.connect(name="budi") as budi:
            seq = await ana.say("soup at one")
            return seq, await next_said(budi)

    seq, said = run(main())
    assert (said.seq, said.name, said.text, said.own) == (seq, "ana", "soup at one", False)


def test_joins_and_leaves_are_reported() -> None:
    async def main() -> list[object]:
        async with MemoryRoom() as kitchen, kitchen.connect(name="ana") as ana:
            async with kitchen.connect(name="budi"):
                pass
            events: list[object] = []
            async for event in ana:
                events.append(event)
                if isinstance(event, Went):
                    return events
        raise AssertionError

    here, came, went = run(main())
    assert isinstance(here, Here)
    assert isinstance(came, Came)
    assert isinstance(went, Went)
    assert (came.name, went.name, went.reason) == ("budi", "budi", "left")


def test_a_wrong_password_and_a_name_that_is_taken_are_refused() -> None:
    async def main() -> None:
        async with MemoryRoom() as kitchen, kitchen.connect(name="ana"):
            with pytest.raises(Refused) as refused:
                async with kitchen.connect(name="budi", password="wrong"):
                    pass
            assert refused.value.code == "password_wrong"
            with pytest.raises(NameTaken):
                async with kitchen.connect(name="Ana"):
                    pass

    run(main())


def test_lines_said_without_a_network_arrive_once() -> None:
    async def main() -> tuple[list[tuple[str, str]], list[object]]:
        async with MemoryRoom() as kitchen, kitchen.connect(name="ana") as ana, kitchen.connect(name="budi") as budi:
            kitchen.cut_network()
            saying = asyncio.create_task(ana.say("soup at one"))
            await asyncio.sleep(60)
            assert kitchen.lines == []
            kitchen.mend_network()
            await saying
            events: list[object] = []
            async for event in budi:
                events.append(type(event))
                if isinstance(event, Said):
                    return kitchen.lines, events
        raise AssertionError

    lines, events = run(main())
    assert lines == [("ana", "soup at one")]
    assert events[:3] == [Here, Lost, Back]


def test_a_restart_loses_nothing_and_nobody_is_seen_to_leave() -> None:
    async def main() -> tuple[list[tuple[str, str]], list[object]]:
        async with MemoryRoom() as kitchen, kitchen.connect(name="ana") as ana, kitchen.connect(name="budi") as budi:
            await ana.say("before")
            kitchen.restart()
            await ana.say("after")
            events: list[object] = []
            async for event in budi:
                events.append(event)
                if isinstance(event, Said) and event.text == "after":
                    return kitchen.lines, events
        raise AssertionError

    lines, events = run(main())
    assert lines == [("ana", "before"), ("ana", "after")]
    assert not [event for event in events if isinstance(event, Came | Went)]


def test_a_reader_is_shown_lines_and_nobody_sees_it_come() -> None:
    async def main() -> str:
        async with MemoryRoom() as kitchen, kitchen.connect(name="ana") as ana:
            events = aiter(ana)
            assert isinstance(await anext(events), Here)
            async with kitchen.connect(name="ear", role=Role.READER) as ear:
                await ana.say("soup at one")
                assert isinstance(await anext(events), Said)
                return (await next_said(ear)).text

    assert run(main()) == "soup at one"


def test_it_works_in_an_ordinary_loop_as_well() -> None:
    async def main() -> list[tuple[str, str]]:
        async with MemoryRoom() as kitchen, kitchen.connect(name="ana") as ana:
            await ana.say("soup at one")
            return kitchen.lines

    assert asyncio.run(main()) == [("ana", "soup at one")]


EventT = TypeVar("EventT", bound=Event)


async def next_of(room: Room, kind: type[EventT]) -> EventT:
    """Return the next event of a kind, by a loop of its own unless another one is open."""
    async for event in room:
        if isinstance(event, kind):
            return event
    raise AssertionError("the room has ended")


def test_a_private_line_is_sent_to_its_two_people_only() -> None:
    async def main() -> None:
        async with (
            MemoryRoom() as kitchen,
            kitchen.connect(name="ana") as ana,
            kitchen.connect(name="budi") as budi,
            kitchen.connect(name="eva") as eva,
        ):
            first = await ana.say("the key is under the mat", to="budi")
            second = await ana.say("soup at one")
            assert second == first + 1, "one log"
            whispered = await next_of(budi, Whispered)
            assert (whispered.name, whispered.to, whispered.own) == ("ana", "budi", False)
            assert (whispered.seq, whispered.text) == (first, "the key is under the mat")
            assert (await next_of(ana, Whispered)).own, "known by its mark"
            seen = [event async for event in until_text(eva, "soup at one")]
            assert not any(isinstance(event, Whispered) for event in seen)
            assert kitchen.lines == [("ana", "soup at one")]
            assert kitchen.private_lines == [("ana", "budi", "the key is under the mat")]

    run(main())


async def until_text(room: Room, text: str) -> AsyncIterator[Event]:
    async for event in room:
        yield event
        if isinstance(event, Said) and event.text == text:
            return


def test_a_private_line_to_nobody_is_refused_and_to_somebody_who_left_is_delivered_on_return() -> None:
    async def main() -> None:
        profile = Profile()
        async with MemoryRoom() as kitchen, kitchen.connect(name="ana") as ana:
            with pytest.raises(Refused, match="no_such_name") as refused:
                await ana.say("the key", to="bud")
            assert refused.value.detail == "bud"
            async with kitchen.connect(name="budi", profile=profile):
                seen = await ana.say("welcome")
            number = ana.send("welcome back", to="Budi")
            assert (await next_of(ana, Stored)).number == number
            assert ana.send("nobody hears", to="bud")
            rejected = await next_of(ana, Rejected)
            assert (rejected.code, rejected.to, rejected.text) == ("no_such_name", "bud", "nobody hears")
            async with kitchen.connect(name="budi", profile=profile, after=seen) as budi:
                assert (await next_of(budi, Whispered)).text == "welcome back"

    run(main())


def test_private_lines_said_without_a_network_arrive_once_and_to_nobody_else() -> None:
    async def main() -> None:
        async with MemoryRoom() as kitchen, kitchen.connect(name="ana") as ana, kitchen.connect(name="budi") as budi:
            kitchen.cut_network()
            for number in range(5):
                ana.send(f"line {number}", to="budi" if number % 2 else "")
            await asyncio.sleep(30)
            kitchen.restart()
            kitchen.mend_network()
            await ana.drained(60)
            assert kitchen.lines == [("ana", f"line {number}") for number in (0, 2, 4)]
            assert kitchen.private_lines == [("ana", "budi", f"line {number}") for number in (1, 3)]
            heard = [await next_of(budi, Whispered) for _ in range(1)]
            assert [each.text for each in heard] == ["line 1"]

    run(main())


def test_a_rename_is_seen_by_everybody_and_outlives_contact_and_restart() -> None:
    async def main() -> None:
        profile = Profile()
        async with MemoryRoom() as kitchen, kitchen.connect(name="budi") as budi:
            async with kitchen.connect("kitchen", name="ana", profile=profile, keeps_rename=True) as ana:
                assert await ana.rename("anna") == ana.me == "anna"
                renamed = await next_of(budi, Renamed)
                assert (renamed.name, renamed.new) == ("ana", "anna")
                assert sorted(member.name for member in await budi.members()) == ["anna", "budi"]
                with pytest.raises(NameTaken) as taken:
                    await ana.rename("budi")
                assert (taken.value.code, ana.me) == ("name_taken", "anna")
                with pytest.raises(Refused, match="name_invalid"):
                    await ana.rename("a b: c")
                kitchen.restart()
                await ana.say("still here")
                said = await next_of(budi, Said)
                assert (said.name, ana.me, renamed.tag) == ("anna", "anna", said.tag)
            async with kitchen.connect("kitchen", profile=profile, password=None) as back:
                assert back.me == "anna", "the name is remembered, with a ticket"

    run(main())


def test_another_session_of_the_member_is_renamed_with_it_and_so_is_its_ticket() -> None:
    async def main() -> None:
        profile = Profile()
        async with (
            MemoryRoom() as kitchen,
            kitchen.connect("kitchen", name="ana", profile=profile) as desk,
            kitchen.connect("kitchen", name="ana", profile=profile) as phone,
        ):
            await desk.rename("anna")
            assert (await next_of(phone, Renamed)).new == phone.me == "anna"
            assert profile.find_name("kitchen:7625") is None, "only a person's chat remembers it"
            assert profile.find_ticket("kitchen:7625", "anna") is not None, "whoever asked has a ticket for it"
            kitchen.restart()
            await phone.say("from the phone")
            assert phone.me == "anna"
            assert kitchen.lines == [("anna", "from the phone")]

    run(main())


def test_whoever_is_away_is_so_until_it_speaks_or_is_back() -> None:
    async def main() -> None:
        async with MemoryRoom() as kitchen, kitchen.connect(name="ana") as ana, kitchen.connect(name="budi") as budi:
            events = aiter(budi)

            async def away_of() -> tuple[tuple[str, str], ...] | None:
                """Return the next report about ana: who is away, None that she is in contact."""
                async for event in events:
                    if isinstance(event, PresenceChanged) and (event.away or "ana" in event.present):
                        return event.away or None
                raise AssertionError

            async def listed() -> str | None:
                return next(member.away for member in await budi.members() if member.name == "ana")

            await ana.away("lunch")
            assert await away_of() == (("ana", "lunch"),)
            assert await listed() == "lunch"
            await ana.say("mhm", to="budi")
            assert await away_of() is None
            assert await listed() is None
            await ana.away("é" * MAX_AWAY)
            assert await away_of() == (("ana", "é" * MAX_AWAY),)
            await ana.away()
            assert await away_of() == (("ana", ""),)
            await ana.back()
            assert await away_of() is None

    run(main())


def test_a_struck_line_is_gone_for_whoever_comes_later() -> None:
    async def main() -> None:
        async with MemoryRoom() as kitchen, kitchen.connect(name="ana") as ana, kitchen.connect(name="budi") as budi:
            events = aiter(budi)
            seq = await ana.say("the code is 4711")
            assert list(ana.own_lines) == [seq]
            with pytest.raises(Refused, match="not_yours"):
                await budi.strike(seq)
            await ana.strike(seq)
            struck = await anext(event async for event in events if isinstance(event, Struck))
            assert (struck.line, struck.name, struck.tag) == (seq, "ana", ana.tag)
            assert not ana.own_lines
            async with kitchen.connect(name="eva", history=20) as eva:
                seen: list[Event] = []
                async for event in eva:
                    seen.append(event)
                    if isinstance(event, Here):
                        break
            assert [event.line for event in seen if isinstance(event, Struck)] == [seq]
            assert not [event for event in seen if isinstance(event, Said)]
            assert (await kitchen.order("strike", seq=seq))["code"] == "struck_already"
            last = await budi.say("soup at one")
            reply = await kitchen.order("strike", last="budi")
            assert (reply["line"], reply["name"]) == (last, "budi")

    run(main())


def test_requests_made_without_a_network_are_answered_on_return() -> None:
    async def main() -> None:
        async with MemoryRoom() as kitchen, kitchen.connect(name="ana") as ana:
            kitchen.cut_network()
            renaming, going = asyncio.create_task(ana.rename("anna")), asyncio.create_task(ana.away("lunch"))
            listing = asyncio.create_task(ana.members())
            await asyncio.sleep(60)
            assert {renaming.done(), going.done(), listing.done()} == {False}
            kitchen.mend_network()
            assert await renaming == "anna"
            await going
            assert [(member.name, member.away) for member in await listing] == [("anna", "lunch")]

    run(main())
