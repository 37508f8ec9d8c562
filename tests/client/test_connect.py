"""A client and a server in memory, in virtual time (sockatuh/testing.py)."""

from __future__ import annotations

import asyncio

import pytest

from sockatuh import Here, IdentityChanged, Lost, NoServer, NotInRoom, Profile, Refused, Room, Said, TooFast, Trust
from sockatuh.client.connect import FIRST_ANSWER
from sockatuh.client.items import NoAnswerYet, Notice, SignedIn
from sockatuh.client.session import SILENT_AFTER
from sockatuh.client.sign_in import Reason
from sockatuh.client.stream import MOST_SIZE
from sockatuh.protocol.server.limits import Limits
from sockatuh.testing import MemoryRoom, run

LONG = 16_000
FAST = Limits(lines_per_second=10_000, lines_burst=10_000)
SLOW = Limits(lines_per_second=0.01, lines_burst=1)


async def texts_of(room: Room, count: int) -> list[str]:
    texts: list[str] = []
    async for event in room:
        if isinstance(event, Said):
            texts.append(event.text)
            if len(texts) == count:
                break
    return texts


def test_a_talking_bot_receives_everything_others_say() -> None:
    async def story() -> None:
        async with (
            MemoryRoom(limits=FAST) as kitchen,
            kitchen.connect(name="bot") as bot,
            kitchen.connect(name="ana") as ana,
        ):

            async def talk(room: Room, count: int) -> None:
                for number in range(count):
                    await room.say(f"{room.me} {number}")

            async with asyncio.TaskGroup() as group:
                shown = group.create_task(texts_of(bot, 30))
                group.create_task(talk(bot, 10))
                group.create_task(talk(ana, 20))
            assert sorted(shown.result()) == sorted([f"bot {n}" for n in range(10)] + [f"ana {n}" for n in range(20)])
            assert shown.result() == [text for _, text in kitchen.lines]

    run(story())


def test_a_bot_slower_than_the_room_is_shown_everything_in_the_end() -> None:
    async def story() -> None:
        lines = [f"{number} ".ljust(LONG, "x") for number in range(MOST_SIZE // LONG + 20)]
        async with (
            MemoryRoom(limits=FAST) as kitchen,
            kitchen.connect(name="bot") as bot,
            kitchen.connect(name="ana") as ana,
        ):
            for line in lines:
                await ana.say(line)
            assert bot._events.end < len(lines), "it has stopped taking entries"  # there is no other sign of it
            assert await texts_of(bot, len(lines)) == lines

    run(story())


def test_loops_and_calls_end_when_the_block_exits() -> None:
    async def story() -> None:
        async with MemoryRoom() as kitchen:
            async with kitchen.connect(name="bot") as bot:
                listening = asyncio.create_task(texts_of(bot, 1_000))
                kitchen.cut_network()
                saying = asyncio.create_task(bot.say("never stored"))
                listing = asyncio.create_task(bot.members())
                await asyncio.sleep(0.1)
            assert await listening == []
            for call in (saying, listing):
                with pytest.raises(NotInRoom):
                    await call

    run(story())


def test_concurrent_member_lists_survive_a_cancellation() -> None:
    async def story() -> None:
        async with MemoryRoom() as kitchen, kitchen.connect(name="bot") as bot, kitchen.connect(name="ana"):
            given_up = asyncio.create_task(bot.members())
            await asyncio.sleep(0)
            given_up.cancel()
            for members in await asyncio.gather(*(bot.members() for _ in range(5))):
                assert [member.name for member in members] == ["ana", "bot"]
            kitchen.cut_network()
            late = [asyncio.create_task(bot.members(timeout=3)) for _ in range(2)]
            await asyncio.sleep(4)
            for call in late:
                with pytest.raises(NoServer):
                    await call

    run(story())


def test_a_profile_comes_back_by_its_ticket_to_a_server_it_knows() -> None:
    async def story() -> None:
        profile = Profile()
        async with MemoryRoom() as kitchen:
            async with kitchen.connect(name="bot", profile=profile):
                pass
            async with kitchen.connect(name="bot", profile=profile, password=None, trust=Trust.STRICT) as bot:
                assert bot.me == "bot"
            with pytest.raises(Refused, match="unknown_server"):
                async with kitchen.connect(name="eve", trust="strict"):
                    pass

    run(story())


class Person:
    """Gives the answers it was made with."""

    def __init__(self, *passwords: str) -> None:
        self.asked: list[object] = []
        self._passwords = list(passwords)

    async def name(self, suggested: str) -> str:
        self.asked.append(f"name, {suggested}?")
        return suggested

    async def password(self, reason: Reason) -> str:
        self.asked.append(reason)
        return self._passwords.pop(0)

    def answered(self) -> None:
        self.asked.append("in")


def test_a_person_is_asked_for_what_is_missing_until_it_is_right() -> None:
    async def story() -> None:
        person, notices = Person("wrong", "tulip-harbor"), list[Notice]()
        async with (
            MemoryRoom() as kitchen,
            kitchen.connect(password=None, login="ana", questions=person, on_notice=notices.append) as ana,
        ):
            assert ana.me == "ana"
            assert person.asked[:3] == ["name, ana?", Reason.JOINING, Reason.JOINING]
            assert [type(notice).__name__ for notice in notices] == ["NameFree", "PasswordWrong", "SignedIn"]
            assert notices[-1] == SignedIn()

    run(story())


def test_lost_contact_is_an_event_and_lines_said_meanwhile_are_stored_later() -> None:
    async def story() -> None:
        async with MemoryRoom() as kitchen, kitchen.connect(name="bot") as bot:
            kitchen.restart()
            assert await bot.say("said into the void") > 0
            kinds = []
            async for event in bot:
                kinds.append(type(event))
                if kinds.count(Here) == 2 or (Lost in kinds and Said in kinds):
                    break
            assert Lost in kinds

    run(story())


def test_a_line_that_waits_because_of_the_rate_has_an_error_of_its_own() -> None:
    async def story() -> None:
        async with MemoryRoom(limits=SLOW) as kitchen, kitchen.connect(name="ana") as ana:
            await ana.say("one")
            with pytest.raises(TooFast) as late:
                await ana.say("two", timeout=5)
            assert (late.value.seconds, 0 < late.value.wait <= 60) == (5, True)
            kitchen.cut_network()
            with pytest.raises(NoServer):
                await ana.say("three", timeout=20)

    run(story())


def test_a_key_that_another_client_of_the_profile_has_pinned_meanwhile_is_not_replaced() -> None:
    async def story() -> None:
        profile, other = Profile(), bytes(range(32))

        def note(notice: Notice) -> None:
            if isinstance(notice, SignedIn):
                profile.pin("kitchen:7625", other, "kitchen")

        async with MemoryRoom() as kitchen:
            with pytest.raises(IdentityChanged):
                async with kitchen.connect(name="ana", profile=profile, on_notice=note):
                    pass
        pin = profile.find_pin("kitchen:7625")
        assert pin is not None
        assert pin.key == other

    run(story())


def test_a_server_that_says_nothing_is_reported_after_a_second_and_given_up_later() -> None:
    async def story() -> None:
        notices: list[tuple[float, Notice]] = []
        async with MemoryRoom() as kitchen:
            kitchen.cut_network()
            loop = asyncio.get_running_loop()
            with pytest.raises(NoServer):
                async with kitchen.connect(name="ana", on_notice=lambda notice: notices.append((loop.time(), notice))):
                    pass
            assert [notice for _, notice in notices] == [NoAnswerYet("kitchen:7625")]
            assert [at for at, _ in notices] == pytest.approx([SILENT_AFTER])
            assert loop.time() == pytest.approx(FIRST_ANSWER)
            kitchen.mend_network()
            async with kitchen.connect(name="ana", on_notice=lambda notice: notices.append((loop.time(), notice))):
                await asyncio.sleep(10)
            assert [type(notice) for _, notice in notices[1:]] == [SignedIn]

    run(story())
