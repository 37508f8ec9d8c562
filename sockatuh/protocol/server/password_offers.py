"""The server's side of the exchange that proves the password (docs/PROTOCOL.md §10).

A session has at most one offer, and it serves for one proof: so each guess costs a try that is counted, and asking for
names costs one offer however many are asked.
"""

from __future__ import annotations

from collections.abc import Callable

from sockatuh.protocol.messages import NameValid
from sockatuh.protocol.password_proof import CPACE_OVER_BCRYPT, Binding, Offer, Opened, PasswordHash

from .session import Session


class PasswordOffers:
    """Makes offers under the present hash, and opens the proofs that answer them."""

    def __init__(self, known: PasswordHash, server_key: bytes, random: Callable[[int], bytes]) -> None:
        self._known, self._server_key, self._random = known, server_key, random

    def replace_hash(self, known: PasswordHash) -> None:
        """Void all offers: the password was changed."""
        self._known = known

    def has_one(self, session: Session) -> bool:
        """Tell whether a session has an offer that a proof can answer."""
        return session.offer is not None and session.offer.known == self._known

    def name_valid(self, session: Session, name: str) -> NameValid:
        """Return the message with a session's offer, which is made if there is none."""
        if session.offer is None or session.offer.known != self._known:
            binding = Binding(session.opening_hash, self._server_key, session.client_key)
            session.offer = Offer(self._known, binding, self._random)
        return NameValid(name, CPACE_OVER_BCRYPT, session.offer.share, self._known.salt, self._known.cost)

    def open(self, session: Session, name: str) -> Opened | None:
        """Open the proof in a session's JOIN; None if its client does not know the hash."""
        if session.offer is None or session.proof is None:
            return None
        opened = session.offer.open_untrusted(session.proof, name)
        session.confirmation = b"" if opened is None else opened.confirmation
        return opened
