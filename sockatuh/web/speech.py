"""What the gateway says to a browser, in the language that the browser asks for.

All languages are loaded side by side: each stream and each answer chooses its own.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Final

import msgspec

from sockatuh.client.items import local_moment
from sockatuh.errors import (
    ClientOutdated,
    IdentityChanged,
    KeyFileError,
    NameTaken,
    NoServer,
    NotInRoom,
    NotPrepared,
    NotStored,
    Refused,
    Removed,
    ServerUnproven,
    TooFast,
    VersionMismatch,
)
from sockatuh.protocol.constants import ADDRESSEE_CODES, ORDER_CODES
from sockatuh.room.text import clean_line
from sockatuh.room.word import is_word
from sockatuh.wording import LANGUAGES, find_language

DEFAULT: Final = "en"
RIGHT_TO_LEFT: Final = frozenset({"ar", "fa", "he", "ur"})
"""Languages that are written from right to left."""
_ISOLATED: Final = "\u2068{}\u2069"
"""A name whose direction does not reorder the sentence around it (UAX #9, FSI and PDI)."""
MOST_LANGUAGES: Final = 16
"""Languages of an Accept-Language header that are looked at."""
_OURS: Final = {
    NoServer: "no_server",
    NotPrepared: "not_prepared",
    NotStored: "not_stored",
    TooFast: "too_fast",
    NotInRoom: "closed",
    IdentityChanged: "identity_changed",
    ServerUnproven: "server_unproven",
    VersionMismatch: "version_mismatch",
    ClientOutdated: "client_outdated",
}


def choose_language_untrusted(accepted: str) -> str:
    """Return the language for an Accept-Language header (RFC 9110 §12.5.4): of those we have, the most wanted."""
    wanted: list[tuple[float, str]] = []
    for part in accepted.split(",")[:MOST_LANGUAGES]:
        tag, *parameters = (each.strip() for each in part.split(";"))
        language = find_language(tag) if len(tag) <= 35 else None
        if language is not None and (quality := _quality(parameters)) > 0:
            wanted.append((quality, language))
    return max(wanted, key=lambda each: each[0], default=(0.0, DEFAULT))[1]


def _quality(parameters: list[str]) -> float:
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                return min(1.0, float(parameter[2:]))
            except ValueError:
                return 0.0
    return 1.0


class Trouble(msgspec.Struct, frozen=True):
    """Why something is not done: a code, a sentence, and what else a page may be told."""

    error: str
    sentence: str
    wait: float = 0.0
    suggestion: str = ""
    until: int | None = None
    reason: str = ""

    def as_json(self) -> dict[str, object]:
        """Return it as the body of an answer."""
        told: dict[str, object] = {"error": self.error, "sentence": self.sentence}
        if self.wait:
            told["wait"] = round(self.wait, 3)
        optional = {"suggestion": self.suggestion, "until": self.until, "reason": self.reason}
        return told | {key: value for key, value in optional.items() if value}


class Speech:
    """The sentences of one language."""

    def __init__(self, language: str) -> None:
        self.language = language
        package = f"sockatuh.wording.{language}"
        # All languages have the same sentences with the same parameters, which tests/wording checks.
        self.client: ModuleType = import_module(f"{package}.client")
        self.admin: ModuleType = import_module(f"{package}.admin")
        self.commands: ModuleType = import_module(f"{package}.commands")
        self.web: ModuleType = import_module(f"{package}.web")

    def trouble(self, code: str, wait: float = 0.0) -> Trouble:
        """Return an error of the gateway's own."""
        sentence = self.web.FORBIDDEN if code == "forbidden" else self.web.ERRORS[code]
        return Trouble(code, sentence + self.web.wait_first(wait), wait)

    def explain(self, error: Exception) -> Trouble:
        """Return an error of the library's as a browser is told it."""
        match error:
            case Refused() if error.code in ORDER_CODES:
                return self._order(error)
            case Refused():
                return self._refused(error)
            case KeyFileError():
                return self.trouble("disk_unusable")
            case _:
                return self.trouble(_OURS.get(type(error), "trouble"))

    def refusal(self, code: str, to: str = "", wait: float = 0.0, detail: str = "") -> Trouble:
        """Return why a line will not be stored; `to` is the addressee of a private one."""
        return self.explain(Refused(code, wait, to if code in ADDRESSEE_CODES else detail))

    def _refused(self, refused: Refused) -> Trouble:
        code, detail = clean_line(refused.code), clean_line(refused.detail)
        suggestion = clean_line(refused.suggestion)
        match code:
            case "no_such_name" if detail:
                sentence = self.client.nobody_called(shown(detail), "")
            case "reads_in_clear" if detail:
                sentence = self.client.reads_in_clear(shown(detail))
            case _ if code in self.web.ERRORS:
                sentence = self.web.ERRORS[code] + self.web.wait_first(refused.wait)
            case _:
                sentence = self.admin.refused(code, refused.wait, "")
        is_name = isinstance(refused, NameTaken) and is_word(suggestion)
        return Trouble(code, sentence, refused.wait, suggestion if is_name else "")

    def _order(self, refused: Refused) -> Trouble:
        reason = clean_line(refused.detail).strip()
        until = refused.until if isinstance(refused, Removed) else end_of(refused.wait)
        now, moment = datetime.now().astimezone(), local_moment(until) if until is not None else None
        why = _ISOLATED.format(reason) if reason else ""
        match refused.code:
            case "kicked":
                span = self.commands.span(refused.wait) if refused.wait else ""
                sentence = self.client.removed(why, span)
            case "banned":
                sentence = self.client.banned(why, moment, now)
            case _:
                sentence = self.client.muted(why, moment, now)
        return Trouble(refused.code, sentence, refused.wait, until=until, reason=reason)


@cache
def speech_of(language: str) -> Speech:
    """Return the sentences of a language that we have."""
    if language not in LANGUAGES:
        raise ValueError(language)
    return Speech(language)


def shown(name: str) -> str:
    """Return a name as it stands in a sentence."""
    cleaned = clean_line(name)
    if not is_word(cleaned):
        cleaned = f'"{cleaned}"'
    return cleaned if cleaned.isascii() else _ISOLATED.format(cleaned)


def end_of(wait: float, clock: Callable[[], float] = time.time) -> int | None:
    """Return when `wait` seconds have passed, in ms since 1970; None for 0, which stands for an unknown time."""
    return int((clock() + wait) * 1000) if wait else None
