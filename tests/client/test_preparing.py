"""A machine that needs long to hash the password (sockatuh/client/session.py), in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from sockatuh import NotPrepared
from sockatuh.client.carrier import Carry
from sockatuh.client.items import Notice, Preparing
from sockatuh.testing import MemoryRoom, _WireCarrier, run


def slow(kitchen: MemoryRoom, seconds: float) -> Carry:
    """Return what carries datagrams on a machine that takes so long for a hash."""

    class SlowMachine(_WireCarrier):
        async def run_slow(self, work: Callable[[], bytes]) -> bytes:
            await asyncio.sleep(seconds)
            return work()

    return lambda peer, on_event: SlowMachine(peer, on_event, kitchen._wire, kitchen._wire.new_address())


def notices_of_a_join(seconds: float, **options: Any) -> list[Notice]:
    """Join on a machine that takes so long, and return what its person is told."""

    async def story() -> list[Notice]:
        notices = list[Notice]()
        async with (
            MemoryRoom() as kitchen,
            kitchen.connect(name="ana", carry=slow(kitchen, seconds), on_notice=notices.append, **options) as ana,
        ):
            assert await ana.say("hello")
            return [*notices]

    return run(story())


@pytest.mark.parametrize(("seconds", "times"), [(0.9, 0), (1.1, 1), (29, 1)])
def test_it_is_reported_once_after_a_second(seconds: float, times: int) -> None:
    notices = notices_of_a_join(seconds)
    assert sum(isinstance(notice, Preparing) for notice in notices) == times


def test_a_hash_that_takes_longer_than_the_server_waits_is_used_in_the_next_session() -> None:
    assert Preparing() in notices_of_a_join(45)


@pytest.mark.parametrize(("seconds", "options"), [(61, {}), (6, {"patience": 5})])
def test_a_machine_that_is_too_slow_says_so(seconds: float, options: dict[str, float]) -> None:
    with pytest.raises(NotPrepared):
        notices_of_a_join(seconds, **options)


def test_a_room_that_one_returns_to_is_not_told_about_twice() -> None:
    async def story() -> None:
        notices = list[Notice]()
        async with (
            MemoryRoom() as kitchen,
            kitchen.connect(name="ana", carry=slow(kitchen, 2), on_notice=notices.append) as ana,
        ):
            kitchen.restart()
            await ana.say("still here")
            assert notices.count(Preparing()) == 1

    run(story())
