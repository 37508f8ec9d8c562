"""To whom each entry of the log is shown (docs/PROTOCOL.md §8).

Everything in the log has its number, and nobody may be told that a number is missing: what somebody is not shown
reaches him as a number without contents. The rule reads nothing but the entry, so it is the same for an entry that was
just committed and for one that is read from the database years later, in every process.
"""

from __future__ import annotations

from typing import Final, TypeAlias

from .entries import Body, Claimed, Joined, Left, Message

Audience: TypeAlias = frozenset[str] | None
"""The fingerprints of the keys an entry is shown to; None: everybody."""

EVERYBODY: Final[Audience] = None
NOBODY: Final[Audience] = frozenset()


def audience_of(body: Body) -> Audience:
    """Return to whom an entry is shown."""
    match body:
        case Message():
            return EVERYBODY
        case Joined(unshown=unshown) | Left(unshown=unshown):
            return NOBODY if unshown else EVERYBODY
        case Claimed():
            return NOBODY
