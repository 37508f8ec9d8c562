"""A server that does not know the password gets nothing of it, and lets nobody into anything."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Iterable
from functools import partial
from typing import Final

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from hypothesis import given, settings
from hypothesis import strategies as st
from kit.bare_room import LOG_ID, PASSWORD, SERVER_KEY, Dice, entry
from kit.instant_world import InstantWorld
from kit.password_hash import COST, SALT, quick_hash
from kit.raw_server import RawServer, make_peer
from kit.world import PASSWORD as ROOM_PASSWORD
from msgspec import Raw

from sockatuh.protocol import messages as m
from sockatuh.protocol.client import events as pe
from sockatuh.protocol.client.proving import MOST_UNANSWERED
from sockatuh.protocol.client.state import PeerState
from sockatuh.protocol.constants import BCRYPT_COSTS, INIT
from sockatuh.protocol.pake import Part, confirmation, multiply, session_key
from sockatuh.protocol.password_proof import PROOF_SIZE, Binding

GUESS: Final = b"correct horse staple"
NAME: Final = "ana"
LOW_ORDER: Final = (
    bytes(32),
    b"\1".ljust(32, b"\0"),
    bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
    bytes.fromhex("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"),
    (2**255 - 20).to_bytes(32, "little"),
    (2**255 - 19).to_bytes(32, "little"),
    (2**255 - 18).to_bytes(32, "little"),
)
"""u-coordinates of points whose order divides 8, also written above the prime."""


def first_meeting(password: bytes = PASSWORD, *, role: int = m.MEMBER, ticket: bytes | None = None) -> RawServer:
    """Return a server that a client without a pin has asked for an offer; the client has a line to say in the room."""
    host = RawServer(make_peer(pin=None, role=role, ticket=ticket))
    host.peer.say("for the room only", host.now)
    host.peer.join(NAME, password, host.now)
    host.shake()
    return host


def state_of(host: RawServer) -> PeerState:
    return host.peer.state


def last_event(host: RawServer) -> pe.PeerEvent:
    return host.events[-1]


def welcome(confirmation: bytes = b"") -> m.Welcome:
    return m.Welcome(NAME, LOG_ID, 0, 1, b"a false ticket", ("10.6.6.6:666",), confirmation)


def check_that_nothing_is_accepted(host: RawServer) -> None:
    """Tell the client everything that a member would take, and meet it again as yet another server."""
    before = list(host.events)
    assert state_of(host) is PeerState.OPEN
    assert host.peer.pin is None
    host.tell(m.Entries(0, 1, False, (Raw(entry(1).encoding),)))
    host.tell(m.Presence(3, (m.Change("budi", "", m.GONE),)))
    host.tell(m.Progress(1, 1, 0, 0))
    host.tell(m.Stored(((1, 1),)))
    host.tell(m.Unsaid(1, "text_empty"))
    host.tell(m.Pong(bytes(8), 9, 9))
    assert host.open(host.wait(1.0)) == [], "it asks for entries, or says its line"
    assert host.events == before
    assert not {type(event) for event in host.events} & {pe.Admitted, pe.EntryArrived, pe.PresenceChanged}
    host.tell_raw(host.reset())
    host.private_key = bytes(range(200, 232))
    host.shake_again()
    assert host.init_payload.ticket is None
    assert (host.init_payload.log_id, host.init_payload.cursor) == (None, 0)


# Without the password, or with a guess at it.


class Impostor:
    """An offer made for a guess, and what whoever made it can compute from the answer; all by pake.py."""

    def __init__(self, host: RawServer, guess: bytes = GUESS, seed: object = "impostor") -> None:
        self.binding = Binding(host.opening_hash, host.key, host.client_key)
        self.scalar = Dice(f"{seed}")(32)
        self.share = multiply(self.scalar, self.point(guess))

    def point(self, word: bytes) -> bytes:
        """Return the generator of a client that typed `word`."""
        return self.binding.point(quick_hash(word).encode(), bytes(32))

    @property
    def offer(self) -> m.NameValid:
        return m.NameValid(NAME, 0, self.share, SALT, COST)

    def tags(self, proof: bytes, point: bytes) -> tuple[bytes, bytes, bytes]:
        """Return Ta, Tb and the key of the seal, if `point` is the secret one."""
        server, client, session = Part(self.share, b""), Part(proof[:32], NAME.encode()), self.binding.session
        key = session_key(session, point, server, client)
        seal = hashlib.sha512(b"sockatuh/1 sealed password" + session + key).digest()[:32]
        return confirmation(session, key, server), confirmation(session, key, client), seal

    def own_tag(self, proof: bytes) -> bytes:
        """Return what would confirm the proof if the guess were right."""
        return self.tags(proof, multiply(self.scalar, proof[:32]))[0]

    def matches(self, proof: bytes, points: Iterable[bytes]) -> bool:
        """Tell whether any of these secret points explains the proof: its tag, or its seal."""
        for point in points:
            _, tag, seal = self.tags(proof, point)
            if tag == proof[32:96]:
                return True
            with contextlib.suppress(InvalidTag):
                ChaCha20Poly1305(seal).decrypt(bytes(12), proof[96:], proof[32:96])
                return True
        return False


FORGERIES: Final[dict[str, Callable[[Impostor, bytes], bytes]]] = {
    "empty": lambda *_: b"",
    "zero": lambda *_: bytes(64),
    "reflected": lambda _, proof: proof[32:96],
    "its own": lambda impostor, proof: impostor.own_tag(proof),
    "short": lambda impostor, proof: impostor.own_tag(proof)[:32],
    "the whole proof": lambda _, proof: proof,
}


@pytest.mark.parametrize("how", FORGERIES)
def test_a_wrong_guess_lets_nobody_in_whatever_confirms_it(how: str) -> None:
    host = first_meeting(ticket=b"from a file")
    impostor = Impostor(host)
    host.reply(impostor.offer)
    (proof,) = host.proofs
    assert host.reply(welcome(FORGERIES[how](impostor, proof))) == []
    assert last_event(host) == pe.JoinRefused("server_unproven", 0.0, "welcome")
    check_that_nothing_is_accepted(host)


def test_a_right_guess_is_what_its_own_tag_would_confirm() -> None:
    """So the test above would notice if it computed nonsense."""
    host = first_meeting()
    impostor = Impostor(host, PASSWORD)
    host.reply(impostor.offer)
    host.reply(welcome(impostor.own_tag(host.proofs[0])))
    assert state_of(host) is PeerState.JOINED
    assert host.peer.pin == SERVER_KEY


@pytest.mark.parametrize("asked", ["for a name", "for an offer"])
@pytest.mark.parametrize("confirmation", [b"", bytes(64)], ids=["empty", "zero"])
def test_a_welcome_to_somebody_who_has_proved_nothing_is_not_believed(asked: str, confirmation: bytes) -> None:
    host = RawServer(make_peer(pin=None))
    host.peer.join(NAME, None if asked == "for a name" else PASSWORD, host.now)
    host.shake()
    assert host.reply(welcome(confirmation)) == []
    assert last_event(host) == pe.JoinRefused("server_unproven", 0.0, "welcome")
    check_that_nothing_is_accepted(host)


def test_even_a_pinned_server_has_to_confirm_a_proof() -> None:
    host = RawServer(make_peer())
    host.peer.join(NAME, PASSWORD, host.now)
    host.shake()
    host.reply(host.make_offer())
    host.reply(welcome())
    assert last_event(host) == pe.JoinRefused("server_unproven", 0.0, "welcome")
    assert state_of(host) is PeerState.OPEN


def test_a_server_that_is_not_pinned_is_shown_no_ticket_and_cannot_claim_to_know_it() -> None:
    host = RawServer(make_peer(pin=None, ticket=b"from a file"))
    host.resumed = True
    host.peer.join(NAME, PASSWORD, host.now)
    assert host.shake() == [m.Call(1, m.Join(NAME, b"", None))]
    assert host.init_payload.ticket is None
    (connected,) = host.of(pe.Connected)
    assert isinstance(connected, pe.Connected)
    assert not connected.resumed
    host.reply(welcome())
    check_that_nothing_is_accepted(host)
    assert not any(b"from a file" in data for data in host.sent)
    assert len({len(data) for data in host.sent if data[0] == INIT}) == 1


def test_without_a_name_or_a_pin_there_is_nothing_that_a_false_server_is_asked() -> None:
    host = RawServer(make_peer(pin=None, ticket=b"from a file"))
    host.resumed = True
    assert host.shake() == []


# Offers that nobody could prove anything by.


def offer(share: bytes = SERVER_KEY, salt: bytes = SALT, cost: int = COST, kind: int = 0) -> m.NameValid:
    return m.NameValid(NAME, kind, share, salt, cost)


UNSOUND: Final = {
    **{f"cost {cost}": offer(cost=cost) for cost in (*range(10), 15, 16, 31, 255, 2**40, 2**63 - 1)},
    **{f"salt of {size}": offer(salt=bytes(size)) for size in (0, 15, 17, 64)},
    **{f"share of {size}": offer(share=b"x" * size) for size in (0, 31, 33, 64)},
    **{f"low order {number}": offer(share=share) for number, share in enumerate(LOW_ORDER)},
}


@pytest.mark.parametrize("pin", [None, SERVER_KEY], ids=["unknown", "pinned"])
@pytest.mark.parametrize("what", UNSOUND)
def test_an_unsound_offer_is_refused_and_nothing_is_computed_for_it(what: str, pin: bytes | None) -> None:
    host = RawServer(make_peer(pin=pin))
    host.peer.join(NAME, PASSWORD, host.now)
    host.shake()
    assert host.reply(UNSOUND[what]) == []
    assert not host.hashes
    assert not host.proofs
    assert last_event(host) == pe.JoinRefused("server_unproven", 0.0, "offer")
    assert state_of(host) is PeerState.OPEN
    host.tell_raw(host.reset())
    assert host.shake_again() == [], "it is for a person to say what next"


@pytest.mark.parametrize("what", ["cost 255", "low order 0"])
def test_an_unsound_offer_is_refused_when_only_a_name_was_asked_about(what: str) -> None:
    host = RawServer(make_peer(pin=None))
    host.peer.join(NAME, None, host.now)
    host.shake()
    host.reply(UNSOUND[what])
    assert host.of(pe.NameAccepted) == []
    assert last_event(host) == pe.JoinRefused("server_unproven", 0.0, "offer")


@pytest.mark.parametrize("cost", BCRYPT_COSTS)
def test_every_cost_that_a_room_may_have_is_accepted(cost: int) -> None:
    host = first_meeting()
    host.reply(offer(cost=cost))
    assert host.hashes == [pe.HashWanted(PASSWORD, SALT, cost)]
    assert len(host.proofs) == 1


@pytest.mark.parametrize("body", [offer(kind=1), m.NameValid(NAME, 2**40, b"", b"", 0)])
def test_an_offer_of_another_kind_means_that_the_room_wants_a_newer_client(body: m.NameValid) -> None:
    host = first_meeting()
    host.reply(body)
    assert not host.hashes
    assert not host.proofs
    assert last_event(host) == pe.JoinRefused("client_outdated", 0.0, "offer")


def test_an_offer_does_not_answer_the_proof_that_was_made_for_it() -> None:
    for pin in (None, SERVER_KEY):
        host = RawServer(make_peer(pin=pin))
        host.peer.join(NAME, PASSWORD, host.now)
        host.shake()
        given = host.make_offer()
        host.reply(given)
        assert host.reply(given) == []
        assert last_event(host) == pe.JoinRefused("server_unproven", 0.0, "offer")


def test_an_offer_whose_salt_changes_under_way_is_refused() -> None:
    host = RawServer(make_peer(pin=None))
    host.peer.join(NAME, None, host.now)
    host.shake()
    host.reply(offer())
    host.peer.join("budi", None, host.now)
    host.open(host.take())
    host.reply(offer())
    host.peer.join("cici", None, host.now)
    host.open(host.take())
    host.reply(offer(salt=b"another salt, 16"))
    assert len(host.of(pe.NameAccepted)) == 2
    assert last_event(host) == pe.JoinRefused("server_unproven", 0.0, "offer")


# As many proofs as it can get.

ENDINGS: Final[dict[str, Callable[[RawServer], object]]] = {
    "restarting": lambda host: host.tell(m.Closed("restarting", 0)),
    "reset": lambda host: host.tell_raw(host.reset()),
    "silence": lambda host: host.open(host.wait(40.0)),
}


@pytest.mark.parametrize("how", ENDINGS)
def test_a_password_is_proved_three_times_to_servers_that_have_proved_nothing(how: str) -> None:
    host = first_meeting()
    for number in range(MOST_UNANSWERED):
        host.reply(host.make_offer(GUESS + bytes([48 + number])))
        assert len(host.proofs) == number + 1
        ENDINGS[how](host)
        host.shake_again()
    hashes = len(host.hashes)
    assert host.reply(host.make_offer(PASSWORD)) == []
    assert host.of(pe.JoinRefused) == [pe.JoinRefused("server_unproven", 0.0, "proofs")]
    assert (len(host.proofs), len(host.hashes)) == (MOST_UNANSWERED, hashes)
    ENDINGS[how](host)
    assert host.shake_again() == []
    host.peer.join(NAME, PASSWORD, host.now)
    host.open(host.take())
    host.reply(host.make_offer())
    assert len(host.proofs) == MOST_UNANSWERED, "the same password, typed again"


def test_new_offers_in_one_session_get_three_proofs_too() -> None:
    host = first_meeting()
    for _ in range(MOST_UNANSWERED):
        host.reply(host.make_offer(GUESS))
    assert host.reply(host.make_offer(GUESS)) == []
    assert last_event(host) == pe.JoinRefused("server_unproven", 0.0, "proofs")
    assert len(host.proofs) == MOST_UNANSWERED


def test_another_password_is_counted_anew() -> None:
    host = first_meeting(b"mistyped")
    for _ in range(MOST_UNANSWERED + 1):
        host.reply(host.make_offer())
    assert last_event(host) == pe.JoinRefused("server_unproven", 0.0, "proofs")
    host.peer.join(NAME, PASSWORD, host.now)
    host.open(host.take())
    assert len(host.proofs) == MOST_UNANSWERED + 1
    host.admit()
    assert state_of(host) is PeerState.JOINED


def test_the_same_proof_sent_again_is_not_another_one() -> None:
    host = first_meeting()
    host.reply(host.make_offer())
    for _ in range(3 * MOST_UNANSWERED):
        host.reply(m.Refused("busy", 300))
        host.open(host.wait(1.0))
    assert len(host.proofs) == 1
    host.admit()
    assert state_of(host) is PeerState.JOINED


def test_proofs_for_a_pinned_server_are_not_counted() -> None:
    host = RawServer(make_peer())
    host.peer.join(NAME, PASSWORD, host.now)
    host.shake()
    for _ in range(3 * MOST_UNANSWERED):
        host.reply(host.make_offer())
    assert len(host.proofs) == 3 * MOST_UNANSWERED
    host.admit()
    assert state_of(host) is PeerState.JOINED


@pytest.mark.parametrize("code", ["room_full", "guests_full"])
def test_a_script_that_is_kept_waiting_for_a_seat_reports_that_and_not_the_missing_proof(code: str) -> None:
    host = first_meeting(role=m.SCRIPT)
    for _ in range(MOST_UNANSWERED):
        host.reply(host.make_offer())
        host.reply(m.Refused(code, 1_000, "12"))
        assert host.peer.put_off == pe.JoinRefused(code, 1.0, "12")
        host.open(host.wait(1.5))
    host.reply(host.make_offer())
    assert host.of(pe.JoinRefused) == [pe.JoinRefused(code, 1.0, "12")]
    assert host.peer.put_off is None, "it does not ask again by itself"
    assert host.open(host.wait(5.0)) == []


def test_a_refusal_of_an_earlier_session_is_no_reason_in_a_later_one() -> None:
    host = first_meeting(role=m.SCRIPT)
    host.reply(host.make_offer())
    host.reply(m.Refused("room_full", 1_000))
    for _ in range(MOST_UNANSWERED):
        host.tell_raw(host.reset())
        assert host.peer.put_off is None
        host.shake_again()
        host.reply(host.make_offer())
    assert last_event(host) == pe.JoinRefused("server_unproven", 0.0, "proofs")


def test_whom_a_server_without_a_pin_puts_off_spends_no_proofs_by_itself() -> None:
    """An honest server may have it wait for minutes, and closes the session meanwhile."""
    host = first_meeting()
    host.reply(host.make_offer())
    host.reply(m.Refused("passwords_guessed", 240_000))
    assert last_event(host) == pe.JoinRefused("passwords_guessed", 240.0, "")
    for _ in range(2 * MOST_UNANSWERED):
        host.wait(30.0)
        host.tell(m.Closed("join_timeout", 0))
        assert host.shake_again() == []
    host.peer.join(NAME, PASSWORD, host.now)
    host.open(host.take())
    host.admit()
    assert state_of(host) is PeerState.JOINED


def test_an_honest_server_that_refuses_costs_one_proof_each_time() -> None:
    host = first_meeting()
    for name in ("ana", "budi"):
        host.peer.join(name, PASSWORD, host.now)
        host.open(host.take())
        host.reply(host.make_offer(name=name))
        host.reply(m.Refused("name_taken", 0, name))
    host.peer.join("cici", PASSWORD, host.now)
    host.open(host.take())
    host.admit(name="cici")
    assert state_of(host) is PeerState.JOINED
    assert len(host.proofs) == 3


def end(host: RawServer, datagram: bytes) -> None:
    """End the session, and begin the next one as another false server."""
    host.tell_raw(datagram)
    host.private_key = host.dice(32)
    host.shake_again()


def forge(host: RawServer, how: str) -> None:
    """Let the client in, by a confirmation that is made of its last proof."""
    proof = host.proofs[-1] if host.proofs else SERVER_KEY.ljust(PROOF_SIZE, b"?")
    host.reply(welcome(FORGERIES[how](Impostor(host), proof)))


def again(host: RawServer, code: str) -> None:
    """Refuse, and have the person try the same again after any wait."""
    host.reply(m.Refused(code, 300))
    host.open(host.wait(1.0))
    host.peer.join(NAME, PASSWORD, host.now)
    host.open(host.take())


TRICKS: Final[dict[str, Callable[[RawServer], object]]] = {
    "guess": lambda host: host.reply(host.make_offer(GUESS)),
    "guess again": lambda host: host.reply(host.make_offer(host.dice(16))),
    **{f"offer of {what}": partial(RawServer.reply, body=UNSOUND[what]) for what in ("cost 255", "low order 0")},
    **{f"welcome, {how}": partial(forge, how=how) for how in FORGERIES},
    **{code: partial(again, code=code) for code in ("busy", "password_wait", "password_wrong", "name_taken", "x")},
    "closed": lambda host: end(host, host.channel.seal(m.encode(m.Closed("restarting", 0)))),
    "reset": lambda host: end(host, host.reset()),
    "members": lambda host: host.reply(m.Members((), False)),
    "entries": lambda host: host.tell(m.Entries(0, 1, False, (Raw(entry(1).encoding),))),
    "stored": lambda host: host.tell(m.Stored(((1, 1),))),
    "ticket": lambda host: setattr(host, "resumed", not host.resumed),
}


@settings(max_examples=40)
@given(tricks=st.lists(st.sampled_from(list(TRICKS)), max_size=20), role=st.sampled_from([m.MEMBER, m.SCRIPT]))
def test_whatever_a_false_server_tries_it_gets_three_proofs_and_nobody_is_in_its_room(
    tricks: list[str], role: int
) -> None:
    host = first_meeting(role=role, ticket=b"from a file")
    for trick in tricks:
        TRICKS[trick](host)
        assert state_of(host) is not PeerState.JOINED
        assert host.init_payload.ticket is None
    assert host.peer.pin is None
    assert host.peer.unanswered == 1
    assert len(host.proofs) <= MOST_UNANSWERED
    assert len(host.hashes) <= MOST_UNANSWERED
    told = (pe.Connected, pe.JoinRefused, pe.ContactLost, pe.LinesDelayed, pe.LinesHeld)
    assert [event for event in host.events if not isinstance(event, told)] == []


# What it can do with what it gets.


@pytest.mark.parametrize("last_word", ["forward the refusal", "say welcome", "reflect"])
def test_a_relay_between_a_client_and_the_room_gets_neither_of_them_in(last_word: str) -> None:
    """A proof belongs to one channel: the real server counts it as one wrong try."""
    world = InstantWorld()
    middle = world.outlaw()
    host = first_meeting(ROOM_PASSWORD.encode())
    middle.send(m.Call(1, m.Join(NAME, b"", None)))
    answer = middle.answers()[-1]
    assert isinstance(answer, m.NameValid)
    (proof,) = host.reply(answer)
    assert isinstance(proof, m.Call)
    assert isinstance(proof.body, m.Join)
    assert len(proof.body.proof or b"") == PROOF_SIZE
    middle.send(m.Call(2, proof.body))
    refused = middle.answers()[-1]
    assert isinstance(refused, m.Refused)
    assert refused.code == "password_wrong"
    assert world.room.count == 0
    assert world.bcrypt.asked == [], "the password was not even opened"
    assert len(world.diary.of("password_refused")) == 1
    assert world.diary.of("password_hash_stolen") == []
    last_words: dict[str, m.AnswerBody] = {
        "forward the refusal": refused,
        "say welcome": welcome(),
        "reflect": welcome((proof.body.proof or b"")[32:96]),
    }
    host.reply(last_words[last_word])
    codes = [event.code for event in host.events if isinstance(event, pe.JoinRefused)]
    assert codes == ["password_wrong" if last_word == "forward the refusal" else "server_unproven"]
    check_that_nothing_is_accepted(host)


DICTIONARY: Final = [PASSWORD, GUESS, *(b"word %d" % number for number in range(5))]


def record(guesses: list[bytes]) -> tuple[list[bytes], list[Impostor]]:
    """Return the proofs that a false server gets with these guesses, and the offers it made; it keeps everything."""
    host, offers = first_meeting(), list[Impostor]()
    for number, guess in enumerate(guesses):
        offers.append(Impostor(host, guess, number))
        host.reply(offers[-1].offer)
        host.tell(m.Closed("restarting", 0))
        host.shake_again()
    assert len(host.proofs) == len(guesses)
    return host.proofs, offers


def try_dictionary(proofs: list[bytes], offers: list[Impostor]) -> list[bytes]:
    """Return the words of the dictionary that explain a proof, by every secret point that can be computed."""
    found = []
    for word in DICTIONARY:
        for proof, made in zip(proofs, offers, strict=True):
            generator = made.point(word)
            seen = [generator, made.share, *(each[:32] for each in proofs)]
            points = [*seen, *(multiply(each.scalar, point) for each in offers for point in seen)]
            if multiply(made.scalar, generator) != made.share:  # then this point is that of the guess, not of the word
                points.remove(multiply(made.scalar, proof[:32]))
            if made.matches(proof, points):
                found.append(word)
    return found


def test_a_record_of_all_proofs_tells_a_dictionary_only_whether_the_guesses_were_right() -> None:
    wrong = [GUESS, b"word 1", b"word 2"]
    assert try_dictionary(*record(wrong)) == []
    assert try_dictionary(*record([*wrong[:2], PASSWORD])) == [PASSWORD]
