"""What is proved to whom, and which hash is wanted for it."""

from __future__ import annotations

from typing import Final

import pytest
from kit.bare_room import Dice
from kit.password_hash import COST, OTHER_SALT, SALT, answer, quick_hash

from sockatuh.protocol.client.events import HashWanted
from sockatuh.protocol.client.proving import MOST_UNANSWERED, Prover
from sockatuh.protocol.messages import NameValid
from sockatuh.protocol.password_proof import Binding, Offer, PasswordHash, Proof

PASSWORD: Final = b"tulip harbor sixteen"
OTHER: Final = b"another one that was typed"


class Proving:
    """A prover, and a server that knows the password."""

    def __init__(self) -> None:
        self.prover = Prover(Dice("prover"))
        self.dice = Dice("server")
        self.offer: Offer
        self.wanted: list[HashWanted] = []
        self.begin_session()

    def begin_session(self) -> None:
        self.binding = Binding(self.dice(32), bytes(32), bytes(32))
        self.prover.begin_session(self.binding)

    def make_offer(self, salt: bytes = SALT) -> NameValid:
        """Make the prover a new offer, and return it."""
        known = PasswordHash.parse(quick_hash(PASSWORD, salt))
        self.offer = Offer(known, self.binding, self.dice)
        valid = NameValid("ana", 0, self.offer.share, salt, COST)
        assert self.prover.take_offer(valid, answers_proof=True) == ""
        return valid

    def ask(self, name: str = "ana", password: bytes = PASSWORD, *, is_pinned: bool = False) -> Proof | None:
        """Ask for a proof; note the hash that is wanted instead."""
        step = self.prover.prove(name, password, is_pinned=is_pinned)
        if isinstance(step, HashWanted):
            self.wanted.append(step)
            return None
        return step

    def prove(self, name: str = "ana", password: bytes = PASSWORD, *, is_pinned: bool = False) -> Proof:
        """Return a proof, with whatever hash is needed for it."""
        proof = self.ask(name, password, is_pinned=is_pinned)
        if proof is None:
            assert self.supply(self.wanted[-1])
            proof = self.ask(name, password, is_pinned=is_pinned)
        assert proof is not None
        return proof

    def supply(self, wanted: HashWanted) -> bool:
        return self.prover.supply_hash(wanted, answer(wanted))

    def accept(self, proof: Proof, name: str = "ana") -> bool:
        """Let the server open a proof, and the prover judge its confirmation."""
        opened = self.offer.open_untrusted(proof.encoded, name)
        assert opened is not None
        return self.prover.accept(proof.encoded, opened.confirmation)


@pytest.fixture
def proving() -> Proving:
    return Proving()


def test_without_an_offer_nothing_can_be_proved(proving: Proving) -> None:
    assert not proving.prover.has_offer
    assert proving.ask(is_pinned=True) is None
    assert not proving.wanted


def test_a_proof_is_accepted_with_the_confirmation_that_belongs_to_it(proving: Proving) -> None:
    proving.make_offer()
    proof = proving.prove()
    assert not proving.prover.accept(proof.encoded, bytes(64))
    assert not proving.prover.accept(proof.encoded[:-1], proof.confirmation)
    assert not proving.prover.accept(None, proof.confirmation)
    assert proving.accept(proof)


# Hashes.


def test_a_hash_is_wanted_once_for_each_password_and_salt(proving: Proving) -> None:
    for _ in range(3):
        proving.make_offer()
        proving.prove()
        proving.begin_session()
    assert proving.wanted == [HashWanted(PASSWORD, SALT, COST)]
    proving.make_offer(OTHER_SALT)
    proving.prove()
    assert proving.wanted[1:] == [HashWanted(PASSWORD, OTHER_SALT, COST)]
    proving.prove(password=OTHER)
    assert proving.wanted[2:] == [HashWanted(OTHER, OTHER_SALT, COST)]


def test_one_hash_is_wanted_at_a_time_however_many_sessions_offer_other_salts(proving: Proving) -> None:
    for number in range(20):
        proving.make_offer(bytes([number]) * 16)
        assert proving.ask() is None
        proving.begin_session()
    (first,) = proving.wanted
    proving.make_offer()
    assert proving.supply(first)
    assert proving.ask() is None
    assert proving.wanted[1:] == [HashWanted(PASSWORD, SALT, COST)], "then the one for the present offer"


def test_a_hash_that_is_not_awaited_is_not_taken(proving: Proving) -> None:
    proving.make_offer()
    wanted = HashWanted(PASSWORD, SALT, COST)
    assert not proving.supply(wanted), "too early"
    assert proving.ask() is None
    assert not proving.supply(HashWanted(OTHER, SALT, COST))
    assert not proving.supply(HashWanted(PASSWORD, OTHER_SALT, COST))
    assert proving.supply(wanted)
    assert not proving.supply(wanted), "twice"
    assert proving.accept(proving.prove())


# Offers.


def test_the_same_proof_is_given_for_the_same_offer_name_and_password(proving: Proving) -> None:
    valid = proving.make_offer()
    first = proving.prove()
    assert proving.prove() == first
    assert proving.prover.take_offer(valid, answers_proof=False) == ""
    assert proving.prove() == first
    assert proving.prove("budi") != first


@pytest.mark.parametrize("how", ["another offer", "another session", "it was decided about"])
def test_a_proof_is_for_one_offer(proving: Proving, how: str) -> None:
    valid = proving.make_offer()
    first = proving.prove()
    match how:
        case "another offer":
            proving.make_offer()
        case "another session":
            proving.begin_session()
            assert not proving.prover.has_offer
            proving.make_offer()
        case _:
            proving.prover.drop_offer()
            assert not proving.prover.has_offer
            proving.prover.take_offer(valid, answers_proof=True)
    assert not proving.prover.accept(first.encoded, first.confirmation)
    second = proving.prove()
    assert second.encoded[:32] != first.encoded[:32]
    assert proving.accept(second)


def test_a_share_is_offered_with_one_salt_and_one_cost(proving: Proving) -> None:
    valid = proving.make_offer()
    for other in (
        NameValid("ana", 0, valid.share, OTHER_SALT, COST),
        NameValid("ana", 0, valid.share, SALT, COST + 1),
    ):
        assert proving.prover.take_offer(other, answers_proof=False) == "server_unproven"
    assert proving.prover.take_offer(NameValid("budi", 0, valid.share, SALT, COST), answers_proof=False) == ""


# How many.


def test_a_server_that_has_proved_nothing_gets_three_proofs_and_the_last_one_again(proving: Proving) -> None:
    for _ in range(MOST_UNANSWERED):
        assert proving.prover.may_prove("ana", PASSWORD)
        proving.make_offer()
        proving.prove()
    assert proving.prover.may_prove("ana", PASSWORD), "the same"
    assert not proving.prover.may_prove("budi", PASSWORD)
    proving.make_offer()
    assert not proving.prover.may_prove("ana", PASSWORD)
    proving.begin_session()
    assert not proving.prover.may_prove("ana", PASSWORD)
    assert proving.prover.may_prove("ana", OTHER)


def test_a_password_is_hashed_with_three_salts_of_servers_that_have_proved_nothing(proving: Proving) -> None:
    for number in range(MOST_UNANSWERED):
        proving.make_offer(bytes([number]) * 16)
        assert proving.prover.may_hash(PASSWORD)
        assert proving.ask() is None
        assert proving.prover.may_hash(PASSWORD), "it is awaited"
        assert proving.supply(proving.wanted[-1])
        proving.begin_session()
    proving.make_offer(proving.wanted[-1].salt)
    assert proving.prover.may_hash(PASSWORD), "it is known"
    proving.make_offer(SALT)
    assert not proving.prover.may_hash(PASSWORD)
    assert proving.prover.may_hash(OTHER)


def test_a_server_that_has_proved_itself_begins_a_new_count(proving: Proving) -> None:
    for _ in range(MOST_UNANSWERED):
        proving.make_offer()
        proof = proving.prove()
    assert proving.accept(proof)
    proving.make_offer()
    assert proving.prover.may_prove("ana", PASSWORD)


def test_proofs_for_a_pinned_server_are_not_counted(proving: Proving) -> None:
    for _ in range(2 * MOST_UNANSWERED):
        proving.make_offer()
        proving.prove(is_pinned=True)
    proving.make_offer()
    assert proving.prover.may_prove("ana", PASSWORD)


# Another salt.


def test_a_password_is_changed_if_the_salt_is_not_the_one_it_was_accepted_under(proving: Proving) -> None:
    assert not proving.prover.is_changed(PASSWORD)
    proving.make_offer()
    assert not proving.prover.is_changed(PASSWORD), "it was never accepted"
    assert proving.accept(proving.prove())
    proving.begin_session()
    proving.make_offer()
    assert not proving.prover.is_changed(PASSWORD)
    proving.begin_session()
    assert not proving.prover.is_changed(PASSWORD), "without an offer nobody can tell"
    proving.make_offer(OTHER_SALT)
    assert proving.prover.is_changed(PASSWORD)
    assert not proving.prover.is_changed(OTHER), "that one was typed since"
    proving.prover.forget_accepted()
    assert not proving.prover.is_changed(PASSWORD)


def test_nothing_that_is_kept_shows_the_password_when_it_is_printed(proving: Proving) -> None:
    proving.make_offer()
    proof = proving.prove()
    printed = f"{proving.wanted} {proof} {proving.prover._made} {proving.prover._hash and proving.prover._hash[0]}"
    assert PASSWORD.decode() not in printed
    assert quick_hash(PASSWORD) not in printed
