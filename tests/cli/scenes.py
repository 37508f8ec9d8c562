"""What happens in a room on an evening, and what somebody's screen shows at its moments; `scripts/picture` runs this.

The files in tests/cli/golden are what the screen is meant to look like: look at each difference before committing it.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cli.pictures import picture, written_down
from cli.stage import Stage, chatting, guest

from sockatuh.client.room import Room
from sockatuh.testing import MemoryRoom, run
from sockatuh.wording import LANGUAGES, choose_language

GOLDEN: Final = Path(__file__).parent / "golden"
PICTURE: Final = Path(__file__).parents[2] / "docs/screen.svg"
TITLE: Final = "sockatuh chat in a terminal"
SIZES: Final = ((40, 12), (80, 24), (100, 30), (120, 40))
IDLE: Final = 40.0
"""Seconds without a key after which what comes is unread."""
CODE: Final = "def soup(at: int) -> str:\n    return f'soup at {at}'\n\nprint(soup(13))"
LONG: Final = "plenty, and also some of the very long lines that people write when they have had coffee"
LISTING: Final = "\n".join(f"{number:03} bowls, washed and dried and back on the shelf" for number in range(1, 201))
PASTED: Final = "\n".join(f"step {number}: stir" for number in range(1, 13))


@dataclass(frozen=True, slots=True)
class Shot:
    """A terminal that the evening is looked at on."""

    columns: int
    rows: int
    language: str = "en"
    coloured: bool = True
    screen: str = "full"

    @property
    def path(self) -> Path:
        colour = "colour" if self.coloured else "no-colour"
        return GOLDEN / f"{self.screen}-{self.columns}x{self.rows}-{self.language}-{colour}.txt"

    @property
    def environ(self) -> dict[str, str]:
        colour = {} if self.coloured else {"NO_COLOR": "1"}
        return {"SOCKATUH_SCREEN": self.screen, "SOCKATUH_LANG": self.language, **colour}


SHOTS: Final = tuple(
    Shot(columns, rows, language, coloured, screen)
    for screen in ("full", "inline")
    for columns, rows in (SIZES if screen == "full" else SIZES[:2])
    for language in LANGUAGES
    for coloured in (True, False)
)


def moments_of(shot: Shot) -> dict[str, str]:
    """Return what the screen shows at each moment of the evening, in the language of this process."""
    with tempfile.TemporaryDirectory() as directory:
        return run(_evening(shot, Path(directory)))


def page_of(shot: Shot) -> str:
    """Return the moments as a golden file has them."""
    return "\n".join(f"== {moment}\n{shown}" for moment, shown in moments_of(shot).items())


async def _evening(shot: Shot, directory: Path) -> dict[str, str]:
    moments: dict[str, str] = {}
    async with MemoryRoom() as kitchen, AsyncExitStack() as doors:
        people = People(kitchen, directory, doors)
        await _before(people)
        async with chatting(kitchen, directory, columns=shot.columns, rows=shot.rows, environ=shot.environ) as stage:

            async def shoot(moment: str) -> None:
                # Which paintings lead to a screen is a matter of speed, and marks of direction may be left from them.
                await stage.type("\x0c" if shot.screen == "full" and stage.is_running else "")
                moments[moment] = written_down(stage.screen)

            await shoot("just come in")
            await say_in_every_script(people)
            await shoot("every script")
            await _talk(stage, people)
            await shoot("what came while nobody typed")
            await _rule(stage, people, kitchen)
            await shoot("what the admin says and does")
            await stage.type("first\x1b\rsecond 今日\x1b\rthird")
            await shoot("a text of three rows, half typed")
            await stage.type("\x03")
            await stage.type("\x1b[5~")
            await people["ana"].say("did I miss anything?")
            await asyncio.sleep(1)
            await shoot("scrolled up, and something came")
            await stage.type("\x1b")
            await stage.type("/search SOUP\r")
            await shoot("searched")
            await stage.type("\r")
            await shoot("searched, one further")
            await stage.type("\x1b")
            await stage.paste(PASTED)
            await shoot("a paste that waits for Enter")
            await stage.type("\x03")
            await _answers(stage)
            await shoot("answers to commands")
            await stage.type("x\x03")  # the inline screen has dropped what it could not do
            kitchen.cut_network()
            for number in range(1, 8):
                await stage.type(f"kept {number}\r")
            await asyncio.sleep(IDLE)
            await shoot("no contact, and seven lines that wait")
            kitchen.mend_network()
            await asyncio.sleep(IDLE)
            await shoot("in contact again")
            await stage.type("/quit\r")
            await stage.end()
            await shoot("what is left on the terminal")
    return moments


class People:
    """Everybody else in the room, by name."""

    def __init__(self, kitchen: MemoryRoom, directory: Path, doors: AsyncExitStack) -> None:
        self._kitchen, self._directory, self._doors = kitchen, directory, doors
        self._rooms: dict[str, Room] = {}

    def __getitem__(self, name: str) -> Room:
        return self._rooms[name]

    async def come(self, *names: str) -> None:
        """Let people join who are not here yet."""
        for name in [each for each in names if each not in self._rooms]:
            self._rooms[name] = await self._doors.enter_async_context(guest(self._kitchen, self._directory, name))

    async def go(self, *names: str) -> None:
        """Let people leave."""
        for name in names:
            await self._rooms.pop(name).leave()


async def _before(people: People) -> None:
    """What the history holds when tom comes in."""
    await people.come("ana")
    await people["ana"].say("soup at one")
    await people.come("backup-bot")
    await people["backup-bot"].say("backup done: 41G")
    await people.go("backup-bot")
    await people["ana"].say(LISTING)
    await asyncio.sleep(300)
    await people.come("budi", "eva")


async def say_in_every_script(people: People) -> None:
    """Lines whose columns terminals find it hard to count."""
    await people.come("דנה", "林")
    await people["דנה"].say("המרק מוכן בשעה 13, עם לחם")
    await people["דנה"].say("מערבבת", action=True)
    await people["林"].say("今日のスープは一時にあります。パンもたくさんあります。林さんより、台所の皆さんへ。")
    await people["eva"].say("cafe\u0301 nai\u0308ve ก็ นี้ हिन्दी")
    await people["eva"].say(
        "\U0001f468\u200d\U0001f469\u200d\U0001f467 \U0001f44d\U0001f3fd \U0001f1ee\U0001f1e9 \u2764\ufe0f lunch"
    )


async def _talk(stage: Stage, people: People) -> None:
    """Everything else that stands in a log; the last lines come when nobody has typed for a while."""
    await people.come("zoë", "kim")
    await people.go("zoë")
    await stage.type("is there bread?\r")
    await people["budi"].say(LONG)
    await people["ana"].say("puts the kettle on", action=True)
    await people["budi"].say(CODE)
    await asyncio.sleep(IDLE)
    await people["ana"].say("tom: look at https://intern.example/a")
    await people["budi"].say("the key is under the mat", to="tom")
    await people["kim"].rename("kimiko")
    await people["eva"].away("lunch")


async def _rule(stage: Stage, people: People, kitchen: MemoryRoom) -> None:
    """What the admin announces, whom the admin removes, and tom, who may not speak for a while."""
    await people.come("mallory")
    await people["mallory"].say("# admin  the kitchen is closed\n09:52 # admin  for ever")
    await kitchen.order("announce", text="the kitchen closes at five;\nwhoever comes last washes the dishes")
    await kitchen.order("kick", name="mallory", for_=60, reason="lies")
    await people.come("oscar")
    await kitchen.order("mute", name="tom", for_=600, reason="flooding")
    await stage.type("who was that?\r")
    await stage.type("and why?\r")
    await kitchen.order("unmute", name="tom")


async def _answers(stage: Stage) -> None:
    await stage.type("/msg budi thank you\r")
    await stage.type("/who\r")
    await stage.type("/links\r")
    await stage.type("/nothing\r")


def readme_picture() -> str:
    """Return docs/screen.svg: the screen as README shows it."""
    with tempfile.TemporaryDirectory() as directory:
        return run(_first_minute(Path(directory)))


async def _first_minute(directory: Path) -> str:
    async with MemoryRoom() as kitchen, AsyncExitStack() as doors:
        people = People(kitchen, directory, doors)
        await people.come("sari")
        await people["sari"].say("soup at one")
        await people.come("backup-bot")
        await asyncio.sleep(360)
        await people["backup-bot"].say("backup done: 41G")
        await people.come("zoë", "wati")
        await asyncio.sleep(120)
        async with chatting(kitchen, directory, columns=104, rows=22, environ={"SOCKATUH_LANG": "en"}) as stage:
            await people.come("budi")
            await people.go("zoë")
            await people["sari"].say("puts the kettle on", action=True)
            await stage.type("is there bread?\r")
            await people["sari"].say(LONG)
            await people["wati"].say("パンもたくさんあります")
            await people["budi"].say("the key is under the mat", to="tom")
            await stage.type("/msg budi thank you\r")
            await people["wati"].away("lunch")
            await asyncio.sleep(IDLE)
            await people["sari"].say("tom: look at https://intern.example/soup")
            await people["budi"].say("I have had two bowls already")
            await stage.type("coming\x0c")
            return picture(stage.screen, TITLE)


def main() -> None:
    """Draw the picture, or print or write the moments."""
    parser = argparse.ArgumentParser(prog="scripts/picture", description=__doc__)
    parser.add_argument("--golden", action="store_true", help="also write tests/cli/golden, in every language")
    parser.add_argument("--show", metavar="COLUMNSxROWS", help="print the moments on a terminal of this size instead")
    parser.add_argument("--screen", default="full", choices=["full", "inline"], help="which screen to print")
    parser.add_argument("--no-colour", action="store_true", help="print without colours")
    for name in ("--write", "--compare"):  # the files of this language, which is that of the environment
        parser.add_argument(name, metavar="LANGUAGE", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.show:
        columns, rows = map(int, options.show.split("x"))
        print(page_of(Shot(columns, rows, choose_language(os.environ), not options.no_colour, options.screen)))
        return
    if language := options.write or options.compare:
        for shot in SHOTS:
            if shot.language == language:
                page = page_of(shot)
                if options.compare and page != shot.path.read_text("utf-8"):
                    print(shot.path.name, page, sep="\n")
                elif options.write:
                    shot.path.parent.mkdir(exist_ok=True)
                    shot.path.write_text(page, "utf-8")
        return
    PICTURE.write_text(readme_picture(), "utf-8")
    for each in LANGUAGES if options.golden else ():
        environ = os.environ | {"SOCKATUH_LANG": each}
        subprocess.run([sys.executable, "-m", "cli.scenes", "--write", each], env=environ, check=True)


if __name__ == "__main__":
    main()
