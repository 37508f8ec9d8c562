"""How much a core keeps: the number of elements in all containers that it references."""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from random import Random


def footprint(thing: object) -> int:
    """Return how many elements the containers inside `thing` have, without the counters of dropped datagrams."""
    total, seen, waiting = 0, set[int](), [thing]
    while waiting:
        each = waiting.pop()
        if id(each) in seen or isinstance(each, str | bytes | int | float | type | Random) or callable(each):
            continue
        seen.add(id(each))
        if isinstance(each, array):
            total += len(each)
        elif isinstance(each, Mapping):
            total += len(each)
            waiting += [*each.keys(), *each.values()]
        elif isinstance(each, list | tuple | deque | AbstractSet):
            total += len(each)
            waiting += each
        else:
            waiting += _attributes(each)
    return total


def _attributes(thing: object) -> list[object]:
    slots = [name for kind in type(thing).__mro__ for name in getattr(kind, "__slots__", ())]
    named = {name: getattr(thing, name) for name in slots if hasattr(thing, name)} | getattr(thing, "__dict__", {})
    return [value for name, value in named.items() if name.lstrip("_") != "dropped"]
