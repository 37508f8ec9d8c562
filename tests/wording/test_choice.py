"""The language is chosen by our own variable, else by the locale; what programs read is in English."""

from __future__ import annotations

import io
from collections.abc import Mapping

import pytest

from sockatuh import wording
from sockatuh.cli.language import FOR_PROGRAMS, speak_english_to_programs
from sockatuh.wording import choose_language, find_unknown

CHOICES: dict[str, tuple[Mapping[str, str], str]] = {
    "nothing set": ({}, "en"),
    "our variable": ({"SOCKATUH_LANG": "id"}, "id"),
    "our variable before the locale": ({"SOCKATUH_LANG": "en", "LC_ALL": "id_ID.UTF-8"}, "en"),
    "an empty variable": ({"SOCKATUH_LANG": "", "LC_ALL": "", "LC_MESSAGES": "", "LANG": "id_ID.UTF-8"}, "id"),
    "LC_ALL before LC_MESSAGES": ({"LC_ALL": "en_GB.UTF-8", "LC_MESSAGES": "id_ID", "LANG": "id_ID"}, "en"),
    "LC_MESSAGES before LANG": ({"LC_MESSAGES": "id_ID", "LANG": "de_DE.UTF-8"}, "id"),
    "a locale of another language": ({"LANG": "de_DE.UTF-8"}, "en"),
    "one that only begins the same": ({"LANG": "idx_ID"}, "en"),
    "no language": ({"LC_ALL": "C", "LANG": "id_ID.UTF-8"}, "en"),
    "no language in UTF-8": ({"LC_ALL": "C.UTF-8", "LANG": "id_ID.UTF-8"}, "en"),
    "POSIX": ({"LC_MESSAGES": "POSIX", "LANG": "id_ID.UTF-8"}, "en"),
    "the code that was withdrawn in 1989": ({"LANG": "in_ID.ISO8859-1"}, "id"),
    "in the way of the web": ({"SOCKATUH_LANG": "id-ID"}, "id"),
    "with a modifier": ({"LANG": "id_ID@euro"}, "id"),
    "capitals": ({"SOCKATUH_LANG": "ID"}, "id"),
    "a language we do not have, before one we have": ({"SOCKATUH_LANG": "xx", "LANG": "id_ID"}, "en"),
    "no code at all": ({"SOCKATUH_LANG": "\x1b[2J\n", "LANG": "id_ID"}, "en"),
}


@pytest.mark.parametrize("case", CHOICES)
def test_the_first_variable_that_is_not_empty_chooses(case: str) -> None:
    environ, language = CHOICES[case]
    assert choose_language(environ) == language


@pytest.mark.parametrize(
    ("environ", "unknown"),
    [
        ({}, None),
        ({"SOCKATUH_LANG": ""}, None),
        ({"SOCKATUH_LANG": "id_ID.UTF-8"}, None),
        ({"SOCKATUH_LANG": "C"}, None),
        ({"LANG": "xx"}, None),  # a locale is for all programs, and nobody promised to have it
        ({"SOCKATUH_LANG": "xx"}, "xx"),
        ({"SOCKATUH_LANG": "en\nid"}, "en\nid"),
    ],
)
def test_only_our_own_variable_can_ask_for_a_language_that_is_not_there(
    environ: Mapping[str, str], unknown: str | None
) -> None:
    assert find_unknown(environ) == unknown


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("args", "stderr", "is_for_programs"),
    [
        (["who", "--json"], _Terminal(), True),
        (["--json", "who"], _Terminal(), True),
        (["send", "--", "--json"], _Terminal(), False),
        (["who"], io.StringIO(), False),
        (["serve"], io.StringIO(), True),
        (["serve"], _Terminal(), False),
        (["send", "serve"], io.StringIO(), False),
        ([], io.StringIO(), False),
    ],
)
def test_what_programs_read_is_in_english(args: list[str], stderr: io.StringIO, is_for_programs: bool) -> None:
    environ = dict[str, str]()
    speak_english_to_programs(args, environ, stderr)
    assert (wording.FOR_PROGRAMS in environ) is is_for_programs


def test_the_variable_has_one_name() -> None:
    assert FOR_PROGRAMS == wording.FOR_PROGRAMS
