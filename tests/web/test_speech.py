"""What a browser is told, in the language it asks for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockatuh import NoServer, Refused
from sockatuh.errors import NameTaken, Removed
from sockatuh.web.answers import STATUS
from sockatuh.web.speech import choose_language_untrusted, speech_of
from sockatuh.wording import LANGUAGES
from sockatuh.wording.en import web as english


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("id", "id"),
        ("id-ID,id;q=0.9,en-US;q=0.8", "id"),
        ("en-US,id;q=0.9", "en"),
        ("de,fr;q=0.9", "en"),
        ("de, id;q=0.1", "id"),
        ("id;q=0, en;q=0.1", "en"),
        ("in_ID", "id"),
    ],
)
def test_the_language_is_the_most_wanted_that_we_have(header: str, language: str) -> None:
    assert choose_language_untrusted(header) == language


@given(st.text())
def test_any_header_names_a_language(header: str) -> None:
    assert choose_language_untrusted(header) in LANGUAGES


def test_every_error_has_a_sentence_in_every_language() -> None:
    for language in LANGUAGES:
        speech = speech_of(language)
        for code in ("forbidden", *english.ERRORS):
            assert speech.trouble(code, 3).sentence
        for code in STATUS.keys() - {"forbidden"}:
            assert "refused (" not in speech.explain(Refused(code)).sentence, code


def test_a_refusal_says_what_the_person_can_do_and_no_command_of_the_terminal() -> None:
    for language in LANGUAGES:
        speech = speech_of(language)
        for code in (
            "name_taken",
            "name_owned",
            "name_invalid",
            "password_wrong",
            "ticket_refused",
            "busy",
            "room_full",
        ):
            sentence = speech.explain(Refused(code, 5)).sentence
            assert "--" not in sentence
            assert "`" not in sentence
            assert "Ctrl" not in sentence


def test_an_order_is_told_with_its_end_and_its_reason() -> None:
    told = speech_of("en").explain(Removed("banned", 0, "flooding", None)).as_json()
    assert (told["error"], told["reason"]) == ("banned", "flooding")
    assert "for ever" in str(told["sentence"])
    told = speech_of("en").explain(Refused("muted", 60, "noise")).as_json()
    assert (told["wait"], told["reason"]) == (60, "noise")
    assert isinstance(told["until"], int)


def test_only_a_name_can_be_suggested() -> None:
    speech = speech_of("en")
    assert speech.explain(NameTaken("name_taken", suggestion="ana2")).as_json()["suggestion"] == "ana2"
    assert "suggestion" not in speech.explain(NameTaken("name_taken", suggestion="a b<c>")).as_json()
    assert speech.explain(NoServer("x", 1, "y")).error == "no_server"
    assert speech.explain(RuntimeError()).error == "trouble"
