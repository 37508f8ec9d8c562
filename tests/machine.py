"""What tests ask of the machine they run on: a port that is free, and what a process occupies."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from pathlib import Path


def free_port(kind: socket.SocketKind = socket.SOCK_DGRAM) -> int:
    """Return a port that nobody uses, at any address of this machine."""
    with socket.socket(type=kind) as sock:
        sock.bind(("0.0.0.0", 0))  # noqa: S104 (nothing ever comes to it)
        return int(sock.getsockname()[1])


def unmeasured(environ: Mapping[str, str]) -> dict[str, str]:
    """Return an environment in which programs run without coverage, which loads modules of its own."""
    return {name: value for name, value in environ.items() if not name.startswith("COVERAGE_")}


def resident_kib(pid: int) -> int:
    """Return what a process occupies in memory, in KiB."""
    status = Path(f"/proc/{pid}/status").read_text("ascii")
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS:")))
