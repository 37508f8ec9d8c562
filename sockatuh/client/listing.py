"""Collects the members of a room from pages; ends whatever the server does."""

from __future__ import annotations

from collections.abc import Sequence

from sockatuh.protocol.client.bounds import MEMBERS_LISTED
from sockatuh.protocol.messages import MemberInfo


class Listing:
    """Takes pages until the last one, one that brings nobody new, or more members than any room has."""

    def __init__(self) -> None:
        self._members: dict[tuple[str, int], MemberInfo] = {}

    @property
    def members(self) -> tuple[MemberInfo, ...]:
        """Everybody listed so far, each once."""
        return tuple(self._members.values())

    def take(self, page: Sequence[MemberInfo], more: bool) -> str | None:
        """Take a page; return the name after which the next one begins, None if this was the last."""
        known = len(self._members)
        for member in page:
            if len(self._members) < MEMBERS_LISTED:
                self._members.setdefault((member.name, member.role), member)
        if not more or len(self._members) == known or len(self._members) >= MEMBERS_LISTED:
            return None
        return page[-1].name
