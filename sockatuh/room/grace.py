"""How long somebody may be away: members whose contact is lost, and those who had to give up their seat meanwhile."""

from __future__ import annotations

from typing import Literal

from sockatuh.seats import Seats, Standing

LeftReason = Literal["left", "lost", "idle", "server_lost", "closed", "crowded"]
"""Why a membership ended; `crowded`: contact was lost, and somebody else needed the seat."""


class Grace:
    """Members whose contact is lost, and when they are to leave for which reason."""

    def __init__(self) -> None:
        self._waiting: dict[str, tuple[float, LeftReason]] = {}
        self._next_at = 0.0

    def start(self, key: str, due_at: float, reason: LeftReason) -> None:
        """Begin, or begin anew."""
        self._next_at = min(self._next_at, due_at) if self._waiting else due_at
        self._waiting[key] = due_at, reason

    def stop(self, key: str) -> None:
        """Forget that contact was lost."""
        self._waiting.pop(key, None)

    def next_at(self) -> float | None:
        """Return when somebody may be due, None when nobody is waited for."""
        # Perhaps too early, never too late: so a thousand who come back cost a thousand steps, not a thousand searches.
        return self._next_at if self._waiting else None

    def take_due(self, now: float) -> list[tuple[str, LeftReason]]:
        """Return and forget those whose time is over."""
        due = [(key, reason) for key, (due_at, reason) in self._waiting.items() if due_at <= now]
        for key, _ in due:
            del self._waiting[key]
        self._next_at = min((due_at for due_at, _ in self._waiting.values()), default=0.0)
        return due


class Ousted:
    """Who gave up a seat while away, and until when (wall time in milliseconds) he gets one again in any case.

    At most `size` are remembered; beyond that the newest of the most crowded place is forgotten.
    """

    def __init__(self, size: int) -> None:
        self._until: dict[str, tuple[str, int]] = {}
        self._seats: Seats[str] = Seats(size)

    @property
    def size(self) -> int:
        """How many are remembered at most."""
        return self._seats.size

    @size.setter
    def size(self, size: int) -> None:
        self._seats.size = size

    def note(self, key: str, owner: str, place: str, until: int) -> None:
        """Remember an owner who lost the seat of this name key."""
        victims = self._seats.find_victims(place)
        if victims is not None:
            for victim in victims:
                self.forget(victim)
            self._until[key] = owner, until
            self._seats.seat(key, place, Standing.SURPLUS)

    def is_noted(self, key: str, owner: str, at: int) -> bool:
        """Tell whether this owner lost the seat a moment ago; forget him if it was longer ago."""
        noted, until = self._until.get(key, ("", 0))
        if until <= at:
            self.forget(key)
            return False
        return noted == owner

    def forget(self, key: str) -> None:
        """Forget who had this name key."""
        self._until.pop(key, None)
        self._seats.release(key)
