from __future__ import annotations

import pytest
from cli.people import Person

from sockatuh.cli.which_screen import ScreenKind, choose_screen

XTERM = {"TERM": "xterm"}
USUAL = (80, 24)


@pytest.mark.parametrize(
    ("environ", "size", "options", "screen"),
    [
        (XTERM, USUAL, {}, ScreenKind.FULL),
        (XTERM, (40, 8), {}, ScreenKind.FULL),
        (XTERM, (39, 24), {}, ScreenKind.INLINE),
        (XTERM, (80, 7), {}, ScreenKind.INLINE),
        (XTERM, (10, 3), {"plain": True}, ScreenKind.PLAIN),
        (XTERM, USUAL, {"inline": True}, ScreenKind.INLINE),
        (XTERM, USUAL, {"plain": True, "inline": True}, ScreenKind.PLAIN),
        (XTERM | {"SOCKATUH_SCREEN": "inline"}, USUAL, {}, ScreenKind.INLINE),
        (XTERM | {"SOCKATUH_SCREEN": "plain"}, USUAL, {}, ScreenKind.PLAIN),
        (XTERM | {"SOCKATUH_SCREEN": "full"}, USUAL, {"plain": True}, ScreenKind.PLAIN),
        (XTERM | {"SOCKATUH_SCREEN": ""}, USUAL, {}, ScreenKind.FULL),
        (XTERM, None, {}, ScreenKind.PLAIN),
        ({}, USUAL, {"inline": True}, ScreenKind.PLAIN),
        ({"TERM": "dumb", "SOCKATUH_SCREEN": "full"}, USUAL, {}, ScreenKind.PLAIN),
    ],
)
def test_the_screen_follows_wishes_as_far_as_the_terminal_can(
    environ: dict[str, str], size: tuple[int, int] | None, options: dict[str, bool], screen: ScreenKind
) -> None:
    assert choose_screen(environ, size, **options) is screen


def test_a_screen_that_does_not_exist_is_a_usage_error(person: Person) -> None:
    done = person("nobody", SOCKATUH_SCREEN="ful").call("chat", "kitchen")
    assert (done.returncode, done.stderr) == (2, "SOCKATUH_SCREEN is full, inline or plain; it is 'ful'.\n")
