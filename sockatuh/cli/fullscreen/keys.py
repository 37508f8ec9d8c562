"""The keys of the full screen that are not the input's own: scrolling, searching, people, repainting."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from prompt_toolkit.buffer import Buffer
from prompt_toolkit.filters import Condition
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent


class Scrolled(Protocol):
    """What the keys move. A page is the window's height, a row may be negative to go up."""

    def scroll_pages(self, pages: int) -> None:
        """Move the window."""

    def scroll_rows(self, rows: int) -> None:
        """Move the window."""

    def to_oldest(self) -> None:
        """Show the oldest row."""

    def to_newest(self) -> None:
        """Show the newest row."""

    def to_mention(self) -> None:
        """Show the newest mention."""

    def to_marker(self) -> None:
        """Show what came first while nobody read."""

    def older_hit(self) -> None:
        """Show the next older line that was found."""

    def begin_search(self) -> None:
        """Let a text be typed that is searched for."""

    def escape(self) -> None:
        """End the search, show the newest row, and take the unread marker away."""

    def toggle_people(self) -> bool:
        """Show or hide the people."""

    def repaint(self) -> None:
        """Paint everything again."""


WHEEL: Final = 1
"""Rows by which one key moves; terminals turn the mouse wheel into several of them."""


def bind_keys(screen: Scrolled, buffer: Buffer, *, is_searching: Callable[[], bool]) -> KeyBindings:
    """Return the bindings; keys that also edit scroll where there is nothing to edit in the buffer."""
    keys = KeyBindings()

    def is_empty() -> bool:
        return not buffer.text

    at_end = Condition(lambda: buffer.document.is_cursor_at_the_end)
    empty, searching = Condition(is_empty), Condition(lambda: is_empty() and is_searching())
    always = Condition(lambda: True)

    def bind(*pressed: str, to: Callable[[], object], when: Condition = always) -> None:
        @keys.add(*pressed, filter=when)
        def _(_: KeyPressEvent) -> None:
            to()

    bind("pageup", to=lambda: screen.scroll_pages(-1))
    bind("pagedown", to=lambda: screen.scroll_pages(1))
    bind("c-home", to=screen.to_oldest)
    bind("c-end", to=screen.to_newest)
    bind("end", to=screen.to_newest, when=at_end)
    bind("up", to=lambda: screen.scroll_rows(-WHEEL), when=empty)
    bind("down", to=lambda: screen.scroll_rows(WHEEL), when=empty)
    bind("enter", to=screen.older_hit, when=searching)
    bind("escape", to=screen.escape)
    bind("escape", "m", to=screen.to_mention)
    bind("escape", "u", to=screen.to_marker)
    bind("c-f", to=screen.begin_search, when=empty)
    bind("f2", to=screen.toggle_people)
    bind("c-l", to=screen.repaint)
    return keys
