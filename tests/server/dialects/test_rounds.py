from __future__ import annotations

from sockatuh.protocol.seam import Address
from sockatuh.server.dialects.rounds import LONGEST, MOST_A_TURN, SHARE, Rounds

ANA: Address = ("10.0.0.1", 1)
BUDI: Address = ("10.0.0.2", 1)


def test_each_gets_its_share_of_a_turn_and_the_order_is_kept() -> None:
    rounds = Rounds()
    for number in range(SHARE + 1):
        rounds.add(bytes([number]), ANA)
    rounds.add(b"x", BUDI)
    assert rounds.take() == [(bytes([number]), ANA) for number in range(SHARE)] + [(b"x", BUDI)]
    assert rounds.take() == []
    assert rounds
    rounds.begin_turn()
    assert rounds.take() == [(bytes([SHARE]), ANA)]
    assert not rounds


def test_what_is_added_later_in_a_turn_does_not_exceed_the_share() -> None:
    rounds = Rounds()
    taken = 0
    for _ in range(3 * SHARE):
        rounds.add(b"x", ANA)
        taken += len(rounds.take())
    assert taken == SHARE


def test_a_turn_is_bounded_for_all_together_and_whoever_got_nothing_is_next() -> None:
    rounds = Rounds()
    many: list[Address] = [("10.0.0.3", port) for port in range(MOST_A_TURN // SHARE + 5)]
    for address in many:
        for _ in range(2 * SHARE):
            rounds.add(b"x", address)
    first = rounds.take()
    assert len(first) == MOST_A_TURN
    rounds.begin_turn()
    assert {to for _, to in rounds.take()[: 5 * SHARE]} == set(many[-5:])


def test_what_waits_for_one_is_bounded() -> None:
    rounds = Rounds()
    assert [rounds.add(b"x", ANA) for _ in range(LONGEST + 2)] == [True] * LONGEST + [False] * 2
    rounds.drop(ANA)
    assert rounds.take() == []
