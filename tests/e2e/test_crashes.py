"""A server that is killed repeatedly during a conversation, and what its members notice."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import sys

import pytest
from e2e.relay import as_it_is, relay_to
from e2e.running import PATIENCE, Member, Room, ServerProcess, conversation, eventually, joined

from sockatuh.errors import IdentityChanged
from sockatuh.protocol.client import events as e
from sockatuh.protocol.constants import DATA

CRASHES = 10
UNANSWERED = 3
"""Lines a talker says before it waits for an answer."""


async def talk(member: Member, silence: asyncio.Event) -> None:
    """Say one line after the other until told to stop."""
    while not silence.is_set():
        member.say(f"{member.name} says {len(member.said)}")
        await member.until(lambda: len(member.said) - len(member.stored) < UNANSWERED or silence.is_set())


def open_sessions(room: Room) -> list[str]:
    return sorted(line.name for line in room.history.joins(None, None, 1000) if line.closed is None)


@pytest.mark.slow
def test_ten_kills_during_a_conversation_lose_and_double_nothing(room: Room) -> None:
    async def story() -> None:
        async with (
            room.serve() as server,
            joined("ana", room.port, server.key) as ana,
            joined("budi", room.port, server.key) as budi,
            joined("cici", room.port, server.key) as cici,
        ):
            members = [ana, budi, cici]
            silence = asyncio.Event()
            async with asyncio.TaskGroup() as talkers:
                for member in members:
                    talkers.create_task(talk(member, silence))
                for _ in range(CRASHES):
                    posted = len(server.events("message_posted"))
                    await server.wait_for("message_posted", posted + 5)
                    await server.kill()
                    await server.start()
                silence.set()
            for member in members:
                await member.until(member.is_answered)
            head = max(seq for member in members for seq in member.stored.values())
            for member in members:
                await member.has_seen(head)
            check_story(room, members, head)
            assert len(server.events("member_joined")) == 3
            assert not server.events("member_left")
            assert not server.events("password_refused")
            assert open_sessions(room) == ["ana", "budi", "cici"]
        assert open_sessions(room) == []
        assert {line.reason for line in room.history.joins(None, None, 1000)} == {"server_lost", "left"}

    asyncio.run(story())


def check_story(room: Room, members: list[Member], head: int) -> None:
    """Assert that everything said is in the log once and was seen by everybody once, in the log's order."""
    in_log = {line.seq: f"{line.name}: {line.text}" for line in room.history.messages(None, None, 100_000)}
    assert len(set(in_log.values())) == len(in_log) == sum(len(member.said) for member in members)
    for member in members:
        assert {in_log[seq] for seq in member.stored.values()} == {
            f"{member.name}: {text}" for text in member.said.values()
        }
        assert member.seqs == list(range(member.seqs[0], head + 1))
        assert [line for seq, line in sorted(in_log.items()) if seq >= member.seqs[0]] == member.lines
        assert not member.all(e.EntriesGone)
        sessions = member.all(e.Connected)
        assert sessions
        assert all(session.resumed for session in sessions), "a password was needed"


def without_data(data: bytes) -> bytes | None:
    """Let through only what begins a session, so that no server learns from a client of a session it does not know."""
    return None if data[0] == DATA else data


@pytest.mark.slow
def test_a_restarted_server_resets_silent_clients(kitchen: Room, server: ServerProcess) -> None:
    async def story() -> None:
        async with relay_to(server.port) as relay, joined("wulan", relay.port, server.key) as wulan:
            await eventually(lambda: "wulan" in open_sessions(kitchen))
            await eventually(lambda: bool(server.events("member_joined", name="wulan")))
            relay.change_up = without_data
            await server.kill()
            await server.start()
            await wulan.until(lambda: bool(wulan.all(e.ContactLost)))
            assert wulan.all(e.ContactLost) == [e.ContactLost("reset")]
            relay.change_up = as_it_is
            await wulan.until(lambda: bool(wulan.all(e.Admitted)))
            assert wulan.all(e.Connected)[-1].resumed
            assert len(server.events("member_joined", name="wulan")) == 1

    asyncio.run(story())


@pytest.mark.slow
def test_clients_resume_after_an_orderly_restart_without_join_entries(server: ServerProcess) -> None:
    async def story() -> None:
        async with joined("yanti", server.port, server.key) as yanti:
            assert await server.end() == 0
            await yanti.until(lambda: yanti.all(e.ContactLost) == [e.ContactLost("restarting")])
            number = yanti.say("said while nobody listened")
            await server.start()
            await yanti.until(lambda: number in yanti.stored)
            assert yanti.all(e.Connected)[-1].resumed
            assert len(server.events("member_joined", name="yanti")) == 1
            assert not server.events("member_left", name="yanti")

    asyncio.run(story())


@pytest.mark.slow
def test_a_server_that_comes_back_with_another_key_is_a_stranger(kitchen: Room, server: ServerProcess) -> None:
    async def story() -> None:
        before = server.key
        async with joined("putri", server.port, before) as putri:
            await eventually(lambda: "putri" in open_sessions(kitchen))
            await server.kill()
            (kitchen.state_dir / "server.key").unlink()
            server.logged.clear()
            await server.start()
            with pytest.raises(IdentityChanged) as changed:
                await putri.until(lambda: False)
            assert (changed.value.pinned, changed.value.offered) == (before, server.key)
            assert server.key != before
            async with conversation("budi", server.port, before) as budi:
                with pytest.raises(IdentityChanged):
                    await budi.open(PATIENCE)
        assert not server.events("session_opened"), "nothing was said to the stranger"

    asyncio.run(story())


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets one change the limits of another process")
@pytest.mark.slow
def test_nothing_is_acknowledged_while_the_disk_is_full_and_nothing_is_lost(room: Room) -> None:
    import resource

    async def story() -> None:
        async with (
            room.serve() as server,
            joined("ana", room.port, server.key) as ana,
            joined("budi", room.port, server.key) as budi,
        ):
            ana.say("before")
            await budi.sees("ana: before")
            limits = resource.prlimit(server.pid, resource.RLIMIT_FSIZE)
            resource.prlimit(
                server.pid, resource.RLIMIT_FSIZE, (os.path.getsize(room.state_dir / "room.db-wal"), limits[1])
            )
            for number in range(3):
                ana.say(f"ana {number}")
                budi.say(f"budi {number}")
            await server.wait_for("storage_failing")
            assert len(ana.stored) == 1
            assert not budi.stored
            resource.prlimit(server.pid, resource.RLIMIT_FSIZE, limits)
            await server.wait_for("storage_recovered")
            for member in (ana, budi):
                await member.until(member.is_answered)
            for member in (ana, budi):
                await member.has_seen(max(*ana.stored.values(), *budi.stored.values()))
            assert len(ana.lines) == len(set(ana.lines)) == 7
            assert ana.lines == budi.lines
            for name in ("ana", "budi"):
                assert [line for line in ana.lines if line.startswith(f"{name}: {name}")] == [
                    f"{name}: {name} {number}" for number in range(3)
                ]
        with sqlite3.connect(room.state_dir / "room.db") as database:
            assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        database.close()

    asyncio.run(story())
