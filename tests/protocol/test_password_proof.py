"""The proof of the password: what opens, what is refused, and how it looks to another implementation."""

from __future__ import annotations

import hashlib
from typing import Final

import bcrypt
import pytest
from cpace import CPace, CPaceError, CPaceRole
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from hypothesis import example, given
from hypothesis import strategies as st
from kit.password_hash import OTHER_SALT, SALT, quick_hash
from msgspec.structs import replace

from sockatuh.client.password_hash import hash_password
from sockatuh.errors import ProtocolError
from sockatuh.protocol import pake
from sockatuh.protocol.client.events import HashWanted
from sockatuh.protocol.password_proof import (
    PROOF_SIZE,
    Binding,
    Offer,
    PasswordHash,
    Proof,
    bcrypt_salt,
    prove_untrusted,
)

PASSWORD: Final = "tulip harbor"
NAME: Final = "ana"
KNOWN: Final = PasswordHash.parse(quick_hash(PASSWORD))
BINDING: Final = Binding(b"s" * 32, b"S" * 32, b"C" * 32)
TAG: Final = slice(32, 96)
SEALED: Final = 96
LOW_ORDER: Final = tuple(
    number.to_bytes(32, "little") for number in (0, 1, 2**255 - 20, 2**255 - 19, 2**255 - 18, 2**255, 2**255 + 1)
)

passwords = st.binary(min_size=1, max_size=72)
names = st.text(max_size=40)


class Dice:
    """Bytes that are as good as random, the same in each run; `drawn` counts how often they were asked for."""

    def __init__(self, what: str) -> None:
        self.what, self.drawn = what, 0

    def __call__(self, size: int) -> bytes:
        self.drawn += 1
        return hashlib.shake_256(f"{self.what} {self.drawn}".encode()).digest(size)


def make_offer(known: PasswordHash = KNOWN, binding: Binding = BINDING, dice: str = "server") -> Offer:
    return Offer(known, binding, Dice(dice))


def prove(
    offer: Offer,
    *,
    secret: bytes = KNOWN.text,
    password: bytes = PASSWORD.encode(),
    name: str = NAME,
    binding: Binding = BINDING,
    dice: str = "client",
) -> Proof:
    return prove_untrusted(offer.share, secret, password, name, binding, Dice(dice))


class ClientByHand:
    """The client's side, written from docs/PROTOCOL.md with the package `cpace`."""

    def __init__(self, share: bytes, name: str = NAME) -> None:
        channel = b"\x13sockatuh/1 password" + b"\x20" + BINDING.server_key + b"\x20" + BINDING.client_key
        self.exchange = CPace.start(
            role=CPaceRole.RESPONDER, prs=KNOWN.text, sid=BINDING.session, ci=channel, ad=name.encode()
        )
        self.exchange.derive(share)
        derived = hashlib.sha512(b"sockatuh/1 sealed password" + BINDING.session + self.exchange.isk).digest()
        self.cipher = ChaCha20Poly1305(derived[:32])

    def proof(self, padded: bytes) -> bytes:
        tag = self.exchange.tag()
        return self.exchange.public_share + tag + self.cipher.encrypt(bytes(12), padded, tag)


# Both sides know the hash.


@given(password=passwords, name=names)
@example(b"x", "")
@example(b"\0", NAME)
@example(b"x" * 72, "n" * 128)
@example(b"trailing zeros\0\0", NAME)
def test_a_proof_made_with_the_hash_opens_and_accepts_the_servers_confirmation(password: bytes, name: str) -> None:
    offer = make_offer()
    proof = prove(offer, password=password, name=name)
    opened = offer.open_untrusted(proof.encoded, name)
    assert opened is not None
    assert opened.password == password
    assert proof.is_answered_by(opened.confirmation)


@given(one=passwords, other=passwords)
def test_a_proof_has_one_length_whatever_is_in_it(one: bytes, other: bytes) -> None:
    offer = make_offer()
    assert len(prove(offer, password=one).encoded) == len(prove(offer, password=other).encoded) == PROOF_SIZE == 185


@pytest.mark.parametrize("password", [b"", b"x" * 73])
def test_a_password_that_no_room_has_is_a_mistake_of_the_caller(password: bytes) -> None:
    with pytest.raises(ValueError, match="1 to 72 bytes"):
        prove(make_offer(), password=password)


def test_each_side_draws_its_scalar_and_its_blind_anew() -> None:
    dice = Dice("server")
    first, second = Offer(KNOWN, BINDING, dice), Offer(KNOWN, BINDING, dice)
    assert dice.drawn == 4
    assert first.share != second.share
    dice = Dice("client")
    proofs = [prove_untrusted(first.share, KNOWN.text, b"x", NAME, BINDING, dice).encoded for _ in range(2)]
    assert dice.drawn == 4
    assert not [at for at in range(0, PROOF_SIZE, 32) if proofs[0][at : at + 32] == proofs[1][at : at + 32]]


# One side does not.


@pytest.mark.parametrize(
    ("secret", "name", "binding"),
    [
        (quick_hash("tulip harbour").encode(), NAME, BINDING),
        (quick_hash(PASSWORD, OTHER_SALT).encode(), NAME, BINDING),
        (quick_hash(PASSWORD, SALT, 11).encode(), NAME, BINDING),
        (PASSWORD.encode(), NAME, BINDING),
        (b"", NAME, BINDING),
        (KNOWN.text, "Ana", BINDING),
        (KNOWN.text, "", BINDING),
        (KNOWN.text, NAME, replace(BINDING, session=b"t" * 32)),
        (KNOWN.text, NAME, replace(BINDING, server_key=b"T" * 32)),
        (KNOWN.text, NAME, replace(BINDING, client_key=b"D" * 32)),
        (KNOWN.text, NAME, Binding(BINDING.session, BINDING.client_key, BINDING.server_key)),
    ],
    ids=[
        "another password", "another salt", "another cost", "the password itself", "nothing", "another name", "no name",
        "another session", "another server", "another client", "the keys exchanged",
    ],
)  # fmt: skip
def test_a_proof_made_with_anything_else_does_not_open_and_accepts_no_confirmation(
    secret: bytes, name: str, binding: Binding
) -> None:
    offer = make_offer()
    proof = prove(offer, secret=secret, name=name, binding=binding)
    assert offer.open_untrusted(proof.encoded, NAME) is None
    right = offer.open_untrusted(prove(offer).encoded, NAME)
    assert right is not None
    assert not proof.is_answered_by(right.confirmation)


def test_a_proof_for_one_offer_opens_no_other() -> None:
    proof = prove(make_offer(dice="one"))
    assert make_offer(dice="one").open_untrusted(proof.encoded, NAME) is not None
    assert make_offer(dice="another").open_untrusted(proof.encoded, NAME) is None


def test_a_proof_relayed_from_another_session_does_not_open() -> None:
    # In the middle, each side has a session and a key of the relay's.
    with_server = Binding(b"1" * 32, b"S" * 32, b"R" * 32)
    with_client = Binding(b"2" * 32, b"R" * 32, b"C" * 32)
    offer = make_offer(binding=with_server)
    proof = prove(offer, binding=with_client)
    assert offer.open_untrusted(proof.encoded, NAME) is None


@given(answer=st.binary(max_size=130))
@example(b"")
@example(bytes(64))
def test_no_answer_but_the_right_one_is_accepted(answer: bytes) -> None:
    offer = make_offer()
    proof = prove(offer)
    opened = offer.open_untrusted(proof.encoded, NAME)
    assert opened is not None
    assert proof.is_answered_by(answer) == (answer == opened.confirmation)
    assert not proof.is_answered_by(opened.confirmation[:-1])
    assert not proof.is_answered_by(opened.confirmation + b"\0")


@pytest.mark.parametrize("name", [NAME, ""])
def test_a_clients_own_tag_sent_back_is_no_answer(name: str) -> None:
    proof = prove(make_offer(), name=name)
    assert not proof.is_answered_by(proof.encoded[TAG])


def test_a_servers_own_share_sent_back_proves_nothing() -> None:
    offer = make_offer()
    confirmation = offer.open_untrusted(prove(offer).encoded, NAME)
    assert confirmation is not None
    for name in ("", NAME):  # with no name, both parts of the exchange are the same
        for tag in (bytes(64), confirmation.confirmation, hashlib.sha512(offer.share).digest()):
            assert offer.open_untrusted(offer.share + tag + bytes(89), name) is None


@pytest.mark.parametrize("point", LOW_ORDER, ids=lambda point: point.hex()[:8] + point.hex()[-2:])
def test_a_share_of_low_order_is_refused_by_both_sides(point: bytes) -> None:
    offer = make_offer()
    # Whoever sends such a point knows what comes out without the hash: nothing.
    key = pake.session_key(BINDING.session, bytes(32), pake.Part(offer.share, b""), pake.Part(point, NAME.encode()))
    tag = pake.confirmation(BINDING.session, key, pake.Part(point, NAME.encode()))
    assert offer.open_untrusted(point + tag + bytes(89), NAME) is None
    with pytest.raises(ProtocolError, match="low order"):
        prove_untrusted(point, KNOWN.text, b"x", NAME, BINDING, Dice("client"))
    with pytest.raises(CPaceError, match="low-order"):
        ClientByHand(point)


# Changed on the way.


def test_a_proof_of_another_length_does_not_open() -> None:
    offer = make_offer()
    encoded = prove(offer).encoded
    for size in range(PROOF_SIZE):
        assert offer.open_untrusted(encoded[:size], NAME) is None
    assert offer.open_untrusted(encoded + b"\0", NAME) is None
    assert offer.open_untrusted(encoded, NAME) is not None


def changed(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def test_a_proof_with_any_byte_of_its_share_or_tag_changed_does_not_open() -> None:
    offer = make_offer()
    encoded = prove(offer).encoded
    assert not [at for at in range(SEALED) if offer.open_untrusted(changed(encoded, at), NAME)]


def test_a_proof_with_any_byte_of_its_seal_changed_opens_without_a_password() -> None:
    offer = make_offer()
    encoded = prove(offer).encoded
    opened = [offer.open_untrusted(changed(encoded, at), NAME) for at in range(SEALED, PROOF_SIZE)]
    assert [each and each.password for each in opened] == [None] * 89
    assert None not in opened


def test_the_password_of_one_proof_cannot_be_put_into_another() -> None:
    offer = make_offer()
    one, other = prove(offer, dice="one").encoded, prove(offer, dice="other").encoded
    opened = offer.open_untrusted(one[:SEALED] + other[SEALED:], NAME)
    assert opened is not None
    assert opened.password is None


@given(proof=st.binary(max_size=200) | st.binary(min_size=PROOF_SIZE, max_size=PROOF_SIZE), name=names)
def test_any_bytes_as_a_proof_do_not_open(proof: bytes, name: str) -> None:
    assert make_offer().open_untrusted(proof, name) is None


@given(share=st.binary(max_size=40) | st.binary(min_size=32, max_size=32))
def test_any_bytes_as_an_offer_are_answered_or_the_one_error(share: bytes) -> None:
    try:
        proof = prove_untrusted(share, KNOWN.text, PASSWORD.encode(), NAME, BINDING, Dice("client"))
    except ProtocolError:
        return
    assert len(share) == 32
    assert len(proof.encoded) == PROOF_SIZE


# Another implementation.


@given(password=passwords, name=names)
def test_the_proof_of_a_client_written_from_the_document_opens(password: bytes, name: str) -> None:
    offer = make_offer()
    client = ClientByHand(offer.share, name)
    opened = offer.open_untrusted(client.proof(bytes([len(password)]) + password.ljust(72, b"\0")), name)
    assert opened is not None
    assert opened.password == password
    assert client.exchange.verify(opened.confirmation)


@given(password=passwords, name=names)
def test_a_server_written_from_the_document_opens_our_proof(password: bytes, name: str) -> None:
    channel = b"\x13sockatuh/1 password" + b"\x20" + BINDING.server_key + b"\x20" + BINDING.client_key
    server = CPace.start(role=CPaceRole.INITIATOR, prs=KNOWN.text, sid=BINDING.session, ci=channel)
    proof = prove_untrusted(server.public_share, KNOWN.text, password, name, BINDING, Dice("client"))
    tag = proof.encoded[TAG]
    server.derive(proof.encoded[:32], name.encode())
    assert server.verify(tag)
    key = hashlib.sha512(b"sockatuh/1 sealed password" + BINDING.session + server.isk).digest()[:32]
    padded = ChaCha20Poly1305(key).decrypt(bytes(12), proof.encoded[SEALED:], tag)
    assert padded == bytes([len(password)]) + password + bytes(72 - len(password))
    assert proof.is_answered_by(server.tag())


def test_a_length_that_no_password_has_opens_without_a_password() -> None:
    for length in (0, *range(73, 256)):
        offer = make_offer()
        opened = offer.open_untrusted(ClientByHand(offer.share).proof(bytes([length]) + b"x" * 72), NAME)
        assert opened is not None, length
        assert opened.password is None, length


@pytest.mark.parametrize("size", [1, 72])
def test_the_shortest_and_the_longest_password_are_opened(size: int) -> None:
    offer = make_offer()
    opened = offer.open_untrusted(ClientByHand(offer.share).proof(bytes([size]) + b"x" * 72), NAME)
    assert opened is not None
    assert opened.password == b"x" * size


# The hash.


@given(salt=st.binary(min_size=16, max_size=16), cost=st.integers(10, 14), password=passwords)
def test_a_salt_survives_its_writing(salt: bytes, cost: int, password: bytes) -> None:
    text = quick_hash(password, salt, cost)
    known = PasswordHash.parse(text)
    assert (known.salt, known.cost, known.text) == (salt, cost, text.encode())
    assert text.encode().startswith(bcrypt_salt(salt, cost))
    assert len(bcrypt_salt(salt, cost)) == 29


def test_the_hash_that_a_client_makes_is_the_one_that_bcrypt_made() -> None:
    text = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(10))
    known = PasswordHash.parse(text.decode())
    assert hash_password(PASSWORD.encode(), known.salt, known.cost) == known.text == text


@pytest.mark.parametrize("prefix", ["$2a$", "$2b$", "$2y$"])
def test_hashes_of_each_maker_are_the_same_secret(prefix: str) -> None:
    known = PasswordHash.parse(prefix + KNOWN.text.decode()[4:])
    assert known == KNOWN
    offer = make_offer(known)
    assert offer.open_untrusted(prove(offer).encoded, NAME) is not None


GOOD: Final = KNOWN.text.decode()


@pytest.mark.parametrize(
    "text",
    [
        "",
        GOOD[:-1],
        GOOD + ".",
        GOOD + "\n",
        " " + GOOD,
        GOOD.replace("$2b$", "$2x$"),
        GOOD.replace("$2b$", "$2$"),
        GOOD.replace("$2b$", "$1$"),
        GOOD.replace("$10$", "$1$"),
        GOOD.replace("$10$", "$1٠$"),
        GOOD.replace("$10$", "$04$"),
        GOOD.replace("$10$", "$09$"),
        GOOD.replace("$10$", "$15$"),
        GOOD.replace("$10$", "$31$"),
        GOOD.replace("$10$", "$99$"),
        GOOD[:28] + "a" + GOOD[29:],
        GOOD[:-1] + "/",
        GOOD[:40] + "é" + GOOD[41:],
        GOOD[:40] + "+" + GOOD[41:],
        GOOD[:40] + "\ud800" + GOOD[41:],
    ],
)
def test_what_no_room_can_have_as_its_hash_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a bcrypt hash of cost 10 to 14"):
        PasswordHash.parse(text)


@given(text=st.text(max_size=70) | st.from_regex(r"\A\$2[abxy]?\$[0-9]{2}\$[./A-Za-z0-9]{53}\Z"))
def test_any_text_is_a_hash_or_a_valueerror(text: str) -> None:
    try:
        known = PasswordHash.parse(text)
    except ValueError:
        return
    assert known.text.decode()[4:] == text[4:]
    assert known.text.startswith(bcrypt_salt(known.salt, known.cost))


# Nothing shows what is secret.


def test_nothing_shows_the_password_the_hash_or_the_proof() -> None:
    offer = make_offer()
    proof = prove(offer)
    wanted = HashWanted(PASSWORD.encode(), KNOWN.salt, KNOWN.cost)
    texts = [str(value) for value in (KNOWN, offer, proof, offer.open_untrusted(proof.encoded, NAME), wanted)]
    secrets = PASSWORD.encode(), KNOWN.text[29:], Dice("server")(32), proof.encoded[TAG], proof.confirmation
    for secret in (*secrets, proof.encoded[SEALED:], proof.encoded):
        assert not [text for text in texts if repr(secret)[2:-1] in text or secret.hex() in text]
