"""Where the page draws the line above what was not read, whatever became of its stream, and what it says of a gap."""

from __future__ import annotations

import pytest
from kit.web_double import WebDouble
from web.tab import Tab

pytestmark = pytest.mark.browser


def test_a_stream_that_is_opened_again_leaves_the_line_above_the_first_unread(tab: Tab, gateway: WebDouble) -> None:
    tab.join()
    gateway.say("budi", "seen")
    tab.wait_for("budi seen")
    tab.hide()
    gateway.say("budi", "one")
    tab.until(lambda: "(1) kitchen" in tab.titles)
    before = gateway.followed
    gateway.cut()
    gateway.say("budi", "two")
    tab.until(lambda: "(2) kitchen" in tab.titles)
    assert gateway.followed == before + 1
    gateway.say("budi", "three")
    tab.until(lambda: "(3) kitchen" in tab.titles)
    tab.look()
    tab.wait_for("budi seen", "new", "budi one", "budi two", "budi three")
    assert tab.count("#unread") == 1


def test_a_phone_that_slept_heads_what_it_then_reads_at_once(tab: Tab, gateway: WebDouble) -> None:
    """The tab of a phone that sleeps is hidden and hears nothing, and asks for what it missed when it is seen again."""
    tab.join()
    gateway.say("budi", "seen")
    tab.wait_for("budi seen")
    before = gateway.followed
    tab.hide()
    tab.driver.switch_to.window(tab.first)
    tab.js("stream.close(); heardAt -= 60_000")
    tab.driver.switch_to.window(tab.other)
    gateway.say("budi", "unread")
    gateway.say("budi", "also")
    tab.look()
    tab.wait_for("budi seen", "new", "budi unread", "budi also")
    assert gateway.followed == before + 1
    assert tab.title == "kitchen"


def test_a_connection_that_the_phone_cut_while_it_slept_is_the_same(tab: Tab, gateway: WebDouble) -> None:
    tab.join()
    gateway.say("budi", "seen")
    tab.wait_for("budi seen")
    gateway.deaf = tab.expects_network_errors = True
    tab.hide()
    gateway.cut()
    gateway.say("budi", "unread")
    tab.look()
    gateway.deaf = False
    tab.wait_for("budi seen", "new", "budi unread")


def test_what_comes_after_a_short_silence_under_ones_eyes_is_not_headed(tab: Tab, gateway: WebDouble) -> None:
    tab.join()
    gateway.say("budi", "seen")
    tab.wait_for("budi seen")
    gateway.cut()
    gateway.say("budi", "a moment later")
    tab.wait_for("ana joined", "budi seen", "budi a moment later")


def test_whoever_reads_above_stays_there_when_the_stream_is_opened_again(tab: Tab, gateway: WebDouble) -> None:
    for number in range(90):
        gateway.say("budi", f"line {number}")
    tab.join()
    tab.until(lambda: tab.js("return log.scrollTop > 0"))
    tab.js("log.scrollTop = 0")
    tab.until(lambda: tab.shows("#end"))
    before = gateway.followed
    gateway.cut()
    gateway.say("budi", "news")
    tab.wait_for("budi news")
    tab.until(lambda: gateway.followed == before + 1 and tab.js("return isCaughtUp"))
    assert tab.js("return log.scrollTop") == 0


def test_what_the_room_no_longer_keeps_is_said_where_it_was(tab: Tab, gateway: WebDouble) -> None:
    tab.join()
    gateway.say("budi", "seen")
    tab.wait_for("budi seen")
    tab.driver.get("about:blank")
    for number in range(200):
        gateway.say("budi", f"line {number}")
    gateway.gone_through = len(gateway.entries) - 150
    tab.open()
    tab.until(lambda: tab.js("return isCaughtUp"))
    assert tab.lines[:3] == ["some lines are no longer kept", "new", "budi line 50"]
    assert len(tab.lines) == 2 + 150


def test_what_is_no_longer_kept_for_a_tab_that_stayed_open_is_said_below_what_it_shows(
    tab: Tab, gateway: WebDouble
) -> None:
    tab.join()
    gateway.say("budi", "seen")
    tab.wait_for("budi seen")
    tab.expects_network_errors = gateway.deaf = True
    gateway.cut()
    for number in range(3):
        gateway.say("budi", f"line {number}")
    gateway.gone_through = len(gateway.entries) - 1
    gateway.deaf = False
    tab.wait_for("budi seen", "some lines are no longer kept", "budi line 2")
