"""A real server in a process of its own, clients with a directory each, and a terminal to look at them."""

from __future__ import annotations

import base64
import contextlib
import functools
import hashlib
import io
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol
from unittest import mock

import bcrypt
import pexpect
import pyte

from sockatuh.cli import app
from sockatuh.store.files import ensure_private_directory, write_private

PASSWORD = "tulip-harbor"
PROGRAM = [sys.executable, "-m", "sockatuh"]
STREAMS = ("stdin", "stdout", "stderr")
PATIENCE = 15.0
"""Seconds after which a test has failed; none of them waits that long."""


@functools.cache
def hash_of(password: str) -> str:
    """Return the bcrypt hash of a password, as cheap as settings admit."""
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(10)).decode()


class Server:
    """`sockatuh serve` on a port of 127.0.0.1 that stays the same when it is started again."""

    def __init__(self, directory: Path, **settings: object) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.config = directory / "sockatuh.toml"
        lines = {
            "room": "kitchen",
            "host": "127.0.0.1",
            "password_hash": hash_of(PASSWORD),
            "state_dir": str(directory),
        }
        lines["log_level"] = "error"  # nobody reads the pipe
        self.config.write_text("".join(f"{key} = {value!r}\n" for key, value in (lines | settings).items()))
        self.port = 0
        self.invite = self.words = ""
        self.start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        environ = {key: value for key, value in os.environ.items() if not key.startswith("SOCKATUH_")}
        self.process = subprocess.Popen(
            [*PROGRAM, "serve", "--config", str(self.config), "--port", str(self.port)],
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            env=environ,
        )
        assert self.process.stderr is not None
        said = ""
        while not (found := re.search(r"Fingerprint  (.+?)  \([^{}]*(sockatuh://127\.0\.0\.1:(\d+)/\S+)", said)):
            line = self.process.stderr.readline().decode()
            said += line
            if not line:
                self.stop()
                raise AssertionError(f"the server did not start: {said}")
        self.words, self.invite, self.port = found[1], found[2], int(found[3])

    def stop(self, by: signal.Signals = signal.SIGTERM) -> None:
        self.process.send_signal(by)
        assert self.process.stderr is not None
        self.process.stderr.read()
        self.process.stderr.close()
        self.process.wait(PATIENCE)


class Terminal:
    """A program in a terminal: what it shows, what is typed, how it ends. It answers no question.

    `written` is everything that has come, with its escape sequences.
    """

    def __init__(self, args: list[str], environ: dict[str, str], columns: int = 80, rows: int = 30) -> None:
        self.screen = pyte.Screen(columns, rows)
        self.written = ""
        self.echoed_at_the_end = False
        """Whether the terminal showed by itself what is typed when the program had ended."""
        self._stream = pyte.Stream(self.screen)
        self._child = pexpect.spawn(
            PROGRAM[0], [*PROGRAM[1:], *args], env=environ, dimensions=(rows, columns), encoding="utf-8", echo=True
        )
        self._child.delaybeforesend = None

    @property
    def lines(self) -> list[str]:
        return [line.rstrip() for line in self.screen.display if line.strip()]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    @property
    def echoes(self) -> bool:
        """Tell whether the terminal shows by itself what is typed."""
        return bool(self._child.ptyproc.getecho())

    def read(self, timeout: float) -> bool:
        """Take what the program writes next; False when it has ended."""
        try:
            data = self._child.read_nonblocking(65_536, timeout)
        except pexpect.EOF:
            return False
        except pexpect.TIMEOUT:
            return True
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
        self._child.send(text)

    def enter(self, text: str) -> None:
        """Type a line, and wait for nothing."""
        self._child.send(text + "\r")

    def answer(self, question: str, text: str) -> None:
        """Wait for a question, and answer it."""
        self.wait_until(lambda: self.lines[-1:] != [] and self.lines[-1].endswith(question), question)
        self.enter(text)

    def end(self) -> int:
        """Wait until the program has ended, and return its exit code."""
        until = time.monotonic() + PATIENCE
        while self.read(0.5):
            assert time.monotonic() < until, f"still there:\n{self.text}"
        self.echoed_at_the_end = self.echoes
        self._child.close()
        return int(self._child.exitstatus if self._child.exitstatus is not None else -self._child.signalstatus)

    def hang_up(self) -> None:
        """Close the terminal under the program, and wait until that has ended."""
        self._child.ptyproc.fileobj.close()
        until = time.monotonic() + PATIENCE
        while self._child.ptyproc.isalive():
            assert time.monotonic() < until, "still there"
            time.sleep(0.01)

    def signal(self, number: signal.Signals) -> None:
        self._child.kill(number)

    def close(self) -> None:
        with contextlib.suppress(pexpect.ExceptionPexpect):  # it was killed, and a busy machine has not noticed yet
            self._child.close(force=True)


class Client:
    """Somebody with files of their own, who runs commands."""

    def __init__(self, directory: Path, server: Server | None = None, **environ: str) -> None:
        kept = {key: value for key, value in os.environ.items() if not key.startswith("SOCKATUH_")}
        for name in ("NO_COLOR", "TERM", "LANG", "LC_ALL", "COLUMNS", "LINES"):
            kept.pop(name, None)
        self.directory = directory
        self._terminals: list[Terminal] = []
        self._watchdogs: list[threading.Timer] = []
        self.environ = kept | {"SOCKATUH_CLIENT_DIR": str(directory), "TERM": "xterm-256color", "LANG": "C.UTF-8"}
        if server is not None:
            self.environ |= {"SOCKATUH_SERVER": server.address, "SOCKATUH_TRUST": "accept-new"}
            self.environ |= {"SOCKATUH_NAME": directory.name, "SOCKATUH_PASSWORD": PASSWORD}
        self.environ |= environ
        ensure_private_directory(directory)
        write_private(directory / "identity", base64.b64encode(hashlib.sha256(directory.name.encode()).digest()))

    def call(self, *args: str, stdin: bytes = b"") -> subprocess.CompletedProcess[str]:
        """Run a command in this process, with no terminal anywhere."""
        streams = [io.TextIOWrapper(io.BytesIO(data), encoding="utf-8", newline="\n") for data in (stdin, b"", b"")]
        with contextlib.ExitStack() as stack:
            stack.enter_context(mock.patch.dict(os.environ, self.environ, clear=True))
            for name, stream in zip(STREAMS, streams, strict=True):
                stack.enter_context(mock.patch.object(sys, name, stream))
            code = app.run(args)
        said = [_written(stream) for stream in streams[1:]]
        return subprocess.CompletedProcess(args, code, *said)

    def run(self, *args: str, stdin: bytes = b"") -> subprocess.CompletedProcess[str]:
        """Run a command to its end, in a process of its own."""
        done = subprocess.run([*PROGRAM, *args], input=stdin, capture_output=True, env=self.environ, timeout=PATIENCE)
        return subprocess.CompletedProcess(args, done.returncode, done.stdout.decode(), done.stderr.decode())

    def start(self, *args: str) -> subprocess.Popen[str]:
        """Begin a command that goes on, but not for ever."""
        pipe = subprocess.PIPE
        process = subprocess.Popen(
            [*PROGRAM, *args], stdin=pipe, stdout=pipe, stderr=pipe, text=True, encoding="utf-8", env=self.environ
        )
        self._watchdogs.append(threading.Timer(PATIENCE, process.kill))
        self._watchdogs[-1].start()
        return process

    def terminal(self, *args: str, columns: int = 80, rows: int = 30) -> Terminal:
        """Run a command in a terminal."""
        self._terminals.append(Terminal(list(args), self.environ, columns, rows))
        return self._terminals[-1]

    def close(self) -> None:
        """End what is still there."""
        for watchdog in self._watchdogs:
            watchdog.cancel()
        for terminal in self._terminals:
            terminal.close()


def heard(reader: subprocess.Popen[str]) -> Iterator[dict[str, Any]]:
    """Yield what a reader prints, line by line."""
    assert reader.stdout is not None
    for line in reader.stdout:
        yield json.loads(line)


def until(lines: Iterator[dict[str, Any]], kind: str, code: str | None = None) -> dict[str, Any]:
    """Return the next line of a kind."""
    return next(line for line in lines if line["type"] == kind and code in (None, line.get("code")))


def _written(stream: io.TextIOWrapper) -> str:
    stream.flush()
    stream.seek(0)
    return stream.read()


class Person(Protocol):
    """Makes clients: with a server it knows how to come in, without one it knows nothing."""

    def __call__(self, name: str, server: Server | None = None, **environ: str) -> Client: ...
