"""Tickets: valid for one key and one password."""

from __future__ import annotations

import random

import pytest
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from hypothesis import given, settings
from hypothesis import strategies as st

from sockatuh.errors import ProtocolError
from sockatuh.protocol.constants import MAX_NAME_BYTES
from sockatuh.protocol.server.tickets import Ticket, TicketKey, Tickets, password_generation

TODAY, YESTERDAY = TicketKey(b"key2", bytes(range(32))), TicketKey(b"key1", bytes(range(32, 64)))
GENERATION = password_generation("$2b$12$abc")
ANA, TOM = b"a" * 32, b"t" * 32
LOG = b"the log of rooms"
HERS = Ticket("ana", LOG, 4321)

draw = random.Random(7).randbytes


def test_a_ticket_says_to_its_key_what_was_sealed_in_it() -> None:
    tickets = Tickets([TODAY], GENERATION)
    assert tickets.open_untrusted(tickets.seal(HERS, ANA, draw), ANA) == HERS


def test_a_ticket_is_laid_out_as_the_protocol_says() -> None:
    ticket = Tickets([TODAY, YESTERDAY], GENERATION).seal(HERS, ANA, lambda size: b"n" * size)
    sealed = ChaCha20Poly1305(TODAY.key).encrypt(
        b"n" * 12, b"\x93\xa3ana\xc4\x10" + LOG + b"\xcd\x10\xe1", b"key2" + ANA + GENERATION
    )
    assert ticket == b"key2" + b"n" * 12 + sealed


def test_the_ticket_of_the_longest_name_fits_the_handshake() -> None:
    assert len(Tickets([TODAY], GENERATION).seal(Ticket("x" * MAX_NAME_BYTES, LOG, 2**63 - 1), ANA, draw)) <= 256


def test_a_stolen_ticket_is_of_no_use() -> None:
    tickets = Tickets([TODAY], GENERATION)
    with pytest.raises(ProtocolError):
        tickets.open_untrusted(tickets.seal(HERS, ANA, draw), TOM)


def test_a_new_password_ends_all_tickets() -> None:
    ticket = Tickets([TODAY], GENERATION).seal(HERS, ANA, draw)
    with pytest.raises(ProtocolError):
        Tickets([TODAY], password_generation("$2b$12$xyz")).open_untrusted(ticket, ANA)


def test_the_generation_is_eight_bytes_of_the_hash() -> None:
    assert len(GENERATION) == 8
    assert GENERATION == password_generation("$2b$12$abc") != password_generation("$2b$12$abd")


def test_older_keys_still_open_and_the_newest_seals() -> None:
    old = Tickets([YESTERDAY], GENERATION).seal(HERS, ANA, draw)
    tickets = Tickets([TODAY, YESTERDAY], GENERATION)
    assert tickets.open_untrusted(old, ANA) == HERS
    assert tickets.seal(HERS, ANA, draw).startswith(TODAY.key_id)


def test_a_key_that_was_forgotten_opens_nothing() -> None:
    tickets = Tickets([YESTERDAY], GENERATION)
    ticket = tickets.seal(HERS, ANA, draw)
    tickets.replace_keys([TODAY])
    with pytest.raises(ProtocolError):
        tickets.open_untrusted(ticket, ANA)


def test_the_newest_key_stands_where_two_share_an_id() -> None:
    older_twin = TicketKey(TODAY.key_id, YESTERDAY.key)
    tickets = Tickets([TODAY, older_twin], GENERATION)
    assert tickets.open_untrusted(Tickets([TODAY], GENERATION).seal(HERS, ANA, draw), ANA) == HERS


def test_there_must_be_a_key() -> None:
    with pytest.raises(ValueError, match="no ticket key"):
        Tickets([], GENERATION)


def test_a_ticket_with_any_byte_changed_or_missing_is_refused() -> None:
    tickets = Tickets([TODAY, YESTERDAY], GENERATION)
    ticket = tickets.seal(HERS, ANA, draw)
    for index in range(len(ticket)):
        with pytest.raises(ProtocolError):
            tickets.open_untrusted(ticket[:index] + bytes([ticket[index] ^ 1]) + ticket[index + 1 :], ANA)
        with pytest.raises(ProtocolError):
            tickets.open_untrusted(ticket[:index], ANA)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\x90",
        b"\x91\xa1a",
        b"\x93\xa1\xff\xc4\x10" + LOG + b"\x01",
        b"\x93\x01\xc4\x10" + LOG + b"\x01",
        b"\x93\xa1a\xc4\x0f" + LOG[1:] + b"\x01",
        b"\x93\xa1a\xc0\x01",
        b"\x93\xa1a\xc4\x10" + LOG + b"\xff",
        b"\x93\xa1a\xc4\x10" + LOG + b"\x01\x00",
    ],
)
def test_a_sealed_body_that_is_no_name_and_place_is_refused(body: bytes) -> None:
    sealed = ChaCha20Poly1305(TODAY.key).encrypt(bytes(12), body, TODAY.key_id + ANA + GENERATION)
    with pytest.raises(ProtocolError):
        Tickets([TODAY], GENERATION).open_untrusted(TODAY.key_id + bytes(12) + sealed, ANA)


@given(junk=st.binary(max_size=300), known=st.booleans())
def test_any_bytes_are_refused_with_the_one_error(junk: bytes, known: bool) -> None:
    with pytest.raises(ProtocolError):
        Tickets([TODAY], GENERATION).open_untrusted(TODAY.key_id + junk if known else junk, ANA)


@settings(max_examples=50, deadline=None)
@given(name=st.text("abc XYZ-.äß☕👩", max_size=32), seed=st.integers(0, 2**32))
def test_every_name_and_place_comes_back(name: str, seed: int) -> None:
    tickets, dice = Tickets([TODAY], GENERATION), random.Random(seed)
    ticket = Ticket(name, dice.randbytes(16), dice.randrange(2**63))
    assert tickets.open_untrusted(tickets.seal(ticket, ANA, dice.randbytes), ANA) == ticket


def test_another_password_ends_the_tickets_of_the_last_one() -> None:
    tickets = Tickets([TODAY], GENERATION)
    before = tickets.seal(HERS, ANA, draw)
    tickets.replace_generation(password_generation("$2b$12$def"))
    with pytest.raises(ProtocolError):
        tickets.open_untrusted(before, ANA)
    assert tickets.open_untrusted(tickets.seal(HERS, ANA, draw), ANA) == HERS
