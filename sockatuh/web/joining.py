"""How a browser joins (docs/WEB.md, `POST /join`): the name first, then the password; who is back needs only the name.

The room limits who guesses and who asks; where it cannot tell browsers apart, the gateway does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final, TypeAlias

from starlette.responses import JSONResponse, Response

from sockatuh.client.profile import Profile
from sockatuh.errors import KeyFileError, Refused, SockAtuhError
from sockatuh.log import Logger
from sockatuh.room.namekeys import fold
from sockatuh.room.word import one_word

from .answers import Denied
from .browser import Browser
from .browsers import Browsers, DoorFull
from .cookies import set_cookie
from .repeated_joins import RepeatedJoins
from .source_address import place_of
from .speech import Speech
from .tries import Tries
from .turns import TooManyWait, Turns
from .way import Way

JOINING: Final = (32, 8, 128)
"""Joins and questions about names: under way at a time of all, and of one address, and waiting of one address.

They wait on after their connections have ended, so that the limit of those is none of theirs.
"""
NAMES: Final = (30, 1.0)
"""Names that one address may ask about: at once, and one more every so many seconds."""
PASSWORDS_HERE: Final = (30, 2.0)
"""The same for wrong passwords, where the room tells browsers apart and counts for itself."""
PASSWORDS: Final = (5, 12.0)
"""The same, where it does not."""
_PAGE_TO_JOIN: Final = re.compile(r"[A-Za-z0-9_-]{16,32}")
"""Of a join: whoever guesses it within a minute gets the cookie."""
_Joined: TypeAlias = tuple[str, Browser]
"""A browser that has joined, after its cookie."""


class Joining:
    """Answers joins at one gateway. `secure`: it speaks TLS; `clock` is monotonic seconds."""

    def __init__(self, browsers: Browsers, way: Way, log: Logger, *, secure: bool, clock: Callable[[], float]) -> None:
        self._browsers, self._way, self._log = browsers, way, log
        self._secure, self._clock = secure, clock
        self._names_asked = Tries(*NAMES)
        self._wrong = Tries(*(PASSWORDS_HERE if way.tells_browsers_apart else PASSWORDS))
        self._joining = Turns(*JOINING)
        self._joins: RepeatedJoins[_Joined] = RepeatedJoins(clock)

    async def answer(self, body: Mapping[str, Any], token: str | None, address: str, speech: Speech) -> Response:
        """Answer what a browser with the cookie `token` asks from an address; raises Denied."""
        match body:
            case {"name": str(name)} if name.strip() and isinstance(password := body.get("password", ""), str):
                pass
            case _:
                raise Denied(speech.trouble("bad_request"))
        browser = self._browsers.find(token)
        if browser is not None and is_in(browser) and browser.name:
            return _joined(browser, speech)
        place = place_of(address)
        try:
            async with self._joining.turn(place):
                browser = self._browsers.find(token)  # which may have been forgotten, or read anew, meanwhile
                once = _name_of_join(body.get("page"), name) if browser is None else ""
                if (joined := self._find_joined(once)) is None and not password:
                    if browser is not None and browser.has_left and one_word(name) == browser.name:
                        return await self._come_back(browser, address, speech)
                    return await self._ask_name(name, browser, address, place, speech)
                if joined is None:
                    join = partial(self._let_in, token, name, password, address, place, speech)
                    joined = await (self._joins.once(once, join) if once else join())
                token, browser = joined
                return _joined(browser, speech, {"set-cookie": set_cookie(token, secure=self._secure)})
        except DoorFull:
            raise Denied(speech.trouble("full")) from None
        except TooManyWait:
            raise Denied(speech.trouble("too_many_tries", 1.0)) from None
        except (SockAtuhError, OSError) as error:
            if isinstance(error, Refused):
                self._count_wrong(error, place)
            note_refusal(self._log, self._way, error, address)
            raise Denied(speech.explain(error)) from None

    async def _come_back(self, browser: Browser, address: str, speech: Speech) -> Response:
        """Let somebody in who has left, by the ticket; who must give the password again is asked for it."""
        if not browser.wants_password:
            try:
                await self._browsers.open(browser, address, returns=True)
            except Refused:
                if not browser.wants_password:  # set by a refusal that the password mends
                    raise
            else:
                return _joined(browser, speech)
        sentence = speech.trouble("ticket_refused").sentence
        return JSONResponse({"next": "password", "name": browser.me, "sentence": sentence})

    async def _ask_name(self, name: str, browser: Browser | None, address: str, place: str, speech: Speech) -> Response:
        self._count(self._names_asked, place, speech)
        self._names_asked.count(place, self._clock())
        profile = browser.profile if browser is not None else Profile()
        written = await self._way.ask_name(name, profile, address)
        client = speech.client
        sentence = client.NAME_VALID if written == name else client.name_valid_as(written)
        return JSONResponse({"next": "password", "name": written, "sentence": sentence})

    def _find_joined(self, once: str) -> _Joined | None:
        """Return what became of the same join lately, unless that browser has left since."""
        if (joined := self._joins.find(once)) is None:
            return None
        token, _ = joined
        if (browser := self._browsers.find(token)) is not None and not browser.has_left:
            return token, browser
        self._joins.forget(once)
        return None

    async def _let_in(
        self, token: str | None, name: str, password: str, address: str, place: str, speech: Speech
    ) -> _Joined:
        self._count(self._wrong, place, speech)
        token, browser = await self._browsers.join(token, name, password, address)
        fields = {"name": browser.me, "address": address, "source": self._way.source(address)}
        self._log.info("browser_joined", **fields)
        return token, browser

    def _count(self, tries: Tries, place: str, speech: Speech) -> None:
        if wait := tries.wait(place, self._clock()):
            raise Denied(speech.trouble("too_many_tries", wait))

    def _count_wrong(self, error: Refused, place: str) -> None:
        """Count a wrong password, and remember how long the room takes no other one from here."""
        if error.code == "password_wrong":
            self._wrong.count(place, self._clock())
        if error.code in ("password_wrong", "password_wait") and error.wait:
            self._wrong.put_off(place, error.wait, self._clock())


def is_in(browser: Browser | None) -> bool:
    """Tell whether a browser has joined, and nothing keeps it out."""
    return browser is not None and not browser.wants_password and browser.removed is None and not browser.has_left


def note_refusal(log: Logger, way: Way, error: Exception, address: str) -> None:
    """Note in the log that a browser at an address was refused, and why."""
    code = error.code if isinstance(error, Refused) else type(error).__name__
    if isinstance(error, KeyFileError | OSError):  # for whoever can mend it
        code = str(error)
    log.info("browser_refused", address=address, source=way.source(address), reason=code)


def _name_of_join(page: object, name: str) -> str:
    """Return what names a join that may be sent again, "" if nothing does."""
    is_named = isinstance(page, str) and _PAGE_TO_JOIN.fullmatch(page)
    return f"{page} {fold(one_word(name))}" if is_named else ""


def _joined(browser: Browser, speech: Speech, headers: Mapping[str, str] | None = None) -> Response:
    told = {"next": "events", "name": browser.name, "room": browser.room_name, "sentence": speech.client.JOINED}
    return JSONResponse(told, headers=headers)
