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
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol
from unittest import mock

import bcrypt
from kit.programs import DEVNULL, Program, run
from kit.terminal import PATIENCE, Terminal

from sockatuh.cli import app
from sockatuh.store.files import ensure_private_directory, write_private
from sockatuh.wording.en import client as english
from sockatuh.wording.id import client as indonesian

PASSWORD = "tulip-harbor"
STREAMS = ("stdin", "stdout", "stderr")
WAITED = re.compile(
    "|".join(f"{re.escape(each.no_answer_yet('SERVER'))}\n".replace("SERVER", r"\S+") for each in (english, indonesian))
)
"""What is said after a second without an answer: a server of the tests may take that long on a busy machine."""


def _as_on_a_fast_machine(done: subprocess.CompletedProcess[str]) -> subprocess.CompletedProcess[str]:
    done.stderr = WAITED.sub("", done.stderr)
    return done


@functools.cache
def hash_of(password: str) -> str:
    """Return the bcrypt hash of a password, as cheap as settings admit."""
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(10)).decode()


class Server:
    """`sockatuh serve` on a port of 127.0.0.1 that stays the same when it is started again.

    `logged` is what it has logged by the time it was stopped; without a `log_level`, errors only.
    """

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
        self.invite = self.words = self.logged = ""
        self.start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        environ = {key: value for key, value in os.environ.items() if not key.startswith("SOCKATUH_")}
        command = ["serve", "--config", str(self.config), "--port", str(self.port)]
        self.process = Program(command, environ, stdin=DEVNULL, stdout=DEVNULL)
        assert self.process.stderr is not None
        said = ""
        while not (found := re.search(r"Fingerprint  (.+?)  \([^{}]*(sockatuh://127\.0\.0\.1:(\d+)/\S+)", said)):
            line = self.process.stderr.readline()
            said += line
            if not line:
                self.stop()
                raise AssertionError(f"the server did not start: {said}")
        self.words, self.invite, self.port = found[1], found[2], int(found[3])

    def stop(self, by: signal.Signals = signal.SIGTERM) -> None:
        self.process.send_signal(by)
        assert self.process.stderr is not None
        self.logged += self.process.stderr.read()
        self.process.stderr.close()
        self.process.wait(PATIENCE)


class Client:
    """A user with a profile directory, who runs commands; `command` as in `Program`."""

    def __init__(
        self, directory: Path, server: Server | None = None, command: Sequence[str] = (), **environ: str
    ) -> None:
        kept = {key: value for key, value in os.environ.items() if not key.startswith("SOCKATUH_")}
        for name in ("NO_COLOR", "TERM", "LANG", "LC_ALL", "LC_MESSAGES", "COLUMNS", "LINES"):
            kept.pop(name, None)
        self.directory = directory
        self._command = command
        self._terminals: list[Terminal] = []
        self._watchdogs: list[threading.Timer] = []
        self.environ = kept | {"SOCKATUH_CLIENT_DIR": str(directory), "TERM": "xterm-256color", "LANG": "C.UTF-8"}
        self.environ |= {"SOCKATUH_SCREEN": "inline"}  # the full screen's own tests say so
        if server is not None:
            self.environ |= {"SOCKATUH_SERVER": server.address}
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
        return _as_on_a_fast_machine(subprocess.CompletedProcess(args, code, *said))

    def run(self, *args: str, stdin: bytes = b"") -> subprocess.CompletedProcess[str]:
        """Run a command to its end, in a process of its own."""
        return _as_on_a_fast_machine(run(args, self.environ, stdin, PATIENCE, self._command))

    def start(self, *args: str, patience: float = PATIENCE) -> Program:
        """Start a long-running command, which is killed after `patience` seconds."""
        process = Program(args, self.environ, command=self._command)
        self._watchdogs.append(threading.Timer(patience, process.kill))
        self._watchdogs[-1].start()
        return process

    def terminal(self, *args: str, columns: int = 80, rows: int = 30) -> Terminal:
        """Run a command in a terminal."""
        self._terminals.append(Terminal(args, self.environ, columns, rows, self._command))
        return self._terminals[-1]

    def close(self) -> None:
        """End programs that still run."""
        for watchdog in self._watchdogs:
            watchdog.cancel()
        for terminal in self._terminals:
            terminal.close()


def json_lines(reader: Program) -> Iterator[dict[str, Any]]:
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
    """Makes clients: with a server they have its address and password, without one neither."""

    def __call__(self, name: str, server: Server | None = None, **environ: str) -> Client: ...
