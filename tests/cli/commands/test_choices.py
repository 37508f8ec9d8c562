from __future__ import annotations

import asyncio
from pathlib import Path

from cli.wall import Chat
from client.session_double import entry, joined, left

from sockatuh.cli.notifications import Bell
from sockatuh.client.profile import Profile
from sockatuh.protocol.client.events import CaughtUp, EntryArrived
from sockatuh.protocol.messages import JOINED, Entry
from sockatuh.wording import client as phrases
from sockatuh.wording import commands as wording


def test_quiet_hides_joins_and_leaves_here_and_next_time(tmp_path: Path) -> None:
    async def story() -> None:
        chat = Chat(profile=Profile(tmp_path))
        await chat.hear(CaughtUp())
        assert await chat.type("/quiet") == ["— joins and leaves are hidden; /quiet off shows them"]
        assert await chat.hear(joined(5, "ana"), left(6, "ana"), entry(7)) == ["ana  x"]
        assert await chat.type("/quiet maybe") == ["no: /quiet is on or off"]
        again = Chat(profile=Profile(tmp_path))
        await again.hear(CaughtUp())
        assert await again.hear(joined(5, "ana")) == []
        assert await again.type("/quiet off") == [f"— {wording.NOT_QUIET}"]
        assert await again.hear(joined(8, "budi")) == ["· budi joined"]
        await chat.close()
        await again.close()

    asyncio.run(story())


def test_that_somebody_reads_in_clear_is_said_in_quiet_too() -> None:
    async def story() -> None:
        chat = Chat()
        await chat.hear(CaughtUp())
        await chat.type("/quiet on")
        classic = EntryArrived(Entry(5, 0, JOINED, "oldpi", "classic"), None)
        assert await chat.hear(classic) == [f"— {phrases.IN_CLEAR.format(name='oldpi')}"]
        await chat.close()

    asyncio.run(story())


def test_the_bell_is_chosen_here_and_for_next_time(tmp_path: Path) -> None:
    async def story() -> None:
        chat = Chat(profile=Profile(tmp_path))
        await chat.hear(CaughtUp(), entry(5))
        assert chat.written == []
        assert await chat.type("/bell") == ["— /bell is off, mine or all; it is mine"]
        assert await chat.type("/bell loud") == ["no: /bell is off, mine or all; it is mine"]
        assert await chat.type("/bell all") == [f"— {wording.BELLS['all']}"]
        await chat.hear(entry(6))
        assert chat.written == ["\a"]
        again = Chat(profile=Profile(tmp_path), environ={"SOCKATUH_NOTIFY": "off"})
        assert again.state.notifier.bell is Bell.ALL
        assert await again.type("/bell mine") == [f"— {wording.BELLS['mine']}, but $SOCKATUH_NOTIFY is off"]
        assert await again.type("/bell off") == [f"— {wording.BELLS['off']}"]
        await chat.close()
        await again.close()

    asyncio.run(story())


def test_a_choice_that_means_nothing_is_passed_over(tmp_path: Path) -> None:
    profile = Profile(tmp_path)
    profile.set_choice("127.0.0.1:9", "bell", "loud")
    profile.set_choice("127.0.0.1:9", "quiet", "perhaps")

    async def story() -> None:
        chat = Chat(profile=Profile(tmp_path))
        assert chat.state.notifier.bell is Bell.MINE
        assert not chat.state.is_quiet

    asyncio.run(story())
