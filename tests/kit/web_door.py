"""`sockatuh web` in a process of its own, at an address that browsers in a namespace reach."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

from machine import free_port

STARTS_WITHIN: Final = 90.0


class WebDoor:
    """A gateway to a room at a port of this machine; it may be killed and begun again."""

    followed = 1
    """See WebDouble: whoever waits for a stream sees it on the page."""

    def __init__(self, directory: Path, host: str, room_port: int, *, encrypted: bool = True) -> None:
        self.reported: list[str] = []
        self._directory, self._host, self._room_port, self._encrypted = directory, host, room_port, encrypted
        self._port = free_port(socket.SOCK_STREAM)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The address of the page."""
        return f"http{'s' if self._encrypted else ''}://{self._host}:{self._port}/"

    @property
    def process(self) -> int:
        """The id of its process."""
        assert self._process is not None
        return self._process.pid

    @property
    def state(self) -> Path:
        """Where it keeps what it knows."""
        return self._directory / "web"

    @property
    def said(self) -> str:
        """What it has printed in all its lives."""
        return (self._directory / "web.log").read_text("utf-8")

    @property
    def sha256(self) -> str:
        """The fingerprint of its certificate, as it printed it last."""
        return str(re.findall(r"(?:[0-9A-F]{2}:){31}[0-9A-F]{2}", self.said.replace("\n", ""))[-1])

    def begin(self) -> None:
        """Start it, and wait until it takes connections."""
        command = [sys.executable, "-m", "sockatuh", "web", f"127.0.0.1:{self._room_port}"]
        command += ["--listen", f"{self._host}:{self._port}", "--state", str(self.state)]
        command += [] if self._encrypted else ["--http"]
        environ = {key: value for key, value in os.environ.items() if not key.startswith("SOCKATUH_")}
        with open(self._directory / "web.log", "ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=environ)
        until = time.monotonic() + STARTS_WITHIN
        while True:
            try:
                socket.create_connection((self._host, self._port), 1).close()
            except OSError:
                assert self._process.poll() is None, self.said
                assert time.monotonic() < until, self.said
                time.sleep(0.05)
            else:
                return

    def kill(self) -> None:
        """End it as a crash does."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def end(self) -> None:
        """End it as the service manager does."""
        assert self._process is not None
        self._process.terminate()
        assert self._process.wait(60) == 0, self.said
