"""The answer that is a stream of events."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from typing import Any

from starlette.types import Receive, Scope, Send

from sockatuh.log import Logger

from .connections import STREAM


class EventStream:
    """The answer that is a stream of events; it ends with them, or when the reader has gone or was cut off."""

    def __init__(self, events: Any, close: Callable[[], None], log: Logger) -> None:
        self._events, self._close, self._log = events, close, log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the stream."""
        if (begin := scope.get("state", {}).get(STREAM)) is not None:
            begin()
        sending = asyncio.create_task(self._send(send))
        leaving = asyncio.create_task(_until_gone(receive))
        try:
            await asyncio.wait((sending, leaving), return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._close()
            for task in (sending, leaving):
                task.cancel()
            error, _ = await asyncio.gather(sending, leaving, return_exceptions=True)
            if isinstance(error, Exception) and not isinstance(error, OSError):
                self._log.error("stream_failed", error=f"{type(error).__name__}: {error}")

    async def _send(self, send: Send) -> None:
        headers = [
            (b"content-type", b"text/event-stream; charset=utf-8"),
            (b"x-accel-buffering", b"no"),
            (b"connection", b"close"),  # it counts for no address any longer (connections.py)
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        async with aclosing(self._events) as events:
            async for data in events:
                await send({"type": "http.response.body", "body": data, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
