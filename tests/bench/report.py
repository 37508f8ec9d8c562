"""What a run found: printed, and written into docs/PERFORMANCE.md with a picture beside it."""

from __future__ import annotations

import datetime
import math
import os
import platform
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from bench.feats import Feat
from bench.limits import WAYS
from bench.plan import BUSY, BUSY_ENOUGH, IDLE, SATURATED, SIZES, Figures, Sample
from bench.subjects import OURS, PEERS

DOCUMENT: Final = Path(__file__).parents[2] / "docs" / "PERFORMANCE.md"
PICTURE: Final = DOCUMENT.with_name("cost.svg")
BEGIN, END = "<!-- measured -->\n", "<!-- /measured -->\n"
ROWS: Final = (
    (IDLE, 100, "one message every 10 ms", "10.5", "8.5"),
    (IDLE, 1_000, "one every 100 ms", "9.0", "7.0"),
    (BUSY, 1_000, "ten in flight", "1.3", "0.9"),
    (SATURATED, 1_000, "a hundred in flight, ten senders", "0.75", "0.45"),
)
"""What is measured where, and what it should be on a quiet machine with two cores."""
COLOURS: Final = {OURS: "#c0392b", "ngIRCd": "#2980b9", "InspIRCd": "#27ae60", "Mosquitto": "#8e44ad"}


def markdown(figures: Figures, feats: Sequence[Feat]) -> str:
    """Return the tables of a run."""
    subjects = [name for name in (OURS, *PEERS) if any(key[0] == name for key in figures.samples)]
    return "\n".join(
        [
            f"Measured {datetime.datetime.now(datetime.UTC):%Y-%m-%d} with Python {platform.python_version()} on "
            f"{os.cpu_count()} cores ({_processor()}).",
            "",
            "### Processor time of a delivery, in µs",
            "",
            *_costs(figures, subjects),
            "",
            "![Processor time of a delivery against members](cost.svg)",
            "",
            "### Time until a message is with everybody, in ms (p50 / p99), idle chat",
            "",
            *_latencies(figures, subjects),
            "",
            "### Memory, in MiB",
            "",
            *_memory(figures, subjects),
            "",
            "### Joining, strangers, starting",
            "",
            *_table(("what", "measured", "wanted"), [(each.what, each.figure, each.wanted) for each in feats]),
            "",
            *(f"* {note}" for note in figures.notes),
        ]
    )


def record(figures: Figures, feats: Sequence[Feat]) -> None:
    """Write the tables between their marks in the document, and the picture."""
    text = DOCUMENT.read_text("utf-8")
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    DOCUMENT.write_text(before + BEGIN + markdown(figures, feats) + END + after, "utf-8")
    PICTURE.write_text(picture(figures), "utf-8")


def _costs(figures: Figures, subjects: Sequence[str]) -> list[str]:
    rows = []
    for load, members, how, reach, aim in ROWS:
        limits = [f"{found:.2f}" if (found := figures.limits.get((way, load, members))) else "" for way in WAYS]
        cells = [_spread(figures.samples.get((name, members, load), [])) for name in subjects]
        rows.append((f"{load}: {how}", f"{members:,}", *limits, *cells, reach, aim))
    return _table(("load", "members", *WAYS, *subjects, "reach", "aim"), rows)


def _spread(samples: Sequence[Sample]) -> str:
    """Return the median of the costs with the least and the greatest, and how busy the crowd was if that may matter."""
    if not samples:
        return ""
    costs = sorted(sample.cost for sample in samples)
    busiest = max(sample.busy for sample in samples)
    crowd = f", crowd {busiest:.0%} busy" if busiest > BUSY_ENOUGH else ""
    return f"**{costs[len(costs) // 2]:.2f}** ({costs[0]:.2f}–{costs[-1]:.2f}{crowd})"


def _latencies(figures: Figures, subjects: Sequence[str]) -> list[str]:
    def cell(name: str, members: int) -> str:
        p50, p99 = (figures.median((name, members, IDLE), what) for what in (_p50, _p99))
        return f"{p50:.2f} / {p99:.2f}" if p50 is not None and p99 is not None else ""

    rows = [(f"{members:,}", *(cell(name, members) for name in subjects)) for members in SIZES]
    return _table(("members", *subjects), rows)


def _p50(sample: Sample) -> float:
    return sample.p50


def _p99(sample: Sample) -> float:
    return sample.p99


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


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
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
    for number, (name, colour) in enumerate(COLOURS.items()):
        x = MARGIN + number * 110
        lines.append(f'<rect x="{x}" y="{HEIGHT + 4}" width="10" height="10" fill="{colour}"/>')
        lines.append(f'<text x="{x + 14}" y="{HEIGHT + 13}">{name}</text>')
    return "\n".join([*lines, "</svg>", ""])


def _panel(figures: Figures, load: str, left: float) -> list[str]:
    points: dict[str, list[tuple[int, float]]] = {}
    for name, members, measured in figures.samples:
        cost = figures.median((name, members, measured), lambda sample: sample.cost)
        if measured == load and cost:
            points.setdefault(name, []).append((members, cost))
    costs = [cost for line in points.values() for _, cost in line] or [1.0]
    low, high = math.floor(math.log10(min(costs))), math.ceil(math.log10(max(costs)) + 1e-9)

    def place(members: float, cost: float) -> tuple[float, float]:
        across, up = math.log10(members / 10) / math.log10(500), (math.log10(cost) - low) / max(1, high - low)
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
        lines.append(f'<polyline points="{path}" fill="none" stroke="{COLOURS[name]}" stroke-width="2"/>')
        lines += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{COLOURS[name]}"/>' for x, y in at]
    return lines
