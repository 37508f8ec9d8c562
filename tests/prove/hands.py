"""The control socket in the wrong hands: another user's, behind links, in another's place, and with a false server."""

from __future__ import annotations

import contextlib
import io
import os
import socket
import stat
import threading
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import msgspec
from cli.box.reports import REPORT
from e2e.running import Room, ServerProcess, hash_password
from hostile import LIE, TEXTS
from prove.attack import Attack, Found, Missing, Run, require

from sockatuh.cli import app
from sockatuh.room.orders import Kicked, OrderDenied
from sockatuh.server.box_report import Here, OrderItem, SessionItem, Trouble
from sockatuh.server.control_lines import encode_item, encode_reply

NOBODY: Final = 65_534
ORDER: Final = b'{"v":1,"do":"announce","text":"from nobody"}\n'
ACTS: Final = ("Cc", "Cs", "Zl", "Zp")
"""Categories of characters that do something to a terminal, or begin a line."""
CONNECTED, KEPT_OUT, FAILED = 0, 13, 99


def wrong_hands(run: Run) -> Found:
    """Try the socket with every hand but the right one."""
    if os.geteuid() != 0:
        raise Missing("another user's hands take root; run it with sudo")
    run.directory.chmod(0o755)
    place = run.directory / "box"
    place.mkdir(mode=0o755)
    room = Room(run.directory, hash_password())
    path = place / "control"
    server = room.server(control=str(path))
    server.begin()
    try:
        _by_another_user(path)
        _second_server(run.directory / "other", path)
    finally:
        server.finish()
    require(not path.exists(), "a server that was stopped leaves its socket behind")
    kills = _over_a_dead_one(server, path)
    plants = _planted(run.directory, room)
    texts = _false_server(run.directory / "false")
    return Found(
        f"another user's connection and commands, {kills} sockets of killed servers, {plants} things in its place, a "
        f"false server with {texts} hostile texts",
        "mode 0600; nothing of another user's reaches the server (exit code 4); over a dead socket it starts, over "
        "anything else it does not (exit code 8), and what is there stays; 0 escapes printed",
    )


def _by_another_user(path: Path) -> None:
    found = path.lstat()
    require(stat.S_ISSOCK(found.st_mode), "it is no socket")
    require(stat.S_IMODE(found.st_mode) == 0o600, f"its mode is {stat.S_IMODE(found.st_mode):o}")
    require(found.st_uid == 0, f"it belongs to {found.st_uid}")
    code, said = _call("bans", "--socket", str(path))
    require(code == 0, f"root's command ended with {code}: {said}")  # so all that a command needs is loaded
    require(_as_nobody(lambda: _connect(path)) == KEPT_OUT, "another user is connected")
    for verb in (["kick", "budi"], ["announce", "hello"], ["status"], ["bans"]):
        code = _as_nobody(lambda verb=verb: _call(*verb, "--socket", str(path))[0])  # type: ignore[misc]
        require(code == 4, f"another user's {verb} ended with {code}")


def _connect(path: Path) -> int:
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.connect(str(path))
        except PermissionError:
            return KEPT_OUT
        connection.sendall(ORDER)
        return CONNECTED


def _second_server(directory: Path, path: Path) -> None:
    """Start the server of another room at the same path: it must not take the place of the first."""
    directory.mkdir()
    other = Room(directory, hash_password()).server(control=str(path))
    code = other.run()
    require(code == 8, f"a second server at the same socket ended with {code}")
    require(_call("bans", "--socket", str(path))[0] == 0, "the first server's socket is gone")


def _over_a_dead_one(server: ServerProcess, path: Path) -> int:
    for _ in range(3):
        server.begin()
        server.finish(9)
        require(path.exists(), "a server that is killed leaves a socket")
    server.begin()
    require(_call("bans", "--socket", str(path))[0] == 0, "over a dead socket nobody answers")
    server.finish()
    return 3


def _planted(directory: Path, room: Room) -> int:
    """Put things in the socket's place, as another user can in a directory for everybody."""
    shared = directory / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    victim = directory / "victim"
    victim.write_text("precious")
    lying = shared / "lying"

    def link() -> None:
        lying.symlink_to(victim)

    def listen() -> None:
        with socket.socket(socket.AF_UNIX) as false:
            false.bind(str(lying))

    def write() -> None:
        lying.write_text("mine")

    ways: dict[str, tuple[Callable[[], object], str]] = {
        "a link to a file": (link, "lying"),
        "a socket": (listen, "lying"),
        "a file": (write, "lying"),
        "a directory": (lying.mkdir, "lying"),
        "a link to a directory": (lambda: lying.symlink_to(directory / "box"), "lying/control"),
    }
    for what, (plant, where) in ways.items():
        _as_nobody(lambda plant=plant: int(bool(plant())))  # type: ignore[misc]
        before = lying.lstat()
        require(before.st_uid == NOBODY, f"{what} is not another user's")
        server = room.server(control=str(shared / where))
        code = server.run()
        require(code == 8, f"with {what} of another user in its place the server ended with {code}: {server.said}")
        require(lying.lstat().st_ino == before.st_ino, f"{what} of another user was replaced")
        require(victim.read_text() == "precious", "root wrote to what another user had linked")
        if stat.S_ISDIR(before.st_mode):
            lying.rmdir()
        else:
            lying.unlink()
    require(not (directory / "box" / "control").exists(), "root bound a socket where another user's link led")
    return len(ways)


def _false_server(directory: Path) -> int:
    """Let root's commands be answered by a server that lies: nothing it says acts on the terminal."""
    directory.mkdir()
    repeated = False
    for number, text in enumerate(TEXTS.values()):
        for verb, answer in _lies(text.encode(errors="replace").decode()):
            path = directory / f"{number} {verb[0]}"
            with _answering(path, answer):
                code, said = _call(*verb, "--socket", str(path))
            path.unlink()
            acts = [char for char in said if char != "\n" and unicodedata.category(char) in ACTS]
            require(not acts, f"{verb} printed {acts} of {text!r}")
            require(not any(line.startswith(LIE) for line in said.splitlines()), f"{text!r} begins a line of {verb}")
            require("Traceback" not in said, f"{verb} ended with {code}: {said[-300:]}")
            repeated = repeated or "zoe" in said
    require(repeated, "no text of the false server was printed at all")
    return len(TEXTS)


def _lies(text: str) -> Iterator[tuple[list[str], bytes]]:
    """Yield commands, each with an answer that a server could give, and with a text wherever one can stand."""
    done, now = encode_reply(None), "2026-11-29T10:07:00.000Z"
    session = SessionItem(
        name=text, key=text, role=text, address=text, dialect=text, version=text, since=now, silent=1.0, behind=0
    )
    order = OrderItem(
        id=1, order="ban", what=text, name=text, key=text, until=now, since=now, by=0, as_=text, reason=text,
        strangers=False, hits=0, hit=now,
    )  # fmt: skip
    kicked = Kicked(
        seq=1,
        name=text,
        key=text,
        sessions=1,
        addresses=(text,),
        until=now,
        reason=text,
        members=3,
        removed=(text, text),
    )
    here = Here(name=text, key=text, dialect=text, since=now, sessions=1, lost=now, away=text)
    trouble = Trouble(code=text, reason=text, remedy=text)
    status = msgspec.structs.replace(
        REPORT, room=text, version=text, addresses=(text,), words=text, invite=text, here=(here,), troubles=(trouble,)
    )
    denied = OrderDenied(code="no_such_member", name=text, nearest=(text,), problems=(text,))
    yield ["kick", "budi"], encode_reply(kicked)
    yield ["kick", "budi"], encode_reply(denied)
    yield ["kick", "budi"], encode_reply(OrderDenied(code=text, problems=(text,)))
    yield ["sessions"], encode_item(session) + done
    yield ["bans"], encode_item(order) + done
    yield ["status"], encode_item(status) + done


@contextlib.contextmanager
def _answering(path: Path, answer: bytes) -> Iterator[None]:
    """Answer whatever is asked at a path with the same bytes."""
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()
        listening.settimeout(30.0)
        ends = threading.Event()

        def serve() -> None:
            while not ends.is_set():
                connection, _ = listening.accept()
                with connection, contextlib.suppress(OSError):
                    if connection.recv(65_536):
                        connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield
        finally:
            ends.set()
            with socket.socket(socket.AF_UNIX) as last:
                last.connect(str(path))
            thread.join()


def _call(*words: str) -> tuple[int, str]:
    """Run a command in this process; return its exit code and all that it prints."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        code = app.run(words)
    return code, said.getvalue()


def _as_nobody(work: Callable[[], int]) -> int:
    """Return what another user's process returns."""
    child = os.fork()
    if child == 0:
        code = FAILED
        try:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            code = work()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


ATTACKS: Final[tuple[Attack, ...]] = (
    Attack(
        "admin-hands",
        "Orders: only root and the service's user give any; the socket's place is nobody else's to take",
        "another user connects and runs the commands; a killed server's socket, another room's server, files, links "
        "and sockets of another user in its place; a server that lies to root's commands",
        wrong_hands,
    ),
)
