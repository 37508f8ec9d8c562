"""The gateway on a loopback address, in this process: the real sockets and HTTP, with a room in memory behind them."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kit.web_client import PASSWORD, Client
from sockatuh import Profile
from sockatuh.client.server_address import ServerAddress
from sockatuh.log import Logger
from sockatuh.testing import MemoryRoom
from sockatuh.web.app import Door
from sockatuh.web.barred import BarredAddresses
from sockatuh.web.browsers import LIVE, Browsers
from sockatuh.web.certificate import FILE, load_or_make
from sockatuh.web.connections import ConnectionLimits, Connections, Listener
from sockatuh.web.service import WebOptions, _configured, _Server
from sockatuh.web.way import Way

HOST = "127.0.0.1"


@dataclass
class Logged:
    """Keeps what is logged."""

    events: list[tuple[str, dict[str, object]]] = field(default_factory=list)

    def info(self, event: str, **fields: object) -> None:
        self.events.append((event, fields))

    warning = error = info


@dataclass
class Gateway:
    """A gateway that is open, and the room behind it."""

    kitchen: MemoryRoom
    browsers: Browsers
    barred: BarredAddresses
    connections: Connections
    log: Logged
    port: int
    tls: ssl.SSLContext | None = None

    def client(self, host: str = HOST, source: str = "") -> Client:
        return Client(host, self.port, source=source, tls=self.tls)

    async def raw(self, sent: bytes) -> bytes:
        """Return what bytes are answered with until the connection ends, which is kept open at this end."""
        reader, writer = await asyncio.open_connection(HOST, self.port)
        try:
            writer.write(sent)
            return await reader.read()
        finally:
            writer.close()


def with_gateway(
    tmp_path: Path,
    story: Callable[[Gateway], Coroutine[Any, Any, None]],
    *,
    live: int = LIVE,
    encrypted: bool = False,
    limits: ConnectionLimits | None = None,
) -> None:
    """Tell a story with a gateway, in real time."""

    async def told() -> None:
        async with MemoryRoom(password=PASSWORD) as kitchen:

            def connect(server: ServerAddress, **options: Any) -> Any:
                return kitchen.connect(server.server, **{"password": None, **options})

            way = Way(ServerAddress(HOST), Profile(tmp_path / "known"), bytes(32), connect)
            browsers, barred = Browsers(tmp_path, way, live=live), BarredAddresses(tmp_path / "barred")
            logged = Logged()
            log: Logger = logged
            door = Door(browsers, way, log, secure=encrypted, names=["box", "box.local"], barred=barred)
            options = WebOptions(way.server, tmp_path, encrypted=encrypted)
            pem, tls = None, None
            if encrypted:
                pem = tmp_path / FILE
                load_or_make(pem, [HOST], datetime.now(UTC))
                tls = ssl.create_default_context(cafile=str(pem))
            connections = Connections(limits or ConnectionLimits())
            config = _configured(door, options, pem, connections)
            server = _Server(config)
            server.lifespan = config.lifespan_class(config)
            with Listener(socket.create_server((HOST, 0)), connections) as sock:
                await server.startup(sockets=[sock])
                try:
                    async with asyncio.timeout(60):
                        port = sock.getsockname()[1]
                        await story(Gateway(kitchen, browsers, barred, connections, logged, port, tls))
                finally:
                    await browsers.let_go()
                    await server.shutdown(sockets=[sock])

    asyncio.run(told())
