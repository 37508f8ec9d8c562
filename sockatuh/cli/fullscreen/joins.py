"""Folds joins and leaves that follow each other into one sentence: `budi, eva joined; zoë left`.

A fold tells what has changed since its first event. So somebody who joined and left is named once, and so is somebody
who left and is back.
"""

from __future__ import annotations

from typing import Final

from sockatuh.cli.naming import shown_name
from sockatuh.client.items import Came, Went
from sockatuh.wording import client as phrases

NAMED: Final = 10
"""The most names in one part of a fold."""
MOST: Final = 500
"""The most names in a fold; the next event begins another one."""


class Fold:
    """Joins and leaves in a row. `at`: when the first of them happened, in ms since 1970."""

    def __init__(self, first: Came | Went) -> None:
        self.at = first.at
        self._names: dict[str, tuple[bool, Came | Went]] = {}
        """Of each name: whether its first event was a join, and its last event."""
        self.add(first)

    @property
    def is_full(self) -> bool:
        """Tell whether the next event needs a fold of its own."""
        return len(self._names) >= MOST

    def add(self, event: Came | Went) -> None:
        """Add the next event."""
        came_first, _ = self._names.get(event.name, (isinstance(event, Came), event))
        self._names[event.name] = came_first, event

    @property
    def only(self) -> Came | Went | None:
        """The one event, if there is no other name in the fold and nothing to sum up."""
        if len(self._names) > 1:
            return None
        ((came_first, last),) = self._names.values()
        return last if came_first is isinstance(last, Came) else None

    @property
    def sentence(self) -> str:
        """Say who came and who went."""
        parts: dict[str, list[str]] = {}
        for came_first, last in self._names.values():
            names = parts.setdefault(_done(last, came_first=came_first), [])
            names.append(shown_name(last.name))
        return "; ".join(
            phrases.several_did([*names[:NAMED]], max(0, len(names) - NAMED), done) for done, names in parts.items()
        )


def _done(last: Came | Went, *, came_first: bool) -> str:
    """Return what somebody has done, as the end of a sentence."""
    match last:
        case Came():
            return phrases.DID_JOIN if came_first else phrases.DID_COME_BACK
        case Went(reason=reason):
            return phrases.DID_JOIN_AND_LEAVE if came_first else phrases.did_leave(reason)
