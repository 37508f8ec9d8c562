"""What a client is told of why its lines, or its JOIN, wait at the server (docs/PROTOCOL.md §6)."""

from __future__ import annotations

from collections.abc import Iterator

from sockatuh.protocol.messages import LOG_REFUSES, Answer, Progress, ServerMessage, Stored, Welcome

from .clamps import LINE_SECONDS
from .events import LinesDelayed, LinesHeld


class Waiting:
    """The waiting of one session; that it is for the log is reported once each time, however often it is told."""

    def __init__(self) -> None:
        self.for_log = False
        """Whether the server has what it was given, and cannot store it."""

    def heed(self, message: ServerMessage) -> Iterator[LinesDelayed | LinesHeld]:
        """Take note of a message, and yield what is to be reported."""
        match message:
            case Progress(reason=reason) if reason == LOG_REFUSES:
                if not self.for_log:
                    yield LinesHeld()
                self.for_log = True
            case Progress(wait_ms=wait_ms) if wait_ms:
                yield LinesDelayed(LINE_SECONDS(wait_ms / 1000))
            case Stored() | Answer(_, Welcome()):
                self.for_log = False
            case _:
                pass
