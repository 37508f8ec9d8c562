"""Draws who was in the room when, as an SVG picture of 1,000 units width that can be shown and printed.

One blue for contact and a hatching for its loss, so it is as clear in black and white. Above the rows stands how many
were here at once. What a bar is, from when to when, is told where the pointer rests on it. Addresses are left out: such
pictures are passed on.

Names are strangers' texts: they are cleaned, `xml.etree` escapes them, and each is cut off where its column ends.
"""

from __future__ import annotations

import re
from typing import Final
from xml.etree.ElementTree import Element, SubElement, tostring

from sockatuh.room.moments import local
from sockatuh.room.text import clean_line
from sockatuh.wording import attendance as wording

from .attendance import Attendance, Bar, Row
from .direction import LEFT_TO_RIGHT
from .naming import shown_name
from .time_axis import marks
from .wrapping import CUT, clip, reach

WIDTH: Final = 1_000
_LEFT, _CHART, _CHART_END, _RIGHT = 24, 190, 868, WIDTH - 24
_TITLE_AT, _SPAN_AT, _CURVE_TOP, _CURVE_HEIGHT = 40, 62, 88, 48
_ROWS_AT: Final = _CURVE_TOP + _CURVE_HEIGHT + 30
_ROW, _BAR = 22, 12
_BELOW: Final = 64
_THINNEST: Final = 1.5
_MARKS: Final = 10
_NAME_COLUMNS: Final = 22
_TITLE_COLUMNS: Final = 60

_STYLE: Final = """
text { font: 12px system-ui, -apple-system, "Segoe UI", "Noto Sans", "DejaVu Sans", sans-serif; fill: #333; }
.title { font-size: 20px; font-weight: 600; fill: #111; }
.faint { fill: #666; }
.axis { font-size: 11px; fill: #666; }
.name { unicode-bidi: isolate; }
.end { text-anchor: end; }
.middle { text-anchor: middle; }
.grid { stroke: #e2e2e2; stroke-width: 1; }
.day { stroke: #9a9a9a; stroke-width: 1; }
.row { stroke: #f0f0f0; stroke-width: 1; }
.here { fill: #2b62a8; stroke: #fff; stroke-width: 0.5; }
.lost { fill: url(#lost); stroke: #2b62a8; stroke-width: 0.75; }
.curve { fill: #c9d6e8; stroke: #2b62a8; stroke-width: 1; }
.now { fill: #2b62a8; }
@media print { .faint, .axis { fill: #333; } .grid { stroke: #ccc; } }
"""
_NO_XML: Final = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def draw_picture(shown: Attendance, room: str) -> bytes:
    """Return the picture as UTF-8; `room` is the room's name."""
    height = _ROWS_AT + max(1, len(shown.rows)) * _ROW + _BELOW
    svg = Element("svg", xmlns="http://www.w3.org/2000/svg", role="img")
    svg.set("viewBox", f"0 0 {WIDTH} {height}")
    svg.set("width", str(WIDTH))
    svg.set("height", str(height))
    SubElement(svg, "title").text = _text(wording.heading(clean_line(room)))
    SubElement(svg, "style").text = _STYLE
    _add_hatching(svg)
    SubElement(svg, "rect", _place(0, 0, WIDTH, height), fill="#fff")
    _add_head(svg, shown, room)
    _add_axis(svg, shown, height)
    _add_curve(svg, shown)
    for number, row in enumerate(shown.rows):
        _add_row(svg, shown, row, _ROWS_AT + number * _ROW)
    if not shown.rows:
        _write(svg, (_CHART + _CHART_END) / 2, _ROWS_AT + 15, wording.NOBODY, "middle faint")
    _add_legend(svg, shown, height)
    text: bytes = tostring(svg, encoding="utf-8", xml_declaration=True)
    return text + b"\n"


def _add_hatching(svg: Element) -> None:
    pattern = SubElement(SubElement(svg, "defs"), "pattern", id="lost", width="4", height="4")
    pattern.set("patternUnits", "userSpaceOnUse")
    pattern.set("patternTransform", "rotate(45)")
    SubElement(pattern, "rect", _place(0, 0, 4, 4), fill="#fff")
    SubElement(pattern, "rect", _place(0, 0, 1.25, 4), fill="#2b62a8")


def _add_head(svg: Element, shown: Attendance, room: str) -> None:
    title = _inside(svg, _LEFT, 0, _RIGHT - _LEFT, _CURVE_TOP)
    _write(title, 0, _TITLE_AT, _short(wording.heading(clean_line(room)), _TITLE_COLUMNS), "title")
    first, last = local(shown.began), local(shown.ended)
    zone = last.tzname() or f"{last:%z}"
    _write(title, 0, _SPAN_AT, wording.span(f"{first:%Y-%m-%d %H:%M}", f"{last:%Y-%m-%d %H:%M}", zone), "faint")
    at, most = shown.busiest
    if most:
        _write(title, _RIGHT - _LEFT, _SPAN_AT, wording.busiest(most, _moment(at)), "end faint")


def _add_axis(svg: Element, shown: Attendance, height: int) -> None:
    bottom = height - _BELOW
    for mark in marks(shown.began, shown.ended, _MARKS):
        x = _x(shown, mark.at)
        line = {"x1": _number(x), "x2": _number(x), "y1": str(_CURVE_TOP), "y2": str(bottom)}
        SubElement(svg, "line", line, **{"class": "day" if mark.is_day else "grid"})
        _write(svg, x, _ROWS_AT - 10, mark.label, "middle axis")


def _add_curve(svg: Element, shown: Attendance) -> None:
    """Draw how many were here at once; of all changes within one unit of width, only the highest is seen."""
    _, most = shown.busiest
    if not most:
        return
    heights: dict[int, int] = {}
    before = 0
    for at, count in shown.counts:
        x = int(_x(shown, at))
        heights[x] = max(heights.get(x, before), count)
        before = count
    bottom, level = _CURVE_TOP + _CURVE_HEIGHT, 0.0
    steps = [f"M{_CHART} {bottom}"]
    last = {int(_x(shown, at)): count for at, count in shown.counts}  # what it is after the changes at one place
    for x, count in sorted(heights.items()):
        level = bottom - _CURVE_HEIGHT * count / most
        steps.append(f"H{x}V{_number(level)}")
        if last[x] != count:
            steps.append(f"H{min(x + 1, _CHART_END)}V{_number(bottom - _CURVE_HEIGHT * last[x] / most)}")
    steps.append(f"H{_CHART_END}V{bottom}Z")
    SubElement(svg, "path", {"class": "curve", "d": "".join(steps)})
    _write(svg, _CHART - 8, _CURVE_TOP + 10, str(most), "end axis")
    _write(svg, _CHART - 8, bottom, "0", "end axis")


def _add_row(svg: Element, shown: Attendance, row: Row, top: int) -> None:
    name = _inside(svg, _LEFT, top, _CHART - _LEFT - 8, _ROW)
    if row.is_here:
        dot = SubElement(name, "circle", {"class": "now", "cx": "4", "cy": str(_ROW / 2), "r": "3"})
        SubElement(dot, "title").text = wording.HERE_NOW
    _write(name, 14, 15, _short(_shown(row.name), _NAME_COLUMNS), "name")
    line = {"class": "row", "x1": str(_LEFT), "x2": str(_RIGHT), "y1": str(top + _ROW), "y2": str(top + _ROW)}
    SubElement(svg, "line", line)
    for bar in sorted(row.bars, key=lambda each: not each.is_lost):
        _add_bar(svg, shown, row.name, bar, top + (_ROW - _BAR) / 2)
    _write(svg, _RIGHT, top + 15, wording.lasting(row.present // 60_000), "end")


def _add_bar(svg: Element, shown: Attendance, name: str, bar: Bar, top: float) -> None:
    x, end = _x(shown, bar.began), _x(shown, bar.ended)
    width = max(_THINNEST, end - x)
    place = _place(min(x, _CHART_END - width), top, width, _BAR)
    drawn = SubElement(svg, "rect", place, **{"class": "lost" if bar.is_lost else "here"})
    if width > 4:
        drawn.set("rx", "2")
    SubElement(drawn, "title").text = _text(_told(name, bar))


def _told(name: str, bar: Bar) -> str:
    shown, since = _shown(name), _moment(bar.since)
    if bar.until is None:
        return wording.is_lost(shown, since) if bar.is_lost else wording.is_here(shown, since)
    until = _moment(bar.until)
    if bar.is_lost:
        return wording.was_lost(shown, since, until)
    return wording.was_here(shown, since, until, clean_line(bar.reason))


def _add_legend(svg: Element, shown: Attendance, height: int) -> None:
    top = height - 36
    SubElement(svg, "rect", _place(_CHART, top, 22, _BAR), **{"class": "here", "rx": "2"})
    _write(svg, _CHART + 30, top + 10, wording.HERE, "faint")
    SubElement(svg, "rect", _place(_CHART + 110, top, 22, _BAR), **{"class": "lost", "rx": "2"})
    _write(svg, _CHART + 140, top + 10, wording.LOST, "faint")
    SubElement(svg, "circle", {"class": "now", "cx": str(_CHART + 250), "cy": str(top + 6), "r": "3"})
    _write(svg, _CHART + 262, top + 10, wording.HERE_NOW, "faint")
    if shown.others:
        _write(svg, _RIGHT, top + 10, wording.others(shown.others), "end faint")


def _inside(svg: Element, x: float, y: float, width: float, height: float) -> Element:
    """Return an element whose content is cut off at its edges."""
    return SubElement(svg, "svg", _place(x, y, width, height), overflow="hidden")


def _write(into: Element, x: float, y: float, text: str, kind: str) -> None:
    SubElement(into, "text", {"class": kind, "x": _number(x), "y": _number(y)}).text = _text(text)


def _place(x: float, y: float, width: float, height: float) -> dict[str, str]:
    return {"x": _number(x), "y": _number(y), "width": _number(width), "height": _number(height)}


def _x(shown: Attendance, at: int) -> float:
    part = (at - shown.began) / (shown.ended - shown.began)
    return _CHART + (_CHART_END - _CHART) * min(1.0, max(0.0, part))


def _number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _moment(at: int) -> str:
    return f"{local(at):%m-%d %H:%M}"


def _shown(name: str) -> str:
    """Return a name without the marks that terminals need; here its style keeps it in its place."""
    return shown_name(name).replace(LEFT_TO_RIGHT, "")


def _short(text: str, columns: int) -> str:
    return text if reach(text) <= columns else clip(text, columns - 1) + CUT


def _text(text: str) -> str:
    """Return a text without what XML 1.0 cannot hold (§2.2), which `xml.etree` would write as it is."""
    return _NO_XML.sub("\ufffd", text)
