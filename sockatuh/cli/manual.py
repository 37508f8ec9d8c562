"""Makes the manual page sockatuh(1) from the same text as the help pages: groff_man(7)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from sockatuh.wording import admin as wording
from sockatuh.wording import usage

from .command_tree import MADE_FROM, Command, Parameter

_EXIT_CODE: Final = re.compile(r"^ +(\d+) +(.+)$", re.MULTILINE)


def manual_page(program: Command) -> str:
    """Return the page's source, in ASCII."""
    return "\n".join(_lines(program)) + "\n"


def _lines(program: Command) -> Iterator[str]:
    yield f'.\\" {MADE_FROM}'
    yield f'.TH SOCKATUH 1 "" SockAtuh "{_escaped(usage.MANUAL_TITLE)}"'
    yield ".nh"  # no hyphen in a path or an address
    yield _section("NAME")
    yield f"sockatuh \\- {_escaped(program.summary)}"
    yield _section("SYNOPSIS")
    yield f".B sockatuh\n{_escaped(program.usage)}"
    yield _section("OPTIONS")
    for option in program.options:
        yield from _entry(option)
    yield _section("COMMANDS")
    for command in program.commands:
        yield f".SS sockatuh {_escaped(command.name)} {_escaped(command.usage)}"
        yield from _text(command.text)
        for each in (*command.arguments, *command.options):
            yield from _entry(each)
    yield _section("EXIT STATUS")
    for code, meaning in _EXIT_CODE.findall(wording.HELP_EXIT_CODES):
        yield f".TP\n.B {code}\n{_escaped(meaning)}"


def _section(name: str) -> str:
    return f".SH {_escaped(usage.MANUAL_SECTIONS[name])}"


def _text(text: str) -> Iterator[str]:
    """Yield paragraphs; one that begins with a line of \\b keeps its lines, as on the help page."""
    for number, paragraph in enumerate(text.strip().split("\n\n")):
        if number:
            yield ".PP"
        if paragraph.startswith("\b"):
            yield ".nf\n" + _escaped(paragraph.removeprefix("\b").strip("\n")) + "\n.fi"
        else:
            yield _escaped(" ".join(paragraph.split()))


def _entry(parameter: Parameter) -> Iterator[str]:
    yield f".TP\n.B {_escaped(parameter.term)}"
    yield _escaped(parameter.sentence)


def _escaped(text: str) -> str:
    """Return text that is no markup: hyphens stay hyphens, and a line may begin with a full stop."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-").replace('"', "\\(dq").replace("'", "\\(aq")
    escaped = re.sub(r"^(?=\.)", r"\\&", escaped, flags=re.MULTILINE)
    return "".join(char if char.isascii() else f"\\[u{ord(char):04X}]" for char in escaped)
