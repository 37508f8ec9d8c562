"""The server assembles lines from parts and releases them in order, each once."""

from __future__ import annotations

import random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockatuh.protocol.constants import LINE_WINDOW, MAX_PARTS, MAX_PIECE
from sockatuh.protocol.messages import Progress, Say
from sockatuh.protocol.server.line_assembly import Line, LineReceiver


def parts_of(number: int, text: bytes, oldest: int = 1, piece: int = 4, *, action: bool = False) -> list[Say]:
    """Return the SAYs of a line that is cut into small parts."""
    pieces = [text[at : at + piece] for at in range(0, len(text), piece)] or [b""]
    return [Say(number, oldest, action, index, len(pieces), each) for index, each in enumerate(pieces)]


def take_all(receiver: LineReceiver) -> list[tuple[int, bool, bytes]]:
    taken: list[tuple[int, bool, bytes]] = []
    while receiver.ready():
        taken.append(receiver.take()[:3])
    return taken


def test_a_line_in_one_part_is_released_at_once_and_once() -> None:
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
    # What a bound made it refuse is sent again, as a client does.
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


def test_the_addressee_stands_in_the_first_part_whichever_part_comes_first() -> None:
    for order in ([0, 1, 2], [2, 1, 0], [1, 0, 2]):
        receiver = LineReceiver()
        parts = parts_of(1, b"0123456789")
        says = [msgspec.structs.replace(say, to="budi" if say.index == 0 else "eva") for say in parts]
        for index in order:
            receiver.receive(says[index], 0.0)
        assert receiver.take() == Line(1, False, b"0123456789", "budi")
        assert receiver.held_bytes == 0


def test_a_name_in_a_later_part_makes_no_line_private() -> None:
    receiver = LineReceiver()
    receiver.receive(Say(1, 1, False, 0, 2, b"ab"), 0.0)
    receiver.receive(Say(1, 1, False, 1, 2, b"cd", "budi"), 0.0)
    assert receiver.take() == Line(1, False, b"abcd", "")


def test_the_addressees_name_counts_among_the_bytes_held_until_the_line_goes() -> None:
    named, unnamed = LineReceiver(), LineReceiver()
    for receiver, to in ((named, "b" * 128), (unnamed, "")):
        receiver.receive(Say(1, 1, False, 0, 2, b"ab", to), 0.0)
        receiver.receive(Say(1, 1, False, 0, 2, b"ab", to), 0.0)
    assert named.held_bytes - unnamed.held_bytes == 4 * 128
    named.drop_all()
    assert named.held_bytes == 0
