"""Every file of ours that people, other programs or a failing disk may have written to."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeAlias

import msgspec

from sockatuh.client.profile import Ignored, Profile
from sockatuh.errors import ConfigurationError, KeyFileError, StoreError
from sockatuh.settings.model import VARIABLES
from sockatuh.settings.sources import load
from sockatuh.store.database import open_writer
from sockatuh.store.files import find_key, load_or_create_key
from sockatuh.store.history import HistoryReader, Line
from sockatuh.store.keys import load_ticket_keys

Target: TypeAlias = Callable[[bytes], None]

SERVER: Final = "kitchen-pi:7625"
LINES: Final = ("known_servers", "names", "tickets", "last_server", "choices", "ignored")
COLUMNS: Final = 8


def client_files(directory: Path) -> Target:
    """Return the target: what a client remembers of servers, in files that people edit."""

    def run(data: bytes) -> None:
        for name in LINES:
            _write(directory / name, data)
        files = Profile(directory)
        pin = files.find_pin(SERVER)
        assert pin is None or len(pin.key) == 32
        ticket = files.find_ticket(SERVER, "ana")
        assert ticket is None or ticket.sealed
        for text in (files.find_name(SERVER), files.find_last_server()):
            assert text is None or text
        assert files.find_choice(SERVER, "quiet") != ""
        assert all(whom.name for whom in files.ignored(SERVER))
        files.set_name("box:1", "ana")
        assert files.find_name("box:1") == "ana", "what was remembered is not there"
        files.ignore("box:1", Ignored("ana", "k1"))
        assert files.ignored("box:1") == [Ignored("ana", "k1")]

    return run


def key_files(directory: Path) -> Target:
    """Return the target: key files that were damaged."""

    def run(data: bytes) -> None:
        find_key(data)
        _write(directory / "identity", data)
        with contextlib.suppress(KeyFileError):
            assert len(load_or_create_key(directory / "identity")) == 32
        _write(directory / "ticket.keys", data)
        with contextlib.suppress(KeyFileError):
            assert all(len(key_id) == 4 and len(key) == 32 for key_id, key in load_ticket_keys(directory))

    return run


def _write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    path.chmod(0o600)
    return path


def settings_file(directory: Path) -> Target:
    """Return the target: a configuration file."""

    def run(data: bytes) -> None:
        path = _write(directory / "sockatuh.toml", data)
        _load({"config": path}, {})

    return run


def settings_environment() -> Target:
    """Return the target: lines of `NAME=value` that are in the environment; those without a name go in turn."""
    names = list(VARIABLES)

    def run(data: bytes) -> None:
        environ: dict[str, str] = {}
        for number, line in enumerate(data.replace(b"\0", b"").split(b"\n")):
            name, equals, value = line.decode("utf-8", "surrogateescape").partition("=")
            environ[name if equals else names[number % len(names)]] = value if equals else name
        _load({}, environ)

    return run


def _load(flags: dict[str, object], environ: dict[str, str]) -> None:
    try:
        settings = load(flags, environ | {"HOME": "/nonexistent"}, Path("/nonexistent"), serving=False)
    except ConfigurationError as error:
        str(error).encode("utf-8", "surrogateescape")
        return
    for key in settings.origins:
        settings.shown(key)


def history_row(directory: Path) -> Target:
    """Return the target: columns, divided by NUL, of a row that something else has written into the database."""
    path = directory / "room.db"
    connection = open_writer(path, "normal")

    def run(data: bytes) -> None:
        columns = [_column(each) for each in data.split(b"\0")[:COLUMNS]]
        columns += [None] * (COLUMNS - len(columns))
        _write_row(connection, columns)
        reader = HistoryReader(path)
        for read in (reader.messages, reader.joins, reader.joins_and_renames, reader.lines):
            for name in (None, "ana"):
                with contextlib.suppress(StoreError):
                    for line in read(None, name, 10):
                        _look_at(line)

    weakref.finalize(run, connection.close)
    return run


def _column(data: bytes) -> object:
    """Return a column as SQLite would hold it: a number, a text or bytes."""
    match data[:1]:
        case b"":
            return None
        case b"#":
            return int.from_bytes(data[1:8], "little", signed=True)
        case b"!":
            return data[1:]
        case _:
            return data.decode("utf-8", "replace")


def _look_at(line: Line) -> None:
    """Assert that each field is of its type."""
    for field in msgspec.structs.fields(line):
        assert isinstance(getattr(line, field.name), field.type), f"{field.name} is {line}"


def _write_row(connection: sqlite3.Connection, columns: list[object]) -> None:
    at, body, opened, closed, name, owner, transient, reason = columns
    connection.execute("DELETE FROM log")
    connection.execute("DELETE FROM sessions")
    for kind in ("message", "private", "renamed"):
        with contextlib.suppress(sqlite3.IntegrityError):
            row = (os.urandom(16), at, kind, body)
            connection.execute("INSERT INTO log (id, at, kind, body) VALUES (?, ?, ?, ?)", row)
    with contextlib.suppress(sqlite3.IntegrityError):
        session = (1, opened, closed, name, owner, "a", "secure", "v", transient, reason)
        connection.execute("INSERT INTO sessions VALUES (?, NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?)", session)
