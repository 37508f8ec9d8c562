"""Levels for systemd's journal: a line that begins with <4> is stored as a warning, any other line at the usual level.

The numbers are syslog's (sd-daemon(3)).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Final, Protocol

PRIORITIES: Final = {"debug": 7, "info": 6, "warning": 4, "error": 3, "critical": 2}


class Descriptor(Protocol):
    """A stream with a file number."""

    def fileno(self) -> int:
        """Return the number."""


def is_journal(stream: Descriptor, environ: Mapping[str, str]) -> bool:
    """Return whether a stream is connected to the journal.

    systemd names the file it connected in $JOURNAL_STREAM (systemd.exec(5)); the stream may have been redirected since.
    """
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError, AttributeError):  # closed, or not a file at all
        return False
    return environ.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"


def with_level(text: str, level: str) -> str:
    """Return a text with its level in front of each line."""
    mark = f"<{PRIORITIES.get(level, PRIORITIES['info'])}>"
    return "\n".join(f"{mark}{line}" for line in text.split("\n"))
