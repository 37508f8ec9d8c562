"""Screenshots of the page: `scripts/browser --pictures` draws those in docs/, `--pictures DIRECTORY` all there are.

Those in docs/ show the room on a phone and at a desk, light and dark, always at the same minute. In DIRECTORY there is
each step, on more screens, and on the phone in both languages.
"""

from __future__ import annotations

import itertools
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kit import browser as kit
from kit.web_double import WebDouble
from selenium.webdriver.common.keys import Keys
from web.tab import Tab

DOCS: Final = Path(__file__).parents[2] / "docs"
SCREENS: Final = {
    "phone": (360, 640, True),
    "tablet": (768, 1024, True),
    "desk": (900, 420, False),
    "laptop": (1024, 640, False),
}
NOW: Final = "2026-11-28T12:02:00.000Z"
CLOCK: Final = f"""
    Date = class extends Date {{ constructor(...given) {{ super(...(given.length ? given : ["{NOW}"])); }} }};
"""


@dataclass(frozen=True)
class Picture:
    """What a picture is of."""

    screen: str
    dark: bool
    language: str = "en"

    def __str__(self) -> str:
        return f"{self.screen}-{'dark' if self.dark else 'light'}"


def evening(gateway: WebDouble) -> None:
    """Have people talk."""
    gateway.members |= {"cookie of budi": "budi", "cookie of citra": "citra"}
    gateway.say("budi", "the stove is fixed", at="2026-11-27T17:20:00.000Z")
    gateway.append("joined", "2026-11-28T11:50:00.000Z", name="citra", sentence="citra joined")
    gateway.say("citra", "soup at one? see http://192.168.1.20/menu", at="2026-11-28T11:51:00.000Z")
    gateway.say("budi", "puts the kettle on", action=True, at="2026-11-28T11:52:00.000Z")
    gateway.say("budi", "שלום citra, and a longer line that has to be wrapped on a phone, and perhaps at a desk too")
    gateway.say("kitchen", "the kitchen closes at ten", official=True)
    gateway.say("citra", "ana, are you coming?", mention=True)
    gateway.append("private", to="ana", text="bring the key", own=False, key="", line=None, **{"from": "citra"})


@contextmanager
def opened(driver: str, directory: Path, picture: Picture) -> Iterator[Tab]:
    """Open the page for the block, with its clock stopped, and pixels that are the page's own."""
    width, height, phone = SCREENS[picture.screen]
    gateway = WebDouble(kit.OURS, language=picture.language, encrypted=not picture.dark)
    gateway.clock = lambda: NOW
    threading.Thread(target=gateway.serve_forever, daemon=True).start()
    evening(gateway)
    size = {"width": width, "height": height}
    with kit.browser(driver, directory, **size, phone=phone, dark=picture.dark, ratio=1.0) as browser:
        if not phone:  # whose window is smaller than it was asked to be
            kit.command(browser, "Emulation.setDeviceMetricsOverride", **size, deviceScaleFactor=1, mobile=False)
        kit.command(browser, "Emulation.setTimezoneOverride", timezoneId="UTC")
        kit.command(browser, "Page.addScriptToEvaluateOnNewDocument", source=CLOCK)
        tab = Tab(browser, gateway)
        tab.open()
        yield tab
    gateway.cut()
    gateway.shutdown()


def talk(tab: Tab) -> None:
    """Join, say something, and something that the room does not take any more."""
    assert isinstance(tab.gateway, WebDouble)
    tab.join()
    tab.find("#text").send_keys("coming")
    tab.find("#say button").click()
    tab.until(lambda: tab.lines[-1].endswith("coming"))
    tab.gateway.stores = False
    tab.find("#text").send_keys("with bread")
    tab.find("#say button").click()
    tab.gateway.notice("contact_lost", since="2026-11-28T12:01:00Z")
    tab.until(lambda: tab.text("#contact") and tab.pending)
    tab.js("$('text').style.caretColor = 'transparent'")  # it blinks


def draw_docs(driver: str, scratch: Path) -> None:
    """Write the pictures of docs/."""
    for screen, dark in itertools.product(("phone", "desk"), (False, True)):
        picture = Picture(screen, dark)
        with opened(driver, scratch / str(picture), picture) as tab:
            talk(tab)
            tab.driver.save_screenshot(str(DOCS / f"web-{picture}.png"))


def draw_all(driver: str, scratch: Path, directory: Path) -> None:
    """Write a picture of each step."""
    directory.mkdir(parents=True, exist_ok=True)
    for screen, dark, language in itertools.product(SCREENS, (False, True), ("en", "id")):
        if language == "en" or screen == "phone":
            picture = Picture(screen, dark, language)
            draw_steps(driver, scratch / f"{picture}-{language}", directory, picture)


def draw_steps(driver: str, scratch: Path, directory: Path, picture: Picture) -> None:
    """Go through the page with one browser, and take a picture at each step."""
    with opened(driver, scratch, picture) as tab:

        def take(step: str) -> None:
            tab.driver.save_screenshot(str(directory / f"{picture}-{picture.language}-{step}.png"))

        take("name")
        tab.type(f"ana{Keys.ENTER}")
        tab.until(lambda: tab.focus == "password")
        take("password")
        tab.find("#other").click()
        talk(tab)
        take("room")
        tab.find("#who").click()
        tab.until(lambda: tab.shows("#people"))
        take("who")
        tab.type(Keys.ESCAPE)
        tab.find("#leave").click()
        tab.until(lambda: tab.shows("#leaving"))
        take("leaving")


def main() -> None:
    """Take the pictures of docs/, or all of them."""
    with (
        tempfile.TemporaryDirectory() as name,
        kit.network() as namespace,
        kit.driver_in(namespace, Path(name)) as driver,
    ):
        if len(sys.argv) > 1:
            draw_all(driver, Path(name), Path(sys.argv[1]))
        else:
            draw_docs(driver, Path(name))


if __name__ == "__main__":
    main()
