"""Screenshots of the page, of a phone and at a desk, light and dark: `scripts/browser --pictures DIRECTORY`.

`docs/web-phone.png` and `docs/web-desk.png` are `phone-light-en-room` and `desk-dark-en-room` of these.
"""

from __future__ import annotations

import itertools
import sys
import tempfile
import threading
from pathlib import Path
from typing import Final

from kit import browser as kit
from kit.web_double import WebDouble
from selenium.webdriver.common.keys import Keys
from web.tab import Tab

SCREENS: Final = {"phone": (360, 740, True), "desk": (900, 560, False)}


def evening(gateway: WebDouble) -> None:
    """Have people talk."""
    gateway.say("budi", "the stove is fixed", at="2026-11-27T17:20:00.000Z")
    gateway.append("joined", "2026-11-28T08:29:00.000Z", name="citra", sentence="citra joined")
    gateway.say("citra", "soup at one? see http://192.168.1.20/menu", at="2026-11-28T08:30:00.000Z")
    gateway.say("budi", "puts the kettle on", action=True, at="2026-11-28T08:31:00.000Z")
    gateway.say("budi", "שלום citra, and a longer line that has to be wrapped on a phone, and perhaps at a desk too")
    gateway.say("kitchen", "the kitchen closes at ten", official=True)
    gateway.say("citra", "ana, are you coming?", mention=True)
    gateway.append("private", to="ana", text="bring the key", own=False, key="", line=None, **{"from": "citra"})


def take(tab: Tab, directory: Path, name: str) -> None:
    """Write a picture of what is shown."""
    tab.driver.save_screenshot(str(directory / f"{name}.png"))


def main() -> None:
    """Take all pictures, in both languages at the phone."""
    directory = Path(sys.argv[1] if len(sys.argv) > 1 else "dist/pictures")
    directory.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as scratch,
        kit.network() as namespace,
        kit.driver_in(namespace, Path(scratch)) as driver,
    ):
        for screen, dark, language in itertools.product(SCREENS, (False, True), ("en", "id")):
            photograph(driver, Path(scratch), directory, screen, dark=dark, language=language)


def photograph(driver: str, scratch: Path, directory: Path, screen: str, *, dark: bool, language: str) -> None:
    """Go through the page with one browser, and take a picture at each step."""
    width, height, phone = SCREENS[screen]
    name = f"{screen}-{'dark' if dark else 'light'}-{language}"
    gateway = WebDouble(kit.OURS, language=language, encrypted=not dark)
    threading.Thread(target=gateway.serve_forever, daemon=True).start()
    evening(gateway)
    profile = Path(scratch) / name
    with kit.browser(driver, profile, width=width, height=height, phone=phone, dark=dark) as opened:
        tab = Tab(opened, gateway)
        tab.open()
        take(tab, directory, f"{name}-name")
        tab.type(f"ana{Keys.ENTER}")
        tab.until(lambda: tab.focus == "password")
        take(tab, directory, f"{name}-password")
        tab.find("#other").click()
        tab.join()
        tab.find("#text").send_keys("coming")
        tab.find("#say button").click()
        tab.until(lambda: tab.lines[-1].endswith("coming"))
        gateway.stores = False
        tab.find("#text").send_keys("with bread")
        tab.find("#say button").click()
        gateway.notice("contact_lost", since="2026-11-28T09:30:00Z")
        tab.until(lambda: tab.text("#contact") and tab.pending)
        take(tab, directory, f"{name}-room")
        tab.find("#who").click()
        tab.until(lambda: tab.shows("#people"))
        take(tab, directory, f"{name}-who")
    gateway.cut()
    gateway.shutdown()


if __name__ == "__main__":
    main()
