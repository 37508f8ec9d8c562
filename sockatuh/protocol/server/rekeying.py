"""The server's side of rekeying: a new channel inside a session (docs/PROTOCOL.md §4)."""

from __future__ import annotations

from collections import Counter

from sockatuh.errors import ProtocolError
from sockatuh.protocol.constants import OLD_CHANNEL_SECONDS, PROLOGUE
from sockatuh.protocol.messages import Rekey, Rekeyed

from .door import Door
from .send_queue import Outgoing
from .session import Rekeying, Session
from .session_table import SessionTable


class Rekeys:
    """Answers REKEY, at most once in OLD_CHANNEL_SECONDS for each session."""

    def __init__(self, door: Door, table: SessionTable, out: Outgoing, dropped: Counter[str]) -> None:
        self._door, self._table, self._out, self._dropped = door, table, out, dropped

    def take(self, session: Session, rekey: Rekey, now: float) -> None:
        """Process a REKEY: answer a repeated one as before, and ignore one that comes too soon."""
        if session.rekeying is not None and session.rekeying.request == rekey.noise:
            self._out.send(session, Rekeyed(session.rekeying.reply))
            return
        if now - session.rekeyed_at < OLD_CHANNEL_SECONDS:
            return
        session.rekeyed_at = now
        responder = self._door.responder(PROLOGUE + session.handshake_hash)
        try:
            responder.read_message_untrusted(rekey.noise)
        except ProtocolError:
            self._dropped["handshake"] += 1
            return
        if responder.remote_static != session.client_key:
            self._dropped["handshake"] += 1
            return
        reply, _, channel, _ = self._door.respond(responder, rekey.client_cid, now, resumed=True)
        self._table.add_channel(session, Rekeying(rekey.noise, reply, channel, responder.handshake_hash))
        self._out.send(session, Rekeyed(reply))
