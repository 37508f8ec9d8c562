"""What a browser does when its disk fails, a tab claims nonsense, or the room is away."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from kit.web_browser import ADDRESS, Tab, in_kitchen, reopened, said, way_to

from sockatuh.errors import KeyFileError
from sockatuh.store.barred import Barred, write_barred
from sockatuh.testing import run
from sockatuh.web.barred import BarredAddresses
from sockatuh.web.browser import LEFT
from sockatuh.web.browsers import Browsers
from sockatuh.web.speech import speech_of


def test_a_journal_that_cannot_be_read_keeps_nobody_waiting(tmp_path: Path) -> None:
    async def story() -> None:
        async with in_kitchen(tmp_path) as (kitchen, browsers, token, browser):
            await browsers.let_go()
            (browser.directory / "lines").unlink()
            (browser.directory / "lines").mkdir()
            again, found = reopened(tmp_path, kitchen, token)
            for _ in range(2):
                async with asyncio.timeout(60):
                    with pytest.raises(KeyFileError):
                        await again.open(found, ADDRESS)

    run(story())


@pytest.mark.parametrize("forget", [False, True])
def test_whoever_leaves_is_out_of_the_room_although_the_disk_refuses(tmp_path: Path, forget: bool) -> None:
    async def story() -> None:
        async with in_kitchen(tmp_path) as (kitchen, browsers, token, browser), kitchen.connect(name="ana") as ana:
            (browser.directory / LEFT).symlink_to(tmp_path / "missing" / "file")
            if forget:
                await browsers.leave(browser, forget=True)
            else:
                with pytest.raises(KeyFileError):
                    await browsers.leave(browser, forget=False)
                assert browser.has_left
            assert browsers.live == 0
            assert (browsers.find(token) is None) is forget
            assert [each.name for each in await ana.members()] == ["ana"]

    run(story())


@pytest.mark.parametrize("is_early", [False, True])
def test_a_tab_that_claims_to_have_read_what_is_not_there_is_told_what_follows(
    tmp_path: Path, is_early: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story() -> None:
        async with in_kitchen(tmp_path) as (kitchen, browsers, token, browser), kitchen.connect(name="ana") as ana:
            tab = Tab(browser)
            await tab.open()
            await said(ana, 3)
            await tab.until(type="message", text="line 2")
            log = tab.ids[-1].partition("-")[2]
            if is_early:  # before the room has told the gateway everything
                await browsers.let_go()
                monkeypatch.setattr("sockatuh.web.browser.READY_WITHIN", 0)
                browsers = Browsers(tmp_path, way_to(kitchen, tmp_path))
                browser = browsers.find(token) or browser
            liar = Tab(browser)
            await liar.open(f"99999999-{log}")
            await liar.until(code="caught_up")
            await ana.say("now")
            await liar.until(type="message", text="now")
            await browsers.let_go()

    run(story())


def test_a_ban_of_any_address_where_it_has_a_tab_ends_its_streams(tmp_path: Path) -> None:
    async def story() -> None:
        async with in_kitchen(tmp_path) as (_, browsers, _, browser):
            here, elsewhere = Tab(browser), browser.open_feed(speech_of("en"), "10.0.0.7")
            await here.open()
            file = tmp_path / "barred"
            barred = BarredAddresses(file)
            write_barred(file, [Barred(network="10.0.0.8/32", until=None, reason="", strangers=False)])
            assert await browsers.bar(barred) == []
            write_barred(file, [Barred(network="10.0.0.7/32", until=None, reason="", strangers=False)])
            assert await browsers.bar(barred) == [browser]
            assert (await here.until(type="ended"))["error"] == "banned"
            browser.close_feed(elsewhere)
            assert browser.addresses == {ADDRESS}, "from there it may come back"

    run(story())
