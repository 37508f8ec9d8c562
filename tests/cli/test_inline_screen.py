"""The inline screen in this process, on a terminal in memory."""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pyte
import pytest
from client.session_double import ADMITTED, SessionDouble, entry
from kit.emulator import Emulator
from kit.terminal import PATIENCE
from prompt_toolkit.data_structures import Size
from prompt_toolkit.input import PipeInput, create_pipe_input

from sockatuh.cli.inline_screen import InlineScreen
from sockatuh.cli.input_line import INPUT_ROWS
from sockatuh.cli.sign_in import AtTerminal
from sockatuh.cli.terminal import UnaskedTerminal
from sockatuh.client.profile import Profile
from sockatuh.client.room import Room
from sockatuh.protocol.client.events import (
    Admitted,
    CaughtUp,
    ContactLost,
    EntryArrived,
    LineRefused,
    LinesDelayed,
    LineStored,
    PeerEvent,
)
from sockatuh.protocol.messages import RENAMED, STRUCK, Entry, MemberInfo
from sockatuh.wording import client as phrases

BACK = Admitted("tom", bytes(16), 0, 9, b"", again=True, rewound=False)


class Wire(io.StringIO):
    """What the program writes, on its way to the terminal."""

    def __init__(self, emulator: Emulator) -> None:
        super().__init__()
        self._stream = pyte.Stream(emulator)

    def write(self, text: str) -> int:
        self._stream.feed(text)
        return super().write(text)


class Shown:
    """A room called kitchen on a terminal of 80 columns, in which this person is called tom."""

    def __init__(self, pipe: PipeInput) -> None:
        self.session = SessionDouble()
        self.session.present = [MemberInfo("ana", "k1", "secure", True, 0)]
        self.room = Room(self.session, "kitchen", ADMITTED)
        self.terminal = Emulator(80, 24)
        self.wire = Wire(self.terminal)
        self.was_interrupted = False
        self._pipe = pipe
        output = UnaskedTerminal(self.wire, lambda: Size(rows=24, columns=80), term="xterm-256color")
        self.screen = InlineScreen(self.room, AtTerminal(), Profile(), colour=False, output=output, input=pipe)

    @property
    def rows(self) -> list[str]:
        return [row.rstrip() for row in self.terminal.display if row.strip()]

    async def run(self) -> None:
        try:
            await self.screen.run()
        except KeyboardInterrupt:
            self.was_interrupted = True

    def type(self, keys: str) -> None:
        self._pipe.send_text(keys)

    def tell(self, *events: PeerEvent) -> None:
        self.session.tell(*events)

    async def until(self, condition: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < deadline, f"no {what} in:\n" + "\n".join(self.rows)
            await asyncio.sleep(0.002)

    async def see(self, *texts: str) -> None:
        await self.until(lambda: all(text in "\n".join(self.rows) for text in texts), " and ".join(texts))

    async def see_last(self, *rows: str) -> None:
        """Wait until these are the last rows."""
        await self.until(lambda: self.rows[-len(rows) :] == [*rows], "\n".join(rows))


def on(story: Callable[[Shown], Awaitable[None]]) -> Shown:
    """Show the screen while something is done."""

    async def main() -> Shown:
        with create_pipe_input() as pipe:
            it = Shown(pipe)
            running = asyncio.create_task(it.run())
            try:
                it.tell(CaughtUp())
                await it.see("you are here", ">")
                await story(it)
            finally:
                if not running.done():
                    running.cancel()
                await asyncio.wait({running})
            with contextlib.suppress(asyncio.CancelledError):
                running.result()
            return it

    return asyncio.run(main())


def test_while_out_of_contact_it_says_since_when_and_writes_nothing() -> None:
    async def story(it: Shown) -> None:
        it.session.silence = 3.0
        it.room.send("soup?")
        it.tell(ContactLost("silence"))
        await it.see("tom  soup? …", "no contact since ", ", 1 line kept")
        assert not it.screen._session.app.refresh_interval
        if os.name == "posix":
            assert it.screen._session.app.terminal_size_polling_interval is None
        it.tell(BACK, LineStored(1, 5), CaughtUp(), entry(5, own=1, text="soup?"))
        await it.until(lambda: "no contact" not in "\n".join(it.rows), "end of the status")

    on(story)


def test_a_delay_is_said_and_ends() -> None:
    async def story(it: Shown) -> None:
        it.room.send("soup?")
        it.tell(LinesDelayed(0.1))
        await it.see(phrases.delayed(0.1))
        await it.until(lambda: phrases.delayed(0.1) not in "\n".join(it.rows), "end of the delay")
        it.tell(LineStored(1, 5), entry(5, own=1, text="soup?"))
        await it.see("tom  soup?")

    on(story)


def test_typed_rows_a_paste_and_a_completion_stand_in_the_input() -> None:
    async def story(it: Shown) -> None:
        it.type("one\x1b\rtwo")
        await it.see_last("> one", "  two")
        it.type("\x03")
        await it.see_last(">")
        it.type("\x1b[200~a\nb\nc\nd\x1b[201~")
        await it.see(phrases.pasted(4, 7))
        it.type("\x03/unig\t")
        await it.see_last("> /unignore")
        it.type("\x03an\t")
        await it.see_last("> ana:")

    on(story)


def test_a_long_paste_moves_no_log_out_of_sight() -> None:
    async def story(it: Shown) -> None:
        it.tell(entry(4))
        await it.see("00:00 ana  x")
        it.type("\x1b[200~" + "\n".join(f"row {row}" for row in range(200)) + "\x1b[201~")
        await it.see("200 lines", "row 199", "00:00 ana  x")
        assert sum("row " in row for row in it.rows) == INPUT_ROWS

    on(story)


def test_a_command_that_is_refused_says_why_and_comes_back() -> None:
    async def story(it: Shown) -> None:
        it.type("/r hello\r")
        await it.see("nobody has sent you a private line yet; the Up key brings it back")
        typed = it.screen._session.default_buffer
        await it.until(lambda: len(typed._working_lines) > 1, "history")  # a task loads it; until then Up does nothing
        it.type("\x1b[A")
        await it.see_last("> /r hello")

    on(story)


def test_few_rows_wait_while_an_editor_has_the_terminal() -> None:
    async def story(it: Shown) -> None:
        editor = asyncio.Event()
        it.screen._input._editing = asyncio.ensure_future(_wait(editor))
        it.tell(*(entry(seq) for seq in range(5, 1_500)), entry(1_500, text="the last"))
        await it.until(lambda: len(it.screen._unprinted) > 1_000, "rows that wait")
        await asyncio.sleep(0)
        assert len(it.screen._unprinted) < 1_010
        editor.set()
        await it.see("the last")

    on(story)


async def _wait(event: asyncio.Event) -> None:
    await event.wait()


def test_found_lines_links_and_earlier_lines_are_printed_again() -> None:
    long = "https://intern.example/" + "x" * 100

    async def story(it: Shown) -> None:
        it.tell(*(entry(seq, text=f"soup {seq}") for seq in range(5, 30)), entry(30, text=long))
        await it.see("soup 29", "x" * 20)
        it.type("/search SOUP\r")
        await it.see('25 lines with "SOUP", the newest 20')
        await it.until(lambda: [row[-12:] for row in it.rows[-2:]] == ["ana  soup 29", ">"], "newest hit")
        it.type("/links\r")
        await it.see_last(long[:80], long[80:], ">")
        it.type("/history 2\r")
        await it.until(lambda: [row[6:] for row in it.rows].count("ana  soup 29") == 2, "earlier lines")

    on(story)


def test_a_copy_goes_to_the_terminal_and_a_mention_rings() -> None:
    async def story(it: Shown) -> None:
        it.tell(entry(5, text="tom: soup?"))
        await it.until(lambda: it.terminal.bells == 1, "bell")
        it.type("/copy\r")
        await it.see("copied 1 line")

    it = on(story)
    assert "\x1b]52;c;dG9tOiBzb3VwPw==\x1b\\" in it.wire.getvalue()
    assert it.terminal.bells == 1


@pytest.mark.skipif(os.name != "posix", reason="the editor is a shell script here")
def test_what_comes_while_an_editor_has_the_terminal_is_printed_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, editor = tmp_path / "gate", tmp_path / "editor"
    os.mkfifo(gate)
    editor.write_text(f'#!/bin/sh\nread go < {gate}\nprintf "$go" >> "$1"\n')
    editor.chmod(0o700)
    monkeypatch.setenv("VISUAL", str(editor))

    async def story(it: Shown) -> None:
        it.type("half\x18\x05")
        await it.until(lambda: it.screen._session.app._running_in_terminal, "editor")
        before = it.wire.getvalue()
        it.tell(entry(4, text="4711"), entry(5, text="soup?"))
        it.tell(EntryArrived(Entry(6, 0, STRUCK, "ana", line=4), None))
        await it.until(lambda: "removed" in str(it.screen._unprinted), "lines that wait")
        assert "4711" not in str(it.screen._unprinted)
        for _ in range(20):
            await asyncio.sleep(0)
        assert it.wire.getvalue() == before
        await asyncio.to_thread(gate.write_text, "more\n")
        await it.see("ana  soup?")
        await it.see_last("> half", "  more")
        assert "4711" not in it.wire.getvalue()

    on(story)


@pytest.mark.skipif(os.name != "posix", reason="the editor is a shell script here")
def test_who_is_stopped_while_an_editor_runs_stops_that_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gate, editor = tmp_path / "gate", tmp_path / "editor"
    os.mkfifo(gate)
    editor.write_text(f"#!/bin/sh\nread go < {gate}\n")
    editor.chmod(0o700)
    monkeypatch.setenv("VISUAL", str(editor))

    async def story(it: Shown) -> None:
        it.type("half\x18\x05")
        await it.until(lambda: it.screen._input.is_edited, "editor")

    on(story)  # which cancels it


def test_ctrl_c_twice_leaves_as_interrupted_and_ctrl_d_does_not() -> None:
    async def interrupt(it: Shown) -> None:
        it.type("half\x03\x03")
        await it.until(lambda: it.was_interrupted, "interruption")

    async def leave(it: Shown) -> None:
        it.type("\x04")
        await it.until(lambda: not it.screen._session.app.is_running, "end")

    assert on(interrupt).was_interrupted
    assert not on(leave).was_interrupted


def test_what_comes_of_the_last_lines_and_commands_is_shown_on_leaving() -> None:
    async def story(it: Shown) -> None:
        it.session.answering = asyncio.Event()
        it.type("/nick tomas\rsoup\r")
        await it.until(lambda: bool(it.session.renames and it.session.said), "rename and line")
        it.type("\x03")
        await it.until(lambda: not it.screen._session.app.is_running, "end of the input")
        it.tell(EntryArrived(Entry(5, 0, RENAMED, "tom", "tomas"), None), LineRefused(1, "muted"))
        it.session.answering.set()
        await it.until(lambda: it.was_interrupted, "end")

    rows = "\n".join(on(story).rows)
    assert "tom is now tomas" in rows
    assert "You are muted" in rows
