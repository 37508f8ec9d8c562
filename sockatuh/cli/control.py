"""The commands' end of the control socket: it finds the room's socket, asks, and reads the answer (docs/CONTROL.md).

A command gives one request to `ask` and gets an `Answer`, or an exception that ends it with a sentence and an exit
code. With --json it prints `Answer.lines`, which are the server's own.
"""

from __future__ import annotations

import errno
import getpass
import json
import os
import re
import shlex
import shutil
import socket
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Final, NoReturn

import msgspec
import typer

from sockatuh.errors import ConfigurationError, Problem
from sockatuh.room.orders import Done, Order, OrderDenied
from sockatuh.room.text import clean_line
from sockatuh.server.box_report import Query, Reloaded
from sockatuh.server.control_lines import ANSWERED_WITH, VERSION, Item, encode_request
from sockatuh.store.files import find_expanded
from sockatuh.wording import control as wording
from sockatuh.wording import orders as in_general

from .arguments import working_directory
from .errors import ExitCode, RoomUnread, Stopped, stop
from .program import called_as
from .service_files import STATE, at
from .which_room import NAMES_A_ROOM, is_root

SocketOption = Annotated[str | None, typer.Option("--socket", help=wording.HELP_SOCKET, metavar="PATH")]

VARIABLE: Final = "SOCKATUH_CONTROL"
RUNTIME: Final = "run/sockatuh/control"
"""Where the server of this machine's service has its socket."""
AUTO: Final = "auto"
OFF: Final = "off"
PATIENCE: Final = 15.0
"""Seconds without a word after which the server counts as hung; it answers an order within 5."""
MAX_ANSWER: Final = 64 << 20
"""Bytes of an answer; the longest, 65,536 names, takes some 10 MB."""
_CHUNK: Final = 65_536
_RETRY: Final = 0.05
"""Seconds between two attempts to connect to a server that is busy accepting others."""
_NOT_ASCII: Final = re.compile(r"[^\0-\x7f]+")
"""What a line of JSON has within texts alone; all that commands print with --json is ASCII (docs/JSON.md)."""
_SAFE_PATH: Final = "/usr/local/bin:/usr/bin:/bin"
EXIT_CODES: Final[dict[str, ExitCode]] = {
    "busy": ExitCode.NO_SERVER,
    "configuration_refused": ExitCode.BAD_CONFIGURATION,
    "internal": ExitCode.OTHER,
    "not_stored": ExitCode.NO_SERVER,
    "stopping": ExitCode.NO_SERVER,
    "timeout": ExitCode.NO_SERVER,
    "unfinished": ExitCode.NO_SERVER,
}
"""The exit codes of refusals; all others have REFUSED."""


class ControlUnanswered(Stopped):
    """No server answered; `code` is the word for scripts."""

    def __init__(self, code: str, sentence: str, exit_code: ExitCode = ExitCode.NO_SERVER) -> None:
        super().__init__(sentence, exit_code, code=code)


class OrderRefused(Stopped):
    """The server did not do what it was asked; `denied` says why, `line` is the socket's own (JSON)."""

    def __init__(self, denied: OrderDenied, sentence: str, line: str) -> None:
        super().__init__(sentence, EXIT_CODES.get(denied.code, ExitCode.REFUSED), code=denied.code, line=line)
        self.denied = denied


class Answer(msgspec.Struct, frozen=True):
    """What the server answered: items in order, and what it did (None for a query).

    `is_dry`: nothing was done, `done` says what would be. `lines` are all lines as they came, but in ASCII, without
    line feeds.
    """

    items: tuple[Item, ...]
    done: Done | Reloaded | None
    is_dry: bool
    lines: tuple[str, ...]


def ask(request: Order | Query, socket: str | None, config: Path | None, *, patience: float = PATIENCE) -> Answer:
    """Ask the server of a room; `socket` and `config` are the options of these names.

    Raises OrderRefused if it refuses, ControlUnanswered if nobody answers within `patience` seconds or what answers is
    not understood, Stopped if only root may ask, and ConfigurationError for what --config names.
    """
    with _connect(socket, config, patience) as connection:
        return _converse(connection, request, patience)


def whoever_asks(environ: Mapping[str, str]) -> str:
    """Return the login name of whoever gives an order, as far as it is known: the one before sudo, if that was used."""
    if name := environ.get("SUDO_USER"):
        return name
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user without a name
        return ""


def print_lines(answer: Answer) -> None:
    """Print what the server answered as it came: the output of --json."""
    for line in answer.lines:
        print(line)


class _Connection(msgspec.Struct, frozen=True):
    socket: socket.socket
    path: str

    def __enter__(self) -> _Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()


# Finding the socket.


def _connect(given: str | None, config: Path | None, patience: float) -> _Connection:
    looked: list[str] = []
    closed: str | None = None
    for path in _places(given, config, os.environ):
        looked.append(path)
        try:
            return _Connection(_open(path, patience), path)
        except PermissionError:
            closed = closed or path
        except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError):
            pass
        except TimeoutError:
            raise _silent(path, patience) from None
        except OSError as error:
            reason = clean_line(error.strerror or str(error))
            raise ControlUnanswered("no_server", wording.unusable(clean_line(path), reason)) from None
    if closed is not None:
        _stop_for_root(closed)
    raise ControlUnanswered("no_server", wording.no_server(list(map(clean_line, looked))))


def _stop_for_root(path: str) -> NoReturn:
    if is_root():
        raise ControlUnanswered("no_server", wording.unusable(clean_line(path), os.strerror(errno.EACCES)))
    program = "sockatuh" if shutil.which("sockatuh", path=_SAFE_PATH) else called_as()
    raise Stopped(
        wording.only_root(clean_line(f"sudo {program} {shlex.join(sys.argv[1:])}")), ExitCode.REFUSED, code="only_root"
    )


def _places(given: str | None, config: Path | None, environ: Mapping[str, str]) -> Iterator[str]:
    """Yield where the socket may be, the likeliest first.

    A room that is named is looked for in its own places only, so that nobody is banned from another.
    """
    variable = environ.get(VARIABLE) if config is None else None
    _refuse_other_words(given, variable if not given else None)
    for word in (given, variable):
        if word == OFF:
            raise ControlUnanswered("control_off", wording.SWITCHED_OFF)
        if word and word != AUTO:
            yield str(working_directory() / (find_expanded(word) or word))
            return
    is_named = config is not None or any(environ.get(name) for name in NAMES_A_ROOM)
    if not is_named:
        yield str(at(RUNTIME))
    yield from _places_in_settings(config, is_named=is_named)


def _refuse_other_words(given: str | None, variable: str | None) -> None:
    """Stop at what is no place, nor one of the two words; a relative path is typed, but stands in no variable."""
    from sockatuh.settings.values import checked_control, find_meant_control

    if given and (meant := find_meant_control(given)) is not None:
        stop(wording.socket_meant(clean_line(given), meant), ExitCode.USAGE)
    if variable:
        try:
            checked_control(str(find_expanded(variable) or variable))
        except ValueError as error:
            raise ConfigurationError([Problem("control", f"environment {VARIABLE}", str(error))]) from None


def _places_in_settings(config: Path | None, *, is_named: bool) -> Iterator[str]:
    from sockatuh.settings.sources import load

    environ = {name: value for name, value in os.environ.items() if name != VARIABLE}
    try:
        settings = load({"config": config}, environ, working_directory(), serving=False)
    except ConfigurationError as error:
        if is_named:
            raise RoomUnread(error.problems, wording.by_socket(str(at(RUNTIME)))) from None
        return
    if settings.control == OFF:
        raise ControlUnanswered("control_off", wording.SWITCHED_OFF)
    if settings.control != AUTO:
        yield settings.control
        return
    if is_named and settings.state_dir == at(STATE):
        yield str(at(RUNTIME))
    yield str(settings.state_dir / "control")


def _open(path: str, patience: float) -> socket.socket:
    """Connect to a socket; TimeoutError if its server accepts nobody."""
    deadline = time.monotonic() + patience
    while True:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.settimeout(patience)
            connection.connect(path)
        except BlockingIOError:  # as many as the system lets wait are waiting
            connection.close()
            if time.monotonic() >= deadline:
                raise TimeoutError from None
            time.sleep(_RETRY)
        except BaseException:
            connection.close()
            raise
        else:
            return connection


# Asking.


def _converse(connection: _Connection, request: Order | Query, patience: float) -> Answer:
    silent = _silent(connection.path, patience, is_order=not isinstance(request, Query))
    try:
        connection.socket.sendall(encode_request(request))
    except (BrokenPipeError, ConnectionResetError):
        pass  # it may have said why
    except TimeoutError:
        raise silent from None
    done_type = ANSWERED_WITH.get(type(request).__name__.lower())
    items: list[Item] = []
    lines: list[str] = []
    for data in _lines(connection, patience, silent):
        fields, line = _fields_of(data, connection.path)
        lines.append(line)
        match fields.get("type"):
            case "done" | "would" as kind:
                done = _converted(fields, done_type, connection.path) if done_type else None
                return Answer(tuple(items), done, kind == "would", tuple(lines))
            case "error":
                denied = _converted(fields, OrderDenied, connection.path)
                raise OrderRefused(denied, _sentence(denied, fields), line)
            case str(kind) if kind in _ITEM_TYPES:
                items.append(_converted(fields, Item, connection.path))
            case str():
                pass  # a newer server tells more than this command knows
            case _:
                raise _not_understood(connection.path)
    raise ControlUnanswered("ended", wording.ended(clean_line(connection.path)))


def _lines(connection: _Connection, patience: float, silent: ControlUnanswered) -> Iterator[bytes]:
    """Yield the lines as they come; no more than so many seconds may pass between two of them, or it is `silent`."""
    held, size = bytearray(), 0
    deadline = time.monotonic() + patience
    while True:
        left = deadline - time.monotonic()
        if left <= 0:
            raise silent
        connection.socket.settimeout(left)
        try:
            data = connection.socket.recv(_CHUNK)
        except TimeoutError:
            raise silent from None
        except ConnectionResetError:
            data = b""
        size += len(data)
        if size > MAX_ANSWER:
            raise _not_understood(connection.path)
        if not data:
            return
        held += data
        if b"\n" in data:
            *whole, rest = held.split(b"\n")
            held = bytearray(rest)
            deadline = time.monotonic() + patience
            yield from map(bytes, whole)


def _fields_of(data: bytes, path: str) -> tuple[dict[str, Any], str]:
    try:
        fields = msgspec.json.decode(data, type=dict[str, Any])
        line = _NOT_ASCII.sub(lambda found: json.dumps(found[0])[1:-1], data.decode())
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise _not_understood(path) from None
    theirs = fields.get("v")
    if isinstance(theirs, int) and theirs != VERSION:
        raise ControlUnanswered("version_mismatch", wording.other_version(theirs, VERSION), ExitCode.VERSION_MISMATCH)
    if theirs != VERSION:
        raise _not_understood(path)
    return fields, line


def _converted(fields: dict[str, Any], kind: Any, path: str) -> Any:
    try:
        return msgspec.convert(fields, kind)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise _not_understood(path) from None


def _sentence(denied: OrderDenied, fields: Mapping[str, Any]) -> str:
    """Return the refusal in words; `fields` has the server's own, in English, for what commands say in theirs."""
    if (sentence := in_general.OTHER_REFUSALS.get(denied.code)) is not None:
        return sentence
    message = fields.get("message")
    return clean_line(message) if isinstance(message, str) and message else clean_line(denied.code)


def _silent(path: str, patience: float, *, is_order: bool = False) -> ControlUnanswered:
    """Return that a server is silent; what it was ordered is in the socket, and done when it goes on."""
    return ControlUnanswered("silent", wording.silent(clean_line(path), max(1, round(patience)), is_order=is_order))


def _not_understood(path: str) -> ControlUnanswered:
    return ControlUnanswered("not_understood", wording.not_understood(clean_line(path)), ExitCode.OTHER)


_ITEM_TYPES: Final = frozenset({"status", "session", "name", "order", "metrics"})
