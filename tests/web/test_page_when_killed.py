"""Three real browsers while the room and the gateway are killed again and again: nothing is lost, doubled or left."""

from __future__ import annotations

import os
import random
import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import pytest
from e2e.running import PASSWORD, Room, ServerProcess
from kit import browser as kit
from kit.web_door import WebDoor
from selenium.common.exceptions import WebDriverException
from web.tab import Tab

pytestmark = [pytest.mark.browser, pytest.mark.slow]

NAMES: Final = ("ana", "budi", "citra")
KILLS: Final = 20
LINES: Final = 150
RELOADS: Final = 4
RECOVERS_WITHIN: Final = 180.0
SEED: Final = int(os.environ.get("KILLS_SEED", "20261129"))


class Weather(threading.Thread):
    """Kills the room or the gateway when so many lines were typed and a moment has passed, and starts it again.

    `dice` chooses all of it beforehand.
    """

    def __init__(self, server: ServerProcess, door: WebDoor, dice: random.Random) -> None:
        super().__init__(daemon=True)
        self.server, self.door = server, door
        self.failed: Exception | None = None
        self._plan = [
            (dice.randrange(LINES), dice.uniform(0, 0.5), dice.choice(("room", "gateway")), dice.uniform(0, 2))
            for _ in range(KILLS)
        ]
        self._typed = threading.Semaphore(0)
        self._never = threading.Event()

    def typed(self) -> None:
        """Note that another line was typed."""
        self._typed.release()

    def run(self) -> None:
        """Do what is planned, in the order of the lines."""
        try:
            so_far = 0
            for typed, delay, victim, down in sorted(self._plan):
                while so_far <= typed:
                    self._typed.acquire()
                    so_far += 1
                self._never.wait(delay)
                if victim == "room":
                    self.server.finish(signal.SIGKILL)
                    self._never.wait(down)
                    self.server.begin()
                else:
                    self.door.kill()
                    self._never.wait(down)
                    self.door.begin()
        except Exception as error:
            self.failed = error


@pytest.fixture
def tabs(driver: str, door: WebDoor, tmp_path: Path) -> Iterator[list[Tab]]:
    """Three browsers, each with a cookie of its own, that have joined."""
    with ExitStack() as opened:
        tabs = []
        for name in NAMES:
            (tmp_path / name).mkdir()
            tab = Tab(opened.enter_context(kit.browser(driver, tmp_path / name, trusting=True)), door)
            tab.expects_network_errors = True
            tab.open()
            tab.join(name, PASSWORD)
            tabs.append(tab)
        yield tabs


def test_twenty_kills_lose_and_double_nothing(
    tabs: list[Tab], room: Room, server: ServerProcess, door: WebDoor
) -> None:
    dice = random.Random(SEED)
    weather = Weather(server, door, dice)
    reloads = set(dice.sample(range(LINES), RELOADS))
    typed: dict[str, list[str]] = {name: [] for name in NAMES}
    weather.start()
    for number in range(LINES):
        who = dice.randrange(len(NAMES))
        typed[NAMES[who]].append(f"{number} by {NAMES[who]}")
        tabs[who].say(typed[NAMES[who]][-1])
        weather.typed()
        if number in reloads:
            reload(tabs[-1])
    weather.join(RECOVERS_WITHIN)
    assert weather.failed is None, f"seed {SEED}"
    assert not weather.is_alive(), f"seed {SEED}"
    for tab in tabs:
        tab.until(lambda tab=tab: is_quiet(tab), RECOVERS_WITHIN)  # type: ignore[misc]
    log = in_log(room)
    for tab in tabs:
        tab.until(lambda tab=tab: shown_on(tab)[-1:] == log[-1:], RECOVERS_WITHIN)  # type: ignore[misc]
    assert in_log(room) == log, f"seed {SEED}: a line came late"
    for name in NAMES:
        assert [text for _, who, text in log if who == name] == typed[name], f"seed {SEED}: each once, in order"
    for tab in tabs[:-1]:
        assert shown_on(tab) == log, f"seed {SEED}: {tab.js('return me')}"
    last = shown_on(tabs[-1])
    assert last == log[-len(last) :], f"seed {SEED}: what was reloaded shows the end of the log"
    for tab in tabs:
        assert tab.pending == [], f"seed {SEED}"
        tab.check_for_complaints()
    assert [tab.js("return me") for tab in tabs] == [*NAMES], f"seed {SEED}"
    assert not server.events("member_left"), f"seed {SEED}: nobody was seen to leave"
    assert "Traceback" not in door.said, f"seed {SEED}"
    assert "stream_failed" not in door.said, f"seed {SEED}"


def reload(tab: Tab) -> None:
    """Load the page again, as often as it takes."""

    def loads() -> bool:
        try:
            tab.driver.get(tab.gateway.url)
        except WebDriverException:  # the gateway is not there
            return False
        return bool(tab.js("return typeof start === 'function'"))  # or it was killed before it sent the script

    tab.until(loads, RECOVERS_WITHIN)
    tab.until(lambda: tab.shows("#room"), RECOVERS_WITHIN)


def is_quiet(tab: Tab) -> bool:
    """Tell whether a page is in contact, has read everything, and waits for nothing."""
    return bool(tab.js("return isCaughtUp && !tab.queue.length && !tab.taken.length && !$('contact').textContent"))


def in_log(room: Room) -> list[tuple[int, str, str]]:
    """Return the lines in the room's log."""
    return [(line.seq, line.name, line.text) for line in room.history.messages(None, None, 10_000)]


def shown_on(tab: Tab) -> list[tuple[int, str, str]]:
    """Return the lines that a page shows."""
    rows = tab.js(
        """return [...document.querySelectorAll('#lines > .message')].map((each) => [
            +each.dataset.seq, each.querySelector('.name').textContent, each.querySelector('.text').textContent])"""
    )
    return [(seq, name, text) for seq, name, text in rows]
