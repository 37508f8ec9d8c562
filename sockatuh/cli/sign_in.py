"""Asks a person at a terminal the questions of signing in (client/sign_in.py), and prints its notices."""

from __future__ import annotations

import contextlib
import getpass
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import typer

from sockatuh.client.items import (
    Moved,
    NameFree,
    NameRefused,
    NoAnswerYet,
    Notice,
    NotRemembered,
    PasswordWrong,
    Preparing,
    SignedIn,
    TryLater,
    Unreachable,
    Waiting,
)
from sockatuh.client.room_password import RoomPassword
from sockatuh.client.server_address import short_form
from sockatuh.client.sign_in import Reason
from sockatuh.room.text import clean_line
from sockatuh.wording import admin as wording
from sockatuh.wording import client as phrases

from .arguments import FROM_STDIN, password_in_file, password_in_variable
from .naming import shown_name, whose
from .questions import ask, ask_hidden, may_ask, tell
from .terminal_echo import unseen

PASSWORD_VARIABLE: Final = "SOCKATUH_PASSWORD"  # noqa: S105 - its name


class AtTerminal:
    """Asks on stderr and reads stdin, with echo off until the client is in the room.

    Somebody who is in the room already is asked for a new password by `ask_again`, which a screen sets; `hides_again`
    turns echo off while that question waits for an answer. `lasting` are the remarks made while signing in that
    still matter afterwards: a screen that covers them shows them again, and sets `show_notice` for later ones.
    """

    def __init__(self) -> None:
        self.lasting: list[str] = []
        self.show_notice: Callable[[str], None] | None = None
        self.ask_again: Callable[[str], Awaitable[str]] | None = None
        self.hides_again = False
        self._hidden = contextlib.ExitStack()
        self._is_hidden = False

    def hide(self) -> None:
        """Turn echo off: a password may be typed at any time."""
        if not self._is_hidden:
            self._is_hidden = True
            self._hidden.enter_context(unseen())

    def take_notice(self, notice: Notice, *, is_asked: bool) -> None:
        """Print a notice of signing in; `is_asked`: a person is there, who wants to know all of them."""
        if (sentence := _lasting_sentence(notice)) is None:
            _tell_notice(notice, is_asked=is_asked)
            return
        remark = sentence.removesuffix(".")
        if self.show_notice is not None:
            self.show_notice(remark)
        else:
            self.lasting.append(remark)
            tell(sentence)

    def answered(self) -> None:
        """Turn echo on again."""
        self._is_hidden = False
        self._hidden.close()

    async def name(self, suggested: str) -> str:
        """Ask for a name until one is given."""
        while not (name := ask(phrases.ask_name(suggested)) or suggested):
            pass
        return name

    async def password(self, reason: Reason) -> str:
        """Ask for the room's password."""
        if reason is Reason.JOINING:
            return ask_hidden(phrases.ASK_PASSWORD)
        if self.ask_again is None or not may_ask():
            return ""
        if self.hides_again:
            self.hide()
        why = phrases.PASSWORD_WRONG if reason is Reason.WRONG else phrases.PASSWORD_CHANGED
        while not (password := await self.ask_again(why)):
            pass
        return password


def _lasting_sentence(notice: Notice) -> str | None:
    """Return what a notice says if that still matters in the room."""
    match notice:
        case Moved(room, server, before):
            return phrases.moved(shown_name(room), short_form(server), short_form(before))
        case NotRemembered(error):
            return phrases.not_remembered(clean_line(error.path), error.reason)
        case _:
            return None


def _tell_notice(notice: Notice, *, is_asked: bool) -> None:
    """Print a notice that matters only while signing in."""
    match notice:
        case Waiting(None):
            tell(phrases.HELD)
        case Waiting(float(seconds)):
            tell(phrases.delayed(seconds))
        case Unreachable(obstacles):
            tell(phrases.still_trying(wording.in_the_way(obstacles)))
        case NoAnswerYet(server):
            tell(phrases.no_answer_yet(short_form(server)))
        case _ if not is_asked:
            pass
        case Preparing():
            tell(phrases.PREPARING)
        case NameFree(name, written):
            tell(phrases.NAME_VALID if written == name else phrases.name_valid_as(written))
        case NameRefused(name, why):
            tell(phrases.name_refused(why.code, whose(why), name))
        case PasswordWrong(words):
            tell(phrases.password_unproven(words) if words else phrases.PASSWORD_WRONG)
        case TryLater(seconds, many_guess):
            tell((phrases.many_guess if many_guess else phrases.waiting)(seconds))
        case SignedIn():
            tell(phrases.JOINED)
        case _:
            pass


def given_password(file: str | None, environ: Mapping[str, str]) -> RoomPassword:
    """Return the password from a file, stdin or the environment, if any; a file may be read again later."""
    if not file:
        value = environ.get(PASSWORD_VARIABLE)
        return RoomPassword(password_in_variable(PASSWORD_VARIABLE, value) if value else None)
    given = password_in_file(file)
    if file == FROM_STDIN:
        return RoomPassword(given)

    def read() -> str | None:
        try:
            return password_in_file(file)
        except (OSError, typer.Exit):  # the file is unusable at the moment
            return None

    return RoomPassword(given, read)


def login_name() -> str:
    """Return this person's login name, "" if the system does not say."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return ""
