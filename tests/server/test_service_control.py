"""The control socket of a running server: orders, queries, reload, stop and restart."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from e2e.running import PATIENCE, eventually, hash_password, joined
from kit.disk import Diary
from kit.server import OPTIONS, name_rules

from sockatuh.cli.box.status_view import ANSWERED_WITHIN
from sockatuh.errors import AddressUnusable, ConfigurationError, Problem, Removed
from sockatuh.net.notify import Notifier
from sockatuh.server import service as service_module
from sockatuh.server import surroundings
from sockatuh.server.options import Ready, ServiceOptions
from sockatuh.server.service import Service
from sockatuh.store.backup_stamp import Stamp, note_made
from sockatuh.store.barred import read_barred

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the server runs on Linux and macOS")


@pytest.fixture
def options(tmp_path: Path) -> ServiceOptions:
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    here = {"host": "127.0.0.1", "port": 0, "state_dir": state, "password_hash": hash_password()}
    return replace(OPTIONS, synchronous="normal", classic=False, **here)  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def _one_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service_module, "NameRules", name_rules)
    monkeypatch.delenv("RUNTIME_DIRECTORY", raising=False)


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    """The service manager's end of the notification socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        sock.bind(str(tmp_path / "notify"))
        yield sock


class Served:
    """A service in this process, and its control socket."""

    def __init__(self, options: ServiceOptions, reread: Callable[[], ServiceOptions] | None = None) -> None:
        self.diary = Diary()
        self.path = options.state_dir / "control"
        self._ready: asyncio.Future[Ready] = asyncio.get_running_loop().create_future()
        self.service = Service(options, self.diary, Notifier(), self._ready.set_result, reread=reread)

    async def __aenter__(self) -> Served:
        self._ended = asyncio.create_task(self.service.run())
        self._ended.add_done_callback(lambda _: self._ready.cancel())
        self.ready = await self._ready
        return self

    async def __aexit__(self, *_: object) -> None:
        self.service.stop("restarting")
        await self._ended

    async def ask(self, do: str, **fields: object) -> list[dict[str, Any]]:
        """Return the answer to a request."""
        reader, writer = await asyncio.open_unix_connection(str(self.path))
        try:
            writer.write(json.dumps({"v": 1, "do": do, **fields}).encode() + b"\n")
            writer.write_eof()
            lines = await asyncio.wait_for(reader.read(), PATIENCE)
        finally:
            writer.close()
        return [json.loads(line) for line in lines.splitlines()]


def test_an_order_is_carried_out_and_answered_with_the_seq_of_its_entry(options: ServiceOptions) -> None:
    async def story() -> None:
        async with Served(options) as served, joined("ana", served.ready.port, served.ready.server_key) as ana:
            [done] = await served.ask("kick", name="ana", reason="flooding", **{"as": "tom"}, yes=True)
            assert (done["type"], done["name"], done["sessions"]) == ("done", "ana", 1)
            with pytest.raises(Removed, match="flooding"):
                await ana.until(lambda: False)
            [kick, last] = await served.ask("bans")
            assert (kick["order"], kick["id"], kick["by"], kick["as"]) == ("kick", done["seq"], os.getuid(), "tom")
            assert last["type"] == "done"

    asyncio.run(story())


def test_a_line_is_struck_in_a_room_in_which_nothing_happens(options: ServiceOptions) -> None:
    async def story() -> None:
        async with Served(options) as served:
            [said] = await served.ask("announce", text="the key is under the mat")
            [struck] = await served.ask("strike", seq=said["seq"])
            assert (struck["type"], struck["line"]) == ("done", said["seq"])

    asyncio.run(story())


def test_the_room_is_told_about_while_it_runs(options: ServiceOptions) -> None:
    async def story() -> None:
        async with Served(options) as served, joined("ana", served.ready.port, served.ready.server_key) as ana:
            ana.say("soup at one")
            await ana.until(ana.is_answered)
            [status, _] = await served.ask("status")
            assert (status["members"], status["sessions"]) == (1, {"secure": 1, "classic": 0})
            assert [member["name"] for member in status["here"]] == ["ana"]
            assert status["storing"] is True
            assert status["troubles"] == []
            assert (status["port"], status["invite"]) == (served.ready.port, served.ready.invite)
            [session, _] = await served.ask("sessions", name="ana")
            assert session["name"] == "ana"
            [name, _] = await served.ask("names")
            assert (name["name"], name["here"]) == ("ana", True)
            [numbers, _] = await served.ask("metrics")
            assert (numbers["lines"], numbers["joins"], numbers["password_checks"]) == (1, 1, 1)
            assert numbers["commit_seconds"]["count"] >= 2
            assert numbers["turn_seconds"]["count"] > 0
            assert numbers["datagrams_received"] > 0
            assert numbers["datagrams_sent"] > 0

    asyncio.run(story())


def test_a_disk_that_hangs_stops_neither_the_room_nor_who_asks_about_it(
    options: ServiceOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    released, reads = threading.Event(), []

    def hang(_: Path) -> Stamp:
        reads.append(1)
        released.wait()
        return Stamp()

    async def story() -> None:
        note_made(options.state_dir, 1_000, options.state_dir / "a.backup", None)
        async with Served(options) as served, joined("ana", served.ready.port, served.ready.server_key) as ana:
            monkeypatch.setattr(surroundings, "read_stamp", hang)
            asking = asyncio.gather(served.ask("status"), served.ask("metrics"))
            await eventually(lambda: bool(reads))
            ana.say("soup at one")
            await ana.until(ana.is_answered)
            assert not asking.done()
            async with asyncio.timeout(ANSWERED_WITHIN):
                (status, _), (numbers, _) = await asking
            assert (status["backup"]["file"], numbers["last_backup"]) == (str(options.state_dir / "a.backup"), 1.0)
            assert await served.ask("bans") == [{"v": 1, "type": "done"}]
            assert len(reads) == 1

    try:
        asyncio.run(story())
    finally:
        released.set()


def test_a_backup_is_told_of_as_soon_as_it_is_made(options: ServiceOptions) -> None:
    async def story() -> None:
        async with Served(options) as served:
            assert (await served.ask("status"))[0]["backup"] is None
            note_made(options.state_dir, 1_000, options.state_dir / "a.backup", None)
            assert (await served.ask("status"))[0]["backup"]["file"] == str(options.state_dir / "a.backup")

    asyncio.run(story())


def test_a_reload_is_answered_once_its_settings_are_in_force(options: ServiceOptions) -> None:
    changed = replace(options, announce_as="Warden", port=7000)

    async def story() -> None:
        async with Served(options, lambda: changed) as served:
            [done] = await served.ask("reload")
            assert (done["taken"], done["restart"]) == (["announce_as"], ["port"])
            [said] = await served.ask("announce", text="Soup is ready")
            assert said["name"] == "Warden"

    asyncio.run(story())


def test_a_refused_reload_names_every_problem_and_changes_nothing(options: ServiceOptions) -> None:
    def refuse() -> ServiceOptions:
        raise ConfigurationError([Problem("port", "file x", "should be a number"), Problem("room", "y", "z")])

    async def story() -> None:
        async with Served(options, refuse) as served:
            [denied] = await served.ask("reload")
            assert denied["code"] == "configuration_refused"
            assert denied["problems"] == ["port (file x): should be a number", "room (y): z"]
            assert served.service._options == options

    asyncio.run(story())


def test_a_control_socket_needs_a_restart(options: ServiceOptions) -> None:
    async def story() -> None:
        async with Served(options, lambda: replace(options, control="off")) as served:
            [done] = await served.ask("reload")
            assert done["restart"] == ["control"]
            assert len(await served.ask("status")) == 2

    asyncio.run(story())


def test_a_stopped_server_leaves_no_socket_and_a_killed_ones_is_replaced(options: ServiceOptions) -> None:
    async def story() -> None:
        async with Served(options) as served:
            assert served.path.is_socket()
        assert not os.path.lexists(served.path)
        with socket.socket(socket.AF_UNIX) as dead:
            dead.bind(str(served.path))
        async with Served(options) as served:
            assert len(await served.ask("status")) == 2

    asyncio.run(story())


def test_a_server_that_does_not_start_leaves_no_dead_socket_of_an_earlier_one(options: ServiceOptions) -> None:
    path = options.state_dir / "control"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))

    async def story() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
            taken.bind(("127.0.0.1", 0))
            with pytest.raises(AddressUnusable):
                Served(replace(options, port=taken.getsockname()[1]))

    asyncio.run(story())
    assert not os.path.lexists(path)


def test_without_a_control_socket_there_is_none(options: ServiceOptions) -> None:
    async def story() -> None:
        async with Served(replace(options, control="off")) as served:
            assert not os.path.lexists(served.path)

    asyncio.run(story())


@pytest.mark.parametrize("control", ["x" * 120, "nowhere/control", "room.lock"])
def test_a_place_that_cannot_be_is_refused_before_anything_is_opened(options: ServiceOptions, control: str) -> None:
    async def story() -> None:
        with pytest.raises(ConfigurationError) as caught:
            Served(replace(options, control=str(options.state_dir / control)))
        assert [problem.key for problem in caught.value.problems] == ["control"]
        assert not (options.state_dir / "room.db").exists()

    asyncio.run(story())


def test_a_full_file_system_keeps_the_socket_shut_and_the_room_open(
    options: ServiceOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sockatuh.server.control as control_module

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    async def story() -> None:
        monkeypatch.setattr(service_module, "SUMMARY_EVERY", 1)
        monkeypatch.setattr(service_module, "TICK", 0.01)
        monkeypatch.setattr(control_module.ControlSocket, "_bind", refuse)
        async with Served(options) as served, joined("ana", served.ready.port, served.ready.server_key):
            assert not os.path.lexists(served.path)
            assert served.diary.of("control_unusable") == [{"reason": "No space left on device"}]
            [trouble] = served.service._status.troubles
            assert trouble.code == "control_unusable"
            monkeypatch.undo()
            monkeypatch.setattr(service_module, "SUMMARY_EVERY", 1)
            await eventually(served.path.is_socket)
            assert (await served.ask("status"))[0]["troubles"] == []

    asyncio.run(story())


def test_bans_of_addresses_are_in_their_file_within_a_tick_and_before_anybody_comes_in_again(
    options: ServiceOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = options.state_dir / "barred"
    monkeypatch.setattr(service_module, "TICK", 0.01)

    async def story() -> None:
        async with Served(options) as served:
            [done] = await served.ask("ban", target="192.168.1.0/24", reason="sold things")
            assert done["type"] == "done"
            await eventually(path.exists)
        path.unlink()
        async with Served(options):
            (barred,) = read_barred(path)
            assert (barred.network, barred.reason) == ("192.168.1.0/24", "sold things")

    asyncio.run(story())
