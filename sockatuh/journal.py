"""Levels for the journal: a line that begins with <4> is stored as a warning there, and without it as any other line.

systemd says in $JOURNAL_STREAM which file it has connected with the journal (systemd.exec(5)); it may have been
redirected since. The numbers are syslog's (sd-daemon(3)).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Final, Protocol

PRIORITIES: Final = {"debug": 7, "info": 6, "warning": 4, "error": 3, "critical": 2}


class Descriptor(Protocol):
    """What has a file number."""

    def fileno(self) -> int:
        """Return it."""


def is_journal(stream: Descriptor, environ: Mapping[str, str]) -> bool:
    """Tell whether what is written to a stream goes to the journal as it is."""
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError, AttributeError):  # closed, or no file at all
        return False
    return environ.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"


def levelled(text: str, level: str) -> str:
    """Return a text with the level before each of its lines."""
    mark = f"<{PRIORITIES.get(level, PRIORITIES['info'])}>"
    return "\n".join(f"{mark}{line}" for line in text.split("\n"))
