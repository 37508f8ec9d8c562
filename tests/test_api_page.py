"""docs/API.md: every example runs and does what the page says, and the page names what the package exports."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import re
import typing
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

import sockatuh
from sockatuh import Event, Room, Said, Whispered
from sockatuh.testing import MemoryRoom, run

PAGE: Final = (Path(__file__).parent.parent / "docs/API.md").read_text("utf-8")
EXAMPLES: Final = dict(
    re.findall(r"^## ([^\n]+)\n(?:(?!^## ).)*?^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
)
"""The program under each heading that has one."""

Story = Callable[[dict[str, MemoryRoom]], Coroutine[Any, Any, None]]


async def said_in(room: Room) -> Said:
    """Return the next line that is said in a room."""
    async for event in room:
        if isinstance(event, Said) and not event.own:
            return event
    raise AssertionError("the room has ended")


async def whispered_to(room: Room) -> Whispered:
    """Return the next private line of somebody else."""
    async for event in room:
        if isinstance(event, Whispered) and not event.own:
            return event
    raise AssertionError("the room has ended")


async def until_said(room: Room, text: str) -> AsyncIterator[Event]:
    """Yield what happens in a room up to a line."""
    async for event in room:
        yield event
        if isinstance(event, Said) and event.text == text:
            return


async def greet_the_bot(rooms: dict[str, MemoryRoom]) -> None:
    await asyncio.sleep(1)
    async with rooms["kitchen.local"].connect(name="ana") as ana:
        await ana.say("!hello")
        answer = await said_in(ana)
        assert (answer.name, answer.text) == ("bot", "hello ana")


async def ask_the_doorman(rooms: dict[str, MemoryRoom]) -> None:
    await asyncio.sleep(1)
    kitchen = rooms["kitchen.local"]
    async with kitchen.connect(name="ana") as ana, kitchen.connect(name="budi") as budi:
        await ana.say("!code")
        answer = await whispered_to(ana)
        assert (answer.name, answer.to, answer.text) == ("doorman", "ana", "the door's code is 7625")
        await ana.say("thank you", to="doorman")
        assert "!code" in (await whispered_to(ana)).text
        await budi.say("what code?")
        seen = [event async for event in until_said(budi, "what code?")]
        assert not any(isinstance(event, Whispered) for event in seen), "it is between the two"
    assert kitchen.lines == [("ana", "!code"), ("budi", "what code?")]


async def hear_the_bell(rooms: dict[str, MemoryRoom]) -> None:
    await asyncio.sleep(1)
    assert rooms["kitchen.local"].lines == [("bell", "somebody rang at 09:30"), ("bell", "and again")]


async def talk_over_the_bridge(rooms: dict[str, MemoryRoom]) -> None:
    await asyncio.sleep(1)
    kitchen, workshop = rooms["kitchen.local"], rooms["workshop.local"]
    async with kitchen.connect(name="ana") as ana, workshop.connect(name="budi") as budi:
        await ana.say("soup at one")
        assert (await said_in(budi)).text == "ana: soup at one"
        await budi.say("coming")
        assert (await said_in(ana)).text == "budi: coming"
    assert (len(kitchen.lines), len(workshop.lines)) == (2, 2), "a line that came over the bridge does not go back"


async def remove_the_greeter(rooms: dict[str, MemoryRoom]) -> None:
    kitchen = rooms["kitchen.local"]
    await asyncio.sleep(1)
    await kitchen.order("mute", name="host", for_=60)
    async with kitchen.connect(name="ana"):
        await asyncio.sleep(1)
    assert kitchen.lines == [], "it is muted, and stays"
    await kitchen.order("unmute", name="host")
    await kitchen.order("kick", name="host", for_=600, reason="too much")
    async with kitchen.connect(name="budi") as budi:
        await asyncio.sleep(590)
        assert [member.name for member in await budi.members()] == ["budi"]
        await asyncio.sleep(20)
        assert {member.name for member in await budi.members()} == {"budi", "host"}
    async with kitchen.connect(name="eva"):
        await asyncio.sleep(1)
    assert kitchen.lines == [("host", "welcome, eva")]


STORIES: Final[dict[str, Story]] = {
    "A bot in 15 lines": greet_the_bot,
    "A private answer": ask_the_doorman,
    "Saying a line once, over restarts of the program": hear_the_bell,
    "What the admin orders": remove_the_greeter,
    "A bridge": talk_over_the_bridge,
}
"""What happens in the rooms of a program that runs until it is stopped."""


@pytest.mark.parametrize("heading", EXAMPLES)
def test_an_example_does_what_the_page_says(heading: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    rooms: dict[str, MemoryRoom] = {}

    async def beside_its_story(program: Coroutine[Any, Any, None]) -> None:
        async with contextlib.AsyncExitStack() as stack:
            for server, password in re.findall(r'connect\("([^"]+)".*?password="([^"]+)"', EXAMPLES[heading]):
                rooms[server] = await stack.enter_async_context(MemoryRoom(server, password=password))
            running = asyncio.create_task(program)
            telling = asyncio.create_task(STORIES[heading](rooms))
            await asyncio.wait([running, telling], return_when=asyncio.FIRST_COMPLETED)
            assert not running.done(), "it was to run until it is stopped"
            running.cancel()
            await telling

    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(sockatuh, "connect", lambda server, **options: rooms[server].connect(server, **options), False)
    monkeypatch.setattr(asyncio, "run", lambda program: run(beside_its_story(program)))
    code = compile(EXAMPLES[heading], f"docs/API.md: {heading}", "exec")
    exec(code, {"__name__": "__main__"})  # noqa: S102 (the page is ours)


def test_every_example_is_run() -> None:
    assert PAGE.count("```python") == len(EXAMPLES)
    assert {*STORIES} <= {*EXAMPLES}


def test_the_bot_has_15_lines() -> None:
    lines = [line for line in EXAMPLES["A bot in 15 lines"].splitlines() if line]
    assert len(lines) <= 15


def test_the_page_documents_exactly_the_exported_names() -> None:
    named = {*re.findall(r"\bsockatuh\.([A-Za-z_]+)", PAGE), *re.findall(r"`([A-Z][a-z][A-Za-z]+)[`(.]", PAGE)}
    assert {*sockatuh.__all__} - {"__version__"} - {*re.findall(r"\w+", PAGE)} == set()
    assert named - {"testing", "MemoryRoom", "None", "True"} <= {*sockatuh.__all__}


def test_every_argument_of_connect_and_every_part_of_a_room_is_explained() -> None:
    explained = {*re.findall(r"\w+", PAGE)}
    assert {*inspect.signature(sockatuh.connect).parameters} <= explained
    calls_of_the_session = {"take", "mend", "fail"}
    assert {name for name in vars(Room) if not name.startswith("_")} - calls_of_the_session <= explained


@pytest.mark.parametrize("event", typing.get_args(sockatuh.Event), ids=lambda event: event.__name__)
def test_the_row_of_an_event_lists_its_facts(event: type[msgspec.Struct]) -> None:
    row = re.search(rf"^\| `{event.__name__}` \|.*$", PAGE, re.MULTILINE)
    assert row
    assert [name for name in event.__struct_fields__ if f"`{name}`" not in row[0]] == []


def test_every_error_that_is_exported_has_a_row() -> None:
    errors = [
        name
        for name in sockatuh.__all__
        if inspect.isclass(kind := getattr(sockatuh, name)) and issubclass(kind, Exception)
    ]
    rows = {*re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)}
    assert {*errors} - rows == {"SockAtuhError", "ClientError"}
