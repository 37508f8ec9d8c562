"""Whom a conversation is with, and lists of members from honest and dishonest servers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import cast

from sockatuh.client.carrier import Carrier
from sockatuh.client.session import Conversation, ConversationOptions, Listing
from sockatuh.protocol import messages as m
from sockatuh.protocol.client import events as e
from sockatuh.protocol.client.bounds import MEMBERS_LISTED
from sockatuh.protocol.client.peer import Peer


def test_until_a_key_is_pinned_each_session_may_be_with_another_server() -> None:
    """Whoever answers first may close its session; what is pinned in the end is who has proved the password."""
    report: list[Callable[[e.PeerEvent], None]] = []

    def carry(peer: Peer, take: Callable[[e.PeerEvent], None]) -> Carrier:
        report.append(take)
        return cast(Carrier, peer)  # nothing is sent

    conversation = Conversation(ConversationOptions("kitchen-pi", 7625, bytes(32)), carry=carry)
    for room, key, longest in (("theirs", b"x" * 32, 1), ("kitchen", b"k" * 32, 16_384)):
        report[0](e.Connected(room, key, ("10.0.0.1", 7625), resumed=False, max_text=longest))
        assert (conversation.room, conversation.server_key, conversation.max_text) == (room, key, longest)


def pages(names: Iterator[Sequence[object]], *, at_most: int = 1_000_000) -> Listing:
    """Read pages as a client does, until the list ends."""
    listing = Listing()
    for number, page in enumerate(names):
        assert number < at_most, "there is no end to the pages"
        members = [m.MemberInfo(str(name), "", "secure", True, 1) for name in page]
        if listing.take(members, True) is None:
            break
    return listing


def test_a_list_ends_when_a_page_brings_nobody_new() -> None:
    forever = iter(lambda: ["ana", "budi"], None)
    assert [each.name for each in pages(forever, at_most=3).members] == ["ana", "budi"]
    assert not pages(iter(list, None), at_most=3).members


def test_a_list_ends_when_it_is_longer_than_any_room_is_large() -> None:
    endless = ([f"m{page}-{number}" for number in range(30)] for page in range(1_000_000))
    listing = pages(endless, at_most=MEMBERS_LISTED // 30 + 2)
    assert len(listing.members) == MEMBERS_LISTED


def test_an_honest_list_is_returned_in_full() -> None:
    listing = Listing()
    first = [m.MemberInfo(name, "", "secure", True, 1) for name in ("ana", "budi")]
    assert listing.take(first, True) == "budi"
    assert listing.take([m.MemberInfo("cem", "", "secure", True, 1)], False) is None
    assert [each.name for each in listing.members] == ["ana", "budi", "cem"]
