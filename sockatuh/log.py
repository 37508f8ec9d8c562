"""The log: one line an event, whatever its values hold. The only place where structlog is configured.

Values come from the network, so every character that is not printable (controls, ESC, C1, bidirectional marks, line
separators, lone surrogates) is written as its escape: nothing starts a second line, or works on a terminal.
"""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Mapping
from typing import TextIO

import structlog
from structlog.typing import EventDict, FilteringBoundLogger, Processor, WrappedLogger


def configure(log_format: str, level: str, *, stream: TextIO, is_terminal: bool) -> None:
    """Write events of `level` and above to `stream`: `json`, `console`, or `auto`, which is console on a terminal.

    JSON lines bear UTC as RFC 3339, lines for people the local time.
    """
    as_json = log_format == "json" or (log_format == "auto" and not is_terminal)
    lowest = logging.getLevelNamesMapping()[level.upper()]
    processors: list[Processor] = [
        structlog.stdlib.add_logger_name,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso" if as_json else "%H:%M:%S", utc=as_json, key="at"),
        structlog.processors.format_exc_info,
        _render_json if as_json else _render_line,
    ]
    structlog.configure(
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(lowest),
        logger_factory=lambda name: _Lines(name, stream),
        cache_logger_on_first_use=True,
    )
    # asyncio reports what went wrong in a callback to the standard library's log; those are events like any other.
    logging.getLogger("asyncio").handlers[:] = [_Forward(max(lowest, logging.WARNING))]


def get_logger(name: str) -> FilteringBoundLogger:
    """Return the logger whose events bear `logger=name`."""
    logger: FilteringBoundLogger = structlog.get_logger(name)
    return logger


def escape(text: str) -> str:
    """Return `text` with each unprintable character, and the backslash, written as a Python escape."""
    return "".join(
        char if char.isprintable() and char != "\\" else char.encode("unicode_escape").decode("ascii") for char in text
    )


class _Lines:
    """Writes finished lines; a log that cannot be written must not stop the room."""

    def __init__(self, name: str, stream: TextIO) -> None:
        self.name = name
        self._stream = stream

    def msg(self, line: str) -> None:
        with contextlib.suppress(OSError):
            self._stream.write(line + "\n")
            self._stream.flush()

    log = debug = info = warning = warn = error = exception = critical = fatal = msg


class _Forward(logging.Handler):
    """Passes records of the standard library's log on as events."""

    def emit(self, record: logging.LogRecord) -> None:
        get_logger(record.name).log(record.levelno, record.getMessage(), exc_info=record.exc_info)


def _render_json(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
    ordered = {"at": event.pop("at"), "level": event.pop("level"), "event": event.pop("event"), **event}
    # ASCII only, so C1 and bidirectional marks are escaped; DEL is the one control that JSON leaves alone.
    return json.dumps(ordered, default=repr).replace("\x7f", "\\u007f")


def _render_line(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
    at, level, name = event.pop("at"), event.pop("level"), event.pop("event")
    return " ".join([f"{at} {level:<8}{escape(str(name))}", *_pairs(event)])


def _pairs(values: Mapping[str, object]) -> list[str]:
    return [f"{escape(str(key))}={_value(value)}" for key, value in values.items()]


def _value(value: object) -> str:
    text = escape(value if isinstance(value, str) else repr(value))
    plain = text and not any(char in ' "=' for char in text)
    return text if plain or not isinstance(value, str) else '"' + text.replace('"', '\\"') + '"'
