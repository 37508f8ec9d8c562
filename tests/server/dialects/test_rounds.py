from __future__ import annotations

from sockatuh.protocol.seam import Address
from sockatuh.server.dialects.rounds import LONGEST, MOST_A_TURN, SHARE, Rounds

ANA: Address = ("10.0.0.1", 1)
BUDI: Address = ("10.0.0.2", 1)


def test_each_recipient_gets_its_share_of_a_turn_in_order() -> None:
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


def test_additions_during_a_turn_stay_within_the_share() -> None:
    rounds = Rounds()
    taken = 0
    for _ in range(3 * SHARE):
        rounds.add(b"x", ANA)
        taken += len(rounds.take())
    assert taken == SHARE


def test_a_turn_has_a_total_bound_and_the_unserved_go_first_next_time() -> None:
    rounds = Rounds()
    many: list[Address] = [("10.0.0.3", port) for port in range(MOST_A_TURN // SHARE + 5)]
    for address in many:
        for _ in range(2 * SHARE):
            rounds.add(b"x", address)
    first = rounds.take()
    assert len(first) == MOST_A_TURN
    rounds.begin_turn()
    assert {to for _, to in rounds.take()[: 5 * SHARE]} == set(many[-5:])


def test_the_queue_of_one_recipient_is_bounded() -> None:
    rounds = Rounds()
    assert [rounds.add(b"x", ANA) for _ in range(LONGEST + 2)] == [True] * LONGEST + [False] * 2
    rounds.drop(ANA)
    assert rounds.take() == []


def test_what_holds_a_struck_entry_is_dropped_for_everybody() -> None:
    rounds = Rounds()
    for seq, data in ((1, b"one"), (2, b"two, first row"), (2, b"two, second row"), (3, b"three")):
        rounds.add(data, ANA, seq)
    rounds.add(b"two, first row", BUDI, 2)
    rounds.strike(2)
    assert rounds.take() == [(b"one", ANA), (b"three", ANA)]
    assert not rounds
