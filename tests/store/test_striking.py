"""A struck line's text is in no file of the state directory, whatever was stored and deleted around it."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from store.lines import body_of, entry

from sockatuh.room.entries import LINE_KINDS, Body, Joined, Message, Struck, Whispered, encode_body
from sockatuh.room.log import Append, Committed, Conflict, Row
from sockatuh.store.byte_bound import count_more, read_tally, write_tally
from sockatuh.store.log_table import append_all, append_if
from sockatuh.store.migrations import migrate
from sockatuh.store.roomlog import RoomLog

AT = 1_769_853_120_000
DAY_MS = 86_400_000
SECRET = "correct horse battery staple"


def strike(number: int, seq: int) -> Append:
    """Return the append with this number as its id that strikes the line at `seq`."""
    return Append(number.to_bytes(16, "big"), Struck("ana", "key", seq, AT), strikes=seq)


class Room:
    """A log on disk that is followed."""

    def __init__(self, path: Path, volatile_kinds: frozenset[str] = frozenset()) -> None:
        self.path, self.rows, self.outcomes = path, list[Row](), list[object]()
        self.log = RoomLog.open(
            path, synchronous="normal", volatile_kinds=volatile_kinds, on_error=print, clock=lambda: AT
        )
        self.log.follow(self.log.span().last, self._take)

    def _take(self, rows: object, outcomes: object) -> None:
        assert isinstance(rows, list)
        assert isinstance(outcomes, list)
        self.rows += rows
        self.outcomes += outcomes

    def append(self, *appends: Append) -> list[object]:
        """Append, wait, and return the outcomes."""
        before = len(self.outcomes)
        for append in appends:
            self.log.append(append)
        for _ in range(2):  # before the second, the writer has emptied the write-ahead log, if it was about to
            self.log.call(lambda _: None)
        return self.outcomes[before:]

    def files_with(self, text: str) -> list[str]:
        """Return which files of the state directory hold a text."""
        return [file.name for file in sorted(self.path.parent.iterdir()) if text.encode() in file.read_bytes()]


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    room = Room(tmp_path / "state" / "room.db")
    yield room
    room.log.close()


@pytest.mark.parametrize("text", [SECRET, SECRET * 500], ids=["short", "over several pages"])
@pytest.mark.parametrize("kind", ["message", "private"])
def test_a_struck_text_is_in_no_file_once_the_append_is_answered(room: Room, kind: str, text: str) -> None:
    room.append(entry(1), entry(2, kind, text=text), entry(3))
    assert room.files_with(SECRET)
    assert room.append(strike(4, 2)) == [Committed(strike(4, 2).id, 4)]
    assert room.files_with(SECRET) == []
    assert sorted(file.name for file in room.path.parent.iterdir()) == ["room.db", "room.db-shm", "room.db-wal"]
    stored = room.log.read(0, 9, 9).rows
    assert [row.seq for row in stored] == [1, 2, 3, 4]
    body = stored[1].body
    assert isinstance(body, Message | Whispered)
    assert (body.text, body.struck, body.name, body.owner) == ("", True, "ana", "key")


@pytest.mark.parametrize(
    "seq", [2, 3, 4, 99], ids=["a join", "one that is struck already", "a strike", "one that is not there"]
)
def test_what_is_no_line_with_a_text_is_a_conflict_and_nothing_is_written(room: Room, seq: int) -> None:
    room.append(entry(1), entry(2, "joined", "ana"), entry(3), strike(4, 3))
    assert room.append(strike(5, seq)) == [Conflict(strike(5, seq).id, 0)]
    assert [row.seq for row in room.log.read(0, 9, 9).rows] == [1, 2, 3, 4]


def test_a_strike_that_is_repeated_is_the_same_entry(room: Room) -> None:
    room.append(entry(1, text=SECRET))
    assert room.append(strike(2, 1), strike(2, 1)) == 2 * [Committed(strike(2, 1).id, 2)]


def test_a_line_that_is_repeated_after_it_was_struck_has_no_text(room: Room) -> None:
    room.append(entry(1, text=SECRET), strike(2, 1), entry(1, text=SECRET))
    assert room.outcomes[-1] == Committed(entry(1).id, 1)
    room.log.close()
    with closing(sqlite3.connect(room.path, isolation_level=None)) as connection:
        (row,) = append_all(connection, [entry(1, text=SECRET)], AT, frozenset())
    assert row.body == Message("ana", "key", "", action=False, struck=True)


def test_a_line_of_a_room_without_history_cannot_be_struck(tmp_path: Path) -> None:
    room = Room(tmp_path / "state" / "room.db", LINE_KINDS)
    room.append(entry(1, text=SECRET))
    assert room.append(strike(2, 1)) == [Conflict(strike(2, 1).id, 0)]
    room.log.close()


def test_both_of_an_append_of_two_are_written_or_neither(room: Room) -> None:
    room.append(entry(1, text=SECRET), entry(2, "joined", "ana"))
    other = replace(strike(3, 1), also=entry(4, "left", "ana", expect=0))
    assert room.append(other) == [Conflict(other.id, 2, "ana")]
    assert room.files_with(SECRET), "neither was written, so the text stays"
    both = replace(strike(5, 1), also=entry(6, "left", "ana", expect=2))
    assert room.append(both) == [Committed(both.id, 3)]
    assert room.files_with(SECRET) == []


def test_a_reader_that_is_in_the_way_delays_only_the_write_ahead_log(room: Room) -> None:
    room.append(entry(9))  # after it the log of the last process would be emptied
    with closing(sqlite3.connect(room.path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM log").fetchall()
        room.append(entry(1, text=SECRET))
        room.append(strike(2, 2))
        assert "room.db-wal" in room.files_with(SECRET)
        reader.execute("COMMIT")
    room.log._truncate_at = 0.0  # a second later
    room.append(entry(3))
    room.append(entry(4))  # it tries after a batch
    assert room.files_with(SECRET) == []


def test_the_next_start_empties_the_write_ahead_log_of_one_that_was_killed(room: Room) -> None:
    room.append(entry(9))
    with closing(sqlite3.connect(room.path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM log").fetchall()
        room.append(entry(1, text=SECRET))
        room.append(strike(2, 2))
        room.log.close()
        assert "room.db-wal" in room.files_with(SECRET), "the reader has kept it from being removed"
        reader.execute("COMMIT")
        again = Room(room.path)
        again.log.call(lambda _: None)
        again.log.call(lambda _: None)
        assert again.files_with(SECRET) == []
        again.log.close()


def test_no_copy_stays_where_rows_have_moved(tmp_path: Path) -> None:
    """Rows between lines are deleted, as pruning does, and SQLite puts what is left of their pages together."""
    rng = random.Random(5)
    room = Room(tmp_path / "state" / "room.db")
    lines = [number for number in range(1, 1200) if rng.random() < 0.5]
    texts = {number: f"{SECRET} {number}. " + "z" * rng.choice([5, 20, 60, 300]) for number in lines}
    joined = Joined("ana", "k" * 43, "secure", "10.0.0.2:1", "sockatuh")
    room.append(
        *(
            Append(number.to_bytes(16, "big"), Message("ana", "k" * 43, texts[number], action=False))
            if number in texts
            else Append(number.to_bytes(16, "big"), joined)
            for number in range(1, 1200)
        )
    )
    room.log.prune(None, "2100-01-01T00:00:00.000Z", LINE_KINDS, now="2100-01-01T00:00:00.000Z")
    copied = _with_copies(room.path, texts)
    assert copied, "there are copies to be removed"
    room.append(*(strike(2000 + number, number) for number in copied))
    assert [number for number in copied if room.files_with(f"{SECRET} {number}. ")] == []
    room.log.close()


def _with_copies(path: Path, texts: dict[int, str]) -> list[int]:
    """Return the lines whose text is in the database file more than once."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    data = path.read_bytes()
    return [number for number in texts if data.count(f"{SECRET} {number}. ".encode()) > 1]


@given(
    sizes=st.lists(st.integers(0, 5_000), min_size=1, max_size=150),
    counted=st.integers(0, 150),
    struck=st.lists(st.integers(1, 150), max_size=8),
)
def test_the_byte_count_stays_exact(sizes: list[int], counted: int, struck: list[int]) -> None:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        migrate(connection, Path(":memory:"))
        appends = [entry(number, text="x" * size) for number, size in enumerate(sizes, 1)]
        append_all(connection, appends[:counted] or appends, AT, frozenset())
        write_tally(connection, count_more(connection, read_tally(connection)))
        append_all(connection, appends, AT, frozenset())
        bodies: dict[int, Body] = {number: each.body for number, each in enumerate(appends, 1)}
        for number, seq in enumerate(struck, 1000):
            found = append_if(connection, strike(number, seq), AT, frozenset())
            body = bodies.get(seq)
            assert isinstance(found, Conflict) == (not isinstance(body, Message) or body.struck)
            if isinstance(found, list):
                bodies[seq] = Message("ana", "key", "", action=False, struck=True)
                bodies[found[0].seq] = found[0].body
        stored = dict(connection.execute("SELECT seq, body FROM log"))
        assert stored == {seq: encode_body(body).decode() for seq, body in bodies.items()}
        count = count_more(connection, read_tally(connection)).bytes
        assert count == count_more(connection, type(read_tally(connection))()).bytes


def test_a_struck_line_has_the_form_of_any_other(room: Room) -> None:
    room.append(entry(1, text=SECRET), strike(2, 1))
    with closing(sqlite3.connect(room.path)) as connection:
        kinds = connection.execute("SELECT kind, typeof(body), json(body) FROM log").fetchall()
    said = '{"name":"ana","owner":"key","text":"","action":false,"struck":true}'
    assert kinds[0] == ("message", "text", said)
    assert body_of("message", "") is not None
