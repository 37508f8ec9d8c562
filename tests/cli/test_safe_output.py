from __future__ import annotations

import contextlib
import io
import json
import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hostile import COCKTAIL, TEXTS, escapes_in, faults_of_text
from hypothesis import given
from hypothesis import strategies as st

from sockatuh.cli.safe_output import ShownText, escape, is_lost, make_safe
from sockatuh.errors import OutputLost
from sockatuh.room.text import clean_text


def test_nothing_hostile_passes() -> None:
    for name, text in TEXTS.items():
        shown = escape(text)
        assert escapes_in(shown) == [], name
        assert faults_of_text(shown.replace("\t", "")) == [], name


@given(st.text(st.characters(exclude_categories=[])))
def test_clean_text_passes_unchanged(text: str) -> None:
    assert escape(clean_text(text)) == clean_text(text)


def test_removed_characters_are_shown_as_escapes() -> None:
    assert escape("a\x1b[2J\x9b\u202e\U000e0041\ud800\r\n") == "a\\u001b[2J\\u009b\\u202e\\U000e0041\\ud800\\u000d\n"


def test_json_stays_json() -> None:
    line = json.dumps({"text": COCKTAIL})
    assert "\x7f" not in escape(line)
    assert json.loads(escape(line)) == {"text": COCKTAIL}


@pytest.fixture(name="streams")
def _streams(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Put streams in place of the process's own and make them safe."""

    def use(**streams: io.TextIOWrapper | None) -> None:
        for name in ("stdin", "stdout", "stderr"):
            monkeypatch.setattr(sys, name, streams.get(name, io.TextIOWrapper(io.BytesIO())))
            monkeypatch.setattr(sys, f"__{name}__", getattr(sys, name))
        make_safe()

    yield use
    for name in ("stdin", "stdout", "stderr"):
        getattr(sys, f"__{name}__").close()


@pytest.fixture(name="pipe")
def _pipe() -> Iterator[tuple[io.TextIOWrapper, io.TextIOWrapper]]:
    """Open a pipe of which neither end blocks."""
    out, into = os.pipe()
    os.set_blocking(out, False)
    os.set_blocking(into, False)
    with contextlib.suppress(BrokenPipeError), open(into, "w") as writer, open(out) as reader:
        yield reader, writer


def test_control_characters_are_shown_and_not_executed(streams: Callable[..., None]) -> None:
    out = io.BytesIO()
    streams(stdout=io.TextIOWrapper(out, "utf-8", "replace", line_buffering=True))
    assert isinstance(sys.stdout, ShownText)
    print("first \x1b]0;t\x07\ud800")
    assert not is_lost(sys.stderr)
    assert out.getvalue() == b"first \\u001b]0;t\\u0007\\ud800\n"


@pytest.mark.parametrize(
    ("encoding", "written"),
    [("utf-8", "é — 12 … ✓ 茶"), ("latin-1", "é - 12 ... ok \\u8336"), ("ascii", "\\xe9 - 12 ... ok \\u8336")],
)
def test_unencodable_characters_are_written_as_escapes(
    streams: Callable[..., None], encoding: str, written: str
) -> None:
    out, err = io.BytesIO(), io.BytesIO()
    streams(stdout=io.TextIOWrapper(out, encoding), stderr=io.TextIOWrapper(err, encoding))
    for stream, data in ((sys.stdout, out), (sys.stderr, err)):
        print("é — 12 … ✓ 茶", file=stream, flush=True)
        assert data.getvalue().decode(encoding) == f"{written}\n"


def test_streams_that_were_closed_are_there_and_hold_nothing(streams: Callable[..., None]) -> None:
    streams(stdin=None, stdout=None, stderr=None)
    print("into nothing", flush=True)
    print("into nothing", file=sys.stderr, flush=True)
    assert is_lost(sys.stderr)
    assert sys.stdin.read() == ""
    assert os.get_inheritable(sys.stderr.fileno())


def test_a_full_stdout_is_reported_once_and_a_full_stderr_never(streams: Callable[..., None]) -> None:
    with open("/dev/full", "w") as out, open("/dev/full", "w") as err:
        streams(stdout=out, stderr=err)
        print("x", end="")
        with pytest.raises(OutputLost, match="No space left") as caught:
            sys.stdout.flush()
        assert not caught.value.reader_left
        for stream in (sys.stdout, sys.stderr):
            print("y" * 100_000, file=stream, flush=True)
            assert is_lost(stream)


def test_a_closed_pipe_is_distinguished_from_a_full_disk(
    streams: Callable[..., None], pipe: tuple[io.TextIOWrapper, io.TextIOWrapper]
) -> None:
    reader, writer = pipe
    streams(stdout=writer)
    reader.close()
    with pytest.raises(OutputLost) as caught:
        print("x", flush=True)
    assert caught.value.reader_left


def test_pipes_that_do_not_block_are_waited_for(
    streams: Callable[..., None], pipe: tuple[io.TextIOWrapper, io.TextIOWrapper]
) -> None:
    reader, writer = pipe
    streams(stdin=reader, stdout=writer)
    lines = [f"{number} {'x' * 1_000}" for number in range(1_000)]

    def write() -> None:
        for line in lines:
            print(line)
        sys.stdout.flush()

    with ThreadPoolExecutor(1) as pool:
        written = pool.submit(write)
        assert [sys.stdin.readline() for _ in lines] == [f"{line}\n" for line in lines]
        written.result()


def test_getpass_on_windows_finds_the_console_as_it_was_opened(
    streams: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = os.openpty()
    monkeypatch.setattr(sys, "platform", "win32")
    with open(theirs) as console, open(ours):
        streams(stdin=console)
        assert sys.stdin is sys.__stdin__, "it would show what is typed"


def test_stdin_that_cannot_be_read_is_named(streams: Callable[..., None], tmp_path: Path) -> None:
    with open(os.open(tmp_path / "file", os.O_WRONLY | os.O_CREAT), closefd=True) as unreadable:
        streams(stdin=unreadable)
        with pytest.raises(OSError, match="stdin"):
            sys.stdin.readline()


def test_bytes_on_stdin_that_are_no_text_are_read_as_some(streams: Callable[..., None]) -> None:
    streams(stdin=io.TextIOWrapper(io.BytesIO(b"caf\xe9\n"), "utf-8"))
    assert sys.stdin.readline() == "caf\ufffd\n"
