"""No two different events look alike, whatever names and texts are in them, at any width, with or without colour."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Final

import pytest
from client.session_double import happened
from forgers import FORMER, NAMES, SAID
from hostile import TEXTS
from msgspec.structs import replace as replaced

from sockatuh.cli.direction import LEFT_TO_RIGHT, anchored, turns
from sockatuh.cli.fullscreen.scrollback import Scrollback
from sockatuh.cli.history import _message, _session
from sockatuh.cli.naming import shown_name
from sockatuh.cli.rendering import TEXTS_FROM, Line, draw, draw_shortened, plain
from sockatuh.cli.rows import aligned, log_rows, member_row, note_rows
from sockatuh.cli.wrapping import CUT, reach, wrap
from sockatuh.client.items import Came, EntryEvent, Renamed, Said, Struck, Went, Whispered, member_of
from sockatuh.protocol.messages import ACTION, JOINED, LEFT, MESSAGE, Entry, MemberInfo
from sockatuh.room.names import NameRules
from sockatuh.room.text import BLANKS, clean_text
from sockatuh.store.history import LogLine, SessionLine
from sockatuh.wording import client as phrases

NOON: Final = 1_700_000_000_000
EVENT_ROW: Final = re.compile(r"\d\d:\d\d ")
SPOKEN: Final = (MESSAGE, ACTION)
_SPACES: Final = re.compile(rf"[\s{BLANKS}]+")

FEW_NAMES: Final = ("joined", "אבי", "abcdefghijklmn", "abcdefghijklmnop", "é" * 32, "ana kicks")
FEW_SAID: Final = ("joined", "op  joined", "x\n12:00 a  hi", "שלום", "w" * 50)
FEW_WIDTHS: Final = (40, pytest.param(20, marks=pytest.mark.slow), pytest.param(80, marks=pytest.mark.slow))


def events(names: Iterable[str], texts: Iterable[str]) -> Iterator[Entry]:
    texts = tuple(texts)
    for name in names:
        yield from (Entry(7, NOON, kind, name, text) for kind in SPOKEN for text in texts)
        yield Entry(7, NOON, JOINED, name, "secure")
        yield from (Entry(7, NOON, LEFT, name, reason) for reason in ("left", *phrases.LEFT_REASONS))


def officials(names: Iterable[str], texts: Iterable[str]) -> Iterator[Entry]:
    """Yield what the room's admin says, whoever else is called that."""
    yield from (replaced(entry, official=True) for entry in events(names, texts) if entry.kind in SPOKEN)


def between_two(names: Iterable[str], texts: Iterable[str]) -> Iterator[EntryEvent]:
    """Yield what has two names in it: private lines of all kinds, and renames."""
    names, texts = tuple(names), tuple(texts)
    for name in (*names, "you"):
        yield from (Renamed(7, NOON, name, new) for new in ("you", *FEW_NAMES))
        pairs = [(name, "me"), ("me", name), (name, "you"), (name, "é" * 32)]
        yield from (Whispered(7, NOON, author, to, text) for author, to in pairs for text in texts)
    yield Whispered(7, NOON, "me", "me", "hi")


def items(names: Iterable[str], texts: Iterable[str]) -> Iterator[EntryEvent]:
    names, texts = tuple(names), tuple(texts)
    yield from map(happened, events(names, texts))
    yield from map(happened, officials(names, texts[:6]))
    yield from between_two(names, texts[:6])


@cache
def visible_content(item: EntryEvent) -> tuple[object, ...]:
    """Return what of an entry has to be seen: of a text all but its spaces, newlines and letters without ink."""
    name = unicodedata.normalize("NFC", item.name)
    match item:
        case Said(text=text, action=action, official=official):
            return "said", name, action, official, _SPACES.sub("", clean_text(text))
        case Whispered(to=to, text=text):
            return "whispered", name, unicodedata.normalize("NFC", to), _SPACES.sub("", clean_text(text))
        case Came():
            return "came", name
        case Went(reason=reason):
            return "went", name, reason
        case Struck(line=line):
            return "struck", name, line
        case Renamed(new=new):
            return "renamed", name, unicodedata.normalize("NFC", new)


def shown(item: EntryEvent, columns: int | None, *, shortened: bool) -> list[Line]:
    return (draw_shortened if shortened else draw)(item, "me", columns)


def judge(entries: Iterable[EntryEvent], columns: int | None, *, shortened: bool = False) -> None:
    seen: dict[str, tuple[object, ...]] = {}
    for entry in entries:
        lines = shown(entry, columns, shortened=shortened)
        rows = [plain(line) for line in lines]
        assert EVENT_ROW.match(rows[0])
        for row in rows[1:]:
            assert row.startswith("      "), (entry, columns, rows)
        if columns is not None:
            assert max(map(reach, rows)) <= columns, (entry, columns, rows)
        if shortened and any(row.startswith("      … ") for row in rows[10:]):
            continue  # two that differ further on look alike so far, and say that there is more
        content = visible_content(entry)
        before = seen.setdefault("\n".join(rows), content)
        assert before == content, (columns, rows)
        check_direction(lines, entry)


def shows_you(item: Whispered) -> bool:
    return item.to == "me" != item.name


def check_direction(lines: list[Line], item: EntryEvent) -> None:
    """A name of right-to-left letters is followed by our mark before anything else, and nothing but a name is."""
    rows = [plain(line) for line in lines]
    names = [item.name]
    if isinstance(item, Whispered | Renamed):
        names.append(item.new if isinstance(item, Renamed) else "" if shows_you(item) else item.to)
    assert sum(row.count(LEFT_TO_RIGHT) for row in rows) == sum(map(turns, names))
    for row in rows:
        assert not turns(row) or anchored(row).startswith(LEFT_TO_RIGHT)


def test_the_names_are_legal_but_those_of_former_times() -> None:
    rules = NameRules()
    assert [name for name in NAMES if rules.enforce(name) != unicodedata.normalize("NFKC", name)] == []
    assert [name for name in FORMER if rules.enforce(name) == name] == []


@pytest.mark.parametrize("columns", [40, *(pytest.param(each, marks=pytest.mark.slow) for each in (None, 20, 80))])
def test_no_two_different_events_look_alike(columns: int | None) -> None:
    judge(items((*NAMES, *FORMER), SAID), columns)


@pytest.mark.parametrize("columns", [*range(20, 50, 3), *range(50, 201, 25)])
def test_no_two_different_events_look_alike_at_many_widths(columns: int) -> None:
    judge(items(FEW_NAMES, FEW_SAID), columns)


@pytest.mark.slow
def test_no_two_different_events_look_alike_at_every_width() -> None:
    for columns in range(20, 201):
        judge(items(FEW_NAMES, FEW_SAID), columns)


@pytest.mark.parametrize("columns", [20, 40, 80])
def test_hostile_texts_are_distinguishable_too(columns: int) -> None:
    judge(items(("ana",), TEXTS.values()), columns)


@pytest.mark.parametrize("columns", FEW_WIDTHS)
def test_a_text_that_is_shown_in_part_says_so_where_no_text_could(columns: int) -> None:
    entries = list(items(FEW_NAMES, SAID))
    judge(entries, columns, shortened=True)
    for entry in entries:
        rows = [plain(line) for line in shown(entry, columns, shortened=True)]
        whole = [plain(line) for line in draw(entry, "me", columns)]
        remarks = [row for row in rows[1:] if row.startswith("      … ")]
        assert len(remarks) == (len(whole) > 12)
        assert not any(row.startswith("      … ") for row in whole)


def folds(names: Iterable[str]) -> Iterator[tuple[EntryEvent, ...]]:
    """Yield joins and leaves of one and of two people, as they may follow each other."""
    for name in names:
        came, went, lost = Came(7, NOON, name), Went(7, NOON, name), Went(7, NOON, name, "lost")
        yield from ((came,), (went,), (lost,), (came, went), (went, came))
        for other in ("budi", "joined", "left", "and", "others", "אבי", "ana_joined"):
            if other != name:
                too, gone = Came(8, NOON, other), Went(8, NOON, other)
                yield from ((came, too), (went, gone), (came, gone), (went, too), (lost, gone), (came, went, gone))


@pytest.mark.parametrize("columns", FEW_WIDTHS)
def test_a_fold_of_joins_looks_like_nothing_but_what_it_folds(columns: int) -> None:
    """Nor like an entry: a name in it could be what another sentence ends with."""
    seen: dict[str, object] = {}
    for events in folds((*NAMES, *FORMER)):
        log = Scrollback()
        for event in events:
            log.add_entry(event, "me")
        rows = [plain(line) for line in log.window(columns, 99)]
        assert all(reach(row) <= columns for row in rows)
        assert seen.setdefault("\n".join(rows), events) == events
    for item in items(NAMES, ("joined", "left")):
        if not isinstance(item, Came | Went):
            assert "\n".join(plain(line) for line in draw(item, "me", columns)) not in seen


@pytest.mark.parametrize("columns", FEW_WIDTHS)
def test_no_remark_looks_like_an_event_or_like_another(columns: int) -> None:
    """Among remarks: who is here, and who has come without encryption."""
    seen = {"\n".join(plain(line) for line in draw(entry, "me", columns)): "" for entry in items(NAMES, SAID)}
    lists = [(name, other) for name in (*NAMES, *FORMER) for other in NAMES[::5]] + [(name,) for name in NAMES]
    for names in lists:
        rows = note_rows(phrases.here([shown_name(name) for name in names]), columns)
        assert rows[0].startswith("— ")
        assert all(row.startswith("  ") and reach(row) <= columns for row in rows[1:])
        content = seen.setdefault("\n".join(rows), repr(names))
        assert content == repr(names)


def test_a_table_of_members_tells_a_list_in_a_name_from_a_list() -> None:
    def table(*names: str) -> str:
        return "\n".join(
            aligned([member_row(member_of(MemberInfo(name, "abcdefgh", "secure", True, NOON))) for name in names])
        )

    tables = [table(name) for name in (*NAMES, *FORMER)] + [table("ana", "budi"), table("ana", "budi", "citra")]
    assert len(set(tables)) == len(tables)


def history(entry: Entry) -> str:
    """Return what `history` prints of a line, or of a session for an entry that nobody said."""
    if entry.kind in SPOKEN:
        return _message(LogLine(7, NOON, entry.name, entry.text, entry.kind == ACTION, official=entry.official))
    closed = None if entry.kind == JOINED else NOON
    reason = None if entry.kind == JOINED else entry.text
    return _session(SessionLine(NOON, closed, entry.name, "k", "10.0.0.9", "secure", "sockatuh 0.1", False, reason))


@pytest.mark.parametrize("columns", FEW_WIDTHS)
def test_the_history_tells_lines_from_sessions(columns: int) -> None:
    seen: dict[str, tuple[object, ...]] = {}
    names = (*FEW_NAMES, *FORMER)
    for entry in (*events(names, SAID), *officials(names, SAID)):
        first, *others = wrap(f"12:00 {history(entry)}", columns, 0, TEXTS_FROM, CUT, whole=False)
        assert all(reach(row) <= columns - TEXTS_FROM for row in others)
        assert reach(first) <= columns
        content = visible_content(happened(entry))
        assert seen.setdefault("\n".join([first, *others]), content) == content


def test_the_history_tells_a_program_that_calls_itself_a_sentence() -> None:
    liar = SessionLine(NOON, None, "ana", "k", "10.0.0.9", "secure", "x), gone 12:00 (left", False, None)
    assert _session(liar) == '· ana joined from 10.0.0.9 (secure "x), gone 12:00 (left"), still there'


def test_the_log_on_a_terminal_goes_on_indented(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sockatuh.cli.rows.columns_of", lambda _: 40)
    first, *others = log_rows(f"12:00:00 info    message_posted author=אבי text={'w' * 90} seq=7").split("\n")
    assert first == "12:00:00 info    message_posted"
    assert others[0].startswith("\u200e")
    *first_rows, last = log_rows(f"12:00:00 info    message_posted text={'w' * 9000}").split("\n")
    assert (len(first_rows), last.split()[0]) == (10, "…")
    assert all(row.lstrip("\u200e").startswith(" " * 9) and reach(row) <= 40 for row in others)
