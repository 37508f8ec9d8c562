from __future__ import annotations

import asyncio
import io
import json
import logging
import unicodedata
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import structlog
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
@pytest.mark.parametrize("value", HOSTILE)
def test_what_a_member_types_stays_in_its_value(log_format: str, value: str) -> None:
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


def test_what_asyncio_reports_is_an_event() -> None:
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
