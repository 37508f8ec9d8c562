"""The states of a client's conversation with its server, and the actions that change them.

IDLE ──dial──▶ DIALING ──connect──▶ OPEN ──join──▶ JOINING ──welcome──▶ JOINED
                  ▲                   ◀───refuse──────┘                   │
                  └────────────── lose: silence, RESET, CLOSED ───────────┘
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Final


class State(Enum):
    """How far the conversation has got."""

    IDLE = auto()
    DIALING = auto()
    OPEN = auto()
    JOINING = auto()
    JOINED = auto()


TRANSITIONS: Final = {
    (State.IDLE, "dial"): State.DIALING,
    (State.DIALING, "dial"): State.DIALING,
    (State.DIALING, "connect"): State.OPEN,
    (State.OPEN, "join"): State.JOINING,
    (State.JOINING, "join"): State.JOINING,
    (State.JOINING, "refuse"): State.OPEN,
    (State.JOINING, "welcome"): State.JOINED,
    (State.OPEN, "dial"): State.DIALING,
    (State.JOINING, "dial"): State.DIALING,
    (State.JOINED, "dial"): State.DIALING,
} | {(state, "stop"): State.IDLE for state in State}
