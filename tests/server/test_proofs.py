"""What the room server makes of a proof: what is looked at, what is counted, and when the hash was stolen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kit.clients import LawlessClient
from kit.instant_world import InstantWorld
from kit.password_hash import OTHER_SALT, quick_hash
from kit.proofs import pad
from kit.server import OPTIONS
from kit.world import PASSWORD

from sockatuh.protocol import messages as m
from sockatuh.protocol.client import events as e
from sockatuh.protocol.password_proof import PROOF_SIZE
from sockatuh.server.dialects.base import GivenPassword, PasswordGiven, Visitor
from sockatuh.server.guessing import RESERVED, TRIES
from sockatuh.server.password_checks import MAX_CHECKS
from sockatuh.server.reload import Reloader

NEW_PASSWORD = "rain ladle nine"
OFFER = m.Join("ana", b"", None)

Forge = Callable[[LawlessClient], m.Join]


@pytest.fixture
def world() -> InstantWorld:
    return InstantWorld()


def call(outlaw: LawlessClient, join: m.Join) -> m.AnswerBody | None:
    """Make the outlaw's next call, and return its answer, if there is one by now."""
    number = len(outlaw.answers()) + 1
    outlaw.send(m.Call(number, join))
    return outlaw.answers()[-1] if len(outlaw.answers()) == number else None


def code(outlaw: LawlessClient, join: m.Join) -> str:
    """Make the outlaw's next call, and return the code of its answer."""
    answer = call(outlaw, join)
    return answer.code if isinstance(answer, m.Refused) else type(answer).__name__


def ready(world: InstantWorld, host: str | None = None, key: bytes | None = None) -> LawlessClient:
    """Return an outlaw that has an offer."""
    outlaw = world.outlaw(key, host=host)
    assert code(outlaw, OFFER) == "NameValid"
    return outlaw


def guess(outlaw: LawlessClient) -> str:
    """Ask for an offer, and prove a wrong password."""
    call(outlaw, OFFER)
    return code(outlaw, outlaw.prove("ana", "guess"))


def change_hash(world: InstantWorld, password: str = NEW_PASSWORD) -> None:
    """Reload with another hash."""
    world.bcrypt.right = password.encode()
    changed = replace(OPTIONS, password_hash=quick_hash(password, OTHER_SALT))
    Reloader(world.parts, world.diary).reload(OPTIONS, changed)


def use_up_bound(world: InstantWorld) -> None:
    bound = world.parts.desk.bound
    for number in range(TRIES + RESERVED):
        assert not bound.take(number, is_fresh=True, now=world.now)
        bound.record(number, world.now, wrong=True)


def is_whole(world: InstantWorld) -> bool:
    """Tell whether no try was counted against the bound of the room."""
    bound = world.parts.desk.bound
    return not bound._all.delay(world.now, TRIES) and not bound._reserved.delay(world.now, RESERVED)


def spoil(join: m.Join, at: int, mask: int = 1) -> m.Join:
    """Return the JOIN with some bits of its proof flipped."""
    proof = bytearray(join.proof or b"")
    proof[at] ^= mask
    return m.Join(join.name, bytes(proof), None)


# What is looked at.


@pytest.mark.parametrize("waits", ["the place", "the key"])
def test_a_proof_within_a_wait_is_not_looked_at_and_serves_afterwards(world: InstantWorld, waits: str) -> None:
    guesser = world.outlaw(host="10.2.0.1")
    assert [guess(guesser) for _ in range(4)] == ["password_wrong"] * 4
    member = ready(world, "10.2.0.1") if waits == "the place" else ready(world, "10.2.0.2", guesser._key)
    thief = ready(world, "10.2.0.1")
    join = member.prove("ana")
    for _ in range(3):
        assert call(member, join) == m.Refused("password_wait", 5_000)
        assert code(thief, thief.prove("eve", "guess", shown=PASSWORD)) == "password_wait"
    assert not world.diary.of("password_hash_stolen")
    assert not world.bcrypt.asked
    world.advance(5.0)
    welcome = call(member, join)
    assert isinstance(welcome, m.Welcome)
    assert welcome.confirmation


@pytest.mark.parametrize("reason", ["its own tries", "its place's check", "others' tries"])
def test_a_proof_that_has_to_wait_is_not_opened(world: InstantWorld, reason: str) -> None:
    guesser = ready(world)
    match reason:
        case "its own tries":
            assert [guess(guesser) for _ in range(4)] == ["password_wrong"] * 4
        case "its place's check":
            world.bcrypt.held = True
            assert call(guesser, guesser.prove("ana")) is None
        case _:
            use_up_bound(world)

    def open_password() -> GivenPassword:
        raise AssertionError("it costs a multiplication")

    visitor = Visitor(99, world.parts.secure, guesser.address, "another key", "", "member", opened_at=world.now)
    world.room_server.handle(PasswordGiven(visitor, "ana", open_password), world.now)
    assert world.room_server._joining.find(99) is None, "it was refused"


def test_a_proof_without_an_offer_is_not_counted(world: InstantWorld) -> None:
    outlaw = world.outlaw()
    for number in range(10):
        join = m.Join("ana", bytes([number]) * PROOF_SIZE, None)
        assert code(outlaw, join) == "NameValid"
        change_hash(world, f"password {number}")
    assert is_whole(world)
    assert not world.diary.of("password_refused")


def test_a_proof_for_an_offer_under_a_former_hash_is_not_counted(world: InstantWorld) -> None:
    outlaw = ready(world)
    join = outlaw.prove("ana")
    change_hash(world)
    offer = call(outlaw, join)
    assert isinstance(offer, m.NameValid)
    assert offer.salt == OTHER_SALT
    assert is_whole(world)
    assert not world.diary.of("password_refused")
    assert code(outlaw, outlaw.prove("ana", NEW_PASSWORD)) == "Welcome"


WRONG: dict[str, Forge] = {
    "another password": lambda outlaw: outlaw.prove("ana", "guess"),
    "a byte short": lambda outlaw: m.Join("ana", (outlaw.prove("ana").proof or b"")[:-1], None),
    "a byte long": lambda outlaw: m.Join("ana", (outlaw.prove("ana").proof or b"") + b"x", None),
    "a share of low order": lambda outlaw: m.Join("ana", bytes(32) + (outlaw.prove("ana").proof or b"")[32:], None),
    "another tag": lambda outlaw: spoil(outlaw.prove("ana"), 32),
    "another name": lambda outlaw: m.Join("ana", outlaw.prove("eve").proof, None),
}
STOLEN: dict[str, Forge] = {
    "another password": lambda outlaw: outlaw.prove("ana", "guess", shown=PASSWORD),
    "the hash as the password": lambda outlaw: outlaw.prove("ana", quick_hash(PASSWORD), shown=PASSWORD),
    "a broken seal": lambda outlaw: spoil(outlaw.prove("ana"), -1),
    "nothing": lambda outlaw: outlaw.prove("ana", padded=pad(b"")),
    "the length 0": lambda outlaw: outlaw.prove("ana", padded=pad(PASSWORD.encode(), 0)),
    "the length 73": lambda outlaw: outlaw.prove("ana", padded=pad(b"x" * 72, 73)),
    "bytes that are no text": lambda outlaw: outlaw.prove("ana", padded=pad(b"\xff\xfe")),
    "a NUL": lambda outlaw: outlaw.prove("ana", padded=pad(f"{PASSWORD}\0{PASSWORD}".encode())),
}


@pytest.mark.parametrize("knows", [False, True], ids=["first of all", "after bcrypt"])
@pytest.mark.parametrize(
    "forge", [*WRONG.values(), *STOLEN.values()], ids=[*WRONG, *(f"hash, {each}" for each in STOLEN)]
)
def test_whatever_is_wrong_with_a_proof_is_one_try(world: InstantWorld, forge: Forge, knows: bool) -> None:
    if knows:
        world.person("somebody").leave()
    outlaw = world.outlaw()
    waits = []
    for _ in range(4):
        call(outlaw, OFFER)
        refused = call(outlaw, forge(outlaw))
        assert isinstance(refused, m.Refused)
        assert refused.code == "password_wrong"
        waits.append(refused.wait_ms)
    assert waits == [0, 0, 0, 5_000]
    assert [each["reason"] for each in world.diary.of("password_refused")] == ["password_wrong"] * 4
    assert not world.bodies()[2:], "nobody is in"


def test_guessers_do_not_get_as_far_as_bcrypt(world: InstantWorld) -> None:
    world.bcrypt.held = True
    for number in range(MAX_CHECKS + 1):
        assert guess(world.outlaw(host=f"10.2.0.{number}")) == "password_wrong"
    member = ready(world, "10.3.0.1")
    assert call(member, member.prove("ana")) is None
    assert len(world.bcrypt.asked) == 1, "nobody is in the queue before it"


# What decides nothing.


def test_a_proof_that_found_another_check_from_its_place_serves_afterwards(world: InstantWorld) -> None:
    world.bcrypt.held = True
    first, second = ready(world, "10.2.0.1"), ready(world, "10.2.0.1")
    assert call(first, first.prove("ana")) is None
    join = second.prove("budi")
    assert code(second, join) == "busy"
    world.bcrypt.held = False
    world.settle()
    assert code(second, join) == "Welcome"


def test_a_proof_that_found_the_queue_full_serves_afterwards(world: InstantWorld) -> None:
    world.bcrypt.held = True
    for number in range(MAX_CHECKS):
        each = ready(world, f"10.2.0.{number}")
        call(each, each.prove(f"guest{number}"))
    late = ready(world, "10.3.0.1")
    join = late.prove("ana")
    assert code(late, join) == "busy"
    world.bcrypt.held = False
    world.settle()
    assert code(late, join) == "Welcome"


def test_a_proof_evicted_from_the_queue_serves_afterwards(world: InstantWorld) -> None:
    world.bcrypt.held = True
    worst = world.outlaw(host="10.4.0.1")
    guess(worst)
    for number in range(MAX_CHECKS - 1):
        each = ready(world, f"10.2.0.{number}")
        call(each, each.prove(f"guest{number}"))
    call(worst, OFFER)
    join = worst.prove("ana")
    assert call(worst, join) is None
    newcomer = ready(world, "10.3.0.1")
    assert call(newcomer, newcomer.prove("budi")) is None
    assert worst.answers()[-1] == m.Refused("busy", 2_000)
    world.bcrypt.held = False
    world.settle()
    assert isinstance(newcomer.answers()[-1], m.Welcome)
    assert code(worst, join) == "Welcome"
    assert world.parts.desk.bound._wrong == 1, "its guess"


def test_a_proof_that_has_to_wait_for_the_rooms_bound_serves_in_its_turn(world: InstantWorld) -> None:
    use_up_bound(world)
    late = ready(world)
    join = late.prove("ana")
    refused = call(late, join)
    assert isinstance(refused, m.Refused)
    assert refused.code == "passwords_guessed"
    world.advance(refused.wait_ms / 1_000)
    assert code(late, join) == "Welcome"


def test_a_right_proof_that_joins_too_often_serves_afterwards(world: InstantWorld) -> None:
    outlaw = world.outlaw()
    while True:
        call(outlaw, OFFER)
        join = outlaw.prove(f"name{len(world.bodies())}")
        answer = call(outlaw, join)
        if isinstance(answer, m.Refused):
            break
        outlaw.send(m.Call(len(outlaw.answers()) + 1, m.Leave()))
        world.clients.remove(outlaw)
        outlaw = world.outlaw(outlaw._key)
    assert answer.code == "busy"
    world.advance(answer.wait_ms / 1_000)
    assert code(outlaw, join) == "Welcome"
    assert is_whole(world)


def test_a_proof_of_somebody_who_has_left_by_then_is_not_counted(world: InstantWorld) -> None:
    outlaw = ready(world)
    join = outlaw.prove("ana")
    assert outlaw._link is not None
    for number, body in ((2, join), (3, m.Leave())):
        outlaw._link.send(m.Call(number, body), world.now)
    for datagram, _ in outlaw.datagrams_to_send():  # both in one turn of the server
        world.server.receive_datagram(datagram, outlaw.address, world.now)
    world.server.process(world.now)
    assert not world.diary.of("password_refused")
    assert is_whole(world)
    assert not world.bodies()


# A stolen hash.


@pytest.mark.parametrize("knows", [False, True], ids=["first of all", "after bcrypt"])
@pytest.mark.parametrize("forge", STOLEN.values(), ids=STOLEN)
def test_who_shows_the_hash_and_not_the_password_is_refused_and_told_to_the_admin(
    world: InstantWorld, forge: Forge, knows: bool
) -> None:
    if knows:
        world.person("somebody").leave()
    thief = ready(world, "10.66.6.6")
    assert call(thief, forge(thief)) == m.Refused("password_wrong")
    assert world.diary.errors == ["password_hash_stolen"]
    [stolen] = world.diary.of("password_hash_stolen")
    [refused] = world.diary.of("password_refused")
    assert (stolen["name"], stolen["address"]) == ("ana", f"10.66.6.6:{thief.address[1]}")
    assert {key: stolen[key] for key in ("name", "address", "key")} == {
        key: refused[key] for key in ("name", "address", "key")
    }
    assert stolen["consequence"]
    assert "hash-password" in str(stolen["remedy"])
    for secret in (PASSWORD, "guess", quick_hash(PASSWORD)):
        assert secret not in str(world.diary.logged)


def test_a_thief_that_leaves_while_bcrypt_checks_is_reported(world: InstantWorld) -> None:
    world.bcrypt.held = True
    thief = ready(world)
    assert call(thief, thief.prove("ana", "guess", shown=PASSWORD)) is None
    thief.send(m.Call(3, m.Leave()))
    world.bcrypt.held = False
    world.settle()
    assert len(world.diary.of("password_hash_stolen")) == 1
    assert not world.bodies()


def test_a_name_that_is_what_a_thief_gave_as_the_password_is_not_logged(world: InstantWorld) -> None:
    thief = ready(world)
    call(thief, thief.prove("Tulip_harbour", "tulip harbour", shown=PASSWORD))
    [stolen], [refused] = world.diary.of("password_hash_stolen"), world.diary.of("password_refused")
    assert stolen["name"] == refused["name"] == ""


@pytest.mark.parametrize("forge", WRONG.values(), ids=WRONG)
def test_who_does_not_know_the_hash_is_no_thief(world: InstantWorld, forge: Forge) -> None:
    outlaw = ready(world)
    call(outlaw, forge(outlaw))
    assert not world.diary.errors


def test_members_and_visitors_of_the_classic_dialect_are_no_thieves(world: InstantWorld) -> None:
    world.teletype().join("budi")
    typo = world.teletype()
    typo.send(b"Username:cici")
    assert typo.send(b"Password:guess") == [b"Password salah! Silakan coba lagi."]
    assert not world.diary.errors


def test_who_takes_the_password_for_a_name_is_no_thief(world: InstantWorld) -> None:
    outlaw = ready(world)
    assert code(outlaw, outlaw.prove(PASSWORD)) == "name_is_password"
    assert not world.diary.errors
    assert is_whole(world)


def test_several_right_passwords_that_wait_for_bcrypt_are_no_theft(world: InstantWorld) -> None:
    world.bcrypt.held = True
    people = [world.person(f"person{number}") for number in range(3)]
    world.bcrypt.held = False
    world.settle()
    assert all(person.is_in for person in people)
    assert len(world.bcrypt.asked) == 1
    assert not world.diary.errors


# A hash that changes meanwhile.


def test_another_password_while_bcrypt_checks_makes_nobody_a_thief(world: InstantWorld) -> None:
    world.bcrypt.held = True
    checked, queued = world.person("ana"), world.person("budi")
    change_hash(world)
    world.bcrypt.held = False
    world.settle()
    assert checked.refusals == queued.refusals == ["password_wrong"], "they are answered"
    assert not world.diary.errors


def test_another_hash_of_the_same_password_while_bcrypt_checks_makes_no_difference(world: InstantWorld) -> None:
    world.bcrypt.held = True
    checked, queued = world.person("ana"), world.person("budi")
    change_hash(world, PASSWORD)
    world.bcrypt.held = False
    world.settle()
    assert checked.is_in
    assert queued.is_in
    assert not world.diary.errors


def test_another_hash_of_the_same_password_is_proved_by_who_comes_next(world: InstantWorld) -> None:
    ana = world.person("ana")
    change_hash(world, PASSWORD)
    assert world.person("budi").is_in
    assert len(world.bcrypt.asked) == 2
    ana.say("still here")
    assert len(ana.stored) == 1
    thief = ready(world)
    call(thief, thief.prove("eve", "guess", shown=PASSWORD))
    assert len(world.diary.errors) == 1


def test_a_client_between_offer_and_proof_gets_another_offer_and_in(world: InstantWorld) -> None:
    ana = world.person()
    ana.ask("ana")
    change_hash(world)
    ana.join("ana", NEW_PASSWORD)
    assert ana.is_in
    assert ana.all(e.JoinRefused) == []


# Anything at all.


@settings(max_examples=30)
@given(data=st.data())
def test_any_bytes_as_a_proof_are_answered_and_counted_once_if_they_are_decided(data: st.DataObject) -> None:
    world = InstantWorld(classic=False)
    if data.draw(st.booleans(), label="bcrypt has seen the password"):
        world.person("somebody").leave()
    decided = 0
    outlaw = world.outlaw()
    for _ in range(data.draw(st.integers(1, 3), label="proofs")):
        if data.draw(st.booleans(), label="asks for an offer"):
            call(outlaw, OFFER)
        right = b"" if not outlaw.answers() else outlaw.prove("ana").proof or b""
        proof = data.draw(st.binary(max_size=400) | st.just(right) | mutations(right), label="proof")
        answer = call(outlaw, m.Join("ana", proof, None))
        assert isinstance(answer, m.Welcome | m.Refused | m.NameValid)
        if isinstance(answer, m.Welcome):
            assert proof == right, "nothing else may get in"
            return
        decided += isinstance(answer, m.Refused)
    assert len(world.diary.of("password_refused")) == decided
    counted = {penalty.tries for penalty in world.parts.desk._gate._penalties.values()}
    assert counted == ({decided} if decided else set())


@st.composite
def mutations(draw: st.DrawFn, right: bytes) -> bytes:
    """Flip some bits of a proof, cut it, lengthen it, or exchange its parts."""
    spoilt = bytearray(right)
    for _ in range(draw(st.integers(0, 3))):
        if spoilt:
            spoilt[draw(st.integers(0, len(spoilt) - 1))] ^= draw(st.integers(0, 255))
    kept = draw(st.integers(max(0, len(spoilt) - 3), len(spoilt)))
    return bytes(spoilt[:kept]) + draw(st.binary(max_size=3))
