"""Reads the arguments of the commands: names, targets and reasons, as the server takes them."""

from __future__ import annotations

import os
from typing import Final

from sockatuh.cli.control import whoever_asks
from sockatuh.cli.errors import ExitCode, stop
from sockatuh.protocol.constants import TAG_LENGTH
from sockatuh.room.orders import MAX_CLAIMED, MAX_REASON
from sockatuh.room.text import clean_line
from sockatuh.wording import orders as wording

LONGEST: Final = 16_384
"""Characters of any text in an order."""
_KEY: Final = "key:"


def login() -> str:
    """Return the login name of whoever gives an order."""
    return typed(whoever_asks(os.environ))[:MAX_CLAIMED]


def name_of(text: str) -> str:
    """Return a name that was typed, perhaps as people write to somebody: @budi."""
    name = clean_line(typed(text)).strip().removeprefix("@")
    if not name:
        stop(wording.NO_TARGET, ExitCode.USAGE)
    return name[:LONGEST]


def target_of(text: str) -> str:
    """Return a target that was typed; a key's tag has to be long enough to mean one."""
    target = name_of(text)
    if target.startswith(_KEY) and len(target) - len(_KEY) < TAG_LENGTH:
        stop(wording.short_tag(target, TAG_LENGTH), ExitCode.USAGE)
    return target


def reason_of(text: str) -> str:
    """Return a reason that was typed, on one line."""
    reason = clean_line(typed(text)).strip()
    if len(reason) > MAX_REASON:
        stop(wording.reason_too_long(MAX_REASON), ExitCode.USAGE)
    return reason


def typed(text: str) -> str:
    """Return an argument as a text that JSON can hold; bytes that are not UTF-8 are replaced."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
