"""The log: one line for each event, whatever its values contain. The only place where structlog is configured.

Values come from the network, so every unprintable character (controls, ESC, C1, bidirectional marks, line separators,
lone surrogates) is written as its escape: none can start a second line or control a terminal.

If the log's reader stops reading, lines wait in a bounded queue for a writing thread, and the room does not wait.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import select
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, Protocol, TextIO

import structlog
from structlog.typing import EventDict, FilteringBoundLogger, Processor, WrappedLogger

from sockatuh.net.journal import with_level


class Logger(Protocol):
    """Accepts events: a name in the past tense, and fields."""

    def info(self, event: str, **fields: Any) -> Any:
        """Log what happened."""

    def warning(self, event: str, **fields: Any) -> Any:
        """Log what the admin should see."""

    def error(self, event: str, **fields: Any) -> Any:
        """Log what the admin has to do something about."""


LEVELS: Final = {name.lower(): value for name, value in logging.getLevelNamesMapping().items()} | {
    "exception": logging.ERROR  # the name of a method
}


class Level:
    """The lowest level that is written; it can change while loggers are in use."""

    def __init__(self, name: str) -> None:
        self.change(name)

    def change(self, name: str) -> None:
        """Set the lowest level that is written."""
        self._lowest = LEVELS[name]

    def __call__(self, _logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
        """Drop an event below the level before it is processed."""
        if LEVELS[method] < self._lowest:
            raise structlog.DropEvent
        return event


MAX_WAITING: Final = 8_388_608
"""Bytes of memory for lines that wait for their reader; further lines are dropped and counted."""
PORTION: Final = 65_536
"""Bytes written with one call, unless a single line is longer."""
LINE_MEMORY: Final = 64
"""Bytes of memory that a waiting line takes besides its text."""
_ESCAPED: Final = "\\\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0\U0001d159\U00013441\U00013442"
"""The backslash, and characters that are printable but look like spaces."""
_NO_WORDS: Final = (bool, int, float, type(None))
LAST_WORDS: Final = 2.0
"""Seconds for waiting lines when the program ends."""


class LogStream(Protocol):
    """Where lines are written."""

    def write(self, text: str, /) -> object:
        """Write a line."""

    def flush(self) -> object:
        """Pass on whatever is buffered."""


def configure(
    log_format: str,
    level: str,
    *,
    stream: LogStream,
    is_terminal: bool,
    is_journal: bool = False,
    lay_out: Callable[[str], str] = str,
) -> Level:
    """Write events of `level` and above to `stream`: `json`, `console`, or `auto`, which is console on a terminal.

    JSON lines have times in UTC (RFC 3339), lines for people local times. On a terminal `lay_out` wraps them; in the
    journal each begins with its level. The returned level can be changed while loggers are in use.
    """
    as_json = log_format == "json" or (log_format == "auto" and not is_terminal)
    lowest = Level(level)
    processors: list[Processor] = [
        lowest,
        structlog.stdlib.add_logger_name,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso" if as_json else "%H:%M:%S", utc=as_json, key="at"),
        structlog.processors.format_exc_info,
        _render_json if as_json else _Rows(lay_out if is_terminal else str),
    ]
    structlog.configure(
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(logging.NOTSET),
        logger_factory=lambda name: (_Levelled if is_journal else _Lines)(name, stream),
        cache_logger_on_first_use=True,
    )
    # asyncio reports errors in callbacks to the standard library's log; they become events of ours.
    for name in ("asyncio", "py.warnings"):
        logging.getLogger(name).handlers[:] = [_Forward(logging.WARNING)]
    return lowest


def take_over() -> None:
    """Turn warnings and uncaught errors, which Python would print itself, into events."""
    logging.captureWarnings(True)
    threading.excepthook = _note_thread
    sys.unraisablehook = _note_unraisable


def get_logger(name: str) -> FilteringBoundLogger:
    """Return a logger whose events have `logger=name`; call it after `configure`."""
    logger: FilteringBoundLogger = structlog.get_logger(name).bind()  # the proxy adds a look-up to each event
    return logger


@contextlib.contextmanager
def unblocked(stream: TextIO) -> Iterator[LogStream]:
    """Yield a stream whose writes never block, because a thread passes them on."""
    through = _Passing(stream)
    try:
        yield through
    finally:
        through.close()


class _Passing:
    """Writes to a descriptor in a thread of its own, with os.write, which holds no lock of Python's streams."""

    def __init__(self, stream: TextIO) -> None:
        self._descriptor, self._encoding = stream.fileno(), stream.encoding
        self._waiting: deque[bytes] = deque()
        self._size = self._dropped = 0
        self._news = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._pass_on, name="sockatuh-log", daemon=True)
        self._thread.start()

    def write(self, text: str) -> None:
        line = text.encode(self._encoding, "backslashreplace")
        size = len(line) + LINE_MEMORY
        with self._news:
            # The thread's own line says how many were dropped, and must not be dropped itself.
            if self._size + size > MAX_WAITING and threading.current_thread() is not self._thread:
                self._dropped += 1
                return
            self._waiting.append(line)
            self._size += size
            self._news.notify()

    def flush(self) -> None:
        """Do nothing: the thread writes as soon as it can."""

    def close(self) -> None:
        """Write the waiting lines, if they are read in time, and stop."""
        with self._news:
            self._closed = True
            self._news.notify()
        self._thread.join(LAST_WORDS)

    def _pass_on(self) -> None:
        while data := self._take():
            with contextlib.suppress(OSError):
                self._write(memoryview(data))
            with self._news:
                dropped, self._dropped = (0, self._dropped) if self._waiting else (self._dropped, 0)
            if dropped:
                get_logger("sockatuh").warning("log_lines_dropped", count=dropped)

    def _take(self) -> bytes:
        """Wait for lines and return the first of them; b"" once the stream is closed and empty."""
        taken: list[bytes] = []
        left = PORTION
        with self._news:
            self._news.wait_for(lambda: self._waiting or self._closed)
            while self._waiting and (not taken or len(self._waiting[0]) <= left):
                taken.append(self._waiting.popleft())
                left -= len(taken[-1])
                self._size -= len(taken[-1]) + LINE_MEMORY
        return b"".join(taken)

    def _write(self, data: memoryview) -> None:
        while data:
            try:
                data = data[os.write(self._descriptor, data) :]
            except BlockingIOError:  # the descriptor was made non-blocking by its owner
                select.select([], [self._descriptor], [])


def escaped(text: str) -> str:
    """Return a text in which backslashes and unprintable characters are Python escapes."""
    return "".join(
        char if char.isprintable() and char not in _ESCAPED else char.encode("unicode_escape").decode("ascii")
        for char in text
    )


class _Lines:
    """Writes finished lines, and ignores errors: a log that cannot be written must not stop the room."""

    def __init__(self, name: str, stream: LogStream) -> None:
        self.name = name
        self._stream = stream

    def msg(self, line: str) -> None:
        with contextlib.suppress(OSError):
            self._stream.write(line + "\n")
            self._stream.flush()

    log = debug = info = warning = warn = error = exception = critical = fatal = msg


class _Levelled(_Lines):
    """Writes each line with its level in front, for the journal."""

    def debug(self, line: str) -> None:
        self.msg(with_level(line, "debug"))

    def info(self, line: str) -> None:
        self.msg(with_level(line, "info"))

    def warning(self, line: str) -> None:
        self.msg(with_level(line, "warning"))

    def error(self, line: str) -> None:
        self.msg(with_level(line, "error"))

    def critical(self, line: str) -> None:
        self.msg(with_level(line, "critical"))

    log, warn, exception, fatal = info, warning, error, critical


class _Forward(logging.Handler):
    """Turns records of the standard library's log into events."""

    def emit(self, record: logging.LogRecord) -> None:
        get_logger(record.name).log(record.levelno, record.getMessage(), exc_info=record.exc_info)


def _note_thread(arguments: threading.ExceptHookArgs) -> None:
    """Log that a thread ended with an uncaught error."""
    if arguments.exc_type is not SystemExit:
        name = arguments.thread.name if arguments.thread else ""
        get_logger("sockatuh").error("thread_failed", thread=name, exc_info=arguments.exc_value)


def _note_unraisable(arguments: sys.UnraisableHookArgs) -> None:
    """Log an error that Python ignores, as in a destructor."""
    get_logger("sockatuh").error("error_ignored", where=repr(arguments.object), exc_info=arguments.exc_value)


def _render_json(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
    ordered = {"at": event.pop("at"), "level": event.pop("level"), "event": event.pop("event"), **event}
    # ASCII only, so C1 and bidirectional marks are escaped; DEL is the one control character that JSON does not escape.
    return json.dumps(ordered, default=repr).replace("\x7f", "\\u007f")


class _Rows:
    """Renders an event for people, wrapped to rows."""

    def __init__(self, lay_out: Callable[[str], str]) -> None:
        self._lay_out = lay_out

    def __call__(self, logger: WrappedLogger, method: str, event: EventDict) -> str:
        return self._lay_out(_render_line(logger, method, event))


def _render_line(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
    at, level, name = event.pop("at"), event.pop("level"), event.pop("event")
    return " ".join([f"{at} {level:<8}{escaped(str(name))}", *_pairs(event)])


def _pairs(values: Mapping[str, object]) -> list[str]:
    return [f"{escaped(str(key))}={_value(value)}" for key, value in values.items()]


def _value(value: object) -> str:
    text = escaped(value if isinstance(value, str) else repr(value))
    plain = text and (isinstance(value, _NO_WORDS) or not any(char in ' "=' for char in text))
    return text if plain else '"' + text.replace('"', '\\"') + '"'
