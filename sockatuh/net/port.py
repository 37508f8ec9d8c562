"""The server's port: its socket with replies from the address that was asked, many in one system call."""

from __future__ import annotations

import socket
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from sockatuh.protocol.seam import Core

from .arrival import ArrivalReceiver, ask_for_notes
from .batch import batch_sender
from .driver import Driver
from .fallback import Tell

EventT = TypeVar("EventT")


def drive_port(
    core: Core[EventT],
    sock: socket.socket,
    on_event: Callable[[EventT], None],
    on_settled: Callable[[], None],
    tell: Tell,
    on_turn: Callable[[float], None],
) -> Driver[EventT]:
    """Return the driver of a server's core; `tell` is called once for each fallback, `on_turn` after each turn."""
    return Driver(
        core,
        sock,
        on_event,
        on_settled=on_settled,
        sender=partial(batch_sender, tell=tell),
        on_turn=on_turn,
        receiver=partial(ArrivalReceiver, tell=tell) if ask_for_notes(sock) else None,
    )
