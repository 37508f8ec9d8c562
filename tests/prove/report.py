"""The table of a run, and the same figures in docs/RELIABILITY.md."""

from __future__ import annotations

import datetime
import platform
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from prove.attack import Attack

DOCUMENT = Path(__file__).parents[2] / "docs" / "RELIABILITY.md"
NO_FIGURE = "not yet"
HEADER = ("| promise | attack | command | figure last seen |", "|---|---|---|---|")


@dataclass(frozen=True, slots=True)
class Row:
    """What became of an attack: it was withstood (`figure`), or `broken` or `missing` says why not."""

    attack: Attack
    seed: int
    seconds: float
    count: str = ""
    figure: str = ""
    broken: str = ""
    missing: str = ""

    @property
    def held(self) -> bool:
        return not self.broken and not self.missing

    @property
    def result(self) -> str:
        """What is printed of it."""
        if self.broken:
            return f"BROKEN: {self.broken}"
        return f"NOT TRIED: {self.missing}" if self.missing else f"held: {self.figure}"


def table(rows: Sequence[Row], seconds: float) -> str:
    """Return what is printed at the end of so many seconds: promise, attack, count, result."""
    lines = []
    for row in rows:
        lines += [
            f"{row.attack.name:<22} {row.attack.promise}",
            f"{'':<22} {row.attack.how}" + (f": {row.count}" if row.count else ""),
            f"{'':<22} {row.result}",
        ]
    held = sum(row.held for row in rows)
    return "\n".join([*lines, f"{held} of {len(rows)} held, {seconds / 60:.1f} min"])


def document_row(attack: Attack, figure: str) -> str:
    """Return an attack's row of the document."""
    return f"| {attack.promise} | {attack.how} | `scripts/prove --only {attack.name}` | {figure} |"


def figures(document: str) -> dict[str, str]:
    """Return what the document says was last seen, by attack."""
    rows = re.findall(r"^\|.*\| `scripts/prove --only (\S+)` \| (.*) \|$", document, re.MULTILINE)
    return dict(rows)


def record(rows: Iterable[Row]) -> None:
    """Write the figures of what held into the document; what did not keeps what it had."""
    text = DOCUMENT.read_text("utf-8")
    today = f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}, Python {platform.python_version()}"
    for row in rows:
        if row.held:
            new = document_row(row.attack, f"{row.count}: {row.figure} ({today})")
            old = re.compile(rf"^\|.*\| `scripts/prove --only {re.escape(row.attack.name)}` \|.*\|$", re.MULTILINE)
            text = old.sub(lambda _, new=new: new, text)  # type: ignore[misc]
    DOCUMENT.write_text(text, "utf-8")
