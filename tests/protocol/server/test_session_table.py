"""The table of sessions: which are found, which have to end for another, and how many there may be."""

from __future__ import annotations

import pytest
from kit.bare_room import START
from kit.footprint import footprint
from kit.sessions import TICKET, make_pending, make_rekeying, place

from sockatuh.protocol.constants import OLD_CHANNEL_SECONDS
from sockatuh.protocol.server.door import Pending
from sockatuh.protocol.server.limits import Limits
from sockatuh.protocol.server.session import Session
from sockatuh.protocol.server.session_table import SessionTable
from sockatuh.protocol.server.tickets import Ticket

LIMITS = Limits(sessions=6, sessions_per_key=2)


@pytest.fixture
def table() -> SessionTable:
    return SessionTable(LIMITS)


@pytest.fixture
def session(table: SessionTable) -> Session:
    return table.open(make_pending(5), START)


def routes(table: SessionTable, *cids: int) -> list[bool]:
    return [table.route(cid) is not None for cid in cids]


def test_a_session_is_found_by_its_cid_and_by_its_channel(table: SessionTable, session: Session) -> None:
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


def fill(table: SessionTable, *sources: int, ticket: Ticket | None = None) -> list[Session]:
    """Open a session of another key from each of these places."""
    return [
        table.open(make_pending(cid, key=bytes([cid]), source=place(source), ticket=ticket), START)
        for cid, source in enumerate(sources)
    ]


def stranger(source: int, *, ticket: Ticket | None = None) -> Pending:
    return make_pending(99, key=b"new", source=place(source), ticket=ticket)


def test_one_place_may_open_all_sessions(table: SessionTable) -> None:
    fill(table, 1, 1, 1, 1, 1)
    assert table.find_replaced(stranger(1)) == []
    fill(table, 1, 1, 1, 1, 1, 1)
    assert table.find_replaced(stranger(1)) is None


def test_a_newcomer_from_elsewhere_gets_the_newest_seat_of_the_most_crowded_place(table: SessionTable) -> None:
    sessions = fill(table, 1, 2, 2, 2, 1, 3)
    assert table.find_replaced(stranger(4)) == [(sessions[3], "crowded")]
    assert table.find_replaced(stranger(1)) == [(sessions[3], "crowded")]
    assert table.find_replaced(stranger(2)) is None


def test_a_returning_client_goes_before_a_new_one(table: SessionTable) -> None:
    sessions = fill(table, 1, 1, 1, 2, 2, 2)
    assert table.find_replaced(stranger(2)) is None
    assert table.find_replaced(stranger(2, ticket=TICKET)) == [(sessions[2], "crowded")]


def test_all_ipv6_addresses_of_one_64_are_one_place(table: SessionTable) -> None:
    network = b"\xfd" + bytes(7)
    for cid in range(6):
        table.open(make_pending(cid, key=bytes([cid]), source=network + bytes([cid]) * 8, ticket=None), START)
    assert table.find_replaced(make_pending(9, key=b"n", source=network + b"\x77" * 8, ticket=None)) is None
    assert table.find_replaced(make_pending(9, key=b"n", source=b"\xfe" + bytes(15), ticket=None)) is not None


def test_among_places_with_one_seat_the_oldest_that_has_not_joined_loses_it(table: SessionTable) -> None:
    sessions = fill(table, 1, 2, 3, 4, 5, 6)
    assert table.find_replaced(stranger(9)) == [(sessions[0], "crowded")]
    table.join(sessions[0], "ana")
    assert table.find_replaced(stranger(9)) == [(sessions[1], "crowded")]


def test_a_members_only_session_is_never_ended_for_a_stranger(table: SessionTable) -> None:
    sessions = fill(table, 1, 1, 1, 1, 1, 1)
    for session in sessions:
        table.join(session, "ana")
    assert table.find_replaced(stranger(9)) is None
    again = make_pending(9, key=bytes([3]), source=place(3))
    assert table.find_replaced(again) == [(sessions[3], "replaced")]


def test_seats_are_given_up_by_strangers_then_returning_then_guests_then_second_sessions() -> None:
    table = SessionTable(Limits(sessions=5))
    comers = [(b"ana", TICKET, 0), (b"ana", TICKET, 0), (b"bot", TICKET, 1), (b"citra", TICKET, 0), (b"dewi", None, 0)]
    for cid, (key, ticket, flags) in enumerate(comers):
        stream = bytes([cid]) * 8
        table.open(make_pending(cid, key=key, ticket=ticket, flags=flags, stream=stream), START)
    for session, name in zip(table, ("ana", "ana", "bot"), strict=False):
        table.join(session, name)
    ended = []
    for source in range(2, 9):
        for victim, why in table.find_replaced(stranger(source)) or ():
            assert why == "crowded"
            ended.append(victim.cid)
            table.remove(victim)
            newcomer = table.open(make_pending(50 + source, key=bytes([source]), source=place(source)), START)
            table.join(newcomer, "somebody")
    assert ended == [4, 3, 2, 1]


def test_the_last_tenth_is_for_places_that_hold_few() -> None:
    table = SessionTable(Limits(sessions=20))
    fill(table, *[1] * 18)
    assert table.find_replaced(stranger(1)) is None
    assert table.find_replaced(stranger(2)) == []


def test_asking_which_sessions_would_end_changes_nothing(table: SessionTable) -> None:
    before = footprint(table)
    table.find_replaced(make_pending(9))
    assert footprint(table) == before


def test_the_same_client_again_replaces_its_own_session(table: SessionTable, session: Session) -> None:
    assert table.find_replaced(make_pending(6)) == [(session, "replaced")]
    assert table.find_replaced(make_pending(6, stream=b"stream 2")) == []
    assert table.find_replaced(make_pending(6, key=b"another")) == []


def test_of_too_many_sessions_of_one_key_the_longest_silent_ends(table: SessionTable, session: Session) -> None:
    other = table.open(make_pending(6, stream=b"stream 2"), START + 1)
    session.received_at = START + 9
    assert table.find_replaced(make_pending(7, stream=b"stream 3")) == [(other, "too_many_sessions")]


def test_a_client_that_comes_again_takes_nobody_elses_seat(table: SessionTable, session: Session) -> None:
    table.open(make_pending(6, stream=b"stream 2"), START + 1)
    assert table.find_replaced(make_pending(7)) == [(session, "replaced")]


def test_a_new_channel_is_read_beside_the_present_one(table: SessionTable, session: Session) -> None:
    rekeying = make_rekeying(6)
    table.add_channel(session, rekeying)
    assert table.route(6) == (session, rekeying.channel)
    assert session.channel.receive_cid == 5


def test_a_new_channel_that_was_never_used_is_replaced_by_another(table: SessionTable, session: Session) -> None:
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


def test_a_session_keeps_its_cid_over_all_its_channels(table: SessionTable, session: Session) -> None:
    table.add_channel(session, make_rekeying(6))
    table.promote(session, START)
    table.expire_channels(session, START + 60)
    assert table.find(5) is session


def test_a_renamed_members_sessions_are_still_one_member(table: SessionTable) -> None:
    sessions = [table.open(make_pending(cid, stream=bytes([cid]) * 8), START) for cid in (5, 6)]
    for session in sessions:
        table.join(session, "tom")
    for session in sessions:
        table.rename(session, "tomas")
    assert [session.name for session in sessions] == ["tomas", "tomas"]
    newcomers = fill(table, 1, 1, 1, 1)
    assert len(newcomers) == 4
    table.remove(sessions[0])
    table.remove(sessions[1])
    assert len(table) == 4


def test_renaming_leaves_nothing_of_the_old_name() -> None:
    table = SessionTable(LIMITS)
    empty = footprint(table)
    session = table.open(make_pending(5), START)
    table.join(session, "tom")
    table.rename(session, "tomas")
    table.remove(session)
    assert footprint(table) == empty
