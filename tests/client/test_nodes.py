"""Further addresses of a room: remembered, dialled with the same pin, and passed over with another key."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec
import pytest

from sockatuh import IdentityChanged, Invite, NoServer, Profile
from sockatuh.client.carrier import Carrier
from sockatuh.protocol.client import events as e
from sockatuh.protocol.client.peer import Peer
from sockatuh.protocol.seam import Address
from sockatuh.testing import SERVER, MemoryRoom, _WireCarrier, run

DEAD: Address = ("10.9.9.9", 7625)
HERE = {("kitchen", 7625): [SERVER]}
MOVED = {("kitchen", 7625): [DEAD], ("node.lan", 7625): [SERVER]}


def carry(
    room: MemoryRoom, names: Mapping[tuple[str, int], list[Address]], announced: tuple[str, ...] = ()
) -> Callable[[Peer, Callable[[e.PeerEvent], None]], Carrier]:
    """Return what carries datagrams into a room, with these names, and a WELCOME that announces these nodes."""

    class Elsewhere(_WireCarrier):
        async def look_up_again(self, host: str, port: int) -> list[Address]:
            return names.get((host, port), [])

    def make(peer: Peer, on_event: Callable[[e.PeerEvent], None]) -> Carrier:
        def report(event: e.PeerEvent) -> None:
            on_event(msgspec.structs.replace(event, nodes=announced) if isinstance(event, e.Admitted) else event)

        return Elsewhere(peer, report, room._wire, room._wire.new_address())

    return make


def test_a_node_that_the_server_named_is_dialled_when_the_host_is_dead() -> None:
    async def story() -> None:
        profile = Profile()
        announced = ("node.lan:7625", "no port", "x\x1b[2J:1", "[::1]:9")
        async with MemoryRoom() as kitchen:
            async with kitchen.connect(name="bot", profile=profile, carry=carry(kitchen, HERE, announced)):
                pass
            assert profile.find_nodes("kitchen:7625") == ("node.lan:7625", "[::1]:9")
            back = carry(kitchen, MOVED)
            async with kitchen.connect(name="bot", profile=profile, password=None, trust="strict", carry=back) as bot:
                assert bot.server == "kitchen:7625"
                assert await bot.say("here") > 0
            assert len(profile.find_nodes("kitchen:7625")) == 2, "a WELCOME that names none takes none back"
            async with kitchen.connect(name="bot", profile=profile, carry=carry(kitchen, MOVED, ("10.0.0.5:5",))):
                pass
            assert profile.find_nodes("kitchen:7625") == ("10.0.0.5:5",), "the newest replace those before"
            with pytest.raises(NoServer):
                async with kitchen.connect(name="bot", profile=profile, carry=back):
                    pass

    run(story())


def test_a_node_of_an_invite_is_dialled_and_pinned_as_the_room_it_names() -> None:
    async def story() -> None:
        known, profile = Profile(), Profile()
        async with MemoryRoom() as kitchen:
            async with kitchen.connect(name="ana", profile=known):
                pass
            pin = known.find_pin("kitchen:7625")
            assert pin is not None
            invite = Invite("kitchen", 7625, "kitchen", pin.key, (("node.lan", 7625),)).encode()
            async with kitchen.connect(
                invite, name="bot", profile=profile, trust="strict", carry=carry(kitchen, MOVED)
            ):
                pinned = profile.find_pin("kitchen:7625")
                assert pinned is not None
                assert pinned.key == pin.key
            async with kitchen.connect("kitchen", name="bot", profile=profile, carry=carry(kitchen, MOVED)) as bot:
                assert bot.me == "bot", "the invite's node is remembered"

    run(story())


def test_a_node_with_another_key_is_passed_over() -> None:
    async def story() -> None:
        profile = Profile()
        async with MemoryRoom() as kitchen, MemoryRoom("kitchen") as stranger:
            async with kitchen.connect(name="bot", profile=profile, carry=carry(kitchen, HERE, ("node.lan:7625",))):
                pass
            with pytest.raises(NoServer):
                async with stranger.connect(name="bot", profile=profile, carry=carry(stranger, MOVED)):
                    pass
            at_home = {("kitchen", 7625): [SERVER]}
            with pytest.raises(IdentityChanged):  # at the address the room has always had, it is no small matter
                async with stranger.connect(name="bot", profile=profile, carry=carry(stranger, at_home)):
                    pass
            assert stranger.lines == []

    run(story())


def test_a_node_is_not_dialled_without_a_pinned_key() -> None:
    async def story() -> None:
        profile = Profile()
        async with MemoryRoom() as kitchen:
            profile.set_nodes("kitchen:7625", ["node.lan:7625"])
            with pytest.raises(NoServer):
                async with kitchen.connect(name="bot", profile=profile, carry=carry(kitchen, MOVED)):
                    pass

    run(story())
