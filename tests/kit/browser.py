"""A real Chromium, headless, with a profile of its own, in a network namespace of its own beside this machine's.

Not on localhost, where browsers apply other rules: there even plain HTTP is a secure context. The browser's address is
HERS, and this machine has OURS at the other end of a cable; each process has a network of its own, so that several can
run at once. Needs root, iproute2, chromium and chromium-driver.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from machine import free_port, unmeasured
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.remote_connection import ChromeRemoteConnection
from selenium.webdriver.remote.webdriver import WebDriver

_NETWORK: Final = f"10.{50 + os.getpid() // 250 % 200}.{os.getpid() % 250}"
OURS: Final = f"{_NETWORK}.20"
HERS: Final = f"{_NETWORK}.30"
PROGRAMS: Final = ("ip", "chromium", "chromedriver")
STARTS_WITHIN: Final = 90.0


def missing() -> str:
    """Return why this machine cannot run a browser in a namespace, or ""."""
    lacking = [each for each in PROGRAMS if shutil.which(each) is None]
    if lacking:
        return f"not installed: {', '.join(lacking)}"
    return "" if os.geteuid() == 0 else "only root makes network namespaces"


@contextlib.contextmanager
def network() -> Iterator[str]:
    """Make a namespace at the other end of a cable for the block, and return its name."""
    name = f"sockatuh-{os.getpid()}"
    ours, hers = f"sa{os.getpid() % 10**6}", f"sb{os.getpid() % 10**6}"
    _run("ip", "netns", "add", name)
    try:
        _run("ip", "link", "add", ours, "type", "veth", "peer", "name", hers, "netns", name)
        # An IPv6 address that comes a second later is a change of the network, at which Chromium fails its requests.
        _run("ip", "link", "set", ours, "addrgenmode", "none")
        _run("ip", "-n", name, "link", "set", hers, "addrgenmode", "none")
        _run("ip", "-n", name, "link", "set", "lo", "up")
        _run("ip", "address", "add", f"{OURS}/24", "dev", ours)
        _run("ip", "link", "set", ours, "up")
        _run("ip", "-n", name, "address", "add", f"{HERS}/24", "dev", hers)
        _run("ip", "-n", name, "link", "set", hers, "up")
        yield name
    finally:
        _run("ip", "netns", "delete", name)


@contextlib.contextmanager
def driver_in(namespace: str, directory: Path) -> Iterator[str]:
    """Run a driver in a namespace for the block, and return the address at which it is commanded."""
    port = free_port()
    command = [
        "ip",
        "netns",
        "exec",
        namespace,
        "chromedriver",
        f"--port={port}",
        "--allowed-ips=",
        "--allowed-origins=*",
    ]
    with open(directory / "driver.log", "wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=unmeasured(os.environ))
        try:
            yield f"http://{HERS}:{port}"
        finally:
            process.terminate()
            process.wait()


@contextlib.contextmanager
def browser(
    driver: str,
    directory: Path,
    *,
    width: int = 1280,
    height: int = 800,
    phone: bool = False,
    dark: bool = False,
    ratio: float = 2.0,
    **more: Any,
) -> Iterator[WebDriver]:
    """Open a browser with an empty profile for the block.

    `phone`: it has a finger and no keyboard, and `ratio` pixels each way where a page counts one.
    """
    options = Options()
    options.accept_insecure_certs = bool(more.get("trusting"))
    arguments = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
                 "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-quic",
                 "--lang=en", "--mute-audio",
                 f"--user-data-dir={directory / 'profile'}", f"--window-size={width},{height}"]  # fmt: skip
    for argument in arguments:
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    if phone:
        metrics = {"width": width, "height": height, "pixelRatio": ratio, "touch": True, "mobile": True}
        options.add_experimental_option("mobileEmulation", {"deviceMetrics": metrics})
    opened = _open(driver, options)
    try:
        if dark:
            features = [{"name": "prefers-color-scheme", "value": "dark"}]
            command(opened, "Emulation.setEmulatedMedia", features=features)
        yield opened
    finally:
        opened.quit()


def command(opened: WebDriver, name: str, **parameters: Any) -> Any:
    """Give Chromium a command of its DevTools protocol."""
    return opened.execute("executeCdpCommand", {"cmd": name, "params": parameters})["value"]


def console_of(opened: WebDriver) -> list[str]:
    """Return what the browser complained about since the last time, such as scripts that fail or break the policy."""
    return [each["message"] for each in opened.execute("getLog", {"type": "browser"})["value"]]


def _open(driver: str, options: Options) -> WebDriver:
    until = time.monotonic() + STARTS_WITHIN
    while True:
        try:
            opened = webdriver.Remote(ChromeRemoteConnection(driver), options=options)
        except Exception:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)
        else:
            return opened


def _run(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True, timeout=20)
