"""Which orders a log leaves standing, and whom they concern: worked out by going through its rows, one after the other.

This knows nothing of the room's own book of orders. Only the name keys (which names look alike) are the program's.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeAlias

from kit.server import name_rules

from sockatuh.room.entries import Banned, Muted, Ordered, Removed, Unbanned, Unmuted
from sockatuh.room.log import Row

ORDER_MARK: Final = "\u0001"
"""The first character of the log key of every order: no name key begins with it."""
Lasting: TypeAlias = Removed | Banned | Muted
_VERBS: Final[dict[type[Ordered], str]] = {Removed: "kick", Banned: "ban", Muted: "mute"}


@dataclass(frozen=True, slots=True)
class Standing:
    """An order that nobody has lifted or replaced; when it ends (ms since 1970, None: never) is up to the clock."""

    seq: int
    verb: str
    body: Lasting
    until: int | None

    def is_in_force(self, at: int) -> bool:
        """Tell whether it has not ended at `at` (ms since 1970)."""
        return self.until is None or at < self.until

    def concerns(self, owner: str, name: str, host: str = "") -> bool:
        """Tell whether it is about this key under this name at this address; without an address: wherever it is."""
        body = self.body
        if body.owner:
            return body.owner == owner
        if body.address and body.name:
            return not owner and bool(host) and _lies_in(host, body.address) and _look_alike(name, body.name)
        if body.address:
            return bool(host) and _lies_in(host, body.address)
        return _look_alike(name, body.name)


def standing_after(rows: Iterable[Row], before: Iterable[Standing] = ()) -> list[Standing]:
    """Return the orders that stand after these rows, in order; `before` stood already."""
    standing = [*before]
    for row in rows:
        body = row.body
        if isinstance(body, Unbanned | Unmuted):
            lifted = next((each for each in standing if each.seq == body.lifted), None)
            assert lifted is not None, "an order was lifted that does not stand"
            assert isinstance(lifted.body, Muted) == isinstance(body, Unmuted), "an order was lifted as another kind"
            assert key_of(lifted.verb, body) == key_of(lifted.verb, lifted.body), "an order was lifted for another"
            assert row.key == key_of(lifted.verb, body), "an order under the key of another"
            standing.remove(lifted)
        elif isinstance(body, Removed | Banned | Muted):
            verb = _VERBS[type(body)]
            key = key_of(verb, body)
            assert row.key == key, "an order under the key of another"
            standing = [each for each in standing if key_of(each.verb, each.body) != key]
            until = None if body.until is None else moment(body.until)
            standing.append(Standing(row.seq, verb, body, until))
    return standing


def key_of(verb: str, body: Ordered) -> str:
    """Return the log key of an order."""
    if body.owner:
        target = f"key:{body.owner}"
    elif body.address and body.name:
        target = f"classic:{name_rules().key(body.name)}@{body.address}"
    elif body.address:
        target = f"address:{body.address}"
    else:
        target = f"name:{name_rules().key(body.name)}"
    return f"{ORDER_MARK}{verb}:{target}"


def moment(text: str) -> int:
    """Return a time (RFC 3339) as ms since 1970."""
    when = datetime.fromisoformat(text)
    assert when.tzinfo is not None, "a time without a zone"
    return round(when.timestamp() * 1000)


def _lies_in(host: str, network: str) -> bool:
    return ipaddress.ip_address(host) in ipaddress.ip_network(network)


def _look_alike(one: str, other: str) -> bool:
    return name_rules().key(one) == name_rules().key(other)
