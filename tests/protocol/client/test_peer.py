"""The client's core: it joins, stays, comes back, and cannot be misled."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any, Final

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kit.bare_room import ELSEWHERE, LOG_ID, PASSWORD, SERVER, SERVER_KEY, entry
from kit.footprint import footprint
from kit.password_hash import COST, SALT, answer
from kit.raw_server import RawServer, joined_raw_server, make_peer

from sockatuh.protocol import messages as m
from sockatuh.protocol.client import events as pe
from sockatuh.protocol.client.state import PeerState
from sockatuh.protocol.constants import (
    COOKIE,
    DATA,
    HELLO,
    INIT,
    INIT_SIZE,
    INIT_TICKET_SIZE,
    MAX_ORDER_MS,
    RESET,
    RESP,
)
from sockatuh.protocol.datagrams import line_id
from sockatuh.protocol.identity import tag
from sockatuh.protocol.noise import public_key
from sockatuh.protocol.password_proof import PROOF_SIZE

ASK: Final = m.Join("ana", b"", None)
"""The first JOIN of somebody who has a password: the server is to make an offer."""
OFFER: Final = m.NameValid("ana", 0, b"\x09".ljust(32, b"\0"), bytes(16), 10)


def make_entries(after: int, through: int, *seqs: int, end: bool = False) -> m.Entries:
    return m.Entries(after, through, end, tuple(msgspec.Raw(entry(seq).encoding) for seq in seqs))


Ask = Callable[[RawServer], object]


def ask_who(host: RawServer) -> int:
    return host.peer.ask_who("", host.now)


def rename(host: RawServer) -> int:
    return host.peer.rename("budi", host.now)


def strike(host: RawServer) -> int:
    return host.peer.strike(7, host.now)


def set_away(host: RawServer) -> int:
    return host.peer.set_away("lunch", host.now)


def kinds(datagrams: list[bytes]) -> list[int]:
    return [data[0] for data in datagrams]


def state_of(host: RawServer) -> PeerState:
    """Return the peer's state; by this way mypy does not assume that it is unchanged."""
    return host.peer.state


def last_event(host: RawServer) -> pe.PeerEvent:
    return host.events[-1]


# Getting in.


def test_it_asks_the_server_shakes_hands_and_joins() -> None:
    host = RawServer(make_peer())
    host.peer.join("ana", PASSWORD, host.now)
    assert state_of(host) is PeerState.IDLE
    assert host.shake() == [m.Call(1, ASK)]
    assert kinds(host.sent) == [HELLO, INIT, DATA]
    assert state_of(host) is PeerState.JOINING
    (proof,) = host.reply(host.make_offer())
    assert kinds(host.sent) == [HELLO, INIT, DATA, DATA]
    assert isinstance(proof, m.Call)
    assert isinstance(proof.body, m.Join)
    assert (proof.number, proof.body.name, len(proof.body.proof or b"")) == (2, "ana", PROOF_SIZE)
    assert state_of(host) is PeerState.JOINING
    host.admit(start=3, head=3)
    assert state_of(host) is PeerState.JOINED
    assert host.events == [
        pe.Connected("a room", SERVER_KEY, SERVER, False, 16_384),
        pe.Admitted("ana", LOG_ID, 3, 3, b"ticket", again=False, rewound=False, begins=3),
        pe.CaughtUp(),
    ]


def test_the_handshake_tells_what_the_client_knows() -> None:
    host = RawServer(make_peer(role=m.SCRIPT, cursor=40, ticket=b"a ticket"))
    host.shake()
    payload = host.init_payload
    assert (payload.client_version, payload.flags, payload.log_id, payload.cursor) == ("a test", 1, None, 40)
    assert payload.ticket == b"a ticket"
    assert len(payload.stream) == 8


def test_first_the_name_then_the_password() -> None:
    host = RawServer(make_peer())
    assert host.shake() == []
    assert state_of(host) is PeerState.OPEN
    host.peer.join("ana", None, host.now)
    assert host.open(host.take()) == [m.Call(1, m.Join("ana", None, None))]
    host.reply(host.make_offer(name="Ana"))
    assert last_event(host) == pe.NameAccepted("Ana")
    assert state_of(host) is PeerState.OPEN
    host.peer.join("Ana", PASSWORD, host.now)
    (proof,) = host.open(host.take())
    assert isinstance(proof, m.Call)
    assert isinstance(proof.body, m.Join)
    assert (proof.number, proof.body.name) == (2, "Ana")
    assert proof.body.proof, "the offer came with the answer about the name"
    host.admit(name="Ana")
    assert state_of(host) is PeerState.JOINED


def test_a_refusal_is_reported_and_another_try_is_possible() -> None:
    host = RawServer(make_peer())
    host.peer.join("ana", b"wrong", host.now)
    host.shake()
    host.reply(host.make_offer())
    host.reply(m.Refused("password_wrong", 5_000, "a detail"))
    assert last_event(host) == pe.JoinRefused("password_wrong", 5.0, "a detail")
    assert state_of(host) is PeerState.OPEN
    host.peer.join("ana", PASSWORD, host.now)
    assert host.open(host.take()) == [m.Call(3, ASK)]
    host.admit()
    assert state_of(host) is PeerState.JOINED


def test_a_busy_server_is_asked_again_by_itself() -> None:
    host = RawServer(make_peer())
    host.peer.join("ana", PASSWORD, host.now)
    host.shake()
    assert host.reply(m.Refused("busy", 2_000)) == []
    assert host.wait(1.59) == []
    assert host.open(host.wait(0.82))[0] == m.Call(2, ASK)
    assert host.of(pe.JoinRefused) == []


def test_an_unanswered_join_is_repeated_under_its_number() -> None:
    host = RawServer(make_peer())
    host.peer.join("ana", PASSWORD, host.now)
    host.shake()
    host.received.clear()
    host.open(host.wait(3.0))
    assert [each for each in host.received if isinstance(each, m.Call)] == [m.Call(1, ASK)] * 4


def test_the_history_that_is_wanted_is_asked_for() -> None:
    host = RawServer(make_peer(history=7))
    host.peer.join("ana", PASSWORD, host.now)
    assert host.shake() == [m.Call(1, m.Join("ana", b"", 7))]
    (proof,) = host.reply(host.make_offer())
    assert isinstance(proof, m.Call)
    assert isinstance(proof.body, m.Join)
    assert proof.body.history == 7


# Whom it trusts.


def test_who_is_to_meet_nobody_new_stops_at_the_cookie_of_an_unknown_server() -> None:
    host = RawServer(make_peer(pin=None, meets_nobody_new=True))
    host.peer.join("ana", PASSWORD, host.now)
    host.peer.connect([SERVER], host.now)
    (hello,) = host.wait(0)
    assert host.tell_raw(host.make_cookie(hello)) == []
    assert host.events == [pe.ServerUnknown(SERVER_KEY)]
    assert state_of(host) is PeerState.IDLE
    assert host.tell_raw(host.make_cookie(hello)) == host.wait(600) == []
    assert kinds(host.sent) == [HELLO], "nothing that says who it is"


def test_a_key_is_pinned_once_the_server_has_proved_that_it_knows_the_password() -> None:
    host = RawServer(make_peer(pin=None))
    host.peer.join("ana", PASSWORD, host.now)
    host.shake()
    host.reply(host.make_offer())
    assert host.peer.pin is None
    host.admit()
    assert host.peer.pin == SERVER_KEY
    host.tell_raw(host.reset())
    host.wait(1.1)
    for _ in range(3):
        mismatch(host, key=b"x" * 32)
    host.wait(0.3)
    assert last_event(host) == pe.KeyMismatch(SERVER_KEY, b"x" * 32)


def mismatch(host: RawServer, key: bytes | None = None, version: int = 1) -> list[bytes]:
    hello = next(data for data in host.wait(0.5) if data[0] == HELLO)
    return host.tell_raw(host.make_cookie(hello, key=key, version=version))


def test_another_key_is_believed_after_three_rounds() -> None:
    host = RawServer(make_peer())
    host.peer.connect([SERVER], host.now)
    for _ in range(2):
        mismatch(host, key=b"x" * 32)
        assert host.events == []
        assert state_of(host) is PeerState.DIALING
    mismatch(host, key=b"x" * 32)
    assert host.events == [], "the right answer may be under way"
    host.wait(0.3)
    assert host.events == [pe.KeyMismatch(SERVER_KEY, b"x" * 32)]
    assert state_of(host) is PeerState.IDLE
    assert host.wait(60) == []
    assert set(kinds(host.sent)) == {HELLO}, "nothing secret was sent"


def test_a_forged_cookie_or_two_do_not_keep_it_from_its_server() -> None:
    host = RawServer(make_peer())
    host.peer.connect([SERVER], host.now)
    for _ in range(2):
        mismatch(host, key=b"x" * 32)
    hello = host.wait(0.5)[-1]
    (init,) = host.tell_raw(host.make_cookie(hello))
    host.tell_raw(host.make_resp(init))
    assert [type(event) for event in host.events] == [pe.Connected]


@pytest.mark.parametrize("forged", [{"key": b"x" * 32}, {"version": 2}, {"version": 2, "key": b"x" * 32}])
def test_forged_answers_do_not_keep_it_from_its_server_if_the_genuine_ones_arrive(forged: dict[str, Any]) -> None:
    host = RawServer(make_peer())
    host.peer.connect([SERVER], host.now)
    for _ in range(5):
        hello = host.wait(1.1)[-1]
        for _ in range(20):
            host.tell_raw(host.make_cookie(hello, **forged))
        assert host.events == []
        (init,) = host.tell_raw(host.make_cookie(hello))
        host.tell_raw(host.make_cookie(init, **forged))
        host.tell_raw(host.make_resp(init))
        assert [type(event) for event in host.events] == [pe.Connected]
        host.tell_raw(host.reset())
        host.events.clear()


@pytest.mark.parametrize("pin", [SERVER_KEY, None])
def test_another_version_is_believed_after_three_rounds(pin: bytes | None) -> None:
    host = RawServer(make_peer(pin=pin))
    host.peer.connect([SERVER], host.now)
    for _ in range(2):
        mismatch(host, version=2)
        assert host.events == []
    mismatch(host, version=2)
    host.wait(0.3)
    assert host.events == [pe.VersionDiffers(2)]
    assert state_of(host) is PeerState.IDLE


def test_a_server_that_comes_back_with_another_key_stops_it() -> None:
    host = joined_raw_server()
    host.tell_raw(host.reset())
    host.wait(1.1)
    for _ in range(3):
        mismatch(host, key=b"x" * 32)
    host.wait(0.3)
    assert last_event(host) == pe.KeyMismatch(SERVER_KEY, b"x" * 32)


def test_of_several_addresses_the_first_that_answers_is_used() -> None:
    host = RawServer(make_peer())
    host.peer.connect([ELSEWHERE, SERVER], host.now)
    host.peer.handle_timer(host.now)
    sent = host.peer.datagrams_to_send()
    assert [address for _, address in sent] == [ELSEWHERE, SERVER]
    host.peer.receive_datagram(host.make_cookie(sent[1][0]), ("10.4.4.4", 4), host.now)
    host.peer.handle_timer(host.now)
    assert [address for _, address in host.peer.datagrams_to_send()] == [SERVER], "whoever it seems to come from"


def test_new_addresses_are_asked_at_once_while_it_dials() -> None:
    host = RawServer(make_peer())
    host.peer.connect([SERVER], host.now)
    host.wait(10)
    host.peer.connect([ELSEWHERE], host.now)
    host.peer.handle_timer(host.now)
    assert [address for _, address in host.peer.datagrams_to_send()] == [ELSEWHERE]


# Reading and saying.


def test_what_was_missed_is_asked_for_and_reported_in_order() -> None:
    host = joined_raw_server(head=3)
    assert host.received[-1] == m.Get(0, 3)
    host.tell(make_entries(2, 3, 3))
    assert host.of(pe.EntryArrived) == []
    host.tell(make_entries(0, 2, 1, end=True))
    arrived = [event.entry.seq for event in host.events if isinstance(event, pe.EntryArrived)]
    assert arrived == [1, 3]
    assert len(host.of(pe.EntriesGone)) == 1
    assert last_event(host) == pe.CaughtUp()
    assert m.Ack(3) in host.open(host.wait(0.2))


def test_nothing_is_shown_before_welcome() -> None:
    host = RawServer(make_peer())
    host.peer.join("ana", PASSWORD, host.now)
    host.shake()
    host.tell(make_entries(0, 1, 1))
    host.tell(m.Head(9))
    assert host.of(pe.EntryArrived) == []
    host.admit(head=1)
    assert host.received[-1] == m.Get(0, 1)


def test_the_head_in_a_pong_or_a_head_shows_what_was_missed() -> None:
    for message in (m.Head(4), m.Pong(bytes(8), 4)):
        host = joined_raw_server()
        host.tell(message)
        assert host.open(host.wait(0.02)) == [m.Get(0, 4)]


def test_ones_own_line_is_known_by_its_mark() -> None:
    host = joined_raw_server()
    number = host.peer.say("hello", host.now)
    mark = line_id(host.client_key, host.init_payload.stream, number)[:6]
    host.tell(m.Entries(0, 1, False, (msgspec.Raw(entry(1, "hello", m.MESSAGE, mark).encoding),)))
    assert [event.own for event in host.events if isinstance(event, pe.EntryArrived)] == [number]


def test_ones_own_line_in_the_log_is_stored_even_if_nobody_says_so() -> None:
    host = joined_raw_server()
    for text in ("one", "two"):
        host.peer.say(text, host.now)
    host.open(host.take())
    stream = host.init_payload.stream
    mark = line_id(host.client_key, stream, 1)[:6]
    host.tell(m.Entries(0, 1, False, (msgspec.Raw(entry(1, "one", m.MESSAGE, mark).encoding),)))
    assert host.of(pe.LineStored) == [pe.LineStored(1, 1)]
    assert host.peer.unanswered == 1
    said = [each for each in host.open(host.wait(1.0)) if isinstance(each, m.Say)]
    assert {(each.number, each.oldest) for each in said} == {(2, 2)}
    host.tell(m.Stored(((1, 1), (2, 2))))
    assert host.of(pe.LineStored) == [pe.LineStored(1, 1), pe.LineStored(2, 2)]


def test_a_line_is_sent_until_it_is_stored_which_is_reported_once() -> None:
    host = joined_raw_server()
    assert host.peer.say("hello", host.now) == 1
    assert host.peer.unanswered == 1
    assert host.open(host.take()) == [m.Say(1, 1, False, 0, 1, b"hello")]
    assert m.Say(1, 1, False, 0, 1, b"hello") in host.open(host.wait(0.7))
    for _ in range(2):
        host.tell(m.Stored(((1, 40),)))
    assert host.of(pe.LineStored) == [pe.LineStored(1, 40)]
    assert host.peer.unanswered == 0
    assert not [each for each in host.open(host.wait(20)) if isinstance(each, m.Say)]


def test_a_refused_line_is_reported_and_not_sent_again() -> None:
    host = joined_raw_server()
    host.peer.say("", host.now, action=True)
    assert host.open(host.take()) == [m.Say(1, 1, True, 0, 1, b"")]
    host.tell(m.Unsaid(1, "text_empty"))
    assert last_event(host) == pe.LineRefused(1, "text_empty")
    assert host.peer.unanswered == 0


def test_lines_over_the_rate_are_reported_with_the_delay() -> None:
    host = joined_raw_server()
    host.peer.say("hello", host.now)
    host.open(host.take())
    host.tell(m.Progress(1, 1, 1, 3_000))
    assert last_event(host) == pe.LinesDelayed(3.0)
    assert not [each for each in host.open(host.wait(3.3)) if isinstance(each, m.Say)]


def test_it_tells_whether_lines_wait_only_because_of_the_rate() -> None:
    host = joined_raw_server()
    host.peer.say("one", host.now)
    host.peer.say("two", host.now)
    host.open(host.take())
    assert host.peer.delay(host.now) is None
    host.tell(m.Progress(1, 1, 1, 3_000))
    assert host.peer.delay(host.now + 1) == 2.0
    host.tell(m.Stored(((1, 1),)))
    assert host.peer.delay(host.now) == 3.0, "the other one waits still"
    host.wait(6)
    assert host.peer.silence(host.now) is not None
    assert host.peer.delay(host.now) is None, "now the server says nothing"
    host.tell(m.Progress(2, 1, 1, 3_000))
    assert host.peer.delay(host.now) == 3.0
    host.tell(m.Progress(2, 1, 1, 0))
    assert host.peer.delay(host.now) is None
    host.tell(m.Progress(2, 1, 1, 3_000))
    host.tell(m.Stored(((2, 2),)))
    assert host.peer.delay(host.now) is None


def test_members_are_listed_to_members() -> None:
    host = RawServer(make_peer())
    host.shake()
    host.peer.ask_who("b", host.now)
    assert host.take() == [], "not before one is in"
    host.peer.join("ana", PASSWORD, host.now)
    host.open(host.take())
    assert host.admit() == [m.Call(3, m.Who("b"))]
    info = (m.MemberInfo("budi", "", "secure", True, 1),)
    host.reply(m.Members(info, True))
    assert last_event(host) == pe.MembersListed(info, True, 1)


@pytest.mark.parametrize("asked", ["before contact was lost", "while contact is lost", "while joining again"])
def test_who_is_answered_after_contact_was_lost_too(asked: str) -> None:
    host = joined_raw_server()
    if asked == "before contact was lost":
        host.peer.ask_who("b", host.now)
    host.tell_raw(host.reset())
    if asked == "while contact is lost":
        host.peer.ask_who("b", host.now)
    assert host.shake_again() == [m.Call(1, ASK)]
    if asked == "while joining again":
        host.peer.ask_who("b", host.now)
    assert host.admit() == [m.Call(3, m.Who("b"))]
    host.reply(m.Members((), False))
    assert last_event(host) == pe.MembersListed((), False, 1)


def test_requests_are_made_one_after_another_in_order() -> None:
    host = joined_raw_server()
    for ask in (ask_who, rename, set_away, strike):
        ask(host)
    assert host.open(host.take()) == [m.Call(3, m.Who(""))]
    assert host.reply(m.Members((), False)) == [m.Call(4, m.Rename("budi"))]
    assert host.reply(m.NameChanged("Budi", b"for budi", 1)) == [m.Call(5, m.Away("lunch"))]
    assert host.reply(m.Noted()) == [m.Call(6, m.Strike(7))]
    assert host.reply(m.Refused("too_late")) == []
    refused = host.events.pop()
    assert isinstance(refused, pe.RequestRefused)
    assert (refused.request, refused.why.code) == (4, "too_late")
    assert host.events[-3:] == [
        pe.MembersListed((), False, 1),
        pe.NameChanged("Budi", b"for budi", 2),
        pe.RequestDone(3),
    ]


def test_requests_without_an_answer_are_made_again_in_the_next_session() -> None:
    host = joined_raw_server()
    rename(host)
    set_away(host)
    host.tell_raw(host.reset())
    ask_who(host)
    host.shake_again()
    assert host.admit() == [m.Call(3, m.Rename("budi"))]
    assert host.reply(m.Refused("name_taken", 0, "budi", "", "abcdefgh", 7)) == [m.Call(4, m.Away("lunch"))]
    assert last_event(host) == pe.RequestRefused(1, pe.JoinRefused("name_taken", 0.0, "budi", "", "abcdefgh", 7))
    assert host.reply(m.Noted()) == [m.Call(5, m.Who(""))]


def test_a_request_that_was_given_up_is_not_made_again_and_delays_no_other() -> None:
    host = joined_raw_server()
    for ask in (rename, set_away, ask_who):
        ask(host)
    host.take()
    host.peer.withdraw(1, host.now)
    assert host.open(host.take()) == [m.Call(4, m.Away("lunch"))]
    events = list(host.events)
    host.tell(m.Answer(3, m.NameChanged("budi", b"late", 1)))
    assert host.events == events, "nobody waits for this answer; the log tells the name"
    host.peer.withdraw(3, host.now)
    assert host.reply(m.Noted()) == []
    host.peer.withdraw(2, host.now)
    host.tell_raw(host.reset())
    host.shake_again()
    assert host.admit() == []


def test_leaving_does_not_wait_for_requests() -> None:
    host = joined_raw_server()
    rename(host)
    host.open(host.take())
    host.peer.leave(host.now)
    assert host.open(host.take()) == [m.Call(4, m.Leave())]
    host.peer.withdraw(1, host.now)
    assert host.reply(m.Goodbye()) == []
    assert last_event(host) == pe.LeftRoom()


def test_after_a_rename_the_client_comes_back_under_the_new_name_with_the_new_ticket() -> None:
    host = joined_raw_server()
    rename(host)
    host.open(host.take())
    host.reply(m.NameChanged("Budi", b"for budi", 1))
    host.tell_raw(host.reset())
    assert host.shake_again() == [m.Call(1, m.Join("Budi", b"", None))]
    assert host.init_payload.ticket == b"for budi"


def test_a_rename_that_the_server_cannot_store_yet_waits_as_lines_do() -> None:
    host = joined_raw_server()
    rename(host)
    host.open(host.take())
    host.tell(m.Progress(0, 0, 0, 0, m.LOG_REFUSES))
    assert host.peer.waits_for_log
    assert last_event(host) == pe.LinesHeld()
    host.reply(m.NameChanged("budi", b"for budi", 1))
    assert not host.peer.waits_for_log


def renamed(seq: int, name: str, new: str, tag: str) -> m.Entries:
    said = m.Entry(seq, 1_700_000_000_000, m.RENAMED, name, new, tag=tag)
    return m.Entries(seq - 1, seq, False, (msgspec.Raw(m.encode(said)),))


def test_a_rename_by_another_session_of_this_member_is_followed() -> None:
    host = joined_raw_server()
    ours = tag(host.client_key)
    host.tell(renamed(1, "ana", "zoe", "abcdefgh"))
    host.tell(renamed(2, "tom", "zoe", ours))
    assert host.of(pe.NameChanged) == [], "somebody else, and another member of the same key"
    host.tell(renamed(3, "ana", "budi", ours))
    assert host.of(pe.NameChanged) == [pe.NameChanged("budi", None, None)]
    assert isinstance(last_event(host), pe.EntryArrived)
    host.tell_raw(host.reset())
    assert host.shake_again() == [m.Call(1, m.Join("budi", b"", None))]
    assert host.init_payload.ticket == b"ticket", "it brings its owner to the new name too"


def test_the_log_tells_the_new_name_once_if_the_answer_comes_first_or_last() -> None:
    host = joined_raw_server()
    ours = tag(host.client_key)
    rename(host)
    host.open(host.take())
    host.reply(m.NameChanged("budi", b"for budi", 1))
    host.tell(renamed(1, "ana", "budi", ours))
    assert host.of(pe.NameChanged) == [pe.NameChanged("budi", b"for budi", 1)]


def test_an_answer_that_another_session_was_faster_than_changes_no_name_back() -> None:
    host = joined_raw_server()
    ours = host.tag
    host.peer.rename("budi", host.now)
    host.open(host.take())
    host.tell(renamed(1, "ana", "budi", ours))
    host.tell(renamed(2, "budi", "zoe", ours))  # by the other session
    host.reply(m.NameChanged("budi", b"new ticket", 1))
    assert [event.name for event in host.of(pe.NameChanged) if isinstance(event, pe.NameChanged)] == [
        "budi",
        "zoe",
        "zoe",
    ]
    host.peer.rename("budi", host.now)  # back, and the answer is there before the entry
    host.open(host.take())
    host.reply(m.NameChanged("budi", b"newer ticket", 3))
    host.tell(renamed(3, "zoe", "budi", ours))
    host.tell(renamed(4, "budi", "zoe", ours))
    assert host.peer._credentials.name == "zoe"


def test_the_answer_about_the_name_that_the_client_has_already_counts_up_to_its_place_in_the_log() -> None:
    host = joined_raw_server()
    host.peer.rename("zoe", host.now)  # another session has given it this name, and the entry is on its way
    host.open(host.take())
    host.reply(m.NameChanged("zoe", b"new ticket", 2))
    host.tell(renamed(1, "ana", "budi", host.tag))
    host.tell(renamed(2, "budi", "zoe", host.tag))
    assert host.of(pe.NameChanged) == [pe.NameChanged("zoe", b"new ticket", 1)]


def test_renames_from_before_the_client_was_let_in_change_nothing() -> None:
    host = RawServer(make_peer())
    host.peer.join("ana", PASSWORD, host.now)
    host.shake()
    host.admit(start=0, head=2)
    ours = tag(host.client_key)
    host.tell(renamed(1, "ana", "budi", ours))
    host.tell(renamed(2, "budi", "ana", ours))
    assert host.of(pe.NameChanged) == []


def test_an_answered_who_is_not_asked_again() -> None:
    host = joined_raw_server()
    host.peer.ask_who("", host.now)
    host.open(host.take())
    host.reply(m.Members((), False))
    host.tell_raw(host.reset())
    host.shake_again()
    assert host.admit() == []


def test_a_script_speaks_but_does_not_read() -> None:
    host = joined_raw_server(role=m.SCRIPT, head=9)
    host.tell(m.Head(12))
    host.tell(m.Pong(bytes(8), 12))
    host.peer.say("hello", host.now)
    assert [type(each) for each in host.open(host.take())] == [m.Say]
    host.tell(m.Stored(((1, 13),)))
    assert host.open(host.wait(20)) == []


def test_a_log_that_is_not_the_one_it_knew_begins_anew() -> None:
    host = joined_raw_server(start=5, head=5)
    host.tell_raw(host.reset())
    host.shake_again()
    assert host.init_payload.log_id == LOG_ID
    assert host.init_payload.cursor == 5
    host.admit(start=7, head=9, log_id=b"another log 1234")
    admitted = host.of(pe.Admitted)[-1]
    assert isinstance(admitted, pe.Admitted)
    assert admitted.rewound
    assert admitted.again
    assert host.received[-1] == m.Get(7, 9)
    assert host.of(pe.EntriesGone) == [], "nothing is known of what that log had before"


def test_a_log_that_has_become_shorter_was_rewound_too() -> None:
    host = joined_raw_server(start=5, head=5)
    host.tell_raw(host.reset())
    host.shake_again()
    host.admit(start=3, head=3)
    admitted = host.of(pe.Admitted)[-1]
    assert isinstance(admitted, pe.Admitted)
    assert admitted.rewound


def test_a_log_that_has_grown_again_past_what_was_read_was_rewound_too() -> None:
    host = joined_raw_server(start=5, head=5)
    host.tell_raw(host.reset())
    host.shake_again()
    host.admit(start=3, head=90)
    admitted = host.of(pe.Admitted)[-1]
    assert isinstance(admitted, pe.Admitted)
    assert admitted.rewound
    assert host.received[-1] == m.Get(3, 90), "and is read from where the server says"


def test_entries_before_the_start_are_reported_as_gone() -> None:
    host = joined_raw_server(cursor=3, start=7, head=9)
    gone = host.of(pe.EntriesGone)
    assert [(event.stretch.after, event.stretch.through) for event in gone if isinstance(event, pe.EntriesGone)] == [
        (3, 7)
    ]
    assert host.received[-1] == m.Get(7, 9)


# Losing contact and coming back.


def test_a_reset_makes_it_dial_again_within_a_second_and_come_back_with_its_ticket() -> None:
    host = joined_raw_server(start=5, head=5)
    host.tell_raw(host.reset())
    assert last_event(host) == pe.ContactLost("reset")
    assert state_of(host) is PeerState.DIALING
    host.resumed = True
    assert host.shake_again() == [m.Call(1, m.Join(None, None, None))]
    assert host.init_payload.ticket == b"ticket"
    assert len([data for data in host.sent if data[0] == INIT][-1]) == INIT_TICKET_SIZE
    host.admit(start=5, head=5, ticket=b"a new ticket")
    admitted = host.events[-2]
    assert isinstance(admitted, pe.Admitted)
    assert (admitted.again, admitted.rewound) == (True, False)


def test_contact_that_is_lost_before_the_first_admission_is_not_counted() -> None:
    host = RawServer(make_peer())
    host.shake()
    host.tell_raw(host.reset())
    assert len(host.of(pe.ContactLost)) == 1
    assert host.peer.report_link(host.now).losses == 0
    host = joined_raw_server()
    host.tell_raw(host.reset())
    assert host.peer.report_link(host.now).losses == 1


def test_clients_come_back_at_different_times() -> None:
    moments = set[float]()
    for seed in range(30):
        host = joined_raw_server(seed)
        host.tell_raw(host.reset())
        at = host.peer.get_timer()
        assert at is not None
        moments.add(at - host.now)
    assert min(moments) < 0.2
    assert 0.8 < max(moments) <= 1.0


def test_several_resets_are_one_loss() -> None:
    host = joined_raw_server()
    for _ in range(5):
        host.tell_raw(host.reset())
    assert len(host.of(pe.ContactLost)) == 1


def test_a_recorded_reset_does_not_keep_it_from_coming_back() -> None:
    host = joined_raw_server()
    host.tell_raw(host.reset())
    old = host.reset()
    hello = host.wait(1.1)[-1]
    host.tell_raw(old)
    (init,) = host.tell_raw(host.make_cookie(hello))
    host.tell_raw(old)
    host.cid += 1
    host.tell_raw(host.make_resp(init))
    host.tell_raw(old)
    assert state_of(host) is PeerState.JOINING
    assert len(host.of(pe.ContactLost)) == 1


@pytest.mark.parametrize("what", ["token", "cid", "size", "first datagram"])
def test_a_reset_that_is_not_the_servers_is_not_believed(what: str) -> None:
    host = joined_raw_server()
    data = {
        "token": host.reset(token=bytes(16)),
        "cid": host.reset(cid=77),
        "size": host.reset() + b"\0",
        "first datagram": bytes([RESET]),
    }
    assert host.tell_raw(data[what]) == []
    assert state_of(host) is PeerState.JOINED


@pytest.mark.parametrize("code", ["restarting", "closing", "idle", "join_timeout", "too_many_sessions"])
def test_a_client_whose_session_was_closed_comes_back_after_the_wait(code: str) -> None:
    host = joined_raw_server()
    host.tell(m.Closed(code, 3_000))
    assert last_event(host) == pe.ContactLost(code)
    assert host.wait(2.9) == []
    assert kinds(host.wait(0.2)) == [HELLO]


REMOVALS: Final = ("kicked", "banned")


@pytest.mark.parametrize("code", REMOVALS)
def test_a_client_that_the_admin_removes_stops_and_never_comes_back_by_itself(code: str) -> None:
    host = joined_raw_server()
    host.peer.say("soup", host.now)
    host.take()
    assert host.tell_raw(host.channel.seal(m.encode(m.Closed(code, 300_000, "flooding")))) == []
    assert last_event(host) == pe.Removed(code, 300.0, "flooding")
    host.tell_raw(host.reset())
    host.peer.connect([ELSEWHERE], host.now)
    host.peer.poke(host.now)
    assert host.wait(4000) == []
    assert host.of(pe.ContactLost) == []
    assert host.peer.unanswered == 1, "what was not stored is still there to be listed"


@pytest.mark.parametrize("code", REMOVALS)
@pytest.mark.parametrize("resumed", [True, False])
def test_a_client_that_did_not_hear_of_its_removal_is_told_at_its_next_join(code: str, *, resumed: bool) -> None:
    host = joined_raw_server()
    host.tell_raw(host.reset())
    host.resumed = resumed
    host.shake_again()
    assert host.reply(m.Refused(code, 60_000, "flooding")) == []
    assert last_event(host) == pe.Removed(code, 60.0, "flooding")
    assert host.of(pe.JoinRefused) == []
    assert host.wait(4000) == []


def test_a_client_that_asks_for_a_name_only_is_refused_as_well() -> None:
    host = RawServer(make_peer())
    host.peer.join("ana", None, host.now)
    host.shake()
    host.reply(m.Refused("banned"))
    assert host.events[1:] == [pe.Removed("banned", 0.0, "")]
    host.peer.join("ana", PASSWORD, host.now)
    assert host.wait(60) == []


def test_a_client_that_is_leaving_has_left_when_it_is_removed() -> None:
    host = joined_raw_server()
    host.peer.leave(host.now)
    host.take()
    host.tell(m.Closed("kicked", 60_000, "x"))
    assert last_event(host) == pe.LeftRoom()
    assert host.of(pe.Removed) == []


def test_the_time_and_the_reason_of_an_order_are_bounded() -> None:
    longest = MAX_ORDER_MS / 1000
    host = joined_raw_server()
    host.peer.say("soup", host.now)
    host.take()
    host.tell(m.Unsaid(1, "muted", 2**60, "x" * 1000))
    assert last_event(host) == pe.LineRefused(1, "muted", longest, "x" * 200)
    host.peer.set_away("lunch", host.now)
    host.open(host.take())
    host.reply(m.Refused("muted", 3_600_000, "x" * 900))
    assert last_event(host) == pe.RequestRefused(1, pe.JoinRefused("muted", 3_600.0, "x" * 200))
    host.tell(m.Closed("banned", 2**60, "x" * 999))
    assert last_event(host) == pe.Removed("banned", longest, "x" * 200)


def test_a_client_that_has_nothing_to_say_pings() -> None:
    host = joined_raw_server()
    assert host.open(host.wait(22.4)) == []
    assert {type(each) for each in host.open(host.wait(5.2))} == {m.Ping}


def test_an_unanswered_ping_is_repeated_and_then_contact_is_lost() -> None:
    host = joined_raw_server()
    host.wait(22.4)
    at = host.peer.get_timer()
    assert at is not None
    host.wait(at - host.now + 6.9)
    pings = [each for each in host.open(host.sent[-3:]) if isinstance(each, m.Ping)]
    assert len(pings) == 3
    assert state_of(host) is PeerState.JOINED
    host.wait(0.2)
    assert last_event(host) == pe.ContactLost("silence")
    silence = host.peer.silence(host.now)
    assert silence is not None
    assert silence > 29


def test_an_unanswered_line_makes_it_ping_long_before() -> None:
    host = joined_raw_server()
    host.wait(5)
    host.peer.say("hello", host.now)
    host.take()
    host.received.clear()
    host.open(host.wait(0.7))
    assert [type(each) for each in host.received] == [m.Say, m.Ping]
    host.wait(7.1)
    assert last_event(host) == pe.ContactLost("silence")


def test_any_datagram_from_the_server_keeps_contact() -> None:
    host = joined_raw_server()
    for _ in range(40):
        host.wait(2)
        host.tell(m.Pong(bytes(8), 0))
    assert host.of(pe.ContactLost) == []
    assert host.peer.silence(host.now) is None


@pytest.mark.parametrize("encoded", [msgspec.msgpack.encode([99, "later"]), b"\xc1"])
def test_an_authentic_message_that_it_does_not_know_keeps_contact(encoded: bytes) -> None:
    host = joined_raw_server()
    for _ in range(40):
        host.wait(2)
        host.tell_raw(host.channel.seal(encoded))
    assert host.of(pe.ContactLost) == []
    assert host.peer.silence(host.now) is None


def test_a_message_that_it_does_not_know_shows_that_contact_is_back() -> None:
    host = joined_raw_server()
    host.peer.say("soup", host.now)
    host.wait(4)
    assert host.peer.silence(host.now) is not None
    repeated = host.open(host.tell_raw(host.channel.seal(msgspec.msgpack.encode([99]))))
    assert [type(each) for each in repeated] == [m.Say]
    assert host.peer.silence(host.now) is None


def test_a_poke_pings_at_once() -> None:
    host = joined_raw_server()
    host.peer.poke(host.now)
    assert [type(each) for each in host.open(host.take())] == [m.Ping]
    host.peer.stop()
    host.peer.poke(host.now)
    assert host.take() == []


def test_while_contact_is_lost_it_dials_more_than_once_a_second_and_sends_nothing_else() -> None:
    host = joined_raw_server()
    host.wait(40)
    assert state_of(host) is PeerState.DIALING
    sent = host.wait(2 * 3600)
    assert set(kinds(sent)) == {HELLO}
    assert 2 * 3600 / 0.83 <= len(sent) <= 2 * 3600 / 0.67


def test_a_doubted_server_is_pinged_at_least_every_second_and_a_half() -> None:
    """So it notices within that time that the network is back, however long it was down."""
    host = joined_raw_server()
    host.peer.say("hello", host.now)
    host.take()
    host.received.clear()
    gaps, last = list[float](), host.now
    while state_of(host) is PeerState.JOINED and host.now - last < 10.0:
        if host.wait(0.05):
            gaps.append(host.now - last)
            last = host.now
    assert state_of(host) is PeerState.DIALING
    assert max(gaps) <= 1.56


def test_what_has_no_answer_is_repeated_at_once_when_contact_is_back() -> None:
    host = joined_raw_server()
    host.peer.say("one", host.now)
    host.peer.say("two", host.now)
    host.peer.ask_who("", host.now)
    host.open(host.wait(5.0))
    assert host.peer.silence(host.now) is not None
    said = host.tell(m.Pong(bytes(8), 4))
    assert [each.number for each in said if isinstance(each, m.Say)] == [1, 2]
    assert [each.body for each in said if isinstance(each, m.Call)] == [m.Who("")]
    assert host.open(host.wait(0.02))[-1] == m.Get(0, 4)


def test_a_datagram_from_a_server_that_was_not_doubted_repeats_nothing() -> None:
    host = joined_raw_server()
    host.wait(0.9)
    host.peer.say("one", host.now)
    host.open(host.take())
    assert host.tell(m.Pong(bytes(8), 0)) == []


def test_lines_are_kept_over_sessions_and_said_again_under_their_numbers_after_welcome() -> None:
    host = RawServer(make_peer())
    assert host.peer.say("before any session", host.now) == 1
    host.peer.join("ana", PASSWORD, host.now)
    assert [type(each) for each in host.shake()] == [m.Call]
    assert m.Say(1, 1, False, 0, 1, b"before any session") in host.admit()
    host.tell_raw(host.reset())
    assert host.peer.say("while contact is lost", host.now) == 2
    assert host.take() == []
    assert [type(each) for each in host.shake_again()] == [m.Call]
    said = [each.number for each in host.admit() if isinstance(each, m.Say)]
    assert said == [1, 2]
    assert host.peer.unanswered == 2


def test_all_parts_of_a_long_line_are_sent_again_in_a_new_session() -> None:
    host = joined_raw_server()
    host.peer.say("x" * 3_000, host.now)
    host.take()
    host.tell(m.Progress(1, 1, 0b011, 0))
    host.tell_raw(host.reset())
    host.shake_again()
    assert [each.index for each in host.admit() if isinstance(each, m.Say)] == [0, 1, 2]


def test_a_ticket_that_is_refused_gives_way_to_the_password() -> None:
    host = joined_raw_server()
    host.tell_raw(host.reset())
    host.resumed = True
    host.shake_again()
    assert host.reply(m.Refused("ticket_refused")) == [m.Call(2, ASK)]
    assert host.of(pe.JoinRefused) == []
    host.admit()
    assert state_of(host) is PeerState.JOINED


def test_without_a_good_ticket_the_password_is_used_at_once() -> None:
    host = joined_raw_server()
    host.tell_raw(host.reset())
    assert host.shake_again() == [m.Call(1, ASK)]


def test_without_a_good_ticket_and_a_password_that_is_reported() -> None:
    host = RawServer(make_peer(ticket=b"from a file"))
    host.resumed = True
    assert host.shake() == [m.Call(1, m.Join(None, None, None))]
    host.admit()
    host.tell_raw(host.reset())
    host.resumed = False
    assert host.shake_again() == []
    assert last_event(host) == pe.JoinRefused("ticket_refused", 0.0, "")


def test_a_refused_ticket_is_reported_when_there_is_no_password() -> None:
    host = RawServer(make_peer(ticket=b"from a file"))
    host.resumed = True
    host.shake()
    host.reply(m.Refused("ticket_refused"))
    assert last_event(host) == pe.JoinRefused("ticket_refused", 0.0, "")


def test_the_name_the_server_gave_is_the_one_it_comes_back_with() -> None:
    host = RawServer(make_peer())
    host.peer.join(" ana ", PASSWORD, host.now)
    host.shake()
    host.admit(name="ana")
    host.tell_raw(host.reset())
    assert host.shake_again() == [m.Call(1, ASK)]


@pytest.mark.parametrize("code", ["password_wrong", "name_taken", "name_invalid", "room_full"])
def test_what_was_refused_is_not_tried_again_by_itself_in_a_later_session(code: str) -> None:
    """A person may think for longer than a session may take to join, and each wrong try would cost a wait."""
    host = RawServer(make_peer())
    host.peer.join("ana", b"wrong", host.now)
    host.shake()
    host.reply(host.make_offer())
    host.reply(m.Refused(code))
    host.tell(m.Closed("join_timeout", 0))
    assert host.shake_again() == []
    assert len(host.of(pe.JoinRefused)) == 1


def test_what_was_only_put_off_is_tried_again_in_a_later_session() -> None:
    host = RawServer(make_peer())
    host.peer.join("ana", PASSWORD, host.now)
    host.shake()
    host.reply(host.make_offer())
    host.reply(m.Refused("password_wait", 40_000))
    assert last_event(host) == pe.JoinRefused("password_wait", 40.0, "")
    host.tell(m.Closed("join_timeout", 0))
    assert host.shake_again() == [m.Call(1, ASK)]


# Leaving.


def test_leaving_ends_when_the_server_has_answered() -> None:
    host = joined_raw_server()
    host.peer.leave(host.now)
    assert host.open(host.take()) == [m.Call(3, m.Leave())]
    host.reply(m.Goodbye())
    assert last_event(host) == pe.LeftRoom()
    assert state_of(host) is PeerState.IDLE
    assert host.peer.get_timer() is None


def test_leaving_is_given_up_after_three_tries() -> None:
    host = joined_raw_server()
    host.peer.leave(host.now)
    sent = host.take() + host.wait(0.8)
    assert host.open(sent) == [m.Call(3, m.Leave())] * 3
    assert last_event(host) == pe.LeftRoom()
    assert host.wait(60) == []


@pytest.mark.parametrize("how", ["reset", "closed"])
def test_a_client_that_is_leaving_does_not_come_back_when_the_session_ends(how: str) -> None:
    """GOODBYE was lost, and the second LEAVE finds no session."""
    host = joined_raw_server()
    host.peer.leave(host.now)
    host.open(host.take())
    host.tell_raw(host.reset() if how == "reset" else host.channel.seal(m.encode(m.Closed("idle", 0))))
    assert last_event(host) == pe.LeftRoom()
    assert host.of(pe.ContactLost) == []
    assert host.wait(60) == []


def test_without_contact_leaving_is_immediate() -> None:
    for peer in (make_peer(), joined_raw_server().peer):
        host = RawServer(peer)
        if state_of(host) is PeerState.JOINED:
            host.wait(60)
            host.events.clear()
        peer.leave(host.now)
        host.take()
        assert host.events == [pe.LeftRoom()]
        assert host.wait(60) == []


def test_a_stopped_peer_sends_nothing_and_ignores_everything() -> None:
    host = joined_raw_server()
    host.peer.say("never to be stored", host.now)
    host.take()
    host.peer.stop()
    host.tell(m.Stored(((1, 1),)))
    host.tell_raw(host.reset())
    assert last_event(host) == pe.CaughtUp()
    assert host.wait(100) == []


# Moving, and new keys.


def test_a_challenge_is_answered_with_its_token() -> None:
    assert joined_raw_server().tell(m.PathChallenge(b"12345678")) == [m.PathResponse(b"12345678")]


def test_keys_are_renewed_after_about_an_hour_and_the_conversation_goes_on() -> None:
    host = joined_raw_server()
    for _ in range(4000):
        received = host.open(host.wait(1))
        rekeys = [each for each in received if isinstance(each, m.Rekey)]
        if rekeys:
            break
        host.tell(m.Pong(bytes(8), 0))
    (rekey,) = rekeys
    old = host.channel
    host.cid += 1
    noise = host.answer_rekey(rekey)
    host.tell_raw(old.seal(m.encode(m.Rekeyed(noise))))
    host.peer.say("with the new keys", host.now)
    assert [type(each) for each in host.open(host.take())] == [m.Say]
    host.tell(m.Stored(((1, 1),)))
    assert last_event(host) == pe.LineStored(1, 1)
    host.tell_raw(host.reset())
    assert last_event(host) == pe.ContactLost("reset")


# Strangers and nonsense.


def idle() -> RawServer:
    return RawServer(make_peer())


def asking() -> RawServer:
    host = idle()
    host.peer.join("ana", PASSWORD, host.now)
    host.peer.connect([SERVER], host.now)
    host.wait(0)
    return host


def shaking() -> RawServer:
    host = asking()
    host.tell_raw(host.make_cookie(host.sent[0]))
    return host


def opened() -> RawServer:
    host = idle()
    host.shake()
    return host


def joining() -> RawServer:
    host = shaking()
    host.tell_raw(host.make_resp(host.sent[-1]))
    return host


def proving() -> RawServer:
    host = joining()
    host.open(host.sent)
    host.reply(host.make_offer())
    return host


def talking() -> RawServer:
    host = joined_raw_server(head=3)
    host.peer.say("hello", host.now)
    host.open(host.take())
    host.tell(make_entries(2, 3, 3))
    return host


def leaving() -> RawServer:
    host = joined_raw_server()
    host.peer.leave(host.now)
    host.take()
    return host


def lost() -> RawServer:
    host = joined_raw_server()
    host.tell_raw(host.reset())
    host.wait(1.1)
    return host


STATES: Final = (idle, asking, shaking, opened, joining, proving, joined_raw_server, talking, leaving, lost)


def recorded_by(host: RawServer) -> list[bytes]:
    """Return what the peer has sent, and near misses of its server's answers."""
    cookies = [host.make_cookie(data[:4] + bytes(12) + data[16:]) for data in host.sent if data[0] in (HELLO, INIT)]
    others = [host.reset(cid=1), bytes([RESP]) * 200, bytes([DATA]) * 40, bytes([COOKIE]) * 64]
    return [*host.sent, *cookies, *others]


@pytest.mark.parametrize("state", STATES)
@settings(max_examples=15)
@given(seed=st.integers(0, 2**32))
def test_whatever_a_stranger_sends_it_answers_nothing_and_changes_nothing(
    state: Callable[[], RawServer], seed: int
) -> None:
    host, dice = state(), random.Random(seed)
    recorded = recorded_by(host)
    for _ in range(2):  # an answer of another protocol is reported once, while no server of ours answers
        host.tell_raw(b"\0")
    before, at, events = host.peer.state, host.peer.get_timer(), len(host.events)
    kept = footprint(host.peer)
    for _ in range(40):
        data = bytearray(dice.choice(recorded) if dice.random() < 0.7 else dice.randbytes(dice.randint(0, 1300)))
        if data and dice.random() < 0.7:
            data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
        if dice.random() < 0.3:
            data = data[: dice.randint(0, len(data))] + dice.randbytes(dice.randint(0, 30))
        host.peer.receive_datagram(bytes(data), SERVER, host.now)
        assert host.peer.datagrams_to_send() == []
    host.take()
    assert (host.peer.state, host.peer.get_timer(), len(host.events)) == (before, at, events)
    assert footprint(host.peer) == kept


@pytest.mark.parametrize("state", STATES)
def test_a_hash_that_is_not_awaited_changes_nothing(state: Callable[[], RawServer]) -> None:
    host = state()
    host.take()
    before, at, events = host.peer.state, host.peer.get_timer(), list(host.events)
    for wanted in [*host.hashes, pe.HashWanted(b"never typed", SALT, COST)]:
        host.peer.supply_hash(wanted, answer(wanted), host.now)
    assert host.take() == []
    assert (host.peer.state, host.peer.get_timer(), host.events) == (before, at, events)


@pytest.mark.parametrize("kind", [HELLO, INIT, 0x00, 0x41, 0xB7])
def test_what_only_a_client_sends_is_never_answered(kind: int) -> None:
    host = joined_raw_server()
    for size in (1, 33, 64, 128, 200, 256, 512, 1200):
        assert host.tell_raw(bytes([kind]) * size) == []


def test_its_own_datagrams_are_not_answered_when_they_come_back() -> None:
    host = talking()
    for data in list(host.sent):
        assert host.tell_raw(data) == []


SPOILT: Final = (0, 7, 8, 15, 16, -1)


def test_damaged_and_repeated_datagrams_of_the_server_are_dropped_and_the_session_goes_on() -> None:
    host = joined_raw_server()
    for message in (
        m.Head(0),
        make_entries(0, 1, 1),
        m.Stored(((1, 1),)),
        m.PathChallenge(bytes(8)),
        m.Closed("idle", 0),
    ):
        datagram = host.channel.seal(m.encode(message))
        for at in SPOILT:
            spoilt = bytearray(datagram)
            spoilt[at] ^= 1
            assert host.tell_raw(bytes(spoilt)) == []
            assert host.tell_raw(datagram[: len(datagram) + at if at < 0 else at]) == []
    replayed = host.channel.seal(m.encode(m.PathChallenge(bytes(8))))
    assert len(host.tell_raw(replayed)) == 1
    assert host.tell_raw(replayed) == []
    assert state_of(host) is PeerState.JOINED


client_says = st.one_of(
    st.builds(m.Welcome, st.text(max_size=5), st.just(LOG_ID) | st.binary(min_size=16, max_size=16),
              st.integers(0, 9), st.integers(0, 9), st.binary(max_size=9), st.just(()), st.binary(max_size=64)),
    st.builds(m.NameValid, st.text(max_size=5), st.integers(0, 1), st.binary(max_size=40) | st.just(b"x" * 32),
              st.binary(max_size=20) | st.just(bytes(16)), st.integers(9, 15)),
    st.builds(m.Refused, st.sampled_from(("busy", "password_wrong", "ticket_refused", "x")), st.integers(0, 2**62)),
    st.builds(m.Members, st.just(()), st.booleans()),
    st.just(m.Goodbye()),
)  # fmt: skip
numbers = st.integers(0, 4) | st.integers(0, 2**63 - 1)
items = st.lists(numbers.map(lambda seq: msgspec.Raw(entry(seq).encoding)) | st.just(msgspec.Raw(b"\xc0")), max_size=3)
server_says = st.one_of(
    st.builds(m.Answer, st.integers(0, 4), client_says),
    st.builds(m.Stored, st.lists(st.tuples(numbers, numbers), max_size=3).map(tuple)),
    st.builds(m.Unsaid, numbers, st.text(max_size=3)),
    st.builds(m.Progress, numbers, numbers, numbers, numbers),
    st.builds(m.Entries, numbers, numbers, st.booleans(), items.map(tuple)),
    st.builds(m.EntryPart, numbers, st.integers(0, 16), st.integers(0, 16), st.binary(max_size=9), st.booleans()),
    st.builds(m.Head, numbers),
    st.builds(m.Pong, st.binary(min_size=8, max_size=8), numbers),
    st.builds(m.PathChallenge, st.binary(min_size=8, max_size=8)),
    st.builds(m.Rekeyed, st.binary(max_size=200)),
    st.builds(m.Closed, st.text(max_size=3), st.integers(0, 2_000)),
)


@given(
    script=st.lists(server_says, max_size=15),
    state=st.sampled_from((opened, joining, proving, joined_raw_server, talking, leaving)),
)
def test_whatever_an_authentic_server_says_nothing_is_raised(
    script: list[m.ServerMessage], state: Callable[[], RawServer]
) -> None:
    host = state()
    for message in script:
        host.tell_raw(host.channel.seal(m.encode(message)))
        host.wait(0.3)
    host.wait(2)


@pytest.mark.parametrize("body", [OFFER, m.Welcome("x", LOG_ID, 0, 0, b""), m.Refused("name_taken")])
def test_an_answer_to_another_question_is_no_answer_to_leave(body: m.AnswerBody) -> None:
    host = joined_raw_server()
    host.peer.leave(host.now)
    host.open(host.take())
    events = list(host.events)
    host.reply(body)
    assert host.events == events
    assert state_of(host) is PeerState.JOINED


@pytest.mark.parametrize("body", [OFFER, m.Welcome("x", LOG_ID, 0, 0, b""), m.Refused("Name taken!"), m.Goodbye()])
@pytest.mark.parametrize("ask", [ask_who, rename, set_away])
def test_an_answer_to_another_question_refuses_a_request(body: m.AnswerBody, ask: Ask) -> None:
    host = joined_raw_server()
    ask(host)
    host.open(host.take())
    host.reply(body)
    assert last_event(host) == pe.RequestRefused(1, pe.JoinRefused("unknown", 0.0, ""))
    assert state_of(host) is PeerState.JOINED


def test_a_ticket_too_long_for_the_next_handshake_is_not_taken() -> None:
    host = RawServer(make_peer())
    host.peer.join("ana", PASSWORD, host.now)
    host.shake()
    host.admit(ticket=bytes(257))
    assert state_of(host) is PeerState.JOINING
    host.admit(ticket=bytes(256))
    host.tell_raw(host.reset())
    host.shake_again()
    assert host.init_payload.ticket == bytes(256)
    assert len(host.sent[0]) < INIT_SIZE


# Why lines, or a JOIN, wait at the server.

REFUSES = m.Progress(1, 1, 0, 0, m.LOG_REFUSES)


def test_that_the_log_refuses_is_reported_once_however_often_it_is_told() -> None:
    host = joined_raw_server()
    assert not host.peer.waits_for_log
    for _ in range(3):
        host.tell(REFUSES)
    assert host.of(pe.LinesHeld) == [pe.LinesHeld()]
    assert host.peer.waits_for_log


def test_a_line_that_is_stored_ends_it_and_nothing_else_does() -> None:
    host = joined_raw_server()
    host.tell(REFUSES)
    for message in (m.Unsaid(1, "text_empty"), m.Answer(99, m.Goodbye()), m.Progress(1, 1, 0, 0), m.Head(0)):
        host.tell(message)
        assert host.peer.waits_for_log
    host.tell(m.Stored(((1, 9),)))
    assert not host.peer.waits_for_log
    host.tell(REFUSES)
    assert host.of(pe.LinesHeld) == [pe.LinesHeld()] * 2


def test_a_welcome_ends_it_too() -> None:
    host = RawServer(make_peer())
    host.peer.join("ana", PASSWORD, host.now)
    host.shake()
    host.tell(REFUSES)
    assert host.peer.waits_for_log
    host.admit()
    assert not host.peer.waits_for_log


def test_a_rate_that_is_exceeded_is_reported_with_its_seconds_each_time() -> None:
    host = joined_raw_server()
    for _ in range(2):
        host.tell(m.Progress(3, 3, 0, 1500))
    assert host.of(pe.LinesDelayed) == [pe.LinesDelayed(1.5)] * 2
    assert not host.peer.waits_for_log


def test_a_reason_of_a_later_version_is_passed_over() -> None:
    host = joined_raw_server()
    host.events.clear()
    host.tell(m.Progress(3, 3, 0, 0, 77))
    host.tell(m.Progress(3, 3, 0, 500, 77))
    assert host.events == [pe.LinesDelayed(0.5)]


def test_how_many_are_here_is_reported_when_it_is_news() -> None:
    host = joined_raw_server()
    host.tell(m.Pong(bytes(8), 0, 3))
    host.tell(m.Pong(bytes(8), 0, 3))
    change = m.Change("budi", "AbCdEfGh", m.CONTACT_LOST)
    host.tell(m.Presence(3, (change,)))
    host.tell(m.Presence(2, ()))
    assert host.of(pe.PresenceChanged) == [
        pe.PresenceChanged(3, ()),
        pe.PresenceChanged(3, (change,)),
        pe.PresenceChanged(2, ()),
    ]


def test_who_has_not_joined_is_told_nothing_of_who_is_here() -> None:
    host = RawServer(make_peer())
    host.shake()
    host.tell(m.Presence(3, (m.Change("budi", "", m.GONE),)))
    assert host.of(pe.PresenceChanged) == []


def test_further_addresses_of_the_room_are_reported() -> None:
    host = RawServer(make_peer())
    host.peer.join("ana", PASSWORD, host.now)
    host.shake()
    host.admit(nodes=("10.0.0.2:7625",))
    (admitted,) = host.of(pe.Admitted)
    assert isinstance(admitted, pe.Admitted)
    assert admitted.nodes == ("10.0.0.2:7625",)


def test_what_is_not_shown_is_passed_over_and_no_gap_is_told() -> None:
    host = joined_raw_server()
    host.tell(m.Entries(0, 6, False, (msgspec.Raw(m.encode(m.Unshown(1, 5))), msgspec.Raw(entry(6).encoding))))
    assert host.of(pe.EntriesGone) == []
    assert [event.entry.seq for event in host.events if isinstance(event, pe.EntryArrived)] == [6]


def test_what_is_not_shown_at_the_end_is_learnt_from_a_pong_and_asked_for() -> None:
    host = joined_raw_server()
    host.tell(m.Pong(bytes(8), 7, 1))
    (get,) = [each for each in host.open(host.wait(0.02)) if isinstance(each, m.Get)]
    assert get == m.Get(0, 7)
    host.tell(m.Entries(0, 7, True, (msgspec.Raw(m.encode(m.Unshown(1, 7))),)))
    assert host.of(pe.EntriesGone) == host.of(pe.EntryArrived) == []
    assert [each for each in host.open(host.wait(1.0)) if isinstance(each, m.Get)] == []


@pytest.mark.parametrize("message", [[40, 1, 2], [27, 1, "no list"], [19, 1, 1, 0, 0, 99, "more"]])
def test_what_a_later_server_says_disturbs_nothing(message: list[object]) -> None:
    host = joined_raw_server()
    host.tell_raw(host.channel.seal(msgspec.msgpack.encode(message)))
    host.tell(make_entries(0, 1, 1))
    assert [event.entry.seq for event in host.events if isinstance(event, pe.EntryArrived)] == [1]
    assert host.of(pe.LinesHeld) == host.of(pe.ContactLost) == []


def test_an_entry_of_an_unknown_kind_arrives_and_counts_as_ones_own_by_its_mark() -> None:
    host = joined_raw_server()
    number = host.peer.say("psst", host.now)
    mark = line_id(public_key(host.peer._options.private_key), host.peer._options.stream, number)[:6]
    host.tell(m.Entries(0, 1, False, (msgspec.Raw(entry(1, "psst", 6, mark).encoding),)))
    assert host.of(pe.LineStored) == [pe.LineStored(number, 1)]


def test_the_link_report_times_answers_and_counts_repetitions_and_losses() -> None:
    host = joined_raw_server()
    host.peer.say("one", host.now)
    host.open(host.take())
    host.now += 0.02
    host.tell(m.Stored(((1, 40),)))
    report = host.peer.report_link(host.now)
    assert report.server_key == host.key
    assert report.best_answer == pytest.approx(0.02)
    ask_who(host)
    (call,) = (each for each in host.open(host.take()) if isinstance(each, m.Call))
    host.now += 0.05
    host.tell(m.Answer(call.number, m.Members((), False)))
    host.peer.say("two", host.now)
    host.open(host.take())
    again = [each for each in host.open(host.wait(0.7)) if isinstance(each, m.Say)]
    host.tell(m.Stored(((2, 41),)))
    report = host.peer.report_link(host.now)
    assert report.best_answer == pytest.approx(0.02)
    assert report.last_answer == pytest.approx(0.05)
    assert (report.repeated, report.losses, report.sent) == (len(again), 0, len(host.sent))
    host.peer.receive_datagram(host.reset(), SERVER, host.now)
    assert host.peer.report_link(host.now + 3.0).lost_for == pytest.approx(3.0)
    assert host.peer.report_link(host.now).losses == 1
