"""To whom each entry of the log is shown (docs/PROTOCOL.md §8).

Clients report a missing seq as a gap. So whoever is not shown an entry still receives its seq, without the contents.
The rule depends on the entry alone: every process applies it alike, to an entry that was just committed and to one that
is read from the database years later.
"""

from __future__ import annotations

from typing import Final, TypeAlias

from .entries import Body, Claimed, Joined, Left, Message, Ordered, Released, Renamed, Struck, Whispered

Audience: TypeAlias = frozenset[str] | None
"""The fingerprints of the keys an entry is shown to; None: everybody."""

EVERYBODY: Final[Audience] = None
NOBODY: Final[Audience] = frozenset()


def audience_of(body: Body) -> Audience:
    """Return to whom an entry is shown."""
    match body:
        case Message(struck=True) | Whispered(struck=True):
            return NOBODY  # the `struck` that follows says what has become of it
        case Message():
            return EVERYBODY
        case Joined(unshown=unshown) | Left(unshown=unshown):
            return NOBODY if unshown else EVERYBODY
        case Whispered(owner=owner, to_owner=to_owner):
            return frozenset({owner, to_owner} - {""})  # "" is no key: nobody is shown a line because of it
        case Renamed():
            return EVERYBODY
        case Struck(owner=owner, to_owner=to_owner):
            return frozenset({owner, to_owner} - {""}) if to_owner else EVERYBODY
        case Claimed() | Released() | Ordered():
            return NOBODY
