"""How long somebody may be away: members who lost contact, and those who had to give up their seat meanwhile."""

from __future__ import annotations

from typing import Final, Literal

from sockatuh.seats import Seats, Standing

LeftReason = Literal["left", "lost", "idle", "server_lost", "closed", "crowded", "removed"]
"""Why a membership ended; `crowded`: the member had lost contact, and somebody else needed the seat.

`removed`: the admin removed the member.
"""
RENAMED: Final = "renamed"
"""The reason in the `left` of a name whose member has another name now; its membership has not ended."""


class Grace:
    """The members who lost contact: when each has to leave, and the reason to be recorded."""

    def __init__(self) -> None:
        self._waiting: dict[str, tuple[float, LeftReason]] = {}
        self._next_at = 0.0

    def start(self, key: str, due_at: float, reason: LeftReason) -> None:
        """Start a member's grace, or start it again."""
        self._next_at = min(self._next_at, due_at) if self._waiting else due_at
        self._waiting[key] = due_at, reason

    def stop(self, key: str) -> None:
        """Forget that a member lost contact."""
        self._waiting.pop(key, None)

    def rename(self, key: str, new: str) -> None:
        """Note that a member has another name key."""
        if (waiting := self._waiting.pop(key, None)) is not None:
            self._waiting[new] = waiting

    def next_at(self) -> float | None:
        """Return when `take_due` may have something to return, None if nobody is away."""
        # This may be early but never late, so a thousand returns cost a thousand steps and not a thousand searches.
        return self._next_at if self._waiting else None

    def take_due(self, now: float) -> list[tuple[str, LeftReason]]:
        """Remove and return those whose grace is over."""
        due = [(key, reason) for key, (due_at, reason) in self._waiting.items() if due_at <= now]
        for key, _ in due:
            del self._waiting[key]
        self._next_at = min((due_at for due_at, _ in self._waiting.values()), default=0.0)
        return due


class Ousted:
    """Owners who gave up a seat while they were away, and until when they get one back in any case.

    Times are wall time in milliseconds. At most `size` are remembered; beyond that the newest of the most crowded place
    is forgotten.
    """

    def __init__(self, size: int) -> None:
        self._until: dict[str, tuple[str, int]] = {}
        self._seats: Seats[str] = Seats(size)

    @property
    def size(self) -> int:
        """The most that are remembered."""
        return self._seats.size

    @size.setter
    def size(self, size: int) -> None:
        self._seats.size = size

    def note(self, key: str, owner: str, place: str, until: int) -> None:
        """Remember the owner who gave up the seat of this name key."""
        victims = self._seats.find_victims(place)
        if victims is not None:
            for victim in victims:
                self.forget(victim)
            self._until[key] = owner, until
            self._seats.seat(key, place, Standing.SURPLUS)

    def is_noted(self, key: str, owner: str, at: int) -> bool:
        """Tell whether this owner gave up the seat and may still have it back; forget owners whose time is over."""
        noted, until = self._until.get(key, ("", 0))
        if until <= at:
            self.forget(key)
            return False
        return noted == owner

    def forget(self, key: str) -> None:
        """Forget who had the seat of this name key."""
        self._until.pop(key, None)
        self._seats.release(key)
