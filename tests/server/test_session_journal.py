"""Sessions are logged at a bounded rate, so that nobody can fill the disk."""

from __future__ import annotations

from kit.disk import Diary
from kit.instant_world import InstantWorld

from sockatuh.server.dialects.base import Visitor
from sockatuh.server.session_journal import REFUSALS_BURST, SESSIONS_BURST, SessionJournal

SECURE = InstantWorld().parts.secure


def visitor(name: str = "") -> Visitor:
    address = ("10.0.0.2", 4000)
    return Visitor(1, SECURE, address, "the fingerprint", "test", role="member", opened_at=0.0, name=name)


def test_a_session_is_logged_with_its_name_and_address() -> None:
    diary = Diary()
    log = SessionJournal(diary)
    log.note("session_opened", visitor(), 1.0)
    log.note("session_closed", visitor("ana"), 2.0, reason="left")
    log.refused(("10.0.0.3", 1), "rate", 3.0)
    log.summarise()
    assert [(each.event, each.fields) for each in diary.logged] == [
        ("session_opened", {"address": "10.0.0.2:4000", "key": "the fing"}),
        ("session_closed", {"name": "ana", "address": "10.0.0.2:4000", "key": "the fing", "reason": "left"}),
        ("handshake_refused", {"address": "10.0.0.3:1", "reason": "rate"}),
    ]


def test_session_logging_is_limited_to_two_lines_a_second_and_a_count() -> None:
    diary = Diary()
    log = SessionJournal(diary)
    for number in range(86_400):
        log.note("session_opened", visitor(), number / 10)
        log.note("session_closed", visitor(), number / 10)
    log.summarise()
    log.summarise()
    logged = sum(each.event != "session_lines_left_out" for each in diary.logged)
    assert SESSIONS_BURST <= logged <= SESSIONS_BURST + 2 * 8_640 + 1
    assert diary.of("session_lines_left_out") == [{"count": 2 * 86_400 - logged}]


def test_refused_handshakes_do_not_use_up_the_session_log_limit() -> None:
    diary = Diary()
    log = SessionJournal(diary)
    for _ in range(5_000):
        log.refused(("10.0.0.3", 1), "rate", 1.0)
    log.note("session_opened", visitor(), 1.0)
    assert len(diary.of("handshake_refused")) == REFUSALS_BURST
    assert len(diary.of("session_opened")) == 1
