"""The input line of every screen that draws: what its keys do, the lines typed before, and the paste guard.

A screen gives it a buffer, merges `keys` with its own, and shows `hint` near the input while it is not empty. Lines
typed before are kept in memory only, because they may hold secrets.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, Final

from prompt_toolkit.application import in_terminal
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.document import Document
from prompt_toolkit.filters import Condition, FilterOrBool
from prompt_toolkit.history import History
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.keys import Keys
from prompt_toolkit.utils import suspend_to_background_supported

from sockatuh.wording import client as phrases

from .external_editor import EditorFailed, edit, find_editor
from .tab_completion import TabCompletion
from .terminal import discard_typed_ahead

REMEMBERED: Final = 100
"""Lines typed before that Up brings back."""
PASTED_LINES: Final = 3
"""The most lines of a paste about which nothing is said."""
PASTED_BYTES: Final = 2_000
INPUT_ROWS: Final = 6
"""Rows to which the input grows; what is longer scrolls in them."""


class LastLines(History):
    """Remembers the newest lines."""

    def append_string(self, string: str) -> None:
        """Remember a line."""
        super().append_string(string)
        del self._loaded_strings[REMEMBERED:]

    def load_history_strings(self) -> Iterable[str]:
        """Return no line: there is none before the first is typed."""
        return self._loaded_strings

    def store_string(self, string: str) -> None:
        """Write nothing down."""


class InputLine:
    """Rules over a buffer, which must take several lines. `leave` is called to leave, `interrupted` by Ctrl-C."""

    def __init__(self, buffer: Buffer, completion: TabCompletion, leave: Callable[[bool], None]) -> None:
        self._buffer, self._completion, self._leave = buffer, completion, leave
        self._is_pasted = False
        self._hint, self._hint_for = "", ""
        self._editing: asyncio.Task[None] | None = None
        buffer.history = LastLines()
        buffer.on_text_changed += self._recount
        self.keys: Final = self._bind()

    @property
    def hint(self) -> str:
        """What there is to say about the text in the input, "" if nothing."""
        if self._buffer.text != self._hint_for:  # a reset is not reported as a change
            self._recount()
        return self._hint

    @property
    def is_edited(self) -> bool:
        """Tell whether an external editor has the terminal, so that nothing may be printed."""
        return self._editing is not None and not self._editing.done()

    async def until_free(self) -> None:
        """Wait until no external editor has the terminal."""
        if self._editing is not None and not self._editing.done():
            await asyncio.wait({self._editing})

    async def watch(self, running: Coroutine[Any, Any, None]) -> None:
        """Run the application to its end; when cancelled, end the editor first, for which an application waits."""
        discard_typed_ahead()
        task = asyncio.create_task(_outcome_of(running))
        try:
            await asyncio.wait({task})
        finally:
            if not task.done():
                await self.close()
                task.cancel()
                await asyncio.wait({task})
        if (left := task.result()) is not None:
            raise left

    async def close(self) -> None:
        """End the external editor if it runs; the text is as it was before."""
        if self._editing is not None and not self._editing.done():
            self._editing.cancel()
            await asyncio.wait({self._editing})

    def _recount(self, _: object = None) -> None:
        """Say how much was pasted, as long as it is much."""
        text = self._buffer.text
        lines, size = text.removesuffix("\n").count("\n") + 1, len(text.encode("utf-8", "replace"))
        self._is_pasted = self._is_pasted and (lines > PASTED_LINES or size > PASTED_BYTES)
        self._say(phrases.pasted(lines, size) if self._is_pasted else "")

    def _say(self, hint: str) -> None:
        self._hint, self._hint_for = hint, self._buffer.text

    def _paste(self, data: str) -> None:
        pasted = data.replace("\r\n", "\n").replace("\r", "\n")
        self._is_pasted = self._is_pasted or (
            pasted.count("\n") >= PASTED_LINES or len(pasted.encode("utf-8", "replace")) > PASTED_BYTES
        )
        self._buffer.insert_text(pasted)

    def _complete(self) -> None:
        document = self._buffer.document
        completed = self._completion.complete(document.text_before_cursor, document.text_after_cursor)
        if completed is not None:
            self._buffer.document = Document(completed + document.text_after_cursor, len(completed))

    def _begin_editing(self, event: KeyPressEvent) -> None:
        if self.is_edited:
            return
        command = find_editor(os.environ)
        if command is None:
            self._say(phrases.NO_EDITOR)
        else:
            self._editing = asyncio.ensure_future(self._edit(command))
            self._editing.add_done_callback(lambda _: event.app.invalidate())

    async def _edit(self, command: list[str]) -> None:
        async with in_terminal():
            try:
                text = await edit(self._buffer.text, command)
            except EditorFailed:
                self._say(phrases.editor_failed(command[0]))
                return
            self._buffer.document = Document(text, len(text))

    def _send(self) -> None:
        self._buffer.validate_and_handle()
        self._buffer.load_history_if_not_yet_loaded()  # at once, not with the next painting: Up may come before

    def _interrupt(self) -> None:
        """Discard the input; leave if there is none."""
        if self._buffer.text:
            self._buffer.reset()
        else:
            self._leave(True)

    def _bind(self) -> KeyBindings:
        keys, buffer = KeyBindings(), self._buffer
        is_free, is_empty = Condition(lambda: not self.is_edited), Condition(lambda: not buffer.text)

        def bind(*pressed: str, to: Callable[[KeyPressEvent], object], when: FilterOrBool = True) -> None:
            @keys.add(*pressed, filter=when)
            def _(event: KeyPressEvent) -> None:
                to(event)

        bind("enter", to=lambda _: self._send())
        for pressed in (("escape", "enter"), ("c-j",)):
            bind(*pressed, to=lambda _: buffer.insert_text("\n"))
        bind("c-p", to=lambda _: buffer.history_backward())
        bind("c-n", to=lambda _: buffer.history_forward())
        bind("tab", to=lambda _: self._complete())
        bind(Keys.BracketedPaste, to=lambda event: self._paste(event.data))
        bind("c-x", "c-e", to=self._begin_editing)
        for key in ("c-c", "<sigint>"):
            bind(key, to=lambda _: self._interrupt(), when=is_free)
        bind("c-d", to=lambda _: self._leave(False), when=is_empty)
        bind("c-z", to=_suspend, when=Condition(suspend_to_background_supported))
        return keys


async def _outcome_of(running: Coroutine[Any, Any, None]) -> BaseException | None:
    """Return how an application was left; these exceptions would end the loop if they ended a task."""
    try:
        await running
    except (KeyboardInterrupt, EOFError) as left:
        return left
    return None


def _suspend(event: KeyPressEvent) -> None:
    app: Any = event.app
    app.suspend_to_background()
