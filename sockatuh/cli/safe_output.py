"""Stdin, stdout and stderr as every command can rely on them, whatever they were when the program was started.

One that was closed is /dev/null before anything else can take its number. One that does not block is waited for. What
its encoding lacks is written as an escape. A stdout that cannot be written (it is full, its reader has left) raises
OutputLost, once; from then on it takes everything and keeps nothing, so nothing fails a second time when the
interpreter ends. A stderr that cannot be written says nothing: there is nowhere left to say it.

And everything is escaped that a terminal would obey rather than show. Facts from the network are cleaned where they
come in. But a sentence may also hold a file's name, an argument or a line of a configuration, which may come from
somebody else as well; so all of it passes here, as the last thing before the terminal. The interactive screen does not:
it moves the cursor itself, and prints what `transcript` has drawn.
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
_STAND_INS: Final = {"—": "-", "…": "...", "·": "-", "✓": "ok"}
"""What our own sentences hold, for encodings that lack it."""
_OPENED_FOR: Final = {"stdin": "r", "stdout": "w", "stderr": "w"}


def make_safe() -> None:
    """Replace the process's three streams by ones that can be relied on; to be called before a file is opened."""
    for name, mode in _OPENED_FOR.items():
        if getattr(sys, name) is None:  # it was closed: the lowest free number, which this takes, is its own
            opened = open(os.devnull, mode, encoding="utf-8")  # noqa: SIM115 - as long as the process
            os.set_inheritable(opened.fileno(), True)
            for each in (name, f"__{name}__"):
                setattr(sys, each, opened)
    sys.stdin = _safe_input(sys.stdin)
    sys.stdout = _safe_output(sys.stdout, tells=True)
    sys.stderr = _safe_output(sys.stderr, tells=False)


class ShownText(io.TextIOWrapper):
    """A text stream whose readers see every character and obey none."""

    def write(self, text: str) -> int:
        """Write a text, what is not let through as its escape."""
        shown = escape(text)
        return super().write(shown if self.encoding == "utf-8" else _written_out(shown, self.encoding))


class _Descriptor(io.RawIOBase):
    """A raw stream in front of another, `_raw`, with whose descriptor it works."""

    _raw: Any

    def fileno(self) -> int:
        """Return the descriptor."""
        return int(self._raw.fileno())

    def isatty(self) -> bool:
        """Tell whether it is a terminal."""
        return bool(self._raw.isatty())

    @property
    def name(self) -> object:
        """What it was opened as."""
        return self._raw.name


class PatientInput(_Descriptor):
    """Reads what there is, and waits for it where the descriptor itself would not."""

    def __init__(self, raw: Any) -> None:
        self._raw = raw

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Read into a buffer, at least a byte unless it is the end."""
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
    """Writes everything, waits where the descriptor itself would not, and fails at most once, with OutputLost.

    `tells` is whether it fails at all, or keeps it to itself; `is_lost` is whether what is written comes to nothing.
    """

    def __init__(self, raw: Any, *, tells: bool) -> None:
        self._raw, self._tells = raw, tells
        self.is_lost = False

    def write(self, data: ReadableBuffer) -> int:
        """Write all of it."""
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


def is_lost(stream: TextIO) -> bool:
    """Tell whether what is written to a stream comes to nothing: it was closed, or could not be written."""
    raw = getattr(stream.buffer, "raw", stream.buffer)
    return isinstance(raw, FailingOnce) and (raw.is_lost or getattr(stream, "name", "") == os.devnull)


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


def _safe_input(stream: TextIO) -> TextIO:
    if not isinstance(stream, io.TextIOWrapper):
        return stream
    buffer = io.BufferedReader(PatientInput(getattr(stream.buffer, "raw", stream.buffer)))
    return io.TextIOWrapper(buffer, _encoding(stream), "replace")


def _safe_output(stream: TextIO, *, tells: bool) -> TextIO:
    if not isinstance(stream, io.TextIOWrapper):
        return stream
    raw = FailingOnce(getattr(stream.buffer, "raw", stream.buffer), tells=tells)
    return ShownText(
        raw if stream.write_through else io.BufferedWriter(raw),  # PYTHONUNBUFFERED
        _encoding(stream),
        "backslashreplace",
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )


def _encoding(stream: TextIO) -> str:
    """Return the encoding of what is written; a file on Windows would have one of the last century."""
    return "utf-8" if sys.platform == "win32" and not stream.isatty() else stream.encoding


def _written_out(text: str, encoding: str) -> str:
    """Return a text with the plainer form of what an encoding lacks, where there is one."""
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
