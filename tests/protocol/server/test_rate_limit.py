"""Token buckets, tables of them, and counters for strangers."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sockatuh.protocol.server.rate_limit import (
    PLACE_SHARE,
    BucketTable,
    KeysOfPlaces,
    SketchLimiter,
    TokenBucket,
    prefix_of,
)

SECRET = bytes(range(32))


def test_a_bucket_gives_its_burst_at_once_and_then_its_rate() -> None:
    bucket = TokenBucket(rate=2.0, burst=3.0)
    assert [bucket.take(1000.0) for _ in range(4)] == [True, True, True, False]
    assert [bucket.take(1000.5), bucket.take(1000.5)] == [True, False]


def test_a_bucket_never_holds_more_than_its_burst() -> None:
    bucket = TokenBucket(rate=100.0, burst=2.0)
    assert [bucket.take(1e6) for _ in range(3)] == [True, True, False]


def test_several_tokens_are_taken_together_or_not_at_all() -> None:
    bucket = TokenBucket(rate=1.0, burst=5.0)
    assert not bucket.take(0.0, tokens=6.0)
    assert bucket.take(0.0, tokens=5.0)
    assert not bucket.take(1.0, tokens=2.0)
    assert bucket.take(2.0, tokens=2.0)


def test_a_bucket_can_be_charged_more_than_it_holds() -> None:
    bucket = TokenBucket(rate=2.0, burst=4.0)
    assert bucket.take(0.0)
    bucket.charge(7.0)
    assert not bucket.take(2.4)
    assert bucket.delay(2.4) == pytest.approx(0.1)
    assert bucket.take(2.5)
    bucket.charge(-5.0)
    assert not bucket.take(2.5)


def test_a_bucket_says_how_long_the_delay_is() -> None:
    bucket = TokenBucket(rate=4.0, burst=1.0)
    assert bucket.delay(10.0) == 0.0
    bucket.take(10.0)
    assert bucket.delay(10.0) == pytest.approx(0.25)
    assert bucket.delay(10.2) == pytest.approx(0.05)
    assert bucket.delay(11.0) == 0.0


def test_a_clock_that_steps_back_gives_no_tokens() -> None:
    bucket = TokenBucket(rate=1.0, burst=1.0)
    assert bucket.take(100.0)
    assert not bucket.take(50.0)
    assert bucket.delay(50.0) == pytest.approx(1.0)
    assert not bucket.take(100.5)
    assert bucket.take(101.0)


@given(
    rate=st.floats(0.1, 500.0),
    burst=st.floats(1.0, 50.0),
    start=st.floats(0.0, 1e7),
    pauses=st.lists(st.floats(0.0, 3.0), max_size=40),
)
def test_a_bucket_passes_no_more_than_burst_and_rate_and_its_wait_is_enough(
    rate: float, burst: float, start: float, pauses: list[float]
) -> None:
    bucket = TokenBucket(rate, burst)
    now, passed = start, 0
    for pause in pauses:
        now += pause
        passed += bucket.take(now)
        assert passed <= burst + rate * (now - start) + 0.001
    assert bucket.take(now + bucket.delay(now))


def test_each_key_has_a_bucket_of_its_own() -> None:
    table = BucketTable(rate=1.0, burst=1.0, max_entries=10)
    assert table.take("ana", 0.0)
    assert not table.take("ana", 0.0)
    assert table.take("tom", 0.0)
    assert table.delay("ana", 0.0) == pytest.approx(1.0)
    assert table.take("ana", 1.0)


def test_asking_for_the_delay_makes_no_entry() -> None:
    table = BucketTable(rate=1.0, burst=1.0, max_entries=10)
    assert table.delay("nobody", 0.0) == 0.0
    assert len(table) == 0


def test_a_full_table_evicts_the_least_recently_used_key() -> None:
    table = BucketTable(rate=0.001, burst=1.0, max_entries=2)
    table.take("old", 0.0)
    table.take("busy", 1.0)
    table.take("old", 2.0)
    table.take("new", 3.0)
    assert len(table) == 2
    assert not table.take("old", 4.0)
    assert table.take("busy", 5.0)


@settings(max_examples=50, deadline=None)
@given(keys=st.lists(st.integers(0, 50), max_size=100), max_entries=st.integers(1, 8))
def test_a_table_never_grows_beyond_its_bound(keys: list[int], max_entries: int) -> None:
    table = BucketTable(rate=1.0, burst=1.0, max_entries=max_entries)
    for now, key in enumerate(keys):
        table.take(key, float(now))
        assert len(table) <= max_entries


def test_a_stranger_is_allowed_up_to_the_limit_and_no_further() -> None:
    limiter = SketchLimiter(SECRET, limit=10)
    assert [limiter.allow(b"net", 5000.0) for _ in range(12)] == [True] * 10 + [False] * 2


def test_one_network_does_not_silence_another() -> None:
    limiter = SketchLimiter(SECRET, limit=10)
    for _ in range(1000):
        limiter.allow(b"loud", 1.0)
    assert limiter.allow(b"quiet", 1.0)


def test_the_counters_are_halved_every_second() -> None:
    limiter = SketchLimiter(SECRET, limit=10)
    assert sum(limiter.allow(b"net", 100.0) for _ in range(40)) == 10
    assert not limiter.allow(b"net", 100.999)
    assert sum(limiter.allow(b"net", 101.0) for _ in range(40)) == 5
    assert sum(limiter.allow(b"net", 103.0) for _ in range(40)) == 8


def test_the_halving_keeps_step_with_the_clock_whenever_it_is_asked() -> None:
    limiter = SketchLimiter(SECRET, limit=10)
    for _ in range(40):
        limiter.allow(b"net", 100.0)
    assert sum(limiter.allow(b"net", 101.9) for _ in range(40)) == 5
    assert sum(limiter.allow(b"net", 102.0) for _ in range(40)) == 5


def test_a_flood_silences_nobody_for_longer_than_it_lasts_nor_wholly() -> None:
    limiter = SketchLimiter(SECRET, limit=10)
    for second in range(60):
        allowed = sum(limiter.allow(b"net", 100.0 + second) for _ in range(1000))
        assert allowed == (10 if second == 0 else 5)
    assert limiter.allow(b"net", 161.0)


def test_a_long_silence_forgets_everything() -> None:
    limiter = SketchLimiter(SECRET, limit=1)
    for _ in range(1000):
        limiter.allow(b"net", 1.0)
    assert limiter.allow(b"net", 1e9)


def test_which_networks_share_a_counter_depends_on_the_secret() -> None:
    def shared(secret: bytes) -> tuple[bool, ...]:
        limiter = SketchLimiter(secret, limit=1, size=4)
        return tuple(limiter.allow(bytes([n]), 0.0) for n in range(16))

    assert shared(SECRET) == shared(SECRET)
    assert len({shared(bytes([n]) * 32) for n in range(8)}) > 1
    assert sum(shared(SECRET)) <= 4


def test_ipv4_is_counted_by_24_bits_and_ipv6_by_64() -> None:
    mapped = bytes(10) + b"\xff\xff"
    assert prefix_of(mapped + bytes([10, 1, 2, 3]) + b"\x39\x1d") == mapped + bytes([10, 1, 2])
    assert prefix_of(bytes(range(16)) + b"\x39\x1d") == bytes(range(8))


def test_another_rate_holds_at_once_and_gives_nothing_for_what_was_taken() -> None:
    bucket = TokenBucket(rate=1.0, burst=10.0)
    assert bucket.take(1.0, tokens=9.0)
    bucket.replace_rate(4.0, 2.0)
    assert not bucket.take(1.0, tokens=2.0)
    assert bucket.delay(1.0, tokens=2.0) == pytest.approx(0.25)
    bucket.replace_rate(4.0, 1.0)
    assert not bucket.take(99.0, tokens=2.0)


def test_another_rate_holds_for_everybody_in_the_table_and_fewer_are_kept() -> None:
    table = BucketTable(rate=1.0, burst=1.0, max_entries=4)
    assert [table.take(key, 1.0) for key in "abcd"] == [True] * 4
    table.replace_rate(10.0, 1.0, 2)
    assert table.take("d", 1.1)
    assert table.take("e", 1.1)
    assert len(table) == 2


def test_another_limit_holds_for_all_strangers() -> None:
    sketch = SketchLimiter(SECRET, limit=1)
    assert [sketch.allow(b"net", 1.0) for _ in range(2)] == [True, False]
    sketch.replace_limit(9)
    assert sketch.allow(b"net", 1.0)


def test_a_place_has_twenty_keys_worth_whatever_the_number_of_its_keys() -> None:
    rates = KeysOfPlaces(1.0, 2.0, 1_000)
    assert sum(rates.take(f"key {number // 2}", "villain", 0.0) for number in range(100)) == 2 * PLACE_SHARE
    assert rates.delay("a new key", "villain", 0.0) == 1.0 / PLACE_SHARE
    assert rates.take("a new key", "elsewhere", 0.0)
    assert [rates.take("one key", "another place", 0.0) for _ in range(3)] == [True, True, False]
    assert rates.delay("one key", "a third place", 0.0) == 1.0, "a key has one rate wherever it is"


def test_keys_of_an_exhausted_place_evict_nobody() -> None:
    rates = KeysOfPlaces(1.0, 1.0, 3)
    assert rates.take("honest", "home", 0.0)
    for _ in range(PLACE_SHARE):
        assert rates.take("villain", "lair", 0.0) == (rates.delay("villain", "lair", 0.0) == 1.0)
        rates.charge("villain", "lair", 1.0)
    assert not any(rates.take(f"new key {number}", "lair", 0.0) for number in range(9))
    assert not rates.take("honest", "home", 0.0), "it is remembered"


def test_what_a_key_is_refused_costs_its_place_nothing() -> None:
    rates = KeysOfPlaces(1.0, 1.0, 1_000)
    assert [rates.take("hasty", "home", 0.0) for _ in range(2 * PLACE_SHARE)].count(True) == 1
    assert sum(rates.take(f"key {number}", "home", 0.0) for number in range(PLACE_SHARE)) == PLACE_SHARE - 1
