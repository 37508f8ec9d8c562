from __future__ import annotations

import io
import re
from collections.abc import Mapping

import pytest
from client.session_double import SessionDouble, room_of
from hostile import TEXTS, forbidden_in

from sockatuh.cli.errors import ExitCode, Stopped
from sockatuh.cli.notifications import (
    BEL,
    Bell,
    Dialect,
    Notifier,
    Notify,
    call,
    chosen_way,
    dialect_of,
    write_to_terminal,
)
from sockatuh.cli.safe_output import ShownText
from sockatuh.cli.wrapping import reach
from sockatuh.client.items import Back, Here, Item, Lost, Missed, Said, Whispered

TMUX = {"TMUX": "/run/tmux-0/default,1,0"}
KITTY = {"TERM": "xterm-kitty"}


class Ears:
    """A notifier of somebody called tom in kitchen, a clock that the test moves, and what was written."""

    def __init__(self, bell: Bell = Bell.MINE, environ: Mapping[str, str] | None = None) -> None:
        self.now, self.heard = 100.0, list[str]()
        environ = {"TERM": "xterm"} | dict(environ or {})
        self.notifier = Notifier(room_of(SessionDouble()), self.heard.append, environ, bell, lambda: self.now)

    def hear(self, *items: Item) -> int:
        """Return how many of these items somebody was called for, each long after the one before."""
        before = len(self.heard)
        for item in items:
            self.now += 60
            self.notifier.report(item)
        return len(self.heard) - before


def said(text: str, name: str = "ana", *, own: bool = False) -> Said:
    return Said(1, 0, name, text, own=own)


MENTION = said("tom: soup?")
OFFICIAL = Said(3, 0, "admin", "closing at five", official=True)
PRIVATE = Whispered(2, 0, "ana", "tom", "the key is under the mat")


@pytest.mark.parametrize(
    ("bell", "called"), [(Bell.OFF, [0, 0, 0, 0, 0]), (Bell.MINE, [0, 1, 1, 1, 1]), (Bell.ALL, [1, 1, 1, 1, 1])]
)
def test_a_call_is_for_mentions_private_and_official_lines_or_for_all(bell: Bell, called: list[int]) -> None:
    ears = Ears(bell)
    ears.hear(Here())
    assert [ears.hear(item) for item in (said("tomato"), MENTION, said("hey @Tom!"), PRIVATE, OFFICIAL)] == called


def test_nobody_is_called_for_history_or_own_lines() -> None:
    ears = Ears(Bell.ALL)
    assert ears.hear(Missed(2, again=False), MENTION, PRIVATE) == 0
    assert ears.hear(Here(), said("tom", own=True), said("tom", "tom"), Whispered(3, 0, "tom", "ana", "x")) == 0
    assert ears.hear(Back(rewound=True), Missed(1, again=True), MENTION) == 0


def test_a_line_missed_while_out_of_contact_calls() -> None:
    ears = Ears()
    assert ears.hear(Here(), Lost("silence"), Missed(1, again=True), MENTION, Here()) == 1


def test_five_mentions_in_a_second_call_once_and_the_next_after_three() -> None:
    ears = Ears()
    ears.hear(Here())
    for _ in range(5):
        ears.notifier.report(MENTION)
        ears.now += 0.2
    assert len(ears.heard) == 1
    ears.now += 1.9
    ears.notifier.report(MENTION)
    assert len(ears.heard) == 1
    ears.now += 0.2
    ears.notifier.report(MENTION)
    assert len(ears.heard) == 2


def test_nobody_is_called_within_ten_seconds_of_a_key() -> None:
    ears = Ears()
    ears.hear(Here())
    ears.notifier.touch()
    ears.now += 9.9
    ears.notifier.report(MENTION)
    assert ears.heard == []
    ears.now += 0.2
    ears.notifier.report(MENTION)
    assert len(ears.heard) == 1


@pytest.mark.parametrize(
    ("environ", "dialect"),
    [
        ({"TERM": "xterm"}, Dialect.NONE),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "iTerm.app"}, Dialect.ITERM),
        ({"TERM": "tmux-256color", "LC_TERMINAL": "iTerm2"}, Dialect.ITERM),
        (KITTY, Dialect.RXVT),
        ({"TERM": "foot"}, Dialect.RXVT),
        ({"TERM": "rxvt-unicode-256color"}, Dialect.RXVT),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "WezTerm"}, Dialect.RXVT),
        ({"TERM": "xterm-256color", "KONSOLE_VERSION": "220400"}, Dialect.RXVT),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "Apple_Terminal"}, Dialect.NONE),
        ({"TERM": "dumb", "KONSOLE_VERSION": "220400"}, Dialect.NONE),
        ({}, Dialect.NONE),
    ],
)
def test_each_terminal_is_sent_what_it_takes(environ: dict[str, str], dialect: Dialect) -> None:
    assert dialect_of(environ) is dialect


def test_the_sequences_are_these() -> None:
    assert call("ana in kitchen: hi", Dialect.NONE, TMUX) == BEL
    assert call("hi", Dialect.ITERM, {}) == "\x1b]9;hi\x1b\\\a"
    assert call("hi", Dialect.RXVT, {}) == "\x1b]777;notify;SockAtuh;hi\x1b\\\a"
    assert call("hi", Dialect.ITERM, TMUX) == "\x1bPtmux;\x1b\x1b]9;hi\x1b\x1b\\\x1b\\\a"


def test_a_notification_names_who_and_where() -> None:
    ears = Ears(environ=KITTY)
    ears.hear(Here(), MENTION)
    assert "SockAtuh;ana in kitchen: tom: soup?\x1b" in ears.heard[0]


@pytest.mark.parametrize("dialect", [Dialect.ITERM, Dialect.RXVT])
@pytest.mark.parametrize("in_tmux", [True, False])
def test_no_byte_of_a_strangers_text_is_obeyed(dialect: Dialect, in_tmux: bool) -> None:
    for text in [*TEXTS.values(), "a;b;c", "x" * 500]:
        written = call(text, dialect, TMUX if in_tmux else {})
        assert written.count(BEL) == 1
        body = re.sub(r"^(\x1bPtmux;\x1b)?\x1b\](9;|777;notify;SockAtuh;)", "", written)
        body = body.removesuffix(BEL).removesuffix("\x1b\x1b\\\x1b\\" if in_tmux else "\x1b\\")
        assert not forbidden_in(body)
        assert not set(";\n\x1b") & set(body)
        assert reach(body) <= 120


@pytest.mark.parametrize(("value", "calls"), [("off", 0), ("bell", 1), ("terminal", 1), ("", 1)])
def test_the_variable_chooses_the_way(value: str, calls: int) -> None:
    ears = Ears(environ={"SOCKATUH_NOTIFY": value} | KITTY)
    assert ears.hear(Here(), MENTION) == calls
    assert (ears.heard == [BEL]) is (value == "bell")


def test_a_value_that_means_nothing_is_a_usage_error() -> None:
    assert chosen_way({}) is Notify.TERMINAL
    with pytest.raises(Stopped, match=r"SOCKATUH_NOTIFY is off, bell or terminal; it is 'loud'\.") as stopped:
        chosen_way({"SOCKATUH_NOTIFY": "loud"})
    assert stopped.value.exit_code is ExitCode.USAGE


def test_our_own_sequences_pass_the_filter_of_stdout(monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.BytesIO()
    stream = ShownText(written, "utf-8")
    monkeypatch.setattr("sys.stdout", stream)
    stream.write(BEL)
    write_to_terminal(BEL)
    assert written.getvalue() == b"\\u0007\a"
