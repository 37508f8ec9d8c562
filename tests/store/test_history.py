from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from sockatuh.errors import DatabaseTooNew, DatabaseUnusable, StoreError
from sockatuh.room.entries import (
    ADMIN_OWNER,
    Banned,
    Body,
    Claimed,
    Message,
    Muted,
    Released,
    Removed,
    Struck,
    Unbanned,
    Unmuted,
    Whispered,
)
from sockatuh.room.log import Append
from sockatuh.room.moments import rfc3339
from sockatuh.store.history import HistoryReader, LogLine, LostSession, SessionLine, SessionRecorder
from sockatuh.store.roomlog import RoomLog

START = 1_769_853_120_000
MINUTE = 60_000
CID = 2**56 - 1


class Server:
    """A log and a recorder on one clock that moves a minute with everything that happens."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.now = START
        self.errors: list[StoreError] = []
        self.log = RoomLog.open(
            path,
            synchronous="normal",
            volatile_kinds=frozenset({"claimed"}),
            on_error=self.errors.append,
            clock=lambda: self.now,
        )
        self.recorder = SessionRecorder(self.log, clock=lambda: self.now)

    def open(self, name: str, cid: int | None = CID, address: str = "192.168.1.5:4000") -> int:
        record = self.recorder.opened(cid, name, "SHA256:abc", address, "secure", "0.1.0", transient=False)
        self.tick()
        return record

    def say(self, name: str, text: str, *, action: bool = False) -> None:
        self.log.append(Append(os.urandom(16), Message(name, "", text, action)))
        self.tick()

    def whisper(self, name: str, to: str, text: str) -> None:
        self.log.append(Append(os.urandom(16), Whispered(name, "k", text, to, "l")))
        self.tick()

    def tick(self) -> None:
        self.log.call(lambda _: None)
        self.now += MINUTE

    def history(self) -> HistoryReader:
        return HistoryReader(self.path)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path / "room.db")
    yield server
    server.log.close()
    assert server.errors == []


def names(lines: list[SessionLine]) -> list[str]:
    return [line.name for line in lines]


def texts(lines: list[LogLine]) -> list[str]:
    return [line.text for line in lines]


def test_a_session_is_recorded_from_start_to_end(server: Server) -> None:
    record = server.open("ana")
    opened = SessionLine(START, None, "ana", "SHA256:abc", "192.168.1.5:4000", "secure", "0.1.0", False, None)
    assert server.history().joins(None, None, 10) == [opened]
    server.recorder.moved(record, "[fe80::1%eth0]:4001")
    server.recorder.closed(record, "left")
    server.tick()
    [line] = server.history().joins(None, None, 10)
    assert (line.opened, line.closed, line.reason) == (START, START + MINUTE, "left")
    assert line.address == "[fe80::1%eth0]:4001"


def test_a_session_of_a_renamed_member_has_its_last_name(server: Server) -> None:
    record = server.open("tom")
    server.recorder.renamed(record, "tomas")
    server.tick()
    assert names(server.history().joins(None, None, 10)) == ["tomas"]


def test_private_lines_are_listed_and_their_texts_only_read_on_request(server: Server) -> None:
    server.say("ana", "soup at one")
    server.whisper("ana", "budi", "the key is under the mat")
    reader = server.history()
    shown, private = reader.messages(None, None, 10), reader.messages(None, None, 10, private=True)
    assert [(line.name, line.to, line.text) for line in shown] == [("ana", "", "soup at one"), ("ana", "budi", "")]
    assert [line.text for line in private] == ["soup at one", "the key is under the mat"]
    assert [line.text for line in reader.lines(None, None, 10) if isinstance(line, LogLine)] == ["soup at one", ""]
    assert reader.lines(None, None, 10, private=True) == private
    assert texts(reader.messages(None, "budi", 10, private=True)) == [], "it is the author who is looked for"


def test_a_transient_session_is_marked(server: Server) -> None:
    server.recorder.opened(1, "cron", "SHA256:abc", "127.0.0.1:1", "secure", "0.1.0", transient=True)
    server.tick()
    assert [line.transient for line in server.history().joins(None, None, 10)] == [True]


def test_the_end_of_a_session_is_recorded_once(server: Server) -> None:
    record = server.open("ana")
    server.recorder.closed(record, "idle")
    server.tick()
    server.recorder.closed(record, "left")
    server.tick()
    [line] = server.history().joins(None, None, 10)
    assert (line.closed, line.reason) == (START + MINUTE, "idle")


def test_sessions_are_in_the_order_in_which_they_were_opened_whatever_the_clock_says(server: Server) -> None:
    server.open("ana")
    server.now -= 24 * 60 * MINUTE
    server.open("budi")
    server.now += 48 * 60 * MINUTE
    server.open("cici")
    assert names(server.history().joins(None, None, 10)) == ["ana", "budi", "cici"]
    assert names(server.history().joins(None, None, 2)) == ["budi", "cici"]


def test_members_without_a_connection_id_are_distinguished(server: Server) -> None:
    first, second = server.open("budi", cid=None), server.open("siti", cid=None)
    assert first != second
    server.recorder.closed(first, "idle")
    server.tick()
    assert [line.reason for line in server.history().joins(None, None, 10)] == ["idle", None]


def test_open_sessions_are_returned_at_each_start_until_closed(server: Server) -> None:
    ana = server.open("ana", 7)
    server.recorder.moved(ana, "10.0.0.9:9")
    server.recorder.closed(server.open("tom", 9), "left")
    server.open("budi", None)
    server.log.close()

    again = Server(server.path)
    with closing(again.log):
        assert again.recorder.lost_sessions() == [
            LostSession(7, "10.0.0.9:9", "ana", "secure"),
            LostSession(None, "192.168.1.5:4000", "budi", "secure"),
        ]
        new = again.open("siti")
        assert len(again.recorder.lost_sessions()) == 2, "it may be killed before it has told their clients"
        again.recorder.close_lost()
        again.tick()
        assert again.recorder.lost_sessions() == []
        again.recorder.closed(new, "left")
        again.tick()
        lines = again.history().joins(None, None, 10)
        assert [line.reason for line in lines] == ["server_lost", "left", "server_lost", "left"]
        again.recorder.closed(again.open("ana"), "closed")
        again.tick()
        assert [line.reason for line in again.history().joins(None, None, 10)].count("closed") == 1
    assert again.errors == []


def test_messages_are_read_with_who_said_them(server: Server) -> None:
    server.say("ana", "soup at one")
    server.say("tom", "waves", action=True)
    server.log.append(Append(os.urandom(16), Claimed("tom", "")))
    assert server.history().messages(None, None, 10) == [
        LogLine(1, START, "ana", "soup at one", False),
        LogLine(2, START + MINUTE, "tom", "waves", True),
    ]


def test_what_the_admin_said_is_known_by_its_owner(server: Server) -> None:
    for name, owner in (("admin", ADMIN_OWNER), ("admin", "kA")):
        server.log.append(Append(os.urandom(16), Message(name, owner, "closing at five", action=False)))
    server.tick()
    assert [line.official for line in server.history().messages(None, None, 10)] == [True, False]


ORDER: dict[str, Any] = {"name": "ana", "owner": "k", "address": "", "by": 0, "as_": "tom", "reason": "flooding"}


def test_the_admins_orders_are_no_lines_of_the_history(server: Server) -> None:
    until = rfc3339(START)
    orders: list[Body] = [
        Removed(**ORDER, until=until),
        Banned(**ORDER, until=None),
        Unbanned(**ORDER, lifted=2),
        Muted(**ORDER, until=until),
        Unmuted(**ORDER, lifted=4),
        Released("ana", "k", 0, "tom"),
        Struck("ana", "k", 1, START),
    ]
    server.open("ana")
    server.say("ana", "soup")
    for body in orders:
        server.log.append(Append(os.urandom(16), body))
    server.log.append(Append(os.urandom(16), Message("admin", ADMIN_OWNER, "maintenance at six", action=False)))
    server.tick()
    reader = server.history()
    assert texts(reader.messages(None, None, None)) == ["soup", "maintenance at six"]
    assert [line.name for line in reader.lines(None, None, None)] == ["ana", "ana", "admin"]
    assert len(reader.joins_and_renames(None, None, None)) == 1


def test_volatile_messages_are_not_in_the_history(tmp_path: Path) -> None:
    path = tmp_path / "private.db"
    log = RoomLog.open(path, synchronous="normal", volatile_kinds=frozenset({"message"}), on_error=print)
    log.append(Append(b"i" * 16, Message("ana", "", "secret", action=False)))
    log.close()
    assert HistoryReader(path).messages(None, None, 10) == []


def test_the_newest_are_returned_in_ascending_order(server: Server) -> None:
    for number in range(6):
        server.open(f"name{number}")
        server.say("ana", str(number))
    history = server.history()
    assert names(history.joins(None, None, 2)) == ["name4", "name5"]
    assert texts(history.messages(None, None, 2)) == ["4", "5"]
    kinds = [type(line) for line in history.lines(None, None, 3)]
    assert kinds == [LogLine, SessionLine, LogLine]
    assert len(history.lines(None, None, 100)) == 12
    assert history.lines(None, None, 0) == history.joins(None, None, 0) == []


def test_since_leaves_out_what_ended_before(server: Server) -> None:
    over, long = server.open("over"), server.open("long")
    server.say("ana", "early")
    server.recorder.closed(over, "left")
    server.tick()
    since = server.now
    server.recorder.closed(long, "left")
    server.tick()
    server.open("late")
    server.say("ana", "late")
    history = server.history()
    assert names(history.joins(since, None, 10)) == ["long", "late"]
    assert texts(history.messages(since, None, 10)) == ["late"]
    assert len(history.lines(since, None, 10)) == 3


def test_names_are_matched_case_insensitively(server: Server) -> None:
    for name in ("Änne", "tom", "änne"):
        server.open(name)
        server.say(name, f"by {name}")
    history = server.history()
    assert names(history.joins(None, "ÄNNE", 10)) == ["Änne", "änne"]
    assert texts(history.messages(None, "ÄNNE", 1)) == ["by änne"]
    assert len(history.lines(None, "tom", 10)) == 2


def test_messages_keep_the_order_of_the_log_when_the_clock_jumps_back(server: Server) -> None:
    server.say("ana", "first")
    server.now -= 100 * MINUTE
    server.say("ana", "second")
    server.open("tom")
    lines = server.history().lines(None, None, 10)
    assert [line.text for line in lines if isinstance(line, LogLine)] == ["first", "second"]
    assert len(lines) == 3


def test_old_sessions_are_pruned_but_open_ones_stay(server: Server) -> None:
    server.open("here")
    for number in range(450):
        record = server.recorder.opened(number, "gone", "", "127.0.0.1:1", "classic", "", transient=False)
        server.recorder.closed(record, "left")
    server.tick()
    recent = server.open("recent")
    server.recorder.closed(recent, "left")
    server.tick()
    assert server.recorder.prune(rfc3339(START + 2 * MINUTE)) == 450
    assert names(server.history().joins(None, None, 1000)) == ["here", "recent"]


def test_the_history_is_read_after_the_server_has_gone(server: Server) -> None:
    server.say("ana", "bye")
    server.log.close()
    assert texts(server.history().messages(None, None, 10)) == ["bye"]


def test_the_history_of_a_server_that_was_killed_is_read(server: Server, tmp_path: Path) -> None:
    server.say("ana", "last words")
    copied = tmp_path / "copy"
    copied.mkdir()
    for file in ("room.db", "room.db-wal"):
        shutil.copy(tmp_path / file, copied)
    assert texts(HistoryReader(copied / "room.db").messages(None, None, 10)) == ["last words"]


@pytest.mark.skipif(os.name != "posix", reason="modes are a matter of POSIX")
def test_the_history_is_readable_on_a_read_only_disk(server: Server) -> None:
    server.say("ana", "bye")
    server.log.close()
    program = """if True:
        import os, sys
        from pathlib import Path
        from sockatuh.store.history import HistoryReader
        if os.geteuid() == 0:
            os.setuid(65534)
        print([line.text for line in HistoryReader(Path(sys.argv[1])).messages(None, None, 10)])
    """
    with tempfile.TemporaryDirectory() as directory:
        path = Path(shutil.copy(server.path, directory))
        path.chmod(0o444)
        path.parent.chmod(0o555)
        command = [sys.executable, "-c", program, str(path)]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        assert result.stdout == "['bye']\n", result.stderr
        assert os.listdir(directory) == ["room.db"]
        path.parent.chmod(0o700)


def test_a_missing_database_is_reported_and_not_created(tmp_path: Path) -> None:
    with pytest.raises(DatabaseUnusable, match=r"room\.db: no such file"):
        HistoryReader(tmp_path / "room.db").joins(None, None, 1)
    assert os.listdir(tmp_path) == []


def test_a_file_that_is_no_history_is_refused(tmp_path: Path, server: Server) -> None:
    (tmp_path / "other.db").write_bytes(b"")
    with pytest.raises(DatabaseUnusable, match="no such table"):
        HistoryReader(tmp_path / "other.db").joins(None, None, 1)
    (tmp_path / "other.db").write_bytes(b"not a database " * 100)
    with pytest.raises(DatabaseUnusable, match="not a database"):
        HistoryReader(tmp_path / "other.db").joins(None, None, 1)
    server.log.call(lambda connection: connection.execute("PRAGMA user_version = 99").fetchall())
    with pytest.raises(DatabaseTooNew):
        server.history().joins(None, None, 1)


DAMAGED = {
    "cut short": b"{",
    "not UTF-8": b"\xff",
    "no object": b"[]",
    "without a field": b"{}",
    "a number": b"7",
    "a name that is none": b'{"name": 1, "owner": "", "text": "hi", "action": false}',
    "a text that is none": b'{"name": "ana", "owner": "", "text": null, "action": false}',
    "nested without end": b"[" * 100_000,
}


@pytest.mark.parametrize("body", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_message_is_an_error_that_can_be_explained(server: Server, body: bytes) -> None:
    server.say("ana", "soup")
    server.log.call(lambda connection: connection.execute("UPDATE log SET body = CAST(? AS TEXT)", (body,)).fetchall())
    with pytest.raises(DatabaseUnusable, match="damaged"):
        server.history().messages(None, None, 1)


@pytest.mark.parametrize("column", ["name", "owner", "address", "dialect", "version", "reason"])
def test_a_damaged_session_is_an_error_that_can_be_explained(server: Server, column: str) -> None:
    server.recorder.opened(7, "ana", "key", "10.0.0.2:5000", "secure", "test 1", transient=False)
    server.log.call(lambda connection: connection.execute(f"UPDATE sessions SET {column} = x'ff'").fetchall())  # noqa: S608
    with pytest.raises(DatabaseUnusable, match="damaged"):
        server.history().joins(None, "ana", 10)
