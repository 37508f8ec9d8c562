"""Moments of the log as scripts read them (RFC 3339 §5.6)."""

from __future__ import annotations

from datetime import UTC, datetime


def rfc3339(milliseconds: float) -> str | None:
    """Return a moment (ms since 1970) in UTC, None for one outside the calendar."""
    try:
        moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (OverflowError, ValueError, OSError):
        return None
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
