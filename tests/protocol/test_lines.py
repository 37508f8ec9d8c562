"""Lines: cut, repeated, put together and given out in order, each once."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sockatuh.protocol.constants import LINE_WINDOW, LINES_IN_FLIGHT, MAX_PARTS, MAX_PIECE, RETRY_AFTER
from sockatuh.protocol.lines import PROGRESS_RESEND_AFTER, LineReceiver, LineSender
from sockatuh.protocol.messages import Progress, Say


def parts_of(number: int, text: bytes, oldest: int = 1, piece: int = 4, *, action: bool = False) -> list[Say]:
    """Return the SAYs of a line, cut small."""
    pieces = [text[at : at + piece] for at in range(0, len(text), piece)] or [b""]
    return [Say(number, oldest, action, index, len(pieces), each) for index, each in enumerate(pieces)]


def take_all(receiver: LineReceiver) -> list[tuple[int, bool, bytes]]:
    taken: list[tuple[int, bool, bytes]] = []
    while receiver.ready():
        taken.append(receiver.take())
    return taken


# The server's side.


def test_a_line_in_one_part_is_given_out_at_once_and_once() -> None:
    receiver = LineReceiver()
    (say,) = parts_of(1, b"hi", action=True)
    receiver.receive(say, 0.0)
    assert take_all(receiver) == [(1, True, b"hi")]
    receiver.receive(say, 0.0)
    assert not receiver.ready()
    assert not receiver.holds_parts()


def test_an_empty_line_is_a_line() -> None:
    receiver = LineReceiver()
    receiver.receive(Say(1, 1, False, 0, 1, b""), 0.0)
    assert take_all(receiver) == [(1, False, b"")]


def test_lines_begin_at_the_oldest_of_the_first_say_of_a_session() -> None:
    receiver = LineReceiver()
    receiver.receive(Say(9, 7, False, 0, 1, b"nine"), 0.0)
    assert not receiver.ready()
    assert receiver.progress() == Progress(7, 7, 0, 0)
    receiver.receive(Say(7, 7, False, 0, 1, b"seven"), 0.0)
    receiver.receive(Say(8, 7, False, 0, 1, b"eight"), 0.0)
    assert [number for number, _, _ in take_all(receiver)] == [7, 8, 9]


def test_what_was_answered_in_an_earlier_session_is_not_waited_for() -> None:
    receiver = LineReceiver()
    receiver.receive(Say(3, 1, False, 0, 1, b"three"), 0.0)
    assert not receiver.ready()
    receiver.receive(Say(4, 3, False, 0, 1, b"four"), 0.0)
    assert [number for number, _, _ in take_all(receiver)] == [3, 4]


def test_what_lies_below_the_oldest_is_forgotten_with_its_parts() -> None:
    receiver = LineReceiver()
    receiver.receive(parts_of(1, b"x" * 40)[0], 0.0)
    receiver.receive(parts_of(2, b"y" * 40)[0], 0.0)
    receiver.receive(Say(3, 3, False, 0, 1, b"three"), 0.0)
    assert take_all(receiver) == [(3, False, b"three")]
    assert not receiver.holds_parts()


@given(
    texts=st.lists(st.binary(max_size=30), min_size=1, max_size=12),
    seed=st.integers(0, 2**32),
    oldest=st.integers(1, 50),
)
def test_parts_in_any_order_and_any_number_of_times_make_the_lines_in_order(
    texts: list[bytes], seed: int, oldest: int
) -> None:
    dice = random.Random(seed)
    says = [say for number, text in enumerate(texts, oldest) for say in parts_of(number, text, oldest)]
    stream = says * 2
    dice.shuffle(stream)
    receiver, taken = LineReceiver(), list[tuple[int, bool, bytes]]()
    # What a bound has made it refuse comes again, as it does from a client.
    for say in stream + says * len(texts):
        receiver.receive(say, 0.0)
        taken += take_all(receiver)
    assert taken == [(number, False, text) for number, text in enumerate(texts, oldest)]
    assert not receiver.holds_parts()


def test_progress_tells_which_parts_of_the_next_line_are_there() -> None:
    receiver = LineReceiver()
    says = parts_of(5, b"abcdefghijklmnop", oldest=5)
    for index in (0, 3):
        receiver.receive(says[index], 0.0)
    assert receiver.progress(wait_ms=70) == Progress(5, 5, 0b1001, 70)


@pytest.mark.parametrize(
    "say",
    [
        Say(0, 0, False, 0, 1, b"x"),
        Say(1, 0, False, 0, 1, b"x"),
        Say(1, 2, False, 0, 1, b"x"),
        Say(1, 1, False, 0, 0, b"x"),
        Say(1, 1, False, 1, 1, b"x"),
        Say(1, 1, False, 0, MAX_PARTS + 1, b"x"),
        Say(1, 1, False, 0, 1, b"x" * (MAX_PIECE + 1)),
    ],
    ids=["no number", "no oldest", "oldest ahead", "no parts", "part behind the last", "too many parts", "long piece"],
)
def test_a_malformed_part_is_not_taken(say: Say) -> None:
    receiver = LineReceiver()
    receiver.receive(say, 0.0)
    assert not receiver.ready()
    assert not receiver.holds_parts()


def test_a_line_cut_in_two_ways_keeps_its_first_cut() -> None:
    receiver = LineReceiver()
    receiver.receive(Say(1, 1, False, 0, 2, b"one "), 0.0)
    receiver.receive(Say(1, 1, False, 2, 3, b"three"), 0.0)
    receiver.receive(Say(1, 1, False, 0, 2, b"another"), 0.0)
    receiver.receive(Say(1, 1, False, 1, 2, b"two"), 0.0)
    assert take_all(receiver) == [(1, False, b"one two")]


def test_lines_too_far_ahead_are_not_kept() -> None:
    receiver = LineReceiver()
    receiver.receive(Say(LINE_WINDOW, 1, False, 0, 1, b"last in the window"), 0.0)
    receiver.receive(Say(LINE_WINDOW + 1, 1, False, 0, 1, b"ahead"), 0.0)
    receiver.receive(Say(2**63 - 1, 1, False, 0, 1, b"far ahead"), 0.0)
    assert held(receiver) == 1


def test_however_much_comes_early_only_so_much_is_held_and_the_next_line_still_gets_through() -> None:
    receiver = LineReceiver()
    for number in range(2, LINE_WINDOW + 1):
        for say in parts_of(number, b"x" * 4 * MAX_PARTS):
            receiver.receive(say, 0.0)
    assert held(receiver) == LINE_WINDOW
    for say in parts_of(1, b"y" * 4 * MAX_PARTS)[:-1]:
        receiver.receive(say, 0.0)
    assert held(receiver) == LINE_WINDOW + MAX_PARTS - 1
    receiver.receive(parts_of(1, b"y" * 4 * MAX_PARTS)[-1], 0.0)
    assert take_all(receiver)[0] == (1, False, b"y" * 4 * MAX_PARTS)


def held(receiver: LineReceiver) -> int:
    return sum(part is not None for line in receiver._waiting.values() for part in line.parts)


# The client's side.


def test_lines_are_numbered_from_one_and_go_out_with_the_oldest_unanswered() -> None:
    sender = LineSender()
    assert [sender.add(b"a", False), sender.add(b"b", True)] == [1, 2]
    assert list(sender.due(0.0, 1.0)) == [Say(1, 1, False, 0, 1, b"a"), Say(2, 1, True, 0, 1, b"b")]
    assert sender.settle(1)
    assert sender.add(b"c", False) == 3
    assert list(sender.due(0.0, 1.0)) == [Say(3, 2, False, 0, 1, b"c")]
    assert 2 in sender
    assert len(sender) == 2


def test_a_long_text_is_cut_into_pieces_that_make_it_again() -> None:
    sender, text = LineSender(), bytes(range(250)) * 65
    sender.add(text, False)
    says = list(sender.due(0.0, 1.0))
    assert [say.index for say in says] == list(range(15))
    assert {say.count for say in says} == {15}
    assert max(len(say.piece) for say in says) == MAX_PIECE
    assert b"".join(say.piece for say in says) == text


def test_an_empty_text_is_one_empty_piece() -> None:
    sender = LineSender()
    sender.add(b"", False)
    assert list(sender.due(0.0, 1.0)) == [Say(1, 1, False, 0, 1, b"")]


def test_an_unanswered_line_is_repeated_ever_more_slowly() -> None:
    sender = LineSender()
    sender.add(b"a", False)
    now, waits = 0.0, list[float]()
    for _ in range(len(RETRY_AFTER) + 1):
        assert len(list(sender.due(now, 1.0))) == 1
        at = sender.next_due()
        assert at is not None
        assert list(sender.due(at - 0.001, 1.0)) == []
        waits.append(at - now)
        now = at
    assert waits == [0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 4.0, 8.0, 8.0]


def test_repeats_are_spread_by_the_jitter() -> None:
    sender = LineSender()
    sender.add(b"a", False)
    list(sender.due(10.0, 0.8))
    assert sender.next_due() == pytest.approx(10.2)


def test_an_answered_line_is_forgotten_once() -> None:
    sender = LineSender()
    sender.add(b"a", False)
    assert sender.settle(1)
    assert not sender.settle(1)
    assert not sender.settle(99)
    assert sender.next_due() is None
    assert list(sender.due(0.0, 1.0)) == []


def test_at_most_so_many_datagrams_are_in_flight() -> None:
    sender = LineSender()
    for _ in range(50):
        sender.add(b"a", False)
    assert len(list(sender.due(0.0, 1.0))) == LINES_IN_FLIGHT
    assert list(sender.due(0.2, 1.0)) == []
    for number in range(1, 6):
        sender.settle(number)
    assert [say.number for say in sender.due(0.2, 1.0)] == list(range(33, 38))


def test_long_lines_are_never_more_than_so_many_datagrams_in_flight() -> None:
    sender = LineSender()
    for _ in range(4):
        sender.add(bytes(13 * MAX_PIECE), False)
    sent = list(sender.due(0.0, 1.0))
    assert len(sent) <= LINES_IN_FLIGHT
    assert {say.number for say in sent} == {1, 2}
    sender.settle(1)
    assert {say.number for say in sender.due(0.1, 1.0)} == {3}


def test_no_line_goes_out_further_ahead_of_an_unanswered_one_than_the_server_remembers_answers() -> None:
    """Its answer may have been lost again and again, while those behind it were answered."""
    sender = LineSender()
    for _ in range(300):
        sender.add(b"a", False)
    newest, now = 0, 0.0
    for _ in range(60):
        for say in list(sender.due(now, 1.0)):
            newest = max(newest, say.number)
            if say.number != 1:
                sender.settle(say.number)
        at = sender.next_due()
        now = max(now + 0.01, at) if at is not None else now
    assert newest == LINE_WINDOW
    sender.settle(1)
    assert [say.number for say in sender.due(now, 1.0)] == list(range(65, 97))


def test_what_is_in_flight_is_what_is_due_next() -> None:
    sender = LineSender()
    for _ in range(40):
        sender.add(b"a", False)
    assert sender.next_due() == 0.0
    list(sender.due(5.0, 1.0))
    assert sender.next_due() == 5.25


def test_a_new_session_begins_with_everything_that_is_unanswered() -> None:
    sender = LineSender()
    sender.add(b"a" * 2 * MAX_PIECE, False)
    list(sender.due(0.0, 1.0))
    sender.heed(Progress(1, 1, 0b01, 0), 0.2)
    assert not sender.retried()
    sender.restart()
    assert sender.next_due() == 0.0
    assert [say.index for say in sender.due(0.3, 1.0)] == [0, 1]


def test_progress_makes_what_is_missing_go_out_at_once_and_only_that() -> None:
    sender = LineSender()
    sender.add(b"a" * 4 * MAX_PIECE, False)
    list(sender.due(0.0, 1.0))
    sender.heed(Progress(1, 1, 0b1010, 0), 0.1)
    assert sender.next_due() == 0.1
    assert [say.index for say in sender.due(0.1, 1.0)] == [0, 2]


def test_a_second_progress_for_the_same_hole_does_not_send_it_twice() -> None:
    sender = LineSender()
    sender.add(b"a" * 4 * MAX_PIECE, False)
    list(sender.due(0.0, 1.0))
    sender.heed(Progress(1, 1, 0b1010, 0), 0.1)
    list(sender.due(0.1, 1.0))
    sender.heed(Progress(1, 1, 0b1010, 0), 0.1 + PROGRESS_RESEND_AFTER / 2)
    assert list(sender.due(0.1 + PROGRESS_RESEND_AFTER / 2, 1.0)) == []
    sender.heed(Progress(1, 1, 0b1010, 0), 0.1 + PROGRESS_RESEND_AFTER)
    assert [say.index for say in sender.due(0.1 + PROGRESS_RESEND_AFTER, 1.0)] == [0, 2]


def test_a_line_that_is_there_but_has_no_answer_is_repeated_whole_and_in_its_time() -> None:
    sender = LineSender()
    sender.add(b"a" * 2 * MAX_PIECE, False)
    list(sender.due(0.0, 1.0))
    sender.heed(Progress(1, 1, 0b11, 0), 0.1)
    assert sender.next_due() == 0.25
    assert [say.index for say in sender.due(0.25, 1.0)] == [0, 1]


def test_one_who_is_asked_to_wait_repeats_nothing_before() -> None:
    sender = LineSender()
    sender.add(b"a", False)
    list(sender.due(0.0, 1.0))
    sender.heed(Progress(1, 1, 1, 3000), 0.1)
    assert sender.next_due() == pytest.approx(3.1 + RETRY_AFTER[1])


def test_a_progress_about_no_line_of_ours_changes_nothing() -> None:
    sender = LineSender()
    sender.add(b"a", False)
    list(sender.due(0.0, 1.0))
    sender.heed(Progress(99, 99, 0, 0), 0.1)
    assert sender.next_due() == 0.25


def test_a_line_that_was_sent_twice_is_a_reason_to_doubt() -> None:
    sender = LineSender()
    sender.add(b"a", False)
    list(sender.due(0.0, 1.0))
    assert not sender.retried()
    list(sender.due(0.5, 1.0))
    assert sender.retried()
    sender.settle(1)
    assert not sender.retried()


# Both together.


@settings(max_examples=40)
@given(
    seed=st.integers(0, 2**32),
    sizes=st.lists(st.sampled_from((0, 5, 300, MAX_PIECE, MAX_PIECE + 1, 16_384)), min_size=1, max_size=40),
    loss=st.sampled_from((0.0, 0.1, 0.4)),
)
def test_whatever_the_network_does_every_line_arrives_in_order_and_once(
    seed: int, sizes: list[int], loss: float
) -> None:
    dice = random.Random(seed)
    sender, receiver = LineSender(), LineReceiver()
    texts = [dice.randbytes(size) for size in sizes]
    for text in texts:
        sender.add(text, False)
    taken: list[bytes] = []
    now = 0.0
    for _ in range(400):
        says = [say for say in sender.due(now, 1.0) for _ in range(dice.choice((1, 1, 2))) if dice.random() >= loss]
        dice.shuffle(says)
        for say in says:
            receiver.receive(say, 0.0)
            taken += [text for _, _, text in take_all(receiver)]
            if say.number < receiver.next and dice.random() >= loss:
                sender.settle(say.number)
        if receiver.holds_parts() and dice.random() >= loss:
            sender.heed(receiver.progress(), now)
        if not sender:
            break
        at = sender.next_due()
        assert at is not None
        now = max(now + 0.01, at)
    assert not len(sender)
    assert taken == texts
