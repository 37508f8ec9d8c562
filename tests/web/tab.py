"""A person in front of the page: what there is to see, and what one does."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

from kit.browser import command, console_of
from kit.web_door import WebDoor
from kit.web_double import PASSWORD, WebDouble
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.remote.webelement import WebElement

PATIENCE: Final = 30.0
REFUSED: Final = "Failed to load resource: the server responded with a status of"
"""What the console says of each answer that is an error, and is none of the page's."""


class Tab:
    """A tab of a browser, at the page of a gateway."""

    def __init__(self, driver: WebDriver, gateway: WebDouble | WebDoor) -> None:
        self.driver, self.gateway = driver, gateway
        self.expects_network_errors = False

    def open(self) -> None:
        """Load the page, and wait until it shows a form or the room."""
        self.driver.get(self.gateway.url)
        self.until(lambda: self.js("return !$('door').hidden || !$('room').hidden"))

    def join(self, name: str = "ana", password: str = PASSWORD) -> None:
        """Join with the keyboard, and wait until the room's history is there."""
        self.type(f"{name}{Keys.ENTER}")
        self.until(lambda: self.focus == "password")
        self.type(f"{password}{Keys.ENTER}")
        self.until(lambda: self.shows("#room") and self.gateway.followed > 0, 20)
        self.until(lambda: self.js("return isCaughtUp"))

    def say(self, text: str) -> None:
        """Write something into the field and press Enter, as at a keyboard."""
        self.find("#text").send_keys(text + Keys.ENTER)

    def type(self, keys: str) -> None:
        """Press keys, wherever the focus is."""
        self.driver.switch_to.active_element.send_keys(keys)

    def js(self, script: str, *arguments: Any) -> Any:
        """Run a script on the page and return what it returns."""
        return self.driver.execute_script(script, *arguments)

    def find(self, selector: str) -> WebElement:
        """Return the first element that a selector finds."""
        return self.driver.find_element("css selector", selector)

    def count(self, selector: str) -> int:
        """Return how many elements a selector finds."""
        return int(self.js("return document.querySelectorAll(arguments[0]).length", selector))

    def shows(self, selector: str) -> bool:
        """Tell whether an element is there to be seen."""
        return bool(self.js("return !!document.querySelector(arguments[0])?.checkVisibility()", selector))

    def text(self, selector: str) -> str:
        """Return the text of an element, "" if it is not there."""
        return str(self.js("return document.querySelector(arguments[0])?.textContent ?? ''", selector))

    @property
    def focus(self) -> str:
        """The id of the element that has the focus."""
        return str(self.js("return document.activeElement.id"))

    @property
    def title(self) -> str:
        """The title of the tab."""
        return self.driver.title

    @property
    def titles(self) -> list[str]:
        """The titles of all tabs, also of those that are hidden."""
        return [each["title"] for each in command(self.driver, "Target.getTargets")["targetInfos"]]

    @property
    def lines(self) -> list[str]:
        """What the log shows, without the times, and without the greeting after joining."""
        rows = self.js("return [...document.querySelectorAll('#lines > li')].map((each) => each.textContent)")
        return [row[6:] if row[2:3] == ":" else row for row in rows if not row.startswith("Berhasil bergabung!")]

    @property
    def pending(self) -> list[str]:
        """Own lines that are not stored yet."""
        return list(self.js("return [...document.querySelectorAll('#pending > li')].map((each) => each.textContent)"))

    def until(self, condition: Callable[[], object], patience: float = PATIENCE) -> None:
        """Wait for something to be so."""
        deadline = time.monotonic() + patience
        while not condition():
            assert time.monotonic() < deadline, (
                f"the page shows {self.lines}, {self.pending}, {self.text('body')[:300]}"
            )
            time.sleep(0.02)

    def wait_for(self, *lines: str) -> None:
        """Wait until these are the last lines of the log."""
        self.until(lambda: self.lines[-len(lines) :] == list(lines))

    def hide(self) -> None:
        """Look at another tab."""
        self.first = self.driver.current_window_handle
        self.driver.switch_to.new_window("tab")
        self.other = self.driver.current_window_handle
        self.driver.switch_to.window(self.first)
        self.driver.switch_to.window(self.other)

    def look(self) -> None:
        """Look at this tab again."""
        self.driver.close()
        self.driver.switch_to.window(self.first)
        command(self.driver, "Page.bringToFront")
        self.until(lambda: not self.js("return document.hidden"))

    def check_for_complaints(self) -> None:
        """Fail if the browser reported a script that failed, or anything against the policy."""
        complaints = [each for each in console_of(self.driver) if REFUSED not in each]
        if self.expects_network_errors:
            complaints = [each for each in complaints if "net::ERR_" not in each]
        assert complaints == []
        assert self.gateway.reported == []
