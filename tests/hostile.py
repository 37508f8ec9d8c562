"""Texts that attack another's terminal or log, by name, and checks that they had no effect."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Final

LIE: Final = "12:00 zoe  I quit"
"""What a text pretends to be a line of the log; zoe is never in the room."""
TITLE: Final = "PWNED"
CLIPBOARD: Final = "cHduZWQ="
MARK: Final = "\u0338"
_TAGS: Final = "".join(chr(0xE0000 + ord(char)) for char in "hidden") + "\U000e007f"
_FAMILY: Final = "\U0001f469\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466"

TEXTS: Final[dict[str, str]] = {
    "escape: clear the screen": f"a\x1b[2J\x1b[77;1H{LIE}",
    "escape: cursor up": f"a\x1b[77A\r{LIE}",
    "escape: colours for ever": "a\x1b[7;31;77mred",
    "escape: title, BEL": f"a\x1b]0;{TITLE}\x07b",
    "escape: title, ST": f"a\x1b]2;{TITLE}\x1b\\b",
    "escape: link": "a\x1b]8;;file:///etc/passwd\x1b\\click\x1b]8;;\x1b\\",
    "escape: clipboard": f"a\x1b]52;c;{CLIPBOARD}\x07",
    "escape: device control": "a\x1bPq#77\x1b\\b\x1b_Ga=77\x1b\\",
    "escape: report": "a\x1b[77n\x1b[c\x1b[>c",
    "escape: reset": "a\x1bc\x1b7\x1b8\x1b[!p",
    "escape: alternate screen": "a\x1b[?1049h\x1b[?47h",
    "escape: alone at the end": "a\x1b",
    "C1: CSI and OSC": f"a\x9b77A\x9d0;{TITLE}\x9c\x90q77\x9c",
    "C1: all of them": "a" + "".join(map(chr, range(0x80, 0xA0))) + LIE,
    "C0: all of them": "a" + "".join(chr(code) for code in range(1, 0x20) if chr(code) not in "\t\n") + "b",
    "NUL": f"a\0{LIE}",
    "CR": f"a\r{LIE}",
    "BEL": "a\a\a\a",
    "BS": f"a{chr(8) * 77}{LIE}",
    "DEL": "a\x7f\x7fb",
    "VT and FF": f"a\v{LIE}\f{LIE}",
    "line feed": f"a\n{LIE}",
    "line feeds and CRs": f"a\r\n\n\r{LIE}\n\n",
    "NEL": f"a\x85{LIE}",
    "line and paragraph separator": f"a\u2028{LIE}\u2029{LIE}",
    "tabs": f"a\t\t\t\t\t\t\t\t\t\t\t{LIE}",
    "bidi overrides": f"a\u202e{LIE[::-1]}\u202c\u202d\u202a\u202b",
    "bidi isolates": "a\u2066x\u2067y\u2068z\u2069\u200e\u200f\u061c",
    "zero width": "a\u200b\u200c\u200d\u2060\ufeff\u00ad\u180eb",
    "tag characters": f"a{_TAGS}b",
    "annotations": "a\ufff9b\ufffac\ufffbd\ufffc",
    "lone surrogates": "a\ud800b\udfffc\udc9b77Ad",
    "fifty marks": "z" + MARK * 50 + "b",
    "marks of every kind": "z" + "\u0301\u0316\u0489\u20dd\u0e49\u093e\U0001d165\u302e" * 25,
    "marks without a base": "\u0301" * 20 + "a",
    "16 KiB of marks to sort": "a" + "\u0301" * 4_000 + "\u0316" * 4_000,
    "16 KiB of emoji": "\U0001f469" * 4_096,
    "joined emoji": "a" + f"{_FAMILY}\u200d" * 40 + LIE,
    "joiners between letters": "p\u200dw\u200dn \U0001f469\u200d\u200d\U0001f469 \U0001f469\u200d",
    "flags": "\U0001f1ee\U0001f1e9" * 200 + LIE,
    "variation selectors": "\u2764\ufe0f\ufe0e" * 20 + "a" + "\ufe0f" * 60 + "\U000e0100" * 60,
    "skin tones": "\U0001f469" + "\U0001f3fd" * 60,
    "conjoining letters": "\u1100" * 40 + "\u1161" * 200 + "\u11a8" * 200,
    "letters without width": "a" + "\u3164" * 30 + "\uffa0" * 30 + "\u115f" * 30 + LIE,
    "blanks that are no spaces": "x" * 68 + "\u2800" + LIE.replace(" ", "\u2800"),
    "RTL": "\u05e9\u05dc\u05d5\u05dd 12:00 \u0627\u0646\u0627 zoe",
    "look-alikes": "\u0430\u0440\u0440\u04cf\u0435 \uff21\uff4e\uff41 \u0391na",
    "one long word": "w" * 400 + "\u00e9" * 400,
    "long word of wide letters": "\u738b" * 300,
    "private use": "a\ue000\uf8ff\U000f0000\U0010fffdb",
    "unassigned": "a\u0378\U0001ffffb",
    "noncharacters": "a\ufffe\uffff\ufdd0\ufdef\U0010ffffb",
    "trailing backslash": "a\\",
    "backslash escapes": "a\\n\\x1b[77A\\u202e\\033]0;PWNED\\007",
    "markup: Rich": "[bold red]a[/] [link=file:///etc/passwd]click[/link] [@click=app.bell]b[/]",
    "markup: prompt_toolkit": "<ansired>a</ansired><style bg='red'>b</style>&lt;&#27;[77A",
    "markup: HTML": "<b onclick='x'>a</b><!-- </b> ]]> &#x202e;",
    "format strings": "a%s%n%1000000d {0} {name} {0.__class__} ${HOME} $(id) `id` \\r",
    "a log line": '2026-01-01T00:00:00Z [info ] member_left name=zoe" } {"v":1,"type":"left","name":"zoe"}',
    "JSON": '"},\n{"v":1,"type":"message","from":"zoe","text":"I quit"}',
    "a notice": "\u2014 the room was closed by its admin \u2014",
    "a command": "/quit",
    "spaces only": " \u00a0\u2003\u3000\u2800\u3164",
    "nothing": "\u200b\u200d\u2060\x1b\x07",
}
"""All of it, as Unicode."""

BYTES: Final[dict[str, bytes]] = {
    "C1 as bytes": b"a\x9b77A\x9d0;PWNED\x9c",
    "C1 as UTF-8": b"a\xc2\x9b77A\xc2\x9d0;PWNED\xc2\x9c",
    "overlong escape": b"a\xc1\x9b[77A",
    "surrogate as UTF-8": b"a\xed\xa0\x80b",
    "cut in a character": b"a\xf0\x9f\x91",
    "beyond Unicode": b"a\xf4\x90\x80\x80",
    "Latin-1": b"caf\xe9",
    "UTF-16": "a\x1b[77A".encode("utf-16"),
}
"""What no text is, and some of what is one."""

COCKTAIL: Final = (
    f"\x1b]0;{TITLE}\x07\x1b[77A\x9b77m\x9d0;{TITLE}\x9c\u202e\u2066\u200b\U000e0041\ue000\u2028\x7f\x08\r\n{LIE}\u0301"
)
"""A bit of everything, short enough for a file's name."""

_FORBIDDEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_ESCAPE: Final = re.compile(
    r"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?"  # operating system commands: title, link, clipboard
    r"|\x1b[P_^X][^\x1b]*(?:\x1b\\)?"
    r"|\x1b\[[0-?]*[ -/]*[@-~]"
    r"|\x1b[ -/]*[0-~]?"
)
_MOST_MARKS: Final = 8


def forbidden_in(text: str) -> str:
    """Return the characters of a text that may not reach a terminal; newlines may, and U+200D between pictures."""
    return "".join(
        char
        for index, char in enumerate(text)
        if (unicodedata.category(char) in _FORBIDDEN and char != "\n" and not _joins(text, index))
    )


def tallest_tower(text: str) -> int:
    """Return how many marks stand over one another at most."""
    tallest = height = 0
    for char in text:
        height = height + 1 if unicodedata.category(char).startswith("M") else 0
        tallest = max(tallest, height)
    return tallest


def escapes_in(text: str) -> list[str]:
    """Return the escape sequences in what a program has written."""
    return _ESCAPE.findall(text)


def without_escapes(text: str) -> str:
    """Return what is left of it."""
    return _ESCAPE.sub("", text)


def lies_in(lines: Iterable[str]) -> list[str]:
    """Return the lines that begin as if zoe had said something, or something else had happened."""
    return [line for line in lines if line.startswith((LIE, LIE.replace(" ", "\u2800"), "zoe ", "\u2014 the room was"))]


def faults_of_text(text: str) -> list[str]:
    """Return what is wrong with something that is to be shown, apart from its line breaks."""
    faults = [f"U+{ord(char):04X}" for char in dict.fromkeys(forbidden_in(text))]
    tower = tallest_tower(text)
    return faults + ([f"{tower} marks on one character"] if tower > _MOST_MARKS else [])


def _joins(text: str, index: int) -> bool:
    if text[index] != "\u200d":
        return False
    before = text[:index].rstrip("\ufe0f")[-1:]
    return all(_is_picture(char) for char in (before, text[index + 1 : index + 2]))


def _is_picture(char: str) -> bool:
    # Sk: skin tones; Sm: the arrows of a few joined pictures.
    return char != "" and unicodedata.category(char) in ("So", "Sk", "Sm")
