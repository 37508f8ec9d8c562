"""Moments of the log, in milliseconds since 1970, and how they are written for people and programs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def rfc3339(milliseconds: float) -> str:
    """Return a moment in UTC as the database and JSON hold it: `2026-01-31T09:52:00.000Z` (RFC 3339 §5.6).

    Raises OverflowError for a moment outside the calendar.
    """
    moment = _EPOCH + timedelta(milliseconds=milliseconds)
    return f"{moment.replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"


def find_rfc3339(milliseconds: float) -> str | None:
    """Return what `rfc3339` does, or None for a moment outside the calendar: a server may send any number."""
    try:
        return rfc3339(milliseconds)
    except (OverflowError, ValueError):
        return None


def from_rfc3339(text: str) -> int:
    """Return the milliseconds since 1970 of a moment that `rfc3339` wrote."""
    return (datetime.fromisoformat(text) - _EPOCH) // timedelta(milliseconds=1)


def find_moment(text: str) -> int | None:
    """Return what `from_rfc3339` does, or None for a text that is no moment."""
    try:
        return from_rfc3339(text)
    except (ValueError, TypeError, OverflowError):
        return None


def local(milliseconds: int) -> datetime:
    """Return a moment in this machine's time zone."""
    return (_EPOCH + timedelta(milliseconds=milliseconds)).astimezone()
