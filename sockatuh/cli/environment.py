"""Corrects the process's environment when a command starts: variables, language, time zone, umask, file descriptors.

A unit, a container or a cron job may have set them to anything, and a failure because of that may come later, when
nobody is watching. So each command corrects them first, and prints a sentence for each correction.
"""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import MutableMapping
from datetime import datetime
from pathlib import Path
from typing import Final

from sockatuh.errors import SockAtuhError
from sockatuh.settings.variables import find_ignored, without_foreign
from sockatuh.wording import LANGUAGES, find_unknown
from sockatuh.wording import admin as wording

NEEDED_DESCRIPTORS: Final = 32
"""A server needs twenty, and some more while it replaces a file."""
WANTED_DESCRIPTORS: Final = 256

_ALWAYS_KNOWN: Final = frozenset({"", "UTC", "GMT", "UCT", "ZULU"})
_IN_WORDS: Final = re.compile(r"(?a:[A-Za-z]{3,}|<[A-Za-z0-9+-]+>)[+-]?\d{1,3}(:\d{1,2}){0,2}(?:[A-Za-z<].*)?")
"""A zone given by its rules, not by name: EST5EDT,M3.2.0,M11.1.0 or <+07>-7."""
_ZONES: Final = ("/usr/share/zoneinfo", "/usr/lib/zoneinfo", "/usr/share/lib/zoneinfo", "/etc/zoneinfo")
_ZONE_FILE: Final = b"TZif"


def correct_environment(environ: MutableMapping[str, str], *, tells_time: bool) -> list[str]:
    """Correct the environment of this process; return a sentence for each correction.

    `tells_time`: the command prints local times. Raises SockAtuhError if too few file descriptors are allowed.
    """
    _raise_descriptors()
    _clear_mask()
    told = [wording.passed_over(names)] if (names := find_ignored(environ)) else []
    if unknown := find_unknown(environ):
        told.append(wording.no_such_language(unknown, [*LANGUAGES]))
    for name in [*environ.keys() - without_foreign(environ).keys(), *(["HOME"] if environ.get("HOME") == "" else [])]:
        del environ[name]
    if tells_time and (zone := environ.get("TZ", "")) and not _is_zone(zone, environ.get("TZDIR")):
        environ["TZ"] = "UTC"
        time.tzset()
        told.append(wording.no_such_zone(zone))
    return told


def _raise_descriptors() -> None:
    """Raise a low limit on open files as far as allowed."""
    if sys.platform == "win32":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= WANTED_DESCRIPTORS:
        return
    most = WANTED_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, WANTED_DESCRIPTORS)
    if most < NEEDED_DESCRIPTORS:
        raise SockAtuhError(wording.too_few_descriptors(most, NEEDED_DESCRIPTORS))
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, most), hard))


def _clear_mask() -> None:
    """Clear the umask's bits for the owner, so that this process can use the files it creates."""
    mask = os.umask(0o077)
    os.umask(mask & 0o077)


def _is_zone(text: str, directory: str | None) -> bool:
    """Return whether the C library knows this time zone, and Python can compute with it."""
    if sys.platform == "win32":
        return True
    try:
        datetime.now().astimezone()
    except (ValueError, OverflowError, OSError):  # an offset of more than a day
        return False
    name = text.removeprefix(":")
    if name.upper() in _ALWAYS_KNOWN or _IN_WORDS.fullmatch(name):
        return True
    return any(_is_zone_file(Path(place, name)) for place in (directory, *_ZONES) if place)


def _is_zone_file(path: Path) -> bool:
    try:
        if not os.path.isfile(path):
            return False
        with open(path, "rb") as file:
            return file.read(len(_ZONE_FILE)) == _ZONE_FILE
    except (OSError, ValueError):  # unreadable, or not a valid file name
        return False
