"""The control socket: a path in the file system at which whoever may open it asks and orders (docs/CONTROL.md).

The mode of the file decides who may: 0600, so root and the server's own user. Everything runs in the event loop and
costs no more than a few bounded buffers: at most MAX_CONNECTIONS at once, each of which says a whole line in time. What
a connection does, sends or fails to read ends that connection at most.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import stat
import struct
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Final, Protocol, TypeVar

from sockatuh.errors import ConfigurationError, Problem
from sockatuh.log import Logger
from sockatuh.room.orders import MAX_CLAIMED, Actor, Order, OrderDenied, Reply
from sockatuh.room.text import clean_line
from sockatuh.store.trusted_path import refuse_strangers_links

from .box_report import Asked, Query, Reload, ReloadReply
from .control_lines import MAX_LINE, Item, Request, decode_request_untrusted, encode_item, encode_reply

NAME: Final = "control"
"""The socket's file in the runtime or the state directory."""
MAX_CONNECTIONS: Final = 8
LINE_TIMEOUT: Final = 5.0
"""Seconds from the first byte of a line to its last."""
IDLE_TIMEOUT: Final = 10.0
"""Seconds without a byte after which a connection is closed, and for which an answer may wait to be read."""
ANSWER_TIMEOUT: Final = 10.0
"""Seconds after which an order counts as not stored if nothing else has said so."""
RELOAD_TIMEOUT: Final = 30.0
"""Seconds that a reload may take: a small machine reads its settings in one or two."""
LAST_WORDS: Final = 1.0
"""Seconds that connections get to read their answers when the server stops."""
MAX_SOCKET_BYTES: Final = 107
_CHUNK: Final = 4_096
_ITEMS_AT_ONCE: Final = 256
"""Items written before the loop may do other work."""
_BACKLOG: Final = 64
_MASK: Final = 0o177
_PEERCRED: Final = struct.Struct("3i")
_XUCRED: Final = struct.Struct("2I")
UNKNOWN_UID: Final = -1

T = TypeVar("T")


class Box(Protocol):
    """What the socket is asked about, in the loop's thread."""

    async def report(self, query: Asked) -> Iterable[Item] | OrderDenied:
        """Answer a query."""

    def carry_out(self, order: Order, actor: Actor, answer: Callable[[Reply], None]) -> None:
        """Carry out an order; `answer` is called once."""

    def reload(self, answer: Callable[[ReloadReply], None]) -> None:
        """Read the settings again; `answer` is called once they were taken or refused."""


def control_path(setting: str, state_dir: Path, runtime_directory: str | None) -> Path | None:
    """Return where the socket is to be by its setting; None: nowhere."""
    if setting == "off":
        return None
    if setting != "auto":
        return Path(setting)
    place = Path(runtime_directory.split(":")[0]) if runtime_directory else state_dir
    return place / NAME


def find_fault(path: Path, *, is_to_come: bool = False) -> str | None:
    """Return why a path cannot be the control socket's, in the words of `should be …`; None if nothing is known.

    A socket of this user at which nobody answers is no fault: an earlier server left it. `is_to_come`: the directory is
    made when the server starts.
    """
    if len(os.fsencode(path)) > MAX_SOCKET_BYTES:
        return f"should be at most {MAX_SOCKET_BYTES} bytes long"
    try:
        refuse_strangers_links([path])
    except OSError:
        return "should be a path on which nobody else's link lies"
    if is_to_come:
        return None
    if not os.access(path.parent, os.W_OK | os.X_OK) or not path.parent.is_dir():
        return "should be in a directory that the server can write to"
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return None
    if not stat.S_ISSOCK(found.st_mode) or found.st_uid != os.geteuid():
        return "should be a path for a socket of this server; something else is there"
    return "should be a path of its own; another server answers there" if _answers(path) else None


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(str(path))
        except BlockingIOError:  # so many wait for it that one more may not
            return True
        except OSError:
            return False
    return True


class ControlSocket:
    """Listens at a path, from `bind` to `close`."""

    def __init__(self, path: Path, box: Box, log: Logger) -> None:
        self._path, self._box, self._log = path, box, log
        self._listening: socket.socket | None = None
        self._made = (0, 0)
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._answering: set[asyncio.Task[None]] = set()
        self._stopping = False

    @property
    def is_bound(self) -> bool:
        """Whether it has its place in the file system."""
        return self._listening is not None

    def check(self) -> None:
        """Raise ConfigurationError if something is wrong with the path; nothing is changed."""
        if (fault := find_fault(self._path)) is not None:
            raise ConfigurationError([Problem("control", str(self._path), fault)])

    def clear(self) -> None:
        """Remove the socket that an earlier server of this user left; ConfigurationError as `check` raises it."""
        self.check()
        with contextlib.suppress(FileNotFoundError):
            if stat.S_ISSOCK(os.lstat(self._path).st_mode):  # `find_fault` lets no other server's pass
                os.unlink(self._path)

    def bind(self) -> None:
        """Take the place in the file system; connections wait until `start`.

        Raises ConfigurationError if something is wrong with the path, OSError if the system refuses for now. A socket
        that an earlier server of this user left there is replaced.
        """
        self.clear()
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._bind(listening)
        except OSError:
            listening.close()
            raise
        self._listening = listening

    def _bind(self, listening: socket.socket) -> None:
        mask = os.umask(_MASK)  # there is no moment at which others could connect
        try:
            listening.bind(str(self._path))
        finally:
            os.umask(mask)
        found = os.lstat(self._path)
        self._made = found.st_dev, found.st_ino
        listening.setblocking(False)
        listening.listen(_BACKLOG)

    async def start(self) -> None:
        """Begin to answer."""
        if self._listening is not None and self._server is None:
            self._server = await asyncio.start_unix_server(
                self._welcome, sock=self._listening, limit=MAX_LINE, backlog=_BACKLOG
            )

    def hold(self) -> None:
        """Begin no further request: the server stops. Whoever waits for an answer still gets it."""
        self._stopping = True

    async def close(self) -> None:
        """Accept nobody more, remove the socket, and give those who wait for an answer a moment to read it."""
        self.hold()
        self._remove()
        if self._server is not None:
            self._server.close()
        elif self._listening is not None:
            self._listening.close()
        for connection in self._connections - self._answering:
            connection.cancel()
        if self._connections:
            await asyncio.wait(self._connections, timeout=LAST_WORDS)
        for connection in self._connections:
            connection.cancel()
        if self._connections:
            await asyncio.wait(self._connections)

    def _remove(self) -> None:
        """Remove the socket, unless something else has taken its place."""
        with contextlib.suppress(OSError):
            found = os.lstat(self._path)
            if (found.st_dev, found.st_ino) == self._made:
                os.unlink(self._path)

    # Connections.

    async def _welcome(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None:
            raise AssertionError("asyncio calls this in a task")
        is_too_many = len(self._connections) >= MAX_CONNECTIONS
        self._connections.add(task)
        writer.transport.set_write_buffer_limits(0)  # so that what was sent has been read, or is about to be
        try:
            if is_too_many:
                await _send(writer, encode_reply(OrderDenied(code="busy")))
            else:
                await self._serve(reader, writer, task)
        except (OSError, TimeoutError, asyncio.CancelledError):
            pass  # it has gone, or does not read
        except Exception as error:
            self._log.error("control_failed", error=repr(error))
            with contextlib.suppress(OSError, TimeoutError):
                await _send(writer, encode_reply(OrderDenied(code="internal")))
        finally:
            self._connections.discard(task)
            self._answering.discard(task)
            writer.transport.abort()  # all that is to be read has been sent, or was waited for

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, task: asyncio.Task[None]
    ) -> None:
        uid = peer_uid(writer.get_extra_info("socket"))
        lines = _Lines(reader)
        while (line := await lines.read()) is not None:
            request = line if isinstance(line, OrderDenied) else decode_request_untrusted(line)
            if isinstance(request, OrderDenied):
                await _send(writer, encode_reply(request))
            elif self._stopping:
                await _send(writer, encode_reply(OrderDenied(code="stopping")))
            else:
                self._answering.add(task)
                await self._answer(request, uid, writer)
                self._answering.discard(task)
            if self._stopping or isinstance(line, OrderDenied):
                return

    async def _answer(self, request: Request, uid: int, writer: asyncio.StreamWriter) -> None:
        if isinstance(request, Reload):
            reply = await _within(RELOAD_TIMEOUT, self._box.reload, late="unfinished")
            await _send(writer, encode_reply(reply))
        elif isinstance(request, Query):
            items = await self._box.report(request)
            if isinstance(items, OrderDenied):
                await _send(writer, encode_reply(items))
                return
            for at, item in enumerate(items, 1):
                writer.write(encode_item(item))
                if at % _ITEMS_AT_ONCE == 0:
                    await _drain(writer)
                    await asyncio.sleep(0)
            await _send(writer, encode_reply(None))
        else:
            actor = Actor(uid, clean_line(request.as_)[:MAX_CLAIMED])
            begin = partial(self._box.carry_out, request, actor)
            reply = await _within(ANSWER_TIMEOUT, begin, late="not_stored")
            is_dry = getattr(request, "dry_run", False) and not isinstance(reply, OrderDenied)
            await _send(writer, encode_reply(reply, dry_run=is_dry))


class _Lines:
    """The lines of one connection."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader = reader
        self._held = bytearray()

    async def read(self) -> bytes | OrderDenied | None:
        """Return the next line, None if none begins in time or the connection has ended, or why it has no end."""
        if not self._held:
            try:
                async with asyncio.timeout(IDLE_TIMEOUT):
                    self._held += await self._reader.read(_CHUNK)
            except TimeoutError:
                return None
            if not self._held:
                return None
        try:
            async with asyncio.timeout(LINE_TIMEOUT):
                return await self._rest_of_line()
        except TimeoutError:
            return OrderDenied(code="timeout")

    async def _rest_of_line(self) -> bytes | OrderDenied:
        while (end := self._held.find(b"\n")) < 0 and len(self._held) < MAX_LINE:
            data = await self._reader.read(_CHUNK)
            if not data:
                return OrderDenied(code="unknown", problems=("the line has no end",))
            self._held += data
        if not 0 <= end < MAX_LINE:
            return OrderDenied(code="text_too_long")
        line = bytes(self._held[:end])
        del self._held[: end + 1]
        return line


async def _within(seconds: float, begin: Callable[[Callable[[T], None]], None], *, late: str) -> T | OrderDenied:
    """Return the answer to what `begin` begins, or `late` as a denial; one that comes later, or twice, is dropped."""
    answered: asyncio.Future[T | OrderDenied] = asyncio.get_running_loop().create_future()

    def answer(reply: T) -> None:
        if not answered.done():
            answered.set_result(reply)

    begin(answer)
    try:
        async with asyncio.timeout(seconds):
            return await answered
    except TimeoutError:
        return OrderDenied(code=late)


async def _send(writer: asyncio.StreamWriter, line: bytes) -> None:
    writer.write(line)
    await _drain(writer)


async def _drain(writer: asyncio.StreamWriter) -> None:
    async with asyncio.timeout(IDLE_TIMEOUT):
        await writer.drain()


def peer_uid(connection: socket.socket) -> int:
    """Return the uid of whoever connected, as this process sees it; -1 if the system does not tell.

    In a user namespace, as systemd makes one for a service, root is 0 and everybody else 65534. So it is recorded, and
    decides nothing.
    """
    try:
        if hasattr(socket, "SO_PEERCRED"):
            credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEERCRED.size)
            return int(_PEERCRED.unpack(credentials)[1])
        if hasattr(socket, "LOCAL_PEERCRED"):  # macOS, BSD: a struct xucred, which begins with its version
            credentials = connection.getsockopt(0, socket.LOCAL_PEERCRED, _XUCRED.size)
            return int(_XUCRED.unpack(credentials)[1])
    except (OSError, struct.error):
        pass
    return UNKNOWN_UID
