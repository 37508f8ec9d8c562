"""A browser and a room in memory, in virtual time: what its tabs are told, and what becomes of what it says."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path

import pytest
from kit.web_browser import ADDRESS, FAST, Tab, in_kitchen, reopened, said, way_to

from sockatuh import NotInRoom, Profile, Refused, TooFast
from sockatuh.testing import MemoryRoom, run
from sockatuh.web.browser import Browser
from sockatuh.web.browsers import Browsers, DoorFull
from sockatuh.web.lines import NumberUsed, OutOfOrder
from sockatuh.web.speech import speech_of
from sockatuh.web.tabs import STREAMS, TooManyStreams


def test_a_browser_says_a_line_and_two_tabs_are_told_of_it(tmp_path: Path) -> None:
    async def story() -> None:
        async with in_kitchen(tmp_path) as (kitchen, _, _, browser), kitchen.connect(name="ana") as ana:
            one, two = Tab(browser), Tab(browser, "id")
            await one.open()
            await two.open()
            await one.until(code="caught_up")
            browser.outbox.say("page", 1, "soup at one")
            await one.until(type="stored", page="page", n=1)
            message = await one.until(type="message", text="soup at one")
            assert (message["from"], message["own"], message["mine"]) == ("phone", True, True)
            assert message["line"] == {"page": "page", "n": 1}
            await two.until(type="message", text="soup at one")
            await ana.say("coming, phone")
            assert (await one.until(type="message", text="coming, phone"))["mention"]
            await ana.say("psst", to="phone")
            assert (await two.until(type="private"))["to"] == "phone"
            assert kitchen.lines == [("phone", "soup at one"), ("ana", "coming, phone")]
            hello = one.seen[0]
            assert (hello["type"], hello["name"], hello["room"], hello["pending"]) == ("hello", "phone", "kitchen", [])

    run(story())


def test_others_see_that_it_came_by_the_web(tmp_path: Path) -> None:
    async def story() -> None:
        async with in_kitchen(tmp_path) as (kitchen, _, _, _), kitchen.connect(name="ana") as ana:
            assert {each.name: each.dialect for each in await ana.members()} == {"phone": "web", "ana": "secure"}

    run(story())


def test_a_line_that_is_sent_again_is_said_once_and_answered_with_what_became_of_it(tmp_path: Path) -> None:
    async def story() -> None:
        async with in_kitchen(tmp_path) as (kitchen, _, _, browser):
            tab = Tab(browser)
            await tab.open()
            assert browser.outbox.say("page", 1, "one").seq is None
            assert browser.outbox.say("page", 1, "one").seq is None
            stored = await tab.until(type="stored")
            assert browser.outbox.say("page", 1, "one").seq == stored["seq"]
            with pytest.raises(NumberUsed):
                browser.outbox.say("page", 1, "another")
            with pytest.raises(OutOfOrder) as early:
                browser.outbox.say("page", 3, "three")
            assert early.value.next == 2
            assert browser.outbox.say("other", 1, "one").n == 1, "another tab counts for itself"
            await tab.until(type="stored", page="other")
            assert kitchen.lines == [("phone", "one"), ("phone", "one")]

    run(story())


def test_a_line_that_cannot_be_said_takes_no_number(tmp_path: Path) -> None:
    async def story() -> None:
        async with in_kitchen(tmp_path) as (_, _, _, browser):
            for text, to, code in (
                ("", "", "text_empty"),
                ("x" * 20_000, "", "text_too_long"),
                ("hi", " ", "no_such_name"),
            ):
                with pytest.raises(Refused) as refused:
                    browser.outbox.say("page", 1, text, to=to)
                assert refused.value.code == code
            tab = Tab(browser)
            await tab.open()
            browser.outbox.say("page", 1, "psst", to="nobody")
            refusal = await tab.until(type="refused")
            assert (refusal["n"], refusal["error"], refusal["to"]) == (1, "no_such_name", "nobody")
            assert "nobody" in refusal["sentence"]
            assert browser.outbox.say("page", 1, "psst", to="nobody").error == "no_such_name"

    run(story())


def test_lines_said_without_contact_wait_and_are_said_once(tmp_path: Path) -> None:
    async def story() -> None:
        async with in_kitchen(tmp_path) as (kitchen, _, _, browser):
            tab = Tab(browser)
            await tab.open()
            await tab.until(code="caught_up")
            kitchen.cut_network()
            for n in range(1, 65):
                browser.outbox.say("page", n, f"line {n}")
            with pytest.raises(TooFast):
                browser.outbox.say("page", 65, "one too many")
            lost = await tab.until(code="contact_lost")
            assert lost["since"]
            late = Tab(browser)
            await late.open()
            await asyncio.sleep(1)
            assert [each["n"] for each in late.seen[0]["pending"]] == list(range(1, 65))
            assert late.seen[0]["contact"] is False
            kitchen.mend_network()
            await tab.until(type="stored", n=64)
            assert kitchen.lines == [("phone", f"line {n}") for n in range(1, 65)]

    run(story())


@pytest.mark.parametrize("is_stored", [False, True], ids=["before the room had it", "after"])
def test_a_line_is_said_once_although_the_gateway_was_killed(tmp_path: Path, is_stored: bool) -> None:
    async def story() -> None:
        async with MemoryRoom(limits=FAST) as kitchen:
            way = way_to(kitchen, tmp_path)
            first = Browsers(tmp_path, way)
            token, browser = await first.join(None, "phone", kitchen.password, ADDRESS)
            if not is_stored:
                kitchen.cut_network()
            browser.outbox.say("page", 1, "soup at one")
            browser.outbox._journal.store = lambda *_: None  # type: ignore[method-assign]  # killed before it was written
            await asyncio.sleep(0.1)
            await first.let_go()
            kitchen.mend_network()
            second, found = reopened(tmp_path, kitchen, token)
            assert found.outbox.say("page", 1, "soup at one").seq is None, "taken"
            tab = Tab(found)
            await tab.open()
            stored = await tab.until(type="stored", n=1)
            message = await tab.until(type="message", text="soup at one")
            assert message["seq"] == stored["seq"]
            assert message["line"] == {"page": "page", "n": 1}
            assert found.outbox.say("page", 2, "and bread").seq is None
            await tab.until(type="stored", n=2)
            assert kitchen.lines == [("phone", "soup at one"), ("phone", "and bread")]
            await second.let_go()

    run(story())


def test_lines_are_said_although_the_gateway_has_forgotten_which_numbers_it_used(tmp_path: Path) -> None:
    async def story() -> None:
        async with in_kitchen(tmp_path) as (kitchen, browsers, token, browser):
            tab = Tab(browser)
            await tab.open()
            browser.outbox.say("page", 1, "one")
            await tab.until(type="stored", n=1)
            journal = browser.directory / "lines"
            backup = journal.read_bytes()
            browser.outbox.say("page", 2, "two")
            await tab.until(type="stored", n=2)
            await browsers.let_go()
            journal.write_bytes(backup)
            again, found = reopened(tmp_path, kitchen, token)
            tab = Tab(found)
            await tab.open()
            found.outbox.say("other", 1, "three")
            await tab.until(type="stored", page="other")
            assert [text for _, text in kitchen.lines] == ["one", "two", "three"]
            await again.let_go()

    run(story())


def test_nobody_is_seen_to_leave_when_the_gateway_or_the_room_is_restarted(tmp_path: Path) -> None:
    async def story() -> None:
        async with MemoryRoom() as kitchen, kitchen.connect(name="ana") as ana:
            way = way_to(kitchen, tmp_path)
            first = Browsers(tmp_path, way)
            token, _ = await first.join(None, "phone", kitchen.password, ADDRESS)
            await first.let_go()
            kitchen.restart()
            second, browser = reopened(tmp_path, kitchen, token)
            tab = Tab(browser)
            await tab.open()
            browser.outbox.say("page", 1, "still here")
            await tab.until(type="message", text="still here")
            kinds = []
            async for event in ana:
                kinds.append(type(event).__name__)
                if getattr(event, "text", "") == "still here":
                    break
            assert "Went" not in kinds
            await second.let_go()

    run(story())


def test_a_tab_that_comes_back_is_told_what_it_missed_from_memory_or_from_the_log(tmp_path: Path) -> None:
    async def story() -> None:
        async with in_kitchen(tmp_path) as (kitchen, _, _, browser), kitchen.connect(name="ana") as ana:
            tab = Tab(browser)
            await tab.open()
            await said(ana, 5)
            await tab.until(type="message", text="line 4")
            last = tab.ids[-1]
            await tab.close()
            await said(ana, 10, "short")
            again = Tab(browser)
            await again.open(last)
            await again.until(type="message", text="short 9")
            assert again.texts() == [f"short {n}" for n in range(10)]
            await again.close()
            await said(ana, 600, "long")
            later = Tab(browser)
            await later.open(last)
            await later.until(type="message", text="long 599")
            await later.until(code="caught_up")
            await ana.say("now")
            await later.until(type="message", text="now")
            assert later.texts() == [f"short {n}" for n in range(10)] + [f"long {n}" for n in range(600)] + ["now"]
            fresh = Tab(browser)
            await fresh.open()
            await fresh.until(code="caught_up")
            assert fresh.texts() == [f"long {n}" for n in range(501, 600)] + ["now"]
            assert not [each for each in fresh.seen if each["type"] == "joined"], "who came before is no news"

    run(story())


def test_a_tab_that_comes_back_after_the_gateway_was_restarted_misses_nothing(tmp_path: Path) -> None:
    async def story() -> None:
        async with MemoryRoom(limits=FAST) as kitchen, kitchen.connect(name="ana") as ana:
            way = way_to(kitchen, tmp_path)
            first = Browsers(tmp_path, way)
            token, browser = await first.join(None, "phone", kitchen.password, ADDRESS)
            tab = Tab(browser)
            await tab.open()
            await ana.say("before")
            await tab.until(type="message", text="before")
            await first.let_go()
            await said(ana, 150)
            second, found = reopened(tmp_path, kitchen, token)
            again = Tab(found)
            await again.open(tab.ids[-1])
            await again.until(type="message", text="line 149")
            assert again.texts() == [f"line {n}" for n in range(150)]
            await second.let_go()

    run(story())


def test_a_tab_that_comes_back_before_the_room_has_told_everything_is_told_nothing_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story() -> None:
        async with MemoryRoom(limits=FAST) as kitchen, kitchen.connect(name="ana") as ana:
            way = way_to(kitchen, tmp_path)
            first = Browsers(tmp_path, way)
            token, browser = await first.join(None, "phone", kitchen.password, ADDRESS)
            tab = Tab(browser)
            await tab.open()
            await said(ana, 9)
            await tab.until(type="message", text="line 8")
            await first.let_go()
            monkeypatch.setattr("sockatuh.web.browser.READY_WITHIN", 0)
            second, found = reopened(tmp_path, kitchen, token)
            again = Tab(found)
            await again.open(tab.ids[-1])
            await again.until(code="caught_up")
            await ana.say("now")
            await again.until(type="message", text="now")
            assert again.texts() == ["now"]
            await second.let_go()

    run(story())


def test_lines_that_are_said_while_a_tab_reads_what_it_missed_are_not_left_out(tmp_path: Path) -> None:
    async def story() -> None:
        async with in_kitchen(tmp_path) as (kitchen, _, _, browser), kitchen.connect(name="ana") as ana:
            tab = Tab(browser)
            await tab.open()
            await said(ana, 1)
            await tab.until(type="message", text="line 0")
            await tab.close()
            await said(ana, 400, "missed")
            later = Tab(browser)
            await later.open(tab.ids[-1])
            await later.until(type="hello")
            await said(ana, 400, "meanwhile")
            await later.until(type="message", text="meanwhile 399")
            assert later.texts() == [f"missed {n}" for n in range(400)] + [f"meanwhile {n}" for n in range(400)]

    run(story())


def test_a_private_line_of_others_is_told_to_no_tab(tmp_path: Path) -> None:
    async def story() -> None:
        async with (
            in_kitchen(tmp_path) as (kitchen, _, _, browser),
            kitchen.connect(name="ana") as ana,
            kitchen.connect(name="budi"),
        ):
            tab = Tab(browser)
            await tab.open()
            await ana.say("psst", to="budi")
            await ana.say("soup")
            await tab.until(type="message", text="soup")
            assert "psst" not in json.dumps(tab.seen)

    run(story())


def test_a_struck_line_is_told_to_no_tab_that_comes_later(tmp_path: Path) -> None:
    async def story() -> None:
        async with in_kitchen(tmp_path) as (kitchen, _, _, browser), kitchen.connect(name="ana") as ana:
            seq = await ana.say("secret")
            await ana.strike(seq)
            await ana.say("soup")
            tab = Tab(browser)
            await tab.open()
            assert (await tab.until(type="struck"))["line"] == seq
            await tab.until(type="message", text="soup")
            assert "secret" not in json.dumps(tab.seen)

    run(story())


def test_a_wrong_password_leaves_nothing_behind(tmp_path: Path) -> None:
    async def story() -> None:
        async with MemoryRoom() as kitchen:
            browsers = Browsers(tmp_path, way_to(kitchen, tmp_path))
            with pytest.raises(Refused) as refused:
                await browsers.join(None, "phone", "wrong-password", ADDRESS)
            assert refused.value.code == "password_wrong"
            assert not list((tmp_path / "browsers").iterdir())
            assert (len(browsers), browsers.live) == (0, 0)

    run(story())


def test_the_password_is_not_kept_on_disk_and_nothing_there_holds_the_cookie(tmp_path: Path) -> None:
    async def story() -> None:
        async with in_kitchen(tmp_path) as (kitchen, _, token, browser):
            browser.outbox.say("page", 1, "hello")
            await asyncio.sleep(1)
            for path in tmp_path.rglob("*"):
                assert token not in str(path)
                if path.is_file():
                    assert path.stat().st_mode & 0o077 == 0, path
                    assert kitchen.password.encode() not in path.read_bytes()
                    assert token.encode() not in path.read_bytes()

    run(story())


def test_a_member_without_a_stream_leaves_after_a_while_and_comes_back_by_ticket(tmp_path: Path) -> None:
    async def story() -> None:
        async with in_kitchen(tmp_path) as (kitchen, _, _, browser), kitchen.connect(name="ana") as ana:
            tab = Tab(browser)
            await tab.open()
            await asyncio.sleep(3_000)
            assert len(await ana.members()) == 2
            await tab.close()
            await asyncio.sleep(590)
            assert len(await ana.members()) == 2
            await asyncio.sleep(20)
            assert [each.name for each in await ana.members()] == ["ana"]
            assert browser.outbox.say("page", 1, "said while away").seq is None
            again = Tab(browser)
            await again.open()
            await again.until(type="message", text="said while away")
            assert kitchen.lines == [("phone", "said while away")]

    run(story(), limit=10_000)


def test_whoever_leaves_comes_back_by_ticket_and_not_because_the_gateway_was_restarted(tmp_path: Path) -> None:
    async def story() -> None:
        async with in_kitchen(tmp_path) as (kitchen, browsers, token, browser), kitchen.connect(name="ana") as ana:
            tab = Tab(browser)
            await tab.open()
            browser.outbox.say("page", 1, "bye")
            await browsers.leave(browser, forget=False)
            assert (await tab.until(type="ended"))["error"] == "left"
            assert kitchen.lines == [("phone", "bye")]
            assert [each.name for each in await ana.members()] == ["ana"]
            with pytest.raises(NotInRoom):
                await browsers.open(browser, ADDRESS)
            again, found = reopened(tmp_path, kitchen, token)
            assert (found.has_left, found.name) == (True, "phone")
            await again.open(found, ADDRESS, returns=True)
            assert not found.has_left
            assert {each.name for each in await ana.members()} == {"ana", "phone"}
            await again.let_go()

    run(story())


def test_whoever_leaves_for_good_is_forgotten(tmp_path: Path) -> None:
    async def story() -> None:
        async with in_kitchen(tmp_path) as (kitchen, browsers, token, browser), kitchen.connect(name="ana") as ana:
            tab = Tab(browser)
            await tab.open()
            browser.outbox.say("page", 1, "bye")
            await browsers.leave(browser, forget=True)
            assert (await tab.until(type="ended"))["error"] == "left"
            await tab.until(type="END")
            assert kitchen.lines == [("phone", "bye")]
            assert [each.name for each in await ana.members()] == ["ana"]
            assert browsers.find(token) is None
            assert not list((tmp_path / "browsers").iterdir())

    run(story())


def test_a_kick_ends_the_streams_and_says_why_and_the_member_may_return_later(tmp_path: Path) -> None:
    async def story() -> None:
        async with in_kitchen(tmp_path) as (kitchen, _, _, browser):
            tab = Tab(browser)
            await tab.open()
            await kitchen.order("kick", name="phone", for_=60, reason="flooding")
            ended = await tab.until(type="ended")
            assert (ended["error"], ended["reason"]) == ("kicked", "flooding")
            assert "flooding" in ended["sentence"]
            await tab.until(type="END")
            await tab.close()
            assert browser.removed is not None
            browser._clock = lambda: time.time() + 50
            assert 0 < browser.removed.wait < 11, "what is left of it"
            browser._clock = lambda: time.time() + 61
            assert browser.removed is None
            assert not browser.is_live

    run(story())


def test_a_new_password_is_asked_for_and_the_same_member_returns(tmp_path: Path) -> None:
    async def story() -> None:
        async with in_kitchen(tmp_path) as (kitchen, browsers, token, browser):
            tab = Tab(browser)
            await tab.open()
            await tab.until(code="caught_up")
            browser.profile.clear_tickets(browser._way.server.server)
            await browser.let_go()
            await tab.close()
            again = Tab(browser)
            with pytest.raises(Refused):
                await again.open()
            assert browser.wants_password
            assert browser.name == "phone"
            assert await browsers.join(token, "phone", kitchen.password, ADDRESS) == (token, browser)
            assert not browser.wants_password

    run(story())


def test_there_are_as_many_streams_and_browsers_as_are_allowed(tmp_path: Path) -> None:
    async def story() -> None:
        async with MemoryRoom() as kitchen:
            browsers = Browsers(tmp_path, way_to(kitchen, tmp_path), live=2, kept=2)
            tokens = []
            for name in ("ana", "budi"):
                token, browser = await browsers.join(None, name, kitchen.password, ADDRESS)
                tokens.append(token)
            with pytest.raises(DoorFull):
                await browsers.join(None, "eva", kitchen.password, ADDRESS)
            for _ in range(STREAMS):
                browser.open_feed(speech_of("en"))
            with pytest.raises(TooManyStreams):
                browser.open_feed(speech_of("en"))
            first = browsers.find(tokens[0])
            assert first is not None
            await first.let_go()
            await browsers.join(None, "eva", kitchen.password, ADDRESS)
            assert browsers.find(tokens[0]) is None, "forgotten, as it was not there"
            assert len(browsers) == 2
            await browsers.let_go()

    run(story())


def test_a_browser_that_is_about_to_come_in_is_not_forgotten(tmp_path: Path) -> None:
    async def story() -> None:
        async with in_kitchen(tmp_path) as (kitchen, browsers, token, browser):
            joining = asyncio.create_task(browsers.join(token, "phone", kitchen.password, ADDRESS))
            while browser.is_live:
                await asyncio.sleep(0)
            browsers.sweep()
            assert browsers.find(token) is browser, "another one of the same key would be in the room too"
            await joining
            assert browsers.live == 1

    run(story())


def test_a_browser_whose_files_cannot_be_read_stays_and_keeps_no_other_out(tmp_path: Path) -> None:
    async def story() -> None:
        async with in_kitchen(tmp_path) as (kitchen, browsers, token, browser):
            await browsers.let_go()
            names = browser.directory / "names"
            names.rename(names.with_suffix(".moved"))
            names.mkdir()
            again = Browsers(tmp_path, way_to(kitchen, tmp_path))
            again.sweep()
            assert again.find(token) is not None

    run(story())


def test_a_browser_that_was_let_in_keeps_its_name_although_it_could_not_come_back_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_: object, **__: object) -> None:
        raise Refused("busy")

    async def story() -> None:
        async with MemoryRoom() as kitchen:
            browsers = Browsers(tmp_path, way_to(kitchen, tmp_path))
            with monkeypatch.context() as busy:
                busy.setattr(Browser, "open", refuse)
                token, browser = await browsers.join(None, "phone", kitchen.password, ADDRESS)
            assert not browser.is_live
            await browsers.open(browser, ADDRESS)
            assert (browsers.find(token), browser.name, browser.is_live) == (browser, "phone", True)
            await browsers.let_go()

    run(story())


def test_the_room_says_whether_a_name_can_be_had_before_the_password(tmp_path: Path) -> None:
    async def story() -> None:
        async with MemoryRoom() as kitchen, kitchen.connect(name="ana"):
            way = way_to(kitchen, tmp_path)
            assert await way.ask_name("budi", Profile(), ADDRESS) == "budi"
            with pytest.raises(Refused) as refused:
                await way.ask_name("ana", Profile(), ADDRESS)
            assert refused.value.code == "name_unavailable"

    run(story())
