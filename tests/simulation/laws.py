"""What must hold of a log, and of what somebody was shown of it: worked out from the rows, without the room's own fold.

Only the name keys (which names look alike) are the program's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec
from kit.server import name_rules

from sockatuh.protocol import messages as m
from sockatuh.room.entries import (
    ADMIN_OWNER,
    Body,
    Claimed,
    Joined,
    Left,
    Line,
    Message,
    Ordered,
    Released,
    Removed,
    Renamed,
    Struck,
    Whispered,
)
from sockatuh.room.log import Row

TAG = 8
"""Characters of a fingerprint that others are shown."""


def shown_to(body: Body, fingerprint: str) -> bool:
    """Tell whether an entry is shown to a key, as the document has it."""
    match body:
        case Message(struck=True) | Whispered(struck=True):
            return False
        case Message() | Renamed():
            return True
        case Whispered():
            return fingerprint in (body.owner, body.to_owner)
        case Struck():
            return not body.to_owner or fingerprint in (body.owner, body.to_owner)
        case Claimed() | Released() | Ordered():
            return False
        case Joined() | Left():
            return not body.unshown


def is_struck(body: Body) -> bool:
    """Tell whether it is a line whose text was removed."""
    return isinstance(body, Message | Whispered) and body.struck


def as_shown(row: Row) -> m.Entry:
    """Return an entry as whoever is shown it gets it; without its mark."""
    body = row.body
    tag = body.owner[:TAG]
    match body:
        case Message():
            kind = m.ACTION if body.action else m.MESSAGE
            if body.owner == ADMIN_OWNER:
                return m.Entry(row.seq, row.at, kind, body.name, body.text, official=True)
            return m.Entry(row.seq, row.at, kind, body.name, body.text, b"", tag)
        case Whispered():
            return m.Entry(row.seq, row.at, m.PRIVATE, body.name, body.text, b"", tag, body.to)
        case Renamed():
            return m.Entry(row.seq, row.at, m.RENAMED, body.name, body.new, b"", tag)
        case Joined():
            return m.Entry(row.seq, row.at, m.JOINED, body.name, body.dialect, b"", tag)
        case Left():
            return m.Entry(row.seq, row.at, m.LEFT, body.name, body.reason, b"", tag)
        case Struck():
            return m.Entry(row.seq, row.at, m.STRUCK, body.name, tag=tag, line=body.line, line_at=body.line_at)
        case Claimed() | Released() | Ordered():
            raise AssertionError("nobody is shown this")


def without_mark(entry: m.Entry) -> m.Entry:
    """Return an entry without its mark, which means something to its author only."""
    return msgspec.structs.replace(entry, mark=b"")


@dataclass(slots=True)
class Chronicle:
    """What a log says, row by row: who is here under which name key, and whose each name is.

    `read` asserts that each row may follow those before it.
    """

    present: dict[str, tuple[str, str]] = field(default_factory=dict)
    """(name, owner) of everybody here, by name key."""
    owners: dict[str, str] = field(default_factory=dict)
    """Who used a name key last, of those with keys."""
    names: dict[str, list[tuple[int, str]]] = field(default_factory=dict)
    """(seq, name) of each name that an owner has come to have, in order."""
    released: dict[str, str] = field(default_factory=dict)
    """Whose each name key was that the admin has freed."""
    doubles: set[str] = field(default_factory=set)
    """The owners who were here under two names at one time."""
    texts: dict[str, int] = field(default_factory=dict)
    """The seq of each line of somebody with a key; classic clients may double theirs."""
    lines: dict[int, tuple[Row, Line]] = field(default_factory=dict)
    """The row and the body of each line, by its seq."""
    struck: dict[int, int] = field(default_factory=dict)
    """The seq of the entry that says so, by the seq of each line whose text was removed."""
    _freed: str = ""
    """The name key that the next row has to free, after a rename."""
    _kicked: set[tuple[str, str]] = field(default_factory=set)
    """(name, owner) of whom the next rows have to let leave, after a kick."""

    @classmethod
    def of(cls, rows: Sequence[Row]) -> Chronicle:
        chronicle = cls()
        for row in rows:
            chronicle.read(row)
        assert not chronicle._freed, "a rename that frees no name"
        assert not chronicle._kicked, "a kick that removes nobody"
        gone = {seq for seq, (_, line) in chronicle.lines.items() if line.struck}
        assert gone == chronicle.struck.keys(), "a text is gone and nothing says so, or the other way round"
        return chronicle

    def read(self, row: Row) -> None:
        body = row.body
        if self._freed:
            assert isinstance(body, Left), "a rename that frees no name"
            assert (body.reason, row.key) == ("renamed", self._freed), "a rename that frees another name"
            assert body.unshown, "a member that has another name is seen to leave"
            self._freed = ""
        elif isinstance(body, Left):
            assert body.reason != "renamed", "a name is freed by a rename that there is not"
        if self._kicked:
            assert isinstance(body, Left), "a kick that removes nobody"
            assert body.reason == "removed", "a kick that removes nobody"
            assert (body.name, body.owner) in self._kicked, "a kick that removes another"
            self._kicked.remove((body.name, body.owner))
        match body:
            case Message():
                assert row.key is None
                self._note_line(row, body)
            case Whispered():
                assert row.key is None
                to = name_rules().key(body.to)
                assert body.to_owner in (self.owners.get(to), self.released.get(to)), "a private line to another key"
                self._note_line(row, body)
            case Joined():
                assert row.key not in self.present, "two members hold one name"
                self._seat(row, body.name)
            case Renamed():
                before = name_rules().key(body.name)
                assert self.present.get(before) == (body.name, body.owner), "somebody renamed who is not here"
                if row.key == before:
                    assert body.new != body.name, "a rename to the same name"
                else:
                    assert row.key not in self.present, "two members hold one name"
                    self._freed = before
                self._seat(row, body.new)
            case Left():
                assert row.key is not None
                assert self.present.pop(row.key) == (body.name, body.owner), "somebody left who was not here"
            case Claimed():
                self._own(row, body.name)
            case Released():
                assert row.key == name_rules().key(body.name), "an entry under the key of another name"
                assert row.key not in self.present, "the name of somebody who is here was freed"
                assert self.owners.pop(row.key, None) == body.owner, "a name was freed that was another's"
                self.released[row.key] = body.owner
            case Struck():
                self._strike(row.seq, body)
            case Removed():
                self._kicked = self._find_present(body)
            case Ordered():
                pass

    def _find_present(self, body: Removed) -> set[tuple[str, str]]:
        """Return (name, owner) of those whom a kick is about; guests may be kicked as well, who are no members."""
        if body.owner:
            return {here for here in self.present.values() if here[1] == body.owner}
        here = self.present.get(name_rules().key(body.name), ("", ""))
        return {here} if here[0] and not here[1] else set()

    def _strike(self, seq: int, body: Struck) -> None:
        assert body.line in self.lines, "a line was struck that is none"
        assert body.line not in self.struck, "a line was struck twice"
        row, line = self.lines[body.line]
        assert line.struck, "the text of a struck line is still there"
        assert not line.text, "the text of a struck line is still there"
        assert (body.name, body.owner, body.line_at) == (line.name, line.owner, row.at), "struck as another's"
        to_owner = line.to_owner if isinstance(line, Whispered) else ""
        assert body.to_owner == to_owner, "a private line was struck as if it were another's"
        self.struck[body.line] = seq

    def _seat(self, row: Row, name: str) -> None:
        assert row.key == name_rules().key(name), "an entry under the key of another name"
        owner = row.body.owner
        if owner and any(
            each == owner and key not in (row.key, self._freed) for key, (_, each) in self.present.items()
        ):
            self.doubles.add(owner)
        self.present[row.key] = name, owner
        self._own(row, name)

    def _own(self, row: Row, name: str) -> None:
        owner = row.body.owner
        if owner:
            assert row.key is not None
            self.owners[row.key] = owner
            self.names.setdefault(owner, []).append((row.seq, name))

    def _note_line(self, row: Row, body: Line) -> None:
        self.lines[row.seq] = row, body
        if body.owner and not body.struck:
            assert body.text not in self.texts, "a line is in the log twice"
            self.texts[body.text] = row.seq

    def is_since(self, owner: str, earlier: str, name: str, seq: int) -> bool:
        """Tell whether an owner, who had a name, can have had this one later, up to the entry `seq`."""
        had = [each for at, each in self.names.get(owner, []) if at <= seq]
        if earlier not in had:
            return True  # nothing is known: a guest, who appends nothing
        last = len(had) - 1 - had[::-1].index(earlier)
        return name in had[last:]
