"""What a run found: printed, and written into docs/PERFORMANCE.md with a picture beside it."""

from __future__ import annotations

import datetime
import math
import os
import platform
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from bench.feats import Feat
from bench.fit import fit
from bench.limits import WAYS
from bench.plan import BUSY, BUSY_ENOUGH, IDLE, SATURATED, SIZES, Figures, Sample, cost, p50
from bench.subjects import COMMITTED, OURS, PEERS

DOCUMENT: Final = Path(__file__).parents[2] / "docs" / "PERFORMANCE.md"
PICTURE: Final = DOCUMENT.with_name("cost.svg")
BEGIN, END = "<!-- measured -->\n", "<!-- /measured -->\n"
LOAD_ROWS: Final = (
    (IDLE, 10, "one message every 10 ms"),
    (IDLE, 100, "one message every 10 ms"),
    (IDLE, 1_000, "one every 100 ms"),
    *((BUSY, members, "ten in flight") for members in SIZES),
    *((SATURATED, members, "a hundred in flight, ten senders") for members in SIZES),
)
"""What is measured where."""
INSPIRCD: Final = "InspIRCd"
RATIO_ROWS: Final = (
    ("processor time, idle chat", IDLE, cost, 10, "1.3", "1.15"),
    ("processor time, idle chat", IDLE, cost, 100, "1.15", "1.0"),
    ("processor time, idle chat", IDLE, cost, 1_000, "1.05", "1.0; InspIRCd 1.0"),
    ("p50 to everybody, idle chat", IDLE, p50, 10, "1.25", "1.1"),
    ("p50 to everybody, idle chat", IDLE, p50, 100, "1.2", "1.0"),
    ("p50 to everybody, idle chat", IDLE, p50, 1_000, "1.0", "0.9"),
    ("processor time, busy", BUSY, cost, 10, "", ""),
    ("processor time, busy", BUSY, cost, 100, "1.4", "InspIRCd 1.5"),
    ("processor time, busy", BUSY, cost, 1_000, "1.2", ""),
    ("processor time, saturated", SATURATED, cost, 10, "", ""),
    ("processor time, saturated", SATURATED, cost, 100, "1.3", "InspIRCd 3"),
    ("processor time, saturated", SATURATED, cost, 1_000, "1.0", "InspIRCd 1.0"),
)
"""What is compared where, and what the ratio to `committed` should be at most; the aim also has some to InspIRCd."""
COLOURS: Final = {
    OURS: "#c0392b",
    COMMITTED: "#7f8c8d",
    "ngIRCd": "#2980b9",
    "InspIRCd": "#27ae60",
    "Mosquitto": "#8e44ad",
}
BESIDE_COLOUR: Final = "#e67e22"


def markdown(figures: Figures, feats: Sequence[Feat]) -> str:
    """Return the tables of a run."""
    subjects = subjects_of(figures)
    parts = (
        ("Processor time of a delivery, in µs", _costs(figures, subjects)),
        ("SockAtuh divided by what ran beside it", _ratios(figures, subjects)),
        ("Processor time of a message of idle chat: a fixed part, and one for each member", _fits(figures, subjects)),
        ("Time until a message is with everybody, in ms (p50 / p99), idle chat", _latencies(figures, subjects)),
        ("Memory, in MiB", _memory(figures, [name for name in subjects if name != COMMITTED])),
        (
            "Joining, strangers, starting",
            _table(("what", "measured", "wanted"), [(each.what, each.figure, each.wanted) for each in feats]),
        ),
    )
    lines = [
        f"Measured {datetime.datetime.now(datetime.UTC):%Y-%m-%d} with Python {platform.python_version()} on "
        f"{os.cpu_count()} cores ({_processor()}); {_rounds(figures)}.",
        "",
    ]
    for heading, table in parts:
        if table:
            lines += [f"### {heading}", "", *table, ""]
    return "\n".join([*lines, *(f"* {note}" for note in figures.notes), *([""] if figures.notes else [])])


def subjects_of(figures: Figures) -> list[str]:
    """Return what was measured, in the order of the columns."""
    found = {key[0] for key in figures.samples}
    known = (COMMITTED, OURS, *PEERS)
    beside = sorted(found.difference(known))
    return [name for name in (COMMITTED, OURS, *beside, *PEERS) if name in found]


def _rounds(figures: Figures) -> str:
    count = max((len(samples) for samples in figures.samples.values()), default=0)
    return f"{count} round{'' if count == 1 else 's'}"


def record(figures: Figures, feats: Sequence[Feat]) -> None:
    """Write the tables between their marks in the document, and the picture."""
    text = DOCUMENT.read_text("utf-8")
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    DOCUMENT.write_text(before + BEGIN + markdown(figures, feats) + END + after, "utf-8")
    PICTURE.write_text(picture(figures), "utf-8")


def _costs(figures: Figures, subjects: Sequence[str]) -> list[str]:
    rows = []
    for load, members, how in LOAD_ROWS:
        if not any((name, members, load) in figures.samples for name in subjects):
            continue
        limits = [f"{found:.2f}" if (found := figures.limits.get((way, load, members))) else "" for way in WAYS]
        cells = [_costs_spread(figures.samples.get((name, members, load), [])) for name in subjects]
        rows.append((f"{load}: {how}", f"{members:,}", *limits, *cells))
    table = _table(("load", "members", *WAYS, *subjects), rows)
    return [*table, "", "![Processor time of a delivery against members](cost.svg)"] if table else []


def _costs_spread(samples: Sequence[Sample]) -> str:
    """Return the median of the costs with the least and the greatest, and how busy the crowd was if that may matter."""
    busiest = max((sample.busy for sample in samples), default=0.0)
    return _spread([sample.cost for sample in samples], f", crowd {busiest:.0%} busy" if busiest > BUSY_ENOUGH else "")


def _spread(found: Sequence[float], remark: str = "") -> str:
    """Return the median with the least and the greatest, nothing if nothing was measured."""
    if not found:
        return ""
    brackets = (f"{min(found):.2f}–{max(found):.2f}" if len(found) > 1 else "") + remark
    return f"**{statistics.median(found):.2f}**" + (f" ({brackets.removeprefix(', ')})" if brackets else "")


def _ratios(figures: Figures, subjects: Sequence[str]) -> list[str]:
    others = [name for name in subjects if name in (COMMITTED, INSPIRCD) or name not in (OURS, *PEERS)]
    rows = []
    for what, load, of, members, reach, aim in RATIO_ROWS:
        cells = [_spread(figures.ratios(name, members, load, of)) for name in others]
        if any(cells):
            rows.append((what, f"{members:,}", *cells, reach, aim))
    return _table(("what", "members", *(f"/ {name}" for name in others), "reach", "aim"), rows)


def _fits(figures: Figures, subjects: Sequence[str]) -> list[str]:
    rows = []
    for name in subjects:
        measured = ((members, figures.median((name, members, IDLE), _message_cost)) for members in SIZES)
        costs = {members: found for members, found in measured if found}
        if line := fit(costs):
            rows.append((name, f"{line.fixed / 1e3:.3f}", f"{line.each:.2f}", f"{line.miss:.0%}"))
    return _table(("server", "fixed, ms", "each member, µs", "furthest size from the line"), rows)


def _latencies(figures: Figures, subjects: Sequence[str]) -> list[str]:
    def cell(name: str, members: int) -> str:
        middle, late = (figures.median((name, members, IDLE), what) for what in (p50, _p99))
        return f"{middle:.2f} / {late:.2f}" if middle is not None and late is not None else ""

    rows = [(f"{members:,}", *(cell(name, members) for name in subjects)) for members in SIZES]
    return _table(("members", *subjects), [row for row in rows if any(row[1:])])


def _p99(sample: Sample) -> float:
    return sample.p99


def _message_cost(sample: Sample) -> float:
    return sample.message_cost


def _memory(figures: Figures, subjects: Sequence[str]) -> list[str]:
    rows = []
    for name in subjects:
        sizes = sorted(members for subject, members in figures.memory if subject == name)
        if len(sizes) > 1:
            few, many = sizes[-2:]
            each = (figures.memory[name, many][1] - figures.memory[name, few][1]) / (many - few)
            cells = "; ".join(f"{members:,}: {figures.memory[name, members][1] / 1024:.1f}" for members in sizes)
            rows.append((name, f"{figures.memory[name, many][0] / 1024:.1f}", cells, f"{each:.1f} KiB"))
    return _table(("server", "empty", "with so many members", "each more"), rows)


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the lines of a table, none if it has no rows."""
    if not rows:
        return []
    return [f"| {' | '.join(cells)} |" for cells in (header, ["---"] * len(header), *rows)]


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


# The picture: two panels, both axes in powers of ten.

WIDTH, HEIGHT, MARGIN = 360, 260, 48


def picture(figures: Figures) -> str:
    """Return an SVG of the cost of a delivery against members: idle chat, and saturated."""
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {2 * WIDTH} {HEIGHT + 24}" '
        'font-family="sans-serif" font-size="11">',
        f'<rect width="{2 * WIDTH}" height="{HEIGHT + 24}" fill="white"/>',
    ]
    for number, load in enumerate((IDLE, SATURATED)):
        lines += _panel(figures, load, number * WIDTH)
    for number, name in enumerate(subjects_of(figures)):
        x = MARGIN + number * 110
        lines.append(f'<rect x="{x}" y="{HEIGHT + 4}" width="10" height="10" fill="{_colour(name)}"/>')
        lines.append(f'<text x="{x + 14}" y="{HEIGHT + 13}">{name}</text>')
    return "\n".join([*lines, "</svg>", ""])


def _colour(name: str) -> str:
    return COLOURS.get(name, BESIDE_COLOUR)


def _panel(figures: Figures, load: str, left: float) -> list[str]:
    points: dict[str, list[tuple[int, float]]] = {}
    for name, members, measured in figures.samples:
        found = figures.median((name, members, measured), cost)
        if measured == load and found:
            points.setdefault(name, []).append((members, found))
    costs = [found for line in points.values() for _, found in line] or [1.0]
    low, high = math.floor(math.log10(min(costs))), math.ceil(math.log10(max(costs)) + 1e-9)

    def place(members: float, found: float) -> tuple[float, float]:
        across, up = math.log10(members / 10) / math.log10(500), (math.log10(found) - low) / max(1, high - low)
        return left + MARGIN + across * (WIDTH - 1.5 * MARGIN), HEIGHT - MARGIN - up * (HEIGHT - 2 * MARGIN)

    lines = [f'<text x="{left + MARGIN}" y="24" font-size="13">{load}: µs of processor a delivery</text>']
    for members in (10, 100, 1_000, 5_000):
        x, y = place(members, 10.0**low)
        lines.append(f'<text x="{x:.0f}" y="{y + 16:.0f}" text-anchor="middle">{members:,}</text>')
    for power in range(low, high + 1):
        x, y = place(10, 10.0**power)
        lines.append(f'<line x1="{x:.0f}" y1="{y:.0f}" x2="{left + WIDTH - 24}" y2="{y:.0f}" stroke="#ddd"/>')
        lines.append(f'<text x="{x - 6:.0f}" y="{y + 4:.0f}" text-anchor="end">{10.0**power:g}</text>')
    for name, line in points.items():
        at = [place(*point) for point in sorted(line)]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in at)
        lines.append(f'<polyline points="{path}" fill="none" stroke="{_colour(name)}" stroke-width="2"/>')
        lines += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{_colour(name)}"/>' for x, y in at]
    return lines
