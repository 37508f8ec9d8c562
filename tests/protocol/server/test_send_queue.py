"""The queue of what is about to be sent."""

from __future__ import annotations

from collections import Counter

from kit.sessions import Opener, make_session

from sockatuh.protocol import messages as m
from sockatuh.protocol.constants import COUNTER_LIMIT, MAX_PLAINTEXT
from sockatuh.protocol.server.send_queue import PORTION, Outgoing


def test_datagrams_leave_in_order_and_once() -> None:
    out, session = Outgoing(Counter()), make_session()
    out.put(b"raw", ("10.0.0.1", 1))
    out.send(session, m.Head(7))
    first, second = out.take()
    assert first == (b"raw", ("10.0.0.1", 1))
    assert second[1] == session.address
    assert out.take() == []


def test_a_message_goes_where_the_session_is_when_it_leaves() -> None:
    out, session = Outgoing(Counter()), make_session()
    out.send(session, m.Head(7))
    session.address = ("10.9.9.9", 9)
    assert Opener(out, session).read() == [m.Head(7)]


def test_much_is_sealed_in_portions_and_stays_in_order() -> None:
    out, sessions = Outgoing(Counter()), [make_session(cid) for cid in range(1, 2 * PORTION)]
    plaintexts = [m.encode(m.Head(seq)) for seq in (7, 8, 9)]
    out.send_to_all(sessions, plaintexts)
    out.send(sessions[0], m.Head(10))
    first = len(out.take())
    assert PORTION - 3 < first < PORTION + 3
    received = Opener(out, *sessions).read_by_cid()
    assert first + len(received) == 3 * len(sessions) + 1
    assert received[-1] == (1, m.Head(10))
    assert received[-4:-1] == [(sessions[-1].cid, m.Head(seq)) for seq in (7, 8, 9)]


def test_a_message_to_many_is_counted_for_a_session_that_cannot_seal() -> None:
    dropped = Counter[str]()
    out, sessions = Outgoing(dropped), [make_session(cid) for cid in (5, 6, 7)]
    opener = Opener(out, *sessions)
    out.send_to_all(sessions, [m.encode(m.Head(7)), m.encode(m.Head(8))])
    assert opener.read_by_cid() == [(cid, m.Head(seq)) for cid in (5, 6, 7) for seq in (7, 8)]
    sessions[1].channel._counter = COUNTER_LIMIT
    out.send_to_all(sessions, [m.encode(m.Head(9))])
    assert opener.read_by_cid() == [(5, m.Head(9)), (7, m.Head(9))]
    assert dropped == {"unsendable": 1}


def test_what_cannot_be_sealed_is_counted_and_disturbs_no_other_session() -> None:
    dropped = Counter[str]()
    out, session, other = Outgoing(dropped), make_session(5), make_session(6)
    opener = Opener(out, session, other)
    out.send_encoded(session, bytes(MAX_PLAINTEXT + 1))
    session.channel._counter = COUNTER_LIMIT
    out.send(session, m.Head(7))
    out.send(other, m.Head(7))
    assert opener.read_by_cid() == [(6, m.Head(7))]
    assert dropped == {"unsendable": 2}
