"""Makes stdin, stdout and stderr reliable, in whatever state the program was given them.

A stream that was closed becomes /dev/null before an opened file can get its descriptor. A non-blocking stream is waited
for. Characters that the encoding lacks are escaped. Writing to a stdout that fails (the disk is full, the reader has
closed the pipe) raises OutputLost once; later output is discarded, so that nothing fails again when the interpreter
exits. A failing stderr is ignored, because there is nowhere left to report it.

Control sequences are escaped too. Names and texts from the network are cleaned on arrival, but a sentence may also
contain a file name, an argument or a line of a configuration, which somebody else may have chosen. So this is the last
filter before the terminal. Only the interactive screen bypasses it: it moves the cursor itself, and prints what
`rendering` has drawn.
"""

from __future__ import annotations

import io
import os
import re
import select
import sys
from typing import TYPE_CHECKING, Any, Final, TextIO

from sockatuh.errors import OutputLost
from sockatuh.room.text import judge

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

_ONLY_READ: Final = re.compile(r"[\n\t -~]*")
_KEPT: Final = frozenset("\n\t")
_JOINER: Final = "\u200d"
_STAND_INS: Final = {"—": "-", "…": "...", "·": "-", "✓": "ok", "–": "-", "█": "#", "░": "~"}
"""Replacements for characters of our own sentences in encodings that lack them."""
_OPENED_FOR: Final = {"stdin": "r", "stdout": "w", "stderr": "w"}


def make_safe() -> None:
    """Replace the process's three streams by reliable ones; call this before any file is opened."""
    for name, mode in _OPENED_FOR.items():
        if getattr(sys, name) is None:  # it was closed, so opening a file takes its descriptor, the lowest free one
            opened = open(os.devnull, mode, encoding="utf-8")  # noqa: SIM115 - as long as the process
            os.set_inheritable(opened.fileno(), True)
            for each in (name, f"__{name}__"):
                setattr(sys, each, opened)
    sys.stdin = _safe_input(sys.stdin)
    sys.stdout = _safe_output(sys.stdout, tells=True)
    sys.stderr = _safe_output(sys.stderr, tells=False)


class ShownText(io.TextIOWrapper):
    """A text stream that escapes control sequences and whatever else a terminal would not show."""

    def write(self, text: str) -> int:
        """Write a text, escaped."""
        shown = escape(text)
        return super().write(shown if self.encoding == "utf-8" else _written_out(shown, self.encoding))


class _Descriptor(io.RawIOBase):
    """A raw stream that wraps another, `_raw`, and shares its descriptor."""

    _raw: Any

    def fileno(self) -> int:
        """Return the descriptor."""
        return int(self._raw.fileno())

    def isatty(self) -> bool:
        """Tell whether it is a terminal."""
        return bool(self._raw.isatty())

    @property
    def name(self) -> object:
        """The name under which it was opened."""
        return self._raw.name


class PatientInput(_Descriptor):
    """Reads what is available, and waits for input on a non-blocking descriptor."""

    def __init__(self, raw: Any) -> None:
        self._raw = raw

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Read at least one byte into a buffer, unless the stream has ended."""
        while True:
            try:
                count = self._raw.readinto(buffer)
            except OSError as error:
                raise OSError(error.errno, error.strerror, "stdin") from None
            if count is not None:
                return int(count)
            select.select([self._raw], [], [])

    def readable(self) -> bool:
        """Tell that this can be read."""
        return True


class FailingOnce(_Descriptor):
    """Writes everything, waits for a non-blocking descriptor, and raises OutputLost at most once.

    `tells`: whether a failure is raised at all; `is_lost`: whether output is discarded since a failure.
    """

    def __init__(self, raw: Any, *, tells: bool) -> None:
        self._raw, self._tells = raw, tells
        self.is_lost = False

    def write(self, data: ReadableBuffer) -> int:
        """Write all of the data, or discard it after a failure."""
        left = memoryview(data).cast("B")
        size = len(left)
        while left and not self.is_lost:
            try:
                count = self._raw.write(left)
            except OSError as error:
                self.is_lost = True
                if self._tells:
                    raise OutputLost.because_of(error) from None
                break
            if count is None:
                select.select([], [self._raw], [])
            else:
                left = left[count:]
        return size

    def writable(self) -> bool:
        """Tell that this can be written."""
        return True


def raw_of(stream: TextIO) -> Any:
    """Return the unbuffered file below a text stream."""
    return getattr(stream.buffer, "raw", stream.buffer)


def is_lost(stream: TextIO) -> bool:
    """Tell whether output to a stream is discarded: it was closed, or writing to it has failed."""
    raw = raw_of(stream)
    return isinstance(raw, FailingOnce) and (raw.is_lost or getattr(stream, "name", "") == os.devnull)


def escape(text: str) -> str:
    """Return a text with every character that cleaning would remove as `\\uXXXX`, but for newlines and tabs."""
    if _ONLY_READ.fullmatch(text):
        return text
    shown, was_shown = "", True
    for char, is_kept in judge(text):
        # A joiner after an escaped character has nothing left to join, so it is escaped as well.
        was_shown = char in _KEPT or (is_kept and (was_shown or char != _JOINER))
        shown += char if was_shown else _escaped(char)
    return shown


def _safe_input(stream: TextIO) -> TextIO:
    if not isinstance(stream, io.TextIOWrapper):
        return stream
    if sys.platform == "win32" and stream.isatty():  # getpass shows what is typed there if stdin has been replaced
        return stream
    buffer = io.BufferedReader(PatientInput(raw_of(stream)))
    return io.TextIOWrapper(buffer, _encoding(stream), "replace")


def _safe_output(stream: TextIO, *, tells: bool) -> TextIO:
    if not isinstance(stream, io.TextIOWrapper):
        return stream
    raw = FailingOnce(raw_of(stream), tells=tells)
    return ShownText(
        raw if stream.write_through else io.BufferedWriter(raw),  # PYTHONUNBUFFERED
        _encoding(stream),
        "backslashreplace",
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )


def _encoding(stream: TextIO) -> str:
    """Return the encoding to use: on Windows files get UTF-8 in place of the legacy code page."""
    return "utf-8" if sys.platform == "win32" and not stream.isatty() else stream.encoding


def _written_out(text: str, encoding: str) -> str:
    """Return a text with replacements for characters that the encoding lacks, where there are any."""
    if text.isascii():
        return text
    return "".join(_STAND_INS[char] if char in _STAND_INS and _lacks(encoding, char) else char for char in text)


def _lacks(encoding: str, char: str) -> bool:
    try:
        char.encode(encoding)
    except UnicodeEncodeError:
        return True
    return False


def _escaped(char: str) -> str:
    code = ord(char)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
