"""Decides which screen `chat` takes: the full one, the inline one, or plain lines."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from sockatuh.wording import client as phrases

VARIABLE: Final = "SOCKATUH_SCREEN"
LEAST_COLUMNS: Final = 40
LEAST_ROWS: Final = 8


class ScreenKind(StrEnum):
    """How a chat is shown to a person."""

    FULL = "full"
    INLINE = "inline"
    PLAIN = "plain"


def choose_screen(
    environ: Mapping[str, str],
    size: tuple[int, int] | None,
    *,
    inline: bool = False,
    plain: bool = False,
) -> ScreenKind:
    """Return the screen for a terminal of (columns, rows), None if stdout is no terminal; the options come first.

    A terminal that cannot move its cursor gets plain lines whatever is wanted, and one too small for the full screen
    the inline one. Raises ValueError with a sentence if the variable means nothing.
    """
    value = environ.get(VARIABLE) or ScreenKind.FULL
    if value not in list(ScreenKind):
        raise ValueError(phrases.not_a_screen(VARIABLE, value))
    wanted = ScreenKind.PLAIN if plain else ScreenKind.INLINE if inline else ScreenKind(value)
    term = environ.get("TERM") or ("" if sys.platform != "win32" else "console")
    if size is None or term in ("", "dumb"):
        return ScreenKind.PLAIN
    columns, rows = size
    is_small = columns < LEAST_COLUMNS or rows < LEAST_ROWS
    return ScreenKind.INLINE if wanted is ScreenKind.FULL and is_small else wanted
