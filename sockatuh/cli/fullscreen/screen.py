"""The full screen of a chat: what is said comes into a log that scrolls, and what is typed goes out.

Nothing is painted by a clock. A painting follows a key, an event of the room, or a size; only the hint that lines were
too fast ends by itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Callable, Sequence
from typing import Final

from prompt_toolkit.buffer import Buffer
from prompt_toolkit.formatted_text import FormattedText
from prompt_toolkit.input import Input
from prompt_toolkit.key_binding import merge_key_bindings
from prompt_toolkit.output import Output
from prompt_toolkit.renderer import print_formatted_text

from sockatuh.cli.chat_state import ChatState
from sockatuh.cli.clipboard import clipboard
from sockatuh.cli.direction import anchored, apart
from sockatuh.cli.input_line import InputLine
from sockatuh.cli.naming import shown_name
from sockatuh.cli.narrator import FOUND_SHOWN, draw_found, found
from sockatuh.cli.pending import Delay, last_heard, pending_rows
from sockatuh.cli.rendering import Line
from sockatuh.cli.rows import own_lines
from sockatuh.cli.sign_in import AtTerminal
from sockatuh.cli.slash import CommandRunner, Done, NotDone
from sockatuh.cli.talk import LAST_WORDS, report_last_answers
from sockatuh.cli.terminal import open_terminal
from sockatuh.cli.wrapping import reach
from sockatuh.client.items import Event, OwnText, Waiting
from sockatuh.client.profile import Profile
from sockatuh.client.room import Room
from sockatuh.client.server_address import short_form
from sockatuh.room.text import clean_line
from sockatuh.wording import client as phrases

from .application import ScreenApplication
from .feed import Feed
from .frame import PEOPLE_COLUMNS, PEOPLE_FROM, Contact, Situation, beside, header, hint, people_rows, shortened
from .keys import bind_keys
from .log_view import LogView
from .scrollback import IDLE_AFTER

FRAME: Final = 2
"""Rows of header and hint."""
PEOPLE: Final = "people"
HIDDEN, SHOWN = "hidden", "shown"


class FullScreen(LogView):
    """A view with a log that scrolls and an input; `output` and `input` are the terminal unless a test says else."""

    def __init__(
        self,
        room: Room,
        person: AtTerminal,
        profile: Profile,
        *,
        colour: bool,
        output: Output | None = None,
        input: Input | None = None,  # noqa: A002 - as prompt_toolkit calls it
        clock: Callable[[], float] = time.monotonic,
        inherited: Sequence[OwnText] = (),
    ) -> None:
        """`inherited`: lines that a killed chat had said here without an answer."""
        self._room, self._person, self._clock = room, person, clock
        self._output = output or open_terminal()
        size = self._output.get_size()
        super().__init__((size.columns, size.rows), self._paint_soon)
        self._state = ChatState(room, profile, self._write, os.environ, self._paint_soon)
        self._feed = Feed(room, self._state, self._log, self)
        self._commands = CommandRunner(room, self, self._state)
        self._buffer = Buffer(multiline=True, accept_handler=self._accept)
        self._buffer.on_text_changed += self._forget_refusal
        self._input = InputLine(self._buffer, self._commands.completion, self._leave)
        keys = bind_keys(self, self._buffer, is_searching=lambda: self._log.search is not None)
        self._application = ScreenApplication(
            self._compose,
            self._buffer,
            merge_key_bindings([self._input.keys, keys]),
            self._leave,
            output=self._output,
            input=input,
            colour=colour,
        )
        self._application.app.key_processor.before_key_press += self._touch
        self._key_at = clock()
        self._refused = ""
        self._greeting = phrases.greeting(shown_name(room.me))
        """What to do, until a key is pressed: what was printed before stands on the normal screen."""
        self._delay = Delay(self._paint_soon)
        self._lost_at = ""
        self._leaving: asyncio.Task[None] | None = None
        self._hides_people = self._state.choice(PEOPLE) == HIDDEN
        for sentence in person.lasting:
            self.note(sentence)
        if inherited:
            self.note(phrases.never_acknowledged(len(inherited)))
            self.answer(own_lines(inherited))

    async def run(self) -> None:
        """Talk until the person leaves; raises KeyboardInterrupt, or the error that ended the conversation."""
        self._person.ask_again, self._person.show_notice = self._ask_password, self.note
        follow = asyncio.create_task(self._follow())
        follow.add_done_callback(lambda _: self._application.close())
        try:
            with contextlib.suppress(EOFError):
                await self._input.watch(self._application.run())
            if follow.done():
                follow.result()
        finally:
            self._person.show_notice = None
            try:
                await self._commands.finish()
            finally:
                follow.cancel()
                if self._leaving is not None:
                    self._leaving.cancel()
                self._delay.end()
                await asyncio.wait({follow})
                await self._input.close()
                self._state.close()
                await report_last_answers(self._room, self._feed.report)
                with contextlib.suppress(OSError):  # the terminal was hung up
                    self._leave_behind()

    @property
    def draft(self) -> str:
        """What stands in the input."""
        return self._buffer.text

    async def _follow(self) -> None:
        async for event in self._room:
            self._report(event)

    def _report(self, event: Event) -> None:
        self._feed.report(event, is_idle=self._clock() - self._key_at >= IDLE_AFTER)
        self._paint_soon()

    def _paint_soon(self) -> None:
        self._application.invalidate()

    def _touch(self, _: object) -> None:
        self._greeting = ""
        self._key_at = self._clock()
        self._state.notifier.touch()

    def _write(self, text: str) -> None:
        """Write control sequences of our own to the terminal."""
        self._output.write_raw(text)
        self._output.flush()

    async def _ask_password(self, why: str) -> str:
        self.note(why)
        self._log.to_newest()
        return await self._application.ask_hidden()

    # What a narrator and commands ask of a view, besides the log.

    def show_found(self, text: str, seqs: Sequence[int]) -> None:
        """Show the newest of the lines that were found, in the middle, or below the log if that no longer has it."""
        if not self._log.find(seqs, *self._size):
            self.note(found(text, seqs))
            self.quote(draw_found(seqs, self._state.held, self._room.me, self.columns), seqs[:FOUND_SHOWN])
        self._changed()

    def toggle_people(self) -> bool:
        """Show or hide the people, where there is room for them; remembered."""
        if self._application.size[0] < PEOPLE_FROM:
            return False
        self._hides_people = not self._hides_people
        if (fault := self._state.choose(PEOPLE, HIDDEN if self._hides_people else SHOWN)) is not None:
            self.note(fault)
        self._paint_soon()
        return True

    def copy(self, text: str) -> bool:
        """Have the terminal copy a text (OSC 52)."""
        self._write(clipboard(text, os.environ))
        return True

    def lose(self, reason: str) -> None:
        """Note since when there is no contact, for the hint, and show what the server gave as a reason."""
        self._lost_at = last_heard(self._room)
        if reason in phrases.LOSSES:
            self.note(phrases.LOSSES[reason])

    def wait(self, waiting: Waiting) -> None:
        """Show in the hint why lines wait."""
        if waiting.seconds is not None:
            self._delay.begin(waiting.seconds)

    def go_on(self) -> None:
        """Clear what `wait` shows: no line waits any longer."""
        self._delay.end()

    # What the keys ask for, besides the log.

    def begin_search(self) -> None:
        """Let a text be typed that is searched for."""
        self._buffer.insert_text("/search ")

    def escape(self) -> None:
        """End the search, show the newest row, and take the unread marker away."""
        self._log.to_newest()
        self._log.marker = None
        self._refused = ""

    def repaint(self) -> None:
        """Paint everything again."""
        self._application.repaint()

    # The input.

    def _accept(self, buffer: Buffer) -> bool:
        """Carry out the typed text; return whether it stays in the input, because it could not be."""
        if self._leaving is not None:
            return True
        if buffer.text:
            self._log.to_newest()
        said = self._room.unanswered
        outcome = self._commands.run(buffer.text)
        if self._room.unanswered > said:
            self._log.marker = None
        match outcome:
            case NotDone(why):
                self._refused = why
                if not _fits(why, self._application.size[0]):
                    self.note(why)
                return True
            case Done.LEAVING:
                self._leave(False)
            case Done.HANDLED:
                pass
        return False

    def _forget_refusal(self, _: object) -> None:
        self._refused = ""

    def _leave(self, interrupted: bool) -> None:
        """Close the screen at once, or when the lines that were said are stored."""
        if interrupted:
            self._application.close(KeyboardInterrupt())
        elif not self._room.unanswered:
            self._application.close()
        elif self._leaving is None:
            self._leaving = asyncio.create_task(self._room.drained(LAST_WORDS))
            self._leaving.add_done_callback(lambda _: self._application.close())
            self._buffer.reset()
            self._paint_soon()

    # What is painted.

    def _compose(self, columns: int, rows: int) -> list[Line]:
        """Return the rows above the input."""
        shows_people = columns >= PEOPLE_FROM and not self._hides_people
        width = columns - PEOPLE_COLUMNS if shows_people else columns
        height = max(0, rows - FRAME)
        self._size = width, max(1, height)
        tail = pending_rows(self._room.unplaced.values(), self._room.me, width, is_held=self._room.is_held)
        self._log.show_tail([(("class:pending", row),) for row in tail])
        log = self._log.window(width, height) if height else []
        log[:0] = [()] * (height - len(log))
        if shows_people:
            log = beside(log, people_rows(self._state.people.people, height), columns)
        below = shortened((("class:hint", anchored(f" {hint(self._situation())}")),), columns)
        return [header(self._contact(), columns), *log, below][:rows]

    def _contact(self) -> Contact:
        room = self._room
        return Contact(room.name, short_form(room.server), room.here, room.link.best_answer, room.in_contact)

    def _situation(self) -> Situation:
        room, log = self._room, self._log
        return Situation(
            leaving=phrases.leaving(room.unanswered) if self._leaving is not None else "",
            since=self._last_contact(),
            kept=room.unanswered,
            delayed=self._delay.seconds if room.unanswered else None,
            held=room.unanswered if room.is_held else 0,
            refused=self._refused,
            pasted=self._input.hint,
            hit=(log.search.at + 1, len(log.search.found)) if log.search is not None else None,
            unseen=log.unseen,
            is_scrolled=log.bottom is not None,
            greeting=self._greeting,
        )

    def _last_contact(self) -> str | None:
        """Return when the server was heard last, if contact is lost or in doubt."""
        if self._room.in_contact and self._room.silence is None:
            return None
        return last_heard(self._room) if self._room.in_contact else self._lost_at or last_heard(self._room)

    def _leave_behind(self) -> None:
        """Print the last screenful on the normal screen, where it stays."""
        columns, rows = self._application.size
        lines = self._log.newest(columns, max(1, rows - FRAME - 1))
        if not lines:
            return
        heading: Line = (("class:heading", phrases.as_you_left_it(apart(clean_line(self._room.name)))),)
        pieces = [piece for line in (heading, *lines) for piece in (*line, ("", "\n"))]
        print_formatted_text(
            self._output, FormattedText(pieces), self._application.style, color_depth=self._application.app.color_depth
        )


def _fits(sentence: str, columns: int) -> bool:
    """Tell whether a sentence fits the row of hints, which begins with a space."""
    return reach(sentence) < columns
