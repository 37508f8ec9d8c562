"""Cookies: for whom they are valid, for how long, and each only once."""

from __future__ import annotations

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from sockatuh.protocol.constants import EPOCH_SECONDS
from sockatuh.protocol.server.cookie import CookieJar

MASTER = bytes(range(32))
HOME = bytes(10) + b"\xff\xff" + bytes([192, 168, 1, 20]) + (7625).to_bytes(2, "little")
NONCE = b"12345678"


def test_a_cookie_verifies_for_the_address_and_nonce_it_was_made_for() -> None:
    jar = CookieJar(MASTER)
    epoch, cookie = jar.create(HOME, NONCE, now=100.0)
    assert len(cookie) == 16
    assert jar.verify(HOME, NONCE, epoch, cookie, now=100.0)


def test_it_is_the_hash_that_the_protocol_says() -> None:
    secret = hashlib.blake2s((300).to_bytes(8, "little"), key=MASTER).digest()
    expected = hashlib.blake2s(HOME + NONCE, key=secret, digest_size=16).digest()
    assert CookieJar(MASTER).create(HOME, NONCE, now=300 * EPOCH_SECONDS) == (300 & 0xFF, expected)


def test_no_other_address_port_nonce_epoch_cookie_or_process_will_do() -> None:
    jar = CookieJar(MASTER)
    epoch, cookie = jar.create(HOME, NONCE, now=100.0)
    elsewhere, other_port = bytes([1]) + HOME[1:], HOME[:-1] + b"\0"
    assert not jar.verify(elsewhere, NONCE, epoch, cookie, now=100.0)
    assert not jar.verify(other_port, NONCE, epoch, cookie, now=100.0)
    assert not jar.verify(HOME, b"87654321", epoch, cookie, now=100.0)
    assert not jar.verify(HOME, NONCE, epoch - 1, cookie, now=100.0)
    assert not jar.verify(HOME, NONCE, epoch + 1, cookie, now=100.0)
    assert not jar.verify(HOME, NONCE, epoch, bytes(16), now=100.0)
    assert not jar.verify(HOME, NONCE, epoch, b"", now=100.0)
    assert not CookieJar(bytes(32)).verify(HOME, NONCE, epoch, cookie, now=100.0)


def test_a_cookie_lives_until_the_end_of_the_next_epoch() -> None:
    jar = CookieJar(MASTER)
    epoch, cookie = jar.create(HOME, NONCE, now=5 * EPOCH_SECONDS)
    assert jar.verify(HOME, NONCE, epoch, cookie, now=7 * EPOCH_SECONDS - 0.001)
    assert not jar.verify(HOME, NONCE, epoch, cookie, now=7 * EPOCH_SECONDS)


def test_a_cookie_expires_also_without_calls_in_the_meantime() -> None:
    jar = CookieJar(MASTER)
    epoch, cookie = jar.create(HOME, NONCE, now=5 * EPOCH_SECONDS)
    assert not jar.verify(HOME, NONCE, epoch, cookie, now=7 * EPOCH_SECONDS)


def test_a_cookie_is_not_valid_again_when_the_low_byte_of_its_epoch_comes_round() -> None:
    jar = CookieJar(MASTER)
    epoch, cookie = jar.create(HOME, NONCE, now=0.0)
    later = 256 * EPOCH_SECONDS
    assert jar.create(HOME, NONCE, now=later)[0] == epoch
    assert not jar.verify(HOME, NONCE, epoch, cookie, now=later)


def test_the_first_epoch_of_a_clock_has_no_valid_predecessor() -> None:
    assert not CookieJar(MASTER).verify(HOME, NONCE, 0xFF, bytes(16), now=0.0)


def test_a_used_cookie_never_verifies_again() -> None:
    jar = CookieJar(MASTER)
    epoch, cookie = jar.create(HOME, NONCE, now=0.0)
    jar.consume(cookie, now=0.0)
    for seconds in range(0, 120, 5):
        assert not jar.verify(HOME, NONCE, epoch, cookie, now=float(seconds))


def test_a_cookie_used_in_the_epoch_after_its_own_never_verifies_again() -> None:
    jar = CookieJar(MASTER)
    epoch, cookie = jar.create(HOME, NONCE, now=0.0)
    jar.consume(cookie, now=EPOCH_SECONDS)
    for seconds in range(30, 120, 5):
        assert not jar.verify(HOME, NONCE, epoch, cookie, now=float(seconds))


def test_using_one_cookie_leaves_the_others_valid() -> None:
    jar = CookieJar(MASTER)
    _, used = jar.create(HOME, NONCE, now=0.0)
    epoch, cookie = jar.create(HOME, b"87654321", now=0.0)
    jar.consume(used, now=0.0)
    assert jar.verify(HOME, b"87654321", epoch, cookie, now=0.0)


def test_when_too_many_were_used_nothing_verifies_until_the_next_epoch() -> None:
    jar = CookieJar(MASTER, max_used=2)
    cookies = [jar.create(HOME, bytes([n]) * 8, now=0.0) for n in range(3)]
    for n in range(2):
        assert jar.verify(HOME, bytes([n]) * 8, *cookies[n], now=0.0)
        jar.consume(cookies[n][1], now=0.0)
    assert not jar.verify(HOME, bytes([2]) * 8, *cookies[2], now=EPOCH_SECONDS - 0.001)
    assert jar.verify(HOME, bytes([2]) * 8, *cookies[2], now=EPOCH_SECONDS)


def test_cookies_that_verified_before_the_set_was_full_are_good_only_once_too() -> None:
    jar = CookieJar(MASTER, max_used=1)
    cookies = [jar.create(HOME, bytes([n]) * 8, now=0.0) for n in range(2)]
    for _, cookie in cookies:
        jar.consume(cookie, now=0.0)
    for n, (epoch, cookie) in enumerate(cookies):
        assert not jar.verify(HOME, bytes([n]) * 8, epoch, cookie, now=EPOCH_SECONDS)


@given(steps=st.lists(st.tuples(st.floats(0.0, 70.0), st.integers(0, 5)), max_size=40), max_used=st.integers(1, 4))
def test_whatever_happens_no_cookie_opens_two_handshakes(steps: list[tuple[float, int]], max_used: int) -> None:
    jar = CookieJar(MASTER, max_used)
    now = 0.0
    made: dict[int, tuple[int, bytes]] = {}
    opened: set[bytes] = set()
    for seconds, client in steps:
        now += seconds
        nonce = bytes([client]) * 8
        epoch, cookie = made.setdefault(client, jar.create(HOME, nonce, now))
        if jar.verify(HOME, nonce, epoch, cookie, now):
            assert cookie not in opened
            opened.add(cookie)
            jar.consume(cookie, now)
        else:
            del made[client]
