"""The web door as a process: sockets, TLS, uvicorn, signals, and what it says when it is open."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import signal
import socket
import ssl
from asyncio.sslproto import SSLProtocol
from collections.abc import Callable, Coroutine, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Final

import msgspec
import uvicorn

from sockatuh.client.profile import Profile
from sockatuh.client.server_address import ServerAddress
from sockatuh.errors import AddressUnusable, KeyFileError
from sockatuh.log import Logger
from sockatuh.net.interfaces import lan_addresses_of
from sockatuh.net.probe import find_server_key
from sockatuh.net.sockets import plain_reason
from sockatuh.store.files import ensure_private_directory, explained, load_or_create_key, open_private

from .app import Door
from .barred import BarredAddresses
from .browsers import LIVE, Browsers
from .certificate import FILE, NO_KEY, Certificate, load_or_make, read_pair
from .connections import SEND_BUFFER, ConnectionLimits, Connections, Listener, guarded
from .way import Way

DEFAULT_PORT: Final = 7680
UPKEEP: Final = 3_600.0
"""Seconds between two rounds in which unused browsers are forgotten."""
BARRED_EVERY: Final = 2.0
"""Seconds between two looks at which addresses are banned."""
ENDING: Final = 3
"""Seconds that answers under way may take when the gateway ends."""
ANSWERS_WITHIN: Final = 1.0
"""Seconds to wait at the start for an answer of the room; the door opens in any case."""
BACKLOG: Final = 128
USER_TIMEOUT: Final = 30_000
"""Milliseconds after which the kernel ends a connection whose other end takes nothing (tcp(7))."""
TLS_BUFFER: Final = 16_384
"""Bytes that asyncio reserves for each TLS connection: one record (RFC 8446 §5.1), not the 256 KiB it takes."""
CIPHERS: Final = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""What TLS 1.2 may use (openssl-ciphers(1)): with forward secrecy and authenticated, as all of TLS 1.3's are."""
_LOCK: Final = "web.lock"
_KEY: Final = "source.key"
_KNOWN: Final = "known"


class CertificateUnusable(Exception):
    """A certificate that was given cannot be used."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path, self.reason = path, reason


class DirectoryInUse(Exception):
    """Another gateway uses the state directory."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


class WebOptions(msgspec.Struct, frozen=True):
    """What may be set. `names` are further host names of this machine, `barred` the room's file of banned addresses.

    `encrypted`: by TLS, with the certificate and key in the files `cert` and `key` (PEM), or (None) with our own.
    """

    server: ServerAddress
    state_dir: Path
    host: str = "::"
    port: int = DEFAULT_PORT
    encrypted: bool = True
    cert: Path | None = None
    key: Path | None = None
    live: int = LIVE
    names: tuple[str, ...] = ()
    barred: Path | None = None


class Open(msgspec.Struct, frozen=True):
    """How the open door is reached; `certificate` is the one it has, None without encryption.

    `given`: the file of a certificate that is not our own, None for our own.
    `answers`: whether the room does. `bans_unread`: the file of banned addresses, and why it cannot be read, "" if the
    room, which answers, has written none there; None if it can.
    """

    urls: tuple[str, ...]
    room: str
    encrypted: bool
    certificate: Certificate | None
    tells_browsers_apart: bool
    answers: bool
    given: Path | None = None
    bans_unread: tuple[str, str] | None = None


async def run(options: WebOptions, log: Logger, announce: Callable[[Open], None]) -> None:
    """Serve browsers until SIGTERM or SIGINT.

    Raises KeyFileError and DirectoryInUse (the state directory), AddressUnusable and CertificateUnusable.
    """
    SSLProtocol.max_size = TLS_BUFFER
    with _locked(options.state_dir), _listening(options.host, options.port) as sock:
        way = Way(options.server, Profile(options.state_dir / _KNOWN), load_or_create_key(options.state_dir / _KEY))
        browsers = Browsers(options.state_dir, way, live=options.live)
        browsers.sweep()
        addresses = lan_addresses_of(sock)
        names = own_names(options.names)
        certificate, pem = _certificate(options, [*addresses, *names])
        barred = BarredAddresses(options.barred)
        barred.look()
        door = Door(browsers, way, log, secure=options.encrypted, names=names, barred=barred)
        server = _Server(_configured(door, options, pem, sock.connections))
        urls = tuple(_url(address, sock.getsockname()[1], encrypted=options.encrypted) for address in addresses)
        host, port = way.server.host, way.server.port
        answers = await asyncio.to_thread(find_server_key, host, port, ANSWERS_WITHIN) is not None
        is_unread = bool(barred.fault) or (answers and options.barred is not None and not options.barred.exists())
        unread = (str(options.barred), barred.fault) if is_unread else None
        room, is_apart = way.room or way.server.server, way.tells_browsers_apart
        given = options.cert if options.encrypted else None
        announce(Open(urls, room, options.encrypted, certificate, is_apart, answers, given, unread))
        log.info("web_open", urls=" ".join(urls), browsers=len(browsers))
        await _serve(server, sock, (_keep_up(browsers, log), _keep_out(browsers, barred, log)), browsers, log)


async def _serve(
    server: _Server, sock: socket.socket, work: Iterable[Coroutine[None, None, None]], browsers: Browsers, log: Logger
) -> None:
    """Serve; `work` goes on beside it."""
    loop, ending = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ending.set)
    serving = asyncio.create_task(server.serve(sockets=[sock]))
    beside = [asyncio.create_task(each) for each in work]
    told = asyncio.create_task(ending.wait())
    try:
        # With a part of the work undone it would run on, and not say so; a restart is better, and loses nothing.
        await asyncio.wait((serving, told, *beside), return_when=asyncio.FIRST_COMPLETED)
        for work_done in beside:
            if work_done.done():
                await work_done
    finally:
        for each in (*beside, told):
            each.cancel()
        await browsers.let_go()  # streams end, so that the server does not wait for them
        server.should_exit = True
        await serving
        log.info("web_closed")


async def _keep_up(browsers: Browsers, log: Logger) -> None:
    while True:
        await asyncio.sleep(UPKEEP)
        try:
            browsers.sweep()
        except (KeyFileError, OSError) as error:
            log.warning("browsers_not_swept", reason=str(error))


async def _keep_out(browsers: Browsers, barred: BarredAddresses, log: Logger) -> None:
    told, known = barred.fault, barred.changes
    while True:
        await asyncio.sleep(BARRED_EVERY)
        barred.look()
        if barred.changes != known:
            known = barred.changes
            for browser in await browsers.bar(barred):
                log.info("browser_barred", name=browser.me, address=browser.address)
        if barred.fault != told and (told := barred.fault):
            log.warning("bans_unread", reason=told)


class _Server(uvicorn.Server):
    """uvicorn, which leaves the signals to us: the members have to be let go first."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


def _configured(door: Door, options: WebOptions, pem: Path | None, connections: Connections) -> uvicorn.Config:
    config = uvicorn.Config(
        door.app(),
        http=guarded(connections),
        ws="none",
        lifespan="off",
        loop="asyncio",
        log_config=None,
        log_level="critical",
        access_log=False,
        backlog=BACKLOG,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=ENDING,
        ssl_certfile=pem,
        ssl_keyfile=options.key if options.cert is not None else None,
        ssl_ciphers=CIPHERS,
    )
    config.load()
    if config.ssl is not None:
        config.ssl.minimum_version = ssl.TLSVersion.TLSv1_2
    return config


def _certificate(options: WebOptions, names: list[str]) -> tuple[Certificate | None, Path | None]:
    """Return the certificate to use, and the file it is in; None without encryption."""
    if not options.encrypted:
        return None, None
    if options.cert is None:
        path = options.state_dir / FILE
        return load_or_make(path, names, datetime.now(UTC)), path
    try:
        return read_pair(options.cert, options.key), options.cert
    except (OSError, ValueError) as error:
        is_of_key = str(error) == NO_KEY or getattr(error, "filename", None) == str(options.key)
        path = options.key if is_of_key and options.key is not None else options.cert
        raise CertificateUnusable(str(path), getattr(error, "strerror", None) or str(error)) from None


def own_names(further: tuple[str, ...]) -> list[str]:
    """Return the names by which this machine may be called: its own, that with .local, and those that were set."""
    host = socket.gethostname().lower()
    short = host.partition(".")[0]
    return list(dict.fromkeys([host, short, f"{short}.local", *(name.lower().removesuffix(".") for name in further)]))


@contextlib.contextmanager
def _listening(host: str, port: int) -> Iterator[Listener]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        dual = host == "::" and socket.has_dualstack_ipv6()
        sock = socket.create_server((host, port), family=family, backlog=BACKLOG, dualstack_ipv6=dual)
    except (OSError, ValueError) as error:
        raise AddressUnusable(host, port, plain_reason(error)) from error
    with Listener(sock, Connections(ConnectionLimits())) as listener:
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, USER_TIMEOUT)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        yield listener


@contextlib.contextmanager
def _locked(directory: Path) -> Iterator[IO[bytes]]:
    """Keep a second gateway from using the same directory."""
    ensure_private_directory(directory)
    path = directory / _LOCK
    with explained(path), open(path, "ab", opener=open_private) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DirectoryInUse(str(directory)) from None
        yield file


def _url(address: str, port: int, *, encrypted: bool) -> str:
    host = f"[{address}]" if ":" in address else address
    scheme, usual = ("https", 443) if encrypted else ("http", 80)
    return f"{scheme}://{host}/" if port == usual else f"{scheme}://{host}:{port}/"
