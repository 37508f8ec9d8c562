"""Whom the room's admin removes is told why by every command, and what a screen showed stays readable."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

import pytest
from cli.scenes import People
from cli.stage import chatting, connecting, guest

from sockatuh.cli.chat import _chat
from sockatuh.cli.errors import ExitCode, report
from sockatuh.cli.options import Wishes
from sockatuh.cli.send import _send
from sockatuh.cli.stdin import InputLine
from sockatuh.cli.tail import _tail
from sockatuh.cli.talk import talk_in_json, talk_through_a_pipe
from sockatuh.cli.who import _who
from sockatuh.client.items import Role
from sockatuh.client.sign_in import Trust
from sockatuh.errors import Removed
from sockatuh.testing import MemoryRoom, run

KICKED: Final = "You were removed from the room (flooding). You can come back in 5 min."
BANNED: Final = "You are banned from this room for ever (spam)."


@pytest.mark.parametrize("screen", ["full", "inline"])
def test_a_screen_leaves_what_it_showed_and_then_says_why_it_ended(tmp_path: Path, screen: str) -> None:
    async def scene() -> None:
        async with MemoryRoom() as kitchen, guest(kitchen, tmp_path, "ana") as ana:
            await ana.say("soup at one")
            async with chatting(kitchen, tmp_path, environ={"SOCKATUH_SCREEN": screen}) as stage:
                await kitchen.order("kick", name="ana", for_=60)
                await stage.pause()
                kitchen.cut_network()
                await stage.type("is there bread?\r")
                await stage.type("half a line\x1b\rand ano")
                await kitchen.order("kick", name="tom", for_=300, reason="flooding")
                kitchen.mend_network()
                with pytest.raises(Removed) as removed:
                    await stage.end()
                assert report(removed.value, as_json=False) == ExitCode.REFUSED
                left = [row for row in stage.rows if row]
            await asyncio.sleep(300)
            async with chatting(kitchen, tmp_path, environ={"SOCKATUH_SCREEN": screen}) as stage:
                rows = "\n".join(row for row in stage.rows if row)
                assert "1 line of last time was never acknowledged" in rows
                assert "\n      is there bread?\n" in rows
        assert left[-8:] == [
            "— you are here —",
            "09:52 · ana left (removed)",
            "What you were writing:",
            "      half a line",
            "      and ano",
            "1 line was not stored. Your next chat here lists it again:",
            "      is there bread?",
            KICKED,
        ]
        assert "09:52 ana  soup at one" in left
        assert ("kitchen, as you left it:" in left) == (screen == "full")

    run(scene())


def test_an_announcement_and_a_removal_are_shown_whatever_is_folded_or_ignored(tmp_path: Path) -> None:
    async def scene() -> None:
        async with MemoryRoom() as kitchen, AsyncExitStack() as doors:
            people = People(kitchen, tmp_path, doors)
            await people.come("ana", "eva")
            async with chatting(kitchen, tmp_path) as stage:
                await people.come("zoë")
                await kitchen.order("kick", name="eva", for_=60)
                await people.come("kim")
                await kitchen.order("announce", text="closing at five")
                await stage.pause()
                assert [row[6:] for row in stage.rows if row.startswith("09:52 ")] == [
                    "· zoë joined",
                    "· eva left (removed)",
                    "· kim joined",
                    "# admin  closing at five",
                ]

    run(scene())


def wishes(role: Role = Role.MEMBER) -> Wishes:
    return Wishes("kitchen", "budi", None, Trust.ASK, may_ask=False, role=role)


async def nothing_typed() -> AsyncIterator[InputLine]:
    """Be a stdin that stays open and silent."""
    await asyncio.Event().wait()
    yield InputLine(1, 0, b"")


COMMANDS: Final[dict[str, Callable[[bool], Coroutine[Any, Any, None]]]] = {
    "chat": lambda as_json: _chat(
        wishes(),
        lambda room, *_: talk_in_json(room) if as_json else talk_through_a_pipe(room),
        greets=False,
        as_json=as_json,
    ),
    "tail": lambda as_json: _tail(wishes(Role.READER), as_json=as_json),
    "who": lambda as_json: _who(wishes(Role.SCRIPT), as_json=as_json),
    "send": lambda as_json: _send(wishes(Role.SCRIPT), "soup", "", [], as_json=as_json),
}


@pytest.mark.parametrize("as_json", [True, False], ids=["json", "text"])
@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_says_that_one_is_banned_and_exits_with_4(
    command: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str], *, as_json: bool
) -> None:
    monkeypatch.setenv("SOCKATUH_CLIENT_DIR", str(tmp_path))
    monkeypatch.setattr("sockatuh.cli.talk.read_lines", nothing_typed)

    async def story() -> Removed:
        async with MemoryRoom() as kitchen:
            monkeypatch.setenv("SOCKATUH_PASSWORD", kitchen.password)
            monkeypatch.setattr("sockatuh.cli.connection.connect", connecting(kitchen))
            await COMMANDS["send"](False)
            stays = command in ("chat", "tail")
            running = asyncio.create_task(COMMANDS[command](as_json)) if stays else None
            await asyncio.sleep(1)
            await kitchen.order("ban", target="budi", for_=None, reason="spam", yes=True)
            with pytest.raises(Removed) as removed:
                await (running or COMMANDS[command](as_json))
        return removed.value

    removed = run(story())
    assert report(removed, as_json=as_json) == ExitCode.REFUSED
    said = capsys.readouterr()
    assert said.err.endswith(f"{BANNED}\n")
    if as_json:
        line = json.loads(said.out.splitlines()[-1])
        assert (line["type"], line["code"], line["until"], line["reason"]) == ("error", "banned", None, "spam")
