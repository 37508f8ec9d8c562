"""Every language says the same: the same modules, names, kinds, parameters, and keys of tables."""

from __future__ import annotations

import string
from pathlib import Path
from typing import Final

import pytest
from wording.languages import ENGLISH, OTHERS, PACKAGES, modules_of, public, shape_of, texts_of

import sockatuh.wording
from sockatuh.cli.verdict import LABEL
from sockatuh.cli.wrapping import reach
from sockatuh.wording import LANGUAGES

ORDINARY: Final = 80
"""The columns of a terminal that nobody has made wider."""


def test_every_package_can_be_chosen_and_every_choice_is_a_package() -> None:
    assert {*PACKAGES} == {*LANGUAGES}


def test_the_guide_and_the_package_name_every_module() -> None:
    modules = {f"`{name}`" for name in modules_of(ENGLISH) if name}
    guide = Path(__file__).parents[2] / "docs/TRANSLATING.md"
    for text in (guide.read_text("utf-8"), sockatuh.wording.__doc__ or ""):
        assert {name for name in modules if name not in text} == set()


@pytest.mark.parametrize("language", OTHERS)
def test_a_language_has_the_same_sentences_as_english(language: str) -> None:
    ours, theirs = modules_of(ENGLISH), modules_of(language)
    assert theirs.keys() == ours.keys()
    for name, module in ours.items():
        here, there = public(module), public(theirs[name])
        assert here.keys() - there.keys() == set(), f"missing from {language}/{name}"
        assert there.keys() - here.keys() == set(), f"only in {language}/{name}"
        differ = {each for each in here if shape_of(here[each]) != shape_of(there[each])}
        assert not differ, f"of another shape in {language}/{name}"


@pytest.mark.parametrize("language", OTHERS)
def test_the_places_for_facts_in_tables_are_the_same(language: str) -> None:
    theirs = modules_of(language)
    for name, module in modules_of(ENGLISH).items():
        for each, value in public(module).items():
            texts = zip(texts_of(value), texts_of(public(theirs[name])[each]), strict=False)
            for ours, other in texts:
                assert places_of(ours) == places_of(other), f"{language}/{name}: {other}"


@pytest.mark.parametrize("language", OTHERS)
def test_the_patterns_of_usage_errors_are_tried_in_the_same_order(language: str) -> None:
    ours, theirs = modules_of(ENGLISH)["usage"], modules_of(language)["usage"]
    assert [*theirs.ERRORS] == [*ours.ERRORS]


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_stands_in_a_column_fits_it(language: str) -> None:
    modules = modules_of(language)
    assert max(map(reach, modules["doctor"].CHECKS.values())) < LABEL
    assert max(map(reach, modules["install"].NEWS.values())) <= reach("unchanged")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_a_name_in_every_language(language: str) -> None:
    assert modules_of(language)["doctor"].LANGUAGES.keys() == LANGUAGES.keys()


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_hint_fits_one_row_of_an_ordinary_terminal(language: str) -> None:
    client, commands = modules_of(language)["client"], modules_of(language)["commands"]
    hints = [
        client.no_contact_since("10:04:31", 11), client.delayed(11.0), client.held(11), client.hit(11, 112),
        client.unseen(112), client.leaving(11), client.pasted(200, 8031), client.OUT_OF_CONTACT, client.SCROLLED,
        client.unknown_command("serach"), client.not_done(client.ME_WHAT), client.not_done(client.SHOW_WHAT),
        *map(client.not_done, (
            commands.MSG_WHAT, commands.REPLY_WHAT, commands.NOBODY_TO_ANSWER, commands.NICK_WHAT, commands.QUIET_WHAT,
            commands.SEARCH_WHAT, commands.HISTORY_NUMBER, commands.COPY_NUMBER, commands.NO_COPYING,
            commands.SAVE_WHAT, commands.UNIGNORE_WHOM, commands.NO_LINES, commands.NO_LINKS,
            commands.under_way("nick"), commands.away_too_long(90, 80), commands.bell_is("mine"),
            commands.nobody_here("budi"), commands.not_ignored("budi"), commands.not_found('"soup"', 812),
            commands.no_line(4321), commands.copy_too_long(70_000, 65_536), commands.is_there("notes.txt"),
        )),
    ]  # fmt: skip
    assert [hint for hint in hints if reach(hint) >= ORDINARY] == []


def places_of(text: str) -> list[str]:
    try:
        return sorted(field for _, field, _, _ in string.Formatter().parse(text) if field)
    except ValueError:  # a brace that is only shown
        return []
