"""Lines are cut into parts, and repeated until they are answered."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest
from kit.bare_room import no_jitter

from sockatuh.protocol.client.outbox import PROGRESS_RESEND_AFTER, Outbox
from sockatuh.protocol.client.timers import ClientTimer
from sockatuh.protocol.constants import (
    LINE_WINDOW,
    LINES_IN_FLIGHT,
    MAX_PARTS,
    MAX_PIECE,
    MAX_PLAINTEXT,
    RETRY_AFTER,
)
from sockatuh.protocol.messages import Progress, Say, encode
from sockatuh.protocol.timers import TimerTable


class Sender:
    """An outbox with its timer, without jitter by default."""

    def __init__(self, random: Callable[[int], bytes] = no_jitter) -> None:
        self.timers = TimerTable(ClientTimer)
        self.outbox = Outbox(random, self.timers)

    @property
    def due_at(self) -> float | None:
        return self.timers.get(ClientTimer.LINES)

    def due(self, now: float) -> list[Say]:
        """Advance the time to `now`, and return what is sent then."""
        return self.outbox.handle_timer(now) if list(self.timers.take_due(now)) else []


def test_lines_are_numbered_from_one_and_go_out_with_the_oldest_unanswered() -> None:
    sender = Sender()
    assert [sender.outbox.add(b"a", False), sender.outbox.add(b"b", True)] == [1, 2]
    assert sender.due(0.0) == [Say(1, 1, False, 0, 1, b"a"), Say(2, 1, True, 0, 1, b"b")]
    assert sender.outbox.remove(1)
    assert sender.outbox.add(b"c", False) == 3
    assert sender.due(0.0) == [Say(3, 2, False, 0, 1, b"c")]
    assert 2 in sender.outbox
    assert len(sender.outbox) == 2


def test_the_pieces_of_a_long_text_make_the_text() -> None:
    sender, text = Sender(), bytes(range(250)) * 65
    sender.outbox.add(text, False)
    says = sender.due(0.0)
    assert [say.index for say in says] == list(range(15))
    assert {say.count for say in says} == {15}
    assert max(len(say.piece) for say in says) == MAX_PIECE
    assert b"".join(say.piece for say in says) == text


@pytest.mark.parametrize("to", ["b", "é" * 64])
def test_the_addressee_of_a_private_line_stands_in_its_first_part_which_fits_a_datagram(to: str) -> None:
    sender, text = Sender(), b"x" * (MAX_PARTS * MAX_PIECE - len(to.encode()))
    assert [sender.outbox.add(b"for all", False), sender.outbox.add(text, True, to)] == [1, 2], "one numbering"
    _, *says = sender.due(0.0)
    assert [say.to for say in says] == [to] + [""] * (MAX_PARTS - 1)
    assert b"".join(say.piece for say in says) == text
    largest = [msgspec.structs.replace(say, number=2**62, oldest=2**62) for say in says]
    assert max(len(encode(say)) for say in largest) <= MAX_PLAINTEXT
    sender.outbox.restart()
    assert sender.due(1.0)[1].to == to, "in every repetition"


def test_an_empty_text_is_one_empty_piece() -> None:
    sender = Sender()
    sender.outbox.add(b"", False)
    assert sender.due(0.0) == [Say(1, 1, False, 0, 1, b"")]


def test_an_unanswered_line_is_repeated_ever_more_slowly() -> None:
    sender = Sender()
    sender.outbox.add(b"a", False)
    now, waits = 0.0, list[float]()
    for _ in range(len(RETRY_AFTER) + 1):
        assert len(sender.due(now)) == 1
        at = sender.due_at
        assert at is not None
        assert sender.due(at - 0.001) == []
        waits.append(at - now)
        now = at
    assert waits == [0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 4.0, 8.0, 8.0]


def test_repeats_are_spread_by_the_jitter() -> None:
    sender = Sender(bytes)
    sender.outbox.add(b"a", False)
    sender.due(10.0)
    assert sender.due_at == pytest.approx(10.2)


def test_an_answered_line_is_forgotten_once() -> None:
    sender = Sender()
    sender.outbox.add(b"a", False)
    assert sender.outbox.remove(1)
    assert not sender.outbox.remove(1)
    assert not sender.outbox.remove(99)
    assert sender.due_at is None
    assert sender.due(0.0) == []


def test_at_most_so_many_datagrams_are_in_flight() -> None:
    sender = Sender()
    for _ in range(50):
        sender.outbox.add(b"a", False)
    assert len(sender.due(0.0)) == LINES_IN_FLIGHT
    assert sender.due(0.2) == []
    for number in range(1, 6):
        sender.outbox.remove(number)
    assert [say.number for say in sender.due(0.2)] == list(range(33, 38))


def test_long_lines_are_never_more_than_so_many_datagrams_in_flight() -> None:
    sender = Sender()
    for _ in range(4):
        sender.outbox.add(bytes(13 * MAX_PIECE), False)
    sent = sender.due(0.0)
    assert len(sent) <= LINES_IN_FLIGHT
    assert {say.number for say in sent} == {1, 2}
    sender.outbox.remove(1)
    assert {say.number for say in sender.due(0.1)} == {3}


def test_no_line_goes_out_further_ahead_of_an_unanswered_one_than_the_server_remembers_answers() -> None:
    """Its answer may have been lost repeatedly while later lines were answered."""
    sender = Sender()
    for _ in range(300):
        sender.outbox.add(b"a", False)
    newest, now = 0, 0.0
    for _ in range(60):
        for say in sender.due(now):
            newest = max(newest, say.number)
            if say.number != 1:
                sender.outbox.remove(say.number)
        at = sender.due_at
        now = max(now + 0.01, at) if at is not None else now
    assert newest == LINE_WINDOW
    sender.outbox.remove(1)
    assert [say.number for say in sender.due(now)] == list(range(65, 97))


def test_what_is_in_flight_is_what_is_due_next() -> None:
    sender = Sender()
    for _ in range(40):
        sender.outbox.add(b"a", False)
    assert sender.due_at == 0.0
    sender.due(5.0)
    assert sender.due_at == 5.25


def test_a_new_session_begins_with_everything_that_is_unanswered() -> None:
    sender = Sender()
    sender.outbox.add(b"a" * 2 * MAX_PIECE, False)
    sender.due(0.0)
    sender.outbox.take_progress(Progress(1, 1, 0b01, 0), 0.2)
    assert not sender.outbox.is_repeating
    sender.outbox.restart()
    assert sender.due_at == 0.0
    assert [say.index for say in sender.due(0.3)] == [0, 1]


def test_progress_makes_only_the_missing_parts_due_at_once() -> None:
    sender = Sender()
    sender.outbox.add(b"a" * 4 * MAX_PIECE, False)
    sender.due(0.0)
    sender.outbox.take_progress(Progress(1, 1, 0b1010, 0), 0.1)
    assert sender.due_at == 0.1
    assert [say.index for say in sender.due(0.1)] == [0, 2]


def test_a_second_progress_for_the_same_hole_does_not_send_it_twice() -> None:
    sender = Sender()
    sender.outbox.add(b"a" * 4 * MAX_PIECE, False)
    sender.due(0.0)
    sender.outbox.take_progress(Progress(1, 1, 0b1010, 0), 0.1)
    sender.due(0.1)
    sender.outbox.take_progress(Progress(1, 1, 0b1010, 0), 0.1 + PROGRESS_RESEND_AFTER / 2)
    assert sender.due(0.1 + PROGRESS_RESEND_AFTER / 2) == []
    sender.outbox.take_progress(Progress(1, 1, 0b1010, 0), 0.1 + PROGRESS_RESEND_AFTER)
    assert [say.index for say in sender.due(0.1 + PROGRESS_RESEND_AFTER)] == [0, 2]


def test_a_line_that_has_arrived_without_an_answer_is_repeated_whole_and_in_its_time() -> None:
    sender = Sender()
    sender.outbox.add(b"a" * 2 * MAX_PIECE, False)
    sender.due(0.0)
    sender.outbox.take_progress(Progress(1, 1, 0b11, 0), 0.1)
    assert sender.due_at == 0.25
    assert [say.index for say in sender.due(0.25)] == [0, 1]


def test_nothing_is_repeated_before_the_server_asked_for_it() -> None:
    sender = Sender()
    sender.outbox.add(b"a", False)
    sender.due(0.0)
    sender.outbox.take_progress(Progress(1, 1, 1, 3000), 0.1)
    assert sender.due_at == pytest.approx(3.1 + RETRY_AFTER[1])


def test_a_progress_about_an_unknown_line_changes_nothing() -> None:
    sender = Sender()
    sender.outbox.add(b"a", False)
    sender.due(0.0)
    sender.outbox.take_progress(Progress(99, 99, 0, 0), 0.1)
    assert sender.due_at == 0.25


def test_a_line_that_was_sent_twice_is_a_reason_to_doubt() -> None:
    sender = Sender()
    sender.outbox.add(b"a", False)
    sender.due(0.0)
    assert not sender.outbox.is_repeating
    sender.due(0.5)
    assert sender.outbox.is_repeating
    sender.outbox.remove(1)
    assert not sender.outbox.is_repeating


def test_lines_of_an_earlier_run_keep_their_numbers_and_new_ones_follow() -> None:
    sender = Sender()
    sender.outbox = Outbox(no_jitter, sender.timers, last=9)
    sender.outbox.add_again(7, b"seven", False)
    sender.outbox.add_again(9, b"nine", True, "budi")
    assert sender.outbox.add(b"ten", False) == 10
    assert sender.due(0.0) == [
        Say(7, 7, False, 0, 1, b"seven"),
        Say(9, 7, True, 0, 1, b"nine", "budi"),
        Say(10, 7, False, 0, 1, b"ten"),
    ]
