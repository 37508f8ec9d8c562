"""Which line may be struck by whom, and what is appended for it (docs/PROTOCOL.md §5, STRIKE)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

from .audience import audience_of
from .entries import Body, Message, Struck, Whispered
from .log import Row

OWN_LINE_SECONDS: Final = 900
"""For so long after it was said, members may strike a line of their own."""
BY_AUTHOR: Final = (None, "", "")
"""The last fields of `Struck` if the author did it: no uid, no login name, no reason."""

Verdict: TypeAlias = Struck | str
"""What is to be appended, or the code with which the request is refused."""


def strike_own(row: Row | None, owner: str, at: int) -> Verdict:
    """Decide about a member's request at wall time `at` (ms since 1970); its key is `owner`, "" if it has none."""
    if row is None or not _may_know(row.body, owner):
        return "no_such_line"
    line = row.body
    if isinstance(line, Message | Whispered) and (not owner or line.owner != owner):
        return "not_yours"
    found = _strike(row, BY_AUTHOR)
    return "too_late" if isinstance(found, Struck) and at - row.at > OWN_LINE_SECONDS * 1000 else found


def strike_any(row: Row | None, by: int, as_: str, reason: str) -> Verdict:
    """Decide about an admin's order; `by`, `as_` and `reason` are kept with it."""
    return "no_such_line" if row is None else _strike(row, (by, as_, reason))


def said_under(key: str, key_of: Callable[[str], str]) -> Callable[[Body], bool]:
    """Return what tells whether an entry is a line, not struck yet, said under a name with this name key."""

    def is_meant(body: Body) -> bool:
        return isinstance(body, Message | Whispered) and not body.struck and key_of(body.name) == key

    return is_meant


def addressee_of(body: Body) -> str:
    """Return the name of the addressee of a private line, "" for other entries."""
    return body.to if isinstance(body, Whispered) else ""


def _strike(row: Row, given: tuple[int | None, str, str]) -> Verdict:
    line = row.body
    if not isinstance(line, Message | Whispered):
        return "not_a_line"
    if line.struck:
        return "struck_already"
    to_owner = line.to_owner if isinstance(line, Whispered) else ""
    return Struck(line.name, line.owner, row.seq, row.at, to_owner, *given)


def _may_know(body: Body, owner: str) -> bool:
    """Tell whether a key was shown an entry: of others it is told nothing, not even what they are."""
    match body:
        case Message():
            return True
        case Whispered():
            return owner in (body.owner, body.to_owner)
        case _:
            audience = audience_of(body)
            return audience is None or owner in audience
