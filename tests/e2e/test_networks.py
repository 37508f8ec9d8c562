"""Bad networks and hostile ones, between a real server and its clients."""

from __future__ import annotations

import asyncio
import struct

import pytest
from e2e.relay import relay_to
from e2e.running import (
    PASSWORD,
    PATIENCE,
    Room,
    ServerProcess,
    conversation,
    eventually,
    joined,
    options_for,
)
from kit.weather import Weather
from machine import free_port
from msgspec.structs import replace

from sockatuh.client.session import Conversation
from sockatuh.errors import IdentityChanged, NoServer, VersionMismatch
from sockatuh.protocol.client import events as e
from sockatuh.protocol.constants import COOKIE, HELLO, INIT

BAD = Weather(loss=0.05, duplication=0.1, reordering=0.3, corruption=0.03)
LINES = 12
OTHER_KEY = bytes(range(32))


def with_another_key(data: bytes) -> bytes:
    """Return a COOKIE as an attacker on the path forges it to impersonate the server."""
    return data[:28] + OTHER_KEY + data[60:] if data[0] == COOKIE else data


def with_another_version(data: bytes) -> bytes:
    return data[:1] + b"\2" + data[2:] if data[0] in (COOKIE, HELLO) else data


@pytest.mark.slow
def test_all_lines_arrive_once_and_in_order_over_a_bad_network(server: ServerProcess) -> None:
    async def story() -> None:
        async with (
            relay_to(server.port, BAD, seed=1) as relay,
            joined("ari", relay.port, server.key) as ari,
            joined("bayu", relay.port, server.key) as bayu,
            joined("citra", server.port, server.key) as citra,
        ):
            members = [ari, bayu, citra]
            for number in range(LINES):
                for member in members:
                    member.say(f"{number} " + "x" * (3_000 if number == 5 else 20))
            for member in members:
                await member.until(member.is_answered)
            head = max(seq for member in members for seq in member.stored.values())
            for member in members:
                await member.has_seen(head)
            for member in members:
                assert member.seqs == list(range(member.seqs[0], head + 1))
                assert len(set(member.lines)) == 3 * LINES
                assert member.lines == citra.lines
                mine = [line.split()[1] for line in citra.lines if line.startswith(member.name)]
                assert mine == [str(number) for number in range(LINES)]
                assert not server.events("member_left", name=member.name)

    asyncio.run(story())


def test_neither_name_nor_password_nor_text_nor_room_can_be_read_on_the_wire(server: ServerProcess) -> None:
    async def story() -> None:
        async with (
            relay_to(server.port) as relay,
            joined("anastasia", relay.port, server.key) as ana,
            joined("budisantoso", relay.port, server.key) as budi,
        ):
            ana.say("the soup is served at one o'clock")
            ana.say("the soup is served at one o'clock, " * 200)
            await ana.until(ana.is_answered)
            await budi.until(lambda: len(budi.lines) == 2)
            await budi.leave()
            wire = b"".join(relay.up + relay.down)
            assert len(relay.up) > 10
            assert len(relay.down) > 10
            secrets = [
                "anastasia", "budisantoso", PASSWORD, "the soup", "o'clock", "the-kitchen-room", "sockatuh", "secure",
            ]  # fmt: skip
            for secret in secrets:
                assert secret.encode() not in wire
            for key in (ana.admitted.ticket, ana.admitted.log_id):
                assert key not in wire

    asyncio.run(story())


@pytest.mark.slow
def test_a_client_whose_address_changes_in_mid_conversation_stays_in(kitchen: Room, server: ServerProcess) -> None:
    async def story() -> None:
        async with (
            relay_to(server.port) as relay,
            joined("dewi", relay.port, server.key) as dewi,
            joined("eko", server.port, server.key) as eko,
        ):
            for move in range(1, 4):
                relay.move()
                dewi.say(f"from port {move}")
                eko.say(f"where are you now? {move}")
                await server.wait_for("session_moved", move, name="dewi")
                await dewi.sees(f"eko: where are you now? {move}")
            for member in (dewi, eko):
                await member.until(member.is_answered)
            for member in (dewi, eko):
                await member.has_seen(max(*dewi.stored.values(), *eko.stored.values()))
                assert member.seqs == list(range(member.seqs[0], member.seqs[-1] + 1))
                assert len(server.events("member_joined", name=member.name)) == 1
                assert not server.events("member_left", name=member.name)
            assert dewi.lines == eko.lines
            assert not dewi.all(e.ContactLost)
            moved = [line["address"] for line in server.events("session_moved", name="dewi")]
            assert len(set(moved)) == 3
        await eventually(lambda: kitchen.history.joins(None, "dewi", 1)[0].address == moved[-1])

    asyncio.run(story())


@pytest.mark.slow
def test_swapping_the_servers_key_reveals_nothing(server: ServerProcess) -> None:
    async def story() -> None:
        async with relay_to(server.port) as relay:
            relay.change_down = with_another_key
            async with conversation("ana", relay.port, server.key) as ana:
                ana.peer.join("ana", PASSWORD.encode(), 0.0)
                with pytest.raises(IdentityChanged) as changed:
                    await ana.open(PATIENCE)
                assert (changed.value.pinned, changed.value.offered) == (server.key, OTHER_KEY)
                assert changed.value.server == f"127.0.0.1:{relay.port}"
            assert {data[0] for data in relay.up} == {HELLO}
            forged: list[bytes] = []

            def forge_first(data: bytes) -> bytes:
                if forged or data[0] != COOKIE:
                    return data
                forged.append(data)
                return with_another_key(data)

            relay.change_down = forge_first
            async with joined("ana", relay.port, server.key) as member:
                assert member.conversation.server_key == server.key, "one forged answer stops nobody"
            assert forged

    asyncio.run(story())


@pytest.mark.parametrize("version", [1, 2])
def test_forged_datagrams_alone_keep_nobody_out(server: ServerProcess, version: int) -> None:
    async def story() -> None:
        async with relay_to(server.port) as relay:

            def forge(data: bytes) -> bytes:
                if data[0] == HELLO:
                    cookie = struct.pack(
                        "<BBBB8s16s32sHH", COOKIE, version, 0, 0, data[4:12], bytes(16), OTHER_KEY, 0, 0
                    )
                    for _ in range(5):
                        relay.send_down(cookie)
                elif data[0] == INIT:
                    relay.send_up(data[:-1] + bytes([data[-1] ^ 1]))
                return data

            relay.change_up = forge
            for _ in range(3):
                async with joined("ana", relay.port, server.key) as ana:
                    assert ana.conversation.server_key == server.key

    asyncio.run(story())


@pytest.mark.slow
def test_a_version_mismatch_is_distinguished_from_an_absent_server(server: ServerProcess) -> None:
    async def story() -> None:
        async with relay_to(server.port) as relay:
            relay.change_down = with_another_version
            async with conversation("ana", relay.port, server.key) as ana:
                with pytest.raises(VersionMismatch) as mismatch:
                    await ana.open(PATIENCE)
                assert (mismatch.value.ours, mismatch.value.theirs) == (1, 2)
            relay.down.clear()
            relay.change_up, relay.change_down = with_another_version, lambda _: None
            async with conversation("ana", relay.port, server.key) as ana:
                opening = asyncio.create_task(ana.open(PATIENCE))
                await relay.until(lambda: len(relay.down) > 0)
                opening.cancel()
                await asyncio.wait([opening])
            version, cookie = relay.down[0][1], relay.down[0][12:28]
            assert (version, cookie) == (1, bytes(16)), "the server's own version, and no cookie"

    asyncio.run(story())


@pytest.mark.parametrize("host", ["127.0.0.1", "a..b"])
def test_a_server_that_is_away_or_has_no_address_is_an_error(host: str) -> None:
    async def story() -> None:
        options = replace(options_for("ana", free_port(), OTHER_KEY), host=host)
        async with Conversation(options) as ana:
            with pytest.raises(NoServer) as away:
                await ana.open(0.3)
            assert away.value.server == f"{host}:{options.port}"

    asyncio.run(story())
