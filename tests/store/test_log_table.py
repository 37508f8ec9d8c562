from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from sockatuh.store.log_table import (
    Append,
    Committed,
    Conflict,
    Row,
    Span,
    append_all,
    append_if,
    read_kinds,
    read_span,
)
from sockatuh.store.migrations import migrate

AT = 1_769_853_120_000
KEPT: frozenset[str] = frozenset()


@contextmanager
def empty_log() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        migrate(connection, Path(":memory:"))
        yield connection


def message(number: int) -> Append:
    return Append(bytes([number]) * 16, "message", b'{"text":"%d"}' % number)


def rows(connection: sqlite3.Connection) -> list[tuple[int, bytes]]:
    return connection.execute("SELECT seq, id FROM log ORDER BY seq").fetchall()


@dataclass
class Model:
    """The log as it should be: every entry once, in the order of asking, numbered without a gap."""

    entries: list[Append] = field(default_factory=list)

    def seq_of(self, append: Append) -> int | None:
        return next((seq for seq, entry in enumerate(self.entries, 1) if entry.id == append.id), None)

    def last_of(self, key: str | None) -> int:
        return max(
            (seq for seq, entry in enumerate(self.entries, 1) if key is not None and entry.key == key), default=0
        )

    def append(self, append: Append) -> tuple[int, bool]:
        seq = self.seq_of(append)
        if seq is None:
            self.entries.append(append)
        return seq or len(self.entries), seq is None


appends = st.builds(
    Append,
    id=st.integers(0, 12).map(lambda number: bytes([number]) * 16),
    kind=st.sampled_from(["message", "joined"]),
    body=st.just(b"{}"),
    key=st.sampled_from([None, "ana", "tom"]),
)


@given(st.lists(st.lists(appends, min_size=1, max_size=9), max_size=8))
def test_whatever_is_repeated_each_id_is_there_once_and_seqs_have_no_gap(batches: list[list[Append]]) -> None:
    model = Model()
    with empty_log() as connection:
        for batch in batches:
            outcomes = append_all(connection, batch, AT, KEPT)
            expected = [model.append(append) for append in batch]
            assert [(outcome.row.seq, outcome.new) for outcome in outcomes] == expected
            assert [outcome.append for outcome in outcomes] == batch
        assert rows(connection) == [(seq, entry.id) for seq, entry in enumerate(model.entries, 1)]
        assert read_span(connection).last == len(model.entries)


@given(st.lists(st.tuples(appends, st.integers(0, 4)), max_size=20))
def test_a_condition_holds_back_exactly_what_does_not_meet_it(asked: list[tuple[Append, int]]) -> None:
    model = Model()
    with empty_log() as connection:
        for append, expect in asked:
            wish = Append(append.id, append.kind, append.body, append.key, expect)
            outcome = append_if(connection, wish, AT, KEPT)
            last = model.last_of(wish.key)
            if model.seq_of(wish) is None and last != expect:
                assert outcome == Conflict(wish, last)
            else:
                assert isinstance(outcome, Committed)
                assert (outcome.row.seq, outcome.new) == model.append(wish)
        assert [seq for seq, _ in rows(connection)] == list(range(1, len(model.entries) + 1))


def test_an_entry_is_answered_as_it_will_be_read() -> None:
    append = Append(b"i" * 16, "joined", '{"name":"Ánà"}'.encode(), "ana")
    with empty_log() as connection:
        [new] = append_all(connection, [append], AT, KEPT)
        [again] = append_all(connection, [append], AT + 5, KEPT)
    assert new == Committed(append, Row(1, append.id, AT, "joined", "ana", append.body), new=True)
    assert again == Committed(append, new.row, new=False)


def test_the_same_id_in_another_wording_is_answered_with_the_first() -> None:
    with empty_log() as connection:
        [first] = append_all(connection, [message(1)], AT, KEPT)
        [second] = append_all(connection, [Append(first.row.id, "left", b"other", "ana")], AT, KEPT)
    assert second.row == first.row


def test_a_repeated_id_wins_over_its_condition() -> None:
    join = Append(b"j" * 16, "joined", b"{}", "ana", expect=0)
    with empty_log() as connection:
        append_if(connection, join, AT, KEPT)
        append_all(connection, [Append(b"l" * 16, "left", b"{}", "ana")], AT, KEPT)
        outcome = append_if(connection, join, AT, KEPT)
    assert isinstance(outcome, Committed)
    assert (outcome.row.seq, outcome.new) == (1, False)


def test_a_body_is_text_in_the_database_and_the_same_bytes_again() -> None:
    body = '{"text":"soup at one \\u0000 ☕"}'.encode()
    with empty_log() as connection:
        append_all(connection, [Append(b"i" * 16, "message", body)], AT, KEPT)
        assert connection.execute("SELECT typeof(body), body, at FROM log").fetchall() == [
            ("text", body.decode(), "2026-01-31T09:52:00.000Z")
        ]


def test_of_a_volatile_kind_only_the_place_is_written() -> None:
    append = Append(b"i" * 16, "message", b"{}", "key")
    with empty_log() as connection:
        [new] = append_all(connection, [append], AT, frozenset({"message"}))
        [again] = append_all(connection, [append], AT, frozenset({"message"}))
        assert connection.execute("SELECT seq, kind, key, body FROM log").fetchall() == [(1, "message", None, None)]
    assert (new.row.body, new.row.key) == (b"{}", "key")
    assert (again.row.seq, again.row.body, again.new) == (1, None, False)


def test_a_full_batch_is_one_statement() -> None:
    batch = [Append(number.to_bytes(16, "big"), "message", b"{}") for number in range(1000)]
    statements: list[str] = []
    with empty_log() as connection:
        connection.set_trace_callback(statements.append)
        outcomes = append_all(connection, batch, AT, KEPT)
        connection.set_trace_callback(None)
    assert len(statements) == 1
    assert [outcome.row.seq for outcome in outcomes] == list(range(1, 1001))


def test_an_empty_log_spans_nothing() -> None:
    with empty_log() as connection:
        span = read_span(connection)
        assert (span.first, span.last, len(span.log_id)) == (1, 0, 16)
        append_all(connection, [message(1), message(2), message(3)], AT, KEPT)
        connection.execute("DELETE FROM log WHERE seq = 1")
        assert read_span(connection) == Span(span.log_id, 2, 3)
        connection.execute("DELETE FROM log")
        assert read_span(connection) == Span(span.log_id, 4, 3)
        [next_one] = append_all(connection, [message(4)], AT, KEPT)
    assert next_one.row.seq == 4


def test_the_kinds_there_are_are_found() -> None:
    with empty_log() as connection:
        assert read_kinds(connection) == []
        append_all(connection, [message(1), message(2), Append(b"j" * 16, "joined", None)], AT, KEPT)
        assert read_kinds(connection) == ["joined", "message"]
