"""A control socket whose answers a test chooses; it notes what it is asked."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from sockatuh.server.control_lines import Item, encode_item, encode_reply

PATIENCE: Final = 10.0


class ControlDouble:
    """Answers every request with the same bytes."""

    def __init__(self, path: Path, answer: bytes) -> None:
        self.path, self.answer = path, answer
        self.asked: list[dict[str, Any]] = []
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(path))
        self._listener.listen()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                connection.settimeout(PATIENCE)
                with connection, connection.makefile("rb") as stream:
                    self.asked.append(msgspec.json.decode(stream.readline()))
                    connection.sendall(self.answer)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join(PATIENCE)
        self._listener.close()


def items(found: Sequence[Item]) -> bytes:
    """Return the answer to a query."""
    return b"".join(map(encode_item, found)) + encode_reply(None)


@contextlib.contextmanager
def answering(path: Path, answer: bytes) -> Iterator[ControlDouble]:
    """Answer at a path during the block."""
    double = ControlDouble(path, answer)
    try:
        yield double
    finally:
        double.close()
