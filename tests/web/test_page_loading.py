"""A page of which a part did not arrive says so, in the browser's language; and one that is whole does not."""

from __future__ import annotations

from pathlib import Path

import pytest
from kit import browser as kit
from kit.web_double import WebDouble
from web.tab import Tab

from sockatuh.wording.en.page import NOT_LOADED
from sockatuh.wording.id import page as indonesian

pytestmark = pytest.mark.browser


def test_a_page_without_its_script_says_so_after_a_while(tab: Tab, gateway: WebDouble) -> None:
    assert tab.count("#broken") == 0, "this one is whole"
    tab.expects_network_errors = True
    gateway.deaf_to = {"app.js"}
    for gateway.language, sentence in (("en", NOT_LOADED), ("id", indonesian.NOT_LOADED)):
        tab.driver.get(gateway.url)
        tab.until(lambda: tab.find("#broken").is_displayed())
        assert tab.find("body").text == sentence, "and nothing else"
    gateway.deaf_to.clear()
    tab.open()
    assert tab.count("#broken") == 0


def test_a_page_without_its_style_says_so_and_works(tab: Tab, gateway: WebDouble) -> None:
    tab.expects_network_errors = True
    gateway.deaf_to = {"app.css"}
    tab.open()
    assert tab.find("#broken").is_displayed()
    tab.join()
    tab.say("plain")
    tab.wait_for("ana plain")


def test_a_page_that_arrived_alone_says_so(tab: Tab, gateway: WebDouble) -> None:
    tab.expects_network_errors = True
    gateway.deaf_to = {"app.js", "app.css"}
    tab.driver.get(gateway.url)
    assert tab.find("body").text == NOT_LOADED


def test_without_scripts_the_sentence_is_there(driver: str, gateway: WebDouble, tmp_path: Path) -> None:
    with kit.browser(driver, tmp_path) as opened:
        kit.command(opened, "Emulation.setScriptExecutionDisabled", value=True)
        opened.get(gateway.url)
        tab = Tab(opened, gateway)
        tab.until(lambda: tab.find("#broken").is_displayed())
        assert tab.find("body").text == NOT_LOADED
