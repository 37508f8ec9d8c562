"""The command that runs a room, where it meets the service manager and the terminal."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from e2e.running import PASS_ON, Room, hash_password
from kit.terminal import PATIENCE, Terminal

from sockatuh.cli.serve import service_options
from sockatuh.protocol.identity import Invite
from sockatuh.server.options import Ready
from sockatuh.settings.sources import load
from sockatuh.wording import admin

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the server runs on Linux and macOS")

WITHOUT_PAUSE = "import sys, sockatuh.cli.app as app; app.PAUSE = 0; sys.exit(app.run(sys.argv[1:]))"


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path, hash_password())


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.settimeout(PATIENCE)
        sock.bind(str(tmp_path / "notify"))
        yield sock


def serve_passed(sock: socket.socket, config: Path, manager: socket.socket) -> subprocess.CompletedProcess[str]:
    """Start the server with a socket it is passed, and without the pause before the next try."""
    environ = {key: value for key, value in os.environ.items() if not key.startswith("SOCKATUH_")}
    return subprocess.run(
        [sys.executable, "-c", PASS_ON, str(sock.fileno()), sys.executable, "-c", WITHOUT_PAUSE,
         "serve", "--config", str(config)],
        env=environ | {"NOTIFY_SOCKET": manager.getsockname()},
        pass_fds=[sock.fileno()],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )  # fmt: skip


@pytest.mark.slow
def test_a_socket_of_the_wrong_kind_is_reported_to_admin_and_manager(room: Room, manager: socket.socket) -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        done = serve_passed(sock, room.configure(), manager)
    assert done.returncode == 8
    assert "socket (passed by the service manager): should be a UDP socket" in done.stderr
    assert "should be a UDP socket" in manager.recv(1000).decode()


def test_invalid_settings_are_reported_to_the_manager_in_one_line(room: Room, manager: socket.socket) -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        done = serve_passed(sock, room.configure(hots="x", port=0.5), manager)
    assert done.returncode == 8
    status = manager.recv(1000).decode()
    assert status.startswith("STATUS=The configuration cannot be used: ")
    assert "\n" not in status
    assert "did you mean host?" in status
    assert "port (" in status


@pytest.fixture
def terminal(room: Room) -> Iterator[Terminal]:
    """A server that runs in a terminal of its own."""
    environ = {key: value for key, value in os.environ.items() if not key.startswith("SOCKATUH_")}
    with contextlib.closing(Terminal(["serve", "--config", str(room.configure())], environ)) as terminal:
        wait_for_output(terminal, "sockatuh://")
        yield terminal


def wait_for_output(terminal: Terminal, wanted: str) -> None:
    terminal.wait_until(lambda: wanted in terminal.written, wanted)


def test_a_hangup_in_a_terminal_that_is_still_there_is_a_reload(terminal: Terminal) -> None:
    terminal.signal(signal.SIGHUP)
    wait_for_output(terminal, "configuration_reloaded")
    terminal.signal(signal.SIGTERM)
    wait_for_output(terminal, "server_stopped")
    assert terminal.end() == 0


def test_closing_the_terminal_closes_the_room(terminal: Terminal) -> None:
    assert terminal.hang_up() == 0


def test_all_addresses_are_printed_and_the_best_is_in_the_invite() -> None:
    nodes = ("192.168.1.20:7000", "192.168.1.21:7625", "box2.lan:7625")
    ready = Ready("kitchen", "::", ("192.168.1.20", "fd00::20"), 7000, bytes(range(32)), nodes)
    output = admin.ready(ready).splitlines()
    assert output[2:4] == ["Tell people: sockatuh chat 192.168.1.20:7000", "        or:  sockatuh chat [fd00::20]:7000"]
    invite = Invite.parse_untrusted(output[4].removeprefix("Invite:").strip())
    assert (invite.host, invite.port) == ("192.168.1.20", 7000)
    assert invite.nodes == (("192.168.1.21", 7625), ("box2.lan", 7625)), "the room's own address is not said twice"


def test_texts_go_to_the_log_that_a_person_watches_unless_the_settings_say_otherwise(room: Room) -> None:
    for log_messages, expected in (("auto", (False, True)), ("always", (True, True)), ("never", (False, False))):
        settings = load({"config": room.configure(log_messages=log_messages)}, {}, room.directory)
        options = [service_options(settings, terminal=terminal) for terminal in (False, True)]
        assert tuple(each.log_texts for each in options) == expected
