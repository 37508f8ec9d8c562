"""Obstacles on the way to a server are reported at once and end nothing; a silent name server delays no exit."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from e2e.running import PASSWORD, PATIENCE, Room

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells why, and the server runs there")

SILENT = """
import socket, sys, threading
ask = socket.getaddrinfo
def silent(host, port, family=0, kind=0, protocol=0, flags=0):
    if flags:
        return ask(host, port, family, kind, protocol, flags)
    threading.Event().wait()
socket.getaddrinfo = silent
from sockatuh.cli import main
main()
"""
"""The program on a machine whose name servers never answer."""


@contextlib.asynccontextmanager
async def program(directory: Path, *command: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a client's program, which does not outlive the block."""
    environ = {key: value for key, value in os.environ.items() if not key.startswith("SOCKATUH_")}
    environ |= {"SOCKATUH_CLIENT_DIR": str(directory), "SOCKATUH_NAME": "ana", "SOCKATUH_PASSWORD": PASSWORD}
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, *command, env=environ, stdin=pipe, stdout=pipe, stderr=pipe
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.communicate()


async def first_words(process: asyncio.subprocess.Process) -> str:
    """Return the first line a program says on stderr."""
    assert process.stderr is not None
    async with asyncio.timeout(PATIENCE):
        return (await process.stderr.readline()).decode()


async def end(process: asyncio.subprocess.Process) -> tuple[int | None, str]:
    """Wait for a program's end; return its exit code, and what it said on stderr since."""
    async with asyncio.timeout(PATIENCE):
        _, said = await process.communicate()
    return process.returncode, said.decode()


def test_a_closed_port_is_reported_at_once_and_lines_arrive_after_the_start(room: Room) -> None:
    async def story() -> None:
        command = ["-m", "sockatuh", "send", "--timeout", str(PATIENCE), "--server", f"127.0.0.1:{room.port}", "hello"]
        async with program(room.directory / "ana", *command) as sending:
            said = await first_words(sending)
            assert said == f"Nothing listens on UDP port {room.port} at 127.0.0.1; still trying.\n"
            async with room.serve():
                code, _ = await end(sending)
                assert code == 0
                assert [line.text for line in room.history.messages(None, None, 10)] == ["hello"]

    asyncio.run(story())


@pytest.mark.slow
def test_another_service_on_the_port_is_recognised(tmp_path: Path) -> None:
    async def story() -> None:
        with socket.socket(type=socket.SOCK_DGRAM) as echo:
            echo.setblocking(False)
            echo.bind(("127.0.0.1", 0))
            port = echo.getsockname()[1]
            command = ["-m", "sockatuh", "send", "--timeout", "1", "--server", f"127.0.0.1:{port}", "hello"]
            async with program(tmp_path, *command) as sending:
                for _ in range(2):  # one alone may be ours, and spoilt
                    data, address = await asyncio.get_running_loop().sock_recvfrom(echo, 2048)
                    echo.sendto(data, address)
                code, said = await end(sending)
        assert code == 3
        first, second, _ = said.splitlines()
        assert first == f"What answers on UDP port {port} at 127.0.0.1 is not SockAtuh; still trying."
        assert second.endswith(f"; what answers on UDP port {port} at 127.0.0.1 is not SockAtuh.")

    asyncio.run(story())


@pytest.mark.parametrize(
    ("command", "ended_by", "code"),
    [
        pytest.param(["send", "--timeout", "2", "--server", "somewhere", "hello"], None, 3, marks=pytest.mark.slow),
        (["send", "--timeout", "60", "--server", "somewhere", "hello"], signal.SIGTERM, 1),
        pytest.param(["tail", "somewhere"], signal.SIGINT, 130, marks=pytest.mark.slow),
    ],
    ids=str,
)
def test_silent_name_servers_do_not_delay_the_exit(
    tmp_path: Path, command: Sequence[str], ended_by: signal.Signals | None, code: int
) -> None:
    async def story() -> None:
        async with program(tmp_path, "-c", SILENT, *command) as process:
            said = await first_words(process)
            assert (
                said == "The address of somewhere cannot be looked up; the name servers do not answer; still trying.\n"
            )
            if ended_by is not None:
                process.send_signal(ended_by)
            ended_with, said = await end(process)
            assert ended_with == code
            if ended_by is None:
                assert said.startswith(
                    "No SockAtuh server at somewhere:7625: the address of somewhere cannot be looked up"
                )

    asyncio.run(story())
