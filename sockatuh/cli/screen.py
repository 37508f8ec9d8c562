"""The interactive screen: a log that only grows, and the input line below it.

New entries are printed above the input, which stays as it is. The client's own lines are shown dimmed above the input
until they arrive in the server's log; then they are printed in their place, like everybody's.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from prompt_toolkit import PromptSession
from prompt_toolkit.application import in_terminal
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.formatted_text import FormattedText
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.output import ColorDepth
from prompt_toolkit.renderer import print_formatted_text

from sockatuh.client.items import Event, Waiting
from sockatuh.client.room import Room
from sockatuh.room.text import clean_line
from sockatuh.wording import client as phrases

from .direction import LEFT_TO_RIGHT, anchored, apart, turns
from .naming import shown_name
from .narrator import Narrator
from .palette import COLOURED, COLOURLESS
from .questions import ask_hidden
from .rendering import ACTED, TEXTS_FROM, Line, plain
from .rows import note_rows
from .sign_in import AtTerminal
from .slash import CommandRunner, Done, NotDone
from .talk import report_last_answers
from .terminal import ShowRemoved, open_terminal
from .wrapping import CUT, clip, reach, wrap

REFRESH: Final = 1.0
"""Seconds between two redraws of the status line."""
PENDING_SHOWN: Final = 5
LAST_WORDS: Final = 10.0
"""Seconds without an acknowledgement after which the client leaves although lines are unsent."""
INDENT: Final = "      "
UNSENT: Final = "…"
PROMPT: Final = "> "


class Screen:
    """A view with an input line."""

    def __init__(self, room: Room, person: AtTerminal, *, colour: bool) -> None:
        self._room, self._person = room, person
        self._narrator = Narrator(room, self, marks=True)
        self._commands = CommandRunner(room, self, self._narrator.long_texts)
        self._style = COLOURED if colour else COLOURLESS
        self._depth = None if colour else ColorDepth.DEPTH_1_BIT
        self._unprinted: list[Line] = []
        self._is_to_print = asyncio.Event()
        self._delayed_until = 0.0
        self._session: PromptSession[None] = PromptSession(
            self._message,
            style=self._style,
            color_depth=self._depth,
            key_bindings=self._keys(),
            input_processors=[ShowRemoved()],
            prompt_continuation=" " * len(PROMPT),
            erase_when_done=True,
            enable_suspend=True,
            refresh_interval=REFRESH,
            output=open_terminal(),
        )
        self._session.default_buffer.accept_handler = self._accept

    async def run(self) -> None:
        """Talk until the person leaves; raises KeyboardInterrupt, or the error that ended the conversation."""
        self._person.ask_again = self._ask_password
        follow = asyncio.create_task(self._follow(self._narrator.report))
        printer = asyncio.create_task(self._print())
        follow.add_done_callback(lambda _: self._close())
        try:
            with contextlib.suppress(EOFError):
                await self._session.prompt_async()
            if self._room.unanswered and not follow.done():
                self.note(phrases.leaving(self._room.unanswered))
                self._print_now()
                drained = asyncio.create_task(self._room.drained(LAST_WORDS))
                await asyncio.wait({follow, drained}, return_when=asyncio.FIRST_COMPLETED)
            if follow.done():
                follow.result()
        finally:
            follow.cancel()
            printer.cancel()
            await asyncio.wait({follow, printer})
            self._commands.close()
            await report_last_answers(self._room, self._narrator.report)
            self._print_now()

    async def _follow(self, report: Callable[[Event], None]) -> None:
        async for event in self._room:
            report(event)
            self._session.app.invalidate()

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

    def show(self, lines: Sequence[Line]) -> None:
        """Print lines of the log above the input."""
        self._unprinted += lines
        self._is_to_print.set()

    def note(self, sentence: str) -> None:
        """Print a remark between them."""
        self.show([(("class:note", row),) for row in note_rows(sentence, self.columns)])

    def answer(self, lines: Sequence[str]) -> None:
        """Print the answer to a command."""
        indent = " " * TEXTS_FROM
        for line in lines:
            first, *others = wrap(line, self.columns, len(INDENT), TEXTS_FROM, CUT, whole=False)
            self.show([(("class:note", row),) for row in (INDENT + first, *(indent + row for row in others))])

    def lose(self, reason: str) -> None:
        """Print why contact was lost if the server gave a reason; otherwise only the status line shows it."""
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
            self._delayed_until = time.monotonic() + waiting.seconds

    def go_on(self) -> None:
        """Clear what `wait` shows: no line waits any longer."""
        self._delayed_until = 0.0

    async def _print(self) -> None:
        """Print collected lines whenever there are some, redrawing the input once each time."""
        while True:
            await self._is_to_print.wait()
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
        pieces = [piece for line in self._unprinted for piece in (*_anchored(line), ("", "\n"))]
        self._unprinted.clear()
        self._is_to_print.clear()
        if pieces:
            print_formatted_text(self._session.output, FormattedText(pieces), self._style, color_depth=self._depth)

    # The input.

    def _message(self) -> FormattedText:
        """Return what precedes the typed text: pending lines, the status if there is one, the prompt."""
        pieces = [("class:pending", f"{INDENT}{line}\n") for line in self._pending()]
        if status := self._status():
            pieces.append(("class:status", f"{status}\n"))
        return FormattedText([*pieces, ("class:prompt", PROMPT)])

    def _pending(self) -> list[str]:
        waiting = [line for line in self._room.unplaced.values() if line.seq is None]
        mark = phrases.NOT_STORED_YET if self._room.is_held else UNSENT
        room = max(1, self.columns - len(INDENT) - reach(mark) - 2)
        name = shown_name(self._room.me)
        rows = [
            clip(f"{ACTED}{name} {text}" if line.action else f"{name}  {text}", room)
            for line in waiting[:PENDING_SHOWN]
            for text in [clean_line(line.text)]
        ]
        shown = [anchored(f"{apart(row)} {mark}") for row in rows]
        return shown + ([phrases.more(len(waiting) - PENDING_SHOWN)] if len(waiting) > PENDING_SHOWN else [])

    def _status(self) -> str:
        silence = self._room.silence
        if silence is not None:
            return phrases.last_contact(silence, self._room.unanswered)
        wait = self._delayed_until - time.monotonic()
        return phrases.delayed(wait) if wait > 0 and self._room.unanswered else ""

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

    def _keys(self) -> KeyBindings:
        keys = KeyBindings()

        @keys.add("c-c")
        @keys.add("<sigint>")
        def _(event: KeyPressEvent) -> None:
            """Discard the input; leave if there is none."""
            buffer: Any = event.current_buffer
            if buffer.text:
                buffer.reset()
            else:
                self._close(KeyboardInterrupt())

        return keys

    def _close(self, error: BaseException | None = None) -> None:
        app = self._session.app
        if app.is_running and app.future is not None and not app.future.done():
            app.exit(exception=error) if error else app.exit()


def _anchored(line: Line) -> Line:
    """Return a line that begins at the left even on terminals that reorder right-to-left text."""
    return (("", LEFT_TO_RIGHT), *line) if turns(plain(line)) else line
