from __future__ import annotations

import io
import os
import subprocess
import sys

import pytest

from sockatuh import log
from sockatuh.net.journal import is_journal, with_level

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the journal is systemd's")


def test_a_stream_is_the_journal_if_it_is_the_very_file_systemd_connected() -> None:
    reader, writer = os.pipe()
    with open(reader, "rb"), open(writer, "wb") as stream:
        status = os.fstat(writer)
        assert is_journal(stream, {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"})
        assert not is_journal(stream, {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino + 1}"})
        assert not is_journal(stream, {})
    assert not is_journal(stream, {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"}), "it is closed"
    assert not is_journal(io.StringIO(), {"JOURNAL_STREAM": "1:1"})


def test_every_line_of_a_text_gets_its_level() -> None:
    assert with_level("one\ntwo", "error") == "<3>one\n<3>two"


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_the_level_of_each_event_stands_before_it_in_the_journal_only(log_format: str) -> None:
    for is_there in (True, False):
        stream = io.StringIO()
        log.configure(log_format, "debug", stream=stream, is_terminal=False, is_journal=is_there)
        logger = log.get_logger("room")
        for method in (logger.debug, logger.info, logger.warning, logger.error, logger.critical):
            method("happened")
        try:
            raise ValueError("two\nlines")
        except ValueError:
            logger.exception("writer_failed")
        marks = [line[:3] for line in stream.getvalue().splitlines()]
        assert [mark.startswith("<") for mark in marks] == [is_there] * 6
        if is_there:
            assert marks == ["<7>", "<6>", "<4>", "<3>", "<2>", "<3>"]


TROUBLES = """
import gc, io, sys, threading, warnings
from sockatuh import log
stream = io.StringIO()
log.configure("json", "info", stream=stream, is_terminal=False, is_journal=True)
log.take_over()
warnings.simplefilter("always")
thread = threading.Thread(target=lambda: 1 / 0, name="writer")
thread.start()
thread.join()
class Odd:
    def __del__(self):
        raise KeyError("odd")
Odd()
gc.collect()
warnings.warn("old")
print(stream.getvalue())
"""


def test_an_uncaught_exception_is_logged_as_an_event() -> None:
    done = subprocess.run([sys.executable, "-c", TROUBLES], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    lines = done.stdout.split("\n")
    assert [line[:3] for line in lines if line] == ["<3>", "<3>", "<4>"]
    assert '"thread_failed"' in lines[0]
    assert "ZeroDivisionError" in lines[0]
    assert '"error_ignored"' in lines[1]
    assert "old" in lines[2]


def test_a_command_that_fails_says_so_at_the_level_of_an_error() -> None:
    reader, writer = os.pipe()
    status = os.fstat(writer)
    environ = os.environ | {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"}
    with open(reader, encoding="utf-8") as said:
        subprocess.run(
            [sys.executable, "-m", "sockatuh", "check", "--config", "/nowhere"],
            stdout=subprocess.DEVNULL, stderr=writer, env=environ, check=False,
        )  # fmt: skip
        os.close(writer)
        lines = said.read().splitlines()
    assert lines
    assert {line[:3] for line in lines} == {"<3>"}
