from __future__ import annotations

import asyncio
import io
import json
import logging
import os
import select
import threading
import unicodedata
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import BinaryIO, TextIO

import pytest
import structlog
from hostile import TEXTS
from hypothesis import given
from hypothesis import strategies as st

from sockatuh import log

HOSTILE = [
    "one\ntwo",
    "\r\x1b[2J\x1b]52;c;aGk=\x07",
    "\x9b31m\x85\x7f\x00",
    "\u202eevil\u2066\u200b",
    "\u2028\u2029",
    "\ud800",
    '" level=error event="forged',
    "back\\slash \\n",
]


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    handlers = logging.getLogger("asyncio").handlers[:]
    yield
    structlog.reset_defaults()
    logging.getLogger("asyncio").handlers[:] = handlers


def written(log_format: str, level: str = "info", *, is_terminal: bool = False) -> io.StringIO:
    stream = io.StringIO()
    log.configure(log_format, level, stream=stream, is_terminal=is_terminal)
    return stream


def test_on_a_terminal_a_line_is_laid_out_in_rows() -> None:
    stream = io.StringIO()
    log.configure("console", "info", stream=stream, is_terminal=True, lay_out=lambda line: f"<{line}>")
    log.get_logger("room").info("member_joined", name="ana")
    assert stream.getvalue().startswith("<")
    assert stream.getvalue().endswith(">\n")
    assert "<" not in written("console").getvalue()


def test_lists_and_blank_texts_cannot_imitate_fields() -> None:
    stream = written("console")
    log.get_logger("room").info("x", names=["a", "b name=zoe"], text="a\u3164level\u2800y", seq=5)
    names = "\"['a', 'b name=zoe']\""
    assert stream.getvalue().endswith(f" x names={names} text=a\\u3164level\\u2800y seq=5 logger=room\n")


def test_json_lines_bear_the_time_in_utc_the_level_and_the_event_first() -> None:
    stream = written("json")
    log.get_logger("room").info("member_joined", name="ana", seq=3)
    line = json.loads(stream.getvalue())
    assert list(line)[:3] == ["at", "level", "event"]
    assert line | {"at": ""} == {
        "at": "", "level": "info", "event": "member_joined", "logger": "room", "name": "ana", "seq": 3
    }  # fmt: skip
    assert line["at"].endswith("Z")
    assert abs(datetime.fromisoformat(line["at"]) - datetime.now(UTC)) < timedelta(minutes=1)


def test_auto_is_for_people_on_a_terminal_and_json_elsewhere() -> None:
    stream = written("auto", is_terminal=True)
    log.get_logger("room").info("member_joined", name="ana lee")
    assert stream.getvalue().endswith('info    member_joined name="ana lee" logger=room\n')
    stream = written("auto", is_terminal=False)
    log.get_logger("room").info("member_joined")
    assert json.loads(stream.getvalue())["event"] == "member_joined"


def test_events_below_the_level_are_not_written() -> None:
    stream = written("json", "warning")
    log.get_logger("room").info("member_joined")
    log.get_logger("room").warning("classic_on")
    assert [json.loads(line)["event"] for line in stream.getvalue().splitlines()] == ["classic_on"]


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_member_input_stays_within_its_field(log_format: str) -> None:
    for value in (*HOSTILE, *TEXTS.values()):
        assert_harmless(log_format, value)


@given(st.text(st.characters(exclude_categories=[])), st.sampled_from(["json", "console"]))
def test_any_text_is_one_line_of_printable_characters(value: str, log_format: str) -> None:
    assert_harmless(log_format, value)


def assert_harmless(log_format: str, value: str) -> None:
    stream = written(log_format)
    log.get_logger("room").info("message_posted", text=value, raw=[value], data=value.encode("utf-8", "replace"))
    line = stream.getvalue()
    assert line.endswith("\n")
    assert line.count("\n") == 1
    assert not {unicodedata.category(char) for char in line[:-1]} & {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    if log_format == "json":
        assert json.loads(line)["text"] == value


def test_a_value_cannot_end_itself_and_begin_another() -> None:
    stream = written("console")
    log.get_logger("room").info("message_posted", text='a" author="boss')
    assert r' text="a\" author=\"boss" ' in stream.getvalue()


def test_a_traceback_is_part_of_its_line() -> None:
    stream = written("console")
    try:
        raise ValueError("two\nlines")
    except ValueError:
        log.get_logger("room").exception("writer_failed")
    assert stream.getvalue().count("\n") == 1
    assert "ValueError" in stream.getvalue()


def test_asyncio_errors_are_logged_as_events() -> None:
    stream = written("json")
    loop = asyncio.new_event_loop()
    loop.call_exception_handler({"message": "went\nwrong", "exception": ValueError("odd")})
    loop.close()
    line = json.loads(stream.getvalue())
    assert (line["level"], line["event"], line["logger"]) == ("error", "went\nwrong", "asyncio")
    assert "odd" in line["exception"]


def test_a_log_that_cannot_be_written_does_not_stop_the_room() -> None:
    class Gone(io.StringIO):
        def write(self, _text: str) -> int:
            raise BrokenPipeError

    log.configure("json", "info", stream=Gone(), is_terminal=False)
    log.get_logger("room").info("member_joined")


def test_the_level_changes_for_loggers_that_are_in_use() -> None:
    stream = io.StringIO()
    level = log.configure("console", "info", stream=stream, is_terminal=False)
    logger = log.get_logger("room")
    for name in ("info", "warning", "debug"):
        level.change(name)
        for method in (logger.debug, logger.info, logger.warning, logger.error):
            method(f"at_{name}")
    assert [line.split()[1:3] for line in stream.getvalue().splitlines()] == [
        ["info", "at_info"], ["warning", "at_info"], ["error", "at_info"],
        ["warning", "at_warning"], ["error", "at_warning"],
        ["debug", "at_debug"], ["info", "at_debug"], ["warning", "at_debug"], ["error", "at_debug"],
    ]  # fmt: skip


@pytest.fixture(params=[True, False])
def pipe(request: pytest.FixtureRequest) -> Iterator[tuple[TextIO, BinaryIO]]:
    """A log's writing end and its reader's, waiting for each other or not."""
    reader, writer = os.pipe()
    os.set_blocking(writer, request.param)
    with open(reader, "rb") as source, open(writer, "w", encoding="utf-8") as stream:
        yield stream, source


def test_a_stalled_log_reader_blocks_nobody_and_learns_what_was_dropped(
    pipe: tuple[TextIO, BinaryIO], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "MAX_WAITING", 50_000)
    stream, reader = pipe
    with log.unblocked(stream) as unblocked:
        log.configure("json", "info", stream=unblocked, is_terminal=False)
        for number in range(2_000):
            log.get_logger("room").info("message_posted", number=number, text="x" * 100)
        numbers: list[int] = []
        dropped = 0
        while len(numbers) + dropped < 2_000:
            line = json.loads(reader.readline())
            if line["event"] == "log_lines_dropped":
                dropped += line["count"]
            else:
                numbers.append(line["number"])
    assert numbers == sorted(set(numbers))
    assert dropped > 0


def test_all_log_lines_are_written_before_the_program_ends(pipe: tuple[TextIO, BinaryIO]) -> None:
    stream, reader = pipe
    with log.unblocked(stream) as unblocked:
        log.configure("json", "info", stream=unblocked, is_terminal=False)
        for number in range(300):
            log.get_logger("room").info("message_posted", number=number)
    stream.close()
    assert [json.loads(line)["number"] for line in reader] == list(range(300))


def test_losing_the_log_reader_does_not_stop_the_room(pipe: tuple[TextIO, BinaryIO]) -> None:
    stream, reader = pipe
    reader.close()
    with log.unblocked(stream) as unblocked:
        log.configure("json", "info", stream=unblocked, is_terminal=False)
        for _ in range(3):
            log.get_logger("room").info("message_posted")


def test_the_program_ends_even_if_nobody_reads_the_log(
    pipe: tuple[TextIO, BinaryIO], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "LAST_WORDS", 0.01)
    stream, reader = pipe
    with log.unblocked(stream) as unblocked:
        log.configure("json", "info", stream=unblocked, is_terminal=False)
        for _ in range(2_000):
            log.get_logger("room").info("message_posted", text="x" * 100)
    [writing] = [thread for thread in threading.enumerate() if thread.name == "sockatuh-log"]
    while writing.is_alive():  # it would write to whatever has its descriptor next
        if select.select([reader], [], [], 0.01)[0]:
            os.read(reader.fileno(), 65_536)
