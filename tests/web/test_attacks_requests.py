"""Requests that no browser sends, byte by byte to a real socket: too large, understood in two ways, with line ends."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
from pathlib import Path
from typing import Final

import pytest
from kit.web_gateway import HOST, Gateway, with_gateway

from sockatuh.web.bodies import LARGEST_BODY
from sockatuh.web.checked import ONCE
from sockatuh.web.cookies import make_token
from sockatuh.web.headers import HEADERS

SIZE: Final = 10_000_000
PIECE: Final = 16_384
EVIL: Final = "%0d%0aSet-Cookie:%20evil=1%0d%0a%0d%0a<script>"
KNOWN: Final = {
    *HEADERS,
    *("content-length", "content-type", "content-language", "vary", "etag", "connection", "date", "set-cookie"),
    *("retry-after", "allow"),
}
"""The headers that any of our answers may have."""


def request(first: str, *rows: str, body: bytes = b"") -> bytes:
    return "\r\n".join((first, f"Host: {HOST}", *rows, "", "")).encode("latin-1") + body


def post(path: str, *rows: str, body: bytes = b"") -> bytes:
    told = (f"Origin: http://{HOST}", "Content-Type: application/json", *rows)
    return request(f"POST {path} HTTP/1.1", *told, body=body)


def status_of(answer: bytes) -> int:
    found = re.match(rb"HTTP/1\.1 ([0-9]{3}) ", answer)
    return int(found[1]) if found else 0


def test_a_body_that_is_announced_as_too_large_is_refused_before_a_byte_of_it_has_come(tmp_path: Path) -> None:
    async def story(gateway: Gateway) -> None:
        for path in ("/say", "/join", "/leave"):
            for length in (str(LARGEST_BODY + 1), str(SIZE), "9" * 20):
                answer = await gateway.raw(post(path, f"Content-Length: {length}"))
                assert status_of(answer) == 413, (path, length)
                assert b"\r\nconnection: close\r\n" in answer, "what comes after is no request"
        for length in ("-1", "+5", "0x10", "1_0", "5, 6", "\xb2"):
            assert status_of(await gateway.raw(post("/say", f"Content-Length: {length}"))) == 400, length

    with_gateway(tmp_path, story)


def test_a_body_that_grows_too_large_is_not_taken_to_its_end(tmp_path: Path) -> None:
    async def story(gateway: Gateway) -> None:
        reader, writer = await asyncio.open_connection(HOST, gateway.port)
        writer.write(post("/say", "Transfer-Encoding: chunked"))
        answering, sent = asyncio.create_task(reader.read()), 0
        with contextlib.suppress(ConnectionError):
            while sent < SIZE and not answering.done():
                writer.write(b"%x\r\n%s\r\n" % (PIECE, bytes(PIECE)))
                sent += PIECE
                await writer.drain()
                await asyncio.sleep(0)
        assert sent < SIZE // 2, "the connection was ended meanwhile"
        with contextlib.suppress(ConnectionError):  # a reset may overtake the answer
            assert status_of(await answering) == 413
        writer.transport.abort()

    with_gateway(tmp_path, story)


def test_a_request_that_can_be_understood_in_two_ways_is_refused_and_ends_its_connection(tmp_path: Path) -> None:
    smuggled = b"GET /app.js HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    both = [
        ("Content-Length: 5", "Transfer-Encoding: chunked"),
        ("Transfer-Encoding: chunked", "Content-Length: 5"),
        ("Content-Length: 5", "Content-Length: 6"),
        ("Content-Length: 5, 6",),
        ("Transfer-Encoding: chunked", "Transfer-Encoding: chunked"),
        ("Transfer-Encoding: chunked, identity",),
        ("Transfer-Encoding: \x0bchunked",),
        ("Transfer-Encoding : chunked",),
        ("Content-Length: 5", " folded"),
        ("X: a\x00b",),
        ("X: a\rb",),
    ]
    values = {"content-length": "0", "transfer-encoding": "chunked", "host": HOST}

    async def story(gateway: Gateway) -> None:
        for rows in both:
            answer = await gateway.raw(post("/say", *rows, body=b"0\r\n\r\n" + smuggled))
            assert 400 <= status_of(answer) < 500 or status_of(answer) == 501, rows
            assert b"text/javascript" not in answer, rows
            assert answer.count(b"HTTP/1.1 ") == 1, rows
        for name in ONCE:
            if name == "content-length":  # the same length twice is one length (RFC 9112 §6.3)
                continue
            value = values.get(name, "same-origin")
            answer = await gateway.raw(request("GET /me HTTP/1.1", f"{name}: {value}", f"{name}: {value}"))
            assert status_of(answer) == 400, name

    with_gateway(tmp_path, story)


def test_whatever_is_refused_by_the_library_has_our_headers_too(tmp_path: Path) -> None:
    async def story(gateway: Gateway) -> None:
        for sent in (b"\0\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", b"GET /" + b"a" * 100_000):
            head = (await gateway.raw(sent)).partition(b"\r\n\r\n")[0].decode().lower()
            for name, value in HEADERS.items():
                assert name == "cross-origin-opener-policy" or f"\r\n{name}: {value}" in head, (sent[:20], name)

    with_gateway(tmp_path, story)


def test_nothing_of_a_request_becomes_a_header_of_its_answer(tmp_path: Path) -> None:
    token = make_token(os.urandom(32))
    requests = [
        request(f"GET /{EVIL} HTTP/1.1"),
        request(f"GET /?{EVIL} HTTP/1.1"),
        request(f"GET /app.js/{EVIL} HTTP/1.1"),
        request(f"GET /events?after={EVIL} HTTP/1.1", f"Last-Event-ID: {EVIL}"),
        request("GET //evil.example/%2e%2e HTTP/1.1"),
        request("GET / HTTP/1.1", f"Accept-Language: {EVIL}, evil;q=1"),
        request("GET / HTTP/1.1", f"If-None-Match: {EVIL}"),
        request("GET /me HTTP/1.1", f"Cookie: sockatuh={token}; sockatuh=evil"),
        request("GET /me HTTP/1.1", f"Cookie: sockatuh={EVIL}"),
        request("GET /me HTTP/1.1", "Origin: evil", "Access-Control-Request-Headers: evil"),
        request("OPTIONS /say HTTP/1.1", "Origin: evil", "Access-Control-Request-Method: POST"),
        request("TRACE / HTTP/1.1", "Evil: evil"),
        request("EVIL / HTTP/1.1", f"Origin: http://{HOST}"),
        request("GET / HTTP/1.1", "Evil: a\nSet-Cookie: evil=1"),
        post("/join", "Content-Length: 42", body=b'{"name":"a\\r\\nSet-Cookie: evil","evil":1}xx'),
    ]

    async def story(gateway: Gateway) -> None:
        for sent in requests:
            answer = await gateway.raw(sent.replace(b"\r\n", b"\r\nConnection: close\r\n", 1))
            head = answer.partition(b"\r\n\r\n")[0].decode("latin-1")
            rows = [row.partition(":")[0].lower() for row in head.split("\r\n")[1:]]
            assert set(rows) <= KNOWN, (sent, set(rows) - KNOWN)
            assert "evil" not in head, sent
            assert "access-control" not in head
            assert "location" not in rows

    with_gateway(tmp_path, story)


@pytest.mark.parametrize("count", [40, pytest.param(1_000, marks=pytest.mark.slow)])
def test_cookies_that_have_not_joined_leave_nothing_behind(tmp_path: Path, count: int) -> None:
    async def story(gateway: Gateway) -> None:
        reader, writer = await asyncio.open_connection(HOST, gateway.port)
        for number in range(count):
            cookie = f"Cookie: sockatuh={make_token(os.urandom(32))}"
            name = json.dumps({"name": "ana", "password": ""}).encode()
            writer.write(request("GET /me HTTP/1.1", cookie))
            assert b" 200 " in await _answer(reader)
            for path in ("/who", "/events"):
                writer.write(request(f"GET {path} HTTP/1.1", cookie))
                assert b" 401 " in await _answer(reader)
            if number < 3:
                writer.write(post("/join", cookie, f"Content-Length: {len(name)}", body=name))
                assert b" 200 " in await _answer(reader)
        writer.close()
        assert not list((tmp_path / "browsers").iterdir())
        assert len(gateway.browsers) == len(gateway.browsers._in_memory) == gateway.browsers.live == 0

    with_gateway(tmp_path, story)


async def _answer(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    assert b"set-cookie" not in head.lower()
    found = re.search(rb"content-length: ([0-9]+)", head)
    assert found is not None
    await reader.readexactly(int(found[1]))
    return head
