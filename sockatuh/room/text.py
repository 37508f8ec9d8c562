"""What a text may hold so that it can do nothing to a terminal or a log but be read.

A text is somebody else's bytes on my screen. Escape sequences begin with control characters, format characters reorder
and hide, and a hundred combining marks climb over the lines above: none of them is let through, at the server and again
at the client. What is kept is what can be seen, the newline and the tab. The categories are those of the Unicode
Character Database that this Python knows, so a character of a newer Unicode is unassigned here and is removed.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

MAX_MARKS: Final = 8
"""Combining marks after one base character; no written language needs more, a tower of them hides its neighbours."""

LINE_MARK: Final = " ⏎ "
"""Stands for a newline where there is only one line."""

TAB: Final = "    "
"""Stands for a tab where the cursor must not jump."""

_FORBIDDEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_MARKS: Final = frozenset({"Mn", "Me"})
_ASCII_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_NOT_INK: Final = re.compile(r"[\s\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]*")
_JOINER: Final = "\u200d"
_SELECTOR: Final = "\ufe0f"
_JOINED_ARROW: Final = "\u2194"


def clean_text(text: str) -> str:
    """Give the text as it is stored: NFC, `\\n` for line ends, nothing forbidden, "" when there is nothing to see.

    Removes the categories Cc (but newline and tab), Cf (but U+200D between emoji), Cs, Co, Cn, Zl and Zp, marks that
    have no base, marks beyond `MAX_MARKS`, and space at the end. Cleaning twice changes nothing.
    """
    if text.isascii() and text.isprintable():
        return text.rstrip()
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if text.isascii():
        return _ASCII_CONTROL.sub("", text).rstrip()
    # What is removed may bring together what then composes; it ends, for the text only shrinks.
    while (cleaned := _clean_once(unicodedata.normalize("NFC", text))) != text:
        text = cleaned
    return "" if _NOT_INK.fullmatch(text) else text


def clean_line(text: str) -> str:
    """Give the text as one line of a terminal or a log: cleaned, newlines as ` ⏎ `, tabs as spaces."""
    return clean_text(text).replace("\n", LINE_MARK).replace("\t", TAB)


def lines_of(text: str) -> list[str]:
    """Give each line of the text as `clean_line` would; no lines when there is nothing to see."""
    cleaned = clean_text(text)
    return [clean_line(line) for line in cleaned.split("\n")] if cleaned else []


def _clean_once(text: str) -> str:
    kept: list[str] = []
    marks = MAX_MARKS  # no base yet
    for index, char in enumerate(text):
        category = unicodedata.category(char)
        if category in _MARKS:
            marks += 1
            if marks > MAX_MARKS:
                continue
        elif char in "\n\t":
            marks = MAX_MARKS
        elif category not in _FORBIDDEN:
            marks = 0
        elif not (char == _JOINER and _joins_emoji(kept, text[index + 1 : index + 2])):
            continue
        kept.append(char)
    return "".join(kept).rstrip()


def _joins_emoji(before: list[str], after: str) -> bool:
    # Python's database has no emoji property; So is close.
    base = next((char for char in reversed(before[-2:]) if char != _SELECTOR), "")
    return _is_picture(base) and (_is_picture(after) or after == _JOINED_ARROW)


def _is_picture(char: str) -> bool:
    # U+1F3FB to U+1F3FF are the skin tones, which follow a picture and are Sk.
    return char != "" and (unicodedata.category(char) == "So" or "\U0001f3fb" <= char <= "\U0001f3ff")
