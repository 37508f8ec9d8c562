"""The way in with a password, whatever comes between the question, the hash, the proof and the welcome."""

from __future__ import annotations

from typing import Final

import msgspec
import pytest
from kit.bare_room import PASSWORD, SERVER_KEY, BareRoom
from kit.password_hash import COST, OTHER_SALT, SALT, answer
from kit.raw_server import RawServer, joined_raw_server, make_peer
from kit.weather import Weather
from kit.wire import Wire

from sockatuh.protocol import messages as m
from sockatuh.protocol.client import events as pe
from sockatuh.protocol.client.bounds import MAX_DETAIL
from sockatuh.protocol.client.state import PeerState
from sockatuh.protocol.server import events as ev

ASK: Final = m.Join("ana", b"", None)
WANTED: Final = pe.HashWanted(PASSWORD, SALT, COST)
NEW_PASSWORD: Final = b"another one that was typed"


def asking(pin: bytes | None = SERVER_KEY) -> RawServer:
    """Return a server that was asked for an offer."""
    host = RawServer(make_peer(pin=pin))
    host.peer.join("ana", PASSWORD, host.now)
    host.shake()
    return host


def hashing(pin: bytes | None = SERVER_KEY) -> RawServer:
    """Return a server whose offer the client makes a hash for."""
    host = asking(pin)
    host.is_hashing = False
    assert host.reply(host.make_offer()) == []
    assert host.hashes == [WANTED]
    return host


def supply(host: RawServer, wanted: pe.HashWanted) -> list[m.ClientMessage]:
    """Give the client a hash, and return what it sends."""
    host.peer.supply_hash(wanted, answer(wanted), host.now)
    return host.open(host.take())


def join(host: RawServer, name: str = "ana", password: bytes | None = PASSWORD) -> list[m.ClientMessage]:
    host.peer.join(name, password, host.now)
    return host.open(host.take())


def state_of(host: RawServer) -> PeerState:
    return host.peer.state


def refusals(host: RawServer) -> list[str]:
    return [event.code for event in host.events if isinstance(event, pe.JoinRefused)]


def lose(host: RawServer) -> list[m.ClientMessage]:
    """Let the session be lost, and return the client's first messages in the next one."""
    host.tell_raw(host.reset())
    return host.shake_again()


def rekey(host: RawServer) -> None:
    link = host.peer._link
    assert link is not None
    link.rekey(host.now)
    (request,) = [each for each in host.open(host.take()) if isinstance(each, m.Rekey)]
    old = host.channel
    host.cid += 1
    host.tell_raw(old.seal(m.encode(m.Rekeyed(host.answer_rekey(request)))))


# A session that is lost on the way.


def test_an_offer_of_a_lost_session_is_not_answered_in_the_next() -> None:
    host = RawServer(make_peer())
    host.peer.join("ana", None, host.now)
    host.shake()
    host.reply(host.make_offer())
    assert lose(host) == [], "the name was answered"
    assert join(host) == [m.Call(1, ASK)]
    host.admit()
    assert state_of(host) is PeerState.JOINED


def test_a_question_that_was_lost_is_asked_again() -> None:
    host = RawServer(make_peer())
    host.peer.join("ana", None, host.now)
    question = host.shake()
    assert lose(host) == question == [m.Call(1, m.Join("ana", None, None))]


def test_a_proof_that_was_lost_is_made_anew_for_the_next_session() -> None:
    host = asking(pin=None)
    host.reply(host.make_offer())
    assert lose(host) == [m.Call(1, ASK)]
    host.admit()
    assert state_of(host) is PeerState.JOINED
    assert len(host.proofs) == 2


# A hash that takes its time.


def test_a_hash_that_comes_while_contact_is_lost_serves_the_next_session() -> None:
    host = hashing()
    host.tell_raw(host.reset())
    assert supply(host, WANTED) == []
    assert host.shake_again() == [m.Call(1, ASK)]
    host.admit()
    assert state_of(host) is PeerState.JOINED
    assert host.hashes == [WANTED]


@pytest.mark.parametrize("stage", ["before the offer", "after the offer"])
def test_a_hash_that_comes_in_the_next_session_serves_it(stage: str) -> None:
    host = hashing()
    assert lose(host) == [m.Call(1, ASK)]
    offer = host.make_offer()
    if stage == "before the offer":
        assert supply(host, WANTED) == []
        proofs = host.reply(offer)
    else:
        assert host.reply(offer) == []
        proofs = supply(host, WANTED)
    assert len(proofs) == len(host.proofs) == 1
    assert host.hashes == [WANTED]
    host.admit()
    assert state_of(host) is PeerState.JOINED


def test_if_the_next_session_has_another_salt_its_hash_is_wanted_after_the_first() -> None:
    host = hashing()
    lose(host)
    assert host.reply(host.make_offer(salt=OTHER_SALT)) == []
    assert host.hashes == [WANTED], "one at a time"
    assert supply(host, WANTED) == []
    other = pe.HashWanted(PASSWORD, OTHER_SALT, COST)
    assert host.hashes == [WANTED, other]
    assert len(supply(host, other)) == 1
    host.admit()
    assert state_of(host) is PeerState.JOINED


def test_a_server_that_ends_every_session_makes_a_client_compute_one_hash_at_a_time() -> None:
    host = hashing(pin=None)
    for number in range(20):
        lose(host)
        host.reply(host.make_offer(salt=bytes([number]) * 16))
    assert host.hashes == [WANTED]
    assert host.proofs == []


def test_servers_that_have_proved_nothing_make_a_client_hash_a_password_with_three_salts() -> None:
    host = asking(None)
    host.is_hashing = False
    for number in range(4):
        host.reply(msgspec.structs.replace(host.make_offer(), salt=bytes([number]) * 16))
        for wanted in host.hashes[number:]:
            lose(host)
            supply(host, wanted)
    assert [wanted.salt[0] for wanted in host.hashes] == [0, 1, 2]
    assert host.events[-1] == pe.JoinRefused("server_unproven", 0.0, "offer")
    assert host.proofs == []


@pytest.mark.parametrize(
    "code", ["server_unproven", "password_changed", "name_missing", "Give it at http://", "x" * 33, ""]
)
def test_a_server_cannot_have_its_own_words_or_the_clients_findings_reported(code: str) -> None:
    host = asking()
    host.reply(m.Refused(code, detail="x" * 1_000))
    assert host.events[-1] == pe.JoinRefused("unknown", 0.0, "x" * MAX_DETAIL)


def test_a_hash_that_is_supplied_twice_is_proved_once() -> None:
    host = hashing()
    assert len(supply(host, WANTED)) == 1
    assert supply(host, WANTED) == []
    host.reply(m.Refused("password_wait", 5_000))
    assert supply(host, WANTED) == [], "the wait is not over"
    assert state_of(host) is PeerState.OPEN


def test_a_hash_of_a_password_that_is_no_longer_wanted_is_not_proved() -> None:
    host = hashing()
    assert join(host, password=NEW_PASSWORD) == []
    assert supply(host, WANTED) == []
    other = pe.HashWanted(NEW_PASSWORD, SALT, COST)
    assert host.hashes == [WANTED, other]
    (proof,) = supply(host, other)
    assert isinstance(proof, m.Call)
    assert isinstance(proof.body, m.Join)
    opened = host.offer.open_untrusted(proof.body.proof or b"", "ana")
    assert opened is None, "it is for the password that was typed last"


def test_a_hash_that_comes_when_nothing_is_wanted_any_more_is_no_news() -> None:
    host = joined_raw_server()
    host.is_hashing = False
    host.tell_raw(host.reset())
    host.peer.join("ana", NEW_PASSWORD, host.now)
    host.shake_again()
    host.reply(host.make_offer(salt=OTHER_SALT))
    (_, late) = host.hashes
    lose(host)
    host.reply(m.NameValid("ana", 0, bytes(32), SALT, COST))
    assert refusals(host) == ["server_unproven"]
    assert supply(host, late) == []
    assert refusals(host) == ["server_unproven"]


def test_a_name_that_is_changed_while_the_hash_is_made_is_the_one_that_is_proved() -> None:
    host = hashing()
    assert join(host, "budi") == []
    (proof,) = supply(host, WANTED)
    assert isinstance(proof, m.Call)
    assert isinstance(proof.body, m.Join)
    assert host.offer.open_untrusted(proof.body.proof or b"", "budi") is not None
    assert host.offer.open_untrusted(proof.body.proof or b"", "ana") is None, "the proof is bound to the name"
    assert host.hashes == [WANTED]


def test_a_hash_that_comes_while_somebody_leaves_does_not_let_them_in() -> None:
    host = hashing()
    host.peer.leave(host.now)
    host.open(host.take())
    assert supply(host, WANTED) == []
    assert isinstance(host.last_call().body, m.Leave)
    host.reply(m.Goodbye())
    assert host.events[-1] == pe.LeftRoom()
    assert host.proofs == []


# What else may come between.


@pytest.mark.parametrize("when", ["before the offer", "before the hash", "before the welcome"])
def test_new_keys_of_the_session_change_nothing_about_the_exchange(when: str) -> None:
    host = asking(pin=None)
    host.is_hashing = False
    if when == "before the offer":
        rekey(host)
    host.reply(host.make_offer())
    if when == "before the hash":
        rekey(host)
    supply(host, WANTED)
    if when == "before the welcome":
        rekey(host)
    host.admit()
    assert state_of(host) is PeerState.JOINED


def test_a_server_that_has_lost_its_offer_makes_another_and_nothing_is_reported() -> None:
    host = asking(pin=None)
    host.reply(host.make_offer())
    (proof,) = host.reply(host.make_offer(salt=OTHER_SALT))
    assert isinstance(proof, m.Call)
    host.admit()
    assert state_of(host) is PeerState.JOINED
    assert refusals(host) == []


@pytest.mark.parametrize("seed", range(12))
def test_everybody_joins_in_any_weather_and_nobody_is_counted_wrong(seed: int) -> None:
    """Datagrams are lost, doubled and overtake each other, and the server restarts in the middle of an exchange."""
    room = BareRoom(seed=seed)
    wire = Wire(room, seed=seed)
    wire.weather = Weather(loss=0.2, duplication=0.3, delay=(0.001, 0.2))
    peers = [wire.peer(name, seed=f"{name} {seed}", pin=None) for name in ("ana", "budi", "cici")]
    wire.run(0.1 * (seed % 6))
    room.restart()
    assert wire.run(120, until=lambda: all(peer.peer.state is PeerState.JOINED for peer in peers))
    assert [peer.refusals for peer in peers] == [[]] * 3
    assert all(peer.peer.pin == SERVER_KEY for peer in peers)
    assert len([each for each in room.events if isinstance(each, ev.JoinAsked) and each.has_proof]) >= 3


# Put off.


@pytest.mark.parametrize("pin", [None, SERVER_KEY], ids=["unknown", "pinned"])
def test_what_decides_nothing_is_answered_with_the_same_bytes(pin: bytes | None) -> None:
    host = asking(pin)
    host.reply(host.make_offer())
    host.reply(m.Refused("busy", 300))
    host.open(host.wait(0.5))
    host.reply(m.Refused("password_wait", 2_000))
    assert refusals(host) == ["password_wait"]
    host.open(host.wait(2.0))
    host.peer.join("ana", PASSWORD, host.now)
    host.open(host.take())
    host.reply(m.Refused("passwords_guessed", 9_000))
    assert len(join(host)) == 1
    assert len(host.proofs) == 1
    host.admit()
    assert state_of(host) is PeerState.JOINED


def test_a_busy_server_that_answers_about_the_name_is_no_longer_the_reason_to_wait() -> None:
    host = RawServer(make_peer())
    host.peer.join("ana", None, host.now)
    host.shake()
    host.reply(m.Refused("busy", 300))
    assert host.peer.put_off == pe.JoinRefused("busy", 0.3, "")
    host.open(host.wait(0.5))
    host.reply(host.make_offer())
    assert host.peer.put_off is None


def test_a_session_that_is_lost_ends_the_wait_for_a_seat() -> None:
    host = joined_raw_server()
    lose(host)
    host.reply(host.make_offer())
    host.reply(m.Refused("room_full", 2_000))
    assert host.peer.put_off == pe.JoinRefused("room_full", 2.0, "")
    host.tell_raw(host.reset())
    assert host.peer.put_off is None


# The names that the server writes.


def test_the_proof_is_for_the_name_as_it_is_sent_and_the_next_one_for_the_name_as_it_is_written() -> None:
    host = RawServer(make_peer(pin=None))
    host.peer.join("Ana  Budi", PASSWORD, host.now)
    host.shake()
    host.reply(host.make_offer(name="Ana_Budi"))
    body = host.last_call().body
    assert isinstance(body, m.Join)
    assert (body.name, bool(body.proof)) == ("Ana  Budi", True)
    host.admit(name="Ana_Budi")
    assert lose(host) == [m.Call(1, m.Join("Ana_Budi", b"", None))]
    host.admit(name="Ana_Budi")
    assert state_of(host) is PeerState.JOINED


# Another salt.


def test_who_comes_back_by_itself_to_the_same_salt_comes_back_silently() -> None:
    host = joined_raw_server(pin=None)
    for _ in range(3):
        assert lose(host) == [m.Call(1, ASK)]
        host.admit()
        assert state_of(host) is PeerState.JOINED
    assert refusals(host) == []
    assert host.hashes == [WANTED]


def changed() -> RawServer:
    """Return a server that a client came back to by itself, and found another salt."""
    host = joined_raw_server()
    proofs = len(host.proofs)
    lose(host)
    assert host.reply(host.make_offer(salt=OTHER_SALT)) == []
    assert len(host.proofs) == proofs
    assert host.hashes == [WANTED], "not even the hash is made"
    return host


def test_who_comes_back_by_itself_to_another_salt_proves_nothing_and_reports_it_once() -> None:
    host = changed()
    assert refusals(host) == ["password_changed"]
    assert state_of(host) is PeerState.OPEN
    for _ in range(3):
        assert lose(host) == []
    assert refusals(host).count("password_changed") == 1


def test_the_same_password_is_tried_under_another_salt_once_it_is_typed_again() -> None:
    """The admin may have hashed it anew, or have changed it and changed it back."""
    host = changed()
    assert len(join(host)) == 1
    host.admit()
    assert state_of(host) is PeerState.JOINED
    lose(host)
    (proof,) = host.reply(host.make_offer(salt=OTHER_SALT))
    assert isinstance(proof, m.Call)
    assert refusals(host) == ["password_changed"], "it was accepted under that salt"


def test_another_password_is_tried_once_it_is_typed() -> None:
    host = changed()
    (proof,) = join(host, password=NEW_PASSWORD)
    assert isinstance(proof, m.Call)
    host.reply(m.Refused("password_wrong", 0))
    assert refusals(host) == ["password_changed", "password_wrong"]


def test_a_password_that_was_typed_before_the_change_was_noticed_is_tried() -> None:
    host = joined_raw_server()
    host.tell_raw(host.reset())
    host.peer.join("ana", NEW_PASSWORD, host.now)
    host.shake_again()
    host.reply(host.make_offer(NEW_PASSWORD, salt=OTHER_SALT))
    assert refusals(host) == []
    opened = host.offer.open_untrusted(host.proofs[-1], "ana")
    assert opened is not None
    assert opened.password == NEW_PASSWORD


def in_by_ticket(salt: bytes | None, password: bytes | None = PASSWORD) -> RawServer:
    """Return a server that takes no more tickets; a client came in by one, and knows the salt of an earlier run."""
    host = RawServer(make_peer(ticket=b"from a file", salt=salt))
    host.resumed = True
    host.shake()
    host.admit()
    if password is not None:
        join(host, password=password)
    host.resumed = False
    return host


@pytest.mark.parametrize("salt", [None, SALT])
def test_who_is_in_by_a_ticket_tries_the_password_it_was_given_unless_the_salt_is_another(salt: bytes | None) -> None:
    host = in_by_ticket(salt)
    assert lose(host) == [m.Call(1, ASK)]
    host.admit()
    assert state_of(host) is PeerState.JOINED
    assert host.peer.salt == SALT
    changed = in_by_ticket(OTHER_SALT)
    assert changed.peer.salt == OTHER_SALT
    assert lose(changed) == [m.Call(1, ASK)]
    assert changed.reply(changed.make_offer()) == []
    assert refusals(changed) == ["password_changed"]
    assert changed.hashes == []
    assert len(join(changed, password=NEW_PASSWORD)) == 1, "from a file that was read again"


@pytest.mark.parametrize("in_handshake", [True, False])
def test_a_password_that_is_typed_when_the_ticket_was_refused_is_tried_under_any_salt(in_handshake: bool) -> None:
    host = in_by_ticket(OTHER_SALT, None)
    host.resumed = not in_handshake
    lose(host)
    if not in_handshake:
        host.reply(m.Refused("ticket_refused"))
    assert refusals(host) == ["ticket_refused"]
    assert join(host) == [m.Call(host.last_call().number, ASK)]
    host.admit()
    assert state_of(host) is PeerState.JOINED
    assert host.peer.salt == SALT


def test_a_ticket_that_is_refused_makes_way_for_the_password_in_the_same_session() -> None:
    host = joined_raw_server()
    host.resumed = True
    assert lose(host) == [m.Call(1, m.Join(None, None, None))]
    assert host.reply(m.Refused("ticket_refused")) == [m.Call(2, ASK)]
    host.reply(host.make_offer())
    assert refusals(host) == []
    host.admit()
    assert state_of(host) is PeerState.JOINED
