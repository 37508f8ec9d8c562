"""How many joins, renames and strikes of one key are appended to the log (docs/PROTOCOL.md §10)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sockatuh.net.address import pack_address
from sockatuh.protocol.server.rate_limit import KeysOfPlaces, place_of

if TYPE_CHECKING:
    from .dialects.base import Visitor

ENTRIES_PER_MINUTE: Final = 10
ENTRIES_BURST: Final = 20
"""Joins, renames and strikes of one key a minute, and at once."""
KEYS: Final = 4_096
"""Keys for which they are counted."""


class EntryRate:
    """Counts joins, renames and strikes by key and place. Dialects without keys have rates of their own."""

    def __init__(self) -> None:
        self._rates = KeysOfPlaces(ENTRIES_PER_MINUTE / 60, ENTRIES_BURST, KEYS)

    def wait(self, visitor: Visitor, now: float) -> float:
        """Return in how many seconds the key's next entry may be appended, 0.0 if now."""
        if not visitor.dialect.owns_names:
            return 0.0
        return self._rates.delay(visitor.owner, place_of(pack_address(visitor.address)), now)

    def count(self, visitor: Visitor, now: float) -> None:
        """Count an entry that is appended."""
        if visitor.dialect.owns_names:
            self._rates.take(visitor.owner, place_of(pack_address(visitor.address)), now)
