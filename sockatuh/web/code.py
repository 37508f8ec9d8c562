"""Draws an address as a QR code in the characters of a terminal, for a phone to read off the screen.

Each character shows two modules, one above the other: half blocks in the foreground colour are light, blanks are dark.
So the code is right on a dark terminal as it is. On a light one it would be inverted, which not every phone reads;
where colours may be used, each row says its own.
"""

from __future__ import annotations

import io
from typing import Final

LIGHT_ON_DARK: Final = "\x1b[97;40m"
"""Bright white on black, whatever the terminal's own colours are."""
AS_BEFORE: Final = "\x1b[0m"
BLOCKS: Final = " ▀▄█"


def draw_code(text: str, columns: int, encoding: str, *, colour: bool = False) -> list[str]:
    """Return the rows of a QR code with its quiet zone (ISO/IEC 18004 §9.1); none if it cannot be shown.

    It cannot where it is wider than the terminal, or where the terminal's encoding has no half blocks. An address such
    as https://192.168.1.20:7680/ takes 33 columns and 17 rows.
    """
    import segno  # 80 ms, and only those who ask for a code need it

    try:
        BLOCKS.encode(encoding)
    except (LookupError, UnicodeEncodeError):
        return []
    code = segno.make(text, micro=False)
    if code.symbol_size()[0] > columns:
        return []
    drawn = io.StringIO()
    code.terminal(drawn, compact=True)
    rows = drawn.getvalue().splitlines()
    return [f"{LIGHT_ON_DARK}{row}{AS_BEFORE}" for row in rows] if colour else rows
