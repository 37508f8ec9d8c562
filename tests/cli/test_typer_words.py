"""Help pages, usage errors and the manual page in every language: whole, and no word of Typer's left in English."""

from __future__ import annotations

import functools
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest
from machine import unmeasured
from wording.languages import modules_of

from sockatuh.cli.app import COMMANDS
from sockatuh.cli.typer_words import error_in_words, sentence_in_words
from sockatuh.wording import LANGUAGES, usage

PAGES: Final = Path(__file__).parent / "pages"
"""The pages as they were last looked at, a directory for each language; `all` stands for the list of commands.

After a change: COLUMNS=80 SOCKATUH_LANG=id sockatuh send --help >tests/cli/pages/id/send.txt
"""
COMPARED: Final = ("all", "send", "hash-password")
WIDTHS: Final = (80, 40)
ERRORS: Final[dict[str, str]] = {
    # what is typed: the first line of Typer's table that it must find, and say in our words
    "frob": "No such command {value}.",
    "chatt": "No such command {value}. Did you mean {others}?",
    "send --bogus": "No such option: {value}",
    "history --lin 3": "No such option: {value} (Possible options: {others})",
    "completion": "Missing argument {value}. Choose from: {others}",
    "restore": "Missing argument {value}.",
    "send --timeout": "Option {value} requires an argument.",
    "history --joins=3": "Option {value} does not take a value.",
    "chat a b": "Got unexpected extra argument(s) ({value})",
    "completion ksh": "{value} is not one of {others}.",
    "history -n 0": "{value} is not in the range {others}.",
    f"history -n {1 << 63}": "{value} is not in the range {others}.",
    f"tail -n {1 << 63}": "{value} is not in the range {others}.",
    f"chat -n {1 << 63}": "{value} is not in the range {others}.",
    f"tail --after {1 << 63}": "{value} is not in the range {others}.",
    f"strike {1 << 63}": "{value} is not in the range {others}.",
    "strike abc": "{value} is not a valid int range.",
}
SCRIPT: Final = """
import contextlib, io, json, os, sys
from sockatuh.cli.app import COMMANDS, run
from sockatuh.cli.command_tree import read_tree
from sockatuh.cli.manual import manual_page

def said(args, columns=80):
    os.environ["COLUMNS"] = str(columns)
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run(args)
    return out.getvalue() + err.getvalue()

pages = {columns: {name or "all": said([*name.split(), "--help"], columns) for name in ["", *COMMANDS]}
         for columns in json.loads(sys.argv[1])}
errors = {line: said(line.split()) for line in json.loads(sys.argv[2])}
print(json.dumps({"pages": pages, "errors": errors, "manual": manual_page(read_tree())}))
"""


@functools.cache
def spoken(language: str) -> Any:
    """Return all pages, errors and the manual page, from one process that speaks a language."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, json.dumps(WIDTHS), json.dumps([*ERRORS])],
        env={**unmeasured(os.environ), "SOCKATUH_LANG": language}, capture_output=True, encoding="utf-8", check=True,
    )  # fmt: skip
    return json.loads(done.stdout)


@pytest.mark.parametrize("command", COMPARED)
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_help_page_is_the_one_that_was_looked_at(language: str, command: str) -> None:
    kept = (PAGES / language / f"{command}.txt").read_text("utf-8")
    # 0.26 writes choices and required arguments in other brackets
    assert _unbracketed(spoken(language)["pages"]["80"][command]) == _unbracketed(kept)


def _unbracketed(page: str) -> str:
    return re.sub(r"[<>{}\[\]]", "", page)


@pytest.mark.parametrize("columns", WIDTHS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_no_help_page_is_wider_than_the_terminal(language: str, columns: int) -> None:
    for command, page in spoken(language)["pages"][str(columns)].items():
        assert command == "all" or COMMANDS[command]
        # a command or an address to be copied stays whole
        wide = [row for row in page.splitlines() if len(row) > columns and len(row.split()) > 1]
        assert [row for row in wide if columns == max(WIDTHS) or "sockatuh completion" not in row] == [], command


@pytest.mark.parametrize("language", [language for language in LANGUAGES if language != "en"])
def test_nothing_of_typers_is_left_in_english(language: str) -> None:
    english, other = spoken("en"), spoken(language)
    for command, page in other["pages"]["80"].items():
        assert not re.search(
            r"\b(Usage|Options|Arguments|Commands|default|env var):|\bShow this\b|\brequired\]", page
        ), command
    for line, told in other["errors"].items():
        assert told != english["errors"][line]
        assert not re.search(
            r"\b(Usage|Error|Try|No such|Missing|Option|unexpected|Invalid|is not|Possible|mean)\b", told
        ), told
    assert not re.search(r"^\.SH (NAME|SYNOPSIS|OPTIONS|COMMANDS|EXIT STATUS)$", other["manual"], re.MULTILINE)
    assert "Show this" not in other["manual"]


@pytest.mark.parametrize("line", ERRORS)
def test_typers_errors_are_those_of_the_table(line: str) -> None:
    pattern = re.sub(r"\\\{\w+\\\}", ".+", re.escape(modules_of("en")["usage"].ERRORS[ERRORS[line]]))
    assert re.search(pattern + "$", spoken("en")["errors"][line].replace("\n", " ").strip())


def test_a_choice_is_told_on_one_line() -> None:
    assert error_in_words("Missing argument 'X'. Choose from:\n\ta,\n\tb") == "Missing argument 'X'. Choose from: a, b"


def test_a_value_from_a_variable_is_told_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usage, "ERRORS", modules_of("id")["usage"].ERRORS)
    message = "Invalid value for '--trust' (env var: 'SOCKATUH_TRUST'): 'x: (y)' is not one of 'ask', 'strict'."
    told = "Nilai '--trust' (variabel: 'SOCKATUH_TRUST') tidak sah: 'x: (y)' bukan salah satu dari 'ask', 'strict'."
    assert error_in_words(message) == told


@pytest.mark.parametrize(
    "sentence",
    ["", "Plain.", "Ends with [brackets]", "HOST or [IPV6]:PORT; default: none.", "X. [env var: A; default: b; x>=0]"],
)
def test_a_sentence_of_our_own_stays_as_it_is(sentence: str) -> None:
    assert sentence_in_words(sentence) == sentence
