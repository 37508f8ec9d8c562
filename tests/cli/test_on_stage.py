"""The full screen as a whole, in a room in memory: what it draws, writes and rings, and what it leaves alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

import pytest
from cli.scenes import CODE, LONG, People, say_in_every_script
from cli.stage import Stage, chatting

from sockatuh.cli.direction import without_marks
from sockatuh.testing import MemoryRoom, run

OUTAGE: Final = 20.0
FULL: Final = {"SOCKATUH_SCREEN": "full"}


@asynccontextmanager
async def evening(
    directory: Path, *names: str, columns: int = 80, rows: int = 24, joins: bool = True
) -> AsyncIterator[tuple[Stage, People, MemoryRoom]]:
    """Put the full screen on a stage, in a room in which people of some names are."""
    async with MemoryRoom() as kitchen, AsyncExitStack() as doors:
        people = People(kitchen, directory, doors)
        await people.come(*names)
        async with chatting(kitchen, directory, columns=columns, rows=rows, joins=joins, environ=FULL) as stage:
            yield stage, people, kitchen


def seen(stage: Stage) -> list[str]:
    """Return the rows without marks of direction, which have no width: a blank may keep one from a former row."""
    return [without_marks(row) for row in stage.rows]


@pytest.mark.parametrize("joins", [True, False], ids=["joins", "joins nothing"])
def test_the_screen_is_what_painting_it_again_would_show(tmp_path: Path, *, joins: bool) -> None:
    async def scene() -> None:
        async with evening(tmp_path, "ana", "eva", joins=joins) as (stage, people, _):
            await stage.type("\x1b")  # any key ends what somebody who has just come in is told
            for _ in range(2):
                await say_in_every_script(people)
                await people["ana"].say(CODE)
                await people["ana"].say("\U0001f468\u200d\U0001f469\u200d\U0001f467" * 5)
                await people["ana"].say(LONG)
                await stage.pause()
                for key in ("", "\x1b[5~", "\x1b[A", "\x1b[B", "\x1b[1;5H", "\x1b"):
                    await stage.type(key)
                    before = seen(stage)
                    await stage.type("\x0c")
                    assert before == seen(stage)

    run(scene())


@pytest.mark.parametrize("joins", [True, False], ids=["joins", "joins nothing"])
def test_the_people_stand_in_one_column_whatever_is_beside_them(tmp_path: Path, *, joins: bool) -> None:
    async def scene() -> None:
        async with evening(tmp_path, "ana", "eva", columns=120, rows=40, joins=joins) as (stage, people, _):
            await say_in_every_script(people)
            await stage.pause()
            edges = [
                [column for column in range(120) if stage.screen.cell(row, column).data.endswith("│")]
                for row in range(1, 38)
            ]
            assert edges == [[100]] * 37

    run(scene())


def test_nothing_is_drawn_while_nothing_happens(tmp_path: Path) -> None:
    async def scene() -> None:
        async with evening(tmp_path, "ana") as (stage, _, kitchen):
            await asyncio.sleep(5)
            written = len(stage.written)
            await asyncio.sleep(60)
            assert len(stage.written) == written
            kitchen.cut_network()
            await stage.type("kept\r")
            await asyncio.sleep(30)
            assert "1 line kept" in "".join(stage.rows)
            written = len(stage.written)
            await asyncio.sleep(OUTAGE)
            assert len(stage.written) == written
            kitchen.mend_network()
            await asyncio.sleep(60)
            assert kitchen.lines == [("tom", "kept")]
            assert not any("no contact" in row or "…" in row for row in stage.rows)

    run(scene())


def test_a_mention_rings_once_and_five_of_them_once(tmp_path: Path) -> None:
    async def scene() -> None:
        async with evening(tmp_path, "ana") as (stage, people, _):
            await stage.type("x\x7f")
            await people["ana"].say("tom: too early, a key was pressed just now")
            await asyncio.sleep(11)
            for bells, texts in ((1, ["tom: soup?"]), (2, [f"tom: {number}" for number in range(5)]), (2, ["soup"])):
                for text in texts:
                    await people["ana"].say(text)
                await asyncio.sleep(4)
                assert stage.screen.bells == bells
            await people["ana"].say("only for you", to="tom")
            await stage.pause()
            assert stage.screen.bells == 3
            await asyncio.sleep(4)
            await stage.type("x")
            await people["ana"].say("tom: you are here")
            await stage.pause()
            assert stage.screen.bells == 3

    run(scene())


def test_history_rings_nobody(tmp_path: Path) -> None:
    async def scene() -> None:
        async with MemoryRoom() as kitchen, AsyncExitStack() as doors:
            people = People(kitchen, tmp_path, doors)
            await people.come("ana")
            await people["ana"].say("tom: soup at one")
            async with chatting(kitchen, tmp_path, environ=FULL) as stage:
                await asyncio.sleep(20)
                assert any("tom: soup at one" in row for row in stage.rows)
                kitchen.cut_network()
                await asyncio.sleep(60)
                kitchen.mend_network()
                await asyncio.sleep(60)
                assert stage.screen.bells == 0

    run(scene())
