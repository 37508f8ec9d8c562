"""What one tab is sent: each entry once, in order, and not more than it takes."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from sockatuh.testing import run
from sockatuh.web.feed import MOST_WAITING, PING, PING_EVERY, Feed, Place, encode
from sockatuh.web.speech import speech_of

LOG = "5f3a9c01"


def test_an_event_is_one_line_whatever_is_in_its_text() -> None:
    data = encode({"text": "a\nid: 9\r\n\u2028\u0085b"}, Place(7, LOG))
    assert data.splitlines()[:1] == [b"id: 7-5f3a9c01"]
    assert data.isascii()
    assert data.count(b"\n") == 3


@given(st.text())
def test_any_id_is_read(text: str) -> None:
    place = Place.parse_untrusted(text)
    assert place is None or str(place) == text.strip().lstrip("0") or place.seq == 0 or text.strip().startswith("0")


def test_entries_that_were_sent_at_the_beginning_are_not_sent_again() -> None:
    async def story() -> None:
        feed = Feed(speech_of("en"))
        for seq in (5, 6, 7):
            feed.put({"seq": seq}, Place(seq, LOG))
        feed.position = 6
        assert await feed.next() == encode({"seq": 7}, Place(7, LOG))
        feed.put({"type": "notice"}, resets=True)
        feed.put({"seq": 2}, Place(2, LOG))
        assert await feed.next() == encode({"type": "notice"})
        assert await feed.next() == encode({"seq": 2}, Place(2, LOG))

    run(story())


def test_a_quiet_stream_sends_a_ping() -> None:
    async def story() -> None:
        feed, began = Feed(speech_of("en")), asyncio.get_running_loop().time()
        assert await feed.next() == PING
        assert asyncio.get_running_loop().time() - began >= PING_EVERY

    run(story())


def test_a_reader_that_takes_nothing_is_cut_off() -> None:
    async def story() -> None:
        feed = Feed(speech_of("en"))
        for seq in range(1, MOST_WAITING // 1_000 + 2):
            feed.put({"text": "x" * 1_000}, Place(seq, LOG))
        assert feed.is_cut
        assert await feed.next() is None
        feed.put({"type": "here"})
        assert await feed.next() is None

    run(story())


def test_what_waits_is_sent_before_the_end() -> None:
    async def story() -> None:
        feed = Feed(speech_of("en"))
        feed.put({"type": "ended"})
        feed.end()
        assert await feed.next() == encode({"type": "ended"})
        assert await feed.next() is None

    run(story())
