"""The in-memory room for testing bots: it behaves like a server, in virtual time."""

from __future__ import annotations

import asyncio

import pytest

from sockatuh import Back, Came, Here, Lost, NameTaken, Refused, Role, Room, Said, Went
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
