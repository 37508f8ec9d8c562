"""A stand-in for the gateway that speaks docs/WEB.md over plain HTTP, and does whatever a test asks at any time.

It has one room without a server behind it. It keeps the contract where the page depends on it (cookies, numbered lines,
ids, streams that go on after one), and none of the checks that are the gateway's alone.
"""

from __future__ import annotations

import json
import queue
import secrets
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from sockatuh.web.template import compact, fill, words_of

PASSWORD: Final = "tulip-harbor"
LOG: Final = "5f3a9c01"
FIRST: Final = 100
"""Entries that a stream without an id begins with."""
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
KINDS: Final = {"": "text/html", "app.js": "text/javascript", "app.css": "text/css"}
Event = dict[str, Any]


def now() -> str:
    """Return the time as the gateway writes it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class WebDouble(ThreadingHTTPServer):
    """The gateway and its room; `host` is the address that browsers use."""

    daemon_threads = True

    def __init__(self, host: str, port: int = 0, language: str = "en", *, encrypted: bool = True) -> None:
        super().__init__((host, port), _Handler)
        self.language, self.encrypted = language, encrypted
        self.log_id = LOG
        self.clock = now
        self.entries: list[Event] = []
        self.members: dict[str, str] = {}
        """Names by cookie."""
        self.away: dict[str, str] = {}
        """The same, of those who have left and may come back."""
        self.taken: dict[tuple[str, int], Event] = {}
        """Own lines by page and number, as they were sent."""
        self.unstored: list[tuple[str, Event]] = []
        """Cookies and lines that were taken and are not in the log."""
        self.stores = True
        """Whether lines are put in the log when they are taken."""
        self.refuses: dict[str, tuple[int, Event]] = {}
        """Answers to give instead, by path."""
        self.posts: list[Event] = []
        self.deaf = False
        """Whether connections are closed without an answer."""
        self.deaf_to: set[str] = set()
        """The same, by path."""
        self.loses_answers = False
        """Whether what is said is stored, and the connection closed before the answer."""
        self.joined: dict[tuple[str, str], str] = {}
        """Cookies by name and page: whoever did not hear the answer gets it again."""
        self.loses_joins = False
        """Whether whoever joins is let in, and the connection closed before the answer."""
        self.answers_joins = threading.Event()
        """Cleared while the room does not answer those who join."""
        self.answers_joins.set()
        self.lost_since = ""
        self.reported: list[str] = []
        """What a browser did against the policy."""
        self.gone_through = 0
        """Entries through this seq are no longer kept."""
        self.followed = 0
        """Streams that were opened."""
        self.changed = threading.Condition()
        self._streams: list[queue.SimpleQueue[Event | None]] = []

    @property
    def url(self) -> str:
        """The address of the page."""
        return f"http://{self.server_address[0]!s}:{self.server_address[1]}/"

    def append(self, kind: str, at: str = "", **facts: Any) -> Event:
        """Put an entry in the log, and send it to all streams."""
        with self.changed:
            event = {"type": kind, "seq": len(self.entries) + 1, "at": at or self.clock(), **facts}
            self.entries.append(event)
            self.send(event)
        return event

    def say(self, name: str, text: str, at: str = "", **facts: Any) -> Event:
        """Say something in the room as somebody without a browser."""
        usual = {"action": False, "own": False, "mine": False, "official": False, "mention": False, "line": None}
        return self.append("message", at, **{"from": name, "text": text, "key": "", **usual, **facts})

    def send(self, event: Event) -> None:
        """Send an event to all streams."""
        with self.changed:
            for each in self._streams:
                each.put(event)

    def notice(self, code: str, **facts: Any) -> None:
        """Send a notice to all streams."""
        self.send({"type": "notice", "code": code, "sentence": "", **facts})

    def cut(self) -> None:
        """End all streams."""
        with self.changed:
            for each in self._streams:
                each.put(None)
            self._streams.clear()

    def store(self) -> None:
        """Put in the log what was taken."""
        with self.changed:
            unstored, self.unstored = self.unstored, []
        for cookie, line in unstored:
            name, facts = self.members.get(cookie, "?"), {"page": line["page"], "n": line["n"]}
            if line.get("to"):
                entry = self.append(
                    "private", to=line["to"], text=line["text"], own=True, mine=True, key="", line=facts,
                    **{"from": name},
                )  # fmt: skip
            else:
                action = bool(line.get("action"))
                entry = self.say(name, line["text"], action=action, own=True, mine=True, line=facts)
            line["seq"] = entry["seq"]
            self.send({"type": "stored", **facts, "seq": entry["seq"]})

    def follow(self, after: int | None) -> tuple[list[Event], queue.SimpleQueue[Event | None]]:
        """Return what a stream begins with, and where it goes on."""
        with self.changed:
            self._streams.append(queue.SimpleQueue())
            self.followed += 1
            if after is None:
                return self.entries[max(self.gone_through, len(self.entries) - FIRST) :], self._streams[-1]
            count = self.gone_through - after
            gap = {"type": "notice", "code": "gone", "after": after, "through": self.gone_through, "count": count,
                   "sentence": "some lines are no longer kept"}  # fmt: skip
            return [*([gap] if count > 0 else []), *self.entries[max(after, self.gone_through) :]], self._streams[-1]

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of a browser that went away."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: WebDouble

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Write nothing."""

    @property
    def cookie(self) -> str:
        return self.headers.get("Cookie", "").partition("sockatuh=")[2].partition(";")[0]

    def do_GET(self) -> None:
        path, query = urlsplit(self.path).path[1:], parse_qs(urlsplit(self.path).query)
        here, name = self.server, self.server.members.get(self.cookie)
        if self._is_stopped(path):
            return
        if path in KINDS:
            words = words_of(here.language) | {"language": here.language, "direction": "ltr", "title": "kitchen"}
            text = (files("sockatuh.web") / "page" / (path or "index.html")).read_text("utf-8")
            self._answer(200, (compact(text) if path else fill(compact(text), words)).encode(), KINDS[path])
        elif path == "me":
            left = here.away.get(self.cookie)
            self._json({
                "joined": bool(name), "room": "kitchen" if name else None, "name": name or left,
                "encrypted": here.encrypted, "max_text": 16384, "language": here.language,
                **({"error": "left", "sentence": "You have left."} if left else {}),
            })  # fmt: skip
        elif path == "who" and name:
            self._json({
                "members": [
                    {"name": each, "me": each == name, "sentence": f"{each} (web)"} for each in here.members.values()
                ],
                "here": len(here.members), "sentence": "",
            })  # fmt: skip
        elif path == "events" and name:
            self._stream(name, self.headers.get("Last-Event-ID") or query.get("after", [""])[0])
        else:
            self._json({"error": "not_joined" if path in ("who", "events") else "not_found", "sentence": "no"}, 401)

    def do_POST(self) -> None:
        path, here, name = self.path[1:], self.server, self.server.members.get(self.cookie)
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if path == "report":
            here.reported.append(json.dumps(body))
            self._answer(204, b"", "")
            return
        here.posts.append({"path": path, **body})
        if path == "join":
            here.answers_joins.wait()
        if self._is_stopped(path):
            return
        if path == "join" and here.away.get(self.cookie) == body["name"]:
            here.members[self.cookie] = here.away.pop(self.cookie)
            self._json({"next": "events", "name": body["name"], "room": "kitchen", "sentence": "Berhasil bergabung!"})
        elif path == "join" and not body.get("password"):
            if body["name"] in ("zoe", *here.members.values()):
                self._json({"error": "name_taken", "sentence": "Somebody has that name.", "suggestion": "zoe2"}, 409)
            else:
                self._json({"next": "password", "name": body["name"], "sentence": "Username valid!"})
        elif path == "join" and body["password"] != PASSWORD:
            self._json({"error": "password_wrong", "sentence": "That is not the room's password."}, 403)
        elif path == "join":
            cookie = self._let_in(body["name"], body["page"])
            if here.loses_joins:
                self.close_connection = True
                return
            self._json(
                {"next": "events", "name": body["name"], "room": "kitchen", "sentence": "Berhasil bergabung!"},
                cookie=f"sockatuh={cookie}; HttpOnly; SameSite=Strict; Path=/; Max-Age=7776000",
            )
        elif name is None:
            self._json({"error": "not_joined", "sentence": "no"}, 401)
        elif path == "say":
            self._say(body)
        elif path == "leave":
            if body["forget"]:
                del here.members[self.cookie]
            else:
                here.away[self.cookie] = here.members.pop(self.cookie)
            here.send({"type": "ended", "error": "left", "sentence": "You have left."})
            here.cut()
            self._answer(204, b"", "", "sockatuh=; Path=/; Max-Age=0" if body["forget"] else "")

    def _let_in(self, name: str, page: str) -> str:
        here = self.server
        if (name, page) not in here.joined:
            cookie = here.joined[name, page] = secrets.token_urlsafe(32)
            here.members[cookie] = name
            here.append("joined", name=name, key="", dialect="web", sentence=f"{name} joined")
        return here.joined[name, page]

    def _say(self, body: Event) -> None:
        here, key = self.server, (body["page"], body["n"])
        with here.changed:
            mine = [n for page, n in here.taken if page == body["page"]]
            if key in here.taken:
                known = here.taken[key]
                if known["text"] != body["text"]:
                    self._json({"error": "number_used", "sentence": "no"}, 409)
                    return
                self._json({"n": body["n"], "state": "stored", "seq": known["seq"]} if "seq" in known else
                           {"n": body["n"], "state": "taken"}, 200 if "seq" in known else 202)  # fmt: skip
                return
            if body["n"] != len(mine) + 1:
                self._json({"error": "out_of_order", "sentence": "no", "next": len(mine) + 1}, 409)
                return
            here.taken[key] = body
            here.unstored.append((self.cookie, body))
        if here.loses_answers:
            self.close_connection = True
        else:
            self._json({"n": body["n"], "state": "taken"}, 202)
        if here.stores:
            here.store()

    def _is_stopped(self, path: str) -> bool:
        if self.server.deaf or path in self.server.deaf_to:
            self.close_connection = True
            return True
        if path in self.server.refuses:
            status, body = self.server.refuses[path]
            self._json(body, status)
            return True
        return False

    def _json(self, body: Event, status: int = 200, cookie: str = "") -> None:
        self._answer(status, json.dumps(body).encode(), "application/json", cookie)

    def _answer(self, status: int, body: bytes, kind: str, cookie: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Security-Policy", f"{POLICY}; report-uri /report")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Cache-Control", "no-store")
        if kind:
            self.send_header("Content-Type", f"{kind}; charset=utf-8")
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        if cookie:
            self.send_header("Set-Cookie", cookie)
        self.end_headers()
        self.wfile.write(body)

    def _stream(self, name: str, after: str) -> None:
        here = self.server
        entries, more = here.follow(int(after.partition("-")[0]) if after else None)
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.close_connection = True
        self.end_headers()
        self.wfile.write(b"retry: 500\n\n")
        pending = [
            {"action": False, "to": "", "at": here.clock(), **line}
            for cookie, line in here.unstored
            if cookie == self.cookie
        ]
        self._send({
            "type": "hello", "v": 1, "room": "kitchen", "name": name, "key": "", "log": here.log_id, "max_text": 16384,
            "pending": pending, "here": len(here.members), "contact": not here.lost_since,
            "since": here.lost_since or None,
        })  # fmt: skip
        for event in entries:
            self._send(event)
        self._send({"type": "notice", "code": "caught_up", "sentence": ""})
        while (event_or_end := more.get()) is not None:
            self._send(event_or_end)

    def _send(self, event: Event) -> None:
        number = f"id: {event['seq']}-{self.server.log_id}\n" if "seq" in event and event["type"] != "stored" else ""
        self.wfile.write(f"{number}data: {json.dumps(event)}\n\n".encode())
        self.wfile.flush()
