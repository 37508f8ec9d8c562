from __future__ import annotations

import os
import select
import threading

import pytest

from sockatuh.store.bell import Bell


@pytest.fixture(params=["eventfd", "pipe"])
def bell(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Bell:
    if request.param == "pipe":
        monkeypatch.delattr(os, "eventfd", raising=False)
    elif not hasattr(os, "eventfd"):
        pytest.skip("only Linux has it")
    return Bell()


def is_rung(bell: Bell) -> bool:
    return bool(select.select([bell], [], [], 0)[0])


def test_a_ring_is_heard_by_a_thread_that_waits(bell: Bell) -> None:
    heard = threading.Event()

    def wait() -> None:
        bell.wait(60)
        heard.set()

    waiting = threading.Thread(target=wait, daemon=True)
    waiting.start()
    assert not heard.is_set()
    bell.ring()
    assert heard.wait(10)
    waiting.join()
    bell.close()


def test_a_ring_before_the_wait_is_not_missed_and_many_rings_are_one(bell: Bell) -> None:
    for _ in range(3):
        bell.ring()
    assert is_rung(bell)
    bell.wait(60)
    assert not is_rung(bell)
    bell.close()


def test_a_wait_ends_without_a_ring_and_hearing_nothing_does_not_block(bell: Bell) -> None:
    bell.wait(0.001)
    bell.hear()
    assert not is_rung(bell)
    bell.close()


def test_more_rings_than_a_pipe_holds_wait_for_nobody_and_are_cleared(bell: Bell) -> None:
    for _ in range(10_000):
        bell.ring()
    while is_rung(bell):
        bell.hear()
    bell.ring()
    assert is_rung(bell)
    bell.close()


def test_after_closing_twice_a_ring_touches_no_other_file(bell: Bell) -> None:
    bell.close()
    bell.close()
    others = os.pipe()  # they get the numbers that the bell had
    bell.ring()
    assert not select.select([others[0]], [], [], 0)[0]
    for each in others:
        os.close(each)
