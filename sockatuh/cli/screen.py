"""The interactive screen: a log that only grows, and below it what is being typed.

What arrives is printed above the input, which stays as it is. A line of one's own stands dim above the input until it
comes back from the server's log; then it is printed in its place like everybody's.
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
from prompt_toolkit.styles import Style

from sockatuh.protocol.client.events import LinesDelayed, LinesHeld, PeerEvent
from sockatuh.room.text import clean_line
from sockatuh.wording import client as phrases

from .direction import LEFT_TO_RIGHT, anchored, apart, turns
from .input_filter import ShowRemoved
from .membership import Membership
from .naming import shown_name
from .password_prompt import Readmission
from .questions import ask_hidden
from .rendering import ACTED, AUTHORS, TEXTS_FROM, Line, plain
from .rows import note_rows
from .slash import Done, NotTaken, obey
from .story import Story
from .terminal import open_terminal
from .wrapping import CUT, clip, reach, wrap

REFRESH: Final = 1.0
"""Seconds after which the status line is looked at again."""
PENDING_SHOWN: Final = 5
LAST_WORDS: Final = 10.0
"""Seconds without an acknowledgement after which one leaves with lines unsent."""
INDENT: Final = "      "
UNSENT: Final = "…"
PROMPT: Final = "> "

# Of middling lightness, to be read on light and on dark.
AUTHOR_COLOURS: Final = (
    "#d75f5f", "#5f87d7", "#00875f", "#af5faf", "#d78700", "#0087af", "#875fd7", "#5f8700", "#d75f87", "#008787",
)  # fmt: skip
WEIGHTS: Final = [
    *((name, "dim") for name in ("time", "event", "note", "pending")),
    *((name, "bold") for name in ("mention", "prompt", "status")),
]
"""Not colours: they stay where NO_COLOR is set, or nobody would see that they were called."""
COLOURED: Final = Style([*WEIGHTS, *((f"author{place}", AUTHOR_COLOURS[place]) for place in range(AUTHORS))])
COLOURLESS: Final = Style(WEIGHTS)


class Screen:
    """A view with an input; `run` is the conversation."""

    def __init__(self, membership: Membership, *, colour: bool) -> None:
        self._membership = membership
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
        """Talk until the person leaves; raises KeyboardInterrupt, and what ends the conversation."""
        story = Story(self._membership, self, marks=True, tells_own=True)
        follow = asyncio.create_task(self._follow(story.hear))
        printer = asyncio.create_task(self._print())
        follow.add_done_callback(lambda _: self._close())
        try:
            with contextlib.suppress(EOFError):
                await self._session.prompt_async()
            if self._membership.unanswered and not follow.done():
                self.note(phrases.leaving(self._membership.unanswered))
                self._print_now()
                drained = asyncio.create_task(self._membership.drained(LAST_WORDS))
                await asyncio.wait({follow, drained}, return_when=asyncio.FIRST_COMPLETED)
            if follow.done():
                follow.result()
        finally:
            follow.cancel()
            printer.cancel()
            await asyncio.wait({follow, printer})
            await self._membership.settle(story.hear)
            self._print_now()

    async def _follow(self, hear: Callable[[PeerEvent], None]) -> None:
        readmission = Readmission(self._membership, self._ask_password)
        while True:
            event = await readmission.next_event()
            hear(event)
            self._session.app.invalidate()

    async def _ask_password(self, why: str) -> str:
        """Ask below the log, in place of the input."""
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
        """Print a remark among them."""
        self.show([(("class:note", row),) for row in note_rows(sentence, self.columns)])

    def answer(self, lines: Sequence[str]) -> None:
        """Print something that was asked for."""
        indent = " " * TEXTS_FROM
        for line in lines:
            first, *others = wrap(line, self.columns, len(INDENT), TEXTS_FROM, CUT, whole=False)
            self.show([(("class:note", row),) for row in (INDENT + first, *(indent + row for row in others))])

    def lose(self, reason: str) -> None:
        """Print why contact was lost, when the server has said it; else the line above the input tells."""
        if reason in phrases.LOSSES:
            self.note(phrases.LOSSES[reason])

    def refuse(self, text: str, reason: str) -> None:
        """Say that a text was not taken; what was typed meanwhile stays as it is."""
        self.note(phrases.not_taken(phrases.refused_line(reason)))
        first_row = clean_line(text.partition("\n")[0])
        self.answer([clip(first_row, max(1, self.columns - TEXTS_FROM))])

    def wait(self, event: LinesDelayed | LinesHeld) -> None:
        """Show above the input why lines wait there."""
        if isinstance(event, LinesDelayed):
            self._delayed_until = time.monotonic() + event.wait

    def go_on(self) -> None:
        """Nothing waits any more."""
        self._delayed_until = 0.0

    async def _print(self) -> None:
        """Print whatever has gathered, with one repainting of the input."""
        while True:
            await self._is_to_print.wait()
            if self._session.app.is_running:
                self._print_above()
            else:
                self._print_now()

    def _print_above(self) -> None:
        """Print in place of the input, and have that painted again below.

        `in_terminal` would do it, too, but lets the terminal echo meanwhile what is typed or pasted, as it came.
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
        """What stands before the cursor: lines on their way, the contact if there is something to say, the prompt."""
        pieces = [("class:pending", f"{INDENT}{line}\n") for line in self._pending()]
        if status := self._status():
            pieces.append(("class:status", f"{status}\n"))
        return FormattedText([*pieces, ("class:prompt", PROMPT)])

    def _pending(self) -> list[str]:
        waiting = [line for line in self._membership.unplaced.values() if line.seq is None]
        mark = phrases.NOT_STORED_YET if self._membership.is_held else UNSENT
        room = max(1, self.columns - len(INDENT) - reach(mark) - 2)
        name = shown_name(self._membership.name)
        rows = [
            clip(f"{ACTED}{name} {text}" if line.action else f"{name}  {text}", room)
            for line in waiting[:PENDING_SHOWN]
            for text in [clean_line(line.text)]
        ]
        shown = [anchored(f"{apart(row)} {mark}") for row in rows]
        return shown + ([phrases.more(len(waiting) - PENDING_SHOWN)] if len(waiting) > PENDING_SHOWN else [])

    def _status(self) -> str:
        silence = self._membership.conversation.silence
        if silence is not None:
            return phrases.last_contact(silence, self._membership.unanswered)
        wait = self._delayed_until - time.monotonic()
        return phrases.delayed(wait) if wait > 0 and self._membership.unanswered else ""

    def _accept(self, buffer: Buffer) -> bool:
        """Do what was typed; False empties the input, which the next line would stand behind otherwise."""
        match obey(buffer.text, self._membership, self):
            case NotTaken(why):
                self.note(phrases.not_taken(why))
            case Done.LEAVING:
                self._close()
            case Done.TAKEN:
                pass
        return False

    def _keys(self) -> KeyBindings:
        keys = KeyBindings()

        @keys.add("c-c")
        @keys.add("<sigint>")
        def _(event: KeyPressEvent) -> None:
            """Drop what is typed; leave when nothing is."""
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
    """Return a line so that it begins at the left of a terminal that reorders what is written from right to left."""
    return (("", LEFT_TO_RIGHT), *line) if turns(plain(line)) else line
