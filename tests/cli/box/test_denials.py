from __future__ import annotations

import shlex
from types import ModuleType
from typing import Final

import pytest
from cli.box.refusals import CODES, refusals
from hostile import TEXTS, faults_of_text

from sockatuh.cli.box.caller import Caller
from sockatuh.cli.box.denials import why_not
from sockatuh.cli.direction import without_marks
from sockatuh.room.text import clean_line
from sockatuh.server.control_lines import MESSAGES

CALLER: Final = Caller()
OF_OTHER_COMMANDS: Final = {"configuration_refused", "unfinished"}


def told(case: str, caller: Caller = CALLER) -> str:
    refusal = refusals()[case]
    return why_not(refusal.denied, refusal.request, caller)


def test_there_is_a_case_for_every_code_of_the_socket() -> None:
    assert {*MESSAGES} - OF_OTHER_COMMANDS - CODES == set()


@pytest.mark.parametrize("case", refusals())
def test_every_refusal_has_words_in_every_language_and_no_code_in_them(case: str, spoken: ModuleType) -> None:
    sentence = told(case)
    assert sentence
    is_known = case != "something new"
    assert (spoken.denied(refusals()[case].denied.code) != sentence) == is_known


def test_who_is_not_here_is_told_with_the_nearest_name_and_the_command() -> None:
    assert told("no_such_member") == "Nobody here is called budy; nearest: budi.\nPerhaps: sockatuh kick budi"
    assert told("no_such_member, nearest none") == "Nobody here is called budy.\nSee: sockatuh sessions"
    assert told("no_such_name").endswith("\nPerhaps: sockatuh ban budi")
    assert told("no_such_name of a mute").endswith("nearest: budi, bud.\nSee: sockatuh names")
    assert told("no_such_member of sessions").endswith("\nPerhaps: sockatuh sessions budi")
    assert told("name_invalid").endswith("\nPerhaps: sockatuh ban name:budi")


def test_a_refusal_that_needs_another_command_first_gives_it() -> None:
    assert told("present", Caller(has_sudo=True)).endswith("Kick first: sudo sockatuh kick budy")
    assert told("name_taken").endswith("kick first: sockatuh kick admin")
    assert told("no_key").endswith("sockatuh ban 192.168.1.20; sockatuh ban name:budy")
    assert told("host_bits").endswith("Ban one of the two: sockatuh ban 10.0.0.0/8; sockatuh ban 10.0.0.5")
    assert told("no_such_order of unban") == "No ban or kick of budy is in force.\nSee: sockatuh bans"
    assert told("no_such_order of unmute").startswith("No mute of 812 ")
    assert told("is_mute") == "812 is a mute, not a ban or a kick.\nTo end it: sockatuh unmute 812"
    assert told("is_ban") == "812 is a ban or a kick, not a mute.\nTo end it: sockatuh unban 812"


def test_an_order_that_waits_is_not_promised_to_be_carried_out() -> None:
    assert "unless what it needs has changed by then" in told("not_stored")
    assert told("not_stored").endswith("What became of it: sockatuh audit. Why: sockatuh status")


def test_an_address_where_none_can_be_is_called_that() -> None:
    assert told("address_invalid") == "budy is not an address or a network, such as 10.0.0.7 or 10.0.0.0/24."
    assert told("address_muted") == "budy cannot be muted: mutes take names and keys, not addresses."


def test_half_the_room_says_how_many_and_what_would_do_it() -> None:
    assert told("half_the_room") == "That is 23 of 31 members; --yes if you mean it."


@pytest.mark.usefixtures("in_indonesian")
def test_in_indonesian_the_numbers_are_written_as_there() -> None:
    assert told("too_many_orders").startswith("10.000 perintah")


def test_no_text_of_a_strangers_gets_through() -> None:
    for name, text in TEXTS.items():
        for case, refusal in refusals(text, text).items():
            sentence = why_not(refusal.denied, refusal.request, CALLER)
            assert faults_of_text(without_marks(sentence)) == [], (name, case)
            assert sentence.count("\n") <= 1, (name, case)


def test_what_may_have_been_meant_is_one_word_for_a_shell() -> None:
    evil = "$(reboot)`id`;o'neil"
    for case, refusal in refusals("budy", evil).items():
        _, _, command = why_not(refusal.denied, refusal.request, CALLER).partition("\nPerhaps: ")
        if command:
            assert clean_line(evil) in shlex.split(command)[-1], case
