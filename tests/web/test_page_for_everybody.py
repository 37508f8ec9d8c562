"""The page without a mouse, on a small screen, in the dark, in another language, and for a screen reader."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from kit import browser as kit
from kit.web_double import WebDouble
from selenium.webdriver.common.keys import Keys
from web.tab import Tab

pytestmark = pytest.mark.browser

AXE: Final = Path(os.environ.get("AXE_CORE", "axe.min.js"))
LONGEST: Final = "w" * 400

SIZES: Final = """
    const all = [...document.querySelectorAll("body *")];
    const seen = all.filter((each) => each.checkVisibility() && !each.closest(".unseen"));
    const box = (each) => each.getBoundingClientRect(), shown = (each) => each.outerHTML;
    const root = document.documentElement;
    return [
        root.scrollWidth <= innerWidth && root.scrollHeight <= innerHeight,
        seen.filter((each) => parseFloat(getComputedStyle(each).fontSize) < 16).map(shown),
        seen.filter((each) => each.matches("button") && box(each).height < 44).map(shown),
        seen.filter((each) => box(each).right > innerWidth + 0.5).map(shown),
    ];
"""
"""Whether the page is no larger than the screen, and what is too small to read, too small for a finger, cut off."""


@pytest.fixture
def phone(driver: str, gateway: WebDouble, tmp_path: Path) -> Iterator[Tab]:
    """A phone of 360 pixels, in the dark."""
    with kit.browser(driver, tmp_path, width=360, height=640, phone=True, dark=True) as opened:
        tab = Tab(opened, gateway)
        tab.open()
        yield tab
        tab.check_for_complaints()


def faults_of(tab: Tab) -> list[str]:
    """Return what axe-core finds wrong with what is shown at present."""
    if not AXE.exists():
        assert os.environ.get("CI") != "true", "scripts/browser fetches axe-core"
        pytest.skip("axe-core is not there: scripts/browser fetches it")
    kit.command(tab.driver, "Page.setBypassCSP", enabled=True)
    tab.js(AXE.read_text("utf-8"))
    found: dict[str, Any] = tab.driver.execute_async_script(
        "const done = arguments[0]; axe.run({resultTypes: ['violations']}).then(done, (error) => done(String(error)))"
    )
    return [
        f"{each['id']}: {node['html'][:120]} {node.get('failureSummary', '')}"
        for each in found["violations"]
        for node in each["nodes"]
    ]


def fill_room(gateway: WebDouble) -> None:
    """Have something of everything said."""
    gateway.say("budi", "long ago", at="2026-01-02T12:00:00.000Z")
    for name in ("budi", "citra", "dewi", "eka", "fajar", "gita", "hadi", "indah", "joko", "kartika"):
        gateway.say(name, "see http://10.0.0.1/menu")
    gateway.say("budi", "ana: soup?", mention=True)
    gateway.say("admin", "closing at ten", official=True)
    gateway.say("budi", "dances", action=True)
    gateway.append("private", to="ana", text="psst", own=False, key="", line=None, **{"from": "budi"})
    gateway.append("left", name="citra", sentence="citra left")


@pytest.mark.parametrize("dark", [False, True])
def test_axe_finds_nothing(driver: str, gateway: WebDouble, tmp_path: Path, dark: bool) -> None:
    fill_room(gateway)
    with kit.browser(driver, tmp_path, dark=dark) as opened:
        tab = Tab(opened, gateway)
        tab.open()
        assert faults_of(tab) == []
        tab.type(f"ana{Keys.ENTER}")
        tab.until(lambda: tab.focus == "password")
        assert faults_of(tab) == []
        tab.find("#other").click()
        tab.join()
        gateway.stores = False
        tab.say("on the way")
        gateway.notice("contact_lost", since="2026-11-28T09:30:00Z")
        tab.until(lambda: tab.text("#contact"))
        assert faults_of(tab) == []
        tab.find("#who").click()
        tab.until(lambda: tab.shows("#people"))
        assert faults_of(tab) == []
        tab.type(Keys.ESCAPE)
        tab.find("#leave").click()
        tab.until(lambda: tab.shows("#leaving"))
        assert faults_of(tab) == []


def test_the_log_is_read_out_as_it_grows_but_not_what_was_before(tab: Tab, gateway: WebDouble) -> None:
    assert tab.js("return [log.role, log.ariaLabel]") == ["log", "What is said in the room"]
    gateway.say("budi", "before")
    tab.join()
    assert tab.js("return log.ariaLive") in ("off", "polite")
    tab.until(lambda: tab.js("return log.ariaLive") == "polite")
    assert tab.js("return [$('contact').role, $('answer').role]") == ["status", "alert"]
    assert tab.js("return $('pending').getAttribute('aria-live')") == "off", (
        "an own line is read once, when it is stored"
    )


def test_everything_is_reached_by_tab_and_the_focus_is_seen(tab: Tab, gateway: WebDouble) -> None:
    gateway.say("budi", "see http://10.0.0.1/menu")
    tab.join()
    reached = []
    for _ in range(8):
        tab.type(Keys.TAB)
        outline = tab.js(
            "const s = getComputedStyle(document.activeElement); return [s.outlineStyle, parseFloat(s.outlineWidth)]"
        )
        if (found := tab.js("const e = document.activeElement; return e.id || e.tagName")) != "BODY":
            assert outline == ["solid", 3.0], found
            reached.append(found)
    assert {"who", "leave", "log", "A", "text", "BUTTON"} <= {*reached}


def test_on_a_phone_enter_makes_a_line_and_the_button_sends(phone: Tab) -> None:
    phone.join()
    phone.find("#text").send_keys(f"one{Keys.ENTER}two")
    phone.find("#say button").click()
    phone.wait_for("ana one\ntwo")


def test_a_narrow_phone_shows_everything_at_a_size_for_fingers(phone: Tab, gateway: WebDouble) -> None:
    fill_room(gateway)
    gateway.say(LONGEST[:64], LONGEST)
    gateway.encrypted = False
    phone.open()
    assert phone.js(SIZES) == [True, [], [], []]
    assert phone.shows("#clear")
    phone.join()
    phone.until(lambda: phone.count("#lines > li") > 15)
    assert phone.js(SIZES) == [True, [], [], []]
    assert phone.shows("#clear"), "and stays"
    phone.find("#leave").click()
    assert phone.js(SIZES)[1:] == [[], [], []]


DRAWN: Final = ("#room header", "#log", "#lines time", "#lines .name", "#say", "#text", "#say button")
LAYOUT: Final = """
    const box = (each) => document.querySelector(each).getBoundingClientRect();
    return Object.fromEntries(arguments[0].map((each) => {
        const { left, top, right, bottom } = box(each);
        return [each, [left, top, right, bottom].map(Math.round)];
    }));
"""


def test_the_room_fills_a_phone_as_it_was_drawn(driver: str, gateway: WebDouble, tmp_path: Path) -> None:
    """Hold the boxes that no font decides: all but the widths of words, and the heights of rows to a few pixels."""
    gateway.say("budi", "soup at one")
    with kit.browser(driver, tmp_path, width=360, height=740, phone=True) as opened:
        tab = Tab(opened, gateway)
        tab.open()
        tab.join()
        boxes = tab.js(LAYOUT, DRAWN)
    header, log, time, name, say, field, button = (boxes[each] for each in DRAWN)
    assert (header[0], header[1], header[2]) == (0, 0, 360)
    assert abs(header[3] - 58) <= 2
    assert (log[0], log[1], log[2]) == (0, header[3], 360), "directly below the header"
    assert (say[0], say[2], say[3]) == (0, 360, 740), "the field is at the bottom"
    assert log[3] == say[1], "and the log ends where it begins"
    assert abs(say[3] - say[1] - 58) <= 2
    assert abs(time[0] - 13) <= 1
    assert abs(time[2] - time[0] - 50) <= 1
    assert abs(name[0] - 67) <= 6, "names are in a column"
    assert abs(name[1] - time[1]) <= 4, "on the row of the time"
    assert (field[0], button[2]) == (10, 350)
    assert 4 <= button[0] - field[2] <= 8
    assert field[2] - field[0] > 200, "the longest of the two"


def test_at_twice_the_size_nothing_is_cut_off(driver: str, gateway: WebDouble, tmp_path: Path) -> None:
    """Zoom to 200 % of a laptop's 1280 by 720: half as many pixels each way (WCAG 1.4.4)."""
    fill_room(gateway)
    with kit.browser(driver, tmp_path, width=640, height=360, phone=True) as opened:
        tab = Tab(opened, gateway)
        tab.open()
        tab.join()
        assert tab.js(SIZES) == [True, [], [], []]
        assert tab.js("return log.clientHeight") > 150, "and there is something to read"
        tab.find("#leave").click()
        tab.until(lambda: tab.shows("#leaving"))
        box = "const { top, bottom } = $('leaving').getBoundingClientRect(); return top >= 0 && bottom <= innerHeight"
        assert tab.js(box)


def test_the_page_speaks_another_language(driver: str, gateway: WebDouble, tmp_path: Path) -> None:
    gateway.language = "id"
    gateway.say("budi", "dulu", at="2026-01-02T12:00:00.000Z")
    with kit.browser(driver, tmp_path) as opened:
        tab = Tab(opened, gateway)
        tab.open()
        assert tab.text("label[for=name]") == "Nama Anda"
        tab.join()
        assert tab.lines[0].replace(",", "") == "Jumat 02 Januari 2026"
        assert tab.text("#who") == "1 di sini"
        tab.say("/serach")
        tab.until(lambda: tab.lines[-1].startswith("perintah /serach tidak ada"))
        tab.check_for_complaints()


def test_a_page_that_is_encrypted_has_no_warning(tab: Tab) -> None:
    assert not tab.shows("#clear")
