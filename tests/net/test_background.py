"""Slow work beside the loop, which neither delays its end nor is waited for."""

from __future__ import annotations

import asyncio
import threading

import pytest

from sockatuh.net.background import in_background, start_in_background


def test_a_result_is_returned_whatever_it_is_and_an_error_is_raised() -> None:
    failure = OSError("no answer")

    def fail() -> None:
        raise failure

    assert asyncio.run(in_background(lambda: 7)) == 7
    assert asyncio.run(in_background(lambda: failure)) is failure, "returned, not raised"
    with pytest.raises(OSError, match="no answer"):
        asyncio.run(in_background(fail))


def test_the_loop_runs_meanwhile() -> None:
    async def story() -> None:
        may_end = threading.Event()
        working = asyncio.create_task(in_background(may_end.wait))
        await asyncio.sleep(0)
        assert not working.done()
        may_end.set()
        assert await working

    asyncio.run(story())


def test_work_that_is_given_up_delays_neither_the_end_of_the_loop_nor_that_of_the_process() -> None:
    may_end, ended = threading.Event(), threading.Event()

    def work() -> None:
        threads.append(threading.current_thread())
        may_end.wait()

    def wait_for_end() -> None:
        threads[0].join()
        ended.set()

    async def give_up() -> None:
        working = asyncio.create_task(in_background(work))
        while not threads:
            await asyncio.sleep(0)
        working.cancel()
        with pytest.raises(asyncio.CancelledError):
            await working

    threads: list[threading.Thread] = []
    asyncio.run(give_up())
    was_working = threads[0].is_alive()
    may_end.set()
    assert was_working
    assert threads[0].daemon, "or the process would wait for it"
    start_in_background(wait_for_end)
    assert ended.wait(10), "its result went to a loop that is closed"


def test_a_result_that_comes_after_the_work_was_given_up_is_ignored() -> None:
    failures: list[object] = []
    threads: list[threading.Thread] = []
    may_end = threading.Event()

    def work() -> None:
        threads.append(threading.current_thread())
        may_end.wait()

    async def story() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: failures.append(context))
        working = asyncio.create_task(in_background(work))
        while not threads:
            await asyncio.sleep(0)
        working.cancel()
        await asyncio.wait([working])
        may_end.set()
        await in_background(threads[0].join)
        await asyncio.sleep(0)

    asyncio.run(story())
    assert not failures
