"""A browser as far as HTTP goes: it keeps a cookie, says where a request comes from, and reads a stream of events."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Final

PASSWORD: Final = "tulip-harbor-sixteen"
JSON: Final = {"Content-Type": "application/json"}


@dataclass
class Answer:
    """What a request was answered."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Client:
    """A browser as far as HTTP goes: it keeps a cookie, and says where a request comes from.

    `source` is the address it connects from, `tls` what it speaks TLS with.
    """

    host: str
    port: int
    cookie: str = ""
    source: str = ""
    tls: ssl.SSLContext | None = None

    async def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        headers: dict[str, str] | None = None,
        data: bytes | None = None,
    ) -> Answer:
        reader, writer = await self._send(method, path, body, headers, data)
        try:
            answer = await _read_head(reader)
            length = answer.headers.get("content-length")
            answer.body = await reader.readexactly(int(length)) if length is not None else await reader.read()
        finally:
            await _close(writer)
        if found := re.match(r"((?:__Host-)?sockatuh=[^;]*)", answer.headers.get("set-cookie", "")):
            self.cookie = found[1]
        return answer

    @contextlib.asynccontextmanager
    async def stream(self, headers: dict[str, str] | None = None, query: str = "") -> AsyncIterator[Stream]:
        reader, writer = await self._send("GET", f"/events{query}", None, headers, None)
        try:
            yield Stream(await _read_head(reader), reader)
        finally:
            await _close(writer)

    async def join(self, name: str) -> None:
        answer = await self.ask("POST", "/join", {"name": name, "password": PASSWORD})
        assert answer.status == 200, answer.body

    async def _send(
        self, method: str, path: str, body: object, headers: dict[str, str] | None, data: bytes | None
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        source = (self.source, 0) if self.source else None
        reader, writer = await asyncio.open_connection(self.host, self.port, ssl=self.tls, local_addr=source)
        if data is None:
            data = b"" if body is None else json.dumps(body).encode()
        told = {"Host": f"{self.host}:{self.port}", "Connection": "close", "Content-Length": str(len(data))}
        if method == "POST":
            told |= JSON | {"Origin": f"http{'s' if self.tls else ''}://{self.host}:{self.port}"}
        told |= {"Cookie": self.cookie} if self.cookie else {}
        told |= headers or {}
        rows = [f"{method} {path} HTTP/1.1", *(f"{key}: {value}" for key, value in told.items() if value)]
        writer.write("\r\n".join([*rows, "", ""]).encode() + data)
        return reader, writer


@dataclass
class Stream:
    """The answer to GET /events."""

    answer: Answer
    reader: asyncio.StreamReader
    text: str = ""

    async def until(self, **facts: object) -> dict[str, Any]:
        async with asyncio.timeout(10):
            while True:
                row = (await self.reader.readline()).decode()
                self.text += row
                if row.startswith("data: ") and facts.items() <= (told := json.loads(row[6:])).items():
                    return dict(told)
                assert row, f"the stream has ended: {self.text}"


async def _read_head(reader: asyncio.StreamReader) -> Answer:
    async with asyncio.timeout(10):
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = {key.lower(): value for key, _, value in (row.partition(": ") for row in head[1:] if row)}
    return Answer(int(head[0].split()[1]), headers, b"")


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
