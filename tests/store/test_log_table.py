from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from store.lines import body_of, entry, rename

from sockatuh.room.entries import encode_body
from sockatuh.room.log import Append, Conflict, Row, Span, Stretch
from sockatuh.store.log_table import append_all, append_if, read_between, read_kinds, read_span
from sockatuh.store.migrations import migrate

AT = 1_769_853_120_000
KEPT: frozenset[str] = frozenset()


@contextmanager
def empty_log() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        migrate(connection, Path(":memory:"))
        yield connection


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

    def append(self, append: Append) -> int:
        seq = self.seq_of(append)
        if seq is None:
            self.entries.append(append)
        return seq or len(self.entries)


appends = st.builds(
    Append,
    id=st.integers(0, 12).map(lambda number: bytes([number]) * 16),
    body=st.sampled_from([body_of("message", "soup"), body_of("joined", "")]),
    key=st.sampled_from([None, "ana", "tom"]),
)


@given(st.lists(st.lists(appends, min_size=1, max_size=9), max_size=8))
def test_repeated_ids_are_stored_once_and_seqs_have_no_gap(batches: list[list[Append]]) -> None:
    model = Model()
    with empty_log() as connection:
        for batch in batches:
            written = append_all(connection, batch, AT, KEPT)
            assert [(row.seq, row.id) for row in written] == [(model.append(append), append.id) for append in batch]
        assert rows(connection) == [(seq, entry.id) for seq, entry in enumerate(model.entries, 1)]
        assert read_span(connection).last == len(model.entries)


@given(st.lists(st.tuples(appends, st.integers(0, 4)), max_size=20))
def test_only_appends_that_fail_their_condition_are_rejected(asked: list[tuple[Append, int]]) -> None:
    model = Model()
    with empty_log() as connection:
        for append, expect in asked:
            wish = Append(append.id, append.body, append.key, expect)
            outcome = append_if(connection, wish, AT, KEPT)
            last = model.last_of(wish.key)
            if model.seq_of(wish) is None and last != expect:
                assert outcome == Conflict(wish.id, last, wish.key)
            else:
                assert isinstance(outcome, list)
                assert [row.seq for row in outcome] == [model.append(wish)]
        assert [seq for seq, _ in rows(connection)] == list(range(1, len(model.entries) + 1))


@given(
    st.lists(
        st.tuples(st.integers(0, 5), st.sampled_from([("ana", "tom"), ("tom", "ana")]), *[st.integers(0, 6)] * 2),
        max_size=20,
    )
)
@settings(max_examples=30)
def test_two_entries_are_written_together_or_not_at_all(asked: list[tuple[int, tuple[str, str], int, int]]) -> None:
    model = Model()
    with empty_log() as connection:
        for number, (new, old), expect, old_expect in asked:
            wish = rename(2 * number, expect, old_expect, new, old)
            outcome = append_if(connection, wish, AT, KEPT)
            failed = next((each for each in wish.entries if each.expect != model.last_of(each.key)), None)
            if model.seq_of(wish) is None and failed is not None:
                assert outcome == Conflict(wish.id, model.last_of(failed.key), failed.key)
            else:
                assert isinstance(outcome, list)
                assert [row.seq for row in outcome] == [model.append(each) for each in wish.entries]
                assert outcome[1].seq == outcome[0].seq + 1
        assert rows(connection) == [(seq, each.id) for seq, each in enumerate(model.entries, 1)]


def test_an_append_returns_the_entry_as_it_will_be_read() -> None:
    append = Append(b"i" * 16, body_of("message", "Ánà"), "ana")
    with empty_log() as connection:
        [new] = append_all(connection, [append], AT, KEPT)
        assert new == Row(1, append.id, AT, append.body, "ana")
        assert append_all(connection, [append], AT + 5, KEPT) == [new]
        assert read_between(connection, 0, 9, 9) == Stretch([new], 9)


def test_a_repeated_id_wins_over_its_condition() -> None:
    join = entry(1, "joined", "ana", expect=0)
    with empty_log() as connection:
        first = append_if(connection, join, AT, KEPT)
        append_all(connection, [entry(2, "left", "ana")], AT, KEPT)
        assert append_if(connection, join, AT, KEPT) == first


def test_a_repeated_id_whose_entry_is_damaged_is_still_there_once() -> None:
    with empty_log() as connection:
        append_all(connection, [entry(1)], AT, KEPT)
        connection.execute("UPDATE log SET body = '{'")
        assert [row.seq for row in append_all(connection, [entry(1), entry(2)], AT, KEPT)] == [1, 2]


def test_a_body_is_stored_as_text_and_read_back_unchanged() -> None:
    append = entry(1, text="soup at one \0 ☕")
    with empty_log() as connection:
        append_all(connection, [append], AT, KEPT)
        assert connection.execute("SELECT typeof(body), body, at FROM log").fetchall() == [
            ("text", encode_body(append.body).decode(), "2026-01-31T09:52:00.000Z")
        ]
        assert read_between(connection, 0, 9, 9).rows[0].body == append.body


def test_a_volatile_entry_stores_only_its_place() -> None:
    append = entry(1, "message", "key")
    with empty_log() as connection:
        [new] = append_all(connection, [append], AT, frozenset({"message"}))
        assert connection.execute("SELECT seq, kind, key, body FROM log").fetchall() == [(1, "message", None, None)]
        assert append_all(connection, [append], AT, frozenset({"message"})) == [new]
        assert read_between(connection, 0, 9, 9) == Stretch([], 9)
    assert (new.body, new.key) == (append.body, "key")


def test_a_read_ends_at_its_limits() -> None:
    with empty_log() as connection:
        append_all(connection, [entry(number, text="x" * 100) for number in range(1, 10)], AT, KEPT)
        cases = [((0, 9, 3), 3), ((0, 2, 3), 2), ((7, 20, 9), 20), ((0, 9, 9, 250), 2), ((0, 9, 9, 1), 1)]
        for arguments, through in cases:
            found = read_between(connection, *arguments)
            assert found.through == through
            assert [row.seq for row in found.rows] == list(range(arguments[0] + 1, min(through, 9) + 1))


def test_a_full_batch_is_one_statement() -> None:
    batch = [entry(number) for number in range(1000)]
    statements: list[str] = []
    with empty_log() as connection:
        connection.set_trace_callback(statements.append)
        written = append_all(connection, batch, AT, KEPT)
        connection.set_trace_callback(None)
    assert len(statements) == 1
    assert [row.seq for row in written] == list(range(1, 1001))


def test_a_single_entry_is_one_plain_statement() -> None:
    statements: list[str] = []
    with empty_log() as connection:
        connection.set_trace_callback(statements.append)
        (written,) = append_all(connection, [entry(1)], AT, KEPT)
        connection.set_trace_callback(None)
        assert rows(connection) == [(1, written.id)]
    (statement,) = statements
    assert "SELECT" not in statement


def test_an_empty_log_spans_nothing() -> None:
    with empty_log() as connection:
        span = read_span(connection)
        assert (span.first, span.last, len(span.log_id)) == (1, 0, 16)
        append_all(connection, [entry(1), entry(2), entry(3)], AT, KEPT)
        connection.execute("DELETE FROM log WHERE seq = 1")
        assert read_span(connection) == Span(span.log_id, 2, 3)
        connection.execute("DELETE FROM log")
        assert read_span(connection) == Span(span.log_id, 4, 3)
        [next_one] = append_all(connection, [entry(4)], AT, KEPT)
    assert next_one.seq == 4


def test_the_stored_kinds_are_found() -> None:
    with empty_log() as connection:
        assert read_kinds(connection) == []
        append_all(connection, [entry(1), entry(2), entry(3, "joined")], AT, KEPT)
        assert read_kinds(connection) == ["joined", "message"]
