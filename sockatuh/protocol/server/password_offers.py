"""The server's side of the exchange that proves the password (docs/PROTOCOL.md §10).

A session has at most one offer, and it serves for one proof: so each guess costs a try that is counted, and asking for
names costs one offer however many are asked.

An offer takes 0.4 ms, and whoever has opened many sessions can ask for all of theirs at once. So a turn makes only a
few, between which members are served, and the sessions that wait get theirs by place in rotation.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Final

from sockatuh.protocol.messages import NameValid
from sockatuh.protocol.password_proof import CPACE_OVER_BCRYPT, Binding, Offer, Opened, PasswordHash

from .session import Session

OFFERS_A_TURN: Final = 2
"""Offers made before datagrams are sent and the next ones are read."""


class PasswordOffers:
    """Makes offers under the present hash, and opens the proofs that answer them."""

    def __init__(self, known: PasswordHash, server_key: bytes, random: Callable[[int], bytes]) -> None:
        self._known, self._server_key, self._random = known, server_key, random
        self._made = 0
        """Offers made in this turn."""
        self._waiting: OrderedDict[bytes, OrderedDict[int, tuple[Session, str]]] = OrderedDict()
        """Sessions that wait for an offer, and the names they asked about: by place and cid."""

    def replace_hash(self, known: PasswordHash) -> None:
        """Void all offers: the password was changed."""
        self._known = known

    def has_one(self, session: Session) -> bool:
        """Tell whether a session has an offer that a proof can answer."""
        return self._find(session) is not None

    def _find(self, session: Session) -> Offer | None:
        offer = session.offer
        return offer if offer is not None and offer.known == self._known else None

    def name_valid(self, session: Session, name: str) -> NameValid | None:
        """Return the message with a session's offer; None if it has to wait for one until `take_waiting`."""
        if not self.has_one(session) and self._made >= OFFERS_A_TURN:
            self._waiting.setdefault(session.place, OrderedDict())[session.cid] = session, name
            return None
        return self._name_valid(session, name)

    @property
    def is_awaited(self) -> bool:
        """Tell whether sessions wait for an offer."""
        return bool(self._waiting)

    def end_turn(self) -> None:
        """Note that what was received is answered: further offers may be made."""
        self._made = 0

    def take_waiting(self) -> Iterator[tuple[Session, NameValid]]:
        """Make as many of the offers that sessions wait for as this turn may, each place's first one first."""
        while self._waiting and self._made < OFFERS_A_TURN:
            place, sessions = self._waiting.popitem(last=False)
            _, (session, name) = sessions.popitem(last=False)
            if sessions:
                self._waiting[place] = sessions
            yield session, self._name_valid(session, name)

    def forget(self, session: Session) -> None:
        """Make no offer for a session that has ended."""
        sessions = self._waiting.get(session.place, OrderedDict())
        if sessions.pop(session.cid, None) is not None and not sessions:
            del self._waiting[session.place]

    def _name_valid(self, session: Session, name: str) -> NameValid:
        offer = self._find(session)
        if offer is None:
            binding = Binding(session.opening_hash, self._server_key, session.client_key)
            offer = session.offer = Offer(self._known, binding, self._random)
            self._made += 1
        return NameValid(name, CPACE_OVER_BCRYPT, offer.share, self._known.salt, self._known.cost)

    def open(self, session: Session, name: str) -> Opened | None:
        """Open the proof in a session's JOIN; None if its client does not know the hash."""
        offer = self._find(session)
        if offer is None or session.proof is None:
            return None
        opened = offer.open_untrusted(session.proof, name)
        session.confirmation = b"" if opened is None else opened.confirmation
        return opened
