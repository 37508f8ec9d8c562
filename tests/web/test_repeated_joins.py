from __future__ import annotations

import asyncio

import pytest

from sockatuh.web.repeated_joins import KEPT_FOR, MOST, RepeatedJoins


class Desk:
    """Counts joins; each is given the next number."""

    def __init__(self) -> None:
        self.now = 0.0
        self.count = 0
        self.joins: RepeatedJoins[int] = RepeatedJoins(lambda: self.now)
        self.opened = asyncio.Event()
        self.opened.set()

    async def join(self) -> int:
        await self.opened.wait()
        self.count += 1
        return self.count


def test_the_same_join_is_answered_as_the_first_time_for_a_while() -> None:
    async def told() -> None:
        desk = Desk()
        assert await desk.joins.once("a", desk.join) == 1
        assert await desk.joins.once("a", desk.join) == 1
        assert await desk.joins.once("b", desk.join) == 2
        desk.now = KEPT_FOR
        assert await desk.joins.once("a", desk.join) == 3

    asyncio.run(told())


def test_who_asks_while_it_is_under_way_gets_its_answer_though_the_first_has_gone() -> None:
    async def told() -> None:
        desk = Desk()
        desk.opened.clear()
        first = asyncio.create_task(desk.joins.once("a", desk.join))
        await asyncio.sleep(0)
        first.cancel()
        second = asyncio.create_task(desk.joins.once("a", desk.join))
        await asyncio.sleep(0)
        desk.now = KEPT_FOR  # it counts from the answer on
        desk.opened.set()
        assert await second == 1
        assert await desk.joins.once("a", desk.join) == 1

    asyncio.run(told())


def test_one_that_has_failed_is_tried_again() -> None:
    async def told() -> None:
        desk = Desk()

        async def fail() -> int:
            raise OSError("full")

        with pytest.raises(OSError, match="full"):
            await desk.joins.once("a", fail)
        assert await desk.joins.once("a", desk.join) == 1
        desk.joins.forget("a")
        assert await desk.joins.once("a", desk.join) == 2

    asyncio.run(told())


def test_only_the_last_ones_are_remembered() -> None:
    async def told() -> None:
        desk = Desk()
        for number in range(MOST + 5):
            await desk.joins.once(str(number), desk.join)
        assert len(desk.joins._joins) <= MOST + 1
        assert await desk.joins.once(str(MOST + 4), desk.join) == MOST + 5
        assert await desk.joins.once("0", desk.join) == MOST + 6

    asyncio.run(told())
