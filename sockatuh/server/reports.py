"""Makes what an admin is told about a running room (`box_report.py`), from its parts and from what the process knows.

Pure: `Vitals` holds what only the process knows, so a report is the same in a test as in a server.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from heapq import nsmallest
from math import isinf
from typing import Final

import msgspec

import sockatuh
from sockatuh.net.address import format_address
from sockatuh.protocol.constants import TAG_LENGTH
from sockatuh.room.decisions import Member
from sockatuh.room.entries import Banned
from sockatuh.room.meant import not_found
from sockatuh.room.moments import find_rfc3339, from_rfc3339
from sockatuh.room.order_book import InForce
from sockatuh.room.orders import OrderDenied

from .box_report import (
    MAX_HERE,
    Asked,
    Bans,
    Here,
    Histogram,
    LastBackup,
    Metrics,
    MetricsReport,
    NameItem,
    Names,
    OrderItem,
    SessionItem,
    Sessions,
    Status,
    StatusReport,
    Trouble,
)
from .build import Parts
from .control_lines import Item
from .dialects.base import Visitor
from .options import Ready, ServiceOptions

FAR_BEHIND: Final = 1_024
"""Entries that a session has not acknowledged, beyond which it counts as behind."""

NEEDS_SURROUNDINGS: Final = (Status, Metrics)
"""Queries whose answers have something that is read from the disk or the interfaces (`surroundings.py`)."""


class Vitals(msgspec.Struct, frozen=True):
    """What the process knows, at `now` (monotonic seconds), which is `wall` in milliseconds since 1970.

    `ready` is where the room can be joined, `started` when it could first (ms since 1970). `database`: its bytes on
    disk. `loop` and `writer`: seconds since the last sign of each. `dropped`: datagrams that the system dropped, by
    reason. `backup` is None if none was made.
    """

    now: float
    wall: int
    ready: Ready
    started: int
    database: int
    storing: bool
    loop: float
    writer: float
    receive_buffer: int
    received: int
    sent: int
    dropped: Mapping[str, int]
    password_checks: int
    commits: Histogram
    turns: Histogram
    troubles: tuple[Trouble, ...]
    backup: LastBackup | None = None


def report(query: Asked, parts: Parts, options: ServiceOptions, vitals: Vitals) -> Iterator[Item] | OrderDenied:
    """Return the items that answer a query. They are made while they are taken, of what was so when this was called."""
    match query:
        case Status():
            return iter([status_report(parts, options, vitals)])
        case Sessions(name=name):
            return session_items(parts, vitals, name)
        case Names(unused=unused):
            return name_items(parts, vitals, unused)
        case Bans():
            return order_items(parts, vitals)
        case Metrics():
            return iter([metrics_report(parts, options, vitals)])


def status_report(parts: Parts, options: ServiceOptions, vitals: Vitals) -> StatusReport:
    """Return how the room and its server are."""
    room, server, ready = parts.room, parts.room_server, vitals.ready
    visitors = server.visitors()
    here = nsmallest(MAX_HERE, room.members, key=lambda member: (member.joined_at, member.key))
    kinds = Counter(order.kind for order in server.orders.book.in_force(vitals.wall))
    return StatusReport(
        room=options.room,
        version=sockatuh.__version__,
        started=_time(vitals.started) or "",
        host=ready.host,
        port=ready.port,
        addresses=ready.addresses,
        words=" ".join(ready.words),
        invite=ready.invite,
        members=room.count,
        max_members=options.max_members,
        lost=server.lost,
        guests=sum(visitor.role != "member" for visitor in visitors),
        here=tuple(_here(member, vitals) for member in here),
        sessions=_by_dialect(visitors),
        head=parts.endpoint.head,
        database=vitals.database,
        storing=vitals.storing,
        unwritten=server.unwritten,
        loop=_rounded(vitals.loop),
        writer=_rounded(vitals.writer),
        orders={kind: kinds[kind] for kind in ("kick", "ban", "mute")},
        dropped=_dropped(parts, vitals),
        receive_buffer=vitals.receive_buffer,
        troubles=vitals.troubles,
        backup=vitals.backup,
    )


def session_items(parts: Parts, vitals: Vitals, name: str = "") -> Iterator[SessionItem] | OrderDenied:
    """Return the sessions that are in, or those under one name, by name and the longest open first."""
    visitors = parts.room_server.visitors()
    if name:
        key = parts.room.key_of(name)
        found = [visitor for visitor in visitors if parts.room.name_key_of(visitor.session) == key]
        if not found:
            return not_found("no_such_member", name, (visitor.name for visitor in visitors))
        visitors = found
    return _session_items(sorted(visitors, key=lambda each: (each.name.casefold(), each.opened_at)), vitals)


def _session_items(visitors: list[Visitor], vitals: Vitals) -> Iterator[SessionItem]:
    for visitor in visitors:
        condition = visitor.dialect.find_condition(visitor, vitals.now)
        if condition is not None:
            yield SessionItem(
                name=visitor.name,
                key=visitor.owner[:TAG_LENGTH],
                role=visitor.role,
                address=format_address(visitor.address),
                dialect=visitor.way,
                version=visitor.version,
                since=_time(_wall_of(visitor.opened_at, vitals)) or "",
                silent=_rounded(condition.silent),
                behind=condition.behind,
            )


def name_items(parts: Parts, vitals: Vitals, unused: float | None = None) -> Iterator[NameItem]:
    """Return the names that belong to keys, the one used last first; `unused`: only those not used for so long."""
    room = parts.room
    present = {member.name: member.owner for member in room.members}
    uses = sorted(room.uses(), key=lambda use: use.at, reverse=True)
    for use in uses:
        is_here = present.get(use.name) == use.owner
        if unused is not None and (is_here or vitals.wall - use.at < unused * 1000):
            continue
        if is_here or room.owner_of(room.key_of(use.name), vitals.wall) == use.owner:
            yield NameItem(name=use.name, key=use.owner[:TAG_LENGTH], used=_time(use.at) or "", here=is_here)


def order_items(parts: Parts, vitals: Vitals) -> Iterator[OrderItem]:
    """Return the orders in force, the oldest first."""
    return map(_order_item, parts.room_server.orders.book.in_force(vitals.wall))


def _order_item(order: InForce) -> OrderItem:
    body = order.body
    return OrderItem(
        id=order.id,
        order=order.kind,
        what=order.what,
        name=body.name,
        key=body.owner[:TAG_LENGTH],
        until=_time(order.until),
        since=_time(order.at) or "",
        by=body.by,
        as_=body.as_,
        reason=body.reason,
        strangers=isinstance(body, Banned) and body.strangers,
        hits=order.hits,
        hit=_time(order.hit_at),
    )


def metrics_report(parts: Parts, options: ServiceOptions, vitals: Vitals) -> MetricsReport:
    """Return the numbers that a monitoring system collects."""
    room, server = parts.room, parts.room_server
    visitors = server.visitors()
    orders = server.orders.book.in_force(vitals.wall)
    return MetricsReport(
        version=sockatuh.__version__,
        room=options.room,
        started=vitals.started / 1000,
        members=room.count,
        members_lost=server.lost,
        sessions=_by_dialect(visitors),
        log_head=parts.endpoint.head,
        log_bytes=vitals.database,
        bans=sum(order.kind == "ban" for order in orders),
        storing=vitals.storing,
        unwritten=server.unwritten,
        lines=server.lines,
        joins=server.joins,
        refused=dict(server.refused),
        datagrams_received=vitals.received,
        datagrams_sent=vitals.sent,
        dropped=_dropped(parts, vitals),
        password_checks=vitals.password_checks,
        commit_seconds=vitals.commits,
        turn_seconds=vitals.turns,
        behind_members=len({visitor.name for visitor in visitors if _is_behind(visitor, vitals)}),
        receive_buffer_bytes=vitals.receive_buffer,
        last_backup=from_rfc3339(at) / 1000 if vitals.backup is not None and (at := vitals.backup.at) else None,
    )


def _is_behind(visitor: Visitor, vitals: Vitals) -> bool:
    condition = visitor.dialect.find_condition(visitor, vitals.now)
    return visitor.role == "member" and condition is not None and condition.behind > FAR_BEHIND


def _here(member: Member, vitals: Vitals) -> Here:
    lost_at = member.lost_at
    lost = None if lost_at is None else vitals.wall if isinf(lost_at) else _wall_of(lost_at, vitals)
    return Here(
        name=member.name,
        key=member.owner[:TAG_LENGTH],
        dialect=member.dialect,
        since=_time(member.joined_at) or "",
        sessions=len(member.sessions),
        lost=_time(lost),
        away=member.away,
    )


def _by_dialect(visitors: list[Visitor]) -> dict[str, int]:
    counts = Counter(visitor.dialect.name for visitor in visitors)
    return {name: counts[name] for name in ("secure", "classic")}


def _dropped(parts: Parts, vitals: Vitals) -> dict[str, int]:
    return dict(parts.room_server.dropped + Counter(vitals.dropped))


def _wall_of(moment: float, vitals: Vitals) -> int:
    """Return the wall time, in milliseconds, of a moment in monotonic seconds."""
    return vitals.wall - int((vitals.now - moment) * 1000)


def _time(at: int | None) -> str | None:
    """Return a time as RFC 3339; None if there is none, or none that a calendar has."""
    return None if at is None else find_rfc3339(at)


def _rounded(seconds: float) -> float:
    return round(max(0.0, seconds), 3)
