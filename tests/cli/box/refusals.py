"""Every refusal of the control socket, with an order that it fits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from sockatuh.room import orders
from sockatuh.room.orders import Order, OrderDenied
from sockatuh.server import box_report
from sockatuh.server.box_report import Query


@dataclass(frozen=True)
class Refusal:
    """A request, and why it was refused."""

    request: Order | Query
    denied: OrderDenied


def refusals(text: str = "budy", nearest: str = "budi") -> dict[str, Refusal]:
    """Return the refusals by code and order; `text` stands for what was typed, `nearest` for a stranger's name."""
    kick, ban, strike = orders.Kick(name=text), orders.Ban(target=text), orders.Strike(seq=4321)
    near = (nearest,)

    def of(request: Order | Query, code: str, **fields: Any) -> Refusal:
        return Refusal(request, OrderDenied(code=code, **fields))

    return {
        "no_such_member": of(kick, "no_such_member", name=text, nearest=near),
        "no_such_member, nearest none": of(kick, "no_such_member", name=text),
        "no_such_member of sessions": of(box_report.Sessions(name=text), "no_such_member", name=text, nearest=near),
        "no_such_name": of(ban, "no_such_name", name=text, nearest=near),
        "no_such_name of a mute": of(orders.Mute(name=text), "no_such_name", name=text, nearest=(nearest, "bud")),
        "name_free": of(orders.Release(name=text), "name_free", name=text, nearest=near),
        "name_invalid": of(orders.Ban(target=f"name:{text}"), "name_invalid", name=text, nearest=near),
        "ambiguous": of(
            orders.Ban(target="key:k7Qm3xYz"), "ambiguous", name="k7Qm3xYz", nearest=("key:k7Qm3xYzA", "key:k7Qm3xYzB")
        ),
        "no_such_key": of(orders.Ban(target="key:k7Qm3xYz"), "no_such_key", name="k7Qm3xYz"),
        "no_key": of(ban, "no_key", name=text, nearest=("192.168.1.20",)),
        "host_bits": of(
            orders.Ban(target="10.0.0.5/8"), "host_bits", name="10.0.0.5/8", nearest=("10.0.0.0/8", "10.0.0.5")
        ),
        "no_such_order of unban": of(orders.Unban(target=text), "no_such_order", name=text),
        "no_such_order of unmute": of(orders.Unmute(name="812"), "no_such_order", name="812"),
        "is_mute": of(orders.Unban(target="812"), "is_mute", name="812"),
        "is_ban": of(orders.Unmute(name="812"), "is_ban", name="812"),
        "address_invalid": of(orders.Ban(target=text), "address_invalid", name=text),
        "address_muted": of(orders.Mute(name=text), "address_muted", name=text),
        "present": of(orders.Release(name=text), "present", name=text),
        "name_taken": of(orders.Announce(text=text), "name_taken", name="admin"),
        "half_the_room": of(ban, "half_the_room", name=text, count=23, members=31),
        "own_loopback": of(orders.Ban(target="127.0.0.0/8"), "own_loopback", name="127.0.0.0/8"),
        "everybody": of(orders.Ban(target="0.0.0.0/0"), "everybody", name="0.0.0.0/0"),
        "not_an_address": of(ban, "not_an_address"),
        "too_many_orders": of(ban, "too_many_orders", count=10_000),
        "text_empty": of(orders.Announce(text=" "), "text_empty"),
        "text_too_long": of(orders.Announce(text=text), "text_too_long"),
        "text_too_long of a reason": of(kick, "text_too_long"),
        "no_such_line": of(strike, "no_such_line"),
        "no_such_line of a name": of(orders.Strike(last=text), "no_such_line", name=text),
        "not_a_line": of(strike, "not_a_line"),
        "struck_already": of(strike, "struck_already"),
        "not_stored": of(kick, "not_stored"),
        "unknown": of(kick, "unknown", problems=(text,)),
        "busy": of(kick, "busy"),
        "stopping": of(kick, "stopping"),
        "timeout": of(kick, "timeout"),
        "internal": of(kick, "internal"),
        "something new": of(kick, "moon_phase"),
    }


CODES: Final = frozenset(each.denied.code for each in refusals().values()) - {"moon_phase"}
