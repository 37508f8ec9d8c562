from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from prompt_toolkit.application import Application, create_app_session
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.input import PipeInput, create_pipe_input
from prompt_toolkit.layout import BufferControl, Layout, Window
from prompt_toolkit.output import DummyOutput

from sockatuh.cli.input_line import REMEMBERED, InputLine
from sockatuh.cli.tab_completion import TabCompletion
from sockatuh.wording import client as phrases

ALT_ENTER = "\x1b\r"
UP, DOWN, CTRL_P, CTRL_N, CTRL_C, CTRL_D, CTRL_J, CTRL_X_E = (
    "\x1b[A",
    "\x1b[B",
    "\x10",
    "\x0e",
    "\x03",
    "\x04",
    "\n",
    "\x18\x05",
)


def paste(text: str) -> str:
    return f"\x1b[200~{text}\x1b[201~"


@dataclass
class Typist:
    """Types into an input line. `said`: the lines it was given; `left`: whether by Ctrl-C, each time it was left."""

    keys: PipeInput
    said: list[str] = field(default_factory=list)
    left: list[bool] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.buffer = Buffer(multiline=True, accept_handler=self._accept)
        self.line = InputLine(self.buffer, TabCompletion({"who": None}, lambda: ["ana", "budi"]), self.left.append)
        self.app: Application[None] = Application(
            Layout(Window(BufferControl(self.buffer))), key_bindings=self.line.keys
        )

    def _accept(self, buffer: Buffer) -> bool:
        self.said.append(buffer.text)
        return False

    async def type(self, *keys: str) -> str:
        """Type, each key's effect after the other's, and return what is in the input."""
        for each in keys:
            self.keys.send_text(each)
            await take_turns()
        return self.buffer.text


async def take_turns() -> None:
    """Give the loop as many turns as it takes to read what was typed."""
    for _ in range(40):
        await asyncio.sleep(0)


def typing(script: Callable[[Typist], Any]) -> Typist:
    async def main() -> Typist:
        with create_pipe_input() as keys, create_app_session(input=keys, output=DummyOutput()):
            typist = Typist(keys)
            running = asyncio.create_task(typist.app.run_async())
            while not typist.app.is_running:
                await asyncio.sleep(0)
            try:
                await script(typist)
                await typist.line.close()
            finally:
                typist.app.exit()
                await running
            return typist

    return asyncio.run(main())


def test_enter_sends_and_two_keys_begin_a_new_line() -> None:
    async def script(typist: Typist) -> None:
        assert await typist.type("one", ALT_ENTER, "two", CTRL_J, "three") == "one\ntwo\nthree"
        assert await typist.type("\r", "/who", "\r") == ""

    assert typing(script).said == ["one\ntwo\nthree", "/who"]


def test_lines_typed_before_come_back_and_the_oldest_are_forgotten() -> None:
    async def script(typist: Typist) -> None:
        for number in range(REMEMBERED + 3):
            await typist.type(f"line {number}\r")
        typist.buffer.load_history_if_not_yet_loaded()
        await take_turns()
        assert await typist.type("half", CTRL_P) == "line 102"
        assert await typist.type(UP) == "line 101"
        assert await typist.type(CTRL_N, DOWN) == "half"
        for _ in range(REMEMBERED + 3):
            await typist.type(CTRL_P)
        assert typist.buffer.text == "line 3"

    typing(script)


def test_tab_completes_in_the_middle_of_a_text() -> None:
    async def script(typist: Typist) -> None:
        assert await typist.type("hi b is here", *["\x1b[D"] * 8, "\t") == "hi budi is here"
        assert await typist.type(CTRL_C, "\t") == "ana: "
        assert await typist.type("\t") == "budi: "
        assert await typist.type("x") == "budi: x"

    typing(script)


@pytest.mark.parametrize(
    ("pasted", "hint"),
    [
        ("a\nb\nc", ""),
        ("x" * 2_000, ""),
        ("a\r\nb\rc\nd", phrases.pasted(4, 7)),
        ("a\nb\nc\nd\n", phrases.pasted(4, 8)),
        ("a\nb\nc\n", ""),
        ("x" * 2_001, phrases.pasted(1, 2_001)),
        ("\n".join(["e" * 39 + "\x1b"] * 200), phrases.pasted(200, 8_199)),
    ],
)
def test_a_long_paste_stays_in_the_input_with_a_hint(pasted: str, hint: str) -> None:
    async def script(typist: Typist) -> None:
        await typist.type(paste(pasted))
        assert typist.line.hint == hint
        assert typist.said == []
        await typist.type("\r")
        assert typist.line.hint == ""

    assert typing(script).said == [pasted.replace("\r\n", "\n").replace("\r", "\n")]


def test_what_is_typed_is_no_paste_and_a_dropped_paste_is_gone() -> None:
    async def script(typist: Typist) -> None:
        await typist.type(*"a\nb\nc\nd\ne")
        assert typist.line.hint == ""
        await typist.type(paste("1\n2\n3\n4"))
        assert "8 lines" in typist.line.hint
        assert await typist.type(CTRL_C) == ""
        assert typist.line.hint == ""
        await typist.type("a\nb\nc\nd\ne")
        assert typist.line.hint == ""

    assert typing(script).left == []


def test_ctrl_c_on_an_empty_input_and_ctrl_d_leave() -> None:
    async def script(typist: Typist) -> None:
        await typist.type("x", CTRL_D, CTRL_C, CTRL_D, CTRL_C)

    assert typing(script).left == [False, True]


@contextlib.contextmanager
def editor(monkeypatch: pytest.MonkeyPatch, path: Path, body: str) -> Iterator[None]:
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o700)
    monkeypatch.setenv("VISUAL", str(path))
    yield


async def edited(typist: Typist) -> None:
    await typist.type(CTRL_X_E)
    while typist.line.is_edited:
        await asyncio.sleep(0.01)


def test_an_edited_text_comes_back_unsent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async def script(typist: Typist) -> None:
        await typist.type("one")
        await edited(typist)
        assert typist.buffer.text == "one\ntwo"

    with editor(monkeypatch, tmp_path / "editor", 'echo two >> "$1"'):
        assert typing(script).said == []


def test_a_failing_editor_leaves_the_text_and_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async def script(typist: Typist) -> None:
        await typist.type("one")
        await edited(typist)
        assert typist.buffer.text == "one"
        assert typist.line.hint == phrases.editor_failed(str(tmp_path / "editor"))
        await typist.type("x")
        assert typist.line.hint == ""

    with editor(monkeypatch, tmp_path / "editor", "exit 1"):
        typing(script)


def test_without_an_editor_a_hint_names_the_variable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("VISUAL", "EDITOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))

    async def script(typist: Typist) -> None:
        await typist.type("one", CTRL_X_E)
        assert typist.line.hint == "no editor; set $EDITOR"
        assert typist.buffer.text == "one"

    typing(script)
