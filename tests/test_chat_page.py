"""docs/CHAT.md names the commands, the keys, the marks and the variables that there are, and no others."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

from prompt_toolkit.buffer import Buffer
from prompt_toolkit.keys import Keys

from sockatuh.cli.commands.table import COMMANDS
from sockatuh.cli.fullscreen.keys import bind_keys
from sockatuh.cli.input_line import PASTED_BYTES, REMEMBERED, InputLine
from sockatuh.cli.notifications import PRESENCE, SILENCE, Bell, Dialect, Notify, dialect_of
from sockatuh.cli.rendering import LONGEST, SHORTENED
from sockatuh.cli.tab_completion import TabCompletion
from sockatuh.cli.which_screen import LEAST_COLUMNS, LEAST_ROWS, ScreenKind
from sockatuh.settings.sources import CLIENT_VARIABLES
from sockatuh.wording.en.commands import COMMANDS as HELP

PAGE: Final = (Path(__file__).parent.parent / "docs/CHAT.md").read_text("utf-8")
KEYS: Final = {
    "Enter": "c-m", "Tab": "c-i", "Up": "up", "Down": "down", "Page Up": "pageup", "Page Down": "pagedown",
    "End": "end", "Esc": "escape", "F2": "f2",
}  # fmt: skip
UNSPOKEN: Final = {("<sigint>",), ("<bracketed-paste>",), ("c-end",)}
"""What is bound and is no key of the table: a signal, a paste, and what End does with a full input as well."""
TERMINALS: Final = {
    "iTerm2": {"TERM_PROGRAM": "iTerm.app"},
    "kitty": {"TERM": "xterm-kitty"},
    "Ghostty": {"TERM": "xterm-ghostty"},
    "foot": {"TERM": "foot"},
    "WezTerm": {"TERM_PROGRAM": "WezTerm"},
    "Konsole": {"KONSOLE_VERSION": "230800"},
    "rxvt": {"TERM": "rxvt-unicode-256color"},
}


def table(heading: str) -> list[list[str]]:
    """Return the cells of the first table below a heading, without its own first row."""
    section = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\|(.*)\|$", section, re.MULTILINE)
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", row)] for row in rows[2:]]


def sequence(name: str) -> tuple[str, ...]:
    """Return the keys of a name as prompt_toolkit calls them: `Ctrl-X Ctrl-E` is ("c-x", "c-e")."""
    if name in KEYS:
        return (KEYS[name],)
    if " " in name:
        return tuple(key for part in name.split() for key in sequence(part))
    modifier, _, key = name.partition("-")
    assert modifier in ("Alt", "Ctrl"), name
    return (
        ("escape", *sequence(key))
        if modifier == "Alt" and key in KEYS
        else (("escape", key.lower()) if modifier == "Alt" else (f"c-{key.lower()}",))
    )


class Anything:
    """Does nothing, whatever it is asked to."""

    def __getattr__(self, name: str) -> Any:
        return lambda *_: False


def bound() -> set[tuple[str, ...]]:
    """Return all key sequences that the full screen knows."""
    line = InputLine(Buffer(multiline=True), TabCompletion({}, list), lambda _: None)
    scrolling = bind_keys(Anything(), Buffer(), is_searching=lambda: False)
    return {
        tuple(key.value if isinstance(key, Keys) else key for key in binding.keys)
        for bindings in (line.keys, scrolling)
        for binding in bindings.bindings
    }


def test_the_page_has_every_key_of_the_screen_and_no_other() -> None:
    told = {sequence(name) for names, _ in table("Keys") for name in names.split(", ")}
    assert told == bound() - UNSPOKEN


def test_the_page_has_every_command_with_its_arguments_and_no_other() -> None:
    told = [word.replace("\\|", "|") for names, _ in table("Commands") for word in re.findall(r"`(/[^`]+)`", names)]
    assert sorted(told) == sorted(f"/{name} {HELP[name][0]}".rstrip() for name in COMMANDS)


def test_terminals_are_notified_as_the_page_says() -> None:
    ways = {"OSC 9, BEL": Dialect.ITERM, "OSC 777, BEL": Dialect.RXVT}
    told = {name: ways[way] for names, way in table("Being called") if way in ways for name in names.split(", ")}
    assert told == {name: dialect_of({"TERM": "xterm-256color"} | environ) for name, environ in TERMINALS.items()}


def test_the_numbers_of_the_page_are_the_programs() -> None:
    for number in (
        f"than {LONGEST} rows shows {SHORTENED}",
        f"{PASTED_BYTES:,} bytes waits",
        f"before: {REMEMBERED},",
        f"within {PRESENCE:.0f} seconds of pressing a key, or twice within {SILENCE:.0f} seconds",
        f"under {LEAST_ROWS} rows or {LEAST_COLUMNS} columns",
    ):
        assert number in PAGE, number


def test_variables_and_their_values_exist() -> None:
    named = set(re.findall(r"SOCKATUH_[A-Z_]+", PAGE))
    assert named <= CLIENT_VARIABLES
    assert {"SOCKATUH_SCREEN", "SOCKATUH_NOTIFY", "SOCKATUH_LANG"} <= named
    assert {value for _, value in re.findall(r"(SOCKATUH_SCREEN)=(\w+)", PAGE)} < {*ScreenKind}
    assert all(f"`{value}`" in PAGE or f"={value}`" in PAGE for value in Notify)
    assert "[{}]".format(r"\|".join(Bell)) in PAGE


def test_each_screen_is_in_the_table() -> None:
    assert [row[0] for row in table("Which screen")] == [*ScreenKind]
