"""The credentials with which a client joins, and joins again after each loss of contact.

The client uses its ticket once the server has accepted it in the handshake, else its name and password. It keeps these
until the server refuses them for a reason that only a person can resolve.
"""

from __future__ import annotations

from dataclasses import dataclass

from sockatuh.protocol.constants import PUT_OFF
from sockatuh.protocol.messages import MEMBER, SCRIPT, Join, Refused, Welcome

from .bounds import CLOSED_SECONDS, SEAT_CODES, retry_seconds
from .events import JoinRefused


@dataclass(frozen=True, slots=True)
class PeerOptions:
    """Who this client is, its role, and what it remembers from earlier runs.

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
        """Why the client is not in the room yet, while it retries by itself."""
        self._role, self._history = options.role, options.history
        self._wanted: Join | None = None

    @property
    def waits_for_a_seat(self) -> bool:
        """Whether to keep asking while there is no seat: if the client was in before, or is a script."""
        return self.was_joined or self._role == SCRIPT

    def want(self, name: str, password: str | None) -> Join:
        """Return the JOIN for this name, to be repeated in later sessions."""
        self._wanted = Join(name, password, self._history)
        return self._wanted

    def begin_session(self, *, resumed: bool) -> Join | JoinRefused | None:
        """Return the first JOIN of a session, if any; `resumed`: the server has accepted the ticket."""
        if resumed:
            return Join(None, None, self._history)
        if self._wanted is None and self.was_joined:  # by a ticket that has become invalid, and there is no password
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
        """Return the next JOIN to send, if any, and why the server has refused `asked`.

        If that reason is now in `put_off`, the client first waits as long as it says.
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
        """Note that the client is in; the server may have respelt its name."""
        self.ticket, self.was_joined, self.put_off = welcome.ticket, True, None
        if self._wanted is not None:
            self._wanted = Join(welcome.name, self._wanted.password, self._history)
