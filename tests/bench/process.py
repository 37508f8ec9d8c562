"""A server in a process of its own, on a core of its own, and what it costs."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from machine import resident_kib

SERVER_CORE, CROWD_CORE = 0, 1
FILES = 20_000
NANOSECONDS = 1e9


def on_core(core: int) -> None:
    """Stay on one core, and be allowed many sockets."""
    os.sched_setaffinity(0, {core % (os.cpu_count() or 1)})
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(FILES, hard), hard))


@dataclass(frozen=True, slots=True)
class Server:
    """A process that serves; figures are of all its threads."""

    process: subprocess.Popen[bytes]

    @property
    def pid(self) -> int:
        return self.process.pid

    def cpu_seconds(self) -> float:
        """Return the processor time it has used: user and system, as the scheduler counts it."""
        total = 0
        for task in Path(f"/proc/{self.pid}/task").iterdir():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # a thread that has just ended
                total += int((task / "schedstat").read_text("ascii").split()[0])
        return total / NANOSECONDS

    def resident_kib(self) -> int:
        """Return what it occupies in memory, in KiB."""
        return resident_kib(self.pid)


@contextlib.contextmanager
def temporary() -> Iterator[Path]:
    """Make a directory in the checkout: what is committed is to reach a disk, and a /tmp may be in memory."""
    parent = Path.cwd() / ".state"
    parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=parent) as name:
        yield Path(name)


@contextlib.contextmanager
def served(command: Sequence[str], directory: Path, environ: Mapping[str, str] | None = None) -> Iterator[Server]:
    """Run a server on its core until the block ends; what it says goes to a file in `directory`."""
    with (directory / "said").open("wb") as said:
        process = subprocess.Popen(
            command,
            cwd=directory,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            preexec_fn=_prepare,
        )
        try:
            yield Server(process)
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def own_address(index: int) -> str:
    """Return the loopback address of one member: who counts by address is to see many."""
    return f"127.{1 + index // 250}.{index % 250}.1"


def _prepare() -> None:
    on_core(SERVER_CORE)


def reachable(port: int, seconds: float = 10.0) -> None:
    """Wait until something listens on a TCP port; TimeoutError."""
    ends_at = time.monotonic() + seconds
    while time.monotonic() < ends_at:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.02)
    raise TimeoutError(f"nothing listens on port {port}")
