"""Stores what a client remembers: its own key, the servers it knows, and its name and tickets at each.

Every file but the key consists of lines `server value…`. A line that does not parse is kept and ignored, so a typo in
one line costs no other. Several clients may write at the same time. A value that is already there is not written
again, so a read-only directory suffices once everything is known. This module imports nothing slow to load, because
every one-shot command loads it.
"""

from __future__ import annotations

import base64
import binascii
import os
import unicodedata
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Generic, TypeVar

import msgspec

from sockatuh.errors import KeyFileError, OtherIdentity
from sockatuh.protocol.constants import LOG_ID_SIZE, MAX_NODES, SALT_SIZE
from sockatuh.store.files import (
    create_private,
    ensure_private_directory,
    exclusive,
    find_bytes,
    find_expanded,
    find_key,
    load_or_create_key,
    write_private,
)
from sockatuh.store.ownership import refuse_foreign

T = TypeVar("T")

_ENCODING: Final = "utf-8"
_KEPT_AS_IS: Final = "surrogateescape"  # bytes that are not UTF-8 survive a rewrite of their file
_LARGEST: Final = 2**63 - 1
"""The largest integer that the protocol has."""
_NO_HOME: Final = "there is no such home directory; name a directory in $SOCKATUH_CLIENT_DIR"
NAMES_PER_SERVER: Final = 32
"""Names per server whose tickets and bookmarks are kept, the newest; a server allows one key as many names."""
CHOICES_PER_SERVER: Final = 16
IGNORED_PER_SERVER: Final = 256
"""People ignored per server, the latest."""
_NO_LIMIT: Final = 1 << 30


class Pin(msgspec.Struct, frozen=True):
    """A server's key (X25519, 32 bytes), when it was first seen (RFC 3339, UTC), and the room's name then."""

    key: bytes
    first_seen: str
    room: str


class Bookmark(msgspec.Struct, frozen=True):
    """How far somebody has read under a name: the id of the log (16 bytes), the seq, and when (ms since 1970)."""

    name: str
    log_id: bytes
    seq: int
    at: int


class SavedTicket(msgspec.Struct, frozen=True):
    """Admits a client again under a name without the password; `day` is when it was stored (UTC, 2026-11-28)."""

    name: str
    sealed: bytes
    day: str


class Ignored(msgspec.Struct, frozen=True):
    """Somebody whose lines are not shown: whoever has the key with this tag; without one, whoever has the name."""

    name: str
    tag: str = ""


def default_directory(chosen: str | None = None) -> Path:
    """Return a directory that somebody has chosen, ~ expanded, else the platform's directory for configuration."""
    if chosen:
        if (directory := find_expanded(chosen)) is None:
            raise KeyFileError(chosen, _NO_HOME)
        return directory
    import platformdirs

    try:
        directory = platformdirs.user_config_path("sockatuh", appauthor=False)
    except RuntimeError:  # this user has no home
        raise KeyFileError("~", _NO_HOME) from None
    if not directory.is_absolute():
        raise KeyFileError(str(directory), _NO_HOME)
    return directory


class Profile:
    """The files in one directory, created on first use; without a directory everything is kept in memory.

    A `server` is `host:port`. Every method may raise KeyFileError.
    """

    def __init__(self, directory: str | Path | None = None) -> None:
        self.directory = None if directory is None else default_directory(str(directory))
        self._pins = _ServerLines(self._path("known_servers"), _parse_pin)
        self._names = _ServerLines(self._path("names"), _parse_text)
        self._tickets = _ServerLines(self._path("tickets"), _parse_ticket)
        self._salts = _ServerLines(self._path("salts"), _parse_salt)
        self._bookmarks = _ServerLines(self._path("bookmarks"), _parse_bookmark)
        self._last = _ServerLines(self._path("last_server"), _parse_text)
        self._nodes = _ServerLines(self._path("nodes"), _parse_nodes)
        self._choices = _ServerLines(self._path("choices"), _parse_choice)
        self._ignored = _ServerLines(self._path("ignored"), _parse_ignored)
        self._key: bytes | None = None

    def _path(self, name: str) -> Path | None:
        return None if self.directory is None else self.directory / name

    def identity(self) -> bytes:
        """Return the private key (X25519, 32 bytes) by which servers know this client, created on first use."""
        if self.directory is None:
            self._key = self._key or os.urandom(32)
            return self._key
        path = self.directory / "identity"
        refuse_foreign(path)
        ensure_private_directory(self.directory)
        return load_or_create_key(path)

    def has_identity(self, key: bytes) -> bool:
        """Tell whether this client has that private key (32 bytes) already."""
        if self.directory is None:
            return self._key == key
        return find_key((find_bytes(self.directory / "identity") or b"").strip()) == key

    def adopt_identity(self, key: bytes, *, replaces: bool) -> Path | None:
        """Take another private key (32 bytes) for this client's own; raises OtherIdentity if there is one already.

        If it `replaces` one, that is kept in a file beside it, which is returned, and what was remembered for it is
        forgotten: the names that belong to it, and its tickets.
        """
        if self.directory is None:
            self._key = key
            return None
        path = self.directory / "identity"
        refuse_foreign(path)
        ensure_private_directory(self.directory)
        written = base64.b64encode(key) + b"\n"
        if create_private(path, written):
            return None
        with exclusive(self.directory):
            if self.has_identity(key):
                return None
            if not replaces:
                raise OtherIdentity(str(path))
            kept = _create_dated(path, find_bytes(path) or b"")
            write_private(path, written)
        self._names.clear()
        self._tickets.clear()
        return kept

    def find_pin(self, server: str) -> Pin | None:
        """Return what is known about a server, None if it is unknown."""
        return self._pins.find(server)

    def known_servers(self) -> dict[str, Pin]:
        """Return every server that is known, sorted by its name."""
        return self._pins.all()

    def pin(self, server: str, key: bytes, room: str) -> None:
        """Remember a server's key (32 bytes), replacing what was known about it."""
        first_seen = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        self._pins.put(server, f"x25519 {base64.b64encode(key).decode()} {first_seen} {_one_line(room)}")

    def forget(self, server: str) -> bool:
        """Delete a server's key, what it told of itself, and what was read there; False if there was no key."""
        self._nodes.remove(server)
        self._bookmarks.remove(server)
        self._salts.remove(server)
        return self._pins.remove(server)

    def find_nodes(self, server: str) -> tuple[str, ...]:
        """Return the further addresses (`host:port`) that a server named last."""
        return self._nodes.find(server) or ()

    def set_nodes(self, server: str, nodes: Sequence[str]) -> None:
        """Remember further addresses of a server's room, at most MAX_NODES, replacing earlier ones."""
        self._nodes.put(server, " ".join(_one_word(node) for node in nodes[:MAX_NODES]))

    def find_salt(self, server: str) -> bytes | None:
        """Return the salt (16 bytes) under which a server accepted its room's password last."""
        return self._salts.find(server)

    def set_salt(self, server: str, salt: bytes) -> None:
        """Remember a salt, which every client is told that asks: a room with another has changed its password."""
        self._salts.put(server, base64.b64encode(salt).decode())

    def move(self, before: str, after: str) -> None:
        """Give everything known about a server to another address; what was known about that goes the other way."""
        lines_of_servers = (
            self._tickets,
            self._names,
            self._nodes,
            self._salts,
            self._bookmarks,
            self._choices,
            self._ignored,
            self._pins,
        )
        for lines in lines_of_servers:
            lines.swap(before, after)
        if (last := self.find_last_server()) is not None and _one_word(last) == _one_word(before):
            self.set_last_server(after)

    def find_last_server(self) -> str | None:
        """Return the server of the last chat, None before the first."""
        return self._last.find("last")

    def set_last_server(self, server: str) -> None:
        """Remember the server of the last chat."""
        self._last.put("last", _one_line(server))

    def find_name(self, server: str) -> str | None:
        """Return the name this person last chose at a server, None before the first."""
        return self._names.find(server)

    def set_name(self, server: str, name: str) -> None:
        """Remember the name this person chose at a server."""
        self._names.put(server, _one_line(name))

    def find_ticket(self, server: str, name: str) -> SavedTicket | None:
        """Return the ticket that admits this client under a name, if there is one."""
        return self._tickets.find(server, _of(name))

    def keep_ticket(self, server: str, name: str, sealed: bytes) -> None:
        """Store the newest ticket for a name at a server; tickets for other names stay."""
        day = datetime.now(UTC).date().isoformat()
        value = f"{base64.b64encode(sealed).decode()} {day} {_one_line(name)}"
        self._tickets.put(server, value, _of(name), at_most=NAMES_PER_SERVER)

    def find_bookmark(self, server: str, name: str) -> Bookmark | None:
        """Return how far this person has read under a name, None if that is not known."""
        return self._bookmarks.find(server, _of(name))

    def keep_bookmark(self, server: str, bookmark: Bookmark) -> None:
        """Remember how far this person has read, unless another client has read further in the same log."""
        present = self.find_bookmark(server, bookmark.name)
        if present is not None and present.log_id == bookmark.log_id and present.seq > bookmark.seq:
            return
        log_id = base64.b64encode(bookmark.log_id).decode()
        value = f"{log_id} {bookmark.seq} {bookmark.at} {_one_line(bookmark.name)}"
        self._bookmarks.put(server, value, _of(bookmark.name), at_most=NAMES_PER_SERVER)

    def find_choice(self, server: str, what: str) -> str | None:
        """Return what this person has chosen for a server's chat: `quiet`, `bell`, `people`; None if nothing."""
        found = self._choices.find(server, lambda choice: choice[0] == what)
        return None if found is None else found[1]

    def set_choice(self, server: str, what: str, value: str) -> None:
        """Remember a choice; both are words."""
        self._choices.put(server, f"{what} {value}", lambda choice: choice[0] == what, at_most=CHOICES_PER_SERVER)

    def ignored(self, server: str) -> list[Ignored]:
        """Return whom this person ignores at a server, the latest last."""
        return self._ignored.values(server)

    def ignore(self, server: str, whom: Ignored) -> None:
        """Remember to ignore somebody."""
        value = f"key {whom.tag} {_one_line(whom.name)}" if whom.tag else f"name {_one_line(whom.name)}"
        self._ignored.put(server, value, _of_same(whom), at_most=IGNORED_PER_SERVER)

    def unignore(self, server: str, whom: Ignored) -> bool:
        """Forget to ignore somebody; False if nobody of that key, or without a key of that name, was ignored."""
        return self._ignored.remove(server, _of_same(whom))

    def clear_tickets(self, server: str) -> bool:
        """Delete a server's tickets; False if there were none."""
        return self._tickets.remove(server)


def _of_any(_: object) -> bool:
    return True


class _ServerLines(Generic[T]):
    """One file of `server value…` lines; `parse` returns None for a value that means nothing. No path: in memory."""

    def __init__(self, path: Path | None, parse: Callable[[str], T | None]) -> None:
        self._path = path
        self._remembered: list[str] = []
        self._parse = parse

    def find(self, server: str, of: Callable[[T], bool] = _of_any) -> T | None:
        word = _one_word(server)
        found = (value for line in self._lines() if (value := self._value(line, word)) is not None and of(value))
        return next(found, None)

    def values(self, server: str) -> list[T]:
        """Return all values of a server, the latest last."""
        word = _one_word(server)
        return [value for line in self._lines() if (value := self._value(line, word)) is not None]

    def all(self) -> dict[str, T]:
        """Return what `find` returns for each server that has a value, sorted by server."""
        found: dict[str, T] = {}
        for line in self._lines():
            server = line.partition(" ")[0]
            is_ours = server == _one_word(server) and server not in found
            if is_ours and (value := self._value(line, server)) is not None:
                found[server] = value
        return dict(sorted(found.items()))

    def put(self, server: str, value: str, of: Callable[[T], bool] = _of_any, at_most: int = 1) -> None:
        """Replace the values that `of` selects; keep the newest `at_most` of all of the server's values."""
        word = _one_word(server)
        added = f"{word} {value}"
        if not self._is_all_there_is(word, added, of):
            self._rewrite(word, [added], of, at_most)

    def remove(self, server: str, of: Callable[[T], bool] = _of_any) -> bool:
        is_there = bool(self._remembered) if self._path is None else self._path.exists()
        return is_there and self._rewrite(_one_word(server), [], of, _NO_LIMIT)

    def clear(self) -> None:
        """Remove the values of all servers."""
        self._remembered = []
        if self._path is not None and self._path.exists():
            refuse_foreign(self._path)
            with exclusive(self._path.parent):
                write_private(self._path, b"")

    def swap(self, one: str, other: str) -> None:
        """Exchange the values of two servers."""
        words = _one_word(one), _one_word(other)
        if self._path is None:
            self._remembered = self._swapped(words)
            return
        if not any(line.partition(" ")[0] in words for line in self._lines()):
            return
        refuse_foreign(self._path)
        with exclusive(self._path.parent):
            text = "".join(f"{line}\n" for line in self._swapped(words))
            write_private(self._path, text.encode(_ENCODING, _KEPT_AS_IS))

    def _swapped(self, words: tuple[str, str]) -> list[str]:
        instead = dict(zip(words, reversed(words), strict=True))
        parts = (line.partition(" ") for line in self._lines())
        return [f"{instead.get(server, server)}{space}{value}" for server, space, value in parts]

    def _is_all_there_is(self, word: str, wanted: str, of: Callable[[T], bool]) -> bool:
        lines = [line for line in self._lines() if (value := self._value(line, word)) is not None and of(value)]
        return lines == [wanted]

    def _rewrite(self, word: str, added: list[str], of: Callable[[T], bool], at_most: int) -> bool:
        """Replace the selected lines of one server by `added`; tell whether there were any."""
        if self._path is None:
            kept, was_there = self._without(word, added, of, at_most)
            self._remembered = kept + added
            return was_there
        refuse_foreign(self._path)
        ensure_private_directory(self._path.parent)
        with exclusive(self._path.parent):
            kept, was_there = self._without(word, added, of, at_most)
            text = "".join(f"{line}\n" for line in kept + added)
            write_private(self._path, text.encode(_ENCODING, _KEPT_AS_IS))
        return was_there

    def _without(self, word: str, added: list[str], of: Callable[[T], bool], at_most: int) -> tuple[list[str], bool]:
        """Return the lines that remain, and whether any are removed."""
        lines = self._lines()
        values = [self._value(line, word) for line in lines]
        gone = {at for at, value in enumerate(values) if value is not None and of(value)}
        others = [at for at, value in enumerate(values) if value is not None and at not in gone]
        gone.update(others[: max(0, len(others) + len(added) - at_most)])
        return [line for at, line in enumerate(lines) if at not in gone], bool(gone)

    def _value(self, line: str, word: str) -> T | None:
        server, _, value = line.partition(" ")
        return self._parse(value.strip()) if server == word else None

    def _lines(self) -> list[str]:
        if self._path is None:
            return self._remembered
        refuse_foreign(self._path)
        text = (find_bytes(self._path) or b"").decode(_ENCODING, _KEPT_AS_IS)
        return text.removesuffix("\n").split("\n") if text else []


def _create_dated(path: Path, content: bytes) -> Path:
    """Create a file beside `path`, with the time in its name, and return it."""
    while True:
        dated = path.with_name(f"{path.name}-{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}")
        if create_private(dated, content):
            return dated


def _parse_pin(value: str) -> Pin | None:
    fields = value.split(" ", 3)
    if len(fields) < 3 or fields[0] != "x25519" or (key := find_key(fields[1])) is None:
        return None
    return Pin(key, fields[2], fields[3] if len(fields) > 3 else "")


def _parse_text(value: str) -> str | None:
    return value or None


def _parse_nodes(value: str) -> tuple[str, ...] | None:
    return tuple(value.split()[:MAX_NODES]) or None


def _parse_salt(value: str) -> bytes | None:
    try:
        salt = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return None
    return salt if len(salt) == SALT_SIZE else None


def _parse_choice(value: str) -> tuple[str, str] | None:
    what, space, chosen = value.partition(" ")
    return (what, chosen) if space and chosen else None


def _parse_ignored(value: str) -> Ignored | None:
    how, _, rest = value.partition(" ")
    tag, _, name = rest.partition(" ") if how == "key" else ("", "", rest)
    return Ignored(name, tag) if name and how == ("key" if tag else "name") else None


def _of_same(whom: Ignored) -> Callable[[Ignored], bool]:
    """Return a test for the one who is ignored because of the same key, or without a key because of the same name."""
    return lambda each: each.tag == whom.tag and (bool(whom.tag) or _folded(each.name) == _folded(whom.name))


def _parse_ticket(value: str) -> SavedTicket | None:
    encoded, _, rest = value.partition(" ")
    day, _, name = rest.partition(" ")
    try:
        sealed = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return None
    return SavedTicket(name, sealed, day) if sealed and name else None


def _parse_bookmark(value: str) -> Bookmark | None:
    fields = value.split(" ", 3)
    if len(fields) < 4 or not all(field.isascii() and field.isdigit() for field in fields[1:3]):
        return None
    try:
        log_id = base64.b64decode(fields[0], validate=True)
        seq, at = (int(field) for field in fields[1:3])
    except (binascii.Error, ValueError):
        return None
    if len(log_id) != LOG_ID_SIZE or max(seq, at) > _LARGEST or not fields[3]:
        return None
    return Bookmark(fields[3], log_id, seq, at)


def _of(name: str) -> Callable[[SavedTicket | Bookmark], bool]:
    """Return a test for what is kept under one name, ignoring case, with a space the same as a `_`."""
    wanted = _folded(name)
    return lambda saved: _folded(saved.name) == wanted


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", _one_line(name).replace(" ", "_").casefold())


def _one_line(text: str) -> str:
    """Return a text on one line without control characters, whatever a server or a person has put in it."""
    printable = "".join(character if character.isprintable() else " " for character in text)
    return " ".join(printable.split())


def _one_word(server: str) -> str:
    """Return a server as the files spell it, in lower case, because host names ignore case."""
    return _one_line(server).replace(" ", "").lower()
