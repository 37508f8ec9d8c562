"""The inline screen: a log that only grows, and the input line below it.

New entries are printed above the input, which stays as it is. The client's own lines are shown dimmed above the input
until they arrive in the server's log; then they are printed in their place, like everybody's.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from prompt_toolkit import PromptSession
from prompt_toolkit.application import in_terminal
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.formatted_text import FormattedText
from prompt_toolkit.input import Input
from prompt_toolkit.key_binding import DynamicKeyBindings
from prompt_toolkit.layout import Dimension
from prompt_toolkit.output import ColorDepth, Output
from prompt_toolkit.renderer import print_formatted_text

from sockatuh.client.items import Event, Waiting
from sockatuh.client.profile import Profile
from sockatuh.client.room import Room
from sockatuh.room.text import clean_line
from sockatuh.wording import client as phrases

from .chat_state import ChatState
from .clipboard import clipboard
from .input_line import INPUT_ROWS, InputLine
from .narrator import Narrator, draw_earlier, draw_found, found
from .palette import COLOURED, COLOURLESS
from .pending import Delay, last_heard, pending_rows
from .questions import ask_hidden
from .rendering import TEXTS_FROM, Line, anchored_line, draw_answer
from .rows import note_rows
from .sign_in import AtTerminal
from .slash import CommandRunner, Done, NotDone
from .talk import LAST_WORDS, report_last_answers
from .terminal import end_application, input_processors, open_terminal
from .wrapping import clip

MOST_UNPRINTED: Final = 1_000
"""Rows that wait until the terminal is free again; meanwhile the server keeps what comes after them."""
PROMPT: Final = "> "


class InlineScreen:
    """A view with an input line; `output` and `input` are the terminal unless a test says else."""

    def __init__(
        self,
        room: Room,
        person: AtTerminal,
        profile: Profile,
        *,
        colour: bool,
        output: Output | None = None,
        input: Input | None = None,  # noqa: A002 - as prompt_toolkit calls it
    ) -> None:
        self._room, self._person = room, person
        self._state = ChatState(room, profile, self._write, os.environ, lambda: self._session.app.invalidate())
        self._narrator = Narrator(room, self, self._state)
        self._commands = CommandRunner(room, self, self._state)
        self._style = COLOURED if colour else COLOURLESS
        self._depth = None if colour else ColorDepth.DEPTH_1_BIT
        self._unprinted: list[tuple[int, Line]] = []
        """Lines of the log, each with the seq of the entry it is of, or 0."""
        self._is_to_print = asyncio.Event()
        self._delay = Delay(lambda: self._session.app.invalidate())
        self._lost_at = ""
        self._session: PromptSession[None] = PromptSession(
            self._message,
            style=self._style,
            color_depth=self._depth,
            multiline=True,
            key_bindings=DynamicKeyBindings(lambda: self._input.keys),
            input_processors=input_processors(),
            prompt_continuation=" " * len(PROMPT),
            erase_when_done=True,
            output=output or open_terminal(),
            input=input,
        )
        if sys.platform != "win32":  # there a signal tells of a new size
            self._session.app.terminal_size_polling_interval = None
        self._session.layout.current_window.height = Dimension(min=1, max=INPUT_ROWS)  # a paste moves no log out
        self._session.default_buffer.accept_handler = self._accept
        self._input = InputLine(self._session.default_buffer, self._commands.completion, self._leave)
        self._session.app.key_processor.before_key_press += lambda _: self._state.notifier.touch()

    async def run(self) -> None:
        """Talk until the person leaves; raises KeyboardInterrupt, or the error that ended the conversation."""
        self._person.ask_again, self._person.show_notice = self._ask_password, self.note
        follow = asyncio.create_task(self._follow(self._narrator.report))
        printer = asyncio.create_task(self._print())
        follow.add_done_callback(lambda _: self._close())
        try:
            with contextlib.suppress(EOFError):
                await self._input.watch(self._session.prompt_async())
            if self._room.unanswered and not follow.done():
                self.note(phrases.leaving(self._room.unanswered))
                self._print_now()
                drained = asyncio.create_task(self._room.drained(LAST_WORDS))
                await asyncio.wait({follow, drained}, return_when=asyncio.FIRST_COMPLETED)
            if follow.done():
                follow.result()
        finally:
            self._person.show_notice = None
            try:
                await self._commands.finish()
            finally:
                follow.cancel()
                printer.cancel()
                await asyncio.wait({follow, printer})
                self._state.close()
                self._delay.end()
                await report_last_answers(self._room, self._narrator.report)
                self._print_now()

    @property
    def draft(self) -> str:
        """What stands in the input."""
        return self._session.default_buffer.text

    async def _follow(self, report: Callable[[Event], None]) -> None:
        async for event in self._room:
            report(event)
            self._session.app.invalidate()
            if len(self._unprinted) > MOST_UNPRINTED:  # because an external editor has the terminal
                await self._input.until_free()

    async def _ask_password(self, why: str) -> str:
        """Ask for a password below the log, in place of the input."""
        self.note(why)
        async with in_terminal():
            self._print_now()
            try:
                return ask_hidden(phrases.ASK_PASSWORD)
            except KeyboardInterrupt as interrupt:
                self._close(interrupt)
                raise asyncio.CancelledError from None

    # The view.

    @property
    def columns(self) -> int:
        """The terminal's width."""
        return self._session.output.get_size().columns

    def show(self, lines: Sequence[Line], seq: int = 0) -> None:
        """Print lines of the log above the input; `seq` is the entry they are, if it is one."""
        self._unprinted += ((seq, line) for line in lines)
        self._is_to_print.set()

    def take_off(self, seq: int) -> None:
        """Print an entry no more if it is not printed yet."""
        self._unprinted = [(of, line) for of, line in self._unprinted if of != seq]

    def note(self, sentence: str) -> None:
        """Print a remark between them."""
        self.show([(("class:note", row),) for row in note_rows(sentence, self.columns)])

    def answer(self, lines: Sequence[str]) -> None:
        """Print the answer to a command."""
        self.show([row for line in lines for row in draw_answer(line, self.columns)])

    def show_found(self, text: str, seqs: Sequence[int]) -> None:
        """Print the newest of the lines that were found."""
        self.note(found(text, seqs))
        self.show(draw_found(seqs, self._state.held, self._room.me, self.columns))

    def show_earlier(self, count: int) -> None:
        """Print the newest entries again."""
        self.show(draw_earlier(count, self._state.held, self._room.me, self.columns))

    def show_links(self, links: Mapping[str, int]) -> None:
        """Print links whole; the terminal wraps them, and its selection puts them together again."""
        self.show([(("class:note", link),) for link in links])

    def toggle_people(self) -> bool:
        """Return False: there is no list of people."""
        return False

    def copy(self, text: str) -> bool:
        """Have the terminal copy a text (OSC 52)."""
        self._write(clipboard(text, os.environ))
        return True

    def lose(self, reason: str) -> None:
        """Note since when there is no contact, and print why if the server gave a reason."""
        self._lost_at = last_heard(self._room)
        if reason in phrases.LOSSES:
            self.note(phrases.LOSSES[reason])

    def refuse(self, text: str, reason: str) -> None:
        """Say that a text was rejected; what was typed meanwhile stays in the input."""
        self.note(phrases.not_done(phrases.refused_line(reason)))
        first_row = clean_line(text.partition("\n")[0])
        self.answer([clip(first_row, max(1, self.columns - TEXTS_FROM))])

    def wait(self, waiting: Waiting) -> None:
        """Show in the status line why lines wait."""
        if waiting.seconds is not None:
            self._delay.begin(waiting.seconds)

    def go_on(self) -> None:
        """Clear what `wait` shows: no line waits any longer."""
        self._delay.end()

    def _write(self, text: str) -> None:
        """Write control sequences of our own to the terminal."""
        self._session.output.write_raw(text)
        self._session.output.flush()

    async def _print(self) -> None:
        """Print collected lines whenever there are some, redrawing the input once each time."""
        while True:
            await self._is_to_print.wait()
            await self._input.until_free()
            if self._session.app.is_running:
                self._print_above()
            else:
                self._print_now()

    def _print_above(self) -> None:
        """Erase the input, print, and redraw the input below.

        `in_terminal` would do the same, but the terminal would echo what is typed or pasted meanwhile.
        """
        app = self._session.app
        app.renderer.erase()
        self._print_now()
        app.renderer.reset()
        app.invalidate()

    def _print_now(self) -> None:
        pieces = [piece for _, line in self._unprinted for piece in (*anchored_line(line), ("", "\n"))]
        self._unprinted.clear()
        self._is_to_print.clear()
        if pieces:
            print_formatted_text(self._session.output, FormattedText(pieces), self._style, color_depth=self._depth)

    # The input.

    def _message(self) -> FormattedText:
        """Return what precedes the typed text: pending lines, the status if there is one, the prompt."""
        room = self._room
        pending = pending_rows(room.unplaced.values(), room.me, self.columns, is_held=room.is_held)
        pieces = [("class:pending", f"{line}\n") for line in pending]
        if status := self._status():
            pieces.append(("class:status", f" {status}\n"))  # indented, as no line of the room is
        return FormattedText([*pieces, ("class:prompt", PROMPT)])

    def _status(self) -> str:
        """Return what there is to say about contact, about waiting lines, or about the input; no clock runs in it."""
        if not self._room.in_contact:
            return phrases.no_contact_since(self._lost_at, self._room.unanswered)
        if self._delay.seconds is not None and self._room.unanswered:
            return phrases.delayed(self._delay.seconds)
        return self._input.hint

    def _accept(self, buffer: Buffer) -> bool:
        """Run the typed line; returning False clears the input."""
        match self._commands.run(buffer.text):
            case NotDone(why):
                self.note(phrases.not_done(why))
            case Done.LEAVING:
                self._close()
            case Done.HANDLED:
                pass
        return False

    def _leave(self, interrupted: bool) -> None:
        self._close(KeyboardInterrupt() if interrupted else None)

    def _close(self, error: BaseException | None = None) -> None:
        end_application(self._session.app, error)
