"""How a client gets into the room, and in again after each loss of contact: what it asks, and with what.

A ticket is used as soon as the server says that it is good, else name and password. They are kept until the server has
refused them for a reason that only a person can do something about.
"""

from __future__ import annotations

from dataclasses import dataclass

from sockatuh.protocol.constants import PUT_OFF
from sockatuh.protocol.messages import MEMBER, SCRIPT, Join, Refused, Welcome

from .bounds import CLOSED_SECONDS, SEAT_CODES, retry_seconds
from .events import JoinRefused


@dataclass(frozen=True, slots=True)
class PeerOptions:
    """Who this client is, in which role it comes, and what it knows.

    Keys are 32 bytes, `stream` is 8 random ones, `cursor` is 0 if nothing has been read.
    """

    private_key: bytes
    stream: bytes
    version: str
    role: int = MEMBER
    pin: bytes | None = None
    ticket: bytes | None = None
    cursor: int = 0
    history: int | None = None


class Credentials:
    """The credentials of one client, over all its sessions."""

    def __init__(self, options: PeerOptions) -> None:
        self.ticket = options.ticket
        self.was_joined = False
        """Whether the client has ever been in the room."""
        self.put_off: JoinRefused | None = None
        """Why the client is not in the room yet, while it asks again by itself."""
        self._role, self._history = options.role, options.history
        self._wanted: Join | None = None

    @property
    def waits_for_a_seat(self) -> bool:
        """Tell whether to ask again while there is no seat: the client was in, or it is a script in no hurry."""
        return self.was_joined or self._role == SCRIPT

    def want(self, name: str, password: str | None) -> Join:
        """Return the JOIN for this name; it is asked in later sessions too."""
        self._wanted = Join(name, password, self._history)
        return self._wanted

    def begin_session(self, *, resumed: bool) -> Join | JoinRefused | None:
        """Return what to ask first; `resumed`: the server has accepted the ticket."""
        if resumed:
            return Join(None, None, self._history)
        if self._wanted is None and self.was_joined:  # by a ticket that no longer holds, and nobody gave a password
            self.ticket = None
            return JoinRefused("ticket_refused", 0.0, "")
        return self._wanted

    def end_session(self, code: str, wait_ms: int) -> None:
        """Note why the server closed the session."""
        self.put_off = JoinRefused(code, CLOSED_SECONDS(wait_ms / 1000), "") if code == "crowded" else None

    def accept_name(self) -> None:
        """Note that the server has accepted a name that came without a password."""
        self._wanted = None

    def note_refusal(self, asked: Join, refused: Refused) -> tuple[Join | None, JoinRefused]:
        """Return what to ask next, if anything, and why the server has refused `asked`.

        If that is `put_off`, the client waits as long as the reason says before it asks.
        """
        reason = JoinRefused(
            refused.code,
            retry_seconds(refused),
            refused.detail,
            refused.suggestion,
            refused.tag,
            refused.since,
        )
        self.put_off = None
        if refused.code == "busy" or (refused.code in SEAT_CODES and self.waits_for_a_seat):
            self.put_off = reason
            return asked, reason
        if asked.name is None:
            self.ticket = None
            if self._wanted is not None and self._wanted.password is not None:
                return self._wanted, reason
        elif refused.code not in PUT_OFF:  # the server has decided: only a person can do something about it
            self._wanted = None
        return None, reason

    def welcome(self, welcome: Welcome) -> None:
        """Note that the client is in, under a name that may be written otherwise than it was asked for."""
        self.ticket, self.was_joined, self.put_off = welcome.ticket, True, None
        if self._wanted is not None:
            self._wanted = Join(welcome.name, self._wanted.password, self._history)
