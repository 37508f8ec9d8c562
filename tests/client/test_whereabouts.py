"""Where a room is dialled: at its host, and at further nodes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from sockatuh.client.whereabouts import ADDRESSES_OF_A_NODE, MOST_NODES, Whereabouts
from sockatuh.protocol.seam import Address
from sockatuh.testing import run

SLOW = 3.0
HOST, NODE, OTHER = ("box.lan", 7625), ("node.lan", 1), ("10.0.0.3", 2)


class Names:
    """A name server; a name without an entry is unknown, and one in `silent` is never answered."""

    def __init__(self, addresses: dict[tuple[str, int], list[Address]] | None = None) -> None:
        self.addresses = addresses or {}
        self.silent: set[tuple[str, int]] = set()
        self.slow: set[tuple[str, int]] = set()
        """Names that are answered after SLOW seconds."""

    async def look_up(self, host: str, port: int, on_silence: Callable[[], None]) -> list[Address]:
        if (host, port) in self.silent:
            on_silence()
            await asyncio.sleep(3600)
        if (host, port) not in self.addresses:
            raise OSError("unknown")
        return self.addresses[host, port]

    async def look_up_again(self, host: str, port: int) -> list[Address]:
        if (host, port) in self.silent:
            await asyncio.sleep(3600)
        if (host, port) in self.slow:
            await asyncio.sleep(SLOW)
        return self.addresses.get((host, port), [])


def look_up(names: Names, *nodes: tuple[str, int]) -> list[Address]:
    return run(Whereabouts(names, *HOST, nodes).look_up(lambda: None))


def test_the_host_comes_first_and_no_address_twice() -> None:
    names = Names({HOST: [("a", 1)], NODE: [("b", 1), ("a", 1)], OTHER: [("c", 2)]})
    assert look_up(names, NODE, OTHER) == [("a", 1), ("b", 1), ("c", 2)]
    assert look_up(names) == [("a", 1)]


def test_nodes_replace_a_host_that_cannot_be_resolved() -> None:
    names = Names({NODE: [("b", 1)]})
    assert look_up(names, NODE) == [("b", 1)]
    names.silent.add(HOST)
    assert look_up(names, NODE) == [("b", 1)]
    with pytest.raises(OSError, match="unknown"):
        look_up(Names(), NODE)


def test_an_unresolvable_node_causes_no_long_wait() -> None:
    names = Names({HOST: [("a", 1)]})
    names.silent.add(NODE)

    async def timed() -> float:
        assert await Whereabouts(names, *HOST, [NODE]).look_up(lambda: None) == [("a", 1)]
        return asyncio.get_running_loop().time()

    assert run(timed()) == pytest.approx(1)


def test_announced_nodes_are_dialled_besides_known_ones() -> None:
    names = Names({HOST: [("a", 1)], NODE: [("b", 1)], OTHER: [("c", 2)]})
    whereabouts = Whereabouts(names, *HOST, [NODE])

    async def story() -> None:
        await whereabouts.look_up(lambda: None)
        whereabouts.announced = (OTHER,)
        del names.addresses[HOST]
        assert await whereabouts.look_up_again() == [("a", 1), ("b", 1), ("c", 2)], "the host stays as it was"
        whereabouts.announced = ()
        assert await whereabouts.look_up_again() == [("a", 1), ("b", 1)]

    run(story())


def test_a_node_that_no_name_server_answers_for_keeps_no_other_from_being_dialled() -> None:
    names = Names({OTHER: [("c", 2)]})
    names.silent |= {HOST, NODE}
    assert look_up(names, NODE, OTHER) == [("c", 2)]
    assert look_up(names, OTHER, NODE) == [("c", 2)]


def test_a_host_that_is_unknown_is_given_up_only_when_no_node_can_be_dialled() -> None:
    names = Names({NODE: [("b", 1)]})
    names.slow.add(NODE)
    assert look_up(names, NODE) == [("b", 1)]
    with pytest.raises(OSError, match="unknown"):
        look_up(names)


def test_an_address_stays_in_use_until_there_is_another() -> None:
    names = Names({HOST: [("a", 1)], NODE: [("b", 1)], OTHER: [("c", 2)]})
    whereabouts = Whereabouts(names, *HOST, [NODE, OTHER])

    async def story() -> None:
        await whereabouts.look_up(lambda: None)
        names.addresses = {NODE: [("d", 1)]}
        names.silent.add(OTHER)
        assert await whereabouts.look_up_again() == [("a", 1), ("d", 1), ("c", 2)], "the name server may be gone too"
        assert whereabouts.further == [("d", 1), ("c", 2)]
        whereabouts.close()

    run(story())


def test_an_answer_that_takes_long_is_used_when_it_is_there() -> None:
    names = Names({HOST: [("a", 1)], NODE: [("b", 1)]})
    names.slow.add(NODE)
    whereabouts = Whereabouts(names, *HOST, [NODE])

    async def story() -> None:
        assert await whereabouts.look_up(lambda: None) == [("a", 1)]
        await asyncio.sleep(SLOW)
        assert whereabouts.known == [("a", 1), ("b", 1)]

    run(story())


def test_an_address_of_the_host_is_no_further_one() -> None:
    whereabouts = Whereabouts(Names({HOST: [("a", 1)], NODE: [("b", 1), ("a", 1)]}), *HOST, [NODE])
    run(whereabouts.look_up(lambda: None))
    assert whereabouts.further == [("b", 1)]


def test_the_number_of_dialled_addresses_is_bounded() -> None:
    nodes = [(f"node{number}", 1) for number in range(100)]
    names = Names({node: [(node[0], at) for at in range(9)] for node in nodes})
    assert len(look_up(names, *nodes)) == MOST_NODES * ADDRESSES_OF_A_NODE
