from __future__ import annotations

import asyncio

import pytest
from cli.wall import Chat
from hostile import TEXTS, forbidden_in

from sockatuh.client.items import Link
from sockatuh.protocol.identity import words
from sockatuh.wording import commands as wording


def shown(link: Link | None = None) -> dict[str, str]:
    """Return the facts that /net shows, by what they are about."""

    async def story() -> list[str]:
        chat = Chat()
        chat.session.link = link or chat.session.link
        chat.room.send("one")
        return await chat.type("/net")

    rows = asyncio.run(story())
    return dict(row.split(maxsplit=1) for row in rows)


def test_the_network_is_described() -> None:
    facts = shown()
    assert list(facts) == list(wording.NET_ROWS)
    assert facts["server"] == "kitchen  127.0.0.1:9"
    assert facts["address"] == "127.0.0.1:9"
    assert facts["key"] == " ".join(words(bytes(32)))
    assert facts["answers"] == "best 3 ms, last 4 ms"
    assert facts["datagrams"] == "9 sent, 1 of them again"
    assert facts["contact"] == "lost 2 times, 20 s in all"
    assert facts["lines"] == "1 without an answer"


def test_what_is_not_known_yet_is_no_number() -> None:
    facts = shown(Link("", bytes(32), None, None, 0, 0, 0, 0.0))
    assert (facts["address"], facts["answers"], facts["contact"]) == ("none", "best ?, last ?", "never lost")


@pytest.mark.parametrize(
    ("seconds", "span"), [(0.4, "0 s"), (99.4, "99 s"), (100, "2 min"), (5_940, "99 min"), (6_000, "2 h")]
)
def test_spans_are_rough(seconds: float, span: str) -> None:
    assert wording.span(seconds) == span


def test_a_rooms_name_is_shown_clean() -> None:
    async def story() -> None:
        chat = Chat()
        for text in TEXTS.values():
            chat.room.name = text
            for row in await chat.type("/net"):
                assert not forbidden_in(row.replace("\u200e", ""))

    asyncio.run(story())
