"""A program in a terminal: what its screen shows, what is typed, how it ends."""

from __future__ import annotations

import codecs
import contextlib
import fcntl
import os
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pyte

from .emulator import Emulator
from .programs import Program

PATIENCE = 15.0
"""Seconds after which a test has failed; none of them waits that long."""


class Terminal:
    """A program in a terminal that answers no question.

    `written` is everything that the program has written, with its escape sequences.
    """

    def __init__(
        self,
        args: Sequence[str],
        environ: Mapping[str, str],
        columns: int = 80,
        rows: int = 30,
        command: Sequence[str] = (),
    ) -> None:
        self.screen = Emulator(columns, rows)
        self.written = ""
        self.echoed_at_the_end = False
        """Whether the terminal showed by itself what is typed when the program had ended."""
        self._stream = pyte.Stream(self.screen)
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._is_open = True
        self._ours, theirs = os.openpty()
        _set_size(theirs, columns, rows)
        self.settings_at_the_start = termios.tcgetattr(theirs)
        try:
            self._program = Program(
                args, environ, stdin=theirs, stdout=theirs, stderr=theirs, in_terminal=True, command=command
            )
        finally:
            os.close(theirs)

    @property
    def lines(self) -> list[str]:
        return [line.rstrip() for line in self.screen.display if line.strip()]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    @property
    def echoes(self) -> bool:
        """Tell whether the terminal shows by itself what is typed."""
        return bool(termios.tcgetattr(self._ours)[3] & termios.ECHO)

    @property
    def settings(self) -> list[Any]:
        """The terminal's settings, as `stty -a` prints them."""
        return termios.tcgetattr(self._ours)

    def resize(self, columns: int, rows: int) -> None:
        """Change the terminal's size; the system tells the program by SIGWINCH."""
        self.screen.resize(rows, columns)
        _set_size(self._ours, columns, rows)

    def read(self, timeout: float) -> bool:
        """Take what the program writes next; False when it has ended."""
        if not select.select([self._ours], [], [], timeout)[0]:
            return True
        try:
            data = self._decoder.decode(os.read(self._ours, 65_536))
        except OSError:  # EIO: nobody has the other end open
            return False
        self.written += data
        self._stream.feed(data)
        assert "\x1b[6n" not in self.written, "asked where the cursor is, which not every terminal answers"
        return True

    def wait_for(self, *texts: str) -> None:
        """Wait until all of it stands on the screen."""
        self.wait_until(lambda: all(text in self.text for text in texts), " and ".join(texts))

    def wait_for_prompt(self) -> None:
        """Wait until there is nothing below the log but an empty input."""
        self.wait_until(lambda: self.lines[-1:] == [">"] and "last contact" not in self.text, "empty input")

    def wait_until(self, condition: Callable[[], bool], what: str) -> None:
        until = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < until, f"no {what} in:\n{self.text}"
            assert self.read(0.5) or condition(), f"ended without {what}:\n{self.text}"

    def type(self, text: str) -> None:
        self.type_bytes(text.encode())

    def type_bytes(self, typed: bytes) -> None:
        os.write(self._ours, typed)

    def enter(self, text: str) -> None:
        """Type a line, and wait for nothing."""
        self.type(text + "\r")

    def wait_for_question(self, question: str) -> None:
        """Wait until a question is the last that stands on the screen."""
        self.wait_until(lambda: self.lines[-1:] != [] and self.lines[-1].endswith(question), question)

    def answer(self, question: str, text: str) -> None:
        """Wait for a question, and answer it."""
        self.wait_for_question(question)
        self.enter(text)

    def end(self) -> int:
        """Wait until the program has ended, and return its exit code."""
        until = time.monotonic() + PATIENCE
        while self.read(0.5):
            assert time.monotonic() < until, f"still there:\n{self.text}"
        self.echoed_at_the_end = self.echoes
        self.settings_at_the_end = self.settings
        return self._program.wait(PATIENCE)

    def hang_up(self) -> int:
        """Close the terminal under the program, wait until that has ended, and return its exit code."""
        self._close_terminal()
        return self._program.wait(PATIENCE)

    def signal(self, number: signal.Signals) -> None:
        self._program.send_signal(number)

    def close(self) -> None:
        """Close the terminal and end the program, which is given a moment to leave by itself."""
        self._close_terminal()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._program.wait(1.0)
        self._program.kill()
        self._program.wait(PATIENCE)

    def _close_terminal(self) -> None:
        if self._is_open:
            self._is_open = False
            os.close(self._ours)


def _set_size(descriptor: int, columns: int, rows: int) -> None:
    fcntl.ioctl(descriptor, termios.TIOCSWINSZ, struct.pack("4H", rows, columns, 0, 0))
