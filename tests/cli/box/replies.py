"""One reply of each kind to an order that fits it, as a server gives them; texts are what a test puts there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sockatuh.room import orders

UNTIL = "2030-01-31T09:52:00.000Z"


@dataclass(frozen=True)
class Told:
    """An order and the reply to it."""

    order: orders.Order
    reply: orders.Done


def replies(text: str = "budi", reason: str = "flooding") -> dict[str, Told]:
    """Return the replies by what they are about; `text` stands for every name and other text of a stranger's."""
    key, place = "k7Qm3xYz", "192.168.1.20"
    lasts: dict[str, Any] = {"until": UNTIL, "reason": reason}
    kicked = lasts | {"seq": 812, "name": text, "addresses": (place, "192.168.1.31")}
    ban = lasts | {"id": 813, "name": "", "key": "", "strangers": False, "removed": (text,), "members": 12}
    ban |= {"addresses": (), "others": (), "replaced": 0}
    mute = lasts | {"id": 814, "what": f"key:{key}", "name": text, "key": key, "replaced": 0}
    struck: dict[str, Any] = {"seq": 817, "line": 790, "name": text, "at": "2026-11-29T09:32:00.000Z", "to": ""}
    return {
        "kick": Told(
            orders.Kick(name=text, for_=300.0),
            orders.Kicked(**kicked, key=key, sessions=3, members=12, removed=(text,)),
        ),
        "kick of a key with two names": Told(
            orders.Kick(name=text, for_=300.0),
            orders.Kicked(**kicked, key=key, sessions=3, members=12, removed=(text, "tom3")),
        ),
        "kick, classic and lost": Told(
            orders.Kick(name=text),
            orders.Kicked(**kicked, key="", sessions=0, members=12),
        ),
        "ban of a key": Told(
            orders.Ban(target=text),
            orders.BanSet(
                **ban
                | {"what": f"key:{key}", "name": text, "key": key, "addresses": (place,), "others": (text, "siti")}
            ),
        ),
        "ban of a key that is alone": Told(
            orders.Ban(target=f"key:{key}", for_=None),
            orders.BanSet(
                **ban | {"what": f"key:{key}", "key": key, "until": None, "addresses": (place,), "replaced": 801}
            ),
        ),
        "ban of a network": Told(
            orders.Ban(target="10.0.0.0/24"),
            orders.BanSet(**ban | {"what": "10.0.0.0/24", "removed": ()}),
        ),
        "ban of strangers": Told(
            orders.Ban(target="10.0.0.0/24", strangers=True),
            orders.BanSet(**ban | {"what": "10.0.0.0/24", "strangers": True}),
        ),
        "ban of a name": Told(
            orders.Ban(target=f"name:{text}", for_=86_400.0),
            orders.BanSet(**ban | {"what": f"name:{text}", "name": text}),
        ),
        "unban": Told(orders.Unban(target="813"), orders.Lifted(seq=815, id=813, order="ban", what=f"name:{text}")),
        "mute": Told(orders.Mute(name=text), orders.MuteSet(**mute)),
        "mute that replaces": Told(
            orders.Mute(name=f"key:{key}", for_=None),
            orders.MuteSet(**mute | {"name": "", "until": None, "replaced": 802}),
        ),
        "mute of a name": Told(
            orders.Mute(name=f"name:{text}"), orders.MuteSet(**mute | {"key": "", "what": f"name:{text}"})
        ),
        "mute, classic": Told(orders.Mute(name=text), orders.MuteSet(**mute | {"key": "", "what": f"{text}@{place}"})),
        "unmute": Told(orders.Unmute(name=text), orders.Lifted(seq=816, id=814, order="mute", what=f"key:{key}")),
        "release": Told(
            orders.Release(name=text, reason=reason),
            orders.NameReleased(seq=818, name=text, key=key, used="2026-11-20T09:32:00.000Z"),
        ),
        "announce": Told(orders.Announce(text=text), orders.Announced(seq=819, name="admin", text=text, members=12)),
        "strike": Told(orders.Strike(seq=790, reason=reason), orders.LineStruck(**struck)),
        "strike of a private line": Told(
            orders.Strike(last=text),
            orders.LineStruck(**struck | {"to": text}),
        ),
    }
