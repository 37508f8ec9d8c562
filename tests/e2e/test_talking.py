"""A server and its clients as people run them: each conversation over a real socket, the server in its own process."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

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
    key_of,
    options_for,
)

import sockatuh
from sockatuh.client.session import Conversation
from sockatuh.errors import NameTaken, Refused
from sockatuh.protocol.client import events as e
from sockatuh.protocol.constants import DATA
from sockatuh.protocol.datagrams import reset_token
from sockatuh.protocol.messages import MESSAGE
from sockatuh.store.files import load_or_create_key


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
            sock.bind(("::1", 0))
    except OSError:
        return False
    return True


needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")


def test_three_members_talk_and_all_see_the_same(server: ServerProcess) -> None:
    async def story() -> None:
        async with (
            joined("ana", server.port, server.key) as ana,
            joined("budi", server.port, server.key) as budi,
            joined("cici", server.port, server.key) as cici,
        ):
            members = [ana, budi, cici]
            for turn in range(10):
                for member in members:
                    member.say(f"line {turn}")
            for member in members:
                await member.until(member.is_answered)
            head = max(seq for member in members for seq in member.stored.values())
            for member in members:
                await member.has_seen(head)
                assert member.seqs == list(range(member.seqs[0], head + 1))
            said = ana.lines
            assert len(said) == len(set(said)) == 30
            assert budi.lines == cici.lines == said
            for member in members:
                mine = [line for line in said if line.startswith(member.name)]
                assert mine == [f"{member.name}: line {turn}" for turn in range(10)]
            await cici.leave()
            await ana.sees("cici left")
            for seq in ana.stored.values():
                await server.wait_for("message_posted", author="ana", seq=seq)

    asyncio.run(story())


@needs_ipv6
def test_members_come_over_ipv4_and_ipv6_alike(server: ServerProcess) -> None:
    async def story() -> None:
        async with (
            joined("four", server.port, server.key) as four,
            joined("six", server.port, server.key, host="::1") as six,
        ):
            four.say("hello six")
            await six.sees("four: hello six")
            six.say("hello four")
            await four.sees("six: hello four")
            await server.wait_for("member_joined", name="four")
            await server.wait_for("member_joined", name="six")
            [where] = [line["address"] for line in server.events("member_joined", name="four")]
            assert where.startswith("127.0.0.1:"), "not as the socket maps it"
            [where] = [line["address"] for line in server.events("member_joined", name="six")]
            assert where.startswith("[::1]:")

    asyncio.run(story())


def test_each_refusal_is_an_error_of_its_own(room: Room) -> None:
    async def story() -> None:
        async with (
            room.serve() as server,
            joined("ana", room.port, server.key),
            conversation("budi", room.port, server.key) as other,
        ):
            await other.open(PATIENCE)
            with pytest.raises(NameTaken) as taken:
                await other.ask_name("Ana", PATIENCE)
            assert (taken.value.code, taken.value.detail) == ("name_unavailable", "")
            assert await other.ask_name(" budi ", PATIENCE) == "budi"
            for wait in (0.0, 0.0, 0.0, 5.0):
                with pytest.raises(Refused) as refused:
                    await other.join("budi", "guess", PATIENCE)
                assert (refused.value.code, refused.value.wait) == ("password_wrong", wait)
            with pytest.raises(Refused) as early:
                await other.join("budi", PASSWORD, PATIENCE)
            assert early.value.code == "password_wait"
            assert 0.0 < early.value.wait <= 5.0
        assert "guess" not in str(server.logged)

    asyncio.run(story())


def test_a_server_is_taken_for_the_right_one_once_it_has_proved_that_it_knows_the_password(
    server: ServerProcess,
) -> None:
    async def story() -> None:
        async with Conversation(options_for("eve", server.port, None)) as stranger:
            connected = await stranger.open(PATIENCE)
            assert (connected.room, connected.server_key) == ("the-kitchen-room", server.key)
            with pytest.raises(Refused, match="password_wrong"):
                await stranger.join("eve", "guess", PATIENCE)
            assert not stranger.is_proven
            await stranger.join("eve", PASSWORD, PATIENCE)
            assert stranger.is_proven
            await stranger.leave()
        async with Conversation(options_for("eve", server.port, None, meets_nobody_new=True)) as strict:
            with pytest.raises(Refused, match="unknown_server"):
                await strict.open(PATIENCE)

    asyncio.run(story())


def test_a_script_delivers_a_line_and_asks_who_is_there_without_being_seen(
    kitchen: Room, server: ServerProcess
) -> None:
    async def story() -> None:
        async with (
            joined("ana", server.port, server.key) as ana,
            conversation("robot", server.port, server.key, transient=True) as script,
        ):
            await script.open(PATIENCE)
            await script.join("robot", PASSWORD, PATIENCE)
            long = "backup done " * 1000
            seq = await script.deliver(long, PATIENCE)
            assert "robot" not in [member.name for member in await script.list_members(PATIENCE)]
            with pytest.raises(Refused, match="text_empty"):
                await script.deliver("\x1b", PATIENCE)
            await script.leave()
            await ana.until(lambda: seq in ana.seqs)
            assert ana.story[-1] == f"robot: {long.rstrip()}"
            assert "robot joined" not in ana.story
        await eventually(lambda: kitchen.history.joins(None, "robot", 1)[0].reason == "left")
        assert all(session.transient for session in kitchen.history.joins(None, "robot", 10))

    asyncio.run(story())


def test_a_bot_that_talks_is_shown_everything_that_others_say_meanwhile(server: ServerProcess) -> None:
    async def story() -> None:
        async with (
            joined("budi", server.port, server.key) as budi,
            conversation("bot", server.port, server.key) as bot,
        ):
            await bot.open(PATIENCE)
            await bot.join("bot", PASSWORD, PATIENCE)
            for number in range(20):
                budi.say(f"theirs {number}")
            seqs = [await bot.deliver(f"mine {number}", PATIENCE) for number in range(10)]
            assert "budi" in [member.name for member in await bot.list_members(PATIENCE)]
            shown: dict[int, str] = {}
            async with asyncio.timeout(PATIENCE):
                while len(shown) < 30:
                    match await bot.next_event():
                        case e.EntryArrived(entry) if entry.kind == MESSAGE:
                            shown[entry.seq] = entry.text
            assert list(shown) == sorted(shown)
            assert [shown[seq] for seq in seqs] == [f"mine {number}" for number in range(10)]
            assert [text for text in shown.values() if "theirs" in text] == [f"theirs {n}" for n in range(20)]
            await bot.leave()

    asyncio.run(story())


def test_concurrent_deliveries_survive_a_cancellation(server: ServerProcess) -> None:
    async def story() -> None:
        async with conversation("bot", server.port, server.key) as bot:
            await bot.open(PATIENCE)
            await bot.join("bot", PASSWORD, PATIENCE)
            given_up = asyncio.create_task(bot.deliver("cancelled, and said all the same", PATIENCE))
            listing = asyncio.create_task(bot.list_members(PATIENCE))
            await asyncio.sleep(0)
            given_up.cancel()
            listing.cancel()
            seqs, listed = await asyncio.gather(
                asyncio.gather(*(bot.deliver(f"line {number}", PATIENCE) for number in range(5))),
                bot.list_members(PATIENCE),
            )
            assert seqs == list(range(seqs[0], seqs[0] + 5))
            names = [member.name for member in listed if member.present]
            assert names == ["bot"]
            await bot.leave()

    asyncio.run(story())


def test_a_room_full_of_people_is_listed_over_several_pages(server: ServerProcess) -> None:
    names = [f"a_rather_long_name_{number:02}" for number in range(40)]

    async def story() -> None:
        leaving = asyncio.Event()

        async def stay(name: str) -> None:
            async with joined(name, server.port, server.key):
                await leaving.wait()

        async with asyncio.TaskGroup() as group:
            for name in names:
                group.create_task(stay(name))
            for name in names:
                await server.wait_for("member_joined", name=name)
            async with conversation("robot", server.port, server.key, transient=True) as who:
                await who.open(PATIENCE)
                await who.join("robot", PASSWORD, PATIENCE)
                listed = [member.name for member in await who.list_members(PATIENCE)]
            leaving.set()
        assert set(names) <= set(listed)
        assert len(listed) == len(set(listed))

    asyncio.run(story())


def test_the_original_client_and_netcat_are_in_the_same_room(server: ServerProcess) -> None:
    async def story() -> None:
        async with joined("ana", server.port, server.key) as ana:
            with socket.socket(type=socket.SOCK_DGRAM) as classic:
                classic.connect(("127.0.0.1", server.port))
                classic.settimeout(PATIENCE)

                async def answer(data: bytes) -> bytes:
                    classic.send(data)
                    return await asyncio.to_thread(classic.recv, 2048)

                assert await answer(b"Username:ana") == b"Username sudah dipakai! Gunakan username lain."
                assert await answer(b"Username:wati") == b"Username valid!"
                assert await answer(b"Password:guess") == b"Password salah! Silakan coba lagi."
                assert await answer(b"Password:" + PASSWORD.encode()) == b"Berhasil bergabung!"
                classic.send(b"halo")
                await ana.sees("wati: halo")
                ana.say("hi wati")
                assert await asyncio.to_thread(classic.recv, 2048) == b"ana: hi wati"
            await server.wait_for("unencrypted_member_joined", name="wati")

    asyncio.run(story())


def test_leaving_ends_soon_even_if_the_server_has_just_forgotten_the_session(
    kitchen: Room, server: ServerProcess
) -> None:
    async def story() -> None:
        async with relay_to(server.port) as relay, conversation("gone", relay.port, server.key) as gone:
            await gone.open(PATIENCE)
            await gone.join("gone", PASSWORD, PATIENCE)
            relay.change_up = lambda _: None
            before = len(relay.up)
            leaving = asyncio.create_task(gone.leave())
            await relay.until(lambda: any(data[0] == DATA for data in relay.up[before:]))
            relay.send_down(reset_for(relay.up[-1], kitchen))
            async with asyncio.timeout(5.0):
                await leaving
            assert gone.peer.get_timer() is None, "it dials no more"

    asyncio.run(story())


def reset_for(data: bytes, room: Room) -> bytes:
    """Return the RESET a room's server would answer a DATA datagram with, had it forgotten the session."""
    cid = data[1:8]
    token = reset_token(load_or_create_key(room.state_dir / "reset.key"), int.from_bytes(cid, "little"))
    return b"\xb6" + cid + token


def test_a_ticket_brings_a_new_program_in_and_nobody_else(server: ServerProcess) -> None:
    async def story() -> None:
        async with joined("ana", server.port, server.key) as ana:
            ticket = ana.admitted.ticket
        async with conversation("ana", server.port, server.key, ticket=ticket) as again:
            assert (await again.open(PATIENCE)).resumed
            assert (await again.admitted(PATIENCE)).name == "ana"
            async with conversation("thief", server.port, server.key, ticket=ticket) as thief:
                assert not (await thief.open(PATIENCE)).resumed
                with pytest.raises(NameTaken):
                    await thief.join("ana", PASSWORD, PATIENCE)
            await again.leave()
        assert key_of("ana") != key_of("thief")

    asyncio.run(story())


def test_the_library_connects_a_bot_that_remembers_its_server_and_its_name(
    server: ServerProcess, tmp_path: Path
) -> None:
    async def story() -> None:
        profile = sockatuh.Profile(tmp_path / "bot")
        address = f"127.0.0.1:{server.port}"
        async with (
            joined("budi", server.port, server.key) as budi,
            sockatuh.connect(address, name="apibot", password=PASSWORD, profile=profile) as room,
        ):
            assert (room.name, room.me, room.server) == ("the-kitchen-room", "apibot", address)
            for number in range(20):
                budi.say(f"theirs {number}")
            seqs = [await room.say(f"mine {number}") for number in range(10)]
            lines: dict[int, str] = {}
            async for event in room:
                if isinstance(event, sockatuh.Said):
                    lines[event.seq] = event.text
                if len(lines) == 30:
                    break
            assert list(lines) == sorted(lines)
            assert [lines[seq] for seq in seqs] == [f"mine {number}" for number in range(10)]
            assert {"apibot", "budi"} <= {member.name for member in await room.members()}
            await room.leave()
            await budi.sees("apibot left")
        async with sockatuh.connect(address, name="apibot", profile=profile, trust=sockatuh.Trust.STRICT) as again:
            assert again.me == "apibot", "with its ticket, at a server it knows"
        with pytest.raises(Refused, match="unknown_server"):
            async with sockatuh.connect(address, name="eve", password=PASSWORD, trust=sockatuh.Trust.STRICT):
                pass
        with pytest.raises(Refused, match="password_missing"):
            async with sockatuh.connect(address, name="eve"):
                pass

    asyncio.run(story())
