from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final
from unittest import mock

import pytest
from cli.fullscreen.shown import NOW, Shown, shown
from client.session_double import ADMITTED
from hostile import TEXTS
from msgspec.structs import replace

from sockatuh.cli.sign_in import AtTerminal
from sockatuh.client.items import Moved, NotRemembered, OwnText, SignedIn
from sockatuh.errors import KeyFileError, NotInRoom
from sockatuh.protocol.client.events import CaughtUp, ContactLost, EntryArrived, LineRefused, LinesDelayed, LineStored
from sockatuh.protocol.messages import JOINED, RENAMED, Entry, MemberInfo

ESC, UP, DOWN, END, F2 = "\x1b", "\x1b[A", "\x1b[B", "\x1b[F", "\x1bOQ"
PAGE_UP, PAGE_DOWN, CTRL_HOME, BACKSPACE = "\x1b[5~", "\x1b[6~", "\x1b[1;5H", "\x7f"
OWN_COMMAND: Final = re.compile(r"\x1b\[(\d*(;\d+)*[mABCDGJKH]|\?(1|7|12|25|1049|2004)[hl]|0 q)|\x1b\[\d* q")
"""What the program itself asks of the terminal: colours, the cursor, erasing, and a few modes."""


def paste(text: str) -> str:
    return f"\x1b[200~{text}\x1b[201~"


def on(
    directory: Path, act: Callable[[Shown], Awaitable[None]], columns: int = 80, rows: int = 24, **options: object
) -> Shown:
    """Show the screen while something is done, and return it as it was left."""

    async def show() -> Shown:
        async with shown(directory, columns, rows, **options) as it:  # type: ignore[arg-type]
            await act(it)
        return it

    return asyncio.run(show())


def test_the_screen_has_header_log_hint_and_input(tmp_path: Path) -> None:
    async def act(it: Shown) -> None:
        await it.see(" you are tom; /help lists the commands\n>")
        it.say("soup at one")
        it.type("half ty")
        await it.see("ana  soup at one", "> half ty")
        await it.miss("/help")
        header, *log, above, last, hint, typed = it.rows
        assert header.startswith(" kitchen · 127.0.0.1:9")
        assert header.endswith("3 ms")
        assert (above, last[5:], hint, typed) == ("— you are here —", " ana  soup at one", "", "> half ty")
        assert not any(log)
        assert all(it.terminal.cell(0, column).reverse for column in range(80))
        assert it.terminal.is_alternate

    it = on(tmp_path, act)
    assert not it.terminal.is_alternate


def test_a_long_answer_is_read_from_its_first_row(tmp_path: Path) -> None:
    async def act(it: Shown) -> None:
        it.type("/help\r")
        await it.see("/who [-k]", "End")
        assert it.rows[1].strip().startswith("/who [-k]")
        it.say("soup at one")
        await it.see("1 not seen below")
        it.type(END)
        await it.see("ana  soup at one")

    on(tmp_path, act, columns=60, rows=15)


def test_a_tab_in_the_input_is_shown_as_spaces_and_sent_as_it_is(tmp_path: Path) -> None:
    async def act(it: Shown) -> None:
        it.type(paste("def f():\treturn 1") + "x")
        await it.see("> def f():    return 1x")
        it.type("\r")
        await it.until(lambda: it.session.said == [("def f():\treturn 1x", False)], "line")

    on(tmp_path, act)


def test_a_hint_that_does_not_fit_ends_in_an_ellipsis(tmp_path: Path) -> None:
    async def act(it: Shown) -> None:
        it.resize(40, 12)
        it.type("/nothing-of-this-name\r")
        await it.see("> /nothing-of-this-name", " there is no command /nothing-of-this-…")

    on(tmp_path, act)


def member(name: str, *, present: bool = True, dialect: str = "secure", away: str | None = None) -> MemberInfo:
    return MemberInfo(name, f"{name}-tag", dialect, present, NOW, away=away)


PEOPLE = (
    member("ana"),
    member("budi", away="lunch"),
    member("eva", present=False),
    member("oldpi", dialect="classic"),
    member("tom"),
)


def beside(it: Shown) -> list[str]:
    """Return what stands in the column of people."""
    return [row.partition("│ ")[2] for row in it.rows if "│ " in row]


def test_people_stand_beside_the_log_from_100_columns_on(tmp_path: Path) -> None:
    async def act(it: Shown) -> None:
        await it.see("PEOPLE 5")
        it.say("hello", "eva")
        await it.until(lambda: beside(it)[1] == "○ eva", "speaker first")
        assert beside(it)[:6] == ["PEOPLE 5", "○ eva", "● ana", "● budi (away)", "! oldpi", "● tom"]
        assert {row.find("│") for row in it.rows[1:-2]} == {80}
        it.resize(99, 24)
        await it.miss("PEOPLE")
        it.resize(120, 40)
        await it.see("PEOPLE 5")
        it.type(F2)
        await it.miss("PEOPLE")

    on(tmp_path, act, columns=100, present=PEOPLE)

    async def again(it: Shown) -> None:
        it.say("hello")
        await it.see("ana  hello")
        assert "PEOPLE" not in it.text
        it.type(F2)
        await it.see("PEOPLE 5")

    on(tmp_path, again, columns=100, present=PEOPLE)


def test_people_who_do_not_fit_are_counted(tmp_path: Path) -> None:
    many = tuple(member(f"member{number:02}") for number in range(30))

    async def act(it: Shown) -> None:
        await it.see("PEOPLE 30", "and 23 more")
        assert beside(it)[-2:] == ["● member06", "and 23 more"]

    on(tmp_path, act, columns=100, rows=12, present=many)


def test_columns_stay_where_they_are_beside_texts_of_uncertain_width(tmp_path: Path) -> None:
    """The terminal here gives each character of a family of emoji its own two columns."""

    async def act(it: Shown) -> None:
        await it.see("PEOPLE 5")
        texts = ("👩\u200d👩\u200d👧 and 👍🏽", "שלום לך", "王伟 說", "z\u0335\u0335o", "🇮🇩🇮🇩", "ok")
        for text in texts:
            it.say(text)
        await it.see("ana  ok")
        it.say("the next one moves all of them up")
        await it.see("the next one")
        for at in range(1, 22):
            cells = [it.terminal.cell(at, column).data for column in range(100)]
            assert "│" in cells[80], cells
        assert sum("and " in row for row in it.rows) == 1

    on(tmp_path, act, columns=100, present=PEOPLE)


def test_what_a_killed_chat_had_not_seen_stored_stands_above_the_log(tmp_path: Path) -> None:
    """It is printed before the screen, too, which covers that."""

    async def act(it: Shown) -> None:
        await it.see(
            "2 lines of last time were never acknowledged; not sent again", "      /msg eva the key", "\n      two"
        )
        it.say("soup at one")
        await it.see("soup at one")

    on(tmp_path, act, inherited=(OwnText("one\ntwo"), OwnText("the key", "eva")))


def test_what_was_said_while_signing_in_and_still_matters_stands_in_the_log(tmp_path: Path) -> None:
    """The screen covers what was printed before it, and later notices may not be printed over it."""
    person = AtTerminal()
    person.take_notice(Moved("kitchen", "192.0.2.31:7625", "192.0.2.20:7625"), is_asked=True)
    person.take_notice(SignedIn(), is_asked=True)

    async def act(it: Shown) -> None:
        await it.see("— kitchen is at 192.0.2.31 now (it was at 192.0.2.20) —")
        it.person.take_notice(NotRemembered(KeyFileError("names", "read-only")), is_asked=True)
        await it.see("— This cannot be remembered for the next time: names: read-only —")
        assert "Berhasil" not in "".join(it.rows)

    on(tmp_path, act, person=person)


# Hints.


def test_out_of_contact_the_hint_says_since_when_and_nothing_is_painted_by_a_clock(tmp_path: Path) -> None:
    async def act(it: Shown) -> None:
        it.session.silence = 5.0
        it.tell(ContactLost("silence"))
        it.type("soup\r")
        await it.see("no contact since ", ", 1 line kept", "tom  soup …", " no contact\n")
        written = len(it.wire.getvalue())
        await asyncio.sleep(0.2)
        assert len(it.wire.getvalue()) == written
        it.session.silence = None
        it.tell(replace(ADMITTED, again=True), CaughtUp())
        await it.miss("no contact")
        it.tell(LineStored(1, 1))

    on(tmp_path, act)


def test_a_command_that_cannot_be_done_stays_in_the_input_below_the_reason(tmp_path: Path) -> None:
    async def act(it: Shown) -> None:
        it.type("/shrug it\r")
        await it.see("there is no command /shrug", "> /shrug it")
        assert it.rows[-2].startswith(" there is no command /shrug")
        it.type("\x7f")
        await it.miss("there is no command")

    on(tmp_path, act)


def test_a_reason_that_does_not_fit_the_hint_stands_whole_in_the_log(tmp_path: Path) -> None:
    async def act(it: Shown) -> None:
        it.type("/shrug\r")
        await it.see("— there is no command /shrug; /help\n  lists them, //shrug says it as text —", "> /shrug")
        assert it.rows[-2] == " there is no command /shrug; /help lis…"

    on(tmp_path, act, columns=40, rows=8)


def test_lines_that_came_too_fast_are_hinted_at_until_they_go_on(tmp_path: Path) -> None:
    async def act(it: Shown) -> None:
        it.type("one\r")
        it.tell(LinesDelayed(3.0))
        await it.see("too fast for this room")
        it.tell(LineStored(1, 1))
        await it.miss("too fast")

    on(tmp_path, act)


def test_what_comes_below_the_window_is_counted(tmp_path: Path) -> None:
    async def act(it: Shown) -> None:
        for number in range(40):
            it.say(f"line {number}")
        await it.see("line 39")
        it.type(PAGE_UP)
        await it.see("line 2\n", "scrolled back · End")
        it.say("line 40")
        it.say("line 41")
        await it.see("2 not seen below · End")
        it.type(DOWN)
        await it.see("line 20")
        it.type(END)
        await it.see("line 41")
        assert it.rows[-2] == ""
        it.type(CTRL_HOME)
        await it.see("you are here")
        it.type(ESC)
        await it.see("line 41")
        it.type(UP)
        await it.miss("line 41")

    on(tmp_path, act)


# The input.


def test_the_input_grows_to_six_rows_and_keys_that_scroll_edit_a_text(tmp_path: Path) -> None:
    async def act(it: Shown) -> None:
        it.say("hello")
        it.type(paste("\n".join(f"row {number}" for number in range(9))))
        await it.see("row 8")
        assert it.rows[-6:] == ["  row 3", *(f"  row {number}" for number in range(4, 9))]
        await it.see("9 lines, 53 bytes: Enter sends them as one message")
        for _ in range(8):
            it.type(UP)
        await it.see("> row 0")
        it.type("\r")
        await it.until(lambda: it.session.said != [], "line that was said")
        await it.until(lambda: it.rows[-1] == ">", "empty input")
        assert it.session.said[0][0].count("\n") == 8
        it.tell(LineStored(1, 9))

    on(tmp_path, act)


def test_a_text_survives_ten_resizes_once_and_nothing_scrolls_off_the_normal_screen(tmp_path: Path) -> None:
    half = "half-typed " * 10

    async def act(it: Shown) -> None:
        it.say("the text of somebody who has had coffee in the morning, and says more than fits in a row")
        it.type(half.strip())
        await it.see("half-typed")
        for columns in (40, 200, 57, 93, 130, 41, 160, 99, 101, 80):
            it.resize(columns, 24)
            await it.until(lambda: "".join(it.text.split()).count("half-typed") == 10, f"input at {columns} columns")
            assert it.text.count("kitchen") == 1
            assert it.text.count("coffee") == 1
        it.type(BACKSPACE * 200)
        await it.miss("half-typed")

    assert on(tmp_path, act).terminal.scrollback == []


def test_a_terminal_of_any_size_shows_what_fits(tmp_path: Path) -> None:
    async def act(it: Shown) -> None:
        it.say("👩\u200d👩\u200d👧 soup at one\n" * 3)
        it.type("half ty")
        await it.see("> half ty")
        for columns, rows in ((1, 1), (2, 2), (5, 3), (10, 4), (19, 5), (39, 7), (300, 90), (100, 2), (40, 8)):
            painted = it.paintings
            it.resize(columns, rows)
            await it.until(lambda: it.paintings > painted, "painting")  # noqa: B023
            assert not it.running.done()
        await it.see("kitchen", "soup at one", "> half ty")

    as_before(on(tmp_path, act, present=PEOPLE))


def test_own_lines_stand_dim_below_the_log_until_they_are_in_it(tmp_path: Path) -> None:
    async def act(it: Shown) -> None:
        for number in range(7):
            it.type(f"line {number}\r")
        await it.see("tom  line 4 …", "and 2 more")
        row = next(at for at, row in enumerate(it.rows) if "line 4 …" in row)
        assert it.terminal.cell(row, 6).faint
        it.say("line 0", own=1)
        await it.see("tom  line 5 …", "and 1 more")
        it.tell(*(LineStored(number, number) for number in range(1, 8)))

    on(tmp_path, act)


def test_a_password_is_asked_for_in_place_of_the_input(tmp_path: Path) -> None:
    async def act(it: Shown) -> None:
        it.type("half ty")
        await it.see("> half ty")
        assert it.person.ask_again is not None
        asked = asyncio.ensure_future(it.person.ask_again("The room has a new password."))
        await it.see("The room has a new password", "Room password:")
        it.type("tulip")
        await it.see("Room password: *****")
        assert "half ty" not in it.text
        it.type("\r")
        assert await asked == "tulip"
        await it.see("> half ty")
        assert "tulip" not in it.wire.getvalue()

    on(tmp_path, act)


# The unread marker.


def test_the_marker_comes_after_half_a_minute_without_a_key_and_goes_with_esc(tmp_path: Path) -> None:
    async def act(it: Shown) -> None:
        it.now += 29.0
        it.say("one")
        await it.see("ana  one")
        it.now += 1.0
        it.say("two")
        await it.see("ana  two")
        above = it.rows[it.rows.index(next(row for row in it.rows if "ana  two" in row)) - 1]
        assert above == "─ new " + "─" * 74
        it.type("x")
        it.now += 60
        it.say("three")
        await it.see("ana  three")
        assert it.text.count("─ new ─") == 1
        it.type(ESC)
        await it.miss("─ new ─")
        it.now += 60
        it.say("four")
        await it.see("─ new ─")
        it.type("y\r")
        await it.miss("─ new ─")
        it.tell(LineStored(1, 9))

    on(tmp_path, act)


# Colours and strangers' texts.


def test_what_stands_out_does_so_without_colours(tmp_path: Path) -> None:
    async def act(it: Shown) -> None:
        it.say("@tom: soup?")
        await it.see("@tom: soup?")
        cells = [it.terminal.cell(row, column) for row in range(24) for column in range(80)]
        assert not any(cell.fg != "default" or cell.bg != "default" for cell in cells)
        assert "@tom: soup?" in "".join(cell.data for cell in cells if cell.bold)

    on(tmp_path, act, colour=False)


@pytest.mark.slow
def test_nothing_that_a_stranger_writes_is_obeyed(tmp_path: Path) -> None:
    async def act(it: Shown) -> None:
        for text in TEXTS.values():
            it.say(text, "ana")
            it.say("a text", text)
            it.happen(JOINED, text)
        it.say("the end")
        await it.see("the end")
        it.type(CTRL_HOME)
        await it.miss("the end")
        while "the end" not in it.text:
            painted = it.paintings
            it.type(PAGE_DOWN)
            await it.until(lambda: it.paintings > painted, "next page")  # noqa: B023

    it = on(tmp_path, act)
    commands = {found[0] for found in re.finditer(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[^\[])", it.wire.getvalue())}
    assert {command for command in commands if not OWN_COMMAND.fullmatch(command)} == set()
    assert not set(it.wire.getvalue()) & {chr(code) for code in (*range(7), 7, 0xB, 0xC, 0xE, 0xF, 0x9B, 0x9D)}


# Leaving.


def as_before(it: Shown) -> None:
    """The terminal is as it was: no alternate screen, no mode, a cursor, lines that wrap."""
    assert not it.terminal.is_alternate
    assert it.terminal.private_modes & {1, 9, 1000, 1002, 1003, 1004, 1006, 1049, 2004} == set()
    assert 7 in it.terminal.private_modes
    assert not it.terminal.cursor.hidden
    assert not re.search(r"\x1b\[\?(9|100[0-6]|1015)h", it.wire.getvalue())


def left_behind(it: Shown) -> list[str]:
    rows = [*it.terminal.scrollback, *it.terminal.display]
    return [row.rstrip() for row in rows if row.strip()]


@pytest.mark.parametrize("keys", ["/quit\r", "\x04", "\x03"])
def test_on_leaving_the_last_screenful_stands_on_the_normal_screen(tmp_path: Path, keys: str) -> None:
    async def act(it: Shown) -> None:
        for number in range(60):
            it.say(f"line {number}")
        await it.see("line 59")
        it.type(PAGE_UP)
        await it.miss("line 59")
        it.type(keys)
        await it.until(lambda: it.running.done(), "end")

    it = on(tmp_path, act)
    as_before(it)
    assert it.was_interrupted == (keys == "\x03")
    first, *rows = left_behind(it)
    assert first == "kitchen, as you left it:"
    assert [row[6:] for row in rows] == [f"ana  line {number}" for number in range(39, 60)]


def test_a_line_that_is_not_stored_yet_is_waited_for(tmp_path: Path) -> None:
    async def act(it: Shown) -> None:
        it.type("soup\r")
        await it.see("tom  soup …")
        it.type("\x04")
        await it.see("leaving when 1 line is stored")
        it.tell(LineStored(1, 1))
        it.say("soup", own=1)
        await it.until(lambda: it.running.done(), "end")

    it = on(tmp_path, act)
    assert it.running.exception() is None
    assert left_behind(it)[-1].endswith("tom  soup")


def test_what_comes_of_the_last_lines_and_commands_stands_on_the_normal_screen(tmp_path: Path) -> None:
    async def act(it: Shown) -> None:
        it.session.answering = asyncio.Event()
        it.type("/nick tomas\rsoup\r")
        await it.until(lambda: bool(it.session.renames and it.session.said), "rename and line")
        it.type("\x03")
        await it.until(lambda: not it.terminal.is_alternate, "end of the screen")
        it.tell(EntryArrived(Entry(5, 0, RENAMED, "tom", "tomas"), None), LineRefused(1, "muted"))
        it.session.answering.set()
        await it.until(lambda: it.running.done(), "end")

    rows = "\n".join(left_behind(on(tmp_path, act)))
    assert "tom is now tomas" in rows
    assert "You are muted" in rows


def test_a_program_that_is_stopped_or_fails_leaves_the_terminal_as_it_was(tmp_path: Path) -> None:
    async def stop(it: Shown) -> None:
        it.say("hello")
        await it.see("ana  hello")
        it.running.cancel()
        await it.until(lambda: it.running.done(), "end")

    async def fail(it: Shown) -> None:
        it.say("hello")
        await it.see("ana  hello")
        with mock.patch("sockatuh.cli.fullscreen.screen.header", side_effect=RuntimeError("a fault")):
            it.say("one more")
            await it.until(lambda: it.running.done(), "end")

    async def fail_in_the_room(it: Shown) -> None:
        it.say("hello")
        await it.see("ana  hello")
        it.room.fail(NotInRoom())
        await it.until(lambda: it.running.done(), "end")

    for act in (stop, fail, fail_in_the_room):
        it = on(tmp_path, act)
        as_before(it)
        assert left_behind(it)[0] == "kitchen, as you left it:"
        assert any(row.endswith("ana  hello") for row in left_behind(it))
        ended_with = None if it.running.cancelled() else type(it.running.exception())
        assert ended_with is {stop: None, fail: RuntimeError, fail_in_the_room: NotInRoom}[act]


def test_nothing_is_written_while_nothing_happens(tmp_path: Path) -> None:
    async def act(it: Shown) -> None:
        it.say("hello")
        await it.see("ana  hello")
        await asyncio.sleep(0.1)
        written = len(it.wire.getvalue())
        await asyncio.sleep(0.2)
        assert len(it.wire.getvalue()) == written

    on(tmp_path, act)
