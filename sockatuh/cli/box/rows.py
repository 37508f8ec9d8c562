"""Makes the rows of the tables: orders in force, names, sessions, and what the audit has read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from sockatuh.cli.naming import shown_name, shown_program
from sockatuh.protocol.constants import TAG_LENGTH
from sockatuh.room.moments import find_rfc3339
from sockatuh.room.text import clean_line
from sockatuh.server.box_report import NameItem, OrderItem, SessionItem
from sockatuh.wording import client as phrases
from sockatuh.wording import orders as wording

from .shown import by, free_text, listed, listed_end, shown_target, target
from .tables import NOTHING

if TYPE_CHECKING:
    from sockatuh.store.audit import Ended, GivenOrder

STRANGERS: Final = "--strangers"
"""Stands behind an address of which only new keys are refused, as it was typed."""
_OURS: Final = "sockatuh "
"""Begins the version string of our own client."""


def order_row(item: OrderItem) -> tuple[str, ...]:
    """Return the row of an order in force; its columns are BANS_COLUMNS."""
    return (
        str(item.id),
        clean_line(item.order),
        _whom(item.what, item.name, strangers=item.strangers),
        listed_end(item.until),
        by(item.by, item.as_),
        listed(item.since),
        str(item.hits),
        listed(item.hit),
        free_text(item.reason),
    )


def name_row(item: NameItem) -> tuple[str, ...]:
    """Return the row of a name; its columns are NAMES_COLUMNS."""
    return (
        shown_name(item.name),
        clean_line(item.key) or NOTHING,
        listed(item.used),
        wording.YES if item.here else NOTHING,
    )


def session_row(item: SessionItem) -> tuple[str, ...]:
    """Return the row of a session; its columns are SESSIONS_COLUMNS."""
    return (
        shown_name(item.name),
        clean_line(item.key) or NOTHING,
        clean_line(item.address),
        clean_line(item.dialect),
        shown_program(item.version.removeprefix(_OURS)) or NOTHING,
        listed(item.since),
        f"{item.silent:.0f}s",
        str(item.behind),
        phrases.ROLES.get(item.role, clean_line(item.role)),
    )


def audit_row(given: GivenOrder) -> tuple[str, ...]:
    """Return the row of an order that was given; its columns are AUDIT_COLUMNS."""
    return (
        str(given.seq),
        _at(given.at),
        wording.own_line(shown_name(given.name)) if given.by is None else by(given.by, given.login),
        given.order,
        _about(given),
        listed_end(given.until) if given.stays else NOTHING,
        free_text(given.text or given.reason),
    )


def past_row(given: GivenOrder, ended: Ended | None) -> tuple[str, ...]:
    """Return the row of a kick, ban or mute that may be over; its columns are ALL_BANS_COLUMNS."""
    return (
        str(given.seq),
        given.order,
        _whom(given.what, given.name, strangers=given.strangers),
        listed_end(given.until),
        by(given.by, given.login),
        _at(given.at),
        _now(ended),
        free_text(given.reason),
    )


def audit_fields(given: GivenOrder) -> Mapping[str, Any]:
    """Return the fields of the JSON line of an order that was given; those that say nothing of it are left out."""
    fields: dict[str, Any] = {"seq": given.seq, "at": find_rfc3339(given.at), "order": given.order}
    match given.order:
        case "announce":
            fields["text"] = given.text
        case "strike":
            fields |= {"line": given.line, "line_at": find_rfc3339(given.line_at), **_person(given)}
        case _:
            fields |= {"what": given.what, **_person(given)}
    if given.stays:
        fields["until"] = given.until
    if given.order == "ban":
        fields["strangers"] = given.strangers
    if given.lifted:
        fields["lifted"] = given.lifted
    return fields | {"by": given.by, "as": given.login, "reason": given.reason}


def past_fields(given: GivenOrder, ended: Ended | None) -> Mapping[str, Any]:
    """Return the fields of the JSON line of a kick, ban or mute that may be over, as the socket has them, and its end.

    How often it was met is known to the server that runs, and not kept.
    """
    return {
        "id": given.seq,
        "order": given.order,
        "what": given.what,
        **_person(given),
        "until": given.until,
        "since": find_rfc3339(given.at),
        "by": given.by,
        "as": given.login,
        "reason": given.reason,
        "strangers": given.strangers,
        "hits": None,
        "hit": None,
        "ended": None if ended is None else find_rfc3339(ended.at),
        "ending": None if ended is None else ended.how,
        "ended_by": None if ended is None else ended.by or None,
    }


def _person(given: GivenOrder) -> dict[str, Any]:
    return {"name": given.name, "key": given.owner[:TAG_LENGTH]}


def _whom(what: str, name: str, *, strangers: bool) -> str:
    return f"{target(what, name)} {STRANGERS}" if strangers else target(what, name)


def _about(given: GivenOrder) -> str:
    match given.order:
        case "announce":
            return NOTHING
        case "strike":
            return wording.line_of(given.line, shown_name(given.name), _at(given.line_at))
        case "release":
            return target(f"key:{given.owner[:TAG_LENGTH]}", given.name)
        case "unban" | "unmute":
            return f"{given.lifted} {shown_target(given.what)}"
        case _:
            return _whom(given.what, given.name, strangers=given.strangers)


def _at(milliseconds: int) -> str:
    return listed(find_rfc3339(milliseconds) or "?")


def _now(ended: Ended | None) -> str:
    if ended is None:
        return wording.IN_FORCE
    match ended.how:
        case "over":
            return wording.OVER
        case "lifted":
            return wording.lifted_by(by(ended.uid, ended.login))
        case "replaced":
            return wording.replaced_by(ended.by)
