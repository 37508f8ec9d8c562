"""What the commands write for people, with everything escaped that a terminal would obey rather than show.

Facts from the network are cleaned where they come in. But a sentence may also hold a file's name, an argument or a line
of a configuration, which may come from somebody else as well; so all of it passes here, as the last thing before the
terminal. The interactive screen does not: it moves the cursor itself, and prints what `transcript` has drawn.
"""

from __future__ import annotations

import io
import re
import sys
from typing import Final

from sockatuh.room.text import judge

_ONLY_READ: Final = re.compile(r"[\n\t -~]*")
_KEPT: Final = frozenset("\n\t")
_JOINER: Final = "\u200d"


class ShownText(io.TextIOWrapper):
    """A text stream whose readers see every character and obey none."""

    def write(self, text: str) -> int:
        """Write a text, what is not let through as its escape."""
        return super().write(escape(text))


def escape(text: str) -> str:
    """Return a text with what cleaning would take away as `\\uXXXX`, in JSON too; newlines and tabs stay."""
    if _ONLY_READ.fullmatch(text):
        return text
    shown, was_shown = "", True
    for char, is_kept in judge(text):
        # What was to be joined is apart now.
        was_shown = char in _KEPT or (is_kept and (was_shown or char != _JOINER))
        shown += char if was_shown else _escaped(char)
    return shown


def guard_output() -> None:
    """Have the process's stdout and stderr show all that is written to them."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if isinstance(stream, io.TextIOWrapper):  # None when it was closed
            stream.flush()
            shown = ShownText(
                stream.buffer,
                stream.encoding,
                stream.errors,
                line_buffering=stream.line_buffering,
                write_through=stream.write_through,
            )
            setattr(sys, name, shown)


def _escaped(char: str) -> str:
    code = ord(char)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
