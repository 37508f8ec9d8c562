"""Who was in the room when: the rows, the picture and the timeline."""

from __future__ import annotations

import itertools
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator, Sequence
from xml.etree.ElementTree import Element

import pytest
from hostile import TEXTS
from hypothesis import given, settings
from hypothesis import strategies as st

from sockatuh.cli.attendance import MOST_ROWS, Attendance, Bar, attendance
from sockatuh.cli.attendance_picture import WIDTH, draw_picture
from sockatuh.cli.attendance_timeline import timeline
from sockatuh.cli.time_axis import marks
from sockatuh.cli.wrapping import width_of
from sockatuh.store.history import SessionLine
from sockatuh.store.memberships import Membership

START = 1_769_853_120_000
MINUTE = 60_000
HOUR = 60 * MINUTE
NOW = START + 24 * HOUR
SVG = "{http://www.w3.org/2000/svg}"


def session(name: str, opened: float, closed: float | None, reason: str = "left") -> SessionLine:
    """Return a session; times are hours after START."""
    end = None if closed is None else START + int(closed * HOUR)
    ended = None if closed is None else reason
    return SessionLine(START + int(opened * HOUR), end, name, "k", "10.0.0.1:5", "secure", "1", False, ended)


def member(name: str, began: float, ended: float | None) -> Membership:
    return Membership(name, START + int(began * HOUR), None if ended is None else START + int(ended * HOUR))


def of_day(sessions: Sequence[SessionLine], members: Sequence[Membership] = ()) -> Attendance:
    return attendance(sessions, members, START, NOW)


def hours(bar: Bar) -> tuple[float, float]:
    return (bar.began - START) / HOUR, (bar.ended - START) / HOUR


# The rows.


def test_the_longest_present_comes_first_and_overlapping_sessions_count_once() -> None:
    shown = of_day([session("ana", 1, 4), session("ana", 2, 5), session("budi", 1, 6), session("citra", 0, 1)])
    assert [(row.name, row.present / HOUR) for row in shown.rows] == [("budi", 5), ("ana", 4), ("citra", 1)]
    assert [len(row.bars) for row in shown.rows] == [1, 2, 1]


def test_only_forty_names_are_rows_and_the_others_are_counted() -> None:
    shown = of_day([session(f"guest{number}", 0, 1) for number in range(MOST_ROWS + 7)])
    assert (len(shown.rows), shown.others) == (MOST_ROWS, 7)


def test_bars_end_where_the_span_ends_and_tell_when_they_really_began() -> None:
    shown = of_day([session("ana", -5, None), session("budi", -5, 2)])
    (ana,), (budi,) = (row.bars for row in shown.rows)
    assert (hours(ana), ana.since, ana.until) == ((0, 24), START - 5 * HOUR, None)
    assert (hours(budi), budi.until) == ((0, 2), START + 2 * HOUR)
    assert [row.is_here for row in shown.rows] == [True, False]


def test_what_ended_before_or_begins_later_is_left_out() -> None:
    assert of_day([session("ana", -5, -1), session("budi", 25, None)]).rows == []


def test_contact_is_lost_where_a_member_has_no_session() -> None:
    shown = of_day([session("ana", 1, 3, "idle"), session("ana", 4, 6)], [member("Ana", 1, 7)])
    lost = [hours(bar) for bar in shown.rows[0].bars if bar.is_lost]
    assert lost == [(3, 4), (6, 7)]
    assert shown.rows[0].present == 4 * HOUR


def test_somebody_who_is_no_member_loses_no_contact() -> None:
    shown = of_day([session("robot", 1, 2, "idle"), session("robot", 5, 6)])
    assert not any(bar.is_lost for bar in shown.rows[0].bars)


def test_a_client_that_signs_in_again_at_once_has_lost_nothing() -> None:
    shown = of_day([session("ana", 1, 3), session("ana", 3 + 0.9 / 3600, 6)], [member("ana", 1, 6)])
    assert not any(bar.is_lost for bar in shown.rows[0].bars)


def test_contact_that_is_still_lost_has_no_end() -> None:
    shown = of_day([session("ana", 1, 23, "idle")], [member("ana", 1, None)])
    (lost,) = [bar for bar in shown.rows[0].bars if bar.is_lost]
    assert (hours(lost), lost.until) == ((23, 24), None)


def test_the_busiest_moment_is_told() -> None:
    shown = of_day([session("ana", 1, 5), session("budi", 3, 6), session("citra", 4, 4.5), session("citra", 4, 5)])
    assert shown.busiest == (START + 4 * HOUR, 3)
    assert of_day([]).busiest == (START, 0)


def test_without_a_beginning_it_is_the_first_session() -> None:
    shown = attendance([session("ana", 5, 6), session("budi", 2, 3)], [], None, NOW)
    assert (shown.began, shown.ended) == (START + 2 * HOUR, NOW)
    assert attendance([], [], None, NOW).ended == NOW + 1


# The axis.


@given(st.integers(0, 4_000_000_000_000), st.integers(1, 100 * 365 * 24 * HOUR), st.integers(5, 12))
@settings(max_examples=60)
def test_an_axis_has_a_few_marks_in_order_at_round_moments(began: int, span: int, most: int) -> None:
    found = marks(began, began + span, most)
    moments = [mark.at for mark in found]
    assert moments == sorted(set(moments))
    assert len(found) <= most + 2
    assert all(at <= began + span for at in moments)
    assert len(found) >= 1 or span < 2 * MINUTE


def test_a_day_is_marked_by_its_date_and_its_parts_by_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    labels = [mark.label for mark in marks(START, NOW, 5)]
    assert labels == ["12:00", "18:00", "02-01", "06:00"]
    assert [mark.is_day for mark in marks(START, NOW, 5)] == [False, False, True, False]


# The picture.


def numbers(element: Element, *names: str) -> list[float]:
    return [float(element.get(name, "0")) for name in names]


def boxes(element: Element, x: float = 0, y: float = 0) -> Iterator[tuple[str, float, float, float, float]]:
    """Yield kind and corners of everything drawn, in the coordinates of the whole."""
    for child in element:
        kind = child.tag.removeprefix(SVG)
        match kind:
            case "rect" | "svg":
                left, top, width, height = numbers(child, "x", "y", "width", "height")
            case "circle":
                middle, at, r = numbers(child, "cx", "cy", "r")
                left, top, width, height = middle - r, at - r, 2 * r, 2 * r
            case "line":
                left, top, right, bottom = numbers(child, "x1", "y1", "x2", "y2")
                width, height = right - left, bottom - top
            case "text":
                (left, top), width, height = numbers(child, "x", "y"), 0, 0
            case "path":
                points = child.get("d", "").replace("Z", "").replace("V", " ").replace("H", " ").replace("M", " ")
                found = [float(part) for part in points.split()]
                left, right = min(found[:1] + found[2::2]), max(found[:1] + found[2::2])
                top, bottom = min(found[1::2]), max(found[1::2])
                width, height = right - left, bottom - top
            case _:
                continue
        yield kind, x + left, y + top, x + left + width, y + top + height
        if kind == "svg":
            assert child.get("overflow") == "hidden"
            yield from boxes(child, x + left, y + top)


def parsed(picture: bytes) -> Element:
    """Parse a picture, and check that nothing in it is outside."""
    root = ET.fromstring(picture)  # noqa: S314 - our own
    _, _, width, height = map(float, root.get("viewBox", "").split())
    assert width == WIDTH
    for kind, left, top, right, bottom in boxes(root):
        assert 0 <= left <= right <= width, kind
        assert 0 <= top <= bottom <= height, kind
    return root


def texts(root: Element) -> list[str]:
    return [element.text or "" for element in root.iter(f"{SVG}text")]


HOSTILE = [
    *TEXTS.values(),
    '"><script>alert(1)</script>',
    "]]>",
    "&amp;",
    "&#0;",
    "<!--",
    "\ufffe",
    "\uffff",
    "x" * 128,
]


def test_two_hundred_hostile_names_parse_and_stay_inside() -> None:
    names = [f"{text}{number}" for number, text in zip(range(200), itertools.cycle(HOSTILE), strict=False)]
    sessions = [session(name, index % 20, index % 20 + 1 + index / 50) for index, name in enumerate(names)]
    for start in range(0, 200, MOST_ROWS):
        root = parsed(draw_picture(of_day(sessions[start : start + MOST_ROWS]), names[start]))
        assert {element.tag for element in root.iter()} == {
            f"{SVG}{tag}"
            for tag in "svg title style defs pattern rect line text path".split()  # noqa: SIM905
        } | ({f"{SVG}circle"})
    assert parsed(draw_picture(of_day(sessions), "dapur")) is not None


@given(
    st.lists(st.tuples(st.text(max_size=8), st.floats(-30, 30), st.floats(0, 40), st.booleans()), max_size=12),
    st.text(max_size=64),
)
@settings(max_examples=40)
def test_whatever_the_history_holds_the_picture_parses_and_stays_inside(
    found: list[tuple[str, float, float, bool]], room: str
) -> None:
    sessions = [session(name, began, None if is_open else began + span) for name, began, span, is_open in found]
    members = [member(name, began - 1, None if is_open else began + span + 1) for name, began, span, is_open in found]
    parsed(draw_picture(of_day(sessions, members), room))
    for columns in (20, 40, 80, None):
        rows = list(timeline(of_day(sessions, members), columns))
        assert all("\n" not in row and "\x1b" not in row for row in rows)


def test_each_bar_says_what_it_is() -> None:
    shown = of_day([session("ana", 1, 3, "idle"), session("ana", 4, None)], [member("ana", 1, None)])
    root = parsed(draw_picture(shown, "dapur"))
    bars = [rect for rect in root.iter(f"{SVG}rect") if rect.find(f"{SVG}title") is not None]
    assert {(rect.get("class"), (rect.findtext(f"{SVG}title") or "").split(" ")[0]) for rect in bars} == {
        ("here", "ana:"), ("lost", "ana:"),
    }  # fmt: skip
    told = [rect.findtext(f"{SVG}title") or "" for rect in bars]
    assert any("contact lost" in title for title in told)
    assert any("(idle)" in title for title in told)
    assert any("since" in title for title in told)
    assert "10.0.0.1" not in ET.tostring(root, encoding="unicode"), "pictures are passed on"


def test_the_picture_tells_what_it_does_not_show() -> None:
    shown = of_day([session(f"guest{number}", 0, 1) for number in range(MOST_ROWS + 3)])
    assert "and 3 more names, here for less time" in texts(parsed(draw_picture(shown, "dapur")))
    assert "Nobody was here." in texts(parsed(draw_picture(of_day([]), "dapur")))


def lasting(work: Callable[[], object]) -> float:
    """Return the processor time that something takes, the least of three."""
    taken = []
    for _ in range(3):
        began = time.process_time()
        work()
        taken.append(time.process_time() - began)
    return min(taken)


@pytest.mark.slow
def test_ten_thousand_sessions_are_drawn_in_the_time_of_parsing_them_a_few_times() -> None:
    sessions = [session(f"guest{n % MOST_ROWS}", n % 24 + n / 10_000, n % 24 + n / 10_000 + 0.2) for n in range(10_000)]
    members = [member(f"guest{n}", 0, None) for n in range(MOST_ROWS)]
    picture = draw_picture(of_day(sessions, members), "dapur")
    drawing = lasting(lambda: draw_picture(of_day(sessions, members), "dapur"))
    yardstick = lasting(lambda: [ET.tostring(ET.fromstring(picture)) for _ in range(10)])  # noqa: S314 - our own
    assert drawing < 5 * yardstick, f"{drawing:.3f} s, and reading and writing the picture ten times {yardstick:.3f} s"


# The timeline.


def test_a_timeline_fits_eighty_columns_and_forty() -> None:
    sessions = [session("ana", 0, 12), session("b" * 60, 6, 7, "idle"), session("東京太郎東京太郎東京太郎", 12, None)]
    shown = of_day(sessions, [member("b" * 60, 6, 12)])
    for columns, cells in ((None, 60), (80, 60), (40, 27), (200, 60)):
        rows = list(timeline(shown, columns))
        assert max(width_of(row) for row in rows) <= (columns or 80)
        rows = rows[-6:]
        assert rows[2].split() == ["ana", "█" * (cells // 2 + cells % 2) + "·" * (cells // 2)]
        assert rows[3].startswith("東京太郎"[:3])
        assert rows[3].endswith("·" + "█" * (cells - cells // 2))
        assert "░" in rows[4]
        assert rows[-1] == "█ here   ░ contact lost"


def test_an_empty_timeline_says_so() -> None:
    assert list(timeline(of_day([]), 80))[1:] == ["Nobody was here."]
