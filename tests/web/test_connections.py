"""Connections are counted, and cut off when nothing comes of them."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import Any

import uvicorn

from sockatuh.web.connections import ConnectionLimits, Connections, Listener, guarded


def test_each_address_has_a_share_which_its_streams_do_not_use_up() -> None:
    connections = Connections(ConnectionLimits(total=4, of_address=2))
    assert connections.admit(("10.0.0.1", 1))
    assert connections.admit(("10.0.0.1", 2))
    assert not connections.admit(("10.0.0.1", 3))
    assert connections.admit(("10.0.0.2", 1))
    connections.begin_stream(("10.0.0.1", 1))
    assert connections.admit(("10.0.0.1", 3))
    assert not connections.admit(("10.0.0.3", 1)), "that is one too many in all"
    for port in (1, 2, 3):
        connections.release(("10.0.0.1", port))
    connections.release(("10.0.0.2", 1))
    assert len(connections) == len(connections._of_address) == len(connections._of_network) == 0


def test_a_network_of_version_6_has_a_share() -> None:
    connections = Connections(ConnectionLimits(of_network=2))
    assert connections.admit(("2001:db8::1", 1, 0, 0))
    assert connections.admit(("2001:db8::2", 1, 0, 0))
    assert not connections.admit(("2001:db8::3", 1, 0, 0))
    assert connections.admit(("2001:db8:1::1", 1, 0, 0))


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
