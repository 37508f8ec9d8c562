"""So many have their turn at a time, few of one place, and not any number waits."""

from __future__ import annotations

import asyncio

import pytest

from sockatuh.testing import run
from sockatuh.web.turns import TooManyWait, Turns


def test_one_place_does_not_take_all_turns_and_so_many_of_it_wait() -> None:
    async def story() -> None:
        turns, may_end = Turns(3, 2, 1), asyncio.Event()
        begun: list[str] = []

        async def take(place: str) -> None:
            async with turns.turn(place):
                begun.append(place)
                await may_end.wait()

        tasks = [asyncio.create_task(take("a")) for _ in range(3)]
        await asyncio.sleep(0)
        assert begun == ["a", "a"]
        with pytest.raises(TooManyWait):
            await take("a")
        tasks.append(asyncio.create_task(take("b")))
        await asyncio.sleep(0)
        assert begun == ["a", "a", "b"]
        may_end.set()
        await asyncio.gather(*tasks)
        assert begun == ["a", "a", "b", "a"]
        await take("a")
        assert not turns._places
        assert not turns._interested

    run(story())
