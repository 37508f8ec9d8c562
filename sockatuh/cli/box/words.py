"""Says what the server did, or would do, in the sentences that a command prints."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from msgspec import UnsetType

from sockatuh.cli.direction import apart
from sockatuh.cli.naming import shown_name
from sockatuh.room import orders
from sockatuh.room.text import clean_line
from sockatuh.wording import orders as wording

from .caller import Caller
from .shown import moment, shown_target, term, whom

MOST_NAMED: Final = 20
"""Names in one sentence; the others are counted."""
_NAMES_A_NAME: Final = "name:"


def in_words(reply: orders.Done, order: orders.Order, caller: Caller, *, is_dry: bool = False) -> list[str]:
    """Return the sentences about what an order did, or with `is_dry` would do; each is a line of its own."""
    match reply, order:
        case orders.Kicked(), orders.Kick():
            told = _kicked(reply, order, caller, is_done=not is_dry)
        case orders.BanSet(), orders.Ban():
            told = _banned(reply, order, caller, is_done=not is_dry)
        case orders.MuteSet(), orders.Mute():
            told = _muted(reply, order, caller, is_done=not is_dry)
        case orders.Lifted(), _:
            told = [wording.lifted(clean_line(reply.order), reply.id, shown_target(reply.what))]
        case orders.NameReleased(), _:
            told = _released(reply, order)
        case orders.Announced(), _:
            text = apart(clean_line(reply.text))
            told = [wording.announced(reply.members, shown_name(reply.name), text)]
        case orders.LineStruck(), _:
            told = _struck(reply, order)
        case _:
            told = []
    return [*told, wording.NOTHING_DONE] if is_dry else told


def _kicked(reply: orders.Kicked, order: orders.Kick, caller: Caller, *, is_done: bool) -> list[str]:
    addresses = [clean_line(each) for each in reply.addresses]
    lasts = term(reply.until, _seconds(order.for_, orders.KICK_SECONDS))
    told = [
        wording.kicked(whom(reply.name, reply.key), reply.sessions, addresses, is_done=is_done),
        *([_removed(reply.removed, reply.members, is_done=is_done)] if len(reply.removed) > 1 else []),
        wording.kept_out(lasts, has_key=bool(reply.key)),
        *(_why(reply.reason) if reply.key else _as_classic(reply.reason, addresses, caller)),
    ]
    return [*told, wording.ending(caller.command("unban", str(reply.seq)))] if is_done else told


def _banned(reply: orders.BanSet, order: orders.Ban, caller: Caller, *, is_done: bool) -> list[str]:
    lasts = term(reply.until, _seconds(order.for_, orders.BAN_SECONDS))
    what = clean_line(reply.what)
    if reply.key:
        told = [wording.key_banned(_key(reply.name, reply.key, what), lasts, is_done=is_done)]
    elif what.startswith(_NAMES_A_NAME):
        told = [wording.name_banned(shown_name(what.removeprefix(_NAMES_A_NAME)), lasts, is_done=is_done)]
    else:
        told = [wording.address_banned(what, lasts, is_done=is_done, only_strangers=reply.strangers)]
    told.append(_removed(reply.removed, reply.members, is_done=is_done))
    if reply.key and reply.addresses:
        told.append(wording.came_from([clean_line(each) for each in reply.addresses]))
        told.append(_also_there(reply.others))
    told += _why(reply.reason)
    if reply.replaced:
        told.append(wording.replaces("ban", reply.replaced, is_done=is_done))
    if not is_done:
        return told
    if reply.key:
        if caller.runs_service():
            told.append(wording.change_password(caller.about_machine("hash-password", "--service")))
        else:
            told.append(wording.change_password_here(caller.command("reload")))
    return [*told, wording.ending(caller.command("unban", str(reply.id)))]


def _muted(reply: orders.MuteSet, order: orders.Mute, caller: Caller, *, is_done: bool) -> list[str]:
    lasts = term(reply.until, _seconds(order.for_, orders.MUTE_SECONDS))
    told = [wording.muted(_key(reply.name, reply.key, reply.what), lasts, is_done=is_done)]
    _, at, address = clean_line(reply.what).rpartition("@")
    told += _as_classic(reply.reason, [address], caller) if at and not reply.key else _why(reply.reason)
    if reply.replaced:
        told.append(wording.replaces("mute", reply.replaced, is_done=is_done))
    return [*told, wording.ending(caller.command("unmute", str(reply.id)))] if is_done else told


def _released(reply: orders.NameReleased, order: orders.Order) -> list[str]:
    name = shown_name(reply.name)
    kept = order.reason if isinstance(order, orders.Release) else ""
    return [
        wording.released(name, clean_line(reply.key), moment(reply.used)),
        wording.next_owner(name),
        *_kept(kept),
    ]


def _struck(reply: orders.LineStruck, order: orders.Order) -> list[str]:
    said = reply.line, shown_name(reply.name)
    kept = order.reason if isinstance(order, orders.Strike) else ""
    if reply.to:
        told = wording.private_struck(*said, shown_name(reply.to), moment(reply.at))
    else:
        told = wording.line_struck(*said, moment(reply.at))
    return [told, wording.OLDER_BACKUPS, *_kept(kept)]


def _key(name: str, tag: str, what: str) -> str:
    if not name or what.startswith(_NAMES_A_NAME):
        return shown_target(what)
    return whom(name, tag)


def _removed(names: Sequence[str], members: int, *, is_done: bool) -> str:
    if not names:
        return wording.NOBODY_REMOVED
    return wording.removed(*_some(names), len(names), members, is_done=is_done)


def _also_there(names: Sequence[str]) -> str:
    return wording.also_there(*_some(names), len(names)) if names else wording.ONLY_THERE


def _some(names: Sequence[str]) -> tuple[list[str], int]:
    """Return the first names, and how many others there are."""
    return list(map(shown_name, names[:MOST_NAMED])), max(0, len(names) - MOST_NAMED)


def _as_classic(reason: str, addresses: Sequence[str], caller: Caller) -> list[str]:
    """Say what is different about somebody without a key: whom a name at an address is all that is known of."""
    bans = [caller.command("ban", each) for each in addresses]
    return [*([wording.another_name(bans)] if bans else []), *_kept(reason)]


def _why(reason: str) -> list[str]:
    text = clean_line(reason)
    return [wording.why(apart(text))] if text else []


def _kept(reason: str) -> list[str]:
    text = clean_line(reason)
    return [wording.why_kept(apart(text))] if text else []


def _seconds(given: float | UnsetType | None, usual: float) -> float:
    """Return for how long an order is in force; infinity: for ever."""
    if isinstance(given, UnsetType):
        return usual
    return math.inf if given is None else given
