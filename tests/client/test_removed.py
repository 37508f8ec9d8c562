"""What the library tells a client whom the room's admin removes, bans or mutes, and those around it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, Final, TypeVar

import pytest

from sockatuh import NameTaken, Profile, Refused, Rejected, Removed, Room, Said, Went
from sockatuh.client.items import OwnText
from sockatuh.client.room_password import RoomPassword
from sockatuh.testing import MemoryRoom, run

EventT = TypeVar("EventT")
PASSWORD: Final = "tulip-harbor"


async def ended(room: Room) -> Removed:
    """Return the error with which a room ends."""
    with pytest.raises(Removed) as removed:
        async for _ in room:
            pass
    return removed.value


async def next_of(kind: type[EventT], room: Room) -> EventT:
    """Return the next event of a kind."""
    async for event in room:
        if isinstance(event, kind):
            return event
    raise AssertionError("the room has ended")


async def refused(kitchen: MemoryRoom, **options: Any) -> Removed:
    """Return why somebody cannot come in."""
    with pytest.raises(Removed) as removed:
        async with kitchen.connect(**options):
            pass
    return removed.value


@pytest.mark.parametrize("hears", [True, False])
def test_a_kick_ends_a_client_for_as_long_as_it_lasts(*, hears: bool) -> None:
    async def story() -> None:
        profile = Profile()
        async with MemoryRoom() as kitchen, kitchen.connect(name="ana") as ana:
            async with kitchen.connect(name="budi", profile=profile) as budi:
                if not hears:
                    kitchen.cut_network()
                await kitchen.order("kick", name="budi", for_=300, reason="flooding")
                if not hears:
                    await asyncio.sleep(1)
                    kitchen.mend_network()
                removed = await ended(budi)
                assert (removed.code, removed.reason) == ("kicked", "flooding")
                assert 250 < removed.wait <= 300
                with pytest.raises(Removed):
                    await budi.say("but")
                with pytest.raises(Removed):
                    budi.send("but")
            assert (await next_of(Went, ana)).reason == "removed"
            assert (await refused(kitchen, name="budi", profile=profile)).code == "kicked"
            assert (await refused(kitchen, name="bert", profile=profile, role="script")).code == "kicked"
            await asyncio.sleep(300)
            async with kitchen.connect(name="budi", profile=profile) as budi:
                assert budi.me == "budi"

    run(story())


@pytest.mark.parametrize("role", ["member", "script", "reader"])
def test_a_ban_ends_every_session_of_a_key(role: str) -> None:
    async def story() -> None:
        profile = Profile()
        async with (
            MemoryRoom() as kitchen,
            kitchen.connect(name="ana"),
            kitchen.connect(name="budi", profile=profile) as budi,
            kitchen.connect(name="budi", profile=profile, role=role) as other,
        ):
            await kitchen.order("ban", target="budi", for_=None, reason="spam", yes=True)
            for each in (budi, other):
                removed = await ended(each)
                assert (removed.code, removed.wait, removed.reason, removed.until) == ("banned", 0.0, "spam", None)

    run(story())


def test_a_client_that_is_removed_does_not_come_back_with_its_password() -> None:
    async def story() -> None:
        async with MemoryRoom() as kitchen, kitchen.connect(name="ana"):
            read = list[str]()

            def reads() -> str:
                read.append("read")
                return PASSWORD

            async with kitchen.connect(name="budi", password=RoomPassword(PASSWORD, reads)) as budi:
                await kitchen.order("kick", name="budi", for_=60)
                await ended(budi)
                await asyncio.sleep(600)
                assert budi.link.address == "", "it has no session any more"
            assert read == []

    run(story())


def test_what_a_removed_client_had_said_is_kept_on_disk(tmp_path: Path) -> None:
    async def story() -> None:
        async with MemoryRoom() as kitchen, kitchen.connect(name="ana"):
            async with kitchen.connect(name="budi", profile=Profile(tmp_path)) as budi:
                kitchen.cut_network()
                budi.send("one")
                budi.send("two", to="ana")
                await kitchen.order("kick", name="budi", for_=60)
                kitchen.mend_network()
                await ended(budi)
                assert budi.unstored() == [OwnText("one"), OwnText("two", "ana")]
            await asyncio.sleep(60)
            async with kitchen.connect(name="budi", profile=Profile(tmp_path)) as budi:
                assert budi.take_inherited() == [OwnText("one"), OwnText("two", "ana")]
        assert kitchen.lines == []

    run(story())


def test_a_muted_client_stays_and_is_told_why_its_lines_are_not_stored() -> None:
    async def story() -> None:
        async with MemoryRoom() as kitchen, kitchen.connect(name="ana"), kitchen.connect(name="budi") as budi:
            await kitchen.order("mute", name="budi", for_=600, reason="flooding")
            number = budi.send("hello")
            event = await next_of(Rejected, budi)
            assert (event.number, event.code, event.detail) == (number, "muted", "flooding")
            assert 590 < event.wait <= 600
            requests: list[Coroutine[Any, Any, object]] = [budi.say("x"), budi.say("x", to="ana"), budi.rename("bert")]
            for asked in (*requests, budi.away("lunch")):
                with pytest.raises(Refused) as muted:
                    await asked
                assert (muted.value.code, muted.value.detail) == ("muted", "flooding")
                assert 590 < muted.value.wait <= 600
            await budi.members()
            await kitchen.order("unmute", name="budi")
            await budi.say("thank you")
        assert kitchen.lines == [("budi", "thank you")]

    run(story())


def test_an_announcement_is_official_and_nobodys_own() -> None:
    async def story() -> None:
        async with MemoryRoom() as kitchen, kitchen.connect(name="ana") as ana:
            await kitchen.order("announce", text="the kitchen closes at five")
            event = await next_of(Said, ana)
            assert (event.name, event.text, event.official) == ("admin", "the kitchen closes at five", True)
            assert not ana.wrote(event)
            assert "admin" not in [member.name for member in await ana.members()]

    run(story())


def test_nobody_can_have_the_admins_name() -> None:
    async def story() -> None:
        async with MemoryRoom() as kitchen, kitchen.connect(name="ana") as ana:
            with pytest.raises(NameTaken) as reserved:
                async with kitchen.connect(name="Admin"):
                    pass
            assert reserved.value.code == "name_reserved"
            with pytest.raises(NameTaken):
                await ana.rename("admin")

    run(story())


def test_an_order_that_makes_no_sense_is_not_given_and_one_that_is_denied_says_why() -> None:
    async def story() -> None:
        kitchen = MemoryRoom()
        async with kitchen:
            with pytest.raises(ValueError, match="minutes"):
                await kitchen.order("kick", name="budi", minutes=5)
            assert (await kitchen.order("kick", name="budi"))["code"] == "no_such_member"

    run(story())
