"""The HTTP interface (docs/WEB.md): turns requests into what a browser asks, and what happens into answers.

Each request passes the same checks in the same order, the cheap ones first: where it comes from, what it asks for, how
much it sends, who sends it.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection, Mapping
from importlib.resources import files
from typing import Any, Final

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from sockatuh.errors import KeyFileError, Refused, SockAtuhError, TooFast
from sockatuh.log import Logger

from .answers import Denied, cached, refuse, tell_said
from .barred import BarredAddresses
from .bodies import read_body
from .browser import Browser
from .browsers import Browsers, DoorFull
from .checked import Checked, speech_for
from .cookies import delete_cookie, find_token_untrusted, set_cookie
from .event_stream import EventStream
from .facts import tell_members
from .feed import Place
from .joining import Joining, is_in, note_refusal
from .lines import NumberUsed, OutOfOrder
from .speech import RIGHT_TO_LEFT, Speech
from .tabs import TooManyStreams
from .template import compact, fill, words_of
from .way import Way

LIST_TIMEOUT: Final = 5.0
"""Seconds to wait for the list of members."""
_PAGE: Final = re.compile(r"[A-Za-z0-9_-]{1,32}")
_MOST_N: Final = 1 << 53


class Door:
    """Answers the requests of one gateway. `names` are its host names, in lower case; `secure`: it speaks TLS.

    `clock` is monotonic seconds.
    """

    def __init__(
        self,
        browsers: Browsers,
        way: Way,
        log: Logger,
        *,
        secure: bool,
        names: Collection[str] = (),
        barred: BarredAddresses | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.browsers, self._way, self._log = browsers, way, log
        self._secure, self._names = secure, frozenset(names)
        self._barred = barred or BarredAddresses()
        self._joining = Joining(browsers, way, log, secure=secure, clock=clock)
        folder = files("sockatuh.web") / "page"
        self._template = compact((folder / "index.html").read_text("utf-8"))
        self._files = {
            name: (compact((folder / name).read_text("utf-8")).encode(), kind)
            for name, kind in (("app.js", "text/javascript"), ("app.css", "text/css"))
        }

    def app(self) -> ASGIApp:
        """Return the application."""
        routes = [
            Route("/", self._page, methods=["GET"]),
            Route("/app.js", self._file, methods=["GET"]),
            Route("/app.css", self._file, methods=["GET"]),
            Route("/me", self._me, methods=["GET"]),
            Route("/join", self._join, methods=["POST"]),
            Route("/events", self._events, methods=["GET"]),
            Route("/say", self._say, methods=["POST"]),
            Route("/who", self._who, methods=["GET"]),
            Route("/leave", self._leave, methods=["POST"]),
        ]
        handlers: Mapping[Any, Any] = {
            404: self._not_found,
            405: self._not_allowed,
            Denied: self._denied,
            ClientDisconnect: self._gone,
            Exception: self._failed,
        }
        app = Starlette(routes=routes, exception_handlers=handlers)
        app.router.redirect_slashes = False  # nothing is answered with an address that came with the request
        return Checked(app, self._log, secure=self._secure, names=self._names)

    # Who sends a request.

    def _browser(self, request: Request, speech: Speech) -> Browser:
        """Return the browser that has sent a request; Denied if it has not joined."""
        browser = self.browsers.find(self._token(request))
        if browser is None or browser.has_left:
            raise Denied(speech.trouble("not_joined"))
        self._refuse_barred(_address(request), browser, speech)
        return browser

    def _refuse_barred(self, address: str, browser: Browser | None, speech: Speech) -> None:
        """Raise Denied for a browser whose address is banned."""
        if (removed := self._barred.find(address, is_known=browser is not None)) is not None:
            note_refusal(self._log, self._way, removed, address)
            raise Denied(speech.explain(removed))

    def _token(self, request: Request) -> str | None:
        return find_token_untrusted(request.headers.get("cookie", ""), secure=self._secure)

    # The page.

    async def _page(self, request: Request) -> Response:
        speech = speech_for(request.headers)
        direction = "rtl" if speech.language in RIGHT_TO_LEFT else "ltr"
        told = {"language": speech.language, "direction": direction, "title": self._way.room or "SockAtuh"}
        page = fill(self._template, words_of(speech.language) | told).encode()
        return cached(request, page, "text/html", {"content-language": speech.language, "vary": "Accept-Language"})

    async def _file(self, request: Request) -> Response:
        data, kind = self._files[request.url.path.removeprefix("/")]
        return cached(request, data, kind)

    # Who a browser is.

    async def _me(self, request: Request) -> Response:
        speech, token = speech_for(request.headers), self._token(request)
        browser = self.browsers.find(token)
        barred = self._barred.find(_address(request), is_known=browser is not None)
        removed = barred or (browser.removed if browser is not None else None)
        told: dict[str, object] = {
            "joined": is_in(browser) and barred is None,
            "room": browser.room_name if browser is not None else None,
            "name": browser.name if browser is not None else None,
            "encrypted": self._secure,
            "max_text": browser.max_text if browser is not None else 16_384,
            "language": speech.language,
        }
        headers = {}
        if removed is not None:
            told |= speech.explain(removed).as_json()
        if browser is not None and token is not None:
            if removed is None and browser.has_left:
                told |= speech.trouble("left").as_json()
            headers["set-cookie"] = set_cookie(token, secure=self._secure)
        return JSONResponse(told, headers=headers)

    async def _join(self, request: Request) -> Response:
        speech = speech_for(request.headers)
        body = await read_body(request, speech)
        token, address = self._token(request), _address(request)
        self._refuse_barred(address, self.browsers.find(token), speech)
        return await self._joining.answer(body, token, address, speech)

    async def _leave(self, request: Request) -> Response:
        speech = speech_for(request.headers)
        body = await read_body(request, speech)
        browser, forget = self.browsers.find(self._token(request)), body.get("forget") is True
        if browser is None:
            raise Denied(speech.trouble("not_joined"))
        name = browser.me
        try:
            await self.browsers.leave(browser, forget=forget)
        except KeyFileError as error:
            note_refusal(self._log, self._way, error, _address(request))
            raise Denied(speech.explain(error)) from None
        self._log.info("browser_left", name=name, forgotten=forget)
        return Response(status_code=204, headers={"set-cookie": delete_cookie(secure=self._secure)} if forget else {})

    # In the room.

    async def _events(self, request: Request) -> Any:
        speech = speech_for(request.headers)
        if request.method == "HEAD":  # which a route for GET takes too: a stream to which nothing is written never ends
            raise Denied(speech.trouble("not_allowed"))
        browser = self._browser(request, speech)
        if browser.wants_password:
            raise Denied(speech.trouble("not_joined"))
        after = request.headers.get("last-event-id") or request.query_params.get("after", "")
        address = _address(request)
        try:
            feed = browser.open_feed(speech, address)
        except TooManyStreams:
            raise Denied(speech.trouble("too_many_streams")) from None
        was_live = browser.is_live
        try:
            await self.browsers.open(browser, address)
            if not was_live:
                self._log.info("browser_back", name=browser.me, address=address, source=self._way.source(address))
        except BaseException as error:
            browser.close_feed(feed)
            if isinstance(error, DoorFull):
                raise Denied(speech.trouble("full")) from None
            if isinstance(error, SockAtuhError | OSError):
                note_refusal(self._log, self._way, error, address)
                raise Denied(speech.explain(error)) from None
            raise
        events = browser.events(feed, Place.parse_untrusted(after))
        return EventStream(events, lambda: browser.close_feed(feed), self._log)

    async def _say(self, request: Request) -> Response:
        speech = speech_for(request.headers)
        body = await read_body(request, speech)
        browser = self._browser(request, speech)
        match body:
            case {"page": str(page), "n": int(n), "text": str(text)} if (
                _PAGE.fullmatch(page)
                and not isinstance(n, bool)
                and 0 < n < _MOST_N
                and isinstance(action := body.get("action", False), bool)
                and isinstance(to := body.get("to", ""), str)
            ):
                pass
            case _:
                raise Denied(speech.trouble("bad_request"))
        try:
            line = browser.outbox.say(page, n, text, action=action, to=to)
        except OutOfOrder as error:
            raise Denied(speech.trouble("out_of_order"), next=error.next) from None
        except NumberUsed:
            raise Denied(speech.trouble("number_used")) from None
        except TooFast:
            raise Denied(speech.trouble("too_fast", 1.0)) from None
        except KeyFileError:
            raise Denied(speech.trouble("not_kept")) from None
        except Refused as error:
            raise Denied(speech.explain(error)) from None
        return tell_said(line, is_answered=not browser.outbox.is_unanswered(page, n), speech=speech)

    async def _who(self, request: Request) -> Response:
        speech = speech_for(request.headers)
        browser = self._browser(request, speech)
        try:
            await self.browsers.open(browser, _address(request))
            return JSONResponse(tell_members(await browser.members(LIST_TIMEOUT), browser.me, speech))
        except DoorFull:
            raise Denied(speech.trouble("full")) from None
        except (SockAtuhError, OSError) as error:
            raise Denied(speech.explain(error)) from None

    # Errors.

    async def _not_found(self, request: Request, _error: Exception) -> Response:
        return refuse(speech_for(request.headers).trouble("not_found"))

    async def _not_allowed(self, request: Request, _error: Exception) -> Response:
        return refuse(speech_for(request.headers).trouble("not_allowed"))

    async def _denied(self, _request: Request, error: Denied) -> Response:
        return refuse(error.trouble, more=error.more)

    async def _failed(self, request: Request, _error: Exception) -> Response:
        return refuse(speech_for(request.headers).trouble("trouble"), 500)

    async def _gone(self, _request: Request, _error: Exception) -> Response:
        return Response(status_code=400)  # nobody reads it


def _address(request: Request) -> str:
    return request.client.host if request.client is not None else ""
