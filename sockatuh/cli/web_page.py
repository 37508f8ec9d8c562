"""Where the page of this machine's door for browsers is, and how it is shown so that a phone can read it."""

from __future__ import annotations

import os
import re
import subprocess
from typing import Final, TextIO

from .notifications import write_to_terminal
from .service_files import UNIT_DIRECTORY, at
from .timer_files import WEB_SERVICE
from .wrapping import columns_of

ANSWERS_WITHIN: Final = 2.0
"""Seconds that systemd gets."""
_URL: Final = re.compile(r"https?://[0-9A-Za-z.:\[\]-]+/")


def find_pages() -> tuple[str, ...]:
    """Return the addresses of the page that the service of this machine serves; none if it is not active.

    The door tells systemd in its status, which only its own process can set.
    """
    if not (at(UNIT_DIRECTORY) / WEB_SERVICE).is_file():
        return ()
    asked = ("systemctl", "show", "--property=ActiveState,StatusText", WEB_SERVICE)
    try:
        done = subprocess.run(  # noqa: S603 - our own words
            asked, capture_output=True, text=True, errors="replace", timeout=ANSWERS_WITHIN, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ()
    told = dict(line.partition("=")[::2] for line in done.stdout.splitlines())
    return tuple(_URL.findall(told.get("StatusText", ""))) if told.get("ActiveState") == "active" else ()


def print_code(url: str, stream: TextIO) -> None:
    """Print an address as a QR code where the terminal can show it, without one where it cannot or is none."""
    try:
        from sockatuh.web.code import draw_code

        columns, has_colours = columns_of(stream), not os.environ.get("NO_COLOR")
        rows = draw_code(url, columns, stream.encoding, colour=has_colours) if columns else []
    except ModuleNotFoundError:  # what draws it is not installed
        rows = []
    write_to_terminal("".join(f"{row}\n" for row in rows), stream)
