"""The prompt_toolkit application of the full screen: where everything stands, and how the terminal is treated.

It takes no mouse, so that text can be selected as always, asks the terminal nothing, and paints only when something has
changed. Text below the canvas is the input, or a password that is asked for in its place.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Sequence
from typing import Any, Final

from prompt_toolkit.application import Application
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.filters import Condition
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.input import Input
from prompt_toolkit.key_binding import (
    ConditionalKeyBindings,
    KeyBindings,
    KeyBindingsBase,
    KeyPressEvent,
    merge_key_bindings,
)
from prompt_toolkit.keys import Keys
from prompt_toolkit.layout import BufferControl, ConditionalContainer, Dimension, HSplit, Layout, Window
from prompt_toolkit.layout.processors import PasswordProcessor
from prompt_toolkit.output import ColorDepth, Output

from sockatuh.cli.input_line import INPUT_ROWS
from sockatuh.cli.palette import COLOURED, COLOURLESS
from sockatuh.cli.rendering import Line
from sockatuh.cli.terminal import end_application, input_processors
from sockatuh.wording import client as phrases

from .canvas import Canvas

PROMPT: Final = "> "
REPAINT_AFTER: Final = 0.05
"""Seconds between two paintings at least: twenty a second look like all, and cost a third less than thirty."""
SEQUENCE_WITHIN: Final = 0.05
"""Seconds after ESC within which the rest of a key's sequence comes."""
ALT_WITHIN: Final = 0.15
"""Seconds after ESC within which a key counts as pressed with Alt."""
CHORD_WITHIN: Final = 1.0
"""Seconds within which the second key of another combination (Ctrl-X Ctrl-E) is pressed."""
RESIZE_POLLED: Final = 0.5 if sys.platform == "win32" else None
"""Seconds between two looks at the size, where no signal tells of a new one."""


class _Application(Application[None]):
    """Waits for the second key of a combination, but not long after ESC, which means something alone."""

    @property
    def timeoutlen(self) -> float:
        """The seconds for which to wait."""
        pressed = self.key_processor.key_buffer
        return ALT_WITHIN if pressed and pressed[0].key == Keys.Escape else CHORD_WITHIN

    @timeoutlen.setter
    def timeoutlen(self, _: float | None) -> None:
        """Ignore the value that prompt_toolkit sets."""


class ScreenApplication:
    """The application. `compose` returns the rows above the input for a number of columns and rows."""

    def __init__(
        self,
        compose: Callable[[int, int], Sequence[Line]],
        buffer: Buffer,
        keys: KeyBindingsBase,
        leave: Callable[[bool], None],
        *,
        output: Output,
        input: Input | None = None,  # noqa: A002 - as prompt_toolkit calls it
        colour: bool,
    ) -> None:
        self.style = COLOURED if colour else COLOURLESS
        self._answer: asyncio.Future[str] | None = None
        self._leave = leave
        self._buffer = buffer
        self._password = Buffer(multiline=False, accept_handler=self._take_answer)
        is_asking = Condition(lambda: self._answer is not None)
        self.app: Application[None] = _Application(
            self._layout(compose, is_asking),
            style=self.style,
            color_depth=None if colour else ColorDepth.DEPTH_1_BIT,
            key_bindings=merge_key_bindings(
                [ConditionalKeyBindings(keys, ~is_asking), ConditionalKeyBindings(self._keys(), is_asking)]
            ),
            full_screen=True,
            mouse_support=False,
            erase_when_done=True,
            min_redraw_interval=REPAINT_AFTER,
            terminal_size_polling_interval=RESIZE_POLLED,
            output=output,
            input=input,
        )
        self.app.ttimeoutlen = SEQUENCE_WITHIN

    def _layout(self, compose: Callable[[int, int], Sequence[Line]], is_asking: Condition) -> Layout:
        """Return the canvas above the input, or above the question in its place."""
        typed = Window(
            BufferControl(self._buffer, input_processors=input_processors()),
            height=Dimension(min=1, max=INPUT_ROWS),
            wrap_lines=True,
            dont_extend_height=True,
            get_line_prefix=_prompt,
        )
        asked = Window(
            BufferControl(self._password, input_processors=[PasswordProcessor()]),
            height=1,
            get_line_prefix=lambda *_: [("class:prompt", phrases.ASK_PASSWORD)],
        )
        below = [ConditionalContainer(typed, ~is_asking), ConditionalContainer(asked, is_asking)]
        return Layout(HSplit([Canvas(compose), *below]), focused_element=typed)

    async def run(self) -> None:
        """Show it until `close`; raises what `close` was given, and whatever goes wrong while it is shown."""
        loop = asyncio.get_running_loop()
        before = loop.get_exception_handler()
        loop.set_exception_handler(self._fail)
        try:
            await self.app.run_async(set_exception_handler=False)
        finally:
            loop.set_exception_handler(before)

    def close(self, error: BaseException | None = None) -> None:
        """End it, once."""
        end_application(self.app, error)

    @property
    def is_running(self) -> bool:
        """Tell whether it is shown."""
        return bool(self.app.is_running)

    def invalidate(self) -> None:
        """Have it painted again soon."""
        self.app.invalidate()

    def repaint(self) -> None:
        """Paint everything again, because something else has written on the terminal."""
        self.app.output.cursor_goto(1, 1)  # where the next painting takes the cursor to be
        self.app.renderer.reset(leave_alternate_screen=False)
        self.app.invalidate()

    @property
    def size(self) -> tuple[int, int]:
        """The terminal's columns and rows."""
        size = self.app.output.get_size()
        return size.columns, size.rows

    async def ask_hidden(self) -> str:
        """Ask for a password in place of the input, which stays as it is meanwhile."""
        self._answer = asyncio.get_running_loop().create_future()
        self._password.reset()
        self.app.layout.focus(self._password)
        self.invalidate()
        try:
            return await self._answer
        finally:
            self._answer = None
            self._password.reset()
            self.app.layout.focus(self._buffer)
            self.invalidate()

    def _take_answer(self, buffer: Buffer) -> bool:
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(buffer.text)
        return False

    def _keys(self) -> KeyBindings:
        keys = KeyBindings()

        @keys.add("c-c")
        @keys.add("<sigint>")
        def _(_: KeyPressEvent) -> None:
            self._leave(True)

        @keys.add("c-d")
        def _(_: KeyPressEvent) -> None:
            self._leave(False)

        return keys

    def _fail(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """End with an error that nothing has caught, so that the terminal is restored."""
        error = context.get("exception")
        if isinstance(error, Exception) and self.is_running:
            self.close(error)
        else:
            loop.default_exception_handler(context)


def _prompt(line: int, wrapped: int) -> StyleAndTextTuples:
    return [("class:prompt", PROMPT if line == wrapped == 0 else " " * len(PROMPT))]
