"""Proves the password to servers, and lets no server in that does not prove it knows the hash (docs/PROTOCOL.md §10).

bcrypt takes a quarter of a second, so the shell computes the hash: the core reports `HashWanted`, and gets it back. It
wants one at a time, so that no server makes it compute several at once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from sockatuh.errors import ProtocolError
from sockatuh.protocol.constants import BCRYPT_COSTS, SALT_SIZE
from sockatuh.protocol.messages import NameValid
from sockatuh.protocol.pake import SHARE_SIZE, multiply
from sockatuh.protocol.password_proof import CPACE_OVER_BCRYPT, Binding, Proof, prove_untrusted

from .events import HashWanted

MOST_UNANSWERED: Final = 3
"""Proofs of one password for servers that have proved nothing: each lets a false server try one guess."""


@dataclass(frozen=True, slots=True)
class _Made:
    """A proof, and what it is for: sent again, it gives nothing away."""

    name: str
    password: bytes = field(repr=False)
    proof: Proof


class Prover:
    """The proofs of one client, over all its sessions."""

    def __init__(self, random: Callable[[int], bytes], salt: bytes | None = None) -> None:
        """`salt`: the one under which the room accepted the password in an earlier run."""
        self._random, self._earlier_salt = random, salt
        self._binding: Binding | None = None
        self._offer: NameValid | None = None
        self._made: _Made | None = None
        self._hash: tuple[HashWanted, bytes] | None = None
        """The last hash that was made, and what of."""
        self._awaited: HashWanted | None = None
        """The hash that the shell is making."""
        self._unanswered: tuple[bytes, int] = b"", 0
        """A password, and how many proofs of it servers have got that had proved nothing."""
        self._hashed: tuple[bytes, int] = b"", 0
        """A password, and how many salts of such servers it was hashed with."""
        self._accepted: tuple[bytes | None, bytes] | None = None
        """The password with which the client is in the room (None: whatever it was), and the salt the room had then."""

    def begin_session(self, binding: Binding) -> None:
        """Note that a session begins; it has no offer yet."""
        self._binding, self._offer, self._made = binding, None, None

    @property
    def has_offer(self) -> bool:
        """Tell whether the server has offered in this session what can be proved."""
        return self._offer is not None

    def take_offer(self, offer: NameValid, *, answers_proof: bool) -> str:
        """Take a server's offer; return "", or the code of what is wrong with it.

        `answers_proof`: it came in answer to a proof, so it has to be a new one.
        """
        if offer.kind != CPACE_OVER_BCRYPT:
            return "client_outdated"
        if not _is_sound(offer):
            return "server_unproven"
        before = self._offer
        if before is None or offer.share != before.share:
            self._made = None
        elif answers_proof or (offer.salt, offer.cost) != (before.salt, before.cost):
            return "server_unproven"
        self._offer = offer
        return ""

    def drop_offer(self) -> None:
        """Forget the offer: the server has decided about a proof for it."""
        self._offer = self._made = None

    @property
    def salt(self) -> bytes | None:
        """The salt under which the room accepted the password, None if that is not known."""
        return self._accepted[1] if self._accepted is not None else None

    def is_changed(self, password: bytes) -> bool:
        """Tell whether the room has another salt than the one under which it accepted a password."""
        accepted = self._accepted
        return (
            accepted is not None
            and self._offer is not None
            and accepted[0] in (None, password)
            and accepted[1] != self._offer.salt
        )

    def may_prove(self, name: str, password: bytes) -> bool:
        """Tell whether a server that has proved nothing gets a proof of the password: one of three, or the same."""
        return self._made_for(name, password) is not None or _count(self._unanswered, password) < MOST_UNANSWERED

    def may_hash(self, password: bytes) -> bool:
        """Tell whether a server that has proved nothing may have the password hashed: with three salts in all."""
        if _count(self._hashed, password) < MOST_UNANSWERED or self._offer is None:
            return True
        return _wanted(self._offer, password) in (self._awaited, self._hash and self._hash[0])

    def prove(self, name: str, password: bytes, *, is_pinned: bool) -> Proof | HashWanted | None:
        """Return the proof for the present offer, or the hash that is needed for it; None while a hash is awaited."""
        offer, binding = self._offer, self._binding
        if offer is None or binding is None:
            return None
        if (made := self._made_for(name, password)) is not None:
            return made
        wanted = _wanted(offer, password)
        if self._hash is None or self._hash[0] != wanted:
            if self._awaited is not None:
                return None
            if not is_pinned:
                self._hashed = password, _count(self._hashed, password) + 1
            self._awaited = wanted
            return wanted
        proof = prove_untrusted(offer.share, self._hash[1], password, name, binding, self._random)
        self._made = _Made(name, password, proof)
        if not is_pinned:
            self._unanswered = password, _count(self._unanswered, password) + 1
        return proof

    def _made_for(self, name: str, password: bytes) -> Proof | None:
        made = self._made
        return made.proof if made is not None and (made.name, made.password) == (name, password) else None

    def supply_hash(self, wanted: HashWanted, secret: bytes) -> bool:
        """Take a hash; return whether it was awaited."""
        if wanted != self._awaited:
            return False
        self._awaited, self._hash = None, (wanted, secret)
        return True

    def accept(self, sent: bytes | None, confirmation: bytes) -> bool:
        """Tell whether a server that lets the client in, for the proof that was `sent`, knows the hash."""
        made, offer = self._made, self._offer
        if made is None or offer is None or made.proof.encoded != sent:
            return False
        if not made.proof.is_answered_by(confirmation):
            return False
        self._accepted, self._unanswered, self._hashed = (made.password, offer.salt), (b"", 0), (b"", 0)
        return True

    def accept_ticket(self) -> None:
        """Note that the client is in by a ticket, so the room still has the password it had in an earlier run."""
        if self._accepted is None and self._earlier_salt is not None:
            self._accepted = None, self._earlier_salt

    def forget_accepted(self) -> None:
        """Forget under which salt the password was accepted: the shell has been told that it has changed."""
        self._accepted = None


def _wanted(offer: NameValid, password: bytes) -> HashWanted:
    return HashWanted(password, offer.salt, offer.cost)


def _count(of: tuple[bytes, int], password: bytes) -> int:
    return of[1] if of[0] == password else 0


def _is_sound(offer: NameValid) -> bool:
    """Tell whether a proof can be made for an offer, and its hash in bounded time: all that is known before bcrypt."""
    if (len(offer.share), len(offer.salt)) != (SHARE_SIZE, SALT_SIZE) or offer.cost not in BCRYPT_COSTS:
        return False
    try:
        multiply(bytes(SHARE_SIZE), offer.share)  # a share of low order gives 0 with any scalar
    except ProtocolError:
        return False
    return True
