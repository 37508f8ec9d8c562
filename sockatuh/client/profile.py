"""What a client remembers: who it is, which servers it has met, and how to come back to each without a question.

Every file but the key is lines of `server value…`. A line that means nothing is left where it is and passed over, so a
typing error in one line costs no other; several clients may write at the same time. What is there already is not
written again, so a directory that cannot be written is enough once everything is known. Nothing heavy is imported
here: one-shot commands start with this module.
"""

from __future__ import annotations

import base64
import binascii
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Generic, TypeVar

from sockatuh.errors import KeyFileError
from sockatuh.store.files import (
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
_KEPT_AS_IS: Final = "surrogateescape"  # bytes that are no UTF-8 survive a rewrite of their file
_NO_HOME: Final = "there is no such home directory; name a directory in $SOCKATUH_CLIENT_DIR"
TICKETS_PER_SERVER: Final = 32
"""Names whose tickets are kept for one server, the newest; a server gives a key no more names either."""


@dataclass(frozen=True, slots=True)
class Pin:
    """A server's key (X25519, 32 bytes), when it was first seen (RFC 3339, UTC), and the room's name then."""

    key: bytes
    first_seen: str
    room: str


@dataclass(frozen=True, slots=True)
class Ticket:
    """What lets somebody back in under a name without the password, and the day it was kept (UTC, 2026-11-28)."""

    name: str
    sealed: bytes
    day: str


def default_directory(environ: Mapping[str, str]) -> Path:
    """Where the client's files are: $SOCKATUH_CLIENT_DIR, else the platform's configuration directory."""
    if chosen := environ.get("SOCKATUH_CLIENT_DIR"):
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


class ClientFiles:
    """The files in one directory, made on first use. A `server` is `host:port`; all methods may raise KeyFileError."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._pins = _ServerLines(directory / "known_servers", _parse_pin)
        self._names = _ServerLines(directory / "names", _parse_text)
        self._tickets = _ServerLines(directory / "tickets", _parse_ticket)
        self._last = _ServerLines(directory / "last_server", _parse_text)

    def identity(self) -> bytes:
        """The private key (X25519, 32 bytes) by which servers know this person, made on first use."""
        path = self._directory / "identity"
        refuse_foreign(path)
        ensure_private_directory(self._directory)
        return load_or_create_key(path)

    def find_pin(self, server: str) -> Pin | None:
        """What is known of a server, None at the first meeting."""
        return self._pins.find(server)

    def pin(self, server: str, key: bytes, room: str) -> None:
        """Remember a server's key (32 bytes), in place of what was known of it."""
        first_seen = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        self._pins.put(server, f"x25519 {base64.b64encode(key).decode()} {first_seen} {_one_line(room)}")

    def forget(self, server: str) -> bool:
        """Remove a server's key; False if there was none."""
        return self._pins.remove(server)

    def find_last_server(self) -> str | None:
        """The server somebody last went to, to chat; None before the first."""
        return self._last.find("last")

    def set_last_server(self, server: str) -> None:
        """Remember the server somebody went to."""
        self._last.put("last", _one_line(server))

    def find_name(self, server: str) -> str | None:
        """The name somebody chose at a server, None before the first."""
        return self._names.find(server)

    def set_name(self, server: str, name: str) -> None:
        """Remember the name somebody chose at a server."""
        self._names.put(server, _one_line(name))

    def find_ticket(self, server: str, name: str) -> Ticket | None:
        """The ticket that lets this person back in under a name, if there is one."""
        return self._tickets.find(server, _of(name))

    def keep_ticket(self, server: str, name: str, sealed: bytes) -> None:
        """Keep the newest ticket for a name at a server; those of other names stay."""
        day = datetime.now(UTC).date().isoformat()
        value = f"{base64.b64encode(sealed).decode()} {day} {_one_line(name)}"
        self._tickets.put(server, value, _of(name), at_most=TICKETS_PER_SERVER)

    def clear_tickets(self, server: str) -> bool:
        """Remove a server's tickets; False if there were none."""
        return self._tickets.remove(server)


def _of_any(_: object) -> bool:
    return True


class _ServerLines(Generic[T]):
    """One file of `server value…` lines; `parse` answers None to a value that means nothing."""

    def __init__(self, path: Path, parse: Callable[[str], T | None]) -> None:
        self._path = path
        self._parse = parse

    def find(self, server: str, of: Callable[[T], bool] = _of_any) -> T | None:
        word = _one_word(server)
        found = (value for line in self._lines() if (value := self._value(line, word)) is not None and of(value))
        return next(found, None)

    def put(self, server: str, value: str, of: Callable[[T], bool] = _of_any, at_most: int = 1) -> None:
        """Put a value in place of those `of` it speaks of; of all of the server's keep the newest `at_most`."""
        word = _one_word(server)
        added = f"{word} {value}"
        if not self._is_all_there_is(word, added, of):
            self._rewrite(word, [added], of, at_most)

    def remove(self, server: str) -> bool:
        return self._path.exists() and self._rewrite(_one_word(server), [], _of_any, 0)

    def _is_all_there_is(self, word: str, wanted: str, of: Callable[[T], bool]) -> bool:
        lines = [line for line in self._lines() if (value := self._value(line, word)) is not None and of(value)]
        return lines == [wanted]

    def _rewrite(self, word: str, added: list[str], of: Callable[[T], bool], at_most: int) -> bool:
        """Put `added` in place of the lines of one server; tell whether there were any."""
        refuse_foreign(self._path)
        ensure_private_directory(self._path.parent)
        with exclusive(self._path.parent):
            lines = self._lines()
            values = [self._value(line, word) for line in lines]
            gone = {at for at, value in enumerate(values) if value is not None and of(value)}
            others = [at for at, value in enumerate(values) if value is not None and at not in gone]
            gone.update(others[: max(0, len(others) + len(added) - at_most)])
            kept = [line for at, line in enumerate(lines) if at not in gone]
            text = "".join(f"{line}\n" for line in kept + added)
            write_private(self._path, text.encode(_ENCODING, _KEPT_AS_IS))
        return len(kept) < len(lines)

    def _value(self, line: str, word: str) -> T | None:
        server, _, value = line.partition(" ")
        return self._parse(value.strip()) if server == word else None

    def _lines(self) -> list[str]:
        refuse_foreign(self._path)
        text = (find_bytes(self._path) or b"").decode(_ENCODING, _KEPT_AS_IS)
        return text.removesuffix("\n").split("\n") if text else []


def _parse_pin(value: str) -> Pin | None:
    fields = value.split(" ", 3)
    if len(fields) < 3 or fields[0] != "x25519" or (key := find_key(fields[1])) is None:
        return None
    return Pin(key, fields[2], fields[3] if len(fields) > 3 else "")


def _parse_text(value: str) -> str | None:
    return value or None


def _parse_ticket(value: str) -> Ticket | None:
    encoded, _, rest = value.partition(" ")
    day, _, name = rest.partition(" ")
    try:
        sealed = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return None
    return Ticket(name, sealed, day) if sealed and name else None


def _of(name: str) -> Callable[[Ticket], bool]:
    """Return what knows the tickets of one name; neither case makes it another, nor a space for a _."""
    wanted = _folded(name)
    return lambda ticket: _folded(ticket.name) == wanted


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", _one_line(name).replace(" ", "_").casefold())


def _one_line(text: str) -> str:
    """Make one line without control characters of whatever a server or a person called something."""
    printable = "".join(character if character.isprintable() else " " for character in text)
    return " ".join(printable.split())


def _one_word(server: str) -> str:
    """Write a server the way it stands in the files: host names do not tell great letters from small ones."""
    return _one_line(server).replace(" ", "").lower()
