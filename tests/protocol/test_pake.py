"""CPace, held to the draft's vectors, to a map written straight from the RFC, and to the package `cpace`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pytest
from cpace import CPace, CPaceRole
from hypothesis import example, given
from hypothesis import strategies as st

from sockatuh.errors import ProtocolError
from sockatuh.protocol import pake

VECTORS: Final[dict[str, Any]] = json.loads(Path(__file__).with_name("cpace_vectors.json").read_text("utf-8"))
EXCHANGE: Final = {name: bytes.fromhex(value) for name, value in VECTORS["exchange"].items()}
PRODUCTS: Final = {bytes.fromhex(point): bytes.fromhex(product) for point, product in VECTORS["products"].items()}
P: Final = 2**255 - 19
A: Final = 486_662
EDGES: Final = (0, 1, P - 1, P, P + 1, 2**255 - 1)
"""Numbers at both ends of the field, and those that stand for others in it."""

strings = st.binary(max_size=150)
coordinates = st.integers(0, 2**255 - 1)
blinds = st.binary(min_size=32, max_size=32)
scalars = st.binary(min_size=32, max_size=32)


# The draft's vectors.


def test_the_generator_and_the_shares_are_the_drafts() -> None:
    point = pake.generator(EXCHANGE["PRS"], EXCHANGE["CI"], EXCHANGE["sid"], bytes(32))
    assert point == EXCHANGE["g"]
    assert pake.multiply(EXCHANGE["ya"], point) == EXCHANGE["Ya"]
    assert pake.multiply(EXCHANGE["yb"], point) == EXCHANGE["Yb"]


def test_both_sides_come_to_the_drafts_key() -> None:
    a, b = pake.Part(EXCHANGE["Ya"], EXCHANGE["ADa"]), pake.Part(EXCHANGE["Yb"], EXCHANGE["ADb"])
    for scalar, theirs in ((EXCHANGE["ya"], b), (EXCHANGE["yb"], a)):
        secret_point = pake.multiply(scalar, theirs.share)
        assert secret_point == EXCHANGE["K"]
        assert pake.session_key(EXCHANGE["sid"], secret_point, a, b) == EXCHANGE["ISK_IR"]


@pytest.mark.parametrize("point", PRODUCTS, ids=lambda point: point.hex())
def test_points_of_low_order_are_refused_and_those_that_only_look_so_have_the_drafts_product(point: bytes) -> None:
    scalar = bytes.fromhex(VECTORS["scalar"])
    if any(PRODUCTS[point]):
        assert pake.multiply(scalar, point) == PRODUCTS[point]
    else:
        with pytest.raises(ProtocolError, match="low order"):
            pake.multiply(scalar, point)


def test_the_vectors_hold_points_of_both_sorts() -> None:
    assert [any(product) for product in PRODUCTS.values()].count(False) == 7
    assert len(PRODUCTS) == 12


# X25519 with whatever comes from the network.


def product(scalar: bytes, u: int) -> bytes | None:
    """Return the product with a coordinate, None if it is refused."""
    try:
        return pake.multiply(scalar, u.to_bytes(32, "little"))
    except ProtocolError:
        return None


@given(scalar=scalars, above=st.integers(0, 18))
def test_a_coordinate_over_the_prime_is_the_reduced_one(scalar: bytes, above: int) -> None:
    assert product(scalar, P + above) == product(scalar, above)
    assert (product(scalar, above) is None) == (above < 2), "only 0 and 1 are of low order among them"


@given(scalar=scalars, u=coordinates)
def test_the_highest_bit_of_a_coordinate_is_ignored(scalar: bytes, u: int) -> None:
    assert product(scalar, u | 1 << 255) == product(scalar, u)


@given(scalar=scalars, share=st.binary(max_size=70))
@example(bytes(32), b"")
@example(bytes(32), bytes(31))
@example(bytes(32), bytes(33))
def test_any_bytes_as_a_share_have_a_product_or_are_refused(scalar: bytes, share: bytes) -> None:
    try:
        assert len(pake.multiply(scalar, share)) == 32
    except ProtocolError:
        return
    assert len(share) == 32


# The map.


def jacobi(number: int, modulus: int) -> int:
    """Return the Jacobi symbol by quadratic reciprocity: 1 for squares modulo a prime, -1 for the others, 0 for 0."""
    number, symbol = number % modulus, 1
    while number:
        while number % 2 == 0:
            number //= 2
            if modulus % 8 in (3, 5):
                symbol = -symbol
        number, modulus = modulus, number
        if number % 4 == modulus % 4 == 3:
            symbol = -symbol
        number %= modulus
    return symbol if modulus == 1 else 0


def right_side(x: int) -> int:
    """Return u³ + A·u² + u."""
    return (x**3 + A * x**2 + x) % P


def straight_map(u: int) -> int:
    """Return what RFC 9380 §6.7.1 says step by step (J = A, K = 1, Z = 2), without any blind."""
    denominator = (1 + 2 * u**2) % P
    x1 = -A * (pow(denominator, -1, P) if denominator else 0) % P
    if x1 == 0:
        x1 = -A % P
    x2 = (-x1 - A) % P
    x = x1 if jacobi(right_side(x1), P) >= 0 else x2
    assert jacobi(right_side(x), P) >= 0, "the point is on the curve"
    return x


def test_what_the_map_relies_on_is_so() -> None:
    assert jacobi(-pow(2, -1, P), P) == -1, "1 + 2u² is never 0"
    assert jacobi(A * A - 4, P) == -1, "u³ + A·u² + u is 0 for u = 0 only"
    assert jacobi(2, P) == -1, "twice a square is none"
    assert P % 2, "of a number and its negative one is odd"


@pytest.mark.parametrize(("u", "x"), VECTORS["elligator 2"]["points"].items())
def test_the_map_is_the_one_of_rfc_9380(u: str, x: str) -> None:
    assert pake._map_to_curve(int(u, 16), 1) == straight_map(int(u, 16)) == int(x, 16)


@given(u=coordinates, blind=st.integers(1, P - 1))
def test_the_map_is_the_one_written_straight_for_any_number_and_any_blind(u: int, blind: int) -> None:
    assert pake._map_to_curve(u, blind) == straight_map(u)


@pytest.mark.parametrize("blind", [1, 2, P - 2, P - 1])
@pytest.mark.parametrize("u", EDGES)
def test_the_map_is_right_at_the_edges(u: int, blind: int) -> None:
    assert pake._map_to_curve(u, blind) == straight_map(u)


def test_the_map_takes_each_of_its_two_candidates() -> None:
    first = [straight_map(u) == -A * pow(1 + 2 * u * u, -1, P) % P for u in range(40)]
    assert {*first} == {True, False}
    assert all(pake._map_to_curve(u, 5) == straight_map(u) for u in range(40))


@pytest.mark.parametrize("u", range(8))
def test_the_power_comes_to_1_as_often_as_to_minus_1_whatever_is_mapped(
    u: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    powers = []

    def recorded(base: int, exponent: int, modulus: int) -> int:
        result = pow(base, exponent, modulus)
        if exponent == (P - 1) // 2:
            powers.append(result)
        return result

    monkeypatch.setattr(pake, "pow", recorded, raising=False)
    for blind in (1, 2, 12_345, P // 3):
        pake._map_to_curve(u, blind)
        pake._map_to_curve(u, P - blind)
        assert {*powers[-2:]} == {1, P - 1}
    assert len(powers) == 8


@given(secret=strings, channel=strings, session=strings, blind=blinds, other=blinds)
@example(b"", b"", b"", bytes(32), b"\xff" * 32)
@example(b"", b"", b"", (P - 1).to_bytes(32, "little"), (P - 2).to_bytes(32, "little"))
def test_the_generator_does_not_depend_on_the_blind(
    secret: bytes, channel: bytes, session: bytes, blind: bytes, other: bytes
) -> None:
    point = pake.generator(secret, channel, session, blind)
    assert point == pake.generator(secret, channel, session, other)
    assert len(point) == 32


@given(secret=strings, channel=strings, session=strings)
def test_the_generator_depends_on_everything_else(secret: bytes, channel: bytes, session: bytes) -> None:
    point = pake.generator(secret, channel, session, bytes(32))
    assert point != pake.generator(secret + b"!", channel, session, bytes(32))
    assert point != pake.generator(secret, channel + b"!", session, bytes(32))
    assert point != pake.generator(secret, channel, session + b"!", bytes(32))


# Strings.


@pytest.mark.parametrize(
    ("parts", "encoded"),
    [
        ((), b""),
        ((b"",), b"\0"),
        ((b"1234", b"5", b"", b"678"), b"\x041234\x015\x00\x03678"),
        ((bytes(range(127)),), b"\x7f" + bytes(range(127))),
        ((bytes(range(128)),), b"\x80\x01" + bytes(range(128))),
        ((bytes(300),), b"\xac\x02" + bytes(300)),
        ((bytes(2**14),), b"\x80\x80\x01" + bytes(2**14)),
    ],
    ids=lambda each: f"{len(each)}",
)
def test_strings_are_joined_as_the_draft_does(parts: tuple[bytes, ...], encoded: bytes) -> None:
    assert pake.lv_cat(*parts) == encoded


def split(encoded: bytes) -> list[bytes]:
    """Take `lv_cat` apart again."""
    parts = []
    while encoded:
        length = next(at for at, byte in enumerate(encoded) if byte < 128) + 1
        size = sum((byte & 127) << 7 * at for at, byte in enumerate(encoded[:length]))
        parts.append(encoded[length : length + size])
        encoded = encoded[length + size :]
    return parts


@given(parts=st.lists(st.binary(max_size=300), max_size=5))
def test_joined_strings_can_be_taken_apart_so_no_two_lists_give_the_same(parts: list[bytes]) -> None:
    assert split(pake.lv_cat(*parts)) == parts


# Another implementation.


@given(secret=strings, channel=strings, session=strings, a=strings, b=strings, scalar=scalars, blind=blinds)
def test_our_responder_agrees_with_their_initiator(
    secret: bytes, channel: bytes, session: bytes, a: bytes, b: bytes, scalar: bytes, blind: bytes
) -> None:
    theirs = CPace.start(role=CPaceRole.INITIATOR, prs=secret, sid=session, ci=channel, ad=a)
    initiator = pake.Part(theirs.public_share, a)
    responder = pake.Part(pake.multiply(scalar, pake.generator(secret, channel, session, blind)), b)
    key = pake.session_key(session, pake.multiply(scalar, initiator.share), initiator, responder)
    theirs.derive(responder.share, b)
    assert key == theirs.isk
    assert theirs.verify(pake.confirmation(session, key, responder))
    assert pake.confirmation(session, key, initiator) == theirs.tag()


@given(secret=strings, channel=strings, session=strings, a=strings, b=strings, scalar=scalars, blind=blinds)
def test_our_initiator_agrees_with_their_responder(
    secret: bytes, channel: bytes, session: bytes, a: bytes, b: bytes, scalar: bytes, blind: bytes
) -> None:
    theirs = CPace.start(role=CPaceRole.RESPONDER, prs=secret, sid=session, ci=channel, ad=b)
    initiator = pake.Part(pake.multiply(scalar, pake.generator(secret, channel, session, blind)), a)
    responder = pake.Part(theirs.public_share, b)
    key = pake.session_key(session, pake.multiply(scalar, responder.share), initiator, responder)
    theirs.derive(initiator.share, a)
    assert key == theirs.isk
    assert theirs.verify(pake.confirmation(session, key, initiator))
    assert pake.confirmation(session, key, responder) == theirs.tag()
