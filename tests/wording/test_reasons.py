"""Each sentence that the packages below the command line make for people is in the table of reasons."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from wording.languages import ENGLISH, OTHERS, modules_of

import sockatuh
from sockatuh.settings.sources import read
from sockatuh.wording.patterns import translated

PACKAGE: Final = Path(sockatuh.__file__).parent
REASONS: Final[dict[str, str]] = modules_of(ENGLISH)["reasons"].REASONS

SOURCES: Final = (
    # whose sentences reach people inside others
    "settings/values.py", "settings/model.py", "settings/secret.py", "settings/sources.py",
    "room/names.py", "room/password.py",
    "net/address.py", "net/sockets.py", "net/resolver.py",
    "client/profile.py",
    "store/files.py", "store/keys.py", "store/ownership.py", "store/trusted_path.py", "store/as_owner.py",
    "store/sources.py", "store/restore.py", "store/draft.py", "store/sqlite_errors.py", "store/database.py",
    "server/backup_watch.py", "server/control.py",
)  # fmt: skip
NO_SENTENCES: Final = {
    # parts, of which the whole is in the table
    "settings/model.py": {
        "no number",
        "should be ",
        "should be true or false",
        "should be a number over {}",
        "should be a whole number from {} to {}",
    },
    "settings/values.py": {
        "; is {} meant?",
        "should be networks like 10.0.0.0/8 or fd00::/8, and {} is none{}",
        "{}. Was the $ eaten by a shell, a compose or an env file? "
        "Write it in 'single quotes'; in a compose file double each $",
    },
    # the first only programmers read, the second is in the socket's JSON
    "server/control.py": {"asyncio calls this in a task", "the line has no end"},
}
_SQL: Final = re.compile(
    r"PRAGMA|BEGIN|SELECT|ROLLBACK|COMMIT|RELEASE|SAVEPOINT|VACUUM|ATTACH|DETACH|INSERT|DELETE|UPDATE"
)
_WORD: Final = re.compile(r"(?<![\w{])[a-z]{2,}(?![\w}])", re.IGNORECASE)


def sentences_in(source: str) -> Iterator[str]:
    """Yield the texts in a module that have several words, with {} for what varies; no docstrings, types or SQL."""
    tree = ast.parse(source)
    passed_over = {id(part) for node in ast.walk(tree) for part in _no_texts(node)}
    for node in ast.walk(tree):
        if id(node) in passed_over:
            continue
        if isinstance(node, ast.JoinedStr):
            text = "".join(part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)  # type: ignore[misc]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = node.value
        else:
            continue
        if " " in text and len(_WORD.findall(text)) > 1 and not _SQL.match(text):
            yield text


def _no_texts(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.JoinedStr):
        yield from node.values
    elif isinstance(node, ast.Expr):
        yield node.value
    elif isinstance(node, ast.AnnAssign | ast.arg) and node.annotation is not None:
        yield from ast.walk(node.annotation)
    elif isinstance(node, ast.FunctionDef) and node.returns is not None:
        yield from ast.walk(node.returns)


NOT_FOR_PEOPLE: Final = {
    # what stands in cli/ and has several words, but is not spoken
    "box/exposition.py": None,  # the help texts of Prometheus's format
    "attendance_picture.py": None,  # styles and classes
    "command_tree.py": {"Made from the help pages of sockatuh."},  # marks files as ours
    "completion_scripts.py": None,  # programs of shells
    "firewalls.py": None,  # commands, and what firewalls print
    "manual.py": None,  # the macros of man
    "rows.py": {"… {} more rows"},  # the log
    "service_files.py": None,  # units
    "timer_files.py": None,  # units
    "program.py": {"{} -m sockatuh", "sockatuh {} (protocol {})"},
    "init.py": {"sockatuh {} (protocol {})", "password_hash = '{}'  # {}", 'state_dir = "."  # {}'},
}
_COMMAND_OR_STYLE: Final = re.compile(r"(sudo|sockatuh|hash-password) |.*\bclass:")


def test_no_sentence_is_made_in_the_command_line_itself() -> None:
    strays: dict[str, set[str]] = {}
    for path in sorted((PACKAGE / "cli").rglob("*.py")):
        module = str(path.relative_to(PACKAGE / "cli"))
        allowed = NOT_FOR_PEOPLE.get(module, set())
        if allowed is not None:
            found = {*sentences_in(path.read_text("utf-8"))} - allowed
            strays[module] = {text for text in found if not _COMMAND_OR_STYLE.match(text)}
    assert {module: found for module, found in strays.items() if found} == {}


@pytest.mark.parametrize("module", SOURCES)
def test_no_sentence_of_the_packages_below_is_missing_from_the_table(module: str) -> None:
    found = {*sentences_in((PACKAGE / module).read_text("utf-8"))} - NO_SENTENCES.get(module, set())
    assert {text for text in found if not is_known(text)} == set()


def is_known(text: str) -> bool:
    """Tell whether a sentence, or each part of it between semicolons, is one of the table."""
    filled = re.sub(r"\{\w*\}", "42", text)
    fits = translated(filled, {pattern: "fits" for pattern in REASONS if not pattern.startswith("{reason}; ")})
    if fits == "fits":
        return True
    return all(is_known(part) for part in text.strip("; ").split("; ")) if "; " in text else False


@pytest.mark.parametrize("language", OTHERS)
def test_every_reason_is_translated_with_its_facts_and_what_it_contains(language: str) -> None:
    in_words = modules_of(language)["reasons"].in_words
    for pattern in REASONS:
        filled = re.sub(r"\{reason\w*\}", "it is damaged", pattern)
        filled = re.sub(r"\{\w+\}", "/srv/a place", filled)
        told = in_words(filled)
        assert told != filled
        assert "it is damaged" not in told, pattern
        assert told.count("/srv/a place") == filled.count("/srv/a place"), pattern


@pytest.mark.parametrize("language", OTHERS)
def test_a_remedy_behind_a_reason_is_translated_with_it(language: str) -> None:
    in_words = modules_of(language)["reasons"].in_words
    for remedy in ("make room there: df -h /a b", "name a directory of your own in SOCKATUH_CLIENT_DIR"):
        assert in_words(f"Permission denied; {remedy}") == f"{in_words('Permission denied')}; {in_words(remedy)}"


SETTINGS: Final = (
    ("classic_networks", "10.0.0.1/8"),
    ("classic_networks", "kitchen"),
    ("nodes", "::"),
    ("nodes", 1),
    ("nodes", [f"10.0.0.{number}" for number in range(9)]),
    ("password_hash", "$2b$12$x"),
    ("classic", "perhaps"),
    ("port", 70_000),
    ("discoverable", "perhaps"),
)


@pytest.mark.parametrize("language", OTHERS)
@pytest.mark.parametrize(("key", "value"), SETTINGS)
def test_what_is_wrong_with_a_setting_is_translated_whole(
    language: str, key: str, value: object, tmp_path: Path
) -> None:
    file = tmp_path / "sockatuh.toml"
    file.write_text(f"{key} = {json.dumps(value)}\n")
    _, _, problems = read({"config": file}, {}, tmp_path, serving=False)
    told = modules_of(language)["admin"].bad_configuration(problems)
    assert len(problems) == 1
    for english in (problems[0].expected, problems[0].origin, "should", "file "):
        assert english not in told
    assert str(file) in told


@pytest.mark.parametrize("text", ["", "not known to anybody", "{reason}", "it is damaged (", "it is damaged (\n)"])
def test_what_fits_nothing_stays_as_it_is(text: str) -> None:
    for language in OTHERS:
        told = modules_of(language)["reasons"].in_words(text)
        assert told == text or "\n" in text


def test_values_are_not_taken_for_patterns_or_places() -> None:
    table = {"it is damaged ({what})": "rusak ({what})"}
    assert translated("it is damaged ({0} {what} %s)", table) == "rusak ({0} {what} %s)"
