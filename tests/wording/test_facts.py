"""Every language shows the same facts, escapes the same ones, and begins no line with one where English does not."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import Final

import pytest
from hostile import COCKTAIL, TEXTS
from wording.languages import ENGLISH, OTHERS, functions_of, modules_of, public, texts_of
from wording.samples import NUMBERS, calls_of

from sockatuh.cli.app import COMMANDS
from sockatuh.room.text import clean_line

SENTENCES: Final = dict(functions_of(ENGLISH))
PLAIN: Final = "xqz"
"""Part of no word of any language."""
ODD: Final = ("format strings", "markup: Rich", "RTL", "backslash escapes", "trailing backslash")
NOT_SHOWN: Final = {
    # sentences that do not show all they are given, with the reason
    "admin.database_unusable": "the remedy begins the next sentence, with a capital",
    "admin.passed_over": "of many variables the first is enough",
    "admin.ready_here": "only host and port matter to whoever sits at the same machine",
    "admin.server_unproven": "the words are of use only while it is unclear whose server this is",
    "client.found_other_key": "a room without a name is known by its address",
    "client.name_refused": "most refusals are about the name just typed",
    "client.still_trying": "the first obstacle begins the sentence, with a capital",
    "doctor.found_rooms": "the first room is examined",
    "install.command_failed": "what the service says explains more than what the command says",
    "install.shortcut_shown": "a shortcut is a link or a script, or another program's file",
}
REASONS: Final = {"reason", "detail", "origin", "remedy", "expected"}
"""The parameters that hold what other packages say in English."""
NO_REASONS: Final = {
    # those that hold a code, or where something stands
    "admin.secret_unusable.origin",
    "admin.server_unproven.reason",
    "admin.went.reason",
    "client.left.reason",
    "client.did_leave.reason",
}
WHOLE_FILES: Final = {"install.file_shown", "install.shortcut_shown"}
"""What these show has lines of its own, under a heading."""
SAME: Final = {
    # what is the same in every language, with the reason
    "client.NAME_VALID": "the greeting of the original program",
    "client.JOINED": "the greeting of the original program",
    "client.MONTHS": "April, September and November",
    "client.milliseconds": "a unit",
    "client.answers": "a unit",
    "client.several_did": "names, and what they did, which comes in",
    "commands.COMMANDS": "what is typed as it stands",
    "commands.NET_ROWS": "a term",
    "commands.not_saved": "no word of ours",
    "doctor.CHECKS": "terms",
    "doctor.key": "no word of ours",
    "doctor.problem": "no word of ours",
    "check.setting": "no word of ours",
    "admin.file_unusable": "no word of ours",
    "admin.wait_first": "empty if there is nothing to wait for",
    "admin.day": "no word of ours",
    "attendance.span": "no word of ours",
    "attendance.was_here": "no word of ours",
    "reasons.in_words": "what is not known stays as it is",
    "reasons.REASONS": "two reasons in one",
    "backup.SERVE": "a command",
    "backup.START_SERVICE": "a command",
    "backup.install_service": "a command",
    "doctor.UNIT_DOWN_REMEDY": "a command",
    "doctor.buffer_remedy": "a command",
    "orders.BANS_COLUMNS": "ID",
    "orders.ALL_BANS_COLUMNS": "ID",
    "orders.AUDIT_COLUMNS": "ID",
    "install.command_shown": "a command",
    "install.file_shown": "a file",
    "install.shortcut_shown": "a file",
    "status.ORDERS": "what is typed as it stands",
    "status.counted": "no word of ours",
    "web.WEB": "a term",
    "web.member": "a name, and remarks, which come in",
    "web.wait_first": "empty if there is nothing to wait for",
}


def told(function: Callable[..., object], values: dict[str, object]) -> str:
    """Return what a function says, whatever it returns."""
    said = function(**values)
    return said if isinstance(said, str) else "\n".join(said)  # type: ignore[arg-type]


@pytest.mark.parametrize("language", OTHERS)
def test_the_same_facts_are_shown_in_every_language(language: str) -> None:
    broken: dict[str, str] = {}
    for name, theirs in functions_of(language):
        for call in calls_of(name, theirs, PLAIN):
            ours, other = told(SENTENCES[name], call.values), told(theirs, call.values)
            shown = [*call.facts, *map(str, NUMBERS)]
            if [fact in ours for fact in shown] != [fact in other for fact in shown]:
                broken[name] = other
    assert not broken


def test_english_shows_every_fact() -> None:
    left_out: set[str] = set()
    for name, function in SENTENCES.items():
        for call in calls_of(name, function, PLAIN):
            if any(fact not in told(function, call.values) for fact in call.facts):
                left_out.add(name)
    assert left_out == {*NOT_SHOWN}


@pytest.mark.parametrize("language", OTHERS)
def test_no_line_begins_with_a_fact_that_does_not_in_english(language: str) -> None:
    broken: dict[str, str] = {}
    for name, theirs in functions_of(language):
        for call in calls_of(name, theirs, PLAIN):
            ours, other = told(SENTENCES[name], call.values), told(theirs, call.values)
            where = [line.startswith(PLAIN) for line in other.split("\n")]
            if (any(where[1:]) and name not in WHOLE_FILES) or (where[0] and not ours.startswith(PLAIN)):
                broken[name] = other
    assert not broken


@pytest.mark.parametrize("language", OTHERS)
def test_what_english_cleans_is_cleaned_in_every_language(language: str) -> None:
    broken: dict[str, str] = {}
    for name, theirs in functions_of(language):
        for call in calls_of(name, theirs, COCKTAIL, [2]):
            ours, other = told(SENTENCES[name], call.values), told(theirs, call.values)
            if other.count(COCKTAIL) != ours.count(COCKTAIL):
                broken[name] = other
    assert not broken


@pytest.mark.parametrize("language", OTHERS)
def test_a_cleaned_text_is_shown_as_it_is(language: str) -> None:
    text = clean_line(" ".join(TEXTS[case] for case in ODD))
    broken: dict[str, str] = {}
    for name, theirs in functions_of(language):
        for call in calls_of(name, theirs, text, [2]):
            ours, other = told(SENTENCES[name], call.values), told(theirs, call.values)
            if [fact in ours for fact in call.facts] != [fact in other for fact in call.facts]:
                broken[name] = other
    assert not broken


@pytest.mark.parametrize("language", OTHERS)
def test_a_reason_in_english_is_translated_by_the_sentence_that_takes_it_in(language: str) -> None:
    reason = "it is damaged"
    left: set[str] = set()
    for name, theirs in functions_of(language):
        for call in calls_of(name, theirs, PLAIN, [2]):
            given = {each: reason for each, value in call.values.items() if each in REASONS and value is not None}
            given = {each: value for each, value in given.items() if f"{name}.{each}" not in NO_REASONS}
            if given and reason in told(theirs, call.values | given).lower():
                left.add(name)
    assert not left


def test_indonesian_writes_large_numbers_with_full_stops() -> None:
    for name, theirs in functions_of("id"):
        for call in calls_of(name, theirs, PLAIN, [8031]):
            other = told(theirs, call.values)
            assert "8,031" not in other, name
            if "8,031" in told(SENTENCES[name], call.values):
                assert "8.031" in other, name


TYPED: Final = re.compile(
    r"(?<![\w-])--?[a-z][a-z-]*|\$[A-Z_]+|SOCKATUH_[A-Z_]+|(?<![\w/.<])/[a-z]+\b|sockatuh://|~?/[a-z]+/[\w./-]+"
    rf"|\bsockatuh (?:{'|'.join(COMMANDS)})\b|\b(?:Ctrl|Alt)-[A-Z]|\b\w+\.(?:toml|md|socket|service)\b"
)
"""What people type or look up: options, variables, commands, paths, keys."""


@pytest.mark.parametrize("language", OTHERS)
def test_what_people_type_is_the_same_in_every_language(language: str) -> None:
    broken: dict[str, object] = {}
    theirs = modules_of(language)
    for module, here in modules_of(ENGLISH).items():
        for name, value in public(here).items():
            for ours, other in zip(texts_of(value), texts_of(public(theirs[module])[name]), strict=False):
                if typed_in(ours) != typed_in(other):
                    broken[f"{module}.{name}"] = typed_in(ours) ^ typed_in(other), other
    for name, function in functions_of(language):
        for call in calls_of(name, function, PLAIN, [2]):
            ours, other = told(SENTENCES[name], call.values), told(function, call.values)
            if typed_in(ours) != typed_in(other):
                broken[name] = typed_in(ours) ^ typed_in(other), other
    assert not broken


def typed_in(text: str) -> set[str]:
    return {*TYPED.findall(text)}


@pytest.mark.parametrize("language", OTHERS)
def test_nothing_is_left_in_english(language: str) -> None:
    assert same_as_english(language) - {*SAME} == set()


def test_what_may_be_the_same_is_so_in_some_language() -> None:
    assert {*SAME} == {name for language in OTHERS for name in same_as_english(language)}


@functools.cache
def same_as_english(language: str) -> frozenset[str]:
    """Return the names of sentences that are the same in a language, of tables if one of their sentences is."""
    theirs, same = modules_of(language), set[str]()
    for module, here in modules_of(ENGLISH).items():
        for name, value in public(here).items():
            texts = zip(texts_of(value), texts_of(public(theirs[module])[name]), strict=False)
            if any(ours == other for ours, other in texts):
                same.add(f"{module}.{name}")
    for name, function in functions_of(language):
        calls = calls_of(name, function, PLAIN)
        if any(told(SENTENCES[name], call.values) == told(function, call.values) for call in calls):
            same.add(name)
    return frozenset(same)
