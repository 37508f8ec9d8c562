"""The timers of a client, in the order in which those that are due at the same time are handled."""

from __future__ import annotations

from enum import IntEnum, auto


class ClientTimer(IntEnum):
    """What a client waits for. All but DIAL belong to a session."""

    DIAL = auto()
    """Send HELLO or INIT (again)."""
    OLD_CHANNEL = auto()
    """Stop reading the channel that was replaced."""
    REKEY = auto()
    """Ask (again) for a new channel."""
    CALL = auto()
    """Send the call that has no answer (again)."""
    LINES = auto()
    """Send lines that have no answer (again)."""
    CATCH_UP = auto()
    """Acknowledge entries, or ask for missing ones."""
    PING = auto()
    """Send PING (again), or give up the session."""


SESSION_TIMERS = tuple(timer for timer in ClientTimer if timer is not ClientTimer.DIAL)
