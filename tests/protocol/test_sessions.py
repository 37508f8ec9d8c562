"""The table of sessions: who is found, who is in the way, and how many there may be."""

from __future__ import annotations

import pytest
from protocol.bare import make_pending, make_rekeying, place
from protocol.footprint import footprint
from protocol.house import START

from sockatuh.protocol.constants import OLD_CHANNEL_SECONDS
from sockatuh.protocol.limits import Limits
from sockatuh.protocol.session import Session
from sockatuh.protocol.sessions import SessionTable

LIMITS = Limits(sessions=6, sessions_per_address=3, sessions_per_key=2)


@pytest.fixture
def table() -> SessionTable:
    return SessionTable(LIMITS)


@pytest.fixture
def session(table: SessionTable) -> Session:
    return table.open(make_pending(5), START)


def routes(table: SessionTable, *cids: int) -> list[bool]:
    return [table.route(cid) is not None for cid in cids]


def test_a_session_is_found_by_its_name_and_its_channel(table: SessionTable, session: Session) -> None:
    assert table.find(5) is session
    assert table.route(5) == (session, session.channel)
    assert table.find(6) is None
    assert table.route(6) is None
    assert len(table) == 1
    assert list(table) == [session]


def test_a_session_that_was_removed_leaves_nothing() -> None:
    table = SessionTable(LIMITS)
    empty = footprint(table)
    session = table.open(make_pending(5), START)
    table.add_channel(session, make_rekeying(6))
    table.promote(session, START)
    table.add_channel(session, make_rekeying(7))
    table.remove(session)
    assert routes(table, 5, 6, 7) == [False] * 3
    assert footprint(table) == empty


def test_sessions_may_be_removed_while_walking_over_them(table: SessionTable) -> None:
    for cid in range(3):
        table.open(make_pending(cid, stream=bytes([cid]) * 8), START)
    for session in table:
        table.remove(session)
    assert len(table) == 0


def test_only_so_many_sessions_are_open_from_one_address(table: SessionTable) -> None:
    for cid in range(3):
        assert not table.is_full(place(1) + b"\0\0")
        table.open(make_pending(cid, key=bytes([cid])), START)
    assert table.is_full(place(1) + b"\x99\x99"), "whatever the port"
    assert not table.is_full(place(2) + b"\0\0")


def test_of_ipv6_all_addresses_of_one_network_count_together(table: SessionTable) -> None:
    network = b"\xfd" + bytes(7)
    for cid in range(3):
        table.open(make_pending(cid, key=bytes([cid]), source=network + bytes([cid]) * 8), START)
    assert table.is_full(network + b"\x77" * 8 + b"\0\0")
    assert not table.is_full(b"\xfe" + bytes(17))


def test_only_so_many_sessions_are_open_in_all(table: SessionTable) -> None:
    for cid in range(6):
        table.open(make_pending(cid, key=bytes([cid]), source=place(cid)), START)
    assert table.is_full(place(99) + b"\0\0")
    session = table.find(0)
    assert session is not None
    table.remove(session)
    assert not table.is_full(place(99) + b"\0\0")


def test_in_a_full_table_the_oldest_that_has_not_joined_makes_place(table: SessionTable) -> None:
    sessions = [table.open(make_pending(cid, key=bytes([cid]), source=place(cid)), START) for cid in range(6)]
    sessions[0].name = "ana"
    new = make_pending(9, key=b"new", source=place(9))
    assert table.in_the_way(new) == [(sessions[1], "too_many_sessions")]
    for session in sessions:
        session.name = "a member"
    assert table.in_the_way(new) == [], "no member is sent away for a stranger"
    again = make_pending(9, key=bytes([3]), source=place(3))
    assert table.in_the_way(again) == [(sessions[3], "replaced")]


def test_strangers_of_one_address_make_place_among_themselves_first(table: SessionTable) -> None:
    honest = table.open(make_pending(0, key=b"honest", source=place(1)), START)
    others = [table.open(make_pending(cid, key=bytes([cid]), source=place(2 + cid % 2)), START) for cid in range(1, 6)]
    assert table.in_the_way(make_pending(9, key=b"new", source=place(2))) == [(others[1], "too_many_sessions")]
    others[1].name = "a member"
    assert table.in_the_way(make_pending(9, key=b"new", source=place(2))) == [(others[3], "too_many_sessions")]
    assert table.in_the_way(make_pending(9, key=b"new", source=place(9))) == [(honest, "too_many_sessions")]


def test_who_has_not_joined_keeps_nobody_of_the_same_address_out(table: SessionTable) -> None:
    sessions = [table.open(make_pending(cid, key=bytes([cid])), START) for cid in range(3)]
    sessions[0].name = "a member"
    assert table.in_the_way(make_pending(9, key=b"new")) == [(sessions[1], "too_many_sessions")]


def test_asking_whether_there_is_room_keeps_nothing(table: SessionTable) -> None:
    before = footprint(table)
    table.is_full(place(9) + b"\0\0")
    table.in_the_way(make_pending(9))
    assert footprint(table) == before


def test_the_same_client_again_is_in_its_own_way(table: SessionTable, session: Session) -> None:
    assert table.in_the_way(make_pending(6)) == [(session, "replaced")]
    assert table.in_the_way(make_pending(6, stream=b"stream 2")) == []
    assert table.in_the_way(make_pending(6, key=b"another")) == []


def test_of_too_many_sessions_of_one_key_the_most_silent_is_in_the_way(table: SessionTable, session: Session) -> None:
    other = table.open(make_pending(6, stream=b"stream 2"), START + 1)
    session.heard_at = START + 9
    assert table.in_the_way(make_pending(7, stream=b"stream 3")) == [(other, "too_many_sessions")]


def test_one_who_comes_again_takes_nobody_elses_place(table: SessionTable, session: Session) -> None:
    table.open(make_pending(6, stream=b"stream 2"), START + 1)
    assert table.in_the_way(make_pending(7)) == [(session, "replaced")]


def test_a_new_channel_is_read_beside_the_present_one(table: SessionTable, session: Session) -> None:
    rekeying = make_rekeying(6)
    table.add_channel(session, rekeying)
    assert table.route(6) == (session, rekeying.channel)
    assert session.channel.receive_cid == 5


def test_a_new_channel_that_was_never_used_gives_way_to_another(table: SessionTable, session: Session) -> None:
    table.add_channel(session, make_rekeying(6))
    table.add_channel(session, make_rekeying(7))
    assert routes(table, 5, 6, 7) == [True, False, True]


def test_the_old_channel_is_read_for_ten_seconds_after_the_new_one_was_used(
    table: SessionTable, session: Session
) -> None:
    table.add_channel(session, make_rekeying(6))
    table.promote(session, START)
    assert session.channel.receive_cid == 6
    assert session.handshake_hash == b"new hash"
    table.expire_channels(session, START + OLD_CHANNEL_SECONDS - 0.01)
    assert routes(table, 5, 6) == [True, True]
    table.expire_channels(session, START + OLD_CHANNEL_SECONDS)
    assert routes(table, 5, 6) == [False, True]


def test_there_is_never_more_than_one_old_channel(table: SessionTable, session: Session) -> None:
    for cid in (6, 7, 8):
        table.add_channel(session, make_rekeying(cid))
        table.promote(session, START)
    assert routes(table, 5, 6, 7, 8) == [False, False, True, True]


def test_without_a_new_channel_nothing_is_promoted(table: SessionTable, session: Session) -> None:
    channel = session.channel
    table.promote(session, START)
    assert session.channel is channel
    assert session.old_channel is None


def test_a_session_keeps_its_name_over_all_its_channels(table: SessionTable, session: Session) -> None:
    table.add_channel(session, make_rekeying(6))
    table.promote(session, START)
    table.expire_channels(session, START + 60)
    assert table.find(5) is session
