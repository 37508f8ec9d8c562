"""Changes of who is here that entries do not show: contact lost or back, unshown joins and leaves (PRESENCE)."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

PresenceState = Literal["here", "lost", "gone", "away"]
"""A member is in contact, has lost contact, has left, or is in contact but says that it is away."""
MAX_CHANGES: Final = 32
"""The changes since the last PRESENCE, one for each key, up to MAX_CHANGES; further ones are dropped.

    A client learns of those by the number of members, and asks WHO.
    """


class PresenceChange(msgspec.Struct, frozen=True):
    """The new state of a member; `owner` is the fingerprint of its key, `text` what goes with "away"."""

    name: str
    owner: str
    state: PresenceState
    text: str = ""


class PresenceChanges:
    """The latest change of each of a few members."""

    def __init__(self) -> None:
        self._changes: dict[str, PresenceChange] = {}

    def note(self, key: str, change: PresenceChange) -> None:
        """Note the change of a name key; it replaces an earlier one."""
        if key in self._changes or len(self._changes) < MAX_CHANGES:
            self._changes[key] = change

    def forget(self, key: str) -> bool:
        """Drop the change of a name key, because an entry of the log shows it to everybody; return if there was one."""
        return self._changes.pop(key, None) is not None

    def take(self) -> list[PresenceChange]:
        """Return and forget the changes, oldest first."""
        changes, self._changes = list(self._changes.values()), {}
        return changes
