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
    long: bool
    seconds: float
    count: str = ""
    figure: str = ""
    broken: str = ""
    missing: str = ""
    late: tuple[str, ...] = ()
    """What took too long at earlier tries."""

    @property
    def held(self) -> bool:
        return not self.broken and not self.missing

    @property
    def command(self) -> str:
        """What repeats it with the same dice."""
        return f"scripts/prove --only {self.attack.name} --seed {self.seed}{' --long' if self.long else ''}"

    @property
    def result(self) -> str:
        """What is printed of it."""
        if self.broken:
            return f"BROKEN: {self.broken}"
        late = f" (at try {len(self.late) + 1}; late before: {'; '.join(self.late)})" if self.late else ""
        return f"NOT TRIED: {self.missing}" if self.missing else f"held: {self.figure}{late}"


def table(rows: Sequence[Row], seconds: float) -> str:
    """Return what is printed at the end of so many seconds: promise, attack, count, result; last what did not hold."""
    lines = []
    for row in rows:
        lines += [
            f"{row.attack.name:<22} {row.attack.promise}",
            f"{'':<22} {row.attack.how}" + (f": {row.count}" if row.count else ""),
            f"{'':<22} {row.result}",
        ]
    failed = [row for row in rows if not row.held]
    lines += [f"{row.attack.name:<22} {row.result}; again with: {row.command}" for row in failed]
    return "\n".join([*lines, f"{len(rows) - len(failed)} of {len(rows)} held, {seconds / 60:.1f} min"])


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
