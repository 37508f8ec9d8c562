"""What the picture and the timeline of `history` say, and their options."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from sockatuh.wording.facts import fact

HELP_SVG: Final = "With --joins: draw who was here when, as a picture (SVG), to FILE; `-` is stdout."
HELP_TIMELINE: Final = "Who was here when, as a row of characters for each name."
HELP_FORCE: Final = "With --svg: replace FILE."

SVG_NEEDS_JOINS: Final = "--svg draws who came and went: add --joins."
NO_JSON: Final = "--svg and --timeline are for people: leave --json out. `history --joins --json` lists the sessions."
NOT_BOTH: Final = "--svg and --timeline are two forms of the same: choose one."
ONLY_A_SPAN: Final = (
    "--svg and --timeline show a span of time: choose it with --since, and leave -n, --after, --all and --private out."
)
FORCE_WHAT: Final = "--force replaces the FILE of --svg."

NOBODY: Final = "Nobody was here."
HERE: Final = "here"
LOST: Final = "contact lost"
HERE_NOW: Final = "here now"


def span(began: str, ended: str, zone: str) -> str:
    """Name the span of time that is shown, in local time."""
    return f"{began} – {ended} ({zone})"


def heading(room: str) -> str:
    """Name what is shown."""
    return f"Who was in {room}"


def busiest(count: int, at: str) -> str:
    """Say how many were here at once at most, and when."""
    return f"{count} at once at most, {at}"


def others(count: int) -> str:
    """Count the names that are not shown."""
    return f"and {count} more name{'' if count == 1 else 's'}, here for less time"


def lasting(minutes: int) -> str:
    """Show a span of time."""
    hours, rest = divmod(minutes, 60)
    return f"{hours} h {rest:02} min" if hours else f"{rest} min"


def was_here(name: str, began: str, ended: str, code: str) -> str:
    """Say from when to when somebody was here, and why not longer."""
    return f"{name}: {began} – {ended} ({code})" if code else f"{name}: {began} – {ended}"


def is_here(name: str, began: str) -> str:
    """Say since when somebody is here."""
    return f"{name}: since {began}"


def was_lost(name: str, began: str, ended: str) -> str:
    """Say from when to when there was no contact with somebody."""
    return f"{name}: contact lost {began} – {ended}"


def is_lost(name: str, began: str) -> str:
    """Say since when there is no contact with somebody."""
    return f"{name}: contact lost since {began}"


def wrote(file: Path, names: int) -> str:
    """Say that the picture is there."""
    return f"Wrote {fact(file)}: {names} name{'' if names == 1 else 's'}."
