"""Every error SockAtuh raises, in one tree.

    SockAtuhError
    ├── ProtocolError            bytes from the network that are malformed; never leaves the core
    ├── ConfigurationError       settings that cannot be used, all of them at once
    ├── RowUnreadable            an entry of the log whose body makes no sense
    ├── StoreError               the database cannot be used
    │   ├── DatabaseTooNew
    │   └── DatabaseUnusable
    │       └── DatabaseDamaged
    ├── KeyFileError             a key file that is unreadable or damaged
    │   └── FileNotPrivate       it, or its directory, belongs to somebody else or is open to others
    ├── OtherIdentity            there is a key already, and it is another
    ├── ExportUnreadable         a file that an exported key cannot be read from
    ├── AddressUnusable          the socket cannot be opened there
    ├── OutputLost               stdout cannot be written
    └── ClientError              why a client could not do what was asked
        ├── AddressUnclear
        ├── NoServer
        ├── Refused
        │   ├── NameTaken
        │   └── Removed          by the room's admin
        ├── NotStored
        ├── TooFast
        ├── NotInRoom
        ├── NotPrepared
        ├── IdentityChanged
        ├── ServerUnproven
        ├── ClientOutdated
        └── VersionMismatch

Errors carry facts; `__str__` is the plain sentence.
The command line gives each its exit code and the next command to try.
"""

from __future__ import annotations

import msgspec


class SockAtuhError(Exception):
    """Something SockAtuh can explain."""


class ProtocolError(SockAtuhError):
    """Bytes from the network that do not parse or do not verify."""


class Problem(msgspec.Struct, frozen=True):
    """One setting that cannot be used: its key, where it was set, and what it should be."""

    key: str
    origin: str
    expected: str

    def __str__(self) -> str:
        return f"{self.key} ({self.origin}): {self.expected}"


class ConfigurationError(SockAtuhError):
    """Settings that cannot be used; `problems` names every one."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__(problems)
        self.problems = problems

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)


class RowUnreadable(SockAtuhError):
    """The body of an entry of the log does not parse, or its kind is unknown."""


class StoreError(SockAtuhError):
    """The room's database refused something."""


class DatabaseTooNew(StoreError):
    """The database was written by a newer SockAtuh."""

    def __init__(self, path: str, found: int, known: int) -> None:
        super().__init__(path, found, known)
        self.path, self.found, self.known = path, found, known

    def __str__(self) -> str:
        return f"{self.path} has schema {self.found}, this SockAtuh knows up to {self.known}"


class DatabaseUnusable(StoreError):
    """The database could not be opened, read or written; `remedy` says what to do, as far as that is known."""

    def __init__(self, path: str, reason: str, remedy: str = "") -> None:
        super().__init__(path, reason, remedy)
        self.path, self.reason, self.remedy = path, reason, remedy

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


class DatabaseDamaged(DatabaseUnusable):
    """The content of the database is damaged; a retry will not help."""


class KeyFileError(SockAtuhError):
    """A key file that is unreadable or damaged."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path, self.reason = path, reason

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


class FileNotPrivate(KeyFileError):
    """A file or a directory that belongs to somebody else, or that others can read or write."""


class OtherIdentity(SockAtuhError):
    """A client has another key already, in the file at `path`."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path

    def __str__(self) -> str:
        return f"{self.path} holds another key"


class ExportUnreadable(SockAtuhError):
    """A file that holds no exported key, or one that cannot be read; `fault` is an ExportFault."""

    def __init__(self, fault: str) -> None:
        super().__init__(fault)
        self.fault = fault

    def __str__(self) -> str:
        return f"no exported key can be read from it: {self.fault}"


class AddressUnusable(SockAtuhError):
    """The UDP socket could not be opened at that address."""

    def __init__(self, host: str, port: int, reason: str) -> None:
        super().__init__(host, port, reason)
        self.host, self.port, self.reason = host, port, reason

    def __str__(self) -> str:
        return f"cannot listen on {self.host} port {self.port}: {self.reason}"


class OutputLost(SockAtuhError):
    """A command's output cannot be written; `reader_left`: the program that read it has closed the pipe."""

    def __init__(self, reason: str, *, reader_left: bool) -> None:
        super().__init__(reason)
        self.reason, self.reader_left = reason, reader_left

    @classmethod
    def because_of(cls, error: OSError) -> OutputLost:
        """Return the error for what the system said."""
        return cls(error.strerror or str(error), reader_left=isinstance(error, BrokenPipeError))

    def __str__(self) -> str:
        return f"stdout cannot be written: {self.reason}"


class ClientError(SockAtuhError):
    """Why a client could not do what was asked."""


class AddressUnclear(ClientError):
    """A text that names no server; `reason` says what is wrong with it."""

    def __init__(self, text: str, reason: str) -> None:
        super().__init__(text, reason)
        self.text, self.reason = text, reason

    def __str__(self) -> str:
        return f"{self.text!r} names no server: {self.reason}"


class NoServer(ClientError):
    """Nobody answered at `server` within `seconds`, or the name does not resolve.

    `obstacles` are pairs of an address and what stood in its way when it was last tried (`protocol.client.obstacles`).
    """

    def __init__(
        self, server: str, seconds: float, reason: str = "no answer", obstacles: tuple[tuple[str, str], ...] = ()
    ) -> None:
        super().__init__(server, seconds, reason, obstacles)
        self.server, self.seconds, self.reason, self.obstacles = server, seconds, reason, obstacles

    def __str__(self) -> str:
        return f"no SockAtuh server at {self.server}: {self.reason}"


class NotStored(ClientError):
    """The server has what was asked or said, but its log took nothing within `seconds`."""

    def __init__(self, server: str, seconds: float) -> None:
        super().__init__(server, seconds)
        self.server, self.seconds = server, seconds

    def __str__(self) -> str:
        return f"the server at {self.server} could store nothing within {max(1, round(self.seconds))} s"


class TooFast(ClientError):
    """Lines come faster than the room takes them, so one was not stored within `seconds`.

    The server takes the next one in `wait` seconds, as it said last; whoever has more lines than it takes waits longer.
    """

    def __init__(self, seconds: float, wait: float) -> None:
        super().__init__(seconds, wait)
        self.seconds, self.wait = seconds, wait

    def __str__(self) -> str:
        return f"lines come faster than the room takes them; not stored within {max(1, round(self.seconds))} s"


class Refused(ClientError):
    """The server said no: a code of the protocol, seconds to wait, a detail, and a name that would do.

    For a name that is taken: `tag` is the start of its holder's key fingerprint, and `since` (ms since 1970) is when
    the holder joined under it or used it last; "" and 0 if unknown.
    """

    def __init__(
        self, code: str, wait: float = 0.0, detail: str = "", suggestion: str = "", tag: str = "", since: int = 0
    ) -> None:
        super().__init__(code, wait, detail, suggestion, tag, since)
        self.code, self.wait, self.detail, self.suggestion = code, wait, detail, suggestion
        self.tag, self.since = tag, since

    def __str__(self) -> str:
        return f"refused: {self.code}" + (f" ({self.detail})" if self.detail else "")


class NameTaken(Refused):
    """The name is held by somebody else, or belongs to another key."""


class Removed(Refused):
    """The room's admin has removed this client, or does not let it in; `code` is `kicked` or `banned`.

    `reason` is what the admin gave as one, a text from the network. `until` (ms since 1970, by this machine's clock) is
    when the order ends, None for never or if the server did not say.
    """

    def __init__(self, code: str, wait: float = 0.0, reason: str = "", until: int | None = None) -> None:
        super().__init__(code, wait, reason)
        self.reason, self.until = reason, until


class NotInRoom(ClientError):
    """This client has left the room."""

    def __str__(self) -> str:
        return "this client has left the room"


class NotPrepared(ClientError):
    """This machine could not make the hash of the password within `seconds`."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds

    def __str__(self) -> str:
        return f"the password could not be prepared within {max(1, round(self.seconds))} s"


class IdentityChanged(ClientError):
    """The server at a known address has another key than the pinned one (both raw, 32 bytes)."""

    def __init__(self, server: str, pinned: bytes, offered: bytes) -> None:
        super().__init__(server, pinned, offered)
        self.server, self.pinned, self.offered = server, pinned, offered

    def __str__(self) -> str:
        return f"the server at {self.server} has another key than before"


class ServerUnproven(ClientError):
    """A server that did not prove that it knows the room's password; `key` (32 bytes) is the one it has.

    `reason`: `offer` (no room makes such an offer), `welcome` (it let the client in without a proof) or `proofs` (it
    got as many proofs as a client gives, and gave none).
    """

    def __init__(self, server: str, key: bytes, reason: str) -> None:
        super().__init__(server, key, reason)
        self.server, self.key, self.reason = server, key, reason

    def __str__(self) -> str:
        return f"the server at {self.server} did not prove that it knows the room's password"


class ClientOutdated(ClientError):
    """The server at `server` wants the password proved in a way this client does not know."""

    def __init__(self, server: str) -> None:
        super().__init__(server)
        self.server = server

    def __str__(self) -> str:
        return f"the room at {self.server} wants a newer sockatuh"


class VersionMismatch(ClientError):
    """The server speaks another version of the protocol."""

    def __init__(self, ours: int, theirs: int) -> None:
        super().__init__(ours, theirs)
        self.ours, self.theirs = ours, theirs

    def __str__(self) -> str:
        return f"the server speaks protocol version {self.theirs}, this client {self.ours}"
