"""`sockatuh ARGS` as a process of its own, forked by `fork_server`; the part of `subprocess.Popen` that tests use."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from typing import Self, TextIO

from . import fork_server

SOCKATUH = (sys.executable, "-m", "sockatuh")
"""The program in an interpreter of its own."""
PIPE = subprocess.PIPE
DEVNULL = subprocess.DEVNULL


_STARTING = threading.Lock()


def _server() -> socket.socket:
    """Return the socket of this process's fork server, which starts with the first call and ends with the process."""
    with _STARTING:  # two threads that call at once must share one: a second server would end with its unused socket
        return _start()


@functools.cache
def _start() -> socket.socket:
    ours, theirs = socket.socketpair()
    with theirs:
        subprocess.Popen(
            [sys.executable, fork_server.__file__, str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            stdin=DEVNULL,
            start_new_session=True,
        ).returncode = 0  # nobody waits for it
    return ours


class Program:
    """A command line that runs, or has ended. Pipes carry text in UTF-8; another stream is a descriptor.

    With `command`, as `SOCKATUH`, that is executed with the arguments; without, the program is a fork.
    """

    def __init__(
        self,
        args: Sequence[str],
        environ: Mapping[str, str],
        *,
        stdin: int = PIPE,
        stdout: int = PIPE,
        stderr: int = PIPE,
        in_terminal: bool = False,
        command: Sequence[str] = (),
    ) -> None:
        self.args = args
        self.stdin: TextIO | None = None
        self.stdout: TextIO | None = None
        self.stderr: TextIO | None = None
        self.returncode: int | None = None
        self._lock = threading.Lock()
        self._said = b""
        request = {
            "args": list(args),
            "environ": dict(environ),
            "cwd": os.getcwd(),
            "terminal": in_terminal,
            "command": list(command),
        }
        with contextlib.ExitStack() as theirs:
            streams = [
                self._stream(name, kind, theirs)
                for name, kind in (("stdin", stdin), ("stdout", stdout), ("stderr", stderr))
            ]
            self._control, control = socket.socketpair()
            theirs.callback(control.close)
            socket.send_fds(_server(), [b"+"], [control.fileno(), *streams])
        self._control.sendall(json.dumps(request).encode())
        self._control.shutdown(socket.SHUT_WR)
        self.pid = self._receive()

    def _stream(self, name: str, kind: int, theirs: contextlib.ExitStack) -> int:
        """Return the descriptor that the program gets, and keep the other end of a pipe."""
        if kind == PIPE:
            read, write = os.pipe()
            own, passed, mode = (write, read, "w") if name == "stdin" else (read, write, "r")
            setattr(self, name, open(own, mode, encoding="utf-8", newline="\n"))  # noqa: SIM115 (closed by its user)
        elif kind == DEVNULL:
            passed = os.open(os.devnull, os.O_RDWR)
        else:
            return kind
        theirs.callback(os.close, passed)
        return passed

    def _receive(self) -> int:
        while b"\n" not in self._said:
            data = self._control.recv(100)
            assert data, "the fork server has failed; what it says is on stderr"
            self._said += data
        line, self._said = self._said.split(b"\n", 1)
        return int(line)

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end and return the exit code: minus the signal, if one ended it."""
        with self._lock:
            if self.returncode is None:
                self._control.settimeout(timeout)
                try:
                    self.returncode = self._receive()
                except (TimeoutError, BlockingIOError):
                    raise subprocess.TimeoutExpired(list(self.args), timeout or 0.0) from None
                self._control.close()
            return self.returncode

    def poll(self) -> int | None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self.wait(0.0)
        return None

    def send_signal(self, number: int) -> None:
        if self.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def communicate(self, data: bytes = b"") -> tuple[str, str]:
        """Write all of stdin, and return what comes on stdout and stderr until both end."""
        assert self.stdin is not None
        assert self.stdout is not None
        assert self.stderr is not None
        errors: list[str] = []
        reading = threading.Thread(target=lambda stream: errors.append(stream.read()), args=[self.stderr])
        reading.start()
        with contextlib.suppress(BrokenPipeError), self.stdin:
            self.stdin.buffer.write(data)
        out = self.stdout.read()
        reading.join()
        return out, errors[0]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for stream in (self.stdin, self.stdout, self.stderr):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()
        self.wait()


def run(
    args: Sequence[str],
    environ: Mapping[str, str],
    data: bytes = b"",
    timeout: float = 30.0,
    command: Sequence[str] = (),
) -> subprocess.CompletedProcess[str]:
    """Run a command line to its end, and return what it printed."""
    with Program(args, environ, command=command) as program:
        watchdog = threading.Timer(timeout, program.kill)
        watchdog.start()
        try:
            out, err = program.communicate(data)
            code = program.wait()
        finally:
            watchdog.cancel()
    return subprocess.CompletedProcess(args, code, out, err)
