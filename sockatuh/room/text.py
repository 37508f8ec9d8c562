"""What a text may contain so that a terminal or a log can only show it.

A text is somebody else's bytes on our screen. Escape sequences begin with control characters, format characters reorder
and hide, and a hundred combining marks climb over the lines above. The server removes all of them, and so does the
client. What can be seen is kept, and so are newline and tab. The categories are those of the Unicode Character Database
of this Python, in which characters of a newer Unicode are unassigned: they are removed.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from itertools import groupby, islice
from typing import Final

MAX_MARKS: Final = 8
"""Combining marks after one base character. No written language needs more; a tower of them hides its neighbours."""

LINE_MARK: Final = " ⏎ "
"""Stands for a newline where there is only one line."""

TAB: Final = "    "
"""Stands for a tab where the cursor must not jump."""

BLANKS: Final = "\u115f\u1160\u2800\u3164\uffa0\U0001d159\U00013441\U00013442"
"""Letters and symbols that look like spaces."""

_FORBIDDEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_MARKS: Final = frozenset({"Mn", "Mc", "Me"})
LATELY: Final = 8
"""Texts whose lines are kept: a screen asks for those of a new line to draw it, to look for mentions, and to ring."""
_MARKS_SORTED: Final = 32
"""Marks in a row that are examined; far more than are kept."""
CONTROL_SEQUENCE: Final = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*(?:[@-~]|\Z)"  # colours, the cursor
    r"|\x1b[()*+][ -~]"  # character sets
    r"|(?:\x1b[]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)"  # titles, links, pictures
)
"""Control sequences (ECMA-48 §5.4, §5.6). They are removed whole; without its first character `[31m` would be left."""
_ASCII_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_NOT_INK: Final = re.compile(rf"[\s{BLANKS}\u034f\u17b4\u17b5\ufe00-\ufe0f\U000e0100-\U000e01ef]*")
_JOINER: Final = "\u200d"
_SELECTOR: Final = "\ufe0f"
_JOINED_ARROW: Final = "\u2194"


def clean_text(text: str) -> str:
    """Return the text as it is stored: NFC, `\\n` for line ends, nothing forbidden, "" if there is nothing to see.

    Removes control sequences whole, and the categories Cc (but newline and tab), Cf (but U+200D between emoji), Cs, Co,
    Cn, Zl and Zp, marks that have no base, marks beyond `MAX_MARKS`, and space at the end. Cleaning twice changes
    nothing.
    """
    if text.isascii() and text.isprintable():
        return text.rstrip()
    text = CONTROL_SEQUENCE.sub("", text).replace("\r\n", "\n").replace("\r", "\n")
    if text.isascii():
        return _ASCII_CONTROL.sub("", text).rstrip()
    text = _cut_runs_of_marks(text)
    # Removing characters may bring together others that then compose. The loop ends because the text only shrinks.
    while (cleaned := _clean_once(unicodedata.normalize("NFC", text))) != text:
        text = cleaned
    return "" if _NOT_INK.fullmatch(text) else text


def clean_line(text: str) -> str:
    """Return the text as one line of a terminal or a log: cleaned, newlines as ` ⏎ `, tabs as spaces."""
    return clean_text(text).replace("\n", LINE_MARK).replace("\t", TAB)


def lines_of(text: str) -> list[str]:
    """Return each line of the text as `clean_line` would; no lines if there is nothing to see."""
    return [*_lines_of(text)]


@lru_cache(maxsize=LATELY)
def _lines_of(text: str) -> tuple[str, ...]:
    cleaned = clean_text(text)
    return tuple(map(clean_line, cleaned.split("\n"))) if cleaned else ()


def judge(text: str) -> Iterator[tuple[str, bool]]:
    """Yield each character, and whether cleaning keeps it where it stands."""
    before = ""  # the last two that were kept
    marks = MAX_MARKS  # no base yet
    for index, char in enumerate(text):
        category = unicodedata.category(char)
        if category in _MARKS:
            marks += 1
            is_kept = marks <= MAX_MARKS
        elif char in "\n\t":
            marks = MAX_MARKS
            is_kept = True
        elif category in _FORBIDDEN:
            is_kept = char == _JOINER and _joins_emoji(before, text[index + 1 : index + 2])
        else:
            marks = 0
            is_kept = True
        if is_kept:
            before = before[-1:] + char
        yield char, is_kept


def _cut_runs_of_marks(text: str) -> str:
    """Shorten runs of marks: normalising sorts them, in time that grows with the square of their length."""
    # Not by combining class: U+0F73 has class 0 but decomposes into two marks that have to be sorted.
    runs = groupby(text, lambda char: unicodedata.category(char) in _MARKS)
    return "".join("".join(islice(run, _MARKS_SORTED) if is_sorted else run) for is_sorted, run in runs)


def _clean_once(text: str) -> str:
    return "".join(char for char, is_kept in judge(text) if is_kept).rstrip()


def _joins_emoji(before: str, after: str) -> bool:
    # Python's database has no emoji property; category So is close.
    base = before.replace(_SELECTOR, "")[-1:]
    return _is_picture(base) and (_is_picture(after) or after == _JOINED_ARROW)


def _is_picture(char: str) -> bool:
    # U+1F3FB to U+1F3FF are the skin tones: category Sk, after a picture.
    return char != "" and (unicodedata.category(char) == "So" or "\U0001f3fb" <= char <= "\U0001f3ff")
