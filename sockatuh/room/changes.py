"""What has changed about who is here that the log does not say, or says to nobody (docs/PROTOCOL.md §8, PRESENCE)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

PresenceState = Literal["here", "lost", "gone"]
"""Of a member: in contact, contact lost, no member any longer."""
MAX_CHANGES: Final = 32
"""The changes since the last PRESENCE, one for each key, up to MAX_CHANGES; further ones are dropped.

    A client learns of those by the number of members, and asks WHO.
    """


@dataclass(frozen=True, slots=True)
class PresenceChange:
    """The state of a member that has changed; `owner` is the key's fingerprint."""

    name: str
    owner: str
    state: PresenceState


class PresenceChanges:
    """The last change of each of a few members."""

    def __init__(self) -> None:
        self._changes: dict[str, PresenceChange] = {}

    def note(self, key: str, change: PresenceChange) -> None:
        """Note the change of a name key, in place of the one before."""
        if key in self._changes or len(self._changes) < MAX_CHANGES:
            self._changes[key] = change

    def forget(self, key: str) -> None:
        """Forget the change of a name key: the log tells everybody."""
        self._changes.pop(key, None)

    def take(self) -> list[PresenceChange]:
        """Return and forget the changes, oldest first."""
        changes, self._changes = list(self._changes.values()), {}
        return changes
