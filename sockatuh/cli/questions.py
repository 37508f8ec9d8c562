"""Asks a person questions, one line each, which works with any terminal and any screen reader.

The event loop is blocked while a person answers. Nothing is lost, because the client reconnects and fetches what it
missed. Signals that end the command are still processed.

A terminal echoes typed characters even while no program reads them. A password may be typed ahead at any time, so echo
is off from before the first question until the server's last answer, and what was typed ahead is discarded, not taken
for an answer.
"""

from __future__ import annotations

import contextlib
import getpass
import select
import sys
from typing import Final, TextIO

from sockatuh.wording import NO_ANSWER_GIVEN
from sockatuh.wording import client as phrases

from .errors import stop
from .safe_output import escape, raw_of
from .signal_handlers import interruptible
from .terminal_echo import seen, unseen
from .wrapping import print_folded

_LOOKS_EVERY: Final = 0.5
"""Seconds."""
_PIECE: Final = 4_096


def is_terminal(stream: TextIO | None) -> bool:
    """Tell whether a stream is a terminal; a stream that was closed may be None."""
    return stream is not None and not stream.closed and stream.isatty()


def may_ask() -> bool:
    """Tell whether there is a person to ask."""
    return is_terminal(sys.stdin) and is_terminal(sys.stderr)


def ask(question: str) -> str:
    """Ask a question; return the typed line without surrounding spaces."""
    with interruptible(), seen():
        _show(question)
        line = _read_line()
    if not line:
        _show("\n")
        stop(NO_ANSWER_GIVEN)
    return line.decode(sys.stdin.encoding, "replace").strip()


def ask_hidden(question: str) -> str:
    """Ask a question; return the typed line, which is not echoed."""
    with interruptible(), unseen():
        if sys.platform == "win32":
            return getpass.getpass(question)
        _show(question)
        line = _read_line()
    _show("\n")  # the newline that was typed was not echoed
    if not line:
        stop(NO_ANSWER_GIVEN)
    try:
        return line.decode(sys.getfilesystemencoding()).rstrip("\r\n")
    except UnicodeDecodeError:
        stop(phrases.ANSWER_NOT_UTF8)


def _show(text: str) -> None:
    """Show a text to the person who is asked, on the terminal even if stderr goes elsewhere."""
    if not is_terminal(sys.stderr):
        with contextlib.suppress(OSError), open("/dev/tty", "w", errors="replace") as terminal:
            terminal.write(escape(text))
            return
    tell(text, end="")


def _read_line() -> bytes:
    """Read a line from the terminal; empty at the end of input.

    Python handles a signal between two of its own instructions. One that comes after the last of these and before the
    read's system call interrupts nothing, and would be handled only when something has been typed. So the program looks
    for signals twice a second until then.
    """
    if sys.platform == "win32":
        return sys.stdin.buffer.readline()
    terminal = raw_of(sys.stdin)  # a buffered one would keep what was typed ahead
    line = piece = b""
    while b"\n" not in piece:
        while not select.select([terminal], [], [], _LOOKS_EVERY)[0]:
            pass
        if not (piece := terminal.read(_PIECE)):
            break
        line += piece
    first, end, _ = line.partition(b"\n")
    return first + end


def tell(sentence: str, end: str = "\n") -> None:
    """Print a sentence on stderr."""
    print_folded(sentence, end)
