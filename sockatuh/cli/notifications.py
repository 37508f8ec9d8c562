"""Calls somebody who is looking elsewhere: a BEL, and a notification of the desktop where the terminal shows one.

Only terminals known to take an operating system command for this (OSC) are sent one, each its own; from others it would
be swallowed, or shown as text. tmux passes one on that is wrapped (and if it is set up to), and rings by itself.
"""

from __future__ import annotations

import io
import re
import sys
import time
from collections.abc import Callable, Mapping
from enum import Enum, StrEnum, auto
from typing import Final, TextIO

from sockatuh.client.items import Back, Here, Item, Said, Whispered
from sockatuh.client.mentions import mentions
from sockatuh.client.room import Room
from sockatuh.room.text import clean_line
from sockatuh.wording import client as phrases

from .errors import ExitCode, stop
from .tmux import through_tmux
from .wrapping import clip

VARIABLE: Final = "SOCKATUH_NOTIFY"
SILENCE: Final = 3.0
"""Seconds between two notifications."""
PRESENCE: Final = 10.0
"""Seconds after a key in which nobody needs to be called."""
LONGEST: Final = 120
"""Columns of a notification's text."""
TITLE: Final = "SockAtuh"
BEL: Final = "\a"
_ESCAPE: Final = "\x1b"
_END: Final = f"{_ESCAPE}\\"
_FORBIDDEN: Final = re.compile(r"[;\x00-\x1f\x7f-\x9f]")


class Notify(StrEnum):
    """By what somebody is called; `terminal`: by a BEL, and by a notification of the desktop if the terminal can."""

    OFF = "off"
    BELL = "bell"
    TERMINAL = "terminal"


class Bell(StrEnum):
    """For which lines somebody is called; `mine`: those that name them, and private lines."""

    OFF = "off"
    MINE = "mine"
    ALL = "all"


class Dialect(Enum):
    """Which OSC a terminal takes."""

    NONE = auto()
    ITERM = auto()
    """OSC 9 with a text."""
    RXVT = auto()
    """OSC 777 with `notify`, a title and a text."""


def chosen_way(environ: Mapping[str, str]) -> Notify:
    """Return what SOCKATUH_NOTIFY asks for, or stop with a usage error if it means nothing."""
    try:
        return find_way(environ)
    except ValueError as error:
        stop(str(error), ExitCode.USAGE)


def find_way(environ: Mapping[str, str]) -> Notify:
    """Return what SOCKATUH_NOTIFY asks for; raises ValueError with a sentence if it means nothing."""
    value = environ.get(VARIABLE) or Notify.TERMINAL
    if value not in list(Notify):
        raise ValueError(phrases.notify_is(VARIABLE, value))
    return Notify(value)


def dialect_of(environ: Mapping[str, str]) -> Dialect:
    """Return which OSC the terminal takes; within tmux the variables of the terminal around it count."""
    term, program = environ.get("TERM", ""), environ.get("TERM_PROGRAM", "")
    if term in ("", "dumb"):
        return Dialect.NONE
    if program == "iTerm.app" or environ.get("LC_TERMINAL") == "iTerm2":
        return Dialect.ITERM
    if (
        program in ("ghostty", "WezTerm")
        or term.startswith(("foot", "rxvt", "xterm-kitty", "xterm-ghostty"))
        or any(environ.get(name) for name in ("KITTY_WINDOW_ID", "KONSOLE_VERSION", "WEZTERM_PANE", "GHOSTTY_BIN_DIR"))
    ):
        return Dialect.RXVT
    return Dialect.NONE


def call(text: str, dialect: Dialect, environ: Mapping[str, str]) -> str:
    """Return what calls somebody, with a text that strangers may have written."""
    shown = clip(_FORBIDDEN.sub(" ", clean_line(text)), LONGEST)
    match dialect:
        case Dialect.NONE:
            return BEL
        case Dialect.ITERM:
            command = f"{_ESCAPE}]9;{shown}{_END}"
        case Dialect.RXVT:
            command = f"{_ESCAPE}]777;notify;{TITLE};{shown}{_END}"
    return through_tmux(command, environ) + BEL


class Notifier:
    """Takes the items of a timeline, and calls for those that concern this person. `bell` may be changed at any time.

    Nobody is called for history, for own lines, twice within SILENCE seconds, or within PRESENCE seconds of a key.
    """

    def __init__(
        self,
        room: Room,
        write: Callable[[str], None],
        environ: Mapping[str, str],
        bell: Bell = Bell.MINE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`write` puts characters on the terminal as they are."""
        self.bell = bell
        self._room, self._write, self._clock = room, write, clock
        self._way = chosen_way(environ)
        self._dialect = dialect_of(environ) if self._way is Notify.TERMINAL else Dialect.NONE
        self._environ = environ
        self._is_live = False
        self._key_at = self._called_at = float("-inf")

    @property
    def is_off(self) -> bool:
        """Tell whether the environment keeps it silent."""
        return self._way is Notify.OFF

    def touch(self) -> None:
        """Note that a key was pressed."""
        self._key_at = self._clock()

    def report(self, item: Item) -> None:
        """Take an item, and call if it is a reason to."""
        match item:
            case Here():
                self._is_live = True
            case Back(rewound=True):  # what is shown next was said before
                self._is_live = False
            case Said() | Whispered() if self._is_live and self._may_call() and self._concerns(item):
                self._called_at = self._clock()
                sentence = phrases.notification(clean_line(item.name), clean_line(self._room.name), item.text)
                self._write(call(sentence, self._dialect, self._environ))
            case _:
                pass

    def _concerns(self, said: Said | Whispered) -> bool:
        if self._room.wrote(said) or self.bell is Bell.OFF:
            return False
        return self.bell is Bell.ALL or isinstance(said, Whispered) or mentions(said, self._room.me)

    def _may_call(self) -> bool:
        now = self._clock()
        return not self.is_off and now - self._called_at >= SILENCE and now - self._key_at >= PRESENCE


def write_to_terminal(text: str, stream: TextIO | None = None) -> None:
    """Write control sequences of our own to a stream (None: stdout), past the filter that escapes those of others."""
    stream = stream or sys.stdout
    if isinstance(stream, io.TextIOWrapper):
        io.TextIOWrapper.write(stream, text)
    else:
        stream.write(text)
    stream.flush()
