"""The control socket: its file, its connections, their limits, and what it does with answers."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import stat
import sys
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from kit.disk import Diary

from sockatuh.errors import ConfigurationError
from sockatuh.room import orders as o
from sockatuh.server import box_report
from sockatuh.server import control as control_module
from sockatuh.server.box_report import Asked, NameItem
from sockatuh.server.control import (
    MAX_CONNECTIONS,
    MAX_SOCKET_BYTES,
    ControlSocket,
    control_path,
    find_fault,
    peer_uid,
)
from sockatuh.server.control_lines import MAX_LINE, Item

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the server runs on Linux and macOS")

PATIENCE = 30.0
STATUS = b'{"v":1,"do":"names"}\n'
ANNOUNCE = b'{"v":1,"do":"announce","text":"Soup is ready","as":"tom"}\n'
ANNOUNCED = o.Announced(seq=7, name="admin", text="Soup is ready", members=3)
BUDI = NameItem(name="budi", key="9Pq2Lm3x", used="2026-11-28T10:05:00.000Z", here=True)


@dataclass
class FakeBox:
    """A box with some names, which answers orders when it is told to."""

    items: list[Item] = field(default_factory=lambda: [BUDI])
    ordered: list[tuple[o.Order, o.Actor, Callable[[o.Reply], None]]] = field(default_factory=list)
    answers_at_once: bool = True
    came: asyncio.Event = field(default_factory=asyncio.Event)

    async def report(self, query: Asked) -> Iterable[Item] | o.OrderDenied:
        if isinstance(query, box_report.Bans):
            raise ZeroDivisionError
        if isinstance(query, box_report.Sessions):
            return o.OrderDenied(code="no_such_member", name=query.name)
        return self.items

    def carry_out(self, order: o.Order, actor: o.Actor, answer: Callable[[o.Reply], None]) -> None:
        self.ordered.append((order, actor, answer))
        self.came.set()
        if self.answers_at_once:
            answer(ANNOUNCED)

    def reload(self, answer: Callable[[box_report.ReloadReply], None]) -> None:
        if self.answers_at_once:
            answer(box_report.Reloaded(taken=("room",), restart=("port",)))


@dataclass
class Listening:
    """A control socket that answers, and its path."""

    path: Path
    box: FakeBox
    diary: Diary
    control: ControlSocket
    visitors: list[Visitor] = field(default_factory=list)

    async def connect(self) -> Visitor:
        visitor = Visitor(*await asyncio.open_unix_connection(str(self.path)))
        self.visitors.append(visitor)
        return visitor

    async def say(self, line: bytes) -> list[dict[str, Any]]:
        """Return everything that is answered to a line."""
        visitor = await self.connect()
        try:
            return await visitor.say(line)
        finally:
            visitor.writer.close()


@dataclass
class Visitor:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def say(self, line: bytes) -> list[dict[str, Any]]:
        self.writer.write(line)
        return await self.answer()

    async def answer(self) -> list[dict[str, Any]]:
        """Return an answer, up to its last line or the end of the connection."""
        found: list[dict[str, Any]] = []
        async with asyncio.timeout(PATIENCE):
            while not found or found[-1]["type"] not in ("done", "would", "error"):
                line = await self.reader.readline()
                if not line:
                    break
                found.append(json.loads(line))
        return found

    async def is_ended(self) -> bool:
        """Wait for the end of the connection."""
        async with asyncio.timeout(PATIENCE):
            try:
                return await self.reader.read(1) == b""
            except ConnectionError:
                return True


@contextlib.asynccontextmanager
async def listening(path: Path) -> AsyncIterator[Listening]:
    box, diary = FakeBox(), Diary()
    control = ControlSocket(path, box, diary)
    control.bind()
    await control.start()
    here = Listening(path, box, diary, control)
    try:
        yield here
    finally:
        await control.close()
        for visitor in here.visitors:
            visitor.writer.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "control"


# The file.


def test_only_its_owner_can_open_the_socket_whatever_the_umask(path: Path) -> None:
    async def story() -> None:
        before = os.umask(0)
        try:
            async with listening(path):
                assert stat.S_IMODE(path.stat().st_mode) == 0o600
                assert os.umask(0) == 0
        finally:
            os.umask(before)

    asyncio.run(story())


def test_the_socket_is_removed_at_the_end(path: Path) -> None:
    async def story() -> None:
        async with listening(path):
            assert path.is_socket()
        assert not os.path.lexists(path)

    asyncio.run(story())


def test_what_has_taken_its_place_is_not_removed(path: Path) -> None:
    async def story() -> None:
        async with listening(path):
            path.unlink()
            path.write_text("mine")
        assert path.read_text() == "mine"

    asyncio.run(story())


def test_a_dead_socket_of_an_earlier_server_is_replaced(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))

    async def story() -> None:
        async with listening(path) as here:
            assert await here.say(STATUS)

    asyncio.run(story())


def refused(path: Path) -> str:
    with pytest.raises(ConfigurationError) as caught:
        ControlSocket(path, FakeBox(), Diary()).bind()
    [problem] = caught.value.problems
    assert problem.key == "control"
    return problem.expected


def test_a_living_socket_of_another_server_is_left_alone(path: Path) -> None:
    async def story() -> None:
        async with listening(path) as here:
            assert "another server" in refused(path)
            assert await here.say(STATUS)

    asyncio.run(story())


def test_a_file_in_its_place_is_left_alone(path: Path) -> None:
    path.write_text("mine")
    assert "something else" in refused(path)
    assert path.read_text() == "mine"


def test_a_link_in_its_place_is_neither_followed_nor_removed(path: Path, tmp_path: Path) -> None:
    target = tmp_path / "target"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(target))
    path.symlink_to(target)
    assert "something else" in refused(path)
    assert path.is_symlink()
    assert target.is_socket()
    path.unlink()
    path.symlink_to(tmp_path / "nowhere")
    assert "something else" in refused(path)
    assert not os.path.lexists(tmp_path / "nowhere")


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() != 0, reason="only root can give a file to somebody else")
def test_somebody_elses_socket_is_left_alone(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    os.chown(path, 65_534, 65_534)
    assert "something else" in refused(path)
    assert path.is_socket()


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() != 0, reason="only root is led by other people's links")
def test_root_is_not_led_elsewhere_by_anothers_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "led").symlink_to(tmp_path / "real")
    os.chown(tmp_path / "led", 65_534, 65_534, follow_symlinks=False)
    assert "nobody else's link" in refused(tmp_path / "led" / "control")
    assert not os.path.lexists(tmp_path / "real" / "control")


def test_a_path_that_no_socket_can_have_is_refused(tmp_path: Path) -> None:
    long = tmp_path / ("x" * MAX_SOCKET_BYTES)
    assert refused(long) == "should be at most 107 bytes long"
    assert refused(tmp_path / "nowhere" / "control") == "should be in a directory that the server can write to"


def test_the_longest_path_is_accepted(tmp_path: Path) -> None:
    path = tmp_path / ("ä" * ((MAX_SOCKET_BYTES - len(os.fsencode(tmp_path)) - 1) // 2))

    async def story() -> None:
        async with listening(path) as here:
            assert await here.say(STATUS)

    asyncio.run(story())


def test_a_free_place_has_no_fault(path: Path) -> None:
    assert find_fault(path) is None


@pytest.mark.parametrize(
    ("setting", "runtime", "place"),
    [
        ("off", "/run/sockatuh", None),
        ("auto", None, Path("/state/control")),
        ("auto", "", Path("/state/control")),
        ("auto", "/run/sockatuh", Path("/run/sockatuh/control")),
        ("auto", "/run/sockatuh:/run/other", Path("/run/sockatuh/control")),
        ("/run/room", "/run/sockatuh", Path("/run/room")),
    ],
)
def test_the_setting_says_where_it_is(setting: str, runtime: str | None, place: Path | None) -> None:
    assert control_path(setting, Path("/state"), runtime) == place


# Requests and answers.


def test_a_query_is_answered_by_its_items_and_a_last_line(path: Path) -> None:
    async def story() -> None:
        async with listening(path) as here:
            here.box.items = [BUDI] * 1_000
            *items, last = await here.say(STATUS)
            assert [item["name"] for item in items] == ["budi"] * 1_000
            assert last == {"v": 1, "type": "done"}

    asyncio.run(story())


def test_a_query_can_be_denied(path: Path) -> None:
    async def story() -> None:
        async with listening(path) as here:
            [denied] = await here.say(b'{"v":1,"do":"sessions","name":"budy"}\n')
            assert (denied["type"], denied["code"], denied["name"]) == ("error", "no_such_member", "budy")

    asyncio.run(story())


def test_an_order_has_who_gives_it_by_the_system_and_by_its_own_word(path: Path) -> None:
    async def story() -> None:
        async with listening(path) as here:
            [done] = await here.say(ANNOUNCE)
            fields = {"v": 1, "seq": 7, "name": "admin", "text": "Soup is ready", "members": 3}
            assert done == {"type": "done", **fields}
            [(order, actor, _)] = here.box.ordered
            assert order == o.Announce(text="Soup is ready", as_="tom")
            assert actor == o.Actor(os.getuid(), "tom")

    asyncio.run(story())


def test_a_login_name_is_cleaned_and_cut(path: Path) -> None:
    async def story() -> None:
        async with listening(path) as here:
            claimed = "\x1b[31mt\u202eom\n" + "x" * 200
            await here.say(json.dumps({"v": 1, "do": "announce", "text": "x", "as": claimed}).encode() + b"\n")
            [(_, actor, _)] = here.box.ordered
            assert len(actor.name) == o.MAX_CLAIMED
            assert actor.name.isprintable()

    asyncio.run(story())


def test_a_dry_run_says_what_would_be(path: Path) -> None:
    async def story() -> None:
        async with listening(path) as here:
            [would] = await here.say(b'{"v":1,"do":"kick","name":"budi","dry_run":true}\n')
            assert would["type"] == "would"

    asyncio.run(story())


def test_an_order_is_answered_once_it_is_stored(path: Path) -> None:
    async def story() -> None:
        async with listening(path) as here:
            here.box.answers_at_once = False
            visitor = await here.connect()
            visitor.writer.write(ANNOUNCE)
            await here.box.came.wait()
            here.box.ordered[0][2](ANNOUNCED)
            here.box.ordered[0][2](ANNOUNCED)  # a second answer is one too many
            assert [line["type"] for line in await visitor.answer()] == ["done"]
            assert [line["type"] for line in await visitor.say(STATUS)] == ["name", "done"]

    asyncio.run(story())


def test_an_order_that_nobody_answers_is_not_stored_and_its_late_answer_is_dropped(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control_module, "ANSWER_TIMEOUT", 0.01)
    monkeypatch.setattr(control_module, "RELOAD_TIMEOUT", 0.01)

    async def story() -> None:
        async with listening(path) as here:
            here.box.answers_at_once = False
            visitor = await here.connect()
            assert [line["code"] for line in await visitor.say(ANNOUNCE)] == ["not_stored"]
            assert [line["code"] for line in await visitor.say(b'{"v":1,"do":"reload"}\n')] == ["unfinished"]
            here.box.ordered[0][2](ANNOUNCED)
            assert [line["type"] for line in await visitor.say(STATUS)] == ["name", "done"]

    asyncio.run(story())


def test_a_reload_says_what_was_taken(path: Path) -> None:
    async def story() -> None:
        async with listening(path) as here:
            [done] = await here.say(b'{"v":1,"do":"reload"}\n')
            assert done == {"v": 1, "type": "done", "taken": ["room"], "restart": ["port"]}

    asyncio.run(story())


def test_requests_may_come_one_after_the_other_and_in_pieces(path: Path) -> None:
    async def story() -> None:
        async with listening(path) as here:
            visitor = await here.connect()
            for byte in STATUS[:-1]:
                visitor.writer.write(bytes([byte]))
                await visitor.writer.drain()
            visitor.writer.write(b"\n" + STATUS + ANNOUNCE)
            assert [line["type"] for line in await visitor.answer()] == ["name", "done"]
            assert [line["type"] for line in await visitor.answer()] == ["name", "done"]
            assert [line["type"] for line in await visitor.answer()] == ["done"]

    asyncio.run(story())


def test_what_is_no_request_is_denied_and_the_next_one_is_answered(path: Path) -> None:
    async def story() -> None:
        async with listening(path) as here:
            visitor = await here.connect()
            for line in (b"\n", b"GET / HTTP/1.1\r\n", b"\x00\xff\n", b'{"v":1,"do":"kick"}\n'):
                [denied] = await visitor.say(line)
                assert denied["code"] == "unknown"
            assert [line["type"] for line in await visitor.say(STATUS)] == ["name", "done"]
            assert not here.box.ordered

    asyncio.run(story())


def test_a_fault_of_the_server_ends_one_connection_and_is_logged(path: Path) -> None:
    async def story() -> None:
        async with listening(path) as here:
            visitor = await here.connect()
            assert [line["code"] for line in await visitor.say(b'{"v":1,"do":"bans"}\n')] == ["internal"]
            assert await visitor.is_ended()
            assert here.diary.of("control_failed") == [{"error": "ZeroDivisionError()"}]
            assert len(await here.say(STATUS)) == 2

    asyncio.run(story())


# Limits.


def test_a_line_that_is_too_long_ends_the_connection(path: Path) -> None:
    async def story() -> None:
        async with listening(path) as here:
            longest = b'{"v":1,"do":"names","as":"' + b" " * (MAX_LINE - len(STATUS) - 9)
            assert [line["code"] for line in await here.say(longest + b'"}\n')] == ["unknown"], "as is too long"
            visitor = await here.connect()
            assert [line["code"] for line in await visitor.say(b"x" * MAX_LINE + b"\n")] == ["text_too_long"]
            assert await visitor.is_ended()
            visitor = await here.connect()
            assert [line["code"] for line in await visitor.say(b"x" * (4 * MAX_LINE))] == ["text_too_long"]
            assert await visitor.is_ended()

    asyncio.run(story())


def test_a_line_may_not_be_longer_however_it_comes(path: Path) -> None:
    async def story() -> None:
        async with listening(path) as here:
            for rest, code in ((MAX_LINE - 2, "unknown"), (MAX_LINE - 1, "text_too_long")):
                visitor = await here.connect()
                await visitor.say(STATUS + b"x")
                assert [line["code"] for line in await visitor.say(b"x" * rest + b"\n")] == [code]

    asyncio.run(story())


def test_a_line_must_end_in_time_and_with_the_connection(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control_module, "LINE_TIMEOUT", 0.01)

    async def story() -> None:
        async with listening(path) as here:
            visitor = await here.connect()
            assert [line["code"] for line in await visitor.say(STATUS[:-1])] == ["timeout"]
            assert await visitor.is_ended()
        monkeypatch.undo()
        async with listening(path) as here:
            visitor = await here.connect()
            visitor.writer.write(ANNOUNCE[:-1])
            visitor.writer.write_eof()
            assert [line["code"] for line in await visitor.answer()] == ["unknown"]
            assert not here.box.ordered, "half of an order"

    asyncio.run(story())


def test_a_silent_connection_is_closed(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control_module, "IDLE_TIMEOUT", 0.01)

    async def story() -> None:
        async with listening(path) as here:
            visitor = await here.connect()
            assert await visitor.is_ended()

    asyncio.run(story())


def test_who_does_not_read_an_answer_is_cut_off(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        async with listening(path) as here:
            here.box.items = [BUDI] * 50_000
            quiet = socket.socket(socket.AF_UNIX)
            quiet.setblocking(False)
            with quiet:
                quiet.connect(str(path))
                quiet.send(STATUS)
                monkeypatch.setattr(control_module, "IDLE_TIMEOUT", 0.01)
                while not here.control._connections:
                    await asyncio.sleep(0)
                await asyncio.wait_for(asyncio.wait(here.control._connections), PATIENCE)
            assert not here.control._connections

    asyncio.run(story())


def test_a_ninth_connection_is_told_to_come_back(path: Path) -> None:
    async def story() -> None:
        async with listening(path) as here:
            visitors = [await here.connect() for _ in range(MAX_CONNECTIONS)]
            for visitor in visitors:
                await visitor.say(STATUS)
            ninth = await here.connect()
            assert [line["code"] for line in await ninth.answer()] == ["busy"]
            assert await ninth.is_ended()
            visitors[0].writer.close()
            while len(here.control._connections) == MAX_CONNECTIONS:
                await asyncio.sleep(0)
            assert len(await here.say(STATUS)) == 2

    asyncio.run(story())


def test_who_leaves_in_the_middle_of_an_order_ends_nothing(path: Path) -> None:
    async def story() -> None:
        async with listening(path) as here:
            here.box.answers_at_once = False
            visitor = await here.connect()
            visitor.writer.write(ANNOUNCE)
            await here.box.came.wait()
            visitor.writer.transport.abort()
            here.box.ordered[0][2](ANNOUNCED)
            assert len(await here.say(STATUS)) == 2
            assert not here.diary.errors

    asyncio.run(story())


def test_a_stop_waits_for_answers_and_not_for_the_idle(path: Path) -> None:
    async def story() -> None:
        async with listening(path) as here:
            here.box.answers_at_once = False
            idle, waiting = await here.connect(), await here.connect()
            await idle.say(STATUS)
            waiting.writer.write(ANNOUNCE)
            await here.box.came.wait()
            closing = asyncio.create_task(here.control.close())
            assert await idle.is_ended()
            assert not closing.done()
            here.box.ordered[0][2](ANNOUNCED)
            assert [line["type"] for line in await waiting.answer()] == ["done"]
            await closing
            assert await waiting.is_ended()

    asyncio.run(story())


def test_a_server_that_stops_begins_nothing_more_and_answers_what_it_began(path: Path) -> None:
    async def story() -> None:
        async with listening(path) as here:
            here.box.answers_at_once = False
            waiting, late = await here.connect(), await here.connect()
            waiting.writer.write(ANNOUNCE)
            await here.box.came.wait()
            here.control.hold()
            assert [line["code"] for line in await late.say(ANNOUNCE)] == ["stopping"]
            assert len(here.box.ordered) == 1
            here.box.ordered[0][2](ANNOUNCED)
            assert [line["type"] for line in await waiting.answer()] == ["done"]

    asyncio.run(story())


def test_a_peer_without_credentials_is_unknown() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        assert peer_uid(other) in (-1, 0, os.getuid(), 2**32 - 1)
