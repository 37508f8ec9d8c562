"""What a client in the room has asked and got no answer to yet: WHO, RENAME, AWAY and STRIKE (docs/PROTOCOL.md §5).

A session has one call under way, so requests are made one after another, in order. They outlive sessions: one that was
not answered when contact was lost is made again on return. That is harmless, as each asks for a state, not for a step.
"""

from __future__ import annotations

from typing import TypeAlias

from sockatuh.protocol.messages import Away, Rename, Strike, Who

Request: TypeAlias = Who | Rename | Away | Strike


class Requests:
    """The requests of one client without an answer, oldest first, each with a number from 1."""

    def __init__(self) -> None:
        self._bodies: dict[int, Request] = {}
        self._last = 0

    def __len__(self) -> int:
        return len(self._bodies)

    @property
    def first(self) -> tuple[int, Request] | None:
        """The number and the body of the request that is next, or under way."""
        return next(iter(self._bodies.items()), None)

    def add(self, body: Request) -> int:
        """Add a request, and return its number."""
        self._last += 1
        self._bodies[self._last] = body
        return self._last

    def remove(self, number: int) -> None:
        """Remove a request that was answered or withdrawn."""
        self._bodies.pop(number, None)
