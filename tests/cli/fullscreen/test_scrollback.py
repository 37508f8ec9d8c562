from __future__ import annotations

import random
from collections.abc import Iterable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockatuh.cli.fullscreen.scrollback import Scrollback
from sockatuh.cli.rendering import Line, plain
from sockatuh.client.items import Came, EntryEvent, Renamed, Said, Struck, Went, Whispered

NOON = 1_700_000_000_000
MINUTE = 60_000
COLUMNS, HEIGHT = 40, 4


def said(seq: int, text: str = "", name: str = "ana", at: int = NOON) -> Said:
    return Said(seq, at, name, text or f"line {seq}")


def log_of(entries: Iterable[EntryEvent], most: int = 10_000) -> Scrollback:
    log = Scrollback(most)
    for entry in entries:
        log.add_entry(entry, "tom")
    return log


def lines(count: int, most: int = 10_000) -> Scrollback:
    return log_of((said(seq) for seq in range(1, count + 1)), most)


def seen(log: Scrollback, columns: int = COLUMNS, height: int = HEIGHT) -> list[str]:
    """Return the window without times."""
    return [plain(row)[6:] if plain(row)[:1].isdigit() else plain(row) for row in log.window(columns, height)]


def numbers(log: Scrollback, columns: int = COLUMNS, height: int = HEIGHT) -> list[int]:
    """Return which of `lines` are seen."""
    return [int(row.split()[-1]) for row in seen(log, columns, height) if "line" in row and "removed" not in row]


def test_a_removal_is_never_folded_away() -> None:
    log = log_of([Came(1, NOON, "budi"), Went(2, NOON, "budi", "removed"), Came(3, NOON, "budi")])
    assert seen(log) == ["· budi joined", "· budi left (removed)", "· budi joined"]


def test_what_the_admin_says_is_found_as_a_mention_and_is_nobodys_last_line() -> None:
    official = Said(1, NOON, "ana", "closing at five", official=True)
    log = log_of([official, *(said(seq, name="eva") for seq in range(2, 9))])
    assert log.to_mention(COLUMNS, HEIGHT)
    assert "# ana  closing at five" in seen(log)
    log = log_of([official, Came(2, NOON, "zoe"), Went(3, NOON, "ana")])
    assert seen(log) == ["# ana  closing at five", "· zoe joined; ana left"]


# What was struck.

WIDE = 60


def strike(log: Scrollback, seq: int, line: int) -> None:
    """Take off a line and show that it was removed, as a feed does."""
    log.take_off(line)
    log.add_entry(Struck(seq, NOON, "ana", line, NOON), "tom")


def test_a_struck_line_is_taken_off_and_the_window_stays_full() -> None:
    log = lines(9)
    strike(log, 10, 8)
    assert numbers(log, WIDE) == [6, 7, 9]
    assert seen(log, WIDE)[-1].startswith("· a line of ana's of ")
    log.take_off(9)
    assert numbers(log, WIDE) == [5, 6, 7]
    assert len(log) == 10, "the numbers of the other blocks stay"


@pytest.mark.parametrize("line", [1, 4, 5, 9])
def test_a_window_that_does_not_follow_stays_where_it_is(line: int) -> None:
    log = lines(9)
    log.scroll(-4, WIDE, HEIGHT)
    assert numbers(log, WIDE) == [2, 3, 4, 5]
    strike(log, 10, line)
    assert len(seen(log, WIDE)) == HEIGHT
    assert line not in numbers(log, WIDE)
    assert [number for number in numbers(log, WIDE) if number in (2, 3, 4, 5)] == [n for n in (2, 3, 4, 5) if n != line]
    log.scroll(99, WIDE, HEIGHT)
    assert seen(log, WIDE)[-1].startswith("· a line of ana's")
    log.to_oldest(WIDE, HEIGHT)
    assert numbers(log, WIDE) == [n for n in range(1, 6) if n != line][:HEIGHT]


def test_lines_below_the_window_count_as_unseen_only_while_they_are_there() -> None:
    log = lines(9)
    log.scroll(-2, WIDE, HEIGHT)
    for seq in (10, 11):
        log.add_entry(said(seq), "tom")
    assert log.unseen == 2
    log.take_off(11)
    assert log.unseen == 1


def test_neither_a_search_nor_a_jump_to_a_mention_leads_to_a_struck_line() -> None:
    log = log_of([said(seq, f"tom, line {seq}" if seq in (2, 5, 8) else "") for seq in range(1, 30)])
    assert log.find([8, 5, 2], WIDE, HEIGHT)
    assert log.to_older_hit(WIDE, HEIGHT)
    log.take_off(5)
    assert log.hit == 1, "that of line 2"
    assert not log.to_older_hit(WIDE, HEIGHT)
    log.to_newest()
    assert log.to_mention(WIDE, HEIGHT)
    assert "tom, line 8" in "".join(seen(log, WIDE))
    assert log.to_mention(WIDE, HEIGHT)
    assert "tom, line 2" in "".join(seen(log, WIDE))
    for seq in (2, 8):
        log.take_off(seq)
    assert log.search is None
    assert not log.to_mention(WIDE, HEIGHT)
    assert not log.find([8, 5, 2], WIDE, HEIGHT)


def test_taking_off_gives_back_its_bytes_and_what_is_not_there_changes_nothing() -> None:
    log = log_of([said(1, "x" * 1_000), said(2)])
    log.take_off(1)
    log.take_off(1)
    log.take_off(99)
    assert log._size == log_of([said(2)])._size
    assert numbers(log, WIDE) == [2]


def test_a_fold_of_joins_is_no_line() -> None:
    log = log_of([Came(1, NOON, "zoe"), Came(2, NOON, "eva")])
    log.take_off(1)
    assert seen(log, WIDE) == ["· zoe, eva joined"]


@given(
    count=st.integers(1, 30),
    struck=st.lists(st.integers(1, 30), max_size=12),
    scrolls=st.lists(st.integers(-9, 9), max_size=6),
)
def test_whatever_is_struck_and_scrolled_the_window_shows_what_is_left_in_order(
    count: int, struck: list[int], scrolls: list[int]
) -> None:
    log = lines(count)
    for at in range(max(len(struck), len(scrolls))):
        log.take_off(struck[at] if at < len(struck) else 0)
        log.scroll(scrolls[at] if at < len(scrolls) else 0, WIDE, HEIGHT)
        left = [seq for seq in range(1, count + 1) if seq not in struck[: at + 1]]
        shown = numbers(log, WIDE)
        assert len(shown) == min(HEIGHT, len(left))
        assert not shown or shown == left[left.index(shown[0]) :][: len(shown)]


# Scrolling.


def test_what_is_higher_than_the_window_is_read_from_its_first_row() -> None:
    log = lines(9)
    log.add_lines(lambda _: [(("", f"row {row}"),) for row in range(6)])
    log.read_last(COLUMNS, HEIGHT)
    assert seen(log) == ["row 0", "row 1", "row 2", "row 3"]
    log.to_newest()
    log.add_lines(lambda _: [(("", f"last {row}"),) for row in range(HEIGHT)])
    log.read_last(COLUMNS, HEIGHT)
    assert (seen(log)[-1], log.bottom) == ("last 3", None)


def test_a_window_that_is_scrolled_stays_where_it_is_when_an_answer_comes() -> None:
    log = lines(9)
    log.scroll(-1, COLUMNS, HEIGHT)
    log.add_lines(lambda _: [(("", f"row {row}"),) for row in range(6)])
    log.read_last(COLUMNS, HEIGHT)
    assert numbers(log) == [5, 6, 7, 8]


def test_the_window_follows_the_newest_until_it_is_scrolled() -> None:
    log = lines(9)
    assert numbers(log) == [6, 7, 8, 9]
    log.add_entry(said(10), "tom")
    assert numbers(log) == [7, 8, 9, 10]
    log.scroll(-1, COLUMNS, HEIGHT)
    log.add_entry(said(11), "tom")
    log.add_note("a notice")
    assert numbers(log) == [6, 7, 8, 9]
    assert log.unseen == 1
    log.scroll(1, COLUMNS, HEIGHT)
    assert (numbers(log), log.unseen) == ([7, 8, 9, 10], 1)
    log.to_newest()
    assert (seen(log)[-1], log.unseen, log.bottom) == ("— a notice —", 0, None)


def test_scrolling_ends_at_both_ends_of_the_log() -> None:
    log = lines(9)
    log.scroll(-100, COLUMNS, HEIGHT)
    assert numbers(log) == [1, 2, 3, 4]
    log.scroll(-1, COLUMNS, HEIGHT)
    assert numbers(log) == [1, 2, 3, 4]
    log.scroll(100, COLUMNS, HEIGHT)
    assert (numbers(log), log.bottom) == ([6, 7, 8, 9], None)
    log.to_oldest(COLUMNS, HEIGHT)
    assert numbers(log) == [1, 2, 3, 4]


@pytest.mark.parametrize("count", [0, 1, 3, 4])
def test_a_log_that_fits_does_not_scroll(count: int) -> None:
    log = lines(count)
    for move in (-1, -9, 1):
        log.scroll(move, COLUMNS, HEIGHT)
        assert (numbers(log), log.bottom) == ([*range(1, count + 1)], None)
    log.to_oldest(COLUMNS, HEIGHT)
    assert log.bottom is None


def test_a_long_text_scrolls_row_by_row() -> None:
    log = log_of([said(1), said(2, "one\ntwo\nthree\nfour\nfive\nsix"), said(3)])
    log.scroll(-2, COLUMNS, HEIGHT)
    assert [row.strip() for row in seen(log)] == ["two", "three", "four", "five"]


def test_what_is_looked_at_stays_when_the_width_changes() -> None:
    log = log_of(said(seq, f"{seq:03} " + "soup " * (seq % 13)) for seq in range(1, 60))
    log.scroll(-40, COLUMNS, HEIGHT)
    bottom = log.bottom
    assert bottom is not None
    for columns in (20, 200, 33, 80):
        log.window(columns, HEIGHT)
        assert log.bottom is not None
        assert log.bottom.block == bottom.block


@given(st.integers(0, 2**32), st.integers(20, 80), st.integers(1, 12))
def test_the_window_is_full_and_in_order_whatever_is_done(seed: int, columns: int, height: int) -> None:
    dice = random.Random(seed)
    log = Scrollback(8)
    for seq in range(1, 12):
        log.add_entry(said(seq, f"line {seq}" + "\nmore" * dice.choice((0, 0, 3, 14))), "tom")
        log.show_tail([(("", "tail"),)] * dice.choice((0, 0, 2)))
        if dice.random() < 0.5:
            log.scroll(dice.randint(-50, 50), columns, height)
        if dice.random() < 0.1:
            columns = dice.randint(20, 80)
        window = seen(log, columns, height)
        everything = seen_from_top(log, columns)
        assert len(window) == min(height, len(everything))
        assert any(everything[at : at + len(window)] == window for at in range(len(everything)))
        assert log.bottom is not None or window == everything[len(everything) - len(window) :]


def seen_from_top(log: Scrollback, columns: int) -> list[str]:
    """Return every row, and leave the window where it is."""
    bottom, log.bottom = log.bottom, None
    everything = seen(log, columns, 10_000)
    log.bottom = bottom
    return everything


def test_the_oldest_are_evicted_and_the_window_moves_with_what_it_shows() -> None:
    log = lines(20, most=10)
    assert len(log) == 10
    log.to_oldest(COLUMNS, HEIGHT)
    assert numbers(log) == [11, 12, 13, 14]
    log.add_entry(said(21), "tom")
    assert numbers(log) == [12, 13, 14, 15]
    assert not log.find([11], COLUMNS, HEIGHT)
    assert log.find([12], COLUMNS, HEIGHT)


def test_own_lines_that_wait_stand_below_the_log_and_scroll_with_it() -> None:
    log = lines(4)
    log.show_tail([(("", "waiting 1"),), (("", "waiting 2"),)])
    assert seen(log) == ["ana  line 3", "ana  line 4", "waiting 1", "waiting 2"]
    log.scroll(-1, COLUMNS, HEIGHT)
    assert seen(log) == ["ana  line 2", "ana  line 3", "ana  line 4", "waiting 1"]
    log.show_tail([])
    assert (numbers(log), log.bottom) == ([1, 2, 3, 4], None)
    assert [plain(row)[6:] for row in log.newest(COLUMNS, 2)] == ["ana  line 3", "ana  line 4"]


# Wrapping.


def test_only_what_is_looked_at_is_wrapped() -> None:
    drawn: list[int] = []

    def rows(number: int) -> list[Line]:
        drawn.append(number)
        return [(("", f"block {number}"),)]

    log = Scrollback()
    for number in range(1_000):
        log.add_lines(lambda _, number=number: rows(number))  # type: ignore[misc]
    for columns in (COLUMNS, COLUMNS, COLUMNS + 1):
        log.window(columns, HEIGHT)
    assert drawn == [999, 998, 997, 996] * 2


def test_rows_are_kept_only_while_they_are_seen() -> None:
    """With all that were ever drawn, 10,000 lines take 5 MiB more."""
    log = lines(50)
    for seq in range(51, 90):
        log.add_entry(said(seq), "tom")
        log.window(COLUMNS, HEIGHT)
    log.scroll(-20, COLUMNS, HEIGHT)
    for _ in range(2):
        log.window(COLUMNS, HEIGHT)
    kept = [number for number, block in enumerate(log._blocks, start=1) if block.rows]
    assert len(kept) <= 3 * HEIGHT, kept


def test_a_long_text_is_shortened_at_each_width() -> None:
    log = log_of([said(4321, "soup " * 90)])
    assert seen(log, 40, 99)[-1] == "      … 5 more lines; /show 4321"
    assert "/show" not in "".join(seen(log, 200, 99))


def test_a_row_that_holds_right_to_left_letters_begins_at_the_left() -> None:
    log = log_of([said(1, "שלום"), said(2, "hello")])
    assert [plain(row).startswith("\u200e") for row in log.window(COLUMNS, HEIGHT)] == [True, False]


# The unread marker.


def test_the_marker_stands_above_the_first_line_that_came_while_nobody_read() -> None:
    log = lines(2)
    log.add_entry(said(3), "tom", is_unread=True)
    log.add_entry(said(4), "tom", is_unread=True)
    assert seen(log) == ["ana  line 2", "─ new " + "─" * 34, "ana  line 3", "ana  line 4"]
    log.marker = None
    log.add_entry(Came(5, NOON, "eva"), "tom", is_unread=True)
    log.add_entry(Said(6, NOON, "tom", "mine", own=True), "tom", is_mine=True, is_unread=True)
    assert log.marker is None
    assert not log.to_marker(COLUMNS, HEIGHT)


def test_the_marker_can_be_gone_to() -> None:
    log = lines(9)
    log.add_entry(said(10), "tom", is_unread=True)
    for seq in range(11, 30):
        log.add_entry(said(seq), "tom", is_unread=True)
    assert log.to_marker(COLUMNS, HEIGHT)
    assert "─ new ─" in "".join(seen(log))


def test_the_oldest_are_evicted_when_texts_take_too_much_memory() -> None:
    log = Scrollback(most_bytes=10_000)
    for seq in range(1, 40):
        log.add_entry(said(seq, f"{'w' * 900} line {seq}"), "tom")
    assert 5 <= len(log) <= 10
    assert numbers(log, height=1) == [39]


def test_the_marker_stays_with_the_oldest_line_when_its_own_is_evicted() -> None:
    log = Scrollback(5)
    for seq in range(1, 20):
        log.add_entry(said(seq), "tom", is_unread=True)
    assert log.to_marker(COLUMNS, HEIGHT)
    assert seen(log)[0].startswith("─ new ─")


# Joins.


def folded(events: Sequence[EntryEvent]) -> list[str]:
    return seen(log_of(events), 80, 99)


def test_joins_that_follow_each_other_are_one_row_that_is_amended() -> None:
    log = log_of([said(1), Came(2, NOON, "budi")])
    assert seen(log) == ["ana  line 1", "· budi joined"]
    log.add_entry(Came(3, NOON + MINUTE, "eva"), "tom")
    log.add_entry(Went(4, NOON + MINUTE, "zoë", "lost"), "tom")
    assert seen(log, 80) == ["ana  line 1", "· budi, eva joined; zoë left (lost contact)"]
    log.add_entry(said(5), "tom")
    log.add_entry(Came(6, NOON, "feri"), "tom")
    assert seen(log)[-2:] == ["ana  line 5", "· feri joined"]


def test_who_has_just_spoken_leaves_on_a_row_of_its_own() -> None:
    """Otherwise whoever asked something could be gone without being missed (weechat#259)."""
    spoke: list[EntryEvent] = [said(1, "anybody?", "zoë"), Went(2, NOON + 9 * MINUTE, "eva")]
    assert folded([*spoke, Went(3, NOON + 10 * MINUTE, "zoë")])[1:] == ["· eva left", "· zoë left"]
    assert folded([*spoke, Went(3, NOON + 11 * MINUTE, "zoë")])[1:] == ["· eva, zoë left"]
    renamed: list[EntryEvent] = [
        said(1, "anybody?", "zoë"),
        Renamed(2, NOON, "zoë", "zoe"),
        Came(3, NOON, "eva"),
        Went(4, NOON, "zoe"),
    ]
    assert folded(renamed)[1:] == ["· zoë is now zoe", "· eva joined", "· zoe left"]


def test_a_member_without_encryption_is_not_folded_away() -> None:
    events: list[EntryEvent] = [Came(1, NOON, "budi"), Came(2, NOON, "oldpi", "classic"), Came(3, NOON, "eva")]
    assert folded(events) == ["· budi joined", "· oldpi joined", "· eva joined"]


# Searching and mentions.


def test_what_was_found_is_centred_and_reversed_and_older_hits_follow() -> None:
    log = lines(30)
    assert log.find([20, 10], COLUMNS, 5)
    assert numbers(log, height=5) == [18, 19, 20, 21, 22]
    reversed_rows = [
        plain(row)[6:] for row in log.window(COLUMNS, 5) if all("class:found" in style for style, _ in row)
    ]
    assert reversed_rows == ["ana  line 20"]
    assert log.to_older_hit(COLUMNS, 5)
    assert numbers(log, height=5) == [8, 9, 10, 11, 12]
    assert not log.to_older_hit(COLUMNS, 5)
    log.to_newest()
    assert (log.search, numbers(log, height=5)[-1]) == (None, 30)
    assert not any("class:found" in style for row in log.window(COLUMNS, 99) for style, _ in row)


def test_the_newest_mention_is_gone_to_then_the_one_before() -> None:
    mentions: list[Said | Whispered] = [
        said(5, "tom: line 5"),
        Whispered(15, NOON, "budi", "tom", "line 15"),
        said(25, "@tom line 25"),
    ]
    by_seq: dict[int, EntryEvent] = {each.seq: each for each in mentions}
    log = log_of(by_seq.get(seq, said(seq)) for seq in range(1, 40))
    log.add_entry(Whispered(40, NOON, "tom", "budi", "line 40"), "tom", is_mine=True)
    for number in (25, 15, 5, 25):
        assert log.to_mention(COLUMNS, 1)
        assert numbers(log, height=1) == [number]
    assert not lines(3).to_mention(COLUMNS, 1)
