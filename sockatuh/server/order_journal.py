"""What the server's log says about the admin's orders: one line for each, when its entry is applied."""

from __future__ import annotations

from typing import Final

from sockatuh.log import Logger
from sockatuh.protocol.constants import TAG_LENGTH
from sockatuh.room.entries import (
    Banned,
    Message,
    Muted,
    Ordered,
    Released,
    Removed,
    Struck,
    Unbanned,
    Unmuted,
    what_of,
)
from sockatuh.room.log import Row
from sockatuh.room.meant import LONGEST_NAME
from sockatuh.room.order_decisions import Given
from sockatuh.room.orders import Announce, Ban, Order, Strike, Unban
from sockatuh.room.text import clean_line

EVENTS: Final[dict[type[Ordered], str]] = {
    Removed: "member_kicked",
    Banned: "target_banned",
    Unbanned: "ban_lifted",
    Muted: "target_muted",
    Unmuted: "mute_lifted",
}


def note_order(log: Logger, row: Row) -> None:
    """Log an entry of the admin's; others are left to whoever knows about them."""
    match row.body:
        case Ordered() as body:
            fields: dict[str, object] = {"target": what_of(body), "name": body.name}
            match body:
                case Removed(until=until) | Muted(until=until):
                    fields["until"] = until or "forever"
                case Banned(until=until, strangers=strangers):
                    fields |= {"until": until or "forever", "strangers": strangers}
                case Unbanned(lifted=lifted) | Unmuted(lifted=lifted):
                    fields["lifted"] = lifted
            log.info(EVENTS[type(body)], seq=row.seq, **fields, **_by(body))
        case Released() as body:
            log.info("name_released", seq=row.seq, name=body.name, key=body.owner[:TAG_LENGTH], **_by(body))
        case Struck() as body:
            log.info("line_struck", seq=row.seq, line=body.line, author=body.name, **_by(body))
        case _:
            pass


def note_dropped(log: Logger, order: Order, given: Given, code: str) -> None:
    """Log that an order could not be carried out any more when it could be stored: whoever gave it is not told."""
    match order:
        case Ban(target=target) | Unban(target=target):
            what = target
        case Announce():
            what = ""
        case Strike(seq=seq, last=last):
            what = last if seq is None else str(seq)
        case _:
            what = order.name
    by, login = given.by
    fields = {"order": type(order).__name__.lower(), "target": clean_line(what[:LONGEST_NAME]), "code": code}
    log.warning("order_dropped", **fields, **{"by": by, "as": login})


def note_announcement(log: Logger, row: Row, body: Message, *, log_texts: bool) -> None:
    """Log a line of the admin's; its text as other lines' texts, only if the admin wants that."""
    texts: dict[str, object] = {"text": body.text} if log_texts else {}
    by: dict[str, object] = {"by": body.by, "as": body.as_}
    log.info("announcement_made", seq=row.seq, bytes=len(body.text.encode()), **by, **texts)


def _by(body: Ordered | Released | Struck) -> dict[str, object]:
    """Return who gave an order, and why."""
    reason: dict[str, object] = {"reason": body.reason} if body.reason else {}
    return {"by": body.by, "as": body.as_, **reason}
