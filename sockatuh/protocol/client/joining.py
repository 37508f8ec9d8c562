"""The credentials with which a client joins, and joins again after each loss of contact.

The client uses its ticket once the server has accepted it in the handshake, else its name and password. It keeps these
until the server refuses them for a reason that only a person can resolve.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import msgspec

from sockatuh.protocol.constants import PUT_OFF, UNDECIDED
from sockatuh.protocol.messages import MEMBER, SCRIPT, Join, NameValid, Refused, Welcome
from sockatuh.protocol.password_proof import Binding, Proof

from .bounds import CLOSED_SECONDS, MAX_DETAIL, SEAT_CODES, code_untrusted, retry_seconds
from .events import HashWanted, JoinRefused
from .proving import Prover


class UnansweredLine(msgspec.Struct, frozen=True):
    """A line of an earlier run, with its number, that perhaps is not stored; `to` is "" if it is for everybody."""

    number: int
    text: str
    action: bool = False
    to: str = ""


class PeerOptions(msgspec.Struct, frozen=True):
    """Who this client is, its role, and what it remembers from earlier runs.

    Keys are 32 bytes, `stream` is 8 random ones; that of an earlier run is continued after its line `last_line`, with
    its `unanswered` lines in ascending order. `cursor` is 0 if nothing has been read. `log_id` (16 bytes) is the log it
    belongs to, None if that is not known. At the first join, `earlier` entries before the cursor are fetched too, and
    at most `newest` after it. `salt` (16 bytes) is the one under which the room accepted the password last, as far as
    is known. `meets_nobody_new`: stop at a server whose key is not pinned.
    """

    private_key: bytes
    stream: bytes
    version: str
    role: int = MEMBER
    pin: bytes | None = None
    ticket: bytes | None = None
    salt: bytes | None = None
    cursor: int = 0
    log_id: bytes | None = None
    earlier: int = 0
    newest: int | None = None
    history: int | None = None
    meets_nobody_new: bool = False
    last_line: int = 0
    unanswered: tuple[UnansweredLine, ...] = ()


@dataclass(frozen=True, slots=True)
class _Wanted:
    """The name to join under; without a password, only to be asked about."""

    name: str
    password: bytes | None = field(repr=False)


class Credentials:
    """The credentials of one client, over all its sessions."""

    def __init__(self, options: PeerOptions, random: Callable[[int], bytes]) -> None:
        self.ticket = options.ticket
        self.name = ""
        """The name under which the client is in the room, or was last."""
        self.was_joined = False
        """Whether the client has ever been in the room."""
        self.put_off: JoinRefused | None = None
        """Why the client is not in the room yet, while it retries by itself."""
        self._role, self._history = options.role, options.history
        self._wanted: _Wanted | None = None
        self._prover = Prover(random, options.salt)
        self._is_pinned = self._resumes = False

    @property
    def salt(self) -> bytes | None:
        """The salt under which the room accepted the password, None if that is not known."""
        return self._prover.salt

    @property
    def waits_for_a_seat(self) -> bool:
        """Whether to keep asking while there is no seat: if the client was in before, or is a script."""
        return self.was_joined or self._role == SCRIPT

    def want(self, name: str, password: bytes | None) -> None:
        """Ask for a name, or join under it with a password (1 to 72 bytes), in this session and in later ones."""
        self._wanted = _Wanted(name, password)

    def begin_session(self, binding: Binding, *, is_pinned: bool, resumed: bool) -> None:
        """Note that a session begins; `resumed`: the server, whose key is pinned, has accepted the ticket."""
        self._prover.begin_session(binding)
        self._is_pinned, self._resumes = is_pinned, resumed

    def next_step(self) -> Join | HashWanted | JoinRefused | None:
        """Return what is needed next in order to get in: a JOIN, a hash, or a person, whom the refusal is for.

        None: nothing is wanted, or a hash is awaited.
        """
        if self._resumes:
            return Join(None, None, self._history)
        if (wanted := self._wanted) is None:
            if not self.was_joined:
                return None
            self.ticket = None  # it has become invalid, and there is no password
            self._prover.forget_accepted()
            return JoinRefused("ticket_refused", 0.0, "")
        if wanted.password is None:
            return Join(wanted.name, None, self._history)
        if not self._prover.has_offer:
            return Join(wanted.name, b"", self._history)
        if self._prover.is_changed(wanted.password):
            self._prover.forget_accepted()
            return self._give_up("password_changed")
        if not (self._is_pinned or self._prover.may_prove(wanted.name, wanted.password)):
            put_off, unproven = self.put_off, self._give_up("server_unproven", "proofs")
            return put_off or unproven  # a server that keeps us waiting has named a reason
        if not (self._is_pinned or self._prover.may_hash(wanted.password)):
            return self._give_up("server_unproven", "offer")
        step = self._prover.prove(wanted.name, wanted.password, is_pinned=self._is_pinned)
        return Join(wanted.name, step.encoded, self._history) if isinstance(step, Proof) else step

    @property
    def has_password(self) -> bool:
        """Whether there is a password to join with."""
        return self._wanted is not None and self._wanted.password is not None

    def _give_up(self, code: str, detail: str = "") -> JoinRefused:
        """Drop name and password: only a person can do something about the reason."""
        self._wanted = self.put_off = None
        return JoinRefused(code, 0.0, detail)

    def supply_hash(self, wanted: HashWanted, secret: bytes) -> bool:
        """Take the hash of a password; return whether joining goes on by that."""
        return self._prover.supply_hash(wanted, secret) and self.has_password

    def end_session(self, reason: str, wait: float) -> None:
        """Note why the session has ended, and in how many seconds the server asked to be dialled again."""
        self.put_off = JoinRefused(reason, CLOSED_SECONDS(wait), "") if reason == "crowded" else None

    def take_offer(self, asked: Join, offer: NameValid) -> JoinRefused | None:
        """Take the server's offer, which also answers a question about a name; return what is wrong with it."""
        if code := self._prover.take_offer(offer, answers_proof=bool(asked.proof)):
            return self._give_up(code, "offer")
        if asked.proof is None:
            self.put_off = None
            if not self.has_password:
                self._wanted = None
        return None

    def note_refusal(self, asked: Join, refused: Refused) -> JoinRefused:
        """Return why the server has refused `asked`.

        If that is now in `put_off`, the client asks the same again, after as long as it says.
        """
        reason = reason_of(refused)
        self.put_off = None
        if asked.proof and refused.code not in UNDECIDED:
            self._prover.drop_offer()
        if refused.code == "busy" or (refused.code in SEAT_CODES and self.waits_for_a_seat):
            self.put_off = reason
        elif asked.name is None:
            self.ticket, self._resumes = None, False
            if not self.has_password:
                self._prover.forget_accepted()
        elif refused.code not in PUT_OFF or not self._is_pinned:
            # Decided: only a person can do something about it. Or put off by a server that has proved nothing, which
            # gets few proofs: another one only when it is asked for.
            self._wanted = None
        return reason

    def take_welcome(self, asked: Join, welcome: Welcome) -> JoinRefused | None:
        """Note that the client is in, unless the server has not proved itself: then return that.

        The server may have respelt the name.
        """
        if not (self._resumes if asked.name is None else self._prover.accept(asked.proof, welcome.confirmation)):
            return self._give_up("server_unproven", "welcome")
        if asked.name is None:
            self._prover.accept_ticket()
        self.was_joined, self.put_off = True, None
        self._is_pinned, self._resumes = True, False
        self.rename(welcome.name, welcome.ticket)
        return None

    def rename(self, name: str, ticket: bytes | None) -> None:
        """Note the name that the server gave the client, under which it comes back, and the ticket, if there is one."""
        self.name = name
        self.ticket = ticket or self.ticket
        if self._wanted is not None:
            self._wanted = replace(self._wanted, name=name)


def reason_of(refused: Refused) -> JoinRefused:
    """Return the reason that a server gives, within bounds."""
    return JoinRefused(
        code_untrusted(refused.code),
        retry_seconds(refused),
        refused.detail[:MAX_DETAIL],
        refused.suggestion,
        refused.tag,
        refused.since,
    )
