"""What is around every request and answer: where it comes from is checked before anything else, and headers are added.

A request that could be understood in two ways is refused: one that is no path of ours but a whole address, one with two
hosts, and one that gives its length in two ways, by which a proxy between would see other requests than we do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sockatuh.log import Logger

from .answers import refuse
from .headers import headers_for
from .origins import is_admitted
from .speech import Speech, choose_language_untrusted, speech_of

ONCE: Final = (
    "host",
    "origin",
    "sec-fetch-site",
    "sec-fetch-mode",
    "sec-fetch-dest",
    "content-type",
    "content-length",
    "transfer-encoding",
    "cookie",
)
"""Headers that decide something, so that a request has each once."""


def speech_for(headers: Mapping[str, str]) -> Speech:
    """Return the sentences in the language that a request asks for."""
    return speech_of(choose_language_untrusted(headers.get("accept-language", "")))


def fault_of_untrusted(headers: Mapping[str, str], counts: Mapping[str, int]) -> str:
    """Return the error of a request that can be understood in two ways, "" for others; names in lower case."""
    if any(counts.get(name, 0) > 1 for name in ONCE):
        return "bad_request"
    return "bad_request" if "transfer-encoding" in headers and "content-length" in headers else ""


class Checked:
    """Answers requests that do not come from our own page, and gives every answer its headers."""

    def __init__(self, app: ASGIApp, log: Logger, *, secure: bool, names: Collection[str]) -> None:
        self._app, self._log = app, log
        self._scheme, self._names = "https" if secure else "http", names

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            return
        rows = [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in scope["headers"]]
        headers, counts = dict(rows), Counter(name for name, _ in rows)
        has_body = "transfer-encoding" in headers or headers.get("content-length", "0") != "0"
        error, method, path = fault_of_untrusted(headers, counts), scope["method"], scope["path"]
        is_unread = has_body or bool(error)  # who can say where a request ends that can be read in two ways?
        exchange = _Exchange(receive, send, is_unread=is_unread, is_encrypted=scope.get("scheme") == "https")
        if not error and not is_admitted(method, path, headers, scheme=self._scheme, names=self._names):
            error = "forbidden"
        if error:
            await refuse(speech_for(headers).trouble(error))(scope, exchange.receive, exchange.send)
            return
        try:
            await self._app(scope, exchange.receive, exchange.send)
        except Exception as failed:  # a fault of ours, which the application has answered without what it is
            self._log.error("request_failed", method=method, path=path, error=f"{type(failed).__name__}: {failed}")
            raise


class _Exchange:
    """One request and its answer: adds our headers, and ends the connection of a request that was not read whole."""

    def __init__(self, receive: Receive, send: Send, *, is_unread: bool, is_encrypted: bool) -> None:
        self._receive, self._send = receive, send
        self._is_unread, self._is_encrypted = is_unread, is_encrypted

    async def receive(self) -> Message:
        message = await self._receive()
        if not message.get("more_body", False):
            self._is_unread = False
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            given = {name.lower() for name, _ in message["headers"]}
            told = headers_for(is_encrypted=self._is_encrypted)
            added = [(name.encode(), value.encode()) for name, value in told]
            if self._is_unread:
                added.append((b"connection", b"close"))
            message["headers"] = [*message["headers"], *(each for each in added if each[0] not in given)]
        await self._send(message)
