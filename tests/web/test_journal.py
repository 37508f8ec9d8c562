"""The lines of a browser: numbered once, on disk before they are said, and read back whatever the file holds."""

from __future__ import annotations

import contextlib
import errno
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockatuh.errors import KeyFileError
from sockatuh.web.journal import NAME, Journal
from sockatuh.web.lines import ANSWERS, PAGES, Lines, Taken, digest_of

STREAM = bytes(range(8))
Opened = Callable[[Path], Journal]


def line(n: int, text: str = "soup", page: str = "page") -> Taken:
    return Taken(page, n, text, at=n, digest=digest_of(text, False, ""))


@pytest.fixture
def opened() -> Iterator[Callable[[Path], Journal]]:
    """Opens journals, and closes them at the end."""
    with contextlib.ExitStack() as stack:

        def open_in(directory: Path) -> Journal:
            return stack.enter_context(contextlib.closing(Journal(directory)))

        yield open_in


def told(lines: Lines) -> object:
    """What is known, but for the numbers that are skipped when a file is read."""
    return lines.stream, [*lines.records()][1:]


def test_what_was_written_is_read_back(tmp_path: Path, opened: Opened) -> None:
    journal = opened(tmp_path)
    assert [journal.take(line(n)) for n in (1, 2, 3)] == [1, 2, 3]
    journal.store(1, 40)
    journal.refuse(2, "muted")
    again = opened(tmp_path)
    assert told(again.lines) == told(journal.lines)
    assert again.lines.find_stored(40) == ("page", 1)
    refused = again.lines.find("page", 2)
    assert refused is not None
    assert (refused.error, refused.text, refused.digest) == ("muted", "", line(2).digest)
    stream = again.lines.to_continue()
    assert stream.last > 3
    assert [each.number for each in stream.unanswered] == [3]
    assert again.take(line(4)) == stream.last + 1


def test_a_line_that_cannot_be_written_is_not_taken(
    tmp_path: Path, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = opened(tmp_path)
    journal.take(line(1))

    class Full:
        def write(self, _data: bytes) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

        def close(self) -> None:
            pass

    monkeypatch.setattr(journal, "_file", Full())
    with pytest.raises(KeyFileError):
        journal.take(line(2))
    assert journal.lines.next_of("page") == 2
    assert journal.lines.last == 1


def test_a_part_of_a_record_on_a_full_disk_costs_no_other_line(
    tmp_path: Path, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal, path = opened(tmp_path), tmp_path / NAME

    class AlmostFull:
        def write(self, data: bytes) -> int:
            path.write_bytes(path.read_bytes() + data[:9])
            return 9

        def close(self) -> None:
            pass

    def refuse(*_: object) -> None:
        raise KeyFileError(str(path), "No space left on device")

    with monkeypatch.context() as full:
        full.setattr(journal, "_file", AlmostFull())
        full.setattr("sockatuh.web.journal.write_private", refuse)
        with pytest.raises(KeyFileError):
            journal.take(line(1))
    assert journal.take(line(1)) == 1
    assert told(opened(tmp_path).lines) == told(journal.lines)


def test_a_record_that_was_cut_off_is_left_out(tmp_path: Path, opened: Opened) -> None:
    journal = opened(tmp_path)
    journal.take(line(1))
    journal.take(line(2))
    journal.close()
    path = tmp_path / NAME
    path.write_bytes(path.read_bytes()[:-9])
    again = opened(tmp_path)
    assert [each.n for each in again.lines.unanswered] == [1]
    again.take(line(2))
    assert [each.n for each in opened(tmp_path).lines.unanswered] == [1, 2]


def test_the_file_stays_small(tmp_path: Path, opened: Opened) -> None:
    journal = opened(tmp_path)
    for n in range(1, 400):
        journal.store(journal.take(line(n, "x" * 8_000)), n)
    assert (tmp_path / NAME).stat().st_size < 1_000_000
    assert told(opened(tmp_path).lines) == told(journal.lines)


def test_a_bounded_number_of_pages_and_answers_is_remembered() -> None:
    lines = Lines(STREAM)
    for number in range(1, 2_000):
        lines.apply(lines.taking(line(1, page=f"page{number}")))
        lines.apply(lines.storing(number, number) or [])
    assert len(lines._pages) == PAGES
    assert len(lines._answered) == len(lines._by_seq) == ANSWERS
    assert lines.next_of("page1") == 1, "forgotten"


def test_another_log_has_no_line_at_any_place(tmp_path: Path, opened: Opened) -> None:
    journal = opened(tmp_path)
    journal.store(journal.take(line(1)), 40)
    journal.begin_another_log()
    for lines in (journal.lines, opened(tmp_path).lines):
        assert lines.find_stored(40) is None
        found = lines.find("page", 1)
        assert found is not None
        assert found.seq is None


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda each: st.lists(each, max_size=9),
    max_leaves=9,
)
records = st.lists(
    st.lists(json_values, max_size=9)
    | st.tuples(
        st.sampled_from(["stream", "line", "stored", "refused", "page", "answered", "another log"]),
        *[st.integers(-2, 5) | st.text(max_size=4) | st.none() | st.booleans()] * 7,
    ).map(list)
)


@given(records, st.binary(max_size=20))
def test_any_file_is_read_and_says_the_same_when_it_is_written_anew(
    tmp_path_factory: pytest.TempPathFactory, found: list[list[Any]], rest: bytes
) -> None:
    directory = tmp_path_factory.mktemp("browser")
    (directory / NAME).write_bytes(b"".join(json.dumps(each).encode() + b"\n" for each in found) + rest)
    lines = Journal(directory).lines
    assert told(Lines.of(lines.records(), STREAM)) == told(lines)
