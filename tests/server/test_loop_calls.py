from __future__ import annotations

import asyncio
import os
import select
import threading
from typing import Any

from sockatuh.server.loop_calls import LoopCalls


def test_calls_of_other_threads_are_made_in_the_loops_thread_and_in_order() -> None:
    async def run() -> list[tuple[int, int]]:
        calls = LoopCalls(asyncio.get_running_loop())
        made: list[tuple[int, int]] = []
        done = asyncio.Event()

        def add_all() -> None:
            for number in range(1000):
                calls.add(lambda each: made.append((each, threading.get_ident())), number)
            calls.add(done.set)

        thread = threading.Thread(target=add_all)
        thread.start()
        await asyncio.wait_for(done.wait(), 10)
        thread.join()
        assert not select.select([calls._bell], [], [], 0)[0], "or the loop would never sleep"
        calls.close()
        return made

    assert asyncio.run(run()) == [(number, threading.get_ident()) for number in range(1000)]


def test_a_call_that_fails_is_reported_and_the_next_one_is_made() -> None:
    async def run() -> list[str]:
        loop = asyncio.get_running_loop()
        reported: list[str] = []

        def report(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
            reported.append(str(context["exception"]))

        loop.set_exception_handler(report)
        calls, done = LoopCalls(loop), asyncio.Event()
        calls.add({}.pop, "nothing")
        calls.add(done.set)
        await asyncio.wait_for(done.wait(), 10)
        calls.close()
        return reported

    assert asyncio.run(run()) == ["'nothing'"]


def test_after_closing_nothing_is_called() -> None:
    async def run() -> list[str]:
        loop = asyncio.get_running_loop()
        calls, done = LoopCalls(loop), asyncio.Event()
        made: list[str] = []

        def close() -> None:
            calls.close()
            calls.add(made.append, "after")
            loop.call_later(0, done.set)

        calls.add(close)
        calls.add(made.append, "waiting")
        await asyncio.wait_for(done.wait(), 10)
        return made

    assert asyncio.run(run()) == []


def test_a_call_that_is_added_by_a_call_is_made_too() -> None:
    async def run() -> bool:
        calls, done = LoopCalls(asyncio.get_running_loop()), asyncio.Event()
        calls.add(calls.add, done.set)
        await asyncio.wait_for(done.wait(), 10)
        calls.close()
        return done.is_set()

    assert asyncio.run(run())


def test_closing_twice_does_no_harm_to_what_has_its_descriptor_by_then() -> None:
    async def run() -> bool:
        loop, read = asyncio.get_running_loop(), asyncio.Event()
        calls = LoopCalls(loop)
        calls.close()
        ends = os.pipe()
        loop.add_reader(ends[0], read.set)
        calls.close()
        os.write(ends[1], b"x")
        await asyncio.wait_for(read.wait(), 10)
        loop.remove_reader(ends[0])
        for each in ends:
            os.close(each)
        return read.is_set()

    assert asyncio.run(run())
