"""Says why the server refused an order, and what to do next."""

from __future__ import annotations

from typing import Final

from sockatuh.cli.naming import shown_name
from sockatuh.room import orders
from sockatuh.room.orders import Order, OrderDenied
from sockatuh.room.text import clean_line
from sockatuh.server.box_report import Query
from sockatuh.wording import orders as wording

from .caller import Caller
from .shown import shown_target

_NAME: Final = "name:"


def why_not(denied: OrderDenied, request: Order | Query, caller: Caller) -> str:
    """Return why a request was refused; where another command helps, that follows on a line of its own."""
    sentence, command = _sentence(denied, request, caller)
    return f"{sentence}\n{command}" if command else sentence


def _sentence(denied: OrderDenied, request: Order | Query, caller: Caller) -> tuple[str, str]:
    name, target = shown_name(denied.name), shown_target(denied.name)
    near = list(map(shown_target, denied.nearest))
    match denied.code:
        case "no_such_member":
            return wording.nobody_here(name, near), _instead(denied, request, caller, "sessions")
        case "no_such_name":
            return wording.nobody_known(name, near), _instead(denied, request, caller, "names")
        case "name_invalid":
            meant = [f"{_NAME}{each}" for each in denied.nearest]
            return wording.not_a_name(name, near), wording.meant(caller.command("ban", *meant)) if meant else ""
        case "name_free":
            return wording.name_free(name, near), _instead(denied, request, caller, "names")
        case "ambiguous":
            return wording.ambiguous(target, near), ""
        case "no_such_key":
            return wording.no_such_key(target), wording.see(caller.command("names"))
        case "no_key":
            banned = [*denied.nearest, f"{_NAME}{denied.name}"]
            return wording.no_key(name, [caller.command("ban", each) for each in banned]), ""
        case "host_bits":
            return wording.host_bits(target, [caller.command("ban", each) for each in denied.nearest]), ""
        case "no_such_order":
            told = wording.no_such_mute if isinstance(request, orders.Unmute) else wording.no_such_ban
            return told(target, near), _instead(denied, request, caller, "bans")
        case "is_ban":
            return wording.is_ban(target), wording.ending(caller.command("unban", denied.name))
        case "is_mute":
            return wording.is_mute(target), wording.ending(caller.command("unmute", denied.name))
        case "present":
            return wording.present(name, caller.command("kick", denied.name)), ""
        case "name_taken":
            return wording.name_in_use(name, caller.command("kick", denied.name)), ""
        case "half_the_room":
            return wording.half_the_room(denied.count, denied.members), ""
        case _:
            return _short(denied, request, caller, target), ""


def _short(denied: OrderDenied, request: Order | Query, caller: Caller, target: str) -> str:
    """Return the refusals that need no other command, or have it in the sentence."""
    match denied.code:
        case "address_invalid":
            return wording.address_invalid(target)
        case "address_muted":
            return wording.address_muted(target)
        case "own_loopback":
            return wording.own_loopback(target)
        case "everybody":
            return wording.everybody(target)
        case "not_an_address":
            return wording.STRANGERS_OF
        case "too_many_orders":
            return wording.too_many_orders(orders.MAX_IN_FORCE, caller.command("bans"))
        case "text_too_long":
            is_line = isinstance(request, orders.Announce)
            return wording.ANNOUNCEMENT_TOO_LONG if is_line else wording.reason_too_long(orders.MAX_REASON)
        case "not_stored":
            return wording.not_stored(caller.command("status"), caller.about_machine("audit"))
        case "unknown":
            return wording.unknown_order("; ".join(map(clean_line, denied.problems)))
        case _ if isinstance(request, orders.Strike) and (told := _line(denied.code, request)):
            return told
        case _:
            return wording.OTHER_REFUSALS.get(denied.code) or wording.denied(clean_line(denied.code))


def _line(code: str, order: orders.Strike) -> str:
    """Return why a line was not struck, "" for a reason that has nothing to do with the line."""
    if order.seq is None:
        return wording.nothing_said(shown_name(order.last)) if code == "no_such_line" else ""
    match code:
        case "no_such_line":
            return wording.no_such_line(order.seq)
        case "not_a_line":
            return wording.not_a_line(order.seq)
        case "struck_already":
            return wording.struck_already(order.seq)
        case _:
            return ""


def _instead(denied: OrderDenied, request: Order | Query, caller: Caller, look: str) -> str:
    """Give the same command for the only thing that may have been meant, else the one that shows what there is."""
    if len(denied.nearest) != 1:
        return wording.see(caller.command(look))
    return wording.meant(caller.command(type(request).__name__.lower(), denied.nearest[0]))
