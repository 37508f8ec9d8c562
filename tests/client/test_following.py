"""A known server that has another address: found by its key, joined, and remembered there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from sockatuh import NoServer, Profile
from sockatuh.client import discovery
from sockatuh.client.carrier import Carrier
from sockatuh.client.following import HEAD_START
from sockatuh.client.items import Moved, Notice, NotRemembered
from sockatuh.client.profile import Pin
from sockatuh.errors import KeyFileError
from sockatuh.protocol.client import events as e
from sockatuh.protocol.client.peer import Peer
from sockatuh.protocol.seam import Address
from sockatuh.testing import SERVER, MemoryRoom, _WireCarrier, run

DEAD: Address = ("10.9.9.9", 7625)
KITCHEN, NEW = ("kitchen", 7625), ("10.0.0.31", 7625)
Names = Mapping[tuple[str, int], list[Address]]


def carry(
    room: MemoryRoom, names: Names, dialled: list[Address] | None = None, look_up_takes: float = 0.0
) -> Callable[..., Carrier]:
    """Return what carries datagrams into a room with these names; what is sent to whom goes into `dialled`."""

    class Elsewhere(_WireCarrier):
        async def look_up(self, host: str, port: int, on_silence: Callable[[], None]) -> list[Address]:
            del on_silence
            await asyncio.sleep(look_up_takes)
            if not names.get((host, port)):
                raise OSError("unknown")
            return names[host, port]

        async def look_up_again(self, host: str, port: int) -> list[Address]:
            return names.get((host, port), [])

    def make(peer: Peer, on_event: Callable[[e.PeerEvent], None]) -> Carrier:
        connect = peer.connect

        def note(addresses: list[Address], now: float, further: Sequence[Address] = ()) -> None:
            if dialled is not None:
                dialled[:] = addresses
            connect(addresses, now, further)

        peer.connect = note  # type: ignore[method-assign, assignment]
        return Elsewhere(peer, on_event, room._wire, room._wire.new_address())

    return make


class Seeker:
    """Stands for the search in the local networks; `found` is what it comes to after some seconds."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, found: str | None = "10.0.0.31:7625") -> None:
        self.asked: list[tuple[str, bytes]] = []
        self._found = found
        monkeypatch.setattr(discovery, "seek_key", self)

    async def __call__(self, server: str, pin: Pin) -> str | None:
        self.asked.append((server, pin.key))
        await asyncio.sleep(0.1)
        return self._found


async def known(kitchen: MemoryRoom, profile: Profile) -> None:
    """Join once, so that the profile knows the server."""
    names = {KITCHEN: [SERVER]}
    async with kitchen.connect(
        name="bot", profile=profile, keeps_server=True, keeps_name=True, carry=carry(kitchen, names)
    ):
        pass


def test_a_server_with_another_address_is_joined_and_remembered_there(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        profile, seeker, told = Profile(), Seeker(monkeypatch), list[Notice]()
        async with MemoryRoom() as kitchen:
            await known(kitchen, profile)
            pin = profile.find_pin("kitchen:7625")
            assert pin is not None
            names: Names = {KITCHEN: [DEAD], NEW: [SERVER]}
            there = carry(kitchen, names)
            async with kitchen.connect(
                profile=profile, password=None, follows=True, on_notice=told.append, carry=there
            ) as bot:
                assert (bot.server, bot.me) == ("10.0.0.31:7625", "bot")
                assert await bot.say("here") > 0
            assert seeker.asked == [("kitchen:7625", pin.key)]
            assert told[0] == Moved("kitchen", "10.0.0.31:7625", "kitchen:7625")
            assert profile.known_servers() == {"10.0.0.31:7625": pin}
            assert profile.find_last_server() == "10.0.0.31:7625"
            assert profile.find_name("10.0.0.31:7625") == "bot"

    run(story())


def test_a_server_that_answers_where_it_was_is_not_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        profile, seeker, told = Profile(), Seeker(monkeypatch), list[Notice]()
        async with MemoryRoom() as kitchen:
            await known(kitchen, profile)
            names: Names = {KITCHEN: [SERVER], NEW: [SERVER]}
            there = carry(kitchen, names)
            async with kitchen.connect(
                profile=profile, password=None, follows=True, on_notice=told.append, carry=there
            ) as bot:
                assert bot.server == "kitchen:7625"
                await asyncio.sleep(2 * HEAD_START)
            assert seeker.asked == []
            assert not any(isinstance(notice, Moved) for notice in told)
            assert [*profile.known_servers()] == ["kitchen:7625"]

    run(story())


def test_a_server_that_answers_where_it_was_after_all_has_not_moved(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        profile, seeker = Profile(), Seeker(monkeypatch)
        async with MemoryRoom() as kitchen:
            await known(kitchen, profile)
            dialled = list[Address]()
            there = carry(kitchen, {KITCHEN: [SERVER], NEW: [DEAD]}, dialled, look_up_takes=0.9)
            async with kitchen.connect(profile=profile, follows=True, carry=there) as bot:
                assert bot.server == "kitchen:7625"
            assert len(seeker.asked) == 1
            assert DEAD in dialled
            assert [*profile.known_servers()] == ["kitchen:7625"]

    run(story())


def test_a_name_that_is_unknown_now_is_waited_for_no_longer_than_the_search(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        profile = Profile()
        async with MemoryRoom() as kitchen:
            await known(kitchen, profile)
            Seeker(monkeypatch)
            there = carry(kitchen, {NEW: [SERVER]})
            async with kitchen.connect(profile=profile, follows=True, carry=there) as bot:
                assert bot.server == "10.0.0.31:7625"
            Seeker(monkeypatch, found=None)
            with pytest.raises(NoServer):
                async with kitchen.connect("10.0.0.31", profile=profile, follows=True, carry=carry(kitchen, {})):
                    pass

    run(story())


def test_a_server_found_nowhere_is_missed_as_ever_and_forgotten_in_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        profile = Profile()
        Seeker(monkeypatch, found=None)
        async with MemoryRoom() as kitchen:
            await known(kitchen, profile)
            with pytest.raises(NoServer):
                async with kitchen.connect(profile=profile, follows=True, carry=carry(kitchen, {KITCHEN: [DEAD]})):
                    pass
            assert [*profile.known_servers()] == ["kitchen:7625"]

    run(story())


def test_a_server_that_is_not_known_is_not_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        seeker = Seeker(monkeypatch)
        async with MemoryRoom() as kitchen:
            with pytest.raises(NoServer):
                async with kitchen.connect(name="bot", follows=True, carry=carry(kitchen, {KITCHEN: [DEAD]})):
                    pass
        assert seeker.asked == []

    run(story())


def test_whoever_was_found_and_has_another_key_is_not_joined(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        profile, dialled = Profile(), list[Address]()
        Seeker(monkeypatch)
        profile.pin("kitchen:7625", b"k" * 32, "kitchen")
        async with MemoryRoom() as rogue:
            names: Names = {KITCHEN: [DEAD], NEW: [SERVER]}
            with pytest.raises(NoServer):
                async with rogue.connect(profile=profile, name="bot", follows=True, carry=carry(rogue, names, dialled)):
                    pass
        assert SERVER in dialled
        assert {server: pin.key for server, pin in profile.known_servers().items()} == {"kitchen:7625": b"k" * 32}

    run(story())


def test_a_profile_that_cannot_be_written_keeps_the_address_and_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async def story() -> None:
        profile, told = Profile(tmp_path), list[Notice]()
        Seeker(monkeypatch)
        async with MemoryRoom() as kitchen:
            await known(kitchen, profile)

            def refuse(*_: str) -> None:
                raise KeyFileError("known_servers", "read-only")

            monkeypatch.setattr(profile, "move", refuse)
            there = carry(kitchen, {KITCHEN: [DEAD], NEW: [SERVER]})
            async with kitchen.connect(
                profile=profile, password=None, follows=True, on_notice=told.append, carry=there
            ) as bot:
                assert bot.server == "kitchen:7625"
            assert isinstance(told[0], NotRemembered)
            assert [*profile.known_servers()] == ["kitchen:7625"]

    run(story())
