"""What a tab that comes back is told when the room no longer keeps all that it missed."""

from __future__ import annotations

from pathlib import Path

import pytest
from web.test_browser import Tab, in_kitchen, said

from sockatuh.protocol.server.limits import Limits
from sockatuh.room.log import Stretch
from sockatuh.store.memory_log import MemoryLog
from sockatuh.testing import run

FORGETFUL = Limits(lines_per_second=10_000, lines_burst=10_000, recent_entries=1)
"""A room that reads what it is asked for from its log."""


def prune(monkeypatch: pytest.MonkeyPatch, through: int) -> None:
    """Let the room keep nothing through a seq."""
    read = MemoryLog.read

    def read_kept(log: MemoryLog, *wanted: int) -> Stretch:
        found = read(log, *wanted)
        return Stretch([row for row in found.rows if row.seq > through], found.through)

    monkeypatch.setattr(MemoryLog, "read", read_kept)


@pytest.mark.parametrize("beyond", [-5, 5])
def test_a_tab_that_comes_back_is_told_what_is_no_longer_kept_and_then_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, beyond: int
) -> None:
    """Let the log be pruned to before, or beyond, where the memory of the gateway begins."""
    monkeypatch.setattr("sockatuh.web.recent.ENTRIES", 16)

    async def story() -> None:
        async with (
            in_kitchen(tmp_path, limits=FORGETFUL) as (kitchen, _, _, browser),
            kitchen.connect(name="ana") as ana,
        ):
            tab = Tab(browser)
            await tab.open()
            await said(ana, 1)
            last = await tab.until(type="message", text="line 0")
            await tab.close()
            await said(ana, 26, "missed")
            pruned = last["seq"] + 10 + beyond
            prune(monkeypatch, pruned)
            later = Tab(browser)
            await later.open(tab.ids[-1])
            await later.until(code="caught_up")
            await ana.say("now")
            await later.until(type="message", text="now")
            gap = await later.until(code="gone")
            assert (gap["after"], gap["count"]) == (last["seq"], 10 + beyond)
            assert gap["through"] >= pruned
            assert gap["sentence"] == f"{10 + beyond} lines are no longer kept"
            assert later.seen[1] == gap, "in its place"
            assert later.texts() == [*(f"missed {number}" for number in range(10 + beyond, 26)), "now"]

    run(story())
