"""The lines of the control socket: JSON objects that are requests, and those that answer them (docs/CONTROL.md).

A request is one line, `{"v":1,"do":…}`. Its answer is any number of items and one last line of the type `done`, `would`
(a dry run) or `error`. Whatever bytes come in, a request or one OrderDenied goes out.
"""

from __future__ import annotations

from typing import Any, Final, TypeAlias

import msgspec

from sockatuh.room.orders import (
    Announced,
    BanSet,
    Done,
    Kicked,
    Lifted,
    LineStruck,
    MuteSet,
    NameReleased,
    Order,
    OrderDenied,
)
from sockatuh.room.text import clean_line

from .box_report import MetricsReport, NameItem, OrderItem, Query, Reloaded, SessionItem, StatusReport

VERSION: Final = 1
MAX_LINE: Final = 65_536
"""Bytes of a request, with its line feed. The lines of an answer may be longer."""
MAX_TOLD: Final = 200
"""Characters that an answer repeats of what is wrong with a request."""

Request: TypeAlias = Order | Query
Item: TypeAlias = StatusReport | SessionItem | NameItem | OrderItem | MetricsReport

MESSAGES: Final[dict[str, str]] = {
    "address_invalid": "that is not an address or a network",
    "address_muted": "an address cannot be muted, only a name or a key",
    "ambiguous": "several are meant by that; say more of it",
    "busy": "as many are connected as may be, or wait to be stored; try again",
    "configuration_refused": "the settings have mistakes; nothing was changed",
    "everybody": "that is everybody there is",
    "half_the_room": "that removes half of the room or more; say yes if it is meant",
    "host_bits": "an address has the length of a network; give the network or the address",
    "internal": "the server made a mistake, which is in its log",
    "is_ban": "the order of that id is a ban or a kick, which unban ends",
    "is_mute": "the order of that id is a mute, which unmute ends",
    "name_free": "that name belongs to nobody",
    "name_invalid": "nobody can have that name",
    "name_taken": "somebody who is here has the name that the admin speaks in",
    "no_key": "that member has no key; its address can be banned, or the name",
    "no_such_key": "the room knows no such key",
    "no_such_line": "the log has no such line, or no longer",
    "no_such_member": "nobody here is called that",
    "no_such_name": "the room remembers nobody who is called that",
    "no_such_order": "no such order is in force",
    "not_a_line": "that entry of the log is not a line",
    "not_an_address": "strangers are refused by address only",
    "not_stored": "the log has not stored it within 5 s; it stays queued, and is done once it is stored, "
    "unless what it needs has changed by then",
    "own_loopback": "that is this machine itself",
    "present": "somebody who is here has that name",
    "stopping": "the server stops; nothing was done",
    "struck_already": "the text of that line is gone already",
    "text_empty": "there is nothing printable in the text",
    "text_too_long": "the text, the reason or the line is too long",
    "timeout": "no whole line came within 5 s",
    "too_many_orders": "10,000 orders are in force; end some",
    "unfinished": "the settings were not read within 30 s; they will be, and the log says what was taken",
    "unknown": "that is no request this server understands",
}
"""What each code means. Commands have sentences of their own, in the language of the terminal."""

ANSWERED_WITH: Final[dict[str, type[Done | Reloaded]]] = {
    "kick": Kicked,
    "ban": BanSet,
    "unban": Lifted,
    "mute": MuteSet,
    "unmute": Lifted,
    "release": NameReleased,
    "announce": Announced,
    "strike": LineStruck,
    "reload": Reloaded,
}
"""The fields of the last line, by what was ordered; queries have none there."""


def decode_request_untrusted(line: bytes) -> Request | OrderDenied:
    """Return the request in a line, or why there is none in it: never half of one, and never an exception."""
    try:
        fields = msgspec.json.decode(line, type=dict[str, Any])
        version = fields.pop("v", None)
        if version != VERSION or isinstance(version, bool):
            return _unknown(f"v should be {VERSION}")
        request: Request = msgspec.convert(fields, Request)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        return _unknown(str(error))
    return request


def _unknown(reason: str) -> OrderDenied:
    return OrderDenied(code="unknown", problems=(clean_line(reason[:MAX_TOLD]),))


def encode_request(request: Request) -> bytes:
    """Return the line of a request."""
    return _line({"v": VERSION, **msgspec.to_builtins(request)})


def encode_item(item: Item) -> bytes:
    """Return the line of an item."""
    return _line({"v": VERSION, **msgspec.to_builtins(item)})


def encode_reply(reply: Done | Reloaded | OrderDenied | None, *, dry_run: bool = False) -> bytes:
    """Return the last line of an answer; None: a query was answered by its items."""
    if isinstance(reply, OrderDenied):
        fields = msgspec.to_builtins(reply)
        message = "; ".join([MESSAGES.get(reply.code, reply.code), *reply.problems])
        return _line({"v": VERSION, "type": "error", "code": fields.pop("code"), "message": message, **fields})
    fields = {} if reply is None else msgspec.to_builtins(reply)
    return _line({"v": VERSION, "type": "would" if dry_run else "done", **fields})


def _line(fields: dict[str, Any]) -> bytes:
    return msgspec.json.encode(fields) + b"\n"
