"""The orders in force: the book finds what a search through the whole log finds."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockatuh.room.entries import Banned, Body, Claimed, Message, Muted, Ordered, OrderEntry, Removed, Unbanned, Unmuted
from sockatuh.room.moments import rfc3339
from sockatuh.room.order_book import InForce, OrderBook
from sockatuh.room.targets import OrderKind, Target, Who, address_of, find_network, find_prefix

START = 1_700_000_000_000
KNOWN_AT = 5
"""The key `k0` used a name before the entry with this seq, and no other key did."""
KINDS: tuple[OrderKind, ...] = ("kick", "ban", "mute")
OWNERS = ["", "k0", "k1", "k2"]
NAMES = ["ana", "budi@10.0.0.1", "x:y"]
HOSTS = [
    "10.0.0.1", "::ffff:10.0.0.1", "10.0.0.2", "10.1.0.1", "::1", "2001:db8::1", "2001:db8:0:1::2", "fe80::1%eth0",
    "nohost",
]  # fmt: skip
NETWORKS = ["10.0.0.1", "10.0.0.0/31", "10.0.0.0/8", "128.0.0.0/1", "2001:db8::/64", "2001:db8::/32", "::/1", "fe80::1"]

targets = st.one_of(
    st.builds(Target, owner=st.sampled_from(OWNERS[1:])),
    st.builds(Target, address=st.sampled_from(NETWORKS)),
    st.builds(Target, name_key=st.sampled_from(NAMES)),
    st.builds(Target, address=st.sampled_from(["10.0.0.1", "2001:db8::1"]), name_key=st.sampled_from(NAMES)),
)
spans = st.sampled_from([None, 0, 1, 5, 50])
PEOPLE = [Who(owner, host, name) for owner in OWNERS[:3] for host in HOSTS for name in NAMES[:2]]


@dataclass(frozen=True)
class Entry:
    seq: int
    at: int
    body: Body
    key: str


def knew(owner: str, seq: int) -> bool:
    return owner == "k0" and seq > KNOWN_AT


@st.composite
def logs(draw: st.DrawFn) -> list[Entry]:
    """Draw entries of orders, and of people who come and go between."""
    entries = []
    for seq in range(1, draw(st.integers(0, 20)) + 1):
        target, kind = draw(targets), draw(st.sampled_from(KINDS))
        end = None if (span := draw(spans)) is None else rfc3339(START + seq + span)
        about = "seen as", target.owner, target.address, 0, "tom", ""
        bodies: dict[OrderKind, list[OrderEntry]] = {
            "kick": [Removed(*about, end or rfc3339(START)), Unbanned(*about, 1)],
            "ban": [Banned(*about, end, draw(st.booleans())), Unbanned(*about, 1)],
            "mute": [Muted(*about, end), Unmuted(*about, 1)],
        }
        body = draw(st.sampled_from([bodies[kind][0], bodies[kind][0], bodies[kind][1]]))
        entries.append(Entry(seq, START + seq, body, target.log_key(kind)))
    return entries


def fold(entries: Sequence[Entry]) -> OrderBook:
    book = OrderBook()
    for entry in entries:
        book.apply(entry.seq, entry.at, entry.body, entry.key)
    return book


def last_of_each_key(entries: Sequence[Entry]) -> list[Entry]:
    return sorted({entry.key: entry for entry in entries}.values(), key=lambda entry: entry.seq)


# The naive model: the whole log, searched from its end.


def in_force(entries: Sequence[Entry], at: int) -> list[Entry]:
    return [
        entry
        for entry in last_of_each_key(entries)
        if isinstance(entry.body, Removed | Banned | Muted)
        and (entry.body.until is None or rfc3339(at) < entry.body.until)
    ]


def is_at(host: str, network: str) -> bool:
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address) in ipaddress.ip_network(network)


def is_about(entry: Entry, who: Who) -> bool:
    body = entry.body
    assert isinstance(body, Ordered)
    name = entry.key.split(":", 2)[2]
    if body.owner:
        return who.owner == body.owner
    if not body.address:
        return who.name_key == name
    if ":classic:" in entry.key:
        return who.owner == "" and name == f"{who.name_key}@{body.address}" and is_at(who.host, body.address)
    if not is_at(who.host, body.address):
        return False
    return not (isinstance(body, Banned) and body.strangers and who.owner and knew(who.owner, entry.seq))


def ids(orders: Sequence[InForce]) -> list[int]:
    return [order.id for order in orders]


@given(logs(), st.integers(0, 25))
def test_the_book_finds_what_a_search_of_the_log_finds(entries: list[Entry], after: int) -> None:
    at = START + after
    book = fold(entries)
    expected = in_force(entries, at)
    assert ids(book.in_force(at)) == [entry.seq for entry in expected]
    assert book.count(at) == len(expected)
    for who in PEOPLE:
        about = [entry for entry in expected if is_about(entry, who)]
        bans, kicks = of(about, "ban", "key", "address"), of(about, "kick", "key", "classic")
        bar = book.find_bar(who, at, knew)
        assert (0 if bar is None else bar.id) in (bans or kicks or [0])
        reserved = book.find_reserved(who.name_key, at)
        assert [0 if reserved is None else reserved.id] == (of(about, "ban", "name") or [0])
        mute = book.find_mute(who, at)
        assert (0 if mute is None else mute.id) in (of(about, "mute", "key", "classic", "name") or [0])


def of(entries: Sequence[Entry], kind: str, *forms: str) -> list[int]:
    """Return the seqs of the orders of a kind whose targets have one of these forms."""
    return [entry.seq for entry in entries if entry.key.startswith(tuple(f"\1{kind}:{form}:" for form in forms))]


@given(logs(), st.integers(-1, 60))
def test_the_last_entry_of_each_key_makes_the_same_book(entries: list[Entry], after: int) -> None:
    whole, last = fold(entries), fold(last_of_each_key(entries))
    at = START + after
    assert ids(whole.in_force(at)) == ids(last.in_force(at))
    for each in whole.in_force(at):
        same = last.find(each.log_key, at)
        assert same is not None
        assert (same.id, same.target, same.until, same.body) == (each.id, each.target, each.until, each.body)


@given(logs(), st.integers(-1, 60))
def test_forgetting_what_has_ended_changes_no_answer(entries: list[Entry], after: int) -> None:
    book, swept = fold(entries), fold(entries)
    at = START + after
    swept.forget_ended(at)
    assert len(swept) == book.count(at)
    assert ids(swept.in_force(at)) == ids(book.in_force(at))
    for who in PEOPLE:
        found, kept = book.find_bar(who, at, knew), swept.find_bar(who, at, knew)
        assert (found and found.id) == (kept and kept.id)


@given(targets, st.sampled_from(KINDS))
def test_a_target_is_read_from_its_key_in_the_log(target: Target, kind: OrderKind) -> None:
    assert Target.find(target.log_key(kind)) == (kind, target)


@given(st.text(max_size=40))
def test_no_other_key_is_taken_for_an_orders(key: str) -> None:
    if not key.startswith("\1"):
        assert Target.find(key) is None
    book = OrderBook()
    book.apply(1, START, Banned("", "", "10.0.0.1", 0, "", "", None), "\1" + key)
    for order in book:
        assert order.target.log_key(order.kind) == order.log_key


def test_lines_and_joins_are_no_orders() -> None:
    book = OrderBook()
    assert book.apply(1, START, Message("ana", "k1", "hello", action=False), None) is None
    assert book.apply(2, START, Claimed("ana", "k1"), "ana") is None
    assert len(book) == 0


def test_a_ban_holds_until_its_last_millisecond() -> None:
    book = OrderBook()
    ban = Banned("", "k1", "", 0, "tom", "", rfc3339(START + 1000))
    book.apply(1, START, ban, Target(owner="k1").log_key("ban"))
    who = Who("k1", "10.0.0.1", "ana")
    order = book.find_bar(who, START + 999, knew)
    assert order is not None
    assert order.seconds_left(START) == 1.0
    assert order.seconds_left(START + 5000) == 0.001, "0 would say: for ever"
    assert book.find_bar(who, START + 1000, knew) is None


@pytest.mark.parametrize("until", ["tomorrow", "2026-11-29T10:07:00", "", "99999999999-01-01T00:00:00Z"])
def test_an_end_that_cannot_be_read_is_none(until: str) -> None:
    book = OrderBook()
    key = Target(owner="k1").log_key("ban")
    book.apply(1, START, Banned("", "k1", "", 0, "tom", "", until), key)
    order = book.find(key, START + 10**15)
    assert order is not None
    assert order.seconds_left(START) == 0.0


def test_addresses_that_this_program_does_not_write_are_listed_and_lifted() -> None:
    book = OrderBook()
    strange = ["10.0.0.7/32", "10.0.0.7/8", "300.1.1.1", "::ffff:10.0.0.7", "10.0.0.7", "10.0.0.0/33", "1.2.3.4/x"]
    for seq, address in enumerate(strange, 1):
        book.apply(seq, START, Banned("", "", address, 0, "", "", None), Target(address=address).log_key("ban"))
    assert len(book.in_force(START)) == len(strange)
    who = Who("k1", "10.0.0.7", "ana")
    assert book.find_bar(who, START, knew) is not None
    for order in list(book):
        book.drop(order.log_key)
    assert len(book) == 0
    assert book.find_bar(who, START, knew) is None


@pytest.mark.parametrize(("address", "prefix"), [
    ("10.0.0.5", (4, 0, 0x0A000005)), ("10.0.0.0/8", (4, 24, 10)), ("2001:db8::/32", (6, 96, 0x20010DB8)),
    ("::/0", (6, 128, 0)), ("ana", None), ("10.0.0.0/33", None), ("10.0.0.0/", None), ("::1/129", None),
])  # fmt: skip
def test_a_network_is_a_prefix(address: str, prefix: tuple[int, int, int] | None) -> None:
    assert find_prefix(address) == prefix


@pytest.mark.parametrize(("text", "address"), [
    ("10.0.0.5", "10.0.0.5"), ("10.0.0.5/8", "10.0.0.0/8"), ("10.0.0.5/32", "10.0.0.5"),
    ("::ffff:10.0.0.5", "10.0.0.5"), ("::ffff:10.0.0.5/104", "10.0.0.0/8"), ("::ffff:0:0/96", "0.0.0.0/0"),
    ("2001:DB8::5/64", "2001:db8::/64"), ("fe80::1%eth0", "fe80::1"), ("::/0", "::/0"),
])  # fmt: skip
def test_a_network_has_one_way_to_be_written(text: str, address: str) -> None:
    network = find_network(text)
    assert network is not None
    assert address_of(network) == address


@pytest.mark.parametrize("text", [
    "", "budi", "10", "10.0.0", "10.0.0.0/33", "10.0.0.0/-1", "1.2.3.4/", "/8", "::1/129", "9" * 5000,
])  # fmt: skip
def test_other_texts_are_no_networks(text: str) -> None:
    assert find_network(text) is None
