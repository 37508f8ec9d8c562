"""Connections are counted, and cut off when nothing comes of them."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import struct
from typing import Any

import pytest
import uvicorn

from sockatuh.web import connections as connecting
from sockatuh.web.connections import ConnectionLimits, Connections, Listener, guarded


def test_each_address_has_a_share_which_its_streams_do_not_use_up() -> None:
    connections = Connections(ConnectionLimits(total=4, of_address=2))
    assert connections.admit(1, ("10.0.0.1", 1))
    assert connections.admit(2, ("10.0.0.1", 2))
    assert not connections.admit(3, ("10.0.0.1", 3))
    assert connections.admit(4, ("10.0.0.2", 1))
    connections.begin_stream(1)
    assert connections.admit(3, ("10.0.0.1", 3))
    assert not connections.admit(5, ("10.0.0.3", 1)), "that is one too many in all"
    for descriptor in (1, 2, 3, 4):
        connections.release(descriptor)
    assert len(connections) == len(connections._of_address) == len(connections._of_network) == 0


def test_a_network_of_version_6_has_a_share() -> None:
    connections = Connections(ConnectionLimits(of_network=2))
    assert connections.admit(1, ("2001:db8::1", 1, 0, 0))
    assert connections.admit(2, ("2001:db8::2", 1, 0, 0))
    assert not connections.admit(3, ("2001:db8::3", 1, 0, 0))
    assert connections.admit(4, ("2001:db8:1::1", 1, 0, 0))


def _connect(port: int, place: tuple[str, int]) -> socket.socket:
    """Connect from an address and a port; closing the connection resets it, so that the port is free at once."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.bind(place)
    client.connect(("127.0.0.1", port))
    return client


def test_two_connections_from_one_port_are_counted_and_released_each() -> None:
    async def told() -> None:
        connections = Connections(ConnectionLimits())
        with Listener(socket.create_server(("127.0.0.1", 0)), connections) as listener:
            port = listener.getsockname()[1]
            reset = _connect(port, ("127.0.0.1", 0))
            place = reset.getsockname()
            reset.close()
            with _connect(port, place):
                (one, of_one), (other, of_other) = listener.accept(), listener.accept()
                assert of_one == of_other == place
                assert len(connections) == 2
                one.close()
                assert len(connections) == len(connections._beginning) == 1, "the other one, which has its time"
                other.close()
        assert len(connections) == len(connections._of_address) == len(connections._beginning) == 0

    asyncio.run(told())


def _takes_no_option(*_: object) -> None:
    raise OSError(errno.EINVAL, "Invalid argument")


def test_a_connection_that_takes_no_option_is_counted_and_released(monkeypatch: pytest.MonkeyPatch) -> None:
    async def told() -> None:
        connections = Connections(ConnectionLimits(total=1))
        with Listener(socket.create_server(("127.0.0.1", 0)), connections) as listener:
            clients = [_connect(listener.getsockname()[1], ("127.0.0.1", 0)) for _ in range(2)]
            monkeypatch.setattr(connecting._Counted, "setsockopt", _takes_no_option)
            accepted, _ = listener.accept()
            with pytest.raises(ConnectionAbortedError):
                listener.accept()
            accepted.close()
            assert len(connections) == 0
            for client in clients:
                client.close()

    asyncio.run(told())


def test_what_is_written_to_a_browser_is_sent_at_once() -> None:
    async def told() -> None:
        connections = Connections(ConnectionLimits())
        with (
            Listener(socket.create_server(("127.0.0.1", 0)), connections) as listener,
            socket.create_connection(listener.getsockname()),
        ):
            accepted, _ = listener.accept()
            with accepted:
                assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)

    asyncio.run(told())


async def _app(_scope: Any, receive: Any, send: Any) -> None:
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": []})
    with contextlib.suppress(OSError):
        for _ in range(200):
            await send({"type": "http.response.body", "body": bytes(65_536), "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _ends(writer: asyncio.StreamWriter, reader: asyncio.StreamReader, connections: Connections) -> None:
    with contextlib.suppress(ConnectionError):
        await reader.read()
    while len(connections):
        await asyncio.sleep(0.01)
    writer.close()


def test_who_does_not_finish_a_request_or_takes_no_answer_is_cut_off() -> None:
    async def told() -> None:
        connections = Connections(ConnectionLimits(request_within=0.05, taken_within=0.05))
        config = uvicorn.Config(_app, http=guarded(connections), lifespan="off", log_config=None, log_level="critical")
        server = uvicorn.Server(config)
        with Listener(socket.create_server(("127.0.0.1", 0)), connections) as listener:
            serving = asyncio.create_task(server._serve([listener]))
            async with asyncio.timeout(30):
                while not server.started:
                    await asyncio.sleep(0.01)
                port = listener.getsockname()[1]
                for begun in (b"", b"GET / HT", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nx"):
                    reader, writer = await asyncio.open_connection("127.0.0.1", port)
                    writer.write(begun)
                    await _ends(writer, reader, connections)
                deaf = socket.create_connection(("127.0.0.1", port))
                deaf.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                await asyncio.sleep(0)
                while not len(connections):
                    await asyncio.sleep(0.01)
                while len(connections):
                    await asyncio.sleep(0.01)
                deaf.close()
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(b"\0\r\n\r\n")
                answer = await reader.read()
                assert answer.startswith(b"HTTP/1.1 400 Bad Request")
                assert b"bad_request" in answer
                writer.close()
                server.should_exit = True
                await serving

    asyncio.run(told())
