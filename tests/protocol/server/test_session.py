"""One session: its answers, its channels, and whether it is pushed to."""

from __future__ import annotations

from kit.bare_room import START
from kit.sessions import KEY, STREAM, TICKET, make_channel, make_rekeying, make_session, place

from sockatuh.protocol import messages as m
from sockatuh.protocol.constants import LINE_WINDOW
from sockatuh.protocol.server.limits import Limits
from sockatuh.protocol.server.session import ANSWERS_KEPT


def test_a_session_takes_over_what_the_handshake_has_shown() -> None:
    session = make_session(joined=False)
    assert (session.cid, session.address, session.place) == (5, ("10.0.0.9", 5), place(1))
    assert (session.client_key, session.stream, session.version) == (KEY, STREAM, "a test")
    assert (session.log_id, session.cursor, session.ticket) == (b"l" * 16, 77, TICKET)
    assert (session.call_number, session.unsettled) == (0, 0)
    assert not session.is_guest
    assert session.join_by == START + Limits().join_seconds


def test_either_of_the_first_two_flags_makes_it_a_guests_and_the_first_a_scripts() -> None:
    sessions = [make_session(flags=flags) for flags in (0, 1, 2, 3, 4)]
    assert [session.is_script for session in sessions] == [False, True, False, True, False]
    assert [session.is_guest for session in sessions] == [False, True, True, True, False]


def test_a_named_session_is_joined() -> None:
    session = make_session(joined=False)
    assert not session.joined
    session.name = "ana"
    assert session.joined


def test_a_session_shows_neither_the_proof_nor_what_answers_it() -> None:
    session = make_session()
    session.proof, session.confirmation = b"a proof", b"its answer"
    assert not [secret for secret in ("a proof", "its answer") if secret in repr(session)]


def test_answers_to_lines_are_repeated_as_they_were() -> None:
    session = make_session()
    session.answer_line(1, 40)
    session.answer_line(2, m.Unsaid(2, "muted", 60_000, "shouting"))
    assert session.repeat_answer(1) == m.Stored(((1, 40),))
    assert session.repeat_answer(2) == m.Unsaid(2, "muted", 60_000, "shouting")
    assert session.repeat_answer(3) is None


def test_only_so_many_answers_are_kept_but_more_than_a_client_goes_ahead() -> None:
    session = make_session()
    for number in range(1, ANSWERS_KEPT + 2):
        session.answer_line(number, number)
    assert len(session.line_answers) == ANSWERS_KEPT
    assert session.repeat_answer(1) is None
    assert ANSWERS_KEPT > LINE_WINDOW


def test_every_channel_that_is_read_is_known() -> None:
    session = make_session()
    assert session.channels() == [session.channel]
    session.old_channel, session.rekeying = make_channel(6), make_rekeying(7)
    assert session.channels() == [session.channel, session.old_channel, session.rekeying.channel]
