"""The states of a client's conversation with its server, and the actions that change them.

IDLE ──dial──▶ DIALING ──connect──▶ OPEN ──join──▶ JOINING ──welcome──▶ JOINED
                  ▲                   ◀───refuse──────┘                   │
                  └────────────── lose: silence, RESET, CLOSED ───────────┘
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Final


class PeerState(Enum):
    """How far the conversation has got."""

    IDLE = auto()
    DIALING = auto()
    OPEN = auto()
    JOINING = auto()
    JOINED = auto()


TRANSITIONS: Final = {
    (PeerState.IDLE, "dial"): PeerState.DIALING,
    (PeerState.DIALING, "dial"): PeerState.DIALING,
    (PeerState.DIALING, "connect"): PeerState.OPEN,
    (PeerState.OPEN, "join"): PeerState.JOINING,
    (PeerState.JOINING, "join"): PeerState.JOINING,
    (PeerState.JOINING, "refuse"): PeerState.OPEN,
    (PeerState.JOINING, "welcome"): PeerState.JOINED,
    (PeerState.OPEN, "dial"): PeerState.DIALING,
    (PeerState.JOINING, "dial"): PeerState.DIALING,
    (PeerState.JOINED, "dial"): PeerState.DIALING,
} | {(state, "stop"): PeerState.IDLE for state in PeerState}
